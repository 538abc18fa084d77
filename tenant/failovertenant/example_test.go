package failovertenant_test

import (
	"context"
	"fmt"
	"log"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/failovertenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

func ExampleNew() {
	ctx, acme := context.Background(), tenant.MustParseID("acme")
	type Pump struct{ Name, Hall string }
	schema := tenant.Schema[Pump]{
		Entity: "pump",
		Key:    func(p *Pump) tenant.Key { return tenant.NewKey(p.Name) },
	}

	cursors := tenant.RandomCursorKeys() // the same in all Regions
	var regions []failovertenant.Region
	items := map[string]tenant.Repository[Pump]{}
	for _, name := range []string{"eu-west-1", "eu-central-1"} {
		local := memtenant.New(cursors) // on AWS the table's replica in the Region
		regions = append(regions, failovertenant.Region{
			Name: name, Transactor: local, Homes: memtenant.NewRepository(local, &failovertenant.HomeSchema),
		})
		items[name] = memtenant.NewRepository(local, &schema)
	}
	store := failovertenant.New(regions)
	pumps := failovertenant.NewRepository(store, &schema, items)

	if _, err := pumps.Put(ctx, acme, Pump{Name: "p-1", Hall: "north"}, tenant.IfAbsent()); err != nil {
		log.Fatal(err)
	}
	if _, err := store.Drain(ctx, acme); err != nil {
		log.Fatal(err)
	}
	_, err := pumps.Put(ctx, acme, Pump{Name: "p-2", Hall: "north"}, tenant.IfAbsent())
	fmt.Println(err)
	// Now wait until everything has arrived in eu-central-1.
	moved, err := store.Move(ctx, acme, "eu-central-1")
	fmt.Println(moved.Home.Region, moved.Home.Epoch, err)
	_, err = pumps.Put(ctx, acme, Pump{Name: "p-2", Hall: "north"}, tenant.IfAbsent())
	fmt.Println(err)
	// Output:
	// failovertenant: the tenant is being moved: conflict
	// eu-central-1 2 <nil>
	// <nil>
}
