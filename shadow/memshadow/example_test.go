package memshadow_test

import (
	"context"
	"fmt"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/shadow/memshadow"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

func ExampleNew() {
	store := memtenant.New(tenant.RandomCursorKeys())
	records := memtenant.NewRepository(store, &memshadow.RecordSchema)
	bus := memdevice.NewBus()
	shadows := memshadow.New(records, bus, func(o *memshadow.Options) {
		o.Now = func() time.Time { return time.Unix(1_800_000_000, 0) }
	})

	ctx := context.Background()
	id, lamp := tenant.MustParseID("acme"), device.MustParseID("lamp-1")
	cancel, err := bus.Subscribe(ctx, id, device.Filter{Operation: "update/delta"}, func(m device.Message) {
		fmt.Printf("%s\n%s\n", m.Topic, m.Payload)
	})
	if err != nil {
		panic(err)
	}
	defer cancel()

	accepted, err := shadows.Update(ctx, id, lamp, shadow.Name{}, []byte(`{"state":{"desired":{"on":true}}}`))
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", accepted)
	// Output:
	// $aws/things/acme:lamp-1/shadow/update/delta
	// {"version":1,"timestamp":1800000000,"state":{"on":true},"metadata":{"on":{"timestamp":1800000000}}}
	// {"state":{"desired":{"on":true}},"metadata":{"desired":{"on":{"timestamp":1800000000}}},"version":1,"timestamp":1800000000}
}
