package analytics_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// BenchmarkPut puts batches of 100 messages of some 160 bytes: to a lake that
// drops them, which leaves what Ingest does itself, and to one in memory.
func BenchmarkPut(b *testing.B) {
	for name, lake := range map[string]analytics.Lake{
		"dropped": dropping{newFakeLake()},
		"memory":  lakeanalytics.New(memanalytics.NewObjects(), tenant.RandomCursorKeys()),
	} {
		b.Run(name, func(b *testing.B) {
			store := memtenant.New(tenant.RandomCursorKeys())
			definitions := analytics.NewDefinitions(memtenant.NewRepository(store, &analytics.DefinitionSchema), lake)
			for _, definition := range []string{rawChannel, hotStore, hotLine} {
				_, err := definitions.Put(b.Context(), north, []byte(definition))
				require.NoError(b, err)
			}
			ingest := analytics.NewIngest(definitions, lake)
			batch := make([]analytics.Row, 100)
			for i := range batch {
				batch[i] = message("", i, fmt.Sprintf(`{"device":{"id":"boiler-%06d","site":"north-west","firmware":"2.14.3"},"t":%d.5,"humidity":52,"pressure":1013.25,"state":"heating","ok":true,"rssi":-61}`, i, 91+i))
			}
			b.ReportAllocs()
			round := 0
			for b.Loop() {
				round++
				for i := range batch {
					batch[i].ID = strconv.Itoa(round*len(batch) + i)
				}
				if err := ingest.Put(b.Context(), north, "raw", batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(len(batch))/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
