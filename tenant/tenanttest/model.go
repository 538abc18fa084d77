package tenanttest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// TestRepositoryModel runs random operations of three tenants on a repository
// and on a naive model, and compares every result. The same seed makes the
// same operations; it is logged.
func TestRepositoryModel(t *testing.T, open Open, seed uint64, operations int) {
	t.Helper()
	t.Logf("seed %d, %d operations", seed, operations)
	f := newFixture(t, open)
	run := modelRun{
		fixture: f,
		random:  rand.New(rand.NewPCG(seed, seed)),
		ids:     []tenant.ID{f.a, f.b, tenant.MustParseID("acm")},
		model:   map[modelKey]modelItem{},
		used:    map[modelVersion]bool{},
	}
	for i := range operations {
		run.step()
		if t.Failed() {
			t.Fatalf("seed %d: operation %d differs from the model", seed, i)
		}
	}
}

type modelRun struct {
	*fixture
	random *rand.Rand
	ids    []tenant.ID
	model  map[modelKey]modelItem
	used   map[modelVersion]bool
}

type modelKey struct {
	id   tenant.ID
	path string
}

type modelItem struct {
	asset   Asset
	version tenant.Version
}

type modelVersion struct {
	key     modelKey
	version tenant.Version
}

func (r *modelRun) step() {
	id := r.ids[r.random.IntN(len(r.ids))]
	switch n := r.random.IntN(100); {
	case n < 45:
		r.stepPut(id)
	case n < 65:
		r.stepDelete(id)
	case n < 80:
		r.stepGet(id)
	case n < 95:
		r.stepQuery(id)
	default:
		r.clock.advance(time.Duration(r.random.IntN(5000)) * time.Millisecond)
	}
}

func (r *modelRun) stepPut(id tenant.ID) {
	item := Asset{Path: r.path(), City: r.pick("", "Oslo", "Bergen", "Os"), Weight: float64(r.random.IntN(1000))}
	if r.random.IntN(2) == 0 {
		item.Rank = r.path()
	}
	if r.random.IntN(3) == 0 {
		item.Until = r.clock.now().Add(time.Duration(r.random.IntN(8)-1) * time.Second).UTC()
	}
	key := modelKey{id, strings.Join(item.Path, "/")}
	cond := r.condition(key)
	want := cond.Check(r.current(key))
	version, err := r.assets.Put(r.ctx, id, item, cond)
	if !errors.Is(err, want) {
		r.Errorf("Put(%s, %s) returned %v, want %v", id, key.path, err, want)
	}
	if err != nil {
		return
	}
	if written := (modelVersion{key, version}); r.used[written] || version == 0 {
		r.Errorf("Put(%s, %s) returned version %d, which was used before", id, key.path, version)
	} else {
		r.used[written] = true
	}
	r.model[key] = modelItem{item, version}
}

func (r *modelRun) stepDelete(id tenant.ID) {
	path := r.path()
	key := modelKey{id, strings.Join(path, "/")}
	cond := r.condition(key)
	want := cond.Check(r.current(key))
	if cond.Kind() == tenant.KindAbsent {
		want = tenant.ErrCondition
	}
	err := r.assets.Delete(r.ctx, id, tenant.NewKey(path...), cond)
	if !errors.Is(err, want) {
		r.Errorf("Delete(%s, %s) returned %v, want %v", id, key.path, err, want)
	}
	if err == nil {
		delete(r.model, key)
	}
}

func (r *modelRun) stepGet(id tenant.ID) {
	path := r.path()
	key := modelKey{id, strings.Join(path, "/")}
	got, err := r.assets.Get(r.ctx, id, tenant.NewKey(path...), tenant.Consistent)
	if r.current(key) == 0 {
		r.wantErr(fmt.Sprintf("Get(%s, %s)", id, key.path), err, tenant.ErrNotFound)
		return
	}
	want := r.model[key]
	if err != nil || !reflect.DeepEqual(got, tenant.Item[Asset]{Value: want.asset, Version: want.version}) {
		r.Errorf("Get(%s, %s) returned\n\t%+v, %v, want\n\t%+v", id, key.path, got, err, want)
	}
}

func (r *modelRun) stepQuery(id tenant.ID) {
	query := tenant.Query{
		Index:      r.pick("", "city", "rank"),
		Descending: r.random.IntN(2) == 0,
		Limit:      1 + r.random.IntN(20),
	}
	query.Consistent = query.Index == ""
	var prefix, from, to []string
	if r.random.IntN(3) == 0 {
		prefix = r.bound(query.Index)
		query.Prefix = tenant.NewKey(prefix...)
	}
	if r.random.IntN(3) == 0 {
		from = r.bound(query.Index)
		query.From = tenant.NewKey(from...)
	}
	if r.random.IntN(3) == 0 {
		to = r.bound(query.Index)
		query.To = tenant.NewKey(to...)
	}
	want := r.selected(id, query, prefix, from, to)
	r.wantSoon(query.Index, func() (problem string) {
		var got []tenant.Item[Asset]
		for item, err := range tenant.All(r.ctx, r.assets, id, query) {
			if err != nil {
				return fmt.Sprintf("Query(%+v) returned %v", query, err)
			}
			got = append(got, item)
		}
		if !reflect.DeepEqual(got, want) {
			return fmt.Sprintf("Query(%s, %+v) returned\n\t%+v, want\n\t%+v", id, query, got, want)
		}
		return ""
	})
}

// selected is the naive query.
func (r *modelRun) selected(id tenant.ID, query tenant.Query, prefix, from, to []string) (items []tenant.Item[Asset]) {
	place := func(a Asset) []string { return placeIn(query.Index, a) }
	for key := range maps.Keys(r.model) {
		item := r.model[key]
		at := place(item.asset)
		if key.id != id || r.current(key) == 0 || len(at) == 0 ||
			len(at) < len(prefix) || !slices.Equal(at[:len(prefix)], prefix) ||
			slices.Compare(at, from) < 0 || to != nil && slices.Compare(at, to) >= 0 {
			continue
		}
		items = append(items, tenant.Item[Asset]{Value: item.asset, Version: item.version})
	}
	slices.SortFunc(items, func(x, y tenant.Item[Asset]) int {
		order := cmp.Or(slices.Compare(place(x.Value), place(y.Value)), slices.Compare(x.Value.Path, y.Value.Path))
		if query.Descending {
			return -order
		}
		return order
	})
	return items
}

func placeIn(index string, a Asset) []string {
	switch {
	case index == "":
		return a.Path
	case index == "rank":
		return a.Rank
	case a.City == "":
		return nil
	default:
		return []string{a.City}
	}
}

// current returns the version of a model item, 0 if it is absent or expired.
func (r *modelRun) current(key modelKey) tenant.Version {
	item, ok := r.model[key]
	if !ok || tenant.Expired(item.asset.Until.Truncate(time.Second), r.clock.now()) {
		return 0
	}
	return item.version
}

func (r *modelRun) condition(key modelKey) tenant.Condition {
	switch r.random.IntN(6) {
	case 0:
		return tenant.IfAbsent()
	case 1:
		return tenant.IfPresent()
	case 2:
		return tenant.IfVersion(tenant.Version(1 + r.random.IntN(1000)))
	case 3:
		if item, ok := r.model[key]; ok {
			return tenant.IfVersion(item.version)
		}
		return tenant.IfAbsent()
	default:
		return tenant.Always()
	}
}

func (r *modelRun) bound(index string) []string {
	if index == "city" {
		return []string{r.pick("Oslo", "Bergen", "Os", "P")}
	}
	return r.path()
}

// path returns one of few paths that begin with each other in many ways.
func (r *modelRun) path() []string {
	path := make([]string, 1+r.random.IntN(3))
	for i := range path {
		path[i] = r.pick("a", "b", "ab", "a b")
	}
	return path
}

func (r *modelRun) pick(texts ...string) string { return texts[r.random.IntN(len(texts))] }
