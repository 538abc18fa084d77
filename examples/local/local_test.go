package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/tenant"
)

// childArgs makes the test binary the program itself, so that tests can kill
// it: its arguments, separated by newlines.
const childArgs = "IOTENANT_LOCAL_CHILD"

func TestMain(m *testing.M) {
	if args := os.Getenv(childArgs); args != "" {
		os.Args = append(os.Args[:1], strings.Split(args, "\n")...)
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// backend is a running system.
type backend struct {
	*system
	t    *testing.T
	stop func()
}

func testConfig(data string) config {
	return config{http: "127.0.0.1:0", mqtt: "127.0.0.1:0", mqtts: "127.0.0.1:0", data: data, rate: -1, feed: 20 * time.Millisecond, logger: slog.New(slog.DiscardHandler)}
}

func start(t *testing.T, c config) *backend {
	t.Helper()
	s, err := open(c)
	require.NoError(t, err)
	require.NoError(t, s.seed(t.Context()))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, s.close())
		http.DefaultClient.CloseIdleConnections()
	})
	t.Cleanup(stop)
	return &backend{system: s, t: t, stop: stop}
}

// user is a client of the HTTP API.
type user struct {
	t     *testing.T
	base  string
	token string
}

func (b *backend) signIn(username string) *user {
	b.t.Helper()
	u := &user{t: b.t, base: "http://" + b.listener.Addr().String()}
	var tokens auth.Tokens
	u.want(http.StatusOK, "POST", "/auth/login", map[string]string{"username": username, "password": b.secrets.Passwords[username]}, &tokens)
	u.token = tokens.AccessToken
	return u
}

// do sends a request and returns status and body of the answer.
func (u *user) do(method, path string, body any) (status int, answer []byte) {
	u.t.Helper()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		require.NoError(u.t, err)
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(u.t.Context(), method, u.base+path, content)
	require.NoError(u.t, err)
	request.Header.Set("Content-Type", "application/json")
	if u.token != "" {
		request.Header.Set("Authorization", "Bearer "+u.token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(u.t, err)
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	require.NoError(u.t, err)
	return response.StatusCode, answer
}

func (u *user) want(status int, method, path string, body, result any) {
	u.t.Helper()
	got, answer := u.do(method, path, body)
	require.Equal(u.t, status, got, "%s %s: %s", method, path, answer)
	if result != nil {
		require.NoError(u.t, json.Unmarshal(answer, result), "%s", answer)
	}
}

type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

func (b *backend) broker1883() string { return "tcp://" + b.broker.Addresses().TCP }

// connect connects a device with its password.
func (b *backend) connect(id tenant.ID, thing device.ID) mqtt.Client {
	b.t.Helper()
	name := device.ThingName(id, thing)
	options := mqtt.NewClientOptions().AddBroker(b.broker1883()).SetClientID(name).SetUsername(name).
		SetPassword(b.secrets.Passwords[name]).SetAutoReconnect(false)
	client := mqtt.NewClient(options)
	settle(b.t, client.Connect())
	b.t.Cleanup(func() { client.Disconnect(100) })
	return client
}

func settle(t *testing.T, token mqtt.Token) {
	t.Helper()
	require.True(t, token.WaitTimeout(10*time.Second), "no answer within 10 s")
	require.NoError(t, token.Error())
}

func (b *backend) report(client mqtt.Client, id tenant.ID, thing device.ID, payload string) {
	b.t.Helper()
	settle(b.t, client.Publish(device.TelemetryTopic(id, thing, "").String(), 1, false, payload))
}

type point struct {
	Metric string  `json:"metric"`
	Value  float64 `json:"value"`
}

type alert struct {
	ID     string `json:"id"`
	Model  string `json:"model"`
	Key    string `json:"key"`
	Event  string `json:"event"`
	Status string `json:"status"`
}

// TestBackend follows a reading, an alert and a command through the system.
func TestBackend(t *testing.T) {
	t.Parallel()
	webhook := newWebhook(t)
	c := testConfig(t.TempDir())
	c.webhook = webhook.url
	b := start(t, c)
	webhook.secret = b.secrets.WebhookKey
	user := b.signIn("north-user")

	press1 := b.connect(north, press)
	for _, payload := range []string{`{"temperature": 96}`, `{"temperature": 97}`, `{"temperature": 98}`, `not JSON`} {
		b.report(press1, north, press, payload)
	}

	var points page[point]
	user.want(http.StatusOK, "GET", "/devices/press-1/telemetry", nil, &points)
	require.Equal(t, []point{{"temperature", 96}, {"temperature", 97}, {"temperature", 98}}, points.Items)
	require.EqualValues(t, 1, b.ingest.unread.Load(), "the message that is no JSON is kept, and refused by the detector")

	event := webhook.next()
	require.Equal(t, north, event.Tenant)
	require.Equal(t, "compressor-faulty", event.Alert.Event)
	var alerts page[alert]
	require.Eventually(t, func() bool {
		user.want(http.StatusOK, "GET", "/alerts", nil, &alerts)
		return len(alerts.Items) == 1 && alerts.Items[0].Status == "delivered"
	}, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, alert{event.Alert.ID, "compressor-health", "press-1", "compressor-faulty", "delivered"}, alerts.Items[0])

	simulated := newSimulatedDevice(north, press)
	simulated.subscribe(press1)
	var command struct {
		Status   string          `json:"status"`
		Reported json.RawMessage `json:"reported"`
	}
	user.want(http.StatusOK, "POST", "/devices/press-1/commands", map[string]any{"desired": map[string]any{"lamp": "on"}, "wait": 10}, &command)
	require.Equal(t, "done", command.Status)
	require.JSONEq(t, `{"lamp": "on"}`, string(command.Reported))
}

// TestRestart checks that everything is kept.
func TestRestart(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := start(t, testConfig(data))
	press1 := b.connect(north, press)
	b.report(press1, north, press, `{"temperature": 96, "messageId": "a"}`)
	b.report(press1, north, press, `{"temperature": 97, "messageId": "b"}`)
	b.signIn("north-user").want(http.StatusOK, "POST", "/devices/press-1/shadow", map[string]any{"state": map[string]any{"desired": map[string]any{"lamp": "on"}}}, nil)
	press1.Disconnect(100)
	b.stop()

	b = start(t, testConfig(data))
	press1 = b.connect(north, press)
	b.report(press1, north, press, `{"temperature": 97, "messageId": "b"}`) // sent again
	b.report(press1, north, press, `{"temperature": 98, "messageId": "c"}`)
	user := b.signIn("north-user")
	var points page[point]
	user.want(http.StatusOK, "GET", "/devices/press-1/telemetry", nil, &points)
	require.Equal(t, []point{{"temperature", 96}, {"temperature", 97}, {"temperature", 98}}, points.Items)
	var document struct {
		State struct {
			Desired map[string]string `json:"desired"`
		} `json:"state"`
	}
	user.want(http.StatusOK, "GET", "/devices/press-1/shadow", nil, &document)
	require.Equal(t, map[string]string{"lamp": "on"}, document.State.Desired)
	require.Eventually(t, func() bool {
		var alerts page[alert]
		user.want(http.StatusOK, "GET", "/alerts", nil, &alerts)
		return len(alerts.Items) == 1 // the third reading counts, the repeated one does not
	}, 10*time.Second, 10*time.Millisecond)
}

// TestShadowRefusals checks that the API answers with the codes of AWS.
func TestShadowRefusals(t *testing.T) {
	t.Parallel()
	user := start(t, testConfig(t.TempDir())).signIn("north-user")
	const path = "/devices/press-1/shadow"
	user.want(http.StatusNotFound, "GET", path, nil, nil)
	user.want(http.StatusBadRequest, "POST", path, map[string]any{"state": 1}, nil)
	user.want(http.StatusConflict, "POST", path, map[string]any{"state": nil, "version": 7}, nil)
	user.want(http.StatusRequestEntityTooLarge, "POST", path,
		map[string]any{"state": map[string]any{"desired": map[string]string{"a": strings.Repeat("x", shadow.DefaultMaxSize)}}}, nil)
}

func TestSignUp(t *testing.T) {
	t.Parallel()
	b := start(t, testConfig(t.TempDir()))
	visitor := &user{t: t, base: "http://" + b.listener.Addr().String()}
	credentials := map[string]string{"username": "visitor", "password": "a long enough password"}
	visitor.want(http.StatusCreated, "POST", "/auth/sign-up",
		map[string]string{"username": "visitor", "password": credentials["password"], "email": "visitor@example.com"}, nil)
	visitor.want(http.StatusForbidden, "POST", "/auth/login", credentials, nil)
	visitor.want(http.StatusNoContent, "POST", "/auth/confirm", map[string]string{"username": "visitor", "code": b.mailedCode()}, nil)
	visitor.want(http.StatusForbidden, "POST", "/auth/login", credentials, nil) // the platform has not assigned a tenant

	_, err := b.identity.AssignTenant(t.Context(), "visitor", north)
	require.NoError(t, err)
	var tokens auth.Tokens
	visitor.want(http.StatusOK, "POST", "/auth/login", credentials, &tokens)
	visitor.token = tokens.AccessToken
	var profile auth.Profile
	visitor.want(http.StatusOK, "GET", "/auth/profile", nil, &profile)
	require.Equal(t, north, profile.Tenant)
	visitor.want(http.StatusOK, "PATCH", "/auth/profile", map[string]string{"name": "A visitor"}, &profile)
	require.Equal(t, "A visitor", profile.Name)

	var renewed auth.Tokens
	visitor.want(http.StatusOK, "POST", "/auth/refresh", map[string]string{"refreshToken": tokens.RefreshToken}, &renewed)
	visitor.want(http.StatusNoContent, "POST", "/auth/sign-out", nil, nil)
	visitor.want(http.StatusUnauthorized, "POST", "/auth/refresh", map[string]string{"refreshToken": renewed.RefreshToken}, nil)
}

func (b *backend) mailedCode() string {
	files, err := filepath.Glob(filepath.Join(b.config.data, "mail", "*.txt"))
	require.NoError(b.t, err)
	require.Len(b.t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(b.t, err)
	_, code, ok := strings.Cut(strings.TrimSpace(string(text)), "Your code is ")
	require.True(b.t, ok)
	return code
}

func TestSuspendedTenantIsSentAway(t *testing.T) {
	t.Parallel()
	b := start(t, testConfig(t.TempDir()))
	user, operator := b.signIn("south-user"), b.signIn("operator")
	press1 := b.connect(south, press)
	user.want(http.StatusOK, "GET", "/devices", nil, nil)

	operator.want(http.StatusOK, "POST", "/tenants/south/suspend", map[string]string{"reason": "test"}, nil)

	require.Eventually(t, func() bool { return !press1.IsConnected() }, 10*time.Second, 10*time.Millisecond)
	user.want(http.StatusForbidden, "GET", "/devices", nil, nil)
	status, _ := user.do("POST", "/auth/login", map[string]string{"username": "south-user", "password": b.secrets.Passwords["south-user"]})
	require.Equal(t, http.StatusForbidden, status)

	// Or nobody would be left who could resume it.
	operator.want(http.StatusForbidden, "POST", "/tenants/operations/suspend", map[string]string{"reason": "test"}, nil)

	operator.want(http.StatusOK, "POST", "/tenants/south/resume", nil, nil)
	user.want(http.StatusOK, "GET", "/devices", nil, nil)
	b.connect(south, press)
}

// TestRevokedCredential checks that a connection ends with its credential.
func TestRevokedCredential(t *testing.T) {
	t.Parallel()
	b := start(t, testConfig(t.TempDir()))
	press1 := b.connect(north, press)
	credential, _, _ := strings.Cut(b.secrets.Passwords[device.ThingName(north, press)], ".")
	path := "/devices/press-1/credentials/" + credential

	b.signIn("south-user").want(http.StatusNotFound, "DELETE", path, nil, nil)
	require.True(t, press1.IsConnected(), "another tenant has a press-1 of its own")
	b.signIn("north-user").want(http.StatusNoContent, "DELETE", path, nil, nil)
	require.Eventually(t, func() bool { return !press1.IsConnected() }, 10*time.Second, 10*time.Millisecond)
}

func TestBadStart(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"argument":         {"extra"},
		"devices":          {"-devices", "-1"},
		"interval":         {"-interval", "0s"},
		"rate of 0":        {"-rate", "0"},
		"negative rate":    {"-rate", "-2"},
		"rate":             {"-rate", "NaN"},
		"log level":        {"-log", "loud"},
		"negative speed":   {"-speed", "-1"},
		"speed":            {"-speed", "NaN"},
		"action limit":     {"-action-limit", "-1"},
		"mail to nobody":   {"-smtp", "127.0.0.1:25"},
		"mail by nobody":   {"-mail-to", "ops@example.com"},
		"mail server":      {"-smtp", "localhost", "-mail-to", "ops@example.com"},
		"mail sender":      {"-smtp", "127.0.0.1:25", "-mail-to", "ops@example.com", "-mail-from", "ops"},
		"webhook":          {"-webhook", "localhost:9000"},
		"webhook's host":   {"-webhook", "http://"},
		"webhook's scheme": {"-webhook", "ftp://localhost/alerts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseFlags(args)
			require.Error(t, err)
		})
	}
	data := filepath.Join(t.TempDir(), "data")
	f, err := parseFlags([]string{"-data", data, "-replay", data + ".csv"})
	require.NoError(t, err)
	require.ErrorContains(t, serve(t.Context(), f, os.Stdout), data+".csv")
	require.NoDirExists(t, data, "refused before anything is begun")

	b := start(t, testConfig(data))
	_, err = open(testConfig(data))
	require.Error(t, err, "a folder in use is refused")
	c := testConfig(t.TempDir())
	c.http = b.listener.Addr().String()
	_, err = open(c)
	require.ErrorContains(t, err, "address already in use")
}
