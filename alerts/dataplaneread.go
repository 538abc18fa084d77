package alerts

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// maxResults is the limit of a page in the service's API.
const maxResults = 250

// The service's JSON.
type (
	wireDetector struct {
		DetectorModelName    string     `json:"detectorModelName"`
		KeyValue             string     `json:"keyValue,omitempty"`
		DetectorModelVersion string     `json:"detectorModelVersion"`
		State                *wireState `json:"state"`
		CreationTime         wireTime   `json:"creationTime"`
		LastUpdateTime       wireTime   `json:"lastUpdateTime"`
	}
	wireState struct {
		StateName string         `json:"stateName"`
		Variables []wireVariable `json:"variables,omitzero"`
		Timers    []wireTimer    `json:"timers,omitzero"`
	}
	wireVariable struct {
		Name  string `json:"name"`
		Value string `json:"value"` // a literal
	}
	wireTimer struct {
		Name      string   `json:"name"`
		Timestamp wireTime `json:"timestamp"`
	}
	wireAlarm struct {
		AlarmModelName    string          `json:"alarmModelName"`
		AlarmModelVersion string          `json:"alarmModelVersion"`
		KeyValue          string          `json:"keyValue,omitempty"`
		StateName         string          `json:"stateName,omitempty"`
		AlarmState        *wireAlarmState `json:"alarmState,omitempty"`
		Severity          *int64          `json:"severity,omitempty"`
		CreationTime      wireTime        `json:"creationTime"`
		LastUpdateTime    wireTime        `json:"lastUpdateTime"`
	}
	wireAlarmState struct {
		StateName      string          `json:"stateName"`
		RuleEvaluation *wireRule       `json:"ruleEvaluation,omitempty"`
		CustomerAction map[string]any  `json:"customerAction,omitempty"`
		SystemEvent    json.RawMessage `json:"systemEvent,omitempty"`
	}
	wireRule struct {
		Simple wireSimpleRule `json:"simpleRuleEvaluation"`
	}
	wireSimpleRule struct {
		InputPropertyValue string              `json:"inputPropertyValue"`
		Operator           detector.Comparison `json:"operator"`
		ThresholdValue     string              `json:"thresholdValue"`
	}
)

// wireTime is written in seconds since 1970, with milliseconds.
type wireTime time.Time

func (t wireTime) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(t).UnixMilli())/1000, 'f', 3, 64), nil
}

// snoozeTimeout is the event that ends a snooze.
var snoozeTimeout = json.RawMessage(`{"eventType":"STATE_CHANGE","stateChangeConfiguration":{"triggerType":"SNOOZE_TIMEOUT"}}`)

// checkKind refuses names that are of no model, or of one of the other kind.
func (d *dataPlane) checkKind(c call, model string, alarm bool) error {
	compiled, err := d.runtime.modelOf(c.Context(), ref{id: c.id, model: model})
	if err != nil {
		return err
	}
	if compiled == nil || compiled.engine != nil && compiled.engine.IsAlarm() != alarm {
		return fmt.Errorf("model of name: %s %w", model, iotenant.ErrNotFound)
	}
	return nil
}

func (d *dataPlane) find(c call, alarm bool) (Detector, error) {
	model := c.PathValue("model")
	if err := d.checkKind(c, model, alarm); err != nil {
		return Detector{}, err
	}
	return d.runtime.Detector(c.Context(), c.id, model, c.URL.Query().Get("keyValue"))
}

func (d *dataPlane) describeDetector(c call) (any, error) {
	found, err := d.find(c, false)
	if err != nil {
		return nil, err
	}
	wire := detectorToWire(&found)
	wire.State.Variables, wire.State.Timers = []wireVariable{}, []wireTimer{}
	for _, name := range slices.Sorted(maps.Keys(found.Variables)) {
		wire.State.Variables = append(wire.State.Variables, wireVariable{name, string(found.Variables[name].AppendJSON(nil))})
	}
	for _, timer := range found.Timers {
		wire.State.Timers = append(wire.State.Timers, wireTimer{timer.Name, wireTime(timer.Due)})
	}
	return map[string]any{"detector": wire}, nil
}

func (d *dataPlane) describeAlarm(c call) (any, error) {
	found, err := d.find(c, true)
	if err != nil {
		return nil, err
	}
	wire, status := alarmToWire(&found), found.Alarm
	wire.StateName, wire.AlarmState = "", &wireAlarmState{StateName: status.State}
	if status.Severity != 0 {
		wire.Severity = &status.Severity
	}
	if status.Evaluated {
		wire.AlarmState.RuleEvaluation = &wireRule{wireSimpleRule{status.InputProperty.String(), status.Comparison, status.Threshold.String()}}
	}
	if status.CustomerAction != "" {
		wire.AlarmState.CustomerAction = customerActionToWire(status)
	}
	if status.SnoozeTimeout {
		wire.AlarmState.SystemEvent = snoozeTimeout
	}
	return map[string]any{"alarm": wire}, nil
}

// configurationNames are the names of an operation's configuration.
var configurationNames = map[detector.OperationKind]string{
	detector.OperationAcknowledge: "acknowledgeActionConfiguration",
	detector.OperationDisable:     "disableActionConfiguration",
	detector.OperationEnable:      "enableActionConfiguration",
	detector.OperationReset:       "resetActionConfiguration",
	detector.OperationSnooze:      "snoozeActionConfiguration",
}

func customerActionToWire(status *detector.AlarmStatus) map[string]any {
	configuration := map[string]any{}
	if status.Note != "" {
		configuration["note"] = status.Note
	}
	if status.CustomerAction == detector.OperationSnooze {
		configuration["snoozeDuration"] = int64(status.SnoozeDuration / time.Second)
	}
	return map[string]any{"actionName": status.CustomerAction, configurationNames[status.CustomerAction]: configuration}
}

func detectorToWire(d *Detector) wireDetector {
	return wireDetector{
		DetectorModelName: d.Model, KeyValue: d.Key, DetectorModelVersion: strconv.Itoa(d.Version), State: &wireState{StateName: d.State},
		CreationTime: wireTime(d.CreatedAt), LastUpdateTime: wireTime(d.UpdatedAt),
	}
}

func alarmToWire(d *Detector) wireAlarm {
	return wireAlarm{
		AlarmModelName: d.Model, KeyValue: d.Key, AlarmModelVersion: strconv.Itoa(d.Version), StateName: d.State,
		CreationTime: wireTime(d.CreatedAt), LastUpdateTime: wireTime(d.UpdatedAt),
	}
}

func (d *dataPlane) listDetectors(c call) (any, error) {
	state := c.URL.Query().Get("stateName")
	page, err := d.list(c, false)
	if err != nil {
		return nil, err
	}
	summaries := []wireDetector{}
	for i := range page.Items {
		if found := &page.Items[i].Value; state == "" || found.State == state {
			summaries = append(summaries, detectorToWire(found))
		}
	}
	return listAnswer("detectorSummaries", summaries, page.Next), nil
}

func (d *dataPlane) listAlarms(c call) (any, error) {
	page, err := d.list(c, true)
	if err != nil {
		return nil, err
	}
	summaries := []wireAlarm{}
	for i := range page.Items {
		summaries = append(summaries, alarmToWire(&page.Items[i].Value))
	}
	return listAnswer("alarmSummaries", summaries, page.Next), nil
}

func listAnswer(name string, summaries any, next tenant.Cursor) map[string]any {
	answer := map[string]any{name: summaries}
	if next != "" {
		answer["nextToken"] = next
	}
	return answer
}

func (d *dataPlane) list(c call, alarm bool) (tenant.Page[Detector], error) {
	query, model, limit := c.URL.Query(), c.PathValue("model"), maxResults
	if text := query.Get("maxResults"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxResults {
			return tenant.Page[Detector]{}, fmt.Errorf("%w: maxResults: want 1 to %d", errRequest, maxResults)
		}
	}
	if err := d.checkKind(c, model, alarm); err != nil {
		return tenant.Page[Detector]{}, err
	}
	return d.runtime.Detectors(c.Context(), c.id, model, limit, tenant.Cursor(query.Get("nextToken")))
}
