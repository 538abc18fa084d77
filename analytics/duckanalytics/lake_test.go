package duckanalytics_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/duckanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
	"github.com/iotenant/iotenant/tenant"
)

var (
	acme  = tenant.MustParseID("acme")
	other = tenant.MustParseID("acme-b")
	// now is when the statements of tests run.
	now = time.Date(2026, 1, 10, 7, 30, 0, 0, time.UTC)
)

// lake keeps which files the data stores of tenants consist of.
type lake struct {
	*memanalytics.Objects
	tables map[string]analytics.Snapshot
	n      int
}

func newLake() *lake {
	return &lake{Objects: memanalytics.NewObjects(), tables: map[string]analytics.Snapshot{}}
}

func key(id tenant.ID, name string) string { return id.String() + "/" + strings.ToLower(name) }

func (l *lake) Snapshot(_ context.Context, id tenant.ID, table analytics.TableID) (analytics.Snapshot, error) {
	snapshot, ok := l.tables[key(id, table.Name)]
	if !ok || table.Kind != analytics.DatastoreTable {
		return analytics.Snapshot{}, fmt.Errorf("%w: %q", analytics.ErrNoTable, table.Name)
	}
	return snapshot, nil
}

// declare makes a data store of JSON, or of Parquet if it has columns.
func (l *lake) declare(id tenant.ID, name string, columns []pipeline.Column, partitions ...pipeline.Partition) {
	format := pipeline.FormatJSON
	if columns != nil {
		format = pipeline.FormatParquet
	}
	l.tables[key(id, name)] = analytics.Snapshot{Table: analytics.Table{
		TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: name}, Format: format, Columns: columns, Partitions: partitions,
	}}
}

// add adds a file to a data store.
func (l *lake) add(t testing.TB, id tenant.ID, name, day, extension string, content []byte, dimensions ...analytics.Dimension) {
	t.Helper()
	l.n++
	file := analytics.File{Name: fmt.Sprintf("datastore/%s/%d%s", name, l.n, extension), Partition: dimensions, Bytes: int64(len(content))}
	var err error
	file.Day, err = time.Parse(time.DateOnly, day)
	require.NoError(t, err)
	require.NoError(t, l.Put(t.Context(), id, file.Name, bytes.NewReader(content)))
	snapshot := l.tables[key(id, name)]
	snapshot.Files = append(snapshot.Files, file)
	l.tables[key(id, name)] = snapshot
}

// json declares a data store with lines of a day.
func (l *lake) json(t testing.TB, id tenant.ID, name, day string, lines ...string) {
	t.Helper()
	if _, ok := l.tables[key(id, name)]; !ok {
		l.declare(id, name, nil)
	}
	l.add(t, id, name, day, ".json", []byte(strings.Join(lines, "\n")+"\n"))
}

// ask returns the CSV of a statement.
func ask(t testing.TB, engine analytics.Engine, id tenant.ID, sql string) (string, error) {
	t.Helper()
	return askStatement(t, engine, id, analytics.Statement{SQL: sql, Now: now})
}

func askStatement(t testing.TB, engine analytics.Engine, id tenant.ID, statement analytics.Statement) (string, error) {
	t.Helper()
	result, err := engine.Query(t.Context(), id, statement)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = analytics.WriteCSV(&out, result)
	return out.String(), err
}

// needDuckDB skips a test where there is none.
func needDuckDB(t testing.TB) {
	t.Helper()
	if !built {
		t.Skip("DuckDB was not built in")
	}
}

// inProcess is an engine of this process.
func inProcess(t testing.TB, l *lake, optFns ...func(*workeranalytics.Options)) *workeranalytics.Engine {
	t.Helper()
	needDuckDB(t)
	engine := duckanalytics.NewInProcess(l, l, append([]func(*workeranalytics.Options){func(o *workeranalytics.Options) { o.Dir = t.TempDir() }}, optFns...)...)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	return engine
}

// TestManyPartitions has more of them than a path may have links.
func TestManyPartitions(t *testing.T) {
	t.Parallel()
	l := newLake()
	for _, count := range []int{2, 45} {
		name := fmt.Sprintf("parted%d", count)
		var partitions []pipeline.Partition
		for i := range count {
			partitions = append(partitions, pipeline.Partition{Attribute: fmt.Sprintf("p%d", i)})
		}
		l.declare(acme, name, nil, partitions...)
		for _, value := range []string{"a", "b"} {
			var dimensions []analytics.Dimension
			for i := range count {
				dimensions = append(dimensions, analytics.Dimension{Name: fmt.Sprintf("__partition_p%d", i), Value: &value})
			}
			l.add(t, acme, name, "2026-01-10", ".json", []byte(`{"n":1}`+"\n"), dimensions...)
			l.add(t, acme, name, "2026-01-11", ".json", []byte(`{"n":2}`+"\n"), dimensions...)
		}
	}
	engine := inProcess(t, l)
	for _, count := range []int{2, 45} {
		out, err := ask(t, engine, acme, fmt.Sprintf("SELECT n, __partition_p0, __partition_p%d, __dt FROM parted%d WHERE __partition_p1 = 'b' ORDER BY n", count-1, count))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("\"n\",\"__partition_p0\",\"__partition_p%d\",\"__dt\"\n\"1\",\"b\",\"b\",\"2026-01-10 00:00:00.000\"\n\"2\",\"b\",\"b\",\"2026-01-11 00:00:00.000\"\n", count-1), out)
	}
	out, err := ask(t, engine, acme, "SELECT count(*) FROM parted2 a JOIN parted45 b ON a.__dt = b.__dt AND a.__partition_p0 = b.__partition_p44")
	require.NoError(t, err)
	require.Equal(t, "\"_col0\"\n\"4\"\n", out)
}
