package memtenant_test

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

type site struct{ Name, City string }

var siteSchema = tenant.Schema[site]{
	Entity:  "site",
	Key:     func(s *site) tenant.Key { return tenant.NewKey(s.Name) },
	Indexes: []tenant.Index[site]{{Name: "city", Key: func(s *site) tenant.Key { return tenant.NewKey(s.City) }}},
}

func TestPutGetQueryDelete(t *testing.T) {
	t.Parallel()
	sites := memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &siteSchema)
	acme, zeta := tenant.MustParseID("acme"), tenant.MustParseID("zeta")
	north := site{Name: "north", City: "Oslo"}
	version, err := sites.Put(t.Context(), acme, north, tenant.IfAbsent())
	require.NoError(t, err)
	item, err := sites.Get(t.Context(), acme, tenant.NewKey("north"))
	require.NoError(t, err)
	require.Equal(t, tenant.Item[site]{Value: north, Version: version}, item)
	_, err = sites.Get(t.Context(), zeta, tenant.NewKey("north"))
	require.ErrorIs(t, err, tenant.ErrNotFound)
	page, err := sites.Query(t.Context(), acme, tenant.Query{Index: "city"})
	require.NoError(t, err)
	require.Equal(t, []tenant.Item[site]{item}, page.Items)
	require.NoError(t, sites.Delete(t.Context(), acme, tenant.NewKey("north"), tenant.IfVersion(version)))
	_, err = sites.Get(t.Context(), acme, tenant.NewKey("north"))
	require.ErrorIs(t, err, tenant.ErrNotFound)
}

func TestSweepFreesExpiredItems(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	store := memtenant.New(tenant.RandomCursorKeys(), func(o *memtenant.Options) { o.Now = func() time.Time { return now } })
	schema := siteSchema
	schema.Expires = func(s *site) time.Time {
		if s.City == "" {
			return time.Time{}
		}
		return now.Add(-time.Second)
	}
	schema.Indexes = nil
	sites := memtenant.NewRepository(store, &schema)
	for i := range 10 {
		_, err := sites.Put(t.Context(), tenant.MustParseID("acme"), site{Name: strconv.Itoa(i), City: []string{"", "Oslo"}[i%2]}, tenant.IfAbsent())
		require.NoError(t, err)
	}
	removed, err := store.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 5, removed)
	removed, err = store.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, removed)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = store.Sweep(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestRunSweepsUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := memtenant.New(tenant.RandomCursorKeys())
		schema := siteSchema
		schema.Expires = func(*site) time.Time { return time.Now().Add(time.Second) }
		_, err := memtenant.NewRepository(store, &schema).Put(t.Context(), tenant.MustParseID("acme"), site{"north", "Oslo"}, tenant.IfAbsent())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		require.NoError(t, store.Run(ctx))
		removed, err := store.Sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, removed, "Run has not swept")
	})
}

func TestBadSetupPanics(t *testing.T) {
	t.Parallel()
	require.Panics(t, func() { memtenant.New(tenant.CursorKeys{}) })
	require.Panics(t, func() { memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &tenant.Schema[site]{}) })
}
