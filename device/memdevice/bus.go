package memdevice

import (
	"context"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/internal/fanout"
	"github.com/iotenant/iotenant/tenant"
)

// BusOptions are the options of [NewBus].
type BusOptions struct {
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Bus is a [device.Bus] within the process. Publish calls the handlers itself,
// one after the other, in the order of their subscriptions, and returns when
// they have returned: a test needs no waiting.
type Bus struct {
	handlers fanout.Handlers
	options  BusOptions
}

var _ device.Bus = (*Bus)(nil)

// NewBus returns a bus without subscriptions.
func NewBus(optFns ...func(*BusOptions)) *Bus {
	options := BusOptions{Now: time.Now}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Bus{options: options}
}

// Publish implements [device.Bus].
func (b *Bus) Publish(ctx context.Context, id tenant.ID, message device.Message) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := message.Check(id); err != nil {
		return err
	}
	if message.At.IsZero() {
		message.At = b.options.Now()
	}
	if message.ID == "" {
		message.ID = device.PayloadMessageID(message.Payload)
	}
	b.handlers.Call(message)
	return nil
}

// Subscribe implements [device.Bus].
func (b *Bus) Subscribe(ctx context.Context, id tenant.ID, filter device.Filter, handle func(device.Message)) (cancel func(), err error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if err := id.Check(); err != nil {
		return nil, err
	}
	return b.handlers.Add(id, filter, handle), nil
}
