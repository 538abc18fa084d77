package tenanttest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/tenant"
)

var isolationTests = []contractTest{
	{"an item is seen by its own tenant only", func(f *fixture) {
		f.put(f.a, Asset{Path: []string{"pump"}, City: "Oslo"})
		f.wantAbsent(f.b, "pump")
		f.wantList(f.a, tenant.Query{Index: "city"}, "pump")
	}},
	{"a write changes the items of its own tenant only", func(f *fixture) {
		a := f.put(f.a, Asset{Path: []string{"pump"}, City: "Oslo", Weight: 1})
		f.put(f.b, Asset{Path: []string{"pump"}, City: "Bergen", Weight: 2})
		if got := f.get(f.a, "pump"); got.Value.Weight != 1 || got.Version != a {
			f.Errorf("a put of another tenant changed the item to %+v", got)
		}
		f.wantList(f.a, tenant.Query{Index: "city", Prefix: tenant.NewKey("Bergen")})
		f.delete(f.b, "pump")
		if got := f.get(f.a, "pump"); got.Version != a {
			f.Errorf("a delete of another tenant changed the item to %+v", got)
		}
		f.wantList(f.a, tenant.Query{Index: "city"}, "pump")
	}},
	{"conditions look at the items of their own tenant only", func(f *fixture) {
		version := f.put(f.a, asset("pump"))
		_, err := f.assets.Put(f.ctx, f.b, asset("pump"), tenant.IfPresent())
		f.wantErr("Put(IfPresent) of another tenant's key", err, tenant.ErrNotFound)
		_, err = f.assets.Put(f.ctx, f.b, asset("pump"), tenant.IfVersion(version))
		f.wantErr("Put(IfVersion) with another tenant's version", err, tenant.ErrVersion)
		err = f.assets.Delete(f.ctx, f.b, tenant.NewKey("pump"), tenant.IfVersion(version))
		f.wantErr("Delete(IfVersion) with another tenant's version", err, tenant.ErrVersion)
		_, err = f.assets.Put(f.ctx, f.b, asset("pump"), tenant.IfAbsent())
		f.wantNoErr("Put(IfAbsent) of another tenant's key", err)
	}},
	{"tenants whose ids begin with each other are apart", func(f *fixture) {
		ids := []tenant.ID{
			tenant.MustParseID("abc"), tenant.MustParseID("abc0"), tenant.MustParseID("abc-d"),
			tenant.MustParseID("abcd"), tenant.MustParseID("abb"), tenant.Platform(),
		}
		for i, id := range ids {
			f.put(id, Asset{Path: []string{"first"}, City: "Oslo", Weight: float64(i)})
			f.put(id, Asset{Path: []string{"second", id.String()}, City: "Oslo"})
		}
		for i, id := range ids {
			for _, query := range everyOrder() {
				want := []string{"first", "second/" + id.String()}
				if query.Descending {
					slices.Reverse(want)
				}
				f.wantList(id, query, want...)
			}
			if got := f.get(id, "first").Value.Weight; got != float64(i) {
				f.Errorf("tenant %s got the item of tenant %s", id, ids[int(got)])
			}
		}
	}},
	{"entities of one tenant are apart", func(f *fixture) {
		longer := f.store.NewRepository(assetSchema("asset-x"))
		f.put(f.a, Asset{Path: []string{"pump"}, City: "Oslo"})
		_, err := longer.Get(f.ctx, f.a, tenant.NewKey("pump"), tenant.Consistent)
		f.wantErr("Get of another entity's key", err, tenant.ErrNotFound)
		_, err = longer.Put(f.ctx, f.a, Asset{Path: []string{"valve"}, City: "Oslo"}, tenant.IfAbsent())
		f.wantNoErr("Put into another entity", err)
		for _, query := range everyOrder() {
			f.wantList(f.a, query, "pump")
		}
	}},
	{"keys that begin with each other are apart", func(f *fixture) {
		paths := [][]string{{"a"}, {"a", "b"}, {"ab"}, {"a b"}, {"a", "b", "c"}, {"a/b"}}
		for i, path := range paths {
			f.put(f.a, Asset{Path: path, Weight: float64(i + 1)})
		}
		f.delete(f.a, "a", "b")
		for i, path := range paths {
			if slices.Equal(path, []string{"a", "b"}) {
				_, err := f.assets.Get(f.ctx, f.a, tenant.NewKey(path...), tenant.Consistent)
				f.wantErr("Get of a deleted key", err, tenant.ErrNotFound)
			} else if got := f.get(f.a, path...).Value.Weight; got != float64(i+1) {
				f.Errorf("Get(%q) returned the item number %v, want %d", path, got, i+1)
			}
		}
	}},
	{"no error text holds another tenant's id", func(f *fixture) {
		version := f.put(f.a, asset("pump"))
		_, missing := f.assets.Get(f.ctx, f.b, tenant.NewKey("pump"))
		_, stale := f.assets.Put(f.ctx, f.b, asset("pump"), tenant.IfVersion(version))
		gone := f.assets.Delete(f.ctx, f.b, tenant.NewKey("pump"), tenant.IfPresent())
		f.put(f.a, asset("valve"))
		page, err := f.assets.Query(f.ctx, f.a, tenant.Query{Limit: 1, Consistent: true})
		f.wantNoErr("Query", err)
		_, foreign := f.assets.Query(f.ctx, f.b, tenant.Query{Limit: 1, Cursor: page.Next})
		for _, err := range []error{missing, stale, gone, foreign} {
			if err == nil {
				f.Error("an access to another tenant's item succeeded")
			} else if text := strings.ReplaceAll(err.Error(), f.b.String(), ""); strings.Contains(text, f.a.String()) {
				f.Errorf("the error text holds another tenant's id: %v", err)
			}
		}
	}},
	{"the zero ID is refused by every method", func(f *fixture) {
		var zero tenant.ID
		_, err := f.assets.Get(f.ctx, zero, tenant.NewKey("pump"))
		f.wantErr("Get", err, tenant.ErrID)
		_, err = f.assets.Put(f.ctx, zero, asset("pump"), tenant.Always())
		f.wantErr("Put", err, tenant.ErrID)
		err = f.assets.Delete(f.ctx, zero, tenant.NewKey("pump"), tenant.Always())
		f.wantErr("Delete", err, tenant.ErrID)
		_, err = f.assets.Query(f.ctx, zero, tenant.Query{})
		f.wantErr("Query", err, tenant.ErrID)
	}},
}

// everyOrder returns a query for each order in which assets with a city can
// be listed.
func everyOrder() []tenant.Query {
	return []tenant.Query{
		{Consistent: true}, {Descending: true, Consistent: true},
		{Index: "city"}, {Index: "city", Descending: true},
	}
}

// fill puts n assets with running numbers: paths item/000…, cities of which
// seven share one, and ranks in reverse.
func (f *fixture) fill(id tenant.ID, n int) {
	f.Helper()
	for i := range n {
		f.put(id, numbered(i))
	}
}

func numbered(i int) Asset {
	return Asset{
		Path: []string{"item", fmt.Sprintf("%04d", i)},
		City: fmt.Sprintf("city-%02d", i/7),
		Rank: []string{"rank", fmt.Sprintf("%04d", 9999-i)},
	}
}
