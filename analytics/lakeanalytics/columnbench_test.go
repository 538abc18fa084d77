package lakeanalytics_test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/tenant"
)

// columnRows is how many rows BenchmarkColumns has. IOTENANT_COLUMN_ROWS sets
// another number.
func columnRows(b *testing.B) int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("IOTENANT_COLUMN_ROWS"), "1000000"))
	require.NoError(b, err)
	return n
}

// filledLake returns a lake of n rows of 1,000 things in 20 days, and its
// folder if that is to be kept.
func filledLake(b *testing.B, n int, table analytics.Table) (analytics.Objects, *lakeanalytics.Lake) {
	folder := b.TempDir()
	if kept := os.Getenv("IOTENANT_COLUMN_FOLDER"); kept != "" {
		folder = filepath.Join(kept, string(table.Format))
	}
	objects := fileanalytics.NewFolder(folder)
	lake := lakeanalytics.New(objects, tenant.RandomCursorKeys())
	if _, err := lake.Snapshot(b.Context(), acme, store); err == nil {
		return objects, lake
	}
	require.NoError(b, lake.Declare(b.Context(), acme, table))
	random := rand.New(rand.NewPCG(1, 2))
	things := make([]device.ID, 1000)
	for i := range things {
		things[i] = device.MustParseID(fmt.Sprintf("device-%06d", i))
	}
	step := 20 * 24 * time.Hour / time.Duration(n)
	rows := make([]analytics.Row, 0, analytics.MaxRows)
	for i := range n {
		thing := things[random.IntN(len(things))]
		temperature := 20 + 8*random.NormFloat64()
		rows = append(rows, analytics.Row{Thing: thing, At: start.Add(time.Duration(i) * step), Payload: fmt.Appendf(nil,
			`{"device":"%s","site":"site-%02d","status":"ok","ts":%d,"seq":%d,"temperature":%.2f,"fahrenheit":%.3f,"humidity":%.1f,"pressure":%.2f}`,
			thing, random.IntN(20), 1760000000000+i, i, temperature, temperature*1.8+32, 50+10*random.NormFloat64(), 1000+15*random.NormFloat64())})
		if len(rows) == cap(rows) || i == n-1 {
			_, err := lake.Append(b.Context(), acme, store, rows)
			require.NoError(b, err)
			rows = rows[:0]
		}
	}
	require.NoError(b, lake.Sweep(b.Context(), acme))
	return objects, lake
}

// BenchmarkColumns computes count, mean and maximum of a column for each thing
// and hour, against the library's reader of rows and a map.
func BenchmarkColumns(b *testing.B) {
	benchmarkColumns(b, analytics.Table{TableID: store, Format: pipeline.FormatParquet, Columns: benchColumns}, readByRows)
}

// BenchmarkColumnsOfJSON does the same of lines of JSON, against a program that
// reads them with the standard library.
func BenchmarkColumnsOfJSON(b *testing.B) {
	benchmarkColumns(b, analytics.Table{TableID: store, Format: pipeline.FormatJSON}, readByLines)
}

func benchmarkColumns(b *testing.B, table analytics.Table, read func(*testing.B, analytics.Objects, []analytics.File) map[hourOf]*hourly) {
	n := columnRows(b)
	objects, lake := filledLake(b, n, table)
	snapshot, err := lake.Snapshot(b.Context(), acme, store)
	require.NoError(b, err)
	bytes := int64(0)
	for _, file := range snapshot.Files {
		bytes += file.Bytes
	}
	query := analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{Datastore: store.Name, Values: []string{"temperature"}}, Interval: analytics.Interval{Every: time.Hour}}
	groups := 0
	bench.Ratio(b, 5, func(int) {
		groups = 0
		total := uint64(0)
		for bucket, err := range analytics.AggregateColumns(b.Context(), lake, acme, query) {
			require.NoError(b, err)
			groups++
			total += bucket.Count
		}
		require.EqualValues(b, n, total)
	}, func(int) {
		require.Len(b, read(b, objects, snapshot.Files), groups)
	}, n)
	b.ReportMetric(float64(groups), "groups")
	b.ReportMetric(float64(len(snapshot.Files)), "files")
	b.ReportMetric(float64(bytes)/float64(n), "B/row")
}

type hourOf struct {
	thing string
	hour  int64
}

type hourly struct {
	count    int
	sum, max float64
}

func add(found map[hourOf]*hourly, at int64, thing string, value float64) {
	key := hourOf{thing, at / int64(time.Hour)}
	h := found[key]
	if h == nil {
		h = &hourly{max: value}
		found[key] = h
	}
	h.count++
	h.sum += value
	h.max = max(h.max, value)
}

func readByRows(b *testing.B, objects analytics.Objects, files []analytics.File) map[hourOf]*hourly {
	type row struct {
		At          int64    `parquet:"__at"`
		Thing       string   `parquet:"__thing,optional"`
		Temperature *float64 `parquet:"temperature,optional"`
	}
	found := map[hourOf]*hourly{}
	rows := make([]row, 1000)
	for _, file := range files {
		object, err := objects.Open(b.Context(), acme, file.Name)
		require.NoError(b, err)
		opened, err := parquet.OpenFile(object, object.Size())
		require.NoError(b, err)
		reader := parquet.NewGenericReader[row](opened)
		for {
			n, err := reader.Read(rows)
			for i := range rows[:n] {
				add(found, rows[i].At, rows[i].Thing, *rows[i].Temperature)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(b, err)
		}
		require.NoError(b, reader.Close())
		require.NoError(b, object.Close())
	}
	return found
}

func readByLines(b *testing.B, objects analytics.Objects, files []analytics.File) map[hourOf]*hourly {
	found := map[hourOf]*hourly{}
	for _, file := range files {
		object, err := objects.Open(b.Context(), acme, file.Name)
		require.NoError(b, err)
		unzipped, err := gzip.NewReader(io.NewSectionReader(object, 0, object.Size()))
		require.NoError(b, err)
		for lines := bufio.NewScanner(unzipped); lines.Scan(); {
			var row struct {
				At          int64    `json:"__at"`
				Thing       string   `json:"__thing"`
				Temperature *float64 `json:"temperature"`
			}
			require.NoError(b, json.Unmarshal(lines.Bytes(), &row))
			add(found, row.At, row.Thing, *row.Temperature)
		}
		require.NoError(b, object.Close())
	}
	return found
}
