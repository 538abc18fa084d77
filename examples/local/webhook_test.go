package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/memalerts"
)

// webhook receives alerts, and refuses those whose signature is wrong.
type webhook struct {
	t      *testing.T
	url    string
	secret []byte
	events chan memalerts.Event
}

func newWebhook(t *testing.T) *webhook {
	h := &webhook{t: t, events: make(chan memalerts.Event, 1000)}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	event, err := memalerts.Verify(r.Header, body, time.Now(), h.secret)
	if err != nil {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	h.events <- event
	w.WriteHeader(http.StatusNoContent)
}

func (h *webhook) next() memalerts.Event {
	h.t.Helper()
	select {
	case event := <-h.events:
		return event
	case <-time.After(15 * time.Second):
		require.FailNow(h.t, "no alert within 15 s")
		return memalerts.Event{}
	}
}
