package duckanalytics

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// lambdaFunctions take lambdas of two parameters where DuckDB has one.
var lambdaFunctions = map[string]functionRule{
	"zip_with":         {rewrite: zipWith, minArgs: 3, maxArgs: 3},
	"map_filter":       {rewrite: mapFilter, minArgs: 2, maxArgs: 2},
	"transform_keys":   {rewrite: transformEntries("key"), minArgs: 2, maxArgs: 2},
	"transform_values": {rewrite: transformEntries("value"), minArgs: 2, maxArgs: 2},
	"map_entries":      {rewrite: mapEntries, minArgs: 1, maxArgs: 1},
}

// pair makes a lambda of two parameters one of a row. It returns its parameter,
// and its body.
func (r *rewriter) pair(function string, v any, first, second string) (parameter string, body any, err error) {
	n, _ := v.(node)
	names := parameters(n)
	if textOf(n, "class") != "LAMBDA" || len(names) != 2 || names[0] == names[1] {
		return "", nil, fmt.Errorf("%w: the function %s needs a lambda of two parameters", analytics.ErrSQL, function)
	}
	r.pairs++
	parameter = "presto_pair" + strconv.Itoa(r.pairs)
	body, err = r.substitute(n["expr"], map[string]func() node{
		names[0]: func() node { return operator("STRUCT_EXTRACT", column(parameter), text(first)) },
		names[1]: func() node { return operator("STRUCT_EXTRACT", column(parameter), text(second)) },
	})
	return parameter, body, err
}

// parameters are the names of a lambda's parameters, in lower case.
func parameters(lambda node) []string {
	left := nodeOf(lambda, "lhs")
	all := []any{left}
	if textOf(left, "class") == "FUNCTION" {
		all = listOf(left, "children")
	}
	var names []string
	for _, one := range all {
		n, _ := one.(node)
		if columns := listOf(n, "column_names"); len(columns) == 1 {
			name, _ := columns[0].(string)
			names = append(names, strings.ToLower(name))
		}
	}
	return names
}

// substitute puts expressions in place of parameters, except where a lambda inside
// has one of that name.
func (r *rewriter) substitute(v any, values map[string]func() node) (any, error) {
	switch v := v.(type) {
	case []any:
		for i, child := range v {
			to, err := r.substitute(child, values)
			if err != nil {
				return nil, err
			}
			v[i] = to
		}
		return v, nil
	case node:
		switch v["class"] {
		case "COLUMN_REF":
			return r.parameter(v, values)
		case "LAMBDA":
			values = without(values, parameters(v))
		}
		for key, child := range v {
			if key == "lhs" {
				continue
			}
			to, err := r.substitute(child, values)
			if err != nil {
				return nil, err
			}
			v[key] = to
		}
	}
	return v, nil
}

// parameter is what stands for a parameter, or for a field of it.
func (r *rewriter) parameter(n node, values map[string]func() node) (any, error) {
	names := listOf(n, "column_names")
	first, _ := names[0].(string)
	value, ok := values[strings.ToLower(first)]
	if !ok {
		return n, nil
	}
	if r.grown++; r.grown > maxGrown {
		return nil, fmt.Errorf("%w: too many calls inside calls", analytics.ErrSQL)
	}
	to := value()
	for _, field := range names[1:] {
		name, _ := field.(string)
		to = operator("STRUCT_EXTRACT", to, text(name))
	}
	to["alias"] = n["alias"]
	return to, nil
}

func without(values map[string]func() node, names []string) map[string]func() node {
	left := make(map[string]func() node)
	for name, value := range values {
		if !slices.Contains(names, name) {
			left[name] = value
		}
	}
	return left
}

// zipWith: what is missing of the shorter array is null; of no array is none.
func zipWith(r *rewriter, args []any) (node, error) {
	parameter, body, err := r.pair("zip_with", args[2], "a", "b")
	if err != nil {
		return nil, err
	}
	return call("list_transform", r.macro("presto_zip", args[0], args[1]), lambda(parameter, body)), nil
}

func mapFilter(r *rewriter, args []any) (node, error) {
	parameter, body, err := r.pair("map_filter", args[1], "key", "value")
	if err != nil {
		return nil, err
	}
	return call("map_from_entries", call("list_filter", call("map_entries", args[0]), lambda(parameter, body))), nil
}

// transformEntries gives the entries of a map another key, or another value.
func transformEntries(which string) func(*rewriter, []any) (node, error) {
	return func(r *rewriter, args []any) (node, error) {
		parameter, body, err := r.pair("transform_"+which+"s", args[1], "key", "value")
		if err != nil {
			return nil, err
		}
		entry := []any{operator("STRUCT_EXTRACT", column(parameter), text("key")), operator("STRUCT_EXTRACT", column(parameter), text("value"))}
		entry[slices.Index([]string{"key", "value"}, which)] = body
		changed := call("list_transform", call("map_entries", args[0]), lambda(parameter, pack([]string{"key", "value"}, entry)))
		return call("map_from_entries", changed), nil
	}
}

// mapEntries names the fields as Presto shows them.
func mapEntries(_ *rewriter, args []any) (node, error) {
	const one = "presto_one"
	fields := []any{operator("STRUCT_EXTRACT", column(one), text("key")), operator("STRUCT_EXTRACT", column(one), text("value"))}
	return call("list_transform", call("map_entries", args[0]), lambda(one, pack([]string{"field0", "field1"}, fields))), nil
}
