package dynamotenant_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// series is an item that is small as JSON and large as attribute values.
type series struct {
	Name   string
	Values []int
	Text   string
}

var seriesSchema = tenant.Schema[series]{Entity: "series", Key: func(s *series) tenant.Key { return tenant.NewKey(s.Name) }}

func TestLargeItemsAreKeptAsEveryBackendKeepsThem(t *testing.T) {
	t.Parallel()
	f := newFake()
	store := newStore(f)
	r := dynamotenant.NewRepository(store, &seriesSchema)
	large := series{Name: "put", Values: slices.Repeat([]int{1}, 200_000)}
	_, err := r.Put(t.Context(), acme, large, tenant.IfAbsent())
	require.NoError(t, err)
	batched, transacted := large, large
	batched.Name, transacted.Name = "batched", "transacted"
	_, err = r.BatchWrite(t.Context(), acme, []tenant.Write[series]{tenant.PutWrite(batched)})
	require.NoError(t, err)
	_, err = store.Transact(t.Context(), acme, tenant.PutOp(&seriesSchema, transacted, tenant.IfAbsent()))
	require.NoError(t, err)
	for _, want := range []series{large, batched, transacted} {
		item, err := r.Get(t.Context(), acme, tenant.NewKey(want.Name))
		require.NoError(t, err)
		require.Equal(t, want, item.Value)
		stored := f.items[fakeKey{"TENANT#acme#series", want.Name}]
		require.Contains(t, stored, "raw")
		require.NotContains(t, stored, "v")
	}
	small := series{Name: "put", Values: []int{1}}
	_, err = r.Put(t.Context(), acme, small, tenant.IfPresent())
	require.NoError(t, err)
	require.NotContains(t, f.items[fakeKey{"TENANT#acme#series", "put"}], "raw")

	_, err = r.Put(t.Context(), acme, series{Name: "x", Values: slices.Repeat([]int{1}, 210_000)}, tenant.Always())
	require.ErrorIs(t, err, tenant.ErrTooLarge)
	for _, text := range []string{strings.Repeat("x", tenant.MaxItemSize), strings.Repeat("<", tenant.MaxItemSize/6)} {
		_, err = r.Put(t.Context(), acme, series{Name: "x", Text: text}, tenant.Always())
		require.ErrorIs(t, err, tenant.ErrTooLarge, "it would be too large in other backends")
	}
	_, err = r.Put(t.Context(), acme, series{Name: "x", Text: strings.Repeat("x", tenant.MaxItemSize-2000)}, tenant.Always())
	require.NoError(t, err)
}

func TestValueThatHasNoEncodingIsInvalid(t *testing.T) {
	t.Parallel()
	schema := tenant.Schema[func()]{Entity: "func", Key: func(*func()) tenant.Key { return tenant.NewKey("k") }}
	store := newStore(newFake())
	r := dynamotenant.NewRepository(store, &schema)
	_, err := r.Put(t.Context(), acme, func() {}, tenant.Always())
	require.ErrorIs(t, err, iotenant.ErrInvalid)
	_, err = store.Transact(t.Context(), acme, tenant.PutOp(&schema, func() {}, tenant.Always()))
	require.ErrorIs(t, err, iotenant.ErrInvalid)
	_, err = r.BatchWrite(t.Context(), acme, []tenant.Write[func()]{tenant.PutWrite(func() {})})
	require.ErrorIs(t, err, iotenant.ErrInvalid)
}

func TestItemOfAnotherTypeIsUnavailable(t *testing.T) {
	t.Parallel()
	f := newFake()
	store := newStore(f)
	_, err := dynamotenant.NewRepository(store, &seriesSchema).Put(t.Context(), acme, series{Name: "a", Text: "t"}, tenant.Always())
	require.NoError(t, err)
	other := tenant.Schema[struct{ Text []bool }]{Entity: "series", Key: func(*struct{ Text []bool }) tenant.Key { return tenant.NewKey("a") }}
	r := dynamotenant.NewRepository(store, &other)
	_, err = r.Get(t.Context(), acme, tenant.NewKey("a"))
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.ErrorContains(t, err, "stored series can't be decoded")
	_, err = r.Query(t.Context(), acme, tenant.Query{})
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	stored := f.items[fakeKey{"TENANT#acme#series", "a"}]
	delete(stored, "v")
	stored["raw"] = map[string]any{"S": "no bytes"}
	_, err = r.Get(t.Context(), acme, tenant.NewKey("a"))
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}
