package alerts_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

//go:embed testdata/dataplane.js
var dataPlaneClient string

// openGate admits everybody.
type openGate struct{}

func (openGate) Admit(context.Context, tenant.ID) error { return nil }

func tenantOf(r *http.Request) (tenant.ID, error) {
	principal, err := auth.FromContext(r.Context())
	return principal.Tenant, err
}

// AWS's own client of the old service works, with another endpoint.
func TestDataPlaneWithTheClientOfAWS(t *testing.T) {
	t.Parallel()
	store := memtenant.New(tenant.RandomCursorKeys())
	detectors := memtenant.NewRepository(store, &alerts.DetectorSchema)
	models := alerts.NewModels(memtenant.NewRepository(store, &alerts.ModelSchema), detectors)
	runtime := alerts.NewRuntime(models, detectors, memtenant.NewRepository(store, &alerts.AlertSchema), nil)
	for _, definition := range []string{boiler, hot} {
		_, err := models.Put(t.Context(), north, []byte(definition))
		require.NoError(t, err)
	}
	keys := func(context.Context, string) (auth.AccessKey, error) {
		return auth.AccessKey{Secret: "a long random text", Principal: auth.Principal{Tenant: north}}, nil
	}
	signed := auth.SignatureMiddleware(auth.NewSignatureVerifier("ioteventsdata", keys), openGate{})
	server := httptest.NewServer(signed(alerts.NewDataPlane(runtime, tenantOf)))
	defer server.Close()

	answers := clientAnswers(t, emulator.RunClient(t, dataPlaneClient, server.URL, "AKNORTH", "a long random text"))
	for i, want := range []string{
		`batchPutMessage 200 BatchPutMessageErrorEntries.0.messageId=m4 BatchPutMessageErrorEntries.0.errorCode=ResourceNotFoundException` +
			` BatchPutMessageErrorEntries.1.messageId=m3 BatchPutMessageErrorEntries.1.errorCode=InvalidRequestException !BatchPutMessageErrorEntries.2`,
		`describeDetector 200 detector.detectorModelName=boiler detector.keyValue=k1 detector.detectorModelVersion=1 detector.state.stateName=hot ` +
			`detector.state.variables.0.name=n detector.state.variables.0.value=1 detector.state.timers.0.name=repeat`,
		`describeDetector 404 ResourceNotFoundException`,
		`listDetectors 200 detectorSummaries.0.keyValue=k1 !detectorSummaries.1`,
		`listDetectors 200 detectorSummaries.0.keyValue=k2 !detectorSummaries.1 !nextToken`,
		`listDetectors 200 detectorSummaries.0.keyValue=k1 detectorSummaries.0.state.stateName=hot !detectorSummaries.1`,
		`batchUpdateDetector 200 batchUpdateDetectorErrorEntries.0.messageId=u2 batchUpdateDetectorErrorEntries.0.errorCode=InvalidRequestException` +
			` batchUpdateDetectorErrorEntries.1.messageId=u3 batchUpdateDetectorErrorEntries.1.errorCode=ResourceNotFoundException !batchUpdateDetectorErrorEntries.2`,
		`describeDetector 200 detector.state.stateName=hot detector.state.variables.0.value=7 detector.state.variables.1.value="ann" detector.state.timers.0.name=repeat`,
		`batchDeleteDetector 200 batchDeleteDetectorErrorEntries.0.messageId=d2 batchDeleteDetectorErrorEntries.0.errorCode=ResourceNotFoundException !batchDeleteDetectorErrorEntries.1`,
		`listAlarms 200 alarmSummaries.0.keyValue=k1 alarmSummaries.0.stateName=ACTIVE alarmSummaries.0.alarmModelVersion=1` +
			` alarmSummaries.1.stateName=NORMAL !alarmSummaries.2`,
		`batchAcknowledgeAlarm 202 errorEntries.0.requestId=a2 errorEntries.0.errorCode=InvalidRequestException` +
			` errorEntries.1.requestId=a3 errorEntries.1.errorCode=ResourceNotFoundException !errorEntries.2`,
		`describeAlarm 200 alarm.severity=3 alarm.alarmState.stateName=ACKNOWLEDGED alarm.alarmState.ruleEvaluation.simpleRuleEvaluation.inputPropertyValue=95 ` +
			`alarm.alarmState.ruleEvaluation.simpleRuleEvaluation.operator=GREATER alarm.alarmState.ruleEvaluation.simpleRuleEvaluation.thresholdValue=90 ` +
			`alarm.alarmState.customerAction.actionName=ACKNOWLEDGE alarm.alarmState.customerAction.acknowledgeActionConfiguration.note=on+my+way`,
		`batchSnoozeAlarm 202 !errorEntries.0`,
		`describeAlarm 200 alarm.alarmState.stateName=SNOOZE_DISABLED alarm.alarmState.customerAction.snoozeActionConfiguration.snoozeDuration=300`,
		`batchEnableAlarm 202 !errorEntries.0`,
		`batchDisableAlarm 202 !errorEntries.0`,
		`batchResetAlarm 202 !errorEntries.0`,
		`describeAlarm 404 ResourceNotFoundException`,
	} {
		require.Less(t, i, len(answers))
		answers[i].require(t, want)
	}
	require.Len(t, answers, 18)

	stranger := clientAnswers(t, emulator.RunClient(t, strings.Split(dataPlaneClient, "  const first")[0]+"}\nmain()", server.URL, "AKNORTH", "a guess"))
	stranger[0].require(t, "batchPutMessage 403 InvalidSignatureException")
}

// clientAnswer is a line of the client.
type clientAnswer struct {
	Operation string
	Status    int
	Answer    any
	Error     string
}

func clientAnswers(t *testing.T, output []byte) (answers []clientAnswer) {
	t.Helper()
	for line := range bytes.Lines(output) {
		var answer clientAnswer
		require.NoError(t, json.Unmarshal(line, &answer), "%s", line)
		answers = append(answers, answer)
	}
	return answers
}

// require checks "operation status", then an error, or members: path=value,
// !path for one that is not there. A + in a value is a blank.
func (a clientAnswer) require(t *testing.T, want string) {
	t.Helper()
	fields := strings.Fields(want)
	require.Equal(t, fields[0], a.Operation)
	require.Equal(t, fields[1], fmt.Sprint(a.Status), "%+v", a)
	if a.Error != "" {
		require.Equal(t, []string{a.Error}, fields[2:])
		return
	}
	for _, field := range fields[2:] {
		path, value, _ := strings.Cut(strings.TrimPrefix(field, "!"), "=")
		got, found := member(a.Answer, strings.Split(path, "."))
		if strings.HasPrefix(field, "!") {
			require.False(t, found, "%s in %+v", path, a)
			continue
		}
		require.True(t, found, "no %s in %+v", path, a)
		require.Equal(t, strings.ReplaceAll(value, "+", " "), fmt.Sprint(got), "%s in %+v", path, a)
	}
}

func member(node any, path []string) (any, bool) {
	for _, name := range path {
		switch at := node.(type) {
		case map[string]any:
			next, ok := at[name]
			if !ok || next == nil {
				return nil, false
			}
			node = next
		case []any:
			index := int(name[0] - '0')
			if index >= len(at) {
				return nil, false
			}
			node = at[index]
		default:
			return nil, false
		}
	}
	return node, true
}

// rest is a plain client of a data plane.
type rest struct {
	*testing.T
	handler http.Handler
}

func (p *process) dataPlane(t *testing.T, id tenant.ID, optFns ...func(*alerts.DataPlaneOptions)) rest {
	t.Helper()
	return rest{t, alerts.NewDataPlane(p.Runtime, func(*http.Request) (tenant.ID, error) { return id, nil }, optFns...)}
}

func (r rest) call(method, target, body string) (status int, code, answer string) {
	r.Helper()
	recorder := httptest.NewRecorder()
	r.handler.ServeHTTP(recorder, httptest.NewRequest(method, target, strings.NewReader(body)))
	require.Equal(r, "application/json", recorder.Header().Get("Content-Type"))
	text, err := io.ReadAll(recorder.Body)
	require.NoError(r, err)
	require.True(r, json.Valid(text), "%s", text)
	return recorder.Code, recorder.Header().Get("X-Amzn-Errortype"), string(text)
}

func encoded(payload string) string { return base64.StdEncoding.EncodeToString([]byte(payload)) }

func TestDataPlaneRequests(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, boiler)
	r := p.dataPlane(t, north, func(o *alerts.DataPlaneOptions) {
		o.MaxBody = 2000
		o.HasInput = func(_ context.Context, _ tenant.ID, input string) (bool, error) {
			if input == "failing" {
				return false, fmt.Errorf("secret reason: %w", iotenant.ErrUnavailable)
			}
			return input == "idle", nil
		}
	})
	put := func(entries string) (int, string, string) {
		return r.call(http.MethodPost, "/inputs/messages", `{"messages":[`+entries+`]}`)
	}
	payload := encoded(`{"id":"k1","t":1}`)

	_, _, answer := put(`{"messageId":"m1","inputName":"telemetry","payload":"` + payload + `","timestamp":{"timeInMillis":1}}`)
	require.JSONEq(t, `{"BatchPutMessageErrorEntries":[]}`, answer)
	_, _, answer = put(`{"messageId":"m1","inputName":"telemetry","payload":"` + payload + `"}`)
	require.JSONEq(t, `{"BatchPutMessageErrorEntries":[]}`, answer, "a duplicate is no error")
	require.Equal(t, int64(1), p.detector(t, north, "boiler", "k1").Variables["n"].Int())
	_, _, answer = put(`{"messageId":"m2","inputName":"idle","payload":""}`)
	require.JSONEq(t, `{"BatchPutMessageErrorEntries":[]}`, answer)
	_, _, answer = put(`{"messageId":"m3","inputName":"failing","payload":""}`)
	require.JSONEq(t, `{"BatchPutMessageErrorEntries":[{"messageId":"m3","errorCode":"ServiceUnavailableException","errorMessage":"try again later"}]}`, answer)
	_, _, answer = put(`{"messageId":"m4","inputName":"telemetry","payload":"` + encoded("[") + `"}`)
	require.Contains(t, answer, `"errorCode":"InvalidRequestException"`)

	for name, body := range map[string]string{
		"no JSON":       `{`,
		"no entries":    `{}`,
		"empty":         `{"messages":[]}`,
		"no list":       `{"messages":{}}`,
		"no id":         `{"messages":[{"inputName":"telemetry"}]}`,
		"bad id":        `{"messages":[{"messageId":"a b","inputName":"telemetry"}]}`,
		"long id":       `{"messages":[{"messageId":"` + strings.Repeat("a", 65) + `"}]}`,
		"same id":       `{"messages":[{"messageId":"a"},{"messageId":"a"}]}`,
		"no Base64":     `{"messages":[{"messageId":"a","payload":"*"}]}`,
		"entry no JSON": `{"messages":["a"]}`,
		"too large":     `{"messages":[{"messageId":"a","payload":"` + strings.Repeat("a", 2000) + `"}]}`,
	} {
		status, code, _ := r.call(http.MethodPost, "/inputs/messages", body)
		require.Equal(t, http.StatusBadRequest, status, name)
		require.Equal(t, "InvalidRequestException", code, name)
	}
	for _, query := range []string{"maxResults=0", "maxResults=251", "maxResults=x", "nextToken=forged"} {
		status, code, _ := r.call(http.MethodGet, "/detectors/boiler?"+query, "")
		require.Equal(t, http.StatusBadRequest, status, query)
		require.Equal(t, "InvalidRequestException", code, query)
	}
	status, code, _ := r.call(http.MethodGet, "/no/such", "")
	require.Equal(t, http.StatusNotFound, status)
	require.Equal(t, "UnknownOperationException", code)
	status, _, answer = r.call(http.MethodGet, "/detectors/boiler/keyValues/?keyValue=k1", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, answer, `"creationTime":1772366400.000`)
}

func TestAttackDataPlane(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, south, boiler)
	p.putModel(t, south, hot)
	p.put(t, south, reading("k1", 95, "m1"), reading("k2", 95, "m1"))
	mine, foreign := p.dataPlane(t, north), p.dataPlane(t, south)
	_, _, page := foreign.call(http.MethodGet, "/detectors/boiler?maxResults=1", "")
	var listed struct{ NextToken string }
	require.NoError(t, json.Unmarshal([]byte(page), &listed))
	require.NotEmpty(t, listed.NextToken)

	for _, target := range []string{"/detectors/boiler", "/detectors/boiler/keyValues?keyValue=k1", "/alarms/hot", "/alarms/hot/keyValues?keyValue=k1"} {
		status, code, answer := mine.call(http.MethodGet, target, "")
		require.Equal(t, http.StatusNotFound, status, target)
		require.Equal(t, "ResourceNotFoundException", code)
		require.NotContains(t, answer, "south")
	}
	_, _, answer := mine.call(http.MethodPost, "/detectors/delete", `{"detectors":[{"messageId":"a","detectorModelName":"boiler","keyValue":"k1"}]}`)
	require.Contains(t, answer, "ResourceNotFoundException")
	_, _, answer = mine.call(http.MethodPost, "/alarms/disable", `{"disableActionRequests":[{"requestId":"a","alarmModelName":"hot","keyValue":"k1"}]}`)
	require.Contains(t, answer, "ResourceNotFoundException")
	_, _, answer = mine.call(http.MethodPost, "/inputs/messages", `{"messages":[{"messageId":"a","inputName":"telemetry","payload":"`+encoded(`{"id":"k1","t":1}`)+`"}]}`)
	require.Contains(t, answer, "ResourceNotFoundException")
	p.putModel(t, north, boiler)
	status, _, _ := mine.call(http.MethodGet, "/detectors/boiler?nextToken="+listed.NextToken, "")
	require.Equal(t, http.StatusBadRequest, status, "a token of another tenant")
	require.Equal(t, "hot", p.detector(t, south, "boiler", "k1").State)

	nobody := rest{t, alerts.NewDataPlane(p.Runtime, func(*http.Request) (tenant.ID, error) { return tenant.ID{}, nil })}
	status, code, _ := nobody.call(http.MethodGet, "/detectors/boiler", "")
	require.Equal(t, http.StatusForbidden, status)
	require.Equal(t, "AccessDeniedException", code)
}
