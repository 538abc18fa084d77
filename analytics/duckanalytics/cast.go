package duckanalytics

import "slices"

// element is the parameter of the lambdas that rewriting writes.
const element = "presto_one"

var wholeTypes = []string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT"}

// cast rewrites a cast whose operand is rewritten.
func (r *rewriter) cast(n node) (node, error) {
	try, _ := n["try_cast"].(bool)
	to := nodeOf(n, "cast_type")
	switch id := textOf(to, "id"); {
	case id == "VARCHAR":
		return r.textOf(n["child"]), nil
	case slices.Contains(wholeTypes, id):
		n["child"] = r.wholeOf(n["child"], try)
	case id == "LIST" && r.classify(n["child"]) == classArray:
		return r.castArray(n), nil
	case isJSON(to):
		return r.jsonOf(n), nil
	}
	return n, nil
}

// textOf writes a value as Presto does: 1.0E7, 2026-01-10 00:00:00.000.
func (r *rewriter) textOf(v any) node {
	switch r.classify(v) {
	case classInteger, classDecimal, classDate, classText:
		return cast(v, "VARCHAR")
	case classTimestamp:
		return call("strftime", v, text(timestampFormat))
	}
	return r.macro("presto_text", v)
}

// wholeOf rounds what may be a double half up, where DuckDB would round to even.
func (r *rewriter) wholeOf(v any, try bool) any {
	switch r.classify(v) {
	case classDouble:
		return call("round", v)
	case classUnknown:
		if try {
			return r.macro("presto_try_whole", v)
		}
		return r.macro("presto_whole", v)
	}
	return v
}

// castArray casts each element, if that differs from what DuckDB does.
func (r *rewriter) castArray(n node) node {
	of := nodeOf(nodeOf(nodeOf(n, "cast_type"), "type_info"), "child_type")
	id := textOf(of, "id")
	if id != "VARCHAR" && !slices.Contains(wholeTypes, id) {
		return n
	}
	each := cast(column(element), id)
	each["try_cast"] = n["try_cast"]
	to, _ := r.cast(each)
	return call("list_transform", n["child"], lambda(element, to))
}

// jsonOf makes a row an array, as Presto does.
func (r *rewriter) jsonOf(n node) node {
	switch r.classify(n["child"]) {
	case classUnknown, classOther:
		n["child"] = r.macro("presto_row_values", n["child"])
	}
	return n
}

func isJSON(castType node) bool {
	return textOf(castType, "id") == "UNBOUND" && textOf(nodeOf(castType, "type_info"), "name") == "json"
}
