package lambdaalerts

import (
	"context"
	"iter"
	"time"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/internal/lambdaevent"
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
type Sweeper struct{ sweeper lambdaevent.Sweeper }

// NewSweeper returns the function that sweeps with processor. tenants are all
// of them.
func NewSweeper(processor alerts.Processor, tenants func(ctx context.Context) iter.Seq2[tenant.ID, error], optFns ...func(*SweepOptions)) *Sweeper {
	options := SweepOptions{Parallel: 8, Reserve: 10 * time.Second}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Sweeper{lambdaevent.Sweeper{
		Sweep: processor.Sweep, Tenants: tenants, Parallel: options.Parallel, Reserve: options.Reserve, Package: "lambdaalerts", ErrEvent: ErrEvent,
	}}
}

// Invoke implements lambda.Handler. An event with the member "tenant", as
// package scheduleralerts makes it, sweeps this tenant; any other JSON object
// all of them. It goes on after failures and returns them together, so that
// Lambda invokes again. Errors: [ErrEvent], those of Sweep and of tenants,
// context.DeadlineExceeded if not all tenants could be begun.
func (s *Sweeper) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return s.sweeper.Invoke(ctx, payload)
}
