package detector

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// OperationKind is what an operator does to a detector or an alarm, as the
// service's alarm states name it.
type OperationKind string

// The kinds of operations. Update is for detectors, the others for alarms.
const (
	// OperationUpdate is the service's BatchUpdateDetector.
	OperationUpdate OperationKind = "UPDATE"
	// OperationAcknowledge is the service's BatchAcknowledgeAlarm.
	OperationAcknowledge OperationKind = "ACKNOWLEDGE"
	// OperationDisable is the service's BatchDisableAlarm.
	OperationDisable OperationKind = "DISABLE"
	// OperationEnable is the service's BatchEnableAlarm.
	OperationEnable OperationKind = "ENABLE"
	// OperationReset is the service's BatchResetAlarm.
	OperationReset OperationKind = "RESET"
	// OperationSnooze is the service's BatchSnoozeAlarm.
	OperationSnooze OperationKind = "SNOOZE"
)

// MaxNoteLength is the limit of a note in characters.
const MaxNoteLength = 256

// Operation is what an operator does to a detector or an alarm. It is a
// trigger like a message or a timer, see [Trigger].
type Operation struct {
	Kind OperationKind
	// Update is for OperationUpdate only.
	Update *Update
	// Note is why, at most [MaxNoteLength] characters; for alarms only.
	Note string
	// Duration is how long OperationSnooze lasts, in whole seconds from
	// Trigger.At: 1 second to [MaxTimer].
	Duration time.Duration
}

// Update is what OperationUpdate sets: the state, and all variables and
// timers. What it does not list is cleared, and so are retained inputs. No
// event runs.
type Update struct {
	State     string
	Variables []Variable
	// Timers run from Trigger.At for their Duration, in whole seconds.
	Timers []Timer
}

// ParseOperation reads one entry of a request of the service's data plane:
// of BatchUpdateDetector its state, of the alarm operations note and
// snoozeDuration. The ids and names that an entry has beside are the caller's.
// A variable's value is a literal, see [ParseValue]. The error is
// [ErrOperation].
func ParseOperation(kind OperationKind, entry []byte) (Operation, error) {
	var e operationEntry
	if err := json.Unmarshal(entry, &e); err != nil {
		return Operation{}, fmt.Errorf("%w: entry: %w", ErrOperation, err)
	}
	o := Operation{Kind: kind, Note: e.Note}
	switch kind {
	case OperationUpdate:
		update, err := e.State.update()
		o.Update = update
		return o, err
	case OperationSnooze:
		if e.SnoozeDuration == nil {
			return o, fmt.Errorf("%w: snoozeDuration is required", ErrOperation)
		}
		o.Duration = seconds(*e.SnoozeDuration)
	case OperationAcknowledge, OperationDisable, OperationEnable, OperationReset:
	default:
		return o, fmt.Errorf("%w: unknown kind %q", ErrOperation, kind)
	}
	return o, nil
}

type operationEntry struct {
	State          *updateEntry `json:"state"`
	Note           string       `json:"note"`
	SnoozeDuration *int64       `json:"snoozeDuration"`
}

type updateEntry struct {
	StateName string `json:"stateName"`
	Variables []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"variables"`
	Timers []struct {
		Name    string `json:"name"`
		Seconds int64  `json:"seconds"`
	} `json:"timers"`
}

// seconds returns a Duration, bounded so that it does not overflow.
func seconds(n int64) time.Duration {
	return time.Duration(max(-1, min(n, maxTimerSeconds+1))) * time.Second
}

func (e *updateEntry) update() (*Update, error) {
	if e == nil {
		return nil, fmt.Errorf("%w: state is required", ErrOperation)
	}
	u := &Update{State: e.StateName}
	for _, v := range e.Variables {
		value, err := ParseValue(v.Value)
		if err != nil {
			return nil, fmt.Errorf("%w: variable %q: %w", ErrOperation, v.Name, err)
		}
		u.Variables = append(u.Variables, Variable{v.Name, value})
	}
	for _, t := range e.Timers {
		u.Timers = append(u.Timers, Timer{Name: t.Name, Duration: seconds(t.Seconds)})
	}
	return u, nil
}

// acceptOperation checks an operation before it changes anything.
func (m *Model) acceptOperation(s *State, o *Operation) error {
	switch o.Kind {
	case OperationUpdate:
		if m.alarm != nil {
			return fmt.Errorf("%w: %s is for detectors, %q is an alarm model", ErrOperation, o.Kind, m.name)
		}
		if o.Update == nil {
			return fmt.Errorf("%w: Update is missing", ErrOperation)
		}
		if s.current < 0 && !m.semantics.UpdateCreates {
			return fmt.Errorf("%w: model %q has no such detector", ErrNoDetector, m.name)
		}
		return m.checkUpdate(o.Update)
	case OperationAcknowledge, OperationDisable, OperationEnable, OperationReset, OperationSnooze:
		if m.alarm == nil {
			return fmt.Errorf("%w: %s is for alarms, %q is a detector model", ErrOperation, o.Kind, m.name)
		}
		if s.current < 0 {
			return fmt.Errorf("%w: alarm model %q has no such alarm", ErrNoDetector, m.name)
		}
		return m.alarm.acceptOperation(alarmState(s.current), o)
	}
	return fmt.Errorf("%w: unknown kind %q", ErrOperation, o.Kind)
}

func (m *Model) checkUpdate(u *Update) error {
	if m.findState(u.State) < 0 {
		return fmt.Errorf("%w: model %q has no state %q", ErrOperation, m.name, u.State)
	}
	for _, v := range u.Variables {
		if !isVariableName(v.Name) {
			return fmt.Errorf("%w: %q is no variable name", ErrOperation, v.Name)
		}
		if k := v.Value.kind; k != Boolean && k != Integer && k != Decimal && k != String {
			return fmt.Errorf("%w: variable %q: want a Boolean, Integer, Decimal or String, got %s", ErrOperation, v.Name, k)
		}
	}
	for _, t := range u.Timers {
		if t.Name == "" || len(t.Name) > maxNameLength {
			return fmt.Errorf("%w: timer name is %d bytes long, want 1 to %d", ErrOperation, len(t.Name), maxNameLength)
		}
		if t.Duration < m.MinTimer() || t.Duration > MaxTimer {
			return fmt.Errorf("%w: timer %q: duration %s, want %s to %s", ErrOperation, t.Name, t.Duration, m.MinTimer(), MaxTimer)
		}
	}
	return nil
}

func (m *Model) findState(name string) int {
	return slices.IndexFunc(m.states, func(state state) bool { return state.name == name })
}

// update sets state, variables and timers.
func (f *frame) update(u *Update) {
	s := f.state
	next := int32(f.model.findState(u.State))
	if s.current < 0 {
		s.current = next
	}
	f.result.Before = s.Name()
	s.current = next
	s.clear()
	for _, v := range u.Variables {
		value := v.Value
		value.text = strings.Clone(value.text)
		*s.variable(v.Name) = value
	}
	for _, t := range u.Timers {
		s.timer(t.Name).start(f.at, int64(t.Duration/time.Second))
	}
	if !f.model.semantics.KeepInputsOnUpdate {
		s.clearInputs()
	}
}

// clear forgets variables and timers, and their names if only an update knew
// them.
func (s *State) clear() {
	s.vars, s.timers, s.extra = s.vars[:len(s.model.variables)], s.timers[:len(s.model.timers)], nil
	clear(s.vars)
	clear(s.timers)
}
