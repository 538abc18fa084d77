package duckanalytics_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// castTests are expressions without a data store and what they give.
var castTests = []struct{ group, expression, want string }{
	{"doubles", "CAST(1e7 AS varchar)", "1.0E7"}, {"doubles", "CAST(1e-5 AS varchar)", "1.0E-5"}, {"doubles", "CAST(-12345678.125e0 AS varchar)", "-1.2345678125E7"}, {"doubles", "CAST(1.25e-4 AS varchar)", "1.25E-4"},
	{"doubles", "CAST(2.5e0 AS varchar)", "2.5"}, {"doubles", "CAST(0e0 AS varchar)", "0.0"}, {"doubles", "CAST(1e300 AS varchar)", "1.0E300"}, {"doubles", "CAST(CAST(1e7 AS real) AS varchar)", "1.0E7"}, {"doubles", "CAST(CAST(0.1 AS real) AS varchar)", "0.1"},
	{"doubles", "CAST(nan() AS varchar)", "NaN"}, {"doubles", "CAST(infinity() AS varchar)", "Infinity"}, {"doubles", "CAST(-infinity() AS varchar)", "-Infinity"}, {"doubles", "TRY_CAST(1e7 AS varchar)", "1.0E7"}, {"doubles", "CAST(1e7 AS varchar(10))", "1.0E7"},
	{"doubles", "CAST(CAST(CAST(CAST(1e7 AS varchar) AS double) AS varchar) AS varchar)", "1.0E7"}, {"doubles", "'t=' || CAST(avg(x) AS varchar) FROM (VALUES (1e7), (3e7)) AS v(x)", "t=2.0E7"},
	{"doubles", "array_join(ARRAY[1e7, 2.5e0], ',')", "1.0E7,2.5"}, {"doubles", "array_join(ARRAY[1e7, NULL], ',', '?')", "1.0E7,?"}, {"doubles", "CAST(ARRAY[1e7] AS array(varchar))", "[1.0E7]"}, {"doubles", "transform(ARRAY[1e7], x -> CAST(x AS varchar))", "[1.0E7]"},
	{"doubles", "CAST(x AS varchar) || CAST(sum(y) AS varchar) FROM (VALUES (1e7, 1)) AS v(x, y) GROUP BY CAST(x AS varchar)", "1.0E71"},

	{"times", "CAST(from_unixtime(1600000000) AS varchar)", "2020-09-13 12:26:40.000"}, {"times", "CAST(timestamp '2026-01-10 01:02:03.25' AS varchar)", "2026-01-10 01:02:03.250"}, {"times", "CAST(now() AS varchar)", "2026-01-10 07:30:00.000 UTC"},
	{"times", "CAST(time '12:00:00' AS varchar)", "12:00:00.000"}, {"times", "CAST(date '2026-01-10' AS varchar)", "2026-01-10"}, {"times", "CAST(ARRAY[from_unixtime(0)] AS array(varchar))", "[1970-01-01 00:00:00.000]"}, {"times", "CAST(t AS varchar) FROM (VALUES (timestamp '2026-01-10 01:02:03')) AS v(t)", "2026-01-10 01:02:03.000"},

	{"others", "CAST(5 AS varchar)", "5"}, {"others", "CAST(1.50 AS varchar)", "1.50"}, {"others", "CAST(true AS varchar)", "true"}, {"others", "CAST(NULL AS varchar)", "NULL"}, {"others", "CAST('x' AS varchar)", "x"},
	{"others", `CAST(json_extract('{"a":"x"}', '$.a') AS varchar)`, "x"}, {"others", `CAST(json_parse('1') AS varchar)`, "1"}, {"others", `CAST(json_parse('null') AS varchar)`, "NULL"},

	{"integers", "CAST(2.5e0 AS integer)", "3"}, {"integers", "CAST(-2.5e0 AS integer)", "-3"}, {"integers", "CAST(2.4e0 AS bigint)", "2"}, {"integers", "CAST(20.5 AS bigint)", "21"}, {"integers", "CAST(CAST(0.5 AS real) AS smallint)", "1"}, {"integers", "TRY_CAST(2.5e0 AS tinyint)", "3"},
	{"integers", "CAST(9007199254740993 AS bigint)", "9007199254740993"}, {"integers", "CAST(x AS bigint) FROM (VALUES (9007199254740993)) AS v(x)", "9007199254740993"}, {"integers", "CAST(x AS bigint) FROM (VALUES (2.5e0)) AS v(x)", "3"}, {"integers", "TRY_CAST(x AS bigint) FROM (VALUES (2.5e0)) AS v(x)", "3"},
	{"integers", "TRY_CAST(x AS integer) FROM (VALUES ('a')) AS v(x)", "NULL"}, {"integers", "TRY_CAST(x AS integer) FROM (VALUES (1e300)) AS v(x)", "NULL"}, {"integers", "TRY(CAST(1e300 AS integer))", "NULL"}, {"integers", "CAST(ARRAY[2.5e0, -0.5e0] AS array(integer))", "[3, -1]"}, {"integers", "CAST('12' AS integer)", "12"}, {"integers", "CAST(true AS integer)", "1"},

	{"decimals", "CAST(2.5 AS decimal)", "3"}, {"decimals", "CAST(-2.5e0 AS decimal)", "-3"}, {"decimals", "CAST('12345678901234567890.4' AS DECIMAL)", "12345678901234567890"}, {"decimals", "try_cast('x' AS decimal )", "NULL"}, {"decimals", "CAST(abs(CAST(1.5 AS decimal)) AS decimal)", "2"},
	{"decimals", "CAST(2.5 AS decimal(18,3))", "2.500"}, {"decimals", "max(decimal) FROM (SELECT 1 AS decimal) AS v", "1"}, {"decimals", "DECIMAL '1.50'", "1.50"}, {"decimals", "DECIMAL '-12'", "-12"}, {"decimals", "CAST(0.125e0 AS decimal(10,2))", "0.13"},

	{"JSON", "CAST(ROW(1, 'x') AS json)", `[1,"x"]`}, {"JSON", "CAST(ARRAY[1, 2] AS json)", "[1,2]"}, {"JSON", "CAST(NULL AS json)", "NULL"}, {"JSON", "CAST(map(ARRAY['a'], ARRAY[1]) AS json)", `{"a":1}`}, {"JSON", "CAST(1 AS json)", "1"},
}

func TestCasts(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake())
	for _, test := range castTests {
		t.Run(test.group+"/"+test.expression, func(t *testing.T) {
			t.Parallel()
			requireValue(t, engine, test.expression, test.want)
		})
	}
}

// requireValue wants an expression, and what may follow it, to give a value.
func requireValue(t *testing.T, engine analytics.Engine, expression, want string) {
	t.Helper()
	got, err := ask(t, engine, acme, "SELECT "+expression)
	require.NoError(t, err, expression)
	value := `"` + strings.ReplaceAll(want, `"`, `""`) + `"`
	if want == "NULL" {
		value = ""
	}
	require.Equal(t, "\"_col0\"\n"+value+"\n", got)
}

// TestDoublesAsText wants a cast to write a number as results have it.
func TestDoublesAsText(t *testing.T) {
	t.Parallel()
	l := newLake()
	var lines []string
	for exponent := -310; exponent <= 307; exponent++ {
		for _, digits := range []float64{1, -1.5, 9.999999999999999, 1.2345678901234567} {
			lines = append(lines, fmt.Sprintf(`{"x":%g}`, digits*math.Pow(10, float64(exponent))))
		}
	}
	l.json(t, acme, "numbers", "2026-01-10", lines...)
	got, err := ask(t, inProcess(t, l), acme, "SELECT x, CAST(x AS varchar) FROM numbers")
	require.NoError(t, err)
	rows := strings.Split(strings.TrimSpace(got), "\n")[1:]
	require.Len(t, rows, len(lines))
	for _, row := range rows {
		number, asText, _ := strings.Cut(row, ",")
		require.Equal(t, number, asText)
	}
}
