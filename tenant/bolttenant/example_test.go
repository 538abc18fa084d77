package bolttenant_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
)

func ExampleOpen() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)

	secret := []byte("0123456789abcdef0123456789abcdef") // keep it where secrets are kept
	cursorKeys, err := tenant.NewCursorKeys(secret)
	if err != nil {
		log.Fatal(err)
	}
	store, err := bolttenant.Open(filepath.Join(folder, "iotenant.db"), cursorKeys)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	_, err = bolttenant.Open(filepath.Join(folder, "none", "iotenant.db"), cursorKeys)
	fmt.Println(err != nil)
	// Output: true
}

func ExampleNewRepository() {
	type Pump struct{ Name, Hall string }
	schema := tenant.Schema[Pump]{
		Entity: "pump",
		Key:    func(p *Pump) tenant.Key { return tenant.NewKey(p.Name) },
	}
	ctx, acme := context.Background(), tenant.MustParseID("acme")
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)

	store, err := bolttenant.Open(filepath.Join(folder, "iotenant.db"), tenant.RandomCursorKeys())
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	pumps := bolttenant.NewRepository(store, &schema)
	if _, err := pumps.Put(ctx, acme, Pump{Name: "p-1", Hall: "north"}, tenant.IfAbsent()); err != nil {
		log.Fatal(err)
	}
	item, err := pumps.Get(ctx, acme, tenant.NewKey("p-1"))
	fmt.Println(item.Value.Hall, err)
	// Output: north <nil>
}
