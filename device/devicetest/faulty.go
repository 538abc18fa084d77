package devicetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// ErrFault is an error for faults, of the kind with which a receiver or a bus
// reports that it failed.
var ErrFault = fmt.Errorf("devicetest: injected fault: %w", iotenant.ErrUnavailable)

// Fault is what happens to a message. The zero Fault lets it pass.
type Fault struct {
	// Delay passes before the message is taken. It ends early with the
	// context, and then the message isn't taken.
	Delay time.Duration
	// Before is returned instead of taking the message.
	Before error
	// After is returned after the message was taken: the answer was lost.
	After error
}

// Script returns a function for [FaultyReceiver] and [FaultyBus] that gives
// each message the next of the faults, and lets all pass after the last.
func Script(faults ...Fault) func(device.Message) Fault {
	var mu sync.Mutex
	return func(device.Message) Fault {
		mu.Lock()
		defer mu.Unlock()
		if len(faults) == 0 {
			return Fault{}
		}
		fault := faults[0]
		faults = faults[1:]
		return fault
	}
}

// FaultyReceiver returns a receiver that does what receiver does, but for the
// faults that decide chooses for each message. decide may be called
// concurrently. It is a device.BatchReceiver if receiver is one; a batch is
// then taken up to its faults.
func FaultyReceiver(receiver device.Receiver, decide func(device.Message) Fault) device.Receiver {
	faulty := &faultyReceiver{receiver: receiver, decide: decide}
	if batches, ok := receiver.(device.BatchReceiver); ok {
		return &faultyBatchReceiver{faultyReceiver: faulty, batches: batches}
	}
	return faulty
}

type faultyReceiver struct {
	receiver device.Receiver
	decide   func(device.Message) Fault
}

func (f *faultyReceiver) Receive(ctx context.Context, id tenant.ID, message device.Message) error {
	return f.decide(message).apply(ctx, func() error { return f.receiver.Receive(ctx, id, message) })
}

type faultyBatchReceiver struct {
	*faultyReceiver
	batches device.BatchReceiver
}

func (f *faultyBatchReceiver) ReceiveBatch(ctx context.Context, id tenant.ID, messages []device.Message) []error {
	errs := make([]error, len(messages))
	for i, message := range messages {
		errs[i] = f.decide(message).apply(ctx, func() error {
			if errs := f.batches.ReceiveBatch(ctx, id, []device.Message{message}); errs != nil {
				return errs[0]
			}
			return nil
		})
	}
	return errs
}

// FaultyBus returns a bus that does what bus does, but for the faults that
// decide chooses for each message that is published. decide may be called
// concurrently.
func FaultyBus(bus device.Bus, decide func(device.Message) Fault) device.Bus {
	return &faultyBus{Bus: bus, decide: decide}
}

type faultyBus struct {
	device.Bus
	decide func(device.Message) Fault
}

func (f *faultyBus) Publish(ctx context.Context, id tenant.ID, message device.Message) error {
	return f.decide(message).apply(ctx, func() error { return f.Bus.Publish(ctx, id, message) })
}

func (f Fault) apply(ctx context.Context, take func() error) error {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
	if f.Before != nil {
		return f.Before
	}
	if err := take(); err != nil {
		return err
	}
	return f.After
}
