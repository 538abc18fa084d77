package lambdaevent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// Sweeper is what schedules start: it sweeps one tenant, or all.
type Sweeper struct {
	// Sweep does what is due for a tenant.
	Sweep func(ctx context.Context, id tenant.ID) error
	// Tenants are all of them.
	Tenants func(ctx context.Context) iter.Seq2[tenant.ID, error]
	// Parallel is how many tenants are swept at the same time, at least one.
	Parallel int
	// Reserve is how long before the end of the invocation no tenant is begun
	// any more.
	Reserve time.Duration
	// Package begins the text of errors, and ErrEvent is that of an event that
	// is no JSON object.
	Package  string
	ErrEvent error
}

// Invoke sweeps the tenant that is the member "tenant" of the event, or all
// tenants if there is none. It goes on after failures and returns them
// together.
func (s *Sweeper) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event struct {
		Tenant *tenant.ID `json:"tenant"`
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("%w: %w", s.ErrEvent, err)
	}
	if event.Tenant != nil {
		return []byte("null"), s.Sweep(ctx, *event.Tenant)
	}
	return []byte("null"), s.sweepAll(ctx)
}

func (s *Sweeper) sweepAll(ctx context.Context) error {
	var mu sync.Mutex
	var errs []error
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
	}
	var group sync.WaitGroup
	free := make(chan struct{}, max(s.Parallel, 1))
	for id, err := range s.Tenants(ctx) {
		free <- struct{}{}
		if err == nil && s.isLate(ctx) {
			err = context.DeadlineExceeded
		}
		if err != nil {
			fail(fmt.Errorf("%s: sweep of all tenants ended early: %w", s.Package, err))
			break
		}
		group.Go(func() {
			defer func() { <-free }()
			if err := s.Sweep(ctx, id); err != nil {
				fail(err)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

func (s *Sweeper) isLate(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(deadline) < s.Reserve
}
