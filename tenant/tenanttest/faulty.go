package tenanttest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// ErrFault is an error for faults, of the kind with which a backend reports
// that it failed.
var ErrFault = fmt.Errorf("tenanttest: injected fault: %w", iotenant.ErrUnavailable)

// Operation is a method of tenant.Repository or tenant.Transactor.
type Operation string

// The operations.
const (
	OpGet        Operation = "Get"
	OpPut        Operation = "Put"
	OpDelete     Operation = "Delete"
	OpQuery      Operation = "Query"
	OpBatchGet   Operation = "BatchGet"
	OpBatchWrite Operation = "BatchWrite"
	OpTransact   Operation = "Transact"
)

// Call is a call of a repository or transactor. Key is that of Get and Delete,
// else zero: only the schema knows that of Put.
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
	// response was lost. BatchWrite returns it in a *tenant.BatchError, for
	// each write that was made.
	After error
	// Entry makes single entries of a batch fail: it is asked for each, by its
	// position, and those for which it returns an error are left out of the
	// call and have that error in the *tenant.BatchError. Default nil.
	Entry func(position int) error
}

// Faulty returns a repository that does what repository does, but for the
// faults that decide chooses for each call. decide may be called
// concurrently.
func Faulty[T any](repository tenant.Repository[T], decide func(Call) Fault) tenant.Repository[T] {
	return &faulty[T]{repository: repository, decide: decide}
}

// Script returns a function for [Faulty] and [FaultyTransactor] that gives each call of an operation
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

func (f *faulty[T]) BatchGet(ctx context.Context, id tenant.ID, keys []tenant.Key, optFns ...func(*tenant.ReadOptions)) ([]tenant.Item[T], error) {
	fault := f.decide(Call{OpBatchGet, id, tenant.Key{}})
	return apply(ctx, fault, func() ([]tenant.Item[T], error) {
		return withoutFaulty(fault, keys, func(keys []tenant.Key) ([]tenant.Item[T], error) {
			return f.repository.BatchGet(ctx, id, keys, optFns...)
		})
	})
}

func (f *faulty[T]) BatchWrite(ctx context.Context, id tenant.ID, writes []tenant.Write[T]) ([]tenant.Version, error) {
	fault := f.decide(Call{OpBatchWrite, id, tenant.Key{}})
	lost := fault.After
	fault.After = nil
	return apply(ctx, fault, func() ([]tenant.Version, error) {
		versions, err := withoutFaulty(fault, writes, func(writes []tenant.Write[T]) ([]tenant.Version, error) {
			return f.repository.BatchWrite(ctx, id, writes)
		})
		if lost == nil || versions == nil {
			return versions, err
		}
		return make([]tenant.Version, len(writes)), loseAll(len(writes), lost, err)
	})
}

// withoutFaulty makes the call of a batch without the entries that are to fail,
// and returns the results and errors of all.
func withoutFaulty[E, R any](fault Fault, entries []E, call func([]E) ([]R, error)) ([]R, error) {
	if fault.Entry == nil {
		return call(entries)
	}
	errs := make([]error, len(entries))
	var sound []E
	var places []int
	for i, entry := range entries {
		if errs[i] = fault.Entry(i); errs[i] == nil {
			sound, places = append(sound, entry), append(places, i)
		}
	}
	if len(sound) == len(entries) {
		return call(entries)
	}
	made, err := call(sound)
	var partial *tenant.BatchError
	if err != nil && !errors.As(err, &partial) {
		return nil, err
	}
	results := make([]R, len(entries))
	for i, place := range places {
		results[place] = made[i]
		if partial != nil {
			errs[place] = partial.Errs[i]
		}
	}
	return results, &tenant.BatchError{Errs: errs}
}

// loseAll is the error of a batch of which every entry that was made is lost.
func loseAll(entries int, lost, err error) error {
	errs := make([]error, entries)
	if partial := (*tenant.BatchError)(nil); errors.As(err, &partial) {
		copy(errs, partial.Errs)
	}
	for i := range errs {
		if errs[i] == nil {
			errs[i] = lost
		}
	}
	return &tenant.BatchError{Errs: errs}
}

// FaultyTransactor returns a transactor that does what transactor does, but for
// the faults that decide chooses for each call. decide may be called
// concurrently.
func FaultyTransactor(transactor tenant.Transactor, decide func(Call) Fault) tenant.Transactor {
	return &faultyTransactor{transactor: transactor, decide: decide}
}

type faultyTransactor struct {
	transactor tenant.Transactor
	decide     func(Call) Fault
}

func (f *faultyTransactor) Transact(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
	return apply(ctx, f.decide(Call{OpTransact, id, tenant.Key{}}), func() ([]tenant.Version, error) {
		return f.transactor.Transact(ctx, id, ops...)
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
