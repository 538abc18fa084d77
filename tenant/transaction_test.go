package tenant_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

func TestTransactionErrorTellsEachOperationAndUnwrapsToAll(t *testing.T) {
	t.Parallel()
	err := error(&tenant.TransactionError{Errs: []error{tenant.ErrExists, nil, tenant.ErrVersion}})
	require.EqualError(t, err, "tenant: transaction: 2 of 3 operations failed, number 0 first: tenant: item already exists")
	for _, want := range []error{tenant.ErrExists, tenant.ErrVersion, iotenant.ErrConflict} {
		require.ErrorIs(t, err, want)
	}
	require.NotErrorIs(t, err, tenant.ErrTransactionConflict)
	var refused *tenant.TransactionError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, []error{tenant.ErrExists, tenant.ErrVersion}, refused.Unwrap())
}

func TestOpsShowBackendsWhatTheyAre(t *testing.T) {
	t.Parallel()
	value := site{Name: "north", City: "Oslo", Expires: time.Unix(1<<33, 7)}
	put := tenant.PutOp(&siteSchema, value, tenant.IfAbsent())
	require.NoError(t, put.Check())
	require.Equal(t, tenant.ActionPut, put.Action())
	require.Equal(t, "site", put.Entity())
	require.Equal(t, tenant.IfAbsent(), put.Condition())
	require.Equal(t, &value, put.Value())
	record, err := put.Record()
	require.NoError(t, err)
	want, err := siteSchema.Record(&value)
	require.NoError(t, err)
	require.Equal(t, want, record)

	for action, op := range map[tenant.Action]tenant.Op{
		tenant.ActionDelete: tenant.DeleteOp(&siteSchema, tenant.NewKey("a", "b"), tenant.IfPresent()),
		tenant.ActionCheck:  tenant.CheckOp(&siteSchema, tenant.NewKey("a", "b"), tenant.IfPresent()),
	} {
		require.NoError(t, op.Check())
		require.Equal(t, action, op.Action())
		require.Nil(t, op.Value())
		record, err := op.Record()
		require.NoError(t, err)
		require.Equal(t, tenant.Record{Key: tenant.NewKey("a", "b").Encoded()}, record)
	}
}

// bank is a store with sites that count visits.
func bank(t *testing.T) (*memtenant.Store, tenant.Repository[site]) {
	t.Helper()
	store := memtenant.New(tenant.RandomCursorKeys())
	sites := memtenant.NewRepository(store, &siteSchema)
	for _, name := range []string{"north", "south"} {
		_, err := sites.Put(t.Context(), acme, site{Name: name}, tenant.IfAbsent())
		require.NoError(t, err)
	}
	return store, sites
}

// visitBoth reads both sites and returns operations that count a visit of each.
func visitBoth(ctx context.Context, sites tenant.Repository[site]) ([]tenant.Op, error) {
	items, err := sites.BatchGet(ctx, acme, []tenant.Key{tenant.NewKey("north"), tenant.NewKey("south")}, tenant.Consistent)
	if err != nil {
		return nil, err
	}
	var ops []tenant.Op
	for _, item := range items {
		item.Value.Visits++
		ops = append(ops, tenant.PutOp(&siteSchema, item.Value, tenant.IfVersion(item.Version)))
	}
	return ops, nil
}

func TestTransactRetryLosesNothingAmongManyWriters(t *testing.T) {
	t.Parallel()
	store, sites := bank(t)
	var writers sync.WaitGroup
	for range 200 {
		writers.Go(func() {
			versions, err := tenant.TransactRetry(t.Context(), store, acme, func(ctx context.Context) ([]tenant.Op, error) {
				return visitBoth(ctx, sites)
			})
			if err != nil || len(versions) != 2 {
				t.Error(versions, err)
			}
		})
	}
	writers.Wait()
	for item, err := range tenant.All(t.Context(), sites, acme, tenant.Query{}) {
		require.NoError(t, err)
		require.Equal(t, 200, item.Value.Visits)
	}
}

func TestTransactRetryTriesAgainWhatSomebodyElseCaused(t *testing.T) {
	t.Parallel()
	store, sites := bank(t)
	faulty := tenanttest.FaultyTransactor(store, tenanttest.Script(tenanttest.OpTransact,
		tenanttest.Fault{Before: tenant.ErrTransactionConflict},
		tenanttest.Fault{Before: &tenant.TransactionError{Errs: []error{nil, tenant.ErrVersion}}},
	))
	decided := 0
	_, err := tenant.TransactRetry(t.Context(), faulty, acme, func(ctx context.Context) ([]tenant.Op, error) {
		decided++
		return visitBoth(ctx, sites)
	})
	require.NoError(t, err)
	require.Equal(t, 3, decided)
}

func TestTransactRetryReturnsOtherErrors(t *testing.T) {
	t.Parallel()
	for _, want := range []error{
		tenanttest.ErrFault, &tenant.TransactionError{Errs: []error{tenant.ErrExists}}, tenant.ErrTransaction, tenant.ErrID, context.Canceled,
	} {
		store, sites := bank(t)
		faulty := tenanttest.FaultyTransactor(store, tenanttest.Script(tenanttest.OpTransact, tenanttest.Fault{Before: want}))
		_, err := tenant.TransactRetry(t.Context(), faulty, acme, func(ctx context.Context) ([]tenant.Op, error) { return visitBoth(ctx, sites) })
		require.ErrorIs(t, err, want)
	}
	store, _ := bank(t)
	refusal := errors.New("no")
	_, err := tenant.TransactRetry(t.Context(), store, acme, func(context.Context) ([]tenant.Op, error) { return nil, refusal })
	require.Equal(t, refusal, err)
}

func TestTransactRetryOfNothingDoesNothing(t *testing.T) {
	t.Parallel()
	faulty := tenanttest.FaultyTransactor(nil, func(tenanttest.Call) tenanttest.Fault { return tenanttest.Fault{Before: tenanttest.ErrFault} })
	versions, err := tenant.TransactRetry(t.Context(), faulty, acme, func(context.Context) ([]tenant.Op, error) { return nil, nil })
	require.NoError(t, err)
	require.Empty(t, versions)
}

func TestTransactRetryGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		faulty := tenanttest.FaultyTransactor(nil, func(tenanttest.Call) tenanttest.Fault {
			attempts++
			return tenanttest.Fault{Before: tenant.ErrTransactionConflict}
		})
		decide := func(context.Context) ([]tenant.Op, error) {
			return []tenant.Op{tenant.CheckOp(&siteSchema, tenant.NewKey("north"), tenant.IfPresent())}, nil
		}
		_, err := tenant.TransactRetry(t.Context(), faulty, acme, decide)
		require.ErrorIs(t, err, tenant.ErrTransactionConflict)
		require.ErrorContains(t, err, "after 1000 attempts")
		require.Equal(t, 1000, attempts)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = tenant.TransactRetry(ctx, faulty, acme, decide)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
