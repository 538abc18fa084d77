package tenanttest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// ErrFault is an error for faults, of the kind with which a backend reports
// that it failed.
var ErrFault = fmt.Errorf("tenanttest: injected fault: %w", iotenant.ErrUnavailable)

// Operation is a method of tenant.Repository.
type Operation string

// The operations.
const (
	OpGet    Operation = "Get"
	OpPut    Operation = "Put"
	OpDelete Operation = "Delete"
	OpQuery  Operation = "Query"
)

// Call is a call of a repository. Key is the zero Key for Query; for Put, it
// is zero too, since only the schema knows it.
type Call struct {
	Operation Operation
	Tenant    tenant.ID
	Key       tenant.Key
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

// Faulty returns a repository that does what repository does, but for the
// faults that decide chooses for each call. decide may be called
// concurrently.
func Faulty[T any](repository tenant.Repository[T], decide func(Call) Fault) tenant.Repository[T] {
	return &faulty[T]{repository: repository, decide: decide}
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

type faulty[T any] struct {
	repository tenant.Repository[T]
	decide     func(Call) Fault
}

func (f *faulty[T]) Get(ctx context.Context, id tenant.ID, key tenant.Key, optFns ...func(*tenant.ReadOptions)) (tenant.Item[T], error) {
	return apply(ctx, f.decide(Call{OpGet, id, key}), func() (tenant.Item[T], error) {
		return f.repository.Get(ctx, id, key, optFns...)
	})
}

func (f *faulty[T]) Put(ctx context.Context, id tenant.ID, value T, cond tenant.Condition) (tenant.Version, error) {
	return apply(ctx, f.decide(Call{OpPut, id, tenant.Key{}}), func() (tenant.Version, error) {
		return f.repository.Put(ctx, id, value, cond)
	})
}

func (f *faulty[T]) Delete(ctx context.Context, id tenant.ID, key tenant.Key, cond tenant.Condition) error {
	_, err := apply(ctx, f.decide(Call{OpDelete, id, key}), func() (struct{}, error) {
		return struct{}{}, f.repository.Delete(ctx, id, key, cond)
	})
	return err
}

func (f *faulty[T]) Query(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[T], error) {
	return apply(ctx, f.decide(Call{OpQuery, id, tenant.Key{}}), func() (tenant.Page[T], error) {
		return f.repository.Query(ctx, id, query)
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
