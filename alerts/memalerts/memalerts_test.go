package memalerts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/memalerts"
	"github.com/iotenant/iotenant/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secret = []byte("0123456789abcdef0123456789abcdef")

// receiver is an HTTP server that verifies what it gets.
type receiver struct {
	*httptest.Server
	status atomic.Int64 // 0: 204
	hang   atomic.Bool

	mu     sync.Mutex
	events []memalerts.Event
	bad    []error
}

func newReceiver(t *testing.T, secrets ...[]byte) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		if r.hang.Load() {
			<-request.Context().Done()
			return
		}
		if status := r.status.Load(); status != 0 {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(int(status))
			return
		}
		event, err := memalerts.Verify(request.Header, body, time.Now(), secrets...)
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil {
			r.bad = append(r.bad, err)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		r.events = append(r.events, event)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) received(id tenant.ID) (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, event := range r.events {
		if event.Tenant == id {
			ids = append(ids, event.Alert.ID)
		}
	}
	return ids
}

func webhook(t *testing.T, endpoints memalerts.Endpoints, optFns ...func(*memalerts.WebhookOptions)) *memalerts.Webhook {
	optFns = append([]func(*memalerts.WebhookOptions){func(o *memalerts.WebhookOptions) { o.Local = true }}, optFns...)
	w := memalerts.NewWebhook(endpoints, optFns...)
	t.Cleanup(w.Close)
	return w
}

// at gives every tenant the same endpoint.
func at(url string, secrets ...[]byte) memalerts.Endpoints {
	return func(context.Context, tenant.ID) (memalerts.Endpoint, error) {
		return memalerts.Endpoint{URL: url, Secrets: secrets}, nil
	}
}

func TestWebhookIsANotifier(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(t *testing.T) alertstest.Harness {
		receivers := map[tenant.ID]*receiver{
			alertstest.TenantA: newReceiver(t, []byte("secret of tenant a, 24 bytes")),
			alertstest.TenantB: newReceiver(t, []byte("secret of tenant b, 24 bytes")),
		}
		all := func(do func(*receiver)) {
			for _, r := range receivers {
				do(r)
			}
		}
		return alertstest.Harness{
			Notifier: webhook(t, func(_ context.Context, id tenant.ID) (memalerts.Endpoint, error) {
				letter := strings.TrimPrefix(id.String(), "tenant-")
				return memalerts.Endpoint{URL: receivers[id].URL, Secrets: [][]byte{[]byte("secret of tenant " + letter + ", 24 bytes")}}, nil
			}),
			Received: func(id tenant.ID) []string {
				var ids []string
				all(func(r *receiver) {
					if r == receivers[id] {
						for _, event := range r.events {
							ids = append(ids, event.Alert.ID)
						}
					}
				})
				return ids
			},
			Refuse: func(permanent bool) {
				status := http.StatusServiceUnavailable
				if permanent {
					status = http.StatusGone
				}
				all(func(r *receiver) { r.status.Store(int64(status)) })
			},
			Hang: func() { all(func(r *receiver) { r.hang.Store(true) }) },
		}
	})
}

func TestLogIsANotifier(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(*testing.T) alertstest.Harness {
		var mu sync.Mutex
		var text bytes.Buffer
		return alertstest.Harness{
			Notifier: memalerts.NewLog(slog.New(slog.NewJSONHandler(writerFunc(func(b []byte) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				return text.Write(b)
			}), nil))),
			Received: func(id tenant.ID) (ids []string) {
				for line := range strings.SplitSeq(strings.TrimSpace(text.String()), "\n") {
					var entry struct{ Tenant, ID string }
					if json.Unmarshal([]byte(line), &entry) == nil && entry.Tenant == id.String() {
						ids = append(ids, entry.ID)
					}
				}
				return ids
			},
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestFanOutIsANotifier(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(*testing.T) alertstest.Harness {
		recorder := &alertstest.Recorder{}
		var fault atomic.Pointer[alertstest.Fault]
		fault.Store(&alertstest.Fault{})
		decide := func(tenant.ID, alerts.Alert) alertstest.Fault { return *fault.Load() }
		return alertstest.Harness{
			Notifier: memalerts.NewFanOut(&alertstest.Recorder{}, alertstest.Faulty(recorder, decide)),
			Received: recorder.IDs,
			Refuse: func(permanent bool) {
				if permanent {
					fault.Store(&alertstest.Fault{Before: alertstest.ErrRefusal})
				} else {
					fault.Store(&alertstest.Fault{Before: alertstest.ErrFault})
				}
			},
			Hang: func() { fault.Store(&alertstest.Fault{Delay: time.Hour}) },
		}
	})
}

func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, secret)
	w := webhook(t, at(r.URL, secret))
	for status, permanent := range map[int]bool{
		301: true, 302: true, 307: true, 308: true,
		400: true, 401: true, 403: true, 404: true, 410: true, 413: true, 422: true,
		408: false, 429: false, 500: false, 502: false, 503: false, 504: false,
	} {
		r.status.Store(int64(status))
		err := w.Notify(t.Context(), alertstest.TenantA, alertstest.SampleAlert(1))
		require.Error(t, err, status)
		require.Equal(t, permanent, alerts.Permanent(err), "%d: %v", status, err)
	}
	r.status.Store(0)
	require.Empty(t, r.received(alertstest.TenantA), "a redirect is not followed")
}

func TestWebhookSignsWithAllSecrets(t *testing.T) {
	t.Parallel()
	older := bytes.Repeat([]byte("o"), 24)
	r := newReceiver(t, older)
	w := webhook(t, at(r.URL, secret, older))
	require.NoError(t, w.Notify(t.Context(), alertstest.TenantA, alertstest.SampleAlert(1)))
	require.Equal(t, alertstest.SampleAlert(1), r.events[0].Alert)
	require.Empty(t, r.bad)
}

func TestWebhookEndpoints(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, secret)
	for name, test := range map[string]struct {
		endpoint memalerts.Endpoint
		local    bool
	}{
		"no URL scheme":     {memalerts.Endpoint{URL: "example.com", Secrets: [][]byte{secret}}, true},
		"other scheme":      {memalerts.Endpoint{URL: "file:///etc/passwd", Secrets: [][]byte{secret}}, true},
		"credentials":       {memalerts.Endpoint{URL: "http://user:password@127.0.0.1/", Secrets: [][]byte{secret}}, true},
		"no secret":         {memalerts.Endpoint{URL: r.URL}, true},
		"short secret":      {memalerts.Endpoint{URL: r.URL, Secrets: [][]byte{secret, secret[:23]}}, true},
		"http":              {memalerts.Endpoint{URL: r.URL, Secrets: [][]byte{secret}}, false},
		"loopback":          {memalerts.Endpoint{URL: strings.Replace(r.URL, "http:", "https:", 1), Secrets: [][]byte{secret}}, false},
		"private":           {memalerts.Endpoint{URL: "https://10.0.0.1/", Secrets: [][]byte{secret}}, false},
		"mapped private":    {memalerts.Endpoint{URL: "https://[::ffff:192.168.0.1]/", Secrets: [][]byte{secret}}, false},
		"carrier's":         {memalerts.Endpoint{URL: "https://100.64.0.1/", Secrets: [][]byte{secret}}, false},
		"metadata service":  {memalerts.Endpoint{URL: "http://169.254.169.254/latest/", Secrets: [][]byte{secret}}, true},
		"unspecified":       {memalerts.Endpoint{URL: "http://0.0.0.0/", Secrets: [][]byte{secret}}, true},
		"link-local of IP6": {memalerts.Endpoint{URL: "http://[fe80::1]/", Secrets: [][]byte{secret}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := webhook(t, func(context.Context, tenant.ID) (memalerts.Endpoint, error) { return test.endpoint, nil },
				func(o *memalerts.WebhookOptions) { o.Local = test.local })
			err := w.Notify(t.Context(), alertstest.TenantA, alertstest.SampleAlert(1))
			require.ErrorIs(t, err, memalerts.ErrEndpoint)
			require.NotContains(t, err.Error(), "password")
		})
	}
	require.NoError(t, webhook(t, at("")).Notify(t.Context(), alertstest.TenantA, alertstest.SampleAlert(1)), "none wanted")
	require.Empty(t, r.received(alertstest.TenantA))

	failing := webhook(t, func(context.Context, tenant.ID) (memalerts.Endpoint, error) {
		return memalerts.Endpoint{}, iotenant.ErrUnavailable
	})
	require.ErrorIs(t, failing.Notify(t.Context(), alertstest.TenantA, alertstest.SampleAlert(1)), iotenant.ErrUnavailable)
}

func TestWebhookErrorsHoldNoURL(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.Close()
	err := webhook(t, at(r.URL+"/?token=hidden", secret)).Notify(t.Context(), alertstest.TenantA, alertstest.SampleAlert(1))
	require.ErrorIs(t, err, memalerts.ErrReceiver)
	require.NotContains(t, err.Error(), "hidden")
}

func TestWebhookBodyIsBounded(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, secret)
	w := webhook(t, at(r.URL, secret), func(o *memalerts.WebhookOptions) { o.MaxBody = 2000 })
	alert := alertstest.SampleAlert(1)
	require.NoError(t, w.Notify(t.Context(), alertstest.TenantA, alert))
	alert.Payload = strings.Repeat("x", 2000)
	require.ErrorIs(t, w.Notify(t.Context(), alertstest.TenantA, alert), memalerts.ErrBody)
}

func TestFanOutRemembersWhoHasIt(t *testing.T) {
	t.Parallel()
	var outcome [3]error
	var calls [3]int
	var notifiers []alerts.Notifier
	for i := range outcome {
		notifiers = append(notifiers, alerts.NotifierFunc(func(context.Context, tenant.ID, alerts.Alert) error {
			calls[i]++
			return outcome[i]
		}))
	}
	f := memalerts.NewFanOut(notifiers...)
	notify := func(id tenant.ID, number int) error { return f.Notify(t.Context(), id, alertstest.SampleAlert(number)) }

	outcome = [3]error{nil, alertstest.ErrFault, alertstest.ErrRefusal}
	err := notify(alertstest.TenantA, 1)
	require.False(t, alerts.Permanent(err), "one of them may still take it")
	require.NoError(t, context.Cause(t.Context()))
	require.Error(t, notify(alertstest.TenantA, 1))
	require.Equal(t, [3]int{1, 2, 1}, calls)

	require.Error(t, notify(alertstest.TenantB, 1))
	require.Equal(t, [3]int{2, 3, 2}, calls, "another tenant's alert of that id is another one")

	outcome[1] = nil
	err = notify(alertstest.TenantA, 1)
	require.True(t, alerts.Permanent(err), "all have it but the one that never will")
	require.ErrorIs(t, err, alertstest.ErrRefusal)
	require.Equal(t, [3]int{2, 4, 2}, calls)

	outcome = [3]error{}
	require.NoError(t, notify(alertstest.TenantA, 2))
	require.NoError(t, memalerts.NewFanOut().Notify(t.Context(), alertstest.TenantA, alertstest.SampleAlert(1)))
}

func TestFanOutSurvivesAPanic(t *testing.T) {
	t.Parallel()
	recorder := &alertstest.Recorder{}
	f := memalerts.NewFanOut(recorder, alerts.NotifierFunc(func(context.Context, tenant.ID, alerts.Alert) error { panic("oops") }))
	err := f.Notify(t.Context(), alertstest.TenantA, alertstest.SampleAlert(1))
	require.ErrorContains(t, err, "oops")
	require.Len(t, recorder.Received(alertstest.TenantA), 1)
}
