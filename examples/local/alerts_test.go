package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

const patience = 15 * time.Second

// detectorState is a detector, or an alarm, as the API shows it.
type detectorState struct {
	Key       string
	State     string
	Variables map[string]any
	Alarm     *struct {
		Severity                 int
		InputProperty, Threshold float64
		Comparison, Note         string
		CustomerAction           string
		SnoozeSeconds            int
	}
}

// oil reports the oil pressure of a machine, which the alarm model of the demo
// looks at.
func (b *backend) oil(client mqtt.Client, id tenant.ID, bar float64) {
	b.t.Helper()
	topic := device.TelemetryTopic(id, press, "oil").String()
	settle(b.t, client.Publish(topic, 1, false, fmt.Sprintf(`{"pressure": %g}`, bar)))
}

// wait lists alerts until there are as many as wanted, newest first.
func (u *user) wait(query string, want int) (alerts []alert) {
	u.t.Helper()
	require.Eventually(u.t, func() bool {
		var found page[alert]
		u.want(http.StatusOK, "GET", "/alerts"+query, nil, &found)
		alerts = found.Items
		return len(alerts) == want
	}, patience, 10*time.Millisecond)
	return alerts
}

func TestAlarm(t *testing.T) {
	t.Parallel()
	b := start(t, testConfig(t.TempDir()))
	u, press1 := b.signIn("north-user"), b.connect(north, press)
	b.oil(press1, north, 1.5)
	u.wait("?model=oil-pressure&key=press-1", 1)

	const path = "/detector-models/oil-pressure"
	var alarms page[detectorState]
	u.want(http.StatusOK, "GET", path+"/detectors", nil, &alarms)
	require.Len(t, alarms.Items, 1)
	require.Equal(t, "press-1", alarms.Items[0].Key)
	var alarm detectorState
	operate := func(status int, body map[string]any) {
		t.Helper()
		body["key"] = "press-1"
		u.want(status, "POST", path+"/operations", body, nil)
		u.want(http.StatusOK, "GET", path+"/detector?key=press-1", nil, &alarm)
	}
	operate(http.StatusOK, map[string]any{"kind": "ACKNOWLEDGE", "note": "on my way"})
	require.Equal(t, "ACKNOWLEDGED", alarm.State)
	require.Equal(t, 2, alarm.Alarm.Severity)
	require.InDelta(t, 1.5, alarm.Alarm.InputProperty, 0)
	require.InDelta(t, 2, alarm.Alarm.Threshold, 0)
	require.Equal(t, "on my way", alarm.Alarm.Note)
	operate(http.StatusOK, map[string]any{"kind": "SNOOZE", "snoozeSeconds": 90})
	require.Equal(t, "SNOOZE_DISABLED", alarm.State)
	require.Equal(t, 90, alarm.Alarm.SnoozeSeconds)
	operate(http.StatusBadRequest, map[string]any{"kind": "SNOOZE"})
	operate(http.StatusBadRequest, map[string]any{"kind": "UPDATE", "state": map[string]any{"stateName": "ACTIVE"}})
	operate(http.StatusUnprocessableEntity, map[string]any{"kind": "EXPLODE"})
	u.want(http.StatusNotFound, "POST", path+"/operations", map[string]any{"kind": "RESET", "key": "press-2"}, nil)

	// A detector, and not an alarm, can be set.
	b.report(press1, north, press, `{"temperature": 20, "pressure": 6, "vibration": 1}`)
	u.want(http.StatusOK, "POST", "/detector-models/compressor-health/operations", map[string]any{"kind": "UPDATE", "key": "press-1", "state": map[string]any{
		"stateName": "Faulty", "variables": []map[string]string{{"name": "suspicious", "value": "2"}}, "timers": []map[string]any{{"name": "still-faulty", "seconds": 600}},
	}}, &alarm)
	require.Equal(t, "Faulty", alarm.State)
	require.Equal(t, map[string]any{"suspicious": 2.0}, alarm.Variables)

	definition, err := models.ReadFile("models/oil.json")
	require.NoError(t, err)
	definition = bytes.Replace(definition, []byte(`"oil-pressure"`), []byte(`"oil-pressure-2"`), 1)
	u.want(http.StatusOK, "PUT", "/detector-models/oil-pressure-2", json.RawMessage(definition), nil)
	b.oil(press1, north, 1)
	u.wait("?model=oil-pressure-2", 1)
}

func TestRule(t *testing.T) {
	t.Parallel()
	b := start(t, testConfig(t.TempDir()))
	u, press1 := b.signIn("north-user"), b.connect(north, press)
	hot := func(operator string, value any) map[string]any {
		return map[string]any{"threshold": map[string]any{"attribute": "temperature", "operator": operator, "value": value}}
	}
	rule := map[string]any{
		"input": "telemetry", "key": "thing", "severity": 2, "clear": hot("<", 75), "escalate": []map[string]int{{"afterSeconds": 600, "severity": 3}},
		"when": map[string]any{"any": []any{
			map[string]any{"times": map[string]any{"atLeast": 2, "last": 3, "of": hot(">", 80)}},
			map[string]any{"all": []any{hot("==", "broken"), map[string]any{"rate": map[string]any{"attribute": "temperature", "operator": ">", "value": 5.5}}}},
		}},
		"during": map[string]any{"timeAttribute": "time", "timeUnit": "ms", "days": []int{1, 2}, "fromSeconds": 0, "toSeconds": 86400},
	}
	var model struct {
		Name    string
		Version int
	}
	u.want(http.StatusOK, "PUT", "/rules/warm", rule, &model)
	require.Equal(t, "warm", model.Name)
	monday := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC).UnixMilli()
	for _, temperature := range []int{81, 70, 85, 74} {
		b.report(press1, north, press, fmt.Sprintf(`{"temperature": %d, "time": %d}`, temperature, monday))
	}
	raised := u.wait("?model=warm", 2)
	require.Equal(t, "cleared", raised[0].Event)
	require.Equal(t, "raised", raised[1].Event)

	rule["when"] = map[string]any{}
	status, answer := u.do("PUT", "/rules/warm", rule)
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, string(answer), "want exactly one of Threshold")
	rule["when"] = hot("~", 1)
	u.want(http.StatusUnprocessableEntity, "PUT", "/rules/warm", rule, nil)
	u.want(http.StatusNoContent, "DELETE", "/detector-models/warm", nil, nil)
}

func TestHandling(t *testing.T) {
	t.Parallel()
	b := start(t, testConfig(t.TempDir()))
	u := b.signIn("north-user")
	b.oil(b.connect(north, press), north, 1)
	path := "/alerts/" + u.wait("", 1)[0].ID
	var handled struct{ Handling alerts.Handling }
	u.want(http.StatusOK, "POST", path+"/acknowledge", nil, nil)
	u.want(http.StatusOK, "PUT", path+"/assignee", map[string]string{"assignee": "ann"}, nil)
	u.want(http.StatusOK, "POST", path+"/comments", map[string]string{"text": "the pump leaks"}, &handled)
	require.Equal(t, "north-user", handled.Handling.AcknowledgedBy)
	require.Equal(t, "ann", handled.Handling.Assignee)
	require.Equal(t, "the pump leaks", handled.Handling.Comments[0].Text)
	require.Equal(t, "north-user", handled.Handling.Comments[0].By)
	u.want(http.StatusUnprocessableEntity, "POST", path+"/comments", map[string]string{"text": ""}, nil)
	u.want(http.StatusNotFound, "POST", path+"/redeliver", nil, nil) // it is delivered
}

func TestShelves(t *testing.T) {
	t.Parallel()
	b := start(t, testConfig(t.TempDir()))
	u, press1 := b.signIn("north-user"), b.connect(north, press)
	var shelf alerts.Shelf
	u.want(http.StatusCreated, "POST", "/shelves", map[string]any{"model": "oil-pressure", "key": "press-1", "seconds": 3600, "reason": "oil change"}, &shelf)
	require.Equal(t, "north-user", shelf.By)
	require.WithinDuration(t, time.Now().Add(time.Hour), shelf.Until, time.Minute)
	b.oil(press1, north, 1)
	held := u.wait("?status=shelved", 1)[0]
	require.Equal(t, "shelved", held.Status)
	var shelves page[alerts.Shelf]
	u.want(http.StatusOK, "GET", "/shelves", nil, &shelves)
	require.Equal(t, []alerts.Shelf{shelf}, shelves.Items)

	u.want(http.StatusNoContent, "DELETE", "/shelves/oil-pressure?key=press-1", nil, nil)
	u.want(http.StatusNotFound, "DELETE", "/shelves/oil-pressure?key=press-1", nil, nil)
	u.want(http.StatusAccepted, "POST", "/alerts/"+held.ID+"/redeliver", nil, nil)
	require.Eventually(t, func() bool {
		u.want(http.StatusOK, "GET", "/alerts/"+held.ID, nil, &held)
		return held.Status == "delivered"
	}, patience, 10*time.Millisecond)
}

// TestActionLimit checks that alerts above the limit are kept, and that
// something is said instead of them.
func TestActionLimit(t *testing.T) {
	t.Parallel()
	c := testConfig(t.TempDir())
	c.actionLimit = 1
	b := start(t, c)
	u, press1 := b.signIn("north-user"), b.connect(north, press)
	for range 4 { // of which two may fall into the next minute
		b.oil(press1, north, 1)
		b.oil(press1, north, 3)
		u.want(http.StatusOK, "POST", "/detector-models/oil-pressure/operations", map[string]any{"kind": "RESET", "key": "press-1"}, nil)
	}
	require.Eventually(t, func() bool {
		var suppressed, pending page[alert]
		u.want(http.StatusOK, "GET", "/alerts?status=suppressed", nil, &suppressed)
		u.want(http.StatusOK, "GET", "/alerts?status=pending", nil, &pending)
		return len(suppressed.Items) > 0 && len(pending.Items) > 0 && pending.Items[0].Event == "storm"
	}, patience, 10*time.Millisecond)
	b.oil(b.connect(south, press), south, 1)
	require.Equal(t, "delivered", b.signIn("south-user").wait("", 1)[0].Status, "the limit is each tenant's own")
}

// signedRequest sends a request as an SDK of AWS does, and returns status and
// body.
func (b *backend) signedRequest(keyID, secret, method, path, body string) (int, string) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, "http://"+b.listener.Addr().String()+dataPlanePath+path, strings.NewReader(body))
	require.NoError(b.t, err)
	request.Header.Set("Content-Type", "application/json")
	digest := sha256.Sum256([]byte(body))
	require.NoError(b.t, v4.NewSigner().SignHTTP(b.t.Context(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret},
		request, hex.EncodeToString(digest[:]), dataPlaneService, "eu-west-1", time.Now()))
	response, err := http.DefaultClient.Do(request)
	require.NoError(b.t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	return response.StatusCode, string(answer)
}

// oilMessage is the body of a BatchPutMessage.
func oilMessage(bar float64) string {
	payload := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"thing": "press-1", "pressure": %g}`, bar))
	return fmt.Sprintf(`{"messages": [{"messageId": "m", "inputName": "oil", "payload": %q}]}`, payload)
}

func TestDataPlane(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := start(t, testConfig(data))
	keyID, key := b.secrets.accessKeyOf(north)
	status, answer := b.signedRequest(keyID, key.Secret, "POST", "/inputs/messages", oilMessage(1))
	require.Equal(t, http.StatusOK, status, answer)
	status, answer = b.signedRequest(keyID, key.Secret, "GET", "/alarms/oil-pressure/keyValues?keyValue=press-1", "")
	require.Equal(t, http.StatusOK, status, answer)
	require.Contains(t, answer, `"stateName":"ACTIVE"`)
	b.stop()
	b = start(t, testConfig(data))
	again, _ := b.secrets.accessKeyOf(north)
	require.Equal(t, keyID, again, "keys are kept")
}

// TestGuide runs what the program prints of the old services, as it stands there.
func TestGuide(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		require.Empty(t, os.Getenv("IOTENANT_EMULATORS"), "make emulators installs curl")
		t.Skip("curl is not installed")
	}
	b := start(t, testConfig(t.TempDir()))
	var guide bytes.Buffer
	b.guide(&guide, 0)
	var answers []string
	for line := range strings.SplitSeq(guide.String(), "\n") {
		if strings.Contains(line, "--aws-sigv4") {
			answer, err := exec.CommandContext(t.Context(), "sh", "-c", line).Output()
			require.NoError(t, err, line)
			answers = append(answers, string(answer))
		}
	}
	require.Len(t, answers, 4)
	require.JSONEq(t, `{"BatchPutMessageErrorEntries":[]}`, answers[0])
	require.Contains(t, answers[1], `"stateName":"ACTIVE"`)
	require.JSONEq(t, `{"errorEntries":[]}`, answers[2])
	require.JSONEq(t, `{"batchPutMessageErrorEntries":[]}`, answers[3])
}

// TestAttackAlerts lets a user of south reach for what is north's, by each
// operation on alerts, detectors and shelves. Both tenants have the same models
// and a device of the same name.
func TestAttackAlerts(t *testing.T) {
	t.Parallel()
	b := start(t, testConfig(t.TempDir()))
	victim, attacker := b.signIn("north-user"), b.signIn("south-user")
	b.oil(b.connect(north, press), north, 1)
	victim.want(http.StatusCreated, "POST", "/shelves", map[string]any{"model": "machine-temperature", "seconds": 3600}, nil)
	stolen := victim.wait("", 1)[0].ID

	for _, attempt := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/alerts/" + stolen, nil},
		{"POST", "/alerts/" + stolen + "/acknowledge", nil},
		{"PUT", "/alerts/" + stolen + "/assignee", map[string]string{"assignee": "spy"}},
		{"POST", "/alerts/" + stolen + "/comments", map[string]string{"text": "spy"}},
		{"POST", "/alerts/" + stolen + "/redeliver", nil},
		{"GET", "/detector-models/oil-pressure/detector?key=press-1", nil},
		{"POST", "/detector-models/oil-pressure/operations", map[string]string{"kind": "ACKNOWLEDGE", "key": "press-1"}},
		{"DELETE", "/shelves/machine-temperature", nil},
	} {
		status, answer := attacker.do(attempt.method, attempt.path, attempt.body)
		require.Equal(t, http.StatusNotFound, status, "%s %s: %s", attempt.method, attempt.path, answer)
		require.NotContains(t, string(answer), "north")
	}
	for _, path := range []string{"/alerts", "/shelves", "/detector-models/oil-pressure/detectors", "/alerts?model=oil-pressure&key=press-1"} {
		var found page[json.RawMessage]
		attacker.want(http.StatusOK, "GET", path, nil, &found)
		require.Empty(t, found.Items, path)
	}

	// A rule or model of the same name is another's, and so are its shelves.
	attacker.want(http.StatusOK, "PUT", "/rules/oil-pressure", map[string]any{
		"input": "oil", "when": map[string]any{"threshold": map[string]any{"attribute": "pressure", "operator": "<", "value": 9}},
	}, nil)
	attacker.want(http.StatusCreated, "POST", "/shelves", map[string]any{"model": "oil-pressure", "seconds": 3600}, nil)
	var alarm detectorState
	victim.want(http.StatusOK, "GET", "/detector-models/oil-pressure/detector?key=press-1", nil, &alarm)
	require.Equal(t, "ACTIVE", alarm.State)
	var shelves page[alerts.Shelf]
	victim.want(http.StatusOK, "GET", "/shelves", nil, &shelves)
	require.Len(t, shelves.Items, 1)
	var kept struct{ Handling *alerts.Handling }
	victim.want(http.StatusOK, "GET", "/alerts/"+stolen, nil, &kept)
	require.Nil(t, kept.Handling)
	visitor := &user{t: t, base: victim.base}
	visitor.want(http.StatusUnauthorized, "POST", "/alerts/"+stolen+"/acknowledge", nil, nil)
}

// TestAttackAccessKeys reaches for north's alarm with what is not north's key.
func TestAttackAccessKeys(t *testing.T) {
	t.Parallel()
	b := start(t, testConfig(t.TempDir()))
	keyID, key := b.secrets.accessKeyOf(north)
	otherID, other := b.secrets.accessKeyOf(south)
	const alarm = "/alarms/oil-pressure/keyValues?keyValue=press-1"
	status, answer := b.signedRequest(keyID, key.Secret, "POST", "/inputs/messages", oilMessage(1))
	require.Equal(t, http.StatusOK, status, answer)

	status, answer = b.signedRequest(otherID, other.Secret, "GET", alarm, "")
	require.Equal(t, http.StatusNotFound, status, answer)
	status, answer = b.signedRequest(otherID, other.Secret, "POST", "/alarms/acknowledge",
		`{"acknowledgeActionRequests": [{"requestId": "1", "alarmModelName": "oil-pressure", "keyValue": "press-1"}]}`)
	require.Equal(t, http.StatusAccepted, status, answer)
	require.Contains(t, answer, "ResourceNotFoundException")

	for name, credentials := range map[string][2]string{
		"another's secret": {keyID, other.Secret}, "no secret": {keyID, ""}, "no key": {"", key.Secret}, "unknown key": {"IOTENANT", key.Secret},
	} {
		status, answer = b.signedRequest(credentials[0], credentials[1], "GET", alarm, "")
		require.Equal(t, http.StatusForbidden, status, "%s: %s", name, answer)
		require.NotContains(t, answer, "north")
	}
	u := b.signIn("north-user")
	u.want(http.StatusForbidden, "GET", dataPlanePath+alarm, nil, nil) // a token is no signature
	u.token = ""
	u.want(http.StatusForbidden, "GET", dataPlanePath+alarm, nil, nil)

	_, err := b.directory.Suspend(t.Context(), north, "test")
	require.NoError(t, err)
	status, _ = b.signedRequest(keyID, key.Secret, "GET", alarm, "")
	require.Equal(t, http.StatusForbidden, status)
}
