package fileanalytics_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disktest"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// TestSweep deletes by day, from memory, segments, and the journal, and for
// all tenants.
func TestSweep(t *testing.T) {
	t.Parallel()
	memory, now := disktest.New(), noon
	store, err := openOn(memory, func(o *fileanalytics.Options) {
		o.RetentionDays = 2
		o.Now = func() time.Time { return now }
	})
	require.NoError(t, err)
	old, other := device.MustParseID("old"), tenant.MustParseID("other")
	appendAt := func(id tenant.ID, thing device.ID, days int) {
		_, err := store.Append(t.Context(), id, []analytics.Message{{
			Thing: thing, ID: fmt.Sprint(days), At: noon.AddDate(0, 0, days), Payload: []byte(`{"t": 1}`),
		}})
		require.NoError(t, err)
	}
	for days := -3; days <= 0; days++ {
		appendAt(acme, pump, days)
	}
	appendAt(acme, old, -3)
	appendAt(other, old, -3)
	require.NoError(t, store.Checkpoint(t.Context()))
	appendAt(acme, pump, -4)

	require.NoError(t, store.Sweep(t.Context()))
	left := func(id tenant.ID) (ids []string) {
		for m, err := range analytics.AllMessages(t.Context(), store, id, analytics.Query{}) {
			require.NoError(t, err)
			ids = append(ids, m.ID)
		}
		return ids
	}
	require.Equal(t, []string{"-2", "-1", "0"}, left(acme))
	require.Empty(t, left(other))
	require.Equal(t, []string{
		"/data/tenants/t-acme/2026-02-27.seg", "/data/tenants/t-acme/2026-02-28.seg", "/data/tenants/t-acme/2026-03-01.seg",
	}, named(memory, ".seg"))
	last, err := store.Last(t.Context(), acme, "", old)
	require.NoError(t, err)
	require.Empty(t, last)
	last, err = store.Last(t.Context(), acme, "", pump)
	require.NoError(t, err)
	require.Len(t, last, 1)

	// A day later one more goes, also when the store was restarted.
	require.NoError(t, store.Close())
	now = noon.AddDate(0, 0, 1)
	store, err = openOn(memory, func(o *fileanalytics.Options) {
		o.RetentionDays = 2
		o.Now = func() time.Time { return now }
	})
	require.NoError(t, err)
	require.NoError(t, store.Sweep(t.Context()))
	require.Equal(t, []string{"-1", "0"}, left(acme))
	appendAt(acme, old, -1)
	require.Equal(t, []string{"-1", "-1", "0"}, left(acme))

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, store.Sweep(cancelled), context.Canceled)
	require.NoError(t, store.Close())
}

func TestNoRetention(t *testing.T) {
	t.Parallel()
	memory, senders := filled(t, 30, true)
	store, err := openOn(memory, func(o *fileanalytics.Options) { o.Now = func() time.Time { return noon.AddDate(100, 0, 0) } })
	require.NoError(t, err)
	require.NoError(t, store.Sweep(t.Context()))
	for _, s := range senders {
		s.check(t, store)
	}
}

// TestRun lets Run sweep and make room, and ends it.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := disktest.New()
		store, err := openOn(memory, small, func(o *fileanalytics.Options) { o.RetentionDays = 1 })
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- store.Run(ctx) }()
		s := &sender{id: acme, thing: pump}
		_, err = store.Append(t.Context(), acme, []analytics.Message{{Thing: pump, At: time.Now(), Payload: []byte("x")}})
		require.NoError(t, err)
		require.NoError(t, s.send(t.Context(), store, 200))
		synctest.Wait()
		require.NotEmpty(t, named(memory, ".seg"))
		require.Len(t, named(memory, ".log"), 1)
		time.Sleep(49 * time.Hour)
		synctest.Wait()
		page, err := store.Messages(t.Context(), acme, analytics.Query{To: noon.AddDate(-1, 0, 0)})
		require.NoError(t, err)
		require.Empty(t, page.Items)
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, store.Close())
	})
}
