package analytics_test

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

var acme = tenant.MustParseID("acme")

// filled returns a store with messages of a tenant.
func filled(t require.TestingT, messages ...analytics.Message) analytics.Store {
	store := memanalytics.New()
	for batch := range slices.Chunk(messages, analytics.MaxBatch) {
		_, err := store.Append(context.Background(), acme, batch)
		require.NoError(t, err)
	}
	return store
}

func reading(thing string, at time.Time, payload string, args ...any) analytics.Message {
	return analytics.Message{Thing: device.MustParseID(thing), At: at, Payload: fmt.Appendf(nil, payload, args...)}
}

func collect[T any](items iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for item, err := range items {
		if err != nil {
			return all, err
		}
		all = append(all, item)
	}
	return all, nil
}

func aggregates(t require.TestingT, store analytics.Store, query analytics.AggregateQuery) []analytics.Bucket {
	buckets, err := collect(analytics.Aggregates(context.Background(), store, acme, query))
	require.NoError(t, err)
	return buckets
}

// written returns buckets as lines of what a test is about.
func writtenBuckets(buckets []analytics.Bucket, of func(*analytics.Bucket) float64) string {
	var lines []string
	for i := range buckets {
		b := &buckets[i]
		lines = append(lines, fmt.Sprintf("%s %s/%s %d=%.4g", b.Start.Format("15:04"), b.Group, b.Metric, b.Count, of(b)))
	}
	return strings.Join(lines, "\n")
}

func mean(b *analytics.Bucket) float64 { return b.Mean }

// naive computes a query from all points at once: the model.
func naive(points []analytics.Point, query analytics.AggregateQuery) (buckets []analytics.Bucket) {
	members := map[analytics.Point][]analytics.Point{} // by a point that stands for the group
	bounds := map[analytics.Point][2]time.Time{}
	for _, p := range points {
		start, end := query.Interval.Bucket(p.Time)
		key := analytics.Point{Thing: p.Thing, Channel: p.Channel, Metric: p.Metric, Time: start}
		members[key], bounds[key] = append(members[key], p), [2]time.Time{start, end}
	}
	for key, of := range members {
		values := make([]float64, len(of))
		exact := new(exactSum)
		for i, p := range of {
			values[i] = p.Value
			exact.add(p.Value)
		}
		b := analytics.Bucket{Group: key.Thing.String(), Channel: key.Channel, Metric: key.Metric, Start: bounds[key][0], End: bounds[key][1]}
		b.Statistics = analytics.Statistics{
			Count: uint64(len(of)), Min: slices.Min(values), Max: slices.Max(values), Sum: exact.value(), Mean: exact.value() / float64(len(of)),
			First: of[0].Value, Last: of[len(of)-1].Value,
		}
		slices.Sort(values)
		for _, p := range query.Percentiles.Of {
			b.Percentiles = append(b.Percentiles, nearestRank(values, p))
		}
		buckets = append(buckets, b)
	}
	slices.SortFunc(buckets, func(a, b analytics.Bucket) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Metric, b.Metric))
	})
	return buckets
}

// nearestRank returns the least of the sorted values that p percent do not
// exceed.
func nearestRank(sorted []float64, p float64) float64 {
	for i, value := range sorted {
		if float64(i+1)*100 >= p*float64(len(sorted))-1e-9 {
			return value
		}
	}
	return sorted[len(sorted)-1]
}

// drawMessages draws messages of two things on two channels, out of order.
func drawMessages(t *rapid.T) []analytics.Message {
	value := rapid.OneOf(rapid.Float64Range(-1e6, 1e6), rapid.SampledFrom([]float64{0, 1, -1, 0.1, 1e-300, 1e15, -1e15}))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) analytics.Message {
		m := reading(rapid.SampledFrom([]string{"pump", "fan"}).Draw(t, "thing"), received.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "at"))*7*time.Minute),
			`{"t": %v, "u": %v}`, value.Draw(t, "t"), value.Draw(t, "u"))
		m.Channel = rapid.SampledFrom([]string{"", "c"}).Draw(t, "channel")
		return m
	}), 0, 60).Draw(t, "messages")
}

func TestAggregatesMatchTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		store := filled(t, drawMessages(t)...)
		query := analytics.AggregateQuery{
			Interval:    analytics.Interval{Every: rapid.SampledFrom(lengths[3:]).Draw(t, "every"), Zone: zone(t, "Asia/Kolkata")},
			Percentiles: analytics.Percentiles{Of: []float64{0, 12.5, 50, 99.9, 100}, Exact: rapid.Bool().Draw(t, "exact")},
		}
		if rapid.Bool().Draw(t, "bounded") {
			query.From, query.To = received.Add(30*time.Minute), received.Add(3*time.Hour)
		}
		if rapid.Bool().Draw(t, "selected") {
			query.Things, query.Metrics = []device.ID{device.MustParseID("fan")}, []string{"u"}
		}
		points, err := collect(analytics.AllPoints(context.Background(), store, acme, query.Query))
		require.NoError(t, err)
		want, got := naive(points, query), aggregates(t, store, query)
		require.Len(t, got, len(want))
		for i := range want {
			requireBucket(t, want[i], got[i], query.Percentiles.Exact)
		}
	})
}

func requireBucket(t require.TestingT, want, got analytics.Bucket, exact bool) {
	require.True(t, want.Start.Equal(got.Start) && want.End.Equal(got.End))
	require.InDelta(t, want.Sum, got.Sum, 1e-14*math.Max(math.Abs(want.Sum), 1))
	require.InDelta(t, want.Mean, got.Mean, 1e-14*math.Max(math.Abs(want.Mean), 1))
	for i, p := range want.Percentiles {
		tolerance := 0.0
		if !exact {
			tolerance = math.Abs(p)*analytics.PercentileError*(1+1e-9) + 0x1p-1022 // what is nearer to 0 counts as 0
		}
		require.InDelta(t, p, got.Percentiles[i], tolerance)
	}
	got.Sum, got.Mean, got.Percentiles, got.Start, got.End = want.Sum, want.Mean, want.Percentiles, want.Start, want.End
	require.Equal(t, want, got)
}

func TestAggregatesFillGaps(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	store := filled(t,
		reading("pump", noon.Add(70*time.Minute), `{"t": 10}`),
		reading("pump", noon.Add(80*time.Minute), `{"t": 20}`),
		reading("fan", noon.Add(130*time.Minute), `{"t": 1}`),
		reading("pump", noon.Add(250*time.Minute), `{"t": 30}`),
	)
	query := analytics.AggregateQuery{
		Query:    analytics.Query{From: noon, To: noon.Add(6 * time.Hour), Things: []device.ID{device.MustParseID("pump")}},
		Interval: analytics.Interval{Every: time.Hour},
	}
	for fill, want := range map[analytics.Fill]string{
		analytics.FillNone:     "13:00 pump/t 2=15\n16:00 pump/t 1=30",
		analytics.FillNull:     "12:00 pump/t 0=NaN\n13:00 pump/t 2=15\n14:00 pump/t 0=NaN\n15:00 pump/t 0=NaN\n16:00 pump/t 1=30\n17:00 pump/t 0=NaN",
		analytics.FillPrevious: "12:00 pump/t 0=NaN\n13:00 pump/t 2=15\n14:00 pump/t 0=15\n15:00 pump/t 0=15\n16:00 pump/t 1=30\n17:00 pump/t 0=30",
		analytics.FillLinear:   "12:00 pump/t 0=NaN\n13:00 pump/t 2=15\n14:00 pump/t 0=20\n15:00 pump/t 0=25\n16:00 pump/t 1=30\n17:00 pump/t 0=NaN",
	} {
		query.Fill = fill
		require.Equal(t, want, writtenBuckets(aggregates(t, store, query), mean), "fill %d", fill)
	}
	query.Query, query.Fill = analytics.Query{}, analytics.FillPrevious
	require.Equal(t, "13:00 pump/t 2=15\n14:00 fan/t 1=1\n14:00 pump/t 0=15\n15:00 pump/t 0=15\n16:00 pump/t 1=30", writtenBuckets(aggregates(t, store, query), mean),
		"without bounds, from the first to the last point of each group")
	query.Fill, query.Percentiles = analytics.FillLinear, analytics.Percentiles{Of: []float64{100}, Exact: true}
	between := aggregates(t, store, query)[2]
	require.InDelta(t, 20+10.0/3, between.Percentiles[0], 1e-12)
	require.True(t, between.Filled)
	require.Zero(t, between.Sum)
}

func TestAggregatesGroup(t *testing.T) {
	t.Parallel()
	noon := received.Truncate(time.Hour)
	cold := reading("pump-3", noon.Add(3*time.Minute), `{"t": 9}`)
	cold.Channel = "cold"
	store := filled(t, reading("pump-1", noon, `{"t": 1, "u": 5}`), reading("pump-2", noon.Add(time.Minute), `{"t": 3}`), cold)
	query := analytics.AggregateQuery{Interval: analytics.Interval{Unit: analytics.Day}}
	query.Group = func(thing device.ID) string {
		return map[string]string{"pump-1": "north", "pump-2": "north", "pump-3": "south"}[thing.String()]
	}
	require.Equal(t, "00:00 north/t 2=2\n00:00 north/u 1=5\n00:00 south/t 1=9", writtenBuckets(aggregates(t, store, query), mean))
	query.Group = func(device.ID) string { return "" }
	require.Equal(t, "00:00 /t 2=2\n00:00 /u 1=5\n00:00 /t 1=9", writtenBuckets(aggregates(t, store, query), mean), "channels are apart")
	query.MergeChannels = true
	require.Equal(t, "00:00 /t 3=9\n00:00 /u 1=5", writtenBuckets(aggregates(t, store, query), func(b *analytics.Bucket) float64 { return b.Last }))
	query.Interval = analytics.Interval{}
	got := aggregates(t, store, query)
	require.Len(t, got, 2)
	require.True(t, got[0].Start.IsZero() && got[0].End.IsZero(), "one bucket of all")
}

func TestAggregatesRefuse(t *testing.T) {
	t.Parallel()
	store, hourly := filled(t), analytics.Interval{Every: time.Hour}
	for name, query := range map[string]analytics.AggregateQuery{
		"order":       {Query: analytics.Query{Descending: true}, Interval: hourly},
		"limit":       {Query: analytics.Query{Limit: 5}, Interval: hourly},
		"cursor":      {Query: analytics.Query{Cursor: "x"}, Interval: hourly},
		"metric":      {Query: analytics.Query{Metrics: []string{""}}, Interval: hourly},
		"interval":    {Interval: analytics.Interval{Every: 7 * time.Hour}},
		"fill":        {Interval: hourly, Fill: analytics.FillLinear + 1},
		"nothing":     {Fill: analytics.FillNull},
		"percentile":  {Interval: hourly, Percentiles: analytics.Percentiles{Of: []float64{101}}},
		"percentiles": {Interval: hourly, Percentiles: analytics.Percentiles{Of: make([]float64, analytics.MaxPercentiles+1)}},
		"NaN":         {Interval: hourly, Percentiles: analytics.Percentiles{Of: []float64{math.NaN()}}},
	} {
		buckets, err := collect(analytics.Aggregates(t.Context(), store, acme, query))
		require.ErrorIs(t, err, analytics.ErrQuery, name)
		require.Empty(t, buckets)
	}
	for _, query := range []analytics.Query{{Descending: true}, {Limit: 1}, {Cursor: "x"}} {
		_, err := collect(analytics.Downsampled(t.Context(), store, acme, query, 3))
		require.ErrorIs(t, err, analytics.ErrQuery)
	}
	_, err := collect(analytics.Downsampled(t.Context(), store, acme, analytics.Query{}, 2))
	require.ErrorIs(t, err, analytics.ErrQuery)
}

// endless yields points of more groups, or values, than there may be.
type endless struct {
	analytics.Store
	points, step int
	things       bool
}

func (e *endless) Points(_ context.Context, _ tenant.ID, _ analytics.Query) (analytics.Page[analytics.Point], error) {
	page := analytics.Page[analytics.Point]{Next: "more"}
	for range tenant.MaxLimit {
		e.points++
		p := analytics.Point{Thing: device.MustParseID("pump"), Metric: "t", Time: received.Add(time.Duration(e.points * e.step)), Value: 1}
		if e.things {
			p.Thing = device.MustParseID(fmt.Sprint("pump-", e.points))
		}
		page.Items = append(page.Items, p)
	}
	return page, nil
}

func TestAggregatesAreLimited(t *testing.T) {
	t.Parallel()
	hourly := analytics.Interval{Every: time.Hour}
	_, err := collect(analytics.Aggregates(t.Context(), &endless{things: true}, acme, analytics.AggregateQuery{Interval: hourly}))
	require.ErrorIs(t, err, analytics.ErrLimit)
	_, err = collect(analytics.Aggregates(t.Context(), &endless{}, acme, analytics.AggregateQuery{Interval: hourly, Percentiles: analytics.Percentiles{Of: []float64{50}, Exact: true}}))
	require.ErrorIs(t, err, analytics.ErrLimit)
	_, err = collect(analytics.Aggregates(t.Context(), &endless{step: 1 << 20}, acme, analytics.AggregateQuery{
		Query: analytics.Query{From: received.AddDate(-1, 0, 0)}, Interval: analytics.Interval{Every: time.Second}, Fill: analytics.FillNull,
	}))
	require.ErrorIs(t, err, analytics.ErrLimit)
	_, err = collect(analytics.Downsampled(t.Context(), &endless{}, acme, analytics.Query{}, 3))
	require.ErrorIs(t, err, analytics.ErrLimit)
}

func TestAggregatesEnd(t *testing.T) {
	t.Parallel()
	for bucket, err := range analytics.Aggregates(t.Context(), &endless{step: int(time.Minute)}, acme, analytics.AggregateQuery{Interval: analytics.Interval{Every: time.Hour}}) {
		require.NoError(t, err)
		require.Equal(t, "t", bucket.Metric)
		break // of an endless query
	}
	failing := analyticstest.Faulty(filled(t), func(analyticstest.Call) analyticstest.Fault {
		return analyticstest.Fault{Before: analyticstest.ErrFault}
	})
	_, err := collect(analytics.Aggregates(t.Context(), failing, acme, analytics.AggregateQuery{}))
	require.ErrorIs(t, err, analyticstest.ErrFault)
	_, err = collect(analytics.Downsampled(t.Context(), failing, acme, analytics.Query{}, 3))
	require.ErrorIs(t, err, analyticstest.ErrFault)
}

func TestAggregatesBeyondFloat64(t *testing.T) {
	t.Parallel()
	store := filled(t, reading("pump", received, `{"t": 1.7e308}`), reading("pump", received, `{"t": 1.7e308}`), reading("pump", received, `{"t": 5e-324}`))
	got := aggregates(t, store, analytics.AggregateQuery{Percentiles: analytics.Percentiles{Of: []float64{0, 100}}})[0]
	require.True(t, math.IsInf(got.Sum, 1) && math.IsInf(got.Mean, 1))
	require.Equal(t, uint64(3), got.Count)
	require.InEpsilon(t, 1.7e308, got.Percentiles[1], analytics.PercentileError)
	require.InDelta(t, 5e-324, got.Percentiles[0], 0)
}
