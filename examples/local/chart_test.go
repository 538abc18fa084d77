package main

import (
	"bytes"
	"image/png"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// heat reports readings that make an alert, and waits for it.
func (b *backend) heat(user *user) {
	b.t.Helper()
	press1 := b.connect(north, press)
	for _, payload := range []string{
		`{"temperature": 96, "score": 1, "timestamp": "2026-03-29T00:10:00Z"}`,
		`{"temperature": 97, "score": 4, "timestamp": "2026-03-29T00:50:00Z"}`,
		`{"temperature": 98, "score": 1, "timestamp": "2026-03-29T03:10:00Z"}`,
	} {
		b.report(press1, north, press, payload)
	}
	require.Eventually(b.t, func() bool {
		var alerts page[alert]
		user.want(http.StatusOK, "GET", "/alerts", nil, &alerts)
		return len(alerts.Items) == 1
	}, 10*time.Second, 10*time.Millisecond)
}

type bucket struct {
	Start string   `json:"start"`
	Count int      `json:"count"`
	Mean  *float64 `json:"mean"`
}

func TestAggregates(t *testing.T) {
	t.Parallel()
	b := start(t, testConfig(t.TempDir()))
	user := b.signIn("north-user")
	b.heat(user)
	const path = "/devices/press-1/telemetry/aggregates?metric=temperature"
	var got page[bucket]
	user.want(http.StatusOK, "GET", path+"&every=1h&zone=Europe/Berlin&fill=linear", nil, &got)
	require.Len(t, got.Items, 4, "clocks are set forward from two to three")
	require.Equal(t, "2026-03-29T01:00:00+01:00", got.Items[0].Start)
	require.Equal(t, "2026-03-29T03:00:00+02:00", got.Items[1].Start)
	require.Equal(t, 2, got.Items[0].Count)
	require.InDelta(t, 97, *got.Items[1].Mean, 1e-9)
	user.want(http.StatusOK, "GET", path+"&every=day&fill=null&to=2026-03-31T00:00:00Z", nil, &got)
	require.Len(t, got.Items, 2)
	require.Nil(t, got.Items[1].Mean)
	for _, bad := range []string{"&every=7h", "&every=x", "&zone=Local", "&zone=../x", "&percentile=101", "&every=1ms&fill=null"} {
		user.want(http.StatusBadRequest, "GET", path+bad, nil, nil)
	}
	user.want(http.StatusUnprocessableEntity, "GET", path+"&fill=x", nil, nil)
	user.want(http.StatusUnprocessableEntity, "GET", path+"&metric=pressure", nil, nil)
	user.want(http.StatusOK, "GET", path+",pressure&percentile=50,99", nil, &got)
	user.want(http.StatusNotFound, "GET", "/devices/none/telemetry/aggregates", nil, nil)
}

func TestChart(t *testing.T) {
	t.Parallel()
	b := start(t, testConfig(t.TempDir()))
	user := b.signIn("north-user")
	b.heat(user)
	const path = "/devices/press-1/telemetry/chart?metric=temperature"
	status, picture := user.do("GET", path+"&anomalyScore=score", nil)
	require.Equal(t, http.StatusOK, status, "%s", picture)
	require.Contains(t, string(picture), ">compressor-faulty<", "the alert")
	require.Contains(t, string(picture), ">temperature<")
	require.Contains(t, string(picture), "255,127,14", "the anomaly")
	status, without := user.do("GET", path+"&alerts=false&every=1h&statistic=max", nil)
	require.Equal(t, http.StatusOK, status, "%s", without)
	require.NotContains(t, string(without), "compressor-faulty")
	_, answer := user.do("GET", path+"&format=png&width=300&height=200", nil)
	image, err := png.Decode(bytes.NewReader(answer))
	require.NoError(t, err)
	require.Equal(t, 300, image.Bounds().Dx())

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, user.base+path, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+user.token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, "image/svg+xml", response.Header.Get("Content-Type"))
	require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
	require.Contains(t, response.Header.Get("Content-Security-Policy"), "default-src 'none'")

	var description struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]any `json:"content"`
			} `json:"responses"`
		} `json:"paths"`
	}
	user.want(http.StatusOK, "GET", "/openapi.json", nil, &description)
	content := description.Paths["/devices/{thing}/telemetry/chart"]["get"].Responses["200"].Content
	require.Len(t, content, 2)
	require.Contains(t, content, "image/svg+xml")
	require.Contains(t, content, "image/png")
}

// TestAttackAggregates: two tenants have a press-1, and each sees its own.
func TestAttackAggregates(t *testing.T) {
	t.Parallel()
	b := start(t, testConfig(t.TempDir()))
	b.heat(b.signIn("north-user"))
	other := b.signIn("south-user")
	var got page[bucket]
	other.want(http.StatusOK, "GET", "/devices/press-1/telemetry/aggregates", nil, &got)
	require.Empty(t, got.Items)
	status, picture := other.do("GET", "/devices/press-1/telemetry/chart", nil)
	require.Equal(t, http.StatusOK, status)
	require.NotContains(t, string(picture), "compressor-faulty")
	require.NotContains(t, string(picture), "temperature")
	for _, path := range []string{"aggregates?tenant=north", "chart?tenant=north"} {
		other.want(http.StatusUnprocessableEntity, "GET", "/devices/press-1/telemetry/"+path, nil, nil)
	}
	nobody := &user{t: t, base: other.base}
	for _, path := range []string{"aggregates", "chart"} {
		nobody.want(http.StatusUnauthorized, "GET", "/devices/press-1/telemetry/"+path, nil, nil)
	}
}
