package lambdaanalytics_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// definition is that of a pipeline with activities between channel and data
// store.
func definition(name, channel string, activities ...string) []byte {
	chain := []string{fmt.Sprintf(`{"channel": {"name": "a0", "channelName": %q, "next": "a1"}}`, channel)}
	chain = append(chain, activities...)
	chain = append(chain, fmt.Sprintf(`{"datastore": {"name": "a%d", "datastoreName": "clean"}}`, len(chain)))
	return fmt.Appendf(nil, `{"pipelineName": %q, "pipelineActivities": [%s]}`, name, strings.Join(chain, ","))
}

const (
	hot    = `{"filter": {"name": "a1", "filter": "celsius > 50", "next": "a2"}}`
	strip  = `{"removeAttributes": {"name": "a2", "attributes": ["topic", "thing"], "next": "a3"}}`
	invent = `{"lambda": {"name": "a1", "lambdaName": "f", "batchSize": 100, "next": "a2"}}`
)

func load(t testing.TB, activities ...string) *pipeline.Pipeline {
	t.Helper()
	p, err := pipeline.Load(definition("p", "telemetry", activities...))
	require.NoError(t, err)
	return p
}

// functions are one function that is called by any name.
type functions func(event []byte) ([]byte, error)

func (f functions) Invoke(_ context.Context, _ string, event []byte) ([]byte, error) { return f(event) }

func calls(f functions) func(*lambdaanalytics.TransformOptions) {
	return func(o *lambdaanalytics.TransformOptions) {
		o.Environment = func(context.Context, tenant.ID) (*pipeline.Environment, error) {
			return &pipeline.Environment{Functions: f}, nil
		}
	}
}

func TestTransformer(t *testing.T) {
	t.Parallel()
	function := lambdaanalytics.NewTransformer(lambdaanalytics.OnePipeline(load(t, hot, strip)))
	records := transformed(t, function, firehose(
		selected(north, "a", `"celsius": 96, `), selected(south, "a", `"celsius": 7, `), []byte("no JSON"),
		selected(south, "b", `"celsius": 51.0, "text": "é<", `), selected(north, "a", `"celsius": true, `),
	))
	require.Equal(t, []string{
		`Ok {"celsius":96}`, `Dropped`, `ProcessingFailed no JSON`, `Ok {"celsius":51.0,"text":"é<"}`, "Dropped",
	}, results(records))
	require.Equal(t, "{\"celsius\":96}\n", string(records[0].Data), "a line")
	require.Equal(t, map[string]string{"tenant": "north", "datastore": "clean"}, records[0].Metadata.PartitionKeys)
	require.Equal(t, map[string]string{"tenant": "south", "datastore": "clean"}, records[3].Metadata.PartitionKeys)
	require.Nil(t, records[1].Metadata.PartitionKeys)

	function = lambdaanalytics.NewTransformer(lambdaanalytics.OnePipeline(load(t, hot)), func(o *lambdaanalytics.TransformOptions) {
		o.PartitionKeys = func(tenant.ID, *pipeline.Pipeline) map[string]string { return nil }
	})
	answer, err := invokeRaw(t, function, firehose(selected(north, "a", `"celsius": 96, `)))
	require.NoError(t, err)
	require.NotContains(t, string(answer), "metadata")
}

func TestTransformerFailures(t *testing.T) {
	t.Parallel()
	var told []string
	refused := func(o *lambdaanalytics.TransformOptions) {
		o.Refused = func(_ context.Context, id tenant.ID, record lambdaanalytics.Record, reason error) error {
			told = append(told, fmt.Sprint(id, " ", record.ID, ": ", reason))
			return nil
		}
	}
	broken := functions(func([]byte) ([]byte, error) { return nil, errors.New("broken") })
	function := lambdaanalytics.NewTransformer(lambdaanalytics.OnePipeline(load(t, invent)), calls(broken), refused)
	message := selected(north, "a", "")
	require.Equal(t, []string{"ProcessingFailed " + string(message)}, results(transformed(t, function, firehose(message))))
	require.Equal(t, []string{`north record-0: lambdaanalytics: record not transformed: invalid: activity "a1": lambdaFailure`}, told)

	one := functions(func([]byte) ([]byte, error) { return []byte(`[{"n":1},{"n":2},{"n":3}]`), nil })
	function = lambdaanalytics.NewTransformer(lambdaanalytics.OnePipeline(load(t, invent)), calls(one))
	records := transformed(t, function, firehose(message, message))
	require.Equal(t, []string{"Ok {\"n\":1}\n{\"n\":2}\n{\"n\":3}", "Dropped"}, results(records), "nobody knows of which they are")

	fails := func(err error) lambdaanalytics.Pipelines {
		return func(context.Context, tenant.ID, string) (*pipeline.Pipeline, error) { return nil, err }
	}
	require.Equal(t, []string{"ProcessingFailed " + string(message)},
		results(transformed(t, lambdaanalytics.NewTransformer(fails(analytics.ErrNoDefinition)), firehose(message))))
	_, err := invokeRaw(t, lambdaanalytics.NewTransformer(fails(errPassing)), firehose(message))
	require.ErrorIs(t, err, lambdaanalytics.ErrAgain)
	_, err = invokeRaw(t, lambdaanalytics.NewTransformer(lambdaanalytics.OnePipeline(load(t, hot)), func(o *lambdaanalytics.TransformOptions) {
		o.Environment = func(context.Context, tenant.ID) (*pipeline.Environment, error) { return nil, errPassing }
	}), firehose(message))
	require.ErrorIs(t, err, lambdaanalytics.ErrAgain)
	_, err = invokeRaw(t, function, kinesis(message))
	require.ErrorIs(t, err, lambdaanalytics.ErrEvent)
	_, err = function.Invoke(t.Context(), nil)
	require.ErrorIs(t, err, lambdaanalytics.ErrEvent)
}

// TestResponseSize: what does not fit is given back, all records are answered,
// and there is room for what comes after it.
func TestResponseSize(t *testing.T) {
	t.Parallel()
	sizes := []int{3 << 20, 2 << 20, 1 << 20, 512 << 10, 1000}
	n := 0
	grow := functions(func([]byte) ([]byte, error) {
		n++
		return []byte(`[{"text":"` + strings.Repeat("x", sizes[n-1]) + `"}]`), nil
	})
	var tooLarge []string
	activity := strings.ReplaceAll(invent, "100", "1")
	function := lambdaanalytics.NewTransformer(lambdaanalytics.OnePipeline(load(t, activity)), calls(grow), func(o *lambdaanalytics.TransformOptions) {
		o.Refused = func(_ context.Context, id tenant.ID, record lambdaanalytics.Record, reason error) error {
			require.ErrorIs(t, reason, lambdaanalytics.ErrTooLarge)
			tooLarge = append(tooLarge, id.String()+" "+record.ID)
			return nil
		}
	})
	message := selected(north, "a", "")
	records := transformed(t, function, firehose(message, message, message, message, message))
	var got []string
	for _, record := range records {
		got = append(got, record.Result)
	}
	require.Equal(t, []string{"Ok", "ProcessingFailed", "Ok", "ProcessingFailed", "Ok"}, got)
	require.Equal(t, string(message), string(records[1].Data))
	require.Equal(t, []string{"north record-1", "north record-3"}, tooLarge)
}

// TestResponseOfAFullRequest: a request of the limit is answered, whatever
// becomes of it.
func TestResponseOfAFullRequest(t *testing.T) {
	t.Parallel()
	ingester := newIngester(t)
	records := make([][]byte, 36)
	for i := range records {
		records[i] = []byte(strings.Repeat("x", 128<<10)) // no JSON
	}
	all := transformed(t, lambdaanalytics.NewIngest(ingester), firehose(records...))
	kept := 0
	for _, record := range all {
		require.Equal(t, "ProcessingFailed", record.Result)
		if len(record.Data) > 0 {
			kept++
		}
	}
	require.Equal(t, 35, kept, "the data of the last had no room")
}

// definitions are those of a test.
type definitions struct {
	all   map[tenant.ID][]analytics.Definition
	reads int
	err   error
}

func (d *definitions) All(_ context.Context, id tenant.ID, kind pipeline.Resource) iter.Seq2[analytics.Definition, error] {
	d.reads++
	return func(yield func(analytics.Definition, error) bool) {
		if d.err != nil {
			yield(analytics.Definition{}, d.err)
			return
		}
		for _, definition := range d.all[id] {
			if definition.Kind == kind && !yield(definition, nil) {
				return
			}
		}
	}
}

func defined(name string, version int, text []byte) analytics.Definition {
	return analytics.Definition{Kind: pipeline.ResourcePipeline, Name: name, Version: version, Definition: text}
}

func TestDefinedPipelines(t *testing.T) {
	t.Parallel()
	stored := &definitions{all: map[tenant.ID][]analytics.Definition{north: {
		defined("Hot", 1, definition("Hot", "Telemetry", hot)), defined("broken", 1, []byte(`{}`)),
		defined("one", 1, definition("one", "twice", hot)), defined("two", 1, definition("two", "twice", hot)),
	}}}
	now := arrival
	find := lambdaanalytics.DefinedPipelines(stored, func(o *lambdaanalytics.DefinedOptions) { o.Now = func() time.Time { return now } })
	first, err := find(t.Context(), north, "telemetry")
	require.NoError(t, err)
	require.Equal(t, "Hot", first.Name())
	_, err = find(t.Context(), north, "nowhere")
	require.ErrorIs(t, err, analytics.ErrNoDefinition)
	_, err = find(t.Context(), north, "twice")
	require.ErrorIs(t, err, lambdaanalytics.ErrPipelines)
	_, err = find(t.Context(), south, "telemetry")
	require.ErrorIs(t, err, analytics.ErrNoDefinition, "it is north's")
	require.Equal(t, 2, stored.reads)

	stored.all[north] = slices.Clone(stored.all[north])
	stored.all[north][0] = defined("Hot", 2, definition("Hot", "telemetry", strings.NewReplacer("a2", "a1", "a3", "a2").Replace(strip)))
	now = now.Add(5 * time.Second)
	second, err := find(t.Context(), north, "TELEMETRY")
	require.NoError(t, err)
	require.NotSame(t, first, second, "the definition has changed")
	now = now.Add(5 * time.Second)
	third, err := find(t.Context(), north, "telemetry")
	require.NoError(t, err)
	require.Same(t, second, third)

	stored.err = errPassing
	now = now.Add(5 * time.Second)
	_, err = find(t.Context(), north, "telemetry")
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}

var _ lambdaanalytics.Definitions = (*analytics.Definitions)(nil)

// Nobody sees, or is billed for, another tenant's records.
func TestAttackPartition(t *testing.T) {
	t.Parallel()
	function := lambdaanalytics.NewTransformer(lambdaanalytics.OnePipeline(load(t, strings.ReplaceAll(hot, "celsius > 50", "1 = 1"))))
	var event events.KinesisFirehoseEvent
	for range 50 {
		event = firehose(
			selected(north, "a", `"tenant": "south", "Topic": "t/south/d/a/telemetry", "partitionKeys": {"tenant": "south"}, "owner": "north", `),
			selected(south, "a", `"owner": "south", `),
		)
		for n, record := range transformed(t, function, event) {
			owner := []string{"north", "south"}[n]
			require.Equal(t, "Ok", record.Result)
			require.Equal(t, owner, record.Metadata.PartitionKeys["tenant"])
			require.Contains(t, string(record.Data), `"owner":"`+owner+`"`)
		}
	}
}
