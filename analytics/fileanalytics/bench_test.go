package fileanalytics_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/tenant"
)

// telemetry is a payload of 300 bytes.
func telemetry(n int) []byte {
	return fmt.Appendf(nil, `{"messageId":"m-%09d","timestamp":%d,"temperature":%.3f,"humidity":%.2f,"pressure":%.1f,"battery":%.3f,"rssi":%d,"status":"running","firmware":"2.14.7-rc3","site":"plant-7/hall-3/line-12","note":"%042d"}`,
		n, 1772366400000+n*250, 20+float64(n%997)/100, 40+float64(n%313)/10, 1013+float64(n%17), 3+float64(n%999)/1000, -40-n%50, n)
}

// bareLog is the limit of durable appends: a file, one write and one fsync for
// all that came together, and nothing else. With ahead, it writes over zeros,
// of which it writes so many when there are none left.
type bareLog struct {
	file   *os.File
	ahead  int
	lead   chan struct{}
	mu     sync.Mutex
	queue  *bareBatch
	size   int64
	filled int64
}

func newBareLog(b *testing.B, ahead int) *bareLog {
	b.Helper()
	file, err := os.Create(filepath.Join(b.TempDir(), "log"))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, file.Close()) })
	return &bareLog{file: file, ahead: ahead, lead: make(chan struct{}, 1)}
}

type bareBatch struct {
	data []byte
	done chan struct{}
}

func (l *bareLog) append(data []byte) {
	l.mu.Lock()
	if l.queue == nil {
		l.queue = &bareBatch{done: make(chan struct{})}
	}
	b := l.queue
	b.data = append(b.data, data...)
	l.mu.Unlock()
	for {
		select {
		case <-b.done:
			return
		case l.lead <- struct{}{}:
			l.mu.Lock()
			taken := l.queue
			l.queue = nil
			l.mu.Unlock()
			if taken != nil {
				if err := l.write(taken.data); err != nil {
					panic(err)
				}
				close(taken.done)
			}
			<-l.lead
		}
	}
}

func (l *bareLog) write(data []byte) error {
	if _, err := l.file.WriteAt(data, l.size); err != nil {
		return err
	}
	l.size += int64(len(data))
	if l.ahead > 0 && l.size > l.filled {
		if _, err := l.file.WriteAt(make([]byte, l.ahead), l.size); err != nil {
			return err
		}
		l.filled = l.size + int64(l.ahead)
	}
	return l.file.Sync()
}

// BenchmarkAppend appends single messages of 300 bytes, each durable when its
// append returns, beside the bare log. Wall time counts here, since the disk is
// the limit: x-bare is the part of the bare log's rate that is reached, x-ahead
// that of one that also writes over zeros.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ writers, tenants int }{{1, 1}, {64, 1}, {64, 50}} {
		b.Run(fmt.Sprintf("writers=%d/tenants=%d", c.writers, c.tenants), func(b *testing.B) {
			store, err := fileanalytics.Open(b.TempDir(), tenant.RandomCursorKeys())
			require.NoError(b, err)
			defer store.Close()
			bare, ahead := newBareLog(b, 0), newBareLog(b, 1<<20)
			var sequence atomic.Int64
			tenants, things := make([]tenant.ID, c.writers), make([]device.ID, c.writers)
			for w := range c.writers {
				tenants[w], things[w] = tenant.MustParseID(fmt.Sprint("tenant-", w%c.tenants)), device.MustParseID(fmt.Sprint("thing-", w))
			}
			ours := func(w int) {
				n := int(sequence.Add(1))
				_, err := store.Append(b.Context(), tenants[w], []analytics.Message{{
					Thing: things[w], ID: "m-" + strconv.Itoa(n), At: time.Unix(1772366400+int64(n/100), 0), Payload: telemetry(n),
				}})
				if err != nil {
					b.Error(err)
				}
			}
			theirs := func(l *bareLog) func(int) {
				return func(int) { l.append(telemetry(int(sequence.Add(1)))) }
			}
			n := 60 * c.writers
			if c.writers == 1 {
				n = 1000
			}
			var rates, ratios, ratiosAhead, cpu []float64
			for b.Loop() {
				for range 7 {
					limit := rate(theirs(bare), c.writers, n)
					start := bench.CPU()
					got := rate(ours, c.writers, n)
					cpu = append(cpu, float64(bench.CPU()-start)/float64(n))
					rates, ratios = append(rates, got), append(ratios, got/limit)
					ratiosAhead = append(ratiosAhead, got/rate(theirs(ahead), c.writers, n))
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(middle(rates), "appends/s")
			b.ReportMetric(middle(cpu), "ns-cpu/append")
			b.ReportMetric(middle(ratios), "x-bare")
			b.ReportMetric(middle(ratiosAhead), "x-ahead")
		})
	}
}

// rate returns how often a second f was called by so many writers.
func rate(f func(writer int), writers, n int) float64 {
	runtime.GC()
	var group sync.WaitGroup
	start := time.Now()
	for w := range writers {
		group.Go(func() {
			for range n / writers {
				f(w)
			}
		})
	}
	group.Wait()
	return float64(n) / time.Since(start).Seconds()
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// million fills a store with messages of 300 bytes from 1,000 things of 10
// tenants, in time order, and returns its folder.
func million(b *testing.B, messages int) string {
	b.Helper()
	dir := b.TempDir()
	store, err := fileanalytics.Open(dir, tenant.RandomCursorKeys())
	require.NoError(b, err)
	var group sync.WaitGroup
	for t := range 10 {
		group.Go(func() {
			id := tenant.MustParseID(fmt.Sprint("tenant-", t))
			batch := make([]analytics.Message, analytics.MaxBatch)
			for n := 0; n < messages/10; n += len(batch) {
				for i := range batch {
					batch[i] = analytics.Message{
						Thing: device.MustParseID(fmt.Sprint("thing-", i)), ID: fmt.Sprint("m-", n+i),
						At: time.UnixMilli(1772366400000 + int64(n+i)*250), Payload: telemetry(n + i),
					}
				}
				if _, err := store.Append(b.Context(), id, batch); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	require.NoError(b, store.Close())
	return dir
}

// BenchmarkMillion opens a store of a million messages, and reads one of its
// tenants, beside reading the tenant's files.
func BenchmarkMillion(b *testing.B) {
	const messages = 1_000_000
	start := time.Now()
	dir := million(b, messages)
	b.Logf("filled at %.0f messages/s", messages/time.Since(start).Seconds())

	b.Run("open", func(b *testing.B) {
		start := bench.CPU()
		for b.Loop() {
			store, err := fileanalytics.Open(dir, tenant.RandomCursorKeys())
			require.NoError(b, err)
			require.NoError(b, store.Close())
		}
		b.ReportMetric(float64(bench.CPU()-start)/float64(b.N)/1e6, "ms-cpu")
	})

	store, err := fileanalytics.Open(dir, tenant.RandomCursorKeys())
	require.NoError(b, err)
	defer store.Close()
	var disk int64
	segments, err := filepath.Glob(filepath.Join(dir, "tenants", "t-tenant-3", "*.seg"))
	require.NoError(b, err)
	all, err := filepath.Glob(filepath.Join(dir, "*", "*", "*.seg"))
	require.NoError(b, err)
	journals, err := filepath.Glob(filepath.Join(dir, "journal", "*"))
	require.NoError(b, err)
	for _, name := range append(all, journals...) {
		info, err := os.Stat(name)
		require.NoError(b, err)
		disk += info.Size()
	}
	id := tenant.MustParseID("tenant-3")
	readFiles := func(n int) {
		for range n {
			for _, name := range segments {
				if _, err := os.ReadFile(name); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("scan-messages-of-a-thing", func(b *testing.B) {
		query := analytics.Query{Things: []device.ID{device.MustParseID("thing-7")}, Limit: tenant.MaxLimit}
		count := 0
		for b.Loop() {
			count = 0
			for _, err := range analytics.AllMessages(b.Context(), store, id, query) {
				require.NoError(b, err)
				count++
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/message")
	})
	b.Run("scan-messages-of-a-tenant", func(b *testing.B) {
		bench.Ratio(b, 3, func(n int) {
			for range n {
				for _, err := range analytics.AllMessages(b.Context(), store, id, analytics.Query{Limit: tenant.MaxLimit}) {
					require.NoError(b, err)
				}
			}
		}, readFiles, 1)
		b.ReportMetric(float64(disk)/messages, "bytes/message")
	})
	b.Run("scan-points-of-a-metric", func(b *testing.B) {
		query := analytics.Query{Metrics: []string{"temperature"}, Limit: tenant.MaxLimit}
		bench.Ratio(b, 3, func(n int) {
			for range n {
				for _, err := range analytics.AllPoints(b.Context(), store, id, query) {
					require.NoError(b, err)
				}
			}
		}, readFiles, 1)
	})
}

// BenchmarkOpenWithoutState opens a store of 100,000 messages whose state files
// are lost, so that segments are read.
func BenchmarkOpenWithoutState(b *testing.B) {
	dir := million(b, 100_000)
	states, err := filepath.Glob(filepath.Join(dir, "tenants", "*", "state"))
	require.NoError(b, err)
	for _, name := range states {
		require.NoError(b, os.Remove(name))
	}
	start := bench.CPU()
	for b.Loop() {
		store, err := fileanalytics.Open(dir, tenant.RandomCursorKeys())
		require.NoError(b, err)
		for t := range 10 {
			_, err = store.Last(b.Context(), tenant.MustParseID(fmt.Sprint("tenant-", t)), "", device.MustParseID("thing-1"))
			require.NoError(b, err)
		}
		require.NoError(b, store.Close())
	}
	b.ReportMetric(float64(bench.CPU()-start)/float64(b.N)/1e6, "ms-cpu")
}
