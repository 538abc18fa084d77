package analytics_test

import (
	"context"
	"errors"
	"fmt"
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
