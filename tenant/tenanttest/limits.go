package tenanttest

import (
	"encoding/json"
	"strings"

	"github.com/iotenant/iotenant/tenant"
)

var limitTests = []contractTest{
	{"an item of the greatest size is kept and a greater one refused", func(f *fixture) {
		largest := f.sized(tenant.MaxItemSize)
		version := f.put(f.a, largest)
		if got := f.get(f.a, largest.Path...); got.Version != version || got.Value.Notes[0] != largest.Notes[0] {
			f.Error("the item was changed")
		}
		_, err := f.assets.Put(f.ctx, f.a, f.sized(tenant.MaxItemSize+1), tenant.Always())
		f.wantErr("Put of a greater item", err, tenant.ErrTooLarge)
		if got := f.get(f.a, largest.Path...).Version; got != version {
			f.Error("the refused put changed the item")
		}
	}},
	{"keys of the greatest length can be put, got, queried and deleted", func(f *fixture) {
		long := func(last string) string { return strings.Repeat("k", tenant.MaxKeyLength-1) + last }
		for _, last := range []string{"a", "b", "c"} {
			f.put(f.a, Asset{Path: []string{long(last)}, City: long("x"), Rank: []string{long("y")}})
		}
		for _, order := range everyOrder() {
			order.Limit = 1
			f.wantCount(f.a, order, 3)
		}
		f.get(f.a, long("b"))
		f.delete(f.a, long("b"))
		f.wantAbsent(f.a, long("b"))
	}},
	{"a longer key is refused", func(f *fixture) {
		long := strings.Repeat("k", tenant.MaxKeyLength+1)
		_, err := f.assets.Put(f.ctx, f.a, asset(long), tenant.Always())
		f.wantErr("Put", err, tenant.ErrKey)
		_, err = f.assets.Put(f.ctx, f.a, Asset{Path: []string{"pump"}, City: long}, tenant.Always())
		f.wantErr("Put with an index key", err, tenant.ErrKey)
		_, err = f.assets.Get(f.ctx, f.a, tenant.NewKey(long))
		f.wantErr("Get", err, tenant.ErrKey)
	}},
	{"a page of the greatest limit is allowed", func(f *fixture) {
		f.fill(f.a, 3)
		f.wantList(f.a, tenant.Query{Limit: tenant.MaxLimit}, "item/0000", "item/0001", "item/0002")
	}},
	{"tenant ids of the least and greatest length are kept apart", func(f *fixture) {
		short := tenant.MustParseID(strings.Repeat("z", tenant.MinIDLength))
		long := tenant.MustParseID(strings.Repeat("z", tenant.MaxIDLength))
		f.put(short, asset("short"))
		f.put(long, asset("long"))
		f.wantList(short, tenant.Query{}, "short")
		f.wantList(long, tenant.Query{}, "long")
	}},
	{"every character that a key may hold is kept", func(f *fixture) {
		for _, part := range []string{"#", "/", "\\", "*", "%", "+", "$", "'", "\"", "|", "..", "a:b", "\u00a0", "\U0010ffff", "~"} {
			item := Asset{Path: []string{part, part}, City: part}
			f.put(f.a, item)
			if got := f.get(f.a, part, part).Value.Path[1]; got != part {
				f.Errorf("key part %q came back as %q", part, got)
			}
			f.wantList(f.a, tenant.Query{Index: "city", Prefix: tenant.NewKey(part)}, part+"/"+part)
		}
	}},
}

// sized returns an asset that is counted as size bytes, see
// tenant.MaxItemSize.
func (f *fixture) sized(size int) Asset {
	f.Helper()
	item := Asset{Path: []string{"large"}, City: "Oslo", Notes: []string{""}}
	text, err := json.Marshal(item)
	f.wantNoErr("Marshal", err)
	const counted = len("large") + len("Oslo") + 1 + len("large") + 1<<10
	item.Notes[0] = strings.Repeat("n", size-counted-len(text))
	return item
}
