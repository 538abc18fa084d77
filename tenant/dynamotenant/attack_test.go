package dynamotenant_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

func TestAttackRepository(t *testing.T) {
	t.Parallel()
	attack(t, inMemory)
}

func TestAttackEmulated(t *testing.T) {
	t.Parallel()
	attack(t, emulators)
}

func attack(t *testing.T, opens map[string]tenanttest.Open) {
	t.Helper()
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenanttest.TestIsolation(t, open)
		})
	}
}

// partitionsIn are the partition keys in a request, as IAM takes them for
// dynamodb:LeadingKeys.
func partitionsIn(t *testing.T, body string) (partitions []string) {
	t.Helper()
	for _, found := range regexp.MustCompile(`":?pk":(\{[^}]*\})`).FindAllStringSubmatch(body, -1) {
		var value struct{ S string }
		require.NoError(t, json.Unmarshal([]byte(found[1]), &value))
		partitions = append(partitions, value.S)
	}
	return partitions
}

// TestAttackLeadingKeys holds that every request of a tenant is within what
// credentials of that tenant allow, and of no tenant whose id begins alike.
func TestAttackLeadingKeys(t *testing.T) {
	t.Parallel()
	for _, shards := range []func(*dynamotenant.Options){sharded(1, 0), sharded(4, 0), sharded(12, 4)} {
		f := newFake()
		for operation, call := range everyCall(newStore(f, shards)) {
			if err := call(t.Context()); !errors.Is(err, tenant.ErrNotFound) && !errors.Is(err, tenant.ErrExists) {
				require.NoError(t, err, operation)
			}
		}
		index := tenant.Query{Index: "city", Prefix: tenant.NewKey("TENANT#globex#site")}
		_, err := sites(f, shards).Query(t.Context(), acme, index)
		require.NoError(t, err)
		require.NotEmpty(t, f.bodies)
		for _, body := range f.bodies {
			partitions := partitionsIn(t, body)
			require.NotEmpty(t, partitions, "a request without leading keys: %s", body)
			for _, partition := range partitions {
				require.True(t, strings.HasPrefix(partition, "TENANT#acme#"), partition)
			}
		}
	}
}

// TestAttackForeignItem holds that an item of another partition is not shown,
// whatever the table answers.
func TestAttackForeignItem(t *testing.T) {
	t.Parallel()
	foreign := fakeItem{
		"pk": {"S": "TENANT#globex#site"}, "sk": {"S": "north"}, "i1": {"S": "oslo\x1enorth"},
		"ver": {"N": "7"}, "v": {"M": map[string]any{"name": map[string]any{"S": "north"}, "city": map[string]any{"S": "secret"}}},
	}
	f := newFake()
	f.intercept = func(operation string, answer func() *http.Response) (*http.Response, error) {
		switch operation {
		case "GetItem":
			return respond(map[string]any{"Item": foreign}), nil
		case "Query":
			return respond(map[string]any{"Items": []fakeItem{foreign}}), nil
		case "BatchGetItem":
			return respond(map[string]any{"Responses": map[string]any{table: []fakeItem{foreign}}}), nil
		}
		return answer(), nil
	}
	r, ctx, north := sites(f), t.Context(), tenant.NewKey("north")
	item, err := r.Get(ctx, acme, north)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.Empty(t, item)
	for _, query := range []tenant.Query{{}, {Index: "city"}} {
		page, err := r.Query(ctx, acme, query)
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		require.Empty(t, page)
	}
	items, err := r.BatchGet(ctx, acme, []tenant.Key{north})
	require.NoError(t, err)
	require.Empty(t, items[0])
	_, err = r.Get(ctx, globex, north)
	require.NoError(t, err)
}

// TestAttackAlikeIDs holds that tenants, entities and shards whose names begin
// alike are apart, in the table and in each index.
func TestAttackAlikeIDs(t *testing.T) {
	t.Parallel()
	f := newFake()
	store := newStore(f, sharded(12, 0))
	other := siteSchema
	other.Entity = "site-1"
	ids := []tenant.ID{tenant.MustParseID("abc"), tenant.MustParseID("abc-1"), tenant.MustParseID("abcd"), tenant.Platform()}
	for i, id := range ids {
		for j, schema := range []*tenant.Schema[site]{&siteSchema, &other} {
			r := dynamotenant.NewRepository(store, schema)
			_, err := r.Put(t.Context(), id, site{Name: "north", City: "oslo", Count: 10*i + j}, tenant.IfAbsent())
			require.NoError(t, err)
		}
	}
	for i, id := range ids {
		for j, schema := range []*tenant.Schema[site]{&siteSchema, &other} {
			for _, query := range []tenant.Query{{}, {Index: "city"}, {Descending: true, Consistent: true}} {
				page, err := dynamotenant.NewRepository(store, schema).Query(t.Context(), id, query)
				require.NoError(t, err)
				require.Len(t, page.Items, 1)
				require.Equal(t, 10*i+j, page.Items[0].Value.Count)
			}
		}
	}
}

// TestAttackErrorTexts holds that what the table says of others is not shown,
// also not where an item of them is returned with an error.
func TestAttackErrorTexts(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.intercept = func(string, func() *http.Response) (*http.Response, error) {
		return respond(&fakeError{
			Type: "ConditionalCheckFailedException", Message: "globex was here",
			Item: fakeItem{"pk": {"S": "TENANT#globex#site"}, "v": {"S": "globex's"}},
		}), nil
	}
	for operation, call := range everyCall(newStore(f)) {
		err := call(t.Context())
		require.Error(t, err)
		require.NotContains(t, err.Error(), "globex", operation)
	}
}
