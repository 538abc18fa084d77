package duckanalytics

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// inZone marks an instant whose parts, and text, are those of a zone: DuckDB's
// type has none. The macro gives the instant alone.
const inZone = "presto_in_zone"

const utc = "UTC"

// localFunctions read the parts of a time.
var localFunctions = []string{
	"year", "quarter", "month", "week", "day", "hour", "minute", "second", "isodow", "dayofyear", "isoyear", "last_day", "presto_date", "presto_millisecond",
}

// zoned marks an instant with a zone: a constant, or an expression.
func (r *rewriter) zoned(instant, zone any) (node, error) {
	if name, ok := constantText(zone); ok {
		name, err := zoneName(name)
		if err != nil {
			return nil, err
		}
		if name == utc {
			return r.withUTC(instant), nil
		}
		zone = text(name)
		if _, isOffset := offsetMinutes(name); !isOffset {
			return r.macro(inZone, r.macro("presto_if_zone", r.withUTC(instant), text(name)), zone), nil
		}
	}
	return r.macro(inZone, r.withUTC(instant), zone), nil
}

// withUTC and withoutZone turn the two types of times into each other. The zone
// of a database is UTC, which lets them do in a tenth of the time what a cast
// does.
func (r *rewriter) withUTC(v any) node {
	switch n, _ := v.(node); r.classify(v) {
	case classTimestampTZ:
		return n
	case classTimestamp:
		return call("make_timestamptz", call("epoch_us", v))
	}
	return cast(v, "TIMESTAMP WITH TIME ZONE")
}

func (r *rewriter) withoutZone(v any) node {
	switch n, _ := v.(node); r.classify(v) {
	case classTimestamp:
		return n
	case classTimestampTZ:
		return call("make_timestamp", call("epoch_us", v))
	}
	return cast(v, "TIMESTAMP")
}

// alike compares times of two types as times without a zone.
func (r *rewriter) alike(n node, operands ...string) node {
	var plain, zoned bool
	for _, key := range operands {
		plain = plain || r.classify(n[key]) == classTimestamp
		zoned = zoned || r.classify(n[key]) == classTimestampTZ
	}
	for _, key := range operands {
		if plain && zoned && r.classify(n[key]) == classTimestampTZ {
			n[key] = r.withoutZone(n[key])
		}
	}
	return n
}

var (
	zoneOffset = regexp.MustCompile(`^(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d\d))?$`)
	zoneRegion = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)
)

// zoneName is the name of a zone as Presto prints it: UTC, +02:00, Asia/Tokyo.
func zoneName(name string) (string, error) {
	if m := zoneOffset.FindStringSubmatch(strings.ToUpper(name)); m != nil {
		hours, _ := strconv.Atoi(m[2])
		minutes, _ := strconv.Atoi(m[3])
		switch {
		case hours > 14 || minutes > 59:
			return "", fmt.Errorf("%w: the time zone %q", analytics.ErrSQL, name)
		case hours == 0 && minutes == 0:
			return utc, nil
		}
		return fmt.Sprintf("%s%02d:%02d", m[1], hours, minutes), nil
	}
	switch {
	case slices.Contains([]string{"UTC", "Z", "ZULU", "GMT", "GMT0", "UT", "UCT", "UNIVERSAL", "GREENWICH", "ETC/UTC", "ETC/GMT"}, strings.ToUpper(name)):
		return utc, nil
	case !zoneRegion.MatchString(name):
		return "", fmt.Errorf("%w: the time zone %q", analytics.ErrSQL, name)
	}
	return name, nil
}

// offsetMinutes are those of a zone that is an offset from UTC.
func offsetMinutes(name string) (int, bool) {
	m := zoneOffset.FindStringSubmatch(name)
	if m == nil {
		return 0, false
	}
	hours, _ := strconv.Atoi(m[2])
	minutes, _ := strconv.Atoi(m[3])
	if minutes += 60 * hours; m[1] == "-" {
		minutes = -minutes
	}
	return minutes, true
}

// zoneOf is the zone of an expression, if that tells it.
func (r *rewriter) zoneOf(v any) any {
	n, _ := v.(node)
	switch children := listOf(n, "children"); n["class"] {
	case "FUNCTION", "WINDOW":
		return r.zoneOfCall(textOf(n, "function_name"), children)
	case "OPERATOR":
		if kind := textOf(n, "type"); kind == "OPERATOR_COALESCE" || kind == "OPERATOR_TRY" {
			return r.commonZone(children...)
		}
	case "CASE":
		results := []any{n["else_expr"]}
		for _, check := range listOf(n, "case_checks") {
			check, _ := check.(node)
			results = append(results, check["then_expr"])
		}
		return r.commonZone(results...)
	case "CAST":
		if textOf(nodeOf(n, "cast_type"), "id") == "TIMESTAMP WITH TIME ZONE" {
			return r.zoneOf(n["child"])
		}
	}
	return nil
}

func (r *rewriter) zoneOfCall(name string, args []any) any {
	switch name {
	case inZone:
		return args[1]
	case "+", "-":
		if len(args) == 2 && r.classify(args[1]) == classInterval {
			return r.zoneOf(args[0])
		}
		if len(args) == 2 && name == "+" && r.classify(args[0]) == classInterval {
			return r.zoneOf(args[1])
		}
	case "min", "max", "any_value", "arg_max_null", "arg_min_null", "first_value", "last_value", "lag", "lead", "nth_value":
		return r.commonZone(args[0])
	case "greatest", "least":
		return r.commonZone(args...)
	}
	return nil
}

// commonZone is the constant zone of all that are not NULL.
func (r *rewriter) commonZone(all ...any) (zone any) {
	name := ""
	for _, v := range all {
		if n, _ := v.(node); textOf(n, "class") == "CONSTANT" {
			continue
		}
		own := r.zoneOf(v)
		ownName, ok := constantText(own)
		if !ok || name != "" && name != ownName {
			return nil
		}
		zone, name = own, ownName
	}
	return zone
}

// minutesOf is how far the clocks of a zone are ahead of UTC, if that is an
// offset.
func (r *rewriter) minutesOf(zone any) (any, bool) {
	if name, ok := constantText(zone); ok {
		minutes, ok := offsetMinutes(name)
		return integer(minutes), ok
	}
	if n, _ := zone.(node); textOf(n, "function_name") == "presto_zone" {
		return r.macro("presto_zone_minutes", zone), true
	}
	return nil, false
}

// local is the time on the clocks of the zone of v, if it has one.
func (r *rewriter) local(v any) (any, error) {
	zone := r.zoneOf(v)
	switch {
	case zone != nil:
		return r.localIn(v, zone)
	case r.classify(v) == classTimestampTZ:
		return r.withoutZone(v), nil
	}
	return v, nil
}

func (r *rewriter) localIn(v, zone any) (node, error) {
	zone, err := r.copied(zone)
	if err != nil {
		return nil, err
	}
	if minutes, ok := r.minutesOf(zone); ok {
		return operate("+", r.withoutZone(v), call("to_minutes", minutes)), nil
	}
	return call("timezone", zone, r.withUTC(v)), nil
}

// instant is the inverse of localIn, with the mark.
func (r *rewriter) instant(local, zone any) (node, error) {
	own, err := r.copied(zone)
	if err != nil {
		return nil, err
	}
	if minutes, ok := r.minutesOf(own); ok {
		return r.zoned(operate("-", r.withoutZone(local), call("to_minutes", minutes)), zone)
	}
	return r.zoned(call("timezone", own, r.withoutZone(local)), zone)
}

// locally does what reads the clocks, and returns the instant that they show.
func (r *rewriter) locally(v any, do func(local any) (node, error)) (node, error) {
	local, err := r.local(v)
	if err != nil {
		return nil, err
	}
	to, err := do(local)
	if err != nil {
		return nil, err
	}
	zone := r.zoneOf(v)
	switch {
	case zone != nil:
		return r.instant(to, zone)
	case r.classify(v) == classTimestampTZ:
		return r.withUTC(to), nil
	}
	return to, nil
}

// zonedText is the text of a time with its zone.
func (r *rewriter) zonedText(v, zone any) (node, error) {
	local, err := r.localIn(v, zone)
	if err != nil {
		return nil, err
	}
	if zone, err = r.copied(zone); err != nil {
		return nil, err
	}
	return operate("||", call("strftime", local, text(timestampFormat+" ")), zone), nil
}

// zonedLiteral is a time with a zone in its text.
var zonedLiteral = regexp.MustCompile(`^\s*(\d{4}-\d{1,2}-\d{1,2}(?: \d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?)?) ?([A-Za-z+-][A-Za-z0-9_+:/-]*)\s*$`)

// literal reads the zone of a constant that is cast to a time.
func (r *rewriter) literal(n node) (node, error) {
	written, _ := constantText(n["child"])
	m := zonedLiteral.FindStringSubmatch(written)
	if m == nil {
		return n, nil
	}
	at := cast(text(m[1]), "TIMESTAMP")
	at["try_cast"] = n["try_cast"]
	return r.withZone(at, text(m[2]))
}

// withZone reads a time on the clocks of a zone.
func (r *rewriter) withZone(local, zone any) (node, error) {
	if name, ok := constantText(zone); ok {
		name, err := zoneName(name)
		if err != nil {
			return nil, err
		}
		if zone = text(name); name == utc {
			return r.withUTC(local), nil
		}
	}
	return r.instant(local, zone)
}

var isoOffset = regexp.MustCompile(`T.*([+-]\d\d(?::?\d\d)?)$`)

// withOffset marks an instant with the offset that its text ends with, behind a T.
func (r *rewriter) withOffset(instant node, written any) (node, error) {
	if constant, ok := constantText(written); ok {
		if m := isoOffset.FindStringSubmatch(constant); m != nil {
			return r.zoned(instant, text(m[1]))
		}
		return instant, nil
	}
	return r.zoned(instant, r.macro("presto_zone", written))
}

// outputZone is the zone that a column of the output is printed in. The place is
// counted from the end if it is negative.
type outputZone struct {
	place int
	name  string
}

// outputZones are those of the items of a query that are in a constant zone.
func (r *rewriter) outputZones(query node) (zones []outputZone) {
	items := listOf(query, "select_list")
	isStar := func(v any) bool { return classOf(v) == "STAR" }
	for i, item := range items {
		name, ok := constantText(r.zoneOf(item))
		switch {
		case !ok:
		case !slices.ContainsFunc(items[:i], isStar):
			zones = append(zones, outputZone{i, name})
		case !slices.ContainsFunc(items[i:], isStar):
			zones = append(zones, outputZone{i - len(items), name})
		}
	}
	return zones
}

// zonedSQL writes a column of instants in a zone.
func zonedSQL(column, zone string) string {
	local := "timezone(" + quoteText(zone) + ", " + column + ")"
	if minutes, ok := offsetMinutes(zone); ok {
		local = fmt.Sprintf("CAST(%s AS TIMESTAMP) + to_minutes(%d)", column, minutes)
	}
	return "strftime(" + local + ", '" + timestampFormat + " ') || " + quoteText(zone)
}
