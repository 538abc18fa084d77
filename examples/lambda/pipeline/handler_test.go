package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iotdataplane"
	"github.com/aws/aws-sdk-go-v2/service/iotdataplane/types"
	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticsmock"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

var north, south = tenant.MustParseID("north"), tenant.MustParseID("south")

// invoke gives an event file to a function.
func invoke(t *testing.T, function lambda.Handler, eventFile string) (string, error) {
	t.Helper()
	event, err := os.ReadFile("testdata/" + eventFile)
	require.NoError(t, err)
	answer, err := function.Invoke(t.Context(), event)
	return string(answer), err
}

// ids expects rows with these ids.
func ids(want ...string) gomock.Matcher {
	return gomock.Cond(func(rows []analytics.Row) bool {
		var got []string
		for _, row := range rows {
			got = append(got, row.ID)
		}
		return fmt.Sprint(got) == fmt.Sprint(want)
	})
}

func TestKinesis(t *testing.T) {
	t.Parallel()
	ingester := analyticsmock.NewMockIngester(gomock.NewController(t))
	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", ids("/shardId-000000000000:101"))
	ingester.EXPECT().Put(gomock.Any(), south, "oil", ids("press-1/m-7")).Return(iotenant.ErrUnavailable)

	answer, err := invoke(t, newHandler(ingester), "kinesis.json")

	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures": [{"itemIdentifier": "102"}]}`, answer)
}

func TestSQS(t *testing.T) {
	t.Parallel()
	ingester := analyticsmock.NewMockIngester(gomock.NewController(t))
	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", ids("/message-1", "/message-2")).Return(iotenant.ErrUnavailable)

	answer, err := invoke(t, newHandler(ingester), "sqs.json")

	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures": [{"itemIdentifier": "message-1"}, {"itemIdentifier": "message-2"}]}`, answer)
}

func TestRule(t *testing.T) {
	t.Parallel()
	ingester := analyticsmock.NewMockIngester(gomock.NewController(t))
	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", ids("press-1/m-1")).Return(iotenant.ErrUnavailable)

	_, err := invoke(t, newHandler(ingester), "rule.json")

	require.ErrorContains(t, err, "1 of 1 messages", "the rule invokes again")
}

func TestFirehose(t *testing.T) {
	t.Parallel()
	ingester := analyticsmock.NewMockIngester(gomock.NewController(t))
	ingester.EXPECT().Put(gomock.Any(), north, "telemetry", gomock.Len(2))

	answer, err := invoke(t, newHandler(ingester), "firehose.json")

	require.NoError(t, err)
	var response events.KinesisFirehoseResponse
	require.NoError(t, json.Unmarshal([]byte(answer), &response))
	require.Equal(t, "Dropped", response.Records[1].Result)
	require.Equal(t, "ProcessingFailed", response.Records[2].Result)
	require.Equal(t, "no JSON\n", string(response.Records[2].Data))
}

// TestTwins is the whole function with what holds data in memory in place of
// AWS's services: events come again, and each message is stored once.
func TestTwins(t *testing.T) {
	t.Parallel()
	keys := tenant.RandomCursorKeys()
	lake := lakeanalytics.New(memanalytics.NewObjects(), keys)
	definitions := analytics.NewDefinitions(memtenant.NewRepository(memtenant.New(keys), &analytics.DefinitionSchema), lake)
	for _, definition := range []string{
		`{"channelName": "telemetry"}`, `{"datastoreName": "hot"}`,
		`{"pipelineName": "heat", "pipelineActivities": [
			{"channel": {"name": "in", "channelName": "telemetry", "next": "filter"}},
			{"filter": {"name": "filter", "filter": "temperature > 50", "next": "select"}},
			{"selectAttributes": {"name": "select", "attributes": ["temperature"], "next": "out"}},
			{"datastore": {"name": "out", "datastoreName": "hot"}}]}`,
	} {
		_, err := definitions.Put(t.Context(), north, []byte(definition))
		require.NoError(t, err)
	}
	function := newHandler(analytics.NewIngest(definitions, lake))
	for range 2 {
		for _, file := range []string{"kinesis.json", "sqs.json", "rule.json", "firehose.json"} {
			_, err := invoke(t, function, file)
			require.NoError(t, err)
		}
	}
	count := func(kind analytics.TableKind, name string) int {
		page, err := lake.Rows(t.Context(), north, analytics.TableID{Kind: kind, Name: name}, analytics.RowQuery{Limit: 100})
		require.NoError(t, err)
		return len(page.Items)
	}
	require.Equal(t, 6, count(analytics.ChannelTable, "telemetry"))
	require.Equal(t, 5, count(analytics.DatastoreTable, "hot"))

	answer, err := invoke(t, newTransformer(lambdaanalytics.DefinedPipelines(definitions)), "firehose.json")
	require.NoError(t, err)
	var response events.KinesisFirehoseResponse
	require.NoError(t, json.Unmarshal([]byte(answer), &response))
	require.Equal(t, "{\"temperature\":96}\n", string(response.Records[0].Data))
	require.Equal(t, "Dropped", response.Records[1].Result)
	require.Equal(t, 6, count(analytics.ChannelTable, "telemetry"), "a transformation stores nothing")
}

// core has the shadow of one thing of one tenant.
type core struct{ err error }

func (c core) GetThingShadow(_ context.Context, input *iotdataplane.GetThingShadowInput, _ ...func(*iotdataplane.Options)) (*iotdataplane.GetThingShadowOutput, error) {
	if c.err != nil {
		return nil, c.err
	}
	if *input.ThingName != "north:press-1" {
		return nil, &types.ResourceNotFoundException{Message: aws.String("No shadow exists with name: " + *input.ThingName)}
	}
	return &iotdataplane.GetThingShadowOutput{Payload: []byte(`{"version": 3}`)}, nil
}

func TestAttackShadowOfAnotherTenant(t *testing.T) {
	t.Parallel()
	press := device.MustParseID("press-1")
	document, err := shadowsOf(core{}).ThingShadow(t.Context(), north, press)
	require.NoError(t, err)
	require.JSONEq(t, `{"version": 3}`, string(document))
	_, err = shadowsOf(core{}).ThingShadow(t.Context(), south, press)
	require.ErrorIs(t, err, iotenant.ErrNotFound)
	_, err = shadowsOf(core{errors.New("busy")}).ThingShadow(t.Context(), north, press)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}

func TestCompose(t *testing.T) {
	t.Parallel()
	environment := map[string]string{}
	env := func(name string) string { return environment[name] }
	logger := slog.New(slog.DiscardHandler)
	for _, variable := range [][2]string{
		{"TABLE", "iotenant"}, {"CURSOR_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}, {"BUCKET", "lake"},
	} {
		_, err := compose(aws.Config{Region: "eu-west-1"}, env, logger)
		require.EqualError(t, err, "environment variable "+variable[0]+" is not set")
		environment[variable[0]] = variable[1]
	}
	environment["IOT_ENDPOINT"] = "abc-ats.iot.eu-west-1.example.com"
	for mode, want := range map[string]lambda.Handler{
		"": &lambdaanalytics.Ingest{}, "forward": &lambdaanalytics.Ingest{}, "transform": &lambdaanalytics.Transformer{},
	} {
		environment["MODE"] = mode
		handler, err := compose(aws.Config{Region: "eu-west-1"}, env, logger)
		require.NoError(t, err)
		require.IsType(t, want, handler)
	}
	environment["MODE"] = "both"
	_, err := compose(aws.Config{}, env, logger)
	require.ErrorContains(t, err, "MODE")
	environment["CURSOR_KEY"] = "short"
	_, err = compose(aws.Config{}, env, logger)
	require.ErrorContains(t, err, "CURSOR_KEY")
}
