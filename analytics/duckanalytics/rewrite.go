package duckanalytics

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// rewriter turns what a statement says in Presto into what says the same in
// DuckDB. The tree that it gets has passed the gate.
type rewriter struct {
	now time.Time
	// tables are the columns of the data stores.
	tables map[wire.TableName]outputs
	// scope is that of what is rewritten.
	scope *scope
	// names are those that columns may have in the output.
	names map[string]bool
	// macros are those that the statement needs.
	macros map[string]bool
	// guessed: something may be a map or an array of rows. It is a map if
	// guessMaps is set.
	guessed, guessMaps bool
	// pairs counts lambdas of a row in place of two parameters.
	pairs int
	// zones are those of columns of the output.
	zones []outputZone
	// grown counts the nodes that are copied.
	grown float64
}

// maxGrown bounds how many nodes are copied.
const maxGrown = 20_000

// statement rewrites a whole statement and names its output.
func (r *rewriter) statement(statement node) (node, error) {
	if _, err := r.query(nodeOf(statement, "node")); err != nil {
		return nil, err
	}
	r.name(nodeOf(statement, "node"))
	return statement, nil
}

// clocks are the places in the output of current_time, which has a zone there. It
// has none elsewhere, as DuckDB compares no time with one that has.
func (r *rewriter) clocks(query node) (places []int) {
	for i, item := range listOf(query, "select_list") {
		n, _ := item.(node)
		names := listOf(n, "column_names")
		if len(names) != 1 {
			continue
		}
		name, _ := names[0].(string)
		if _, known := r.scope.find("", strings.ToLower(name)); !known && strings.EqualFold(name, "current_time") {
			places = append(places, i)
		}
	}
	return places
}

// rewrite works from the leaves up.
func (r *rewriter) rewrite(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		for i, child := range v {
			to, err := r.rewrite(child)
			if err != nil {
				return nil, err
			}
			v[i] = to
		}
		return v, nil
	case node:
		return r.node(v)
	}
	return v, nil
}

func (r *rewriter) node(n node) (any, error) {
	if n["class"] == "CONSTANT" {
		return double(n), nil
	}
	if n["class"] == "CAST" && textOf(nodeOf(n, "cast_type"), "id") == "STRUCT" && isRow(n["child"]) {
		// A cast names the fields itself.
		child := nodeOf(n, "child")
		children, err := r.rewrite(child["children"])
		if err != nil {
			return nil, err
		}
		child["children"] = children
		return n, nil
	}
	switch n["type"] {
	case "SELECT_NODE", "SET_OPERATION_NODE":
		_, err := r.query(n)
		return n, err
	case "LAMBDA":
		return n, r.lambda(n)
	}
	if err := r.rewriteBut(n); err != nil {
		return nil, err
	}
	switch n["class"] {
	case "FUNCTION":
		return r.renamed(n, r.function)
	case "WINDOW":
		return r.renamed(n, r.window)
	case "COLUMN_REF":
		return r.renamed(n, r.reference)
	case "CAST":
		return r.renamed(n, r.cast)
	case "COMPARISON":
		return r.alike(n, "left", "right"), nil
	case "BETWEEN":
		return r.alike(n, "input", "lower", "upper"), nil
	}
	if n["type"] == "ARRAY_EXTRACT" {
		return r.renamed(n, r.subscript)
	}
	if err := sampled(n); err != nil {
		return nil, err
	}
	if n["type"] == "TABLE_FUNCTION" {
		return r.unnest(n)
	}
	return n, nil
}

// double keeps 1e7 a double, which would be written, and read again, as a
// decimal.
func double(n node) node {
	value := nodeOf(n, "value")
	number, ok := value["value"].(json.Number)
	if !ok || textOf(nodeOf(value, "type"), "id") != "DOUBLE" {
		return n
	}
	to := cast(text(number.String()), "DOUBLE")
	to["alias"] = n["alias"]
	return to
}

// renamed keeps the alias of what is rewritten.
func (*rewriter) renamed(n node, rewrite func(node) (node, error)) (any, error) {
	alias := textOf(n, "alias")
	to, err := rewrite(n)
	if err != nil {
		return nil, err
	}
	to["alias"] = alias
	return to, nil
}

// reference puts the time of the run in place of its names.
func (r *rewriter) reference(n node) (node, error) {
	names := listOf(n, "column_names")
	if len(names) != 1 {
		return n, nil
	}
	name, _ := names[0].(string)
	if _, known := r.scope.find("", strings.ToLower(name)); known {
		return n, nil
	}
	if at := r.clock(strings.ToLower(name)); at != nil {
		return at, nil
	}
	return n, nil
}

// clock is what a name of a time says at the time of the run.
func (r *rewriter) clock(name string) node {
	at := r.now.UTC()
	switch name {
	case "current_timestamp":
		return cast(text(at.Format("2006-01-02 15:04:05.000")+"+00"), "TIMESTAMP WITH TIME ZONE")
	case "localtimestamp":
		return cast(text(at.Format("2006-01-02 15:04:05.000")), "TIMESTAMP")
	case "current_date":
		return cast(text(at.Format(time.DateOnly)), "DATE")
	case "current_time", "localtime":
		return cast(text(at.Format("15:04:05.000")), "TIME")
	}
	return nil
}

// function rewrites a call whose arguments are rewritten.
func (r *rewriter) function(n node) (node, error) {
	name := strings.ToLower(textOf(n, "function_name"))
	args := listOf(n, "children")
	rule, known := functionRules[name]
	if !known {
		return nil, unknownFunction(name)
	}
	if err := rule.count(name, args); err != nil {
		return nil, err
	}
	if rule.aggregate != nil {
		return rule.aggregate(r, n)
	}
	if rule.rewrite != nil {
		if filtered(n) {
			return nil, fmt.Errorf("%w: the function %s with DISTINCT, FILTER or ORDER BY", analytics.ErrSQL, name)
		}
		return rule.rewrite(r, args)
	}
	if rule.to != "" {
		n["function_name"] = rule.to
		r.use(rule.to)
	}
	if len(args) == 1 && slices.Contains(localFunctions, textOf(n, "function_name")) {
		local, err := r.local(args[0])
		args[0] = local
		return n, err
	}
	return n, nil
}

// count wants as many arguments as the function has.
func (f functionRule) count(name string, args []any) error {
	if f.maxArgs >= 0 && (len(args) < f.minArgs || len(args) > f.maxArgs) {
		return fmt.Errorf("%w: the function %s with %d arguments", analytics.ErrSQL, name, len(args))
	}
	return nil
}

func filtered(n node) bool {
	distinct, _ := n["distinct"].(bool)
	return distinct || n["filter"] != nil || len(listOf(nodeOf(n, "order_bys"), "orders")) > 0
}

func (r *rewriter) use(name string) {
	if _, ok := macros[name]; ok {
		r.macros[name] = true
	}
}

// macro makes a call of a macro.
func (r *rewriter) macro(name string, args ...any) node {
	r.use(name)
	return call(name, args...)
}

// window rewrites an aggregate with OVER.
func (r *rewriter) window(n node) (node, error) {
	name := strings.ToLower(textOf(n, "function_name"))
	if slices.Contains(windowFunctions, name) {
		return n, nil
	}
	rule, known := functionRules[name]
	switch {
	case !known:
		return nil, unknownFunction(name)
	case rule.aggregate != nil:
		if err := rule.count(name, listOf(n, "children")); err != nil {
			return nil, err
		}
		return rule.aggregate(r, n)
	case rule.rewrite != nil || strings.HasPrefix(rule.to, macroPrefix):
		return nil, fmt.Errorf("%w: the function %s with OVER", analytics.ErrSQL, name)
	case rule.to != "":
		n["function_name"] = rule.to
	}
	return n, nil
}

// copied is a copy of an argument that stands at a second place.
func (r *rewriter) copied(v any) (any, error) {
	nodes, _ := weigh(v)
	if r.grown += nodes; r.grown > maxGrown {
		return nil, errNested
	}
	return clone(v), nil
}

func isRow(v any) bool {
	n, _ := v.(node)
	return textOf(n, "class") == "FUNCTION" && textOf(n, "function_name") == "row"
}

func unknownFunction(name string) error {
	if slices.Contains(missingFunctions, name) {
		return fmt.Errorf("%w: the function %s of Presto is not supported here", analytics.ErrSQL, name)
	}
	return refuse("the function " + name)
}
