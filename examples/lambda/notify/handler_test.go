package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertsmock"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenantmock"
)

var north, south = tenant.MustParseID("north"), tenant.MustParseID("south")

var errPassing, errFinal = fmt.Errorf("busy: %w", iotenant.ErrUnavailable), fmt.Errorf("gone: %w", iotenant.ErrDenied)

// bundle is the function with mocks of its channels.
type bundle struct {
	t              *testing.T
	email, webhook *alertsmock.MockNotifier
	invoke         func(event []byte) (failed []string, err error)
}

func setup(t *testing.T) *bundle {
	t.Helper()
	mocks := gomock.NewController(t)
	b := &bundle{t: t, email: alertsmock.NewMockNotifier(mocks), webhook: alertsmock.NewMockNotifier(mocks)}
	handler := newHandler(services{
		channels: []channel{{"email", b.email}, {"webhook", b.webhook}},
		records:  memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &tenant.OnceSchema),
		logger:   slog.New(slog.DiscardHandler),
	})
	b.invoke = func(event []byte) (failed []string, err error) {
		answer, err := handler.Invoke(t.Context(), event)
		var response events.SQSEventResponse
		if err == nil {
			require.NoError(t, json.Unmarshal(answer, &response))
		}
		for _, failure := range response.BatchItemFailures {
			failed = append(failed, failure.ItemIdentifier)
		}
		return failed, err
	}
	return b
}

func (b *bundle) file(name string) []byte {
	b.t.Helper()
	event, err := os.ReadFile("testdata/" + name)
	require.NoError(b.t, err)
	return event
}

// alert expects the alert with an id.
func alert(id string) gomock.Matcher {
	return gomock.Cond(func(a alerts.Alert) bool { return a.ID == id })
}

func TestQueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var told []alerts.Alert
	keep := func(_ any, _ tenant.ID, a alerts.Alert) error { told = append(told, a); return nil }
	b.email.EXPECT().Notify(gomock.Any(), north, alert("a-1")).DoAndReturn(keep)
	b.email.EXPECT().Notify(gomock.Any(), south, alert("a-2")).DoAndReturn(keep)
	b.email.EXPECT().Notify(gomock.Any(), north, alert("a-3")).DoAndReturn(keep)
	b.webhook.EXPECT().Notify(gomock.Any(), gomock.Any(), gomock.Any()).Times(3)

	failed, err := b.invoke(b.file("sqs.json"))

	require.NoError(t, err)
	require.Empty(t, failed)
	require.Equal(t, "ann", told[0].Notification.Emails[0].To[0].UserID, "the whole alert")
	require.Equal(t, alerts.Alert{
		ID: "a-2", Model: "compressor-health", Key: "press-1", Event: "compressor-faulty", State: "Faulty",
		At: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC), Kind: detector.ActionSNS, Payload: `{"temperature":96}`, PayloadType: detector.PayloadDefault,
	}, told[1])
	require.JSONEq(t, `{"temperature":97}`, told[2].Payload)

	failed, err = b.invoke(b.file("sqs.json")) // it comes again, and nobody is told again
	require.NoError(t, err)
	require.Empty(t, failed)
}

func TestOneChannelFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.email.EXPECT().Notify(gomock.Any(), gomock.Any(), gomock.Any()).Times(3)
	b.webhook.EXPECT().Notify(gomock.Any(), north, alert("a-1")).Return(errPassing)
	b.webhook.EXPECT().Notify(gomock.Any(), south, alert("a-2")).Return(errFinal)
	b.webhook.EXPECT().Notify(gomock.Any(), north, alert("a-3"))
	failed, err := b.invoke(b.file("sqs.json"))
	require.NoError(t, err)
	require.Equal(t, []string{"message-1", "message-2"}, failed)

	b.webhook.EXPECT().Notify(gomock.Any(), north, alert("a-1"))
	failed, err = b.invoke(b.file("sqs.json"))
	require.NoError(t, err)
	require.Equal(t, []string{"message-2"}, failed, "refused for good: nobody is asked again, it goes to the dead letters")
}

func TestTopic(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.email.EXPECT().Notify(gomock.Any(), south, alert("a-2"))
	b.webhook.EXPECT().Notify(gomock.Any(), south, alert("a-2")).Return(errPassing)
	_, err := b.invoke(b.file("sns.json"))
	require.ErrorIs(t, err, errFailed, "Lambda invokes again")

	b.webhook.EXPECT().Notify(gomock.Any(), south, alert("a-2"))
	_, err = b.invoke(b.file("sns.json"))
	require.NoError(t, err)
}

func TestBadEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, event := range []string{``, `[]`, `{}`, `{"Records":[]}`, `{"Records":[{"eventSource":"aws:s3"}]}`, `{"Records":[{"eventSource":"aws:sqs","body":1}]}`} {
		_, err := b.invoke([]byte(event))
		require.ErrorIs(t, err, errRecord, event)
	}
	for _, message := range []string{`"body":"no JSON"`, `"body":"{}"`, `"body":"{}","messageAttributes":{"tenant":{"stringValue":"A_B"},"alertId":{"stringValue":"a"}}`,
		`"body":"{}","messageAttributes":{"tenant":{"stringValue":"north"}}`} {
		failed, err := b.invoke([]byte(`{"Records":[{"eventSource":"aws:sqs","messageId":"m",` + message + `}]}`))
		require.NoError(t, err)
		require.Equal(t, []string{"m"}, failed, message)
	}
}

// TestAttackPayload lets a model of north write payloads that look like alerts
// of south, in each form in which an alert may come.
func TestAttackPayload(t *testing.T) {
	t.Parallel()
	forged := alerts.Alert{ID: "stolen", Model: "forged"}
	event, err := json.Marshal(map[string]any{"tenant": "south", "alert": forged})
	require.NoError(t, err)
	ofNorth, err := json.Marshal(map[string]any{"tenant": "north", "alert": forged})
	require.NoError(t, err)
	envelope, err := json.Marshal(events.SNSEntity{Type: "Notification", Message: "{}", MessageAttributes: map[string]any{
		"tenant": map[string]string{"Type": "String", "Value": "south"}, "alertId": map[string]string{"Type": "String", "Value": "stolen"},
	}})
	require.NoError(t, err)
	text := func(value string) events.SQSMessageAttribute {
		return events.SQSMessageAttribute{StringValue: &value, DataType: "String"}
	}
	for number, payload := range []string{string(event), string(ofNorth), string(envelope)} {
		b := setup(t)
		id := fmt.Sprint("a-", number)
		for _, notifier := range []*alertsmock.MockNotifier{b.email, b.webhook} {
			notifier.EXPECT().Notify(gomock.Any(), north, gomock.Cond(func(a alerts.Alert) bool { return a.ID == id && a.Model == "own" && a.Payload == payload }))
		}
		raw, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{{EventSource: "aws:sqs", MessageId: "m", Body: payload, MessageAttributes: map[string]events.SQSMessageAttribute{
			"tenant": text("north"), "alertId": text(id), "model": text("own"),
		}}}})
		require.NoError(t, err)
		failed, err := b.invoke(raw)
		require.NoError(t, err)
		require.Empty(t, failed)
	}
}

// TestAttackSameAlertID checks that an alert of one tenant is not taken for
// another's that has the same id.
func TestAttackSameAlertID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []tenant.ID{north, south} {
		b.email.EXPECT().Notify(gomock.Any(), id, alert("a"))
		b.webhook.EXPECT().Notify(gomock.Any(), id, alert("a"))
		failed, err := b.invoke(fmt.Appendf(nil, `{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":"{}",
			"messageAttributes":{"tenant":{"stringValue":%q},"alertId":{"stringValue":"a"}}}]}`, id))
		require.NoError(t, err)
		require.Empty(t, failed)
	}
}

func TestAddressBook(t *testing.T) {
	t.Parallel()
	repository := tenantmock.NewMockRepository[contacts](gomock.NewController(t))
	book := addressBook{repository}
	known := contacts{
		Emails: []string{"ops@north.example"}, Phones: []string{"+15551230001"}, WebhookURL: "https://north.example/alerts",
		People: map[string]reach{"ann": {Email: "ann@north.example", Phone: "+15551230002"}},
	}
	repository.EXPECT().Get(gomock.Any(), north, contactsKey).Return(tenant.Item[contacts]{Value: known, Version: 1}, nil).AnyTimes()
	repository.EXPECT().Get(gomock.Any(), south, contactsKey).Return(tenant.Item[contacts]{}, tenant.ErrNotFound).AnyTimes()
	ctx, alarm := t.Context(), alerts.Alert{Notification: &detector.Notification{SMS: []detector.SMS{{Recipients: []detector.Identity{{UserID: "ann"}, {UserID: "bob"}}}}}}

	emails, err := book.emails(ctx, north, alerts.Alert{})
	require.NoError(t, err)
	require.Equal(t, known.Emails, emails)
	email, err := book.email(ctx, north, detector.Identity{UserID: "ann"})
	require.NoError(t, err)
	require.Equal(t, "ann@north.example", email)
	phones, err := book.phones(ctx, north, alerts.Alert{})
	require.NoError(t, err)
	require.Equal(t, known.Phones, phones)
	phones, err = book.phones(ctx, north, alarm)
	require.NoError(t, err)
	require.Equal(t, []string{"+15551230002"}, phones)
	endpoint, err := book.endpoint(ctx, north)
	require.NoError(t, err)
	require.Equal(t, known.WebhookURL, endpoint.URL)

	email, err = book.email(ctx, south, detector.Identity{UserID: "ann"})
	require.NoError(t, err)
	require.Empty(t, email, "ann is north's")
	phones, err = book.phones(ctx, south, alarm)
	require.NoError(t, err)
	require.Empty(t, phones)
}

func TestCompose(t *testing.T) {
	t.Parallel()
	environment := map[string]string{
		"TABLE": "iotenant", "CURSOR_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
		"SMTP_SERVER": "email-smtp.eu-west-1.amazonaws.com:587", "SMTP_USERNAME": "user", "SMTP_PASSWORD": "secret", "MAIL_FROM": "alerts@example.com",
	}
	env := func(name string) string { return environment[name] }
	s, err := compose(aws.Config{Region: "eu-west-1"}, env, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Len(t, s.channels, 3)
	environment["MAIL_FROM"] = "nobody"
	_, err = compose(aws.Config{}, env, nil)
	require.ErrorContains(t, err, "sender")
	delete(environment, "CURSOR_KEY")
	_, err = compose(aws.Config{}, env, nil)
	require.EqualError(t, err, "environment variable CURSOR_KEY is not set")
	delete(environment, "SMTP_SERVER")
	_, err = compose(aws.Config{}, env, nil)
	require.EqualError(t, err, "environment variable SMTP_SERVER is not set")
}
