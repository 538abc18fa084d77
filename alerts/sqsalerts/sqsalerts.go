// Package sqsalerts acts on Amazon SQS: it sends the sqs actions of models to
// queues.
//
// The body is the alert's payload, in Base64 if the model says useBase64. The
// message attributes are tenant, model, event, state, alertId, and key unless
// the model has none. To a FIFO queue, whose URL ends with ".fifo", messages of
// a detector go as a group, and the alert's id removes duplicates within five
// minutes.
package sqsalerts

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/internal/envelope"
	"github.com/iotenant/iotenant/alerts/internal/outcome"
	"github.com/iotenant/iotenant/tenant"
)

// API is what [Sender] calls; *sqs.Client is one. The least policy for it:
//
//	{"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": "arn:aws:sqs:REGION:ACCOUNT:*"}
type API interface {
	SendMessage(ctx context.Context, input *sqs.SendMessageInput, optFns ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// ErrRefused: SQS refuses a message, for its size or characters.
var ErrRefused = fmt.Errorf("sqsalerts: refused by SQS: %w", iotenant.ErrInvalid)

// Sender is an alerts.Notifier for sqs actions.
type Sender struct {
	api     API
	targets alerts.Targets
}

var _ alerts.Notifier = (*Sender)(nil)

// New returns a notifier that sends to the queues that targets gives, by URL.
func New(api API, targets alerts.Targets) *Sender { return &Sender{api: api, targets: targets} }

// Notify implements [alerts.Notifier]. Errors: tenant.ErrID, those of targets,
// [ErrRefused], kind iotenant.ErrUnavailable.
func (s *Sender) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	if err := id.Check(); err != nil {
		return err
	}
	queue, err := s.targets(ctx, id, alert.Target)
	if err != nil {
		return err
	}
	input := &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: aws.String(body(&alert)), MessageAttributes: attributes(id, &alert)}
	if envelope.IsFIFO(queue) {
		input.MessageGroupId, input.MessageDeduplicationId = aws.String(envelope.Group(id, &alert)), &alert.ID
	}
	_, err = s.api.SendMessage(ctx, input)
	return outcome.Judge(err, ErrRefused, "InvalidMessageContents", "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation")
}

func body(alert *alerts.Alert) string {
	if string(alert.Settings["useBase64"]) == "true" {
		return base64.StdEncoding.EncodeToString([]byte(alert.Payload))
	}
	return alert.Payload
}

func attributes(id tenant.ID, alert *alerts.Alert) map[string]types.MessageAttributeValue {
	all := map[string]types.MessageAttributeValue{}
	for name, value := range envelope.Attributes(id, alert) {
		all[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	return all
}
