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

// SoakOperations is how many operations of [TestRepositoryModel] make a whole
// soak of a store.
const SoakOperations = 100_000

// TestRepositoryModel runs random operations of three tenants on two
// repositories of a store and on a naive model, and compares every result:
// single reads and writes, queries, batches and, unless the store declares that
// it has none, transactions. The same seed makes the same operations; it is
// logged.
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
	for _, entity := range []string{"asset", "asset-x"} {
		schema := assetSchema(entity)
		run.entities = append(run.entities, modelEntity{schema, f.store.NewRepository(schema)})
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
	random   *rand.Rand
	ids      []tenant.ID
	entities []modelEntity
	model    map[modelKey]modelItem
	used     map[modelVersion]bool
}

type modelEntity struct {
	schema *tenant.Schema[Asset]
	assets tenant.Repository[Asset]
}

// modelKey is where an item is: whose it is, of which entity, under which key.
type modelKey struct {
	id     tenant.ID
	entity string
	path   string
}

func (k modelKey) key() tenant.Key { return tenant.NewKey(strings.Split(k.path, "/")...) }

type modelItem struct {
	asset   Asset
	version tenant.Version
}

type modelVersion struct {
	key     modelKey
	version tenant.Version
}

func (r *modelRun) step() {
	id, entity := r.ids[r.random.IntN(len(r.ids))], r.entities[r.random.IntN(len(r.entities))]
	switch n := r.random.IntN(100); {
	case n < 30:
		r.stepPut(id, entity)
	case n < 42:
		r.stepDelete(id, entity)
	case n < 54:
		r.stepGet(id, entity)
	case n < 69:
		r.stepQuery(id, entity)
	case n < 75:
		r.stepBatchGet(id, entity)
	case n < 82:
		r.stepBatchWrite(id, entity)
	case n < 96:
		r.stepTransact(id)
	default:
		r.clock.advance(time.Duration(r.random.IntN(5000)) * time.Millisecond)
	}
}

func (r *modelRun) stepPut(id tenant.ID, entity modelEntity) {
	item, key := r.asset(id, entity)
	cond := r.condition(key)
	want := cond.Check(r.current(key))
	version, err := entity.assets.Put(r.ctx, id, item, cond)
	r.wantIs(key, "Put", err, want)
	if err == nil {
		r.written(key, item, version)
	}
}

// asset returns a random asset and where it belongs.
func (r *modelRun) asset(id tenant.ID, entity modelEntity) (Asset, modelKey) {
	item := Asset{Path: r.path(), City: r.pick("", "Oslo", "Bergen", "Os"), Weight: float64(r.random.IntN(1000))}
	if r.random.IntN(2) == 0 {
		item.Rank = r.path()
	}
	if r.random.IntN(3) == 0 {
		item.Until = r.clock.now().Add(time.Duration(r.random.IntN(8)-1) * time.Second).UTC()
	}
	return item, modelKey{id, entity.schema.Entity, strings.Join(item.Path, "/")}
}

// written notes that an item was put.
func (r *modelRun) written(key modelKey, item Asset, version tenant.Version) {
	r.Helper()
	if written := (modelVersion{key, version}); r.used[written] || version == 0 {
		r.Errorf("a put of %v returned version %d, which was used before", key, version)
	} else {
		r.used[written] = true
	}
	r.model[key] = modelItem{item, version}
}

func (r *modelRun) wantIs(key modelKey, call string, err, want error) {
	r.Helper()
	if !errors.Is(err, want) {
		r.Errorf("%s of %v returned %v, want %v", call, key, err, want)
	}
}

func (r *modelRun) stepDelete(id tenant.ID, entity modelEntity) {
	key := r.place(id, entity)
	cond := r.condition(key)
	want := cond.Check(r.current(key))
	if cond.Kind() == tenant.KindAbsent {
		want = tenant.ErrCondition
	}
	err := entity.assets.Delete(r.ctx, id, key.key(), cond)
	r.wantIs(key, "Delete", err, want)
	if err == nil {
		delete(r.model, key)
	}
}

func (r *modelRun) stepGet(id tenant.ID, entity modelEntity) {
	key := r.place(id, entity)
	got, err := entity.assets.Get(r.ctx, id, key.key(), tenant.Consistent)
	want := r.item(key)
	if want.Version == 0 {
		r.wantIs(key, "Get", err, tenant.ErrNotFound)
		return
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		r.Errorf("Get of %v returned\n\t%+v, %v, want\n\t%+v", key, got, err, want)
	}
}

func (r *modelRun) stepBatchGet(id tenant.ID, entity modelEntity) {
	keys := make([]tenant.Key, r.random.IntN(12))
	want := make([]tenant.Item[Asset], len(keys))
	for i := range keys {
		key := r.place(id, entity)
		keys[i], want[i] = key.key(), r.item(key)
	}
	got, err := entity.assets.BatchGet(r.ctx, id, keys, tenant.Consistent)
	if err != nil || !slices.EqualFunc(got, want, func(a, b tenant.Item[Asset]) bool { return reflect.DeepEqual(a, b) }) {
		r.Errorf("BatchGet(%s, %v) returned\n\t%+v, %v, want\n\t%+v", id, keys, got, err, want)
	}
}

// A modelWrite is a change of a batch or a transaction, and what it leads to.
type modelWrite struct {
	key     modelKey
	put     *Asset // nil for what is no put
	deletes bool
	want    error
}

// take makes the change in the model.
func (r *modelRun) take(w modelWrite, version tenant.Version) {
	switch {
	case w.put != nil:
		r.written(w.key, *w.put, version)
	case w.deletes:
		delete(r.model, w.key)
	}
}

func (r *modelRun) stepBatchWrite(id tenant.ID, entity modelEntity) {
	var writes []tenant.Write[Asset]
	var changes []modelWrite
	for range r.random.IntN(10) {
		switch r.random.IntN(4) {
		case 0:
			key := r.place(id, entity)
			writes = append(writes, tenant.DeleteWrite[Asset](key.key()))
			changes = append(changes, modelWrite{key: key, deletes: true})
		case 1:
			if r.random.IntN(4) == 0 { // no path
				writes = append(writes, tenant.PutWrite(Asset{City: "Oslo"}))
				changes = append(changes, modelWrite{want: tenant.ErrKey})
			}
		default:
			item, key := r.asset(id, entity)
			writes = append(writes, tenant.PutWrite(item))
			changes = append(changes, modelWrite{key: key, put: &item})
		}
	}
	versions, err := entity.assets.BatchWrite(r.ctx, id, writes)
	if hasTwice(changes) {
		r.wantErr("BatchWrite of one key twice", err, tenant.ErrBatch)
		return
	}
	errs := make([]error, len(changes))
	if partial, ok := errors.AsType[*tenant.BatchError](err); ok {
		errs = partial.Errs
	} else if err != nil {
		r.Fatalf("BatchWrite returned %v", err)
	}
	for i, change := range changes {
		r.wantIs(change.key, "BatchWrite", errs[i], change.want)
		if change.want == nil {
			r.take(change, versions[i])
		}
	}
}

// hasTwice reports whether two changes are on one item.
func hasTwice(changes []modelWrite) bool {
	seen := map[modelKey]bool{}
	for _, change := range changes {
		if change.key.path != "" && seen[change.key] {
			return true
		}
		seen[change.key] = true
	}
	return false
}

func (r *modelRun) stepTransact(id tenant.ID) {
	if r.store.Transactor == nil {
		return
	}
	var ops []tenant.Op
	var changes []modelWrite
	for range 1 + r.random.IntN(4) {
		op, change := r.op(id)
		ops, changes = append(ops, op), append(changes, change)
	}
	versions, err := r.store.Transactor.Transact(r.ctx, id, ops...)
	if hasTwice(changes) {
		r.wantErr("Transact of one item twice", err, tenant.ErrTransaction)
		return
	}
	if wanted := refusals(changes); wanted != nil {
		r.wantOpErrs("Transact", err, wanted...)
		return
	}
	if err != nil {
		r.Fatalf("Transact returned %v", err)
	}
	for i, change := range changes {
		r.take(change, versions[i])
	}
}

// op returns a random operation on an item of any entity.
func (r *modelRun) op(id tenant.ID) (tenant.Op, modelWrite) {
	entity := r.entities[r.random.IntN(len(r.entities))]
	item, key := r.asset(id, entity)
	cond := r.condition(key)
	if r.random.IntN(2) == 0 { // else few transactions happen
		cond = tenant.Always()
	}
	change := modelWrite{key: key, want: cond.Check(r.current(key))}
	switch r.random.IntN(4) {
	case 0:
		change.deletes = true
		if cond.Kind() == tenant.KindAbsent {
			change.want = tenant.ErrCondition
		}
		return tenant.DeleteOp(entity.schema, key.key(), cond), change
	case 1:
		if cond.Kind() == tenant.KindAlways {
			change.want = tenant.ErrCondition
		}
		return tenant.CheckOp(entity.schema, key.key(), cond), change
	default:
		change.put = &item
		return tenant.PutOp(entity.schema, item, cond), change
	}
}

// refusals returns the errors of a transaction with these changes, nil if it
// happens. Conditions are looked at only if no operation is wrong in itself.
func refusals(changes []modelWrite) []error {
	wrong := slices.ContainsFunc(changes, func(w modelWrite) bool { return errors.Is(w.want, tenant.ErrCondition) })
	errs, refused := make([]error, len(changes)), false
	for i, change := range changes {
		if !wrong || errors.Is(change.want, tenant.ErrCondition) {
			errs[i] = change.want
		}
		refused = refused || change.want != nil
	}
	if !refused {
		return nil
	}
	return errs
}

func (r *modelRun) stepQuery(id tenant.ID, entity modelEntity) {
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
	want := r.selected(id, entity, query, prefix, from, to)
	r.wantSoon(query.Index, func() (problem string) {
		var got []tenant.Item[Asset]
		for item, err := range tenant.All(r.ctx, entity.assets, id, query) {
			if err != nil {
				return fmt.Sprintf("Query(%+v) returned %v", query, err)
			}
			got = append(got, item)
		}
		if !reflect.DeepEqual(got, want) {
			return fmt.Sprintf("Query(%s, %s, %+v) returned\n\t%+v, want\n\t%+v", id, entity.schema.Entity, query, got, want)
		}
		return ""
	})
}

// selected is the naive query.
func (r *modelRun) selected(id tenant.ID, entity modelEntity, query tenant.Query, prefix, from, to []string) (items []tenant.Item[Asset]) {
	place := func(a Asset) []string { return placeIn(query.Index, a) }
	for key := range maps.Keys(r.model) {
		item := r.model[key]
		at := place(item.asset)
		if key.id != id || key.entity != entity.schema.Entity || r.current(key) == 0 || len(at) == 0 ||
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

// place returns where a random item of an entity is.
func (r *modelRun) place(id tenant.ID, entity modelEntity) modelKey {
	return modelKey{id, entity.schema.Entity, strings.Join(r.path(), "/")}
}

// item returns a model item, the zero Item if it is absent or expired.
func (r *modelRun) item(key modelKey) tenant.Item[Asset] {
	if r.current(key) == 0 {
		return tenant.Item[Asset]{}
	}
	item := r.model[key]
	return tenant.Item[Asset]{Value: item.asset, Version: item.version}
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
