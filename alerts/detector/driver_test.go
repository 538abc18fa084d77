package detector_test

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/detector"
)

// driver runs a model over the lines of examples/backtest, in the plainest
// way, and writes its lines; only errors are texts here.
type driver struct {
	t        *testing.T
	model    *detector.Model
	states   map[string]*detector.State
	seen     map[string]float64 // accepted messages, by input and id
	messages int
	trace    []string
}

// driverLine is a message or an operation.
type driverLine struct {
	At        float64         `json:"at"`
	InputName string          `json:"inputName"`
	MessageID string          `json:"messageId"`
	Payload   json.RawMessage `json:"payload"`
	Kind      string          `json:"kind"`
	Request   json.RawMessage `json:"request"`
}

// driverTrace is a line of a trace.
type driverTrace struct {
	At        float64                   `json:"at"`
	Kind      string                    `json:"kind"`
	Key       string                    `json:"key"`
	TimerName string                    `json:"timerName,omitempty"`
	State     string                    `json:"state"`
	Variables map[string]detector.Value `json:"variables"`
	Timers    map[string]float64        `json:"timers"`
	Actions   []driverAction            `json:"actions"`
	Errors    []string                  `json:"errors"`
}

type driverAction struct {
	Type      detector.ActionKind `json:"type"`
	Target    string              `json:"target"`
	Payload   *string             `json:"payload,omitempty"`
	EventName string              `json:"eventName"`
	StateName string              `json:"stateName"`
}

// driverWindow is for how many seconds a message id is remembered.
const driverWindow = 300

var driverOperations = map[string]detector.OperationKind{
	"BatchUpdateDetector":   detector.OperationUpdate,
	"BatchAcknowledgeAlarm": detector.OperationAcknowledge,
	"BatchDisableAlarm":     detector.OperationDisable,
	"BatchEnableAlarm":      detector.OperationEnable,
	"BatchResetAlarm":       detector.OperationReset,
	"BatchSnoozeAlarm":      detector.OperationSnooze,
}

func at(seconds float64) time.Time { return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC() }

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// until fires the timers that are due, the earliest first, then by key.
func (d *driver) until(second float64) {
	for {
		var next detector.Timer
		var key string
		for k, state := range d.states {
			timer, ok := state.NextTimer()
			if ok && (next.Name == "" || timer.Due.Before(next.Due) || timer.Due.Equal(next.Due) && k < key) {
				next, key = timer, k
			}
		}
		if next.Name == "" || next.Due.After(at(second)) {
			return
		}
		line := &driverTrace{At: seconds(next.Due), Kind: "timer", Key: key}
		if !d.model.IsAlarm() {
			line.TimerName = next.Name
		}
		d.evaluate(line, &detector.Trigger{At: next.Due, Timer: next.Name, Due: next.Due})
	}
}

func (d *driver) line(l *driverLine) {
	if l.Kind == "" {
		d.message(l)
		return
	}
	line := &driverTrace{At: l.At, Kind: l.Kind}
	var entry struct {
		KeyValue string `json:"keyValue"`
	}
	require.NoError(d.t, json.Unmarshal(l.Request, &entry))
	line.Key = entry.KeyValue
	operation, err := detector.ParseOperation(driverOperations[l.Kind], l.Request)
	if err != nil {
		line.Errors = append(line.Errors, err.Error())
		d.write(line)
		return
	}
	d.evaluate(line, &detector.Trigger{At: at(l.At), Operation: &operation})
}

func (d *driver) message(l *driverLine) {
	d.messages++
	if l.InputName == "" {
		require.Len(d.t, d.model.Inputs(), 1)
		l.InputName = d.model.Inputs()[0]
	}
	if l.MessageID == "" {
		l.MessageID = strconv.Itoa(d.messages)
	}
	line := &driverTrace{At: l.At, Kind: "message"}
	var message detector.Message
	err := d.model.Read(&message, l.InputName, l.Payload)
	if err != nil || message.Ignored() {
		if err != nil {
			line.Errors = append(line.Errors, err.Error())
		}
		line.State = "none"
		d.write(line)
		return
	}
	line.Key = string(message.Key())
	name := l.InputName + " " + l.MessageID
	if first, ok := d.seen[name]; ok && l.At-first < driverWindow {
		d.write(line)
		return
	}
	d.seen[name] = l.At
	d.evaluate(line, &detector.Trigger{At: at(l.At), Message: &message, MessageID: l.MessageID})
}

func (d *driver) evaluate(line *driverTrace, trigger *detector.Trigger) {
	state := d.states[line.Key]
	if state == nil {
		state = d.model.NewState()
	}
	trigger.Key = line.Key
	var result detector.Result
	if err := d.model.Evaluate(state, trigger, &result); err != nil {
		require.NotNil(d.t, trigger.Operation, err)
		line.Errors = append(line.Errors, err.Error())
		d.write(line)
		return
	}
	d.states[line.Key] = state
	for _, a := range result.Actions {
		action := driverAction{Type: a.Kind, Target: a.Target, EventName: a.EventName, StateName: a.StateName}
		if a.PayloadType != detector.PayloadDefault && a.Payload != nil {
			payload := string(a.Payload)
			action.Payload = &payload
		}
		line.Actions = append(line.Actions, action)
	}
	for i := range result.Errors {
		line.Errors = append(line.Errors, result.Errors[i].Error())
	}
	d.write(line)
}

// write completes a line with what is there of its detector.
func (d *driver) write(line *driverTrace) {
	line.Variables, line.Timers = map[string]detector.Value{}, map[string]float64{}
	state := d.states[line.Key]
	switch {
	case line.State == "none":
		line.State = ""
	case state != nil:
		line.State = state.Name()
		for _, v := range state.AppendVariables(nil) {
			line.Variables[v.Name] = v.Value
		}
		for _, timer := range state.AppendTimers(nil) {
			if !timer.Elapsed && !d.model.IsAlarm() {
				line.Timers[timer.Name] = seconds(timer.Due)
			}
		}
	}
	if line.Actions == nil {
		line.Actions = []driverAction{}
	}
	if line.Errors == nil {
		line.Errors = []string{}
	}
	text, err := json.Marshal(line)
	require.NoError(d.t, err)
	d.trace = append(d.trace, string(text))
}
