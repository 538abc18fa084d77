package duckanalytics

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// rewrittenFunctions are those that need more than another name.
var rewrittenFunctions = map[string]functionRule{
	"/":   {rewrite: divide, minArgs: 2, maxArgs: 2},
	"%":   {rewrite: modulus, minArgs: 2, maxArgs: 2},
	"mod": {rewrite: modulus, minArgs: 2, maxArgs: 2},
	"+":   {rewrite: plus, minArgs: 1, maxArgs: 2}, "-": {rewrite: minus, minArgs: 1, maxArgs: 2},

	"ceil": {rewrite: whole("ceil"), minArgs: 1, maxArgs: 1}, "ceiling": {rewrite: whole("ceil"), minArgs: 1, maxArgs: 1},
	"floor": {rewrite: whole("floor"), minArgs: 1, maxArgs: 1}, "truncate": {rewrite: truncate, minArgs: 1, maxArgs: 2},
	"e":        {rewrite: fixed(call("exp", integer(1)))},
	"nan":      {rewrite: fixed(cast(text("NaN"), "DOUBLE"))},
	"infinity": {rewrite: fixed(cast(text("Infinity"), "DOUBLE"))},
	"random":   {rewrite: random, maxArgs: 1}, "rand": {rewrite: random, maxArgs: 1},
	"greatest": {rewrite: extreme("greatest"), minArgs: 1, maxArgs: 127}, "least": {rewrite: extreme("least"), minArgs: 1, maxArgs: 127},
	"bitwise_and": {rewrite: bitwise("&"), minArgs: 2, maxArgs: 2}, "bitwise_or": {rewrite: bitwise("|"), minArgs: 2, maxArgs: 2},
	"bitwise_not": {rewrite: bitwise("~"), minArgs: 1, maxArgs: 1},
	"if":          {rewrite: ifThen, minArgs: 2, maxArgs: 3},
	"replace":     {rewrite: replace, minArgs: 2, maxArgs: 3},
	"reverse":     {rewrite: reverse, minArgs: 1, maxArgs: 1},
	"row":         {rewrite: row, minArgs: 1, maxArgs: 1000},

	"now":              {rewrite: clock("current_timestamp")},
	"current_timezone": {rewrite: fixed(text("UTC"))},
	"date_trunc":       {rewrite: dateTrunc, minArgs: 2, maxArgs: 2},
	"date_add":         {rewrite: dateAdd, minArgs: 3, maxArgs: 3},
	"date_diff":        {rewrite: dateDiff, minArgs: 3, maxArgs: 3},
	"date_part":        {rewrite: datePart, minArgs: 2, maxArgs: 2},
	"date_format":      {rewrite: dateFormat(func(format string, _ any) (string, error) { return mysqlFormat(format) }), minArgs: 2, maxArgs: 2},
	"date_parse":       {rewrite: dateParse, minArgs: 2, maxArgs: 2},
	"format_datetime":  {rewrite: dateFormat(jodaFormat), minArgs: 2, maxArgs: 2},
	"parse_datetime":   {rewrite: parseDatetime, minArgs: 2, maxArgs: 2},
	"to_iso8601":       {rewrite: toISO8601, minArgs: 1, maxArgs: 1},
	"timezone":         {rewrite: timezone, minArgs: 2, maxArgs: 2},
	"at_timezone":      {rewrite: atTimezone, minArgs: 2, maxArgs: 2},
	"with_timezone":    {rewrite: withTimezone, minArgs: 2, maxArgs: 2},

	"from_iso8601_timestamp": {rewrite: fromISO8601, minArgs: 1, maxArgs: 1},

	"regexp_extract": {rewrite: regexpExtract, minArgs: 2, maxArgs: 3},
	"regexp_replace": {rewrite: regexpReplace, minArgs: 2, maxArgs: 3},

	"json_extract":        {rewrite: jsonExtract, minArgs: 2, maxArgs: 2},
	"json_extract_scalar": {rewrite: jsonScalar, minArgs: 2, maxArgs: 2},
	"json_size":           {rewrite: jsonSize, minArgs: 2, maxArgs: 2},

	"cardinality": {rewrite: cardinality, minArgs: 1, maxArgs: 1},
	"element_at":  {rewrite: elementAt, minArgs: 2, maxArgs: 2},
	"array_join":  {rewrite: arrayJoin, minArgs: 2, maxArgs: 3},
	"zip":         {rewrite: zip, minArgs: 2, maxArgs: 5},
	"reduce":      {rewrite: reduce, minArgs: 4, maxArgs: 4},
}

func fixed(to node) func(*rewriter, []any) (node, error) {
	return func(*rewriter, []any) (node, error) {
		copied, _ := clone(to).(node)
		return copied, nil
	}
}

func clock(name string) func(*rewriter, []any) (node, error) {
	return func(r *rewriter, _ []any) (node, error) { return r.clock(name), nil }
}

func bitwise(name string) func(*rewriter, []any) (node, error) {
	return func(_ *rewriter, args []any) (node, error) { return operate(name, args...), nil }
}

// divide keeps Presto's rules: integers are cut and fail by zero, doubles give
// Infinity. Where the types are not known here DuckDB chooses by them.
func divide(r *rewriter, args []any) (node, error) {
	a, b := r.classify(args[0]), r.classify(args[1])
	switch {
	case a == classDouble, b == classDouble, a == classInterval:
		return operate("/", args...), nil
	case isZeroless(args[1]):
		return operate("//", args...), nil
	case a == classInteger && b == classInteger:
		return operate("//", args[0], r.macro("presto_nonzero", args[1])), nil
	}
	return r.macro("presto_divide", args...), nil
}

func modulus(r *rewriter, args []any) (node, error) {
	a, b := r.classify(args[0]), r.classify(args[1])
	switch {
	case isZeroless(args[1]), a == classDouble, b == classDouble:
		return operate("%", args...), nil
	case a == classInteger && b == classInteger:
		return operate("%", args[0], r.macro("presto_nonzero", args[1])), nil
	}
	return r.macro("presto_modulus", args...), nil
}

// plus and minus: a date and a number of days is a date.
func plus(r *rewriter, args []any) (node, error) { return r.shift("+", args) }

func minus(r *rewriter, args []any) (node, error) { return r.shift("-", args) }

func (r *rewriter) shift(name string, args []any) (node, error) {
	if len(args) == 2 && isMonths(args[1]) {
		return r.locally(args[0], func(local any) (node, error) { return r.shiftLocal(name, []any{local, args[1]}) })
	}
	return r.shiftLocal(name, args)
}

// isMonths reports whether an interval is one of months or years.
func isMonths(v any) bool {
	n, _ := v.(node)
	name := textOf(n, "function_name")
	return name == "to_months" || name == "to_years"
}

func (r *rewriter) shiftLocal(name string, args []any) (node, error) {
	to := operate(name, args...)
	if len(args) < 2 || r.classify(args[0]) != classDate {
		return to, nil
	}
	switch r.classify(args[1]) {
	case classInterval:
		return cast(to, "DATE"), nil
	case classDate:
		return call("to_days", cast(to, "INTEGER")), nil
	}
	return to, nil
}

// whole leaves integers as they are, which DuckDB would make doubles.
func whole(name string) func(*rewriter, []any) (node, error) {
	return func(r *rewriter, args []any) (node, error) {
		switch r.classify(args[0]) {
		case classInteger:
			return call("trunc", args[0]), nil
		case classUnknown:
			return r.macro(macroPrefix+name, args[0]), nil
		}
		return call(name, args[0]), nil
	}
}

func truncate(_ *rewriter, args []any) (node, error) { return call("trunc", args...), nil }

func random(_ *rewriter, args []any) (node, error) {
	if len(args) == 0 {
		return call("random"), nil
	}
	return cast(call("floor", operate("*", call("random"), args[0])), "BIGINT"), nil
}

// extreme is null if an argument is.
func extreme(name string) func(*rewriter, []any) (node, error) {
	return func(r *rewriter, args []any) (node, error) {
		if len(args) == 1 {
			return call(name, args...), nil
		}
		var nulls []any
		for _, arg := range args {
			copied, err := r.copied(arg)
			if err != nil {
				return nil, err
			}
			nulls = append(nulls, operator("OPERATOR_IS_NULL", copied))
		}
		return when(conjunction("CONJUNCTION_OR", nulls...), null(), call(name, args...)), nil
	}
}

func ifThen(_ *rewriter, args []any) (node, error) {
	return when(args[0], args[1], append(args, null())[2]), nil
}

func replace(_ *rewriter, args []any) (node, error) {
	return call("replace", args[0], args[1], append(args, text(""))[2]), nil
}

func reverse(r *rewriter, args []any) (node, error) {
	if r.classify(args[0]) == classArray {
		return call("list_reverse", args[0]), nil
	}
	return call("reverse", args[0]), nil
}

// row names the fields as Presto shows them.
func row(_ *rewriter, args []any) (node, error) {
	for i, arg := range args {
		if n, ok := arg.(node); ok {
			n["alias"] = "field" + strconv.Itoa(i)
		}
	}
	return call("struct_pack", args...), nil
}

func dateTrunc(r *rewriter, args []any) (node, error) {
	unit, _ := constantText(args[0])
	if zone := r.zoneOf(args[1]); zone != nil && strings.EqualFold(unit, "hour") {
		if _, isOffset := r.minutesOf(zone); !isOffset {
			// An hour that comes twice is two.
			own, err := r.copied(zone)
			if err != nil {
				return nil, err
			}
			return r.zoned(r.macro("presto_trunc_hour", args[0], args[1], own), zone)
		}
	}
	return r.locally(args[1], func(local any) (node, error) {
		to := call("date_trunc", args[0], local)
		if r.classify(local) == classDate {
			return cast(to, "DATE"), nil
		}
		return to, nil
	})
}

func dateAdd(r *rewriter, args []any) (node, error) {
	if unit, ok := constantText(args[0]); ok {
		return r.dateAddUnit(strings.ToLower(unit), args)
	}
	return r.macro("presto_date_add", args...), nil
}

var intervalFunctions = map[string]string{
	"millisecond": "to_milliseconds", "second": "to_seconds", "minute": "to_minutes", "hour": "to_hours", "day": "to_days",
	"week": "to_weeks", "month": "to_months", "year": "to_years",
}

func (r *rewriter) dateAddUnit(unit string, args []any) (node, error) {
	n := args[1]
	if unit == "quarter" {
		unit, n = "month", operate("*", n, integer(3))
	}
	function, ok := intervalFunctions[unit]
	if !ok {
		return nil, fmt.Errorf("%w: date_add of %q", analytics.ErrSQL, unit)
	}
	typeID := "INTEGER"
	switch unit {
	case "millisecond", "second", "minute", "hour":
		typeID = "BIGINT"
	}
	interval := call(function, cast(n, typeID))
	if typeID == "BIGINT" {
		return operate("+", args[2], interval), nil
	}
	return r.locally(args[2], func(local any) (node, error) {
		to := operate("+", local, interval)
		if r.classify(local) == classDate {
			return cast(to, "DATE"), nil
		}
		return to, nil
	})
}

// dateDiff counts whole units, not borders between them.
func dateDiff(r *rewriter, args []any) (node, error) {
	unit, _ := constantText(args[0])
	zone := r.zoneOf(args[1])
	if zone == nil || !slices.Contains([]string{"day", "week", "month", "quarter", "year"}, strings.ToLower(unit)) {
		for i, arg := range args[1:] {
			if r.classify(arg) == classTimestampTZ {
				args[i+1] = r.withoutZone(arg)
			}
		}
		return call("datesub", args...), nil
	}
	// Days are those of the zone of the first time.
	from, err := r.localIn(args[1], zone)
	if err != nil {
		return nil, err
	}
	to, err := r.localIn(args[2], zone)
	return call("datesub", args[0], from, to), err
}

var partNames = map[string]string{
	"dow": "isodow", "day_of_week": "isodow", "day_of_month": "day", "day_of_year": "doy", "year_of_week": "isoyear", "yow": "isoyear",
}

func datePart(r *rewriter, args []any) (node, error) {
	part, err := wantConstant("extract", args[0])
	if err != nil {
		return nil, err
	}
	if other, ok := partNames[strings.ToLower(part)]; ok {
		part = other
	}
	local, err := r.local(args[1])
	return call("date_part", text(part), local), err
}

func dateFormat(translate func(format string, zone any) (string, error)) func(*rewriter, []any) (node, error) {
	return func(r *rewriter, args []any) (node, error) {
		format, err := wantConstant("date_format", args[1])
		if err != nil {
			return nil, err
		}
		zone := r.zoneOf(args[0])
		if format, err = translate(format, zone); err != nil {
			return nil, err
		}
		local, err := r.local(args[0])
		return call("strftime", local, text(format)), err
	}
}

func dateParse(_ *rewriter, args []any) (node, error) {
	format, err := wantConstant("date_parse", args[1])
	if err != nil {
		return nil, err
	}
	if format, err = mysqlFormat(format); err != nil {
		return nil, err
	}
	return parseTime(args[0], format), nil
}

func parseDatetime(r *rewriter, args []any) (node, error) {
	format, err := wantConstant("parse_datetime", args[1])
	if err != nil {
		return nil, err
	}
	if format, err = jodaParse(format); err != nil {
		return nil, err
	}
	at := r.withUTC(parseTime(args[0], format))
	if !strings.HasSuffix(format, "%z") {
		return at, nil
	}
	if constant, ok := constantText(args[0]); ok {
		return r.withOffset(at, text("T"+constant))
	}
	written, err := r.copied(args[0])
	if err != nil {
		return nil, err
	}
	return r.withOffset(at, operate("||", text("T"), written))
}

func toISO8601(r *rewriter, args []any) (node, error) {
	zone := r.zoneOf(args[0])
	if zone == nil {
		local, err := r.local(args[0])
		return r.macro("presto_to_iso8601", local), err
	}
	local, err := r.localIn(args[0], zone)
	if err != nil {
		return nil, err
	}
	written := call("strftime", local, text("%Y-%m-%dT%H:%M:%S.%g"))
	minutes, ok := r.minutesOf(zone)
	if !ok {
		at, err := r.copied(args[0])
		if err != nil {
			return nil, err
		}
		again, err := r.copied(local)
		if err != nil {
			return nil, err
		}
		minutes = call("datesub", text("minute"), r.withoutZone(at), again)
	}
	return operate("||", written, r.macro("presto_iso_offset", minutes)), nil
}

// timezone is what AT TIME ZONE was parsed as.
func timezone(r *rewriter, args []any) (node, error) { return atTimezone(r, []any{args[1], args[0]}) }

func atTimezone(r *rewriter, args []any) (node, error) {
	at := args[0]
	if n, _ := at.(node); textOf(n, "function_name") == inZone {
		at = listOf(n, "children")[0]
	}
	return r.zoned(at, args[1])
}

func withTimezone(r *rewriter, args []any) (node, error) { return r.withZone(args[0], args[1]) }

func fromISO8601(r *rewriter, args []any) (node, error) {
	if _, ok := constantText(args[0]); ok {
		return r.withOffset(r.macro("presto_from_iso8601_timestamp", args[0]), args[0])
	}
	written, err := r.copied(args[0])
	if err != nil {
		return nil, err
	}
	return r.withOffset(r.macro("presto_from_iso8601_timestamp", args[0]), written)
}

func regexpExtract(r *rewriter, args []any) (node, error) {
	if len(args) == 2 {
		return r.macro("presto_regexp_extract", args...), nil
	}
	return r.macro("presto_regexp_extract_group", args...), nil
}

var groupReference = regexp.MustCompile(`\\\$|\$(\d)`)

// regexpReplace replaces all matches; $1 in the replacement is a group.
func regexpReplace(_ *rewriter, args []any) (node, error) {
	replacement := any(text(""))
	if len(args) == 3 {
		if n, _ := args[2].(node); textOf(n, "class") == "LAMBDA" {
			return nil, fmt.Errorf("%w: regexp_replace with a lambda is not supported here", analytics.ErrSQL)
		}
		replacement = args[2]
		if constant, ok := constantText(replacement); ok {
			replacement = text(groupReference.ReplaceAllStringFunc(constant, func(found string) string {
				if found == `\$` {
					return "$"
				}
				return `\` + found[1:]
			}))
		}
	}
	return call("regexp_replace", args[0], args[1], replacement, text("g")), nil
}

func jsonExtract(r *rewriter, args []any) (node, error) {
	return r.macro("presto_json_extract", args[0], jsonPath(args[1])), nil
}

func jsonScalar(r *rewriter, args []any) (node, error) {
	return r.macro("presto_json_scalar", args[0], jsonPath(args[1])), nil
}

func jsonSize(r *rewriter, args []any) (node, error) {
	return r.macro("presto_json_size", args[0], jsonPath(args[1])), nil
}

func cardinality(r *rewriter, args []any) (node, error) {
	switch r.classify(args[0]) {
	case classArray:
		return call("len", args[0]), nil
	case classMap:
		return call("cardinality", args[0]), nil
	}
	return r.macro("presto_cardinality", args[0]), nil
}

func elementAt(_ *rewriter, args []any) (node, error) { return operator("ARRAY_EXTRACT", args...), nil }

func arrayJoin(r *rewriter, args []any) (node, error) {
	each := r.textOf(column(element))
	if len(args) == 3 {
		each = operator("OPERATOR_COALESCE", each, args[2])
	}
	return call("array_to_string", call("list_transform", args[0], lambda(element, each)), args[1]), nil
}

func zip(_ *rewriter, args []any) (node, error) {
	const one = "presto_one"
	var fields []any
	for i := range args {
		field := operator("ARRAY_EXTRACT", column(one), integer(i+1))
		field["alias"] = "field" + strconv.Itoa(i)
		fields = append(fields, field)
	}
	return call("list_transform", call("list_zip", args...), lambda(one, call("struct_pack", fields...))), nil
}

// reduce folds from a start, and gives the last state to its last function.
func reduce(_ *rewriter, args []any) (node, error) {
	folded := call("list_reduce", args[0], args[2], args[1])
	ended := call("list_transform", call("list_value", folded), args[3])
	return operator("ARRAY_EXTRACT", ended, integer(1)), nil
}
