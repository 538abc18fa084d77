package alerts_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
)

// forgetful is a repository that keeps nothing, so that what the runtime itself
// keeps can be measured.
type forgetful struct {
	tenant.Repository[alerts.DetectorRecord]
}

func (forgetful) Get(context.Context, tenant.ID, tenant.Key, ...func(*tenant.ReadOptions)) (tenant.Item[alerts.DetectorRecord], error) {
	return tenant.Item[alerts.DetectorRecord]{}, tenant.ErrNotFound
}

func (forgetful) Put(context.Context, tenant.ID, alerts.DetectorRecord, tenant.Condition) (tenant.Version, error) {
	return 1, nil
}

// BenchmarkCachedDetector measures the memory of a detector that the runtime
// holds, after one message of 300 bytes: without an id, and with one, which the
// window of de-duplication remembers.
func BenchmarkCachedDetector(b *testing.B) {
	const detectors = 1_000_000
	filler := strings.Repeat("x", 240)
	for _, id := range []string{"", "m1"} {
		b.Run("id="+id, func(b *testing.B) {
			ctx := context.Background()
			store := openBolt(b, "alerts.db")
			models := alerts.NewModels(bolttenant.NewRepository(store, &alerts.ModelSchema), forgetful{})
			_, err := models.Put(ctx, north, []byte(boiler))
			require.NoError(b, err)
			for b.Loop() {
				before := liveBytes()
				r := alerts.NewRuntime(models, forgetful{}, bolttenant.NewRepository(store, &alerts.AlertSchema), &alertstest.Recorder{}, func(o *alerts.Options) { o.CacheSize = detectors })
				batch := make([]alerts.Message, 100)
				for i := range detectors / len(batch) {
					for place := range batch {
						payload := fmt.Appendf(nil, `{"id":"device-%07d","filler":%q,"t":20}`, i*len(batch)+place, filler)
						batch[place] = alerts.Message{Input: "telemetry", ID: id, Payload: payload}
					}
					require.NoError(b, r.Put(ctx, north, batch...))
				}
				b.ReportMetric(float64(liveBytes()-before)/detectors, "B/detector")
				runtime.KeepAlive(r)
			}
		})
	}
}

func liveBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
