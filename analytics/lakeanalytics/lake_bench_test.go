package lakeanalytics_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/tenant"
)

// benchRowsOf returns rows of 300 bytes as sensors send them, all of one day.
func benchRowsOf(n, first int) []analytics.Row {
	rows := make([]analytics.Row, n)
	for i, payload := range benchRows(n) {
		rows[i] = analytics.Row{ID: strconv.Itoa(first + i), Thing: device.MustParseID("pump"), At: noon.Add(time.Duration(first+i) * time.Microsecond), Payload: payload}
	}
	return rows
}

// writeDurably is what an append can't do without: one file, written, synced
// and linked to its name, and that synced.
func writeDurably(b *testing.B, dir, name string, data []byte) {
	b.Helper()
	file, err := os.CreateTemp(dir, "upload")
	require.NoError(b, err)
	_, err = file.Write(data)
	require.NoError(b, err)
	require.NoError(b, file.Sync())
	require.NoError(b, file.Close())
	require.NoError(b, os.Link(file.Name(), filepath.Join(dir, name)))
	require.NoError(b, os.Remove(file.Name()))
	folder, err := os.Open(dir)
	require.NoError(b, err)
	require.NoError(b, folder.Sync())
	require.NoError(b, folder.Close())
}

// BenchmarkAppend compares appends to a channel in a folder with the same bytes
// through gzip to a file that is written, synced and linked. The time of both
// is measured, not that of the processor alone: most of it is the disk's.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint("lake/", size), func(b *testing.B) {
			lake := lakeanalytics.New(fileanalytics.NewFolder(b.TempDir()), tenant.RandomCursorKeys())
			require.NoError(b, lake.Declare(b.Context(), acme, analytics.Table{TableID: raw}))
			rows := benchRowsOf(size, 0)
			next := 0
			for b.Loop() {
				for i := range rows {
					rows[i].ID = strconv.Itoa(next)
					next++
				}
				_, err := lake.Append(b.Context(), acme, raw, rows)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "rows/s")
		})
		b.Run(fmt.Sprint("floor/", size), func(b *testing.B) {
			dir, n := b.TempDir(), 0
			rows := benchRowsOf(size, 0)
			for b.Loop() {
				var body bytes.Buffer
				zip := gzip.NewWriter(&body)
				for i := range rows {
					_, _ = zip.Write(rows[i].Payload)
				}
				require.NoError(b, zip.Close())
				n++
				writeDurably(b, dir, strconv.Itoa(n), body.Bytes())
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkAppendOneOfMany appends to tables of a thousand tenants in turn.
func BenchmarkAppendOneOfMany(b *testing.B) {
	lake := lakeanalytics.New(fileanalytics.NewFolder(b.TempDir()), tenant.RandomCursorKeys())
	ids := make([]tenant.ID, 1000)
	for i := range ids {
		ids[i] = tenant.MustParseID(fmt.Sprint("tenant-", i))
		require.NoError(b, lake.Declare(b.Context(), ids[i], analytics.Table{TableID: raw}))
	}
	rows := benchRowsOf(100, 0)
	n := 0
	for b.Loop() {
		for i := range rows {
			rows[i].ID = strconv.Itoa(n*len(rows) + i)
		}
		_, err := lake.Append(b.Context(), ids[n%len(ids)], raw, rows)
		require.NoError(b, err)
		n++
	}
}

// BenchmarkRows compares all pages of a channel with its files, unzipped: the
// processor's time of both.
func BenchmarkRows(b *testing.B) {
	const total = 200_000
	objects := fileanalytics.NewFolder(b.TempDir())
	lake := lakeanalytics.New(objects, tenant.RandomCursorKeys())
	require.NoError(b, lake.Declare(b.Context(), acme, analytics.Table{TableID: raw}))
	for first := 0; first < total; first += analytics.MaxRows {
		_, err := lake.Append(b.Context(), acme, raw, benchRowsOf(analytics.MaxRows, first))
		require.NoError(b, err)
	}
	require.NoError(b, lake.Sweep(b.Context(), acme))
	bench.Ratio(b, 3, func(n int) {
		for range n {
			found, query := 0, analytics.RowQuery{Limit: tenant.MaxLimit}
			for {
				page, err := lake.Rows(b.Context(), acme, raw, query)
				require.NoError(b, err)
				found += len(page.Items)
				if query.Cursor = page.Next; page.Next == "" {
					break
				}
			}
			require.Equal(b, total, found)
		}
	}, func(n int) {
		for range n {
			snapshot, err := lake.Snapshot(b.Context(), acme, raw)
			require.NoError(b, err)
			for _, file := range snapshot.Files {
				object, err := objects.Open(b.Context(), acme, file.Name)
				require.NoError(b, err)
				zip, err := gzip.NewReader(io.NewSectionReader(object, 0, object.Size()))
				require.NoError(b, err)
				_, err = io.Copy(io.Discard, zip)
				require.NoError(b, err)
				require.NoError(b, object.Close())
			}
		}
	}, 1)
}
