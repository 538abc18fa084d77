package tenanttest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

var schema = &tenant.Schema[asset]{
	Entity: "asset",
	Key:    func(a *asset) tenant.Key { return tenant.NewKey(a.Path...) },
}

func TestFaulty(t *testing.T) {
	t.Parallel()
	inner, acme := memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), schema), tenant.MustParseID("acme")
	pump, key := asset{Path: []string{"pump"}}, tenant.NewKey("pump")

	var calls []tenanttest.Call
	recorded := tenanttest.Faulty(inner, func(call tenanttest.Call) tenanttest.Fault {
		calls = append(calls, call)
		return tenanttest.Fault{}
	})
	_, err := recorded.Put(t.Context(), acme, pump, tenant.IfAbsent())
	require.NoError(t, err)
	_, err = recorded.Get(t.Context(), acme, key)
	require.NoError(t, err)
	page, err := recorded.Query(t.Context(), acme, tenant.Query{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.NoError(t, recorded.Delete(t.Context(), acme, key, tenant.IfPresent()))
	require.True(t, slices.Equal(calls, []tenanttest.Call{
		{Operation: tenanttest.OpPut, Tenant: acme}, {Operation: tenanttest.OpGet, Tenant: acme, Key: key},
		{Operation: tenanttest.OpQuery, Tenant: acme}, {Operation: tenanttest.OpDelete, Tenant: acme, Key: key},
	}), "%v", calls)

	scripted := tenanttest.Faulty(inner, tenanttest.Script(tenanttest.OpPut,
		tenanttest.Fault{Before: tenanttest.ErrFault}, tenanttest.Fault{After: tenanttest.ErrFault}, tenanttest.Fault{Delay: time.Hour}))
	_, err = scripted.Put(t.Context(), acme, pump, tenant.IfAbsent())
	require.ErrorIs(t, err, tenanttest.ErrFault)
	_, err = scripted.Get(t.Context(), acme, key)
	require.ErrorIs(t, err, tenant.ErrNotFound, "failed before the call")
	_, err = scripted.Put(t.Context(), acme, pump, tenant.IfAbsent())
	require.ErrorIs(t, err, tenanttest.ErrFault)
	_, err = scripted.Get(t.Context(), acme, key)
	require.NoError(t, err, "failed after the call")
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = scripted.Put(ctx, acme, pump, tenant.Always())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = scripted.Put(t.Context(), acme, pump, tenant.IfPresent())
	require.NoError(t, err, "the script has ended")
}

// named returns assets of one-letter names, and their keys.
func named(letters string) (writes []tenant.Write[asset], keys []tenant.Key) {
	for letter := range strings.SplitSeq(letters, "") {
		writes, keys = append(writes, tenant.PutWrite(asset{Path: []string{letter}})), append(keys, tenant.NewKey(letter))
	}
	return writes, keys
}

func TestFaultyBatches(t *testing.T) {
	t.Parallel()
	inner, acme := memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), schema), tenant.MustParseID("acme")
	failing := func(positions ...int) func(int) error {
		return func(position int) error {
			if slices.Contains(positions, position) {
				return tenanttest.ErrFault
			}
			return nil
		}
	}
	entries := func(err error) []error {
		t.Helper()
		var partial *tenant.BatchError
		require.ErrorAs(t, err, &partial)
		return partial.Errs
	}
	scripted := tenanttest.Faulty(inner, tenanttest.Script(tenanttest.OpBatchWrite,
		tenanttest.Fault{Before: tenanttest.ErrFault}, tenanttest.Fault{Entry: failing(0, 2)}, tenanttest.Fault{Entry: failing(1)},
		tenanttest.Fault{Entry: failing()}, tenanttest.Fault{After: tenanttest.ErrFault, Entry: failing(1)}))
	writes, keys := named("abcd")
	_, err := scripted.BatchWrite(t.Context(), acme, writes)
	require.Equal(t, tenanttest.ErrFault, err, "failed before the call")

	versions, err := scripted.BatchWrite(t.Context(), acme, writes)
	require.Equal(t, []error{tenanttest.ErrFault, nil, tenanttest.ErrFault, nil}, entries(err))
	items, err := inner.BatchGet(t.Context(), acme, keys)
	require.NoError(t, err)
	require.Equal(t, []tenant.Version{0, items[1].Version, 0, items[3].Version}, versions)
	require.NotZero(t, versions[1])
	require.NotZero(t, versions[3])
	require.Zero(t, items[0].Version+items[2].Version)

	_, err = scripted.BatchWrite(t.Context(), acme, append(writes[:2:2], tenant.PutWrite(asset{})))
	errs := entries(err)
	require.Equal(t, []error{nil, tenanttest.ErrFault}, errs[:2])
	require.ErrorIs(t, errs[2], tenant.ErrKey, "what the store refuses stays refused")

	versions, err = scripted.BatchWrite(t.Context(), acme, writes)
	require.NoError(t, err)
	require.Len(t, versions, 4)

	others, otherKeys := named("xyz")
	versions, err = scripted.BatchWrite(t.Context(), acme, append(others, tenant.PutWrite(asset{})))
	errs = entries(err)
	require.Equal(t, []error{tenanttest.ErrFault, tenanttest.ErrFault, tenanttest.ErrFault}, errs[:3])
	require.ErrorIs(t, errs[3], tenant.ErrKey)
	require.Equal(t, make([]tenant.Version, 4), versions)
	items, err = inner.BatchGet(t.Context(), acme, otherKeys)
	require.NoError(t, err)
	require.NotZero(t, items[0].Version, "done, and its answer lost")
	require.Zero(t, items[1].Version)

	scripted = tenanttest.Faulty(inner, tenanttest.Script(tenanttest.OpBatchGet, tenanttest.Fault{Entry: failing(3)}, tenanttest.Fault{After: tenanttest.ErrFault}))
	items, err = scripted.BatchGet(t.Context(), acme, keys)
	require.Equal(t, []error{nil, nil, nil, tenanttest.ErrFault}, entries(err))
	require.Equal(t, "c", items[2].Value.Path[0])
	require.Zero(t, items[3])
	_, err = scripted.BatchGet(t.Context(), acme, keys)
	require.Equal(t, tenanttest.ErrFault, err)
	_, err = scripted.BatchGet(t.Context(), tenant.ID{}, keys)
	require.ErrorIs(t, err, tenant.ErrID)
}

func TestFaultyTransactor(t *testing.T) {
	t.Parallel()
	store, acme := memtenant.New(tenant.RandomCursorKeys()), tenant.MustParseID("acme")
	var calls []tenanttest.Call
	script := tenanttest.Script(tenanttest.OpTransact, tenanttest.Fault{Before: tenant.ErrTransactionConflict}, tenanttest.Fault{After: tenanttest.ErrFault})
	faulty := tenanttest.FaultyTransactor(store, func(call tenanttest.Call) tenanttest.Fault {
		calls = append(calls, call)
		return script(call)
	})
	op := tenant.PutOp(schema, asset{Path: []string{"pump"}}, tenant.IfAbsent())
	for _, want := range []error{tenant.ErrTransactionConflict, tenanttest.ErrFault, tenant.ErrExists} {
		_, err := faulty.Transact(t.Context(), acme, op)
		require.ErrorIs(t, err, want)
	}
	require.Equal(t, slices.Repeat([]tenanttest.Call{{Operation: tenanttest.OpTransact, Tenant: acme}}, 3), calls)
}

func ExampleFaulty() {
	// See what your code does when a write is made but its answer is lost.
	type site struct{ Name string }
	schema := tenant.Schema[site]{Entity: "site", Key: func(s *site) tenant.Key { return tenant.NewKey(s.Name) }}
	sound := memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &schema)
	sites := tenanttest.Faulty(sound, tenanttest.Script(tenanttest.OpPut, tenanttest.Fault{After: tenanttest.ErrFault}))

	acme := tenant.MustParseID("acme")
	for range 2 {
		_, err := sites.Put(context.Background(), acme, site{"north"}, tenant.IfAbsent())
		fmt.Println(err)
	}
	// Output:
	// tenanttest: injected fault: unavailable
	// tenant: item already exists: site
}

func ExampleFaultyTransactor() {
	// See what your code does when a transaction is made but its answer is lost.
	type site struct{ Name string }
	schema := tenant.Schema[site]{Entity: "site", Key: func(s *site) tenant.Key { return tenant.NewKey(s.Name) }}
	store := tenanttest.FaultyTransactor(memtenant.New(tenant.RandomCursorKeys()),
		tenanttest.Script(tenanttest.OpTransact, tenanttest.Fault{After: tenanttest.ErrFault}))

	acme := tenant.MustParseID("acme")
	for range 2 {
		_, err := store.Transact(context.Background(), acme, tenant.PutOp(&schema, site{"north"}, tenant.IfAbsent()))
		fmt.Println(err)
	}
	// Output:
	// tenanttest: injected fault: unavailable
	// tenant: transaction: 1 of 1 operations failed, number 0 first: tenant: item already exists: site
}
