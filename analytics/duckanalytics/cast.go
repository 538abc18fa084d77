package duckanalytics

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// element is the parameter of the lambdas that rewriting writes.
const element = "presto_element"

var wholeTypes = []string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT"}

// cast rewrites a cast whose operand is rewritten.
func (r *rewriter) cast(n node) (node, error) {
	try, _ := n["try_cast"].(bool)
	to := nodeOf(n, "cast_type")
	switch id := textOf(to, "id"); {
	case id == "VARCHAR":
		if zone := r.zoneOf(n["child"]); zone != nil {
			return r.zonedText(n["child"], zone)
		}
		return r.textOf(n["child"]), nil
	case id == "DATE":
		local, err := r.local(n["child"])
		n["child"] = local
		return n, err
	case strings.HasPrefix(id, "TIMESTAMP"):
		return r.literal(n)
	case slices.Contains(wholeTypes, id):
		n["child"] = r.wholeOf(n["child"], try)
	case id == "LIST" && r.classify(n["child"]) == classArray:
		return r.castArray(n)
	case id == "DECIMAL" && isLiteral(n):
		return decimalLiteral(n), nil
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
	if r.classify(v) == classTimestampTZ {
		return call("strftime", r.withoutZone(v), text(timestampFormat+" "+utc))
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
func (r *rewriter) castArray(n node) (node, error) {
	of := nodeOf(nodeOf(nodeOf(n, "cast_type"), "type_info"), "child_type")
	id := textOf(of, "id")
	if id != "VARCHAR" && !slices.Contains(wholeTypes, id) {
		return n, nil
	}
	each := cast(column(element), id)
	each["try_cast"] = n["try_cast"]
	to, err := r.cast(each)
	return call("list_transform", n["child"], lambda(element, to)), err
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

// isLiteral reports whether a cast was written as DECIMAL '1.50': that has no
// place of its own.
func isLiteral(n node) bool {
	place, _ := n["query_location"].(json.Number)
	_, ok := constantText(n["child"])
	return ok && place == "18446744073709551615"
}

// decimalLiteral has the digits that are written.
func decimalLiteral(n node) node {
	written, _ := constantText(n["child"])
	whole, fraction, _ := strings.Cut(strings.TrimLeft(strings.TrimSpace(written), "+-"), ".")
	if width := len(whole) + len(fraction); width > 0 && width <= maxDecimalDigits && isDigits(whole+fraction) {
		info := nodeOf(nodeOf(n, "cast_type"), "type_info")
		info["width"], info["scale"] = json.Number(strconv.Itoa(width)), json.Number(strconv.Itoa(len(fraction)))
	}
	return n
}

// maxDecimalDigits are those of a decimal of Presto.
const maxDecimalDigits = 38

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }
