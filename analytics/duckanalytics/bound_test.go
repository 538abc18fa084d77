package duckanalytics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
)

// boundTests are calls at the bounds of what they make.
var boundTests = []struct{ expression, want string }{
	{"cardinality(sequence(1, 10000))", "10000"}, {"cardinality(sequence(10000, 1))", "10000"}, {"cardinality(repeat('x', 10000))", "10000"}, {"repeat('x', 0)", "[]"},
	{"sequence(5, 1)", "[5, 4, 3, 2, 1]"}, {"sequence(5, 1, -2)", "[5, 3, 1]"}, {"sequence(3, 3)", "[3]"}, {"sequence(1, 2, 5)", "[1]"}, {"sequence(-9223372036854775807, 9223372036854775807, 9223372036854775807)", "[-9223372036854775807, 0, 9223372036854775807]"},
	{"sequence(date '2026-01-03', date '2026-01-01')", "[2026-01-03, 2026-01-02, 2026-01-01]"}, {"sequence(date '2026-01-31', date '2026-04-01', interval '1' month)", "[2026-01-31, 2026-02-28, 2026-03-31]"},
	{"cardinality(sequence(date '2001-02-03', date '2028-02-03', interval '1' month))", "325"}, {"cardinality(sequence(date '2001-01-01', date '2028-01-01', interval '-1' month * -1))", "325"},
	{"cardinality(sequence(timestamp '2026-01-01 00:00:00', timestamp '2026-01-01 00:00:00' + interval '9999' second, interval '1' second))", "10000"},
	{"sequence(timestamp '2026-01-01 02:00:00', timestamp '2026-01-01 00:30:00', interval '-1' hour)", "[2026-01-01 02:00:00.000, 2026-01-01 01:00:00.000]"},
	{"length(lpad('x', 1000000, 'ab'))", "1000000"}, {"length(rpad('x', 500000 * 2, 'ab'))", "1000000"}, {"lpad('abc', 0, 'x')", ""}, {"rpad('abc', 1 + 1, 'x')", "ab"}, {"lpad('abc', NULL, 'x')", "NULL"},
	{"levenshtein_distance(lpad('x', 1000, 'x'), lpad('y', 1000, 'y'))", "1000"}, {"levenshtein_distance('a', NULL)", "NULL"},
	{"TRY(cardinality(repeat('x', 10001)))", "NULL"}, {"if(false, sequence(1, 10001))", "NULL"}, {"sequence(1, NULL)", "NULL"},
}

func TestBounds(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake())
	for _, test := range boundTests {
		t.Run(test.expression, func(t *testing.T) {
			t.Parallel()
			requireAnswer(t, engine, test.expression, test.want)
		})
	}
}

// requireAnswer asks for an expression; NULL is no text.
func requireAnswer(t *testing.T, engine *workeranalytics.Engine, expression, want string) {
	t.Helper()
	got, err := ask(t, engine, acme, "SELECT "+expression)
	require.NoError(t, err)
	text := `"` + strings.ReplaceAll(want, `"`, `""`) + `"`
	if want == "NULL" {
		text = ""
	}
	require.Equal(t, "\"_col0\"\n"+text+"\n", got)
}

// TestAttackBounds wants what a small statement could make large to be refused
// before it is made, also where nothing limits the process.
func TestAttackBounds(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake(), func(o *workeranalytics.Options) { o.Timeout = 20 * time.Second })
	for expression, want := range map[string]string{
		"repeat('x', 2000000000)":                                            "an array of more than 10000 elements",
		"repeat('x', 10001)":                                                 "an array of more than 10000 elements",
		"repeat('x', -1)":                                                    "a negative count",
		"cardinality(repeat(repeat('x', 10000), 1000000))":                   "an array of more than 10000 elements",
		"transform(ARRAY[2000000000], n -> cardinality(repeat(1, n)))":       "an array of more than 10000 elements",
		"if(true, repeat('x', 2000000000), NULL)":                            "an array of more than 10000 elements",
		"coalesce(cardinality(repeat('x', 2000000000)), 0)":                  "an array of more than 10000 elements",
		"sequence(1, 10001)":                                                 "an array of more than 10000 elements",
		"sequence(1, 9223372036854775807)":                                   "an array of more than 10000 elements",
		"sequence(-9223372036854775807, 9223372036854775807)":                "an array of more than 10000 elements",
		"sequence(1, 9223372036854775807, 2)":                                "an array of more than 10000 elements",
		"sequence(9223372036854775807, 1)":                                   "an array of more than 10000 elements",
		"sequence(1, 2, 0)":                                                  "a step of 0",
		"sequence(1, 2, -1)":                                                 "a step away from the end of the sequence",
		"sequence(2, 1, 1)":                                                  "a step away from the end of the sequence",
		"sequence(date '0001-01-01', date '9999-01-01')":                     "an array of more than 10000 elements",
		"sequence(date '9999-01-01', date '0001-01-01')":                     "an array of more than 10000 elements",
		"sequence(date '0001-01-01', date '9999-01-01', interval '1' month)": "an array of more than 10000 elements",
		"sequence(date '2026-01-01', date '2026-01-02', interval '0' day)":   "a step of 0",
		"sequence(timestamp '2026-01-01 00:00:00', timestamp '2026-01-02 00:00:00', interval '1' second)":        "an array of more than 10000 elements",
		"sequence(timestamp '2026-01-01 00:00:00', timestamp '2026-01-02 00:00:00', interval '0.000001' second)": "an array of more than 10000 elements",
		"sequence(timestamp '2026-01-01 00:00:00', timestamp '2026-01-02 00:00:00', interval '-1' hour)":         "a step away from the end of the sequence",
		"sequence(current_timestamp, current_timestamp + interval '9' day, interval '1' second)":                 "an array of more than 10000 elements",
		"length(lpad('x', 2000000000, 'x'))":                               "a text padded to more than 1000000 characters, or to less than 0",
		"length(rpad('x', 1000000 + 1, 'x'))":                              "a text padded to more than 1000000 characters, or to less than 0",
		"length(lpad('x', 9223372036854775807, 'x'))":                      "a text padded to more than 1000000 characters, or to less than 0",
		"lpad('x', -1, 'x')":                                               "a text padded to more than 1000000 characters, or to less than 0",
		"levenshtein_distance(lpad('x', 1000000, 'x'), lpad('y', 9, 'y'))": "texts too long to compare",
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			_, err := ask(t, engine, acme, "SELECT "+expression)
			require.ErrorIs(t, err, analytics.ErrSQL)
			require.ErrorContains(t, err, want)
		})
	}
}

// TestAttackVolatileBounds has sizes with another value at each place where a
// macro looks at them.
func TestAttackVolatileBounds(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake(), func(o *workeranalytics.Options) { o.Timeout = 20 * time.Second })
	const size = "if(random() < 5e-1, 1, 2000000000)"
	for _, expression := range []string{"cardinality(repeat('x', " + size + "))", "cardinality(sequence(1, " + size + "))", "cardinality(sequence(" + size + ", 2000000000))", "length(lpad('x', " + size + ", 'x'))"} {
		for range 20 {
			got, err := ask(t, engine, acme, "SELECT "+expression)
			if err != nil {
				require.ErrorIs(t, err, analytics.ErrSQL)
				continue
			}
			require.Less(t, len(got), 20, "%s: a number of at most 7 digits", expression)
		}
	}
}
