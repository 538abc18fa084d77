package shadow_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/shadow/memshadow"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// reportOf is what a device reports: about 1 KB with 40 values.
func reportOf(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"state":{"reported":{"firmware":"2.14.%d","uptime":%d,"network":{"rssi":-61,"ssid":"plant-7","ip":"10.0.0.17"},"sensors":{`, n, 1000+n)
	for i := range 8 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"temperature-%d":{"value":%d.25,"unit":"celsius","valid":true,"range":[0,120]}`, i, 20+i)
	}
	b.WriteString(`},"mode":"automatic","errors":[]}}}`)
	return b.String()
}

// wanted is what the backend wants of it.
const wanted = `{"state":{"desired":{"mode":"manual","sensors":{"temperature-3":{"unit":"kelvin","range":[0,400]}},"network":{"ssid":"plant-7"}}}}`

// BenchmarkUpdate applies a report of about 1 KB to a state of that size, from
// its bytes to the three messages, beside encoding/json reading and writing
// the same bytes.
func BenchmarkUpdate(b *testing.B) {
	state := updated(b, shadow.Rules{}, wanted, reportOf(0))
	payloads := [][]byte{[]byte(reportOf(1)), []byte(reportOf(2))}
	b.Logf("%d bytes", len(payloads[0]))
	subject := func(n int) {
		for i := range n {
			request, err := shadow.Rules{}.ParseRequest(payloads[i%2])
			if err != nil {
				b.Fatal(err)
			}
			change, err := shadow.Rules{}.Update(state, request, start)
			if err != nil {
				b.Fatal(err)
			}
			if len(change.Accepted()) == 0 || len(change.Delta()) == 0 || len(change.Documents()) == 0 {
				b.Fatal("no message")
			}
			state = change.Current
		}
	}
	limit := func(n int) {
		for i := range n {
			var v any
			if err := json.Unmarshal(payloads[i%2], &v); err != nil {
				b.Fatal(err)
			}
			if _, err := json.Marshal(v); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportAllocs()
	b.Run("beside a json round trip", func(b *testing.B) { bench.Ratio(b, 20, subject, limit, 500) })
	b.Run("beside json.Valid", func(b *testing.B) {
		bench.Ratio(b, 20, subject, func(n int) {
			for i := range n {
				if !json.Valid(payloads[i%2]) {
					b.Fatal("not JSON")
				}
			}
		}, 500)
	})
	b.Run("allocations", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			subject(1)
		}
	})
	b.Run("allocations of a json round trip", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			limit(1)
		}
	})
}

// BenchmarkService is the same through a service in memory: load, update,
// store, publish.
func BenchmarkService(b *testing.B) {
	shadows, _ := setup()
	send(b, shadows, wanted)
	payloads := [][]byte{[]byte(reportOf(1)), []byte(reportOf(2))}
	ctx := b.Context()
	n := 0
	b.ReportAllocs()
	began := bench.CPU()
	for b.Loop() {
		if _, err := shadows.Update(ctx, acme, lampID, classic, payloads[n%2]); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(bench.CPU()-began)/float64(n), "ns-cpu/op")
}

// BenchmarkMemory is what a shadow of about 1 KB takes in memtenant.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		const things = 10_000
		store := memtenant.New(tenant.RandomCursorKeys())
		shadows := memshadow.New(memtenant.NewRepository(store, &memshadow.RecordSchema), memdevice.NewBus())
		before := heap()
		for i := range things {
			thing := device.MustParseID(fmt.Sprintf("thing-%d", i))
			if _, err := shadows.Update(b.Context(), acme, thing, classic, []byte(reportOf(i))); err != nil {
				b.Fatal(err)
			}
		}
		used := heap() - before
		runtime.KeepAlive(store)
		encoded, err := updated(b, shadow.Rules{}, reportOf(1)).AppendBinary(nil)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(used)/things, "B/shadow")
		b.ReportMetric(float64(len(encoded)), "B/encoded")
		b.ReportMetric(float64(len(reportOf(1))), "B/request")
	}
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
