package snsalerts

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/internal/outcome"
	"github.com/iotenant/iotenant/tenant"
)

// TopicsAPI is what [Topics] calls; *sns.Client is one. The least policy for
// it:
//
//	{"Effect": "Allow", "Resource": "arn:aws:sns:REGION:ACCOUNT:*", "Action": [
//	  "sns:CreateTopic", "sns:DeleteTopic", "sns:TagResource", "sns:Subscribe",
//	  "sns:ConfirmSubscription", "sns:ListSubscriptionsByTopic", "sns:Unsubscribe"]}
type TopicsAPI interface {
	CreateTopic(ctx context.Context, input *sns.CreateTopicInput, optFns ...func(*sns.Options)) (*sns.CreateTopicOutput, error)
	DeleteTopic(ctx context.Context, input *sns.DeleteTopicInput, optFns ...func(*sns.Options)) (*sns.DeleteTopicOutput, error)
	Subscribe(ctx context.Context, input *sns.SubscribeInput, optFns ...func(*sns.Options)) (*sns.SubscribeOutput, error)
	ConfirmSubscription(ctx context.Context, input *sns.ConfirmSubscriptionInput, optFns ...func(*sns.Options)) (*sns.ConfirmSubscriptionOutput, error)
	ListSubscriptionsByTopic(ctx context.Context, input *sns.ListSubscriptionsByTopicInput, optFns ...func(*sns.Options)) (*sns.ListSubscriptionsByTopicOutput, error)
	Unsubscribe(ctx context.Context, input *sns.UnsubscribeInput, optFns ...func(*sns.Options)) (*sns.UnsubscribeOutput, error)
}

// ErrTopic: a topic's name, an endpoint or a protocol is not one.
var ErrTopic = fmt.Errorf("snsalerts: %w topic", iotenant.ErrInvalid)

// ErrNoSubscription: the tenant's topic has no such subscription.
var ErrNoSubscription = fmt.Errorf("snsalerts: subscription %w", iotenant.ErrNotFound)

// tenantTag is the tag that names the tenant of a topic.
const tenantTag = "TenantID"

// Topics keeps a topic for each tenant and name: the topics that
// alerts.ToOwnTargets names. No call reaches a topic of another tenant.
type Topics struct {
	api    TopicsAPI
	prefix string
}

// NewTopics returns the topics below a prefix, "arn:aws:sns:REGION:ACCOUNT:".
func NewTopics(api TopicsAPI, prefix string) *Topics { return &Topics{api: api, prefix: prefix} }

// Subscription is where a topic's messages go.
type Subscription struct {
	// ARN is "PendingConfirmation" until the endpoint has confirmed.
	ARN string `json:"arn"`
	// Protocol is one of email, email-json, sms, https, sqs, lambda, firehose,
	// Endpoint what it takes.
	Protocol string `json:"protocol"`
	Endpoint string `json:"endpoint"`
}

// Pending reports whether the endpoint has yet to confirm.
func (s Subscription) Pending() bool { return !strings.HasPrefix(s.ARN, "arn:") }

var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}(\.fifo)?$`)

// ARN returns the ARN of a tenant's topic. The error is tenant.ErrID or
// [ErrTopic].
func (t *Topics) ARN(id tenant.ID, name string) (string, error) {
	if err := id.Check(); err != nil {
		return "", err
	}
	if !topicName.MatchString(name) {
		return "", fmt.Errorf("%w: name: want 1 to 200 of a-z, A-Z, 0-9, '_', '-'", ErrTopic)
	}
	return t.prefix + alerts.ResourceName(id, name), nil
}

// Create creates a topic, a FIFO topic if its name ends with ".fifo", tagged
// with its tenant, and returns its ARN. One that is there already stays.
// Errors: those of ARN, kind iotenant.ErrUnavailable.
func (t *Topics) Create(ctx context.Context, id tenant.ID, name string) (string, error) {
	arn, err := t.ARN(id, name)
	if err != nil {
		return "", err
	}
	input := &sns.CreateTopicInput{
		Name: aws.String(alerts.ResourceName(id, name)),
		Tags: []types.Tag{{Key: aws.String(tenantTag), Value: aws.String(id.String())}},
	}
	if strings.HasSuffix(name, ".fifo") {
		input.Attributes = map[string]string{"FifoTopic": "true"}
	}
	output, err := t.api.CreateTopic(ctx, input)
	if err != nil {
		return "", topicError(err)
	}
	if created := aws.ToString(output.TopicArn); created != arn {
		return "", fmt.Errorf("%w: it was created as %s: the prefix is of another account or Region", ErrTopic, created)
	}
	return arn, nil
}

// Delete deletes a topic with its subscriptions. One that is not there is no
// error. Errors: those of Create.
func (t *Topics) Delete(ctx context.Context, id tenant.ID, name string) error {
	arn, err := t.ARN(id, name)
	if err != nil {
		return err
	}
	_, err = t.api.DeleteTopic(ctx, &sns.DeleteTopicInput{TopicArn: &arn})
	return topicError(err)
}

// Filter selects messages by their attributes: for each name, one of its
// values. See the package's documentation for the attributes.
type Filter map[string][]string

// Subscribe adds a subscription. For email, email-json, sms and https the
// endpoint gets a token, which confirms it within two days: see Confirm.
// Errors: those of Create; [ErrTopic] for an endpoint that SNS refuses.
func (t *Topics) Subscribe(ctx context.Context, id tenant.ID, name, protocol, endpoint string, filter Filter) (Subscription, error) {
	arn, err := t.ARN(id, name)
	if err != nil {
		return Subscription{}, err
	}
	input := &sns.SubscribeInput{TopicArn: &arn, Protocol: &protocol, Endpoint: &endpoint}
	if len(filter) > 0 {
		policy, err := json.Marshal(filter)
		if err != nil {
			return Subscription{}, fmt.Errorf("%w: filter: %w", ErrTopic, err)
		}
		input.Attributes = map[string]string{"FilterPolicy": string(policy)}
	}
	output, err := t.api.Subscribe(ctx, input)
	if err != nil {
		return Subscription{}, topicError(err)
	}
	return Subscription{ARN: aws.ToString(output.SubscriptionArn), Protocol: protocol, Endpoint: endpoint}, nil
}

// Confirm confirms a subscription with the token that its endpoint got.
// Errors: those of Create; [ErrTopic] for a token that SNS refuses.
func (t *Topics) Confirm(ctx context.Context, id tenant.ID, name, token string) error {
	arn, err := t.ARN(id, name)
	if err != nil {
		return err
	}
	_, err = t.api.ConfirmSubscription(ctx, &sns.ConfirmSubscriptionInput{TopicArn: &arn, Token: &token})
	return topicError(err)
}

// Subscriptions returns the subscriptions of a topic. It ends after the first
// error: those of Create.
func (t *Topics) Subscriptions(ctx context.Context, id tenant.ID, name string) iter.Seq2[Subscription, error] {
	return func(yield func(Subscription, error) bool) {
		arn, err := t.ARN(id, name)
		if err != nil {
			yield(Subscription{}, err)
			return
		}
		pages := sns.NewListSubscriptionsByTopicPaginator(t.api, &sns.ListSubscriptionsByTopicInput{TopicArn: &arn})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Subscription{}, topicError(err))
				return
			}
			for _, s := range page.Subscriptions {
				found := Subscription{ARN: aws.ToString(s.SubscriptionArn), Protocol: aws.ToString(s.Protocol), Endpoint: aws.ToString(s.Endpoint)}
				if !yield(found, nil) {
					return
				}
			}
		}
	}
}

// Unsubscribe removes a subscription of a topic. One of another topic is
// [ErrNoSubscription]. Errors: also those of Create.
func (t *Topics) Unsubscribe(ctx context.Context, id tenant.ID, name, subscriptionARN string) error {
	arn, err := t.ARN(id, name)
	if err != nil {
		return err
	}
	// The ARN of a subscription is that of its topic and an id.
	if own, found := strings.CutPrefix(subscriptionARN, arn+":"); !found || own == "" || strings.Contains(own, ":") {
		return ErrNoSubscription
	}
	_, err = t.api.Unsubscribe(ctx, &sns.UnsubscribeInput{SubscriptionArn: &subscriptionARN})
	return topicError(err)
}

func topicError(err error) error {
	if outcome.IsRefusal(outcome.Code(err)) {
		return fmt.Errorf("%w: %w", ErrTopic, err)
	}
	return outcome.Of(err)
}
