package duckanalytics

import (
	"fmt"

	"github.com/iotenant/iotenant/analytics"
)

// aggregateFunctions are aggregates that need more than another name. They may
// have DISTINCT, FILTER and OVER.
var aggregateFunctions = map[string]functionRule{
	"approx_distinct":   {aggregate: approxDistinct, minArgs: 1, maxArgs: 2},
	"approx_percentile": {aggregate: approxPercentile, minArgs: 2, maxArgs: 4},
	"max":               {aggregate: several("max", "max", 1), minArgs: 1, maxArgs: 2},
	"min":               {aggregate: several("min", "min", 1), minArgs: 1, maxArgs: 2},
	"max_by":            {aggregate: several("arg_max_null", "arg_max", 2), minArgs: 2, maxArgs: 3},
	"min_by":            {aggregate: several("arg_min_null", "arg_min", 2), minArgs: 2, maxArgs: 3},
	"skewness":          {aggregate: moment("presto_skewness"), minArgs: 1, maxArgs: 1},
	"kurtosis":          {aggregate: moment("presto_kurtosis"), minArgs: 1, maxArgs: 1},
	"multimap_agg":      {aggregate: multimapAgg, minArgs: 2, maxArgs: 2},
}

// aggregateMacros take what an aggregate gives.
var aggregateMacros = map[string]string{
	// DuckDB's quantile is the first value whose cumulative count is not less
	// than p·n, and Presto's the first where it is greater: that of 1-p from
	// above. What is taken from it keeps p·n from being cut below a whole number.
	"presto_from_above": `(p) AS -CASE WHEN p BETWEEN 0 AND 1 THEN greatest(1e0 - CAST(p AS DOUBLE) - 1e-12, 1e-300) ELSE ` + raise(noPercentile, "DOUBLE") + ` END`,
	// The moments are those about the mean, so that a large one cancels nothing.
	"presto_skewness": `(l) AS ` + moments("3", `sqrt(len(v)) * list_sum(list_transform(v, lambda one: pow(one - m, 3)))
		/ pow(list_sum(list_transform(v, lambda one: pow(one - m, 2))), 1.5e0)`),
	"presto_kurtosis": `(l) AS ` + moments("4", `(len(v) - 1e0) * len(v) * (len(v) + 1) / ((len(v) - 2e0) * (len(v) - 3)) * list_sum(list_transform(v, lambda one: pow(one - m, 4)))
		/ pow(list_sum(list_transform(v, lambda one: pow(one - m, 2))), 2) - 3e0 * pow(len(v) - 1, 2) / ((len(v) - 2e0) * (len(v) - 3))`),
	"presto_multimap": `(l) AS list_transform([list_filter(l, lambda one: one.k IS NOT NULL)], lambda all_: map_from_entries(list_transform(
		list_sort(list_distinct(list_transform(all_, lambda one: one.k))), lambda k: {'k': k, 'v': list_transform(list_filter(all_, lambda one: one.k = k), lambda one: one.v)})))[1]`,
}

// moments has the values of l in v, and their mean in m.
func moments(least, result string) string {
	return `list_transform([list_filter(l, lambda one: one IS NOT NULL)], lambda v: CASE WHEN len(v) >= ` + least + ` THEN list_transform(
		[v[1] + list_avg(list_transform(v, lambda one: one - v[1]))], lambda m: ` + result + `)[1] END)[1]`
}

// approxDistinct is exact, as Presto's is for few values.
func approxDistinct(_ *rewriter, n node) (node, error) {
	n["function_name"], n["children"], n["distinct"] = "count", listOf(n, "children")[:1], true
	return n, nil
}

func approxPercentile(r *rewriter, n node) (node, error) {
	args := listOf(n, "children")
	if len(args) > 2 {
		return nil, fmt.Errorf("%w: the function approx_percentile with weights is not supported here", analytics.ErrSQL)
	}
	value, percentile := args[0], args[1]
	if r.classify(value) == classDecimal {
		value = cast(value, "DOUBLE")
	}
	if r.classify(percentile) == classArray {
		const one = "presto_one"
		percentile = call("list_transform", percentile, lambda(one, r.macro("presto_from_above", column(one))))
	} else {
		percentile = r.macro("presto_from_above", percentile)
	}
	n["function_name"], n["children"] = "quantile_disc", []any{value, percentile}
	return n, nil
}

// several has another name if a number of values is asked for.
func several(one, some string, args int) func(*rewriter, node) (node, error) {
	return func(_ *rewriter, n node) (node, error) {
		n["function_name"] = one
		if all := listOf(n, "children"); len(all) > args {
			n["function_name"] = some
			count, ok := constantInteger(all[args])
			if !ok || count < 1 || count > maxElements {
				return nil, fmt.Errorf("%w: the function %s needs a number of values from 1 to %d", analytics.ErrSQL, some, maxElements)
			}
		}
		return n, nil
	}
}

// moment computes what it gives from all values.
func moment(macro string) func(*rewriter, node) (node, error) {
	return func(r *rewriter, n node) (node, error) {
		n["function_name"], n["children"] = "list", []any{cast(listOf(n, "children")[0], "DOUBLE")}
		return r.macro(macro, n), nil
	}
}

func multimapAgg(r *rewriter, n node) (node, error) {
	args := listOf(n, "children")
	n["function_name"], n["children"] = "list", []any{pack([]string{"k", "v"}, args)}
	return r.macro("presto_multimap", n), nil
}

// pack makes a row with the names of its fields.
func pack(names []string, values []any) node {
	for i, value := range values {
		if n, ok := value.(node); ok {
			n["alias"] = names[i]
		}
	}
	return call("struct_pack", values...)
}
