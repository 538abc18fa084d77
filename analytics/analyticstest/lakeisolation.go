package analyticstest

import (
	"strings"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

var lakeIsolationTests = []lakeTest{
	{"tables of the same name are apart", func(f *lakeFixture) {
		f.declare(f.b, analytics.Table{TableID: f.channel})
		f.wantOutcomes(f.append(f.a, f.channel, f.row("1", 0, "a")), analytics.Stored)
		f.wantOutcomes(f.append(f.b, f.channel, f.row("1", 0, "b")), analytics.Stored)
		f.wantRows(f.a, f.channel, "a")
		f.wantRows(f.b, f.channel, "b")
		f.delete(f.b, f.channel, analytics.Deletion{Things: []device.ID{f.pump}})
		f.sweep(f.b)
		f.wantRows(f.a, f.channel, "a")
		f.wantRows(f.b, f.channel)
		f.delete(f.b, f.channel, analytics.Deletion{Table: true})
		f.wantRows(f.a, f.channel, "a")
	}},
	{"the tables of others are not found, and not named", func(f *lakeFixture) {
		f.append(f.a, f.channel, f.row("1", 0, "a"))
		for call, err := range f.lakeCalls(f.ctx, f.b, f.channel) {
			f.wantErr(call, err, analytics.ErrNoTable)
			if err != nil && strings.Contains(strings.ReplaceAll(err.Error(), f.b.String(), ""), f.a.String()) {
				f.Errorf("%s: %q names another tenant", call, err)
			}
		}
		f.wantRows(f.a, f.channel, "a")
	}},
	{"channels and data stores of the same name are apart", func(f *lakeFixture) {
		twin := analytics.TableID{Kind: analytics.DatastoreTable, Name: f.channel.Name}
		f.declare(f.a, analytics.Table{TableID: twin})
		f.append(f.a, f.channel, f.row("1", 0, "raw"))
		f.wantOutcomes(f.append(f.a, twin, f.row("1", 0, "{}")), analytics.Stored)
		f.wantRows(f.a, f.channel, "raw")
		f.wantRows(f.a, twin, "{}")
	}},
	{"a cursor means nothing to another tenant, table or query", func(f *lakeFixture) {
		f.declare(f.b, analytics.Table{TableID: f.channel})
		f.append(f.a, f.channel, f.row("", 0, "1"), f.row("", 1, "2"))
		page, err := f.lake.Rows(f.ctx, f.a, f.channel, analytics.RowQuery{Limit: 1})
		if err != nil || page.Next == "" {
			f.Fatalf("Rows: %v, next %q", err, page.Next)
		}
		_, err = f.lake.Rows(f.ctx, f.b, f.channel, analytics.RowQuery{Cursor: page.Next})
		f.wantErr("another tenant", err, tenant.ErrCursor)
		_, err = f.lake.Rows(f.ctx, f.a, f.store, analytics.RowQuery{Cursor: page.Next})
		f.wantErr("another table", err, tenant.ErrCursor)
		_, err = f.lake.Rows(f.ctx, f.a, f.channel, analytics.RowQuery{Cursor: page.Next, From: f.noon})
		f.wantErr("another query", err, tenant.ErrCursor)
		for _, forged := range []tenant.Cursor{"x", "====", page.Next + "A", page.Next[1:]} {
			_, err = f.lake.Rows(f.ctx, f.a, f.channel, analytics.RowQuery{Cursor: forged})
			f.wantErr("forged", err, tenant.ErrCursor)
		}
	}},
	{"the zero tenant id and that of the platform are refused", func(f *lakeFixture) {
		for _, id := range []tenant.ID{{}, tenant.Platform()} {
			for call, err := range f.lakeCalls(f.ctx, id, f.channel) {
				f.wantErr(call, err, tenant.ErrID)
			}
			f.wantErr("Declare", f.lake.Declare(f.ctx, id, analytics.Table{TableID: f.channel}), tenant.ErrID)
			f.wantErr("Sweep", f.lake.Sweep(f.ctx, id), tenant.ErrID)
		}
	}},
	{"the columns of others are not found, and not named", func(f *lakeFixture) {
		scanner := f.scanner()
		f.append(f.a, f.store, f.row("1", 0, `{"v":1}`))
		for call, err := range columnErrors(f.ctx, scanner, f.b, columnsOf(f.store)) {
			f.wantErr(call, err, analytics.ErrNoTable)
			if err != nil && strings.Contains(strings.ReplaceAll(err.Error(), f.b.String(), ""), f.a.String()) {
				f.Errorf("%s: %q names another tenant", call, err)
			}
		}
		for _, id := range []tenant.ID{{}, tenant.Platform()} {
			for call, err := range columnErrors(f.ctx, scanner, id, columnsOf(f.store)) {
				f.wantErr(call, err, tenant.ErrID)
			}
		}
		f.declare(f.b, analytics.Table{TableID: f.store})
		f.append(f.b, f.store, f.row("1", 0, `{"v":2}`))
		f.wantColumns(columnsOf(f.store), "pump v 00:00 1=1")
	}},
	{"a table that can't be is not there", func(f *lakeFixture) {
		for _, name := range []string{"", "../raw", "raw/_log", "__raw", "ä", strings.Repeat("a", 129)} {
			for call, err := range f.lakeCalls(f.ctx, f.a, analytics.TableID{Kind: analytics.ChannelTable, Name: name}) {
				f.wantErr(call+" of "+name, err, iotenant.ErrNotFound)
			}
		}
	}},
}
