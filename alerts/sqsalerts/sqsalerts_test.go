package sqsalerts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/sqsalerts"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
)

const prefix = "https://sqs.eu-west-1.amazonaws.com/123456789012/"

// memorySQS keeps what is sent.
type memorySQS struct {
	mu   sync.Mutex
	sent []*sqs.SendMessageInput
	err  error
	hang bool
}

func (m *memorySQS) SendMessage(ctx context.Context, input *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if m.err != nil {
		return nil, m.err
	}
	m.sent = append(m.sent, input)
	return &sqs.SendMessageOutput{}, nil
}

func (m *memorySQS) received(id tenant.ID) (ids []string) {
	for _, sent := range m.sent {
		if *sent.QueueUrl == prefix+alerts.ResourceName(id, "boilers") {
			ids = append(ids, *sent.MessageAttributes["alertId"].StringValue)
		}
	}
	return ids
}

func (m *memorySQS) refuse(permanent bool) {
	m.err = &smithy.GenericAPIError{Code: "OverLimit"}
	if permanent {
		m.err = &smithy.GenericAPIError{Code: "InvalidMessageContents"}
	}
}

func TestSender(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(*testing.T) alertstest.Harness {
		m := &memorySQS{}
		return alertstest.Harness{
			Notifier: sqsalerts.New(m, alerts.ToOwnTargets(prefix)), Received: m.received, Refuse: m.refuse, Hang: func() { m.hang = true },
		}
	})
}

func TestSenderAtMoto(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(t *testing.T) alertstest.Harness {
		t.Helper()
		client := sqs.NewFromConfig(emulator.AWS(emulator.Moto(t)))
		urls := map[tenant.ID]string{}
		for _, id := range []tenant.ID{alertstest.TenantA, alertstest.TenantB} {
			queue, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(alerts.ResourceName(id, "boilers"))})
			require.NoError(t, err)
			urls[id] = *queue.QueueUrl
		}
		where, _, _ := strings.Cut(urls[alertstest.TenantA], alerts.ResourceName(alertstest.TenantA, "boilers"))
		return alertstest.Harness{
			Notifier: sqsalerts.New(client, alerts.ToOwnTargets(where)),
			Received: func(id tenant.ID) (ids []string) {
				for {
					output, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
						QueueUrl: aws.String(urls[id]), MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
					})
					require.NoError(t, err)
					if len(output.Messages) == 0 {
						return ids
					}
					for _, message := range output.Messages {
						ids = append(ids, *message.MessageAttributes["alertId"].StringValue)
						_, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: aws.String(urls[id]), ReceiptHandle: message.ReceiptHandle})
						require.NoError(t, err)
					}
				}
			},
		}
	})
}

func TestMessages(t *testing.T) {
	t.Parallel()
	m := &memorySQS{}
	sender := sqsalerts.New(m, func(_ context.Context, _ tenant.ID, target string) (string, error) { return target, nil })
	alert := alertstest.SampleAlert(1)
	alert.Target = prefix + "plain"
	require.NoError(t, sender.Notify(t.Context(), alertstest.TenantA, alert))
	require.Equal(t, "eyJ0ZW1wZXJhdHVyZSI6IjkzIMKwQyJ9", *m.sent[0].MessageBody, "the model says useBase64")
	require.Nil(t, m.sent[0].MessageGroupId)

	alert.Settings["useBase64"] = json.RawMessage("false")
	alert.Target, alert.Key = prefix+"all.fifo", ""
	require.NoError(t, sender.Notify(t.Context(), alertstest.TenantA, alert))
	require.NoError(t, sender.Notify(t.Context(), alertstest.TenantB, alert))
	require.Equal(t, alert.Payload, *m.sent[1].MessageBody)
	require.Equal(t, alert.ID, *m.sent[1].MessageDeduplicationId)
	require.NotContains(t, m.sent[1].MessageAttributes, "key")
	require.NotEqual(t, *m.sent[1].MessageGroupId, *m.sent[2].MessageGroupId)
}

func TestAttackQueueOfAnotherTenant(t *testing.T) {
	t.Parallel()
	m := &memorySQS{}
	alert := alertstest.SampleAlert(1)
	alert.Target = prefix + alerts.ResourceName(alertstest.TenantB, "boilers")
	err := sqsalerts.New(m, alerts.OwnTargets).Notify(t.Context(), alertstest.TenantA, alert)
	require.ErrorIs(t, err, alerts.ErrTarget)
	require.Empty(t, m.sent)
}

func ExampleNew() {
	client := &memorySQS{} // sqs.NewFromConfig(config), in a program
	sender := sqsalerts.New(client, alerts.ToOwnTargets("https://sqs.eu-west-1.amazonaws.com/123456789012/"))
	err := sender.Notify(context.Background(), tenant.MustParseID("acme"), alertstest.SampleAlert(1))
	fmt.Println(*client.sent[0].QueueUrl, err)
	// Output: https://sqs.eu-west-1.amazonaws.com/123456789012/acme_boilers <nil>
}
