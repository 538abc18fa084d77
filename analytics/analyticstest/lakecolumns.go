package analyticstest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// columnTests are for lakes that are an analytics.ColumnScanner. Each runs over
// a data store of either format.
var columnTests = []lakeTest{
	{"columns are aggregated by time, thing and column", eachFormat(func(f *lakeFixture, table analytics.TableID) {
		f.append(f.a, table, f.row("", 0, `{"v":1,"w":10}`), f.row("", 0.5, `{"V":2}`), f.row("", 3, `{"v":"4","w":null}`), f.row("", 4, `{"site":"x"}`))
		query := columnsOf(table, "v", "w")
		query.Interval = analytics.Interval{Every: time.Hour}
		f.wantColumns(query, "pump v 12:00 2=1.5", "pump w 12:00 1=10", "pump v 15:00 1=4")
		f.sweep(f.a)
		f.wantColumns(query, "pump v 12:00 2=1.5", "pump w 12:00 1=10", "pump v 15:00 1=4")
		query.From, query.To = f.after(0.5), f.after(3)
		f.wantColumns(query, "pump v 12:00 1=2")
	})},
	{"gaps are filled", eachFormat(func(f *lakeFixture, table analytics.TableID) {
		f.append(f.a, table, f.row("", 1, `{"v":1}`), f.row("", 3, `{"v":5}`))
		query := columnsOf(table)
		query.Interval, query.From, query.To = analytics.Interval{Every: time.Hour}, f.noon, f.after(5)
		for fill, want := range map[analytics.Fill][]string{
			analytics.FillNull:     {"pump v 12:00 0=NaN", "pump v 13:00 1=1", "pump v 14:00 0=NaN", "pump v 15:00 1=5", "pump v 16:00 0=NaN"},
			analytics.FillPrevious: {"pump v 12:00 0=NaN", "pump v 13:00 1=1", "pump v 14:00 0=1", "pump v 15:00 1=5", "pump v 16:00 0=5"},
			analytics.FillLinear:   {"pump v 12:00 0=NaN", "pump v 13:00 1=1", "pump v 14:00 0=3", "pump v 15:00 1=5", "pump v 16:00 0=NaN"},
		} {
			query.Fill = fill
			f.wantColumns(query, want...)
		}
	})},
	{"groups are of several columns, and of the thing", eachFormat(func(f *lakeFixture, table analytics.TableID) {
		fan := f.row("", 0, `{"v":3,"site":"south"}`)
		fan.Thing = f.fan
		f.append(f.a, table, f.row("", 0, `{"v":1,"site":"north"}`), f.row("", 1, `{"v":2,"SITE":"south"}`), fan, f.row("", 2, `{"v":4}`))
		query := columnsOf(table)
		query.By = []string{"site", analytics.ByThing}
		f.wantColumns(query, " / pump v 00:00 1=4", "north / pump v 00:00 1=1", "south / fan v 00:00 1=3", "south / pump v 00:00 1=2")
		query.Group = func(values []string) string { return values[0] }
		f.wantColumns(query, " v 00:00 1=4", "north v 00:00 1=1", "south v 00:00 2=2.5")
	})},
	{"the time is that of a column", eachFormat(func(f *lakeFixture, table analytics.TableID) {
		f.append(f.a, table, f.row("", 0, `{"v":1,"ts":"2019-01-01 07:30:00"}`), f.row("", 0, `{"v":2,"ts":1546329600}`), f.row("", 0, `{"v":3,"ts":1546329600000}`), f.row("", 0, `{"v":9}`))
		query := columnsOf(table)
		query.Time, query.Interval = "ts", analytics.Interval{Every: time.Hour}
		f.wantColumns(query, "pump v 07:00 1=1", "pump v 08:00 2=2.5")
	})},
	{"the last values are those of the latest time", eachFormat(func(f *lakeFixture, table analytics.TableID) {
		fan := f.row("", 0, `{"v":7}`)
		fan.Thing = f.fan
		f.append(f.a, table, f.row("", 5, `{"v":5,"w":50}`), f.row("", 6, `{"v":6}`), fan)
		f.append(f.a, table, f.row("", 1, `{"v":1,"w":10}`))
		query := columnsOf(table, "v", "w")
		f.wantPoints("last", analytics.LastColumns(f.ctx, f.scanner(), f.a, query), "fan v 12:00=7", "pump v 18:00=6", "pump w 17:00=50")
		query.To = f.after(5)
		f.wantPoints("last before", analytics.LastColumns(f.ctx, f.scanner(), f.a, query), "fan v 12:00=7", "pump v 13:00=1", "pump w 13:00=10")
	})},
	{"downsampled columns keep their ends and peaks", eachFormat(func(f *lakeFixture, table analytics.TableID) {
		for i := range 30 {
			value := 20
			if i == 5 {
				value = 90
			}
			f.append(f.a, table, f.row("", float64((i*7)%30)/10, fmt.Sprintf(`{"v":%d}`, value)))
		}
		f.wantPoints("downsampled", analytics.DownsampleColumns(f.ctx, f.scanner(), f.a, columnsOf(table), 3), "pump v 12:00=20", "pump v 12:30=90", "pump v 14:54=20")
	})},
	{"what is deleted is in no column", eachFormat(func(f *lakeFixture, table analytics.TableID) {
		fan := f.row("", 0, `{"v":3}`)
		fan.Thing = f.fan
		f.append(f.a, table, f.row("", 0, `{"v":1}`), fan)
		f.delete(f.a, table, analytics.Deletion{Things: []device.ID{f.pump}})
		f.wantColumns(columnsOf(table), "fan v 00:00 1=3")
	})},
	{"columns that can't be are refused", eachFormat(func(f *lakeFixture, table analytics.TableID) {
		f.append(f.a, table, f.row("", 0, `{"v":1}`))
		for _, change := range []func(q *analytics.ColumnQuery){
			func(q *analytics.ColumnQuery) { q.Values = nil },
			func(q *analytics.ColumnQuery) { q.Values = []string{""} },
			func(q *analytics.ColumnQuery) { q.Values = []string{"__at"} },
			func(q *analytics.ColumnQuery) { q.By = []string{"__seq"} },
			func(q *analytics.ColumnQuery) { q.By = make([]string, analytics.MaxBy+1) },
			func(q *analytics.ColumnQuery) { q.Time = "__at" },
			func(q *analytics.ColumnQuery) { q.From, q.To = f.after(1), f.after(0) },
		} {
			query := columnsOf(table)
			change(&query)
			for call, err := range columnErrors(f.ctx, f.scanner(), f.a, query) {
				f.wantErr(fmt.Sprintf("%s of %+v", call, query.ColumnScan), err, analytics.ErrQuery)
			}
		}
	})},
	{"a cancelled context ends a scan", eachFormat(func(f *lakeFixture, table analytics.TableID) {
		f.append(f.a, table, f.row("", 0, `{"v":1}`))
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		for call, err := range columnErrors(ctx, f.scanner(), f.a, columnsOf(table)) {
			f.wantErr(call, err, context.Canceled)
		}
	})},
}

// eachFormat runs a check over a data store of JSON, and over one of Parquet
// with the columns v, w, site and ts.
func eachFormat(check func(f *lakeFixture, table analytics.TableID)) func(f *lakeFixture) {
	return func(f *lakeFixture) {
		f.scanner()
		wide := f.parquet(pipeline.Column{Name: "v", Type: "double"}, pipeline.Column{Name: "w", Type: "double"}, pipeline.Column{Name: "site", Type: "string"}, pipeline.Column{Name: "ts", Type: "timestamp"})
		check(f, f.store)
		check(f, wide)
	}
}

// scanner skips the test if the lake reads no columns.
func (f *lakeFixture) scanner() analytics.ColumnScanner {
	f.Helper()
	scanner, ok := f.other.(analytics.ColumnScanner)
	if !ok {
		f.Skip("the lake is no analytics.ColumnScanner")
	}
	return scanner
}

// columnsOf asks for columns, v by default.
func columnsOf(table analytics.TableID, values ...string) analytics.ColumnQuery {
	if len(values) == 0 {
		values = []string{"v"}
	}
	return analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{Datastore: table.Name, Values: values}}
}

// columnErrors returns the last error of each query, by its name.
func columnErrors(ctx context.Context, scanner analytics.ColumnScanner, id tenant.ID, query analytics.ColumnQuery) map[string]error {
	errs := map[string]error{"AggregateColumns": nil, "LastColumns": nil, "DownsampleColumns": nil}
	for _, err := range analytics.AggregateColumns(ctx, scanner, id, query) {
		errs["AggregateColumns"] = err
	}
	for _, err := range analytics.LastColumns(ctx, scanner, id, query) {
		errs["LastColumns"] = err
	}
	for _, err := range analytics.DownsampleColumns(ctx, scanner, id, query, 3) {
		errs["DownsampleColumns"] = err
	}
	return errs
}

// wantColumns checks the counts and means of buckets.
func (f *lakeFixture) wantColumns(query analytics.ColumnQuery, want ...string) {
	f.Helper()
	var got []string
	for b, err := range analytics.AggregateColumns(f.ctx, f.scanner(), f.a, query) {
		if err != nil {
			f.Fatalf("AggregateColumns: %v", err)
		}
		got = append(got, fmt.Sprintf("%s %s %s %d=%v", b.Group, b.Metric, b.Start.Format("15:04"), b.Count, b.Mean))
	}
	if !slices.Equal(got, want) {
		f.Errorf("aggregates of %s: %q, want %q", query.Datastore, got, want)
	}
}

func (f *lakeFixture) wantPoints(call string, points func(yield func(analytics.ColumnPoint, error) bool), want ...string) {
	f.Helper()
	var got []string
	for p, err := range points {
		if err != nil {
			f.Fatalf("%s: %v", call, err)
		}
		got = append(got, fmt.Sprintf("%s %s %s=%v", p.Group, p.Metric, p.Time.Format("15:04"), p.Value))
	}
	if !slices.Equal(got, want) {
		f.Errorf("%s: %q, want %q", call, got, want)
	}
}
