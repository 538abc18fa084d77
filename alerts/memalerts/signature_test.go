package memalerts_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/memalerts"
)

// signed makes a webhook by the words of the specification.
func signed(t testing.TB, id string, at time.Time, body string, secret []byte) http.Header {
	t.Helper()
	timestamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + timestamp + "." + body))
	return http.Header{
		http.CanonicalHeaderKey("webhook-id"):        {id},
		http.CanonicalHeaderKey("webhook-timestamp"): {timestamp},
		http.CanonicalHeaderKey("webhook-signature"): {"v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}
}

func sample(t testing.TB) (id, body string) {
	t.Helper()
	event := memalerts.Event{Tenant: alertstest.TenantA, Alert: alertstest.SampleAlert(1)}
	text, err := json.Marshal(event)
	require.NoError(t, err)
	return event.Alert.ID, string(text)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	id, body := sample(t)
	event, err := memalerts.Verify(signed(t, id, now, body, secret), []byte(body), now.Add(memalerts.ReplayWindow), secret)
	require.NoError(t, err)
	require.Equal(t, alertstest.TenantA, event.Tenant)
	require.Equal(t, alertstest.SampleAlert(1), event.Alert)
	_, err = memalerts.Verify(signed(t, id, now, body, secret), []byte(body), now.Add(-memalerts.ReplayWindow), secret)
	require.NoError(t, err)
}

func TestAttackForgedWebhook(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	id, body := sample(t)
	other := []byte("another tenant's secret, long")
	valid := func() http.Header { return signed(t, id, now, body, secret) }
	for name, test := range map[string]struct {
		header http.Header
		body   string
		now    time.Time
	}{
		"another secret":  {header: signed(t, id, now, body, other)},
		"another body":    {header: valid(), body: strings.Replace(body, "hot", "not", 1)},
		"too old":         {header: valid(), now: now.Add(memalerts.ReplayWindow + time.Second)},
		"too new":         {header: valid(), now: now.Add(-memalerts.ReplayWindow - time.Second)},
		"no headers":      {header: http.Header{}},
		"no signature":    {header: with(valid(), memalerts.HeaderSignature, "")},
		"no version":      {header: with(valid(), memalerts.HeaderSignature, strings.TrimPrefix(valid().Get(memalerts.HeaderSignature), "v1,"))},
		"another version": {header: with(valid(), memalerts.HeaderSignature, "v0"+strings.TrimPrefix(valid().Get(memalerts.HeaderSignature), "v1"))},
		"new timestamp":   {header: with(valid(), memalerts.HeaderTimestamp, strconv.FormatInt(now.Unix()+1, 10))},
		"huge timestamp":  {header: with(valid(), memalerts.HeaderTimestamp, "-9223372036854775808")},
		"no number":       {header: with(valid(), memalerts.HeaderTimestamp, "now")},
		"another id":      {header: signed(t, "another", now, body, secret)},
		"no JSON":         {header: signed(t, id, now, "x", secret), body: "x"},
		"many signatures": {header: with(valid(), memalerts.HeaderSignature, strings.Repeat("v1,x ", 20)+valid().Get(memalerts.HeaderSignature))},
	} {
		t.Run(name, func(t *testing.T) {
			if test.body == "" {
				test.body = body
			}
			if test.now.IsZero() {
				test.now = now
			}
			event, err := memalerts.Verify(test.header, []byte(test.body), test.now, secret)
			require.ErrorIs(t, err, memalerts.ErrSignature)
			require.Empty(t, event.Alert.ID)
		})
	}
	_, err := memalerts.Verify(valid(), []byte(body), now)
	require.ErrorIs(t, err, memalerts.ErrSignature, "no secret")
	_, err = memalerts.Verify(signed(t, id, now, body, nil), []byte(body), now, nil)
	require.ErrorIs(t, err, memalerts.ErrSignature, "the empty secret")
}

func with(header http.Header, name, value string) http.Header {
	header.Set(name, value)
	return header
}

func FuzzVerify(f *testing.F) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	id, body := sample(f)
	good := signed(f, id, now, body, secret)
	f.Add(id, good.Get(memalerts.HeaderTimestamp), good.Get(memalerts.HeaderSignature), []byte(body))
	f.Add("", "", "", []byte("{}"))
	f.Add(id, "1767225600", "v1,AAAA v1,", []byte(body))
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, body []byte) {
		header := http.Header{}
		header.Set(memalerts.HeaderID, id)
		header.Set(memalerts.HeaderTimestamp, timestamp)
		header.Set(memalerts.HeaderSignature, signature)
		if _, err := memalerts.Verify(header, body, now, secret); err == nil {
			want := signed(t, id, now, string(body), secret)
			require.Contains(t, signature, strings.TrimPrefix(want.Get(memalerts.HeaderSignature), "v1,")[:20])
		}
	})
}
