package duckanalytics_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
)

// scoped has two data stores with columns of the same names and other types.
func scoped(t *testing.T) *workeranalytics.Engine {
	t.Helper()
	l := newLake()
	l.json(t, acme, "s", "2026-01-10", `{"hum":50,"temp":21.5,"id":"a","r":{"n":7,"d":7.5},"list":[1,2,3],"day":"2026-01-10"}`)
	l.json(t, acme, "other", "2026-01-10", `{"hum":50.5,"temp":21,"id":"a","k":3}`)
	return inProcess(t, l, func(o *workeranalytics.Options) { o.AllowWith = true })
}

// TestScope: what a name means, and so its type, is said by the query that it
// stands in.
func TestScope(t *testing.T) {
	t.Parallel()
	engine := scoped(t)
	for sql, want := range map[string]string{
		// subqueries
		"SELECT temp / 7 FROM (SELECT hum AS temp FROM s)":                                                  "7",
		"SELECT x.temp / 7 FROM (SELECT hum AS temp FROM s) x":                                              "7",
		"SELECT temp / 7 FROM (SELECT hum FROM s) x(temp)":                                                  "7",
		"SELECT hum / 7 FROM (SELECT temp AS hum FROM s)":                                                   "3.0714285714285716",
		"SELECT temp / 7 FROM (SELECT * FROM (SELECT hum AS temp FROM s))":                                  "7",
		"SELECT TEMP / 7 FROM (SELECT x.* FROM s, (SELECT hum AS Temp FROM s) x)":                           "7",
		"SELECT temp / 4 FROM (SELECT hum AS temp FROM s UNION ALL SELECT 1) ORDER BY 1 DESC LIMIT 1":       "12",
		"SELECT temp / 4 FROM (SELECT hum AS temp FROM s UNION SELECT temp FROM s) ORDER BY 1 DESC LIMIT 1": "12.5",
		"WITH w AS (SELECT hum AS temp FROM s) SELECT temp / 7 FROM w":                                      "7",
		"WITH w(temp) AS (SELECT hum FROM s), v AS (SELECT temp AS b FROM w) SELECT b / 7 FROM v":           "7",
		"WITH s AS (SELECT hum AS temp FROM other) SELECT temp / 5 FROM s":                                  "10.1",
		"SELECT (SELECT max(temp / 7) FROM (SELECT hum AS temp FROM s)) FROM other":                         "7",
		"SELECT a / b FROM (VALUES (7, 2)) t(a, b)":                                                         "3",
		"SELECT a / b FROM (VALUES (7, 2), (8, 3e0)) t(a, b) LIMIT 1":                                       "3.5",
		// joins
		"SELECT s.hum / 7 FROM s, other":                            "7",
		"SELECT other.hum / 5 FROM s, other":                        "10.1",
		"SELECT o.hum / 5 FROM s JOIN other AS o ON s.id = o.id":    "10.1",
		"SELECT id, k / 2 FROM s JOIN other USING (id)":             "a,1",
		"SELECT (SELECT max(other.temp / s.hum) FROM other) FROM s": "0",
		"SELECT (SELECT max(hum / 5) FROM other) + hum FROM s":      "60.1",
		// lambdas hide columns
		"SELECT transform(list, hum -> hum / 2) FROM s":                          `"[0, 1, 1]"`,
		"SELECT transform(list, temp -> temp / 2) FROM s":                        `"[0, 1, 1]"`,
		"SELECT reduce(list, 0, (temp, x) -> temp + x, temp -> temp / 4) FROM s": "1",
		// whole numbers stay whole
		"SELECT ceil(x), floor(x) FROM (SELECT hum / 3 AS x FROM s)":               "16,16",
		"SELECT ceil(temp), floor(temp) FROM s":                                    "22.0,21.0",
		"SELECT ceil(temp), floor(temp) FROM (SELECT hum AS temp FROM s)":          "50,50",
		"SELECT ceil(r.n), floor(r.n), ceil(r.d), floor(-r.d) FROM s":              "7,7,8.0,-8.0",
		"SELECT r.n / 2, r.d / 2, list[3] / 2 FROM s":                              "3,3.75,1",
		"SELECT ceil(list[1]), ceil((SELECT max(hum) FROM s)) FROM s":              "1,50",
		"SELECT CASE WHEN hum > 1 THEN 1 ELSE 2.5e0 END / 2 FROM s":                "0.5",
		"SELECT coalesce(NULL, hum) / 7 FROM s":                                    "7",
		"SELECT r.n / k FROM s, other GROUP BY r.n / k HAVING r.n / k > 1":         "2",
		"SELECT sum(r.d) / sum(r.n - 6), sum(r.n) OVER () / r.n FROM s GROUP BY r": "7.5,1",
		// dates
		"SELECT d + interval '1' day FROM (SELECT CAST(day AS DATE) AS d FROM s)":         "2026-01-11",
		"SELECT date_trunc('month', __dt) FROM (SELECT CAST(day AS DATE) AS __dt FROM s)": "2026-01-01",
		"SELECT current_date FROM (SELECT hum AS current_date FROM s)":                    "50",
		"SELECT current_date FROM (SELECT hum AS other_date FROM s)":                      "2026-01-10",
	} {
		got, err := ask(t, engine, acme, sql)
		require.NoError(t, err, sql)
		_, row, _ := strings.Cut(strings.TrimSuffix(got, "\n"), "\n")
		if !strings.HasPrefix(want, `"`) {
			want = `"` + strings.ReplaceAll(want, ",", `","`) + `"`
		}
		require.Equal(t, want, row, sql)
	}
}

// TestDivisionByZero: integers and decimals fail, doubles are infinite, wherever
// the types come from.
func TestDivisionByZero(t *testing.T) {
	t.Parallel()
	engine := scoped(t)
	for sql, want := range map[string]string{
		"SELECT temp / (temp - temp) FROM s":                                                                        "Infinity",
		"SELECT v / z FROM (SELECT temp v, temp - temp z FROM s)":                                                   "Infinity",
		"SELECT v / z FROM (SELECT -temp v, hum - hum z FROM s)":                                                    "-Infinity",
		"SELECT v / z FROM (SELECT r.d v, r.d - r.d z FROM s)":                                                      "Infinity",
		"SELECT -v.d / z.n FROM (SELECT r v, row(0, 0) zz FROM s), (SELECT CAST(row(0) AS row(n bigint)) z FROM s)": "-Infinity",
		"SELECT (r.d - r.d) / (r.d - r.d), (r.n - r.n) / r.d FROM s":                                                "NaN,0.0",
		"SELECT r.d / (r.n - r.n), r.n / (r.d - r.d) FROM s":                                                        "Infinity,Infinity",
		"SELECT nan() / (r.d - r.d), transform(list, x -> x / 0e0)[1] FROM s":                                       "NaN,Infinity",
		"SELECT r.d % (r.d - r.d) FROM s":                                                                           "NaN",
		"SELECT coalesce(CAST(NULL AS bigint) / (r.n - r.n), 5) FROM s":                                             "5",
	} {
		got, err := ask(t, engine, acme, sql)
		require.NoError(t, err, sql)
		_, row, _ := strings.Cut(strings.TrimSuffix(got, "\n"), "\n")
		require.Equal(t, `"`+strings.ReplaceAll(want, ",", `","`)+`"`, row, sql)
	}
	for _, sql := range []string{
		"SELECT hum / (hum - hum) FROM s", "SELECT v / z FROM (SELECT hum v, hum - hum z FROM s)", "SELECT r.n / (r.n - r.n) FROM s", "SELECT r.n % (r.n - r.n) FROM s",
		"SELECT r.n / 0 FROM s", "SELECT transform(list, x -> x / 0) FROM s", "SELECT temp / 0 FROM (SELECT hum AS temp FROM s)", "SELECT 1.5 / (hum - hum) FROM s",
	} {
		_, err := ask(t, engine, acme, sql)
		require.ErrorIs(t, err, analytics.ErrSQL, sql)
		require.ErrorContains(t, err, "Division by zero", sql)
	}
}

// TestHeaders: names of data stores come in lower case, those that a statement
// gives as it writes them.
func TestHeaders(t *testing.T) {
	t.Parallel()
	engine := scoped(t)
	for sql, want := range map[string]string{
		"SELECT HUM, s.Temp, hum AS Humidity FROM s":                                    `"hum","temp","Humidity"`,
		"SELECT parentAssetId FROM (SELECT id AS parentAssetId FROM s)":                 `"parentAssetId"`,
		"SELECT x.parentAssetId, x.HUM FROM (SELECT id AS parentAssetId, hum FROM s) x": `"parentAssetId","hum"`,
		"SELECT * FROM (SELECT id AS parentAssetId, HUM FROM s)":                        `"parentAssetId","hum"`,
		"SELECT * FROM (SELECT hum + 1, Id, temp + 1 FROM s)":                           `"_col0","id","_col2"`,
		"SELECT assetId FROM (SELECT assetId FROM (SELECT id AS assetId FROM s))":       `"assetId"`,
		"WITH w(AssetId) AS (SELECT id FROM s) SELECT AssetId FROM w":                   `"AssetId"`,
		"SELECT Id FROM s UNION SELECT id AS Other FROM s":                              `"id"`,
		"SELECT hum + 1 FROM s UNION SELECT hum FROM s":                                 `"_col0"`,
		"SELECT r.N FROM s": `"n"`,
	} {
		got, err := ask(t, engine, acme, sql)
		require.NoError(t, err, sql)
		header, _, _ := strings.Cut(got, "\n")
		require.Equal(t, want, header, sql)
	}
}

// TestAttackNesting has statements that are short, and long once what they call
// stands in the place of the calls.
func TestAttackNesting(t *testing.T) {
	t.Parallel()
	engine := scoped(t)
	for _, layer := range []string{"(hum / %s)", "(hum %% %s)", "greatest(%s, r.n)", "json_size(%s, '$')", "url_decode(split_part(%s, 'a', 1))"} {
		sql := "hum"
		for range 60 {
			sql = fmt.Sprintf(layer, sql)
		}
		_, err := ask(t, engine, acme, "SELECT "+sql+" FROM s")
		require.ErrorIs(t, err, analytics.ErrSQL, layer)
		require.ErrorContains(t, err, "too many calls inside calls", layer)
		statement := analytics.Statement{SQL: "SELECT * FROM s", Now: now, Delta: &analytics.Delta{TimeExpression: sql, To: now}}
		_, err = askStatement(t, engine, acme, statement)
		require.ErrorContains(t, err, "too many calls inside calls", layer)
	}
	for _, layer := range []string{"(%s / hum)", "(%s / r.n)", "(r.n / %s)", "(%s %% r.n)", "ceil(%s)", "floor(%s)"} {
		sql := "r.n"
		for range 10 {
			sql = fmt.Sprintf(layer, sql)
		}
		_, err := ask(t, engine, acme, "SELECT "+sql+" AS n FROM s")
		require.NoError(t, err, layer)
	}
	got, err := ask(t, engine, acme, "SELECT hum / hum / hum / hum / hum / hum / hum / hum / hum / hum FROM s")
	require.NoError(t, err)
	require.Equal(t, "\"_col0\"\n\"0\"\n", got)
}

// TestDeltaOfStores: a window over data stores of which one is empty, or lacks
// the attribute.
func TestDeltaOfStores(t *testing.T) {
	t.Parallel()
	l := newLake()
	l.json(t, acme, "a", "2026-01-10", `{"ts":1768028400,"n":1}`, `{"ts":1768128400,"n":2}`)
	l.json(t, acme, "b", "2026-01-10", `{"ts":"2026-01-10T06:00:00Z","n":3}`)
	l.json(t, acme, "lacks", "2026-01-10", `{"n":1}`)
	l.declare(acme, "empty", nil)
	l.declare(acme, "emptyparquet", []pipeline.Column{{Name: "n", Type: "bigint"}})
	engine := inProcess(t, l)
	query := func(sql, expression string) (string, error) {
		return askStatement(t, engine, acme, analytics.Statement{SQL: sql, Now: now, Delta: &analytics.Delta{TimeExpression: expression, To: now}})
	}
	for _, empty := range []string{"empty", "emptyparquet"} {
		got, err := query("SELECT a.n, x.__dt FROM a LEFT JOIN "+empty+" x ON a.__dt = x.__dt", "from_unixtime(ts)")
		require.NoError(t, err)
		require.Equal(t, "\"n\",\"__dt\"\n\"1\",\n", got)
		_, err = query("SELECT * FROM "+empty, "from_unixtime(ts)")
		require.NoError(t, err)
	}
	_, err := query("SELECT a.n FROM a, lacks", "from_unixtime(ts)")
	require.ErrorIs(t, err, analytics.ErrSQL)
	require.ErrorContains(t, err, "time expression: data store lacks: ")
	require.ErrorContains(t, err, `"ts"`)
	_, err = query("SELECT a.n FROM a, b", "from_unixtime(ts / 1)")
	require.ErrorContains(t, err, "time expression: data store b: ", "the types are those of each data store")
}
