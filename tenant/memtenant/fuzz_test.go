package memtenant_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// FuzzTransact makes transactions of arbitrary keys, entities, conditions and
// sizes. They end with a documented error or take effect, and touch no other
// tenant.
func FuzzTransact(f *testing.F) {
	f.Add("site", "north", "Oslo", "south", uint8(0), uint64(0))
	f.Add("site", "", "\x1f", "\xff", uint8(7), uint64(1))
	f.Add("Bad entity", "north", "", "north", uint8(22), uint64(9))
	f.Add("", "a/b", "a", "b", uint8(255), uint64(1<<63))
	f.Fuzz(func(t *testing.T, entity, first, city, second string, choice uint8, version uint64) {
		store := memtenant.New(tenant.RandomCursorKeys())
		schema := siteSchema
		schema.Entity = entity
		cond := []tenant.Condition{tenant.Always(), tenant.IfAbsent(), tenant.IfPresent(), tenant.IfVersion(tenant.Version(version)), {}}[choice%5]
		ops := []tenant.Op{
			tenant.PutOp(&schema, site{Name: first, City: city}, cond),
			tenant.DeleteOp(&schema, tenant.NewKey(strings.Split(second, "/")...), tenant.Always()),
			tenant.CheckOp(&schema, tenant.NewKey(first, second), tenant.IfAbsent()),
		}[:1+choice/5%3]
		acme, zeta := tenant.MustParseID("acme"), tenant.MustParseID("acme-z")
		_, err := store.Transact(t.Context(), zeta, tenant.PutOp(&siteSchema, site{Name: "north", City: "Oslo"}, tenant.Always()))
		require.NoError(t, err)

		versions, err := store.Transact(t.Context(), acme, ops...)
		var refused *tenant.TransactionError
		switch {
		case err == nil:
			require.Len(t, versions, len(ops))
			require.NotZero(t, versions[0])
			item, err := memtenant.NewRepository(store, &schema).Get(t.Context(), acme, tenant.NewKey(first))
			require.NoError(t, err)
			require.Equal(t, tenant.Item[site]{Value: site{first, city}, Version: versions[0]}, item)
		case errors.As(err, &refused):
			require.Len(t, refused.Errs, len(ops))
			require.NotEmpty(t, refused.Unwrap())
		default:
			require.ErrorIs(t, err, tenant.ErrTransaction)
		}
		if err != nil {
			require.ErrorIs(t, err, iotenant.KindOf(err), "the kind is one of the seven, not nil")
			require.NotContains(t, err.Error(), zeta.String())
			_, err := memtenant.NewRepository(store, &siteSchema).Get(t.Context(), acme, tenant.NewKey("north"))
			require.ErrorIs(t, err, tenant.ErrNotFound)
		}
		page, err := memtenant.NewRepository(store, &siteSchema).Query(t.Context(), zeta, tenant.Query{Index: "city"})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
	})
}
