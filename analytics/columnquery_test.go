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
	"github.com/iotenant/iotenant/tenant"
)

// columnRow is a row of columns: of two texts, nil where there is none, and two
// numbers.
type columnRow struct {
	at     int64
	by     [2]*string
	values [2]float64
}

func (r *columnRow) text(i int) string {
	if r.by[i] == nil {
		return ""
	}
	return *r.by[i]
}

// columnRows are a data store with the columns by0, by1, v0 and v1, whose blocks
// have so many rows.
type columnRows struct {
	rows  []columnRow
	block int
}

func (c *columnRows) ScanColumns(_ context.Context, _ tenant.ID, scan analytics.ColumnScan) iter.Seq2[*analytics.ColumnBlock, error] {
	return func(yield func(*analytics.ColumnBlock, error) bool) {
		for rows := range slices.Chunk(c.rows, c.block) {
			block := &analytics.ColumnBlock{By: make([]analytics.ColumnTexts, len(scan.By)), Values: make([][]float64, len(scan.Values))}
			for _, row := range rows {
				block.Times = append(block.Times, row.at)
				for i, name := range scan.By {
					texts, number := &block.By[i], int32(-1)
					if text := row.by[name[len(name)-1]-'0']; text != nil {
						if number = int32(slices.Index(texts.Names, *text)); number < 0 {
							number = int32(len(texts.Names))
							texts.Names = append(texts.Names, *text)
						}
					}
					texts.Rows = append(texts.Rows, number)
				}
				for i, name := range scan.Values {
					block.Values[i] = append(block.Values[i], row.values[name[len(name)-1]-'0'])
				}
			}
			if !yield(block, nil) {
				return
			}
		}
	}
}

func drawColumnRows(t *rapid.T) *columnRows {
	value := rapid.OneOf(rapid.Float64Range(-1e6, 1e6), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1)}))
	text := rapid.SampledFrom([]string{"", "a", "b", "a / b", "-"})
	at := 0
	return &columnRows{block: rapid.IntRange(1, 20).Draw(t, "block"), rows: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) columnRow {
		at++
		row := columnRow{at: received.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "minute"))*time.Minute + time.Duration(at)).UnixNano()}
		if rapid.IntRange(0, 9).Draw(t, "timeless") == 0 {
			row.at = analytics.NoTime
		}
		for i := range row.by {
			if s := text.Draw(t, "by"); s != "-" {
				row.by[i] = &s
			}
			row.values[i] = value.Draw(t, "value")
		}
		return row
	}), 0, 60).Draw(t, "rows")}
}

// seriesOf returns the numbers of each group and column in order of time: what a
// query is about, found in the simplest way.
func seriesOf(rows []columnRow, query analytics.ColumnQuery) map[string][]analytics.Point {
	found := map[string][]analytics.Point{}
	for _, row := range rows {
		if row.at == analytics.NoTime || !query.From.IsZero() && row.at < query.From.UnixNano() || !query.To.IsZero() && row.at >= query.To.UnixNano() {
			continue
		}
		var by []string
		for _, name := range query.By {
			by = append(by, row.text(int(name[len(name)-1]-'0')))
		}
		group := fmt.Sprintf("%q", by)
		if query.Group != nil {
			group = query.Group(by)
		}
		for _, name := range query.Values {
			if value := row.values[name[len(name)-1]-'0']; value-value == 0 {
				key := group + " " + name
				found[key] = append(found[key], analytics.Point{Time: time.Unix(0, row.at).UTC(), Value: value})
			}
		}
	}
	for _, points := range found {
		slices.SortFunc(points, func(a, b analytics.Point) int { return a.Time.Compare(b.Time) })
	}
	return found
}

func seriesKey(query analytics.ColumnQuery, group string, by []string, metric string) string {
	if query.Group == nil {
		group = fmt.Sprintf("%q", by)
	}
	return group + " " + metric
}

func drawColumnQuery(t *rapid.T) analytics.ColumnQuery {
	query := analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{
		By:     rapid.SampledFrom([][]string{{"by0"}, {"by1", "by0"}, {"by0", "by1", "by1"}}).Draw(t, "by"),
		Values: rapid.SampledFrom([][]string{{"v0"}, {"v1", "v0"}}).Draw(t, "values"),
	}}
	if rapid.Bool().Draw(t, "bounds") {
		query.From, query.To = received.Add(30*time.Minute), received.Add(3*time.Hour)
	}
	if rapid.Bool().Draw(t, "group") {
		query.Group = func(values []string) string { return fmt.Sprint(len(strings.Join(values, ""))) }
	}
	return query
}

func TestColumnQueriesMatchTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		store, query := drawColumnRows(t), drawColumnQuery(t)
		model := seriesOf(store.rows, query)
		n := rapid.IntRange(3, 10).Draw(t, "n")

		buckets, err := collect(analytics.AggregateColumns(t.Context(), store, acme, query))
		require.NoError(t, err)
		require.Len(t, buckets, len(model))
		for _, b := range buckets {
			points := model[seriesKey(query, b.Group, b.By, b.Metric)]
			require.EqualValues(t, len(points), b.Count)
			require.InDelta(t, points[len(points)-1].Value, b.Last, 0)
		}
		requireSorted(t, buckets, func(b analytics.Bucket) ([]string, string, string) { return b.By, b.Group, b.Metric })

		lasts, err := collect(analytics.LastColumns(t.Context(), store, acme, query))
		require.NoError(t, err)
		require.Len(t, lasts, len(model))
		for _, p := range lasts {
			points := model[seriesKey(query, p.Group, p.By, p.Metric)]
			want := points[len(points)-1]
			require.Equal(t, want, analytics.Point{Time: p.Time, Value: p.Value})
		}
		requireSorted(t, lasts, func(p analytics.ColumnPoint) ([]string, string, string) { return p.By, p.Group, p.Metric })

		sampled := map[string][]analytics.Point{}
		for p, err := range analytics.DownsampleColumns(t.Context(), store, acme, query, n) {
			require.NoError(t, err)
			key := seriesKey(query, p.Group, p.By, p.Metric)
			sampled[key] = append(sampled[key], analytics.Point{Time: p.Time, Value: p.Value})
		}
		require.Len(t, sampled, len(model))
		for key, points := range model {
			require.Equal(t, analytics.Downsample(points, n), sampled[key], key)
		}
	})
}

func requireSorted[T any](t require.TestingT, items []T, of func(T) (by []string, group, metric string)) {
	require.True(t, slices.IsSortedFunc(items, func(x, y T) int {
		xBy, xGroup, xMetric := of(x)
		yBy, yGroup, yMetric := of(y)
		return cmp.Or(slices.Compare(xBy, yBy), cmp.Compare(xGroup, yGroup), cmp.Compare(xMetric, yMetric))
	}))
}

// Buckets of many groups, of which each interval has few, come in order, too.
func TestColumnsOfSparseGroups(t *testing.T) {
	t.Parallel()
	store := &columnRows{block: 100}
	const rows = 2000
	for i := range rows {
		group := fmt.Sprintf("%04d", (i*7919)%rows)
		store.rows = append(store.rows, columnRow{at: received.Add(time.Duration(i/4) * time.Minute).UnixNano(), by: [2]*string{&group}})
	}
	buckets, err := collect(analytics.AggregateColumns(t.Context(), store, acme, analytics.ColumnQuery{
		ColumnScan: analytics.ColumnScan{By: []string{"by0"}, Values: []string{"v0"}}, Interval: analytics.Interval{Every: time.Minute},
	}))
	require.NoError(t, err)
	require.Len(t, buckets, rows)
	require.True(t, slices.IsSortedFunc(buckets, func(x, y analytics.Bucket) int {
		return cmp.Or(x.Start.Compare(y.Start), cmp.Compare(x.Group, y.Group))
	}))
}

func TestColumnsFillGaps(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	pump, fan := "pump", "fan"
	at := func(minutes int, name *string, value float64) columnRow {
		return columnRow{at: noon.Add(time.Duration(minutes) * time.Minute).UnixNano(), by: [2]*string{name}, values: [2]float64{value, math.NaN()}}
	}
	store := &columnRows{block: 2, rows: []columnRow{at(250, &pump, 30), at(70, &pump, 10), at(130, &fan, 1), at(80, &pump, 20)}}
	query := analytics.ColumnQuery{
		ColumnScan: analytics.ColumnScan{By: []string{"by0"}, Values: []string{"v0", "v1"}, From: noon, To: noon.Add(6 * time.Hour)}, Interval: analytics.Interval{Every: time.Hour},
	}
	for fill, want := range map[analytics.Fill]string{
		analytics.FillNone:     "13:00 2=15\n16:00 1=30",
		analytics.FillNull:     "12:00 0=NaN\n13:00 2=15\n14:00 0=NaN\n15:00 0=NaN\n16:00 1=30\n17:00 0=NaN",
		analytics.FillPrevious: "12:00 0=NaN\n13:00 2=15\n14:00 0=15\n15:00 0=15\n16:00 1=30\n17:00 0=30",
		analytics.FillLinear:   "12:00 0=NaN\n13:00 2=15\n14:00 0=20\n15:00 0=25\n16:00 1=30\n17:00 0=NaN",
	} {
		query.Fill = fill
		buckets, err := collect(analytics.AggregateColumns(t.Context(), store, acme, query))
		require.NoError(t, err)
		buckets = slices.DeleteFunc(buckets, func(b analytics.Bucket) bool { return b.By[0] != "pump" })
		require.Equal(t, want, strings.ReplaceAll(writtenBuckets(buckets, mean), " pump/v0", ""), "fill %d", fill)
		require.NotContains(t, writtenBuckets(buckets, mean), "v1", "a column without numbers is unknown")
	}
}

func TestColumnQueriesRefuse(t *testing.T) {
	t.Parallel()
	store, hourly := &columnRows{block: 1}, analytics.Interval{Every: time.Hour}
	for name, change := range map[string]func(q *analytics.ColumnQuery){
		"nothing":    func(q *analytics.ColumnQuery) { q.Values = nil },
		"values":     func(q *analytics.ColumnQuery) { q.Values = make([]string, analytics.MaxSelected+1) },
		"by":         func(q *analytics.ColumnQuery) { q.By = make([]string, analytics.MaxBy+1) },
		"bounds":     func(q *analytics.ColumnQuery) { q.From, q.To = received, received.Add(-1) },
		"interval":   func(q *analytics.ColumnQuery) { q.Interval.Every = 7 * time.Hour },
		"fill":       func(q *analytics.ColumnQuery) { q.Fill = analytics.FillNull },
		"percentile": func(q *analytics.ColumnQuery) { q.Percentiles.Of = []float64{101} },
	} {
		query := analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{By: []string{"by0"}, Values: []string{"v0"}}}
		change(&query)
		_, err := collect(analytics.AggregateColumns(t.Context(), store, acme, query))
		require.ErrorIs(t, err, analytics.ErrQuery, name)
		_, err = collect(analytics.LastColumns(t.Context(), store, acme, query))
		require.ErrorIs(t, err, analytics.ErrQuery, name)
		_, err = collect(analytics.DownsampleColumns(t.Context(), store, acme, query, 3))
		require.ErrorIs(t, err, analytics.ErrQuery, name)
	}
	query := analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{Values: []string{"v0"}}}
	_, err := collect(analytics.DownsampleColumns(t.Context(), store, acme, query, 2))
	require.ErrorIs(t, err, analytics.ErrQuery)
	query.Interval = hourly
	_, err = collect(analytics.LastColumns(t.Context(), store, acme, query))
	require.ErrorIs(t, err, analytics.ErrQuery, "an interval means nothing to it")
}

// endlessColumns yields ever new groups, or numbers of one, until its caller has
// enough.
type endlessColumns struct {
	groups bool
	step   int64
	err    error
}

func (e endlessColumns) ScanColumns(_ context.Context, _ tenant.ID, scan analytics.ColumnScan) iter.Seq2[*analytics.ColumnBlock, error] {
	return func(yield func(*analytics.ColumnBlock, error) bool) {
		const rows = 1 << 14
		block := &analytics.ColumnBlock{Times: make([]int64, rows), By: make([]analytics.ColumnTexts, len(scan.By)), Values: make([][]float64, len(scan.Values))}
		for i := range block.Values {
			block.Values[i] = make([]float64, rows)
		}
		for at := int64(0); ; at++ {
			for i := range block.By {
				texts := &block.By[i]
				texts.Rows, texts.Names = make([]int32, rows), nil
				for row := range rows {
					block.Times[row] = (at*rows + int64(row)) * e.step
					texts.Rows[row] = int32(len(texts.Names)) - 1
					if e.groups {
						texts.Rows[row] = int32(row)
						texts.Names = append(texts.Names, fmt.Sprint(at*rows+int64(row)))
					}
				}
			}
			if e.err != nil {
				yield(nil, e.err)
				return
			}
			if !yield(block, nil) {
				return
			}
		}
	}
}

func TestColumnQueriesAreLimited(t *testing.T) {
	t.Parallel()
	query := analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{By: []string{"a"}, Values: make([]string, analytics.MaxSelected)}}
	for name, scanner := range map[string]endlessColumns{"groups": {groups: true}, "groups and intervals": {groups: true, step: int64(time.Second)}, "intervals": {step: int64(time.Second)}} {
		aggregates := query
		if scanner.step > 0 {
			aggregates.Interval = analytics.Interval{Every: time.Second}
		}
		_, err := collect(analytics.AggregateColumns(t.Context(), scanner, acme, aggregates))
		require.ErrorIs(t, err, analytics.ErrLimit, name)
	}
	exact := query
	exact.Percentiles = analytics.Percentiles{Of: []float64{50}, Exact: true}
	_, err := collect(analytics.AggregateColumns(t.Context(), endlessColumns{}, acme, exact))
	require.ErrorIs(t, err, analytics.ErrLimit)
	_, err = collect(analytics.LastColumns(t.Context(), endlessColumns{groups: true}, acme, query))
	require.ErrorIs(t, err, analytics.ErrLimit)
	for _, scanner := range []endlessColumns{{}, {groups: true}} {
		_, err = collect(analytics.DownsampleColumns(t.Context(), scanner, acme, query, 3))
		require.ErrorIs(t, err, analytics.ErrLimit)
	}
}

func TestColumnQueriesEnd(t *testing.T) {
	t.Parallel()
	query := analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{By: []string{"by0"}, Values: []string{"v0"}}}
	failing := endlessColumns{err: analyticstest.ErrFault}
	_, err := collect(analytics.AggregateColumns(t.Context(), failing, acme, query))
	require.ErrorIs(t, err, analyticstest.ErrFault)
	_, err = collect(analytics.LastColumns(t.Context(), failing, acme, query))
	require.ErrorIs(t, err, analyticstest.ErrFault)
	_, err = collect(analytics.DownsampleColumns(t.Context(), failing, acme, query, 3))
	require.ErrorIs(t, err, analyticstest.ErrFault)

	a, b := "a", "b"
	store := &columnRows{block: 1, rows: []columnRow{{at: 1, by: [2]*string{&a}}, {at: 2, by: [2]*string{&b}}}}
	for bucket, err := range analytics.AggregateColumns(t.Context(), store, acme, query) {
		require.NoError(t, err)
		require.Equal(t, "a", bucket.Group)
		break
	}
	for point, err := range analytics.LastColumns(t.Context(), store, acme, query) {
		require.NoError(t, err)
		require.Equal(t, "a", point.Group)
		break
	}
	points := analytics.DownsampleColumns(t.Context(), store, acme, query, 3)
	for point, err := range points {
		require.NoError(t, err)
		require.Equal(t, "a", point.Group)
		break
	}
	again, err := collect(points)
	require.NoError(t, err)
	require.Len(t, again, 2, "it can be ranged over again")
}
