package detector

import (
	"crypto/md5" //nolint:gosec // the hash of version 3 UUIDs, no secret
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// action is an action of an event.
type action struct {
	kind ActionKind
	path string
	step step
}

// step does what an action is for.
type step interface {
	run(f *frame, a *action)
}

// runActions runs the actions of an event in order.
func (f *frame) runActions(e *event) {
	f.event = e
	for i := range e.actions {
		a := &e.actions[i]
		f.failed = false
		a.step.run(f, a)
		if f.failed && a.kind == ActionSetVariable && f.model.semantics.StopOnSetVariableError {
			return
		}
	}
}

// fail records why an action was not executed.
func (f *frame) fail(a *action, format string, args ...any) {
	f.failed = true
	f.report(LevelError, a, fmt.Sprintf(format, args...))
}

func (f *frame) report(level Level, a *action, message string) {
	f.result.Errors = append(f.result.Errors, ActionError{
		Level: level, StateName: f.current.name, Lifecycle: f.lifecycle.name, EventName: f.event.name,
		Kind: a.kind, Path: a.path, Message: message,
	})
}

type setVariable struct {
	index int
	value *formula
}

func (v *setVariable) run(f *frame, a *action) {
	value := v.value.run(f)
	switch value.kind {
	case Boolean, Integer, Decimal:
		f.state.vars[v.index] = value
	case String:
		// The text may lie in a buffer that the next evaluation uses.
		if old := &f.state.vars[v.index]; old.kind != String || old.text != value.text {
			*old = Value{kind: String, text: strings.Clone(value.text)}
		}
	default:
		f.fail(a, "variable %q is not set: %s", f.model.variables[v.index], value.explain())
	}
}

type setTimer struct {
	index    int
	seconds  int64
	duration *formula // instead of seconds
}

// maxTimerSeconds is [MaxTimer] in seconds.
const maxTimerSeconds = 31622400

func (t *setTimer) run(f *frame, a *action) {
	seconds := t.seconds
	if t.duration != nil {
		value := t.duration.run(f)
		switch value.kind {
		case Integer:
			seconds = int64(value.bits)
		case Decimal:
			seconds = int64(math.Floor(max(-1, min(value.Float(), maxTimerSeconds+1))))
		case Undefined, fault:
			f.fail(a, "Your duration expression for the timer named `%s` could not be evaluated. Check the variable names, input names, and paths to the data: %s", f.model.timers[t.index], value.explain())
			return
		default:
			f.fail(a, "Your duration expression for the timer named `%s` could not be evaluated to a number: %s", f.model.timers[t.index], value.explain())
			return
		}
	}
	switch {
	case seconds < f.model.minTimer:
		f.fail(a, "The evaluated result of your duration expression for the timer named `%s` is less than %d. To ensure accuracy, make sure that your duration expression refers to a value between %d-%d.",
			f.model.timers[t.index], f.model.minTimer, f.model.minTimer, maxTimerSeconds)
	case seconds > maxTimerSeconds:
		f.fail(a, "The evaluated result of your duration expression for the timer named `%s` is greater than %d. To ensure accuracy, make sure that your duration expression refers to a value between %d-%d.",
			f.model.timers[t.index], maxTimerSeconds, f.model.minTimer, maxTimerSeconds)
	default:
		f.state.timers[t.index].start(f.at, seconds)
	}
}

type resetTimer struct{ index int }

func (t *resetTimer) run(f *frame, a *action) {
	timer, name := &f.state.timers[t.index], f.model.timers[t.index]
	switch {
	case timer.duration == 0:
		f.fail(a, "timer %q is not reset: it was never set", name)
	case timer.flags&(running|elapsed) == 0 && f.model.semantics.ResetAfterClearFails:
		f.fail(a, "timer %q is not reset: it was cleared", name)
	case timer.flags&elapsed != 0 && f.model.semantics.ResetAfterExpiryFails:
		f.fail(a, "timer %q is not reset: it has elapsed", name)
	default:
		timer.start(f.at, timer.duration)
	}
}

type clearTimer struct{ index int }

func (t *clearTimer) run(f *frame, _ *action) { f.state.timers[t.index].clear() }

// delivery hands something to the world outside.
type delivery struct {
	target  []*text // joined by slashes
	fields  []field
	payload *formula // nil: default payload
	as      PayloadType
	bare    bool // no payload at all
	topic   bool // target is an MQTT topic
	// alarmState: the alarm's state is written to a SiteWise property.
	alarmState bool
}

// text is a setting that is literal, or an expression that yields a String.
type text struct {
	literal string
	formula *formula
	// orLiteral: the literal stands for an expression that yields no String.
	orLiteral bool
}

// field is a further setting of a delivery.
type field struct {
	name    string
	value   Value // if there is no formula
	formula *formula
	as      Kind // what a String is converted to; Undefined: nothing
}

func (d *delivery) run(f *frame, a *action) {
	target, ok := d.evaluateTarget(f, a)
	if !ok {
		return
	}
	fields, ok := d.evaluateFields(f, a)
	if !ok {
		return
	}
	decided := Action{
		Kind: a.kind, Target: target, Fields: fields, PayloadType: d.as,
		EventName: f.event.name, StateName: f.current.name, Index: len(f.result.Actions),
	}
	decided.ID = f.actionID(decided.Index)
	switch {
	case d.alarmState:
		decided.Fields = append(fields, Field{"propertyValue.value.stringValue", StringValue(string(f.appendAlarmState(nil)))})
	case !d.bare:
		if decided.Payload, ok = d.evaluatePayload(f, a, decided.ID); !ok {
			return
		}
	}
	f.result.Actions = append(f.result.Actions, decided)
}

func (d *delivery) evaluateTarget(f *frame, a *action) (string, bool) {
	if len(d.target) == 1 && d.target[0].formula == nil && !d.topic {
		return d.target[0].literal, true
	}
	var target string
	for i, part := range d.target {
		evaluated, ok := part.evaluate(f, a)
		if !ok {
			return "", false
		}
		if i > 0 {
			target += "/"
		}
		target += evaluated
	}
	if d.topic {
		if problem := checkTopic(target); problem != "" {
			f.fail(a, "topic %q %s", target, problem)
			return "", false
		}
	}
	return target, true
}

func (t *text) evaluate(f *frame, a *action) (string, bool) {
	if t.formula == nil {
		return t.literal, true
	}
	value := t.formula.run(f)
	switch {
	case value.kind == String:
		return strings.Clone(value.text), true
	case t.orLiteral && value.kind != Undefined && value.kind != fault:
		return t.literal, true
	}
	f.fail(a, "We couldn't evaluate your expression for the action: want a String for the target, %s", value.explain())
	return "", false
}

// Limits of an MQTT topic in AWS IoT Core.
const (
	maxTopicLength  = 256
	maxTopicSlashes = 7
)

func checkTopic(topic string) string {
	switch {
	case topic == "" || len(topic) > maxTopicLength:
		return fmt.Sprintf("has %d bytes, want 1 to %d", len(topic), maxTopicLength)
	case strings.ContainsAny(topic, "+#\x00"):
		return "holds a wildcard"
	case strings.Count(topic, "/") > maxTopicSlashes && !strings.HasPrefix(topic, "$aws/rules/"):
		return fmt.Sprintf("has more than %d slashes", maxTopicSlashes)
	}
	return ""
}

func (d *delivery) evaluateFields(f *frame, a *action) ([]Field, bool) {
	if len(d.fields) == 0 {
		return nil, true
	}
	fields := make([]Field, len(d.fields))
	for i := range d.fields {
		wanted := &d.fields[i]
		value := wanted.value
		if wanted.formula != nil {
			value = wanted.formula.run(f)
			switch value.kind {
			case String:
				value.text = strings.Clone(value.text)
			case Undefined, Null, Composite, fault:
				f.fail(a, "We couldn't evaluate your expression for the action: %s: %s", wanted.name, value.explain())
				return nil, false
			}
			if value = wanted.coerce(value); value.kind == fault {
				f.fail(a, "We couldn't evaluate your expression for the action: %s: %s", wanted.name, value.explain())
				return nil, false
			}
		}
		fields[i] = Field{wanted.name, value}
	}
	return fields, true
}

// coerce converts the text of a literal such as '42' to the type of the field.
func (w *field) coerce(v Value) Value {
	switch {
	case w.as == Undefined || v.kind == w.as:
		return v
	case w.as == String:
		return StringValue(v.String())
	case w.as == Decimal && v.kind == Integer:
		return DecimalValue(v.Float())
	case v.kind == String:
		if w.as == Boolean {
			v.text = strings.ToLower(v.text)
		}
		parsed, err := ParseValue(v.text)
		if err == nil && parsed.kind == w.as {
			return parsed
		}
		if err == nil && w.as == Decimal && parsed.kind == Integer {
			return DecimalValue(parsed.Float())
		}
	}
	return newFault(unconverted, w.as.String(), v.kind, Undefined)
}

func (d *delivery) evaluatePayload(f *frame, a *action, id ActionID) ([]byte, bool) {
	start := len(f.buffer)
	if d.payload == nil {
		f.appendDefaultPayload(id)
		return f.buffer[start:len(f.buffer):len(f.buffer)], true
	}
	value := d.payload.run(f)
	if value.kind != String {
		f.fail(a, "We couldn't evaluate your expression for the action. Check the variable names, input names, and paths to the data, and verify that the size of the payload is less than 1 KB: want a String, %s", value.explain())
		return nil, false
	}
	if f.model.maxPayload > 0 && len(value.text) > f.model.maxPayload {
		f.fail(a, "We couldn't evaluate your expression for the action. Verify that the size of the payload is less than 1 KB: it has %d bytes", len(value.text))
		return nil, false
	}
	start = len(f.buffer)
	f.buffer = append(f.buffer, value.text...)
	payload := f.buffer[start:len(f.buffer):len(f.buffer)]
	if d.as == PayloadJSON && !json.Valid(payload) {
		f.report(LevelWarning, a, "The action was executed, but we couldn't evaluate your content expression for the action payload to valid JSON. The defined payload type is JSON.")
	}
	return payload, true
}

// idSpace is the name space of action ids.
const idSpace = "\x9a\x1f\x62\xc4\x07\xd8\x4b\x3e\xb5\x70\x2d\xe9\x46\x8c\xa3\x51"

// actionID returns the name-based UUID of the delivery with that index. The
// creation time tells a detector from a deleted one of the same key.
func (f *frame) actionID(index int) ActionID {
	start := len(f.buffer)
	b := append(f.buffer, idSpace...)
	for _, part := range [...]string{f.trigger.Scope, f.model.name, f.model.version, f.trigger.Key} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(f.state.created))
	b = binary.BigEndian.AppendUint64(b, f.state.number)
	b = binary.BigEndian.AppendUint64(b, uint64(index))
	id := ActionID(md5.Sum(b[start:])) //nolint:gosec // version 3 UUIDs are MD5
	f.buffer = b[:start]
	id[6] = id[6]&0x0f | 0x30
	id[8] = id[8]&0x3f | 0x80
	return id
}
