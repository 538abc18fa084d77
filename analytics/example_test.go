package analytics_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

func ExampleMessage_Points() {
	message := analytics.Message{
		Thing:   device.MustParseID("pump-1"),
		At:      time.Now(),
		Payload: []byte(`{"timestamp": "2013-12-02 21:15:00", "temperature": 73.9, "motor": {"rpm": 900}, "state": "on"}`),
	}
	for _, p := range message.Points() {
		fmt.Println(p.Time.Format(time.RFC3339), p.Metric, p.Value)
	}
	// Output:
	// 2013-12-02T21:15:00Z temperature 73.9
	// 2013-12-02T21:15:00Z motor.rpm 900
}

// A page can be handed to a client with the cursor of the next.
func ExampleQuery() {
	ctx, id, pump := context.Background(), tenant.MustParseID("acme"), device.MustParseID("pump-1")
	store := memanalytics.New()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range 3 {
		message := analytics.Message{Thing: pump, At: at.Add(time.Duration(i) * time.Minute), Payload: fmt.Appendf(nil, `{"rpm": %d}`, 900+i)}
		if _, err := store.Append(ctx, id, []analytics.Message{message}); err != nil {
			panic(err)
		}
	}
	query := analytics.Query{Things: []device.ID{pump}, Metrics: []string{"rpm"}, Descending: true, Limit: 2}
	for {
		page, err := store.Points(ctx, id, query)
		if err != nil {
			panic(err)
		}
		for _, p := range page.Items {
			fmt.Println(p.Time.Format(time.TimeOnly), p.Value)
		}
		if page.Next == "" {
			break
		}
		fmt.Println("next page")
		query.Cursor = page.Next
	}
	// Output:
	// 12:02:00 902
	// 12:01:00 901
	// next page
	// 12:00:00 900
}

// What was not acknowledged is sent again, and is kept once.
func ExampleStore() {
	ctx, id := context.Background(), tenant.MustParseID("acme")
	lost := analyticstest.Fault{After: analyticstest.ErrFault}
	store := analyticstest.Faulty(memanalytics.New(), func(analyticstest.Call) analyticstest.Fault {
		defer func() { lost = analyticstest.Fault{} }()
		return lost
	})
	messages := []analytics.Message{{Thing: device.MustParseID("pump-1"), ID: "m-1", At: time.Now()}}
	outcomes, err := store.Append(ctx, id, messages)
	fmt.Println(outcomes, errors.Is(err, iotenant.ErrUnavailable))
	outcomes, err = store.Append(ctx, id, messages)
	fmt.Println(outcomes, err)
	// Output:
	// [] true
	// [duplicate] <nil>
}

// Hours of a day on which clocks are changed, by site.
func ExampleAggregates() {
	ctx, id := context.Background(), tenant.MustParseID("acme")
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	store := memanalytics.New()
	at := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	for i, thing := range []string{"pump-1", "pump-2", "pump-1", "pump-2"} {
		message := analytics.Message{Thing: device.MustParseID(thing), At: at.Add(time.Duration(i) * 45 * time.Minute), Payload: fmt.Appendf(nil, `{"rpm": %d}`, 900+i)}
		if _, err := store.Append(ctx, id, []analytics.Message{message}); err != nil {
			panic(err)
		}
	}
	query := analytics.AggregateQuery{
		Query:    analytics.Query{Metrics: []string{"rpm"}},
		Interval: analytics.Interval{Every: time.Hour, Zone: berlin},
		Group:    func(device.ID) string { return "north" },
	}
	for b, err := range analytics.Aggregates(ctx, store, id, query) {
		fmt.Println(b.Start.Format("15:04 MST"), b.Group, b.Metric, b.Count, b.Mean, b.Max, err)
	}
	// Output:
	// 02:00 CEST north rpm 1 900 900 <nil>
	// 02:00 CET north rpm 1 901 901 <nil>
	// 03:00 CET north rpm 2 902.5 903 <nil>
}

// Of a day's readings, a chart needs as many as it has pixels.
func ExampleDownsample() {
	var points []analytics.Point
	for i := range 86_400 {
		points = append(points, analytics.Point{Time: time.Unix(int64(i), 0), Value: float64(i % 60)})
	}
	points[40_000].Value = 500
	points = analytics.Downsample(points, 800)
	fmt.Println(len(points), slices.MaxFunc(points, func(a, b analytics.Point) int { return cmp.Compare(a.Value, b.Value) }).Value)
	// Output: 800 500
}
