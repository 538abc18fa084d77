package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertsmock"
	"github.com/iotenant/iotenant/tenant"
)

var north, south = tenant.MustParseID("north"), tenant.MustParseID("south")

// invoke gives an event file to the function.
func invoke(t *testing.T, processor alerts.Processor, eventFile string) (string, error) {
	t.Helper()
	event, err := os.ReadFile("testdata/" + eventFile)
	require.NoError(t, err)
	answer, err := newHandler(processor).Invoke(t.Context(), event)
	return string(answer), err
}

// message expects a message of an input with an id.
func message(input, id string) gomock.Matcher {
	return gomock.Cond(func(m alerts.Message) bool { return m.Input == input && m.ID == id })
}

func TestKinesis(t *testing.T) {
	t.Parallel()
	processor := alertsmock.NewMockProcessor(gomock.NewController(t))
	processor.EXPECT().Put(gomock.Any(), north, message("telemetry", "shardId-000000000000:101"))
	processor.EXPECT().Sweep(gomock.Any(), north)
	processor.EXPECT().Put(gomock.Any(), south, message("oil", "m-7")).Return(alerts.ErrContention)

	answer, err := invoke(t, processor, "kinesis.json")

	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures": [{"itemIdentifier": "102"}]}`, answer)
}

func TestSQS(t *testing.T) {
	t.Parallel()
	processor := alertsmock.NewMockProcessor(gomock.NewController(t))
	processor.EXPECT().Put(gomock.Any(), north, message("telemetry", "message-1"), message("telemetry", "message-2")).
		Return(&alerts.PutError{Failures: []alerts.Failure{{Index: 1, Model: "compressor-health", Err: alerts.ErrContention}}})
	processor.EXPECT().Sweep(gomock.Any(), north)

	answer, err := invoke(t, processor, "sqs.json")

	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures": [{"itemIdentifier": "message-2"}]}`, answer)
}

func TestRule(t *testing.T) {
	t.Parallel()
	processor := alertsmock.NewMockProcessor(gomock.NewController(t))
	processor.EXPECT().Put(gomock.Any(), north, message("telemetry", "m-1")).Return(alerts.ErrContention)

	_, err := invoke(t, processor, "rule.json")

	require.ErrorContains(t, err, "1 of 1 messages", "the rule invokes again")
}
