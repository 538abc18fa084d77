package memanalytics_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

func ExampleNew() {
	ctx := context.Background()
	id, pump := tenant.MustParseID("acme"), device.MustParseID("pump-1")
	store := memanalytics.New()

	message := analytics.Message{
		Thing:   pump,
		ID:      "m-1",
		At:      time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Payload: []byte(`{"temperature": 21.5, "motor": {"rpm": 900}}`),
	}
	for range 2 {
		outcomes, err := store.Append(ctx, id, []analytics.Message{message})
		fmt.Println(outcomes, err)
	}
	for point, err := range analytics.AllPoints(ctx, store, id, analytics.Query{Things: []device.ID{pump}}) {
		fmt.Println(point.Metric, point.Value, err)
	}
	// Output:
	// [stored] <nil>
	// [duplicate] <nil>
	// temperature 21.5 <nil>
	// motor.rpm 900 <nil>
}

func ExampleNewObjects() {
	ctx := context.Background()
	id := tenant.MustParseID("acme")
	objects := memanalytics.NewObjects()

	for range 2 {
		fmt.Println(objects.Create(ctx, id, "log/00000000000000000001", strings.NewReader("{}")))
	}
	list, err := objects.List(ctx, id, "log/", "", 10)
	fmt.Println(list[0].Name, list[0].Size, err)
	// Output:
	// <nil>
	// analytics: object already exists
	// log/00000000000000000001 2 <nil>
}
