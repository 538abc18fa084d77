package alertstest

import (
	"context"
	"fmt"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
)

// ErrFault is an error for faults, of the kind with which a notifier reports
// what may pass.
var ErrFault = fmt.Errorf("alertstest: injected fault: %w", iotenant.ErrUnavailable)

// ErrRefusal is an error for faults that will not pass.
var ErrRefusal = fmt.Errorf("alertstest: injected refusal: %w", iotenant.ErrDenied)

// Fault is what happens to a notification. The zero Fault lets it pass.
type Fault struct {
	// Delay passes before. It ends early with the context, and then the
	// notifier isn't called.
	Delay time.Duration
	// Before is returned instead of calling the notifier.
	Before error
	// After is returned after the notifier was called, instead of its result:
	// the answer was lost.
	After error
}

// Faulty returns a notifier that does what notifier does, but for the faults
// that decide chooses for each call. decide may be called concurrently.
func Faulty(notifier alerts.Notifier, decide func(id tenant.ID, alert alerts.Alert) Fault) alerts.Notifier {
	return alerts.NotifierFunc(func(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
		fault := decide(id, alert)
		if err := wait(ctx, fault.Delay); err != nil {
			return err
		}
		if fault.Before != nil {
			return fault.Before
		}
		if err := notifier.Notify(ctx, id, alert); err != nil || fault.After == nil {
			return err
		}
		return fault.After
	})
}

func wait(ctx context.Context, delay time.Duration) error {
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
