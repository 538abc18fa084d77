package duckanalytics

import (
	"slices"
	"strings"
)

// class is what is known of the type of an expression without asking DuckDB.
type class uint8

const (
	classUnknown class = iota
	classInteger
	classDouble
	classDecimal
	classDate
	classTimestamp
	classTimestampTZ
	classText
	classArray
	classMap
	classInterval
	// classNull is that of NULL, which fits all.
	classNull
	classOther
)

// classOfType reads a type of DuckDB.
func classOfType(name string) class {
	name = strings.ToUpper(name)
	base, _, _ := strings.Cut(name, "(")
	switch {
	case strings.HasSuffix(name, "[]"):
		return classArray
	case slices.Contains([]string{"TINYINT", "SMALLINT", "INTEGER", "INT", "BIGINT", "HUGEINT"}, base):
		return classInteger
	case base == "DOUBLE", base == "FLOAT":
		return classDouble
	case base == "DECIMAL":
		return classDecimal
	case base == "DATE":
		return classDate
	case base == "TIMESTAMP":
		return classTimestamp
	case base == "TIMESTAMPTZ", base == "TIMESTAMP WITH TIME ZONE":
		return classTimestampTZ
	case base == "VARCHAR":
		return classText
	case base == "MAP":
		return classMap
	case base == "INTERVAL":
		return classInterval
	}
	return classOther
}

// resultClasses are those of functions of DuckDB whose type does not depend on
// their arguments.
var resultClasses = map[string]class{
	"avg": classDouble, "sqrt": classDouble, "exp": classDouble, "ln": classDouble, "power": classDouble, "pow": classDouble,
	"stddev": classDouble, "stddev_samp": classDouble, "stddev_pop": classDouble, "variance": classDouble,
	"var_samp": classDouble, "var_pop": classDouble, "epoch": classDouble, "random": classDouble, "pi": classDouble,
	"count": classInteger, "count_star": classInteger, "length": classInteger, "year": classInteger, "month": classInteger,
	"day": classInteger, "hour": classInteger, "minute": classInteger, "second": classInteger,
	"to_days": classInterval, "to_hours": classInterval, "to_minutes": classInterval, "to_seconds": classInterval,
	"to_months": classInterval, "to_years": classInterval, "to_weeks": classInterval, "to_milliseconds": classInterval,
	"epoch_ms": classTimestamp, "epoch_us": classInteger, "strptime": classTimestamp, "presto_from_unixtime": classTimestamp,
	"make_timestamp": classTimestamp, "make_timestamptz": classTimestampTZ, inZone: classTimestampTZ, "presto_from_iso8601_timestamp": classTimestampTZ,
	"list_transform": classArray, "list_filter": classArray, "list_value": classArray, "map_keys": classArray, "map_values": classArray,
	"array_agg": classArray, "list": classArray, "presto_sequence": classArray, "presto_repeat": classArray, "presto_split_limit": classArray, "generate_series": classArray, "string_split": classArray, "regexp_extract_all": classArray,
	"map": classMap, "histogram": classMap, "map_concat": classMap, "presto_map_agg": classMap, "map_from_entries": classMap, "presto_multimap": classMap, "presto_cbrt": classDouble,
	"lower": classText, "upper": classText, "substr": classText, "substring": classText, "trim": classText, "replace": classText,
	"presto_substr": classText, "presto_substr_length": classText, "ltrim": classText, "rtrim": classText, "presto_typeof": classText, "printf": classText,
	"concat": classText, "strftime": classText,
}

// classify tells the class of a rewritten expression.
func (r *rewriter) classify(v any) class {
	n, _ := v.(node)
	switch textOf(n, "class") {
	case "COLUMN_REF":
		return r.scope.column(n).class
	case "CONSTANT":
		if isNull, _ := nodeOf(n, "value")["is_null"].(bool); isNull {
			return classNull
		}
		return classOfType(textOf(nodeOf(nodeOf(n, "value"), "type"), "id"))
	case "CAST":
		id := textOf(nodeOf(n, "cast_type"), "id")
		if id == "LIST" {
			return classArray
		}
		return classOfType(id)
	case "CASE":
		found := r.classify(n["else_expr"])
		for _, check := range listOf(n, "case_checks") {
			c, _ := check.(node)
			found = common(found, r.classify(c["then_expr"]))
		}
		return found
	case "OPERATOR":
		switch n["type"] {
		case "ARRAY_CONSTRUCTOR":
			return classArray
		case "OPERATOR_COALESCE":
			found := classNull
			for _, child := range listOf(n, "children") {
				found = common(found, r.classify(child))
			}
			return found
		}
	case "FUNCTION", "WINDOW":
		return r.classifyCall(n)
	}
	return classUnknown
}

// common is the class of what is one or the other, such as the branches of CASE.
func common(a, b class) class {
	numbers := []class{classInteger, classDecimal, classDouble} // from narrow to wide
	switch i, j := slices.Index(numbers, a), slices.Index(numbers, b); {
	case a == b, b == classNull:
		return a
	case a == classNull:
		return b
	case i >= 0 && j >= 0:
		return numbers[max(i, j)]
	}
	return classUnknown
}

func (r *rewriter) classifyCall(n node) class {
	name, args := textOf(n, "function_name"), listOf(n, "children")
	if known, ok := resultClasses[name]; ok {
		return known
	}
	if len(args) == 0 {
		return classUnknown // DuckDB will say what is missing
	}
	switch name {
	case "quantile_disc", "min", "max", "sum", "any_value", "arg_max_null", "arg_min_null", "abs", "round", "first_value", "last_value", "lag", "lead",
		"trunc", "ceil", "floor", "presto_ceil", "presto_floor", "presto_nonzero":
		return r.classify(args[0])
	case "date_trunc":
		return r.classify(args[1])
	case "||":
		for _, arg := range args {
			if c := r.classify(arg); c == classArray || c == classText {
				return c
			}
		}
	case "+", "-", "*", "//", "/", "%", "presto_divide", "presto_modulus":
		return r.arithmetic(args)
	}
	return classUnknown
}

func (r *rewriter) arithmetic(args []any) class {
	var all []class
	for _, arg := range args {
		all = append(all, r.classify(arg))
	}
	if len(all) == 1 {
		return all[0]
	}
	switch {
	case all[1] == classInterval && all[0] != classInterval:
		if all[0] == classDate {
			return classTimestamp
		}
		return all[0]
	case slices.Contains(all, classDouble):
		return classDouble
	case slices.Contains(all, classUnknown):
		return classUnknown
	case all[0] == classInteger && all[1] == classInteger:
		return classInteger
	case slices.Contains(all, classDecimal):
		return classDecimal
	}
	return classUnknown
}
