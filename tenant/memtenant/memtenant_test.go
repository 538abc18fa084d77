package memtenant_test

import (
	"testing"

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
