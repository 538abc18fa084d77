package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const datasetMessages = `{"id":"a","t":21,"ts":1768028400}
{"id":"b","t":22.5,"ts":1768030000}

nonsense
{"Id":"c","t":"x","ts":1768020000}
`

// unbuilt reports whether the program was built without DuckDB, and says so.
func unbuilt(t *testing.T, got outcome) bool {
	t.Helper()
	if !strings.Contains(got.err, "DuckDB was not built in") {
		return false
	}
	require.Equal(t, statusUsage, got.status)
	require.Contains(t, got.err, "unsupported")
	return true
}

func TestDataset(t *testing.T) {
	t.Parallel()
	store := "s=" + write(t, "s.jsonl", datasetMessages)
	got := backtest("SELECT id, from_unixtime(ts) AS at, __dt FROM s ORDER BY ts", "dataset", "-sql", "-", "-store", store, "-now", "2026-01-10T07:30:00Z")
	if unbuilt(t, got) {
		return
	}
	require.Equal(t, statusLines, got.status, got.err)
	require.Equal(t, `"id","at","__dt"
"c","2026-01-10 04:40:00.000","2026-01-10 00:00:00.000"
"a","2026-01-10 07:00:00.000","2026-01-10 00:00:00.000"
"b","2026-01-10 07:26:40.000","2026-01-10 00:00:00.000"
`, got.out)
	require.Contains(t, got.err, "s.jsonl:4: no JSON object")
}

func TestDatasetDays(t *testing.T) {
	t.Parallel()
	store := "s=" + write(t, "s.jsonl", `{"n":1,"__dt":"2026-01-08"}
{"n":2,"__dt":"2026-01-09 00:00:00.000"}
{"n":3}
{"n":4,"__dt":"yesterday"}
{"n":5,"__dt":7}
{"n":6,"__x":1}
`)
	got := backtest("SELECT n, __dt FROM s WHERE __dt >= current_date - interval '1' day ORDER BY n", "dataset", "-sql", "-", "-store", store, "-now", "2026-01-10T07:30:00Z", "-last-run", "2026-01-09T07:30:00Z")
	if unbuilt(t, got) {
		return
	}
	require.Equal(t, statusLines, got.status, got.err)
	require.Equal(t, `"n","__dt"
"2","2026-01-09 00:00:00.000"
"3","2026-01-10 00:00:00.000"
"6","2026-01-10 00:00:00.000"
`, got.out)
	require.Contains(t, got.err, "s.jsonl:4: __dt: want a day")
	require.Contains(t, got.err, "s.jsonl:5: __dt: want a day")
	require.Contains(t, got.err, "s.jsonl:6: a field was left out")
	require.NotContains(t, got.err, "s.jsonl:1")
}

func TestDatasetWindow(t *testing.T) {
	t.Parallel()
	store := "s=" + write(t, "s.jsonl", strings.Replace(datasetMessages, "nonsense", "", 1))
	args := []string{"dataset", "-sql", write(t, "q.sql", "SELECT id FROM x.s ORDER BY id"), "-store", store, "-now", "2026-01-10T07:26:00Z", "-delta", "-60,from_unixtime(ts)", "-database", "x"}
	got := backtest("", args...)
	if unbuilt(t, got) {
		return
	}
	require.Equal(t, statusDone, got.status, got.err)
	require.Equal(t, "\"id\"\n\"a\"\n\"c\"\n", got.out, "to 07:25")
	got = backtest("", append(args, "-last-run", "2026-01-10T06:00:00Z")...)
	require.Equal(t, "\"id\"\n\"a\"\n", got.out, "from 05:59")
}

// TestDatasetTimeout has a statement that DuckDB does not listen in.
func TestDatasetTimeout(t *testing.T) {
	t.Parallel()
	store := "s=" + write(t, "s.jsonl", datasetMessages)
	got := backtest("SELECT count(*) FROM s a, s b, s c WHERE cardinality(transform(sequence(1, 10000), x -> reduce(sequence(1, 1000), x, (y, z) -> y + z, y -> y))) > 1",
		"dataset", "-sql", "-", "-store", store, "-timeout", "200ms")
	if unbuilt(t, got) {
		return
	}
	require.Equal(t, statusModel, got.status)
	require.Contains(t, got.err, "out of time")
}

func TestDatasetErrors(t *testing.T) {
	t.Parallel()
	store := "s=" + write(t, "s.jsonl", "")
	for sql, want := range map[string]string{
		"SELECT nothere FROM s":           "nothere",
		"SELECT * FROM other":             `not found: "other"`,
		"SELECT repeat('x', 2000000000)":  "an array of more than 10000 elements",
		"SELECT * FROM read_text('/etc')": "the table function read_text is not open to a data set",
	} {
		got := backtest(sql, "dataset", "-sql", "-", "-store", store)
		if unbuilt(t, got) {
			return
		}
		require.Equal(t, statusModel, got.status, got.err)
		require.Contains(t, got.err, want)
		require.Empty(t, got.out)
	}
	for _, args := range [][]string{
		{"-store", store}, {"-sql", "-"}, {"-sql", "-", "-store", "s"}, {"-sql", "-", "-store", store, "-delta", "x,y"}, {"-sql", "-", "-store", store, "-delta", "5"},
		{"-sql", "/nothing/there", "-store", store}, {"-sql", "-", "-store", "s=/nothing/there"}, {"-sql", "-", "-store", store, "-timeout", "0s"}, {"-sql", "-", "-store", "__s=" + store[2:]},
	} {
		require.Equal(t, statusUsage, backtest("SELECT 1", append([]string{"dataset"}, args...)...).status, args)
	}
}

// TestDatasetSchemas has names with another before them.
func TestDatasetSchemas(t *testing.T) {
	t.Parallel()
	one, two := write(t, "one.jsonl", `{"assetId":"a","n":1}`), write(t, "two.jsonl", `{"assetId":"a","n":2}`)
	const count, join = "SELECT COUNT(*) FROM my_store.asset_metadata", "SELECT a.n, b.n AS m FROM my_store.asset_metadata a JOIN other.asset_metadata b ON a.assetId = b.assetId"
	for _, test := range []struct {
		sql, want string
		args      []string
	}{
		{count, "\"_col0\"\n\"1\"\n", []string{"-store", "asset_metadata=" + one}},
		{count, "\"_col0\"\n\"1\"\n", []string{"-store", "My_Store.Asset_Metadata=" + one, "-store", "dotted0=" + two}},
		{count, "\"_col0\"\n\"2\"\n", []string{"-store", "my_store.asset_metadata=" + one, "-store", "my_store.asset_metadata=" + two}},
		{join, "\"n\",\"m\"\n\"1\",\"2\"\n", []string{"-store", "my_store.asset_metadata=" + one, "-store", "other.asset_metadata=" + two}},
		{join, "\"n\",\"m\"\n\"1\",\"1\"\n", []string{"-store", "asset_metadata=" + one}},
	} {
		got := backtest(test.sql, append([]string{"dataset", "-sql", "-"}, test.args...)...)
		if unbuilt(t, got) {
			return
		}
		require.Equal(t, statusDone, got.status, got.err)
		require.Equal(t, test.want, got.out, test.args)
	}
	got := backtest(count, "dataset", "-sql", "-", "-database", "x", "-store", "asset_metadata="+one)
	require.Equal(t, statusModel, got.status)
	require.Contains(t, got.err, "my_store.asset_metadata")
	for _, name := range []string{".c", "a.", "__a"} {
		require.Equal(t, statusUsage, backtest(count, "dataset", "-sql", "-", "-store", name+"="+one).status, name)
	}
}

// TestDatasetFields: messages are stored as the service stored them.
func TestDatasetFields(t *testing.T) {
	t.Parallel()
	store := "s=" + write(t, "s.jsonl", `{"Temp":1,"temp":2,"a-b":1,"1a":1,"x y":1,"n":{"B":1,"b":2,"c-d":1}}
{"a-b":1}
`)
	got := backtest("SELECT * FROM s", "dataset", "-sql", "-", "-store", store, "-now", "2026-01-10T07:30:00Z")
	if unbuilt(t, got) {
		return
	}
	require.Equal(t, statusDone, got.status, got.err)
	require.Equal(t, "\"temp\",\"n\",\"__dt\"\n\"2\",\"{b=2}\",\"2026-01-10 00:00:00.000\"\n", got.out)
	require.Contains(t, got.err, "s.jsonl:1: a field was left out: duplicateField")
}
