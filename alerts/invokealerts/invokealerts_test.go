package invokealerts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/alerts/invokealerts"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
)

// functions answers as the service does, and keeps what it is invoked with.
type functions struct {
	*httptest.Server
	mu      sync.Mutex
	invoked []invocation
	status  int
	code    string
	hang    chan struct{}
}

type invocation struct{ function, kind, event string }

func newFunctions(t testing.TB) *functions {
	t.Helper()
	f := &functions{status: http.StatusAccepted}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	t.Cleanup(func() {
		if f.hang != nil {
			close(f.hang)
		}
	})
	return f
}

func (f *functions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	hang := f.hang
	if hang == nil && f.status == http.StatusAccepted {
		name := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/2015-03-31/functions/"), "/invocations")
		f.invoked = append(f.invoked, invocation{name, r.Header.Get("X-Amz-Invocation-Type"), string(event)})
	}
	status, code := f.status, f.code
	f.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
		return
	}
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "{}")
}

func (f *functions) client() *lambda.Client { return lambda.NewFromConfig(emulator.AWS(f.URL)) }

// identified makes payloads of alerts their ids, which an event does not have
// elsewhere.
type identified struct{ alerts.Notifier }

func (i identified) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	alert.Payload, alert.PayloadType = alert.ID, detector.PayloadString
	return i.Notifier.Notify(ctx, id, alert)
}

func TestInvoker(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(t *testing.T) alertstest.Harness {
		t.Helper()
		f := newFunctions(t)
		return alertstest.Harness{
			Notifier: identified{invokealerts.New(f.client(), alerts.ToOwnTargets(""))},
			Received: func(id tenant.ID) (ids []string) {
				f.mu.Lock()
				defer f.mu.Unlock()
				for _, i := range f.invoked {
					if i.function == alerts.ResourceName(id, "boilers") && i.kind == "Event" {
						ids = append(ids, strings.Trim(i.event, `"`))
					}
				}
				return ids
			},
			Refuse: func(permanent bool) {
				f.status, f.code = http.StatusTooManyRequests, "TooManyRequestsException"
				if permanent {
					f.status, f.code = http.StatusRequestEntityTooLarge, "RequestTooLargeException"
				}
			},
			Hang: func() { f.hang = make(chan struct{}) },
		}
	})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	f := newFunctions(t)
	email := func(id tenant.ID, to detector.Identity) string { return to.UserID + "@" + id.String() + ".example.com" }
	invoker := invokealerts.New(f.client(), alerts.ToOwnTargets(""), func(o *invokealerts.Options) { o.Email = email })
	alert := alertstest.SampleAlert(1)
	require.NoError(t, invoker.Notify(t.Context(), alertstest.TenantA, alert))
	require.JSONEq(t, alert.Payload, f.invoked[0].event)

	alert.Payload, alert.PayloadType = "no JSON", detector.PayloadJSON
	require.NoError(t, invoker.Notify(t.Context(), alertstest.TenantA, alert))
	require.Equal(t, `"no JSON"`, f.invoked[1].event, "an event is JSON, whatever a model says")

	alert = alertstest.SampleAlert(1)
	alert.Kind = detector.ActionNotification
	alert.Notification = &detector.Notification{
		Emails: []detector.Email{{From: "alarms@example.com", Subject: "hot", To: []detector.Identity{{StoreID: "d-1", UserID: "ann"}}}},
		SMS:    []detector.SMS{{SenderID: "ACME", Recipients: []detector.Identity{{UserID: "bob"}}}},
	}
	require.NoError(t, invoker.Notify(t.Context(), alertstest.TenantA, alert))
	var event struct {
		NotificationEventPayload string
		EmailConfigurations      []struct{ To []string }
		SMSConfigurations        []struct{ PhoneNumbers []string } `json:"smsConfigurations"`
	}
	require.NoError(t, json.Unmarshal([]byte(f.invoked[2].event), &event))
	require.Equal(t, alert.Payload, event.NotificationEventPayload)
	require.Equal(t, []string{"ann@tenant-a.example.com"}, event.EmailConfigurations[0].To)
	require.Empty(t, event.SMSConfigurations[0].PhoneNumbers, "nobody knows bob's number")
}

func TestAttackFunctionOfAnotherTenant(t *testing.T) {
	t.Parallel()
	f := newFunctions(t)
	alert := alertstest.SampleAlert(1)
	alert.Target = "arn:aws:lambda:eu-west-1:123456789012:function:" + alerts.ResourceName(alertstest.TenantB, "boilers")
	err := invokealerts.New(f.client(), alerts.OwnTargets).Notify(t.Context(), alertstest.TenantA, alert)
	require.ErrorIs(t, err, alerts.ErrTarget)
	require.Empty(t, f.invoked)
}

// printer is a client that prints.
type printer struct{}

func (printer) Invoke(_ context.Context, input *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	fmt.Println(*input.FunctionName, string(input.Payload))
	return &lambda.InvokeOutput{}, nil
}

func ExampleNew() {
	client := printer{} // lambda.NewFromConfig(config), in a program
	invoker := invokealerts.New(client, alerts.ToOwnTargets("arn:aws:lambda:eu-west-1:123456789012:function:"))
	err := invoker.Notify(context.Background(), tenant.MustParseID("acme"), alertstest.SampleAlert(1))
	fmt.Println(err)
	// Output:
	// arn:aws:lambda:eu-west-1:123456789012:function:acme_boilers {"temperature":"93 °C"}
	// <nil>
}
