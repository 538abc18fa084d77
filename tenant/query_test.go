package tenant_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

type site struct {
	Name    string
	City    string
	Visits  int
	Expires time.Time
}

var siteSchema = tenant.Schema[site]{
	Entity:  "site",
	Key:     func(s *site) tenant.Key { return tenant.NewKey(s.Name) },
	Indexes: []tenant.Index[site]{{Name: "city", Key: cityKey}},
	Expires: func(s *site) time.Time { return s.Expires },
}

func cityKey(s *site) tenant.Key {
	if s.City == "" {
		return tenant.Key{}
	}
	return tenant.NewKey(s.City)
}

var acme, zeta = tenant.MustParseID("acme"), tenant.MustParseID("zeta")

func TestPlanRefusesBadQueries(t *testing.T) {
	t.Parallel()
	for want, query := range map[string]tenant.Query{
		`entity site has no index "none"`: {Index: "none"},
		"limit -1, want 1 to 1000":        {Limit: -1},
		"limit 1001, want 1 to 1000":      {Limit: 1001},
		"index city can't be read":        {Index: "city", Consistent: true},
	} {
		_, err := siteSchema.PlanQuery(query)
		require.ErrorIs(t, err, tenant.ErrQuery)
		require.ErrorContains(t, err, want)
	}
	bad := tenant.NewKey("")
	for _, query := range []tenant.Query{{Prefix: bad}, {From: bad}, {To: bad}} {
		_, err := siteSchema.PlanQuery(query)
		require.ErrorIs(t, err, tenant.ErrKey)
	}
}

func TestPlanDefaults(t *testing.T) {
	t.Parallel()
	plan, err := siteSchema.PlanQuery(tenant.Query{})
	require.NoError(t, err)
	require.Equal(t, tenant.QueryPlan{Index: -1, Limit: tenant.DefaultLimit, Scope: plan.Scope}, plan)
	plan, err = siteSchema.PlanQuery(tenant.Query{Index: "city", Limit: tenant.MaxLimit, Descending: true})
	require.NoError(t, err)
	require.Equal(t, tenant.QueryPlan{Index: 0, Limit: tenant.MaxLimit, Descending: true, Scope: plan.Scope}, plan)
}

func TestPlanScopeTellsQueriesApart(t *testing.T) {
	t.Parallel()
	a, b := tenant.NewKey("a"), tenant.NewKey("b")
	seen := map[string]tenant.Query{}
	for _, query := range []tenant.Query{
		{}, {Descending: true}, {Index: "city"}, {Prefix: a}, {Prefix: b}, {From: a}, {To: a}, {From: a, To: b}, {From: b, To: a}, {Prefix: tenant.NewKey("ab")}, {Prefix: tenant.NewKey("a", "b")},
	} {
		plan, err := siteSchema.PlanQuery(query)
		require.NoError(t, err)
		require.NotContains(t, seen, plan.Scope)
		seen[plan.Scope] = query
		query.Limit, query.Consistent, query.Cursor = 7, query.Index == "", "x"
		again, err := siteSchema.PlanQuery(query)
		require.NoError(t, err)
		require.Equal(t, plan.Scope, again.Scope)
	}
	other := siteSchema
	other.Entity = "sites"
	plan, err := other.PlanQuery(tenant.Query{})
	require.NoError(t, err)
	require.NotContains(t, seen, plan.Scope)
}

func TestPlanBoundsSelectWhatTheQuerySays(t *testing.T) {
	t.Parallel()
	schema := tenant.Schema[[]string]{
		Entity:  "parts",
		Key:     func(p *[]string) tenant.Key { return tenant.NewKey((*p)...) },
		Indexes: []tenant.Index[[]string]{{Name: "same", Key: func(p *[]string) tenant.Key { return tenant.NewKey((*p)...) }}},
	}
	rapid.Check(t, func(t *rapid.T) {
		value := parts().Draw(t, "value")
		var query tenant.Query
		selected := true
		if rapid.Bool().Draw(t, "with prefix") {
			prefix := parts().Draw(t, "prefix")
			query.Prefix = tenant.NewKey(prefix...)
			selected = selected && len(value) >= len(prefix) && slices.Equal(value[:len(prefix)], prefix)
		}
		if rapid.Bool().Draw(t, "with from") {
			from := parts().Draw(t, "from")
			query.From = tenant.NewKey(from...)
			selected = selected && slices.Compare(value, from) >= 0
		}
		if rapid.Bool().Draw(t, "with to") {
			to := parts().Draw(t, "to")
			query.To = tenant.NewKey(to...)
			selected = selected && slices.Compare(value, to) < 0
		}
		record, err := schema.Record(&value)
		require.NoError(t, err)
		for index, place := range map[string]string{"": record.Key, "same": record.Index[0]} {
			query.Index = index
			plan, err := schema.PlanQuery(query)
			require.NoError(t, err)
			require.Equal(t, selected, place >= plan.From && (plan.To == "" || place < plan.To), "index %q", index)
		}
	})
}

func TestAllReadsToTheEndAndStopsWhenAsked(t *testing.T) {
	t.Parallel()
	sites := memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &siteSchema)
	for i := range 25 {
		_, err := sites.Put(t.Context(), acme, site{Name: string(rune('a' + i))}, tenant.IfAbsent())
		require.NoError(t, err)
	}
	var names strings.Builder
	for item, err := range tenant.All(t.Context(), sites, acme, tenant.Query{Limit: 4}) {
		require.NoError(t, err)
		names.WriteString(item.Value.Name)
	}
	require.Equal(t, "abcdefghijklmnopqrstuvwxy", names.String())
	count := 0
	for _, err := range tenant.All(t.Context(), sites, acme, tenant.Query{Limit: 4}) {
		require.NoError(t, err)
		if count++; count == 6 {
			break
		}
	}
	require.Equal(t, 6, count)
}

func TestAllEndsAfterTheFirstError(t *testing.T) {
	t.Parallel()
	sites := memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &siteSchema)
	for _, name := range []string{"a", "b", "c"} {
		_, err := sites.Put(t.Context(), acme, site{Name: name}, tenant.IfAbsent())
		require.NoError(t, err)
	}
	faulty := tenanttest.Faulty(sites, tenanttest.Script(tenanttest.OpQuery, tenanttest.Fault{}, tenanttest.Fault{Before: tenanttest.ErrFault}))
	var got []string
	for item, err := range tenant.All(context.Background(), faulty, acme, tenant.Query{Limit: 1}) {
		if err != nil {
			require.ErrorIs(t, err, iotenant.ErrUnavailable)
			require.Zero(t, item)
		}
		got = append(got, item.Value.Name)
	}
	require.Equal(t, []string{"a", ""}, got)
}
