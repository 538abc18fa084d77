package tenanttest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

type (
	asset      = tenanttest.Asset
	repository = tenant.Repository[asset]
)

// broken is a repository that breaks one sentence of the contract.
type broken struct {
	repository
	get    func(ctx context.Context, id tenant.ID, key tenant.Key) (tenant.Item[asset], error)
	put    func(ctx context.Context, id tenant.ID, value asset, cond tenant.Condition) (tenant.Version, error)
	delete func(ctx context.Context, id tenant.ID, key tenant.Key, cond tenant.Condition) error
	query  func(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[asset], error)
}

func (b broken) Get(ctx context.Context, id tenant.ID, key tenant.Key, optFns ...func(*tenant.ReadOptions)) (tenant.Item[asset], error) {
	if b.get != nil {
		return b.get(ctx, id, key)
	}
	return b.repository.Get(ctx, id, key, optFns...)
}

func (b broken) Put(ctx context.Context, id tenant.ID, value asset, cond tenant.Condition) (tenant.Version, error) {
	if b.put != nil {
		return b.put(ctx, id, value, cond)
	}
	return b.repository.Put(ctx, id, value, cond)
}

func (b broken) Delete(ctx context.Context, id tenant.ID, key tenant.Key, cond tenant.Condition) error {
	if b.delete != nil {
		return b.delete(ctx, id, key, cond)
	}
	return b.repository.Delete(ctx, id, key, cond)
}

func (b broken) Query(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[asset], error) {
	if b.query != nil {
		return b.query(ctx, id, query)
	}
	return b.repository.Query(ctx, id, query)
}

// breakages are ways to break the contract, each with a subtest that must
// find it.
var breakages = map[string]struct {
	foundBy string
	open    tenanttest.Open
}{
	"tenants share items": {"Isolation", breaking(func(r repository) broken {
		one := tenant.MustParseID("everybody")
		return broken{
			get: func(ctx context.Context, _ tenant.ID, key tenant.Key) (tenant.Item[asset], error) {
				return r.Get(ctx, one, key)
			},
			put: func(ctx context.Context, _ tenant.ID, value asset, cond tenant.Condition) (tenant.Version, error) {
				return r.Put(ctx, one, value, cond)
			},
			query: func(ctx context.Context, _ tenant.ID, query tenant.Query) (tenant.Page[asset], error) {
				return r.Query(ctx, one, query)
			},
		}
	})},
	"zero id accepted": {"Isolation", breaking(func(r repository) broken {
		return broken{query: func(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[asset], error) {
			if id.IsZero() {
				return tenant.Page[asset]{}, nil
			}
			return r.Query(ctx, id, query)
		}}
	})},
	"conditions ignored": {"Conditions", breaking(func(r repository) broken {
		return broken{put: func(ctx context.Context, id tenant.ID, value asset, _ tenant.Condition) (tenant.Version, error) {
			return r.Put(ctx, id, value, tenant.Always())
		}}
	})},
	"delete conditions ignored": {"Conditions", breaking(func(r repository) broken {
		return broken{delete: func(ctx context.Context, id tenant.ID, key tenant.Key, _ tenant.Condition) error {
			return r.Delete(ctx, id, key, tenant.Always())
		}}
	})},
	"condition checked apart from the write": {"Conditions", breaking(func(r repository) broken {
		return broken{put: func(ctx context.Context, id tenant.ID, value asset, cond tenant.Condition) (tenant.Version, error) {
			current, _ := r.Get(ctx, id, tenant.NewKey(value.Path...))
			if err := cond.Check(current.Version); err != nil {
				return 0, err
			}
			time.Sleep(time.Millisecond)
			return r.Put(ctx, id, value, tenant.Always())
		}}
	})},
	"values shared": {"Items", breaking(func(r repository) broken {
		shared := map[string]tenant.Item[asset]{}
		return broken{
			put: func(ctx context.Context, id tenant.ID, value asset, cond tenant.Condition) (tenant.Version, error) {
				version, err := r.Put(ctx, id, value, cond)
				shared[id.String()+value.Path[0]] = tenant.Item[asset]{Value: value, Version: version}
				return version, err
			},
			get: func(ctx context.Context, id tenant.ID, key tenant.Key) (tenant.Item[asset], error) {
				item, err := r.Get(ctx, id, key)
				if same := shared[id.String()+key.Parts()[0]]; err == nil && same.Version == item.Version {
					return same, nil
				}
				return item, err
			},
		}
	})},
	"versions repeated": {"Items", breaking(func(r repository) broken {
		return broken{put: func(ctx context.Context, id tenant.ID, value asset, cond tenant.Condition) (tenant.Version, error) {
			_, err := r.Put(ctx, id, value, cond)
			return 1, err
		}}
	})},
	"expiry ignored": {"Expiry", opening(func(s *tenanttest.Setup) { s.Now = func() time.Time { return time.Unix(0, 0) } })},
	"dead context served": {"Calls", breaking(func(r repository) broken {
		return broken{put: func(ctx context.Context, id tenant.ID, value asset, cond tenant.Condition) (tenant.Version, error) {
			return r.Put(context.WithoutCancel(ctx), id, value, cond)
		}}
	})},
	"descending ignored": {"Query", breaking(func(r repository) broken {
		return broken{query: func(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[asset], error) {
			query.Descending = false
			return r.Query(ctx, id, query)
		}}
	})},
	"last item of a full page lost": {"Query", breaking(func(r repository) broken {
		return broken{query: func(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[asset], error) {
			page, err := r.Query(ctx, id, query)
			if page.Next != "" {
				page.Items = page.Items[:len(page.Items)-1]
			}
			return page, err
		}}
	})},
	"one page only": {"Query", breaking(func(r repository) broken {
		return broken{query: func(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[asset], error) {
			page, err := r.Query(ctx, id, query)
			page.Next = ""
			return page, err
		}}
	})},
	"prefix cuts parts": {"Query", breaking(func(r repository) broken {
		return broken{query: func(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[asset], error) {
			if parts := query.Prefix.Parts(); len(parts) == 1 && query.From.IsZero() && query.To.IsZero() {
				query.Prefix, query.From, query.To = tenant.Key{}, query.Prefix, tenant.NewKey(parts[0]+"\U0010ffff")
			}
			return r.Query(ctx, id, query)
		}}
	})},
	"any cursor accepted": {"Cursors", breaking(func(r repository) broken {
		return broken{query: func(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[asset], error) {
			page, err := r.Query(ctx, id, query)
			if err != nil {
				query.Cursor = ""
				return r.Query(ctx, id, query)
			}
			return page, err
		}}
	})},
	"any key accepted": {"Cursors", opening(func() func(*tenanttest.Setup) {
		keys := tenant.RandomCursorKeys()
		return func(s *tenanttest.Setup) { s.Cursors = keys }
	}())},
	"no size limit": {"Limits", breaking(func(r repository) broken {
		return broken{put: func(ctx context.Context, id tenant.ID, value asset, cond tenant.Condition) (tenant.Version, error) {
			version, err := r.Put(ctx, id, value, cond)
			if err != nil && len(value.Notes) > 0 {
				return 1, nil
			}
			return version, err
		}}
	})},
}

// opening returns an Open of memtenant with a changed setup.
func opening(change func(*tenanttest.Setup)) tenanttest.Open {
	return func(_ *testing.T, setup tenanttest.Setup) tenanttest.Store {
		change(&setup)
		store := memtenant.New(setup.Cursors, func(o *memtenant.Options) { o.Now = setup.Now })
		return tenanttest.Store{
			NewRepository: func(schema *tenant.Schema[asset]) repository { return memtenant.NewRepository(store, schema) },
			Transactor:    store,
		}
	}
}

// breaking returns an Open of memtenant behind a breakage.
func breaking(wrap func(repository) broken) tenanttest.Open {
	sound := opening(func(*tenanttest.Setup) {})
	return func(t *testing.T, setup tenanttest.Setup) tenanttest.Store {
		store := sound(t, setup)
		newRepository := store.NewRepository
		store.NewRepository = func(schema *tenant.Schema[asset]) repository {
			inner := newRepository(schema)
			outer := wrap(inner)
			outer.repository = inner
			return outer
		}
		return store
	}
}

// breakageVariable tells the child process which breakage to run.
const breakageVariable = "IOTENANT_TENANTTEST_BREAKAGE"

// TestSuiteFindsBreakages runs the suite on each broken repository, in a child
// process, and wants the named group to fail.
func TestSuiteFindsBreakages(t *testing.T) {
	if name := os.Getenv(breakageVariable); name != "" {
		tenanttest.TestRepository(t, breakages[name].open)
		return
	}
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	for name, breakage := range breakages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			child := exec.Command(self, "-test.run=^TestSuiteFindsBreakages$/^"+breakage.foundBy+"$", "-test.timeout=2m")
			child.Env = append(os.Environ(), breakageVariable+"="+name)
			output, err := child.CombinedOutput()
			require.Error(t, err, "the suite passed")
			require.Contains(t, string(output), "--- FAIL: TestSuiteFindsBreakages/"+breakage.foundBy+"/")
		})
	}
}

func TestFaulty(t *testing.T) {
	t.Parallel()
	store := opening(func(*tenanttest.Setup) {})(t, tenanttest.Setup{Cursors: tenant.RandomCursorKeys(), Now: time.Now})
	schema := &tenant.Schema[asset]{Entity: "asset", Key: func(a *asset) tenant.Key { return tenant.NewKey(a.Path...) }}
	inner, acme := store.NewRepository(schema), tenant.MustParseID("acme")
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
