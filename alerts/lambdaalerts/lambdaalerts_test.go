package lambdaalerts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertsmock"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/lambdaalerts"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

var north, south = tenant.MustParseID("north"), tenant.MustParseID("south")

// selected is what a rule selects of a message of a thing.
func selected(id tenant.ID, thing, members string) []byte {
	return fmt.Appendf(nil, `{%s"topic": "t/%s/d/%s/telemetry", "thing": %q}`, members, id, thing, thing)
}

func kinesis(records ...[]byte) events.KinesisEvent {
	var event events.KinesisEvent
	for i, data := range records {
		event.Records = append(event.Records, events.KinesisEventRecord{
			EventSource: "aws:kinesis", EventID: fmt.Sprintf("shardId-0:%d", i), Kinesis: events.KinesisRecord{Data: data, SequenceNumber: fmt.Sprint(i)},
		})
	}
	return event
}

func queue(group func(int) string, records ...[]byte) events.SQSEvent {
	var event events.SQSEvent
	for i, data := range records {
		message := events.SQSMessage{EventSource: "aws:sqs", MessageId: fmt.Sprint("message-", i), Body: string(data), Attributes: map[string]string{}}
		if group != nil {
			message.Attributes["MessageGroupId"] = group(i)
		}
		event.Records = append(event.Records, message)
	}
	return event
}

func invoke(t *testing.T, ingest *lambdaalerts.Ingest, event any) (failed []string) {
	t.Helper()
	payload, err := json.Marshal(event)
	require.NoError(t, err)
	answer, err := ingest.Invoke(t.Context(), payload)
	require.NoError(t, err)
	var response struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	require.NoError(t, json.Unmarshal(answer, &response))
	for _, failure := range response.BatchItemFailures {
		failed = append(failed, failure.ItemIdentifier)
	}
	return failed
}

// fails makes messages fail by their place.
func fails(reasons map[int]error) *alerts.PutError {
	failed := &alerts.PutError{}
	for index, err := range reasons {
		failed.Failures = append(failed.Failures, alerts.Failure{Index: index, Model: "m", Err: err})
	}
	return failed
}

var errPassing = fmt.Errorf("busy: %w", iotenant.ErrUnavailable)

func TestKinesis(t *testing.T) {
	t.Parallel()
	processor := alertsmock.NewMockProcessor(gomock.NewController(t))
	var put []alerts.Message
	processor.EXPECT().Put(gomock.Any(), north, gomock.Any()).DoAndReturn(func(_ context.Context, _ tenant.ID, messages ...alerts.Message) error {
		put = messages
		return fails(map[int]error{0: errPassing, 1: alerts.ErrMessage})
	})
	processor.EXPECT().Sweep(gomock.Any(), north).Return(errPassing)
	processor.EXPECT().Put(gomock.Any(), south, gomock.Any()).Return(nil)
	processor.EXPECT().Sweep(gomock.Any(), south)
	ingest := lambdaalerts.NewIngest(processor)
	failed := invoke(t, ingest, kinesis(
		selected(north, "a", ""), selected(south, "a", ""), []byte("no JSON"), selected(north, "b", `"messageId": "own", `),
	))
	require.Equal(t, []string{"0"}, failed, "what is refused for good does not come again")
	require.Equal(t, "telemetry", put[0].Input)
	require.Equal(t, "shardId-0:0", put[0].ID, "the record's id, for there is no other")
	require.Equal(t, "own", put[1].ID)
	require.JSONEq(t, string(selected(north, "a", "")), string(put[0].Payload))
}

func TestSQSKeepsTheOrderOfGroups(t *testing.T) {
	t.Parallel()
	processor := alertsmock.NewMockProcessor(gomock.NewController(t))
	processor.EXPECT().Put(gomock.Any(), north, gomock.Any()).Return(fails(map[int]error{1: errPassing})).Times(2)
	processor.EXPECT().Sweep(gomock.Any(), north).Times(2)
	ingest := lambdaalerts.NewIngest(processor)
	records := [][]byte{selected(north, "a", ""), selected(north, "b", ""), selected(north, "a", ""), selected(north, "b", "")}
	require.Equal(t, []string{"message-1"}, invoke(t, ingest, queue(nil, records...)))
	byThing := func(i int) string { return []string{"a", "b"}[i%2] }
	require.Equal(t, []string{"message-1", "message-3"}, invoke(t, ingest, queue(byThing, records...)))
}

func TestNothingIsLostWhenAllFails(t *testing.T) {
	t.Parallel()
	processor := alertsmock.NewMockProcessor(gomock.NewController(t))
	processor.EXPECT().Put(gomock.Any(), gomock.Any(), gomock.Any()).Return(errPassing)
	ingest := lambdaalerts.NewIngest(processor)
	require.Equal(t, []string{"0", "1"}, invoke(t, ingest, kinesis(selected(north, "a", ""), selected(north, "b", ""))))
}

func TestRefused(t *testing.T) {
	t.Parallel()
	processor := alertsmock.NewMockProcessor(gomock.NewController(t))
	processor.EXPECT().Put(gomock.Any(), north, gomock.Any()).Return(fails(map[int]error{0: alerts.ErrMessage, 1: alerts.ErrEvaluation}))
	processor.EXPECT().Sweep(gomock.Any(), north)
	refused := map[string]string{}
	ingest := lambdaalerts.NewIngest(processor, func(o *lambdaalerts.Options) {
		o.Refused = func(_ context.Context, id tenant.ID, record lambdaalerts.Record, reason error) error {
			if record.ID == "message-1" || record.ID == "message-3" {
				return errors.New("the dead letter queue fails")
			}
			refused[record.ID] = id.String() + " " + reason.Error()
			return nil
		}
	})
	failed := invoke(t, ingest, queue(nil, selected(north, "a", ""), selected(north, "b", ""), []byte("{}"), []byte("[]")))
	require.Equal(t, []string{"message-1", "message-3"}, failed, "what could not be put aside comes again")
	require.Equal(t, "north "+alerts.ErrMessage.Error(), refused["message-0"])
	require.True(t, strings.HasPrefix(refused["message-2"], " lambdaalerts: invalid record"), refused["message-2"])
}

func TestRule(t *testing.T) {
	t.Parallel()
	processor := alertsmock.NewMockProcessor(gomock.NewController(t))
	var ids []string
	processor.EXPECT().Put(gomock.Any(), north, gomock.Any()).DoAndReturn(func(_ context.Context, _ tenant.ID, messages ...alerts.Message) error {
		for _, message := range messages {
			ids = append(ids, message.ID)
		}
		return nil
	}).Times(2)
	processor.EXPECT().Sweep(gomock.Any(), north).AnyTimes()
	ingest := lambdaalerts.NewIngest(processor)
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "request"})
	one := selected(north, "a", "")
	_, err := ingest.Invoke(ctx, one)
	require.NoError(t, err)
	_, err = ingest.Invoke(ctx, fmt.Appendf(nil, "[%s, %s]", one, one))
	require.NoError(t, err)
	require.Equal(t, []string{"request-0", "request-0", "request-1"}, ids)

	processor.EXPECT().Put(gomock.Any(), north, gomock.Any()).Return(fails(map[int]error{0: errPassing}))
	_, err = ingest.Invoke(t.Context(), one)
	require.ErrorIs(t, err, lambdaalerts.ErrAgain)
	_, err = ingest.Invoke(t.Context(), []byte(`{"Records": []}`))
	require.NoError(t, err, "no message that can be read: it was refused")
}

func TestEvents(t *testing.T) {
	t.Parallel()
	ingest := lambdaalerts.NewIngest(alertsmock.NewMockProcessor(gomock.NewController(t)))
	for _, payload := range []string{
		``, `{`, `[`, `"text"`, `{"Records": 1}`, `{"Records": [{"eventSource": "aws:s3"}]}`, `{"Records": [{"eventSource": "aws:kinesis", "kinesis": 1}]}`,
	} {
		_, err := ingest.Invoke(t.Context(), []byte(payload))
		require.ErrorIs(t, err, lambdaalerts.ErrEvent, payload)
	}
}

// Nobody but the platform says whose a message is: a device may send any
// member, a record of one tenant names no other.
func TestAttackTopicFromADevice(t *testing.T) {
	t.Parallel()
	for _, members := range []string{
		`"Topic": "t/south/d/a/telemetry", `, `"TOPIC": "t/south/d/a/telemetry", `, `"tenant": "south", `,
	} {
		id, message, err := lambdaalerts.FromTopic(lambdaalerts.Record{Data: selected(north, "a", members)})
		require.NoError(t, err, members)
		require.Equal(t, north, id, members)
		require.Equal(t, "telemetry", message.Input)
	}
	after := []byte(`{"topic": "t/north/d/a/telemetry/line/1", "Topic": "t/south/d/a/telemetry", "topiC": "t/south/d/a/telemetry"}`)
	id, message, err := lambdaalerts.FromTopic(lambdaalerts.Record{Data: after})
	require.NoError(t, err)
	require.Equal(t, north, id)
	require.Equal(t, "line/1", message.Input)
	for _, data := range []string{
		`{}`, `{"topic": 1}`, `{"topic": null}`, `{"topic": "$aws/things/north:a/shadow/update"}`, `{"topic": "t/north/d/a/command"}`,
		`{"topic": "t/NORTH/d/a/telemetry"}`, `{"topic": "t/_platform/d/a/telemetry"}`, `{"Topic": "t/north/d/a/telemetry"}`, `[]`,
		`{"topic": "t/south/d/a/telemetry", "topic": "t/north/d/a/telemetry"}`,
	} {
		_, _, err := lambdaalerts.FromTopic(lambdaalerts.Record{Data: []byte(data)})
		require.ErrorIs(t, err, lambdaalerts.ErrRecord, data)
	}
}

// A rule invokes with what a device sent, in which it may have written an event
// of SQS with the topic of another tenant: it is a message all the same.
func TestAttackEventFromADevice(t *testing.T) {
	t.Parallel()
	processor := alertsmock.NewMockProcessor(gomock.NewController(t))
	processor.EXPECT().Put(gomock.Any(), north, gomock.Len(1)).Times(3)
	processor.EXPECT().Sweep(gomock.Any(), north).Times(3)
	ingest := lambdaalerts.NewIngest(processor)
	for _, members := range []string{
		`"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": "{\"topic\": \"t/south/d/a/telemetry\"}"}], `,
		`"records": [{"eventSource": "aws:sqs", "messageId": "1", "body": "{\"topic\": \"t/south/d/a/telemetry\"}"}], `,
		`"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": "eyJ0b3BpYyI6ICJ0L3NvdXRoL2QvYS90ZWxlbWV0cnkifQ=="}}], `,
	} {
		_, err := ingest.Invoke(t.Context(), selected(north, "a", members))
		require.NoError(t, err, members)
	}
}

func tenants(ids ...tenant.ID) func(context.Context) iter.Seq2[tenant.ID, error] {
	return func(context.Context) iter.Seq2[tenant.ID, error] {
		return func(yield func(tenant.ID, error) bool) {
			for _, id := range ids {
				if id.IsZero() {
					yield(id, errPassing)
					return
				}
				if !yield(id, nil) {
					return
				}
			}
		}
	}
}

func TestSweeper(t *testing.T) {
	t.Parallel()
	processor := alertsmock.NewMockProcessor(gomock.NewController(t))
	processor.EXPECT().Sweep(gomock.Any(), south).Return(nil)
	sweeper := lambdaalerts.NewSweeper(processor, tenants(north, south))
	_, err := sweeper.Invoke(t.Context(), []byte(`{"tenant": "south", "at": "2026-03-01T12:00:00Z"}`))
	require.NoError(t, err)

	processor.EXPECT().Sweep(gomock.Any(), north).Return(errPassing)
	processor.EXPECT().Sweep(gomock.Any(), south).Return(nil)
	_, err = sweeper.Invoke(t.Context(), []byte(`{"source": "aws.events"}`))
	require.ErrorIs(t, err, errPassing, "and goes on after a failure")

	for _, payload := range []string{``, `[]`, `{"tenant": ""}`, `{"tenant": "_platform"}`, `{"tenant": 1}`} {
		_, err := sweeper.Invoke(t.Context(), []byte(payload))
		require.ErrorIs(t, err, lambdaalerts.ErrEvent, payload)
	}
	processor.EXPECT().Sweep(gomock.Any(), north)
	_, err = lambdaalerts.NewSweeper(processor, tenants(north, tenant.ID{}, south)).Invoke(t.Context(), []byte(`{}`))
	require.ErrorContains(t, err, "ended early")
}

func TestSweeperEndsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		processor := alertsmock.NewMockProcessor(gomock.NewController(t))
		var mu sync.Mutex
		busy, most := 0, 0
		processor.EXPECT().Sweep(gomock.Any(), gomock.Any()).DoAndReturn(func(context.Context, tenant.ID) error {
			mu.Lock()
			busy++
			most = max(most, busy)
			mu.Unlock()
			time.Sleep(5 * time.Second)
			mu.Lock()
			busy--
			mu.Unlock()
			return nil
		}).Times(12)
		var many []tenant.ID
		for i := range 40 {
			many = append(many, tenant.MustParseID(fmt.Sprintf("tenant-%d", i)))
		}
		sweeper := lambdaalerts.NewSweeper(processor, tenants(many...), func(o *lambdaalerts.SweepOptions) { o.Parallel = 4 })
		ctx, cancel := context.WithTimeout(t.Context(), 22*time.Second)
		defer cancel()
		_, err := sweeper.Invoke(ctx, []byte(`{}`))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 4, most)
	})
}

// Whole functions over a real runtime: a stream that fails halfway comes again,
// and everything takes effect once.
func TestFunctionsOverARuntime(t *testing.T) {
	t.Parallel()
	const counter = `{"detectorModelName": "counter", "key": "thing", "detectorModelDefinition": {"initialStateName": "s", "states": [{"stateName": "s",
	  "onEnter": {"events": [{"eventName": "zero", "actions": [{"setVariable": {"variableName": "n", "value": "0"}}, {"setTimer": {"timerName": "later", "seconds": 60}}]}]},
	  "onInput": {"events": [
	    {"eventName": "count", "condition": "triggerType('Message')", "actions": [{"setVariable": {"variableName": "n", "value": "$variable.n + $input.telemetry.add"}}]},
	    {"eventName": "late", "condition": "timeout('later')", "actions": [{"sns": {"targetArn": "arn:aws:sns:eu-west-1:123456789012:late"}}]}]}}]}}`
	store, clock := memtenant.New(tenant.RandomCursorKeys()), alertstest.NewClock(time.Now())
	detectors := memtenant.NewRepository(store, &alerts.DetectorSchema)
	models := alerts.NewModels(memtenant.NewRepository(store, &alerts.ModelSchema), detectors)
	recorder := &alertstest.Recorder{}
	runtime := alerts.NewRuntime(models, detectors, memtenant.NewRepository(store, &alerts.AlertSchema), recorder,
		func(o *alerts.Options) { o.Now = clock.Now })
	_, err := models.Put(t.Context(), north, []byte(counter))
	require.NoError(t, err)

	ingest := lambdaalerts.NewIngest(runtime)
	event := kinesis(selected(north, "a", `"add": 1, `), selected(north, "a", `"add": 2, `), selected(north, "b", `"add": 10, `), []byte("{"))
	for range 3 {
		require.Empty(t, invoke(t, ingest, event))
	}
	a, err := runtime.Detector(t.Context(), north, "counter", "a")
	require.NoError(t, err)
	require.Equal(t, int64(3), a.Variables["n"].Int())

	clock.Advance(time.Minute)
	sweeper := lambdaalerts.NewSweeper(runtime, tenants(north, south))
	_, err = sweeper.Invoke(t.Context(), []byte(`{"tenant": "north"}`))
	require.NoError(t, err)
	require.Len(t, recorder.IDs(north), 2)
}

func ExampleNewIngest() {
	store := memtenant.New(tenant.RandomCursorKeys())
	detectors := memtenant.NewRepository(store, &alerts.DetectorSchema)
	models := alerts.NewModels(memtenant.NewRepository(store, &alerts.ModelSchema), detectors)
	runtime := alerts.NewRuntime(models, detectors, memtenant.NewRepository(store, &alerts.AlertSchema), nil)

	function := lambdaalerts.NewIngest(runtime) // lambda.Start(function), in a program
	answer, err := function.Invoke(context.Background(), []byte(`{"Records": [{"eventSource": "aws:sqs", "messageId": "1",
	  "body": "{\"celsius\": 7, \"topic\": \"t/acme/d/freezer-1/telemetry\", \"thing\": \"freezer-1\"}"}]}`))
	fmt.Println(string(answer), err)
	// Output: {"batchItemFailures":null} <nil>
}

func ExampleNewSweeper() {
	processor := alertsmock.NewMockProcessor(gomock.NewController(nil)) // an alerts.Runtime, in a program
	processor.EXPECT().Sweep(gomock.Any(), gomock.Any()).Do(func(_ context.Context, id tenant.ID) error {
		fmt.Println("swept", id)
		return nil
	})
	function := lambdaalerts.NewSweeper(processor, tenants()) // lambda.Start(function), in a program
	_, err := function.Invoke(context.Background(), []byte(`{"tenant": "acme"}`))
	fmt.Println(err)
	// Output:
	// swept acme
	// <nil>
}
