package failovertenant_test

import (
	"context"
	"maps"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/failovertenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

const (
	ireland   = "eu-west-1"
	frankfurt = "eu-central-1"
)

var acme, zeta = tenant.MustParseID("acme"), tenant.MustParseID("zeta")

type site struct {
	Name, City string
}

var siteSchema = tenant.Schema[site]{
	Entity:  "site",
	Key:     func(s *site) tenant.Key { return tenant.NewKey(s.Name) },
	Indexes: []tenant.Index[site]{{Name: "city", Key: func(s *site) tenant.Key { return tenant.NewKey(s.City) }}},
}

var north = tenant.NewKey("north")

// place is a Region that can be lost.
type place struct {
	store *memtenant.Store
	sites tenant.Repository[site] // always in reach
	fault atomic.Pointer[tenanttest.Fault]
	calls atomic.Int32
}

func (p *place) decide(tenanttest.Call) tenanttest.Fault {
	p.calls.Add(1)
	if fault := p.fault.Load(); fault != nil {
		return *fault
	}
	return tenanttest.Fault{}
}

// lose makes every call to the Region fail, before it has an effect.
func (p *place) lose() { p.fault.Store(&tenanttest.Fault{Before: tenanttest.ErrFault}) }

func (p *place) restore() { p.fault.Store(nil) }

func (p *place) region(name string) failovertenant.Region {
	return failovertenant.Region{
		Name:       name,
		Transactor: tenanttest.FaultyTransactor(p.store, p.decide),
		Homes:      tenanttest.Faulty(memtenant.NewRepository(p.store, &failovertenant.HomeSchema), p.decide),
	}
}

// world is two Regions.
type world map[string]*place

func newWorld() world {
	cursors, w := tenant.RandomCursorKeys(), world{}
	for _, name := range []string{ireland, frankfurt} {
		store := memtenant.New(cursors)
		w[name] = &place{store: store, sites: memtenant.NewRepository(store, &siteSchema)}
	}
	return w
}

// patiently keeps a busy machine from being taken for a lost Region.
func patiently(o *failovertenant.Options) { o.TryFor = time.Minute }

// process is what one process has of the world.
type process struct {
	*failovertenant.Store
	sites *failovertenant.Repository[site]
}

func (w world) process(optFns ...func(*failovertenant.Options)) process {
	optFns = append([]func(*failovertenant.Options){patiently}, optFns...)
	store := failovertenant.New([]failovertenant.Region{w[ireland].region(ireland), w[frankfurt].region(frankfurt)}, optFns...)
	items := map[string]tenant.Repository[site]{}
	for name, p := range w {
		items[name] = tenanttest.Faulty(p.sites, p.decide)
	}
	return process{store, failovertenant.NewRepository(store, &siteSchema, items)}
}

// replicate brings one Region to the state of another.
func (w world) replicate(t *testing.T, from, to string, ids ...tenant.ID) {
	t.Helper()
	for _, id := range ids {
		w.apply(t, to, id, w.snapshot(t, from, id))
	}
}

func (w world) snapshot(t *testing.T, of string, id tenant.ID) map[string]site {
	t.Helper()
	state := map[string]site{}
	for item, err := range tenant.All(t.Context(), w[of].sites, id, tenant.Query{}) {
		require.NoError(t, err)
		state[item.Value.Name] = item.Value
	}
	return state
}

func (w world) apply(t *testing.T, to string, id tenant.ID, state map[string]site) {
	t.Helper()
	for name := range w.snapshot(t, to, id) {
		if _, ok := state[name]; !ok {
			require.NoError(t, w[to].sites.Delete(t.Context(), id, tenant.NewKey(name), tenant.Always()))
		}
	}
	for s := range maps.Values(state) {
		_, err := w[to].sites.Put(t.Context(), id, s, tenant.Always())
		require.NoError(t, err)
	}
}

func (p process) put(t *testing.T, id tenant.ID, s site, cond tenant.Condition) tenant.Version {
	t.Helper()
	version, err := p.sites.Put(t.Context(), id, s, cond)
	require.NoError(t, err)
	return version
}

func (p process) city(t *testing.T, id tenant.ID, optFns ...func(*tenant.ReadOptions)) string {
	t.Helper()
	item, err := p.sites.Get(t.Context(), id, north, optFns...)
	require.NoError(t, err)
	return item.Value.City
}

// move moves acme as an operator does.
func (p process) move(t *testing.T, w world, from, to string) {
	t.Helper()
	_, err := p.Drain(t.Context(), acme)
	require.NoError(t, err)
	w.replicate(t, from, to, acme)
	moved, err := p.Move(t.Context(), acme, to)
	require.NoError(t, err)
	require.Equal(t, to, moved.Home.Region)
	require.Empty(t, moved.Untold)
}

func openSuite(_ *testing.T, setup tenanttest.Setup) tenanttest.Store {
	stores := map[string]*memtenant.Store{}
	regions := make([]failovertenant.Region, 0, 2)
	for _, name := range []string{ireland, frankfurt} {
		store := memtenant.New(setup.Cursors, func(o *memtenant.Options) { o.Now = setup.Now })
		stores[name] = store
		regions = append(regions, failovertenant.Region{Name: name, Transactor: store, Homes: memtenant.NewRepository(store, &failovertenant.HomeSchema)})
	}
	store := failovertenant.New(regions, patiently)
	return tenanttest.Store{
		NewRepository: func(schema *tenant.Schema[tenanttest.Asset]) tenant.Repository[tenanttest.Asset] {
			return failovertenant.NewRepository(store, schema, repositories(stores, schema))
		},
		Transactor:         store,
		Usages:             failovertenant.NewRepository(store, &tenant.UsageSchema, repositories(stores, &tenant.UsageSchema)),
		MaxOps:             failovertenant.MaxOps,
		MaxTransactionSize: failovertenant.MaxTransactionSize,
	}
}

func repositories[T any](stores map[string]*memtenant.Store, schema *tenant.Schema[T]) map[string]tenant.Repository[T] {
	items := map[string]tenant.Repository[T]{}
	for name, store := range stores {
		items[name] = memtenant.NewRepository(store, schema)
	}
	return items
}

func TestRepository(t *testing.T) {
	t.Parallel()
	tenanttest.TestRepository(t, openSuite)
}

func TestRepositoryModel(t *testing.T) {
	t.Parallel()
	tenanttest.TestRepositoryModel(t, openSuite, 1, 3000)
}

func TestAttackRepository(t *testing.T) {
	t.Parallel()
	tenanttest.TestIsolation(t, openSuite)
}

func TestBadSetupPanics(t *testing.T) {
	t.Parallel()
	w := newWorld()
	one := w[ireland].region(ireland)
	for name, setup := range map[string]func(){
		"no Regions":     func() { failovertenant.New(nil) },
		"one name twice": func() { failovertenant.New([]failovertenant.Region{one, one}) },
		"no fences": func() {
			failovertenant.New([]failovertenant.Region{one}, func(o *failovertenant.Options) { o.Fences = 0 })
		},
		"too many fences": func() {
			failovertenant.New([]failovertenant.Region{one}, func(o *failovertenant.Options) { o.Fences = 100 })
		},
		"a Region without repository": func() {
			failovertenant.NewRepository(failovertenant.New([]failovertenant.Region{one}), &siteSchema, nil)
		},
	} {
		require.Panics(t, setup, name)
	}
}

func TestReadsAndWritesAtHome(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p := w.process()
	p.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
	require.Equal(t, "Oslo", p.city(t, acme))
	require.Equal(t, "Oslo", p.city(t, acme, tenant.Consistent))
	require.Empty(t, w.snapshot(t, frankfurt, acme), "nothing is written elsewhere")
}

func TestReadsFailOver(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p := w.process()
	p.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
	w.replicate(t, ireland, frankfurt, acme)
	p.put(t, acme, site{"north", "Bergen"}, tenant.Always())
	w[ireland].lose()

	for _, p := range []process{p, w.process()} { // one that knew, one that starts now
		require.Equal(t, "Oslo", p.city(t, acme), "old, as promised")
		page, err := p.sites.Query(t.Context(), acme, tenant.Query{Index: "city"})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
		items, err := p.sites.BatchGet(t.Context(), acme, []tenant.Key{north})
		require.NoError(t, err)
		require.Equal(t, "Oslo", items[0].Value.City)
		_, err = p.sites.Get(t.Context(), acme, tenant.NewKey("south"))
		require.ErrorIs(t, err, tenant.ErrNotFound)

		_, err = p.sites.Get(t.Context(), acme, north, tenant.Consistent)
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		_, err = p.sites.Query(t.Context(), acme, tenant.Query{Consistent: true})
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		_, err = p.sites.BatchGet(t.Context(), acme, []tenant.Key{north}, tenant.Consistent)
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		_, err = p.sites.Put(t.Context(), acme, site{"north", "Malmö"}, tenant.Always())
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
	}
	relaxed := w.process(func(o *failovertenant.Options) { o.StaleReads = true })
	require.Equal(t, "Oslo", relaxed.city(t, acme, tenant.Consistent))

	w[ireland].restore()
	require.Equal(t, "Bergen", w.process().city(t, acme))
}

func TestAllRegionsLost(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p := w.process()
	p.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
	w[ireland].lose()
	w[frankfurt].lose()
	for _, p := range []process{p, w.process()} {
		_, err := p.sites.Get(t.Context(), acme, north)
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		_, err = p.Move(t.Context(), acme, frankfurt, failovertenant.Force)
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
	}
}

func TestCursorsContinueInAnotherRegion(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p := w.process()
	for _, name := range []string{"a", "b", "c", "d"} {
		p.put(t, acme, site{name, "Oslo"}, tenant.IfAbsent())
	}
	w.replicate(t, ireland, frankfurt, acme)
	var names []string
	for item, err := range tenant.All(t.Context(), p.sites, acme, tenant.Query{Limit: 1}) {
		require.NoError(t, err)
		names = append(names, item.Value.Name)
		if len(names) == 2 {
			w[ireland].lose()
		}
	}
	require.Equal(t, []string{"a", "b", "c", "d"}, names)
}

func TestHomesPerTenant(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p := w.process(func(o *failovertenant.Options) {
		o.HomeOf = func(id tenant.ID) string { return map[tenant.ID]string{acme: ireland, zeta: frankfurt}[id] }
	})
	p.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
	p.put(t, zeta, site{"north", "Essen"}, tenant.IfAbsent())
	require.Len(t, w.snapshot(t, ireland, acme), 1)
	require.Len(t, w.snapshot(t, frankfurt, zeta), 1)
	require.Empty(t, w.snapshot(t, ireland, zeta))
	_, err := p.sites.Get(t.Context(), tenant.MustParseID("nobody"), north)
	require.ErrorIs(t, err, failovertenant.ErrRegion)
}

func TestBatchWriteAtHome(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p := w.process()
	var writes []tenant.Write[site]
	for i := range 60 {
		writes = append(writes, tenant.PutWrite(site{string(rune('A' + i)), "Oslo"}))
	}
	_, err := p.sites.BatchWrite(t.Context(), acme, writes)
	require.NoError(t, err)
	require.Len(t, w.snapshot(t, ireland, acme), 60)

	w[ireland].lose()
	_, err = p.sites.BatchWrite(t.Context(), acme, writes)
	var partial *tenant.BatchError
	require.ErrorAs(t, err, &partial)
	require.Len(t, partial.Errs, 60)
	for _, err := range partial.Errs {
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
	}
}

func TestConflictsOfTransactions(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p := w.process()
	conflicts := 3
	region := w[ireland].region(ireland)
	region.Transactor = tenanttest.FaultyTransactor(w[ireland].store, func(tenanttest.Call) tenanttest.Fault {
		if conflicts--; conflicts >= 0 {
			return tenanttest.Fault{Before: tenant.ErrTransactionConflict}
		}
		return tenanttest.Fault{}
	})
	store := failovertenant.New([]failovertenant.Region{region})
	sites := failovertenant.NewRepository(store, &siteSchema, map[string]tenant.Repository[site]{ireland: w[ireland].sites})
	_, err := store.Transact(t.Context(), acme, tenant.PutOp(&siteSchema, site{"north", "Oslo"}, tenant.Always()))
	require.ErrorIs(t, err, tenant.ErrTransactionConflict, "Transact says so")
	_, err = sites.Put(t.Context(), acme, site{"north", "Oslo"}, tenant.Always())
	require.NoError(t, err, "Put tries again")
	require.Equal(t, "Oslo", p.city(t, acme))
}

func TestWritersOfOneTenantUseManyFences(t *testing.T) {
	t.Parallel()
	w := newWorld()
	used := map[string]bool{}
	region := w[ireland].region(ireland)
	region.Transactor = recorder{w[ireland].store, used}
	store := failovertenant.New([]failovertenant.Region{region}, func(o *failovertenant.Options) { o.Fences = 4 })
	for range 200 {
		_, err := store.Transact(t.Context(), acme, tenant.PutOp(&siteSchema, site{"north", "Oslo"}, tenant.Always()))
		require.NoError(t, err)
	}
	require.Len(t, used, 4)
}

// recorder records the first operation of each transaction.
type recorder struct {
	tenant.Transactor
	used map[string]bool
}

func (r recorder) Transact(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
	record, err := ops[0].Record()
	if err != nil {
		return nil, err
	}
	r.used[ops[0].Entity()+"/"+record.Key] = true
	return r.Transactor.Transact(ctx, id, ops...)
}

func TestASlowRegionIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		p := w.process(func(o *failovertenant.Options) { o.TryFor = 2 * time.Second })
		p.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
		w.replicate(t, ireland, frankfurt, acme)
		w[ireland].fault.Store(&tenanttest.Fault{Delay: time.Hour})
		start := time.Now()
		require.Equal(t, "Oslo", p.city(t, acme))
		require.Equal(t, 2*time.Second, time.Since(start))
		_, err := p.sites.Get(t.Context(), acme, north, tenant.Consistent)
		require.ErrorIs(t, err, failovertenant.ErrDown)
		require.ErrorContains(t, err, "eu-west-1: no answer within 2s")
	})
}

func TestCallsAtHome(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	for name, test := range map[string]struct {
		want int
		call func()
	}{
		"a write":           {1, func() { p.put(t, acme, site{"north", "Oslo"}, tenant.Always()) }},
		"a read":            {1, func() { p.city(t, acme) }},
		"a consistent read": {2, func() { p.city(t, acme, tenant.Consistent) }},
	} {
		require.Zero(t, p.calls(frankfurt, func() { require.Equal(t, test.want, p.calls(ireland, test.call), name) }), name)
	}
}
