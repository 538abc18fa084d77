package analyticstest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

var rowTests = []lakeTest{
	{"rows of a channel come back byte by byte", func(f *lakeFixture) {
		sent := []analytics.Row{
			{ID: "ü\"\n", Thing: f.pump, At: f.after(0).Add(1), Payload: []byte("{ \"t\" :1.0,\n\"t\":\"\\u00e4\"}")},
			{Thing: f.fan, At: f.after(1).In(time.FixedZone("", 3600)), Payload: []byte("\x00\xff not JSON")},
			{ID: "no thing", At: f.after(2), Payload: []byte(`"aGVsbG8="`)},
			{ID: "empty", Thing: f.fan, At: f.after(3)},
		}
		f.append(f.a, f.channel, sent...)
		for i, got := range f.rows(f.other, f.a, f.channel, analytics.RowQuery{}) {
			if !sameRow(got, sent[i]) || got.At.Location() != time.UTC {
				f.Errorf("row %d: %+v, want %+v", i, got, sent[i])
			}
		}
		f.sweep(f.a)
		if got := f.rows(f.lake, f.a, f.channel, analytics.RowQuery{}); !slices.EqualFunc(got, sent, sameRow) {
			f.Errorf("after a sweep %+v, want %+v", got, sent)
		}
	}},
	{"rows of a data store come back as its format keeps them", func(f *lakeFixture) {
		f.append(f.a, f.store, f.row("1", 0, `{"a":1.50,"b":[null,{"c":"\u00e4"}]}`))
		f.wantRows(f.a, f.store, `{"a":1.50,"b":[null,{"c":"\u00e4"}]}`)
		table := f.parquet(pipeline.Column{Name: "a", Type: "double"}, pipeline.Column{Name: "s", Type: "string"})
		f.append(f.a, table, f.row("1", 0, `{"s":"x","other":7,"A":1.50}`), f.row("2", 1, `{}`))
		f.wantRows(f.a, table, `{"a":1.5,"s":"x"}`, `{}`)
		for _, r := range f.rows(f.lake, f.a, table, analytics.RowQuery{}) {
			if r.Thing != f.pump || r.At.Before(f.noon) {
				f.Errorf("row %+v", r)
			}
		}
	}},
	{"they are ordered by time, those of one time and append as they came", func(f *lakeFixture) {
		f.append(f.a, f.channel, f.row("", 2, "c1"), f.row("", 1, "b"), f.row("", 2, "c2"), f.row("", 50, "e"))
		f.append(f.a, f.channel, f.row("", 2, "c3"), f.row("", -30, "a"), f.row("", 2, "c4"), f.row("", 4, "d"))
		want := []string{"a", "b", "c1", "c2", "c3", "c4", "d", "e"}
		f.wantRows(f.a, f.channel, want...)
		f.sweep(f.a)
		f.wantRows(f.a, f.channel, want...)
		apart := analytics.TableID{Kind: analytics.DatastoreTable, Name: "apart"}
		f.declare(f.a, analytics.Table{TableID: apart, Partitions: []pipeline.Partition{{Attribute: "n"}}})
		var rows []analytics.Row
		want = nil
		for i := range 20 {
			rows = append(rows, f.row("", 0, number(i*7%5)))
			want = append(want, number(i*7%5))
		}
		f.append(f.a, apart, rows...)
		f.wantRows(f.a, apart, want...)
	}},
	{"from is included and to is excluded", func(f *lakeFixture) {
		for i := range 5 {
			f.append(f.a, f.channel, f.row("", float64(10*i), fmt.Sprint(i)))
		}
		f.wantSelected(f.a, f.channel, analytics.RowQuery{From: f.after(10), To: f.after(30)}, "1", "2")
		f.wantSelected(f.a, f.channel, analytics.RowQuery{From: f.after(10).Add(1)}, "2", "3", "4")
		f.wantSelected(f.a, f.channel, analytics.RowQuery{To: f.after(10), Limit: 1}, "0")
		f.wantSelected(f.a, f.channel, analytics.RowQuery{From: f.after(20), To: f.after(20)})
		f.wantSelected(f.a, f.channel, analytics.RowQuery{From: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, "0", "1", "2", "3", "4")
	}},
	{"a query that can't be is refused", func(f *lakeFixture) {
		for name, query := range map[string]analytics.RowQuery{
			"bounds":   {From: f.after(1), To: f.after(0)},
			"limit":    {Limit: tenant.MaxLimit + 1},
			"negative": {Limit: -1},
		} {
			_, err := f.lake.Rows(f.ctx, f.a, f.channel, query)
			f.wantErr(name, err, analytics.ErrQuery)
		}
	}},
}

// sameRow compares rows; a nil payload equals an empty one.
func sameRow(a, b analytics.Row) bool {
	return a.ID == b.ID && a.Thing == b.Thing && a.At.Equal(b.At) && string(a.Payload) == string(b.Payload)
}

var rowPagingTests = []lakeTest{
	{"pages end at the limit and follow each other", func(f *lakeFixture) {
		var want []string
		for i := range 25 {
			want = append(want, fmt.Sprint(i))
			f.append(f.a, f.channel, f.row("", float64(i/3*9), fmt.Sprint(i)))
		}
		for _, limit := range []int{1, 2, 7, 24, 25, 26, 0} {
			f.wantSelected(f.a, f.channel, analytics.RowQuery{Limit: limit}, want...)
			page, err := f.lake.Rows(f.ctx, f.a, f.channel, analytics.RowQuery{Limit: limit})
			if err != nil || limit > 0 && len(page.Items) > limit {
				f.Errorf("limit %d: %d rows, %v", limit, len(page.Items), err)
			}
		}
	}},
	{"what is there throughout is found once, whatever happens to files", func(f *lakeFixture) {
		want := map[string]bool{}
		for i := range 40 {
			payload := fmt.Sprint("stays ", i)
			want[payload] = true
			goes := f.row("", float64(i/8), fmt.Sprint("goes ", i))
			goes.Thing = f.fan
			f.append(f.a, f.channel, f.row("", float64(i/8), payload), goes)
		}
		seen := map[string]int{}
		query := analytics.RowQuery{Limit: 3}
		for n := 0; ; n++ {
			page, err := []analytics.Lake{f.lake, f.other}[n%2].Rows(f.ctx, f.a, f.channel, query)
			if err != nil {
				f.Fatal(err)
			}
			for _, r := range page.Items {
				seen[string(r.Payload)]++
			}
			if query.Cursor = page.Next; page.Next == "" {
				break
			}
			switch n % 4 {
			case 0:
				f.append(f.a, f.channel, f.row("", float64(n%8)-2, fmt.Sprint("new ", n)))
			case 1:
				f.sweep(f.a)
			case 2:
				if n == 6 {
					f.delete(f.a, f.channel, analytics.Deletion{Things: []device.ID{f.fan}})
				}
			}
		}
		for payload, times := range seen {
			if times != 1 {
				f.Errorf("%s: found %d times", payload, times)
			}
			delete(want, payload)
		}
		if len(want) > 0 {
			f.Errorf("not found: %v", want)
		}
	}},
	{"large rows are paged to the end", func(f *lakeFixture) {
		var want []string
		for i := range 12 {
			payload := strings.Repeat("x", analytics.MaxRow-i)
			want = append(want, payload)
			f.append(f.a, f.channel, f.row("", float64(i), payload))
		}
		if got := payloads(f.rows(f.other, f.a, f.channel, analytics.RowQuery{Limit: tenant.MaxLimit})); !slices.Equal(got, want) {
			f.Errorf("%d rows, want %d", len(got), len(want))
		}
	}},
}

var snapshotTests = []lakeTest{
	{"a snapshot tells what the table consists of", func(f *lakeFixture) {
		f.append(f.a, f.channel, f.row("", 0, "a"), f.row("", 1, "b"), f.row("", 13, "c"))
		f.append(f.a, f.channel, f.row("", 2, "d"))
		for range 2 {
			got := f.snapshot(f.a, f.channel)
			rows := map[time.Time]int64{}
			for _, file := range got.Files {
				rows[file.Day] += file.Rows
				if file.Bytes <= 0 || len(file.Partition) > 0 || file.First.Before(file.Day) || file.Last.Before(file.First) || analytics.CheckObjectName(file.Name) != nil {
					f.Errorf("file %+v", file)
				}
			}
			day := f.noon.Truncate(24 * time.Hour)
			if len(rows) != 2 || rows[day] != 3 || rows[day.AddDate(0, 0, 1)] != 1 || got.TableID != f.channel {
				f.Errorf("rows %v of %v", rows, got.TableID)
			}
			if !got.Files[0].First.Equal(f.noon) {
				f.Errorf("first %v, want %v", got.Files[0].First, f.noon)
			}
			f.sweep(f.a)
		}
	}},
	{"its version grows by one with each change", func(f *lakeFixture) {
		before := f.snapshot(f.a, f.channel).Version
		f.append(f.a, f.channel, f.row("1", 0, ""))
		f.append(f.a, f.channel, f.row("1", 0, ""))
		f.appendBy(f.other, f.a, f.channel, f.row("2", 0, ""))
		if after := f.snapshot(f.a, f.channel).Version; after != before+2 {
			f.Errorf("version %d, was %d", after, before)
		}
	}},
	{"what was returned may be changed", func(f *lakeFixture) {
		table := analytics.TableID{Kind: analytics.DatastoreTable, Name: "apart"}
		f.declare(f.a, analytics.Table{TableID: table, Partitions: []pipeline.Partition{{Attribute: "site"}}})
		f.append(f.a, table, f.row("", 0, `{"site":"x"}`))
		first := f.snapshot(f.a, table)
		*first.Files[0].Partition[0].Value = "y"
		first.Files[0].Partition[0].Name, first.Partitions[0].Attribute = "y", "y"
		second := f.snapshot(f.a, table)
		if *second.Files[0].Partition[0].Value != "x" || second.Files[0].Partition[0].Name != "__partition_site" || second.Partitions[0].Attribute != "site" {
			f.Errorf("%+v", second)
		}
	}},
}
