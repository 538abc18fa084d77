package dynamotenant_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// fill puts n sites and returns their names in order.
func fill(t *testing.T, r tenant.Repository[site], n int) (names []string) {
	t.Helper()
	for i := range n {
		name := fmt.Sprintf("site-%04d", i)
		_, err := r.Put(t.Context(), acme, site{Name: name, City: fmt.Sprint("city-", i%3)}, tenant.Always())
		require.NoError(t, err)
		names = append(names, name)
	}
	return names
}

// list follows the cursors of a query, and returns what it found in order.
func list(ctx context.Context, r tenant.Repository[site], query tenant.Query) (names []string, err error) {
	for item, err := range tenant.All(ctx, r, acme, query) {
		if err != nil {
			return nil, err
		}
		names = append(names, item.Value.Name)
	}
	return names, nil
}

func (f *fake) partitions() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := map[string]int{}
	for key := range f.items {
		counts[key.pk]++
	}
	return counts
}

func TestShardsAreReadInOrder(t *testing.T) {
	t.Parallel()
	f := newFake()
	r := sites(f, sharded(4, 0))
	names := fill(t, r, 100)
	require.Len(t, f.partitions(), 4)
	for partition, count := range f.partitions() {
		require.Contains(t, partition, "TENANT#acme#site")
		require.Greater(t, count, 10)
	}
	backwards := slices.Clone(names)
	slices.Reverse(backwards)
	for _, limit := range []int{1, 2, 3, 7, 50, 99, 100, 101, 1000} {
		f.called()
		got, err := list(t.Context(), r, tenant.Query{Limit: limit})
		require.NoError(t, err)
		require.Equal(t, names, got, "limit %d", limit)
		if limit == 1000 {
			require.Equal(t, repeated("Query", 4), f.called(), "one call for each shard")
		}
		got, err = list(t.Context(), r, tenant.Query{Limit: limit, Descending: true})
		require.NoError(t, err)
		require.Equal(t, backwards, got, "limit %d", limit)
		got, err = list(t.Context(), r, tenant.Query{Limit: limit, From: tenant.NewKey("site-0010"), To: tenant.NewKey("site-0020")})
		require.NoError(t, err)
		require.Equal(t, names[10:20], got, "limit %d", limit)
		got, err = list(t.Context(), r, tenant.Query{Limit: limit, Index: "city", Prefix: tenant.NewKey("city-1")})
		require.NoError(t, err)
		require.Len(t, got, 33)
		require.True(t, slices.IsSorted(got))
	}
	page, err := r.Query(t.Context(), acme, tenant.Query{Limit: 10})
	require.NoError(t, err)
	require.LessOrEqual(t, len(page.Items), 10)
}

func TestImpossibleShardingIsRefused(t *testing.T) {
	t.Parallel()
	for _, sharding := range [][2]int{{-1, 0}, {dynamotenant.MaxShards + 1, 0}, {4, 3}, {4, 8}, {4, -2}, {0, 2}, {3, 2}} {
		f := newFake()
		store := newStore(f, sharded(sharding[0], sharding[1]))
		for operation, call := range everyCall(store) {
			err := call(t.Context())
			require.ErrorIs(t, err, dynamotenant.ErrSharding, "%v: %s", sharding, operation)
			require.ErrorIs(t, err, iotenant.ErrInvalid)
		}
		_, err := store.Reshard(t.Context(), acme, "site")
		require.ErrorIs(t, err, dynamotenant.ErrSharding)
		require.Empty(t, f.called())
	}
	for _, sharding := range [][2]int{{0, 0}, {1, 1}, {0, 1}, {4, 4}, {4, 2}, {128, 1}} {
		_, err := sites(newFake(), sharded(sharding[0], sharding[1])).Put(t.Context(), acme, site{Name: "north"}, tenant.Always())
		require.NoError(t, err, "%v", sharding)
	}
}

func TestReshardMovesWhatBelongsElsewhere(t *testing.T) {
	t.Parallel()
	f := newFake()
	names := fill(t, sites(f, sharded(2, 0)), 200)
	globexSites := sites(f, sharded(2, 0))
	_, err := globexSites.Put(t.Context(), globex, site{Name: "south"}, tenant.Always())
	require.NoError(t, err)
	growing := newStore(f, sharded(6, 2))
	r := dynamotenant.NewRepository(growing, &siteSchema)
	before, err := r.Get(t.Context(), acme, tenant.NewKey(names[0]))
	require.NoError(t, err)

	moved, err := growing.Reshard(t.Context(), acme, "site", "entity-without-items")
	require.NoError(t, err)
	require.InDelta(t, 133, moved, 30)
	moved, err = growing.Reshard(t.Context(), acme, "site")
	require.NoError(t, err)
	require.Zero(t, moved)

	grown := sites(f, sharded(6, 0))
	got, err := list(t.Context(), grown, tenant.Query{})
	require.NoError(t, err)
	require.Equal(t, names, got)
	got, err = list(t.Context(), grown, tenant.Query{Index: "city"})
	require.NoError(t, err)
	require.Len(t, got, 200)
	after, err := grown.Get(t.Context(), acme, tenant.NewKey(names[0]))
	require.NoError(t, err)
	require.Equal(t, before, after, "a move is no write")
	_, err = globexSites.Get(t.Context(), globex, tenant.NewKey("south"))
	require.NoError(t, err, "another tenant is left alone")

	_, err = growing.Reshard(t.Context(), tenant.ID{}, "site")
	require.ErrorIs(t, err, tenant.ErrID)
}

func TestReshardEmulated(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) string{"moto": emulator.Moto, "dynamodb": emulator.DynamoDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, table := emulated(t, start(t))
			cursors := tenant.RandomCursorKeys()
			names := fill(t, dynamotenant.NewRepository(dynamotenant.New(client, table, cursors), &siteSchema), 30)
			store := dynamotenant.New(client, table, cursors, sharded(3, 1))
			r := dynamotenant.NewRepository(store, &siteSchema)
			_, err := tenant.Update(t.Context(), r, acme, tenant.NewKey(names[7]), func(s *site) error { s.Count++; return nil })
			require.NoError(t, err)
			got, err := list(t.Context(), r, tenant.Query{Limit: 7})
			require.NoError(t, err)
			require.Equal(t, names, got)
			moved, err := store.Reshard(t.Context(), acme, "site")
			require.NoError(t, err)
			require.Greater(t, moved, 8)
			grown := dynamotenant.NewRepository(dynamotenant.New(client, table, cursors, sharded(3, 0)), &siteSchema)
			got, err = list(t.Context(), grown, tenant.Query{Descending: true, Consistent: true})
			require.NoError(t, err)
			slices.Reverse(got)
			require.Equal(t, names, got)
			item, err := grown.Get(t.Context(), acme, tenant.NewKey(names[7]))
			require.NoError(t, err)
			require.Equal(t, 1, item.Value.Count)
		})
	}
}

// TestReshardBesideWriters moves items while others write, delete, list and
// read: nothing is missed, doubled or lost.
func TestReshardBesideWriters(t *testing.T) {
	t.Parallel()
	f := newFake()
	fill(t, sites(f, sharded(2, 0)), 120)
	store := newStore(f, sharded(8, 2))
	r := dynamotenant.NewRepository(store, &siteSchema)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var increments [60]atomic.Int64
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() { // sites from 0 to 59 are counted up, those from 60 to 79 come and go
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for range 150 {
				i := random.IntN(80)
				name := fmt.Sprintf("site-%04d", i)
				var err error
				switch {
				case i < 60:
					increments[i].Add(1)
					_, err = tenant.Update(t.Context(), r, acme, tenant.NewKey(name), func(s *site) error { s.Count++; return nil })
				case random.IntN(2) == 0:
					err = r.Delete(t.Context(), acme, tenant.NewKey(name), tenant.Always())
				default:
					_, err = store.Transact(t.Context(), acme, tenant.PutOp(&siteSchema, site{Name: name}, tenant.Always()))
				}
				if !assertNoErr(t, err) {
					return
				}
			}
		})
	}
	group.Go(func() {
		defer cancel()
		_, err := store.Reshard(t.Context(), acme, "site")
		assertNoErr(t, err)
	})
	constant := func(names []string) (kept []string) { // those that are there throughout
		for _, name := range names {
			if name < "site-0060" || name >= "site-0080" {
				kept = append(kept, name)
			}
		}
		return kept
	}
	var want []string
	for i := range 120 {
		want = append(want, fmt.Sprintf("site-%04d", i))
	}
	want = constant(want)
	for ended := false; !ended; {
		ended = ctx.Err() != nil
		for _, query := range []tenant.Query{{Limit: 7}, {Limit: 1000}} {
			got, err := list(t.Context(), r, query)
			require.NoError(t, err)
			require.True(t, slices.IsSorted(got))
			require.Equal(t, want, constant(got))
		}
		name := want[rand.IntN(len(want))]
		_, err := r.Get(t.Context(), acme, tenant.NewKey(name))
		require.NoError(t, err, "%s is there throughout", name)
		items, err := r.BatchGet(t.Context(), acme, []tenant.Key{tenant.NewKey(want[0]), tenant.NewKey(name)})
		require.NoError(t, err)
		require.NotZero(t, items[0].Version)
		require.NotZero(t, items[1].Version)
	}
	group.Wait()
	grown := sites(f, sharded(8, 0))
	got, err := list(t.Context(), grown, tenant.Query{})
	require.NoError(t, err)
	require.Equal(t, want, constant(got))
	for i := range increments {
		item, err := grown.Get(t.Context(), acme, tenant.NewKey(fmt.Sprintf("site-%04d", i)))
		require.NoError(t, err)
		require.EqualValues(t, increments[i].Load(), item.Value.Count, "increments of %s", item.Value.Name)
	}
	require.Len(t, slices.Collect(maps.Keys(f.partitions())), 8)
}

func assertNoErr(t *testing.T, err error) bool {
	t.Helper()
	if err != nil {
		t.Errorf("unexpected error %v", err)
	}
	return err == nil
}

func TestWriteWinsOverAnItemThatStaysBehind(t *testing.T) {
	t.Parallel()
	f := newFake()
	ctx := t.Context()
	old, grown := sites(f, sharded(1, 0)), sites(f, sharded(2, 0))
	store := newStore(f, sharded(2, 1))
	r := dynamotenant.NewRepository(store, &siteSchema)
	for _, name := range fill(t, old, 20) { // by a process that doesn't know of the growth
		_, err := grown.Put(ctx, acme, site{Name: name, Count: 7}, tenant.Always())
		require.NoError(t, err)
	}
	got, err := list(ctx, r, tenant.Query{})
	require.NoError(t, err)
	require.Len(t, got, 20, "doubles are dropped")
	_, err = store.Reshard(ctx, acme, "site")
	require.NoError(t, err)
	total := 0
	for _, count := range f.partitions() {
		total += count
	}
	require.Equal(t, 20, total)
	for item, err := range tenant.All(ctx, grown, acme, tenant.Query{}) {
		require.NoError(t, err)
		require.Equal(t, 7, item.Value.Count, "what is in the new place is the later")
	}
}

func TestMovesGiveUpAfterManyConflicts(t *testing.T) {
	t.Parallel()
	f := newFake()
	fill(t, sites(f), 20)
	store := newStore(f, sharded(2, 1))
	conflicts := 0
	f.intercept = func(operation string, answer func() *http.Response) (*http.Response, error) {
		if operation != "TransactWriteItems" {
			return answer(), nil
		}
		conflicts++
		return respond(&fakeError{Type: "TransactionCanceledException", Reasons: []map[string]any{{"Code": "TransactionConflict"}, {"Code": "None"}}}), nil
	}
	_, err := store.Reshard(t.Context(), acme, "site")
	require.ErrorIs(t, err, tenant.ErrTransactionConflict)
	require.Equal(t, 9, conflicts)

	f.refuse("TransactWriteItems", "ThrottlingException", -1)
	_, err = store.Reshard(t.Context(), acme, "site")
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	f.refuse("Query", "ThrottlingException", -1)
	_, err = store.Reshard(t.Context(), acme, "site")
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	f.refuse("BatchGetItem", "ThrottlingException", -1)
	_, err = store.Transact(t.Context(), acme, tenant.DeleteOp(&siteSchema, tenant.NewKey("site-0001"), tenant.Always()),
		tenant.DeleteOp(&siteSchema, tenant.NewKey("site-0002"), tenant.Always()), tenant.DeleteOp(&siteSchema, tenant.NewKey("site-0003"), tenant.Always()))
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.NotErrorIs(t, err, tenant.ErrTransactionConflict)
}
