package tenanttest

import (
	"slices"
	"strings"

	"github.com/iotenant/iotenant/tenant"
)

var queryTests = []contractTest{
	{"items come in the order of their keys, part by part", func(f *fixture) {
		want := []string{"!", "A", "a", "a/a", "a/z", "a/z/a", "a b", "a.b", "aa", "b", "é"}
		for _, path := range slices.Backward(want) {
			f.put(f.a, asset(strings.Split(path, "/")...))
		}
		f.wantList(f.a, tenant.Query{}, want...)
		slices.Reverse(want)
		f.wantList(f.a, tenant.Query{Descending: true}, want...)
	}},
	{"items come in the order of an index, then of their keys", func(f *fixture) {
		for _, item := range []Asset{
			{Path: []string{"1"}, Rank: []string{"b"}},
			{Path: []string{"2"}, Rank: []string{"a", "z"}},
			{Path: []string{"4"}, Rank: []string{"a"}},
			{Path: []string{"3"}, Rank: []string{"a"}},
			{Path: []string{"3", "x"}, Rank: []string{"a"}},
			{Path: []string{"5"}, Rank: []string{"a b"}},
			{Path: []string{"6"}},
		} {
			f.put(f.a, item)
		}
		want := []string{"3", "3/x", "4", "2", "5", "1"}
		f.wantList(f.a, tenant.Query{Index: "rank"}, want...)
		slices.Reverse(want)
		f.wantList(f.a, tenant.Query{Index: "rank", Descending: true}, want...)
	}},
	{"a prefix selects keys by whole parts", func(f *fixture) {
		for _, path := range []string{"a", "a/b", "a/b/c", "a/bb", "a b", "ab", "a!", "b"} {
			f.put(f.a, Asset{Path: strings.Split(path, "/"), Rank: strings.Split(path, "/")})
		}
		for _, index := range []string{"", "rank"} {
			f.wantList(f.a, tenant.Query{Index: index, Prefix: tenant.NewKey("a")}, "a", "a/b", "a/b/c", "a/bb")
			f.wantList(f.a, tenant.Query{Index: index, Prefix: tenant.NewKey("a"), Descending: true}, "a/bb", "a/b/c", "a/b", "a")
			f.wantList(f.a, tenant.Query{Index: index, Prefix: tenant.NewKey("a", "b")}, "a/b", "a/b/c")
			f.wantList(f.a, tenant.Query{Index: index, Prefix: tenant.NewKey("none")})
		}
	}},
	{"From is included and To excluded", func(f *fixture) {
		for _, name := range []string{"a", "b", "c", "d"} {
			f.put(f.a, Asset{Path: []string{name}, City: name})
		}
		for _, index := range []string{"", "city"} {
			b, c, d := tenant.NewKey("b"), tenant.NewKey("c"), tenant.NewKey("d")
			f.wantList(f.a, tenant.Query{Index: index, From: b}, "b", "c", "d")
			f.wantList(f.a, tenant.Query{Index: index, To: c}, "a", "b")
			f.wantList(f.a, tenant.Query{Index: index, From: b, To: d}, "b", "c")
			f.wantList(f.a, tenant.Query{Index: index, From: b, To: d, Descending: true}, "c", "b")
			f.wantList(f.a, tenant.Query{Index: index, From: c, To: b})
			f.wantList(f.a, tenant.Query{Index: index, From: c, To: b, Descending: true})
			f.wantList(f.a, tenant.Query{Index: index, From: b, To: b})
			f.wantList(f.a, tenant.Query{Index: index, Prefix: b, From: tenant.NewKey("a"), To: d}, "b")
			f.wantList(f.a, tenant.Query{Index: index, Prefix: b, From: c})
		}
	}},
	{"following the cursors returns every item once, in every order and page size", func(f *fixture) {
		f.fill(f.a, 50)
		f.fill(f.b, 3)
		for _, order := range everyOrder() {
			f.wantCount(f.a, order, 50)
			whole := f.list(f.a, order)
			for _, limit := range []int{1, 7, 25, 49, 50, 51} {
				order.Limit = limit
				if got := f.list(f.a, order); !slices.Equal(got, whole) {
					f.Errorf("Query(%+v) returned %d items\n\t%q, want\n\t%q", order, len(got), got, whole)
				}
			}
		}
	}},
	{"a page has at most Limit items and the last one no cursor", func(f *fixture) {
		f.fill(f.a, 10)
		for _, order := range everyOrder() {
			order.Limit = 5
			f.wantCount(f.a, order, 10)
			pages, seen := 0, 0
			for {
				page, err := f.assets.Query(f.ctx, f.a, order)
				f.wantNoErr("Query", err)
				if len(page.Items) > 5 {
					f.Errorf("a page has %d items, limit 5", len(page.Items))
				}
				seen += len(page.Items)
				if pages++; page.Next == "" || pages > 100 {
					break
				}
				order.Cursor = page.Next
			}
			if seen != 10 {
				f.Errorf("Query(%+v) returned %d items, want 10", order, seen)
			}
		}
	}},
	{"writes between pages neither hide nor repeat what is there throughout", func(f *fixture) {
		for _, order := range everyOrder() {
			f.checkPagesBesideWrites(order)
		}
	}},
	{"a query can be broken off and taken up by its cursor", func(f *fixture) {
		f.fill(f.a, 30)
		for _, order := range everyOrder() {
			f.wantCount(f.a, order, 30)
			whole := f.list(f.a, order)
			order.Limit = 4
			page, err := f.assets.Query(f.ctx, f.a, order)
			f.wantNoErr("Query", err)
			for range 2 { // a cursor may be used again
				rest := order
				rest.Cursor, rest.Limit = page.Next, 13
				if got, want := f.list(f.a, rest), whole[len(page.Items):]; !slices.Equal(got, want) {
					f.Errorf("Query(%+v) from its cursor returned\n\t%q, want\n\t%q", order, got, want)
				}
			}
		}
	}},
	{"who stops in the middle of a page goes on by reading it again with a smaller limit", func(f *fixture) {
		f.fill(f.a, 30)
		for _, order := range everyOrder() {
			f.wantCount(f.a, order, 30)
			whole := f.list(f.a, order)
			for _, stop := range []int{1, 6, 7, 11} { // within the first and the second page of 7
				order.Limit = 7
				got, place := f.readUntil(order, stop)
				order.Cursor, order.Limit = place.Next, tenant.MaxLimit
				if got = append(got, f.list(f.a, order)...); !slices.Equal(got, whole) {
					f.Errorf("Query(%+v), stopped after %d items, returned\n\t%q, want\n\t%q", order, stop, got, whole)
				}
				order.Cursor = ""
			}
		}
	}},
	{"an empty result is an empty page without cursor", func(f *fixture) {
		for _, order := range everyOrder() {
			page, err := f.assets.Query(f.ctx, f.a, order)
			f.wantNoErr("Query", err)
			if len(page.Items) != 0 || page.Next != "" {
				f.Errorf("Query(%+v) of nothing returned %+v", order, page)
			}
		}
	}},
	{"a page of large items may be shorter and has a next one", func(f *fixture) {
		blob := make([]byte, 150<<10)
		for i := range 10 {
			item := numbered(i)
			item.Blob = blob
			f.put(f.a, item)
		}
		for _, order := range everyOrder() {
			f.wantCount(f.a, order, 10)
		}
	}},
	{"an unknown index, an impossible limit and a consistent index are refused", func(f *fixture) {
		for _, query := range []tenant.Query{
			{Index: "none"}, {Index: "CITY"}, {Limit: -1}, {Limit: tenant.MaxLimit + 1}, {Index: "city", Consistent: true},
		} {
			_, err := f.assets.Query(f.ctx, f.a, query)
			f.wantErr("Query", err, tenant.ErrQuery)
		}
	}},
}

// readUntil reads pages until it has n items. It returns these and a page that
// ends with the last of them.
func (f *fixture) readUntil(query tenant.Query, n int) (paths []string, last tenant.Page[Asset]) {
	f.Helper()
	for {
		query.Limit = min(query.Limit, n-len(paths))
		page, err := f.assets.Query(f.ctx, f.a, query)
		if err != nil {
			f.Fatalf("Query(%+v): %v", query, err)
		}
		for _, item := range page.Items {
			paths = append(paths, strings.Join(item.Value.Path, "/"))
		}
		if len(paths) == n || page.Next == "" {
			return paths, page
		}
		query.Cursor = page.Next
	}
}

// checkPagesBesideWrites lists in small pages and, between them, replaces,
// deletes and adds items around the place where the pages stand.
func (f *fixture) checkPagesBesideWrites(order tenant.Query) {
	f.Helper()
	const items = 40
	f.fill(f.a, items)
	f.wantCount(f.a, order, items)
	order.Limit, order.Consistent = 3, order.Index == ""
	seen := map[string]int{}
	for step := 0; ; step++ {
		page, err := f.assets.Query(f.ctx, f.a, order)
		if err != nil {
			f.Fatalf("Query(%+v): %v", order, err)
		}
		for _, item := range page.Items {
			seen[strings.Join(item.Value.Path, "/")]++
		}
		if page.Next == "" {
			break
		}
		order.Cursor = page.Next
		for i := range items { // even numbers stay throughout, replaced in place
			switch item := numbered(i); {
			case i%2 == 0 && i%5 == step%5:
				item.Notes = []string{"again"}
				f.put(f.a, item)
			case i%2 == 1 && i%3 == step%3:
				f.delete(f.a, item.Path...)
			case i%2 == 1:
				f.put(f.a, item)
			}
		}
	}
	for i := range items {
		path := strings.Join(numbered(i).Path, "/")
		if i%2 == 0 && seen[path] != 1 || seen[path] > 1 {
			f.Errorf("Query(index %q, descending %t) returned %s %d times", order.Index, order.Descending, path, seen[path])
		}
	}
}
