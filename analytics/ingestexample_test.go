package analytics_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// boilers are a channel, a data store, and a pipeline between them.
var boilers = []string{
	`{"channelName": "raw", "retentionPeriod": {"numberOfDays": 30}}`,
	`{"datastoreName": "hot"}`,
	`{"pipelineName": "line", "pipelineActivities": [
	  {"channel":   {"name": "in", "channelName": "raw", "next": "only hot"}},
	  {"filter":    {"name": "only hot", "filter": "temp > 90", "next": "celsius"}},
	  {"math":      {"name": "celsius", "attribute": "tempC", "math": "(temp - 32) / 1.8", "next": "out"}},
	  {"datastore": {"name": "out", "datastoreName": "hot"}}]}`,
}

func Example_pipelines() {
	ctx, id := context.Background(), tenant.MustParseID("acme")
	lake := lakeanalytics.New(memanalytics.NewObjects(), tenant.RandomCursorKeys())
	store := memtenant.New(tenant.RandomCursorKeys())
	definitions := analytics.NewDefinitions(memtenant.NewRepository(store, &analytics.DefinitionSchema), lake)
	for _, definition := range boilers {
		if _, err := definitions.Put(ctx, id, []byte(definition)); err != nil {
			fmt.Println(err)
		}
	}
	ingest := analytics.NewIngest(definitions, lake)

	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	batch := []analytics.Row{
		{ID: "boiler-1/1", At: at, Payload: []byte(`{"boiler": 1, "temp": 212}`)},
		{ID: "boiler-2/1", At: at, Payload: []byte(`{"boiler": 2, "temp": 70}`)},
	}
	for range 2 { // the answer to the first was lost
		if err := ingest.Put(ctx, id, "raw", batch); err != nil {
			fmt.Println(err)
		}
	}
	for _, table := range []analytics.TableID{{Kind: analytics.ChannelTable, Name: "raw"}, {Kind: analytics.DatastoreTable, Name: "hot"}} {
		page, err := lake.Rows(ctx, id, table, analytics.RowQuery{})
		if err != nil {
			fmt.Println(err)
		}
		for _, row := range page.Items {
			fmt.Printf("%s: %s\n", table.Name, row.Payload)
		}
	}
	// Output:
	// raw: {"boiler": 1, "temp": 212}
	// raw: {"boiler": 2, "temp": 70}
	// hot: {"boiler":1,"temp":212,"tempC":100}
}

// rig returns an ingest with the boilers of acme.
func rig(optFns ...func(*analytics.IngestOptions)) (*analytics.Ingest, *analytics.Definitions, analytics.Lake, *memtenant.Store) {
	ctx, id := context.Background(), tenant.MustParseID("acme")
	lake := lakeanalytics.New(memanalytics.NewObjects(), tenant.RandomCursorKeys())
	store := memtenant.New(tenant.RandomCursorKeys())
	definitions := analytics.NewDefinitions(memtenant.NewRepository(store, &analytics.DefinitionSchema), lake)
	for _, definition := range boilers {
		if _, err := definitions.Put(ctx, id, []byte(definition)); err != nil {
			fmt.Println(err)
		}
	}
	return analytics.NewIngest(definitions, lake, optFns...), definitions, lake, store
}

func ExampleNewDefinitions() {
	ctx, id := context.Background(), tenant.MustParseID("acme")
	lake := lakeanalytics.New(memanalytics.NewObjects(), tenant.RandomCursorKeys())
	definitions := analytics.NewDefinitions(memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &analytics.DefinitionSchema), lake)
	for _, definition := range boilers {
		stored, err := definitions.Put(ctx, id, []byte(definition))
		if err != nil {
			fmt.Println(err)
		}
		fmt.Println(stored.Kind, stored.Name, "version", stored.Version)
	}
	err := definitions.Delete(ctx, id, pipeline.ResourceChannel, "raw")
	fmt.Println(errors.Is(err, analytics.ErrInUse))
	// Output:
	// channel raw version 1
	// datastore hot version 1
	// pipeline line version 1
	// true
}

// A batch that is taken but for some messages says for which.
func ExampleNewIngest() {
	ingest, _, _, _ := rig()
	err := ingest.Put(context.Background(), tenant.MustParseID("acme"), "raw", []analytics.Row{
		{ID: "1", Payload: []byte(`{"temp": 212}`)},
		{ID: "2", Payload: make([]byte, analytics.MaxPayload+1)},
	})
	if refused, ok := errors.AsType[*analytics.PutError](err); ok {
		for _, f := range refused.Failures {
			fmt.Println(f.Index, f.Err)
		}
	}
	// Output:
	// 1 analytics: invalid message: payload: 131073 bytes, limit 131072
}

func ExampleIngest_RunActivity() {
	ingest, _, _, _ := rig()
	math := []byte(`{"math": {"name": "m", "attribute": "tempC", "math": "((temp - 32) * 5.0) / 9.0"}}`)
	outputs, log, err := ingest.RunActivity(context.Background(), tenant.MustParseID("acme"), math, [][]byte{
		[]byte(`{"humidity": 52, "temp": 68 }`),
		[]byte(`{"humidity": 52}`),
	})
	for _, output := range outputs {
		fmt.Printf("%s\n", output)
	}
	fmt.Println(log, err)
	// Output:
	// {"humidity":52,"temp":68,"tempC":20}
	// {"humidity":52}
	// payload 1: math m: mathUndefined <nil>
}

func ExampleNewEnvironments() {
	shadows := func(_ context.Context, _ tenant.ID, thing device.ID) ([]byte, error) {
		return fmt.Appendf(nil, `{"state": {"reported": {"thing": %q}}}`, thing), nil
	}
	environments := analytics.NewEnvironments(func(o *analytics.EnvironmentsOptions) {
		o.Shadows = analytics.ThingShadowsFunc(shadows)
		o.Functions = analytics.FunctionMap{"clean": func(_ context.Context, _ tenant.ID, event []byte) ([]byte, error) { return event, nil }}
	})
	ingest, _, _, _ := rig(func(o *analytics.IngestOptions) { o.Environment = environments.Of })

	enrich := []byte(`{"deviceShadowEnrich": {"name": "e", "attribute": "shadow", "thingName": "boiler", "roleArn": "arn:aws:iam::123456789012:role/r"}}`)
	outputs, _, err := ingest.RunActivity(context.Background(), tenant.MustParseID("acme"), enrich, [][]byte{[]byte(`{"boiler": "b1"}`)})
	fmt.Printf("%s %v\n", outputs, err)
	// Output:
	// [{"boiler":"b1","shadow":{"state":{"reported":{"thing":"b1"}}}}] <nil>
}

// A pipeline was wrong; what came in the meantime goes through the right one.
func ExampleNewReprocessings() {
	ctx, id := context.Background(), tenant.MustParseID("acme")
	ingest, definitions, lake, store := rig()
	if err := ingest.Put(ctx, id, "raw", []analytics.Row{{ID: "1", At: time.Now().AddDate(0, 0, -1), Payload: []byte(`{"temp": 212}`)}}); err != nil {
		fmt.Println(err)
	}
	right := strings.Replace(boilers[2], "(temp - 32) / 1.8", "temp", 1)
	if _, err := definitions.Put(ctx, id, []byte(right)); err != nil {
		fmt.Println(err)
	}
	reprocessings := analytics.NewReprocessings(memtenant.NewRepository(store, &analytics.ReprocessingSchema), ingest)
	started, err := reprocessings.Start(ctx, id, analytics.ReprocessingRequest{Pipeline: "line", Mode: analytics.ReprocessReplace})
	if err != nil {
		fmt.Println(err)
	}
	if err := reprocessings.Sweep(ctx, id); err != nil { // or Run, in a process that lives on
		fmt.Println(err)
	}
	ended, err := reprocessings.Get(ctx, id, "line", started.ID)
	fmt.Println(ended.Status, ended.Read, ended.Stored, err)
	page, err := lake.Rows(ctx, id, analytics.TableID{Kind: analytics.DatastoreTable, Name: "hot"}, analytics.RowQuery{})
	for _, row := range page.Items {
		fmt.Printf("%s\n", row.Payload)
	}
	fmt.Println(err)
	// Output:
	// SUCCEEDED 1 1 <nil>
	// {"temp":212,"tempC":212}
	// <nil>
}

func ExampleNewDataPlane() {
	ingest, _, _, _ := rig()
	// Behind a middleware that verifies who calls, such as auth.SignatureMiddleware.
	identify := func(*http.Request) (tenant.ID, error) { return tenant.MustParseID("acme"), nil }
	server := httptest.NewServer(analytics.NewDataPlane(ingest, identify))
	defer server.Close()

	body := `{"channelName": "raw", "messages": [{"messageId": "1", "payload": "eyJ0ZW1wIjogMjEyfQ=="}, {"messageId": "", "payload": ""}]}`
	answer, err := http.Post(server.URL+"/messages/batch", "application/json", strings.NewReader(body))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	var text strings.Builder
	if err := answer.Write(&text); err != nil {
		fmt.Println(err)
	}
	_, entries, _ := strings.Cut(text.String(), "\r\n\r\n")
	fmt.Println(answer.Status, entries)
	// Output:
	// 200 OK {"batchPutMessageErrorEntries":[{"messageId":"","errorCode":"InvalidRequestException","errorMessage":"analytics: invalid message: message id: want 1 to 128 ASCII characters"}]}
}
