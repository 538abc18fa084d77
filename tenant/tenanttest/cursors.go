package tenanttest

import (
	"fmt"
	"strings"

	"github.com/iotenant/iotenant/tenant"
)

var cursorTests = []contractTest{
	{"a cursor is refused for another tenant", func(f *fixture) {
		f.fill(f.a, 3)
		f.fill(f.b, 3)
		for _, order := range everyOrder() {
			next := order
			next.Cursor = f.cursor(order)
			_, err := f.assets.Query(f.ctx, f.b, next)
			f.wantErr("Query with the cursor of another tenant", err, tenant.ErrCursor)
		}
	}},
	{"a cursor is refused for another query", func(f *fixture) {
		f.fill(f.a, 3)
		queries := append(everyOrder(),
			tenant.Query{Index: "rank"},
			tenant.Query{Prefix: tenant.NewKey("item")},
			tenant.Query{From: tenant.NewKey("item")},
			tenant.Query{To: tenant.NewKey("z")},
		)
		for i, made := range queries {
			cursor := f.cursor(made)
			for j, used := range queries {
				if i == j {
					continue
				}
				used.Cursor = cursor
				_, err := f.assets.Query(f.ctx, f.a, used)
				f.wantErr("Query with the cursor of another query", err, tenant.ErrCursor)
			}
		}
	}},
	{"a cursor is refused for another entity", func(f *fixture) {
		f.fill(f.a, 3)
		other := f.store.NewRepository(assetSchema("other"))
		_, err := other.Query(f.ctx, f.a, tenant.Query{Cursor: f.cursor(tenant.Query{})})
		f.wantErr("Query with the cursor of another entity", err, tenant.ErrCursor)
	}},
	{"a cursor goes on with another limit and consistency", func(f *fixture) {
		f.fill(f.a, 5)
		query := tenant.Query{Cursor: f.cursor(tenant.Query{}), Limit: 2, Consistent: true}
		f.wantList(f.a, query, "item/0001", "item/0002", "item/0003", "item/0004")
	}},
	{"a forged or damaged cursor is refused", func(f *fixture) {
		f.fill(f.a, 3)
		good := string(f.cursor(tenant.Query{}))
		for _, bad := range []string{
			"x", "AAAA", strings.Repeat("A", 64), strings.Repeat("A", 1<<20), good[1:], good[:len(good)-1], good + "A", good + "=",
			good + good, strings.ToUpper(good), " " + good, good[:8] + flipLetter(good[8]) + good[9:], "item/0001", "\x00",
		} {
			_, err := f.assets.Query(f.ctx, f.a, tenant.Query{Cursor: tenant.Cursor(bad)})
			f.wantErr("Query with a damaged cursor", err, tenant.ErrCursor)
		}
	}},
	{"a cursor does not show the key at which it stands", func(f *fixture) {
		f.fill(f.a, 3)
		if cursor := f.cursor(tenant.Query{}); strings.Contains(string(cursor), "0000") {
			f.Errorf("cursor %q", cursor)
		}
	}},
	{"a cursor of other keys is refused", func(f *fixture) {
		f.fill(f.a, 3)
		other := f.restarted(tenant.RandomCursorKeys())
		_, err := other.assets.Query(f.ctx, f.a, tenant.Query{Cursor: f.cursor(tenant.Query{})})
		f.wantErr("Query with a cursor of other keys", err, tenant.ErrCursor)
	}},
	{"a cursor of the previous key is accepted during rotation, then not", func(f *fixture) {
		secrets := [3][]byte{}
		for i := range secrets {
			secrets[i] = []byte(strings.Repeat(string(rune('a'+i)), tenant.MinCursorKeyLength))
		}
		keys := func(current []byte, previous ...[]byte) tenant.CursorKeys {
			keys, err := tenant.NewCursorKeys(current, previous...)
			f.wantNoErr("NewCursorKeys", err)
			return keys
		}
		before := f.restarted(keys(secrets[0]))
		during := f.restarted(keys(secrets[1], secrets[0]))
		after := f.restarted(keys(secrets[2], secrets[1]))
		cursor := before.cursor(tenant.Query{})
		during.wantList(f.a, tenant.Query{Cursor: cursor}, "item/0001", "item/0002")
		_, err := after.assets.Query(f.ctx, f.a, tenant.Query{Cursor: cursor})
		f.wantErr("Query with a cursor of a retired key", err, tenant.ErrCursor)
		cursor = during.cursor(tenant.Query{})
		after.wantList(f.a, tenant.Query{Cursor: cursor}, "item/0001", "item/0002")
		_, err = before.assets.Query(f.ctx, f.a, tenant.Query{Cursor: cursor})
		f.wantErr("Query with a cursor of a key not known yet", err, tenant.ErrCursor)
	}},
}

// cursor returns the cursor after the first item of a query.
func (f *fixture) cursor(query tenant.Query) tenant.Cursor {
	f.Helper()
	query.Limit, query.Consistent = 1, query.Index == ""
	var next tenant.Cursor
	f.wantSoon(query.Index, func() (problem string) {
		page, err := f.assets.Query(f.ctx, f.a, query)
		if next = page.Next; err != nil || next == "" {
			return fmt.Sprintf("Query(%+v) returned %+v, %v, want a page with a next one", query, page, err)
		}
		return ""
	})
	return next
}

// restarted returns a store with the same three items and other cursor keys.
func (f *fixture) restarted(cursors tenant.CursorKeys) *fixture {
	f.Helper()
	other := *f
	other.store = f.open(f.T, Setup{Cursors: cursors, Now: f.clock.now})
	other.assets = other.store.NewRepository(assetSchema("asset"))
	other.fill(f.a, 3)
	return &other
}

func flipLetter(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}
