package lambdaanalytics_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticsmock"
	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/tenantmock"
)

var (
	north, south = tenant.MustParseID("north"), tenant.MustParseID("south")
	arrival      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	errPassing   = fmt.Errorf("busy: %w", iotenant.ErrUnavailable)
)

// selected is what a rule selects of a message of a thing.
func selected(id tenant.ID, thing, members string) []byte {
	return fmt.Appendf(nil, `{%s"topic": "t/%s/d/%s/telemetry", "thing": %q}`, members, id, thing, thing)
}

func kinesis(records ...[]byte) events.KinesisEvent {
	var event events.KinesisEvent
	for i, data := range records {
		event.Records = append(event.Records, events.KinesisEventRecord{
			EventSource: "aws:kinesis", EventID: fmt.Sprintf("shardId-0:%d", i),
			Kinesis: events.KinesisRecord{Data: data, SequenceNumber: fmt.Sprint(i), ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: arrival}},
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

func firehose(records ...[]byte) events.KinesisFirehoseEvent {
	event := events.KinesisFirehoseEvent{InvocationID: "i", DeliveryStreamArn: "arn", Region: "eu-west-1", Records: []events.KinesisFirehoseEventRecord{}}
	for i, data := range records {
		event.Records = append(event.Records, events.KinesisFirehoseEventRecord{
			RecordID: fmt.Sprint("record-", i), Data: data, ApproximateArrivalTimestamp: events.MilliSecondsEpochTime{Time: arrival},
		})
	}
	return event
}

func invokeRaw(t testing.TB, function lambda.Handler, event any) ([]byte, error) {
	t.Helper()
	payload, err := json.Marshal(event)
	require.NoError(t, err)
	return function.Invoke(t.Context(), payload)
}

// invoke returns what is to be sent again.
func invoke(t *testing.T, function lambda.Handler, event any) (failed []string) {
	t.Helper()
	answer, err := invokeRaw(t, function, event)
	require.NoError(t, err)
	var response events.SQSEventResponse
	require.NoError(t, json.Unmarshal(answer, &response))
	for _, failure := range response.BatchItemFailures {
		failed = append(failed, failure.ItemIdentifier)
	}
	return failed
}

// transformed returns the answer for each record of Firehose.
func transformed(t *testing.T, function lambda.Handler, event events.KinesisFirehoseEvent) []events.KinesisFirehoseResponseRecord {
	t.Helper()
	answer, err := invokeRaw(t, function, event)
	require.NoError(t, err)
	require.LessOrEqual(t, len(answer), 6<<20)
	var response events.KinesisFirehoseResponse
	require.NoError(t, json.Unmarshal(answer, &response))
	require.Len(t, response.Records, len(event.Records))
	for n := range event.Records {
		require.Equal(t, event.Records[n].RecordID, response.Records[n].RecordID, "each record is answered once")
		require.NotNil(t, response.Records[n].Data, "Firehose wants data")
	}
	return response.Records
}

func results(records []events.KinesisFirehoseResponseRecord) (all []string) {
	for _, record := range records {
		all = append(all, strings.TrimSpace(record.Result+" "+string(record.Data)))
	}
	return all
}

func fails(reasons map[int]error) *analytics.PutError {
	failed := &analytics.PutError{}
	for index, err := range reasons {
		failed.Failures = append(failed.Failures, analytics.PutFailure{Index: index, Err: err})
	}
	return failed
}

func newIngester(t *testing.T) *analyticsmock.MockIngester {
	t.Helper()
	return analyticsmock.NewMockIngester(gomock.NewController(t))
}

func TestKinesis(t *testing.T) {
	t.Parallel()
	ingester := newIngester(t)
	var put []analytics.Row
	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", gomock.Any()).DoAndReturn(func(_ context.Context, _ tenant.ID, _ string, rows []analytics.Row) error {
		put = rows
		return nil
	})
	ingester.EXPECT().Put(gomock.Any(), south, "telemetry", gomock.Any()).Return(errPassing)
	failed := invoke(t, lambdaanalytics.NewIngest(ingester), kinesis(
		selected(north, "a", ""), []byte("no JSON"), selected(north, "b", `"messageId": "own", `), selected(south, "a", ""), selected(north, "b", ""), selected(south, "b", ""),
	))
	require.Equal(t, []string{"3"}, failed, "from there on all comes again, and what is refused for good does not")
	require.Len(t, put, 3)
	require.Equal(t, "/shardId-0:0", put[0].ID, "the record's id, for there is no other")
	require.Equal(t, "a", put[0].Thing.String())
	require.Equal(t, arrival, put[0].At)
	require.Equal(t, string(selected(north, "a", "")), string(put[0].Payload))
	require.Equal(t, "b/own", put[1].ID, "the message's id, within its thing")
}

func TestSQSKeepsTheOrderOfGroups(t *testing.T) {
	t.Parallel()
	ingester := newIngester(t)
	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", gomock.Len(2)).Return(nil).Times(2)
	ingester.EXPECT().Put(gomock.Any(), north, "b", gomock.Len(1)).Return(errPassing).Times(2)
	function := lambdaanalytics.NewIngest(ingester)
	other := []byte(`{"topic": "t/north/d/b/telemetry/b"}`)
	records := [][]byte{selected(north, "a", ""), other, selected(north, "b", "")}
	require.Equal(t, []string{"message-1"}, invoke(t, function, queue(nil, records...)))
	require.Equal(t, []string{"message-1", "message-2"}, invoke(t, function, queue(func(i int) string { return "ab"[min(i, 1):][:1] }, records...)))
}

func TestRefused(t *testing.T) {
	t.Parallel()
	ingester := newIngester(t)
	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", gomock.Len(3)).
		Return(fails(map[int]error{0: analytics.ErrMessage, 1: analytics.ErrDuplicateID, 2: analytics.ErrRow}))
	ingester.EXPECT().Put(gomock.Any(), north, "nowhere", gomock.Len(1)).Return(fmt.Errorf("put: %w", analytics.ErrNoTable))
	var mu sync.Mutex
	reasons := map[string]string{}
	function := lambdaanalytics.NewIngest(ingester, func(o *lambdaanalytics.Options) {
		o.Refused = func(_ context.Context, id tenant.ID, record lambdaanalytics.Record, reason error) error {
			mu.Lock()
			defer mu.Unlock()
			if record.ID == "message-2" {
				return errors.New("the dead letter queue fails")
			}
			reasons[record.ID] = id.String() + ": " + reason.Error()
			return nil
		}
	})
	failed := invoke(t, function, queue(nil, selected(north, "a", ""), selected(north, "b", ""), selected(north, "c", ""), []byte(`{"topic": "t/north/d/b/telemetry/nowhere"}`), []byte("[]")))
	require.Equal(t, []string{"message-2"}, failed, "what could not be put aside comes again")
	require.Len(t, reasons, 3)
	require.Equal(t, "north: "+analytics.ErrMessage.Error(), reasons["message-0"])
	require.Contains(t, reasons["message-3"], "north: put: analytics: channel or data store not found", "a thing may write any topic: no stream waits for a channel")
	require.True(t, strings.HasPrefix(reasons["message-4"], ": lambdaanalytics: invalid record"), reasons["message-4"])
}

func TestRule(t *testing.T) {
	t.Parallel()
	ingester := newIngester(t)
	var ids []string
	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", gomock.Any()).DoAndReturn(func(_ context.Context, _ tenant.ID, _ string, rows []analytics.Row) error {
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		return nil
	}).Times(3)
	function := lambdaanalytics.NewIngest(ingester)
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "request"})
	one := selected(north, "a", "")
	for range 2 {
		answer, err := function.Invoke(ctx, one)
		require.NoError(t, err)
		require.Equal(t, "null", string(answer))
	}
	_, err := function.Invoke(ctx, fmt.Appendf(nil, "[%s, %s]", one, one))
	require.NoError(t, err)
	require.Equal(t, []string{"/request-0", "/request-0", "/request-0", "/request-1"}, ids, "one that is sent again has the id that it had")

	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", gomock.Any()).Return(errPassing)
	_, err = function.Invoke(t.Context(), one)
	require.ErrorIs(t, err, lambdaanalytics.ErrAgain)
}

func TestFirehose(t *testing.T) {
	t.Parallel()
	ingester := newIngester(t)
	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", gomock.Len(2)).Return(fails(map[int]error{1: analytics.ErrRow})).Times(2)
	event := firehose(append(selected(north, "a", ""), '\n'), []byte("no JSON"), selected(north, "b", ""))
	records := transformed(t, lambdaanalytics.NewIngest(ingester), event)
	require.Equal(t, []string{"Dropped", "ProcessingFailed no JSON", "ProcessingFailed " + string(selected(north, "b", ""))}, results(records))

	records = transformed(t, lambdaanalytics.NewIngest(ingester, func(o *lambdaanalytics.Options) { o.Forward = true }), event)
	require.Equal(t, "Ok", records[0].Result)
	require.Equal(t, string(selected(north, "a", ""))+"\n", string(records[0].Data), "as it came")

	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", gomock.Any()).Return(errPassing)
	_, err := invokeRaw(t, lambdaanalytics.NewIngest(ingester), event)
	require.ErrorIs(t, err, lambdaanalytics.ErrAgain, "Firehose invokes again")
	require.Empty(t, transformed(t, lambdaanalytics.NewIngest(ingester), firehose()))
}

func TestEvents(t *testing.T) {
	t.Parallel()
	function := lambdaanalytics.NewIngest(newIngester(t))
	for _, payload := range []string{
		``, `{`, `[`, `"text"`, `{"Records": 1}`, `{"Records": [{"eventSource": "aws:s3"}]}`, `{"Records": [{"eventSource": "aws:kinesis", "kinesis": 1}]}`,
	} {
		_, err := function.Invoke(t.Context(), []byte(payload))
		require.ErrorIs(t, err, lambdaanalytics.ErrEvent, payload)
	}
}

func TestGate(t *testing.T) {
	t.Parallel()
	ingester, gate := newIngester(t), tenantmock.NewMockGate(gomock.NewController(t))
	gate.EXPECT().Admit(gomock.Any(), north).Return(tenant.ErrSuspended)
	gate.EXPECT().Admit(gomock.Any(), south).Return(errPassing)
	failed := invoke(t, lambdaanalytics.NewIngest(ingester, func(o *lambdaanalytics.Options) { o.Gate = gate }),
		queue(nil, selected(north, "a", ""), selected(south, "a", ""), selected(north, "b", "")))
	require.Equal(t, []string{"message-1"}, failed, "a suspended tenant's messages are refused")
}

// A panic of one tenant's messages is contained.
func TestPanic(t *testing.T) {
	t.Parallel()
	ingester := newIngester(t)
	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", gomock.Any()).Do(func(context.Context, tenant.ID, string, []analytics.Row) { panic("poison") })
	ingester.EXPECT().Put(gomock.Any(), south, "telemetry", gomock.Any()).Return(nil)
	require.Equal(t, []string{"message-0"}, invoke(t, lambdaanalytics.NewIngest(ingester), queue(nil, selected(north, "a", ""), selected(south, "a", ""))))
}

func TestLargeBatches(t *testing.T) {
	t.Parallel()
	ingester := newIngester(t)
	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", gomock.Len(analytics.MaxRows)).Return(nil)
	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", gomock.Len(5)).Return(errPassing)
	records := make([][]byte, analytics.MaxRows+5)
	for i := range records {
		records[i] = selected(north, "a", "")
	}
	require.Equal(t, []string{fmt.Sprint(analytics.MaxRows)}, invoke(t, lambdaanalytics.NewIngest(ingester), kinesis(records...)))
}

// TestDeadline: tenants are served side by side, within a bound, and the answer
// is given in time.
func TestDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ingester := newIngester(t)
		var mu sync.Mutex
		busy, most := 0, 0
		ingester.EXPECT().Put(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(func(ctx context.Context, _ tenant.ID, _ string, _ []analytics.Row) error {
			mu.Lock()
			busy++
			most = max(most, busy)
			mu.Unlock()
			defer func() {
				mu.Lock()
				busy--
				mu.Unlock()
			}()
			select {
			case <-time.After(5 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}).AnyTimes()
		var records [][]byte
		for i := range 12 {
			records = append(records, selected(tenant.MustParseID(fmt.Sprint("tenant-", i)), "a", ""))
		}
		payload, err := json.Marshal(queue(nil, records...))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 14*time.Second)
		defer cancel()
		function := lambdaanalytics.NewIngest(ingester, func(o *lambdaanalytics.Options) { o.Parallel = 3 })
		answer, err := function.Invoke(ctx, payload)
		require.NoError(t, err)
		require.NoError(t, ctx.Err())
		require.Equal(t, 3, most)
		var response events.SQSEventResponse
		require.NoError(t, json.Unmarshal(answer, &response))
		require.Len(t, response.BatchItemFailures, 6, "two rounds of three were done")
		require.Equal(t, "message-6", response.BatchItemFailures[0].ItemIdentifier)
	})
}

func TestFromTopic(t *testing.T) {
	t.Parallel()
	for topic, channel := range map[string]string{
		"t/north/d/a/telemetry": "telemetry", "t/north/d/a/telemetry/oil": "oil", "t/north/d/a/telemetry/line/1-x": "line_1_x", "t/north/d/a/telemetry/öl": "_l",
	} {
		id, message, err := lambdaanalytics.FromTopic(lambdaanalytics.Record{ID: "r", At: arrival, Data: fmt.Appendf(nil, "\n {\"topic\": %q, \"messageId\": \"m\"}\n", topic)})
		require.NoError(t, err)
		require.Equal(t, north, id)
		require.Equal(t, channel, message.Channel)
		require.Equal(t, "a/m", message.ID)
		require.Equal(t, fmt.Sprintf("{\"topic\": %q, \"messageId\": \"m\"}", topic), string(message.Payload))
	}
	_, message, err := lambdaanalytics.FromTopic(lambdaanalytics.Record{Data: selected(north, "a", "")})
	require.NoError(t, err)
	require.Empty(t, message.ID, "nothing identifies it")
}

func TestFromEnvelope(t *testing.T) {
	t.Parallel()
	raw := "\x00\xff{"
	id, message, err := lambdaanalytics.FromEnvelope(lambdaanalytics.Record{ID: "r", Data: fmt.Appendf(nil,
		`{"data": %q, "topic": "t/north/d/a/telemetry/oil", "receivedAt": %d}`, base64.StdEncoding.EncodeToString([]byte(raw)), arrival.UnixMilli())})
	require.NoError(t, err)
	require.Equal(t, north, id)
	require.Equal(t, raw, string(message.Payload))
	require.Equal(t, "/r", message.ID)
	require.Equal(t, "oil", message.Channel)
	require.Equal(t, arrival, message.At)
	_, message, err = lambdaanalytics.FromEnvelope(lambdaanalytics.Record{ID: "r", At: arrival, Data: fmt.Appendf(nil,
		`{"data": %q, "topic": "t/north/d/a/telemetry"}`, base64.StdEncoding.EncodeToString([]byte(`{"messageId": "m", "topic": "t/south/d/a/telemetry"}`)))})
	require.NoError(t, err)
	require.Equal(t, "a/m", message.ID)
	require.Equal(t, arrival, message.At)
	for _, data := range []string{
		`{"data": "*", "topic": "t/north/d/a/telemetry"}`, `{"data": 1, "topic": "t/north/d/a/telemetry"}`, `{"topic": "t/north/d/a/telemetry"}`, `{"data": ""}`,
		`{"data": "", "topic": "t/north/d/a/telemetry", "receivedAt": "now"}`, `{"data": "", "data": "", "topic": "t/north/d/a/telemetry"}`, `[]`, ``,
		`{"data": "", "topic": "t/north/d/a/command"}`,
	} {
		_, _, err := lambdaanalytics.FromEnvelope(lambdaanalytics.Record{Data: []byte(data)})
		require.ErrorIs(t, err, lambdaanalytics.ErrRecord, data)
	}
}
