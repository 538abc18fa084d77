package duckanalytics_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// aggregateTests are queries without a data store and the lines that they give.
var aggregateTests = []struct{ name, sql, want string }{
	{"distinct, few", "SELECT approx_distinct(x), approx_distinct(x * 3e0), approx_distinct(CAST(x AS varchar)), approx_distinct(x, 2.3e-2) FROM UNNEST(sequence(1, 10)) t(x)", `"10","10","10","10"`},
	{"distinct, many", "SELECT approx_distinct(x), approx_distinct(x % 50), approx_distinct(CAST(NULL AS bigint)) FROM UNNEST(sequence(1, 10000)) t(x)", `"10000","50","0"`},
	{"distinct, filter", "SELECT approx_distinct(x) FILTER (WHERE x > 7), approx_distinct(x, 0.1) FILTER (WHERE x > 8) FROM UNNEST(sequence(1, 10)) t(x)", `"3","2"`},
	{"distinct, window", "SELECT x, approx_distinct(x / 2) OVER (ORDER BY x), approx_distinct(x) FILTER (WHERE x > 1) OVER () FROM UNNEST(sequence(1, 3)) t(x) ORDER BY x", `"1","1","2"|"2","2","2"|"3","2","2"`},

	{"percentile, two", "SELECT approx_percentile(x, 0.5) FROM UNNEST(ARRAY[7, 50]) t(x)", `"50"`},
	{"percentile, integers", "SELECT approx_percentile(x, 0.5), approx_percentile(x, 0), approx_percentile(x, 1), approx_percentile(x, 0.7e0), approx_percentile(x, 0.29), approx_percentile(x, 1.0) FROM UNNEST(sequence(0, 9)) t(x)", `"5","0","9","7","2","9"`},
	{"percentile, doubles", "SELECT approx_percentile(x + 5e-1, 0.5) FROM UNNEST(sequence(0, 9)) t(x)", `"5.5"`},
	{"percentile, hundreds", "SELECT approx_percentile(x, 0.9), approx_percentile(x, 0.1), approx_percentile(x, 99/100e0) FROM UNNEST(sequence(0, 299)) t(x)", `"270","30","297"`},
	{"percentile, decimals", "SELECT approx_percentile(x, 0.5) FROM (VALUES (1.5), (2.25)) t(x)", `"2.25"`},
	{"percentile, several", "SELECT approx_percentile(x, ARRAY[0.5, 1, 0, 0.9]) FROM UNNEST(sequence(0, 9)) t(x)", `"[5, 9, 0, 9]"`},
	{"percentile, nulls", "SELECT approx_percentile(x, 0.5), approx_percentile(x, 0.5) FILTER (WHERE x > 9), approx_percentile(x, ARRAY[0.5]) FILTER (WHERE x > 9) FROM UNNEST(ARRAY[1, NULL, 2, 3]) t(x)", `"2",,`},
	{"percentile, filter", "SELECT approx_percentile(x, 0.5) FILTER (WHERE x > 5), count(*) FROM UNNEST(sequence(0, 9)) t(x)", `"8","10"`},
	{"percentile, groups", "SELECT x % 2, approx_percentile(x, 0.5) AS p FROM UNNEST(sequence(0, 9)) t(x) GROUP BY 1 ORDER BY 1", `"0","4"|"1","5"`},
	{"percentile, window", "SELECT x, approx_percentile(x, 0.5) OVER (ORDER BY x) FROM UNNEST(sequence(0, 3)) t(x) ORDER BY x", `"0","0"|"1","1"|"2","1"|"3","2"`},

	{"most", "SELECT max(x, 2), min(x, 2), max_by(x, -x, 2), min_by(x, -x, 2), max(x), min_by(x, -x) FROM UNNEST(sequence(0, 9)) t(x)", `"[9, 8]","[0, 1]","[0, 1]","[9, 8]","9","9"`},
	{"most, window", "SELECT max(x) OVER (ORDER BY x), min(x) FILTER (WHERE x > 1) OVER () FROM UNNEST(sequence(1, 2)) t(x) ORDER BY 1", `"1","2"|"2","2"`},
	{"most, of all columns", "SELECT max_by(x, y), min_by(x, y) FROM (VALUES (1, 2), (NULL, 3), (4, 1)) t(x, y)", `,"4"`},
	{"skewness, even", "SELECT skewness(1768028400 + x), round(kurtosis(1768028400 + x), 6), abs(skewness(x + 1e-1)) < 1e-9 FROM UNNEST(sequence(0, 9)) t(x)", `"0.0","-1.2","true"`},
	{"skewness", "SELECT round(skewness(x), 6), round(kurtosis(x), 6) FROM UNNEST(ARRAY[1, 2, 3, 4, NULL, 10]) t(x)", `"1.13842","3.152"`},
	{"skewness, equal", "SELECT skewness(x), kurtosis(x) FROM UNNEST(repeat(21.1, 10)) t(x)", `"NaN","NaN"`},
	{"skewness, few", "SELECT skewness(x), kurtosis(x), skewness(x) FILTER (WHERE x > 5) FROM UNNEST(sequence(1, 2)) t(x)", `,,`},
	{"multimap", "SELECT multimap_agg(x % 2, x), multimap_agg(x, x) FILTER (WHERE x > 9) FROM UNNEST(sequence(1, 4)) t(x)", `"{0=[2, 4], 1=[1, 3]}",`},
}

func TestAggregates(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake())
	for _, test := range aggregateTests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := ask(t, engine, acme, test.sql)
			require.NoError(t, err)
			_, lines, _ := strings.Cut(strings.TrimSuffix(got, "\n"), "\n")
			require.Equal(t, test.want, strings.ReplaceAll(lines, "\n", "|"))
		})
	}
}

// TestAggregateErrors: a percentile has bounds, and so has a number of values.
func TestAggregateErrors(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake())
	for expression, want := range map[string]string{
		"approx_percentile(x, 1.5)": "a percentile not between 0 and 1", "approx_percentile(x, -1e-1)": "a percentile not between 0 and 1", "approx_percentile(x, ARRAY[0.5, 2])": "a percentile not between 0 and 1",
		"approx_percentile(x, 1, 0.5)": "approx_percentile with weights", "approx_percentile(x)": "1 arguments", "approx_distinct()": "0 arguments", "approx_percentile(x) OVER ()": "1 arguments",
		"max(x, 10001)": "a number of values from 1 to 10000", "max_by(x, x, 0)": "a number of values from 1 to 10000", "min(x, x)": "a number of values from 1 to 10000",
	} {
		_, err := ask(t, engine, acme, fmt.Sprintf("SELECT %s FROM UNNEST(sequence(1, 10)) t(x)", expression))
		require.ErrorIs(t, err, analytics.ErrSQL, expression)
		require.ErrorContains(t, err, want, expression)
	}
}
