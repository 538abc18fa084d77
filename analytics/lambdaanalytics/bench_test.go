package lambdaanalytics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
	"github.com/iotenant/iotenant/internal/bench"
)

// messages are records of eight things of two tenants.
func messages(n int) (all [][]byte) {
	for i := range n {
		id := north
		if i%2 == 1 {
			id = south
		}
		all = append(all, selected(id, fmt.Sprint("press-", i%8), fmt.Sprintf(
			`"temperature": %d.5, "pressure": 2.25, "state": "running", "messageId": "m-%d", "at": 17723664%05d, `, 20+i%70, i, i)))
	}
	return all
}

// compare measures a function beside lambda.NewHandler of one that takes the
// event as a struct and answers that all went well.
func compare(b *testing.B, function lambda.Handler, event any, typed lambda.Handler) {
	b.Helper()
	payload, err := json.Marshal(event)
	require.NoError(b, err)
	run := func(handler lambda.Handler) func(n int) {
		return func(n int) {
			for range n {
				_, err := handler.Invoke(context.Background(), payload)
				require.NoError(b, err)
			}
		}
	}
	subject, limit := run(function), run(typed)
	bench.Ratio(b, 15, subject, limit, 20)
	b.ReportMetric(testing.AllocsPerRun(10, func() { subject(1) }), "allocs/event")
	b.ReportMetric(testing.AllocsPerRun(10, func() { limit(1) }), "limit-allocs/event")
	b.ReportMetric(float64(len(payload)), "event-bytes")
}

// BenchmarkKinesis is an event of 500 messages, which are decoded, divided and
// given away.
func BenchmarkKinesis(b *testing.B) {
	compare(b, lambdaanalytics.NewIngest(taker{}), kinesis(messages(500)...),
		lambda.NewHandler(func(_ context.Context, _ events.KinesisEvent) (events.KinesisEventResponse, error) {
			return events.KinesisEventResponse{}, nil
		}))
}

// BenchmarkSQS is the same event from a queue.
func BenchmarkSQS(b *testing.B) {
	compare(b, lambdaanalytics.NewIngest(taker{}), queue(nil, messages(500)...),
		lambda.NewHandler(func(_ context.Context, _ events.SQSEvent) (events.SQSEventResponse, error) {
			return events.SQSEventResponse{}, nil
		}))
}

// BenchmarkTransformer filters, and removes two attributes, of 2,000 records.
// The limit gives the records back as they came.
func BenchmarkTransformer(b *testing.B) {
	p := load(b, `{"filter": {"name": "a1", "filter": "temperature > 50", "next": "a2"}}`, strip)
	compare(b, lambdaanalytics.NewTransformer(lambdaanalytics.OnePipeline(p)), firehose(messages(2000)...),
		lambda.NewHandler(func(_ context.Context, event events.KinesisFirehoseEvent) (events.KinesisFirehoseResponse, error) {
			response := events.KinesisFirehoseResponse{}
			for _, record := range event.Records {
				response.Records = append(response.Records, events.KinesisFirehoseResponseRecord{
					RecordID: record.RecordID, Result: events.KinesisFirehoseTransformedStateOk, Data: bytes.TrimSpace(record.Data),
				})
			}
			return response, nil
		}))
}
