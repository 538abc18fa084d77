package lambdaanalytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Sweep does what is due for a tenant: the method Sweep of analytics.Datasets,
// which makes contents, or of an analytics.Lake, which tidies up, or
// [SweepResults].
type Sweep func(ctx context.Context, id tenant.ID) error

// Sweeps does several for a tenant, one after the other. It goes on after
// failures and returns them together.
func Sweeps(all ...Sweep) Sweep {
	return func(ctx context.Context, id tenant.ID) error {
		var errs []error
		for _, sweep := range all {
			errs = append(errs, sweep(ctx, id))
		}
		return errors.Join(errs...)
	}
}

// ResultsOptions are the options of [SweepResults].
type ResultsOptions struct {
	// Age is how old a result is at least. Default 1 hour, as long as links
	// can be used.
	Age time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// SweepResults deletes the results that a [Query] has stored in objects.
func SweepResults(objects analytics.Objects, optFns ...func(*ResultsOptions)) Sweep {
	options := ResultsOptions{Age: time.Hour, Now: time.Now}
	for _, fn := range optFns {
		fn(&options)
	}
	return func(ctx context.Context, id tenant.ID) error {
		return deleteBefore(ctx, id, objects, options.Now().Add(-options.Age))
	}
}

// deleteBefore deletes stored results of a tenant.
func deleteBefore(ctx context.Context, id tenant.ID, objects analytics.Objects, before time.Time) error {
	for after := ""; ; {
		page, err := objects.List(ctx, id, resultsFolder, after, analytics.MaxObjectList)
		if err != nil {
			return err
		}
		var old []string
		for _, object := range page {
			if after = object.Name; object.Modified.Before(before) {
				old = append(old, object.Name)
			}
		}
		if len(old) > 0 {
			if err := objects.Delete(ctx, id, old...); err != nil {
				return err
			}
		}
		if len(page) < analytics.MaxObjectList {
			return nil
		}
	}
}

// SweepOptions are the options of [NewSweeper].
type SweepOptions struct {
	// Parallel is how many tenants are swept at the same time. Default 8.
	Parallel int
	// Reserve is how long before the end of the invocation no tenant is begun
	// any more. Default 10 s.
	Reserve time.Duration
}

// Sweeper is a Lambda function that schedules start. Give it to lambda.Start.
type Sweeper struct {
	sweep   Sweep
	tenants func(ctx context.Context) iter.Seq2[tenant.ID, error]
	options SweepOptions
}

// NewSweeper returns the function that sweeps. tenants are all of them.
func NewSweeper(sweep Sweep, tenants func(ctx context.Context) iter.Seq2[tenant.ID, error], optFns ...func(*SweepOptions)) *Sweeper {
	options := SweepOptions{Parallel: 8, Reserve: 10 * time.Second}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Sweeper{sweep: sweep, tenants: tenants, options: options}
}

// Invoke implements lambda.Handler. An event with the member "tenant" sweeps
// this tenant, any other JSON object all of them. It goes on after failures and
// returns them together, so that Lambda invokes again. Errors: [ErrEvent],
// those of the sweep and of tenants, context.DeadlineExceeded if not all
// tenants could be begun.
func (s *Sweeper) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event struct {
		Tenant *tenant.ID `json:"tenant"`
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	if event.Tenant != nil {
		return []byte("null"), s.sweep(ctx, *event.Tenant)
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
			fail(fmt.Errorf("lambdaanalytics: sweep of all tenants ended early: %w", err))
			break
		}
		group.Go(func() {
			defer func() { <-free }()
			if err := s.sweep(ctx, id); err != nil {
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
