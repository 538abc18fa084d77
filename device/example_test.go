package device_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

func ExampleNewRegistry() {
	ctx := context.Background()
	store := memtenant.New(tenant.RandomCursorKeys())
	registry := device.NewRegistry(
		memtenant.NewRepository(store, &device.ThingSchema),
		memtenant.NewRepository(store, &device.CredentialSchema),
		memtenant.NewRepository(store, &device.PresenceSchema),
	)
	acme, pump := tenant.MustParseID("acme"), device.MustParseID("pump-1")
	item, err := registry.Create(ctx, acme, device.Thing{
		ID:         pump,
		Type:       "pump",
		Attributes: map[string]string{"site": "north"},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(item.Value.ID, item.Value.Type, device.ThingName(acme, pump))

	_, password, err := registry.AddPassword(ctx, acme, pump)
	if err != nil {
		panic(err)
	}
	_, err = registry.Authenticate(ctx, acme, pump, device.Proof{Password: password})
	fmt.Println(err)
	_, err = registry.Authenticate(ctx, acme, pump, device.Proof{Password: "guess"})
	fmt.Println(errors.Is(err, iotenant.ErrDenied))
	_, err = registry.Get(ctx, tenant.MustParseID("globex"), pump)
	fmt.Println(errors.Is(err, iotenant.ErrNotFound))
	// Output:
	// pump-1 pump acme:pump-1
	// <nil>
	// true
	// true
}

func ExampleParseTopic() {
	topic, err := device.ParseTopic("$aws/things/acme:pump-1/shadow/name/config/update")
	fmt.Println(topic.Tenant, topic.Thing, topic.Shadow, topic.Operation, err)
	fmt.Println(device.TelemetryTopic(topic.Tenant, topic.Thing, "fast"))
	// Output:
	// acme pump-1 config update <nil>
	// t/acme/d/pump-1/telemetry/fast
}
