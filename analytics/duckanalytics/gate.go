package duckanalytics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// Bounds of a tree.
const (
	maxDepth = 600
	maxNodes = 100_000
)

// gate looks at every node of a statement and lets pass what is known to be
// harmless: what it does not know is refused.
type gate struct {
	// functions tells whether a function, aggregate or operator may be called.
	functions func(name string) bool
	// with allows WITH.
	with bool
	// written is a statement that nothing has rewritten: what only DuckDB has is
	// refused.
	written bool

	nodes  int
	tables []wire.TableName
	// bound are names of WITH.
	bound map[string]bool
}

var (
	expressionClasses = []string{
		"BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA",
		"OPERATOR", "STAR", "SUBQUERY", "WINDOW",
	}
	operatorTypes = []string{
		"OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE", "OPERATOR_NULLIF", "OPERATOR_TRY",
		"COMPARE_IN", "COMPARE_NOT_IN", "ARRAY_EXTRACT", "ARRAY_CONSTRUCTOR", "STRUCT_EXTRACT", "GROUPING_FUNCTION",
	}
	otherTypes = []string{
		"SELECT_NODE", "SET_OPERATION_NODE", "SUBQUERY", "EMPTY", "EXPRESSION_LIST",
		"ORDER_MODIFIER", "LIMIT_MODIFIER", "DISTINCT_MODIFIER",
		"DECIMAL_TYPE_INFO", "LIST_TYPE_INFO", "STRUCT_TYPE_INFO", "UNBOUND_TYPE_INFO", "GENERIC_TYPE_INFO",
		// of an order
		"ASCENDING", "DESCENDING", "ORDER_DEFAULT",
	}
	// typeNames are those of types that the parser leaves open.
	typeNames = []string{"json", "varbinary", "blob", "varchar", "string", "map"}
)

// check looks at a whole statement.
func (g *gate) check(statement node) error {
	if kind := textOf(nodeOf(statement, "node"), "type"); kind != "SELECT_NODE" && kind != "SET_OPERATION_NODE" {
		return fmt.Errorf("%w: want a SELECT", analytics.ErrSQL)
	}
	g.bound = map[string]bool{}
	return g.visit(statement, 0)
}

func (g *gate) visit(v any, depth int) error {
	switch v := v.(type) {
	case node:
		if g.nodes++; g.nodes > maxNodes {
			return fmt.Errorf("%w: it has more than %d parts", analytics.ErrSQL, maxNodes)
		}
		if depth > maxDepth {
			return fmt.Errorf("%w: it has more than %d levels", analytics.ErrSQL, maxDepth)
		}
		if err := g.look(v); err != nil {
			return err
		}
		for key, child := range v {
			// A value is data, and its keys say nothing.
			if key == "value" && v["class"] == "CONSTANT" {
				continue
			}
			if err := g.visit(child, depth+1); err != nil {
				return err
			}
		}
	case []any:
		for _, child := range v {
			if err := g.visit(child, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// look decides about one node, without those below it.
func (g *gate) look(n node) error {
	if g.written {
		if err := foreign(n); err != nil {
			return err
		}
	}
	if class, ok := n["class"].(string); ok {
		return g.expression(n, class)
	}
	switch kind, ok := n["type"].(string); {
	case !ok:
		return g.untyped(n)
	case kind == "BASE_TABLE":
		return g.table(n)
	case kind == "TABLE_FUNCTION":
		if function := nodeOf(n, "function"); textOf(function, "function_name") != "unnest" || textOf(function, "class") != "FUNCTION" {
			return refuse("the table function " + textOf(function, "function_name"))
		}
		return nil
	case kind == "JOIN":
		if how := textOf(n, "ref_type"); !slices.Contains([]string{"REGULAR", "CROSS", "NATURAL"}, how) {
			return refuse(how + " JOIN")
		}
		if how := textOf(n, "join_type"); !slices.Contains([]string{"INNER", "LEFT", "RIGHT", "OUTER"}, how) {
			return refuse(how + " JOIN")
		}
		return nil
	case kind == "UNBOUND_TYPE_INFO":
		if name := strings.ToLower(textOf(n, "name")); !slices.Contains(typeNames, name) {
			return refuse("the type " + name)
		}
		return nil
	case !slices.Contains(otherTypes, kind):
		return refuse(kind)
	}
	return nil
}

func (g *gate) untyped(n node) error {
	if parameters := listOf(n, "named_param_map"); len(parameters) > 0 {
		return refuse("a parameter")
	}
	if list, ok := n["map"].([]any); ok && len(list) > 0 {
		if !g.with {
			return refuse("WITH")
		}
		for _, entry := range list {
			cte, _ := entry.(node)
			g.bound[strings.ToLower(textOf(cte, "key"))] = true
		}
	}
	return nil
}

func (g *gate) expression(n node, class string) error {
	if !slices.Contains(expressionClasses, class) {
		return refuse(class)
	}
	switch class {
	case "FUNCTION", "WINDOW":
		name := strings.ToLower(textOf(n, "function_name"))
		if schema := textOf(n, "schema"); schema != "" && schema != "main" || textOf(n, "catalog") != "" {
			return refuse("the function " + schema + "." + name)
		}
		if !g.functions(name) {
			return refuse("the function " + name)
		}
	case "OPERATOR":
		if kind := textOf(n, "type"); !slices.Contains(operatorTypes, kind) {
			return refuse(kind)
		}
	case "STAR":
		if columns, _ := n["columns"].(bool); columns || n["expr"] != nil {
			return refuse("COLUMNS")
		}
		for _, key := range []string{"exclude_list", "replace_list", "rename_list", "qualified_exclude_list"} {
			if len(listOf(n, key)) > 0 {
				return refuse("* with EXCLUDE, REPLACE or RENAME")
			}
		}
	}
	return nil
}

func (g *gate) table(n node) error {
	if textOf(n, "catalog_name") != "" {
		return refuse("a table in a catalog")
	}
	if n["at_clause"] != nil {
		return refuse("AT")
	}
	name := wire.TableName{Schema: strings.ToLower(textOf(n, "schema_name")), Name: strings.ToLower(textOf(n, "table_name"))}
	if !slices.Contains(g.tables, name) {
		g.tables = append(g.tables, name)
	}
	return nil
}

func refuse(what string) error {
	return fmt.Errorf("%w: %s is not open to a data set", analytics.ErrSQL, what)
}

// stores are the tables that are not of WITH.
func (g *gate) stores() []wire.TableName {
	return slices.DeleteFunc(slices.Clone(g.tables), func(t wire.TableName) bool { return t.Schema == "" && g.bound[t.Name] })
}
