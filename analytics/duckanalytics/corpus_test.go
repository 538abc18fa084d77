package duckanalytics_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/duckanalytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

var update = flag.Bool("update", false, "write the answers of the queries in testdata")

// corpus is a lake with the data stores of testdata, those with columns as
// Parquet if asked.
func corpus(t *testing.T, parquet bool) *duckanalytics.Engine {
	t.Helper()
	needDuckDB(t)
	objects := memanalytics.NewObjects()
	lake := lakeanalytics.New(objects, tenant.RandomCursorKeys())
	stores, err := filepath.Glob("testdata/stores/*.jsonl")
	require.NoError(t, err)
	for _, file := range stores {
		name := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		table := analytics.Table{TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: name}, Format: pipeline.FormatJSON}
		if columns, err := os.ReadFile(strings.TrimSuffix(file, ".jsonl") + ".columns.json"); err == nil && parquet {
			table.Format = pipeline.FormatParquet
			require.NoError(t, json.Unmarshal(columns, &table.Columns))
		}
		require.NoError(t, lake.Declare(t.Context(), acme, table))
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range bytes.Lines(data) {
			_, err := lake.Append(t.Context(), acme, table.TableID, []analytics.Row{{At: now, Payload: line}})
			require.NoError(t, err)
		}
	}
	engine := duckanalytics.NewInProcess(lake, objects, func(o *duckanalytics.Options) { o.Dir, o.Database = t.TempDir(), "s" })
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	return engine
}

// corpusStatement reads a query; its first comments may tell a delta window.
func corpusStatement(t *testing.T, file string) analytics.Statement {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	statement := analytics.Statement{SQL: string(text), Now: now}
	offset := time.Duration(0)
	for line := range strings.Lines(statement.SQL) {
		if delta, ok := strings.CutPrefix(line, "-- delta: "); ok {
			seconds, expression, _ := strings.Cut(strings.TrimSpace(delta), " ")
			n, err := strconv.Atoi(seconds)
			require.NoError(t, err)
			offset = time.Duration(n) * time.Second
			statement.Delta = &analytics.Delta{TimeExpression: expression, To: now.Add(offset)}
		}
		if last, ok := strings.CutPrefix(line, "-- last: "); ok {
			at, err := time.Parse(time.RFC3339, strings.TrimSpace(last))
			require.NoError(t, err)
			statement.Delta.From = at.Add(offset)
		}
	}
	return statement
}

// TestCorpus answers the queries of testdata over JSON and over Parquet.
func TestCorpus(t *testing.T) {
	t.Parallel()
	queries, err := filepath.Glob("testdata/queries/*.sql")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(queries), 40)
	for _, parquet := range []bool{false, true} {
		engine := corpus(t, parquet)
		for _, file := range queries {
			t.Run(filepath.Base(file)+"/parquet="+strconv.FormatBool(parquet), func(t *testing.T) {
				got, err := askStatement(t, engine, acme, corpusStatement(t, file))
				require.NoError(t, err)
				golden := strings.TrimSuffix(file, ".sql") + ".csv"
				if *update && !parquet {
					require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
				}
				want, err := os.ReadFile(golden)
				require.NoError(t, err)
				require.Equal(t, string(want), got)
			})
		}
	}
}
