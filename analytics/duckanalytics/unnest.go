package duckanalytics

import (
	"fmt"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// unnested is an argument of UNNEST.
type unnested struct {
	arg any
	// known is its type, if that is known.
	known *valueType
	// columns is how many it becomes.
	columns int
}

// unnest turns UNNEST of several values, of maps, and of arrays of rows with a
// name for each field into a subquery. An array of rows with one name gives rows,
// as in statements for Amazon Athena.
func (r *rewriter) unnest(n node) (node, error) {
	names := listOf(n, "column_name_alias")
	ordinality := textOf(n, "with_ordinality") == "WITH_ORDINALITY"
	var all []unnested
	for _, arg := range listOf(nodeOf(n, "function"), "children") {
		all = append(all, unnested{arg: arg, known: r.typeOf(arg), columns: 1})
	}
	if len(names) == 0 {
		names = spreadAll(all)
	} else if err := spreadOver(all, len(names), ordinality); err != nil {
		return nil, err
	}
	if len(all) == 1 && all[0].columns == 1 {
		return n, nil
	}
	items, err := r.unnestedItems(all, ordinality)
	if err != nil {
		return nil, err
	}
	empty := node{"type": "EMPTY", "alias": "", "sample": nil, "query_location": 0}
	to := subquery(selectNode(items, empty), n["alias"], names)
	to["sample"] = n["sample"]
	return to, nil
}

// spreadAll gives each argument the columns that its type has, and returns their
// names if all are named.
func spreadAll(all []unnested) []any {
	names, named := []any{}, true
	for i, u := range all {
		switch {
		case u.isMap():
			all[i].columns, named = 2, false
		case u.isRows():
			all[i].columns = len(u.known.elem.fields)
			for _, field := range u.known.elem.fields {
				names = append(names, field.label)
			}
		default:
			named = false
		}
	}
	if !named {
		return []any{}
	}
	return names
}

// spreadOver gives each argument its columns of so many names: two to a map, and
// what is left to arrays, which are of rows then.
func spreadOver(all []unnested, names int, ordinality bool) error {
	left := names - len(all)
	if ordinality {
		left--
	}
	unknown := 0
	for i, u := range all {
		switch {
		case u.isMap():
			all[i].columns, left = 2, left-1
		case u.known == nil:
			unknown++
		case u.isRows() && left >= len(u.known.elem.fields)-1:
			all[i].columns = len(u.known.elem.fields)
			left -= all[i].columns - 1
		}
	}
	if left <= 0 {
		return nil
	}
	if unknown == 0 || left%unknown != 0 {
		return fmt.Errorf("%w: UNNEST with %d names", analytics.ErrSQL, names)
	}
	for i, u := range all {
		if u.known == nil {
			all[i].columns += left / unknown
		}
	}
	return nil
}

func (u *unnested) isMap() bool { return u.known != nil && u.known.kind == kindMap }

func (u *unnested) isRows() bool {
	return u.known != nil && u.known.kind == kindArray && u.known.elem != nil && u.known.elem.kind == kindRow && len(u.known.elem.fields) > 0
}

// unnestedItems are the columns of the subquery.
func (r *rewriter) unnestedItems(all []unnested, ordinality bool) ([]any, error) {
	var items, lengths []any
	for i := range all {
		u := &all[i]
		first := len(items)
		asMap := u.isMap()
		if u.known == nil && u.columns == 2 {
			r.guessed = true
			asMap = r.guessMaps
		}
		for column := range u.columns {
			arg, err := r.copied(u.arg)
			if err != nil {
				return nil, err
			}
			switch {
			case asMap && column == 0:
				items = append(items, call("unnest", call("map_keys", arg)))
			case asMap:
				items = append(items, call("unnest", call("map_values", arg)))
			case u.columns > 1:
				items = append(items, call("struct_extract_at", call("unnest", arg), integer(column+1)))
			default:
				items = append(items, call("unnest", arg))
			}
		}
		length := u.arg
		if asMap {
			length = clone(listOf(items[first].(node), "children")[0])
		}
		lengths = append(lengths, call("len", length))
	}
	if ordinality {
		items = append(items, call("unnest", call("generate_series", integer(1), call("greatest", lengths...))))
	}
	return items, nil
}

// typeOf is what is known of the type of a rewritten expression, as far as UNNEST
// needs it: nil if nothing is.
func (r *rewriter) typeOf(v any) *valueType {
	n, _ := v.(node)
	switch textOf(n, "class") {
	case "COLUMN_REF":
		return r.typeOfColumn(listOf(n, "column_names"))
	case "CAST":
		return typeOfCast(nodeOf(n, "cast_type"))
	case "OPERATOR":
		if n["type"] == "ARRAY_CONSTRUCTOR" {
			return r.arrayOf(listOf(n, "children"))
		}
	case "LAMBDA":
		return r.typeOf(n["expr"])
	case "FUNCTION":
		return r.typeOfCall(textOf(n, "function_name"), listOf(n, "children"))
	}
	return nil
}

// typeOfColumn follows a path: of a column, a column and fields, or with a table
// before it.
func (r *rewriter) typeOfColumn(names []any) *valueType {
	table := ""
	for start := range min(2, len(names)) {
		name, _ := names[start].(string)
		name = strings.ToLower(name)
		column, _ := r.scope.find(table, name)
		t := column.known
		table = name
		for _, next := range names[start+1:] {
			t = t.field(next)
		}
		if t != nil {
			return t
		}
	}
	return nil
}

func (t *valueType) field(name any) *valueType {
	text, _ := name.(string)
	if t == nil || t.kind != kindRow {
		return nil
	}
	for i := range t.fields {
		if strings.EqualFold(t.fields[i].name, text) {
			return &t.fields[i].valueType
		}
	}
	return nil
}

func typeOfCast(to node) *valueType {
	info := nodeOf(to, "type_info")
	switch textOf(to, "id") {
	case "MAP":
		return &valueType{kind: kindMap}
	case "LIST":
		return &valueType{kind: kindArray, elem: typeOfCast(nodeOf(info, "child_type"))}
	case "STRUCT":
		t := &valueType{kind: kindRow}
		for i, child := range listOf(info, "child_types") {
			field, _ := child.(node)
			inner := typeOfCast(nodeOf(field, "second"))
			if inner == nil {
				inner = &valueType{}
			}
			t.fields = append(t.fields, structField{name: textOf(field, "first"), label: labelOf(textOf(field, "first"), i), valueType: *inner})
		}
		return t
	case "", "UNBOUND":
		return nil
	}
	return &valueType{}
}

func (r *rewriter) arrayOf(elements []any) *valueType {
	t := &valueType{kind: kindArray}
	if len(elements) > 0 {
		t.elem = r.typeOf(elements[0])
	}
	return t
}

func (r *rewriter) typeOfCall(name string, args []any) *valueType {
	switch {
	case resultClasses[name] == classMap:
		return &valueType{kind: kindMap}
	case len(args) == 0:
		return nil
	}
	switch name {
	case "struct_pack":
		t := &valueType{kind: kindRow}
		for i, arg := range args {
			n, _ := arg.(node)
			inner := r.typeOf(arg)
			if inner == nil {
				inner = &valueType{}
			}
			t.fields = append(t.fields, structField{name: textOf(n, "alias"), label: labelOf(textOf(n, "alias"), i), valueType: *inner})
		}
		return t
	case "list_value":
		return r.arrayOf(args)
	case "list", "array_agg":
		return r.arrayOf(args[:1])
	case "list_transform":
		return r.arrayOf(args[1:])
	case "list_filter", "list_reverse", "presto_array_sort", "presto_array_distinct", "presto_slice":
		return r.typeOf(args[0])
	case "generate_series", "presto_sequence", "presto_sequence_of_times", "string_split", "map_keys":
		return &valueType{kind: kindArray, elem: &valueType{}}
	}
	return nil
}
