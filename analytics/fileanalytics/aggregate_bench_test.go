package fileanalytics_test

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/tenant"
)

// hour is what a hand-written loop keeps of an hour.
type hour struct {
	count          int
	min, max, sum  float64
	first, last    float64
	firstAt, latAt int64
}

// byHand computes the hours of a metric of a tenant from the records of its
// files. It trusts them: of a payload it looks at one member only, and takes
// the time that the record has.
func byHand(b *testing.B, store *fileanalytics.Store, id tenant.ID, metric string) map[int64]*hour {
	b.Helper()
	hours := map[int64]*hour{}
	member := []byte(`"` + metric + `":`)
	err := store.EachRecord(id, func(at int64, payload []byte) {
		_, rest, found := bytes.Cut(payload, member)
		if !found {
			return
		}
		end := bytes.IndexAny(rest, ",}")
		value, err := strconv.ParseFloat(string(rest[:end]), 64)
		if err != nil {
			return
		}
		h := hours[at/int64(time.Hour)]
		if h == nil {
			h = &hour{min: math.Inf(1), max: math.Inf(-1), firstAt: math.MaxInt64}
			hours[at/int64(time.Hour)] = h
		}
		h.count++
		h.min, h.max, h.sum = min(h.min, value), max(h.max, value), h.sum+value
		if at < h.firstAt {
			h.first, h.firstAt = value, at
		}
		if at >= h.latAt {
			h.last, h.latAt = value, at
		}
	})
	require.NoError(b, err)
	return hours
}

// BenchmarkAggregate computes the hours of one metric of a tenant's million
// messages, beside a loop that is written by hand.
func BenchmarkAggregate(b *testing.B) {
	const messages = 1_000_000
	dir := b.TempDir()
	store, err := fileanalytics.Open(dir, tenant.RandomCursorKeys())
	require.NoError(b, err)
	defer store.Close()
	id := tenant.MustParseID("tenant-3")
	batch := make([]analytics.Message, analytics.MaxBatch)
	for n := 0; n < messages; n += len(batch) {
		for i := range batch {
			batch[i] = analytics.Message{
				Thing: device.MustParseID(fmt.Sprint("thing-", i)), ID: fmt.Sprint("m-", n+i),
				At: time.UnixMilli(1772366400000 + int64(n+i)*250), Payload: telemetry(n + i),
			}
		}
		_, err := store.Append(b.Context(), id, batch)
		require.NoError(b, err)
	}
	require.NoError(b, store.Checkpoint(b.Context()))
	query := analytics.AggregateQuery{
		Query:    analytics.Query{Metrics: []string{"temperature"}},
		Interval: analytics.Interval{Every: time.Hour},
		Group:    func(device.ID) string { return "" },
	}
	want := byHand(b, store, id, "temperature")
	total := 0
	for bucket, err := range analytics.Aggregates(b.Context(), store, id, query) {
		require.NoError(b, err)
		h := want[bucket.Start.UnixNano()/int64(time.Hour)]
		require.EqualValues(b, h.count, bucket.Count)
		require.InDelta(b, h.sum, bucket.Sum, 1e-6)
		require.InDelta(b, h.last, bucket.Last, 0)
		total += h.count
	}
	require.Equal(b, messages, total)
	bench.Ratio(b, 3, func(n int) {
		for range n {
			for _, err := range analytics.Aggregates(b.Context(), store, id, query) {
				require.NoError(b, err)
			}
		}
	}, func(n int) {
		for range n {
			byHand(b, store, id, "temperature")
		}
	}, 1)
}
