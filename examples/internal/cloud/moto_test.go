package cloud_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/lambdaalerts"
	"github.com/iotenant/iotenant/alerts/memalerts"
	"github.com/iotenant/iotenant/examples/internal/cloud"
	"github.com/iotenant/iotenant/examples/internal/environment"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

const alarm = `{
	"alarmModelName": "oil-pressure", "key": "thing", "roleArn": "arn:aws:iam::999999999999:role/alarm",
	"alarmRule": {"simpleRule": {"inputProperty": "$input.oil.pressure", "comparisonOperator": "LESS", "threshold": "2"}},
	"alarmEventActions": {"alarmActions": [{"sns": {"targetArn": "arn:aws:sns:us-east-1:999999999999:alarms"}}]},
	"alarmNotification": {"notificationActions": [{
		"action": {"lambdaAction": {"functionArn": "arn:aws:lambda:us-east-1:999999999999:function:mail"}},
		"emailConfigurations": [{"from": "a@example.com", "recipients": {"to": [{"ssoIdentity": {"identityStoreId": "d-1", "userId": "ann"}}]}}]
	}]},
	"alarmCapabilities": {"initializationConfiguration": {"disabledOnInitialization": false}}
}`

// TestAtMoto follows a message of a device through the runtime to the topic of
// its tenant, the queue of notify and a schedule.
func TestAtMoto(t *testing.T) {
	t.Parallel()
	account, ctx, north := emulator.AWS(emulator.Moto(t)), t.Context(), tenant.MustParseID("north")
	unchecked := func(o *dynamodb.Options) { o.DisableValidateResponseChecksum = true }
	suffix := fmt.Sprint(time.Now().UnixNano())
	table := "items-" + suffix
	_, err := dynamodb.NewFromConfig(account, unchecked).CreateTable(ctx, dynamotenant.Table(table))
	require.NoError(t, err)
	queues := sqs.NewFromConfig(account)
	queue := func(name string) string {
		created, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name + suffix)})
		require.NoError(t, err)
		return *created.QueueUrl
	}
	notify, subscribed := queue("notify"), queue("subscribed")
	topics := sns.NewFromConfig(account)
	topic, err := topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String(alerts.ResourceName(north, "alarms"))})
	require.NoError(t, err)
	_, err = topics.Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sqs:eu-west-1:123456789012:subscribed" + suffix),
	})
	require.NoError(t, err)

	variables := map[string]string{
		"ACCOUNT": "123456789012", "SWEEP_FUNCTION": "arn:aws:lambda:eu-west-1:123456789012:function:timer-sweep",
		"SWEEP_ROLE": "arn:aws:iam::123456789012:role/sweep", "NOTIFY_QUEUE": notify, "TABLE": table,
		"CURSOR_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "ACTION_LIMIT": "600",
	}
	env := environment.Environment(func(name string) string { return variables[name] })
	runtime, directory, err := cloud.NewRuntime(account, env, slog.New(slog.DiscardHandler), unchecked)
	require.NoError(t, err)
	_, err = directory.Create(ctx, north, "North plant")
	require.NoError(t, err)
	store, err := env.OpenStore(account, unchecked)
	require.NoError(t, err)
	models := alerts.NewModels(dynamotenant.NewRepository(store, &alerts.ModelSchema), dynamotenant.NewRepository(store, &alerts.DetectorSchema))
	_, err = models.Put(ctx, north, []byte(alarm))
	require.NoError(t, err)

	event, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{{
		EventSource: "aws:sqs", MessageId: "m-1", Body: `{"pressure": 1.5, "topic": "t/north/d/press-1/telemetry/oil", "thing": "press-1"}`,
	}}})
	require.NoError(t, err)
	for range 2 { // it comes again
		answer, err := lambdaalerts.NewIngest(runtime).Invoke(ctx, event)
		require.NoError(t, err)
		require.JSONEq(t, `{"batchItemFailures": null}`, string(answer))
	}

	receive := func(url string) []string {
		output, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		require.NoError(t, err)
		var bodies []string
		for _, message := range output.Messages {
			bodies = append(bodies, *message.Body)
		}
		return bodies
	}
	published := receive(subscribed)
	require.Len(t, published, 1)
	require.Contains(t, published[0], `oil-pressure`)
	notifications := receive(notify)
	require.Len(t, notifications, 1)
	var told memalerts.Event
	require.NoError(t, json.Unmarshal([]byte(notifications[0]), &told))
	require.Equal(t, north, told.Tenant)
	require.Equal(t, "ann", told.Alert.Notification.Emails[0].To[0].UserID)

	schedules, err := scheduler.NewFromConfig(account).ListSchedules(ctx, &scheduler.ListSchedulesInput{NamePrefix: aws.String("north_")})
	require.NoError(t, err)
	require.NotEmpty(t, schedules.Schedules, "what is due is not left to the regular sweep")
}
