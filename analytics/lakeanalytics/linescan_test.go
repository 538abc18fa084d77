package lakeanalytics_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
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

// scannedRows returns the rows of a scan that are within its bounds, as text in
// order.
func scannedRows(t require.TestingT, lake analytics.ColumnScanner, scan analytics.ColumnScan) []string {
	rows := []string{}
	for block, err := range lake.ScanColumns(context.Background(), acme, scan) {
		require.NoError(t, err)
		for i, at := range block.Times {
			if at == analytics.NoTime || !scan.From.IsZero() && at < scan.From.UnixNano() || !scan.To.IsZero() && at >= scan.To.UnixNano() {
				continue
			}
			row := fmt.Sprint(at)
			for _, by := range block.By {
				if name := by.Rows[i]; name >= 0 {
					row += fmt.Sprintf(" %q", by.Names[name])
				} else {
					row += " -"
				}
			}
			for _, values := range block.Values {
				row += fmt.Sprintf(" %x", math.Float64bits(values[i]+0))
			}
			rows = append(rows, row)
		}
	}
	slices.Sort(rows)
	return rows
}

// drawPayload draws a message that devices might send, with attributes of any
// type, in any case, several times or not at all.
func drawPayload(t *rapid.T) string {
	value := rapid.SampledFrom([]string{
		"0", "-0", "1", "21.5", "-1e3", "1e400", "123456789.123456789123", "9007199254740993", `"21.25"`, `"1e2"`, `"x"`, `""`, `"\u0061\"\ud83d"`, `"é"`, "null", "true", "false", `"true"`,
		`{"a": [1, 2]}`, `{}`, `[ 1, null ]`, "1768030200", "1768030200123", `"1768030200"`, "1768030200.0000005", `"2026-01-10 07:30:00"`, `"2026-01-10T07:30:00.1234567+01:00"`, `"2026-01-10"`, `"9999-01-01"`, `"2026-13-01"`,
	})
	name := rapid.SampledFrom([]string{"v", "V", "ts", "Ts", "site", "SITE", `s\u0069te`, "other", "__thing", `\u005f_at`})
	members := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf(`"%s" : %s`, name.Draw(t, "name"), value.Draw(t, "value"))
	}), 0, 6).Draw(t, "members")
	return "{" + strings.Join(members, " ,") + " }"
}

// A data store of JSON has the same columns as one of Parquet with the same
// rows.
func TestColumnsOfJSONAreThoseOfParquet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lake := newLake()
		tables := []analytics.Table{
			{TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "lines"}},
			{TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "wide"}, Format: pipeline.FormatParquet, Columns: []pipeline.Column{
				{Name: "v", Type: "double"}, {Name: "ts", Type: "timestamp"}, {Name: "site", Type: "string"},
			}},
		}
		for _, table := range tables {
			require.NoError(t, lake.Declare(context.Background(), acme, table))
		}
		at := start
		for range rapid.IntRange(1, 4).Draw(t, "appends") {
			var rows []analytics.Row
			for range rapid.IntRange(1, 15).Draw(t, "rows") {
				at = at.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "minutes")) * time.Minute)
				row := analytics.Row{At: at, Payload: []byte(drawPayload(t))}
				if thing := rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "thing"); thing != "" {
					row.Thing = device.MustParseID(thing)
				}
				rows = append(rows, row)
			}
			for _, table := range tables {
				_, err := lake.Append(context.Background(), acme, table.TableID, rows)
				require.NoError(t, err)
			}
		}
		if rapid.Bool().Draw(t, "sweep") {
			require.NoError(t, lake.Sweep(context.Background(), acme))
		}
		scan := analytics.ColumnScan{
			Time: rapid.SampledFrom([]string{"", "ts", "TS"}).Draw(t, "time"), By: rapid.SampledFrom([][]string{nil, {"site"}, {analytics.ByThing, "Site"}, {"site", "site", analytics.ByThing}}).Draw(t, "by"),
			Values: rapid.SampledFrom([][]string{{"v"}, {"V", "v"}}).Draw(t, "values"),
		}
		if rapid.Bool().Draw(t, "bounds") {
			scan.From, scan.To = start.Add(35*time.Minute), start.Add(5*time.Hour)
		}
		scan.Datastore = "lines"
		lines := scannedRows(t, lake, scan)
		query := analytics.ColumnQuery{ColumnScan: scan, Interval: analytics.Interval{Every: time.Hour}, Percentiles: analytics.Percentiles{Of: []float64{50}}}
		buckets := collect(t, analytics.AggregateColumns(context.Background(), lake, acme, query))
		scan.Datastore, query.Datastore = "wide", "wide"
		require.Equal(t, scannedRows(t, lake, scan), lines)
		require.Equal(t, collect(t, analytics.AggregateColumns(context.Background(), lake, acme, query)), buckets)
	})
}

// jsonLake returns a lake with a data store of JSON, and its objects.
func jsonLake(t *testing.T) (analytics.Objects, *lakeanalytics.Lake) {
	t.Helper()
	objects := memanalytics.NewObjects()
	lake := lakeanalytics.New(objects, tenant.RandomCursorKeys())
	require.NoError(t, lake.Declare(t.Context(), acme, analytics.Table{TableID: store}))
	return objects, lake
}

func appended(t *testing.T, lake *lakeanalytics.Lake, rows int, payload func(i int) []byte) {
	t.Helper()
	all := make([]analytics.Row, rows)
	for i := range all {
		all[i] = analytics.Row{At: start.Add(time.Duration(i) * time.Second), Payload: payload(i)}
	}
	for chunk := range slices.Chunk(all, analytics.MaxRows) {
		_, err := lake.Append(t.Context(), acme, store, chunk)
		require.NoError(t, err)
	}
}

// Blocks are of bounded length, whatever is in them.
func TestBlocksOfLinesAreBounded(t *testing.T) {
	t.Parallel()
	_, lake := jsonLake(t)
	const rows = 40_000
	appended(t, lake, rows, func(i int) []byte { return fmt.Appendf(nil, `{"site":"%d","v":%d}`, i, i) })
	require.NoError(t, lake.Sweep(t.Context(), acme))
	sum, count := 0.0, 0
	for block, err := range lake.ScanColumns(t.Context(), acme, analytics.ColumnScan{Datastore: store.Name, By: []string{"site"}, Values: []string{"v"}}) {
		require.NoError(t, err)
		require.LessOrEqual(t, len(block.Times), 1<<14)
		require.LessOrEqual(t, len(block.By[0].Names), 1<<15)
		for i, value := range block.Values[0] {
			require.Equal(t, fmt.Sprint(value), block.By[0].Names[block.By[0].Rows[i]])
			sum += value
			count++
		}
	}
	require.Equal(t, rows, count)
	require.InDelta(t, rows*(rows-1)/2, sum, 0)

	_, lake = jsonLake(t)
	appended(t, lake, 30, func(i int) []byte { return fmt.Appendf(nil, `{"site":"%d%s"}`, i, strings.Repeat("x", 600_000)) })
	for block, err := range lake.ScanColumns(t.Context(), acme, analytics.ColumnScan{Datastore: store.Name, By: []string{"site"}, Values: []string{"v"}}) {
		require.NoError(t, err)
		require.LessOrEqual(t, len(block.By[0].Names), 2)
	}
}

func TestLinesEndWithTheirBounds(t *testing.T) {
	t.Parallel()
	_, lake := jsonLake(t)
	const rows = 20_000
	appended(t, lake, rows, func(i int) []byte { return fmt.Appendf(nil, `{"v":%d,"filler":"%0300d"}`, i, i*i) })
	require.NoError(t, lake.Sweep(t.Context(), acme))
	scan := analytics.ColumnScan{Datastore: store.Name, Values: []string{"v"}, From: start.Add(3000 * time.Second), To: start.Add(3010 * time.Second)}
	require.Len(t, scannedRows(t, lake, scan), 10)
	read := 0
	for block, err := range lake.ScanColumns(t.Context(), acme, scan) {
		require.NoError(t, err)
		read += len(block.Times)
	}
	require.Less(t, read, 2500, "neither members that end before nor rows that follow are read")
}

func TestScanOfLinesEnds(t *testing.T) {
	t.Parallel()
	_, lake := jsonLake(t)
	appended(t, lake, 40_000, func(int) []byte { return []byte(`{"v":1}`) })
	require.NoError(t, lake.Sweep(t.Context(), acme))
	scan := analytics.ColumnScan{Datastore: store.Name, Values: []string{"v"}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	blocks := 0
	var last error
	for _, err := range lake.ScanColumns(ctx, acme, scan) {
		blocks, last = blocks+1, err
		cancel()
	}
	require.ErrorIs(t, last, context.Canceled)
	require.Equal(t, 2, blocks)
	for block, err := range lake.ScanColumns(t.Context(), acme, scan) {
		require.NoError(t, err)
		require.NotEmpty(t, block.Times)
		break
	}
}

// A file that is damaged is an error, and not less rows.
func TestScanOfCorruptLines(t *testing.T) {
	t.Parallel()
	objects, lake := jsonLake(t)
	appended(t, lake, 100, func(i int) []byte { return fmt.Appendf(nil, `{"v":%d}`, i) })
	snapshot, err := lake.Snapshot(t.Context(), acme, store)
	require.NoError(t, err)
	name := snapshot.Files[0].Name
	object, err := objects.Open(t.Context(), acme, name)
	require.NoError(t, err)
	whole, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
	require.NoError(t, err)
	require.NoError(t, object.Close())
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 0x40
	for what, data := range map[string][]byte{"cut": whole[:len(whole)-20], "empty": nil, "flipped": flipped} {
		require.NoError(t, objects.Put(t.Context(), acme, name, bytes.NewReader(data)))
		var last error
		for _, err := range lake.ScanColumns(t.Context(), acme, analytics.ColumnScan{Datastore: store.Name, Values: []string{"v"}}) {
			last = err
		}
		require.ErrorIs(t, last, analytics.ErrCorrupt, what)
	}
}

func TestColumnsOfJSONThatCantBe(t *testing.T) {
	t.Parallel()
	_, lake := jsonLake(t)
	appended(t, lake, 1, func(int) []byte { return []byte(`{"v":1}`) })
	for _, scan := range []analytics.ColumnScan{
		{Values: []string{""}},
		{Values: []string{"__at"}},
		{Values: []string{"v"}, Time: "__at"},
		{Values: []string{"v"}, By: []string{"__seq"}},
		{Values: []string{strings.Repeat("v", pipeline.MaxFieldName+1)}},
	} {
		scan.Datastore = store.Name
		for _, err := range lake.ScanColumns(t.Context(), acme, scan) {
			require.ErrorIs(t, err, analytics.ErrQuery, "%+v", scan)
		}
	}
	require.Empty(t, collect(t, analytics.AggregateColumns(t.Context(), lake, acme, analytics.ColumnQuery{
		ColumnScan: analytics.ColumnScan{Datastore: store.Name, Values: []string{"none"}},
	})), "an attribute that no row has")
}
