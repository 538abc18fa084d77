package main

import (
	"cmp"
	"container/heap"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts/detector"
)

// The kinds of evaluations besides operations.
const (
	kindMessage = "message"
	kindTimer   = "timer"
)

// evaluation is what a trigger came to. It is valid until the next one.
type evaluation struct {
	at        time.Time
	kind      string
	key       string
	timerName string
	// state is nil if there is no detector.
	state *detector.State
	// result is nil if nothing was evaluated: the trigger was refused, or
	// ignored.
	result  *detector.Result
	refusal *refusal
	// changed: the state, a variable or a running timer is another than
	// before, or something was decided. Known if replay.compare is set.
	changed bool
}

// refusal is why the data plane would have refused a trigger.
type refusal struct{ code, message string }

const (
	invalidRequest   = "InvalidRequestException"
	resourceNotFound = "ResourceNotFoundException"
)

// replay runs a model over events, with the clock of the events.
type replay struct {
	model     *detector.Model
	declared  map[string][]string
	detectors map[string]*instance
	timers    schedule
	seen      window
	emit      func(*evaluation) error
	// creates: an update of a detector that is not there creates it.
	creates bool
	// compare asks for evaluation.changed.
	compare bool

	message detector.Message
	result  detector.Result
	before  shown
	after   shown
}

func newReplay(l *loaded, emit func(*evaluation) error) *replay {
	return &replay{
		model: l.model, declared: l.declared, detectors: map[string]*instance{},
		seen: window{at: map[messageName]time.Time{}}, emit: emit,
	}
}

// instance is one detector or alarm.
type instance struct {
	key   string
	state *detector.State
	due   time.Time // of the next timer
	place int       // in the schedule; -1: no timer runs
}

// put evaluates an event, after the timers that are due by then.
func (r *replay) put(e *event) error {
	if err := r.fire(e.at); err != nil {
		return err
	}
	if e.operation != "" {
		return r.operate(e)
	}
	return r.receive(e)
}

// fire evaluates the timers that are due by then, each at its own time.
func (r *replay) fire(until time.Time) error {
	for len(r.timers) > 0 && !r.timers[0].due.After(until) {
		i := r.timers[0]
		timer, _ := i.state.NextTimer() // one runs, or i were not in the schedule
		ev := evaluation{at: timer.Due, kind: kindTimer, key: i.key}
		if !r.model.IsAlarm() {
			ev.timerName = timer.Name
		}
		trigger := detector.Trigger{At: timer.Due, Key: i.key, Timer: timer.Name, Due: timer.Due}
		if err := r.evaluate(i, &trigger, &ev); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) receive(e *event) error {
	ev := evaluation{at: e.at, kind: kindMessage}
	err := r.model.Read(&r.message, e.input, e.payload)
	if err != nil {
		if i := r.detectors[""]; i != nil && r.model.Key() == "" {
			ev.state = i.state
		}
		ev.refusal = r.refusedMessage(e, err)
		return r.emit(&ev)
	}
	if r.message.Ignored() {
		return r.emit(&ev)
	}
	ev.key = string(r.message.Key())
	i := r.detectors[ev.key]
	if name := (messageName{e.input, e.messageID}); !e.generated && !r.seen.add(name, e.at) {
		if i != nil {
			ev.state = i.state
		}
		return r.emit(&ev)
	}
	if i == nil {
		i = r.create(ev.key)
	}
	return r.evaluate(i, &detector.Trigger{At: e.at, Key: i.key, Message: &r.message, MessageID: e.messageID}, &ev)
}

func (r *replay) create(key string) *instance {
	i := &instance{key: key, state: r.model.NewState(), place: -1}
	r.detectors[key] = i
	return i
}

// refusedMessage returns nil for a message of an input that is there, but not
// of this model: it is routed elsewhere.
func (r *replay) refusedMessage(e *event, err error) *refusal {
	if e.input == "" {
		return &refusal{invalidRequest, "inputName is missing, and the model reads several inputs"}
	}
	if !errors.Is(err, detector.ErrInput) {
		return &refusal{invalidRequest, err.Error()}
	}
	if _, ok := r.declared[e.input]; ok {
		return nil
	}
	return &refusal{resourceNotFound, "Input of name: " + e.input + " not found"}
}

// entry holds the members of a request that name its detector.
type entry struct {
	KeyValue *string `json:"keyValue"`
}

func (r *replay) operate(e *event) error {
	ev := evaluation{at: e.at, kind: e.operation}
	operation, i, err := r.operation(e, &ev)
	if err != nil {
		ev.refusal = refused(err)
		return r.emit(&ev)
	}
	return r.evaluate(i, &detector.Trigger{At: e.at, Key: i.key, Operation: operation}, &ev)
}

func refused(err error) *refusal {
	if errors.Is(err, iotenant.ErrNotFound) {
		return &refusal{resourceNotFound, err.Error()}
	}
	return &refusal{invalidRequest, err.Error()}
}

// operation reads a request and finds its detector.
func (r *replay) operation(e *event, ev *evaluation) (*detector.Operation, *instance, error) {
	var request entry
	if err := json.Unmarshal(e.request, &request); err != nil {
		return nil, nil, fmt.Errorf("request: %w", err)
	}
	i, err := r.named(&request, ev)
	if err != nil {
		return nil, nil, err
	}
	ev.state = i.state
	operation, err := detector.ParseOperation(operations[e.operation], e.request)
	if err != nil {
		return nil, nil, err
	}
	if u := operation.Update; u != nil && u.State == "" {
		u.State = i.state.Name()
	}
	return &operation, i, nil
}

// named returns the detector that a request names; without keyValue the only
// one there is.
func (r *replay) named(request *entry, ev *evaluation) (*instance, error) {
	switch {
	case request.KeyValue != nil:
		ev.key = *request.KeyValue
	case r.model.Key() != "" && len(r.detectors) == 1:
		for key := range r.detectors {
			ev.key = key
		}
	case r.model.Key() != "" && len(r.detectors) > 1:
		return nil, fmt.Errorf("keyValue is missing, and there are %d detectors", len(r.detectors))
	}
	if i := r.detectors[ev.key]; i != nil {
		return i, nil
	}
	if r.creates && ev.kind == "BatchUpdateDetector" {
		return r.create(ev.key), nil
	}
	return nil, fmt.Errorf("%w: key value %q", detector.ErrNoDetector, ev.key)
}

func (r *replay) evaluate(i *instance, trigger *detector.Trigger, ev *evaluation) error {
	ev.state = i.state
	if r.compare {
		r.before.take(i.state)
	}
	switch err := r.model.Evaluate(i.state, trigger, &r.result); {
	case err == nil:
		ev.result = &r.result
	case trigger.Operation != nil:
		ev.refusal = refused(err)
	default:
		return fmt.Errorf("key value %q at %s: %w", i.key, formatAt(trigger.At), err)
	}
	if r.compare {
		r.after.take(i.state)
		ev.changed = !r.after.equal(&r.before) || ev.refusal != nil || len(r.result.Actions)+len(r.result.Errors) > 0
	}
	r.schedule(i)
	return r.emit(ev)
}

// shown is what the lines show of a detector.
type shown struct {
	state     string
	variables []detector.Variable
	timers    []detector.Timer
}

func (s *shown) take(state *detector.State) {
	s.state = state.Name()
	s.variables = state.AppendVariables(s.variables[:0])
	s.timers = slices.DeleteFunc(state.AppendTimers(s.timers[:0]), func(t detector.Timer) bool { return t.Elapsed })
}

func (s *shown) equal(other *shown) bool {
	return s.state == other.state && slices.Equal(s.variables, other.variables) && slices.Equal(s.timers, other.timers)
}

// schedule puts a detector where its next timer belongs.
func (r *replay) schedule(i *instance) {
	next, ok := i.state.NextTimer()
	switch {
	case !ok && i.place < 0:
	case !ok:
		heap.Remove(&r.timers, i.place)
	case i.place < 0:
		i.due = next.Due
		heap.Push(&r.timers, i)
	default:
		i.due = next.Due
		heap.Fix(&r.timers, i.place)
	}
}

// schedule is a heap of detectors by the time of their next timer, then key.
type schedule []*instance

func (s schedule) Len() int { return len(s) }

func (s schedule) Less(i, j int) bool {
	return cmp.Or(s[i].due.Compare(s[j].due), cmp.Compare(s[i].key, s[j].key)) < 0
}

func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].place, s[j].place = i, j
}

// Push implements heap.Interface.
func (s *schedule) Push(x any) {
	i := x.(*instance)
	i.place = len(*s)
	*s = append(*s, i)
}

// Pop implements heap.Interface.
func (s *schedule) Pop() any {
	last := len(*s) - 1
	i := (*s)[last]
	i.place = -1
	*s = slices.Delete(*s, last, last+1)
	return i
}

// deduplicated is for how long the id of a message is remembered.
const deduplicated = 300 * time.Second

// messageName is the scope of de-duplication.
type messageName struct{ input, id string }

// window remembers the names of the accepted messages of the last minutes.
type window struct {
	at    map[messageName]time.Time
	order []messageName // from old on
	old   int
}

// add reports whether the message is new, and remembers it.
func (w *window) add(name messageName, at time.Time) bool {
	if first, ok := w.at[name]; ok && at.Sub(first) < deduplicated {
		return false
	}
	w.prune(at)
	w.at[name] = at
	w.order = append(w.order, name)
	return true
}

func (w *window) prune(now time.Time) {
	for w.old < len(w.order) && now.Sub(w.at[w.order[w.old]]) >= deduplicated {
		delete(w.at, w.order[w.old])
		w.old++
	}
	if w.old > len(w.order)/2 {
		w.order = slices.Delete(w.order, 0, w.old)
		w.old = 0
	}
}
