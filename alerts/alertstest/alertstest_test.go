package alertstest_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/tenant"
)

func TestRecorderIsANotifier(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(*testing.T) alertstest.Harness {
		recorder := &alertstest.Recorder{}
		return alertstest.Harness{Notifier: recorder, Received: recorder.IDs}
	})
}

func TestFaulty(t *testing.T) {
	t.Parallel()
	recorder := &alertstest.Recorder{}
	var fault alertstest.Fault
	notifier := alertstest.Faulty(recorder, func(tenant.ID, alerts.Alert) alertstest.Fault { return fault })
	notify := func() error { return notifier.Notify(t.Context(), alertstest.TenantA, alertstest.SampleAlert(1)) }

	require.NoError(t, notify())
	fault = alertstest.Fault{Before: alertstest.ErrRefusal}
	require.True(t, alerts.Permanent(notify()))
	require.Len(t, recorder.Received(alertstest.TenantA), 1)
	fault = alertstest.Fault{After: alertstest.ErrFault}
	err := notify()
	require.ErrorIs(t, err, alertstest.ErrFault)
	require.False(t, alerts.Permanent(err))
	require.Len(t, recorder.Received(alertstest.TenantA), 2)

	fault = alertstest.Fault{Delay: time.Hour}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, notifier.Notify(ctx, alertstest.TenantA, alertstest.SampleAlert(1)), context.Canceled)
	fault = alertstest.Fault{Delay: time.Nanosecond}
	require.NoError(t, notify())
}

func TestClock(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := alertstest.NewClock(start)
	require.Equal(t, start, clock.Now())
	clock.Advance(time.Hour)
	require.Equal(t, start.Add(time.Hour), clock.Now())
	clock.Set(start)
	require.Equal(t, start, clock.Now())
}

// plainWaker is a waker that keeps every word.
type plainWaker struct {
	mu    sync.Mutex
	woken map[tenant.ID][]time.Time
}

func (w *plainWaker) Wake(_ context.Context, id tenant.ID, at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.woken[id] = append(w.woken[id], at)
	return id.Check()
}

func TestWaker(t *testing.T) {
	t.Parallel()
	alertstest.TestWaker(t, func(*testing.T) alertstest.WakerHarness {
		w := &plainWaker{woken: map[tenant.ID][]time.Time{}}
		return alertstest.WakerHarness{Waker: w, Woken: func(id tenant.ID) []time.Time { return w.woken[id] }}
	})
}
