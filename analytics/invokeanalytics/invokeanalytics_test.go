package invokeanalytics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/invokeanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
)

var north, south = tenant.MustParseID("north"), tenant.MustParseID("south")

// functions answers as the service does, and keeps what it is invoked with.
type functions struct {
	*httptest.Server
	answer func(w http.ResponseWriter, event string)

	mu      sync.Mutex
	invoked []invocation
}

type invocation struct{ function, kind, tenant, event string }

func newFunctions(t testing.TB, answer func(w http.ResponseWriter, event string)) *functions {
	t.Helper()
	f := &functions{answer: answer}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *functions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event, _ := io.ReadAll(r.Body)
	name := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/2015-03-31/functions/"), "/invocations")
	f.mu.Lock()
	f.invoked = append(f.invoked, invocation{name, r.Header.Get("X-Amz-Invocation-Type"), r.Header.Get("X-Amz-Tenant-Id"), string(event)})
	f.mu.Unlock()
	f.answer(w, string(event))
}

func (f *functions) client() *lambda.Client {
	return lambda.NewFromConfig(emulator.AWS(f.URL), func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} })
}

// echo answers what it is given.
func echo(w http.ResponseWriter, event string) { _, _ = io.WriteString(w, event) }

// fails is an error of the service.
func fails(status int, code string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) {
		w.Header().Set("X-Amzn-Errortype", code)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"Message": "no"}`)
	}
}

// breaks is a function that fails.
func breaks(payload string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		_, _ = io.WriteString(w, payload)
	}
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	f := newFunctions(t, echo)
	answer, err := invokeanalytics.New(f.client()).Invoke(t.Context(), north, "smooth", []byte(`[{"a":1}]`))
	require.NoError(t, err)
	require.Equal(t, `[{"a":1}]`, string(answer))
	require.Equal(t, []invocation{{"north_smooth", "RequestResponse", "", `[{"a":1}]`}}, f.invoked)

	isolated := invokeanalytics.New(f.client(), func(o *invokeanalytics.Options) {
		o.Isolated = true
		o.Function = func(_ tenant.ID, name string) (string, error) { return "shared-" + name, nil }
	})
	_, err = isolated.Invoke(t.Context(), south, "smooth", []byte(`[]`))
	require.NoError(t, err)
	require.Equal(t, invocation{"shared-smooth", "RequestResponse", "south", `[]`}, f.invoked[1])
}

func TestErrors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 1000)
	for name, test := range map[string]struct {
		answer     func(http.ResponseWriter, string)
		want, kind error
		text       string
	}{
		"no function":   {fails(404, "ResourceNotFoundException"), invokeanalytics.ErrNoFunction, iotenant.ErrNotFound, "not found"},
		"too large":     {fails(413, "RequestTooLargeException"), invokeanalytics.ErrRefused, iotenant.ErrInvalid, "refused"},
		"no parameter":  {fails(400, "InvalidParameterValueException"), invokeanalytics.ErrRefused, iotenant.ErrInvalid, "refused"},
		"throttled":     {fails(429, "TooManyRequestsException"), iotenant.ErrUnavailable, iotenant.ErrUnavailable, "TooManyRequests"},
		"no permission": {fails(403, "AccessDeniedException"), iotenant.ErrUnavailable, iotenant.ErrUnavailable, "AccessDenied"},
		"broken":        {fails(500, "ServiceException"), iotenant.ErrUnavailable, iotenant.ErrUnavailable, "ServiceException"},
		"failed":        {breaks(`{"errorMessage": "no sensor", "errorType": "KeyError"}`), invokeanalytics.ErrFunction, iotenant.ErrUnavailable, "function failed: unavailable: KeyError: no sensor"},
		"timed out":     {breaks(`{"errorMessage": "Task timed out after 3.00 seconds"}`), invokeanalytics.ErrFunction, iotenant.ErrUnavailable, ": Task timed out"},
		"mute":          {breaks(`oops`), invokeanalytics.ErrFunction, iotenant.ErrUnavailable, "it told nothing"},
		"talkative":     {breaks(`{"errorMessage": "` + long + `"}`), invokeanalytics.ErrFunction, iotenant.ErrUnavailable, "é…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := invokeanalytics.New(newFunctions(t, test.answer).client()).Invoke(t.Context(), north, "f", []byte(`[]`))
			require.ErrorIs(t, err, test.want)
			require.Equal(t, test.kind, iotenant.KindOf(err))
			require.ErrorContains(t, err, test.text)
			require.Less(t, len(err.Error()), 800)
			require.True(t, utf8.ValidString(err.Error()))
		})
	}
}

func TestNothingIsSent(t *testing.T) {
	t.Parallel()
	f := newFunctions(t, echo)
	invoker := invokeanalytics.New(f.client())
	_, err := invoker.Invoke(t.Context(), north, "f", make([]byte, invokeanalytics.MaxEvent+1))
	require.ErrorIs(t, err, invokeanalytics.ErrRefused)
	_, err = invoker.Invoke(t.Context(), tenant.ID{}, "f", []byte(`[]`))
	require.ErrorIs(t, err, tenant.ErrID)
	require.Empty(t, f.invoked)
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan struct{})
	f := newFunctions(t, func(http.ResponseWriter, string) {
		cancel()
		<-answered
	})
	_, err := invokeanalytics.New(f.client()).Invoke(ctx, north, "f", []byte(`[]`))
	require.ErrorIs(t, err, context.Canceled)
	close(answered)

	f.Close()
	_, err = invokeanalytics.New(f.client()).Invoke(t.Context(), north, "f", []byte(`[]`))
	require.ErrorIs(t, err, iotenant.ErrUnavailable, "nobody there")
}

func TestOwnFunction(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"smooth": "north_smooth", "south_f": "north_south_f", "A-b_9": "north_A-b_9",
		"arn:aws:lambda:eu-west-1:123456789012:function:smooth":               "north_smooth",
		"arn:aws:lambda:eu-west-1:123456789012:function:smooth:PROD":          "north_smooth",
		"arn:aws:lambda:eu-west-1:123456789012:function:south_secret:$LATEST": "north_south_secret",
	} {
		got, err := invokeanalytics.OwnFunction(north, name)
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
}

// A definition is its tenant's: whatever it names, no function of another tenant
// or of the platform is invoked.
func TestAttackFunctionOfAnotherTenant(t *testing.T) {
	t.Parallel()
	f := newFunctions(t, echo)
	invoker := invokeanalytics.New(f.client())
	for _, name := range []string{
		"south_f", "arn:aws:lambda:eu-west-1:123456789012:function:south_f", "../south_f", "north_f/../south_f", "south_f:1", ":south_f",
		"123456789012:function:south_f", "arn:aws:sns:eu-west-1:123456789012:function:south_f", "arn:aws:lambda:function:south_f", "", "ingest", "f?Qualifier=1", "é",
		strings.Repeat("a", 65),
	} {
		_, err := invoker.Invoke(t.Context(), north, name, []byte(`[]`))
		if err != nil {
			require.ErrorIs(t, err, invokeanalytics.ErrName, name)
			require.NotContains(t, err.Error(), "south")
		}
	}
	require.Len(t, f.invoked, 3)
	for _, i := range f.invoked {
		require.True(t, strings.HasPrefix(i.function, "north_"), i.function)
	}
}

// TestPipeline runs a pipeline whose function fails once.
func TestPipeline(t *testing.T) {
	t.Parallel()
	calls := 0
	f := newFunctions(t, func(w http.ResponseWriter, event string) {
		if calls++; calls == 1 {
			breaks(`{"errorMessage": "cold"}`)(w, event)
			return
		}
		echo(w, strings.ReplaceAll(event, `"a"`, `"b"`))
	})
	p, err := pipeline.Load([]byte(`{"pipelineName": "p", "pipelineActivities": [
		{"channel": {"name": "c", "channelName": "raw", "next": "l"}}, {"lambda": {"name": "l", "lambdaName": "rename", "batchSize": 10, "next": "d"}},
		{"datastore": {"name": "d", "datastoreName": "clean"}}]}`))
	require.NoError(t, err)
	environments := analytics.NewEnvironments(func(o *analytics.EnvironmentsOptions) { o.Functions = invokeanalytics.New(f.client()) })
	env, err := environments.Of(t.Context(), south)
	require.NoError(t, err)
	var batch pipeline.Batch
	require.NoError(t, p.Run(t.Context(), env, &batch, [][]byte{[]byte(`{"a":1}`), []byte(`{"a":2}`)}))
	require.Equal(t, 2, batch.Len())
	require.Equal(t, `{"b":2}`, string(batch.At(1).AppendJSON(nil)))
	require.Equal(t, "south_rename", f.invoked[1].function)
}

// client invokes functions of this program.
type client map[string]func(event []byte) ([]byte, error)

func (c client) Invoke(_ context.Context, input *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	function, ok := c[*input.FunctionName]
	if !ok {
		return nil, errors.New("no such function")
	}
	answer, err := function(input.Payload)
	return &lambda.InvokeOutput{StatusCode: http.StatusOK, Payload: answer}, err
}

func ExampleNew() {
	api := client{"acme_smooth": func(event []byte) ([]byte, error) { return event, nil }} // lambda.NewFromConfig(config), in a program
	functions := invokeanalytics.New(api)
	answer, err := functions.Invoke(context.Background(), tenant.MustParseID("acme"), "smooth", []byte(`[{"celsius":7}]`))
	fmt.Println(string(answer), err)
	// Output: [{"celsius":7}] <nil>
}
