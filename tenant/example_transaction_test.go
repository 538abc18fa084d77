package tenant_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

func ExampleBatchError() {
	ctx, pumps, acme := context.Background(), newPumps(), tenant.MustParseID("acme")
	imported := []Pump{{Name: "p-1", Hall: "north"}, {Name: "", Hall: "north"}, {Name: "p-3", Hall: "south"}}
	writes := []tenant.Write[Pump]{tenant.DeleteWrite[Pump](tenant.NewKey("p-0"))}
	for _, pump := range imported {
		writes = append(writes, tenant.PutWrite(pump))
	}
	_, err := pumps.BatchWrite(ctx, acme, writes)
	if partial, ok := errors.AsType[*tenant.BatchError](err); ok {
		for i, err := range partial.Errs {
			fmt.Println(i, err)
		}
	}
	items, err := pumps.BatchGet(ctx, acme, []tenant.Key{tenant.NewKey("p-3"), tenant.NewKey("p-2")})
	fmt.Println(items[0].Value.Hall, items[1].Version, err)
	// Output:
	// 0 <nil>
	// 1 <nil>
	// 2 pump: tenant: invalid key: part 1 is empty
	// 3 <nil>
	// south 0 <nil>
}

// Hall is another entity beside pumps.
type Hall struct {
	Name  string
	Pumps int
}

var HallSchema = tenant.Schema[Hall]{
	Entity: "hall",
	Key:    func(h *Hall) tenant.Key { return tenant.NewKey(h.Name) },
}

func ExampleTransactor() {
	ctx, acme := context.Background(), tenant.MustParseID("acme")
	store := memtenant.New(tenant.RandomCursorKeys())
	install := func(pump Pump, hall Hall) error {
		_, err := store.Transact(ctx, acme,
			tenant.PutOp(&HallSchema, hall, tenant.Always()),
			tenant.PutOp(&PumpSchema, pump, tenant.IfAbsent()),
		)
		return err
	}
	fmt.Println(install(Pump{Name: "p-1", Hall: "north"}, Hall{Name: "north", Pumps: 1}))
	fmt.Println(install(Pump{Name: "p-1", Hall: "south"}, Hall{Name: "south", Pumps: 1}))
	_, err := memtenant.NewRepository(store, &HallSchema).Get(ctx, acme, tenant.NewKey("south"))
	fmt.Println(err)
	// Output:
	// <nil>
	// tenant: transaction: 1 of 2 operations failed, number 1 first: tenant: item already exists: pump
	// tenant: item not found: hall
}

func ExampleTransactRetry() {
	ctx, acme := context.Background(), tenant.MustParseID("acme")
	store := memtenant.New(tenant.RandomCursorKeys())
	pumps, halls := memtenant.NewRepository(store, &PumpSchema), memtenant.NewRepository(store, &HallSchema)
	if _, err := halls.Put(ctx, acme, Hall{Name: "north"}, tenant.IfAbsent()); err != nil {
		log.Fatal(err)
	}
	install := func(pump Pump) error {
		_, err := tenant.TransactRetry(ctx, store, acme, func(ctx context.Context) ([]tenant.Op, error) {
			hall, err := halls.Get(ctx, acme, tenant.NewKey(pump.Hall), tenant.Consistent)
			if err != nil {
				return nil, err
			}
			if hall.Value.Pumps == 1 {
				return nil, errors.New("the hall is full")
			}
			hall.Value.Pumps++
			return []tenant.Op{
				tenant.PutOp(&HallSchema, hall.Value, tenant.IfVersion(hall.Version)),
				tenant.PutOp(&PumpSchema, pump, tenant.IfAbsent()),
			}, nil
		})
		return err
	}
	fmt.Println(install(Pump{Name: "p-1", Hall: "north"}))
	fmt.Println(install(Pump{Name: "p-2", Hall: "north"}))
	_, err := pumps.Get(ctx, acme, tenant.NewKey("p-2"))
	fmt.Println(err)
	// Output:
	// <nil>
	// the hall is full
	// tenant: item not found: pump
}
