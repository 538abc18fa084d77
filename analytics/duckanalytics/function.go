package duckanalytics

import (
	"fmt"
	"maps"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// functionRule says how a function of Presto is called in DuckDB.
type functionRule struct {
	// to is its name there, if it has another; one with macroPrefix is a macro.
	to string
	// rewrite makes the call of its arguments, which are rewritten.
	rewrite func(r *rewriter, args []any) (node, error)
	// aggregate does that for an aggregate, whole and with its FILTER or OVER.
	aggregate func(r *rewriter, n node) (node, error)
	// minArgs and maxArgs bound the arguments; a negative maxArgs leaves that to
	// DuckDB.
	minArgs, maxArgs int
}

var windowFunctions = []string{
	"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead", "first_value", "last_value", "nth_value",
}

// sameFunctions are called and do the same in DuckDB.
var sameFunctions = []string{
	// operators
	"+", "-", "*", "~~", "!~~", "like_escape", "not_like_escape",
	// aggregates
	"count", "count_star", "sum", "avg", "any_value", "array_agg", "bool_and", "bool_or",
	"stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp", "corr", "covar_pop", "covar_samp",
	"regr_slope", "regr_intercept", "histogram", "count_if",
	// mathematics
	"abs", "cos", "sin", "tan", "acos", "asin", "atan", "atan2", "cosh", "sinh", "tanh", "degrees", "radians", "exp", "ln",
	"log2", "log10", "log", "pi", "pow", "power", "sqrt", "round",
	// text
	"chr", "length", "lower", "upper", "strpos", "position", "translate",
	"starts_with", "to_base64", "from_base64",
	// times
	"day", "hour", "minute", "second", "month", "quarter", "year", "week", "to_days", "to_hours", "to_minutes", "to_seconds", "to_months",
	"to_years", "to_weeks", "last_day", "trunc",
	// arrays, maps, rows
	"list_value", "unnest", "map", "map_keys", "map_values", "map_concat", "flatten", "struct_pack", "struct_extract",
	"nullif", "ifnull",
}

// renamedFunctions have another name in DuckDB.
var renamedFunctions = map[string]string{
	"arbitrary": "any_value", "every": "bool_and", "geometric_mean": "geomean",
	"bitwise_and_agg": "bit_and", "bitwise_or_agg": "bit_or", "bitwise_xor": "xor", "map_agg": "presto_map_agg",
	"ceiling": "ceil", "is_nan": "isnan", "is_infinite": "isinf", "is_finite": "isfinite", "codepoint": "unicode",
	"hamming_distance": "hamming", "normalize": "nfc_normalize",
	"to_utf8": "encode", "from_utf8": "decode", "to_hex": "hex", "from_hex": "unhex", "split_part": "presto_split_part",
	"md5": "presto_md5", "sha1": "presto_sha1", "sha256": "presto_sha256", "to_base": "presto_to_base", "sign": "presto_sign",
	"width_bucket": "presto_width_bucket", "bit_count": "presto_bit_count", "split_to_map": "presto_split_to_map",
	"day_of_month": "day", "day_of_week": "isodow", "dow": "isodow", "day_of_year": "dayofyear", "doy": "dayofyear",
	"week_of_year": "week", "year_of_week": "isoyear", "yow": "isoyear", "millisecond": "presto_millisecond",
	"from_unixtime": "presto_from_unixtime", "to_unixtime": "epoch",
	"from_iso8601_date": "presto_from_iso8601_date", "date": "presto_date",
	"regexp_like": "regexp_matches", "regexp_extract_all": "regexp_extract_all", "regexp_split": "regexp_split_to_array",
	"json_parse": "presto_json_parse", "json_format": "presto_json_format", "is_json_scalar": "presto_is_json_scalar",
	"json_array_get": "presto_json_array_get", "json_array_length": "presto_json_array_length",
	"url_encode": "presto_url_encode", "url_decode": "presto_url_decode", "url_extract_protocol": "presto_url_extract_protocol",
	"url_extract_host": "presto_url_extract_host", "url_extract_port": "presto_url_extract_port", "url_extract_path": "presto_url_extract_path",
	"url_extract_query": "presto_url_extract_query", "url_extract_fragment": "presto_url_extract_fragment",
	"url_extract_parameter": "presto_url_extract_parameter",
	"array_distinct":        "presto_array_distinct", "array_intersect": "presto_array_intersect", "array_union": "presto_array_union",
	"array_except": "presto_array_except", "array_max": "presto_array_max", "array_min": "presto_array_min",
	"array_position": "presto_array_position", "array_remove": "presto_array_remove", "array_sort": "presto_array_sort",
	"arrays_overlap": "list_has_any", "contains": "list_contains", "transform": "list_transform", "filter": "list_filter",
	"slice": "presto_slice", "map_from_entries": "map_from_entries",
}

// missingFunctions are functions of Presto 0.217 that have no equal here. The
// error for them says so.
var missingFunctions = []string{
	"approx_set", "cardinality_of_set", "checksum", "classify", "color", "bar", "render", "rgb", "crc32", "current_user", "empty_approx_set",
	"entropy", "from_base64url", "from_big_endian_32", "from_big_endian_64", "from_ieee754_32", "from_ieee754_64",
	"hmac_md5", "hmac_sha1", "hmac_sha256", "hmac_sha512", "index", "inverse_beta_cdf", "inverse_normal_cdf",
	"learn_classifier", "learn_regressor", "map_transform", "map_union", "map_zip_with", "merge",
	"multimap_from_entries", "ngrams", "normal_cdf", "numeric_histogram", "parse_presto_data_size",
	"qdigest_agg", "quantile_at_value", "reduce_agg", "regress", "regr_count", "sha512", "shuffle", "spooky_hash_v2_32", "spooky_hash_v2_64",
	"timezone_hour", "timezone_minute", "to_base64url", "to_big_endian_32", "to_big_endian_64", "to_ieee754_32", "to_ieee754_64",
	"uuid", "value_at_quantile", "values_at_quantiles", "wilson_interval_lower",
	"wilson_interval_upper", "word_stem", "xxhash64",
}

// functionRules are all functions that a statement may call.
var functionRules = buildRules()

func buildRules() map[string]functionRule {
	rules := make(map[string]functionRule)
	for _, name := range sameFunctions {
		rules[name] = functionRule{maxArgs: -1}
	}
	for name, to := range renamedFunctions {
		rules[name] = functionRule{to: to, maxArgs: -1}
	}
	for _, more := range []map[string]functionRule{rewrittenFunctions, boundFunctions, aggregateFunctions, lambdaFunctions, derivedFunctions} {
		maps.Copy(rules, more)
	}
	return rules
}

// calledFunctions are the names that a rewritten statement may call.
var calledFunctions = buildCalled()

func buildCalled() map[string]bool {
	called := make(map[string]bool)
	for name, rule := range functionRules {
		switch {
		case rule.to != "":
			called[rule.to] = true
		case rule.rewrite == nil && rule.aggregate == nil:
			called[name] = true
		}
	}
	for _, name := range rewritingNeeds {
		called[name] = true
	}
	for _, name := range sameFunctions {
		called[name] = true
	}
	for name := range macros {
		called[name] = true
	}
	for _, name := range windowFunctions {
		called[name] = true
	}
	return called
}

// mayBeWritten reports whether a statement may call a function before it is
// rewritten. What is unknown is told by the rewriter, in better words.
func mayBeWritten(string) bool { return true }

func mayBeCalled(name string) bool { return calledFunctions[name] }

func wantConstant(function string, v any) (string, error) {
	value, ok := constantText(v)
	if !ok {
		return "", fmt.Errorf("%w: the function %s needs a constant text", analytics.ErrSQL, function)
	}
	return value, nil
}

// jsonPath turns $["a"] into $."a".
func jsonPath(v any) any {
	path, ok := constantText(v)
	if !ok || !strings.Contains(path, `["`) {
		return v
	}
	var out strings.Builder
	for rest := path; rest != ""; {
		before, after, found := strings.Cut(rest, `["`)
		out.WriteString(before)
		if !found {
			break
		}
		name, behind, ended := strings.Cut(after, `"]`)
		if !ended {
			return v
		}
		out.WriteString(`."` + name + `"`)
		rest = behind
	}
	return text(out.String())
}
