package backtest

import (
	"encoding/json"

	"github.com/iotenant/iotenant/alerts/detector"
)

// Evaluation is a line of a trace.
type Evaluation struct {
	At        float64            `json:"at"`
	Kind      string             `json:"kind"`
	Key       string             `json:"key"`
	TimerName string             `json:"timerName,omitempty"`
	State     string             `json:"state"`
	Variables Variables          `json:"variables"`
	Timers    map[string]float64 `json:"timers"`
	Actions   []Action           `json:"actions"`
	Errors    []string           `json:"errors"`
}

// Variables are written as an object, each with its type.
type Variables []detector.Variable

// MarshalJSON returns the object.
func (v Variables) MarshalJSON() ([]byte, error) {
	members := map[string]detector.Value{}
	for _, variable := range v {
		members[variable.Name] = variable.Value
	}
	return json.Marshal(members)
}

// Action is a delivery that an evaluation decided.
type Action struct {
	Type   detector.ActionKind `json:"type"`
	Target string              `json:"target"`
	// Payload is nil if the model gives none.
	Payload   *string `json:"payload,omitempty"`
	EventName string  `json:"eventName"`
	StateName string  `json:"stateName"`
}

// MarshalJSON returns the line, without its end.
func (e *Evaluation) MarshalJSON() ([]byte, error) {
	type line Evaluation
	l := line(*e)
	if l.Timers == nil {
		l.Timers = map[string]float64{}
	}
	if l.Actions == nil {
		l.Actions = []Action{}
	}
	if l.Errors == nil {
		l.Errors = []string{}
	}
	return json.Marshal(l)
}

// fill takes over a state, and a result if there is one.
func (e *Evaluation) fill(state *detector.State, result *detector.Result) {
	if state == nil {
		return
	}
	e.State = state.Name()
	e.Variables = state.AppendVariables(nil)
	e.Timers = map[string]float64{}
	if _, isAlarm := state.Alarm(); !isAlarm {
		for _, timer := range state.AppendTimers(nil) {
			if !timer.Elapsed {
				e.Timers[timer.Name] = secondsOf(timer.Due)
			}
		}
	}
	if result == nil {
		return
	}
	for i := range result.Actions {
		e.Actions = append(e.Actions, newAction(&result.Actions[i]))
	}
	for i := range result.Errors {
		e.Errors = append(e.Errors, result.Errors[i].Error())
	}
}

func newAction(a *detector.Action) Action {
	action := Action{Type: a.Kind, Target: a.Target, EventName: a.EventName, StateName: a.StateName}
	if a.PayloadType != detector.PayloadDefault && a.Payload != nil {
		payload := string(a.Payload)
		action.Payload = &payload
	}
	return action
}
