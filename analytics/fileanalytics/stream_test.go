package fileanalytics_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// disorder is what the times of messages are taken modulo of: a prime number, so
// that old and new come mixed.
const disorder = 997 * time.Second

// streamed returns a store in which two tenants have so many messages of a
// thing, with two metrics each, half of them in segments, and the newest first.
func streamed(t *testing.T, messages int, optFns ...func(*fileanalytics.Options)) *fileanalytics.Store {
	t.Helper()
	store, err := fileanalytics.Open(t.TempDir(), tenant.RandomCursorKeys(), optFns...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for n := 0; n < messages; n += analytics.MaxBatch {
		batch := make([]analytics.Message, analytics.MaxBatch)
		for i := range batch {
			batch[i] = analytics.Message{Thing: device.MustParseID("pump"), At: at.Add(-time.Duration(n+i) * time.Second % disorder), Payload: fmt.Appendf(nil, `{"t": %d, "u": 1}`, n+i)}
		}
		_, err := store.Append(t.Context(), tenant.MustParseID("acme"), batch)
		require.NoError(t, err)
		_, err = store.Append(t.Context(), tenant.MustParseID("acme-b"), batch[:1])
		require.NoError(t, err)
		if n == messages/2 {
			require.NoError(t, store.Checkpoint(t.Context()))
		}
	}
	return store
}

func TestStreamPoints(t *testing.T) {
	t.Parallel()
	for _, waiting := range []int{2, 50, 3000, 1 << 20} {
		t.Run(fmt.Sprint(waiting), func(t *testing.T) {
			t.Parallel()
			messages := min(100*waiting, 3000)
			testStreamPoints(t, streamed(t, messages, fileanalytics.Waiting(waiting)), messages)
		})
	}
}

func testStreamPoints(t *testing.T, store *fileanalytics.Store, messages int) {
	t.Helper()
	id := tenant.MustParseID("acme")
	for _, query := range []analytics.Query{{}, {Metrics: []string{"u"}}, {Descending: true, Limit: 3}, {Things: []device.ID{device.MustParseID("none")}}} {
		var got []analytics.Point
		for p, err := range store.StreamPoints(t.Context(), id, query) {
			require.NoError(t, err)
			got = append(got, p)
		}
		query.Limit = tenant.MaxLimit
		var want []analytics.Point
		for p, err := range analytics.AllPoints(t.Context(), store, id, query) {
			require.NoError(t, err)
			want = append(want, p)
		}
		require.Equal(t, want, got)
	}
	for b, err := range analytics.Aggregates(t.Context(), store, id, analytics.AggregateQuery{}) {
		require.NoError(t, err)
		require.EqualValues(t, messages, b.Count)
	}
	for _, err := range store.StreamPoints(t.Context(), id, analytics.Query{}) {
		require.NoError(t, err)
		break
	}
	for _, err := range store.StreamPoints(t.Context(), id, analytics.Query{Limit: -1}) {
		require.ErrorIs(t, err, analytics.ErrQuery)
	}
	require.NoError(t, store.Close())
	for _, err := range store.StreamPoints(t.Context(), id, analytics.Query{}) {
		require.ErrorIs(t, err, analytics.ErrClosed)
	}
}

// TestAttackStream: a stream is of one tenant, and takes no other's cursor.
func TestAttackStream(t *testing.T) {
	t.Parallel()
	store, id, other := streamed(t, 200), tenant.MustParseID("acme"), tenant.MustParseID("acme-b")
	count := 0
	for _, err := range store.StreamPoints(t.Context(), other, analytics.Query{}) {
		require.NoError(t, err)
		count++
	}
	require.Equal(t, 4, count)
	page, err := store.Points(t.Context(), id, analytics.Query{Limit: 1})
	require.NoError(t, err)
	for _, err := range store.StreamPoints(t.Context(), other, analytics.Query{Cursor: page.Next}) {
		require.ErrorIs(t, err, tenant.ErrCursor)
	}
	for _, nobody := range []tenant.ID{{}, tenant.Platform()} {
		for _, err := range store.StreamPoints(t.Context(), nobody, analytics.Query{}) {
			require.ErrorIs(t, err, tenant.ErrID)
		}
	}
}
