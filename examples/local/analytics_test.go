package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// waitForRows waits until a data store of north has so many rows, and returns
// their payloads.
func (b *backend) waitForRows(datastore string, n int) (payloads []string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		page, err := b.lake.tables.Rows(b.t.Context(), north, analytics.TableID{Kind: analytics.DatastoreTable, Name: datastore}, analytics.RowQuery{})
		require.NoError(b.t, err)
		payloads = payloads[:0]
		for _, row := range page.Items {
			payloads = append(payloads, string(row.Payload))
		}
		return len(payloads) >= n
	}, 20*time.Second, 20*time.Millisecond)
	require.Len(b.t, payloads, n)
	return payloads
}

// TestPipeline follows telemetry into a channel, through a pipeline that is
// changed on the way, and through it again.
func TestPipeline(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := start(t, testConfig(data))
	user := b.signIn("north-user")
	press1 := b.connect(north, press)
	for _, payload := range []string{`{"temperature": 21, "messageId": "a"}`, `{"temperature": 500, "messageId": "b"}`, `not JSON`} {
		b.report(press1, north, press, payload)
	}
	require.JSONEq(t, `{"temperature": 21, "fahrenheit": 69.8, "thing": "press-1"}`, b.waitForRows("readings", 1)[0])

	var sample page[json.RawMessage]
	require.Eventually(t, func() bool {
		user.want(http.StatusOK, "GET", "/channels/telemetry/sample", nil, &sample)
		return len(sample.Items) == 3 // the channel has all of it
	}, 20*time.Second, 20*time.Millisecond)
	b.stop()

	b = start(t, testConfig(data))
	user = b.signIn("north-user")
	b.report(b.connect(north, press), north, press, `{"temperature": 21, "messageId": "a"}`) // sent again
	var refused struct{ Refused []json.RawMessage }
	user.want(http.StatusOK, "POST", "/channels/telemetry/messages", map[string]any{"messages": []any{
		map[string]any{"messageId": "c", "payload": map[string]any{"thing": "press-9", "temperature": 0}},
	}}, &refused)
	require.Empty(t, refused.Refused)
	b.waitForRows("readings", 2)

	user.want(http.StatusOK, "PUT", "/pipelines/readings", json.RawMessage(`{"pipelineName": "readings", "pipelineActivities": [
		{"channel": {"name": "in", "channelName": "telemetry", "next": "out"}}, {"datastore": {"name": "out", "datastoreName": "readings"}}]}`), nil)
	var started struct{ ID, Status string }
	user.want(http.StatusAccepted, "POST", "/pipelines/readings/reprocessings", map[string]any{}, &started)
	require.Eventually(t, func() bool {
		user.want(http.StatusOK, "GET", "/pipelines/readings/reprocessings/"+started.ID, nil, &started)
		return started.Status == "SUCCEEDED"
	}, 20*time.Second, 20*time.Millisecond)
	b.waitForRows("readings", 2+3) // without the filter all objects come through

	user.want(http.StatusNoContent, "DELETE", "/devices/press-1?data=true", nil, nil)
	for _, payload := range b.waitForRows("readings", 2) {
		require.Contains(t, payload, "press-9")
	}
	user.want(http.StatusOK, "GET", "/channels/telemetry/sample", nil, &sample)
	require.Len(t, sample.Items, 1)
	user.want(http.StatusNotFound, "DELETE", "/devices/press-1?data=true", nil, nil) // nothing is left to delete
}

// TestRollups follows telemetry into the means of its minutes, which a restart
// does not begin anew; a rule sees them too.
func TestRollups(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := start(t, testConfig(data))
	user := b.signIn("north-user")
	user.want(http.StatusOK, "PUT", "/rules/hot-minute", json.RawMessage(`{"input": "minutes", "key": "thing",
		"when": {"threshold": {"attribute": "mean", "operator": ">", "value": 40}}}`), nil)
	report := func(second int, temperature float64) {
		b.report(b.connect(north, press), north, press, fmt.Sprintf(`{"temperature": %v, "timestamp": "2026-03-01T12:00:%02dZ"}`, temperature, second))
	}
	report(10, 40)
	b.waitForRows("readings", 1)
	b.stop()

	b = start(t, testConfig(data))
	report(20, 50)
	b.waitForRows("readings", 2)
	b.report(b.connect(north, press), north, press, `{"temperature": 20, "timestamp": "2026-03-01T12:01:00Z"}`)
	row := b.waitForRows("minutes", 1)[0]
	require.Contains(t, row, `"mean":45`)
	require.Contains(t, row, `"count":2`)
	user = b.signIn("north-user")
	require.Eventually(t, func() bool {
		var alerts page[json.RawMessage]
		user.want(http.StatusOK, "GET", "/alerts", nil, &alerts)
		return len(alerts.Items) > 0
	}, 20*time.Second, 20*time.Millisecond)
}

// TestAttackAnalytics lets a user of south reach for what is north's.
func TestAttackAnalytics(t *testing.T) {
	t.Parallel()
	b := start(t, testConfig(t.TempDir()))
	victim, attacker := b.signIn("north-user"), b.signIn("south-user")
	victim.want(http.StatusOK, "PUT", "/channels/secret", map[string]any{"channelName": "secret"}, nil)
	victim.want(http.StatusOK, "PUT", "/datastores/secret", map[string]any{"datastoreName": "secret"}, nil)
	victim.want(http.StatusOK, "PUT", "/pipelines/secret", json.RawMessage(`{"pipelineName": "secret", "pipelineActivities": [
		{"channel": {"name": "in", "channelName": "secret", "next": "out"}}, {"datastore": {"name": "out", "datastoreName": "secret"}}]}`), nil)
	victim.want(http.StatusOK, "PUT", "/datasets/secret", map[string]any{
		"datasetName": "secret", "actions": []any{map[string]any{"actionName": "a", "queryAction": map[string]any{"sqlQuery": "SELECT * FROM secret"}}},
	}, nil)
	message := map[string]any{"messages": []any{map[string]any{"payload": map[string]any{"code": 4711}}}}
	victim.want(http.StatusOK, "POST", "/channels/secret/messages", message, nil)
	var content struct{ Version string }
	victim.want(http.StatusAccepted, "POST", "/datasets/secret/contents", nil, &content)
	var started struct{ ID string }
	victim.want(http.StatusAccepted, "POST", "/pipelines/secret/reprocessings", map[string]any{}, &started)

	for _, attempt := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/channels/secret", nil},
		{"GET", "/channels/secret/sample", nil},
		{"POST", "/channels/secret/messages", message},
		{"DELETE", "/channels/secret?data=true", nil},
		{"GET", "/datastores/secret", nil},
		{"DELETE", "/datastores/secret?data=true", nil},
		{"GET", "/pipelines/secret", nil},
		{"DELETE", "/pipelines/secret", nil},
		{"POST", "/pipelines/secret/reprocessings", map[string]any{}},
		{"GET", "/pipelines/secret/reprocessings/" + started.ID, nil},
		{"DELETE", "/pipelines/secret/reprocessings/" + started.ID, nil},
		{"GET", "/datasets/secret", nil},
		{"DELETE", "/datasets/secret", nil},
		{"POST", "/datasets/secret/contents", nil},
		{"POST", "/datasets/summary/contents?again=" + content.Version, nil},
		{"GET", "/datasets/secret/contents/" + content.Version, nil},
		{"GET", "/datasets/summary/contents/" + content.Version, nil},
		{"DELETE", "/datasets/secret/contents/" + content.Version, nil},
	} {
		status, answer := attacker.do(attempt.method, attempt.path, attempt.body)
		require.Contains(t, []int{http.StatusNotFound, http.StatusBadRequest}, status, "%s %s: %s", attempt.method, attempt.path, answer)
		require.NotContains(t, string(answer), "north")
		require.NotContains(t, string(answer), "4711")
	}
	var listed page[struct{ Name string }]
	for _, path := range []string{"/channels", "/datastores", "/pipelines", "/datasets"} {
		attacker.want(http.StatusOK, "GET", path, nil, &listed)
		for _, item := range listed.Items {
			require.NotEqual(t, "secret", item.Name)
		}
		victim.want(http.StatusOK, "GET", path+"/secret", nil, nil)
	}

	// A pipeline of the attacker's own finds no channel of that name, and one of
	// the same name is its own.
	status, _ := attacker.do("PUT", "/pipelines/spy", json.RawMessage(`{"pipelineName": "spy", "pipelineActivities": [
		{"channel": {"name": "in", "channelName": "secret", "next": "out"}}, {"datastore": {"name": "out", "datastoreName": "readings"}}]}`))
	require.Equal(t, http.StatusBadRequest, status)
	attacker.want(http.StatusOK, "PUT", "/channels/secret", map[string]any{"channelName": "secret"}, nil)
	var sample page[json.RawMessage]
	attacker.want(http.StatusOK, "GET", "/channels/secret/sample", nil, &sample)
	require.Empty(t, sample.Items)

	// A link to a result of north's names its tenant, and can't be another's.
	link, err := b.lake.links.Link(south, "results/secret/"+content.Version+".csv", time.Minute)
	require.NoError(t, err)
	visitor := &user{t: t, base: victim.base}
	path := link[len(visitor.base):]
	visitor.want(http.StatusNotFound, "GET", path, nil, nil)
	visitor.want(http.StatusForbidden, "GET", "/files/north"+path[len("/files/south"):], nil, nil)
	visitor.want(http.StatusUnauthorized, "GET", "/channels", nil, nil)
}
