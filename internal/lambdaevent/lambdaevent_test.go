package lambdaevent_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/internal/lambdaevent"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	payload, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return payload
}

func TestKinesis(t *testing.T) {
	t.Parallel()
	event, err := lambdaevent.Parse(read(t, "kinesis.json"), "request")
	require.NoError(t, err)
	require.Equal(t, lambdaevent.Kinesis, event.Source)
	require.Len(t, event.Records, 2)
	first := event.Records[0]
	require.Equal(t, "shardId-000000000006:49590338271490256608559692538361571095921575989136588898", first.ID)
	require.Equal(t, time.UnixMilli(1545084650987).UTC(), first.At)
	require.Equal(t, "Hello, this is a test.", string(first.Data))
	require.Equal(t, "49590338271490256608559692538361571095921575989136588898", string(first.Item))
	require.Equal(t, "This is only a test.", string(event.Records[1].Data))
}

func TestSQS(t *testing.T) {
	t.Parallel()
	event, err := lambdaevent.Parse(read(t, "sqs-fifo.json"), "")
	require.NoError(t, err)
	require.Equal(t, lambdaevent.SQS, event.Source)
	require.Equal(t, lambdaevent.Record{
		ID: "11d6ee51-4cc7-4302-9e22-7cd8afdaadf5", Item: []byte("11d6ee51-4cc7-4302-9e22-7cd8afdaadf5"),
		At: time.UnixMilli(1573251510774).UTC(), Data: []byte(`{"text": "a\n\"é"}`), Group: "1", Attributes: map[string]string{"tenant": "north"},
	}, event.Records[0])
	require.Equal(t, lambdaevent.Record{ID: "m-2", Item: []byte("m-2"), Data: []byte("plain")}, event.Records[1])
}

func TestFirehose(t *testing.T) {
	t.Parallel()
	event, err := lambdaevent.Parse(read(t, "firehose.json"), "")
	require.NoError(t, err)
	require.Equal(t, lambdaevent.Firehose, event.Source)
	require.Equal(t, lambdaevent.Record{
		ID: "49578734086442259037497492980620233840400173390482112514000000", Item: []byte("49578734086442259037497492980620233840400173390482112514000000"),
		At: time.UnixMilli(1510254469499).UTC(), Data: []byte("Hello World"),
	}, event.Records[0])
}

func TestRule(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string][]string{
		`{"temp": 1}`:                        {`{"temp": 1}`},
		` [{"a": [1, 2]}, 5 , "x"] `:         {`{"a": [1, 2]}`, `5`, `"x"`},
		`[]`:                                 nil,
		`{}`:                                 {`{}`},
		`{"Records": []}`:                    {`{"Records": []}`},
		`{"invocationId": "a"}`:              {`{"invocationId": "a"}`},
		`{"records": [], "Records": []}`:     {`{"records": [], "Records": []}`},
		`{"region": "a", "Records": [1, 2]}`: {`{"region": "a", "Records": [1, 2]}`},
	} {
		event, err := lambdaevent.Parse([]byte(payload), "id")
		require.NoError(t, err, payload)
		require.Equal(t, lambdaevent.Rule, event.Source, payload)
		require.Len(t, event.Records, len(want), payload)
		for n := range want {
			require.Equal(t, want[n], string(event.Records[n].Data), payload)
			require.Equal(t, fmt.Sprint("id-", n), event.Records[n].ID)
		}
	}
	event, err := lambdaevent.Parse([]byte(`{}`), "")
	require.NoError(t, err)
	require.Empty(t, event.Records[0].ID, "nothing identifies it")
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{
		``, `{`, `[`, `"text"`, `1`, `[1,]`, `{} {}`, `[] []`, `{"a": 1,}`, `{"Records": 1}`, `{"Records": [1]}`,
		`{"Records": [{"eventSource": "aws:s3"}]}`, `{"Records": [{}]}`, `{"Records": [{"eventSource": 1}]}`,
		`{"Records": [{"eventSource": "aws:kinesis"}, {"eventSource": "aws:sqs"}]}`,
		`{"Records": [{"eventSource": "aws:kinesis", "kinesis": 1}]}`,
		`{"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": "?"}}]}`,
		`{"Records": [{"eventSource": "aws:sqs", "body": 1}]}`,
		`{"Records": [{"eventSource": "aws:sqs", "messageAttributes": {"a": 1}}]}`,
		`{"invocationId": "a", "records": {}}`, `{"invocationId": "a", "records": [{"data": "*"}]}`,
	} {
		_, err := lambdaevent.Parse([]byte(payload), "")
		require.ErrorIs(t, err, lambdaevent.ErrEvent, payload)
	}
}

func TestAppendFailures(t *testing.T) {
	t.Parallel()
	records := make([]lambdaevent.Record, 6)
	for n, group := range []string{"a", "b", "", "a", "", "b"} {
		records[n] = lambdaevent.Record{Item: fmt.Append(nil, n), Group: group}
	}
	for _, test := range []struct {
		source lambdaevent.Source
		failed []int
		want   []string
	}{
		{lambdaevent.Kinesis, nil, []string{}},
		{lambdaevent.Kinesis, []int{2, 4}, []string{"2"}},
		{lambdaevent.SQS, nil, []string{}},
		{lambdaevent.SQS, []int{0}, []string{"0", "3"}},
		{lambdaevent.SQS, []int{1, 2}, []string{"1", "2", "5"}},
		{lambdaevent.SQS, []int{5}, []string{"5"}},
	} {
		event := lambdaevent.Event{Source: test.source, Records: records}
		require.Equal(t, test.want, items(t, event.AppendFailures(nil, test.failed)))
	}
}

func items(t *testing.T, answer []byte) []string {
	t.Helper()
	var response struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	require.NoError(t, json.Unmarshal(answer, &response), string(answer))
	require.NotNil(t, response.BatchItemFailures)
	names := []string{}
	for _, failure := range response.BatchItemFailures {
		names = append(names, failure.ItemIdentifier)
	}
	return names
}

// A rule adds a member to what a device sends, so nothing that a device sends
// is an event of a service, in which it could write any topic.
func TestAttackEventInAMessage(t *testing.T) {
	t.Parallel()
	const record = `{"eventSource": "aws:sqs", "messageId": "1", "body": "{\"topic\": \"t/south/d/a/telemetry\"}"}`
	for _, members := range []string{
		`"Records": [` + record + `]`, `"Record\u0073": [` + record + `]`, `"Records": [], "Records": [` + record + `]`,
		`"invocationId": "a", "records": [{"recordId": "1", "data": "e30="}]`,
		`"invocationId": "a", "deliveryStreamArn": "b", "region": "c", "records": [{"recordId": "1", "data": "e30="}]`,
	} {
		for _, payload := range []string{`{` + members + `, "topic": "t/north/d/a/telemetry"}`, `{"topic": "t/north/d/a/telemetry", ` + members + `}`} {
			event, err := lambdaevent.Parse([]byte(payload), "")
			require.NoError(t, err, payload)
			require.Equal(t, lambdaevent.Rule, event.Source, payload)
			require.Len(t, event.Records, 1)
			topic, err := lambdaevent.TopicOf(event.Records[0].Data)
			require.NoError(t, err)
			require.Equal(t, "north", topic.Tenant.String())
		}
	}
}

// A device may have sent any member but the one that the rule has set.
func TestAttackTopic(t *testing.T) {
	t.Parallel()
	for _, message := range []string{
		`{"Topic": "t/south/d/a/telemetry", "topic": "t/north/d/a/telemetry"}`, `{"topic": "t/north/d/a/telemetry", "TOPIC": "t/south/d/a/telemetry"}`,
		`{"x": {"topic": "t/south/d/a/telemetry"}, "topi\u0063": "t\/north\/d\/a\/telemetry"}`,
	} {
		topic, err := lambdaevent.TopicOf([]byte(message))
		require.NoError(t, err, message)
		require.Equal(t, "north", topic.Tenant.String(), message)
	}
	for _, message := range []string{
		`{"topic": "t/north/d/a/telemetry", "topic": "t/south/d/a/telemetry"}`, `{"topic": "t/north/d/a/telemetry", "topi\u0063": "t/south/d/a/telemetry"}`,
		`{}`, `[]`, `{"topic": 1}`, `{"topic": null}`, `{"topic": "t/north/d/a/telemetry"} {}`, `{"topic": "t/NORTH/d/a/telemetry"}`, `{"topic": "t/_platform/d/a/telemetry"}`,
	} {
		_, err := lambdaevent.TopicOf([]byte(message))
		require.Error(t, err, message)
	}
}

// FuzzParse compares what is read of an event with what encoding/json reads.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"kinesis.json", "sqs-fifo.json", "firehose.json"} {
		payload, err := os.ReadFile("testdata/" + name)
		require.NoError(f, err)
		f.Add(payload)
	}
	f.Add([]byte(`{"topic": "t/north/d/a/telemetry", "Records": [{}]}`))
	f.Add([]byte(`[{"a": 1}, 2]`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		event, err := lambdaevent.Parse(payload, "id")
		if err != nil {
			require.ErrorIs(t, err, lambdaevent.ErrEvent)
			return
		}
		require.True(t, json.Valid(payload))
		var members map[string]json.RawMessage
		if json.Unmarshal(payload, &members) == nil && members["topic"] != nil {
			require.Equal(t, lambdaevent.Rule, event.Source)
		}
		all := make([]int, len(event.Records))
		for n := range all {
			all[n] = n
			if event.Source == lambdaevent.Rule {
				require.True(t, json.Valid(event.Records[n].Data))
			}
		}
		if len(all) > 0 && event.Source != lambdaevent.Rule {
			want := len(all)
			if event.Source == lambdaevent.Kinesis {
				want = 1
			}
			require.Len(t, items(t, event.AppendFailures(nil, all)), want)
		}
	})
}

// FuzzRecords writes events by encoding/json and reads them back.
func FuzzRecords(f *testing.F) {
	f.Add("id", []byte("data"), "a\"\\\n\u2028</é", "group", int64(1573251510774))
	f.Fuzz(func(t *testing.T, id string, data []byte, body, group string, at int64) {
		at = max(1, at&(1<<40-1))
		valid := func(text string) string { return string([]rune(text)) }
		id, body, group = valid(id), valid(body), valid(group)
		parse := func(event any) lambdaevent.Record {
			payload, err := json.Marshal(event)
			require.NoError(t, err)
			parsed, err := lambdaevent.Parse(payload, "")
			require.NoError(t, err)
			require.Len(t, parsed.Records, 1)
			return parsed.Records[0]
		}
		record := parse(events.SQSEvent{Records: []events.SQSMessage{{
			EventSource: "aws:sqs", MessageId: id, Body: body, Attributes: map[string]string{"MessageGroupId": group, "SentTimestamp": fmt.Sprint(at)},
			MessageAttributes: map[string]events.SQSMessageAttribute{"a": {StringValue: &body}, "b": {BinaryValue: data}},
		}}})
		require.Equal(t, id, record.ID)
		require.Equal(t, body, string(record.Data))
		require.Equal(t, group, record.Group)
		require.Equal(t, at, record.At.UnixMilli())
		require.Equal(t, map[string]string{"a": body}, record.Attributes)

		stamp := time.UnixMilli(at).UTC()
		record = parse(events.KinesisEvent{Records: []events.KinesisEventRecord{{
			EventSource: "aws:kinesis", EventID: id, Kinesis: events.KinesisRecord{
				Data: data, SequenceNumber: group, ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: stamp},
			},
		}}})
		require.Equal(t, id, record.ID)
		require.Equal(t, string(data), string(record.Data))
		require.Equal(t, at, record.At.UnixMilli())

		record = parse(events.KinesisFirehoseEvent{InvocationID: "i", Records: []events.KinesisFirehoseEventRecord{{
			RecordID: id, Data: data, ApproximateArrivalTimestamp: events.MilliSecondsEpochTime{Time: stamp},
		}}})
		require.Equal(t, id, record.ID)
		require.Equal(t, string(data), string(record.Data))
		require.Equal(t, stamp, record.At)
	})
}
