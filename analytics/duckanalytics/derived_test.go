package duckanalytics_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// derivedTests are expressions of functions that DuckDB has not, or has otherwise.
var derivedTests = []struct{ expression, want string }{
	{"typeof(1)", "integer"}, {"typeof('abc')", "varchar(3)"}, {"typeof(CAST('a' AS varchar))", "varchar"}, {"typeof(1.5)", "decimal(2,1)"}, {"typeof(1e0)", "double"}, {"typeof(NULL)", "unknown"}, {"typeof(current_timestamp)", "timestamp with time zone"},
	{"typeof(ARRAY[1])", "array(integer)"}, {"typeof(ARRAY[ARRAY[1.5]])", "array(array(decimal(2,1)))"}, {"typeof(map(ARRAY['a'], ARRAY[ARRAY[1]]))", "map(varchar, array(integer))"}, {"typeof(ROW(1, 'a'))", "row(field0 integer, field1 varchar)"},
	{"typeof(ARRAY[ROW(1, ARRAY[ROW(true)])])", "array(row(field0 integer, field1 array(row(field0 boolean))))"}, {"typeof(to_utf8('a'))", "varbinary"}, {"typeof(interval '1' day)", "interval day to second"}, {"typeof(ARRAY[current_timestamp])", "array(timestamp with time zone)"}, {"typeof(CAST(1 AS real))", "real"},

	{"zip_with(ARRAY[1, 2], ARRAY[10, 20], (x, y) -> x + y)", "[11, 22]"}, {"zip_with(ARRAY[1, 3, 5], ARRAY['a', 'b'], (x, y) -> coalesce(y, '?') || CAST(x AS varchar))", "[a1, b3, ?5]"}, {"zip_with(ARRAY[ROW(1)], ARRAY[2], (x, y) -> x.field0 + y)", "[3]"},
	{"zip_with(ARRAY[1, 2], ARRAY[3, 4], (x, y) -> reduce(ARRAY[x, y], 0, (s, x) -> s + x, s -> s * y))", "[12, 24]"}, {"zip_with(ARRAY[1], ARRAY[ARRAY[2, 3]], (x, y) -> transform(y, z -> z * x))", "[[2, 3]]"},
	{"zip_with(ARRAY[ARRAY[1, 2]], ARRAY[ARRAY[3, 4]], (x, y) -> zip_with(x, y, (x, z) -> x * z))", "[[3, 8]]"}, {"zip_with(CAST(NULL AS array(integer)), ARRAY[1], (x, y) -> y)", "NULL"}, {"zip_with(ARRAY['a', 'd'], ARRAY['b', 'c'], (X, Y) -> concat(x, y))", "[ab, dc]"},
	{"map_filter(map(ARRAY['a', 'b'], ARRAY[1, 2]), (k, v) -> v > 1)", "{b=2}"}, {"map_filter(map(ARRAY['a', 'b'], ARRAY[1, 2]), (k, v) -> k = 'a')", "{a=1}"}, {"map_filter(map(ARRAY['a'], ARRAY[1]), (k, v) -> false)", "{}"},
	{"transform_values(map(ARRAY['a', 'b'], ARRAY[1, 2]), (k, v) -> k || CAST(v * 2 AS varchar))", "{a=a2, b=b4}"}, {"transform_keys(map(ARRAY['a', 'b'], ARRAY[1, 2]), (k, v) -> v * 10)", "{10=1, 20=2}"}, {"transform_keys(map(ARRAY['a'], ARRAY[1]), (k, v) -> upper(k))", "{A=1}"},
	{"map_entries(map(ARRAY['a'], ARRAY[1]))", "[{field0=a, field1=1}]"}, {"map_from_entries(map_entries(map(ARRAY['a'], ARRAY[1])))", "{a=1}"}, {"map_entries(map(ARRAY['a'], ARRAY[1]))[1].field1", "1"},

	{"from_base('ff', 16)", "255"}, {"from_base('-FF', 16)", "-255"}, {"from_base('101', 2)", "5"}, {"from_base('zz', 36)", "1295"}, {"from_base('-8000000000000000', 16)", "-9223372036854775808"}, {"from_base('7', 8) + 1", "8"}, {"TRY(from_base('8', 8))", "NULL"},
	{"json_array_contains('[1, 2, 3]', 2)", "true"}, {"json_array_contains('[1, 2.50]', 2.5e0)", "true"}, {"json_array_contains('[1, \"2\"]', 2)", "false"}, {"json_array_contains('[\"a\", null]', 'a')", "true"}, {"json_array_contains('[\"a\\u0062\"]', 'ab')", "true"},
	{"json_array_contains('[true]', true)", "true"}, {"json_array_contains('[true]', 'true')", "false"}, {"json_array_contains(json_parse('[1]'), 1)", "true"}, {"json_array_contains('{\"a\":1}', 1)", "NULL"}, {"json_array_contains('nonsense', 1)", "NULL"}, {"json_array_contains('[]', 1)", "false"},
	{"split('a,b,c', ',', 2)", "[a, b,c]"}, {"split('a,b,c', ',', 3)", "[a, b, c]"}, {"split('a,b,c', ',', 9)", "[a, b, c]"}, {"split('a,b,c', ',', 1)", "[a,b,c]"}, {"split('', ',', 2)", "[]"}, {"split(NULL, ',', 2)", "NULL"}, {"cardinality(split('a,b', ',', 2))", "2"},
	{"split_to_multimap('a=1;b=2;a=3', ';', '=')", "{a=[1, 3], b=[2]}"},
	{"parse_duration('42.8ms')", "0 00:00:00.042"}, {"parse_duration('3.81 d')", "3 19:26:24.000"}, {"parse_duration('5m')", "0 00:05:00.000"}, {"TRY(parse_duration('5 weeks'))", "NULL"}, {"parse_duration(NULL)", "NULL"},
	{"human_readable_seconds(96)", "1 minute, 36 seconds"}, {"human_readable_seconds(3762)", "1 hour, 2 minutes, 42 seconds"}, {"human_readable_seconds(56363463)", "93 weeks, 1 day, 8 hours, 31 minutes, 3 seconds"}, {"human_readable_seconds(0)", "0 seconds"}, {"human_readable_seconds(-1.4e0)", "-1 second"}, {"human_readable_seconds(NULL)", "NULL"}, {"human_readable_seconds(3600)", "1 hour"},
	{"to_milliseconds(interval '1' day)", "86400000"}, {"to_milliseconds(timestamp '2026-01-10 00:00:01' - timestamp '2026-01-10 00:00:00')", "1000"}, {"to_milliseconds(parse_duration('1.5s'))", "1500"},
	{"from_unixtime(1768028400, 2, 30)", "2026-01-10 09:30:00.000 +02:30"}, {"from_unixtime(1768028400, -1, 0)", "2026-01-10 06:00:00.000 -01:00"}, {"hour(from_unixtime(1768028400, -1, -30))", "5"}, {"date_format(date '2027-01-01', '%x-%v')", "2026-53"},

	{"cbrt(27)", "3.0"}, {"cbrt(-27)", "-3.0"}, {"cbrt(2e0)", "1.2599210498948732"}, {"cbrt(0)", "0.0"}, {"cbrt(1000)", "10.0"}, {"cbrt(infinity())", "Infinity"}, {"cbrt(nan())", "NaN"}, {"cbrt(NULL)", "NULL"}, {"cbrt(0.001)", "0.1"}, {"cbrt(1e-300)", "1.0E-100"},
	{"'<' || trim(chr(9) || ' a b ' || chr(10) || chr(8195)) || '>'", "<a b>"}, {"'<' || ltrim(chr(9) || 'a ') || '>'", "<a >"}, {"'<' || rtrim(' a' || chr(10)) || '>'", "< a>"}, {"length(trim(chr(160) || 'a'))", "2"},
	{"substr('abc', 0)", ""}, {"substr('abc', 0, 2)", ""}, {"substr('abc', -5)", ""}, {"substr('abc', -2)", "bc"}, {"substr('abc', 9)", ""}, {"substr('abc', 2, 0)", ""}, {"substr('abc', 2, -1)", ""}, {"substr('abc', 1 + 1, 1)", "b"}, {"substr(NULL, 0)", "NULL"}, {"substr('abc', NULL)", "NULL"}, {"substring('abc' FROM 2 FOR 1)", "b"}, {"substring('abc', 0)", ""}, {"substr('abc', 2, NULL)", "NULL"},

	{"ARRAY[1] || 2", "[1, 2]"}, {"1 || ARRAY[2]", "[1, 2]"}, {"ARRAY[1] || 2 || 3", "[1, 2, 3]"}, {"ARRAY['a'] || 'b'", "[a, b]"}, {"ARRAY['a'] || ARRAY['b'] || 'c'", "[a, b, c]"}, {"concat(ARRAY[1], 2, ARRAY[3])", "[1, 2, 3]"}, {"ARRAY[date '2026-01-10'] || current_date", "[2026-01-10, 2026-01-10]"},

	{"format('%s%%', 123)", "123%"}, {"format('%.5f', pi())", "3.14159"}, {"format('%03d', 8)", "008"}, {"format('%,.2f', 1234567.89e0)", "1,234,567.89"}, {"format('%-7s,%7s', 'hello', 'world')", "hello  ,  world"}, {"format('%2$s %3$s %1$s', 'a', 'b', 'c')", "b c a"},
	{"format('%,d', 1234567)", "1,234,567"}, {"format('%+d', 5)", "+5"}, {"format('%.2f', 1.125e0)", "1.13"}, {"format('%e', 12.5e0)", "1.250000e+01"}, {"format('%b', true)", "true"}, {"format('%s', CAST(NULL AS varchar))", "null"}, {"format('%d', CAST(NULL AS bigint))", "null"}, {"format('plain')", "plain"}, {"format('%f', 1)", "1.000000"}, {"format('%s %s', current_date, ARRAY[1])", "2026-01-10 [1]"},
}

func TestDerivedFunctions(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake())
	for _, test := range derivedTests {
		t.Run(test.expression, func(t *testing.T) {
			t.Parallel()
			requireAnswer(t, engine, test.expression, test.want)
		})
	}
}

func TestDerivedErrors(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake())
	for expression, want := range map[string]string{
		"zip_with(ARRAY[1], ARRAY[2], x -> x)": "needs a lambda of two parameters", "zip_with(ARRAY[1], ARRAY[2], (x, x) -> x)": "needs a lambda of two parameters", "zip_with(ARRAY[1], ARRAY[2], 3)": "needs a lambda of two parameters",
		"map_filter(map(ARRAY['a'], ARRAY[1]), x -> true)": "needs a lambda of two parameters", "transform_keys(map(ARRAY['a', 'b'], ARRAY[1, 2]), (k, v) -> 1)": "unique",
		"from_base('8', 8)": "no number of that base", "from_base('', 8)": "no number of that base", "from_base('1', 37)": "no number of that base", "from_base('-', 8)": "no number of that base", "parse_duration('soon')": "no duration", "split('a', ',', 0)": "a limit of parts below 1",
		"format('%d')": "without an argument", "format('%2$s', 1)": "without an argument", "format('%', 1)": "is not supported", "format('%c', 1)": "is not supported", "format('%2000000000s', 'x')": "is not supported", "format('%1001d', 1)": "is not supported", "format('%.31f', 1)": "is not supported", "format('%99999999999999999999s', 1)": "is not supported",
		"format('%99999999999999999999$s', 1)": "without an argument", "format('%(d', 1)": "is not supported", "format('%-s', 1)": "is not supported", "format(CAST(1 AS varchar), 1)": "needs a constant text", "format('%d', 1.5e0)": "format", "checksum(1)": "the function checksum of Presto is not supported here",
		"presto_zip(ARRAY[1], ARRAY[2])": "is not open to a data set", "struct_extract_at(ROW(1), 1)": "is not open to a data set", "printf('%d', 1)": "is not open to a data set", "list(1)": "is not open to a data set", "epoch_ms(1)": "is not open to a data set", "map_from_entries(1, 2)": "No function matches", "quantile_disc(1, 0)": "is not open to a data set",
	} {
		_, err := ask(t, engine, acme, "SELECT "+expression)
		require.ErrorIs(t, err, analytics.ErrSQL, expression)
		require.ErrorContains(t, err, want, expression)
	}
}
