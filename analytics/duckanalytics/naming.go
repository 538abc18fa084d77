package duckanalytics

import (
	"fmt"
	"strings"
)

// anonymous begins the name of a column that has none.
const anonymous = "_col#"

// name gives names to the columns of VALUES in a query, and in the queries that
// are its tables; those of a select list have theirs. It keeps all names.
func (r *rewriter) name(query node) {
	r.nameTables(query)
	nameValues(query)
}

// nameTables names those of the queries that are tables, from the leaves up.
func (r *rewriter) nameTables(v any) {
	switch v := v.(type) {
	case node:
		r.know(v["alias"])
		for _, key := range []string{"column_names", "column_name_alias", "aliases"} {
			r.know(listOf(v, key)...)
		}
		for _, child := range v {
			r.nameTables(child)
		}
		switch {
		case v["type"] == "SUBQUERY" && v["class"] == nil:
			nameValues(nodeOf(nodeOf(v, "subquery"), "node"))
		case v["materialized"] != nil:
			nameValues(nodeOf(nodeOf(v, "query"), "node"))
		}
	case []any:
		for _, child := range v {
			r.nameTables(child)
		}
	}
}

// nameValues names the columns of a query alone, if its first part is VALUES.
func nameValues(query node) {
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
	if table := nodeOf(query, "from_table"); textOf(table, "type") == "EXPRESSION_LIST" {
		query["from_table"] = named(table)
	}
}

// named are VALUES whose columns have marks for names.
func named(values node) node {
	var names []any
	if rows := listOf(values, "values"); len(rows) > 0 {
		row, _ := rows[0].([]any)
		for i := range row {
			names = append(names, fmt.Sprint(anonymous, i))
		}
	}
	star := node{"class": "STAR", "type": "STAR", "alias": "", "query_location": 0, "relation_name": "", "columns": false, "expr": nil}
	for _, key := range []string{"exclude_list", "qualified_exclude_list", "rename_list", "replace_list"} {
		star[key] = []any{}
	}
	return subquery(selectNode([]any{star}, values), textOf(values, "alias"), names)
}

// selectNode makes a SELECT of items from a table.
func selectNode(items []any, table node) node {
	return node{
		"type": "SELECT_NODE", "modifiers": []any{}, "cte_map": node{"map": []any{}}, "select_list": items, "from_table": table,
		"where_clause": nil, "group_expressions": []any{}, "group_sets": []any{}, "aggregate_handling": "STANDARD_HANDLING",
		"having": nil, "sample": nil, "qualify": nil,
	}
}

// subquery makes a table of a query.
func subquery(query node, alias any, columns []any) node {
	return node{
		"type": "SUBQUERY", "alias": alias, "sample": nil, "query_location": 0, "column_name_alias": columns,
		"subquery": node{"node": query, "named_param_map": []any{}},
	}
}

// original is the name of a column that DuckDB called name: one of two columns
// of a subquery with the same name gets a number there.
func (r *rewriter) original(name string) string {
	if r.known(name) {
		return name
	}
	cut := strings.LastIndexByte(name, '_')
	if cut < 0 || strings.Trim(name[cut+1:], "0123456789") != "" || cut+1 == len(name) {
		return name
	}
	if base := r.original(name[:cut]); r.known(base) {
		return base
	}
	return name
}

// know keeps names that columns may have in the output.
func (r *rewriter) know(names ...any) {
	if r.names == nil {
		r.names = map[string]bool{}
	}
	for _, name := range names {
		if text, ok := name.(string); ok {
			r.names[strings.ToLower(text)] = true
		}
	}
}

// knowFields keeps the names in a type of DuckDB, such as STRUCT("a" INTEGER).
func (r *rewriter) knowFields(typeName string) {
	all, err := tokens(typeName)
	if err != nil {
		return
	}
	for _, t := range all {
		if t.kind == tokenQuoted {
			r.know(strings.ReplaceAll(t.text[1:len(t.text)-1], `""`, `"`))
		}
	}
}

func (r *rewriter) known(name string) bool { return r.names[strings.ToLower(name)] }
