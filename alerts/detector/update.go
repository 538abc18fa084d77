package detector

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Update is what the service's BatchUpdateDetector sets: the state, and all
// variables and timers. What it does not list is cleared.
type Update struct {
	At        time.Time
	State     string
	Variables []Variable
	// Timers run from At for their Duration, in whole seconds.
	Timers []Timer
}

// Update sets state, variables and timers; no event runs. Retained inputs are
// cleared. A detector that did not exist is created. Errors: [ErrState],
// [ErrUpdate]; then s is unchanged.
func (m *Model) Update(s *State, u *Update) error {
	if s.model != m {
		return fmt.Errorf("%w: of another model", ErrState)
	}
	current := slices.IndexFunc(m.states, func(state state) bool { return state.name == u.State })
	if current < 0 {
		return fmt.Errorf("%w: model %q has no state %q", ErrUpdate, m.name, u.State)
	}
	if err := m.checkUpdate(u); err != nil {
		return err
	}
	at := u.At.UnixMicro()
	if s.current < 0 {
		s.created = at
	}
	s.current, s.updated = int32(current), at
	s.clear()
	for _, v := range u.Variables {
		value := v.Value
		value.text = strings.Clone(value.text)
		*s.variable(v.Name) = value
	}
	for _, t := range u.Timers {
		s.timer(t.Name).start(at, int64(t.Duration/time.Second))
	}
	if !m.semantics.KeepInputsOnUpdate {
		s.clearInputs()
	}
	return nil
}

func (m *Model) checkUpdate(u *Update) error {
	for _, v := range u.Variables {
		if !isVariableName(v.Name) {
			return fmt.Errorf("%w: %q is no variable name", ErrUpdate, v.Name)
		}
		if k := v.Value.kind; k != Boolean && k != Integer && k != Decimal && k != String {
			return fmt.Errorf("%w: variable %q: want a Boolean, Integer, Decimal or String, got %s", ErrUpdate, v.Name, k)
		}
	}
	for _, t := range u.Timers {
		if t.Name == "" || len(t.Name) > maxNameLength {
			return fmt.Errorf("%w: timer name is %d bytes long, want 1 to %d", ErrUpdate, len(t.Name), maxNameLength)
		}
		if t.Duration < m.MinTimer() || t.Duration > MaxTimer {
			return fmt.Errorf("%w: timer %q: duration %s, want %s to %s", ErrUpdate, t.Name, t.Duration, m.MinTimer(), MaxTimer)
		}
	}
	return nil
}

// clear forgets variables and timers, and their names if only an update knew
// them.
func (s *State) clear() {
	s.vars, s.timers, s.extra = s.vars[:len(s.model.variables)], s.timers[:len(s.model.timers)], nil
	clear(s.vars)
	clear(s.timers)
}
