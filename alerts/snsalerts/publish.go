package snsalerts

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/internal/envelope"
	"github.com/iotenant/iotenant/alerts/internal/outcome"
	"github.com/iotenant/iotenant/tenant"
)

// PublishAPI is what [Publisher] and [Texter] call; *sns.Client is one. The
// least policy for it, per topic and, for SMS, for all numbers:
//
//	{"Effect": "Allow", "Action": ["sns:Publish"],
//	 "Resource": ["arn:aws:sns:REGION:ACCOUNT:*", "*"]}
//
// sns:Publish allows PublishBatch too.
type PublishAPI interface {
	Publish(ctx context.Context, input *sns.PublishInput, optFns ...func(*sns.Options)) (*sns.PublishOutput, error)
	PublishBatch(ctx context.Context, input *sns.PublishBatchInput, optFns ...func(*sns.Options)) (*sns.PublishBatchOutput, error)
}

// ErrRefused: SNS refuses a message, for its size for example, or a topic's
// name.
var ErrRefused = fmt.Errorf("snsalerts: refused by SNS: %w", iotenant.ErrInvalid)

// maxBatch is the limit of PublishBatch.
const maxBatch = 10

// Publisher is an alerts.Notifier for sns actions: it publishes to the topic
// that targets gives.
type Publisher struct {
	api     PublishAPI
	targets alerts.Targets
}

var _ alerts.Notifier = (*Publisher)(nil)

// NewPublisher returns a notifier that publishes to topics.
func NewPublisher(api PublishAPI, targets alerts.Targets) *Publisher {
	return &Publisher{api: api, targets: targets}
}

// Notify implements [alerts.Notifier]. Errors: tenant.ErrID, those of targets,
// [ErrRefused], kind iotenant.ErrUnavailable.
func (p *Publisher) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	if err := id.Check(); err != nil {
		return err
	}
	topic, err := p.targets(ctx, id, alert.Target)
	if err != nil {
		return err
	}
	group, duplicate := fifo(topic, id, &alert)
	_, err = p.api.Publish(ctx, &sns.PublishInput{
		TopicArn: &topic, Message: &alert.Payload, MessageAttributes: attributes(id, &alert),
		MessageGroupId: group, MessageDeduplicationId: duplicate,
	})
	return publishError(err)
}

// NotifyBatch publishes several alerts of a tenant, ten in a call where they
// go to the same topic. It returns an error for each alert, in their order,
// nil for those that SNS has. Errors: those of Notify.
func (p *Publisher) NotifyBatch(ctx context.Context, id tenant.ID, batch []alerts.Alert) []error {
	errs := make([]error, len(batch))
	places := map[string][]int{} // by topic
	var topics []string
	for i := range batch {
		err := id.Check()
		var topic string
		if err == nil {
			topic, err = p.targets(ctx, id, batch[i].Target)
		}
		if errs[i] = err; err != nil {
			continue
		}
		if places[topic] == nil {
			topics = append(topics, topic)
		}
		places[topic] = append(places[topic], i)
	}
	for _, topic := range topics {
		for some := range chunks(places[topic], maxBatch) {
			p.publishBatch(ctx, id, topic, batch, some, errs)
		}
	}
	return errs
}

// chunks yields parts of a list of at most size elements.
func chunks(list []int, size int) func(func([]int) bool) {
	return func(yield func([]int) bool) {
		for len(list) > 0 {
			n := min(size, len(list))
			if !yield(list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}

func (p *Publisher) publishBatch(ctx context.Context, id tenant.ID, topic string, batch []alerts.Alert, places []int, errs []error) {
	input := &sns.PublishBatchInput{TopicArn: &topic}
	for n, place := range places {
		alert := &batch[place]
		group, duplicate := fifo(topic, id, alert)
		input.PublishBatchRequestEntries = append(input.PublishBatchRequestEntries, types.PublishBatchRequestEntry{
			Id: aws.String(strconv.Itoa(n)), Message: &alert.Payload, MessageAttributes: attributes(id, alert),
			MessageGroupId: group, MessageDeduplicationId: duplicate,
		})
	}
	output, err := p.api.PublishBatch(ctx, input)
	switch {
	case outcome.Code(err) == "BatchRequestTooLong":
		for _, place := range places {
			errs[place] = p.Notify(ctx, id, batch[place])
		}
	case err != nil:
		for _, place := range places {
			errs[place] = publishError(err)
		}
	default:
		// An entry that SNS does not mention has not been published.
		for _, place := range places {
			errs[place] = fmt.Errorf("snsalerts: no answer from SNS: %w", iotenant.ErrUnavailable)
		}
		settle(output, places, errs)
	}
}

// settle notes what became of each entry: a call that succeeds says so of each.
func settle(output *sns.PublishBatchOutput, places []int, errs []error) {
	place := func(id *string) (int, bool) {
		n, err := strconv.Atoi(aws.ToString(id))
		if err != nil || n < 0 || n >= len(places) {
			return 0, false
		}
		return places[n], true
	}
	for _, done := range output.Successful {
		if i, ok := place(done.Id); ok {
			errs[i] = nil
		}
	}
	for _, failed := range output.Failed {
		i, ok := place(failed.Id)
		if !ok {
			continue
		}
		kind := iotenant.ErrUnavailable
		if failed.SenderFault && outcome.IsRefusal(aws.ToString(failed.Code)) {
			kind = ErrRefused
		}
		errs[i] = fmt.Errorf("%w: %s: %s", kind, aws.ToString(failed.Code), aws.ToString(failed.Message))
	}
}

func publishError(err error) error { return outcome.Judge(err, ErrRefused) }

// attributes are what subscriptions can filter by.
func attributes(id tenant.ID, alert *alerts.Alert) map[string]types.MessageAttributeValue {
	all := map[string]types.MessageAttributeValue{}
	for name, value := range envelope.Attributes(id, alert) {
		all[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	return all
}

// fifo returns group and duplicate id for a FIFO topic, nil for another.
func fifo(topic string, id tenant.ID, alert *alerts.Alert) (group, duplicate *string) {
	if !envelope.IsFIFO(topic) {
		return nil, nil
	}
	return aws.String(envelope.Group(id, alert)), &alert.ID
}
