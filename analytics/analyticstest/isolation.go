package analyticstest

import (
	"strings"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

var isolationTests = []contractTest{
	{"a tenant sees nothing of another", func(f *fixture) {
		f.append(f.a, f.message("m", 0, `{"t": 1}`))
		f.wantIDs(f.b, analytics.Query{})
		f.wantIDs(f.b, analytics.Query{Things: []device.ID{f.pump}})
		f.wantPoints(f.b, analytics.Query{})
		f.wantLast(f.b, "", f.pump)
	}},
	{"things and messages of two tenants may have the same name", func(f *fixture) {
		f.appendOne(f.a, f.message("m", 0, `{"t": 1}`), analytics.Stored)
		f.appendOne(f.b, f.message("m", 0, `{"t": 2}`), analytics.Stored)
		f.wantPoints(f.a, analytics.Query{}, "t=1")
		f.wantPoints(f.b, analytics.Query{}, "t=2")
		f.wantLast(f.a, "", f.pump, "t=1")
		f.wantLast(f.b, "", f.pump, "t=2")
	}},
	{"the zero tenant and the platform are refused", func(f *fixture) {
		for _, id := range []tenant.ID{{}, tenant.Platform()} {
			_, err := f.store.Append(f.ctx, id, []analytics.Message{f.message("m", 0, "")})
			f.wantErr("Append", err, tenant.ErrID)
			_, err = f.store.Messages(f.ctx, id, analytics.Query{})
			f.wantErr("Messages", err, tenant.ErrID)
			_, err = f.store.Points(f.ctx, id, analytics.Query{})
			f.wantErr("Points", err, tenant.ErrID)
			_, err = f.store.Last(f.ctx, id, "", f.pump)
			f.wantErr("Last", err, tenant.ErrID)
		}
	}},
	{"a cursor of another tenant is refused", func(f *fixture) {
		for _, id := range []tenant.ID{f.a, f.b} {
			f.append(id, f.message("1", 0, `{"t": 1}`), f.message("2", 1, `{"t": 2}`))
		}
		page, err := f.store.Messages(f.ctx, f.a, analytics.Query{Limit: 1})
		if err != nil || page.Next == "" {
			f.Fatalf("Messages: %v, next %q", err, page.Next)
		}
		_, err = f.store.Messages(f.ctx, f.b, analytics.Query{Limit: 1, Cursor: page.Next})
		f.wantErr("cursor of another tenant", err, tenant.ErrCursor)
		if strings.Contains(err.Error(), f.a.String()) {
			f.Errorf("error names another tenant: %v", err)
		}
	}},
	{"a cursor of another query or store is refused", func(f *fixture) {
		f.append(f.a, f.message("1", 0, `{"t": 1}`), f.message("2", 1, `{"t": 2}`))
		page, err := f.store.Points(f.ctx, f.a, analytics.Query{Limit: 1})
		if err != nil || page.Next == "" {
			f.Fatalf("Points: %v, next %q", err, page.Next)
		}
		for _, query := range []analytics.Query{
			{Datastore: "clean"}, {Things: []device.ID{f.pump}}, {Channels: []string{""}}, {Metrics: []string{"t"}},
			{From: f.after(1)}, {To: f.after(9)}, {Descending: true},
		} {
			query.Cursor = page.Next
			_, err := f.store.Points(f.ctx, f.a, query)
			f.wantErr("cursor of another query", err, tenant.ErrCursor)
		}
		_, err = f.store.Messages(f.ctx, f.a, analytics.Query{Cursor: page.Next})
		f.wantErr("cursor of points for messages", err, tenant.ErrCursor)
		_, err = f.open(f.T).Points(f.ctx, f.a, analytics.Query{Cursor: page.Next})
		f.wantErr("cursor of another store", err, tenant.ErrCursor)
		for _, forged := range []tenant.Cursor{"x", "====", page.Next + "A", page.Next[1:], tenant.Cursor(strings.Repeat("A", 1<<16))} {
			_, err := f.store.Points(f.ctx, f.a, analytics.Query{Cursor: forged})
			f.wantErr("forged cursor", err, tenant.ErrCursor)
		}
	}},
}
