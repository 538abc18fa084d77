package tenant_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// Pump is what the examples keep.
type Pump struct {
	Name  string
	Hall  string
	Hours int
}

// PumpSchema is declared once, beside the type.
var PumpSchema = tenant.Schema[Pump]{
	Entity:  "pump",
	Key:     func(p *Pump) tenant.Key { return tenant.NewKey(p.Name) },
	Indexes: []tenant.Index[Pump]{{Name: "hall", Key: func(p *Pump) tenant.Key { return tenant.NewKey(p.Hall, p.Name) }}},
}

func newPumps() tenant.Repository[Pump] {
	return memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &PumpSchema)
}

func Example() {
	ctx, pumps := context.Background(), newPumps()
	acme, zeta := tenant.MustParseID("acme"), tenant.MustParseID("zeta")

	version, err := pumps.Put(ctx, acme, Pump{Name: "p-1", Hall: "north"}, tenant.IfAbsent())
	if err != nil {
		log.Fatal(err)
	}
	_, err = pumps.Put(ctx, acme, Pump{Name: "p-1", Hall: "south"}, tenant.IfVersion(version))
	fmt.Println("replaced what was read:", err)
	_, err = pumps.Put(ctx, acme, Pump{Name: "p-1", Hall: "west"}, tenant.IfVersion(version))
	fmt.Println("again:", err)
	_, err = pumps.Get(ctx, zeta, tenant.NewKey("p-1"))
	fmt.Println("another tenant:", err)
	// Output:
	// replaced what was read: <nil>
	// again: tenant: version conflict: pump
	// another tenant: tenant: item not found: pump
}

func ExampleParseID() {
	_, err := tenant.ParseID("Acme Ltd")
	fmt.Println(err)
	fmt.Println(errors.Is(err, tenant.ErrID))
	// Output:
	// tenant: invalid tenant id: byte 0 is not one of a-z, 0-9, '-'
	// true
}

func ExampleUpdate() {
	ctx, pumps, acme := context.Background(), newPumps(), tenant.MustParseID("acme")
	if _, err := pumps.Put(ctx, acme, Pump{Name: "p-1", Hall: "north"}, tenant.IfAbsent()); err != nil {
		log.Fatal(err)
	}
	item, err := tenant.Update(ctx, pumps, acme, tenant.NewKey("p-1"), func(p *Pump) error {
		p.Hours++
		return nil
	})
	fmt.Println(item.Value.Hours, err)
	// Output: 1 <nil>
}

func ExampleAll() {
	ctx, pumps, acme := context.Background(), newPumps(), tenant.MustParseID("acme")
	for _, pump := range []Pump{{Name: "p-1", Hall: "north"}, {Name: "p-2", Hall: "south"}, {Name: "p-3", Hall: "north"}} {
		if _, err := pumps.Put(ctx, acme, pump, tenant.IfAbsent()); err != nil {
			log.Fatal(err)
		}
	}
	for item, err := range tenant.All(ctx, pumps, acme, tenant.Query{Index: "hall", Prefix: tenant.NewKey("north")}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(item.Value.Name)
	}
	// Output:
	// p-1
	// p-3
}

func ExampleNewCursorKeys() {
	// One secret for all processes that serve the same clients, from where
	// the system keeps its secrets.
	secret := []byte("0123456789abcdef0123456789abcdef")
	keys, err := tenant.NewCursorKeys(secret)
	fmt.Println(keys.Check(), err)
	_, err = tenant.NewCursorKeys(secret[:16])
	fmt.Println(err)
	// Output:
	// <nil> <nil>
	// tenant: invalid cursor key 1: 16 bytes, want at least 32
}

func ExampleNewDirectory() {
	ctx, acme := context.Background(), tenant.MustParseID("acme")
	store := memtenant.New(tenant.RandomCursorKeys())
	directory := tenant.NewDirectory(memtenant.NewRepository(store, &tenant.TenantSchema))
	directory.OnSuspend(func(id tenant.ID) { fmt.Println("end the sessions of", id) })

	fmt.Println(directory.Admit(ctx, acme))
	if _, err := directory.Create(ctx, acme, "Acme Ltd"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(directory.Admit(ctx, acme))
	if _, err := directory.Suspend(ctx, acme, "unpaid"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(directory.Admit(ctx, acme))
	// Output:
	// tenant: unknown tenant: denied
	// <nil>
	// end the sessions of acme
	// tenant: tenant suspended: denied
}

func ExampleNewQuotaRepository() {
	ctx, acme := context.Background(), tenant.MustParseID("acme")
	store := memtenant.New(tenant.RandomCursorKeys())
	directory := tenant.NewDirectory(memtenant.NewRepository(store, &tenant.TenantSchema), func(o *tenant.DirectoryOptions) {
		o.Plans = memtenant.NewRepository(store, &tenant.PlanSchema)
	})
	if err := directory.PutPlan(ctx, tenant.Plan{Name: "basic", Quotas: map[string]int64{"pump": 2}}); err != nil {
		log.Fatal(err)
	}
	if _, err := directory.Create(ctx, acme, "Acme Ltd", tenant.OnPlan("basic")); err != nil {
		log.Fatal(err)
	}

	quotas := tenant.NewQuotas(store, memtenant.NewRepository(store, &tenant.UsageSchema), directory)
	var pumps tenant.Repository[Pump] = tenant.NewQuotaRepository(quotas, memtenant.NewRepository(store, &PumpSchema), &PumpSchema)
	for _, name := range []string{"p-1", "p-2", "p-3"} {
		_, err := pumps.Put(ctx, acme, Pump{Name: name, Hall: "north"}, tenant.IfAbsent())
		fmt.Println(name, err)
	}
	// Output:
	// p-1 <nil>
	// p-2 <nil>
	// p-3 tenant: quota exceeded: denied: pump: 2 of 2
}
