package mqttdevice_test

import (
	"context"
	"fmt"
	"time"

	paho3 "github.com/eclipse/paho.mqtt.golang"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/mqttdevice"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

func Example() {
	ctx, stop := context.WithCancel(context.Background())
	store := memtenant.New(tenant.RandomCursorKeys())
	directory := tenant.NewDirectory(memtenant.NewRepository(store, &tenant.TenantSchema))
	registry := device.NewRegistry(
		memtenant.NewRepository(store, &device.ThingSchema),
		memtenant.NewRepository(store, &device.CredentialSchema),
		memtenant.NewRepository(store, &device.PresenceSchema),
	)

	// A tenant with a thing.
	acme, pump := tenant.MustParseID("acme"), device.MustParseID("pump-1")
	_, err := directory.Create(ctx, acme, "Acme Ltd")
	check(err)
	_, err = registry.Create(ctx, acme, device.Thing{ID: pump})
	check(err)
	_, password, err := registry.AddPassword(ctx, acme, pump)
	check(err)

	// A broker that prints what it receives.
	receiver := device.ReceiverFunc(func(_ context.Context, id tenant.ID, m device.Message) error {
		fmt.Println(id, m.Topic.Thing, string(m.Payload))
		return nil
	})
	broker := mqttdevice.New(registry, directory, receiver, func(o *mqttdevice.Options) {
		o.Address = "127.0.0.1:0"
		o.Presence = registry
	})
	defer directory.OnSuspend(broker.DisconnectTenant)()
	check(broker.Listen())
	done := make(chan error)
	go func() { done <- broker.Run(ctx) }()

	// A device.
	name := device.ThingName(acme, pump)
	client := paho3.NewClient(paho3.NewClientOptions().AddBroker("tcp://" + broker.Addresses().TCP).
		SetClientID(name).SetUsername(name).SetPassword(password))
	await(client.Connect())
	await(client.Publish(device.TelemetryTopic(acme, pump, "").String(), 1, false, `{"temperature":21.5}`))
	client.Disconnect(100)

	stop()
	fmt.Println(<-done, broker.Stats().Received)
	// Output:
	// acme pump-1 {"temperature":21.5}
	// <nil> 1
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func await(token paho3.Token) {
	if !token.WaitTimeout(10 * time.Second) {
		panic("no answer")
	}
	check(token.Error())
}
