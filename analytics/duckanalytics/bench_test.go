//go:build cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64)

package duckanalytics_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/duckanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/tenant"
)

var (
	benchRows    = flag.Int("rows", 1_000_000, "rows of the benchmarks, over 20 days and 200 devices")
	benchTenants = flag.Int("tenants", 1, "tenants with so many rows divided among them")
)

const hourly = "SELECT device, date_trunc('hour', ts) AS hour, avg(temperature), max(humidity), count(*) FROM %s GROUP BY device, date_trunc('hour', ts)"

// folder is a lake of Parquet files in a folder for each tenant.
type folder struct {
	dir    string
	tables map[tenant.ID]analytics.Snapshot
}

type fileObject struct{ *os.File }

func (o fileObject) Path() string { return o.Name() }

func (o fileObject) Size() int64 { return 0 }

func (f folder) Snapshot(_ context.Context, id tenant.ID, _ analytics.TableID) (analytics.Snapshot, error) {
	return f.tables[id], nil
}

func (f folder) Open(_ context.Context, id tenant.ID, name string) (analytics.Object, error) {
	file, err := os.Open(filepath.Join(f.dir, id.String(), name))
	return fileObject{file}, err
}

// generate writes rows of 20 days for each tenant.
func generate(b *testing.B, rows, tenants int) folder {
	b.Helper()
	db, err := sql.Open("duckdb", "")
	require.NoError(b, err)
	defer db.Close()
	const days = 20
	f := folder{b.TempDir(), map[tenant.ID]analytics.Snapshot{}}
	columns := []pipeline.Column{{Name: "device", Type: "string"}, {Name: "ts", Type: "timestamp"}, {Name: "temperature", Type: "double"}, {Name: "humidity", Type: "double"}, {Name: "pressure", Type: "double"}, {Name: "seq", Type: "int"}, {Name: "site", Type: "string"}}
	for n := range tenants {
		id := tenant.MustParseID(fmt.Sprintf("tenant-%d", n))
		snapshot := analytics.Snapshot{Table: analytics.Table{TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "telemetry"}, Format: pipeline.FormatParquet, Columns: columns}}
		require.NoError(b, os.MkdirAll(filepath.Join(f.dir, id.String()), 0o700))
		for d := range days {
			day := time.Date(2026, 1, 1+d, 0, 0, 0, 0, time.UTC)
			name := fmt.Sprintf("%d.parquet", d)
			perDay := max(rows/tenants/days, 1)
			_, err := db.ExecContext(b.Context(), fmt.Sprintf(`COPY (SELECT 'device-' || (i %% 200) AS device, TIMESTAMP '%s' + to_milliseconds((i * 86400000) // %d) AS ts,
				20 + 5 * sin(i / 1000) + random() AS temperature, 50 + 10 * random() AS humidity, 1013 + random() AS pressure, CAST(i AS INTEGER) AS seq, 'site-' || (i %% 7) AS site
				FROM range(%d) t(i)) TO '%s' (FORMAT parquet, COMPRESSION zstd)`, day.Format(time.DateTime), perDay, perDay, filepath.Join(f.dir, id.String(), name)))
			require.NoError(b, err)
			snapshot.Files = append(snapshot.Files, analytics.File{Name: name, Day: day})
		}
		f.tables[id] = snapshot
	}
	return f
}

// BenchmarkHourly asks for an aggregate by hour and device of one tenant, in
// turn by a worker and by DuckDB that reads the same files with nothing around
// it. x/direct is the ratio of the medians.
func BenchmarkHourly(b *testing.B) {
	f := generate(b, *benchRows, *benchTenants)
	engine := workeranalytics.New(f, f, func(o *workeranalytics.Options) { o.Dir, o.Command = b.TempDir(), workerCommand() })
	defer engine.Close()
	id := tenant.MustParseID("tenant-0")
	var ours, direct []time.Duration
	for b.Loop() {
		begun := time.Now()
		n := countRows(b, engine, id, fmt.Sprintf(hourly, "telemetry"))
		ours = append(ours, time.Since(begun))
		begun = time.Now()
		require.Equal(b, n, directRows(b, fmt.Sprintf(hourly, "read_parquet('"+filepath.Join(f.dir, id.String(), "*.parquet")+"')")))
		direct = append(direct, time.Since(begun))
		b.ReportMetric(float64(n), "groups")
	}
	slices.Sort(ours)
	slices.Sort(direct)
	b.ReportMetric(ours[len(ours)/2].Seconds()*1000, "ms/worker")
	b.ReportMetric(direct[len(direct)/2].Seconds()*1000, "ms/direct")
	b.ReportMetric(ours[len(ours)/2].Seconds()/direct[len(direct)/2].Seconds(), "x/direct")
}

// BenchmarkHourlyCPU is the same by processor time, with the worker in this
// process.
func BenchmarkHourlyCPU(b *testing.B) {
	f := generate(b, *benchRows, *benchTenants)
	engine := duckanalytics.NewInProcess(f, f, func(o *workeranalytics.Options) { o.Dir = b.TempDir() })
	defer engine.Close()
	id := tenant.MustParseID("tenant-0")
	direct := fmt.Sprintf(hourly, "read_parquet('"+filepath.Join(f.dir, id.String(), "*.parquet")+"')")
	bench.Ratio(b, 9, func(n int) {
		for range n {
			countRows(b, engine, id, fmt.Sprintf(hourly, "telemetry"))
		}
	}, func(n int) {
		for range n {
			directRows(b, direct)
		}
	}, 1)
}

func countRows(b *testing.B, engine analytics.Engine, id tenant.ID, statement string) int {
	b.Helper()
	result, err := engine.Query(b.Context(), id, analytics.Statement{SQL: statement, Now: now})
	require.NoError(b, err)
	defer func() { require.NoError(b, result.Close()) }()
	n := 0
	for _, err := range result.Rows {
		require.NoError(b, err)
		n++
	}
	return n
}

// directRows opens a database as an engine does, and reads all values.
func directRows(b *testing.B, statement string) int {
	b.Helper()
	db, err := sql.Open("duckdb", "?threads=2&memory_limit=512MB")
	require.NoError(b, err)
	defer db.Close()
	rows, err := db.QueryContext(b.Context(), statement)
	require.NoError(b, err)
	defer rows.Close()
	n := 0
	var device string
	var hour time.Time
	var mean, highest float64
	var count int64
	for rows.Next() {
		require.NoError(b, rows.Scan(&device, &hour, &mean, &highest, &count))
		n++
	}
	require.NoError(b, rows.Err())
	return n
}
