package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// functions answers by a function of the event.
type functions func(name string, event []byte) ([]byte, error)

func (f functions) Invoke(_ context.Context, name string, event []byte) ([]byte, error) {
	return f(name, event)
}

// things answers for the registry and for shadows.
type things func(thing string) ([]byte, error)

func (f things) DescribeThing(_ context.Context, thing string) ([]byte, error) { return f(thing) }
func (f things) ThingShadow(_ context.Context, thing string) ([]byte, error)   { return f(thing) }

func load(t testing.TB, activities ...string) *pipeline.Pipeline {
	t.Helper()
	p, err := pipeline.Load(definition(activities...))
	require.NoError(t, err)
	return p
}

func payloads(texts ...string) [][]byte {
	var all [][]byte
	for _, text := range texts {
		all = append(all, []byte(text))
	}
	return all
}

func outputs(b *pipeline.Batch) (all []string) {
	for i := range b.Len() {
		all = append(all, fmt.Sprintf("%d %s", b.At(i).Source(), b.At(i).AppendJSON(nil)))
	}
	return all
}

const lambdaActivity = `{"lambda":{"name":"a0","lambdaName":"f","batchSize":1000,"next":"d"}}`

func TestLargeEventsAreSplit(t *testing.T) {
	t.Parallel()
	var sizes []int
	echo := functions(func(_ string, event []byte) ([]byte, error) {
		require.True(t, json.Valid(event))
		sizes = append(sizes, len(event))
		return event, nil
	})
	p, err := pipeline.Load(definition(lambdaActivity), func(o *pipeline.Options) { o.LambdaBytes = 100 })
	require.NoError(t, err)
	long := `{"text":"` + strings.Repeat("x", 40) + `"}`
	var b pipeline.Batch
	require.NoError(t, p.Run(context.Background(), &pipeline.Environment{Functions: echo}, &b, payloads(long, `{"a":1}`, long, `{"text":"`+strings.Repeat("y", 200)+`"}`, long)))
	require.Len(t, outputs(&b), 5)
	require.Equal(t, []int{61, 53, 213, 53}, sizes)
	require.Empty(t, b.Events())
}

func TestLambdaIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err     error
		answer  string
		retries int
		calls   int
	}{
		"failure":        {err: errors.New("timeout"), calls: 3},
		"no retries":     {err: errors.New("timeout"), retries: -1, calls: 1},
		"more":           {err: errors.New("timeout"), retries: 4, calls: 5},
		"no function":    {err: iotenant.ErrNotFound, calls: 1},
		"not allowed":    {err: iotenant.ErrDenied, calls: 1},
		"no array":       {answer: `{}`, calls: 3},
		"no object":      {answer: `[{},[]]`, calls: 3},
		"no JSON":        {answer: `[{]`, calls: 3},
		"more than JSON": {answer: `[{}] x`, calls: 3},
	} {
		calls := 0
		env := &pipeline.Environment{Functions: functions(func(string, []byte) ([]byte, error) {
			calls++
			return []byte(c.answer), c.err
		})}
		p, err := pipeline.Load(definition(lambdaActivity), func(o *pipeline.Options) { o.Retries = c.retries })
		require.NoError(t, err)
		var b pipeline.Batch
		require.NoError(t, p.Run(context.Background(), env, &b, payloads(`{"a":1}`, `{"a":2}`)))
		require.Equal(t, c.calls, calls, name)
		require.Zero(t, b.Len())
		require.Len(t, b.Events(), 2)
		require.Len(t, b.Failures(), 1)
		failure := b.Failures()[0]
		require.Equal(t, []int{0, 1}, failure.Sources)
		require.Equal(t, "a0 f", failure.Activity+" "+failure.Function)
		if c.err != nil {
			require.ErrorIs(t, failure.Err, c.err)
		} else {
			require.ErrorIs(t, failure.Err, pipeline.ErrAnswer)
		}
	}
}

func TestNoticeOfAFailure(t *testing.T) {
	t.Parallel()
	failure := pipeline.Failure{Activity: "LambdaActivity_33", Function: "f", Sources: []int{0}, Err: errors.New(`"no"`)}
	notice := &pipeline.Notice{
		PipelineARN: "arn:aws:iotanalytics:us-east-1:123456789012:pipeline/p", PipelineName: "p", FunctionARN: "arn:aws:lambda:us-east-1:123456789012:function:f",
		At: time.Unix(0, 0), Paths: []string{"channel/a", "channel/b"},
	}
	require.JSONEq(t, `{
		"detail-type": "IoT Analytics Pipeline Failure Notification", "source": "aws.iotanalytics", "time": "1970-01-01T00:00:00Z",
		"resources": ["arn:aws:iotanalytics:us-east-1:123456789012:pipeline/p"],
		"detail": {"event-detail-version": "1.0", "pipeline-name": "p", "error-code": "LAMBDA_FAILURE", "message": "\"no\"",
			"channel-messages": {"s3paths": ["channel/a", "channel/b"]}, "activity-name": "LambdaActivity_33",
			"lambda-function-arn": "arn:aws:lambda:us-east-1:123456789012:function:f"}}`, string(failure.AppendNotice(nil, notice)))
}

func TestMismatchOfOneCallOfMany(t *testing.T) {
	t.Parallel()
	env := &pipeline.Environment{Functions: functions(func(_ string, event []byte) ([]byte, error) {
		if strings.Contains(string(event), "2") {
			return []byte(`[{"b":0},{"b":1},{"b":2}]`), nil
		}
		return event, nil
	})}
	p := load(t, `{"lambda":{"name":"a0","lambdaName":"f","batchSize":2,"next":"d"}}`)
	var b pipeline.Batch
	require.NoError(t, p.Run(context.Background(), env, &b, payloads(`{"a":0}`, `{"a":1}`, `{"a":2}`)))
	require.Equal(t, []string{`0 {"a":0}`, `0 {"a":1}`, `0 {"b":0}`, `0 {"b":1}`, `0 {"b":2}`}, outputs(&b))
	require.Len(t, b.Events(), 1)
	require.Equal(t, pipeline.LambdaCountMismatch, b.Events()[0].Reason)
}

func TestEnrichIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		answer string
		calls  int
		reason pipeline.Reason
	}{
		"throttled": {err: iotenant.ErrUnavailable, calls: 3, reason: pipeline.EnrichFailed},
		"denied":    {err: iotenant.ErrDenied, calls: 1, reason: pipeline.EnrichFailed},
		"not found": {err: iotenant.ErrNotFound, calls: 1, reason: pipeline.ThingNotFound},
		"no object": {answer: `[1]`, calls: 1, reason: pipeline.EnrichFailed},
		"no JSON":   {answer: ``, calls: 1, reason: pipeline.EnrichFailed},
	} {
		for _, kind := range []string{"deviceRegistryEnrich", "deviceShadowEnrich"} {
			calls := 0
			ask := things(func(string) ([]byte, error) {
				calls++
				return []byte(c.answer), c.err
			})
			p := load(t, `{"`+kind+`":{"name":"a0","attribute":"x","thingName":"id",`+role+`,"next":"d"}}`)
			var b pipeline.Batch
			require.NoError(t, p.Run(context.Background(), &pipeline.Environment{Registry: ask, Shadows: ask}, &b, payloads(`{"id":"a"}`)))
			require.Equal(t, c.calls, calls, name)
			require.Equal(t, []string{`0 {"id":"a"}`}, outputs(&b))
			require.Len(t, b.Events(), 1)
			require.Equal(t, c.reason, b.Events()[0].Reason)
			require.True(t, b.Events()[0].Reason.IsError())
		}
	}
}

func TestWithoutEnvironment(t *testing.T) {
	t.Parallel()
	for _, env := range []*pipeline.Environment{nil, {}} {
		for _, activity := range []string{lambdaActivity, `{"deviceShadowEnrich":{"name":"a0","attribute":"x","thingName":"id",` + role + `,"next":"d"}}`} {
			var b pipeline.Batch
			require.NoError(t, load(t, activity).Run(context.Background(), env, &b, payloads(`{"id":"a"}`)))
			require.Len(t, b.Events(), 1)
			require.ErrorIs(t, b.Events()[0].Err, pipeline.ErrEnvironment)
			require.ErrorIs(t, b.Events()[0].Err, iotenant.ErrUnsupported)
		}
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	env := &pipeline.Environment{Functions: functions(func(string, []byte) ([]byte, error) {
		calls++
		cancel()
		return nil, ctx.Err()
	})}
	var b pipeline.Batch
	require.ErrorIs(t, load(t, lambdaActivity).Run(ctx, env, &b, payloads(`{"a":1}`)), context.Canceled)
	require.Equal(t, 1, calls)
}

func TestCaches(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	calls := 0
	ask := things(func(thing string) ([]byte, error) {
		calls++
		switch thing {
		case "none":
			return nil, iotenant.ErrNotFound
		case "busy":
			return nil, iotenant.ErrUnavailable
		}
		return []byte(`{"call":` + fmt.Sprint(calls) + `}`), nil
	})
	clock := func(o *pipeline.CacheOptions) { o.Now, o.Size = func() time.Time { return now }, 4 }
	registry := pipeline.NewRegistryCache(ask, clock)
	shadows := pipeline.NewShadowCache(ask, clock)
	get := func(thing string) string {
		text, err := registry.DescribeThing(context.Background(), thing)
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
	require.Equal(t, `{"call":1}`, get("a"))
	require.Equal(t, `{"call":1}`, get("a"))
	require.Equal(t, "not found", get("none"))
	require.Equal(t, "not found", get("none"))
	require.Equal(t, 2, calls)
	for range 2 {
		require.Equal(t, "unavailable", get("busy"))
	}
	require.Equal(t, 4, calls, "what may succeed the next time is not remembered")
	now = now.Add(pipeline.DefaultRegistryAge - 1)
	require.Equal(t, `{"call":1}`, get("a"))
	now = now.Add(1)
	require.Equal(t, `{"call":5}`, get("a"))

	for i := range 100 {
		get(fmt.Sprint(i))
	}
	before := calls
	get("98")
	get("99")
	require.Equal(t, before, calls)
	get("1")
	require.Equal(t, before+1, calls, "the size is bounded")

	for _, c := range []struct {
		after time.Duration
		calls int
	}{{0, 1}, {pipeline.DefaultShadowAge - 1, 1}, {1, 2}} {
		now = now.Add(c.after)
		if c.after == 0 {
			calls = 0
		}
		_, err := shadows.ThingShadow(context.Background(), "s")
		require.NoError(t, err)
		require.Equal(t, c.calls, calls)
	}
	never := pipeline.NewShadowCache(ask, func(o *pipeline.CacheOptions) { o.MaxAge = -1 })
	calls = 0
	for range 2 {
		_, err := never.ThingShadow(context.Background(), "s")
		require.NoError(t, err)
	}
	require.Equal(t, 2, calls)
}

// What a hostile message can cost is bounded: its numbers are read in time that
// does not grow with the square of their length.
func TestLongNumbers(t *testing.T) {
	t.Parallel()
	p, err := pipeline.LoadActivity([]byte(`{"math":{"name":"m","math":"x * 1","attribute":"y"}}`))
	require.NoError(t, err)
	for text, want := range map[string]string{
		strings.Repeat("7", 900):          "7.777777777777777777777777777777778E+899",
		strings.Repeat("7", 1001):         "",
		strings.Repeat("7", 128_000):      "",
		"0." + strings.Repeat("3", 1000):  "0.3333333333333333333333333333333333",
		"0." + strings.Repeat("3", 2_000): "",
		"1e99999999999999999999":          "",
		"1e-1500":                         "0",
	} {
		var b pipeline.Batch
		require.NoError(t, p.Run(context.Background(), nil, &b, payloads(`{"x":`+text+`}`)))
		require.Equal(t, want, string(b.At(0).Lookup("y")))
		require.Equal(t, text, string(b.At(0).Lookup("x")), "what is copied stays")
	}
}
