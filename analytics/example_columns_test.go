package analytics_test

import (
	"context"
	"fmt"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// readingsLake returns a lake with the data store readings, of JSON: ten minutes
// of two pumps in the north, and of one in the south.
func readingsLake(ctx context.Context, id tenant.ID) *lakeanalytics.Lake {
	lake := lakeanalytics.New(memanalytics.NewObjects(), tenant.RandomCursorKeys())
	readings := analytics.TableID{Kind: analytics.DatastoreTable, Name: "readings"}
	if err := lake.Declare(ctx, id, analytics.Table{TableID: readings}); err != nil {
		panic(err)
	}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var rows []analytics.Row
	for i := range 10 {
		for pump, site := range []string{"north", "north", "south"} {
			rows = append(rows, analytics.Row{
				Thing: device.MustParseID(fmt.Sprint("pump-", pump)), At: noon.Add(time.Duration(i) * time.Minute),
				Payload: fmt.Appendf(nil, `{"site": %q, "rpm": %d, "temperature": %d.5}`, site, 900+10*i+pump, 20+pump),
			})
		}
	}
	if _, err := lake.Append(ctx, id, readings, rows); err != nil {
		panic(err)
	}
	return lake
}

// Buckets of five minutes by site, and the gap up to the end.
func ExampleAggregateColumns() {
	ctx, id := context.Background(), tenant.MustParseID("acme")
	lake := readingsLake(ctx, id)
	query := analytics.ColumnQuery{
		ColumnScan: analytics.ColumnScan{
			Datastore: "readings", By: []string{"site"}, Values: []string{"rpm"},
			To: time.Date(2026, 3, 1, 12, 15, 0, 0, time.UTC),
		},
		Interval: analytics.Interval{Every: 5 * time.Minute},
		Fill:     analytics.FillPrevious,
	}
	for b, err := range analytics.AggregateColumns(ctx, lake, id, query) {
		fmt.Println(b.Start.Format(time.TimeOnly), b.Group, b.Metric, b.Count, b.Mean, b.Filled, err)
	}
	// Output:
	// 12:00:00 north rpm 10 920.5 false <nil>
	// 12:00:00 south rpm 5 922 false <nil>
	// 12:05:00 north rpm 10 970.5 false <nil>
	// 12:05:00 south rpm 5 972 false <nil>
	// 12:10:00 north rpm 0 970.5 true <nil>
	// 12:10:00 south rpm 0 972 true <nil>
}

// The last values of each pump, with its site.
func ExampleLastColumns() {
	ctx, id := context.Background(), tenant.MustParseID("acme")
	query := analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{
		Datastore: "readings", By: []string{"site", analytics.ByThing}, Values: []string{"temperature"},
	}}
	for p, err := range analytics.LastColumns(ctx, readingsLake(ctx, id), id, query) {
		fmt.Println(p.By[0], p.By[1], p.Metric, p.Time.Format(time.TimeOnly), p.Value, err)
	}
	// Output:
	// north pump-0 temperature 12:09:00 20.5 <nil>
	// north pump-1 temperature 12:09:00 21.5 <nil>
	// south pump-2 temperature 12:09:00 22.5 <nil>
}

// As many points as a chart needs, of one pump.
func ExampleDownsampleColumns() {
	ctx, id := context.Background(), tenant.MustParseID("acme")
	query := analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{Datastore: "readings", Values: []string{"rpm"}}}
	for p, err := range analytics.DownsampleColumns(ctx, readingsLake(ctx, id), id, query, 4) {
		if p.Group == "pump-2" {
			fmt.Println(p.Time.Format(time.TimeOnly), p.Value, err)
		}
	}
	// Output:
	// 12:00:00 902 <nil>
	// 12:01:00 912 <nil>
	// 12:05:00 952 <nil>
	// 12:09:00 992 <nil>
}
