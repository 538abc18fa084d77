package fileanalytics_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "analytics")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	id, pump := tenant.MustParseID("acme"), device.MustParseID("pump-1")

	store, err := fileanalytics.Open(dir, tenant.RandomCursorKeys(), func(o *fileanalytics.Options) {
		o.RetentionDays = 30
	})
	if err != nil {
		panic(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, temperature := range []float64{21.5, 22, 35.5} {
		_, err := store.Append(ctx, id, []analytics.Message{{
			Thing:   pump,
			ID:      fmt.Sprintf("m-%d", i),
			At:      at.Add(time.Duration(i) * time.Minute),
			Payload: fmt.Appendf(nil, `{"temperature": %g}`, temperature),
		}})
		fmt.Println("appended:", err)
	}
	fmt.Println("closed:", store.Close())

	// Everything is there after a restart.
	store, err = fileanalytics.Open(dir, tenant.RandomCursorKeys())
	if err != nil {
		panic(err)
	}
	defer store.Close()
	last, err := store.Last(ctx, id, "", pump)
	fmt.Println(last[0].Metric, last[0].Value, last[0].Time.Format(time.TimeOnly), err)
	query := analytics.Query{Things: []device.ID{pump}, From: at.Add(time.Minute)}
	for point, err := range analytics.AllPoints(ctx, store, id, query) {
		fmt.Println(point.Time.Format(time.TimeOnly), point.Value, err)
	}
	// Output:
	// appended: <nil>
	// appended: <nil>
	// appended: <nil>
	// closed: <nil>
	// temperature 35.5 12:02:00 <nil>
	// 12:01:00 22 <nil>
	// 12:02:00 35.5 <nil>
}
