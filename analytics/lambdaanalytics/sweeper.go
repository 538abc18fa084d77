package lambdaanalytics

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/internal/lambdaevent"
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
type Sweeper struct{ sweeper lambdaevent.Sweeper }

// NewSweeper returns the function that sweeps. tenants are all of them.
func NewSweeper(sweep Sweep, tenants func(ctx context.Context) iter.Seq2[tenant.ID, error], optFns ...func(*SweepOptions)) *Sweeper {
	options := SweepOptions{Parallel: 8, Reserve: 10 * time.Second}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Sweeper{lambdaevent.Sweeper{
		Sweep: sweep, Tenants: tenants, Parallel: options.Parallel, Reserve: options.Reserve, Package: "lambdaanalytics", ErrEvent: ErrEvent,
	}}
}

// Invoke implements lambda.Handler. An event with the member "tenant" sweeps
// this tenant, any other JSON object all of them. It goes on after failures and
// returns them together, so that Lambda invokes again. Errors: [ErrEvent],
// those of the sweep and of tenants, context.DeadlineExceeded if not all
// tenants could be begun.
func (s *Sweeper) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return s.sweeper.Invoke(ctx, payload)
}
