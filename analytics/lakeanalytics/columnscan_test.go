package lakeanalytics_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

var (
	acme  = tenant.MustParseID("acme")
	store = analytics.TableID{Kind: analytics.DatastoreTable, Name: "readings"}
	start = time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)
)

func newLake() *lakeanalytics.Lake {
	return lakeanalytics.New(memanalytics.NewObjects(), tenant.RandomCursorKeys())
}

// Aggregates of columns are those of the same numbers as points.
func TestColumnsAggregateAsPoints(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lake, points := newLake(), memanalytics.New()
		table := analytics.Table{TableID: store, Format: rapid.SampledFrom([]pipeline.Format{pipeline.FormatJSON, pipeline.FormatParquet}).Draw(t, "format")}
		if table.Format == pipeline.FormatParquet {
			table.Columns = []pipeline.Column{{Name: "Temperature", Type: "double"}, {Name: "rpm", Type: "int"}, {Name: "f", Type: "float"}, {Name: "d", Type: "decimal(9,2)"}}
		}
		require.NoError(t, lake.Declare(t.Context(), acme, table))
		metrics := []string{"Temperature", "rpm", "f", "d"}
		at := start
		for range rapid.IntRange(1, 4).Draw(t, "appends") {
			var rows []analytics.Row
			var messages []analytics.Message
			for range rapid.IntRange(1, 20).Draw(t, "rows") {
				at = at.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "minutes")) * time.Minute)
				var members []string
				for _, metric := range metrics {
					if rapid.Bool().Draw(t, metric) {
						value := rapid.IntRange(-3000, 3000).Draw(t, "value")
						text := fmt.Sprintf("%v", float64(value)/4)
						if metric == "rpm" {
							text = fmt.Sprint(value)
						}
						members = append(members, fmt.Sprintf("%q:%s", metric, text))
					}
				}
				payload := []byte("{" + strings.Join(members, ",") + "}")
				thing := device.MustParseID(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "thing"))
				rows = append(rows, analytics.Row{Thing: thing, At: at, Payload: payload})
				messages = append(messages, analytics.Message{Thing: thing, At: at, Payload: payload})
			}
			_, err := lake.Append(t.Context(), acme, store, rows)
			require.NoError(t, err)
			_, err = points.Append(t.Context(), acme, messages)
			require.NoError(t, err)
		}
		if rapid.Bool().Draw(t, "sweep") {
			require.NoError(t, lake.Sweep(t.Context(), acme))
		}
		var from, to time.Time
		if rapid.Bool().Draw(t, "bounds") {
			from, to = start.Add(35*time.Minute), start.Add(5*time.Hour)
		}
		interval := rapid.SampledFrom([]analytics.Interval{{}, {Every: time.Hour}, {Unit: analytics.Day}}).Draw(t, "interval")
		percentiles := analytics.Percentiles{Of: []float64{50, 90}, Exact: rapid.Bool().Draw(t, "exact")}
		fill := analytics.FillNone
		if interval != (analytics.Interval{}) {
			fill = rapid.SampledFrom([]analytics.Fill{analytics.FillNone, analytics.FillNull, analytics.FillPrevious, analytics.FillLinear}).Draw(t, "fill")
		}
		var group func([]string) string
		var thingGroup func(device.ID) string
		if rapid.Bool().Draw(t, "group") {
			group = func(values []string) string { return string(values[0][0] &^ 1) }
			thingGroup = func(thing device.ID) string { return group([]string{thing.String()}) }
		}
		want := collect(t, analytics.Aggregates(t.Context(), points, acme, analytics.AggregateQuery{
			Query: analytics.Query{Metrics: metrics, From: from, To: to}, Interval: interval, Percentiles: percentiles, Group: thingGroup, Fill: fill,
		}))
		got := collect(t, analytics.AggregateColumns(t.Context(), lake, acme, analytics.ColumnQuery{
			ColumnScan: analytics.ColumnScan{Datastore: "Readings", Values: metrics, From: from, To: to}, Interval: interval, Percentiles: percentiles, Group: group, Fill: fill,
		}))
		for i := range got {
			if group == nil {
				require.Equal(t, []string{got[i].Group}, got[i].By)
			}
			got[i].By = nil
		}
		require.Equal(t, written(want), written(got))
	})
}

// written returns buckets as text, in which NaN equals itself.
func written(buckets []analytics.Bucket) (lines []string) {
	for _, bucket := range buckets {
		lines = append(lines, fmt.Sprintf("%+v", bucket))
	}
	return lines
}

func collect(t require.TestingT, buckets func(yield func(analytics.Bucket, error) bool)) (all []analytics.Bucket) {
	for bucket, err := range buckets {
		require.NoError(t, err)
		all = append(all, bucket)
	}
	return all
}

func declared(t *testing.T, lake *lakeanalytics.Lake, payloads ...string) {
	t.Helper()
	require.NoError(t, lake.Declare(t.Context(), acme, analytics.Table{TableID: store, Format: pipeline.FormatParquet, Columns: []pipeline.Column{
		{Name: "ts", Type: "timestamp"}, {Name: "seconds", Type: "bigint"}, {Name: "day", Type: "date"}, {Name: "unix", Type: "double"},
		{Name: "site", Type: "string"}, {Name: "line", Type: "int"}, {Name: "on", Type: "boolean"}, {Name: "v", Type: "double"}, {Name: "list", Type: "array<int>"},
	}}))
	rows := make([]analytics.Row, len(payloads))
	for i, payload := range payloads {
		rows[i] = analytics.Row{At: start, Payload: []byte(payload)}
	}
	_, err := lake.Append(t.Context(), acme, store, rows)
	require.NoError(t, err)
}

func TestColumnsOfTimesAndNames(t *testing.T) {
	t.Parallel()
	lake := newLake()
	declared(t, lake,
		`{"ts":"2026-01-10 07:30:00","seconds":1768030200,"day":"2026-01-10","unix":1768030200.5,"site":"a","line":1,"on":true,"v":1}`,
		`{"ts":"2026-01-10T08:30:00Z","seconds":1768033800000,"day":"2026-01-11","unix":1768033800,"site":"b","line":2,"on":false,"v":3}`,
		`{"site":"a","v":100}`)
	for _, column := range []string{"ts", "seconds", "unix", "TS"} {
		for by, names := range map[string][]string{"site": {"a", "b"}, "line": {"1", "2"}, "on": {"true", "false"}} {
			got := collect(t, analytics.AggregateColumns(t.Context(), lake, acme, analytics.ColumnQuery{
				ColumnScan: analytics.ColumnScan{Datastore: store.Name, Time: column, By: []string{by}, Values: []string{"v"}}, Interval: analytics.Interval{Every: time.Hour},
			}))
			require.Len(t, got, 2, column)
			require.Equal(t, []string{names[0], names[1]}, []string{got[0].Group, got[1].Group})
			require.Equal(t, time.Date(2026, 1, 10, 7, 0, 0, 0, time.UTC), got[0].Start)
			require.InDelta(t, 1, got[0].Max, 0)
			require.Equal(t, time.Date(2026, 1, 10, 9, 0, 0, 0, time.UTC), got[1].End)
		}
	}
	got := collect(t, analytics.AggregateColumns(t.Context(), lake, acme, analytics.ColumnQuery{
		ColumnScan: analytics.ColumnScan{Datastore: store.Name, Time: "day", By: []string{"site"}, Values: []string{"v"}, From: time.Date(2026, 1, 11, 0, 0, 0, 0, time.UTC)},
	}))
	require.Len(t, got, 1)
	require.Equal(t, "b", got[0].Group)
	// Rows without a thing are one group.
	got = collect(t, analytics.AggregateColumns(t.Context(), lake, acme, analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{Datastore: store.Name, Values: []string{"v"}}}))
	require.Len(t, got, 1)
	require.EqualValues(t, 3, got[0].Count)
	require.Empty(t, got[0].Group)
}

func TestColumnsThatCantBe(t *testing.T) {
	t.Parallel()
	lake := newLake()
	declared(t, lake, `{"v":1}`)
	for _, scan := range []analytics.ColumnScan{
		{Datastore: store.Name},
		{Datastore: store.Name, Values: []string{"w"}},
		{Datastore: store.Name, Values: []string{"site"}},
		{Datastore: store.Name, Values: []string{"list"}},
		{Datastore: store.Name, Values: []string{"__at"}},
		{Datastore: store.Name, Values: []string{"v"}, Time: "site"},
		{Datastore: store.Name, Values: []string{"v"}, By: []string{"v"}},
		{Datastore: store.Name, Values: []string{"v"}, By: []string{"__at"}},
		{Datastore: store.Name, Values: []string{"v"}, From: start, To: start.Add(-1)},
	} {
		for _, err := range analytics.AggregateColumns(t.Context(), lake, acme, analytics.ColumnQuery{ColumnScan: scan}) {
			require.ErrorIs(t, err, analytics.ErrQuery, "%+v", scan)
		}
	}
	hourly := analytics.Interval{Every: time.Hour}
	for name, query := range map[string]analytics.ColumnQuery{
		"interval":              {Interval: analytics.Interval{Every: 7 * time.Hour}},
		"fill":                  {Interval: hourly, Fill: analytics.FillLinear + 1},
		"fill without interval": {Fill: analytics.FillNull},
		"percentile":            {Percentiles: analytics.Percentiles{Of: []float64{101}}},
	} {
		query.ColumnScan = analytics.ColumnScan{Datastore: store.Name, Values: []string{"v"}}
		for _, err := range analytics.AggregateColumns(t.Context(), lake, acme, query) {
			require.ErrorIs(t, err, analytics.ErrQuery, name)
		}
	}
	var last error
	for _, err := range analytics.AggregateColumns(t.Context(), lake, acme, analytics.ColumnQuery{
		ColumnScan: analytics.ColumnScan{Datastore: store.Name, Values: []string{"v"}, From: start.AddDate(-1, 0, 0)}, Interval: analytics.Interval{Every: time.Second}, Fill: analytics.FillNull,
	}) {
		last = err
	}
	require.ErrorIs(t, last, analytics.ErrLimit)
	for _, err := range analytics.AggregateColumns(t.Context(), lake, acme, analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{Datastore: "other", Values: []string{"v"}}}) {
		require.ErrorIs(t, err, analytics.ErrNoTable)
	}
	for _, err := range analytics.AggregateColumns(t.Context(), lake, tenant.ID{}, analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{Datastore: store.Name, Values: []string{"v"}}}) {
		require.ErrorIs(t, err, tenant.ErrID)
	}
}

// A tenant that asks for columns of another's data store sees its own.
func TestAttackColumnsOfAnotherTenant(t *testing.T) {
	t.Parallel()
	umbra := tenant.MustParseID("umbra")
	for _, format := range []pipeline.Format{pipeline.FormatParquet, pipeline.FormatJSON} {
		lake := newLake()
		if format == pipeline.FormatParquet {
			declared(t, lake, `{"v":1}`)
		} else {
			require.NoError(t, lake.Declare(t.Context(), acme, analytics.Table{TableID: store}))
			appended(t, lake, 1, func(int) []byte { return []byte(`{"v":1}`) })
		}
		for _, name := range []string{store.Name, "../acme/" + store.Name, "../../acme/datastore/readings"} {
			query := analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{Datastore: name, Values: []string{"v"}}}
			for bucket, err := range analytics.AggregateColumns(t.Context(), lake, umbra, query) {
				require.ErrorIs(t, err, analytics.ErrNoTable)
				require.NotContains(t, err.Error(), "acme")
				require.Zero(t, bucket)
			}
			for point, err := range analytics.LastColumns(t.Context(), lake, umbra, query) {
				require.ErrorIs(t, err, analytics.ErrNoTable)
				require.NotContains(t, err.Error(), "acme")
				require.Zero(t, point)
			}
			for point, err := range analytics.DownsampleColumns(t.Context(), lake, umbra, query, 3) {
				require.ErrorIs(t, err, analytics.ErrNoTable)
				require.NotContains(t, err.Error(), "acme")
				require.Zero(t, point)
			}
		}
	}
}

// What a row has beside its message is no column, and no message passes for it.
func TestAttackHiddenColumns(t *testing.T) {
	t.Parallel()
	_, lake := jsonLake(t)
	appended(t, lake, 1, func(int) []byte { return []byte(`{"v":1,"__thing":"boss","\u005f_at":7,"__AT":8}`) })
	for _, name := range []string{"__at", "__AT", "__seq", "__thing", "__THING"} {
		for _, scan := range []analytics.ColumnScan{
			{Datastore: store.Name, Values: []string{name}},
			{Datastore: store.Name, Values: []string{"v"}, Time: name},
		} {
			rows := 0
			for block, err := range lake.ScanColumns(t.Context(), acme, scan) {
				require.ErrorIs(t, err, analytics.ErrQuery)
				require.Nil(t, block)
				rows++
			}
			require.Equal(t, 1, rows, "%+v", scan)
		}
	}
	for point, err := range analytics.LastColumns(t.Context(), lake, acme, analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{Datastore: store.Name, Values: []string{"v"}}}) {
		require.NoError(t, err)
		require.Equal(t, start, point.Time)
		require.Equal(t, []string{""}, point.By)
	}
}
