package lambdaalerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
)

// SweepOptions are the options of [NewSweeper].
type SweepOptions struct {
	// Parallel is how many tenants are swept at the same time. Default 8.
	Parallel int
	// Reserve is how long before the end of the invocation no tenant is begun
	// any more. Default 10 s.
	Reserve time.Duration
}

// Sweeper is a Lambda function that fires timers and delivers actions. Give it
// to lambda.Start.
type Sweeper struct {
	processor alerts.Processor
	tenants   func(ctx context.Context) iter.Seq2[tenant.ID, error]
	options   SweepOptions
}

// NewSweeper returns the function that sweeps with processor. tenants are all
// of them.
func NewSweeper(processor alerts.Processor, tenants func(ctx context.Context) iter.Seq2[tenant.ID, error], optFns ...func(*SweepOptions)) *Sweeper {
	options := SweepOptions{Parallel: 8, Reserve: 10 * time.Second}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Sweeper{processor: processor, tenants: tenants, options: options}
}

// Invoke implements lambda.Handler. An event with the member "tenant", as
// package scheduleralerts makes it, sweeps this tenant; any other JSON object
// all of them. It goes on after failures and returns them together, so that
// Lambda invokes again. Errors: [ErrEvent], those of Sweep and of tenants,
// context.DeadlineExceeded if not all tenants could be begun.
func (s *Sweeper) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event struct {
		Tenant *tenant.ID `json:"tenant"`
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	if event.Tenant != nil {
		return []byte("null"), s.processor.Sweep(ctx, *event.Tenant)
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
	free := make(chan struct{}, max(s.options.Parallel, 1))
	for id, err := range s.tenants(ctx) {
		free <- struct{}{}
		if err == nil && s.isLate(ctx) {
			err = context.DeadlineExceeded
		}
		if err != nil {
			fail(fmt.Errorf("lambdaalerts: sweep of all tenants ended early: %w", err))
			break
		}
		group.Go(func() {
			defer func() { <-free }()
			if err := s.processor.Sweep(ctx, id); err != nil {
				fail(err)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

func (s *Sweeper) isLate(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(deadline) < s.options.Reserve
}
