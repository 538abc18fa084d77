package cloud_test

import (
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertsmock"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/memalerts"
	"github.com/iotenant/iotenant/examples/internal/cloud"
)

func TestNewRuntime(t *testing.T) {
	t.Parallel()
	environment := map[string]string{}
	compose := func() error {
		_, _, err := cloud.NewRuntime(aws.Config{Region: "eu-west-1"}, func(name string) string { return environment[name] }, slog.New(slog.DiscardHandler))
		return err
	}
	for _, variable := range [][2]string{
		{"ACCOUNT", "123456789012"}, {"SWEEP_FUNCTION", "arn:aws:lambda:eu-west-1:123456789012:function:timer-sweep"},
		{"SWEEP_ROLE", "arn:aws:iam::123456789012:role/sweep"}, {"NOTIFY_QUEUE", "https://sqs.eu-west-1.amazonaws.com/123456789012/notify"},
		{"TABLE", "iotenant"}, {"CURSOR_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="},
	} {
		require.EqualError(t, compose(), "environment variable "+variable[0]+" is not set")
		environment[variable[0]] = variable[1]
	}
	require.NoError(t, compose())
	environment["ACTION_LIMIT"] = "none"
	require.ErrorContains(t, compose(), "ACTION_LIMIT")
	environment["ACTION_LIMIT"], environment["IOT_ENDPOINT"] = "600", "abc-ats.iot.eu-west-1.example.com"
	require.NoError(t, compose())
	environment["CURSOR_KEY"] = "short"
	require.ErrorContains(t, compose(), "CURSOR_KEY")
}

func TestEnqueue(t *testing.T) {
	t.Parallel()
	sender := alertsmock.NewMockNotifier(gomock.NewController(t))
	want := alertstest.SampleAlert(1)
	sender.EXPECT().Notify(gomock.Any(), alertstest.TenantA, gomock.Cond(func(sent alerts.Alert) bool {
		var event memalerts.Event
		return json.Unmarshal([]byte(sent.Payload), &event) == nil && event.Tenant == alertstest.TenantA && event.Alert.Payload == want.Payload &&
			sent.ID == want.ID && sent.Settings == nil
	}))
	require.NoError(t, cloud.Enqueue(sender).Notify(t.Context(), alertstest.TenantA, want))
}
