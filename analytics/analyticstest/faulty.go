package analyticstest

import (
	"context"
	"fmt"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// ErrFault is an error for faults, of the kind with which a backend reports
// that it failed.
var ErrFault = fmt.Errorf("analyticstest: injected fault: %w", iotenant.ErrUnavailable)

// Operation is a method of analytics.Store.
type Operation string

// The operations.
const (
	OpAppend   Operation = "Append"
	OpMessages Operation = "Messages"
	OpPoints   Operation = "Points"
	OpLast     Operation = "Last"
)

// Call is a call of a store.
type Call struct {
	Operation Operation
	Tenant    tenant.ID
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

// Faulty returns a store that does what store does, but for the faults that
// decide chooses for each call. decide may be called concurrently.
func Faulty(store analytics.Store, decide func(Call) Fault) analytics.Store {
	return &faulty{store, decide}
}

type faulty struct {
	store  analytics.Store
	decide func(Call) Fault
}

func (f *faulty) Append(ctx context.Context, id tenant.ID, messages []analytics.Message) ([]analytics.Outcome, error) {
	return apply(ctx, f.decide(Call{OpAppend, id}), func() ([]analytics.Outcome, error) {
		return f.store.Append(ctx, id, messages)
	})
}

func (f *faulty) Messages(ctx context.Context, id tenant.ID, query analytics.Query) (analytics.Page[analytics.Message], error) {
	return apply(ctx, f.decide(Call{OpMessages, id}), func() (analytics.Page[analytics.Message], error) {
		return f.store.Messages(ctx, id, query)
	})
}

func (f *faulty) Points(ctx context.Context, id tenant.ID, query analytics.Query) (analytics.Page[analytics.Point], error) {
	return apply(ctx, f.decide(Call{OpPoints, id}), func() (analytics.Page[analytics.Point], error) {
		return f.store.Points(ctx, id, query)
	})
}

func (f *faulty) Last(ctx context.Context, id tenant.ID, datastore string, thing device.ID) ([]analytics.Point, error) {
	return apply(ctx, f.decide(Call{OpLast, id}), func() ([]analytics.Point, error) {
		return f.store.Last(ctx, id, datastore, thing)
	})
}

func apply[R any](ctx context.Context, fault Fault, call func() (R, error)) (R, error) {
	var none R
	if fault.Delay > 0 {
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return none, ctx.Err()
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
