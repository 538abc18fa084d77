package duckanalytics_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

var subscriptTests = []struct{ expression, want string }{
	{"ARRAY[1, 2][2]", "2"}, {"ARRAY[1, NULL][2]", "NULL"}, {"TRY(ARRAY[1, 2][3])", "NULL"}, {"element_at(ARRAY[1, 2], 3)", "NULL"}, {"split('a,b', ',')[1 + 1]", "b"}, {"CAST(NULL AS array(integer))[1]", "NULL"}, {"ARRAY[1][CAST(NULL AS integer)]", "NULL"},
	{"ARRAY[ARRAY[1, 2]][1][2]", "2"}, {"ARRAY[ROW(1)][1].field0", "1"}, {"if(cardinality(ARRAY[1]) > 1, ARRAY[1][2])", "NULL"},
	{"map(ARRAY['a'], ARRAY[1])['a']", "1"}, {"map(ARRAY['a'], ARRAY[NULL])['a']", "NULL"}, {"TRY(map(ARRAY['a'], ARRAY[1])['b'])", "NULL"}, {"element_at(map(ARRAY['a'], ARRAY[1]), 'b')", "NULL"}, {"map(ARRAY[1, 2], ARRAY['x', 'y'])[2]", "y"},
	{"map(ARRAY[date '2026-01-10'], ARRAY[ROW(7)])[current_date].field0", "7"}, {"CAST(NULL AS map(varchar, integer))['a']", "NULL"}, {"cardinality(map(ARRAY['a'], ARRAY[ARRAY[1]])['a'])", "1"}, {"transform(ARRAY[1, 2], i -> ARRAY[5, 6][i])", "[5, 6]"},
}

func TestSubscripts(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake())
	for _, test := range subscriptTests {
		t.Run(test.expression, func(t *testing.T) {
			t.Parallel()
			requireAnswer(t, engine, test.expression, test.want)
		})
	}
	for expression, want := range map[string]string{
		"ARRAY[1, 2][3]": "array subscript out of bounds", "ARRAY[1][0]": "array subscript out of bounds", "ARRAY[1][-1]": "array subscript out of bounds", "map(ARRAY['a'], ARRAY[1])['b']": "key not present in map", "split('a', ',')[2]": "array subscript out of bounds",
	} {
		_, err := ask(t, engine, acme, "SELECT "+expression)
		require.ErrorIs(t, err, analytics.ErrSQL, expression)
		require.ErrorContains(t, err, want, expression)
	}
}

// TestSubscriptAfterCondition: a condition before a subscript keeps it from what it
// would fail at.
func TestSubscriptAfterCondition(t *testing.T) {
	t.Parallel()
	l := newLake()
	l.json(t, acme, "s", "2026-01-10", `{"n":1,"xs":[1],"o":{"ys":[{"v":1}]}}`, `{"n":2,"xs":[1,2,7],"o":{"ys":[]}}`, `{"n":3}`)
	engine := inProcess(t, l)
	for sql, want := range map[string]string{
		"SELECT count(*) FROM s WHERE cardinality(xs) > 2 AND xs[3] = 7":                                         "1",
		"SELECT count(*) FROM s a JOIN s b ON a.n = b.n WHERE cardinality(a.xs) > 2 AND a.xs[3] = 7 AND b.n > 0": "1",
		"SELECT count(*) FROM (SELECT xs[3] AS x FROM s WHERE cardinality(xs) > 2) WHERE x = 7":                  "1",
		"SELECT count(*) FROM UNNEST(sequence(1, 10000)) t(i) WHERE i % 100 = 0 AND sequence(1, i)[100] = 100":   "100",
		"SELECT sum(CASE WHEN cardinality(xs) > 2 THEN xs[3] ELSE 0 END) FROM s":                                 "7",
		"SELECT sum(o.ys[1].v) FROM s WHERE cardinality(o.ys) > 0":                                               "1",
		"SELECT count(*) FROM s WHERE s.xs[1] = 1":                                                               "2",
	} {
		got, err := ask(t, engine, acme, sql)
		require.NoError(t, err, sql)
		require.Equal(t, "\"_col0\"\n\""+want+"\"\n", got, sql)
	}
	for _, sql := range []string{"SELECT xs[2] FROM s", "SELECT s.o.ys[1].v FROM s"} {
		_, err := ask(t, engine, acme, sql)
		require.ErrorContains(t, err, "array subscript out of bounds", sql)
	}
}
