package tenant_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// plotSchema describes sites that never expire.
var plotSchema = tenant.Schema[site]{Entity: "site", Key: siteSchema.Key}

// planFor has a plan for each tenant; who isn't named has none.
type planFor map[tenant.ID]tenant.Plan

func (p planFor) PlanOf(_ context.Context, id tenant.ID) (tenant.Plan, error) { return p[id], nil }

// estate is a repository of sites with quotas, and what it is made of.
type estate struct {
	*tenant.QuotaRepository[site]
	plans      planFor
	items      tenant.Repository[site]
	usages     tenant.Repository[tenant.Usage]
	transactor tenant.Transactor
}

// newEstate returns an estate in which acme may have two sites, and zeta 200.
func newEstate() *estate {
	store := memtenant.New(tenant.RandomCursorKeys())
	e := &estate{
		plans:      planFor{acme: basic, zeta: large},
		items:      memtenant.NewRepository(store, &plotSchema),
		usages:     memtenant.NewRepository(store, &tenant.UsageSchema),
		transactor: store,
	}
	e.compose()
	return e
}

func (e *estate) compose() {
	e.QuotaRepository = tenant.NewQuotaRepository(tenant.NewQuotas(e.transactor, e.usages, e.plans), e.items, &plotSchema)
}

// with fills the estate of a tenant with sites that count from 0.
func (e *estate) with(t *testing.T, id tenant.ID, n int) *estate {
	t.Helper()
	for i := range n {
		_, err := e.Put(t.Context(), id, numbered(i), tenant.IfAbsent())
		require.NoError(t, err)
	}
	return e
}

func (e *estate) wantUsed(t *testing.T, id tenant.ID, want int64) {
	t.Helper()
	usage, err := e.Usage(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, tenant.Usage{Entity: "site", Used: want}, usage)
	items := int64(0)
	for _, err := range tenant.All(t.Context(), e.items, id, tenant.Query{}) {
		require.NoError(t, err)
		items++
	}
	require.Equal(t, want, items, "the counter has to be the number of items")
}

func numbered(i int) site { return site{Name: "site-" + strconv.Itoa(i)} }

func keyOf(i int) tenant.Key { return tenant.NewKey(numbered(i).Name) }

func TestQuotaRefusesOneItemTooMany(t *testing.T) {
	t.Parallel()
	for name, cond := range map[string]tenant.Condition{"Always": tenant.Always(), "IfAbsent": tenant.IfAbsent()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEstate().with(t, acme, 2)
			_, err := e.Put(t.Context(), acme, numbered(2), cond)
			require.ErrorIs(t, err, tenant.ErrQuota)
			require.ErrorIs(t, err, iotenant.ErrDenied)
			var refused *tenant.QuotaError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, tenant.QuotaError{Entity: "site", Limit: 2, Used: 2}, *refused)
			require.EqualError(t, err, "tenant: quota exceeded: denied: site: 2 of 2")
			e.wantUsed(t, acme, 2)

			require.NoError(t, e.Delete(t.Context(), acme, keyOf(0), tenant.IfPresent()))
			_, err = e.Put(t.Context(), acme, numbered(2), cond)
			require.NoError(t, err)
			e.wantUsed(t, acme, 2)
		})
	}
}

func TestQuotaLetsItemsBeReplacedWhenItIsExhausted(t *testing.T) {
	t.Parallel()
	e := newEstate().with(t, acme, 2)
	replacement := site{Name: "site-0", City: "Bergen"}
	version, err := e.Put(t.Context(), acme, replacement, tenant.Always())
	require.NoError(t, err)
	version, err = e.Put(t.Context(), acme, replacement, tenant.IfVersion(version))
	require.NoError(t, err)
	_, err = e.Put(t.Context(), acme, replacement, tenant.IfPresent())
	require.NoError(t, err)
	_, err = e.Put(t.Context(), acme, replacement, tenant.IfAbsent())
	require.ErrorIs(t, err, tenant.ErrExists, "it is no new item, whatever the quota")
	_, err = e.Put(t.Context(), acme, replacement, tenant.IfVersion(version))
	require.ErrorIs(t, err, tenant.ErrVersion)
	e.wantUsed(t, acme, 2)
}

func TestQuotaConditionsOfDeletes(t *testing.T) {
	t.Parallel()
	e := newEstate().with(t, acme, 1)
	item, err := e.Get(t.Context(), acme, keyOf(0))
	require.NoError(t, err)
	require.ErrorIs(t, e.Delete(t.Context(), acme, keyOf(0), tenant.IfVersion(item.Version+1)), tenant.ErrVersion)
	require.ErrorIs(t, e.Delete(t.Context(), acme, keyOf(9), tenant.IfPresent()), tenant.ErrNotFound)
	require.ErrorIs(t, e.Delete(t.Context(), acme, keyOf(0), tenant.IfAbsent()), tenant.ErrCondition)
	require.NoError(t, e.Delete(t.Context(), acme, keyOf(9), tenant.Always()))
	e.wantUsed(t, acme, 1)
	require.NoError(t, e.Delete(t.Context(), acme, keyOf(0), tenant.IfVersion(item.Version)))
	require.NoError(t, e.Delete(t.Context(), acme, keyOf(0), tenant.Always()))
	e.wantUsed(t, acme, 0)
}

func TestQuotaOfNothingAndNoQuota(t *testing.T) {
	t.Parallel()
	e := newEstate()
	e.plans[acme] = tenant.Plan{Name: "nothing", Quotas: map[string]int64{"site": 0}}
	_, err := e.Put(t.Context(), acme, numbered(0), tenant.IfAbsent())
	require.ErrorIs(t, err, tenant.ErrQuota)
	e.plans[acme] = tenant.Plan{Name: "other", Quotas: map[string]int64{"thing": 0}}
	e.with(t, acme, 10).wantUsed(t, acme, 10)
}

func TestQuotaBelowWhatThereIs(t *testing.T) {
	t.Parallel()
	e := newEstate().with(t, zeta, 5)
	e.plans[zeta] = basic
	_, err := e.Put(t.Context(), zeta, numbered(9), tenant.Always())
	require.EqualError(t, err, "tenant: quota exceeded: denied: site: 5 of 2")
	_, err = e.Put(t.Context(), zeta, site{Name: "site-0", City: "Bergen"}, tenant.Always())
	require.NoError(t, err, "what there is stays, and can be changed")
	for i := range 4 {
		require.NoError(t, e.Delete(t.Context(), zeta, keyOf(i), tenant.Always()))
	}
	_, err = e.Put(t.Context(), zeta, numbered(9), tenant.Always())
	require.NoError(t, err)
	e.wantUsed(t, zeta, 2)
}

func TestQuotaCountsWhatWasThereBefore(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(*testing.T, *estate){
		"create": func(t *testing.T, e *estate) {
			_, err := e.Put(t.Context(), acme, numbered(9), tenant.IfAbsent())
			require.ErrorIs(t, err, tenant.ErrQuota)
			e.wantUsed(t, acme, 3)
		},
		"delete": func(t *testing.T, e *estate) {
			require.NoError(t, e.Delete(t.Context(), acme, keyOf(0), tenant.Always()))
			e.wantUsed(t, acme, 2)
		},
		"recount": func(t *testing.T, e *estate) {
			usage, err := e.Recount(t.Context(), acme)
			require.NoError(t, err)
			require.EqualValues(t, 3, usage.Used)
			e.wantUsed(t, acme, 3)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEstate()
			for i := range 3 {
				_, err := e.items.Put(t.Context(), acme, numbered(i), tenant.IfAbsent())
				require.NoError(t, err)
			}
			use(t, e)
		})
	}
}

func TestRecountRepairsTheCounter(t *testing.T) {
	t.Parallel()
	e := newEstate().with(t, zeta, 4)
	require.NoError(t, e.items.Delete(t.Context(), zeta, keyOf(0), tenant.Always())) // past the quotas
	usage, err := e.Usage(t.Context(), zeta)
	require.NoError(t, err)
	require.EqualValues(t, 4, usage.Used)
	usage, err = e.Recount(t.Context(), zeta)
	require.NoError(t, err)
	require.Equal(t, tenant.Usage{Entity: "site", Used: 3}, usage)
	e.wantUsed(t, zeta, 3)
}

func TestRecountBesideAWriter(t *testing.T) {
	t.Parallel()
	e := newEstate().with(t, zeta, 4)
	written := false
	items := e.items
	e.items = tenanttest.Faulty(items, func(call tenanttest.Call) tenanttest.Fault {
		if call.Operation == tenanttest.OpQuery && !written {
			written = true
			_, err := e.Put(t.Context(), zeta, site{Name: "a-first"}, tenant.IfAbsent())
			require.NoError(t, err)
			require.NoError(t, e.Delete(t.Context(), zeta, keyOf(3), tenant.Always()))
			require.NoError(t, e.Delete(t.Context(), zeta, keyOf(2), tenant.Always()))
		}
		return tenanttest.Fault{}
	})
	e.compose()
	usage, err := e.Recount(t.Context(), zeta)
	require.NoError(t, err)
	require.EqualValues(t, 3, usage.Used)
	e.items = items
	e.wantUsed(t, zeta, 3)
}

func TestCounterNeverGoesBelowZero(t *testing.T) {
	t.Parallel()
	e := newEstate().with(t, zeta, 1)
	_, err := e.items.Put(t.Context(), zeta, numbered(9), tenant.IfAbsent()) // past the quotas
	require.NoError(t, err)
	require.NoError(t, e.Delete(t.Context(), zeta, keyOf(9), tenant.Always()))
	require.NoError(t, e.Delete(t.Context(), zeta, keyOf(0), tenant.Always()))
	e.wantUsed(t, zeta, 0)
}

func TestQuotaBatchWrite(t *testing.T) {
	t.Parallel()
	e := newEstate().with(t, acme, 2)
	versions, err := e.BatchWrite(t.Context(), acme, []tenant.Write[site]{
		tenant.PutWrite(site{Name: "site-0", City: "Bergen"}),
		tenant.PutWrite(numbered(5)), // one too many
		tenant.DeleteWrite[site](keyOf(1)),
		tenant.DeleteWrite[site](keyOf(9)),
		tenant.PutWrite(numbered(6)), // in the place of site-1
		tenant.PutWrite(site{}),
		tenant.PutWrite(numbered(7)),
	})
	var partial *tenant.BatchError
	require.ErrorAs(t, err, &partial)
	for i, want := range []error{nil, tenant.ErrQuota, nil, nil, nil, tenant.ErrKey, tenant.ErrQuota} {
		require.ErrorIs(t, partial.Errs[i], want)
		require.Equal(t, want == nil && (i == 0 || i == 4), versions[i] != 0, i)
	}
	e.wantUsed(t, acme, 2)
	// As a whole it fits.
	_, err = e.BatchWrite(t.Context(), acme, []tenant.Write[site]{
		tenant.PutWrite(numbered(7)), tenant.DeleteWrite[site](keyOf(0)), tenant.DeleteWrite[site](keyOf(9)),
	})
	require.NoError(t, err)
	e.wantUsed(t, acme, 2)
	versions, err = e.BatchWrite(t.Context(), acme, []tenant.Write[site]{tenant.DeleteWrite[site](keyOf(9))})
	require.NoError(t, err)
	require.Equal(t, []tenant.Version{0}, versions)
}

func TestQuotaBatchWriteOfALargeBatch(t *testing.T) {
	t.Parallel()
	e := newEstate()
	writes := make([]tenant.Write[site], tenant.MaxBatch)
	for i := range writes {
		writes[i] = tenant.PutWrite(numbered(i))
	}
	_, err := e.BatchWrite(t.Context(), zeta, writes)
	require.ErrorIs(t, err, tenant.ErrQuota)
	e.wantUsed(t, zeta, 200)
	_, err = e.BatchWrite(t.Context(), zeta, slices.Concat(writes, writes[:1]))
	require.ErrorIs(t, err, tenant.ErrBatch)
	_, err = e.BatchWrite(t.Context(), zeta, []tenant.Write[site]{writes[0], tenant.DeleteWrite[site](keyOf(0))})
	require.ErrorIs(t, err, tenant.ErrBatch)
	_, err = e.BatchWrite(t.Context(), zeta, make([]tenant.Write[site], 1))
	require.ErrorIs(t, err, tenant.ErrBatch)
	e.wantUsed(t, zeta, 200)
}

func TestQuotaRepositoryBehavesLikeAnother(t *testing.T) {
	t.Parallel()
	tenanttest.TestRepository(t, func(_ *testing.T, setup tenanttest.Setup) tenanttest.Store {
		return unlimitedStore(setup)
	})
	tenanttest.TestRepositoryModel(t, func(_ *testing.T, setup tenanttest.Setup) tenanttest.Store {
		return unlimitedStore(setup)
	}, 1, 3000)
}

func TestAttackQuotaRepository(t *testing.T) {
	t.Parallel()
	tenanttest.TestIsolation(t, func(_ *testing.T, setup tenanttest.Setup) tenanttest.Store {
		return unlimitedStore(setup)
	})
}

// unlimitedStore is a store whose repositories have quotas that are never
// exhausted.
func unlimitedStore(setup tenanttest.Setup) tenanttest.Store {
	store := memtenant.New(setup.Cursors, func(o *memtenant.Options) { o.Now = setup.Now })
	quotas := tenant.NewQuotas(store, memtenant.NewRepository(store, &tenant.UsageSchema), planFor{})
	return tenanttest.Store{
		Transactor: store,
		NewRepository: func(schema *tenant.Schema[tenanttest.Asset]) tenant.Repository[tenanttest.Asset] {
			// Items that expire are refused, because the counter would become
			// wrong. The suite's do, and it doesn't look at the counter.
			counted := *schema
			counted.Expires = nil
			repository := tenant.NewQuotaRepository(quotas, memtenant.NewRepository(store, schema), &counted)
			counted.Expires = schema.Expires
			return repository
		},
	}
}

func TestQuotaOfWhatExpiresIsRefused(t *testing.T) {
	t.Parallel()
	store := memtenant.New(tenant.RandomCursorKeys())
	quotas := tenant.NewQuotas(store, memtenant.NewRepository(store, &tenant.UsageSchema), planFor{})
	require.PanicsWithError(t, "tenant: invalid schema: entity once: its items expire, so they can't be counted", func() {
		tenant.NewQuotaRepository(quotas, memtenant.NewRepository(store, &tenant.OnceSchema), &tenant.OnceSchema)
	})
	require.Panics(t, func() { tenant.NewQuotaRepository(quotas, memtenant.NewRepository(store, &plotSchema), nil) })
	require.Panics(t, func() {
		tenant.NewQuotaRepository(quotas, memtenant.NewRepository(store, &plotSchema), &tenant.Schema[site]{})
	})
}

func TestQuotaLostAnswers(t *testing.T) {
	t.Parallel()
	e := newEstate()
	store := e.transactor
	e.transactor = tenanttest.FaultyTransactor(store, tenanttest.Script(tenanttest.OpTransact, lostAnswer, tenanttest.Fault{}, lostAnswer))
	e.compose()
	_, err := e.Put(t.Context(), acme, numbered(0), tenant.IfAbsent())
	require.ErrorIs(t, err, tenanttest.ErrFault)
	e.wantUsed(t, acme, 1) // item and counter stay together, whatever is lost
	_, err = e.Put(t.Context(), acme, numbered(0), tenant.IfAbsent())
	require.ErrorIs(t, err, tenant.ErrExists)
	require.ErrorIs(t, e.Delete(t.Context(), acme, keyOf(0), tenant.IfPresent()), tenanttest.ErrFault)
	e.wantUsed(t, acme, 0)
}

func TestQuotaTriesAgainAfterConflicts(t *testing.T) {
	t.Parallel()
	e := newEstate()
	conflict := tenanttest.Fault{Before: tenant.ErrTransactionConflict}
	other := tenanttest.Fault{Before: &tenant.TransactionError{Errs: []error{nil, tenant.ErrVersion}}}
	e.transactor = tenanttest.FaultyTransactor(e.transactor, tenanttest.Script(tenanttest.OpTransact, conflict, other, conflict))
	e.compose()
	e.with(t, acme, 1).wantUsed(t, acme, 1)
}

func TestQuotaGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEstate()
		e.transactor = tenanttest.FaultyTransactor(e.transactor, func(tenanttest.Call) tenanttest.Fault {
			return tenanttest.Fault{Before: tenant.ErrTransactionConflict}
		})
		e.usages = tenanttest.Faulty(e.usages, func(call tenanttest.Call) tenanttest.Fault {
			return tenanttest.Fault{Before: map[tenanttest.Operation]error{tenanttest.OpPut: tenant.ErrVersion}[call.Operation]}
		})
		e.compose()
		_, err := e.Put(t.Context(), acme, numbered(0), tenant.IfAbsent())
		require.ErrorIs(t, err, tenant.ErrTransactionConflict)
		_, err = e.Recount(t.Context(), acme)
		require.ErrorContains(t, err, "after 1000 attempts")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = e.Put(ctx, acme, numbered(0), tenant.Always())
		require.ErrorIs(t, err, context.Canceled)
	})
}

// noPlans can't say which plan a tenant has.
type noPlans struct{}

func (noPlans) PlanOf(context.Context, tenant.ID) (tenant.Plan, error) {
	return tenant.Plan{}, tenanttest.ErrFault
}

func TestQuotaWithoutAnAnswerAboutThePlan(t *testing.T) {
	t.Parallel()
	e := newEstate()
	e.QuotaRepository = tenant.NewQuotaRepository(tenant.NewQuotas(e.transactor, e.usages, noPlans{}), e.items, &plotSchema)
	_, err := e.Put(t.Context(), acme, numbered(0), tenant.Always())
	require.ErrorIs(t, err, tenanttest.ErrFault)
	require.NoError(t, e.Delete(t.Context(), acme, keyOf(0), tenant.Always()), "nothing becomes more by a delete")
	e.wantUsed(t, acme, 0)
}

func TestQuotaErrorsOfTheStore(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		items, usages tenanttest.Operation
		call          func(*estate, context.Context) error
	}{
		{usages: tenanttest.OpGet, call: func(e *estate, ctx context.Context) error {
			_, err := e.Put(ctx, acme, numbered(0), tenant.IfAbsent())
			return err
		}},
		{items: tenanttest.OpQuery, call: func(e *estate, ctx context.Context) error {
			_, err := e.Put(ctx, acme, numbered(0), tenant.IfAbsent())
			return err
		}},
		{items: tenanttest.OpPut, call: func(e *estate, ctx context.Context) error {
			_, err := e.Put(ctx, acme, numbered(0), tenant.Always())
			return err
		}},
		{usages: tenanttest.OpGet, call: func(e *estate, ctx context.Context) error { _, err := e.Recount(ctx, acme); return err }},
		{usages: tenanttest.OpPut, call: func(e *estate, ctx context.Context) error { _, err := e.Recount(ctx, acme); return err }},
		{items: tenanttest.OpQuery, call: func(e *estate, ctx context.Context) error { _, err := e.Recount(ctx, acme); return err }},
	} {
		e := newEstate()
		e.items = tenanttest.Faulty(e.items, tenanttest.Script(test.items, tenanttest.Fault{Before: tenanttest.ErrFault}))
		e.usages = tenanttest.Faulty(e.usages, tenanttest.Script(test.usages, tenanttest.Fault{Before: tenanttest.ErrFault}))
		e.compose()
		require.ErrorIs(t, test.call(e, t.Context()), tenanttest.ErrFault)
		e.wantUsed(t, acme, 0)
	}
}

func TestQuotaBatchWriteWithoutBatchGet(t *testing.T) {
	t.Parallel()
	e := newEstate().with(t, acme, 1)
	e.items = tenanttest.Faulty(e.items, tenanttest.Script(tenanttest.OpBatchGet, tenanttest.Fault{Before: tenanttest.ErrFault}))
	e.compose()
	_, err := e.BatchWrite(t.Context(), acme, []tenant.Write[site]{tenant.PutWrite(numbered(1)), tenant.DeleteWrite[site](keyOf(0))})
	require.NoError(t, err)
	e.wantUsed(t, acme, 1)
}

func TestAttackQuotaOfAnotherTenant(t *testing.T) {
	t.Parallel()
	e := newEstate().with(t, acme, 2).with(t, zeta, 3)
	// acme neither lives on zeta's quota nor uses it up, and learns nothing.
	_, err := e.Put(t.Context(), acme, numbered(2), tenant.Always())
	require.ErrorIs(t, err, tenant.ErrQuota)
	require.NotContains(t, err.Error(), "zeta")
	require.NotContains(t, err.Error(), "3")
	require.NoError(t, e.Delete(t.Context(), acme, keyOf(2), tenant.Always())) // zeta's site
	_, err = e.BatchWrite(t.Context(), acme, []tenant.Write[site]{tenant.DeleteWrite[site](keyOf(2)), tenant.PutWrite(numbered(9))})
	require.ErrorIs(t, err, tenant.ErrQuota)
	e.wantUsed(t, acme, 2)
	e.wantUsed(t, zeta, 3)
	if _, err := e.Usage(t.Context(), tenant.ID{}); !errors.Is(err, tenant.ErrID) {
		t.Fatal(err)
	}
}

func TestQuotaCostsTheCallsThatItPromises(t *testing.T) {
	t.Parallel()
	e := newEstate().with(t, zeta, 2)
	var calls []tenanttest.Operation
	record := func(call tenanttest.Call) tenanttest.Fault {
		calls = append(calls, call.Operation)
		return tenanttest.Fault{}
	}
	e.items, e.usages = tenanttest.Faulty(e.items, record), tenanttest.Faulty(e.usages, record)
	e.transactor = tenanttest.FaultyTransactor(e.transactor, record)
	e.compose()
	put := func(i int, cond tenant.Condition) func() error {
		return func() error { _, err := e.Put(t.Context(), zeta, numbered(i), cond); return err }
	}
	for _, test := range []struct {
		call func() error
		want []tenanttest.Operation
	}{
		{put(5, tenant.IfAbsent()), []tenanttest.Operation{tenanttest.OpGet, tenanttest.OpTransact}},
		{put(5, tenant.IfPresent()), []tenanttest.Operation{tenanttest.OpPut}},
		{put(5, tenant.Always()), []tenanttest.Operation{tenanttest.OpPut}},
		{put(6, tenant.Always()), []tenanttest.Operation{tenanttest.OpPut, tenanttest.OpGet, tenanttest.OpTransact}},
		{func() error { return e.Delete(t.Context(), zeta, keyOf(5), tenant.IfPresent()) }, []tenanttest.Operation{tenanttest.OpGet, tenanttest.OpTransact}},
	} {
		calls = nil
		require.NoError(t, test.call())
		require.Equal(t, test.want, calls)
	}
}

func TestQuotaWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEstate()
		e.transactor = tenanttest.FaultyTransactor(e.transactor, tenanttest.Script(tenanttest.OpTransact, tenanttest.Fault{Delay: time.Hour}))
		e.compose()
		first := make(chan error)
		go func() {
			_, err := e.Put(t.Context(), acme, numbered(0), tenant.IfAbsent())
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := e.Put(ctx, acme, numbered(1), tenant.IfAbsent())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		e.with(t, zeta, 1) // another tenant's writers don't wait
		require.NoError(t, <-first)
		e.wantUsed(t, acme, 1)
	})
}
