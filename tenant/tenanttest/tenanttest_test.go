package tenanttest_test

import (
	"context"
	"errors"
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

	batchGet   func(ctx context.Context, id tenant.ID, keys []tenant.Key) ([]tenant.Item[asset], error)
	batchWrite func(ctx context.Context, id tenant.ID, writes []tenant.Write[asset]) ([]tenant.Version, error)
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

func (b broken) BatchGet(ctx context.Context, id tenant.ID, keys []tenant.Key, optFns ...func(*tenant.ReadOptions)) ([]tenant.Item[asset], error) {
	if b.batchGet != nil {
		return b.batchGet(ctx, id, keys)
	}
	return b.repository.BatchGet(ctx, id, keys, optFns...)
}

func (b broken) BatchWrite(ctx context.Context, id tenant.ID, writes []tenant.Write[asset]) ([]tenant.Version, error) {
	if b.batchWrite != nil {
		return b.batchWrite(ctx, id, writes)
	}
	return b.repository.BatchWrite(ctx, id, writes)
}

// transact is a transactor that breaks one sentence of the contract.
type transact func(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error)

func (t transact) Transact(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
	return t(ctx, id, ops...)
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
	"failures of a batch passed over": {"Batches", breaking(func(r repository) broken {
		return broken{batchWrite: func(ctx context.Context, id tenant.ID, writes []tenant.Write[asset]) ([]tenant.Version, error) {
			versions, err := r.BatchWrite(ctx, id, writes)
			if errors.As(err, new(*tenant.BatchError)) {
				err = nil
			}
			return versions, err
		}}
	})},
	"a batch ends with its first failure": {"Batches", breaking(func(r repository) broken {
		return broken{batchWrite: func(ctx context.Context, id tenant.ID, writes []tenant.Write[asset]) ([]tenant.Version, error) {
			versions, errs := make([]tenant.Version, len(writes)), make([]error, len(writes))
			for i := range writes {
				made, err := r.BatchWrite(ctx, id, writes[i:i+1])
				if errs[i] = err; err != nil {
					return versions, &tenant.BatchError{Errs: errs}
				}
				versions[i] = made[0]
			}
			return versions, nil
		}}
	})},
	"a batch of another order": {"Batches", breaking(func(r repository) broken {
		return broken{batchGet: func(ctx context.Context, id tenant.ID, keys []tenant.Key) ([]tenant.Item[asset], error) {
			items, err := r.BatchGet(ctx, id, keys)
			slices.SortFunc(items, func(a, b tenant.Item[asset]) int { return slices.Compare(a.Value.Path, b.Value.Path) })
			return items, err
		}}
	})},
	"missing items left out of a batch": {"Batches", breaking(func(r repository) broken {
		return broken{batchGet: func(ctx context.Context, id tenant.ID, keys []tenant.Key) ([]tenant.Item[asset], error) {
			items, err := r.BatchGet(ctx, id, keys)
			return slices.DeleteFunc(items, func(item tenant.Item[asset]) bool { return item.Version == 0 }), err
		}}
	})},
	"batches read all tenants": {"Isolation", breaking(func(r repository) broken {
		return broken{batchGet: func(ctx context.Context, id tenant.ID, keys []tenant.Key) ([]tenant.Item[asset], error) {
			items, err := r.BatchGet(ctx, id, keys)
			for i := range items {
				if items[i].Version == 0 && !id.IsZero() {
					items[i], _ = r.Get(ctx, tenant.MustParseID("acme"), keys[i])
				}
			}
			return items, err
		}}
	})},
	"transactions in part": {"Transactions", transacting(func(whole tenant.Transactor) transact {
		return func(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
			versions, err := whole.Transact(ctx, id, ops...)
			if refused := (*tenant.TransactionError)(nil); errors.As(err, &refused) {
				for i := range ops {
					if refused.Errs[i] == nil {
						_, _ = whole.Transact(ctx, id, ops[i])
					}
				}
			}
			return versions, err
		}
	})},
	"operations one after the other": {"Transactions", transacting(func(whole tenant.Transactor) transact {
		return func(ctx context.Context, id tenant.ID, ops ...tenant.Op) (versions []tenant.Version, err error) {
			for _, op := range ops {
				made, err := whole.Transact(ctx, id, op)
				if err != nil {
					return nil, err
				}
				versions = append(versions, made...)
			}
			return versions, nil
		}
	})},
	"checks passed over": {"Transactions", transacting(func(whole tenant.Transactor) transact {
		return func(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
			kept := slices.DeleteFunc(slices.Clone(ops), func(op tenant.Op) bool { return op.Action() == tenant.ActionCheck && op.Check() == nil })
			made, err := whole.Transact(ctx, id, kept...)
			if err != nil {
				return nil, err
			}
			versions := make([]tenant.Version, len(ops))
			for i := range ops {
				if ops[i].Action() != tenant.ActionCheck {
					versions[i], made = made[0], made[1:]
				}
			}
			return versions, nil
		}
	})},
	"the failed operation not named": {"Transactions", transacting(func(whole tenant.Transactor) transact {
		return func(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
			versions, err := whole.Transact(ctx, id, ops...)
			if refused := (*tenant.TransactionError)(nil); errors.As(err, &refused) {
				slices.Reverse(refused.Errs)
			}
			return versions, err
		}
	})},
	"counters written whatever they were": {"Quotas", transacting(func(whole tenant.Transactor) transact {
		return func(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
			time.Sleep(time.Millisecond) // others come in between
			for i := range ops {
				if usage, ok := ops[i].Value().(*tenant.Usage); ok {
					ops[i] = tenant.PutOp(&tenant.UsageSchema, *usage, tenant.Always())
				}
			}
			return whole.Transact(ctx, id, ops...)
		}
	})},
	"transactions of another tenant": {"Isolation", transacting(func(whole tenant.Transactor) transact {
		return func(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
			if !id.IsZero() {
				id = tenant.MustParseID("acme")
			}
			return whole.Transact(ctx, id, ops...)
		}
	})},
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
			Usages:        memtenant.NewRepository(store, &tenant.UsageSchema),
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

// transacting returns an Open of memtenant with a broken transactor.
func transacting(wrap func(tenant.Transactor) transact) tenanttest.Open {
	sound := opening(func(*tenanttest.Setup) {})
	return func(t *testing.T, setup tenanttest.Setup) tenanttest.Store {
		store := sound(t, setup)
		store.Transactor = wrap(store.Transactor)
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
