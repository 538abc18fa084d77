package pipeline_test

import (
	"context"
	"fmt"

	"github.com/iotenant/iotenant/analytics/pipeline"
)

func ExampleLoad() {
	p, err := pipeline.Load([]byte(`{
	  "pipelineName": "climate",
	  "pipelineActivities": [
	    {"channel":          {"name": "in", "channelName": "raw", "next": "warm"}},
	    {"filter":           {"name": "warm", "filter": "temp > 40 AND hum < 20", "next": "celsius"}},
	    {"math":             {"name": "celsius", "math": "((temp - 32) * 5.0) / 9.0", "attribute": "tempC", "next": "keep"}},
	    {"selectAttributes": {"name": "keep", "attributes": ["device.id", "tempC"], "next": "out"}},
	    {"datastore":        {"name": "out", "datastoreName": "processed"}}
	  ]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	var batch pipeline.Batch
	err = p.Run(context.Background(), nil, &batch, [][]byte{
		[]byte(`{"temp": 68, "hum": 10, "device": {"id": "pump-1"}}`),
		[]byte(`{"temp": 20, "hum": 10, "device": {"id": "pump-2"}}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range batch.Len() {
		fmt.Printf("%d %s\n", batch.At(i).Source(), batch.At(i).AppendJSON(nil))
	}
	// Output: 0 {"id":"pump-1","tempC":20}
}

func ExampleLoadActivity() {
	p, err := pipeline.LoadActivity([]byte(`{"math": {"name": "m", "math": "21 * 1.8 + 32", "attribute": "f"}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	var batch pipeline.Batch
	if err := p.Run(context.Background(), nil, &batch, [][]byte{[]byte(`{}`)}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", batch.At(0).AppendJSON(nil))
	// Output: {"f":69.8}
}

func ExampleCheck() {
	kind, findings := pipeline.Check([]byte(`{
	  "datasetName": "hourly",
	  "actions": [{"actionName": "a", "queryAction": {"sqlQuery": "SELECT * FROM processed"}}],
	  "triggers": [{"schedule": {"expression": "cron(0 * * * * *)"}}]
	}`))
	fmt.Println(kind)
	for _, finding := range findings {
		fmt.Println(finding.String())
	}
	// Output:
	// dataset
	// ERROR triggers[0].schedule.expression: "cron(0 * * * * *)": want '?' as either the day of the month or the day of the week
}

// registry is a registry of one tenant's things.
type registry map[string]string

func (r registry) DescribeThing(_ context.Context, thing string) ([]byte, error) {
	fmt.Println("asked for", thing)
	return []byte(r[thing]), nil
}

func ExampleNewRegistryCache() {
	cached := pipeline.NewRegistryCache(registry{"pump-1": `{"thingName":"pump-1","version":3}`})
	for range 2 {
		answer, err := cached.DescribeThing(context.Background(), "pump-1")
		fmt.Printf("%s %v\n", answer, err)
	}
	// Output:
	// asked for pump-1
	// {"thingName":"pump-1","version":3} <nil>
	// {"thingName":"pump-1","version":3} <nil>
}

// shadows are those of one tenant's things.
type shadows map[string]string

func (s shadows) ThingShadow(_ context.Context, thing string) ([]byte, error) {
	return []byte(s[thing]), nil
}

func ExampleNewShadowCache() {
	env := &pipeline.Environment{Shadows: pipeline.NewShadowCache(shadows{"pump-1": `{"state":{"reported":{"on":true}},"version":7}`})}
	p, err := pipeline.LoadActivity([]byte(`{"deviceShadowEnrich": {
	  "name": "s", "attribute": "shadow", "thingName": "id", "roleArn": "arn:aws:iam::123456789012:role/Enrich"}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	var batch pipeline.Batch
	if err := p.Run(context.Background(), env, &batch, [][]byte{[]byte(`{"id":"pump-1"}`)}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", batch.At(0).AppendJSON(nil))
	// Output: {"id":"pump-1","shadow":{"state":{"reported":{"on":true}},"version":7}}
}
