package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

const compressorModel = "../local/models/compressor.json"

// telemetryFolder is a folder of examples/local whose telemetry is in use until
// the test ends: of two tenants, each with a compressor of the same name.
type telemetryFolder struct {
	path  string
	store *fileanalytics.Store
}

func openTelemetry(t *testing.T, optFns ...func(*fileanalytics.Options)) telemetryFolder {
	t.Helper()
	path := t.TempDir()
	store, err := fileanalytics.Open(filepath.Join(path, "telemetry"), tenant.RandomCursorKeys(), optFns...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return telemetryFolder{path, store}
}

var received = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// put appends a message per temperature, a second apart.
func (f telemetryFolder) put(t *testing.T, owner, channel string, start time.Time, temperatures ...int) {
	t.Helper()
	require.NoError(t, f.append(owner, channel, start, temperatures))
}

func (f telemetryFolder) append(owner, channel string, start time.Time, temperatures []int) error {
	id, err := tenant.ParseID(owner)
	if err != nil {
		return err
	}
	thing, err := device.ParseID("compressor")
	if err != nil {
		return err
	}
	for first := 0; first < len(temperatures); first += analytics.MaxBatch {
		var batch []analytics.Message
		for i := first; i < min(first+analytics.MaxBatch, len(temperatures)); i++ {
			batch = append(batch, analytics.Message{
				Thing: thing, Channel: channel, At: start.Add(time.Duration(i) * time.Second), ID: fmt.Sprintf("%s-%d-%d", channel, start.Unix(), i),
				Payload: fmt.Appendf(nil, `{"temperature":%d,"pressure":6,"vibration":1}`, temperatures[i]),
			})
		}
		if _, err := f.store.Append(context.Background(), id, batch); err != nil {
			return err
		}
	}
	return nil
}

func TestStoredTelemetry(t *testing.T) {
	t.Parallel()
	folder := openTelemetry(t)
	folder.put(t, "north", "", received, 95, 95, 95)
	folder.put(t, "north", "other", received, 95, 95, 95)
	for _, data := range []string{folder.path, filepath.Join(folder.path, "telemetry")} {
		got := backtest("", "detector", "-model", compressorModel, "-data", data, "-tenant", "north")
		require.Equal(t, statusDone, got.status, got.err)
		lines := strings.Split(strings.TrimSpace(got.out), "\n")
		require.Len(t, lines, 3)
		require.Contains(t, lines[0], `{"at":1769860800,"kind":"message","key":"compressor","state":"Healthy","variables":{"suspicious":1}`)
		require.Contains(t, lines[2], `"state":"Faulty","variables":{"suspicious":3},"timers":{"still-faulty":1769861402},"actions":[{"type":"sns"`)
	}
}

func TestStoredTelemetryBetween(t *testing.T) {
	t.Parallel()
	folder := openTelemetry(t)
	folder.put(t, "north", "", received, 95, 95, 95, 95, 95)
	got := backtest("", "detector", "-model", compressorModel, "-data", folder.path, "-tenant", "north",
		"-from", "2026-01-31T12:00:01Z", "-to", "2026-01-31T12:20:00Z", "-format", "text")
	require.Equal(t, statusDone, got.status, got.err)
	require.Contains(t, got.out, "\n         4  message\n         1  timer\n")
	require.Contains(t, got.out, `         1  sns arn:aws:sns:us-east-1:123456789012:compressor-alerts  by "compressor-faulty"`)
	require.Contains(t, got.out, `         1  sns arn:aws:sns:us-east-1:123456789012:compressor-alerts  by "remind"`)

	got = backtest("", "detector", "-model", compressorModel, "-data", folder.path, "-tenant", "north",
		"-from", "1769860800", "-to", "1769860802")
	require.Equal(t, 2, strings.Count(got.out, "\n"))
}

// TestStoredTelemetryThatMovesOn reads a folder again and again while its store
// moves messages from journals to segments.
func TestStoredTelemetryThatMovesOn(t *testing.T) {
	t.Parallel()
	folder := openTelemetry(t, func(o *fileanalytics.Options) { o.JournalSize = 64 << 10 })
	const batches, size = 100, 40
	done := make(chan error, 1)
	go func() {
		var err error
		for batch := 0; batch < batches && err == nil; batch++ {
			err = folder.append("north", "", received.Add(time.Duration(batch)*time.Hour), make([]int, size))
		}
		done <- err
	}()
	for before := 0; ; {
		finished := false
		select {
		case err := <-done:
			require.NoError(t, err)
			finished = true
		default:
		}
		got := backtest("", "detector", "-model", compressorModel, "-data", folder.path, "-tenant", "north")
		require.Equal(t, statusDone, got.status, got.err)
		messages := strings.Count(got.out, `"kind":"message"`)
		require.GreaterOrEqual(t, messages, before)
		require.Equal(t, strings.Count(got.out, "\n"), messages)
		if before = messages; finished {
			require.Equal(t, batches*size, messages)
			return
		}
	}
}

func TestStoredTelemetryIsOnlyRead(t *testing.T) {
	t.Parallel()
	folder := openTelemetry(t, func(o *fileanalytics.Options) { o.JournalSize = 64 << 10 })
	folder.put(t, "north", "", received, make([]int, 1000)...)
	before := listing(t, folder.path)
	require.Contains(t, strings.Join(before, "\n"), ".seg")
	got := backtest("", "detector", "-model", compressorModel, "-data", folder.path, "-tenant", "north")
	require.Equal(t, statusDone, got.status, got.err)
	require.Equal(t, 1000, strings.Count(got.out, "\n"))
	require.Equal(t, before, listing(t, folder.path))
}

// listing returns all files with their sizes and times.
func listing(t *testing.T, folder string) []string {
	t.Helper()
	var all []string
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			all = append(all, fmt.Sprintln(path, info.Size(), info.ModTime()))
		}
		return err
	}))
	return all
}

// TestAttackStoredTelemetryOfAnother asks for a tenant's telemetry where
// another tenant has a thing of the same name.
func TestAttackStoredTelemetryOfAnother(t *testing.T) {
	t.Parallel()
	folder := openTelemetry(t, func(o *fileanalytics.Options) { o.JournalSize = 64 << 10 })
	folder.put(t, "north", "", received, make([]int, 1000)...)
	folder.put(t, "south", "", received, 95)
	folder.put(t, "northern", "", received, 95, 95)
	for owner, want := range map[string]int{"north": 1000, "south": 1, "northern": 2, "nobody": 0} {
		got := backtest("", "detector", "-model", compressorModel, "-data", folder.path, "-tenant", owner)
		require.Equal(t, statusDone, got.status, got.err)
		require.Equal(t, want, strings.Count(got.out, "\n"), owner)
	}
	for _, owner := range []string{"../north", "north/..", "*", "_platform", "NORTH", "t-north/"} {
		got := backtest("", "detector", "-model", compressorModel, "-data", folder.path, "-tenant", owner)
		require.Equal(t, statusUsage, got.status, owner)
		require.Empty(t, got.out)
	}
}

func TestNoTelemetry(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	got := backtest("", "detector", "-model", compressorModel, "-data", folder, "-tenant", "north")
	require.Equal(t, statusUsage, got.status)
	require.Contains(t, got.err, "no telemetry: want a folder of examples/local or of package fileanalytics")
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, entries)
}
