package tenant_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

func visit(s *site) error {
	s.Visits++
	return nil
}

// north returns a repository with one site.
func north(t *testing.T) tenant.Repository[site] {
	t.Helper()
	sites := memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &siteSchema)
	_, err := sites.Put(t.Context(), acme, site{Name: "north"}, tenant.IfAbsent())
	require.NoError(t, err)
	return sites
}

func TestUpdateReturnsTheItemAsWritten(t *testing.T) {
	t.Parallel()
	sites := north(t)
	updated, err := tenant.Update(t.Context(), sites, acme, tenant.NewKey("north"), visit)
	require.NoError(t, err)
	stored, err := sites.Get(t.Context(), acme, tenant.NewKey("north"))
	require.NoError(t, err)
	require.Equal(t, stored, updated)
	require.Equal(t, 1, stored.Value.Visits)
}

func TestUpdateWritesNothingWhenChangeFails(t *testing.T) {
	t.Parallel()
	sites, failure := north(t), errors.New("no")
	_, err := tenant.Update(t.Context(), sites, acme, tenant.NewKey("north"), func(s *site) error {
		s.Visits = 99
		return failure
	})
	require.Equal(t, failure, err)
	item, err := sites.Get(t.Context(), acme, tenant.NewKey("north"))
	require.NoError(t, err)
	require.Zero(t, item.Value.Visits)
}

func TestUpdateReturnsErrorsOfGetAndPut(t *testing.T) {
	t.Parallel()
	_, err := tenant.Update(t.Context(), north(t), zeta, tenant.NewKey("north"), visit)
	require.ErrorIs(t, err, tenant.ErrNotFound)
	for _, operation := range []tenanttest.Operation{tenanttest.OpGet, tenanttest.OpPut} {
		faulty := tenanttest.Faulty(north(t), tenanttest.Script(operation, tenanttest.Fault{Before: tenanttest.ErrFault}))
		_, err = tenant.Update(t.Context(), faulty, acme, tenant.NewKey("north"), visit)
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
	}
}

func TestUpdateTriesAgainAfterConflicts(t *testing.T) {
	t.Parallel()
	version, transaction := tenanttest.Fault{Before: tenant.ErrVersion}, tenanttest.Fault{Before: tenant.ErrTransactionConflict}
	faulty := tenanttest.Faulty(north(t), tenanttest.Script(tenanttest.OpPut, version, transaction, version))
	item, err := tenant.Update(t.Context(), faulty, acme, tenant.NewKey("north"), visit)
	require.NoError(t, err)
	require.Equal(t, 1, item.Value.Visits, "change must see the stored item each time")
}

func TestUpdateGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		faulty := tenanttest.Faulty(north(t), func(call tenanttest.Call) tenanttest.Fault {
			if call.Operation != tenanttest.OpPut {
				return tenanttest.Fault{}
			}
			attempts++
			return tenanttest.Fault{Before: tenant.ErrVersion}
		})
		_, err := tenant.Update(t.Context(), faulty, acme, tenant.NewKey("north"), visit)
		require.ErrorIs(t, err, tenant.ErrVersion)
		require.ErrorContains(t, err, "after 1000 attempts")
		require.Equal(t, 1000, attempts)
	})
}

func TestUpdateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		faulty := tenanttest.Faulty(north(t), func(call tenanttest.Call) tenanttest.Fault {
			if call.Operation == tenanttest.OpPut {
				return tenanttest.Fault{Before: tenant.ErrVersion}
			}
			return tenanttest.Fault{}
		})
		start := time.Now()
		_, err := tenant.Update(ctx, faulty, acme, tenant.NewKey("north"), visit)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
	})
}
