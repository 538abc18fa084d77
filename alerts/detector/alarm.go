package detector

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// The states of alarms, in the service's API. They are the state names of an
// alarm model, see [State.Name].
const (
	// AlarmDisabled: the alarm evaluates nothing until it is enabled.
	AlarmDisabled = "DISABLED"
	// AlarmNormal: the values are in range.
	AlarmNormal = "NORMAL"
	// AlarmActive: the rule was true.
	AlarmActive = "ACTIVE"
	// AlarmAcknowledged: it was active, and somebody acknowledged it.
	AlarmAcknowledged = "ACKNOWLEDGED"
	// AlarmSnoozed: it evaluates nothing until the snooze ends.
	AlarmSnoozed = "SNOOZE_DISABLED"
	// AlarmLatched: it was active, the values are in range again, and nobody
	// has acknowledged it.
	AlarmLatched = "LATCHED"
)

// SnoozeTimer is the name of the timer that ends a snooze.
const SnoozeTimer = "snooze"

// alarmState is the place of an alarm's state in the states of its model.
type alarmState int32

const (
	disabled alarmState = iota
	normal
	active
	acknowledged
	snoozed
	latched
)

// alarmNames holds the names of the states in the API and in payloads.
var alarmNames = [...]struct{ api, payload string }{
	disabled:     {AlarmDisabled, "Disabled"},
	normal:       {AlarmNormal, "Normal"},
	active:       {AlarmActive, "Active"},
	acknowledged: {AlarmAcknowledged, "Acknowledged"},
	snoozed:      {AlarmSnoozed, "SnoozeDisabled"},
	latched:      {AlarmLatched, "Latched"},
}

// alarm is what makes a model an alarm model.
type alarm struct {
	severity    int64
	hasSeverity bool
	disabled    bool // on initialization
	acknowledge bool // acknowledge flow

	property  *formula
	operator  Comparison
	relation  relation // of the operator
	threshold *formula
	reads     []int // inputs that the property reads

	// The actions of these run on a change of state.
	actions, notifications event
}

// alarmMemory is what an alarm keeps beside its state.
type alarmMemory struct {
	evaluated bool
	property  Value
	threshold Value
	operation OperationKind // the last one; "" after the rule has changed the state
	note      string
	snooze    time.Duration
	woke      bool // the snooze has ended by itself
}

// Comparison is the comparison operator of an alarm's rule.
type Comparison string

// The comparisons of alarm rules: input property, comparison, threshold.
const (
	Greater        Comparison = "GREATER"
	GreaterOrEqual Comparison = "GREATER_OR_EQUAL"
	Less           Comparison = "LESS"
	LessOrEqual    Comparison = "LESS_OR_EQUAL"
	Equal          Comparison = "EQUAL"
	NotEqual       Comparison = "NOT_EQUAL"
)

// comparisons maps them to the operators of the language.
var comparisons = map[Comparison]string{
	Greater: ">", GreaterOrEqual: ">=", Less: "<", LessOrEqual: "<=", Equal: "==", NotEqual: "!=",
}

// AlarmStatus is what the service's DescribeAlarm tells of an alarm beside its
// times.
type AlarmStatus struct {
	// State is the name of the state, such as [AlarmActive].
	State string
	// Severity of the model; 0 if it has none.
	Severity int64
	// Evaluated: the rule has compared InputProperty with Threshold. Messages
	// that come while an alarm is disabled or snoozed are not evaluated.
	Evaluated     bool
	InputProperty Value
	Comparison    Comparison
	Threshold     Value
	// CustomerAction is the last operation, with its note and the duration of
	// a snooze; "" once the rule has changed the state after it.
	CustomerAction OperationKind
	Note           string
	SnoozeDuration time.Duration
	// SnoozeTimeout: a snooze has ended by itself and brought the state.
	SnoozeTimeout bool
}

// Alarm returns the status of an alarm. It is not ok for a detector, and for
// an alarm that does not exist yet.
func (s *State) Alarm() (status AlarmStatus, ok bool) {
	if s.model == nil || s.model.alarm == nil || s.current < 0 {
		return AlarmStatus{}, false
	}
	a, memory := s.model.alarm, &s.extra.alarm
	return AlarmStatus{
		State: s.Name(), Severity: a.severity,
		Evaluated: memory.evaluated, InputProperty: memory.property, Comparison: a.operator, Threshold: memory.threshold,
		CustomerAction: memory.operation, Note: memory.note, SnoozeDuration: memory.snooze, SnoozeTimeout: memory.woke,
	}, true
}

// run evaluates a trigger.
func (a *alarm) run(f *frame) {
	s := f.state
	if f.result.Created {
		s.current = int32(normal)
		if a.disabled {
			s.current = int32(disabled)
		}
	}
	f.result.Before = s.Name()
	f.current = &f.model.states[s.current]
	switch t := f.trigger; {
	case t.Operation != nil:
		a.operate(f, t.Operation)
	case t.Message != nil:
		a.message(f)
	default:
		a.wake(f)
	}
}

// message applies the rule, unless the alarm sleeps.
func (a *alarm) message(f *frame) {
	from := alarmState(f.state.current)
	if from == disabled || from == snoozed {
		return
	}
	invoked, ok := a.test(f)
	if !ok {
		return
	}
	next := from
	switch {
	case invoked && from != acknowledged:
		next = active
	case invoked:
	case from == active && a.acknowledge:
		next = latched
	case from != latched:
		next = normal
	}
	if next != from {
		memory := &f.state.extra.alarm
		memory.operation, memory.note, memory.snooze, memory.woke = "", "", 0, false
		a.change(f, next)
	}
}

// test compares the input property with the threshold. It is not ok if that
// can't be done.
func (a *alarm) test(f *frame) (invoked, ok bool) {
	x := a.property.run(f)
	y := a.threshold.run(f)
	if bad, ok := unusable(x, y); ok {
		f.ruleFailed(bad)
		return false, false
	}
	invoked, bad := a.compare(f, x, y)
	if bad.kind == fault {
		f.ruleFailed(bad)
		return false, false
	}
	memory := &f.state.extra.alarm
	memory.evaluated = true
	memory.property.keep(x)
	memory.threshold.keep(y)
	return invoked, true
}

func (a *alarm) compare(f *frame, x, y Value) (result bool, bad Value) {
	if x.isNumber() && y.isNumber() {
		return a.relation.holds(compareNumbers(x, y)) == yes, Value{}
	}
	switch a.operator {
	case Equal, NotEqual:
		if equal, ok := equal(x, y); ok && x.kind != Null && y.kind != Null {
			return equal == (a.operator == Equal), Value{}
		}
	default:
		if x.kind == String && y.kind == String && !f.model.semantics.StringOrderFails {
			return a.relation.holds(strings.Compare(x.text, y.text)) == yes, Value{}
		}
	}
	return false, newFault(mismatched, comparisons[a.operator], x.kind, y.kind)
}

// ruleFailed records that the rule could not be applied.
func (f *frame) ruleFailed(bad Value) {
	f.result.Errors = append(f.result.Errors, ActionError{
		Level: LevelError, StateName: f.current.name, Path: "alarmRule.simpleRule",
		Message: "The rule could not be evaluated: " + bad.explain(),
	})
}

// keep stores a value whose text may lie in a buffer.
func (v *Value) keep(from Value) {
	if from.kind == String {
		if v.kind == String && v.text == from.text {
			return
		}
		from.text = strings.Clone(from.text)
	}
	*v = from
}

// wake ends a snooze.
func (a *alarm) wake(f *frame) {
	f.state.timers[0].clear()
	if alarmState(f.state.current) == snoozed {
		f.state.extra.alarm.woke = true
		a.change(f, normal)
	}
}

// acceptOperation tells whether an operation is allowed in a state.
func (a *alarm) acceptOperation(in alarmState, o *Operation) error {
	refuse := func(why string) error {
		return fmt.Errorf("%w: %s is not allowed in state %s%s", ErrOperation, o.Kind, alarmNames[in].api, why)
	}
	if n := utf8.RuneCountInString(o.Note); n > MaxNoteLength {
		return fmt.Errorf("%w: note is %d characters long, want at most %d", ErrOperation, n, MaxNoteLength)
	}
	switch o.Kind {
	case OperationAcknowledge:
		if !a.acknowledge {
			return refuse(": the acknowledge flow is not enabled")
		}
		if in != active && in != latched {
			return refuse("")
		}
	case OperationEnable:
		if in != disabled && in != snoozed {
			return refuse("")
		}
	case OperationReset:
		if in == disabled {
			return refuse("")
		}
	case OperationSnooze:
		if o.Duration < time.Second || o.Duration > MaxTimer || o.Duration%time.Second != 0 {
			return fmt.Errorf("%w: snooze duration is %s, want whole seconds, %s to %s", ErrOperation, o.Duration, time.Second, MaxTimer)
		}
		if in == disabled {
			return refuse("")
		}
	}
	return nil
}

// operate does what acceptOperation has allowed.
func (a *alarm) operate(f *frame, o *Operation) {
	s := f.state
	s.timers[0].clear()
	s.extra.alarm = alarmMemory{
		evaluated: s.extra.alarm.evaluated, property: s.extra.alarm.property, threshold: s.extra.alarm.threshold,
		operation: o.Kind, note: strings.Clone(o.Note), snooze: 0,
	}
	next := normal
	switch o.Kind {
	case OperationAcknowledge:
		if alarmState(s.current) == active || f.model.semantics.AcknowledgeLatched {
			next = acknowledged
		}
	case OperationDisable:
		next = disabled
	case OperationReset:
		memory := &s.extra.alarm
		memory.evaluated, memory.property, memory.threshold = false, Value{}, Value{}
	case OperationSnooze:
		next = snoozed
		s.extra.alarm.snooze = o.Duration
		s.timers[0].start(f.at, int64(o.Duration/time.Second))
	}
	if next != alarmState(s.current) {
		a.change(f, next)
	}
	if o.Kind == OperationReset {
		a.forget(s) // after the actions, which may read the asset's id
	}
}

// forget clears the messages with the latest value.
func (a *alarm) forget(s *State) {
	for _, in := range a.reads {
		root := s.model.inputs[in].root
		clear(s.slots[root.low:root.high])
		s.texts[in] = s.texts[in][:0]
	}
}

// change brings the alarm into another state and runs its actions.
func (a *alarm) change(f *frame, next alarmState) {
	f.state.current = int32(next)
	f.current = &f.model.states[next]
	f.lifecycle = &f.current.onEnter
	f.result.Transition = true
	semantics := &f.model.semantics
	if next == active || !semantics.AlarmActionsOnlyActive {
		f.runActions(&a.actions)
	}
	if a.acknowledge || !semantics.NotifyWithFlowOnly {
		f.runActions(&a.notifications)
	}
}
