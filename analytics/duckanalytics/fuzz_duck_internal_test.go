//go:build cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64)

package duckanalytics

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// FuzzGate wants what passes the gate, and is rewritten, to be one SELECT of
// known functions and tables alone.
func FuzzGate(f *testing.F) {
	for _, sql := range []string{
		"SELECT * FROM a", "SELECT transform(x, y -> y / 2) FROM a.b WHERE c > current_timestamp GROUP BY ROLLUP(d)", "SELECT 1; DROP TABLE a", "SELECT * FROM UNNEST(ARRAY[1], ARRAY['it''s'])",
		"SELECT \"a\"\"b\", '\\', 'x' || ';' FROM \"q \"\" -- \" t", "WITH a AS (SELECT 1) SELECT * FROM a", "SELECT * FROM read_csv('x')", "SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS 2 PRECEDING), CAST(x AS ROW(\"a b\" int)) FROM s TABLESAMPLE BERNOULLI (5)",
		"SELECT date_parse(a, '%Y''%%'), greatest(1, a, b), reduce(a, 0, (s, x) -> s + x, s -> s), if(a, b), x[1].y FROM s ORDER BY 1 NULLS FIRST LIMIT 3",
		"SELECT window value, count(*) filter FROM (SELECT count(*), x.* FROM (VALUES 1, 2) x) only, default at WHERE limit > 3", "VALUES 1, 2 UNION SELECT * FROM s tablesample SYSTEM (1)", "SELECT [1], {'a': 1}, list_value(1) FROM s QUALIFY true",
		"SELECT sum() / 2, abs() + date '2026-01-01', sequence(1, n), lpad(a, n, 'x') FROM s TABLESAMPLE BERNOULLI (50.5) LEFT JOIN UNNEST(m, ARRAY[ROW(1, 2)]) WITH ORDINALITY AS u(k, v, p, q, o) ON true",
		"SELECT approx_percentile(x, ARRAY[0.5]) FILTER (WHERE y), approx_distinct(x, 0.1) OVER (), max_by(x, y, 3), multimap_agg(x, y), skewness(x) FROM s GROUP BY z[1]",
		"SELECT zip_with(a, b, (x, y) -> x.c + transform(y, x -> x)[1]), map_filter(m, (k, v) -> v > 1), transform_keys(m, (k, v) -> k), format('%2$s %,.2f', a, b), interval '1 02' day to hour, a || 1, substr(a, 0) FROM s",
	} {
		f.Add(sql)
	}
	db, err := openDatabase(f.Context())
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, db.close()) })
	w := &worker{parser: parser{db}}
	f.Fuzz(func(t *testing.T, sql string) {
		tree, tables, err := w.read(t.Context(), sql)
		if err != nil {
			return
		}
		r := rewriter{now: time.Unix(0, 0), macros: map[string]bool{}}
		if tree, err = r.statement(tree); err != nil {
			require.ErrorIs(t, err, analytics.ErrSQL)
			return
		}
		written, err := w.write(t.Context(), tree)
		if err != nil {
			return
		}
		again, err := w.parser.tree(t.Context(), written)
		require.NoError(t, err, "one statement")
		g := gate{functions: mayBeCalled}
		require.NoError(t, g.check(again))
		require.ElementsMatch(t, tables, g.stores(), "no other table: %s", written)
	})
}
