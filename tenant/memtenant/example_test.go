package memtenant_test

import (
	"context"
	"fmt"
	"log"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

func ExampleNewRepository() {
	type Pump struct{ Name, Hall string }
	schema := tenant.Schema[Pump]{
		Entity: "pump",
		Key:    func(p *Pump) tenant.Key { return tenant.NewKey(p.Name) },
	}
	ctx, acme := context.Background(), tenant.MustParseID("acme")

	store := memtenant.New(tenant.RandomCursorKeys())
	pumps := memtenant.NewRepository(store, &schema)
	if _, err := pumps.Put(ctx, acme, Pump{Name: "p-1", Hall: "north"}, tenant.IfAbsent()); err != nil {
		log.Fatal(err)
	}
	item, err := pumps.Get(ctx, acme, tenant.NewKey("p-1"))
	fmt.Println(item.Value.Hall, err)
	// Output: north <nil>
}

func ExampleNew() {
	store := memtenant.New(tenant.RandomCursorKeys())
	removed, err := store.Sweep(context.Background())
	fmt.Println(removed, err)
	// Output: 0 <nil>
}
