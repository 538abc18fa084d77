package tenanttest

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

var itemTests = []contractTest{
	{"what was put is returned, as its encoding keeps it", func(f *fixture) {
		put := Asset{
			Path: []string{"hall 1", "Pumpe-ß", "日本"}, City: "Oslo", Rank: []string{"a", "b"}, Until: f.clock.now().AddDate(1, 0, 0).UTC(),
			Weight: 1.5, Notes: []string{"<&>", ""}, Labels: map[string]string{"k": "v\x00\n"}, Blob: []byte{0, 1, 0xff}, Unsaved: "lost",
		}
		version := f.put(f.a, put)
		put.Unsaved = ""
		want := tenant.Item[Asset]{Value: put, Version: version}
		if got := f.get(f.a, put.Path...); !reflect.DeepEqual(got, want) {
			f.Errorf("Get returned\n\t%+v, want\n\t%+v", got, want)
		}
		for _, query := range everyOrder() {
			f.wantSoon(query.Index, func() (problem string) {
				page, err := f.assets.Query(f.ctx, f.a, query)
				want := tenant.Page[Asset]{Items: []tenant.Item[Asset]{want}}
				if err != nil || !reflect.DeepEqual(page, want) {
					return fmt.Sprintf("Query(%+v) returned\n\t%+v, %v, want\n\t%+v", query, page, err, want)
				}
				return ""
			})
		}
	}},
	{"a put replaces the whole item with its index entries", func(f *fixture) {
		f.put(f.a, Asset{Path: []string{"pump"}, City: "Oslo", Rank: []string{"1"}, Weight: 7, Labels: map[string]string{"k": "v"}})
		f.put(f.a, Asset{Path: []string{"pump"}, City: "Bergen"})
		if got := f.get(f.a, "pump").Value; !reflect.DeepEqual(got, Asset{Path: []string{"pump"}, City: "Bergen"}) {
			f.Errorf("Get returned %+v, which holds something of the replaced item", got)
		}
		f.wantList(f.a, tenant.Query{}, "pump")
		f.wantList(f.a, tenant.Query{Index: "city"}, "pump")
		f.wantList(f.a, tenant.Query{Index: "city", Prefix: tenant.NewKey("Oslo")})
		f.wantList(f.a, tenant.Query{Index: "rank"})
	}},
	{"a delete removes the item with its index entries", func(f *fixture) {
		f.put(f.a, Asset{Path: []string{"pump"}, City: "Oslo", Rank: []string{"1"}})
		f.put(f.a, Asset{Path: []string{"valve"}, City: "Oslo", Rank: []string{"1"}})
		f.delete(f.a, "pump")
		f.wantAbsent(f.a, "pump")
		f.wantList(f.a, tenant.Query{Index: "rank"}, "valve")
	}},
	{"what was put can be changed by the caller without effect", func(f *fixture) {
		put := Asset{Path: []string{"pump"}, Notes: []string{"n"}, Labels: map[string]string{"k": "v"}, Blob: []byte("blob")}
		f.put(f.a, put)
		put.Path[0], put.Notes[0], put.Labels["k"], put.Blob[0] = "changed", "changed", "changed", 'X'
		if got := f.get(f.a, "pump").Value; got.Path[0] != "pump" || got.Notes[0] != "n" || got.Labels["k"] != "v" || string(got.Blob) != "blob" {
			f.Errorf("the store shares what was put: %+v", got)
		}
	}},
	{"what was returned can be changed by the caller without effect", func(f *fixture) {
		f.put(f.a, Asset{Path: []string{"pump"}, City: "Oslo", Notes: []string{"n"}, Labels: map[string]string{"k": "v"}, Blob: []byte("blob")})
		change := func(a Asset) {
			a.Path[0], a.Notes[0], a.Labels["k"], a.Blob[0] = "changed", "changed", "changed", 'X'
			_, _ = append(a.Notes[:1:cap(a.Notes)], "more"), append(a.Blob[:0:cap(a.Blob)], "more"...)
		}
		change(f.get(f.a, "pump").Value)
		for _, query := range everyOrder() {
			f.wantList(f.a, query, "pump")
			page, err := f.assets.Query(f.ctx, f.a, query)
			f.wantNoErr("Query", err)
			for _, item := range page.Items {
				change(item.Value)
			}
		}
		if got := f.get(f.a, "pump").Value; got.Notes[0] != "n" || got.Labels["k"] != "v" || string(got.Blob) != "blob" {
			f.Errorf("the store shares what it returned: %+v", got)
		}
	}},
	{"a version changes with every write and is not used again", func(f *fixture) {
		seen := map[tenant.Version]bool{}
		note := func(version tenant.Version) {
			f.Helper()
			if seen[version] {
				f.Errorf("version %d was used again", version)
			}
			seen[version] = true
		}
		for range 5 {
			note(f.put(f.a, asset("pump"))) // the clock stands still
			note(f.put(f.a, asset("pump")))
			f.delete(f.a, "pump")
		}
		f.clock.advance(-1e9)
		note(f.put(f.a, asset("pump")))
	}},
	{"Get and Query return the version of the last put", func(f *fixture) {
		f.put(f.a, asset("pump"))
		want := f.put(f.a, asset("pump"))
		if got := f.get(f.a, "pump").Version; got != want {
			f.Errorf("Get returned version %d, want %d", got, want)
		}
		page, err := f.assets.Query(f.ctx, f.a, tenant.Query{Consistent: true})
		f.wantNoErr("Query", err)
		if len(page.Items) != 1 || page.Items[0].Version != want {
			f.Errorf("Query returned %+v, want version %d", page.Items, want)
		}
	}},
	{"a consistent read sees every acknowledged write", func(f *fixture) {
		for i := range 20 {
			f.put(f.a, Asset{Path: []string{"pump"}, City: "Oslo", Weight: float64(i)})
			if got := f.get(f.a, "pump").Value.Weight; got != float64(i) {
				f.Fatalf("Get returned the state %v after the write of %d was acknowledged", got, i)
			}
			page, err := f.assets.Query(f.ctx, f.a, tenant.Query{Consistent: true})
			f.wantNoErr("Query", err)
			if len(page.Items) != 1 || page.Items[0].Value.Weight != float64(i) {
				f.Fatalf("Query returned %+v after the write of %d was acknowledged", page.Items, i)
			}
		}
	}},
	{"an index shows every write, if not at once", func(f *fixture) {
		for i := range 10 {
			f.put(f.a, Asset{Path: []string{"pump"}, City: "Oslo", Weight: float64(i)})
			f.wantSoon("city", func() (problem string) {
				page, err := f.assets.Query(f.ctx, f.a, tenant.Query{Index: "city"})
				if err != nil || len(page.Items) != 1 || page.Items[0].Value.Weight != float64(i) {
					return fmt.Sprintf("Query returned %+v, %v after the write of %d was acknowledged", page.Items, err, i)
				}
				return ""
			})
		}
	}},
	{"a value that can't be encoded is refused and changes nothing", func(f *fixture) {
		f.put(f.a, asset("pump"))
		_, err := f.assets.Put(f.ctx, f.a, Asset{Path: []string{"pump"}, Weight: math.NaN()}, tenant.Always())
		f.wantErr("Put(NaN)", err, iotenant.ErrInvalid)
		if got := f.get(f.a, "pump").Value.Weight; got != 0 {
			f.Errorf("Get returned weight %v", got)
		}
	}},
	{"readers see the state before or after a write", func(f *fixture) {
		f.put(f.a, flipped(0))
		stop := make(chan struct{})
		var writer sync.WaitGroup
		writer.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := f.assets.Put(f.ctx, f.a, flipped(i), tenant.Always()); err != nil {
					f.Errorf("Put: %v", err)
					return
				}
			}
		})
		for range 100 {
			for _, city := range []string{"", "even", "odd"} {
				f.wantNoErr("a reader beside a writer", f.checkFlipped(city))
			}
		}
		close(stop)
		writer.Wait()
	}},
}

// flipped is an asset whose parts all say whether i is even.
func flipped(i int) Asset {
	side := []string{"even", "odd"}[i%2]
	return Asset{Path: []string{"pump"}, City: side, Rank: []string{side}, Notes: []string{side}}
}

// checkFlipped reads flipped assets by city, or by key if city is empty.
func (f *fixture) checkFlipped(city string) error {
	query := tenant.Query{Consistent: true}
	if city != "" {
		query = tenant.Query{Index: "city", Prefix: tenant.NewKey(city)}
	}
	page, err := f.assets.Query(f.ctx, f.a, query)
	if err != nil {
		return err
	}
	if len(page.Items) > 1 || city == "" && len(page.Items) == 0 {
		return fmt.Errorf("city %q has %d items", city, len(page.Items))
	}
	for _, item := range page.Items {
		v := item.Value
		if v.City != v.Rank[0] || v.City != v.Notes[0] || city != "" && city != v.City {
			return errors.New("the item found in city " + city + " is torn")
		}
	}
	return nil
}
