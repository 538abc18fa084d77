package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sync/errgroup"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/examples/internal/fleet"
	"github.com/iotenant/iotenant/tenant"
)

// fleetThing names the device with this number in the simulated fleet. Even
// numbers are north's, odd ones south's.
func fleetThing(number int) device.ID {
	return device.MustParseID("compressor-" + strconv.Itoa(number/2+1))
}

func fleetTenant(number int) tenant.ID {
	if number%2 == 0 {
		return north
	}
	return south
}

// simulation is a fleet of simulated devices, each with an MQTT connection of
// its own.
type simulation struct {
	devices  int
	seed     uint64
	interval time.Duration
}

// prepare makes the devices of the fleet.
func (f *simulation) prepare(ctx context.Context, s *system) error {
	for number := range f.devices {
		if err := s.ensureDevice(ctx, fleetTenant(number), fleetThing(number), "compressor"); err != nil {
			return err
		}
	}
	return nil
}

func (f *simulation) run(ctx context.Context, s *system) error {
	group, ctx := errgroup.WithContext(ctx)
	for number := range f.devices {
		group.Go(func() error { return f.runDevice(ctx, s, number) })
	}
	return group.Wait()
}

func (f *simulation) runDevice(ctx context.Context, s *system, number int) error {
	d := newSimulatedDevice(fleetTenant(number), fleetThing(number))
	client := d.connect("tcp://"+s.broker.Addresses().TCP, s.secrets.Passwords[d.name])
	defer client.Disconnect(250)
	machine := fleet.NewMachine(f.seed, uint64(number), time.Now())
	// The devices don't all report at the same moment.
	ticker := time.NewTimer(f.interval * time.Duration(number) / time.Duration(f.devices))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			ticker.Reset(f.interval)
			d.report(client, machine.Read(time.Now().UTC().Truncate(time.Millisecond)))
		}
	}
}

// simulatedDevice reports readings, and makes true what its shadow desires.
type simulatedDevice struct {
	tenant tenant.ID
	thing  device.ID
	name   string
}

func newSimulatedDevice(id tenant.ID, thing device.ID) *simulatedDevice {
	return &simulatedDevice{tenant: id, thing: thing, name: device.ThingName(id, thing)}
}

func (d *simulatedDevice) connect(broker, password string) mqtt.Client {
	options := mqtt.NewClientOptions().
		AddBroker(broker).
		SetClientID(d.name).
		SetUsername(d.name).
		SetPassword(password).
		SetCleanSession(false).
		SetConnectRetry(true).
		SetConnectRetryInterval(time.Second).
		SetMaxReconnectInterval(5 * time.Second).
		SetOnConnectHandler(d.subscribe)
	client := mqtt.NewClient(options)
	client.Connect() // goes on trying
	return client
}

func (d *simulatedDevice) topic(operation string) string {
	return device.ShadowTopic(d.tenant, d.thing, "", operation).String()
}

// subscribe asks for what is desired, now and from now on.
func (d *simulatedDevice) subscribe(client mqtt.Client) {
	client.Subscribe(d.topic("update/delta"), 1, d.obey)
	client.Subscribe(d.topic("get/accepted"), 1, d.obeyDocument)
	client.Publish(d.topic("get"), 1, false, "")
}

// obey reports what a delta message desires as done.
func (d *simulatedDevice) obey(client mqtt.Client, message mqtt.Message) {
	var delta struct {
		State json.RawMessage `json:"state"`
	}
	if err := json.Unmarshal(message.Payload(), &delta); err == nil {
		d.reportState(client, delta.State)
	}
}

func (d *simulatedDevice) obeyDocument(client mqtt.Client, message mqtt.Message) {
	var document struct {
		State struct {
			Delta json.RawMessage `json:"delta"`
		} `json:"state"`
	}
	if err := json.Unmarshal(message.Payload(), &document); err == nil && document.State.Delta != nil {
		d.reportState(client, document.State.Delta)
	}
}

func (d *simulatedDevice) reportState(client mqtt.Client, state json.RawMessage) {
	client.Publish(d.topic("update"), 1, false, fmt.Appendf(nil, `{"state":{"reported":%s}}`, state))
}

func (d *simulatedDevice) report(client mqtt.Client, reading fleet.Reading) {
	payload, err := json.Marshal(struct {
		MessageID string `json:"messageId"`
		fleet.Reading
	}{fmt.Sprintf("%s-%d", d.thing, reading.Timestamp.UnixMilli()), reading})
	if err == nil && client.IsConnected() {
		client.Publish(device.TelemetryTopic(d.tenant, d.thing, "").String(), 1, false, payload)
	}
}
