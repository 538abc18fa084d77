package duckanalytics

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics"
)

// anonymous begins the alias of an output column without a name.
const anonymous = "_col#"

// rewriter turns what a statement says in Presto into what says the same in
// DuckDB. The tree that it gets has passed the gate.
type rewriter struct {
	now time.Time
	// columns are the types of the columns of all tables, by name; a name with
	// several types is unknown.
	columns map[string]class
	// macros are those that the statement needs.
	macros map[string]bool
	// zones are those of columns of the output.
	zones []outputZone
	// grown counts what is copied.
	grown int
}

// maxGrown bounds how many subtrees are copied.
const maxGrown = 4096

// statement rewrites a whole statement and names its output.
func (r *rewriter) statement(statement node) (node, error) {
	clocks := r.clocks(nodeOf(statement, "node"))
	rewritten, err := r.rewrite(statement)
	if err != nil {
		return nil, err
	}
	statement, _ = rewritten.(node)
	query := nodeOf(statement, "node")
	for _, i := range clocks {
		items := listOf(query, "select_list")
		items[i] = cast(items[i], "TIME WITH TIME ZONE")
	}
	r.zones = r.outputZones(query)
	name(query)
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
		if _, known := r.columns[strings.ToLower(name)]; !known && strings.EqualFold(name, "current_time") {
			places = append(places, i)
		}
	}
	return places
}

// name gives names to the output columns of a query: the alias, the name of a
// column in lower case, or a mark for _colN.
func name(query node) {
	for textOf(query, "type") == "SET_OPERATION_NODE" {
		left := nodeOf(query, "left")
		if left == nil {
			children := listOf(query, "children")
			if len(children) == 0 {
				return
			}
			left, _ = children[0].(node)
		}
		query = left
	}
	for i, item := range listOf(query, "select_list") {
		n, _ := item.(node)
		if textOf(n, "alias") != "" || textOf(n, "class") == "STAR" {
			continue
		}
		if n["prestoName"] == nil && textOf(n, "class") == "COLUMN_REF" {
			names := listOf(n, "column_names")
			last, _ := names[len(names)-1].(string)
			n["alias"] = strings.ToLower(last)
			continue
		}
		n["alias"] = fmt.Sprint(anonymous, i)
	}
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
	for key, child := range n {
		if key == "lhs" {
			continue // the parameters of a lambda
		}
		to, err := r.rewrite(child)
		if err != nil {
			return nil, err
		}
		n[key] = to
	}
	switch n["class"] {
	case "FUNCTION":
		return r.renamed(n, r.function)
	case "WINDOW":
		return r.window(n)
	case "COLUMN_REF":
		return r.renamed(n, r.reference)
	case "CAST":
		return r.renamed(n, r.cast)
	case "COMPARISON":
		return r.alike(n, "left", "right"), nil
	case "BETWEEN":
		return r.alike(n, "input", "lower", "upper"), nil
	}
	switch n["type"] {
	case "TABLE_FUNCTION":
		return unnest(n)
	case "BASE_TABLE":
		return r.sampled(n)
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
	if _, known := r.columns[strings.ToLower(name)]; known {
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
	if rule.maxArgs >= 0 && (len(args) < rule.minArgs || len(args) > rule.maxArgs) {
		return nil, fmt.Errorf("%w: the function %s with %d arguments", analytics.ErrSQL, name, len(args))
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
func (r *rewriter) window(n node) (any, error) {
	name := strings.ToLower(textOf(n, "function_name"))
	if slices.Contains(windowFunctions, name) {
		return n, nil
	}
	rule, known := functionRules[name]
	switch {
	case !known:
		return nil, unknownFunction(name)
	case rule.rewrite != nil || strings.HasPrefix(rule.to, macroPrefix):
		return nil, fmt.Errorf("%w: the function %s with OVER", analytics.ErrSQL, name)
	case rule.to != "":
		n["function_name"] = rule.to
	}
	return n, nil
}

// sampled reads the number of TABLESAMPLE BERNOULLI as the percentage that it
// is.
func (*rewriter) sampled(n node) (any, error) {
	if sample := nodeOf(n, "sample"); sample != nil {
		sample["is_percentage"] = true
		value := nodeOf(sample, "sample_size")
		number, _ := value["value"].(json.Number)
		percent, err := number.Float64()
		if err != nil || percent < 0 || percent > 100 {
			return nil, fmt.Errorf("%w: TABLESAMPLE of %q percent", analytics.ErrSQL, number)
		}
		value["type"] = node{"id": "DOUBLE", "type_info": nil}
		value["value"] = percent
	}
	return n, nil
}

// copied is a copy of an argument that stands at a second place.
func (r *rewriter) copied(v any) (any, error) {
	if r.grown++; r.grown > maxGrown {
		return nil, fmt.Errorf("%w: too many calls inside calls", analytics.ErrSQL)
	}
	return clone(v), nil
}

// unnest turns UNNEST of several arrays, or of a map, into a subquery.
func unnest(n node) (any, error) {
	args := listOf(nodeOf(n, "function"), "children")
	columns := listOf(n, "column_name_alias")
	if len(args) == 1 && len(columns) == 2 && textOf(n, "with_ordinality") != "WITH_ORDINALITY" {
		args = []any{call("map_keys", args[0]), call("map_values", clone(args[0]))}
	}
	if len(args) < 2 {
		return n, nil
	}
	if textOf(n, "with_ordinality") == "WITH_ORDINALITY" {
		return nil, refuse("UNNEST of several values WITH ORDINALITY")
	}
	var items []any
	for _, arg := range args {
		items = append(items, call("unnest", arg))
	}
	query := node{
		"type": "SELECT_NODE", "modifiers": []any{}, "cte_map": node{"map": []any{}}, "select_list": items,
		"from_table":   node{"type": "EMPTY", "alias": "", "sample": nil, "query_location": 0},
		"where_clause": nil, "group_expressions": []any{}, "group_sets": []any{}, "aggregate_handling": "STANDARD_HANDLING",
		"having": nil, "sample": nil, "qualify": nil,
	}
	return node{
		"type": "SUBQUERY", "alias": n["alias"], "sample": nil, "query_location": 0, "column_name_alias": columns,
		"subquery": node{"node": query, "named_param_map": []any{}},
	}, nil
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
