package analyticstest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
)

// staging declares a table like the channel, to replace its rows.
func (f *lakeFixture) staging() analytics.TableID {
	f.Helper()
	id := analytics.TableID{Kind: f.channel.Kind, Name: "staging"}
	f.declare(f.a, analytics.Table{TableID: id})
	return id
}

var replaceTests = []lakeTest{
	{"the rows of days are replaced in one step", func(f *lakeFixture) {
		for i := range 5 {
			f.append(f.a, f.channel, f.row(fmt.Sprint(i), float64(24*i), fmt.Sprint("old ", i)))
		}
		staging := f.staging()
		f.append(f.a, staging, f.row("1", 24, "new 1"), f.row("x", 25, "new x"), f.row("3", 48, "new 3"))
		version := f.snapshot(f.a, f.channel).Version
		if err := f.other.Replace(f.ctx, f.a, f.channel, staging, f.after(24), f.after(72)); err != nil {
			f.Fatalf("Replace: %v", err)
		}
		f.wantRows(f.a, f.channel, "old 0", "new 1", "new x", "new 3", "old 3", "old 4")
		if got := f.snapshot(f.a, f.channel).Version; got != version+1 {
			f.Errorf("version %d, was %d", got, version)
		}
		_, err := f.lake.Snapshot(f.ctx, f.a, staging)
		f.wantErr("Snapshot of what was moved", err, analytics.ErrNoTable)
		f.wantErr("again", f.lake.Replace(f.ctx, f.a, f.channel, staging, f.after(24), f.after(72)), analytics.ErrNoTable)
		f.wantRows(f.a, f.channel, "old 0", "new 1", "new x", "new 3", "old 3", "old 4")
	}},
	{"ids of both are known afterwards", func(f *lakeFixture) {
		f.append(f.a, f.channel, f.row("old", 0, "old"))
		staging := f.staging()
		f.append(f.a, staging, f.row("new", 1, "new"))
		if err := f.lake.Replace(f.ctx, f.a, f.channel, staging, f.noon, f.after(24)); err != nil {
			f.Fatalf("Replace: %v", err)
		}
		f.wantOutcomes(f.appendBy(f.other, f.a, f.channel, f.row("old", 0, ""), f.row("new", 0, "")), analytics.Duplicate, analytics.Duplicate)
		f.wantRows(f.a, f.channel, "new")
	}},
	{"nothing may replace rows too", func(f *lakeFixture) {
		f.append(f.a, f.channel, f.row("", 0, "0"), f.row("", 24, "1"))
		if err := f.lake.Replace(f.ctx, f.a, f.channel, f.staging(), f.noon, f.after(24)); err != nil {
			f.Fatalf("Replace: %v", err)
		}
		f.wantRows(f.a, f.channel, "1")
	}},
	{"what can't be replaced is refused, and stays", func(f *lakeFixture) {
		staging := f.staging()
		f.append(f.a, f.channel, f.row("", 0, "old"))
		f.append(f.a, staging, f.row("", 0, "new"))
		replace := func(into, from analytics.TableID, first, end time.Time) error {
			return f.lake.Replace(f.ctx, f.a, into, from, first, end)
		}
		missing := analytics.TableID{Kind: f.channel.Kind, Name: "missing"}
		f.wantErr("no table", replace(missing, staging, f.noon, f.after(24)), analytics.ErrNoTable)
		f.wantErr("from no table", replace(f.channel, missing, f.noon, f.after(24)), analytics.ErrNoTable)
		f.wantErr("itself", replace(f.channel, f.channel, f.noon, f.after(24)), analytics.ErrTable)
		f.wantErr("another kind", replace(f.store, staging, f.noon, f.after(24)), analytics.ErrTable)
		f.wantErr("no day", replace(f.channel, staging, f.noon, f.after(1)), analytics.ErrTable)
		f.wantErr("other days", replace(f.channel, staging, f.after(24), f.after(48)), analytics.ErrTable)
		f.wantErr("a day that has not ended", replace(f.channel, staging, f.noon, time.Now().AddDate(0, 0, 2)), analytics.ErrTable)
		wide := f.parquet(pipeline.Column{Name: "n", Type: "int"})
		f.wantErr("declared otherwise", replace(f.store, wide, f.noon, f.after(24)), analytics.ErrTable)
		f.wantRows(f.a, f.channel, "old")
		f.wantOutcomes(f.append(f.a, staging, f.row("2", 1, "new 2")), analytics.Stored)
		f.wantRows(f.a, staging, "new", "new 2")
	}},
}

var lakeDeleteTests = []lakeTest{
	{"days before one are deleted", func(f *lakeFixture) {
		for i := range 4 {
			f.append(f.a, f.channel, f.row(fmt.Sprint(i), float64(24*i), fmt.Sprint(i)))
		}
		f.delete(f.a, f.channel, analytics.Deletion{Before: f.after(50)})
		f.wantRows(f.a, f.channel, "2", "3")
		f.wantOutcomes(f.append(f.a, f.channel, f.row("0", 24, "")), analytics.Duplicate)
		f.delete(f.a, f.channel, analytics.Deletion{Before: f.after(50)})
		f.wantRows(f.a, f.channel, "2", "3")
	}},
	{"what things sent is deleted, also what was merged", func(f *lakeFixture) {
		wide := f.parquet(pipeline.Column{Name: "n", Type: "int"})
		for _, table := range []analytics.TableID{f.channel, f.store, wide} {
			for i := range 12 {
				row := f.row(fmt.Sprint(i), float64(i*5), number(i))
				row.Thing = []device.ID{f.pump, f.fan, {}}[i%3]
				f.append(f.a, table, row)
				if i == 6 {
					f.sweep(f.a)
				}
			}
			if err := f.other.Delete(f.ctx, f.a, table, analytics.Deletion{Things: []device.ID{f.fan}}); err != nil {
				f.Fatalf("Delete: %v", err)
			}
			f.wantRows(f.a, table, number(0), number(2), number(3), number(5), number(6), number(8), number(9), number(11))
			f.delete(f.a, table, analytics.Deletion{Things: []device.ID{f.pump}, Before: f.after(24)})
			f.wantRows(f.a, table, number(2), number(3), number(5), number(6), number(8), number(9), number(11))
		}
	}},
	{"a deleted table is no more", func(f *lakeFixture) {
		f.append(f.a, f.channel, f.row("1", 0, "1"))
		f.delete(f.a, f.channel, analytics.Deletion{Table: true})
		for call, err := range f.lakeCalls(f.ctx, f.a, f.channel) {
			f.wantErr(call, err, analytics.ErrNoTable)
		}
		_, err := f.other.Append(f.ctx, f.a, f.channel, []analytics.Row{f.row("1", 0, "1")})
		f.wantErr("Append by another process", err, analytics.ErrNoTable)
		f.sweep(f.a)
		f.declare(f.a, analytics.Table{TableID: f.channel})
		f.wantRows(f.a, f.channel)
	}},
	{"a deletion of nothing is refused", func(f *lakeFixture) {
		f.append(f.a, f.channel, f.row("1", 0, "1"))
		for name, deletion := range map[string]analytics.Deletion{
			"zero":             {},
			"zero thing":       {Things: []device.ID{{}}},
			"table and things": {Table: true, Things: []device.ID{f.pump}},
		} {
			f.wantErr(name, f.lake.Delete(f.ctx, f.a, f.channel, deletion), analytics.ErrQuery)
		}
		f.wantRows(f.a, f.channel, "1")
	}},
}

var sweepTests = []lakeTest{
	{"whole days are kept as long as declared", func(f *lakeFixture) {
		f.declare(f.a, analytics.Table{TableID: f.channel, RetentionDays: 3})
		today := time.Now().UTC().Truncate(24 * time.Hour)
		for i, at := range []time.Time{f.noon, today.AddDate(0, 0, -5), today.AddDate(0, 0, -4).Add(-time.Second), today.AddDate(0, 0, -2), today} {
			f.append(f.a, f.channel, analytics.Row{ID: fmt.Sprint(i), At: at, Payload: []byte(fmt.Sprint(i))})
		}
		f.append(f.a, f.store, f.row("", 0, number(0)))
		f.sweep(f.a)
		f.wantRows(f.a, f.channel, "3", "4")
		f.wantRows(f.a, f.store, number(0))
	}},
	{"small files become one", func(f *lakeFixture) {
		wide := f.parquet(pipeline.Column{Name: "n", Type: "int"})
		for _, table := range []analytics.TableID{f.channel, wide} {
			var want []string
			for i := range 40 {
				want = append(want, number(i/2))
				f.append(f.a, table, f.row(fmt.Sprint(i), float64(i)/4, number(i/2)))
			}
			f.sweep(f.a)
			if n := len(f.snapshot(f.a, table).Files); n != 1 {
				f.Errorf("%d files, want 1", n)
			}
			f.wantRows(f.a, table, want...)
			f.wantOutcomes(f.appendBy(f.other, f.a, table, f.row("7", 0, number(0))), analytics.Duplicate)
		}
		version := f.snapshot(f.a, wide).Version
		f.sweep(f.a)
		if got := f.snapshot(f.a, wide).Version; got != version {
			f.Errorf("a sweep of nothing made version %d of %d", got, version)
		}
	}},
	{"processes may sweep while others append", func(f *lakeFixture) {
		var group sync.WaitGroup
		for p := range 2 {
			lake := f.process()
			group.Go(func() {
				for i := range 40 {
					if _, err := lake.Append(f.ctx, f.a, f.channel, []analytics.Row{f.row(fmt.Sprint(p, "-", i), float64(i%30), fmt.Sprint(p, "-", i))}); err != nil {
						f.Errorf("Append: %v", err)
					}
				}
			})
			group.Go(func() {
				for range 6 {
					if err := lake.Sweep(f.ctx, f.a); err != nil {
						f.Errorf("Sweep: %v", err)
					}
				}
			})
		}
		group.Wait()
		seen := map[string]bool{}
		for _, r := range f.rows(f.other, f.a, f.channel, analytics.RowQuery{}) {
			if seen[string(r.Payload)] {
				f.Errorf("%s is there twice", r.Payload)
			}
			seen[string(r.Payload)] = true
		}
		if len(seen) != 80 {
			f.Errorf("%d rows, want 80", len(seen))
		}
	}},
}

var lakeCallTests = []lakeTest{
	{"a cancelled context ends the call without effect", func(f *lakeFixture) {
		f.append(f.a, f.channel, f.row("1", 0, "1"))
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		for call, err := range f.lakeCalls(ctx, f.a, f.channel) {
			f.wantErr(call, err, context.Canceled)
		}
		f.wantErr("Declare", f.lake.Declare(ctx, f.a, analytics.Table{TableID: analytics.TableID{Kind: f.channel.Kind, Name: "x"}}), context.Canceled)
		f.wantErr("Sweep", f.lake.Sweep(ctx, f.a), context.Canceled)
		f.wantRows(f.a, f.channel, "1")
	}},
	{"a table that was not declared is not there", func(f *lakeFixture) {
		missing := analytics.TableID{Kind: analytics.DatastoreTable, Name: "missing"}
		for call, err := range f.lakeCalls(f.ctx, f.a, missing) {
			f.wantErr(call, err, analytics.ErrNoTable)
		}
	}},
}
