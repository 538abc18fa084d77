package backtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/iotenant/iotenant/alerts/detector"
)

// minCrowd is how many message ids are remembered before old ones are looked
// for.
const minCrowd = 1024

// window is how long a message id is remembered, as the service did.
const window = 300 * time.Second

// Replay is a model with its detectors, at one moment of the replay.
type Replay struct {
	model   *detector.Model
	yield   func(*Evaluation)
	states  map[string]*detector.State
	seen    map[messageKey]time.Time
	crowd   int // of seen, at which old ones are dropped
	now     time.Time
	started bool
	number  int // of the message
	message detector.Message
	result  detector.Result
}

type messageKey struct{ input, id string }

// New starts a replay that yields every evaluation, in order. What an
// Evaluation holds is the receiver's.
func New(model *detector.Model, yield func(*Evaluation)) *Replay {
	return &Replay{model: model, yield: yield, states: map[string]*detector.State{}, seen: map[messageKey]time.Time{}}
}

// Apply fires the timers that are due by the time of a line, then evaluates
// it. The error is about the line or the model, never about what the service
// would have answered: that stands in the Evaluation.
func (r *Replay) Apply(l *Line) error {
	at := timeOf(l.At)
	if r.started && at.Before(r.now) {
		return fmt.Errorf("line: at is %g seconds, but the line before is of %g", l.At, secondsOf(r.now))
	}
	if err := r.fire(at); err != nil {
		return err
	}
	r.now, r.started = at, true
	if l.Kind != "" {
		return r.operate(l)
	}
	return r.put(l)
}

// Until fires the timers that are due by that second.
func (r *Replay) Until(seconds float64) error { return r.fire(timeOf(seconds)) }

// State returns a detector, or nil.
func (r *Replay) State(key string) *detector.State { return r.states[key] }

// Keys returns the keys of the detectors, sorted.
func (r *Replay) Keys() []string { return slices.Sorted(maps.Keys(r.states)) }

func (r *Replay) put(l *Line) error {
	r.number++
	input, id := l.InputName, l.MessageID
	if id == "" {
		id = strconv.Itoa(r.number)
	}
	if input == "" {
		inputs := r.model.Inputs()
		if len(inputs) != 1 {
			return fmt.Errorf("line: inputName is missing, and the model reads %d inputs", len(inputs))
		}
		input = inputs[0]
	}
	e := &Evaluation{At: l.At, Kind: "message"}
	if err := r.model.Read(&r.message, input, l.Payload); err != nil {
		e.Errors = append(e.Errors, err.Error())
		r.yield(e)
		return nil
	}
	if r.message.Ignored() {
		r.yield(e)
		return nil
	}
	e.Key = string(r.message.Key())
	place := messageKey{input, id}
	if first, ok := r.seen[place]; ok && r.now.Sub(first) < window {
		e.fill(r.states[e.Key], nil)
		r.yield(e)
		return nil
	}
	r.remember(place)
	return r.evaluate(e, &detector.Trigger{At: r.now, Message: &r.message, MessageID: id})
}

// remember notes an accepted message, and forgets old ones now and then.
func (r *Replay) remember(place messageKey) {
	if len(r.seen) >= r.crowd {
		maps.DeleteFunc(r.seen, func(_ messageKey, first time.Time) bool { return r.now.Sub(first) >= window })
		r.crowd = max(minCrowd, 2*len(r.seen))
	}
	r.seen[place] = r.now
}

func (r *Replay) operate(l *Line) error {
	e := &Evaluation{At: l.At, Kind: l.Kind}
	var entry struct {
		KeyValue string `json:"keyValue"`
	}
	if err := json.Unmarshal(l.Request, &entry); err != nil {
		return fmt.Errorf("line: request: %w", err)
	}
	e.Key = entry.KeyValue
	operation, err := detector.ParseOperation(Operations[l.Kind], l.Request)
	if err != nil {
		e.Errors = append(e.Errors, err.Error())
		e.fill(r.states[e.Key], nil)
		r.yield(e)
		return nil
	}
	return r.evaluate(e, &detector.Trigger{At: r.now, Operation: &operation})
}

// evaluate runs a trigger, and yields what came of it.
func (r *Replay) evaluate(e *Evaluation, t *detector.Trigger) error {
	state, known := r.states[e.Key]
	if !known {
		state = r.model.NewState()
	}
	t.Key = e.Key
	err := r.model.Evaluate(state, t, &r.result)
	switch {
	case err == nil:
		r.states[e.Key] = state
		e.fill(state, &r.result)
	case errors.Is(err, detector.ErrOperation), errors.Is(err, detector.ErrNoDetector):
		e.Errors = append(e.Errors, err.Error())
		if known {
			e.fill(state, nil)
		}
	default:
		return err
	}
	r.yield(e)
	return nil
}

// fire evaluates the timers of all detectors that are due, the earliest first,
// then by key.
func (r *Replay) fire(until time.Time) error {
	for {
		key, timer, ok := r.next()
		if !ok || timer.Due.After(until) {
			return nil
		}
		e := &Evaluation{At: secondsOf(timer.Due), Kind: "timer", Key: key}
		if !r.model.IsAlarm() {
			e.TimerName = timer.Name
		}
		if err := r.evaluate(e, &detector.Trigger{At: timer.Due, Timer: timer.Name, Due: timer.Due}); err != nil {
			return err
		}
	}
}

func (r *Replay) next() (key string, timer detector.Timer, found bool) {
	for k, state := range r.states {
		t, ok := state.NextTimer()
		if !ok {
			continue
		}
		if !found || cmp.Or(t.Due.Compare(timer.Due), cmp.Compare(k, key)) < 0 {
			key, timer, found = k, t, true
		}
	}
	return key, timer, found
}
