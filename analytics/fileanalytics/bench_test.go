package fileanalytics_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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
// all that came together, and nothing else.
type bareLog struct {
	file  *os.File
	lead  chan struct{}
	mu    sync.Mutex
	queue *bareBatch
	size  int64
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
				if _, err := l.file.WriteAt(taken.data, l.size); err != nil {
					panic(err)
				}
				if err := l.file.Sync(); err != nil {
					panic(err)
				}
				l.size += int64(len(taken.data))
				close(taken.done)
			}
			<-l.lead
		}
	}
}

// BenchmarkAppend appends single messages of 300 bytes, each durable when its
// append returns, beside the bare log. Wall time counts here, since the disk is
// the limit: x-bare is the part of the bare log's rate that is reached.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ writers, tenants int }{{1, 1}, {64, 1}, {64, 50}} {
		b.Run(fmt.Sprintf("writers=%d/tenants=%d", c.writers, c.tenants), func(b *testing.B) {
			store, err := fileanalytics.Open(b.TempDir(), tenant.RandomCursorKeys())
			require.NoError(b, err)
			defer store.Close()
			file, err := os.Create(filepath.Join(b.TempDir(), "log"))
			require.NoError(b, err)
			defer file.Close()
			bare := &bareLog{file: file, lead: make(chan struct{}, 1)}
			var sequence atomic.Int64
			ours := func(w int) {
				n := int(sequence.Add(1))
				_, err := store.Append(b.Context(), tenant.MustParseID(fmt.Sprint("tenant-", w%c.tenants)), []analytics.Message{{
					Thing: device.MustParseID(fmt.Sprint("thing-", w)), ID: fmt.Sprint("m-", n), At: time.Unix(1772366400+int64(n/100), 0), Payload: telemetry(n),
				}})
				if err != nil {
					b.Error(err)
				}
			}
			theirs := func(int) { bare.append(telemetry(int(sequence.Add(1)))) }
			n := 60 * c.writers
			if c.writers == 1 {
				n = 1000
			}
			var rates, ratios, cpu []float64
			for b.Loop() {
				for range 7 {
					limit := rate(theirs, c.writers, n)
					start := bench.CPU()
					got := rate(ours, c.writers, n)
					cpu = append(cpu, float64(bench.CPU()-start)/float64(n))
					rates, ratios = append(rates, got), append(ratios, got/limit)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(middle(rates), "appends/s")
			b.ReportMetric(middle(cpu), "ns-cpu/append")
			b.ReportMetric(middle(ratios), "x-bare")
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
