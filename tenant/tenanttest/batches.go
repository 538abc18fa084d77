package tenanttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

var batchTests = []contractTest{
	{"BatchGet returns the items in the order of the keys, with Version 0 for one that is not there", func(f *fixture) {
		f.fill(f.a, 30)
		keys := []tenant.Key{tenant.NewKey("none"), numberedKey(7), numberedKey(3), tenant.NewKey("item"), numberedKey(29)}
		items := f.batchGet(f.a, keys...)
		want := []tenant.Item[Asset]{{}, f.get(f.a, "item", "0007"), f.get(f.a, "item", "0003"), {}, f.get(f.a, "item", "0029")}
		if !reflect.DeepEqual(items, want) {
			f.Errorf("BatchGet returned\n\t%+v, want\n\t%+v", items, want)
		}
	}},
	{"BatchGet allows a key twice and shares nothing between its items", func(f *fixture) {
		f.put(f.a, Asset{Path: []string{"pump"}, Notes: []string{"n"}})
		pump := tenant.NewKey("pump")
		items := f.batchGet(f.a, pump, tenant.NewKey("none"), pump)
		if !reflect.DeepEqual(items[0], items[2]) || items[0].Version == 0 || items[1].Version != 0 {
			f.Errorf("BatchGet of one key twice returned %+v", items)
		}
		items[0].Value.Notes[0] = "changed"
		if got := f.get(f.a, "pump").Value.Notes[0]; items[2].Value.Notes[0] != "n" || got != "n" {
			f.Error("what BatchGet returned is shared")
		}
	}},
	{"BatchWrite puts and deletes and returns the version of each put", func(f *fixture) {
		f.put(f.a, Asset{Path: []string{"old"}, City: "Oslo"})
		f.put(f.a, Asset{Path: []string{"gone"}, City: "Oslo"})
		versions := f.batchWrite(f.a,
			tenant.PutWrite(Asset{Path: []string{"new"}, City: "Oslo"}),
			tenant.DeleteWrite[Asset](tenant.NewKey("gone")),
			tenant.PutWrite(Asset{Path: []string{"old"}, City: "Bergen"}),
			tenant.DeleteWrite[Asset](tenant.NewKey("never")),
		)
		if want := []tenant.Version{f.get(f.a, "new").Version, 0, f.get(f.a, "old").Version, 0}; !reflect.DeepEqual(versions, want) {
			f.Errorf("BatchWrite returned the versions %d, want %d", versions, want)
		}
		f.wantAbsent(f.a, "gone")
		f.wantList(f.a, tenant.Query{}, "new", "old")
		f.wantList(f.a, tenant.Query{Index: "city"}, "old", "new")
	}},
	{"an empty batch does nothing", func(f *fixture) {
		if items := f.batchGet(f.a); len(items) != 0 {
			f.Errorf("BatchGet of no keys returned %+v", items)
		}
		if versions := f.batchWrite(f.a); len(versions) != 0 {
			f.Errorf("BatchWrite of nothing returned %d", versions)
		}
	}},
	{"writes of a batch that are refused fail alone", func(f *fixture) {
		f.put(f.a, asset("gone"))
		writes := []tenant.Write[Asset]{
			tenant.PutWrite(asset("first")),
			tenant.PutWrite(asset()),
			tenant.PutWrite(Asset{Path: []string{"nan"}, Weight: math.NaN()}),
			tenant.DeleteWrite[Asset](tenant.NewKey("gone")),
			tenant.PutWrite(f.sized(tenant.MaxItemSize + 1)),
			tenant.DeleteWrite[Asset](tenant.NewKey("a\x1f")),
			tenant.PutWrite(Asset{Path: []string{"rank"}, Rank: []string{""}, City: "\xff"}),
			tenant.PutWrite(asset("last")),
		}
		versions, err := f.assets.BatchWrite(f.ctx, f.a, writes)
		f.wantEntryErrs("BatchWrite", err, nil, tenant.ErrKey, iotenant.ErrInvalid, nil, tenant.ErrTooLarge, tenant.ErrKey, tenant.ErrKey, nil)
		want := []tenant.Version{f.get(f.a, "first").Version, 0, 0, 0, 0, 0, 0, f.get(f.a, "last").Version}
		if !reflect.DeepEqual(versions, want) {
			f.Errorf("BatchWrite returned the versions %d, want %d", versions, want)
		}
		f.wantList(f.a, tenant.Query{}, "first", "last")
	}},
	{"a bad key of BatchGet fails alone", func(f *fixture) {
		version := f.put(f.a, asset("pump"))
		items, err := f.assets.BatchGet(f.ctx, f.a, []tenant.Key{{}, tenant.NewKey("pump"), tenant.NewKey("\x00")}, tenant.Consistent)
		f.wantEntryErrs("BatchGet", err, tenant.ErrKey, nil, tenant.ErrKey)
		if len(items) != 3 || items[1].Version != version || items[0].Version != 0 || items[2].Version != 0 {
			f.Errorf("BatchGet returned %+v", items)
		}
	}},
	{"two writes of one key are refused before anything is written", func(f *fixture) {
		put, remove := tenant.PutWrite(asset("pump")), tenant.DeleteWrite[Asset](tenant.NewKey("pump"))
		for _, pair := range [][2]tenant.Write[Asset]{{put, put}, {put, remove}, {remove, remove}} {
			_, err := f.assets.BatchWrite(f.ctx, f.a, []tenant.Write[Asset]{tenant.PutWrite(asset("other")), pair[0], pair[1]})
			f.wantErr("BatchWrite of one key twice", err, tenant.ErrBatch)
			f.wantWhole("BatchWrite of one key twice", err)
		}
		f.wantList(f.a, tenant.Query{})
	}},
	{"a zero write is refused before anything is written", func(f *fixture) {
		_, err := f.assets.BatchWrite(f.ctx, f.a, []tenant.Write[Asset]{tenant.PutWrite(asset("pump")), {}})
		f.wantErr("BatchWrite", err, tenant.ErrBatch)
		f.wantWhole("BatchWrite", err)
		f.wantList(f.a, tenant.Query{})
	}},
	{"a batch of MaxBatch entries is done and a larger one refused", func(f *fixture) {
		var writes []tenant.Write[Asset]
		var keys []tenant.Key
		for i := range tenant.MaxBatch {
			writes, keys = append(writes, tenant.PutWrite(numbered(i))), append(keys, numberedKey(i))
		}
		versions := f.batchWrite(f.a, writes...)
		for i, item := range f.batchGet(f.a, keys...) {
			if item.Version == 0 || item.Version != versions[i] || !reflect.DeepEqual(item.Value, numbered(i)) {
				f.Fatalf("entry %d has version %d, and %+v is stored", i, versions[i], item)
			}
		}
		f.wantCount(f.a, tenant.Query{Index: "city", Limit: tenant.MaxLimit}, tenant.MaxBatch)
		_, err := f.assets.BatchWrite(f.ctx, f.a, append(writes, tenant.PutWrite(asset("more"))))
		f.wantErr("BatchWrite of more", err, tenant.ErrBatch)
		f.wantWhole("BatchWrite of more", err)
		_, err = f.assets.BatchGet(f.ctx, f.a, append(keys, tenant.NewKey("more")))
		f.wantErr("BatchGet of more", err, tenant.ErrBatch)
		f.wantCount(f.a, tenant.Query{Limit: tenant.MaxLimit}, tenant.MaxBatch)
	}},
	{"a batch of large items is done", func(f *fixture) {
		const items = 45
		var writes []tenant.Write[Asset]
		var keys []tenant.Key
		for i := range items {
			item := numbered(i)
			item.Notes = []string{strings.Repeat("n", 380<<10)}
			writes, keys = append(writes, tenant.PutWrite(item)), append(keys, numberedKey(i))
		}
		versions := f.batchWrite(f.a, writes...)
		for i, item := range f.batchGet(f.a, keys...) {
			if item.Version != versions[i] || len(item.Value.Notes) != 1 || len(item.Value.Notes[0]) != 380<<10 {
				f.Errorf("entry %d has version %d, and version %d is stored", i, versions[i], item.Version)
			}
		}
		for i := range writes {
			writes[i] = tenant.DeleteWrite[Asset](keys[i])
		}
		f.batchWrite(f.a, writes...)
		f.wantList(f.a, tenant.Query{})
	}},
	{"a consistent BatchGet sees every acknowledged write", func(f *fixture) {
		pump, valve := tenant.NewKey("pump"), tenant.NewKey("valve")
		for i := range 20 {
			f.batchWrite(f.a, tenant.PutWrite(Asset{Path: []string{"pump"}, Weight: float64(i)}))
			f.put(f.a, Asset{Path: []string{"valve"}, Weight: float64(i)})
			items := f.batchGet(f.a, pump, valve)
			if items[0].Value.Weight != float64(i) || items[1].Value.Weight != float64(i) {
				f.Fatalf("BatchGet returned %+v after the writes of %d were acknowledged", items, i)
			}
		}
	}},
	{"expiry holds for batches", func(f *fixture) {
		f.batchWrite(f.a, tenant.PutWrite(f.expiring(time.Second)), tenant.PutWrite(asset("valve")))
		pump, valve := tenant.NewKey("pump"), tenant.NewKey("valve")
		if items := f.batchGet(f.a, pump, valve); items[0].Version == 0 || items[1].Version == 0 {
			f.Errorf("BatchGet returned %+v before the expiry", items)
		}
		f.clock.advance(time.Second)
		if items := f.batchGet(f.a, pump, valve); items[0].Version != 0 || items[0].Value.City != "" || items[1].Version == 0 {
			f.Errorf("BatchGet returned %+v after the expiry", items)
		}
		f.batchWrite(f.a, tenant.PutWrite(Asset{Path: []string{"pump"}, City: "Bergen"}))
		f.wantList(f.a, tenant.Query{Index: "city"}, "pump")
	}},
	{"what was put by a batch can be changed by the caller without effect", func(f *fixture) {
		put := Asset{Path: []string{"pump"}, Notes: []string{"n"}, Blob: []byte("blob")}
		f.batchWrite(f.a, tenant.PutWrite(put))
		put.Path[0], put.Notes[0], put.Blob[0] = "changed", "changed", 'X'
		if got := f.get(f.a, "pump").Value; got.Path[0] != "pump" || got.Notes[0] != "n" || string(got.Blob) != "blob" {
			f.Errorf("the store shares what was put: %+v", got)
		}
	}},
	{"a version is not used again by batches", func(f *fixture) {
		seen := map[tenant.Version]bool{}
		for range 5 {
			for _, version := range []tenant.Version{f.batchWrite(f.a, tenant.PutWrite(asset("pump")))[0], f.put(f.a, asset("pump"))} {
				if seen[version] {
					f.Errorf("version %d was used again", version)
				}
				seen[version] = true
			}
			f.batchWrite(f.a, tenant.DeleteWrite[Asset](tenant.NewKey("pump")))
		}
	}},
	{"a batch with a cancelled context has no effect", func(f *fixture) {
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		_, err := f.assets.BatchWrite(ctx, f.a, []tenant.Write[Asset]{tenant.PutWrite(asset("pump"))})
		f.wantErr("BatchWrite", err, context.Canceled)
		_, err = f.assets.BatchGet(ctx, f.a, []tenant.Key{tenant.NewKey("pump")})
		f.wantErr("BatchGet", err, context.Canceled)
		f.wantList(f.a, tenant.Query{})
	}},
	{"batches may be called concurrently, also beside other writes", func(f *fixture) {
		var done sync.WaitGroup
		for worker := range 6 {
			done.Go(func() {
				for round := range 5 {
					var writes []tenant.Write[Asset]
					for i := range 10 {
						writes = append(writes, tenant.PutWrite(numbered(worker*100+round*10+i)))
					}
					_, err := f.assets.BatchWrite(f.ctx, f.a, append(writes, tenant.PutWrite(asset("shared"))))
					f.wantNoErr("BatchWrite", err)
					_, err = f.assets.Put(f.ctx, f.a, asset("shared"), tenant.Always())
					f.wantNoErr("Put", err)
				}
			})
		}
		done.Wait()
		f.wantCount(f.a, tenant.Query{}, 6*5*10+1)
		f.wantCount(f.a, tenant.Query{Index: "city"}, 6*5*10)
	}},
}

var batchIsolationTests = []contractTest{
	{"BatchGet finds nothing under another tenant's keys", func(f *fixture) {
		f.fill(f.a, 3)
		f.put(f.b, numbered(1))
		keys := []tenant.Key{numberedKey(0), numberedKey(1), numberedKey(2)}
		if items := f.batchGet(f.b, keys...); items[0].Version != 0 || items[2].Version != 0 || items[0].Value.City != "" {
			f.Errorf("BatchGet returned another tenant's items: %+v", items)
		} else if own := f.get(f.b, "item", "0001"); !reflect.DeepEqual(items[1], own) {
			f.Errorf("BatchGet returned %+v among another tenant's keys, want %+v", items[1], own)
		}
	}},
	{"BatchWrite changes the items of its own tenant only", func(f *fixture) {
		f.fill(f.a, 3)
		before := f.batchGet(f.a, numberedKey(0), numberedKey(1), numberedKey(2))
		f.batchWrite(f.b, tenant.PutWrite(numbered(0)), tenant.DeleteWrite[Asset](numberedKey(1)),
			tenant.PutWrite(Asset{Path: []string{"item", "0002"}, City: "Bergen"}))
		if after := f.batchGet(f.a, numberedKey(0), numberedKey(1), numberedKey(2)); !reflect.DeepEqual(after, before) {
			f.Errorf("a batch of another tenant changed\n\t%+v to\n\t%+v", before, after)
		}
		f.wantList(f.a, tenant.Query{Index: "city"}, "item/0000", "item/0001", "item/0002")
	}},
	{"the errors of batches don't hold another tenant's id", func(f *fixture) {
		f.put(f.a, asset("pump"))
		_, refused := f.assets.BatchWrite(f.ctx, f.b, []tenant.Write[Asset]{
			tenant.PutWrite(asset()), tenant.DeleteWrite[Asset](tenant.NewKey("\x1f")), tenant.PutWrite(f.sized(tenant.MaxItemSize + 1)),
		})
		_, twice := f.assets.BatchWrite(f.ctx, f.b, []tenant.Write[Asset]{tenant.PutWrite(asset("pump")), tenant.PutWrite(asset("pump"))})
		_, bad := f.assets.BatchGet(f.ctx, f.b, []tenant.Key{tenant.NewKey("pump"), {}})
		f.wantForeignIDsHidden(refused, twice, bad)
	}},
	{"the zero ID is refused by batches", func(f *fixture) {
		_, err := f.assets.BatchGet(f.ctx, tenant.ID{}, []tenant.Key{tenant.NewKey("pump")})
		f.wantErr("BatchGet", err, tenant.ErrID)
		_, err = f.assets.BatchGet(f.ctx, tenant.ID{}, nil)
		f.wantErr("BatchGet of nothing", err, tenant.ErrID)
		_, err = f.assets.BatchWrite(f.ctx, tenant.ID{}, []tenant.Write[Asset]{tenant.PutWrite(asset("pump"))})
		f.wantErr("BatchWrite", err, tenant.ErrID)
		_, err = f.assets.BatchWrite(f.ctx, tenant.ID{}, nil)
		f.wantErr("BatchWrite of nothing", err, tenant.ErrID)
	}},
}

func numberedKey(i int) tenant.Key { return tenant.NewKey(numbered(i).Path...) }

// batchGet returns what BatchGet, which must succeed, returns for all keys.
func (f *fixture) batchGet(id tenant.ID, keys ...tenant.Key) []tenant.Item[Asset] {
	f.Helper()
	items, err := f.assets.BatchGet(f.ctx, id, keys, tenant.Consistent)
	if err != nil || len(items) != len(keys) {
		f.Fatalf("BatchGet of %d keys returned %d items, %v", len(keys), len(items), err)
	}
	return items
}

// batchWrite makes a batch that must succeed.
func (f *fixture) batchWrite(id tenant.ID, writes ...tenant.Write[Asset]) []tenant.Version {
	f.Helper()
	versions, err := f.assets.BatchWrite(f.ctx, id, writes)
	if err != nil || len(versions) != len(writes) {
		f.Fatalf("BatchWrite of %d writes returned %d versions, %v", len(writes), len(versions), err)
	}
	return versions
}

// wantEntryErrs checks that err is a BatchError with these errors.
func (f *fixture) wantEntryErrs(call string, err error, want ...error) {
	f.Helper()
	var partial *tenant.BatchError
	if !errors.As(err, &partial) {
		f.Fatalf("%s returned the error %v, want a *tenant.BatchError", call, err)
	}
	f.wantErrs(call, partial.Errs, want)
}

func (f *fixture) wantErrs(call string, got, want []error) {
	f.Helper()
	if len(got) != len(want) {
		f.Fatalf("%s returned %d errors, want %d", call, len(got), len(want))
	}
	for i := range want {
		f.wantOutcome(fmt.Sprintf("%s, entry %d,", call, i), got[i], want[i])
	}
}

// wantWhole checks that err is not one of single entries.
func (f *fixture) wantWhole(call string, err error) {
	f.Helper()
	if partial := (*tenant.BatchError)(nil); errors.As(err, &partial) {
		f.Errorf("%s returned %v, want an error of the whole call", call, err)
	}
}

// wantForeignIDsHidden checks that no text of the errors of tenant b holds the
// id of tenant a.
func (f *fixture) wantForeignIDsHidden(errs ...error) {
	f.Helper()
	for _, err := range errs {
		if err == nil {
			f.Error("an access to another tenant's item succeeded")
		} else if text := strings.ReplaceAll(err.Error(), f.b.String(), ""); strings.Contains(text, f.a.String()) {
			f.Errorf("the error text holds another tenant's id: %v", err)
		}
	}
}
