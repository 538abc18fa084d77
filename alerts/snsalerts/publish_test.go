package snsalerts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/snsalerts"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
)

const prefix = "arn:aws:sns:eu-west-1:123456789012:"

// memorySNS keeps what is published.
type memorySNS struct {
	mu        sync.Mutex
	published []published
	calls     int
	err       error // of every call
	failed    map[string]types.BatchResultErrorEntry
	forgotten map[string]bool // entries that the answer leaves out
	hang      bool
}

// published is one message, or one entry of a batch.
type published struct {
	target, message string
	attributes      map[string]types.MessageAttributeValue
	group, id       string
}

func (m *memorySNS) answer(ctx context.Context) error {
	m.calls++
	if m.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return m.err
}

func (m *memorySNS) Publish(ctx context.Context, input *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.answer(ctx); err != nil {
		return nil, err
	}
	m.published = append(m.published, published{
		aws.ToString(input.TopicArn) + aws.ToString(input.PhoneNumber), *input.Message, input.MessageAttributes,
		aws.ToString(input.MessageGroupId), aws.ToString(input.MessageDeduplicationId),
	})
	return &sns.PublishOutput{}, nil
}

func (m *memorySNS) PublishBatch(ctx context.Context, input *sns.PublishBatchInput, _ ...func(*sns.Options)) (*sns.PublishBatchOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.answer(ctx); err != nil {
		return nil, err
	}
	output := &sns.PublishBatchOutput{}
	for _, entry := range input.PublishBatchRequestEntries {
		alertID := *entry.MessageAttributes["alertId"].StringValue
		if failure, ok := m.failed[alertID]; ok {
			failure.Id = entry.Id
			output.Failed = append(output.Failed, failure)
			continue
		}
		m.published = append(m.published, published{
			*input.TopicArn, *entry.Message, entry.MessageAttributes, aws.ToString(entry.MessageGroupId), aws.ToString(entry.MessageDeduplicationId),
		})
		if !m.forgotten[alertID] {
			output.Successful = append(output.Successful, types.PublishBatchResultEntry{Id: entry.Id})
		}
	}
	return output, nil
}

func (m *memorySNS) received(id tenant.ID) (ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.published {
		if p.target == prefix+alerts.ResourceName(id, "boilers") {
			ids = append(ids, *p.attributes["alertId"].StringValue)
		}
	}
	return ids
}

func apiError(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "told by the service"}
}

func (m *memorySNS) refuse(permanent bool) {
	m.err = apiError("ThrottledException")
	if permanent {
		m.err = apiError("InvalidParameter")
	}
}

func TestPublisher(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(*testing.T) alertstest.Harness {
		m := &memorySNS{}
		return alertstest.Harness{
			Notifier: snsalerts.NewPublisher(m, alerts.ToOwnTargets(prefix)),
			Received: m.received, Refuse: m.refuse, Hang: func() { m.hang = true },
		}
	})
}

// queues are subscribed to the topics of the suite's tenants, at moto.
type queues struct {
	t   *testing.T
	sns *sns.Client
	sqs *sqs.Client
	url map[tenant.ID]string
}

func newQueues(t *testing.T, name string) *queues {
	t.Helper()
	config := emulator.AWS(emulator.Moto(t))
	q := &queues{t, sns.NewFromConfig(config), sqs.NewFromConfig(config), map[tenant.ID]string{}}
	topics := snsalerts.NewTopics(q.sns, prefix)
	attributes := map[string]string{}
	if strings.HasSuffix(name, ".fifo") {
		attributes["FifoQueue"] = "true"
	}
	for _, id := range []tenant.ID{alertstest.TenantA, alertstest.TenantB} {
		_, err := topics.Create(t.Context(), id, name)
		require.NoError(t, err)
		queue, err := q.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(alerts.ResourceName(id, name)), Attributes: attributes})
		require.NoError(t, err)
		q.url[id] = *queue.QueueUrl
		_, err = topics.Subscribe(t.Context(), id, name, "sqs", "arn:aws:sqs:eu-west-1:123456789012:"+alerts.ResourceName(id, name), nil)
		require.NoError(t, err)
	}
	return q
}

// envelope is what SNS puts around a message.
type envelope struct {
	Message           string
	MessageAttributes map[string]struct{ Value string }
}

// receive takes what is in the tenant's queue.
func (q *queues) receive(id tenant.ID) (envelopes []envelope) {
	q.t.Helper()
	for {
		output, err := q.sqs.ReceiveMessage(q.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(q.url[id]), MaxNumberOfMessages: 10})
		require.NoError(q.t, err)
		if len(output.Messages) == 0 {
			return envelopes
		}
		for _, message := range output.Messages {
			var e envelope
			require.NoError(q.t, json.Unmarshal([]byte(*message.Body), &e))
			envelopes = append(envelopes, e)
			_, err := q.sqs.DeleteMessage(q.t.Context(), &sqs.DeleteMessageInput{QueueUrl: aws.String(q.url[id]), ReceiptHandle: message.ReceiptHandle})
			require.NoError(q.t, err)
		}
	}
}

func (q *queues) ids(id tenant.ID) (ids []string) {
	for _, e := range q.receive(id) {
		ids = append(ids, e.MessageAttributes["alertId"].Value)
	}
	return ids
}

func TestPublisherAtMoto(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(t *testing.T) alertstest.Harness {
		t.Helper()
		q := newQueues(t, "boilers")
		return alertstest.Harness{Notifier: snsalerts.NewPublisher(q.sns, alerts.ToOwnTargets(prefix)), Received: q.ids}
	})
}

func TestBatchAtMoto(t *testing.T) {
	t.Parallel()
	q := newQueues(t, "batch.fifo")
	publisher := snsalerts.NewPublisher(q.sns, alerts.ToOwnTargets(prefix))
	var batch []alerts.Alert
	for i := range 23 {
		alert := alertstest.SampleAlert(i)
		alert.Target = "batch.fifo"
		batch = append(batch, alert)
	}
	for range 2 { // again: the topic drops duplicates
		for _, err := range publisher.NotifyBatch(t.Context(), alertstest.TenantA, batch) {
			require.NoError(t, err)
		}
	}
	received := q.receive(alertstest.TenantA)
	require.Len(t, received, 23)
	require.Equal(t, batch[0].Payload, received[0].Message)
	require.Equal(t, "tenant-a", received[0].MessageAttributes["tenant"].Value)
	require.Empty(t, q.receive(alertstest.TenantB))
}

func TestBatchTellsOfEachAlert(t *testing.T) {
	t.Parallel()
	m := &memorySNS{
		failed: map[string]types.BatchResultErrorEntry{
			alertstest.SampleAlert(1).ID: {Code: aws.String("InternalError"), Message: aws.String("m")},
			alertstest.SampleAlert(2).ID: {Code: aws.String("InvalidParameter"), Message: aws.String("m"), SenderFault: true},
			alertstest.SampleAlert(3).ID: {Code: aws.String("Throttled"), Message: aws.String("m"), SenderFault: true},
		},
		forgotten: map[string]bool{alertstest.SampleAlert(4).ID: true},
	}
	publisher := snsalerts.NewPublisher(m, alerts.OwnTargets)
	var batch []alerts.Alert
	for i := range 25 {
		alert := alertstest.SampleAlert(i)
		alert.Target = prefix + alerts.ResourceName(alertstest.TenantA, "boilers")
		batch = append(batch, alert)
	}
	batch[20].Target = prefix + alerts.ResourceName(alertstest.TenantB, "boilers")
	errs := publisher.NotifyBatch(t.Context(), alertstest.TenantA, batch)
	require.Len(t, errs, 25)
	for i, err := range errs {
		switch i {
		case 1, 3, 4:
			require.ErrorIs(t, err, iotenant.ErrUnavailable, i)
		case 2:
			require.ErrorIs(t, err, snsalerts.ErrRefused)
		case 20:
			require.ErrorIs(t, err, alerts.ErrTarget)
		default:
			require.NoError(t, err)
		}
	}
	require.Equal(t, 3, m.calls)
	require.Len(t, m.received(alertstest.TenantA), 21)
	require.Empty(t, m.received(alertstest.TenantB))

	for _, err := range publisher.NotifyBatch(t.Context(), tenant.ID{}, batch[:2]) {
		require.ErrorIs(t, err, tenant.ErrID)
	}
	m.err = apiError("InternalError")
	for _, err := range publisher.NotifyBatch(t.Context(), alertstest.TenantA, batch[:2]) {
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
	}
	m.err, m.calls = apiError("BatchRequestTooLong"), 0
	publisher.NotifyBatch(t.Context(), alertstest.TenantA, batch[:2])
	require.Equal(t, 3, m.calls, "a batch that is too long is published one by one")
}

func TestFIFO(t *testing.T) {
	t.Parallel()
	m := &memorySNS{}
	publisher := snsalerts.NewPublisher(m, func(_ context.Context, _ tenant.ID, target string) (string, error) { return target, nil })
	alert := alertstest.SampleAlert(1)
	alert.Target = "arn:aws:sns:eu-west-1:123456789012:all.fifo"
	other := alert
	other.Key = "boiler-8"
	require.NoError(t, publisher.Notify(t.Context(), alertstest.TenantA, alert))
	require.NoError(t, publisher.Notify(t.Context(), alertstest.TenantA, alert))
	require.NoError(t, publisher.Notify(t.Context(), alertstest.TenantA, other))
	require.NoError(t, publisher.Notify(t.Context(), alertstest.TenantB, alert))
	p := m.published
	require.Equal(t, p[0].group, p[1].group)
	require.Equal(t, alert.ID, p[0].id)
	require.NotEqual(t, p[0].group, p[2].group, "detectors are groups of their own")
	require.NotEqual(t, p[0].group, p[3].group, "so are tenants")

	alert.Key = ""
	require.NoError(t, publisher.Notify(t.Context(), alertstest.TenantA, alert))
	require.NotContains(t, m.published[4].attributes, "key", "an attribute is never empty")
}

func TestAttackTopicOfAnotherTenant(t *testing.T) {
	t.Parallel()
	m := &memorySNS{}
	publisher := snsalerts.NewPublisher(m, alerts.OwnTargets)
	alert := alertstest.SampleAlert(1)
	alert.Target = prefix + alerts.ResourceName(alertstest.TenantB, "boilers")
	err := publisher.Notify(t.Context(), alertstest.TenantA, alert)
	require.ErrorIs(t, err, alerts.ErrTarget)
	require.True(t, alerts.Permanent(err))
	require.NotContains(t, err.Error(), alertstest.TenantB.String())
	require.Zero(t, m.calls)
}

func ExampleNewPublisher() {
	client := &memorySNS{} // sns.NewFromConfig(config), in a program
	publisher := snsalerts.NewPublisher(client, alerts.ToOwnTargets("arn:aws:sns:eu-west-1:123456789012:"))
	alert := alertstest.SampleAlert(1) // the runtime gives it
	err := publisher.Notify(context.Background(), tenant.MustParseID("acme"), alert)
	fmt.Println(client.published[0].target, err)
	// Output: arn:aws:sns:eu-west-1:123456789012:acme_boilers <nil>
}
