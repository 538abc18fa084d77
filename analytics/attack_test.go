package analytics_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// TestAttackCursorScope: two queries that read alike when their parts are
// strung together must not accept each other's cursors.
func TestAttackCursorScope(t *testing.T) {
	t.Parallel()
	id, keys := tenant.MustParseID("acme"), tenant.RandomCursorKeys()
	things := func(names ...string) (ids []device.ID) {
		for _, name := range names {
			ids = append(ids, device.MustParseID(name))
		}
		return ids
	}
	queries := []analytics.Query{
		{},
		{Things: things("ab", "c")}, {Things: things("a", "bc")}, {Things: things("abc")},
		{Channels: []string{"abc"}}, {Channels: []string{"ab", "c"}}, {Channels: []string{""}}, {Channels: []string{"", ""}},
		{Metrics: []string{"abc"}}, {Datastore: "abc"},
		{From: received}, {To: received}, {Descending: true},
	}
	for i, from := range queries {
		plan, err := from.PlanPoints(id, keys)
		require.NoError(t, err)
		cursor := plan.Next(analytics.Position{Time: 1})
		for j, to := range queries {
			to.Cursor = cursor
			_, err := to.PlanPoints(id, keys)
			if i == j {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, tenant.ErrCursor, "%d %d", i, j)
			}
			_, err = to.PlanPoints(tenant.MustParseID("acme-b"), keys)
			require.ErrorIs(t, err, tenant.ErrCursor)
			if len(to.Metrics) == 0 {
				_, err = to.PlanMessages(id, keys)
				require.ErrorIs(t, err, tenant.ErrCursor)
			}
		}
	}
}

// TestAttackPlatform: nothing that the platform keeps can be named.
func TestAttackPlatform(t *testing.T) {
	t.Parallel()
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		require.ErrorIs(t, analytics.CheckAppend(id, make([]analytics.Message, 1)), tenant.ErrID)
		require.ErrorIs(t, analytics.CheckLast(id, "", device.MustParseID("pump")), tenant.ErrID)
		_, err := (&analytics.Query{}).PlanPoints(id, tenant.RandomCursorKeys())
		require.ErrorIs(t, err, tenant.ErrID)
	}
}

// TestAttackQueries: whatever a query asks for, it reads one tenant, that of
// the call.
func TestAttackQueries(t *testing.T) {
	t.Parallel()
	store, other := memanalytics.New(), tenant.MustParseID("acme-b")
	for id, value := range map[tenant.ID]int{acme: 1, other: 100} {
		_, err := store.Append(t.Context(), id, []analytics.Message{reading("pump", received, `{"t": %d}`, value)})
		require.NoError(t, err)
	}
	query := analytics.AggregateQuery{Group: func(device.ID) string { return other.String() }}
	got := aggregates(t, store, query)
	require.Len(t, got, 1)
	require.InDelta(t, 1, got[0].Sum, 0)
	points, err := collect(analytics.Downsampled(t.Context(), store, acme, analytics.Query{}, 3))
	require.NoError(t, err)
	require.Len(t, points, 1)
	require.InDelta(t, 1, points[0].Value, 0)
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		_, err := collect(analytics.Aggregates(context.Background(), everything{store}, id, query))
		require.ErrorIs(t, err, tenant.ErrID)
		_, err = collect(analytics.Downsampled(context.Background(), everything{store}, id, analytics.Query{}, 3))
		require.ErrorIs(t, err, tenant.ErrID)
	}
}

// everything is a store that forgets to look at the tenant.
type everything struct{ analytics.Store }

func (e everything) Points(ctx context.Context, _ tenant.ID, query analytics.Query) (analytics.Page[analytics.Point], error) {
	return e.Store.Points(ctx, acme, query)
}

// TestAttackColumnQueries: nothing that the platform keeps is aggregated, chosen
// from or the last, also over a scanner that forgets to look at the tenant.
func TestAttackColumnQueries(t *testing.T) {
	t.Parallel()
	name := "secret"
	scanner := &columnRows{block: 1, rows: []columnRow{{by: [2]*string{&name}}}}
	query := analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{By: []string{"by0"}, Values: []string{"v0"}}}
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		buckets, err := collect(analytics.AggregateColumns(t.Context(), scanner, id, query))
		require.ErrorIs(t, err, tenant.ErrID)
		require.Empty(t, buckets)
		points, err := collect(analytics.LastColumns(t.Context(), scanner, id, query))
		require.ErrorIs(t, err, tenant.ErrID)
		require.Empty(t, points)
		points, err = collect(analytics.DownsampleColumns(t.Context(), scanner, id, query, 3))
		require.ErrorIs(t, err, tenant.ErrID)
		require.Empty(t, points)
	}
}
