package shadowtest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/tenant"
)

// ErrFault is an error for faults, of the kind with which a backend reports
// that it failed.
var ErrFault = fmt.Errorf("shadowtest: injected fault: %w", iotenant.ErrUnavailable)

// Operation is a method of shadow.Shadows.
type Operation string

// The operations.
const (
	OpGet       Operation = "Get"
	OpUpdate    Operation = "Update"
	OpDelete    Operation = "Delete"
	OpListNamed Operation = "ListNamed"
)

// Call is a call of a service. Name is the classic shadow's for ListNamed.
type Call struct {
	Operation Operation
	Tenant    tenant.ID
	Thing     device.ID
	Name      shadow.Name
}

// Fault is what happens to a call. The zero Fault lets it pass.
type Fault struct {
	// Delay passes before the call. It ends early with the context, and then
	// the call isn't made.
	Delay time.Duration
	// Before is returned instead of making the call.
	Before error
	// After is returned after the call was made, instead of its result: the
	// response was lost.
	After error
}

// Faulty returns a service that does what shadows does, but for the faults
// that decide chooses for each call. decide may be called concurrently.
func Faulty(shadows shadow.Shadows, decide func(Call) Fault) shadow.Shadows {
	return &faulty{shadows: shadows, decide: decide}
}

// Script returns a function for [Faulty] that gives each call of an operation
// the next of the faults, and lets all pass after the last. Wrap twice to
// script two operations.
func Script(operation Operation, faults ...Fault) func(Call) Fault {
	var mu sync.Mutex
	return func(call Call) Fault {
		mu.Lock()
		defer mu.Unlock()
		if call.Operation != operation || len(faults) == 0 {
			return Fault{}
		}
		fault := faults[0]
		faults = faults[1:]
		return fault
	}
}

type faulty struct {
	shadows shadow.Shadows
	decide  func(Call) Fault
}

func (f *faulty) Get(ctx context.Context, id tenant.ID, thing device.ID, name shadow.Name) ([]byte, error) {
	return apply(ctx, f.decide(Call{OpGet, id, thing, name}), func() ([]byte, error) {
		return f.shadows.Get(ctx, id, thing, name)
	})
}

func (f *faulty) Update(ctx context.Context, id tenant.ID, thing device.ID, name shadow.Name, request []byte) ([]byte, error) {
	return apply(ctx, f.decide(Call{OpUpdate, id, thing, name}), func() ([]byte, error) {
		return f.shadows.Update(ctx, id, thing, name, request)
	})
}

func (f *faulty) Delete(ctx context.Context, id tenant.ID, thing device.ID, name shadow.Name) ([]byte, error) {
	return apply(ctx, f.decide(Call{OpDelete, id, thing, name}), func() ([]byte, error) {
		return f.shadows.Delete(ctx, id, thing, name)
	})
}

func (f *faulty) ListNamed(ctx context.Context, id tenant.ID, thing device.ID, limit int, cursor tenant.Cursor) (shadow.NamePage, error) {
	return apply(ctx, f.decide(Call{OpListNamed, id, thing, shadow.Name{}}), func() (shadow.NamePage, error) {
		return f.shadows.ListNamed(ctx, id, thing, limit, cursor)
	})
}

func apply[R any](ctx context.Context, fault Fault, call func() (R, error)) (R, error) {
	var none R
	if fault.Delay > 0 {
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return none, context.Cause(ctx)
		case <-timer.C:
		}
	}
	if fault.Before != nil {
		return none, fault.Before
	}
	result, err := call()
	if fault.After != nil {
		return none, fault.After
	}
	return result, err
}
