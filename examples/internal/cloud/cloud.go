// Package cloud puts the runtime of alerts together from AWS's services, for
// the Lambdas that evaluate messages and fire timers. It calls nothing.
//
// Its environment:
//
//	TABLE          the DynamoDB table of the system, as dynamotenant.Table describes it
//	CURSOR_KEY     at least 32 random bytes in base64, which seal page cursors
//	ACCOUNT        the account whose topics, queues, functions, streams and
//	               tables the actions of models name
//	SWEEP_FUNCTION the ARN of timer-sweep, which schedules wake
//	SWEEP_ROLE     the role with which EventBridge Scheduler invokes it
//	NOTIFY_QUEUE   the URL of the queue that notify reads; for the
//	               notifications of alarms and the summaries of storms
//	IOT_ENDPOINT   the account's endpoint of IoT Core (iot:Data-ATS), for actions
//	               on MQTT topics; optional, without it they die
//	ACTION_LIMIT   actions of a tenant that are delivered in a minute; optional
//
// A model of a tenant acts on that tenant's resources only: the topic alarms of
// tenant acme is acme_alarms here, whatever account the model names.
package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/iotdataplane"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/alerts/dynamoalerts"
	"github.com/iotenant/iotenant/alerts/firehosealerts"
	"github.com/iotenant/iotenant/alerts/invokealerts"
	"github.com/iotenant/iotenant/alerts/iotalerts"
	"github.com/iotenant/iotenant/alerts/memalerts"
	"github.com/iotenant/iotenant/alerts/scheduleralerts"
	"github.com/iotenant/iotenant/alerts/snsalerts"
	"github.com/iotenant/iotenant/alerts/sqsalerts"
	"github.com/iotenant/iotenant/examples/internal/environment"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// NewRuntime returns the runtime that the environment describes, and the
// directory of its tenants.
func NewRuntime(account aws.Config, env environment.Environment, logger *slog.Logger, optFns ...func(*dynamodb.Options)) (*alerts.Runtime, *tenant.Directory, error) {
	if err := env.Need("ACCOUNT", "SWEEP_FUNCTION", "SWEEP_ROLE", "NOTIFY_QUEUE"); err != nil {
		return nil, nil, err
	}
	limit, err := actionLimit(env)
	if err != nil {
		return nil, nil, err
	}
	store, err := env.OpenStore(account, optFns...)
	if err != nil {
		return nil, nil, err
	}
	detectors := dynamotenant.NewRepository(store, &alerts.DetectorSchema)
	models := alerts.NewModels(dynamotenant.NewRepository(store, &alerts.ModelSchema), detectors, func(o *alerts.ModelsOptions) { o.Logger = logger })
	target := scheduleralerts.Target{ARN: env("SWEEP_FUNCTION"), RoleARN: env("SWEEP_ROLE")}
	runtime := alerts.NewRuntime(models, detectors, dynamotenant.NewRepository(store, &alerts.AlertSchema), nobody, func(o *alerts.Options) {
		o.Notifiers = notifiers(account, env)
		o.Waker = scheduleralerts.New(scheduler.NewFromConfig(account), target)
		o.ActionLimit = func(tenant.ID) int { return limit }
		o.Budgets = dynamotenant.NewRepository(store, &alerts.ActionBudgetSchema)
		o.Shelves = alerts.NewShelves(dynamotenant.NewRepository(store, &alerts.ShelfSchema))
		o.Logger = logger
	})
	return runtime, tenant.NewDirectory(dynamotenant.NewRepository(store, &tenant.TenantSchema)), nil
}

func actionLimit(env environment.Environment) (int, error) {
	if env("ACTION_LIMIT") == "" {
		return 0, nil
	}
	limit, err := strconv.Atoi(env("ACTION_LIMIT"))
	if err != nil || limit < 1 {
		return 0, fmt.Errorf("ACTION_LIMIT: want a number above 0, not %q", env("ACTION_LIMIT"))
	}
	return limit, nil
}

// nobody refuses the actions for which there is no service.
var nobody = alerts.NotifierFunc(func(_ context.Context, _ tenant.ID, alert alerts.Alert) error {
	return fmt.Errorf("no notifier for actions of kind %s: %w", alert.Kind, iotenant.ErrUnsupported)
})

// notifiers are those of each kind of action. Each knows its resources by
// another part of their names.
func notifiers(account aws.Config, env environment.Environment) map[detector.ActionKind]alerts.Notifier {
	arn := func(service, resource string) alerts.Targets {
		return alerts.ToOwnTargets(fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, account.Region, env("ACCOUNT"), resource))
	}
	queues := fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/", account.Region, env("ACCOUNT"))
	sqsClient, tables := sqs.NewFromConfig(account), dynamoalerts.New(dynamodb.NewFromConfig(account), alerts.ToOwnTargets(""))
	toNotify := Enqueue(sqsalerts.New(sqsClient, alerts.ToOneTarget(env("NOTIFY_QUEUE"))))
	all := map[detector.ActionKind]alerts.Notifier{
		detector.ActionSNS:          snsalerts.NewPublisher(sns.NewFromConfig(account), arn("sns", "")),
		detector.ActionSQS:          sqsalerts.New(sqsClient, alerts.ToOwnTargets(queues)),
		detector.ActionLambda:       invokealerts.New(lambda.NewFromConfig(account), arn("lambda", "function:")),
		detector.ActionFirehose:     firehosealerts.New(firehose.NewFromConfig(account), alerts.ToOwnTargets("")),
		detector.ActionDynamoDB:     tables,
		detector.ActionDynamoDBv2:   tables,
		detector.ActionNotification: toNotify,
		alerts.KindStorm:            toNotify,
	}
	if endpoint := env("IOT_ENDPOINT"); endpoint != "" {
		core := iotdataplane.NewFromConfig(account, func(o *iotdataplane.Options) { o.BaseEndpoint = aws.String("https://" + endpoint) })
		all[detector.ActionIoTTopic] = alerts.ToTopics(iotalerts.New(core))
	}
	return all
}

// Enqueue gives a sender the whole of an alert, as a memalerts.Event, in place
// of its payload.
func Enqueue(sender alerts.Notifier) alerts.Notifier {
	return alerts.NotifierFunc(func(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
		event, err := json.Marshal(memalerts.Event{Tenant: id, Alert: alert})
		if err != nil {
			return fmt.Errorf("encode alert: %w", err)
		}
		alert.Payload, alert.PayloadType, alert.Settings = string(event), detector.PayloadJSON, nil
		return sender.Notify(ctx, id, alert)
	})
}
