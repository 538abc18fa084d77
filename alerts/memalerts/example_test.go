package memalerts_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/memalerts"
	"github.com/iotenant/iotenant/tenant"
)

func withoutTime(_ []string, attr slog.Attr) slog.Attr {
	if attr.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return attr
}

func ExampleNewLog() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	notifier := memalerts.NewLog(logger)
	err := notifier.Notify(context.Background(), tenant.MustParseID("acme"), alerts.Alert{
		ID: "7e25fd38-2533-303d-899f-c979792a12cb", Model: "boiler", Key: "b1", Event: "too hot", State: "hot",
		At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Kind: "sns", Target: "boilers", Payload: "93 C",
	})
	fmt.Println(err)
	// Output:
	// level=WARN msg=alert tenant=acme id=7e25fd38-2533-303d-899f-c979792a12cb model=boiler key=b1 event="too hot" state=hot at=2026-01-01T00:00:00.000Z kind=sns target=boilers payload="93 C"
	// <nil>
}

func ExampleNewWebhook() {
	secret := []byte("32 random bytes, from a vault...")
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			return
		}
		event, err := memalerts.Verify(r.Header, body, time.Now(), secret)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		fmt.Println(event.Tenant, event.Alert.Event)
	}))
	defer receiver.Close()

	endpoints := func(context.Context, tenant.ID) (memalerts.Endpoint, error) {
		return memalerts.Endpoint{URL: receiver.URL, Secrets: [][]byte{secret}}, nil
	}
	webhook := memalerts.NewWebhook(endpoints, func(o *memalerts.WebhookOptions) { o.Local = true })
	defer webhook.Close()
	err := webhook.Notify(context.Background(), tenant.MustParseID("acme"), alerts.Alert{ID: "7e25fd38", Event: "too hot"})
	fmt.Println(err)
	// Output:
	// acme too hot
	// <nil>
}

func ExampleNewFanOut() {
	printer := func(name string) alerts.Notifier {
		return alerts.NotifierFunc(func(_ context.Context, id tenant.ID, alert alerts.Alert) error {
			fmt.Println(name, id, alert.Event)
			return nil
		})
	}
	notifier := memalerts.NewFanOut(printer("log"))
	fmt.Println(notifier.Notify(context.Background(), tenant.MustParseID("acme"), alerts.Alert{ID: "7e25fd38", Event: "too hot"}))
	// Output:
	// log acme too hot
	// <nil>
}
