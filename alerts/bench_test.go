package alerts_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// benchDevices is the number of devices that send, benchMessages how many
// messages they send in a round.
const (
	benchDevices  = 6400
	benchMessages = 12_800
)

// benchCallers is the number of callers at the same time, as many as an MQTT
// broker has connections.
const benchCallers = 64

// blob is an item of the size of a detector's record, for the bare store.
type blob struct {
	name string
	data [150]byte
}

func (b blob) AppendBinary(to []byte) ([]byte, error) { return append(to, b.data[:]...), nil }
func (b *blob) UnmarshalBinary(data []byte) error     { copy(b.data[:], data); return nil }

var blobSchema = tenant.Schema[blob]{
	Entity: "blob",
	Key:    func(b *blob) tenant.Key { return tenant.NewKey(b.name) },
}

// concurrently calls do for 0 to n-1 from benchCallers goroutines.
func concurrently(n int, do func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range benchCallers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	group.Wait()
}

func openBolt(b *testing.B, name string) *bolttenant.Store {
	store, err := bolttenant.Open(filepath.Join(b.TempDir(), name), tenant.RandomCursorKeys())
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, store.Close()) })
	return store
}

// BenchmarkPut evaluates durably: each message is on disk, with the state that
// it led to, when Put returns. The limit is the store alone, with as many
// writes of items of that size from as many callers.
func BenchmarkPut(b *testing.B) {
	for _, test := range []struct {
		name   string
		batch  int
		device func(batch, place int) int
		writes float64 // per message
	}{
		{"batch=1", 1, func(batch, _ int) int { return batch }, 1},
		{"batch=100/devices=100", 100, func(batch, place int) int { return batch*100 + place }, 1},
		{"batch=100/devices=1", 100, func(batch, _ int) int { return batch }, 0.01},
	} {
		b.Run(test.name, func(b *testing.B) {
			ctx := context.Background()
			store := openBolt(b, "alerts.db")
			var writes atomic.Int64
			counting := func(call tenanttest.Call) (fault tenanttest.Fault) {
				if call.Operation == tenanttest.OpPut {
					writes.Add(1)
				}
				return fault
			}
			detectors := tenanttest.Faulty[alerts.DetectorRecord](bolttenant.NewRepository(store, &alerts.DetectorSchema), counting)
			models := alerts.NewModels(bolttenant.NewRepository(store, &alerts.ModelSchema), detectors)
			runtime := alerts.NewRuntime(models, detectors, bolttenant.NewRepository(store, &alerts.AlertSchema), &alertstest.Recorder{})
			_, err := models.Put(ctx, north, []byte(boiler))
			require.NoError(b, err)
			round, messages := 0, int64(0)
			put := func(n int) {
				round++
				concurrently(max(n/test.batch, 1), func(i int) {
					batch := make([]alerts.Message, test.batch)
					for place := range batch {
						key := "device-" + strconv.Itoa(test.device(i, place)%benchDevices)
						batch[place] = reading(key, 20, fmt.Sprintf("%d-%d-%d", round, i, place))
					}
					if err := runtime.Put(ctx, north, batch...); err != nil {
						b.Error(err)
					}
				})
				messages += int64(max(n/test.batch, 1) * test.batch)
			}
			put(benchMessages) // all detectors exist
			writes.Store(0)
			messages = 0

			bare := bolttenant.NewRepository(openBolt(b, "bare.db"), &blobSchema)
			limit := func(n int) {
				concurrently(max(int(float64(n)*test.writes), 1), func(i int) {
					item := blob{name: "device-" + strconv.Itoa(i%benchDevices)}
					if _, err := bare.Put(ctx, north, item, tenant.Always()); err != nil {
						b.Error(err)
					}
				})
			}
			limit(benchMessages)
			bench.Ratio(b, 5, put, limit, benchMessages)
			b.ReportMetric(float64(writes.Load())/float64(messages), "writes/message")
		})
	}
}
