package detector

import (
	"slices"
	"strings"
	"time"
)

// State is one detector or alarm: its state, variables, timers, and the
// attributes of the last messages that expressions read. Make it with
// [Model.NewState]. It is changed by [Model.Evaluate] only, and belongs to one
// goroutine at a time.
type State struct {
	model   *Model
	current int32 // index in model.states, -1 before the first evaluation
	created int64 // microseconds since 1970, as all times here
	updated int64
	number  uint64

	vars   []Value // by the model's variables, then extra.vars
	timers []timer // by the model's timers, then extra.timers
	slots  []slot  // by the model's attributes
	texts  [][]byte
	extra  *extra
}

// extra is what few detectors have: the names that an [Update] set and the
// model does not mention; and what all alarms have.
type extra struct {
	vars   []string
	timers []string
	alarm  alarmMemory
}

// timer of a state. The zero timer was never set.
type timer struct {
	due      int64
	duration int64 // seconds; 0: never set
	flags    timerFlags
}

type timerFlags uint8

const (
	running timerFlags = 1 << iota // due in the future
	elapsed                        // fired, not cleared or set since
	pending                        // fired, and no timeout() has read it yet

	// The flags below live during an evaluation only.

	frozen // pending when the evaluation began
	read   // timeout() was called
)

// NewState returns the state of a detector that does not exist yet: its first
// evaluation creates it.
func (m *Model) NewState() *State {
	s := &State{
		model:   m,
		current: -1,
		vars:    make([]Value, len(m.variables)),
		timers:  make([]timer, len(m.timers)),
		slots:   make([]slot, m.slots),
		texts:   make([][]byte, len(m.inputs)),
	}
	if m.alarm != nil {
		s.extra = &extra{}
	}
	return s
}

// Name returns the name of the state, or "" before the first evaluation.
func (s *State) Name() string {
	if s.current < 0 {
		return ""
	}
	return s.model.states[s.current].name
}

// Created returns the time of the evaluation that created the detector.
func (s *State) Created() time.Time { return time.UnixMicro(s.created).UTC() }

// Updated returns the time of the last evaluation or update.
func (s *State) Updated() time.Time { return time.UnixMicro(s.updated).UTC() }

// Evaluations returns how many evaluations the detector has seen.
func (s *State) Evaluations() uint64 { return s.number }

// Variable returns the variable of that name, or an undefined value.
func (s *State) Variable(name string) Value {
	if i, ok := s.findVariable(name); ok {
		return s.vars[i]
	}
	return Value{}
}

// AppendVariables appends the variables that are set: those of the model by
// name, then those that only an update knows.
func (s *State) AppendVariables(variables []Variable) []Variable {
	for i, value := range s.vars {
		if value.kind != Undefined {
			variables = append(variables, Variable{s.variableName(i), value})
		}
	}
	return variables
}

// Timer is a timer of a detector that was set and not cleared.
type Timer struct {
	Name string
	// Due is when it fires, or fired.
	Due time.Time
	// Duration is what it was set to, in whole seconds.
	Duration time.Duration
	// Elapsed: it has fired.
	Elapsed bool
}

// AppendTimers appends the timers that run or have elapsed, and were not
// cleared since: those of the model by name, then those that only an update
// knows.
func (s *State) AppendTimers(timers []Timer) []Timer {
	for i := range s.timers {
		if s.timers[i].flags&(running|elapsed) != 0 {
			timers = append(timers, s.timerAt(i))
		}
	}
	return timers
}

// NextTimer returns the timer to fire next: the one due first, by name if
// several are.
func (s *State) NextTimer() (Timer, bool) {
	next := -1
	for i := range s.timers {
		t := &s.timers[i]
		if t.flags&running == 0 {
			continue
		}
		if next < 0 || t.due < s.timers[next].due ||
			t.due == s.timers[next].due && s.timerName(i) < s.timerName(next) {
			next = i
		}
	}
	if next < 0 {
		return Timer{}, false
	}
	return s.timerAt(next), true
}

func (s *State) timerAt(i int) Timer {
	t := &s.timers[i]
	return Timer{
		Name:     s.timerName(i),
		Due:      time.UnixMicro(t.due).UTC(),
		Duration: time.Duration(t.duration) * time.Second,
		Elapsed:  t.flags&elapsed != 0,
	}
}

func (s *State) variableName(i int) string {
	if n := len(s.model.variables); i >= n {
		return s.extra.vars[i-n]
	}
	return s.model.variables[i]
}

func (s *State) timerName(i int) string {
	if n := len(s.model.timers); i >= n {
		return s.extra.timers[i-n]
	}
	return s.model.timers[i]
}

func (s *State) findVariable(name string) (int, bool) {
	if i, ok := slices.BinarySearch(s.model.variables, name); ok {
		return i, true
	}
	if s.extra != nil {
		if i := slices.Index(s.extra.vars, name); i >= 0 {
			return len(s.model.variables) + i, true
		}
	}
	return 0, false
}

func (s *State) findTimer(name string) (int, bool) {
	if i, ok := slices.BinarySearch(s.model.timers, name); ok {
		return i, true
	}
	if s.extra != nil {
		if i := slices.Index(s.extra.timers, name); i >= 0 {
			return len(s.model.timers) + i, true
		}
	}
	return 0, false
}

// variable returns the place of a variable, making one if need be.
func (s *State) variable(name string) *Value {
	i, ok := s.findVariable(name)
	if !ok {
		i = len(s.vars)
		s.vars = append(s.vars, Value{})
		s.extras().vars = append(s.extra.vars, strings.Clone(name))
	}
	return &s.vars[i]
}

// timer returns the place of a timer, making one if need be.
func (s *State) timer(name string) *timer {
	i, ok := s.findTimer(name)
	if !ok {
		i = len(s.timers)
		s.timers = append(s.timers, timer{})
		s.extras().timers = append(s.extra.timers, strings.Clone(name))
	}
	return &s.timers[i]
}

func (s *State) extras() *extra {
	if s.extra == nil {
		s.extra = &extra{}
	}
	return s.extra
}

// start runs the timer for its duration from now on.
func (t *timer) start(now, seconds int64) {
	t.due = now + seconds*microsecondsPerSecond
	t.duration = seconds
	t.flags = t.flags&(frozen|read) | running
}

// clear stops the timer. Its duration is remembered for resetTimer.
func (t *timer) clear() { t.flags &= frozen | read }

// fire marks the timer as elapsed, for timeout() to read.
func (t *timer) fire() { t.flags = elapsed | pending }

// fire marks a timer as elapsed; with join, all that are due by its time too.
func (s *State) fire(i int, join bool) {
	due := s.timers[i].due
	s.timers[i].fire()
	if !join {
		return
	}
	for j := range s.timers {
		if t := &s.timers[j]; t.flags&running != 0 && t.due <= due {
			t.fire()
		}
	}
}

const microsecondsPerSecond = 1_000_000

// clearInputs forgets the retained attributes.
func (s *State) clearInputs() {
	clear(s.slots)
	for i := range s.texts {
		s.texts[i] = s.texts[i][:0]
	}
}
