package duckanalytics

import (
	"fmt"
	"strconv"
)

// derivedFunctions are made of several functions of DuckDB.
var derivedFunctions = map[string]functionRule{
	"typeof":                 {rewrite: typeOfValue, minArgs: 1, maxArgs: 1},
	"from_base":              {to: "presto_from_base", minArgs: 2, maxArgs: 2},
	"json_array_contains":    {to: "presto_json_array_contains", minArgs: 2, maxArgs: 2},
	"split":                  {rewrite: split, minArgs: 2, maxArgs: 3},
	"split_to_multimap":      {rewrite: splitToMultimap, minArgs: 3, maxArgs: 3},
	"parse_duration":         {to: "presto_parse_duration", minArgs: 1, maxArgs: 1},
	"human_readable_seconds": {to: "presto_human_readable_seconds", minArgs: 1, maxArgs: 1},
	"to_milliseconds":        {rewrite: toMilliseconds, minArgs: 1, maxArgs: 1},
	"cbrt":                   {to: "presto_cbrt", minArgs: 1, maxArgs: 1},
	"trim":                   {rewrite: trim("trim"), minArgs: 1, maxArgs: 1},
	"ltrim":                  {rewrite: trim("ltrim"), minArgs: 1, maxArgs: 1},
	"rtrim":                  {rewrite: trim("rtrim"), minArgs: 1, maxArgs: 1},
	"substr":                 {rewrite: substr, minArgs: 2, maxArgs: 3},
	"substring":              {rewrite: substr, minArgs: 2, maxArgs: 3},
	"||":                     {rewrite: concat, minArgs: 2, maxArgs: 127},
	"concat":                 {rewrite: concat, minArgs: 2, maxArgs: 127},
	"from_unixtime":          {rewrite: fromUnixtime, minArgs: 1, maxArgs: 3},
	"format":                 {rewrite: format, minArgs: 1, maxArgs: 127},
}

var derivedMacros = map[string]string{
	"presto_typeof": `(x) AS list_reduce([CASE typeof(x) WHEN '"NULL"' THEN 'unknown' ELSE ` + prestoTypes(`lower(typeof(x))`) + ` END, '', '', ''],
		lambda t, i: regexp_replace(t, '((?:array|row|map)\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\))\[\]', 'array(\1)', 'g'))`,
	"presto_from_base": `(s, radix) AS CASE WHEN radix NOT BETWEEN 2 AND 36 OR NOT regexp_full_match(s, '[-+]?[0-9A-Za-z]+') THEN ` + raise(noDigitOfBase, "BIGINT") + `
		ELSE CAST(CASE WHEN s LIKE '-%' THEN -1 ELSE 1 END * list_reduce(list_transform(string_split(lower(ltrim(s, '-+')), ''), lambda one:
			CASE WHEN strpos(left('` + digits36 + `', radix), one) = 0 THEN CAST(` + raise(noDigitOfBase, "BIGINT") + ` AS HUGEINT)
				ELSE CAST(strpos('` + digits36 + `', one) - 1 AS HUGEINT) END), lambda sum, one: sum * radix + one) AS BIGINT) END`,
	"presto_json_array_contains": `(j, v) AS CASE WHEN v IS NULL OR NOT json_valid(CAST(j AS VARCHAR)) THEN NULL WHEN json_type(CAST(j AS VARCHAR)) = 'ARRAY' THEN
		len(list_filter(json_extract(CAST(j AS VARCHAR), '$[*]'), lambda one: CASE
			WHEN json_type(one) IN ('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE') THEN (typeof(v) IN ` + integerTypes + ` OR typeof(v) IN ('DOUBLE', 'FLOAT') OR typeof(v) LIKE 'DECIMAL%')
				AND TRY_CAST(CAST(one AS VARCHAR) AS DOUBLE) = TRY_CAST(CAST(v AS VARCHAR) AS DOUBLE)
			WHEN json_type(one) = 'VARCHAR' THEN typeof(v) = 'VARCHAR' AND json_extract_string(one, '$') = CAST(v AS VARCHAR)
			WHEN json_type(one) = 'BOOLEAN' THEN typeof(v) = 'BOOLEAN' AND CAST(one AS VARCHAR) = CAST(v AS VARCHAR) ELSE false END)) > 0 END`,
	"presto_split_limit": `(s, d, n) AS list_transform([string_split(s, d)], lambda parts:
		CASE WHEN parts IS NULL THEN NULL WHEN len(parts) <= CASE WHEN n < 1 THEN ` + raise(splitLimit, "BIGINT") + ` ELSE n END THEN parts
			ELSE list_append(list_slice(parts, 1, n - 1), array_to_string(list_slice(parts, n, len(parts)), d)) END)[1]`,
	"presto_pairs": `(s, e, kv) AS list_transform(string_split(s, e), lambda one: {'k': split_part(one, kv, 1), 'v': split_part(one, kv, 2)})`,
	"presto_parse_duration": `(s) AS to_microseconds(CAST(round(CAST(CASE WHEN s IS NULL THEN NULL WHEN regexp_matches(s, '` + durationPattern + `') THEN regexp_extract(s, '` + durationPattern + `', 1)
			ELSE CAST(` + raise(noDuration, "BIGINT") + ` AS VARCHAR) END AS DOUBLE)
		* CASE regexp_extract(s, '` + durationPattern + `', 2) WHEN 'ns' THEN 1e-3 WHEN 'us' THEN 1e0 WHEN 'ms' THEN 1e3 WHEN 's' THEN 1e6 WHEN 'm' THEN 6e7 WHEN 'h' THEN 36e8 WHEN 'd' THEN 864e8 ELSE 1 END) AS BIGINT))`,
	"presto_human_readable_seconds": `(x) AS list_transform([CAST(round(abs(CAST(x AS DOUBLE))) AS BIGINT)], lambda s: CASE WHEN s IS NOT NULL THEN CASE WHEN x < 0 THEN '-' ELSE '' END ||
		array_to_string(list_filter([` + countOf("s // 604800", "week") + `, ` + countOf("s // 86400 % 7", "day") + `, ` + countOf("s // 3600 % 24", "hour") + `, ` + countOf("s // 60 % 60", "minute") + `,
			CASE WHEN s = 0 THEN '0 seconds' ELSE ` + countOf("s % 60", "second") + ` END], lambda one: one IS NOT NULL), ', ') END)[1]`,
	// A step of Newton's gives 3 for 27, if it comes closer.
	"presto_cbrt":   `(x) AS CASE WHEN isfinite(cbrt(x)) AND x <> 0 AND abs(pow(` + newton + `, 3) - x) < abs(pow(cbrt(x), 3) - x) THEN ` + newton + ` ELSE cbrt(x) END`,
	"presto_substr": `(s, first) AS CASE WHEN s IS NULL OR first IS NULL THEN NULL WHEN first = 0 OR -first > length(s) THEN '' ELSE substr(s, first) END`,
	"presto_substr_length": `(s, first, n) AS CASE WHEN s IS NULL OR first IS NULL OR n IS NULL THEN NULL
		WHEN first = 0 OR -first > length(s) OR n <= 0 THEN '' ELSE substr(s, first, n) END`,
	"presto_zip": `(a, b) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN list_transform(list_zip(a, b), lambda one: {'a': one[1], 'b': one[2]}) END`,
}

const (
	digits36        = "0123456789abcdefghijklmnopqrstuvwxyz"
	newton          = `(cbrt(x) - (pow(cbrt(x), 3) - CAST(x AS DOUBLE)) / (3e0 * pow(cbrt(x), 2)))`
	durationPattern = `^\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h|d)\s*$`
)

// countOf is a number of units, or null.
func countOf(count, unit string) string {
	return `CASE WHEN ` + count + ` > 0 THEN (` + count + `) || ' ` + unit + `' || if(` + count + ` > 1, 's', '') END`
}

// prestoTypes gives the types of DuckDB in an expression their names in Presto, up
// to arrays of what is no array, map or row.
func prestoTypes(expression string) string {
	for _, change := range [][2]string{
		{`"([^"]*)"`, `\1`}, {`\bstruct\(`, `row(`}, {`\b(?:u?hugeint|ubigint)\b`, `bigint`}, {`\bblob\b`, `varbinary`}, {`\bfloat\b`, `real`}, {`\binterval\b`, `interval day to second`},
		{`(timestamp with time zone|time with time zone|interval day to second|[a-z_]+(?:\([0-9,]+\))?)\[\]`, `array(\1)`},
	} {
		expression = `regexp_replace(` + expression + `, '` + change[0] + `', '` + change[1] + `', 'g')`
	}
	return expression
}

func typeOfValue(r *rewriter, args []any) (node, error) {
	if value, ok := constantText(args[0]); ok {
		return text("varchar(" + strconv.Itoa(len([]rune(value))) + ")"), nil
	}
	return r.macro("presto_typeof", args[0]), nil
}

func split(r *rewriter, args []any) (node, error) {
	if len(args) == 3 {
		return r.macro("presto_split_limit", args...), nil
	}
	return call("string_split", args...), nil
}

func splitToMultimap(r *rewriter, args []any) (node, error) {
	return r.macro("presto_multimap", r.macro("presto_pairs", args...)), nil
}

// toMilliseconds is of an interval, if it was not put there by the parser, for
// one of milliseconds.
func toMilliseconds(r *rewriter, args []any) (node, error) {
	if c := r.classify(args[0]); c == classDouble || c == classInteger {
		return call("to_milliseconds", args...), nil
	}
	return call("epoch_ms", args...), nil
}

// whitespace is what Java calls so.
const whitespace = "\t\n\v\f\r\x1c\x1d\x1e\x1f \u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u2028\u2029\u205f\u3000"

func trim(name string) func(*rewriter, []any) (node, error) {
	return func(_ *rewriter, args []any) (node, error) { return call(name, args[0], text(whitespace)), nil }
}

// substr begins at 1, or from the end; there is nothing at 0 and before the first.
func substr(r *rewriter, args []any) (node, error) {
	first, known := constantInteger(args[1])
	known = known && first > 0
	if len(args) == 3 && known {
		length, ok := constantInteger(args[2])
		known = ok && length > 0
	}
	switch {
	case known:
		return call("substr", args...), nil
	case len(args) == 3:
		return r.macro("presto_substr_length", args...), nil
	}
	return r.macro("presto_substr", args...), nil
}

// concat joins texts, or arrays; what is no array is an element.
func concat(r *rewriter, args []any) (node, error) {
	to, isArray := args[0], r.classify(args[0]) == classArray
	for _, arg := range args[1:] {
		next := r.classify(arg)
		switch {
		case isArray && isElement(next):
			arg = call("list_value", arg)
		case next == classArray && isElement(r.classify(to)):
			to, isArray = call("list_value", to), true
		}
		isArray = isArray || next == classArray
		to = operate("||", to, arg)
	}
	joined, _ := to.(node)
	return joined, nil
}

// isElement tells what can't be an array, nor null.
func isElement(c class) bool { return c != classUnknown && c != classArray && c != classOther }

// constantOffset is the name of a zone that is so many hours and minutes ahead of
// UTC.
func constantOffset(hours, minutes any) (name string, ok bool) {
	h, okHours := constantInteger(hours)
	m, okMinutes := constantInteger(minutes)
	total := 60*h + m
	if !okHours || !okMinutes || h < -14 || h > 14 || m < -59 || m > 59 {
		return "", false
	}
	sign := '+'
	if total < 0 {
		sign, total = '-', -total
	}
	return fmt.Sprintf("%c%02d:%02d", sign, total/60, total%60), true
}

func fromUnixtime(r *rewriter, args []any) (node, error) {
	to := r.macro("presto_from_unixtime", args[0])
	switch len(args) {
	case 1:
		return to, nil
	case 2:
		return r.zoned(to, args[1])
	}
	if zone, ok := constantOffset(args[1], args[2]); ok {
		return r.zoned(to, text(zone))
	}
	offset := operate("+", call("to_hours", cast(args[1], "BIGINT")), call("to_minutes", cast(args[2], "BIGINT")))
	return operate("+", to, offset), nil
}
