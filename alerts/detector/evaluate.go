package detector

import (
	"fmt"
	"strings"
	"time"
)

// frame is what an evaluation works with. It lives in the [Result], so that
// evaluations make no garbage.
type frame struct {
	model   *Model
	state   *State
	trigger *Trigger
	result  *Result

	vars     []Value // what expressions read: of the state, or the snapshot
	input    int     // of the message; -1 for a timer or an operation
	at       int64   // microseconds since 1970
	problem  Value   // why the last condition was unknown or broken
	buffer   []byte  // payloads and the Strings that expressions make
	snapshot []Value
	chosen   []int // events of a batch whose condition is true

	current   *state
	lifecycle *lifecycle
	event     *event
	failed    bool // the last action failed
}

// maxIdleBuffer is how large a buffer may be that a Result keeps.
const maxIdleBuffer = 1 << 20

// Evaluate runs one evaluation of the detector or alarm s and tells in r what
// it decided. Errors: [ErrState], [ErrTrigger], [ErrTimer], [ErrOperation],
// [ErrNoDetector]; then s is unchanged. Whatever goes wrong within the model is
// no error: it stands in r.
func (m *Model) Evaluate(s *State, t *Trigger, r *Result) error {
	f := &r.frame
	if err := m.begin(f, s, t, r); err != nil {
		return err
	}
	switch {
	case m.alarm != nil:
		m.alarm.run(f)
	case t.Operation != nil:
		f.update(t.Operation.Update)
	default:
		f.detect()
	}
	r.After = m.states[s.current].name
	f.end()
	return nil
}

// detect evaluates a detector: its onInput, and the way into another state.
func (f *frame) detect() {
	m, s := f.model, f.state
	if f.result.Created {
		s.current = m.initial
		f.runLifecycle(&m.states[s.current].onEnter)
	}
	before := &m.states[s.current]
	f.result.Before = before.name
	if f.trigger.Message != nil || before.testsTimeout || !m.semantics.SkipUntestedTimers {
		if transition := f.runLifecycle(&before.onInput); transition != nil {
			f.transit(before, transition)
		}
	}
}

// begin checks state and trigger, applies the trigger to the state, and makes
// frame and result ready.
func (m *Model) begin(f *frame, s *State, t *Trigger, r *Result) error {
	if s.model != m {
		return fmt.Errorf("%w: of another model", ErrState)
	}
	input, timer, err := m.accept(s, t)
	if err != nil {
		return err
	}
	r.reset(s)
	f.model, f.state, f.trigger, f.result = m, s, t, r
	f.vars, f.input, f.at = s.vars, input, t.At.UnixMicro()
	if f.buffer = f.buffer[:0]; cap(f.buffer) > maxIdleBuffer {
		f.buffer = nil
	}
	if t.Operation == nil || t.Operation.Kind != OperationUpdate {
		s.number++
	}
	r.Number, r.At = s.number, t.At
	if s.current < 0 {
		r.Created, s.created = true, f.at
	}
	if timer >= 0 {
		s.fire(timer, m.semantics.JoinTimers)
	} else if t.Message != nil {
		m.apply(s, t.Message)
	}
	for i := range s.timers {
		if t := &s.timers[i]; t.flags&pending != 0 {
			t.flags |= frozen
		}
	}
	return nil
}

// accept returns the input of a message and -1, -1 and the timer, or -1 twice
// for an operation.
func (m *Model) accept(s *State, t *Trigger) (input, timer int, err error) {
	switch {
	case t.Message != nil && t.Timer == "" && t.Operation == nil:
		if t.Message.model != m || t.Message.ignored {
			return 0, 0, fmt.Errorf("%w: message was not read by this model, or is to be ignored", ErrTrigger)
		}
		return t.Message.input, -1, nil
	case t.Operation != nil && t.Message == nil && t.Timer == "":
		return -1, -1, m.acceptOperation(s, t.Operation)
	case t.Message != nil || t.Operation != nil || t.Timer == "":
		return 0, 0, fmt.Errorf("%w: want one of message, timer and operation", ErrTrigger)
	}
	i, ok := s.findTimer(t.Timer)
	if !ok || s.timers[i].flags&running == 0 {
		return 0, 0, fmt.Errorf("%w: %q does not run", ErrTimer, t.Timer)
	}
	if s.timers[i].due != t.Due.UnixMicro() {
		return 0, 0, fmt.Errorf("%w: %q is due at %s", ErrTimer, t.Timer, time.UnixMicro(s.timers[i].due).UTC().Format(time.RFC3339Nano))
	}
	return -1, i, nil
}

// apply retains the attributes of a message.
func (m *Model) apply(s *State, message *Message) {
	root := m.inputs[message.input].root
	if m.semantics.MergeInputs {
		m.merge(s, message)
		return
	}
	copy(s.slots[root.low:root.high], message.scanner.slots)
	s.texts[message.input] = append(s.texts[message.input][:0], message.scanner.text...)
}

// merge retains the attributes that a message holds beside the older ones.
func (m *Model) merge(s *State, message *Message) {
	root := m.inputs[message.input].root
	old := s.texts[message.input]
	var text []byte
	for i := range message.scanner.slots {
		target, source, from := &s.slots[root.low+int32(i)], &message.scanner.slots[i], message.scanner.text
		if source.kind == Undefined {
			source, from = target, old
		}
		if source.kind != String {
			*target = *source
			continue
		}
		offset := len(text)
		text = append(text, source.in(from)...)
		*target = textSlot(offset, len(text))
	}
	s.texts[message.input] = text
}

// transit leaves a state by a transition and enters the next one.
func (f *frame) transit(from *state, transition *event) {
	f.result.Transition = true
	same := transition.next == f.state.current
	if !same || !f.model.semantics.QuietSelfTransition {
		f.runLifecycle(&from.onExit)
	}
	f.state.current = transition.next
	f.runLifecycle(&f.model.states[transition.next].onEnter)
}

// end consumes the timeouts that were read and drops what the frame refers to.
func (f *frame) end() {
	s := f.state
	for i := range s.timers {
		t := &s.timers[i]
		if t.flags&(frozen|read) == frozen|read && t.flags&pending != 0 {
			t.flags &^= pending
		}
		t.flags &^= frozen | read
	}
	if f.model.semantics.ForgetInputs {
		s.clearInputs()
	}
	s.updated = f.at
	f.state, f.trigger, f.vars = nil, nil, nil
}

// runLifecycle runs the events of a lifecycle and returns the transition to
// take, or nil.
func (f *frame) runLifecycle(l *lifecycle) *event {
	if len(l.events)+len(l.transitions) == 0 {
		return nil
	}
	f.lifecycle = l
	f.current = &f.model.states[f.state.current]
	if f.model.method == Serial {
		return f.runSerial(l)
	}
	return f.runBatch(l)
}

// runBatch tests all conditions, then runs the actions of the true ones.
func (f *frame) runBatch(l *lifecycle) *event {
	// No nesting: a lifecycle never runs within another.
	f.chosen = f.chosen[:0]
	for i := range l.events {
		if f.test(&l.events[i], false) {
			f.chosen = append(f.chosen, i)
		}
	}
	transition := f.chooseTransition(l)
	if f.model.semantics.SnapshotActions {
		f.snapshot = append(f.snapshot[:0], f.state.vars...)
		f.vars = f.snapshot
	}
	for _, i := range f.chosen {
		f.runActions(&l.events[i])
	}
	if transition != nil {
		f.runActions(transition)
	}
	f.vars = f.state.vars
	return transition
}

// runSerial runs the actions of each event before it tests the next one.
func (f *frame) runSerial(l *lifecycle) *event {
	for i := range l.events {
		if f.test(&l.events[i], false) {
			f.runActions(&l.events[i])
		}
	}
	transition := f.chooseTransition(l)
	if transition != nil {
		f.runActions(transition)
	}
	return transition
}

// chooseTransition returns the first transition whose condition is true.
func (f *frame) chooseTransition(l *lifecycle) *event {
	for i := range l.transitions {
		if f.test(&l.transitions[i], true) {
			f.skip(l, i)
			return &l.transitions[i]
		}
	}
	return nil
}

// skip records the transitions after the taken one.
func (f *frame) skip(l *lifecycle, taken int) {
	if !f.result.Trace {
		return
	}
	for i := taken + 1; i < len(l.transitions); i++ {
		f.record(&l.transitions[i], true, OutcomeSkipped, "Skipped due to transition from "+l.transitions[taken].name+" event")
	}
}

// test tells whether the condition of an event is true.
func (f *frame) test(e *event, transition bool) bool {
	result := yes
	if e.condition != nil {
		result = e.condition(f)
	}
	if f.result.Trace {
		outcome, details := OutcomeFalse, ""
		switch result {
		case yes:
			outcome = OutcomeTrue
		case unknown:
			details = f.problem.explain()
		case broken:
			outcome, details = OutcomeError, f.problem.explain()
		}
		f.record(e, transition, outcome, strings.Clone(details))
	}
	return result == yes
}

func (f *frame) record(e *event, transition bool, outcome Outcome, details string) {
	f.result.Conditions = append(f.result.Conditions, Condition{
		StateName: f.current.name, Lifecycle: f.lifecycle.name, EventName: e.name,
		Transition: transition, Outcome: outcome, Details: details,
	})
}

// timeout answers timeout(): whether the timer had elapsed when the evaluation
// began, and nobody had read that.
func (f *frame) timeout(i int) truth {
	t := &f.state.timers[i]
	if t.flags&frozen == 0 {
		return no
	}
	if f.model.semantics.TimeoutReadOnce && t.flags&read != 0 {
		return no
	}
	t.flags |= read
	return yes
}

// concatenate returns a + b. A String that was made last is extended in place.
func (f *frame) concatenate(a, b string) Value {
	if len(a)+len(b) > maxString {
		return newFault(tooLong, "+", String, String)
	}
	start := len(f.buffer) - len(a)
	if a == "" || start < 0 || !sameText(view(f.buffer[start:]), a) {
		start = len(f.buffer)
		f.buffer = append(f.buffer, a...)
	}
	f.buffer = append(f.buffer, b...)
	return Value{kind: String, text: view(f.buffer[start:])}
}

func (r *Result) reset(s *State) {
	r.Created, r.Transition = false, false
	r.Before, r.After = "", ""
	clear(r.Actions)
	r.Actions, r.Errors, r.Conditions = r.Actions[:0], r.Errors[:0], r.Conditions[:0]
	r.VariablesBefore = r.VariablesBefore[:0]
	if r.Trace {
		r.VariablesBefore = s.AppendVariables(r.VariablesBefore)
	}
}
