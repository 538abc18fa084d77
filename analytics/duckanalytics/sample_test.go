package duckanalytics_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// TestSample takes all, none, and what is neither.
func TestSample(t *testing.T) {
	t.Parallel()
	l := newLake()
	l.json(t, acme, "s", "2026-01-10", `{"n":1}`, `{"n":2}`)
	engine := inProcess(t, l)
	for sql, want := range map[string]string{
		"SELECT count(*) FROM s TABLESAMPLE BERNOULLI (100)":                                                                 "2",
		"SELECT count(*) FROM s TABLESAMPLE BERNOULLI(100.0)":                                                                "2",
		"SELECT count(*) FROM s TABLESAMPLE SYSTEM (100)":                                                                    "2",
		"SELECT count(*) FROM s TABLESAMPLE BERNOULLI (0)":                                                                   "0",
		"SELECT count(*) FROM (SELECT n FROM s) TABLESAMPLE BERNOULLI (100)":                                                 "2",
		"SELECT count(*) FROM s AS a TABLESAMPLE BERNOULLI (100) CROSS JOIN s AS b TABLESAMPLE BERNOULLI (0)":                "0",
		"SELECT count(*) BETWEEN 1 AND 500 FROM UNNEST(sequence(1, 10000)) t(n) TABLESAMPLE BERNOULLI (0.9)":                 "true",
		"SELECT count(*) BETWEEN 9000 AND 9990 FROM UNNEST(sequence(1, 10000)) t(n) TABLESAMPLE BERNOULLI (99 /* of 100 */)": "true",
		"SELECT bernoulli + system FROM (SELECT n AS bernoulli, 1 AS system FROM s WHERE n = 1)":                             "2",
	} {
		got, err := ask(t, engine, acme, sql)
		require.NoError(t, err, sql)
		require.Equal(t, "\"_col0\"\n\""+want+"\"\n", got, sql)
	}
	for _, sample := range []string{"BERNOULLI (101)", "BERNOULLI (-1)", "BERNOULLI (n)", "BERNOULLI ()", "BERNOULLI (1) REPEATABLE", "RESERVOIR (10)", "BERNOULLI (10 ROWS)", "BERNOULLI (1, 2)"} {
		_, err := ask(t, engine, acme, "SELECT * FROM s TABLESAMPLE "+sample)
		require.ErrorIs(t, err, analytics.ErrSQL, sample)
	}
	_, err := ask(t, engine, acme, "SELECT * FROM s USING SAMPLE 10")
	require.ErrorIs(t, err, analytics.ErrSQL)
}
