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

// Operation is a method of analytics.Store or analytics.Objects.
type Operation string

// The operations of analytics.Store.
const (
	OpAppend   Operation = "Append"
	OpMessages Operation = "Messages"
	OpPoints   Operation = "Points"
	OpLast     Operation = "Last"
)

// Call is a call of a store, or of objects.
type Call struct {
	Operation Operation
	Tenant    tenant.ID
	// Name is that of the object, the prefix of a list, or the first name of a
	// deletion. Calls of a store have none.
	Name string
}

// Fault is what happens to a call. The zero Fault lets it pass.
type Fault struct {
	// Delay passes before the call. It ends early with the context, and then
	// the call isn't made.
	Delay time.Duration
	// Before is returned instead of making the call.
	Before error
	// Part lets a part of the call happen before Before is returned: the body
	// of Put and Create fails with Before after so many bytes, and so many
	// names are deleted.
	Part int64
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
	return apply(ctx, f.decide(Call{Operation: OpAppend, Tenant: id}), func() ([]analytics.Outcome, error) {
		return f.store.Append(ctx, id, messages)
	})
}

func (f *faulty) Messages(ctx context.Context, id tenant.ID, query analytics.Query) (analytics.Page[analytics.Message], error) {
	return apply(ctx, f.decide(Call{Operation: OpMessages, Tenant: id}), func() (analytics.Page[analytics.Message], error) {
		return f.store.Messages(ctx, id, query)
	})
}

func (f *faulty) Points(ctx context.Context, id tenant.ID, query analytics.Query) (analytics.Page[analytics.Point], error) {
	return apply(ctx, f.decide(Call{Operation: OpPoints, Tenant: id}), func() (analytics.Page[analytics.Point], error) {
		return f.store.Points(ctx, id, query)
	})
}

func (f *faulty) Last(ctx context.Context, id tenant.ID, datastore string, thing device.ID) ([]analytics.Point, error) {
	return apply(ctx, f.decide(Call{Operation: OpLast, Tenant: id}), func() ([]analytics.Point, error) {
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
