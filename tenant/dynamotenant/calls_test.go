package dynamotenant_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// docOf returns the comment of a package or of a type in a file of it.
func docOf(t *testing.T, file, typeName string) string {
	t.Helper()
	syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	require.NoError(t, err)
	for _, declaration := range syntax.Decls {
		if general, ok := declaration.(*ast.GenDecl); ok {
			for _, spec := range general.Specs {
				if declared, ok := spec.(*ast.TypeSpec); ok && declared.Name.Name == typeName {
					return general.Doc.Text()
				}
			}
		}
	}
	require.Empty(t, typeName, "no such type in %s", file)
	return syntax.Doc.Text()
}

// documentedCalls returns the operation that each method calls, from a comment
// with lines of the form "\tMethod: Operation …".
func documentedCalls(doc string) map[string]string {
	calls := map[string]string{}
	for _, found := range regexp.MustCompile(`(?m)^\t(\w+): +(\w+)`).FindAllStringSubmatch(doc, -1) {
		calls[found[1]] = found[2]
	}
	return calls
}

func repeated(operation string, times int) (calls []string) {
	for range times {
		calls = append(calls, operation)
	}
	return calls
}

func TestEachMethodMakesTheDocumentedCalls(t *testing.T) {
	t.Parallel()
	documented := documentedCalls(docOf(t, "doc.go", ""))
	f := newFake()
	store := newStore(f)
	r := dynamotenant.NewRepository(store, &siteSchema)
	ctx, key := t.Context(), tenant.NewKey("north")
	var keys []tenant.Key
	var writes []tenant.Write[site]
	for i := range 201 {
		keys = append(keys, tenant.NewKey(fmt.Sprint(i)))
		writes = append(writes, tenant.PutWrite(site{Name: fmt.Sprint(i)}))
	}
	require.Empty(t, f.called(), "the constructors call nothing")
	for _, call := range []struct {
		method string
		times  int
		do     func() error
	}{
		{"Put", 1, func() error { _, err := r.Put(ctx, acme, site{Name: "north"}, tenant.IfAbsent()); return err }},
		{"Get", 1, func() error { _, err := r.Get(ctx, acme, key, tenant.Consistent); return err }},
		{"Query", 1, func() error { _, err := r.Query(ctx, acme, tenant.Query{}); return err }},
		{"Delete", 1, func() error { return r.Delete(ctx, acme, key, tenant.IfPresent()) }},
		{"BatchWrite", 9, func() error { _, err := r.BatchWrite(ctx, acme, writes); return err }},
		{"BatchGet", 3, func() error { _, err := r.BatchGet(ctx, acme, append(keys, keys...)); return err }},
		{"Transact", 1, func() error {
			_, err := store.Transact(ctx, acme, tenant.PutOp(&siteSchema, site{Name: "n"}, tenant.Always()),
				tenant.DeleteOp(&siteSchema, key, tenant.Always()), tenant.CheckOp(&siteSchema, key, tenant.IfAbsent()))
			require.ErrorIs(t, err, tenant.ErrTransaction, "refused without a call")
			_, err = store.Transact(ctx, acme, tenant.PutOp(&siteSchema, site{Name: "n"}, tenant.Always()), tenant.CheckOp(&siteSchema, key, tenant.IfAbsent()))
			return err
		}},
	} {
		require.NoError(t, call.do(), call.method)
		require.Equal(t, repeated(documented[call.method], call.times), f.called(), call.method)
		delete(documented, call.method)
	}
	require.Empty(t, documented, "documented and not called")
}

func TestNothingIsCalledForNothing(t *testing.T) {
	t.Parallel()
	f := newFake()
	r := sites(f)
	items, err := r.BatchGet(t.Context(), acme, nil)
	require.NoError(t, err)
	require.Empty(t, items)
	versions, err := r.BatchWrite(t.Context(), acme, nil)
	require.NoError(t, err)
	require.Empty(t, versions)
	page, err := r.Query(t.Context(), acme, tenant.Query{From: tenant.NewKey("b"), To: tenant.NewKey("a")})
	require.NoError(t, err)
	require.Empty(t, page)
	require.Empty(t, f.called())
}

func TestGrowingTenantsMakeTheDocumentedCalls(t *testing.T) {
	t.Parallel()
	f := newFake()
	before := sites(f, sharded(1, 0))
	store := newStore(f, sharded(2, 1))
	r := dynamotenant.NewRepository(store, &siteSchema)
	ctx := t.Context()
	var movers []string // items that belong into the second shard
	for i := range 40 {
		name := fmt.Sprint(i)
		_, err := before.Put(ctx, acme, site{Name: name}, tenant.Always())
		require.NoError(t, err)
		f.called()
		_, err = r.Get(ctx, acme, tenant.NewKey(name))
		require.NoError(t, err)
		if len(f.called()) > 1 {
			movers = append(movers, name)
		}
	}
	require.Greater(t, len(movers), 10)
	key := func(i int) tenant.Key { return tenant.NewKey(movers[i]) }
	put := func(i int) error { _, err := r.Put(ctx, acme, site{Name: movers[i]}, tenant.IfPresent()); return err }
	for _, call := range []struct {
		what string
		want string
		do   func() error
	}{
		{"Get of the old shard", "GetItem GetItem", func() error { _, err := r.Get(ctx, acme, key(0)); return err }},
		{"Put that moves", "GetItem TransactWriteItems PutItem", func() error { return put(0) }},
		{"Get of the new shard", "GetItem", func() error { _, err := r.Get(ctx, acme, key(0)); return err }},
		{"Put of what has moved", "GetItem PutItem", func() error { return put(0) }},
		{"Delete that moves", "GetItem TransactWriteItems DeleteItem", func() error { return r.Delete(ctx, acme, key(1), tenant.IfPresent()) }},
		{"Get of nothing", "GetItem GetItem GetItem", func() error {
			_, err := r.Get(ctx, acme, key(1))
			require.ErrorIs(t, err, tenant.ErrNotFound)
			return nil
		}},
		{"BatchGet", "BatchGetItem BatchGetItem BatchGetItem", func() error {
			items, err := r.BatchGet(ctx, acme, []tenant.Key{key(0), key(1), key(2)})
			require.NotZero(t, items[0].Version)
			require.Zero(t, items[1].Version)
			require.NotZero(t, items[2].Version)
			return err
		}},
		{"BatchWrite", "BatchGetItem TransactWriteItems BatchWriteItem", func() error {
			_, err := r.BatchWrite(ctx, acme, []tenant.Write[site]{tenant.PutWrite(site{Name: movers[3]}), tenant.DeleteWrite[site](key(0))})
			return err
		}},
		{"Transact", "BatchGetItem TransactWriteItems TransactWriteItems", func() error {
			_, err := store.Transact(ctx, acme, tenant.DeleteOp(&siteSchema, key(4), tenant.IfPresent()), tenant.CheckOp(&siteSchema, key(0), tenant.IfAbsent()))
			return err
		}},
		{"Query", "Query Query", func() error { _, err := r.Query(ctx, acme, tenant.Query{}); return err }},
	} {
		require.NoError(t, call.do(), call.what)
		require.Equal(t, call.want, strings.Join(f.called(), " "), call.what)
	}
}

func TestLeastStatementFitsTheInterface(t *testing.T) {
	t.Parallel()
	doc := docOf(t, "api.go", "API")
	var statement struct {
		Effect    string
		Action    []string
		Resource  []string
		Condition map[string]map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(doc[strings.Index(doc, "{"):strings.LastIndex(doc, "}")+1]), &statement))
	var want []string
	api := reflect.TypeFor[dynamotenant.API]()
	for method := range api.Methods() {
		action := method.Name
		if action == "TransactWriteItems" { // has no permission of its own, but each check has
			action = "ConditionCheckItem"
		}
		want = append(want, "dynamodb:"+action)
	}
	require.ElementsMatch(t, want, statement.Action)
	require.Equal(t, "Allow", statement.Effect)
	require.Len(t, statement.Resource, 2)
	require.Equal(t, map[string]any{"dynamodb:LeadingKeys": []any{"TENANT#${aws:PrincipalTag/TenantID}#*"}}, statement.Condition["ForAllValues:StringLike"])
	require.Equal(t, map[string]any{"dynamodb:LeadingKeys": "false", "aws:PrincipalTag/TenantID": "false"}, statement.Condition["Null"])
	require.Len(t, statement.Condition, 2)
}
