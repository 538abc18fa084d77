package bolttenant_test

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
)

type site struct {
	Name    string
	City    string
	Expires time.Time
}

var siteSchema = tenant.Schema[site]{
	Entity:  "site",
	Key:     func(s *site) tenant.Key { return tenant.NewKey(s.Name) },
	Indexes: []tenant.Index[site]{{Name: "city", Key: func(s *site) tenant.Key { return tenant.NewKey(s.City) }}},
	Expires: func(s *site) time.Time { return s.Expires },
}

var acme = tenant.MustParseID("acme")

func open(t *testing.T, path string, optFns ...func(*bolttenant.Options)) *bolttenant.Store {
	t.Helper()
	optFns = append([]func(*bolttenant.Options){patient}, optFns...)
	store, err := bolttenant.Open(path, tenant.RandomCursorKeys(), optFns...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func TestReopenKeepsItems(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	store := open(t, path)
	sites := bolttenant.NewRepository(store, &siteSchema)
	version, err := sites.Put(t.Context(), acme, site{Name: "north", City: "Oslo"}, tenant.IfAbsent())
	require.NoError(t, err)
	require.NoError(t, store.Close())

	sites = bolttenant.NewRepository(open(t, path), &siteSchema)
	item, err := sites.Get(t.Context(), acme, tenant.NewKey("north"))
	require.NoError(t, err)
	require.Equal(t, tenant.Item[site]{Value: site{Name: "north", City: "Oslo"}, Version: version}, item)
	for _, descending := range []bool{false, true} {
		page, err := sites.Query(t.Context(), acme, tenant.Query{Index: "city", Prefix: tenant.NewKey("Oslo"), Descending: descending})
		require.NoError(t, err)
		require.Equal(t, []tenant.Item[site]{item}, page.Items)
		require.Empty(t, page.Next)
	}
	_, err = sites.Put(t.Context(), acme, site{Name: "north", City: "Oslo"}, tenant.IfAbsent())
	require.ErrorIs(t, err, tenant.ErrExists)
}

func TestSweepFreesExpiredItems(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	store := open(t, filepath.Join(t.TempDir(), "store.db"), func(o *bolttenant.Options) {
		o.Now = func() time.Time { return now }
	})
	sites := bolttenant.NewRepository(store, &siteSchema)
	for i := range 1200 {
		_, err := sites.Put(t.Context(), acme, site{Name: strconv.Itoa(i), City: "Oslo", Expires: now.Add(time.Duration(i%2) * time.Minute)}, tenant.IfAbsent())
		require.NoError(t, err)
	}
	removed, err := store.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 600, removed)
	removed, err = store.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, removed)
	count := 0
	for _, err := range tenant.All(t.Context(), sites, acme, tenant.Query{Index: "city"}) {
		require.NoError(t, err)
		count++
	}
	require.Equal(t, 600, count)
}
