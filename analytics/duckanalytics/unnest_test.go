package duckanalytics_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// unnestTests are queries over a data store, and the lines that they give.
var unnestTests = []struct{ sql, want string }{
	{"SELECT n, u.k, u.v FROM s CROSS JOIN UNNEST(items) AS u(k, v) ORDER BY k", `"1","a","1"|"1","b","2"`},
	{"SELECT n, r.name, u.r.v FROM s CROSS JOIN UNNEST(items) AS u(r) ORDER BY 2", `"1","a","1"|"1","b","2"`},
	{"SELECT n, name, u.v FROM s CROSS JOIN UNNEST(items) AS u ORDER BY name", `"1","a","1"|"1","b","2"`},
	{"SELECT x FROM s CROSS JOIN UNNEST(xs) AS u(x) ORDER BY x", `"1"|"2"|"3"`},
	{"SELECT k, v, i FROM s CROSS JOIN UNNEST(items) WITH ORDINALITY AS u(k, v, i) ORDER BY i", `"a","1","1"|"b","2","2"`},
	{"SELECT r.v, i FROM s CROSS JOIN UNNEST(items) WITH ORDINALITY AS u(r, i) ORDER BY i", `"1","1"|"2","2"`},
	{"SELECT k, v, x FROM s CROSS JOIN UNNEST(items, xs) AS u(k, v, x) ORDER BY x", `"a","1","1"|"b","2","2"|,,"3"`},
	{"SELECT r, x FROM s CROSS JOIN UNNEST(items, xs) AS u(r, x) ORDER BY x", `"{name=a, v=1}","1"|"{name=b, v=2}","2"|,"3"`},
	{"SELECT x, r.name, i FROM s CROSS JOIN UNNEST(xs, items) WITH ORDINALITY AS u(x, r, i) ORDER BY i", `"1","a","1"|"2","b","2"|"3",,"3"`},
	{"SELECT n, k, v, x, i FROM s LEFT JOIN UNNEST(items, xs) WITH ORDINALITY AS u(k, v, x, i) ON true ORDER BY n, i", `"1","a","1","1","1"|"1","b","2","2","2"|"1",,,"3","3"|"2",,,,`},
	{"SELECT n, k, v FROM s LEFT JOIN UNNEST(items) AS u(k, v) ON true ORDER BY n, k", `"1","a","1"|"1","b","2"|"2",,`},
	{"SELECT n, r.v FROM s LEFT JOIN UNNEST(items) AS u(r) ON true ORDER BY n, 2", `"1","1"|"1","2"|"2",`},
	{"SELECT n, x, i FROM s LEFT JOIN UNNEST(xs) WITH ORDINALITY AS u(x, i) ON true WHERE n = 2 OR i = 3 ORDER BY n", `"1","3","3"|"2",,`},
	{"SELECT n, k, v FROM s LEFT JOIN UNNEST(s.o.list) AS u(k, v) ON true ORDER BY n", `"1","7","x"|"2",,`},
	{"SELECT k, v FROM s CROSS JOIN UNNEST(o.list) AS u(k, v)", `"7","x"`},
	{"SELECT k, v FROM UNNEST(map(ARRAY['a'], ARRAY[1])) AS u(k, v)", `"a","1"`},
	{"SELECT k, v, i FROM UNNEST(map(ARRAY['a', 'b'], ARRAY[1, 2])) WITH ORDINALITY AS u(k, v, i) ORDER BY i", `"a","1","1"|"b","2","2"`},
	{"SELECT k, v, x FROM UNNEST(map(ARRAY['a'], ARRAY[1]), ARRAY[5, 6]) AS u(k, v, x) ORDER BY x", `"a","1","5"|,,"6"`},
	{"SELECT k, v FROM (SELECT map(ARRAY['a'], ARRAY[1]) AS m) AS t CROSS JOIN UNNEST(m) AS u(k, v)", `"a","1"`},
	{"SELECT k, v, l, w FROM (SELECT map(ARRAY['a'], ARRAY[1]) AS m) AS t CROSS JOIN UNNEST(m, map(ARRAY['b'], ARRAY[2])) AS u(k, v, l, w)", `"a","1","b","2"`},
	{"SELECT k, v FROM (SELECT items AS i FROM s) AS t CROSS JOIN UNNEST(i) AS u(k, v) ORDER BY k", `"a","1"|"b","2"`},
	{"SELECT a, b, c FROM UNNEST(ARRAY[ROW(1, 'x', 2e0), ROW(2, 'y', 3e0)]) AS t(a, b, c) ORDER BY a", `"1","x","2.0"|"2","y","3.0"`},
	{"SELECT a, b FROM UNNEST(ARRAY[1, 2], ARRAY['x']) AS t(a, b) ORDER BY a", `"1","x"|"2",`},
	{"SELECT k, v FROM s CROSS JOIN UNNEST(transform(xs, x -> ROW(x, x * 2))) AS u(k, v) WHERE v > 2 ORDER BY k", `"2","4"|"3","6"`},
	{"SELECT k, v FROM s CROSS JOIN UNNEST(filter(items, r -> r.v > 1)) AS u(k, v)", `"b","2"`},
	{"SELECT k, v FROM s CROSS JOIN UNNEST(zip(xs, xs)) AS u(k, v) WHERE k = 1", `"1","1"`},
	{"SELECT k, v FROM (SELECT array_agg(ROW(n, n + 1)) AS a FROM s) AS t CROSS JOIN UNNEST(a) AS u(k, v) ORDER BY k", `"1","2"|"2","3"`},
	{"SELECT n FROM s CROSS JOIN UNNEST(items) AS u(k, v) WHERE v = (SELECT max(w) FROM UNNEST(ARRAY[ROW(1, 2)]) AS t(q, w))", `"1"`},
}

func TestUnnest(t *testing.T) {
	t.Parallel()
	l := newLake()
	l.json(t, acme, "s", "2026-01-10",
		`{"n":1,"items":[{"name":"a","v":1},{"name":"b","v":2}],"xs":[1,2,3],"o":{"list":[{"p":7,"q":"x"}]}}`, `{"n":2,"items":[],"xs":null}`)
	engine := inProcess(t, l)
	for _, test := range unnestTests {
		t.Run(test.sql, func(t *testing.T) {
			t.Parallel()
			got, err := ask(t, engine, acme, test.sql)
			require.NoError(t, err)
			_, lines, _ := strings.Cut(strings.TrimSuffix(got, "\n"), "\n")
			require.Equal(t, test.want, strings.ReplaceAll(lines, "\n", "|"))
		})
	}
	for _, from := range []string{"UNNEST(xs) AS u(a, b)", "UNNEST(xs, xs) AS u(a, b, c)", "UNNEST(ARRAY[1, 2]) AS u(a, b)", "UNNEST(n) AS u(a, b)", "UNNEST(items) AS u(a, b, c)", "UNNEST(nothing) AS u(a, b)", "UNNEST() AS u(a)"} {
		_, err := ask(t, engine, acme, "SELECT 1 FROM s CROSS JOIN "+from)
		require.ErrorIs(t, err, analytics.ErrSQL, from)
	}
}
