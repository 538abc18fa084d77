package memdevice_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/devicetest"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/tenant"
)

func TestBus(t *testing.T) {
	t.Parallel()
	devicetest.TestBus(t, func(*testing.T) device.Bus { return memdevice.NewBus() })
}

func ExampleNewBus() {
	bus := memdevice.NewBus()
	acme, pump := tenant.MustParseID("acme"), device.MustParseID("pump-1")

	cancel, err := bus.Subscribe(context.Background(), acme, device.Filter{Class: device.ClassTelemetry}, func(m device.Message) {
		fmt.Println(m.Topic, string(m.Payload), m.ID)
	})
	if err != nil {
		panic(err)
	}
	defer cancel()

	err = bus.Publish(context.Background(), acme, device.Message{
		Topic:   device.TelemetryTopic(acme, pump, ""),
		Payload: []byte(`{"temperature":21.5,"messageId":"m-1"}`),
	})
	fmt.Println(err)
	// Output:
	// t/acme/d/pump-1/telemetry {"temperature":21.5,"messageId":"m-1"} m-1
	// <nil>
}
