package datalake_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
	"github.com/iotenant/iotenant/examples/internal/datalake"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

const cursorKey = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

func TestOpen(t *testing.T) {
	t.Parallel()
	environment := map[string]string{}
	open := func() error {
		_, err := datalake.Open(aws.Config{Region: "eu-west-1"}, func(name string) string { return environment[name] })
		return err
	}
	for _, variable := range [][2]string{{"TABLE", "iotenant"}, {"CURSOR_KEY", cursorKey}, {"BUCKET", "lake"}} {
		require.EqualError(t, open(), "environment variable "+variable[0]+" is not set")
		environment[variable[0]] = variable[1]
	}
	require.NoError(t, open())
	for _, bad := range []string{"?", "c2hvcnQ="} {
		environment["CURSOR_KEY"] = bad
		require.ErrorContains(t, open(), "CURSOR_KEY")
	}
}

const heat = `{"pipelineName": "heat", "pipelineActivities": [
	{"channel": {"name": "in", "channelName": "telemetry", "next": "filter"}},
	{"filter": {"name": "filter", "filter": "celsius > 50", "next": "out"}},
	{"datastore": {"name": "out", "datastoreName": "hot"}}]}`

// TestAtMoto follows messages of devices through a function to DynamoDB and S3,
// twice, and reads them in another process's place.
func TestAtMoto(t *testing.T) {
	t.Parallel()
	account, ctx, north := emulator.AWS(emulator.Moto(t)), t.Context(), tenant.MustParseID("north")
	suffix := fmt.Sprint(time.Now().UnixNano())
	environment := map[string]string{"TABLE": "items-" + suffix, "BUCKET": "lake-" + suffix, "PREFIX": "lake/", "CURSOR_KEY": cursorKey}
	configure := func(o *datalake.Options) {
		o.DynamoDB = append(o.DynamoDB, func(o *dynamodb.Options) { o.DisableValidateResponseChecksum = true })
		o.S3 = append(o.S3, func(o *s3.Options) { o.UsePathStyle = true })
	}
	open := func() *datalake.Datalake {
		lake, err := datalake.Open(account, func(name string) string { return environment[name] }, configure)
		require.NoError(t, err)
		return lake
	}
	_, err := dynamodb.NewFromConfig(account).CreateTable(ctx, dynamotenant.Table(environment["TABLE"]))
	require.NoError(t, err)
	_, err = s3.NewFromConfig(account, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket:                    aws.String(environment["BUCKET"]),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(account.Region)},
	})
	require.NoError(t, err)

	lake := open()
	_, err = lake.Directory.Create(ctx, north, "North plant")
	require.NoError(t, err)
	for _, definition := range []string{`{"channelName": "telemetry"}`, `{"datastoreName": "hot"}`, heat} {
		_, err := lake.Definitions.Put(ctx, north, []byte(definition))
		require.NoError(t, err)
	}
	event, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{
		{EventSource: "aws:sqs", MessageId: "m-1", Body: `{"celsius": 96, "topic": "t/north/d/press-1/telemetry"}`},
		{EventSource: "aws:sqs", MessageId: "m-2", Body: `{"celsius": 21, "topic": "t/north/d/press-1/telemetry"}`},
		{EventSource: "aws:sqs", MessageId: "m-3", Body: `{"celsius": 99, "topic": "t/stranger/d/press-1/telemetry"}`},
	}})
	require.NoError(t, err)
	for range 2 { // it comes again, to another instance
		lake = open()
		function := lambdaanalytics.NewIngest(analytics.NewIngest(lake.Definitions, lake.Lake), func(o *lambdaanalytics.Options) { o.Gate = lake.Directory })
		answer, err := function.Invoke(ctx, event)
		require.NoError(t, err)
		require.JSONEq(t, `{"batchItemFailures": []}`, string(answer))
	}
	lake = open()
	var active []tenant.ID
	for id, err := range lake.Directory.Active(ctx) {
		require.NoError(t, err)
		active = append(active, id)
	}
	require.Equal(t, []tenant.ID{north}, active)
	for table, want := range map[analytics.TableID]int{
		{Kind: analytics.ChannelTable, Name: "telemetry"}: 2, {Kind: analytics.DatastoreTable, Name: "hot"}: 1,
	} {
		page, err := lake.Lake.Rows(ctx, north, table, analytics.RowQuery{})
		require.NoError(t, err)
		require.Len(t, page.Items, want, table.Name)
	}
}
