package fileanalytics_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/internal/bench"
)

// bareFiles is the limit of objects in files: the system calls that write a
// file whole, durably, and nothing else.
type bareFiles struct{ uploads, dir string }

func newBareFiles(b *testing.B) bareFiles {
	b.Helper()
	root := b.TempDir()
	bare := bareFiles{filepath.Join(root, "uploads"), filepath.Join(root, "data")}
	require.NoError(b, errors.Join(os.Mkdir(bare.uploads, 0o700), os.Mkdir(bare.dir, 0o700)))
	return bare
}

// write writes a file; name gives it its name, by rename or link.
func (f bareFiles) write(number int, content []byte, name func(from, to string) error) error {
	upload := filepath.Join(f.uploads, strconv.Itoa(number))
	file, err := os.Create(upload)
	if err != nil {
		return err
	}
	if _, err := file.Write(content); err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close(), name(upload, filepath.Join(f.dir, strconv.Itoa(number)))); err != nil {
		return err
	}
	dir, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func linkAndRemove(from, to string) error { return errors.Join(os.Link(from, to), os.Remove(from)) }

// BenchmarkWriteObject puts and creates objects of 4 KiB, durably, beside the
// system calls that it takes. Wall time counts here, since the disk is the
// limit: x-bare is the part of the bare rate that is reached. x-limit is the
// ratio of CPU time.
func BenchmarkWriteObject(b *testing.B) {
	const rounds, n = 9, 100
	content := bytes.Repeat([]byte("x"), 4096)
	for _, c := range []struct {
		name   string
		create bool
		bare   func(from, to string) error
	}{{"put", false, os.Rename}, {"create", true, linkAndRemove}} {
		b.Run(c.name, func(b *testing.B) {
			folder, bare, number := fileanalytics.NewFolder(b.TempDir()), newBareFiles(b), 0
			write := folder.Put
			if c.create {
				write = folder.Create
			}
			ours := func() error {
				return write(b.Context(), acme, "data/"+strconv.Itoa(number), bytes.NewReader(content))
			}
			theirs := func() error { return bare.write(number, content, c.bare) }
			var rates, ratios, cpu []float64
			for b.Loop() {
				for round := range rounds {
					var wall, used [2]float64
					for i := range 2 { // in alternating order
						which := (i + round) % 2
						wall[which], used[which] = timed(b, n, func() error {
							number++
							return []func() error{ours, theirs}[which]()
						})
					}
					rates, ratios, cpu = append(rates, n/wall[0]), append(ratios, wall[1]/wall[0]), append(cpu, used[0]/used[1])
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(bench.Median(rates), "objects/s")
			b.ReportMetric(bench.Median(ratios), "x-bare")
			b.ReportMetric(bench.Median(cpu), "x-limit")
		})
	}
}

// timed returns the wall time of n calls in seconds and their CPU time.
func timed(b *testing.B, n int, f func() error) (wall, cpu float64) {
	b.Helper()
	runtime.GC()
	start, used := time.Now(), bench.CPU()
	for range n {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start).Seconds(), float64(bench.CPU() - used)
}

// BenchmarkReadObject opens, reads and closes objects of 4 KiB that are in the
// page cache, beside the same calls of package os.
func BenchmarkReadObject(b *testing.B) {
	folder := fileanalytics.NewFolder(b.TempDir())
	require.NoError(b, folder.Put(b.Context(), acme, "contents/daily/x.csv", bytes.NewReader(make([]byte, 4096))))
	object, err := folder.Open(b.Context(), acme, "contents/daily/x.csv")
	require.NoError(b, err)
	path := object.(interface{ Path() string }).Path()
	require.NoError(b, object.Close())
	buffer := make([]byte, 4096)
	bench.Ratio(b, 9, func(n int) {
		for range n {
			object, err := folder.Open(b.Context(), acme, "contents/daily/x.csv")
			require.NoError(b, err)
			_, err = object.ReadAt(buffer[:object.Size()], 0)
			require.NoError(b, errors.Join(err, object.Close()))
		}
	}, func(n int) {
		for range n {
			file, err := os.Open(path)
			require.NoError(b, err)
			info, err := file.Stat()
			require.NoError(b, err)
			_, err = file.ReadAt(buffer[:info.Size()], 0)
			require.NoError(b, errors.Join(err, file.Close()))
		}
	}, 10_000)
}

// BenchmarkListObjects lists the 1,000 objects of a directory, beside reading
// the directory and looking at its files.
func BenchmarkListObjects(b *testing.B) {
	dir := b.TempDir()
	folder := fileanalytics.NewFolder(dir)
	require.NoError(b, folder.Put(b.Context(), acme, "log/first", bytes.NewReader(nil)))
	log := filepath.Join(dir, "objects", "t-acme", "log")
	for i := range analytics.MaxObjectList - 1 {
		require.NoError(b, os.WriteFile(filepath.Join(log, fmt.Sprintf("@%020d", i)), nil, 0o600))
	}
	bench.Ratio(b, 9, func(n int) {
		for range n {
			list, err := folder.List(b.Context(), acme, "log/", "", analytics.MaxObjectList)
			require.NoError(b, err)
			require.Len(b, list, analytics.MaxObjectList)
		}
	}, func(n int) {
		for range n {
			entries, err := os.ReadDir(log)
			require.NoError(b, err)
			require.Len(b, entries, analytics.MaxObjectList)
			for _, entry := range entries {
				_, err := os.Stat(filepath.Join(log, entry.Name()))
				require.NoError(b, err)
			}
		}
	}, 100)
}
