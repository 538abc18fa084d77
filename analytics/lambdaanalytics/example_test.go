package lambdaanalytics_test

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// printer is an Ingester that prints.
type printer struct{}

func (printer) Put(_ context.Context, id tenant.ID, channel string, rows []analytics.Row) error {
	for _, row := range rows {
		fmt.Println(id, channel, row.Thing, row.ID)
	}
	return nil
}

func ExampleNewIngest() {
	ingester := printer{}                           // an analytics.Ingest, in a program
	function := lambdaanalytics.NewIngest(ingester) // lambda.Start(function), in a program
	answer, err := function.Invoke(context.Background(), []byte(`{"Records": [{"eventSource": "aws:sqs", "messageId": "1",
	  "body": "{\"celsius\": 7, \"topic\": \"t/acme/d/freezer-1/telemetry/cold\", \"thing\": \"freezer-1\"}"}]}`))
	fmt.Println(string(answer), err)
	// Output:
	// acme cold freezer-1 /1
	// {"batchItemFailures":[]} <nil>
}

func ExampleNewTransformer() {
	p, err := pipeline.Load([]byte(`{"pipelineName": "cold", "pipelineActivities": [
	  {"channel": {"name": "in", "channelName": "telemetry", "next": "keep"}},
	  {"selectAttributes": {"name": "keep", "attributes": ["celsius"], "next": "out"}},
	  {"datastore": {"name": "out", "datastoreName": "readings"}}]}`))
	if err != nil {
		panic(err)
	}
	function := lambdaanalytics.NewTransformer(lambdaanalytics.OnePipeline(p)) // lambda.Start(function), in a program
	data := base64.StdEncoding.EncodeToString([]byte(`{"celsius": 7, "topic": "t/acme/d/freezer-1/telemetry", "thing": "freezer-1"}`))
	answer, err := function.Invoke(context.Background(), fmt.Appendf(nil, `{"invocationId": "i", "records": [{"recordId": "1", "data": %q}]}`, data))
	fmt.Println(string(answer), err)
	// Output:
	// {"records":[{"recordId":"1","result":"Ok","data":"eyJjZWxzaXVzIjo3fQo=","metadata":{"partitionKeys":{"datastore":"readings","tenant":"acme"}}}]} <nil>
}

// two is an Engine that answers 2.
type two struct{}

func (two) Query(context.Context, tenant.ID, analytics.Statement) (*analytics.Result, error) {
	return &analytics.Result{
		Columns: []analytics.ResultColumn{{Name: "n", Type: "bigint"}},
		Rows:    func(yield func([]analytics.Field, error) bool) { yield([]analytics.Field{{Text: "2"}}, nil) },
		Close:   func() error { return nil },
	}, nil
}

func ExampleNewQuery() {
	engine := two{} // one of package duckanalytics, in a program
	identify := func(context.Context) (tenant.ID, error) { return tenant.ParseID("acme") }
	function := lambdaanalytics.NewQuery(engine, identify) // lambda.Start(function), in a program
	answer, err := function.Invoke(context.Background(), []byte(`{"sql": "SELECT count(*) AS n FROM readings"}`))
	fmt.Println(string(answer), err)
	// Output: {"columns":[{"name":"n","type":"bigint"}],"rows":[["2"]]} <nil>
}

func ExampleNewSweeper() {
	sweep := func(_ context.Context, id tenant.ID) error { // the method Sweep of analytics.Datasets, in a program
		fmt.Println("swept", id)
		return nil
	}
	function := lambdaanalytics.NewSweeper(sweep, tenants(north, south)) // lambda.Start(function), in a program
	_, err := function.Invoke(context.Background(), []byte(`{"tenant": "acme"}`))
	fmt.Println(err)
	// Output:
	// swept acme
	// <nil>
}

func ExampleNewDatasetRunner() {
	contents := &datasets{ // an analytics.Datasets, in a program
		produce: func(context.Context) error { return nil }, content: analytics.Content{State: analytics.ContentSucceeded},
	}
	function := lambdaanalytics.NewDatasetRunner(contents) // lambda.Start(function), in a program
	answer, err := function.Invoke(context.Background(), []byte(`{"tenant": "north", "datasetName": "daily"}`))
	fmt.Println(string(answer), err)
	// Output: {"versionId":"v-1","state":"SUCCEEDED"} <nil>
}
