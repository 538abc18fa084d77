package analytics_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// oneAnswer is an engine that always answers the same. Programs use package
// duckanalytics.
type oneAnswer struct{}

func (oneAnswer) Query(_ context.Context, _ tenant.ID, statement analytics.Statement) (*analytics.Result, error) {
	fmt.Println("from", statement.Delta.From.Format(time.TimeOnly), "to", statement.Delta.To.Format(time.TimeOnly))
	return &analytics.Result{Columns: []analytics.ResultColumn{{Name: "device"}, {Name: "mean"}}, Close: func() error { return nil }, Rows: func(yield func([]analytics.Field, error) bool) {
		yield([]analytics.Field{{Text: "pump"}, {Text: "21.5"}}, nil)
	}}, nil
}

// hourly is the definition of a data set, for a tenant. Programs use
// [analytics.Definitions].
type hourly struct{}

func (hourly) Dataset(context.Context, tenant.ID, string) (analytics.DatasetDefinition, error) {
	dataset, err := pipeline.LoadDataset([]byte(`{
		"datasetName": "hourly",
		"actions": [{"actionName": "mean", "queryAction": {
			"sqlQuery": "SELECT device, avg(temperature) AS mean FROM telemetry GROUP BY device",
			"filters": [{"deltaTime": {"offsetSeconds": -60, "timeExpression": "from_unixtime(ts)"}}]}}],
		"triggers": [{"schedule": {"expression": "cron(0 * * * ? *)"}}]}`))
	if err != nil {
		return analytics.DatasetDefinition{}, err
	}
	return analytics.DatasetDefinition{Dataset: *dataset, Updated: time.Date(2026, 3, 1, 11, 30, 0, 0, time.UTC)}, nil
}

func (h hourly) Datasets(ctx context.Context, id tenant.ID) iter.Seq2[analytics.DatasetDefinition, error] {
	return func(yield func(analytics.DatasetDefinition, error) bool) { yield(h.Dataset(ctx, id, "")) }
}

func ExampleNewDatasets() {
	ctx, id := context.Background(), tenant.MustParseID("acme")
	clock := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	store := memtenant.New(tenant.RandomCursorKeys())
	datasets := analytics.NewDatasets(hourly{}, memtenant.NewRepository(store, &analytics.ContentSchema), memtenant.NewRepository(store, &analytics.DatasetStateSchema),
		memanalytics.NewObjects(), oneAnswer{}, func(o *analytics.DatasetsOptions) { o.Now = func() time.Time { return clock } })

	if err := datasets.Sweep(ctx, id); err != nil { // or Run
		fmt.Println(err)
		return
	}
	content, err := datasets.Content(ctx, id, "hourly", analytics.LatestSucceeded)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(content.State, content.Scheduled.Format(time.TimeOnly))
	object, err := datasets.Open(ctx, id, "hourly", content.Version, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer object.Close()
	text, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
	fmt.Print(string(text), err)
	// Output:
	// from 10:59:00 to 11:59:00
	// SUCCEEDED 12:00:00
	// "device","mean"
	// "pump","21.5"
	// <nil>
}

// csvDelivery is a content on its way.
func csvDelivery(rule pipeline.Delivery) analytics.Delivery {
	objects, acme := memanalytics.NewObjects(), tenant.MustParseID("acme")
	err := objects.Put(context.Background(), acme, "csv", strings.NewReader("\"what\",\"who\"\n\"overflow\",\"sensor01\"\n"))
	return analytics.Delivery{
		ID: "7d7d9ad1.1", Version: "7d7d9ad1", Scheduled: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Rule: rule,
		Open: func(ctx context.Context) (analytics.Object, error) {
			if err != nil {
				return nil, err
			}
			return objects.Open(ctx, acme, "csv")
		},
	}
}

func ExampleToBuckets() {
	ctx, acme := context.Background(), tenant.MustParseID("acme")
	objects := memanalytics.NewObjects()
	deliverer := analytics.ToBuckets(objects) // DatasetsOptions.Buckets
	rule := pipeline.Delivery{Bucket: "reports", Key: "hourly/!{iotanalytics:scheduleTime}/!{iotanalytics:versionId}.csv"}
	fmt.Println(deliverer.Deliver(ctx, acme, csvDelivery(rule)))
	list, err := objects.List(ctx, acme, "deliveries/", "", 10)
	fmt.Println(list[0].Name, err)
	// Output:
	// <nil>
	// deliveries/reports/hourly/20260301T120000Z/7d7d9ad1.csv <nil>
}

// printedInputs prints what inputs get. Programs give it to a runtime of detector
// models.
type printedInputs struct{}

func (printedInputs) PutMessages(_ context.Context, _ tenant.ID, input string, messages []analytics.InputMessage) error {
	for _, message := range messages {
		fmt.Println(input, message.ID, string(message.Payload))
	}
	return nil
}

func ExampleToInputs() {
	deliverer := analytics.ToInputs(printedInputs{}) // DatasetsOptions.Inputs
	fmt.Println(deliverer.Deliver(context.Background(), tenant.MustParseID("acme"), csvDelivery(pipeline.Delivery{Input: "alarms"})))
	// Output:
	// alarms 7d7d9ad1.1.1 {"what":"overflow","who":"sensor01"}
	// <nil>
}
