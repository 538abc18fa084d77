package memdevice

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/iotenant/iotenant/device"
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
	options BusOptions

	mu            sync.RWMutex
	subscriptions map[tenant.ID][]*subscription // slices are replaced, not changed
}

type subscription struct {
	filter device.Filter
	handle func(device.Message)

	mu        sync.RWMutex // held for reading to begin a call
	cancelled bool
}

var _ device.Bus = (*Bus)(nil)

// NewBus returns a bus without subscriptions.
func NewBus(optFns ...func(*BusOptions)) *Bus {
	options := BusOptions{Now: time.Now}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Bus{options: options, subscriptions: map[tenant.ID][]*subscription{}}
}

// Publish implements [device.Bus].
func (b *Bus) Publish(ctx context.Context, id tenant.ID, message device.Message) error {
	if err := message.Check(id); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if message.At.IsZero() {
		message.At = b.options.Now()
	}
	if message.ID == "" {
		message.ID = device.PayloadMessageID(message.Payload)
	}
	b.mu.RLock()
	subscriptions := b.subscriptions[id]
	b.mu.RUnlock()
	for _, s := range subscriptions {
		if s.filter.Matches(message.Topic) && s.live() {
			s.handle(message)
		}
	}
	return nil
}

// Subscribe implements [device.Bus].
func (b *Bus) Subscribe(ctx context.Context, id tenant.ID, filter device.Filter, handle func(device.Message)) (cancel func(), err error) {
	if err := id.Check(); err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	s := &subscription{filter: filter, handle: handle}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subscriptions[id] = append(slices.Clip(b.subscriptions[id]), s)
	return func() { b.cancel(id, s) }, nil
}

func (b *Bus) cancel(id tenant.ID, s *subscription) {
	s.mu.Lock()
	s.cancelled = true
	s.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(b.subscriptions[id]), func(other *subscription) bool { return other == s })
	if len(left) == 0 {
		delete(b.subscriptions, id)
		return
	}
	b.subscriptions[id] = left
}

func (s *subscription) live() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return !s.cancelled
}
