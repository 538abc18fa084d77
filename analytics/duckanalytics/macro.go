package duckanalytics

// macroPrefix begins the names of macros, which no statement can call itself:
// they are in no rule of what may be written.
const macroPrefix = "presto_"

// plainMacros are those that need no more than their text.
var plainMacros = map[string]string{
	// The cast of a text fails when it is evaluated, as Presto does, and TRY
	// catches it. It stands for an integer of any width.
	"presto_nonzero": `(b) AS CASE WHEN b = 0 THEN CAST('` + divisionByZero + `' AS TINYINT) ELSE b END`,
	// What // and % are in DuckDB depends on the types, and doubles by zero are
	// null. A text takes the type of the other branches. A list of one holds the
	// arguments, so that they are not bound once more for each place: nested calls
	// would grow exponentially.
	"presto_divide": `(a, b) AS list_transform([struct_pack(x := a, y := b)], lambda one: CASE WHEN one.y <> 0 OR one.x IS NULL THEN one.x // one.y
		WHEN one.y = 0 AND typeof(one.x) NOT IN ` + realTypes + ` AND typeof(one.y) NOT IN ` + realTypes + ` THEN CAST('` + divisionByZero + `' AS TINYINT)
		WHEN one.y = 0 AND (one.x = 0 OR isnan(one.x)) THEN 'NaN' WHEN one.y = 0 AND one.x > 0 THEN 'Infinity' WHEN one.y = 0 THEN '-Infinity' END)[1]`,
	"presto_modulus": `(a, b) AS list_transform([struct_pack(x := a, y := b)], lambda one: CASE
		WHEN one.y = 0 AND one.x IS NOT NULL AND typeof(one.x) NOT IN ` + realTypes + ` AND typeof(one.y) NOT IN ` + realTypes + `
		THEN CAST('` + divisionByZero + `' AS TINYINT) ELSE one.x % one.y END)[1]`,
	// These are of the type of their argument, also of integers.
	"presto_ceil":  `(x) AS list_transform([x], lambda one: trunc(one) - CASE WHEN one > trunc(one) THEN -1 ELSE 0 END)[1]`,
	"presto_floor": `(x) AS list_transform([x], lambda one: trunc(one) - CASE WHEN one < trunc(one) THEN 1 ELSE 0 END)[1]`,

	"presto_cardinality": `(x) AS CASE WHEN typeof(x) LIKE 'MAP(%' THEN json_array_length(json_keys(to_json(x))) ELSE json_array_length(to_json(x)) END`,
	"presto_map_agg": `(k, v) AS map(list_distinct(list(k)), list_transform(list_distinct(list(k)),
		lambda one: list(v)[list_position(list(k), one)]))`,

	// Each evaluates its operand once, whatever that is.
	"presto_text": `(x) AS list_transform([x], lambda v: CASE
		WHEN typeof(v) IN ('DOUBLE', 'FLOAT') THEN ` + doubleText + `
		WHEN typeof(v) = 'TIMESTAMP' THEN strftime(TRY_CAST(v AS TIMESTAMP), '` + timestampFormat + `')
		WHEN typeof(v) = 'TIMESTAMP WITH TIME ZONE' THEN strftime(TRY_CAST(v AS TIMESTAMPTZ), '` + timestampFormat + ` UTC')
		WHEN typeof(v) = 'TIME' THEN strftime(DATE '1970-01-01' + TRY_CAST(v AS TIME), '` + clockFormat + `')
		WHEN typeof(v) = 'TIME WITH TIME ZONE' THEN strftime(DATE '1970-01-01' + TRY_CAST(v AS TIME), '` + clockFormat + ` UTC')
		WHEN typeof(v) = 'JSON' THEN json_extract_string(TRY_CAST(v AS JSON), '$')
		ELSE CAST(v AS VARCHAR) END)[1]`,
	"presto_whole":     `(x) AS list_transform([x], lambda v: CASE WHEN typeof(v) IN ('DOUBLE', 'FLOAT') THEN CAST(round(TRY_CAST(v AS DOUBLE)) AS BIGINT) ELSE CAST(v AS BIGINT) END)[1]`,
	"presto_try_whole": `(x) AS list_transform([x], lambda v: CASE WHEN typeof(v) IN ('DOUBLE', 'FLOAT') THEN TRY_CAST(round(TRY_CAST(v AS DOUBLE)) AS BIGINT) ELSE TRY_CAST(v AS BIGINT) END)[1]`,
	"presto_row_values": `(x) AS list_transform([x], lambda v: CASE WHEN v IS NULL THEN NULL
		WHEN typeof(v) LIKE 'STRUCT(%' AND typeof(v) NOT LIKE '%[]' THEN to_json(json_extract(to_json(v), '$.*')) ELSE CAST(v AS JSON) END)[1]`,

	"presto_from_unixtime": `(x) AS epoch_ms(CAST(round(CAST(x AS DOUBLE) * 1000) AS BIGINT))`,
	// Joda reads a date, T and a part of a time; DuckDB all of it, and a blank.
	"presto_from_iso8601_timestamp": `(x) AS CASE WHEN contains(x, 'T') THEN coalesce(TRY_CAST(x AS TIMESTAMPTZ), CAST(` + isoTimestamp + ` AS TIMESTAMPTZ)) ELSE CAST(` + isoTimestamp + ` AS TIMESTAMPTZ) END`,
	"presto_to_iso8601":             `(x) AS CASE WHEN typeof(x) = 'DATE' THEN strftime(x, '%Y-%m-%d') ELSE strftime(x, '%Y-%m-%dT%H:%M:%S.%gZ') END`,
	"presto_iso_offset": `(minutes) AS CASE WHEN minutes = 0 THEN 'Z' ELSE
		(CASE WHEN minutes < 0 THEN '-' ELSE '+' END) || lpad(CAST(abs(minutes) // 60 AS VARCHAR), 2, '0') || ':' || lpad(CAST(abs(minutes) % 60 AS VARCHAR), 2, '0') END`,
	// A constant zone is looked up once, and fails where there is none.
	"presto_if_zone": `(x, zone) AS CASE WHEN timezone(zone, TIMESTAMPTZ '1970-01-01 00:00:00+00') IS NOT NULL THEN x END`,
	"presto_in_zone": `(x, zone) AS CAST(x AS TIMESTAMPTZ)`,
	"presto_zone": `(x) AS CASE WHEN x LIKE '%Z' OR NOT contains(x, 'T') THEN 'UTC'
		WHEN substr(x, -6, 1) IN ('+', '-') THEN replace(right(x, 6), '+00:00', 'UTC')
		WHEN substr(x, -5, 1) IN ('+', '-') THEN replace(substr(x, -5, 3) || ':' || right(x, 2), '+00:00', 'UTC')
		WHEN substr(x, -3, 1) IN ('+', '-') THEN replace(right(x, 3) || ':00', '+00:00', 'UTC') ELSE 'UTC' END`,
	"presto_zone_minutes": `(zone) AS CASE WHEN zone = 'UTC' THEN 0 ELSE
		CASE WHEN zone LIKE '-%' THEN -1 ELSE 1 END * (60 * CAST(substr(zone, 2, 2) AS INTEGER) + CAST(right(zone, 2) AS INTEGER)) END`,
	"presto_trunc_hour":        `(u, x, zone) AS list_transform([CAST(x AS TIMESTAMPTZ)], lambda t: t - (timezone(zone, t) - date_trunc(u, timezone(zone, t))))[1]`,
	"presto_from_iso8601_date": `(x) AS CAST(x AS DATE)`,
	"presto_date":              `(x) AS CAST(x AS DATE)`,
	"presto_millisecond":       `(x) AS millisecond(x) % 1000`,
	"presto_date_add": `(u, n, t) AS t + CASE lower(u)
		WHEN 'millisecond' THEN to_milliseconds(n) WHEN 'second' THEN to_seconds(n) WHEN 'minute' THEN to_minutes(n) WHEN 'hour' THEN to_hours(n)
		WHEN 'day' THEN to_days(CAST(n AS INTEGER)) WHEN 'week' THEN to_weeks(CAST(n AS INTEGER)) WHEN 'month' THEN to_months(CAST(n AS INTEGER))
		WHEN 'quarter' THEN to_months(CAST(3 * n AS INTEGER)) WHEN 'year' THEN to_years(CAST(n AS INTEGER)) END`,

	"presto_sign":      `(x) AS x * 0 + sign(x)`,
	"presto_to_base":   `(x, radix) AS lower(to_base(x, radix))`,
	"presto_bit_count": `(x, bits) AS bit_count(CAST(x AS BIGINT) & CASE WHEN bits >= 64 THEN CAST(-1 AS BIGINT) ELSE (CAST(1 AS BIGINT) << bits) - 1 END)`,
	"presto_width_bucket": `(x, low, high, n) AS CASE
		WHEN low < high THEN CASE WHEN x < low THEN 0 WHEN x >= high THEN n + 1 ELSE CAST(floor((x - low) / CAST(high - low AS DOUBLE) * n) AS BIGINT) + 1 END
		ELSE (CASE WHEN x > low THEN 0 WHEN x <= high THEN n + 1 ELSE CAST(floor((low - x) / CAST(low - high AS DOUBLE) * n) AS BIGINT) + 1 END) END`,

	"presto_split_part":   `(s, d, n) AS CASE WHEN n <= len(string_split(s, d)) THEN split_part(s, d, n) END`,
	"presto_split_to_map": `(s, e, kv) AS map(list_transform(string_split(s, e), lambda one: split_part(one, kv, 1)), list_transform(string_split(s, e), lambda one: split_part(one, kv, 2)))`,
	"presto_md5":          `(x) AS unhex(md5(x))`,
	"presto_sha1":         `(x) AS unhex(sha1(x))`,
	"presto_sha256":       `(x) AS unhex(sha256(x))`,

	"presto_regexp_extract":       `(s, p) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p) END`,
	"presto_regexp_extract_group": `(s, p, g) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END`,

	// What is no JSON has no members, and fails in json_parse only.
	"presto_json_parse":        `(x) AS json(x)`,
	"presto_json_extract":      `(j, p) AS json_extract(TRY_CAST(j AS JSON), p)`,
	"presto_json_array_length": `(j) AS CASE WHEN json_type(TRY_CAST(j AS JSON)) = 'ARRAY' THEN json_array_length(TRY_CAST(j AS JSON)) END`,
	"presto_json_format":       `(x) AS CAST(x AS VARCHAR)`,
	"presto_json_scalar":       `(j, p) AS CASE WHEN json_type(TRY_CAST(j AS JSON), p) NOT IN ('OBJECT', 'ARRAY', 'NULL') THEN json_extract_string(TRY_CAST(j AS JSON), p) END`,
	"presto_is_json_scalar":    `(j) AS json_type(j) NOT IN ('OBJECT', 'ARRAY')`,
	"presto_json_array_get":    `(j, i) AS json_extract(TRY_CAST(j AS JSON), '$[' || CASE WHEN i < 0 THEN '#' ELSE '' END || i || ']')`,
	"presto_json_size": `(j, p) AS CASE json_type(TRY_CAST(j AS JSON), p) WHEN 'OBJECT' THEN len(json_keys(TRY_CAST(j AS JSON), p))
		WHEN 'ARRAY' THEN json_array_length(TRY_CAST(j AS JSON), p) ELSE 0 * len(json_type(TRY_CAST(j AS JSON), p)) END`,
	"presto_url_encode":           `(x) AS replace(url_encode(x), '%20', '+')`,
	"presto_url_decode":           `(x) AS url_decode(replace(x, '+', ' '))`,
	"presto_url_extract_protocol": `(x) AS regexp_extract(x, '` + urlPattern + `', 1)`,
	"presto_url_extract_host":     `(x) AS regexp_extract(x, '` + urlPattern + `', 2)`,
	"presto_url_extract_port":     `(x) AS TRY_CAST(regexp_extract(x, '` + urlPattern + `', 3) AS BIGINT)`,
	"presto_url_extract_path":     `(x) AS regexp_extract(x, '` + urlPattern + `', 4)`,
	"presto_url_extract_query":    `(x) AS regexp_extract(x, '` + urlPattern + `', 5)`,
	"presto_url_extract_fragment": `(x) AS regexp_extract(x, '` + urlPattern + `', 6)`,
	"presto_url_extract_parameter": `(x, name) AS url_decode(list_filter(string_split(regexp_extract(x, '` + urlPattern + `', 5), '&'),
		lambda one: split_part(one, '=', 1) = name)[1].substr(len(name) + 2))`,

	"presto_array_distinct":  `(a) AS list_filter(a, lambda one, i: list_position(a, one) = i)`,
	"presto_array_intersect": `(a, b) AS list_filter(a, lambda one, i: list_contains(b, one) AND list_position(a, one) = i)`,
	"presto_array_except":    `(a, b) AS list_filter(a, lambda one, i: NOT list_contains(b, one) AND list_position(a, one) = i)`,
	"presto_array_union":     `(a, b) AS list_filter(a || b, lambda one, i: list_position(a || b, one) = i)`,
	"presto_array_max":       `(a) AS CASE WHEN len(list_filter(a, lambda one: one IS NULL)) = 0 THEN list_max(a) END`,
	"presto_array_min":       `(a) AS CASE WHEN len(list_filter(a, lambda one: one IS NULL)) = 0 THEN list_min(a) END`,
	"presto_array_position":  `(a, e) AS CASE WHEN a IS NOT NULL AND e IS NOT NULL THEN coalesce(list_position(a, e), 0) END`,
	"presto_array_remove":    `(a, e) AS list_filter(a, lambda one: one IS NULL OR one <> e)`,
	"presto_array_sort":      `(a) AS list_sort(a, 'ASC', 'NULLS LAST')`,
	"presto_slice":           `(a, first, n) AS list_slice(a, CASE WHEN first < 0 THEN len(a) + first + 1 ELSE first END, CASE WHEN first < 0 THEN len(a) + first ELSE first - 1 END + n)`,
}

const realTypes = `('DOUBLE', 'FLOAT')`

// timestampFormat and clockFormat are those of results.
const (
	timestampFormat = "%Y-%m-%d " + clockFormat
	clockFormat     = "%H:%M:%S.%g"
)

// doubleText writes a number v, as appendDouble does. DuckDB's own text has the
// same digits: 1e-05, 0.0001, 10000000.0.
const doubleText = `CASE
	WHEN isnan(TRY_CAST(v AS DOUBLE)) THEN 'NaN'
	WHEN isinf(TRY_CAST(v AS DOUBLE)) THEN CASE WHEN TRY_CAST(v AS DOUBLE) > 0 THEN 'Infinity' ELSE '-Infinity' END
	WHEN abs(TRY_CAST(v AS DOUBLE)) >= 1e-3 AND abs(TRY_CAST(v AS DOUBLE)) < 1e7 OR TRY_CAST(v AS DOUBLE) = 0 THEN CAST(v AS VARCHAR)
	WHEN contains(CAST(v AS VARCHAR), 'e') THEN regexp_replace(regexp_replace(CAST(v AS VARCHAR), '^(-?\d)e', '\1.0e'), 'e\+?(-?)0*', 'E\1')
	WHEN abs(TRY_CAST(v AS DOUBLE)) > 1 THEN regexp_replace(regexp_replace(CAST(v AS VARCHAR), '^(-?\d)(\d*)\.(\d+)$', '\1.\2\3'), '(\.\d+?)0*$', '\1E')
		|| (length(split_part(ltrim(CAST(v AS VARCHAR), '-'), '.', 1)) - 1)
	ELSE regexp_replace(regexp_replace(CAST(v AS VARCHAR), '0\.0+(\d)(\d*)$', '\1.\2'), '\.$', '.0')
		|| 'E-' || (length(regexp_extract(CAST(v AS VARCHAR), '\.(0+)', 1)) + 1) END`

// isoTimestamp completes a time x of ISO 8601; one with a blank stays none.
const isoTimestamp = `regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(translate(x, ', ', '.?'),
	'^(\d{4})$', '\1-01'), '^(\d{4}-\d\d)$', '\1-01'),
	'T([.Z+-]|$)', 'T00\1'), '(T\d\d)(Z|[+-].*)?$', '\1:00\2'), '(T\d\d:\d\d)(Z|[+-].*)?$', '\1:00\2')`

const integerTypes = `('TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'UBIGINT')`

// urlPattern is that of RFC 3986, appendix B, with the authority in its parts:
// 1 scheme, 2 host, 3 port, 4 path, 5 query, 6 fragment.
const urlPattern = `^(?:([^:/?#]+):)?(?://(?:[^/?#@]*@)?([^/?#:]*)(?::([0-9]*))?)?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$`

// rewritingNeeds are functions that rewriting calls besides those of rules.
var rewritingNeeds = []string{
	"//", "%", "/", "||", "&", "|", "~", "xor", "ceil", "floor", "trunc", "greatest", "least", "replace", "exp", "random", "timezone", "date_trunc",
	"date_part", "datesub", "strftime", "strptime", "min", "max", "arg_min_null", "arg_max_null", "arg_min", "arg_max", "list", "quantile_disc", "regexp_extract", "regexp_replace", "json_extract", "list_zip",
	"list_transform", "list_reduce", "list_reverse", "reverse", "array_to_string", "generate_series", "len", "cardinality", "struct_pack", "row",
	"lpad", "rpad", "list_filter", "map_keys", "map_values", "unnest", "struct_extract_at", "map_entries", "map_from_entries", "string_split", "epoch_ms", "to_milliseconds", "to_hours", "to_minutes", "trim", "ltrim", "rtrim", "substr", "printf", "round",
	"make_timestamp", "make_timestamptz", "epoch_us",
}
