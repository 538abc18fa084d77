package analytics_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

func TestPutGoesThroughEveryPipeline(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel, hotStore, `{"datastoreName":"all"}`, hotLine, straight("everything", "raw", "all"), straight("twice", "RAW", "All"))
	messages := []analytics.Row{
		message("1", 0, `{"t": 100}`), message("2", 1, `{"t": 20}`), message("3", 2, "no JSON"), message("4", 3, `{"t": 95.5, "site": "a"}`),
	}
	require.NoError(t, p.Put(t.Context(), north, "Raw", messages))
	require.Equal(t, []string{`{"t": 100}`, `{"t": 20}`, "no JSON", `{"t": 95.5, "site": "a"}`}, p.lake.channel(north, "raw"), "byte by byte")
	require.Equal(t, []string{`{"t":100,"f":212}`, `{"t":95.5,"site":"a","f":203.9}`}, p.lake.store(north, "hot"))
	all := []string{`{"t":100}`, `{"t":20}`, `{"t":95.5,"site":"a"}`}
	require.ElementsMatch(t, append(all, all...), p.lake.store(north, "all"), "pipelines of one data store are not each other's duplicates")

	require.NoError(t, p.Put(t.Context(), north, "raw", messages))
	require.Len(t, p.lake.channel(north, "raw"), 4)
	require.Len(t, p.lake.store(north, "hot"), 2)
	require.Len(t, p.lake.store(north, "all"), 6)
}

// Messages of different channels may have the same id.
func TestPutFromTwoChannelsToOneDatastore(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel, `{"channelName":"other"}`, hotStore, straight("a", "raw", "hot"), straight("b", "other", "hot"))
	require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{"a":1}`)}))
	require.NoError(t, p.Put(t.Context(), north, "other", []analytics.Row{message("1", 0, `{"b":1}`)}))
	require.ElementsMatch(t, []string{`{"a":1}`, `{"b":1}`}, p.lake.store(north, "hot"))
}

func TestPutRefusesSomeMessages(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
	err := p.Put(t.Context(), north, "raw", []analytics.Row{
		message("1", 0, `{"a":1}`),
		message(strings.Repeat("i", 257), 0, `{"a":2}`),
		message("3", 0, `{"a":"`+strings.Repeat("x", analytics.MaxPayload)+`"}`),
		message("1", 0, `{"a":4}`),
		{ID: "5", At: time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC), Payload: []byte(`{}`)},
		message("\xff", 0, `{"a":6}`),
		message("7", 0, `{"a":7}`),
	})
	var failed *analytics.PutError
	require.ErrorAs(t, err, &failed)
	var places []int
	for _, f := range failed.Failures {
		places = append(places, f.Index)
		if f.Index == 3 {
			require.ErrorIs(t, f.Err, analytics.ErrDuplicateID)
		} else {
			require.ErrorIs(t, f.Err, analytics.ErrMessage)
		}
	}
	require.Equal(t, []int{1, 2, 3, 4, 5}, places)
	require.ErrorContains(t, err, "message 1: ")
	require.ErrorContains(t, err, "(and 4 more)")
	require.Equal(t, []string{`{"a":1}`, `{"a":7}`}, p.lake.store(north, "hot"))

	for _, batch := range [][]analytics.Row{nil, make([]analytics.Row, analytics.MaxRows+1)} {
		require.ErrorIs(t, p.Put(t.Context(), north, "raw", batch), analytics.ErrBatch)
	}
	require.ErrorIs(t, p.Put(t.Context(), tenant.ID{}, "raw", []analytics.Row{{}}), tenant.ErrID)
	for _, channel := range []string{"nosuch", "", "a/b", strings.Repeat("x", 5000)} {
		require.ErrorIs(t, p.Put(t.Context(), north, channel, []analytics.Row{{}}), analytics.ErrNoTable)
	}
}

// What came out of a pipeline and can't be kept is refused alone; it is in the
// channel.
func TestPutRefusesWhatALakeCannotKeep(t *testing.T) {
	t.Parallel()
	big := functions{"grow": func(_ context.Context, _ tenant.ID, event []byte) ([]byte, error) {
		return []byte(strings.ReplaceAll(string(event), "grow me", strings.Repeat("x", analytics.MaxRow))), nil
	}}
	p := newSite().start(big.options)
	p.define(t, north, rawChannel, hotStore, lambdaLine("line", "raw", "grow", "hot"))
	err := p.Put(t.Context(), north, "raw", []analytics.Row{
		message("1", 0, `{"a":1}`), message("2", 1, `{"a":"grow me"}`), message("3", 2, `{"a":"refuse me"}`), message("4", 3, `{"a":4}`),
	})
	var failed *analytics.PutError
	require.ErrorAs(t, err, &failed)
	require.Len(t, failed.Failures, 2)
	for i, f := range failed.Failures {
		require.Equal(t, i+1, f.Index)
		require.ErrorIs(t, f.Err, analytics.ErrRow)
	}
	require.Equal(t, []string{`{"a":1}`, `{"a":4}`}, p.lake.store(north, "hot"))
	require.Len(t, p.lake.channel(north, "raw"), 4)
}

func TestPutWithoutIDOrTime(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
	messages := []analytics.Row{{Payload: []byte(`{"a":1}`)}, {Payload: []byte(`{"a":1}`)}}
	require.NoError(t, p.Put(t.Context(), north, "raw", messages))
	require.NoError(t, p.Put(t.Context(), north, "raw", messages))
	require.Len(t, p.lake.store(north, "hot"), 4, "each is a message of its own")
	require.Equal(t, analytics.Row{Payload: []byte(`{"a":1}`)}, messages[0], "the caller's messages are not changed")
	page, err := p.lake.Rows(t.Context(), north, analytics.TableID{Kind: analytics.DatastoreTable, Name: "hot"}, analytics.RowQuery{})
	require.NoError(t, err)
	require.Equal(t, noon, page.Items[0].At)
}

func TestPutCarriesTheThing(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
	telemetry := device.Message{
		Topic: device.Topic{Tenant: north, Thing: device.MustParseID("pump"), Class: device.ClassTelemetry},
		ID:    "1", At: noon, Payload: []byte(`{"t":1}`),
	}
	row := analytics.RowOf(&telemetry)
	require.Equal(t, "pump/1", row.ID, "two things may use the same ids")
	require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{row}))
	page, err := p.lake.Rows(t.Context(), north, analytics.TableID{Kind: analytics.DatastoreTable, Name: "hot"}, analytics.RowQuery{})
	require.NoError(t, err)
	require.Equal(t, "pump", page.Items[0].Thing.String())
	telemetry.ID = ""
	require.Empty(t, analytics.RowOf(&telemetry).ID)
}

// Nothing is acknowledged before it is stored; what is sent again is stored
// once, whichever answer was lost.
func TestPutAgainAfterFaults(t *testing.T) {
	t.Parallel()
	for _, kind := range []analytics.TableKind{analytics.ChannelTable, analytics.DatastoreTable} {
		for name, f := range map[string]fault{"before": {before: errFault}, "after": {after: errFault}} {
			p := newSite().start()
			p.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
			p.lake.fail(func(operation string, table analytics.TableID) fault {
				if operation == "Append" && table.Kind == kind {
					return f
				}
				return fault{}
			})
			batch := []analytics.Row{message("1", 0, `{"a":1}`), message("2", 1, `{"a":2}`)}
			err := p.Put(t.Context(), north, "raw", batch)
			require.ErrorIs(t, err, iotenant.ErrUnavailable, name)
			require.NotErrorAs(t, err, new(*analytics.PutError), "nobody may take it for a refusal")
			p.lake.fail(nil)
			require.NoError(t, p.Put(t.Context(), north, "raw", batch))
			require.Equal(t, []string{`{"a":1}`, `{"a":2}`}, p.lake.channel(north, "raw"))
			require.Equal(t, []string{`{"a":1}`, `{"a":2}`}, p.lake.store(north, "hot"), "%s %s", kind, name)
		}
	}
}

// What is too much for one append of a lake is appended in parts, and what came
// of one message stays together.
func TestPutInParts(t *testing.T) {
	t.Parallel()
	s := newSite()
	lake := &measuring{fakeLake: s.lake}
	definitions := analytics.NewDefinitions(memtenant.NewRepository(s.store, &analytics.DefinitionSchema), lake)
	many := functions{"many": func(_ context.Context, _ tenant.ID, event []byte) ([]byte, error) {
		n := 5000 // rows of each call, for one message
		if strings.Contains(string(event), "too many") {
			n = analytics.MaxRows + 1
		}
		return []byte("[" + strings.Repeat(`{"a":1},`, n-1) + `{"a":1}]`), nil
	}}
	ingest := analytics.NewIngest(definitions, lake, many.options)
	put := func(definition string) {
		_, err := definitions.Put(t.Context(), north, []byte(definition))
		require.NoError(t, err)
	}
	put(rawChannel)
	batch, payload := make([]analytics.Row, 600), make([]byte, analytics.MaxPayload)
	for i := range batch {
		batch[i] = analytics.Row{ID: fmt.Sprint(i), Payload: payload}
	}
	require.NoError(t, ingest.Put(t.Context(), north, "raw", batch))
	require.Equal(t, []int{511, 89}, lake.appends)

	put(hotStore)
	put(lambdaLine("line", "raw", "many", "hot"))
	lake.appends = nil
	require.NoError(t, ingest.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{}`)}))
	require.Equal(t, []int{1, 5000}, lake.appends)
	var failed *analytics.PutError
	require.ErrorAs(t, ingest.Put(t.Context(), north, "raw", []analytics.Row{message("2", 0, `{"a":"too many"}`)}), &failed)
	require.ErrorIs(t, failed.Failures[0].Err, analytics.ErrRow)
}

// A table that is defined and not there, since a process ended in between, is
// declared.
func TestPutDeclaresWhatIsDefined(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
	require.NoError(t, p.lake.Delete(t.Context(), north, analytics.TableID{Kind: analytics.ChannelTable, Name: "raw"}, analytics.Deletion{Table: true}))
	require.NoError(t, p.lake.Delete(t.Context(), north, analytics.TableID{Kind: analytics.DatastoreTable, Name: "hot"}, analytics.Deletion{Table: true}))
	require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{"a":1}`)}))
	require.Equal(t, []string{`{"a":1}`}, p.lake.store(north, "hot"))
}

func TestFunctionFailureIsToldAndAcknowledged(t *testing.T) {
	t.Parallel()
	var notices []analytics.FailureNotice
	for name, failing := range map[string]func(context.Context, tenant.ID, []byte) ([]byte, error){
		"error":  func(context.Context, tenant.ID, []byte) ([]byte, error) { return nil, errors.New("out of order") },
		"panic":  func(context.Context, tenant.ID, []byte) ([]byte, error) { panic("out of order") },
		"answer": func(context.Context, tenant.ID, []byte) ([]byte, error) { return []byte(`out of order`), nil },
	} {
		notices = nil
		var counted counter
		p := newSite().start(functions{"fn": failing, "echo": echo}.options, counted.options, func(o *analytics.IngestOptions) {
			o.Notify = func(_ context.Context, id tenant.ID, notice analytics.FailureNotice) error {
				require.Equal(t, north, id)
				notices = append(notices, notice)
				return errFault // nobody is told
			}
		})
		p.define(t, north, rawChannel, hotStore, `{"datastoreName":"good"}`, lambdaLine("line", "raw", "fn", "hot"), lambdaLine("fine", "raw", "echo", "good"))
		require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{"a":1}`), message("2", 7, `{"a":2}`)}), name)
		require.Empty(t, p.lake.store(north, "hot"))
		require.Len(t, p.lake.store(north, "good"), 2, "another pipeline goes on")
		require.Len(t, notices, 1)
		notice := notices[0]
		require.Equal(t, "line raw l fn 2", fmt.Sprintln(notice.Pipeline, notice.Channel, notice.Activity, notice.Function, notice.Messages)[:15])
		require.Equal(t, noon, notice.From)
		require.Equal(t, noon.Add(7*time.Second+1), notice.To)
		var event struct {
			DetailType string `json:"detail-type"`
			Resources  []string
			Detail     struct {
				ErrorCode       string `json:"error-code"`
				ChannelMessages struct {
					S3Paths []string `json:"s3paths"`
				} `json:"channel-messages"`
			}
		}
		require.NoError(t, json.Unmarshal(notice.Event, &event))
		require.Equal(t, "IoT Analytics Pipeline Failure Notification", event.DetailType)
		require.Equal(t, []string{"arn:aws:iotanalytics:::pipeline/line"}, event.Resources)
		require.Equal(t, "LAMBDA_FAILURE", event.Detail.ErrorCode)
		require.Equal(t, []string{"channel/raw/2026-03-01"}, event.Detail.ChannelMessages.S3Paths)
		require.Equal(t, 2, counted.of(analytics.ActivityExecutionError, pipeline.LambdaFailure))
	}
}

// counter counts observations.
type counter struct {
	mu   sync.Mutex
	seen map[string]int
	peak int
}

func (c *counter) options(o *analytics.IngestOptions) {
	o.Observe = func(_ context.Context, _ tenant.ID, o analytics.Observation) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.seen == nil {
			c.seen = map[string]int{}
		}
		if o.Metric == analytics.PipelineConcurrentExecutionCount {
			c.peak = max(c.peak, o.Value)
			c.seen[string(o.Metric)] = o.Value
			return
		}
		c.seen[string(o.Metric)+string(o.Reason)] += o.Value
	}
}

func (c *counter) of(metric analytics.Metric, reason pipeline.Reason) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[string(metric)+string(reason)]
}

func TestObservations(t *testing.T) {
	t.Parallel()
	var counted counter
	p := newSite().start(counted.options)
	p.define(t, north, rawChannel, hotStore, hotLine)
	require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{
		message("1", 0, `{"t":100}`), message("2", 0, `{"x":1}`), message("3", 0, `{"x":1}`), message("4", 0, `nothing`), message("5", 0, `{"t":100,"a-b":1}`),
	}))
	require.Equal(t, 5, counted.of(analytics.IncomingMessages, ""))
	require.Equal(t, 1, counted.of(analytics.ActionExecution, ""))
	require.Equal(t, 2, counted.of(analytics.ActivityEvent, pipeline.FilterUndefined))
	require.Equal(t, 1, counted.of(analytics.ActivityEvent, pipeline.InvalidField))
	require.Equal(t, 1, counted.of(analytics.ActivityExecutionError, pipeline.InvalidMessage))
	require.Equal(t, 0, counted.of(analytics.PipelineConcurrentExecutionCount, ""), "it has gone down again")
	require.Equal(t, 1, counted.peak)
}

// If it is not known what was made of which message, what is sent again in the
// same batch is there once, and no message hides another one's rows.
func TestFunctionThatAnswersAnotherNumber(t *testing.T) {
	t.Parallel()
	double := functions{"double": func(_ context.Context, _ tenant.ID, event []byte) ([]byte, error) {
		inner := strings.Trim(string(event), "[]")
		return []byte("[" + inner + "," + inner + "]"), nil
	}}
	p := newSite().start(double.options)
	p.define(t, north, rawChannel, hotStore, lambdaLine("line", "raw", "double", "hot"))
	one, two := message("1", 0, `{"a":1}`), message("2", 1, `{"a":2}`)
	one.Thing, two.Thing = device.MustParseID("pump"), device.MustParseID("fan")
	require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{one}))
	require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{one}))
	require.Equal(t, []string{`{"a":1}`, `{"a":1}`}, p.lake.store(north, "hot"))
	require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{one, two}))
	require.Len(t, p.lake.store(north, "hot"), 6, "message 2 is there, although 1 is known")
	page, err := p.lake.Rows(t.Context(), north, analytics.TableID{Kind: analytics.DatastoreTable, Name: "hot"}, analytics.RowQuery{})
	require.NoError(t, err)
	require.Equal(t, "pump", page.Items[0].Thing.String())
	require.True(t, page.Items[5].Thing.IsZero(), "whose it is, is not known")
}

// A tenant whose function hangs fills its own places, not those of others.
func TestSlowFunctionOfOneTenant(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}, 10), make(chan struct{})
	fns := functions{"fn": func(_ context.Context, id tenant.ID, event []byte) ([]byte, error) {
		if id == north {
			started <- struct{}{}
			<-release
		}
		return event, nil
	}}
	throttled := make(chan tenant.ID, 1)
	p := newSite().start(fns.options, func(o *analytics.IngestOptions) {
		o.TenantParallel = 2
		o.Observe = func(_ context.Context, id tenant.ID, o analytics.Observation) {
			if o.Metric == analytics.ActionExecutionThrottled {
				throttled <- id
			}
		}
	})
	for _, id := range []tenant.ID{north, south} {
		p.define(t, id, rawChannel, hotStore, lambdaLine("line", "raw", "fn", "hot"))
	}
	var group sync.WaitGroup
	for i := range 2 {
		group.Go(func() {
			_ = p.Put(t.Context(), north, "raw", []analytics.Row{message(fmt.Sprint(i), 0, `{"a":1}`)})
		})
		<-started
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Put(ctx, north, "raw", []analytics.Row{message("3", 0, `{"a":1}`)}) }()
	require.Equal(t, north, <-throttled)
	require.NoError(t, p.Put(t.Context(), south, "raw", []analytics.Row{message("1", 0, `{"a":1}`)}), "another tenant does not wait")
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	close(release)
	group.Wait()
	require.Len(t, p.lake.store(north, "hot"), 2)
}

func TestFunctionTimeout(t *testing.T) {
	t.Parallel()
	var deadline time.Time
	fns := functions{"fn": func(ctx context.Context, _ tenant.ID, event []byte) ([]byte, error) {
		deadline, _ = ctx.Deadline()
		return event, nil
	}}
	p := newSite().start(fns.options, func(o *analytics.IngestOptions) { o.FunctionTimeout = time.Hour })
	p.define(t, north, rawChannel, hotStore, lambdaLine("line", "raw", "fn", "hot"))
	require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{"a":1}`)}))
	require.WithinDuration(t, time.Now().Add(time.Hour), deadline, time.Minute)
}

// panicking is a registry that does not answer.
type panicking struct{}

func (panicking) Get(context.Context, tenant.ID, device.ID) (tenant.Item[device.Thing], error) {
	panic("out of order")
}

func TestPipelineThatPanics(t *testing.T) {
	t.Parallel()
	var notices []analytics.FailureNotice
	p := newSite().start(func(o *analytics.IngestOptions) {
		o.Environment = analytics.NewEnvironments(func(o *analytics.EnvironmentsOptions) { o.Things = panicking{} }).Of
		o.Notify = func(_ context.Context, _ tenant.ID, notice analytics.FailureNotice) error {
			notices = append(notices, notice)
			return nil
		}
	})
	p.define(t, north, rawChannel, hotStore, enriched)
	require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{"thing":"pump"}`), message("2", 0, `{"a":1}`)}))
	require.Empty(t, p.lake.store(north, "hot"))
	require.Len(t, p.lake.channel(north, "raw"), 2)
	require.Len(t, notices, 1)
	require.Equal(t, 2, notices[0].Messages)
	require.ErrorContains(t, notices[0].Err, "out of order")
	outputs, log, err := p.RunActivity(t.Context(), north,
		[]byte(`{"deviceRegistryEnrich":{"name":"r","attribute":"registry","thingName":"thing","roleArn":"arn:aws:iam::123456789012:role/r"}}`), [][]byte{[]byte(`{"thing":"pump"}`)})
	require.NoError(t, err)
	require.Empty(t, outputs)
	require.Contains(t, log, "out of order")
}

// Another process has deleted a pipeline with its data store: what was sent to
// the channel is sent again, and not taken for lost.
func TestPutWhilePipelinesAreDeleted(t *testing.T) {
	t.Parallel()
	s := newSite()
	one, other := s.start(), s.start()
	one.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
	batch := []analytics.Row{message("1", 0, `{"a":1}`)}
	require.NoError(t, other.Put(t.Context(), north, "raw", batch))
	require.NoError(t, one.definitions.Delete(t.Context(), north, pipeline.ResourcePipeline, "line"))
	require.NoError(t, one.definitions.Delete(t.Context(), north, pipeline.ResourceDatastore, "hot", func(o *analytics.DeleteOptions) { o.Data = true }))
	err := other.Put(t.Context(), north, "raw", batch)
	require.Equal(t, iotenant.ErrUnavailable, iotenant.KindOf(err))
	require.NoError(t, other.Put(t.Context(), north, "raw", batch))
	require.NotContains(t, s.lake.tableNames(north), "hot")
}

func TestEnvironmentThatFails(t *testing.T) {
	t.Parallel()
	p := newSite().start(func(o *analytics.IngestOptions) {
		o.Environment = func(context.Context, tenant.ID) (*pipeline.Environment, error) { return nil, errFault }
	})
	p.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
	require.ErrorIs(t, p.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{"a":1}`)}), iotenant.ErrUnavailable)
}

func TestRunActivity(t *testing.T) {
	t.Parallel()
	p := newSite().start(functions{"fn": echo}.options)
	run := func(activity string, payloads ...string) ([]string, string, error) {
		var raw [][]byte
		for _, payload := range payloads {
			raw = append(raw, []byte(payload))
		}
		outputs, log, err := p.RunActivity(t.Context(), north, []byte(activity), raw)
		var texts []string
		for _, output := range outputs {
			texts = append(texts, string(output))
		}
		return texts, log, err
	}
	math := `{"math":{"name":"m","attribute":"tempC","math":"((temp - 32) * 5.0) / 9.0","next":"x"}}`
	outputs, log, err := run(math, `{"humidity": 52, "temp": 68 }`, `{"humidity": 52, "temp": 32 }`)
	require.NoError(t, err)
	require.Empty(t, log)
	require.Equal(t, []string{`{"humidity":52,"temp":68,"tempC":20}`, `{"humidity":52,"temp":32,"tempC":0}`}, outputs)

	outputs, log, err = run(math, `{"humidity":52}`, `{`)
	require.NoError(t, err)
	require.Equal(t, []string{`{"humidity":52}`}, outputs)
	require.Equal(t, "payload 0: math m: mathUndefined\npayload 1: math m: invalidMessage", log)

	outputs, _, err = run(`{"filter":{"name":"f","filter":"a > 1"}}`, `{"a":1}`, `{"a":2}`)
	require.NoError(t, err)
	require.Equal(t, []string{`{"a":2}`}, outputs)
	outputs, _, err = run(`{"lambda":{"name":"l","lambdaName":"fn","batchSize":2}}`, `{"a":1}`)
	require.NoError(t, err)
	require.Equal(t, []string{`{"a":1}`}, outputs)

	for _, broken := range []string{``, `[]`, `{"channel":{"name":"c","channelName":"raw"}}`, `{"math":{"name":"m","attribute":"a","math":"1 +"}}`} {
		_, _, err = run(broken, `{}`)
		require.ErrorIs(t, err, analytics.ErrDefinition, broken)
	}
	_, _, err = run(math)
	require.ErrorIs(t, err, analytics.ErrBatch)
	_, _, err = run(math, make([]string, 11)...)
	require.ErrorIs(t, err, analytics.ErrBatch)
	_, _, err = run(math, strings.Repeat(" ", analytics.MaxPayload+1))
	require.ErrorIs(t, err, analytics.ErrMessage)
	_, _, err = p.RunActivity(t.Context(), tenant.ID{}, []byte(math), [][]byte{nil})
	require.ErrorIs(t, err, tenant.ErrID)
}

func numbered(day, n int) (texts []string) {
	for i := range n {
		texts = append(texts, fmt.Sprintf("%d.%d", day, i))
	}
	return texts
}

func TestSample(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel)
	var batch []analytics.Row
	for day := range 3 {
		for i := range 8 {
			batch = append(batch, analytics.Row{ID: fmt.Sprintf("%d.%d", day, i), At: noon.AddDate(0, 0, -day).Add(time.Duration(i)), Payload: fmt.Appendf(nil, "%d.%d", day, i)})
		}
	}
	require.NoError(t, p.Put(t.Context(), north, "raw", batch))
	sample := func(limit int, from, to time.Time) (texts []string) {
		payloads, err := p.Sample(t.Context(), north, "Raw", limit, from, to)
		require.NoError(t, err)
		for _, payload := range payloads {
			texts = append(texts, string(payload))
		}
		return texts
	}
	require.Equal(t, []string{"0.0", "0.1", "0.2"}, sample(3, time.Time{}, time.Time{}), "of the newest")
	require.Equal(t, []string{"1.0", "1.1"}, sample(2, time.Time{}, noon.AddDate(0, 0, -1).Add(5)))
	require.Equal(t, []string{"1.6", "1.7", "0.0", "0.1"}, sample(4, noon.AddDate(0, 0, -1).Add(6), time.Time{}))
	require.Equal(t, []string{"1.6"}, sample(0, noon.AddDate(0, 0, -1).Add(6), noon.AddDate(0, 0, -1).Add(7)))
	require.Equal(t, append(numbered(1, 8), numbered(0, 2)...), sample(0, time.Time{}, time.Time{}), "the newest file has not enough")
	require.Len(t, sample(0, noon.AddDate(-1, 0, 0), time.Time{}), 10)
	require.Empty(t, sample(0, time.Time{}, noon.AddDate(-1, 0, 0)))

	for _, limit := range []int{-1, 11} {
		_, err := p.Sample(t.Context(), north, "raw", limit, time.Time{}, time.Time{})
		require.ErrorIs(t, err, analytics.ErrQuery)
	}
	_, err := p.Sample(t.Context(), north, "raw", 1, noon, noon)
	require.ErrorIs(t, err, analytics.ErrQuery)
	_, err = p.Sample(t.Context(), north, "nosuch", 1, time.Time{}, time.Time{})
	require.ErrorIs(t, err, analytics.ErrNoTable)
	_, err = p.Sample(t.Context(), tenant.ID{}, "raw", 1, time.Time{}, time.Time{})
	require.ErrorIs(t, err, tenant.ErrID)
}
