package analyticstest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
)

var declareTests = []lakeTest{
	{"declaring what is there already changes nothing", func(f *lakeFixture) {
		before := f.snapshot(f.a, f.channel)
		f.declare(f.a, analytics.Table{TableID: f.channel})
		if err := f.other.Declare(f.ctx, f.a, analytics.Table{TableID: analytics.TableID{Kind: f.channel.Kind, Name: "RAW"}}); err != nil {
			f.Errorf("Declare in another case: %v", err)
		}
		after := f.snapshot(f.a, f.channel)
		if before.Version != after.Version || after.Name != f.channel.Name {
			f.Errorf("%+v, want %+v", after, before)
		}
	}},
	{"retention may change, and columns be added", func(f *lakeFixture) {
		table := analytics.Table{
			TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "wide"}, Format: pipeline.FormatParquet,
			Columns:    []pipeline.Column{{Name: "n", Type: "int"}},
			Partitions: []pipeline.Partition{{Attribute: "site"}},
		}
		f.declare(f.a, table)
		f.append(f.a, table.TableID, f.row("1", 0, `{"n":1,"m":2}`))
		table.RetentionDays = 20_000
		table.Columns = append(table.Columns, pipeline.Column{Name: "m", Type: "string"})
		f.declare(f.a, table)
		f.append(f.a, table.TableID, f.row("2", 1, `{"n":3,"m":"x"}`))
		f.wantRows(f.a, table.TableID, `{"n":1}`, `{"n":3,"m":"x"}`)
		got, err := f.other.Snapshot(f.ctx, f.a, table.TableID)
		if err != nil || got.RetentionDays != table.RetentionDays || !slices.Equal(got.Columns, table.Columns) || !slices.Equal(got.Partitions, table.Partitions) {
			f.Errorf("%+v, %v, want %+v", got, err, table)
		}
	}},
	{"a declaration that can't be is refused", func(f *lakeFixture) {
		for name, table := range map[string]analytics.Table{
			"no kind":            {TableID: analytics.TableID{Name: "x"}},
			"another kind":       {TableID: analytics.TableID{Kind: "index", Name: "x"}},
			"no name":            {TableID: analytics.TableID{Kind: analytics.ChannelTable}},
			"long name":          {TableID: analytics.TableID{Kind: analytics.ChannelTable, Name: strings.Repeat("x", 129)}},
			"hidden name":        {TableID: analytics.TableID{Kind: analytics.ChannelTable, Name: "__x"}},
			"path":               {TableID: analytics.TableID{Kind: analytics.ChannelTable, Name: "a/b"}},
			"negative retention": {TableID: f.channel, RetentionDays: -1},
			"format of channel":  {TableID: f.channel, Format: pipeline.FormatJSON},
			"unknown format":     {TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "x"}, Format: "csv"},
			"no columns":         {TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "x"}, Format: pipeline.FormatParquet},
			"strange column":     {TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "x"}, Format: pipeline.FormatParquet, Columns: []pipeline.Column{{Name: "n", Type: "number"}}},
		} {
			f.wantErr(name, f.lake.Declare(f.ctx, f.a, table), analytics.ErrTable)
		}
	}},
	{"format, partitions and columns stay", func(f *lakeFixture) {
		table := analytics.Table{
			TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "wide"}, Format: pipeline.FormatParquet,
			Columns:    []pipeline.Column{{Name: "n", Type: "int"}, {Name: "m", Type: "string"}},
			Partitions: []pipeline.Partition{{Attribute: "site"}},
		}
		f.declare(f.a, table)
		for name, change := range map[string]func(*analytics.Table){
			"format":      func(t *analytics.Table) { t.Format, t.Columns = pipeline.FormatJSON, nil },
			"partitions":  func(t *analytics.Table) { t.Partitions = nil },
			"type":        func(t *analytics.Table) { t.Columns = []pipeline.Column{{Name: "n", Type: "bigint"}, table.Columns[1]} },
			"less":        func(t *analytics.Table) { t.Columns = t.Columns[:1] },
			"other order": func(t *analytics.Table) { t.Columns = []pipeline.Column{table.Columns[1], table.Columns[0]} },
		} {
			changed := table
			change(&changed)
			f.wantErr(name, f.other.Declare(f.ctx, f.a, changed), analytics.ErrTable)
		}
	}},
	{"a name may be used again after its table was deleted", func(f *lakeFixture) {
		f.append(f.a, f.store, f.row("1", 0, number(1)))
		f.delete(f.a, f.store, analytics.Deletion{Table: true})
		f.declare(f.a, analytics.Table{TableID: f.store, Format: pipeline.FormatParquet, Columns: []pipeline.Column{{Name: "n", Type: "int"}}})
		f.wantRows(f.a, f.store)
		f.wantOutcomes(f.appendBy(f.other, f.a, f.store, f.row("1", 0, number(2))), analytics.Stored)
		f.wantRows(f.a, f.store, number(2))
	}},
}

var lakeAppendTests = []lakeTest{
	{"an acknowledged row is seen by every process", func(f *lakeFixture) {
		for i := range 10 {
			lake := []analytics.Lake{f.lake, f.other}[i%2]
			f.wantOutcomes(f.appendBy(lake, f.a, f.channel, f.row(fmt.Sprint(i), float64(i), fmt.Sprint(i))), analytics.Stored)
			if got := payloads(f.rows(f.other, f.a, f.channel, analytics.RowQuery{})); len(got) != i+1 {
				f.Fatalf("after append %d: %q", i, got)
			}
		}
		f.wantRows(f.a, f.channel, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
	}},
	{"an id is kept once, by whatever process", func(f *lakeFixture) {
		f.wantOutcomes(f.append(f.a, f.channel, f.row("1", 0, "1"), f.row("2", 1, "2")), analytics.Stored, analytics.Stored)
		f.wantOutcomes(f.append(f.a, f.channel, f.row("1", 0, "1"), f.row("2", 1, "2")), analytics.Duplicate, analytics.Duplicate)
		f.wantOutcomes(f.appendBy(f.other, f.a, f.channel, f.row("2", 5, "other"), f.row("3", 2, "3")), analytics.Duplicate, analytics.Stored)
		f.wantOutcomes(f.append(f.a, f.channel, f.row("3", 9, "x")), analytics.Duplicate)
		f.wantOutcomes(f.appendBy(f.process(), f.a, f.channel, f.row("1", 9, "x"), f.row("4", 3, "4")), analytics.Duplicate, analytics.Stored)
		f.wantRows(f.a, f.channel, "1", "2", "3", "4")
	}},
	{"rows of one id and append belong together", func(f *lakeFixture) {
		f.wantOutcomes(f.append(f.a, f.store, f.row("1", 0, number(1)), f.row("2", 0, number(2)), f.row("1", 30, number(3))), analytics.Stored, analytics.Stored, analytics.Stored)
		f.wantOutcomes(f.append(f.a, f.store, f.row("1", 0, number(1)), f.row("3", 1, number(4)), f.row("1", 30, number(3))), analytics.Duplicate, analytics.Stored, analytics.Duplicate)
		f.wantRows(f.a, f.store, number(1), number(2), number(4), number(3))
	}},
	{"a row without id is never a duplicate", func(f *lakeFixture) {
		f.append(f.a, f.channel, f.row("", 0, "x"), f.row("", 0, "x"))
		f.append(f.a, f.channel, f.row("", 0, "x"))
		f.wantRows(f.a, f.channel, "x", "x", "x")
	}},
	{"the latest ids are remembered", func(f *lakeFixture) {
		rows := make([]analytics.Row, analytics.Window)
		for i := range rows {
			rows[i] = f.row(fmt.Sprint(i), float64(i%40), "")
		}
		for batch := range slices.Chunk(rows, 100) {
			f.append(f.a, f.channel, batch...)
		}
		for n, lake := range []analytics.Lake{f.lake, f.other, f.process()} {
			for batch := range slices.Chunk(rows, 300) {
				for i, outcome := range f.appendBy(lake, f.a, f.channel, batch...) {
					if outcome != analytics.Duplicate {
						f.Fatalf("process %d: id %s: %v", n, batch[i].ID, outcome)
					}
				}
			}
		}
	}},
	{"an append of the most rows can be sent again", func(f *lakeFixture) {
		rows := make([]analytics.Row, analytics.MaxRows)
		for i := range rows {
			rows[i] = f.row(fmt.Sprint(i), float64(i%40), "")
		}
		f.append(f.a, f.channel, rows...)
		for i, outcome := range f.appendBy(f.other, f.a, f.channel, rows...) {
			if outcome != analytics.Duplicate {
				f.Fatalf("row %d: %v", i, outcome)
			}
		}
	}},
	{"rows of several days and partitions are one append", func(f *lakeFixture) {
		table := analytics.TableID{Kind: analytics.DatastoreTable, Name: "apart"}
		f.declare(f.a, analytics.Table{TableID: table, Partitions: []pipeline.Partition{{Attribute: "site"}, {Attribute: "ts", Timestamp: true}}})
		version := f.snapshot(f.a, table).Version
		f.append(f.a, table,
			f.row("1", 0, `{"site":"a/../b=%ü","ts":1580000000}`),
			f.row("2", 0, `{"site":"b"}`),
			f.row("3", 24, `{"site":"b","ts":"x"}`),
			f.row("4", 0, `{"site":"`+strings.Repeat("long ", 500)+`"}`),
			f.row("5", 0, `{}`))
		got := f.snapshot(f.a, table)
		if got.Version != version+1 || len(got.Files) < 4 {
			f.Errorf("%d files, version %d after %d", len(got.Files), got.Version, version)
		}
		for _, file := range got.Files {
			if len(file.Partition) != 5 || file.Partition[0].Name != "__partition_site" || file.Partition[4].Name != "__hour" {
				f.Errorf("dimensions %+v", file.Partition)
			}
		}
		f.wantOutcomes(f.append(f.a, table, f.row("2", 0, `{"site":"b"}`), f.row("6", 0, `{"site":"b"}`)), analytics.Duplicate, analytics.Stored)
		if rows := f.rows(f.other, f.a, table, analytics.RowQuery{}); len(rows) != 6 {
			f.Errorf("%d rows, want 6", len(rows))
		}
	}},
	{"what is beyond a limit is refused, all of it", func(f *lakeFixture) {
		for name, rows := range map[string][]analytics.Row{
			"no rows":      nil,
			"many rows":    make([]analytics.Row, analytics.MaxRows+1),
			"large row":    {f.row("", 0, strings.Repeat("x", analytics.MaxRow+1))},
			"long id":      {f.row(strings.Repeat("x", analytics.MaxRowID+1), 0, "")},
			"strange id":   {f.row("\xff", 0, "")},
			"no time":      {{Payload: []byte("x")}},
			"distant time": {{At: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)}},
			"large append": slices.Repeat([]analytics.Row{f.row("", 0, strings.Repeat("x", analytics.MaxRow))}, analytics.MaxAppend/analytics.MaxRow+1),
			"one of two":   {f.row("1", 0, "x"), {}},
		} {
			_, err := f.lake.Append(f.ctx, f.a, f.channel, rows)
			f.wantErr(name, err, analytics.ErrRow)
		}
		for _, payload := range []string{"", "x", "[]", "7", `{"a":}`, `{} {}`} {
			_, err := f.lake.Append(f.ctx, f.a, f.store, []analytics.Row{f.row("1", 0, "{}"), f.row("2", 0, payload)})
			f.wantErr("payload "+payload, err, analytics.ErrRow)
		}
		f.wantRows(f.a, f.channel)
		f.wantRows(f.a, f.store)
	}},
	{"what was appended may be changed afterwards", func(f *lakeFixture) {
		payload := []byte("abc")
		f.append(f.a, f.channel, analytics.Row{At: f.noon, Payload: payload})
		payload[0] = 'x'
		rows := f.rows(f.lake, f.a, f.channel, analytics.RowQuery{})
		rows[0].Payload[1] = 'x'
		f.wantRows(f.a, f.channel, "abc")
	}},
	{"concurrent resends by two processes are kept once", func(f *lakeFixture) {
		const senders, rows = 8, 25
		var stored [rows]int
		var mu sync.Mutex
		var group sync.WaitGroup
		for s := range senders {
			lake := []analytics.Lake{f.lake, f.other}[s%2]
			group.Go(func() {
				for i := range rows {
					outcomes, err := lake.Append(f.ctx, f.a, f.channel, []analytics.Row{f.row(fmt.Sprint(i), float64(i), fmt.Sprint(i)), {Thing: device.MustParseID(fmt.Sprint("sender-", s)), At: f.noon}})
					if err != nil {
						f.Errorf("Append: %v", err)
						return
					}
					mu.Lock()
					if outcomes[0] == analytics.Stored {
						stored[i]++
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
		for i, n := range stored {
			if n != 1 {
				f.Errorf("row %d stored %d times", i, n)
			}
		}
		if n := len(f.rows(f.process(), f.a, f.channel, analytics.RowQuery{Limit: 1000})); n != rows+senders*rows {
			f.Errorf("%d rows, want %d", n, rows+senders*rows)
		}
	}},
}
