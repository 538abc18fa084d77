package lakeanalytics_test

import (
	"context"
	"fmt"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

func ExampleNew() {
	ctx, id := context.Background(), tenant.MustParseID("acme")
	lake := lakeanalytics.New(memanalytics.NewObjects(), tenant.RandomCursorKeys())

	clean := analytics.TableID{Kind: analytics.DatastoreTable, Name: "clean"}
	if err := lake.Declare(ctx, id, analytics.Table{
		TableID:       clean,
		RetentionDays: 90,
		Format:        pipeline.FormatParquet,
		Columns:       []pipeline.Column{{Name: "temperature", Type: "double"}},
		Partitions:    []pipeline.Partition{{Attribute: "site"}},
	}); err != nil {
		panic(err)
	}
	rows := []analytics.Row{{
		ID:      "m-1",
		Thing:   device.MustParseID("pump-7"),
		At:      time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Payload: []byte(`{"temperature": 21.5, "site": "north"}`),
	}}
	for range 2 { // the answer to the first was lost, say
		outcomes, err := lake.Append(ctx, id, clean, rows)
		fmt.Println(outcomes, err)
	}

	page, err := lake.Rows(ctx, id, clean, analytics.RowQuery{})
	fmt.Printf("%s %v\n", page.Items[0].Payload, err)
	snapshot, err := lake.Snapshot(ctx, id, clean)
	fmt.Println(len(snapshot.Files), *snapshot.Files[0].Partition[0].Value, err)
	// Output:
	// [stored] <nil>
	// [duplicate] <nil>
	// {"temperature":21.5} <nil>
	// 1 north <nil>
}
