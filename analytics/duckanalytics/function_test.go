package duckanalytics_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// functionTests are expressions without a data store and what they give.
var functionTests = []struct{ group, expression, want string }{
	{"operators", "5/2", "2"}, {"operators", "-5/2", "-2"}, {"operators", "5.0/2", "2.5"}, {"operators", "5e0/2", "2.5"},
	{"operators", "1e0/0", "Infinity"}, {"operators", "-1e0/0", "-Infinity"}, {"operators", "0e0/0", "NaN"}, {"operators", "7 % 3", "1"}, {"operators", "-7 % 3", "-1"},
	{"operators", "mod(7, 3)", "1"}, {"operators", "TRY(1/0)", "NULL"}, {"operators", "'a' || 'b'", "ab"}, {"operators", "'a' || NULL", "NULL"},
	{"operators", "8/2/2", "2"}, {"operators", "1 BETWEEN 0 AND 2", "true"}, {"operators", "'abc' LIKE 'a%'", "true"}, {"operators", "'a_c' LIKE 'a\\_c' ESCAPE '\\'", "true"},
	{"operators", "1 IN (1, 2)", "true"}, {"operators", "NULL IS NULL", "true"}, {"operators", "NOT true", "false"}, {"operators", "1 IS DISTINCT FROM 2", "true"},
	{"operators", "0.1 + 0.2", "0.3"}, {"operators", "1.50", "1.50"}, {"operators", "1e7", "1.0E7"}, {"operators", "1e-4", "1.0E-4"},

	{"conditional", "if(1 > 0, 'a', 'b')", "a"}, {"conditional", "if(1 < 0, 'a')", "NULL"}, {"conditional", "coalesce(NULL, 2)", "2"},
	{"conditional", "nullif(1, 1)", "NULL"}, {"conditional", "CASE 1 WHEN 1 THEN 'x' ELSE 'y' END", "x"}, {"conditional", "TRY(CAST('x' AS integer))", "NULL"},
	{"conditional", "greatest(1, 3, 2)", "3"}, {"conditional", "least(1, 3, 2)", "1"}, {"conditional", "greatest(1, NULL)", "NULL"}, {"conditional", "greatest(7)", "7"},
	{"conditional", "try_cast('x' AS double)", "NULL"},

	{"conversion", "CAST('1' AS integer)", "1"}, {"conversion", "CAST(1.5 AS double)", "1.5"}, {"conversion", "CAST(ARRAY[1] AS array(varchar))", "[1]"},
	{"conversion", "CAST(ROW(1, 'x') AS ROW(a bigint, b varchar))", "{a=1, b=x}"}, {"conversion", "CAST('2026-01-10' AS date)", "2026-01-10"},
	{"conversion", "CAST(1 AS decimal(10,2))", "1.00"}, {"conversion", "ROW(1, 'x')", "{field0=1, field1=x}"}, {"conversion", "CAST(ARRAY[ARRAY[1]] AS array(array(double)))", "[[1.0]]"},
	{"conversion", "CAST(1.0E0 AS real)", "1.0"}, {"conversion", "CAST(true AS varchar)", "true"},

	{"mathematics", "abs(-1)", "1"}, {"mathematics", "cbrt(1)", "1.0"}, {"mathematics", "ceil(1.2e0)", "2.0"}, {"mathematics", "ceil(3)", "3"}, {"mathematics", "ceiling(1.2)", "2"},
	{"mathematics", "floor(-1.2e0)", "-2.0"}, {"mathematics", "floor(7/2)", "3"}, {"mathematics", "round(2.5e0)", "3.0"}, {"mathematics", "round(-2.5e0)", "-3.0"},
	{"mathematics", "round(1.256e0, 2)", "1.26"}, {"mathematics", "round(3)", "3"}, {"mathematics", "truncate(1.9e0)", "1.0"}, {"mathematics", "sign(-2)", "-1"}, {"mathematics", "sign(2e0)", "1.0"},
	{"mathematics", "sqrt(9)", "3.0"}, {"mathematics", "power(2, 5)", "32.0"}, {"mathematics", "pow(2, 3)", "8.0"}, {"mathematics", "exp(0)", "1.0"}, {"mathematics", "ln(1)", "0.0"},
	{"mathematics", "log2(8)", "3.0"}, {"mathematics", "log10(100)", "2.0"}, {"mathematics", "log(2, 8)", "3.0"}, {"mathematics", "pi()", "3.141592653589793"}, {"mathematics", "e()", "2.718281828459045"},
	{"mathematics", "degrees(pi())", "180.0"}, {"mathematics", "radians(0)", "0.0"}, {"mathematics", "atan2(1, 0)", "1.5707963267948966"}, {"mathematics", "sin(0)", "0.0"}, {"mathematics", "cosh(0)", "1.0"},
	{"mathematics", "is_nan(nan())", "true"}, {"mathematics", "is_infinite(infinity())", "true"}, {"mathematics", "is_finite(1e0)", "true"},
	{"mathematics", "width_bucket(5, 0, 10, 5)", "3"}, {"mathematics", "width_bucket(-1, 0, 10, 5)", "0"}, {"mathematics", "width_bucket(11, 0, 10, 5)", "6"}, {"mathematics", "width_bucket(5, 10, 0, 5)", "3"},
	{"mathematics", "to_base(255, 16)", "ff"}, {"mathematics", "random() < 1", "true"}, {"mathematics", "random(5) < 5", "true"}, {"mathematics", "rand() >= 0", "true"},

	{"bitwise", "bitwise_and(6, 3)", "2"}, {"bitwise", "bitwise_or(6, 3)", "7"}, {"bitwise", "bitwise_xor(6, 3)", "5"}, {"bitwise", "bitwise_not(5)", "-6"}, {"bitwise", "bit_count(7, 64)", "3"}, {"bitwise", "bit_count(-1, 8)", "8"},

	{"text", "chr(65)", "A"}, {"text", "codepoint('A')", "65"}, {"text", "concat('a', 'b', 'c')", "abc"}, {"text", "concat('a', NULL)", "NULL"}, {"text", "length('héé')", "3"},
	{"text", "lower('A')", "a"}, {"text", "upper('é')", "É"}, {"text", "lpad('a', 3, 'x')", "xxa"}, {"text", "rpad('a', 3, 'x')", "axx"}, {"text", "trim('  a ')", "a"}, {"text", "ltrim(' a')", "a"},
	{"text", "replace('abc', 'b')", "ac"}, {"text", "replace('abc', 'b', 'x')", "axc"}, {"text", "reverse('abc')", "cba"}, {"text", "position('b' IN 'abc')", "2"}, {"text", "strpos('abc', 'c')", "3"},
	{"text", "split('a,b', ',')", "[a, b]"}, {"text", "split_part('a,b', ',', 2)", "b"}, {"text", "split_part('a,b', ',', 3)", "NULL"}, {"text", "substr('abc', 2)", "bc"}, {"text", "substring('abc', -2, 1)", "b"},
	{"text", "levenshtein_distance('abc', 'abd')", "1"}, {"text", "hamming_distance('abc', 'abd')", "1"}, {"text", "split_to_map('a=1;b=2', ';', '=')", "{a=1, b=2}"}, {"text", "starts_with('abc', 'ab')", "true"},
	{"text", "normalize('é')", "é"}, {"text", "from_utf8(to_utf8('é'))", "é"}, {"text", "'it''s'", "it's"}, {"text", "translate('abc', 'a', 'x')", "xbc"},

	{"binary", "to_utf8('hi')", "68 69"}, {"binary", "X'00ff'", "00 ff"}, {"binary", "to_hex(from_hex('6869'))", "6869"}, {"binary", "to_base64(to_utf8('hi'))", "aGk="}, {"binary", "from_utf8(from_base64('aGk='))", "hi"},
	{"binary", "to_hex(md5(to_utf8('a')))", "0CC175B9C0F1B6A831C399E269772661"}, {"binary", "to_hex(sha1(to_utf8('')))", "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"},
	{"binary", "length(to_hex(sha256(to_utf8('a'))))", "64"},

	{"times", "current_date", "2026-01-10"}, {"times", "current_timestamp", "2026-01-10 07:30:00.000 UTC"}, {"times", "now()", "2026-01-10 07:30:00.000 UTC"}, {"times", "localtimestamp", "2026-01-10 07:30:00.000"},
	{"times", "current_timezone()", "UTC"}, {"times", "current_date - interval '7' day", "2026-01-03"}, {"times", "current_timestamp - interval '24' hour", "2026-01-09 07:30:00.000 UTC"},
	{"times", "date '2026-01-31' + interval '1' month", "2026-02-28"}, {"times", "timestamp '2026-01-10 01:02:03' + interval '2' second", "2026-01-10 01:02:05.000"},
	{"times", "date_trunc('hour', timestamp '2026-01-10 07:45:00')", "2026-01-10 07:00:00.000"}, {"times", "date_trunc('week', date '2026-01-10')", "2026-01-05"}, {"times", "date_trunc('day', current_timestamp)", "2026-01-10 00:00:00.000 UTC"},
	{"times", "date_add('day', 1, date '2026-01-10')", "2026-01-11"}, {"times", "date_add('hour', -1, timestamp '2026-01-10 00:00:00')", "2026-01-09 23:00:00.000"}, {"times", "date_add('quarter', 1, date '2026-01-10')", "2026-04-10"},
	{"times", "date_diff('hour', timestamp '2026-01-10 01:59:00', timestamp '2026-01-10 02:01:00')", "0"}, {"times", "date_diff('day', date '2026-01-01', date '2026-01-10')", "9"},
	{"times", "date_format(timestamp '2026-01-10 07:08:09', '%Y-%m-%d %H:%i:%s')", "2026-01-10 07:08:09"}, {"times", "date_format(timestamp '2026-01-10 17:08:09', '%c/%e %h:%i %p %W %M %b')", "1/10 05:08 PM Saturday January Jan"},
	{"times", "date_parse('2026-01-10 07:08:09', '%Y-%m-%d %H:%i:%s')", "2026-01-10 07:08:09.000"}, {"times", "date_parse('10/Jan/2026', '%d/%b/%Y')", "2026-01-10 00:00:00.000"}, {"times", "TRY(date_parse('x', '%Y'))", "NULL"},
	{"times", "format_datetime(timestamp '2026-01-10 07:08:09', 'yyyy-MM-dd''T''HH:mm:ss')", "2026-01-10T07:08:09"}, {"times", "parse_datetime('2026-01-10 07', 'yyyy-MM-dd HH')", "2026-01-10 07:00:00.000 UTC"},
	{"times", "from_unixtime(1768028400)", "2026-01-10 07:00:00.000"}, {"times", "from_unixtime(1768028400.5)", "2026-01-10 07:00:00.500"}, {"times", "from_unixtime(1768028400, 'Europe/Berlin')", "2026-01-10 08:00:00.000 Europe/Berlin"},
	{"times", "to_unixtime(timestamp '2026-01-10 07:00:00')", "1.7680284E9"}, {"times", "from_iso8601_timestamp('2026-01-10T07:00:00Z')", "2026-01-10 07:00:00.000 UTC"}, {"times", "from_iso8601_timestamp('2026-01-10T07:00:00+02:00')", "2026-01-10 07:00:00.000 +02:00"},
	{"times", "from_iso8601_timestamp('2026-01-10')", "2026-01-10 00:00:00.000 UTC"}, {"times", "from_iso8601_date('2026-01-10')", "2026-01-10"}, {"times", "to_iso8601(date '2026-01-10')", "2026-01-10"}, {"times", "to_iso8601(current_timestamp)", "2026-01-10T07:30:00.000Z"},
	{"times", "date('2026-01-10')", "2026-01-10"}, {"times", "day_of_week(date '2026-01-11')", "7"}, {"times", "dow(date '2026-01-05')", "1"}, {"times", "day_of_month(date '2026-01-10')", "10"}, {"times", "day_of_year(date '2026-02-01')", "32"},
	{"times", "extract(dow FROM date '2026-01-11')", "7"}, {"times", "extract(hour FROM timestamp '2026-01-10 07:08:09')", "7"}, {"times", "year(date '2026-01-10')", "2026"}, {"times", "week(date '2026-01-10')", "2"}, {"times", "year_of_week(date '2027-01-01')", "2026"},
	{"times", "quarter(date '2026-05-01')", "2"}, {"times", "second(timestamp '2026-01-10 07:08:09')", "9"}, {"times", "millisecond(timestamp '2026-01-10 07:08:09.123')", "123"},
	{"times", "timestamp '2026-01-10 07:00:00' AT TIME ZONE 'Europe/Berlin'", "2026-01-10 08:00:00.000 Europe/Berlin"}, {"times", "at_timezone(current_timestamp, 'Europe/Berlin')", "2026-01-10 08:30:00.000 Europe/Berlin"}, {"times", "with_timezone(timestamp '2026-01-10 07:00:00', 'Europe/Berlin')", "2026-01-10 07:00:00.000 Europe/Berlin"},
	{"times", "timestamp '2026-01-11 00:00:00' - timestamp '2026-01-10 01:00:00'", "0 23:00:00.000"}, {"times", "interval '3' month", "0-3"}, {"times", "interval '1' day", "1 00:00:00.000"}, {"times", "last_day(date '2026-02-10')", "2026-02-28"},
	{"times", "time '07:00:00'", "07:00:00.000"},

	{"regular expressions", "regexp_like('abc', 'b.')", "true"}, {"regular expressions", "regexp_extract('a12', '[0-9]+')", "12"}, {"regular expressions", "regexp_extract('a', '[0-9]+')", "NULL"}, {"regular expressions", "regexp_extract('a12', '([a-z])([0-9]+)', 2)", "12"},
	{"regular expressions", "regexp_extract_all('a1b2', '[0-9]')", "[1, 2]"}, {"regular expressions", "regexp_replace('a1b2', '[0-9]')", "ab"}, {"regular expressions", "regexp_replace('ab', '(a)(b)', '$2$1')", "ba"}, {"regular expressions", "regexp_split('a1b', '[0-9]')", "[a, b]"},

	{"JSON", `json_extract('{"a":{"b":[1,"x"]}}', '$.a.b')`, `[1,"x"]`}, {"JSON", `json_extract_scalar('{"a":{"b":1}}', '$.a.b')`, "1"}, {"JSON", `json_extract_scalar('{"a":{"b":1}}', '$.a')`, "NULL"}, {"JSON", `json_extract_scalar('{"a b":2}', '$["a b"]')`, "2"},
	{"JSON", `json_array_length('[1,2]')`, "2"}, {"JSON", `json_array_get('[1,2]', 1)`, "2"}, {"JSON", `json_array_get('[1,2]', -1)`, "2"}, {"JSON", `json_format(json_parse('{"a":1}'))`, `{"a":1}`}, {"JSON", `json_size('{"a":[1,2]}', '$.a')`, "2"}, {"JSON", `is_json_scalar('1')`, "true"},
	{"JSON", `json_parse('{"b":1,"a":1.50}')`, `{"b":1,"a":1.5}`}, {"JSON", `CAST(json_parse('[1,2]') AS array(bigint))`, "[1, 2]"}, {"JSON", `json '{"a":1}'`, `{"a":1}`},

	{"URL", "url_encode('a b&c')", "a+b%26c"}, {"URL", "url_decode('a+b%26c')", "a b&c"}, {"URL", "url_extract_host('https://u@h.example:8080/p/q?x=1&y=a%20b#f')", "h.example"},
	{"URL", "url_extract_port('https://h:8080/p')", "8080"}, {"URL", "url_extract_path('https://h:8080/p/q?x')", "/p/q"}, {"URL", "url_extract_query('https://h/p?x=1#f')", "x=1"}, {"URL", "url_extract_protocol('https://h/p')", "https"},
	{"URL", "url_extract_fragment('https://h/p#f')", "f"}, {"URL", "url_extract_parameter('https://h/p?x=1&y=a%20b#f', 'y')", "a b"}, {"URL", "url_extract_parameter('https://h/p?x=1', 'z')", "NULL"}, {"URL", "url_extract_port('https://h/p')", "NULL"},

	{"arrays", "ARRAY[1, 2][1]", "1"}, {"arrays", "element_at(ARRAY[1, 2], -1)", "2"}, {"arrays", "element_at(ARRAY[1], 5)", "NULL"}, {"arrays", "cardinality(ARRAY[1, 2])", "2"}, {"arrays", "contains(ARRAY[1, 2], 2)", "true"},
	{"arrays", "transform(ARRAY[1, 2], x -> x + 1)", "[2, 3]"}, {"arrays", "filter(ARRAY[1, 2, 3], x -> x > 1)", "[2, 3]"}, {"arrays", "reduce(ARRAY[1, 2, 3], 0, (s, x) -> s + x, s -> s * 10)", "60"}, {"arrays", "reduce(ARRAY[], 7, (s, x) -> s + x, s -> s)", "7"},
	{"arrays", "array_distinct(ARRAY[2, 1, 2])", "[2, 1]"}, {"arrays", "array_union(ARRAY[1, 2], ARRAY[2, 3])", "[1, 2, 3]"}, {"arrays", "array_intersect(ARRAY[1, 2], ARRAY[2, 3])", "[2]"}, {"arrays", "array_except(ARRAY[1, 2], ARRAY[2])", "[1]"},
	{"arrays", "array_join(ARRAY[1, NULL, 2], '-')", "1-2"}, {"arrays", "array_join(ARRAY[1, NULL, 2], '-', '?')", "1-?-2"}, {"arrays", "array_max(ARRAY[1, 3])", "3"}, {"arrays", "array_min(ARRAY[1, NULL])", "NULL"}, {"arrays", "array_position(ARRAY[5, 6], 6)", "2"}, {"arrays", "array_position(ARRAY[5], 9)", "0"},
	{"arrays", "array_remove(ARRAY[1, 2, 1], 1)", "[2]"}, {"arrays", "array_sort(ARRAY[3, NULL, 1])", "[1, 3, null]"}, {"arrays", "arrays_overlap(ARRAY[1], ARRAY[1, 2])", "true"}, {"arrays", "flatten(ARRAY[ARRAY[1], ARRAY[2]])", "[1, 2]"},
	{"arrays", "slice(ARRAY[1, 2, 3, 4], 2, 2)", "[2, 3]"}, {"arrays", "slice(ARRAY[1, 2, 3, 4], -2, 2)", "[3, 4]"}, {"arrays", "repeat('a', 3)", "[a, a, a]"}, {"arrays", "reverse(ARRAY[1, 2])", "[2, 1]"}, {"arrays", "ARRAY[1] || ARRAY[2]", "[1, 2]"}, {"arrays", "concat(ARRAY[1], ARRAY[2], ARRAY[3])", "[1, 2, 3]"},
	{"arrays", "sequence(1, 3)", "[1, 2, 3]"}, {"arrays", "sequence(1, 9, 4)", "[1, 5, 9]"}, {"arrays", "sequence(date '2026-01-01', date '2026-01-03')", "[2026-01-01, 2026-01-02, 2026-01-03]"}, {"arrays", "sequence(timestamp '2026-01-01 00:00:00', timestamp '2026-01-01 02:00:00', interval '1' hour)", "[2026-01-01 00:00:00.000, 2026-01-01 01:00:00.000, 2026-01-01 02:00:00.000]"},
	{"arrays", "zip(ARRAY[1, 2], ARRAY['a', 'b'])", "[{field0=1, field1=a}, {field0=2, field1=b}]"}, {"arrays", "ARRAY['a', NULL]", "[a, null]"},

	{"maps", "map(ARRAY['a', 'b'], ARRAY[1, 2])", "{a=1, b=2}"}, {"maps", "map(ARRAY['a'], ARRAY[1])['a']", "1"}, {"maps", "element_at(map(ARRAY['a'], ARRAY[1]), 'z')", "NULL"}, {"maps", "cardinality(map(ARRAY['a', 'b'], ARRAY[1, 2]))", "2"},
	{"maps", "map_keys(map(ARRAY['a'], ARRAY[1]))", "[a]"}, {"maps", "map_values(map(ARRAY['a'], ARRAY[1]))", "[1]"}, {"maps", "map_concat(map(ARRAY['a'], ARRAY[1]), map(ARRAY['b'], ARRAY[2]))", "{a=1, b=2}"}, {"maps", "cardinality(map_entries(map(ARRAY['a'], ARRAY[1])))", "1"},
	{"maps", "map_from_entries(ARRAY[ROW('a', 1)])", "{a=1}"},
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake())
	for _, test := range functionTests {
		t.Run(test.group+"/"+test.expression, func(t *testing.T) {
			t.Parallel()
			got, err := ask(t, engine, acme, "SELECT "+test.expression)
			require.NoError(t, err)
			want := `"` + strings.ReplaceAll(test.want, `"`, `""`) + `"`
			if test.want == "NULL" {
				want = ""
			}
			require.Equal(t, fmt.Sprintf("\"_col0\"\n%s\n", want), got)
		})
	}
}
