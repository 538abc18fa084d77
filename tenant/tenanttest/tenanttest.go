// Package tenanttest checks implementations of tenant.Repository and
// tenant.Transactor, and makes them fail on purpose.
//
// [TestRepository] checks their contracts, one subtest for each sentence.
// [TestRepositoryModel] compares random operations with a naive model. A
// backend runs both in its tests:
//
//	func TestRepository(t *testing.T) {
//		tenanttest.TestRepository(t, func(t *testing.T, setup tenanttest.Setup) tenanttest.Store {
//			store := memtenant.New(setup.Cursors, func(o *memtenant.Options) { o.Now = setup.Now })
//			return tenanttest.Store{
//				NewRepository: func(schema *tenant.Schema[tenanttest.Asset]) tenant.Repository[tenanttest.Asset] {
//					return memtenant.NewRepository(store, schema)
//				},
//				Transactor: store,
//				Usages:     memtenant.NewRepository(store, &tenant.UsageSchema),
//			}
//		})
//	}
//
// [Faulty] and [FaultyTransactor] are for those who use stores: they show what
// their code does when the store fails, also after it has written. The tests of
// examples/lambda/service-visits use them.
package tenanttest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// Open makes a new, empty store for one test. It may use t.Cleanup to close it.
type Open func(t *testing.T, setup Setup) Store

// Store is a store under test, and what it declares of itself.
type Store struct {
	// NewRepository makes a repository in the store. Required.
	NewRepository func(schema *tenant.Schema[Asset]) tenant.Repository[Asset]
	// Transactor applies transactions in the store; nil if it has none.
	Transactor tenant.Transactor
	// MaxOps and MaxTransactionSize are what a transaction may hold, if that is
	// less than tenant.MaxOps and tenant.MaxTransactionSize; 0 if not.
	MaxOps, MaxTransactionSize int
	// Usages is the store's repository of tenant.UsageSchema, with which
	// quotas are checked; nil if it has none.
	Usages tenant.Repository[tenant.Usage]
	// IndexLag bounds the time after which an index shows a write. Zero
	// promises that it shows it at once.
	IndexLag time.Duration
	// Writers is how many writers meet in one item. Default 1,000; a store
	// behind a slow emulator may need fewer.
	Writers int
}

// Setup is what the suite asks of a new store.
type Setup struct {
	// Cursors are the cursor keys of the store.
	Cursors tenant.CursorKeys
	// Now is the clock by which items expire.
	Now func() time.Time
}

// Asset is the item type of the suite.
type Asset struct {
	// Path is the primary key, part by part.
	Path []string `json:"path"`
	// City is the place in the index "city", Rank in the index "rank", part
	// by part. Empty leaves the asset out.
	City string   `json:"city,omitempty"`
	Rank []string `json:"rank,omitempty"`
	// Until is when the asset expires, zero for never.
	Until  time.Time         `json:"until,omitzero"`
	Weight float64           `json:"weight,omitempty"`
	Notes  []string          `json:"notes,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	Blob   []byte            `json:"blob,omitempty"`
	// Unsaved is not encoded.
	Unsaved string `json:"-"`
}

// assetSchema is the schema of an entity of assets.
func assetSchema(entity string) *tenant.Schema[Asset] {
	return &tenant.Schema[Asset]{
		Entity: entity,
		Key:    func(a *Asset) tenant.Key { return tenant.NewKey(a.Path...) },
		Indexes: []tenant.Index[Asset]{
			{Name: "city", Key: func(a *Asset) tenant.Key { return keyOrZero(a.City) }},
			{Name: "rank", Key: func(a *Asset) tenant.Key { return keyOrZero(a.Rank...) }},
		},
		Expires: func(a *Asset) time.Time { return a.Until },
	}
}

func keyOrZero(parts ...string) tenant.Key {
	if len(parts) == 0 || len(parts) == 1 && parts[0] == "" {
		return tenant.Key{}
	}
	return tenant.NewKey(parts...)
}

// TestRepository checks the contracts of tenant.Repository and, if they have
// one, tenant.Transactor on the stores that open makes.
func TestRepository(t *testing.T, open Open) {
	for _, group := range []struct {
		name  string
		tests []contractTest
	}{
		{"Isolation", slices.Concat(isolationTests, batchIsolationTests, needTransactor(transactionIsolationTests))},
		{"Items", itemTests},
		{"Conditions", conditionTests},
		{"Expiry", expiryTests},
		{"Calls", callTests},
		{"Query", queryTests},
		{"Cursors", cursorTests},
		{"Batches", batchTests},
		{"Transactions", needTransactor(transactionTests)},
		{"Quotas", needUsages(quotaTests)},
		{"Limits", limitTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			run(t, open, group.tests)
		})
	}
}

// TestIsolation checks that tenants are apart, also by their cursors. It is
// part of [TestRepository].
func TestIsolation(t *testing.T, open Open) {
	run(t, open, slices.Concat(isolationTests, cursorTests, batchIsolationTests, needTransactor(transactionIsolationTests)))
}

func run(t *testing.T, open Open, tests []contractTest) {
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			t.Parallel()
			test.check(newFixture(t, open))
		})
	}
}

// contractTest checks one sentence of the contract.
type contractTest struct {
	sentence string
	check    func(*fixture)
}

// fixture is a store with one repository, and what a test needs to speak to
// it.
type fixture struct {
	*testing.T
	ctx     context.Context
	open    Open
	clock   *clock
	store   Store
	schema  *tenant.Schema[Asset] // of assets
	assets  tenant.Repository[Asset]
	a, b    tenant.ID
	cursors tenant.CursorKeys
}

func newFixture(t *testing.T, open Open) *fixture {
	t.Helper()
	f := &fixture{
		T:       t,
		ctx:     t.Context(),
		open:    open,
		clock:   newClock(),
		a:       tenant.MustParseID("acme"),
		b:       tenant.MustParseID("acme-b"),
		cursors: tenant.RandomCursorKeys(),
	}
	f.store = open(t, Setup{Cursors: f.cursors, Now: f.clock.now})
	f.store.MaxOps = cmp.Or(f.store.MaxOps, tenant.MaxOps)
	f.store.MaxTransactionSize = cmp.Or(f.store.MaxTransactionSize, tenant.MaxTransactionSize)
	f.store.Writers = cmp.Or(f.store.Writers, 1000)
	f.schema = assetSchema("asset")
	f.assets = f.store.NewRepository(f.schema)
	return f
}

// put stores an asset and returns its version.
func (f *fixture) put(id tenant.ID, asset Asset) tenant.Version {
	f.Helper()
	version, err := f.assets.Put(f.ctx, id, asset, tenant.Always())
	if err != nil {
		f.Fatalf("Put(%s): %v", strings.Join(asset.Path, "/"), err)
	}
	if version == 0 {
		f.Fatalf("Put(%s): version 0, which stands for no item", strings.Join(asset.Path, "/"))
	}
	return version
}

func (f *fixture) delete(id tenant.ID, path ...string) {
	f.Helper()
	if err := f.assets.Delete(f.ctx, id, tenant.NewKey(path...), tenant.Always()); err != nil {
		f.Fatalf("Delete(%s): %v", strings.Join(path, "/"), err)
	}
}

// get returns the asset that must be there.
func (f *fixture) get(id tenant.ID, path ...string) tenant.Item[Asset] {
	f.Helper()
	item, err := f.assets.Get(f.ctx, id, tenant.NewKey(path...), tenant.Consistent)
	if err != nil {
		f.Fatalf("Get(%s): %v", strings.Join(path, "/"), err)
	}
	return item
}

// wantAbsent checks that neither Get nor any query finds the asset.
func (f *fixture) wantAbsent(id tenant.ID, path ...string) {
	f.Helper()
	_, err := f.assets.Get(f.ctx, id, tenant.NewKey(path...), tenant.Consistent)
	f.wantErr("Get("+strings.Join(path, "/")+")", err, tenant.ErrNotFound)
	for _, index := range []string{"", "city", "rank"} {
		f.wantSoon(index, func() (problem string) {
			paths := f.list(id, tenant.Query{Index: index})
			if slices.Contains(paths, strings.Join(path, "/")) {
				return fmt.Sprintf("Query of index %q returned %s, which must not be there: %v", index, strings.Join(path, "/"), paths)
			}
			return ""
		})
	}
}

// wantSoon fails if check finds a problem. If check reads an index, it is
// repeated for as long as the index may lag.
func (f *fixture) wantSoon(index string, check func() (problem string)) {
	f.Helper()
	until := time.Now()
	if index != "" {
		until = until.Add(f.store.IndexLag)
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		problem := check()
		switch {
		case problem == "":
			return
		case f.Failed() || !time.Now().Before(until):
			f.Error(problem)
			return
		}
		time.Sleep(pause)
	}
}

// list returns the paths of all assets that a query selects, page by page.
func (f *fixture) list(id tenant.ID, query tenant.Query) (paths []string) {
	f.Helper()
	query.Consistent = query.Index == ""
	for item, err := range tenant.All(f.ctx, f.assets, id, query) {
		if err != nil {
			f.Fatalf("Query(%+v): %v", query, err)
		}
		paths = append(paths, strings.Join(item.Value.Path, "/"))
	}
	return paths
}

func (f *fixture) wantList(id tenant.ID, query tenant.Query, want ...string) {
	f.Helper()
	f.wantSoon(query.Index, func() (problem string) {
		if got := f.list(id, query); !slices.Equal(got, want) {
			return fmt.Sprintf("Query(index %q, prefix %s, from %s, to %s, descending %t) returned\n\t%q, want\n\t%q",
				query.Index, query.Prefix, query.From, query.To, query.Descending, got, want)
		}
		return ""
	})
}

func (f *fixture) wantCount(id tenant.ID, query tenant.Query, want int) {
	f.Helper()
	f.wantSoon(query.Index, func() (problem string) {
		if got := len(f.list(id, query)); got != want {
			return fmt.Sprintf("Query(%+v) returned %d items, want %d", query, got, want)
		}
		return ""
	})
}

func (f *fixture) wantErr(call string, err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Errorf("%s returned the error %v, want one that is %q", call, err, want)
	}
}

func (f *fixture) wantNoErr(call string, err error) {
	f.Helper()
	if err != nil {
		f.Errorf("%s returned the error %v, want none", call, err)
	}
}

func asset(path ...string) Asset { return Asset{Path: path} }

// clock stands still until it is moved.
type clock struct {
	mu   sync.Mutex
	time time.Time
}

func newClock() *clock { return &clock{time: time.Now().Truncate(time.Second)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
}
