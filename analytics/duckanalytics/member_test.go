package duckanalytics_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSpellings: names that differ in case are one column, or one field of a row,
// and of several in a line the last one stands.
func TestSpellings(t *testing.T) {
	t.Parallel()
	l := newLake()
	l.json(t, acme, "nested", "2026-01-10", `{"n":1,"a":{"B":1,"other":"x"}}`, `{"n":2,"a":{"b":2}}`, `{"n":3,"a":{"b":5,"B":3}}`, `{"n":4,"a":{"c":4}}`, `{"n":5,"a":null}`, `{"n":6}`)
	l.json(t, acme, "top", "2026-01-10", `{"n":1,"Temp":1,"temp":2}`, `{"n":2,"temp":1,"Temp":2.5}`, `{"n":3,"TEMP":3}`, `{"n":4,"Temp":1,"temp":null}`, `{"n":5,"list":[1,2],"row":{"b":1,"a":{"x":[1]}}}`)
	l.json(t, acme, "deep", "2026-01-10", `{"n":1,"A":[{"X":{"y":1}}],"q":{"it's \"":1}}`, `{"n":2,"a":[{"x":{"Y":2.5}},{"x":null},{"X":{"y":1},"x":{"Y":9}}]}`, `{"n":3,"a":[]}`)
	engine := inProcess(t, l)
	for sql, want := range map[string]string{
		"SELECT n, a.b FROM nested ORDER BY n":    "\"n\",\"b\"\n\"1\",\"1\"\n\"2\",\"2\"\n\"3\",\"3\"\n\"4\",\n\"5\",\n\"6\",\n",
		"SELECT a FROM nested ORDER BY n LIMIT 2": "\"a\"\n\"{b=1, other=x, c=null}\"\n\"{b=2, other=null, c=null}\"\n",
		"SELECT temp FROM top ORDER BY n":         "\"temp\"\n\"2.0\"\n\"2.5\"\n\"3.0\"\n\n\n",
		"SELECT list, row FROM top WHERE n = 5":   "\"list\",\"row\"\n\"[1, 2]\",\"{b=1, a={x=[1]}}\"\n",
		"SELECT a, q FROM deep ORDER BY n":        "\"a\",\"q\"\n\"[{x={y=1.0}}]\",\"{it's \"\"=1}\"\n\"[{x={y=2.5}}, {x=null}, {x={y=9.0}}]\",\n\"[]\",\n",
	} {
		got, err := ask(t, engine, acme, sql)
		require.NoError(t, err, sql)
		require.Equal(t, want, got, sql)
	}
}
