// Package devicetest checks implementations of device.Bus, and makes buses and
// receivers fail on purpose.
//
// [TestBus] checks the contract of device.Bus, one subtest for each sentence.
// An implementation runs it in its tests:
//
//	func TestBus(t *testing.T) {
//		devicetest.TestBus(t, func(*testing.T) device.Bus { return memdevice.NewBus() })
//	}
//
// [FaultyReceiver] and [FaultyBus] are for those who use them: they show what
// code does when a message can't be stored or sent, also after it was.
package devicetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// OpenBus makes a bus for one test, without subscriptions. It may use
// t.Cleanup to close it.
type OpenBus func(t *testing.T) device.Bus

// TestBus checks that a bus keeps the contract of device.Bus.
func TestBus(t *testing.T, open OpenBus) {
	for _, test := range busTests {
		t.Run(test.sentence, func(t *testing.T) {
			t.Parallel()
			test.check(&busFixture{T: t, bus: open(t), ctx: t.Context()})
		})
	}
}

type busTest struct {
	sentence string
	check    func(*busFixture)
}

type busFixture struct {
	*testing.T
	bus device.Bus
	ctx context.Context
}

// Waiting times: for what has to come, and for what must not.
const (
	soon  = 10 * time.Second
	quiet = 50 * time.Millisecond
)

var (
	north = tenant.MustParseID("north")
	south = tenant.MustParseID("south")
	pump  = device.MustParseID("pump")
	valve = device.MustParseID("valve")
)

func message(id tenant.ID, thing device.ID, payload string) device.Message {
	return device.Message{Topic: device.TelemetryTopic(id, thing, ""), Payload: []byte(payload)}
}

// box collects messages.
type box chan device.Message

func (f *busFixture) subscribe(id tenant.ID, filter device.Filter) (box, func()) {
	f.Helper()
	messages := make(box, 10_000)
	cancel, err := f.bus.Subscribe(f.ctx, id, filter, func(m device.Message) { messages <- m.Clone() })
	if err != nil {
		f.Fatalf("Subscribe returned the error %v", err)
	}
	f.Cleanup(cancel)
	return messages, cancel
}

func (f *busFixture) publish(id tenant.ID, m device.Message) {
	f.Helper()
	if err := f.bus.Publish(f.ctx, id, m); err != nil {
		f.Fatalf("Publish of %s returned the error %v", m.Topic, err)
	}
}

// next waits for the next message of a box.
func (f *busFixture) next(messages box) device.Message {
	f.Helper()
	select {
	case m := <-messages:
		return m
	case <-time.After(soon):
		f.Fatal("a message did not arrive")
		return device.Message{}
	}
}

func (f *busFixture) wantPayload(messages box, want string) {
	f.Helper()
	if got := string(f.next(messages).Payload); got != want {
		f.Fatalf("got the payload %q, want %q", got, want)
	}
}

// wantNothing checks that a box stays empty.
func (f *busFixture) wantNothing(messages box) {
	f.Helper()
	select {
	case m := <-messages:
		f.Fatalf("got the message %q on %s, want none", m.Payload, m.Topic)
	case <-time.After(quiet):
	}
}

func (f *busFixture) wantErr(action string, err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Errorf("%s returned the error %v, want %v", action, err, want)
	}
}
