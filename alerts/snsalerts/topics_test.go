package snsalerts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/snsalerts"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
)

// topicsAPI notes what is called, and answers as told.
type topicsAPI struct {
	calls []string
	err   error
	arn   string
	pages int
}

func (a *topicsAPI) call(name, argument string) error {
	a.calls = append(a.calls, name+" "+argument)
	return a.err
}

func (a *topicsAPI) CreateTopic(_ context.Context, in *sns.CreateTopicInput, _ ...func(*sns.Options)) (*sns.CreateTopicOutput, error) {
	arn := a.arn + *in.Name
	return &sns.CreateTopicOutput{TopicArn: &arn}, a.call("create", fmt.Sprint(*in.Name, " ", *in.Tags[0].Key, "=", *in.Tags[0].Value, " ", in.Attributes))
}

func (a *topicsAPI) DeleteTopic(_ context.Context, in *sns.DeleteTopicInput, _ ...func(*sns.Options)) (*sns.DeleteTopicOutput, error) {
	return &sns.DeleteTopicOutput{}, a.call("delete", *in.TopicArn)
}

func (a *topicsAPI) Subscribe(_ context.Context, in *sns.SubscribeInput, _ ...func(*sns.Options)) (*sns.SubscribeOutput, error) {
	return &sns.SubscribeOutput{SubscriptionArn: aws.String("pending confirmation")}, a.call("subscribe", fmt.Sprint(*in.TopicArn, " ", in.Attributes))
}

func (a *topicsAPI) ConfirmSubscription(_ context.Context, in *sns.ConfirmSubscriptionInput, _ ...func(*sns.Options)) (*sns.ConfirmSubscriptionOutput, error) {
	return &sns.ConfirmSubscriptionOutput{}, a.call("confirm", *in.TopicArn+" "+*in.Token)
}

func (a *topicsAPI) ListSubscriptionsByTopic(_ context.Context, in *sns.ListSubscriptionsByTopicInput, _ ...func(*sns.Options)) (*sns.ListSubscriptionsByTopicOutput, error) {
	output := &sns.ListSubscriptionsByTopicOutput{Subscriptions: []types.Subscription{
		{SubscriptionArn: aws.String("PendingConfirmation"), Protocol: aws.String("email"), Endpoint: aws.String("a@example.com")},
		{SubscriptionArn: aws.String(*in.TopicArn + ":1"), Protocol: aws.String("sqs"), Endpoint: aws.String("q")},
	}}
	if a.pages--; a.pages > 0 {
		output.NextToken = aws.String("next")
	}
	return output, a.call("list", *in.TopicArn)
}

func (a *topicsAPI) Unsubscribe(_ context.Context, in *sns.UnsubscribeInput, _ ...func(*sns.Options)) (*sns.UnsubscribeOutput, error) {
	return &sns.UnsubscribeOutput{}, a.call("unsubscribe", *in.SubscriptionArn)
}

func TestTopics(t *testing.T) {
	t.Parallel()
	api := &topicsAPI{arn: prefix, pages: 2}
	topics, ctx, acme := snsalerts.NewTopics(api, prefix), t.Context(), tenant.MustParseID("acme")
	arn, err := topics.Create(ctx, acme, "alarms")
	require.NoError(t, err)
	require.Equal(t, prefix+"acme_alarms", arn)
	_, err = topics.Create(ctx, acme, "alarms.fifo")
	require.NoError(t, err)
	subscription, err := topics.Subscribe(ctx, acme, "alarms", "email", "a@example.com", snsalerts.Filter{"model": {"boiler"}})
	require.NoError(t, err)
	require.True(t, subscription.Pending())
	require.NoError(t, topics.Confirm(ctx, acme, "alarms", "token"))
	var listed []snsalerts.Subscription
	for s, err := range topics.Subscriptions(ctx, acme, "alarms") {
		require.NoError(t, err)
		listed = append(listed, s)
	}
	require.Len(t, listed, 4, "of two pages")
	require.True(t, listed[0].Pending())
	require.False(t, listed[1].Pending())
	require.NoError(t, topics.Unsubscribe(ctx, acme, "alarms", listed[1].ARN))
	require.NoError(t, topics.Delete(ctx, acme, "alarms"))
	require.Equal(t, []string{
		"create acme_alarms TenantID=acme map[]",
		"create acme_alarms.fifo TenantID=acme map[FifoTopic:true]",
		`subscribe ` + arn + ` map[FilterPolicy:{"model":["boiler"]}]`,
		"confirm " + arn + " token",
		"list " + arn, "list " + arn,
		"unsubscribe " + arn + ":1",
		"delete " + arn,
	}, api.calls)
	for _, err := range topics.Subscriptions(ctx, acme, "alarms") {
		require.NoError(t, err)
		break // ends early without harm
	}

	api.arn = "arn:aws:sns:us-east-1:123456789012:"
	_, err = topics.Create(ctx, acme, "alarms")
	require.ErrorContains(t, err, "another account or Region")
}

func TestTopicErrors(t *testing.T) {
	t.Parallel()
	acme := tenant.MustParseID("acme")
	for code, kind := range map[string]error{"InvalidParameter": snsalerts.ErrTopic, "InternalError": iotenant.ErrUnavailable} {
		topics, ctx := snsalerts.NewTopics(&topicsAPI{err: apiError(code)}, prefix), t.Context()
		_, created := topics.Create(ctx, acme, "alarms")
		_, subscribed := topics.Subscribe(ctx, acme, "alarms", "email", "x", nil)
		var listed error
		for _, err := range topics.Subscriptions(ctx, acme, "alarms") {
			listed = errors.Join(listed, err)
		}
		for _, err := range []error{
			created, subscribed, listed, topics.Confirm(ctx, acme, "alarms", "t"), topics.Delete(ctx, acme, "alarms"),
			topics.Unsubscribe(ctx, acme, "alarms", prefix+"acme_alarms:1"),
		} {
			require.ErrorIs(t, err, kind)
		}
	}
}

func TestAttackTopics(t *testing.T) {
	t.Parallel()
	api := &topicsAPI{arn: prefix}
	topics, ctx, acme := snsalerts.NewTopics(api, prefix), t.Context(), tenant.MustParseID("acme")
	for _, name := range []string{"", "a:b", "a/b", "a b", "../other_alarms", "a.fifo.fifo", "ü"} {
		_, err := topics.Create(ctx, acme, name)
		require.ErrorIs(t, err, snsalerts.ErrTopic, name)
	}
	_, err := topics.Create(ctx, tenant.ID{}, "alarms")
	require.ErrorIs(t, err, tenant.ErrID)
	for _, arn := range []string{
		prefix + "other_alarms:1", prefix + "acme_alarms", prefix + "acme_alarms:", prefix + "acme_alarms:1:2", prefix + "acme_alarms2:1", "",
	} {
		require.ErrorIs(t, topics.Unsubscribe(ctx, acme, "alarms", arn), snsalerts.ErrNoSubscription, arn)
	}
	require.Empty(t, api.calls)
}

func TestTopicsAtMoto(t *testing.T) {
	t.Parallel()
	client := sns.NewFromConfig(emulator.AWS(emulator.Moto(t)))
	topics, ctx := snsalerts.NewTopics(client, prefix), t.Context()
	a, b := alertstest.TenantA, alertstest.TenantB
	for _, id := range []tenant.ID{a, b} {
		_, err := topics.Create(ctx, id, "kept")
		require.NoError(t, err)
		_, err = topics.Create(ctx, id, "kept") // again
		require.NoError(t, err)
		_, err = topics.Subscribe(ctx, id, "kept", "email", id.String()+"@example.com", nil)
		require.NoError(t, err)
	}
	list := func(id tenant.ID) (found []snsalerts.Subscription) {
		for s, err := range topics.Subscriptions(ctx, id, "kept") {
			require.NoError(t, err)
			found = append(found, s)
		}
		return found
	}
	require.Len(t, list(a), 1)
	require.Equal(t, "tenant-a@example.com", list(a)[0].Endpoint)
	require.ErrorIs(t, topics.Unsubscribe(ctx, b, "kept", list(a)[0].ARN), snsalerts.ErrNoSubscription)
	require.NoError(t, topics.Unsubscribe(ctx, a, "kept", list(a)[0].ARN))
	require.Empty(t, list(a))
	require.Len(t, list(b), 1)
	tags, err := client.ListTagsForResource(ctx, &sns.ListTagsForResourceInput{ResourceArn: aws.String(prefix + alerts.ResourceName(b, "kept"))})
	require.NoError(t, err)
	require.Equal(t, "tenant-b", *tags.Tags[0].Value)
	require.NoError(t, topics.Delete(ctx, a, "kept"))
	require.NoError(t, topics.Delete(ctx, a, "kept"))
}

func ExampleNewTopics() {
	client := &topicsAPI{arn: "arn:aws:sns:eu-west-1:123456789012:"} // sns.NewFromConfig(config), in a program
	topics := snsalerts.NewTopics(client, "arn:aws:sns:eu-west-1:123456789012:")
	arn, err := topics.Create(context.Background(), tenant.MustParseID("acme"), "alarms")
	fmt.Println(arn, err)
	// Output: arn:aws:sns:eu-west-1:123456789012:acme_alarms <nil>
}
