package detector

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// checkReach reports states that no transition can lead to, and actions whose
// condition is never true.
func (r *reader) checkReach() {
	m := r.model
	reached := make([]bool, len(m.states))
	r.reach(m.initial, reached)
	for i := range m.states {
		if !reached[i] {
			r.findings.add(LevelWarning, Structure, fmt.Sprintf("states[%d]", i),
				"A state in your detector model is unreachable. Check the condition that will cause a transition to the desired state.")
		}
	}
	for i := range m.states {
		s := &m.states[i]
		for _, l := range []*lifecycle{&s.onEnter, &s.onInput, &s.onExit} {
			r.checkActions(l.events)
			r.checkActions(l.transitions)
		}
	}
}

func (r *reader) reach(state int32, reached []bool) {
	if reached[state] {
		return
	}
	reached[state] = true
	transitions := r.model.states[state].onInput.transitions
	for i := range transitions {
		t := &transitions[i]
		certain := r.certain(t)
		if certain != no {
			r.reach(t.next, reached)
		}
		if certain == yes {
			return // those after it are never tested
		}
	}
}

func (r *reader) checkActions(events []event) {
	for i := range events {
		e := &events[i]
		if len(e.actions) > 0 && r.certain(e) == no {
			r.expressionFinding(LevelWarning, Structure, e.formula, e.formula.node,
				"An action in your detector model is unreachable. Check the condition that initiates the action.")
		}
	}
}

// certain tells whether the condition of an event is always true, or never;
// unknown if it depends.
func (r *reader) certain(e *event) truth {
	if e.formula == nil {
		return yes
	}
	return r.constant(e.formula.node)
}

// constant returns the truth of a condition that reads nothing, or of which
// enough is known.
func (r *reader) constant(node exprlang.Node) truth {
	if n, ok := node.(*exprlang.Binary); ok && (n.Operator == "&&" || n.Operator == "||") {
		x, y := r.constant(n.X), r.constant(n.Y)
		decides := no
		if n.Operator == "||" {
			decides = yes
		}
		switch {
		case x == decides || y == decides:
			return decides
		case x == unknown || y == unknown:
			return unknown
		}
		return x
	}
	if n, ok := node.(*exprlang.Unary); ok && n.Operator == "!" {
		t := r.constant(n.X)
		if t != unknown {
			t ^= yes
		}
		return t
	}
	if depends(node) {
		return unknown
	}
	c := &compiler{model: r.model, symbols: r.symbols, findings: &findings{}, formula: &formula{}}
	test := c.condition(node)
	if c.findings.errors > 0 {
		return unknown
	}
	t := test(&frame{model: r.model})
	if t == broken || t == unknown {
		return no
	}
	return t
}

// depends reports whether an expression depends on anything outside of it.
func depends(node exprlang.Node) bool {
	found := false
	exprlang.Walk(node, func(node exprlang.Node) {
		switch n := node.(type) {
		case *exprlang.Path:
			found = found || isReference(n)
		case *exprlang.Call:
			found = found || n.Name == "timeout" || n.Name == "triggerType" || n.Name == "currentInput"
		}
	})
	return found
}

// variableSet holds variables by their place; nil is the set of all.
type variableSet []bool

func (s variableSet) has(i int) bool { return s == nil || s[i] }

// with returns the set with what the actions of events set.
func (s variableSet) with(size int, events ...event) variableSet {
	if s == nil {
		return nil
	}
	union := make(variableSet, size)
	copy(union, s)
	for _, e := range events {
		for _, a := range e.actions {
			if set, ok := a.step.(*setVariable); ok {
				union[set.index] = true
			}
		}
	}
	return union
}

// intersect returns what is in both sets, and whether that is less than s.
func (s variableSet) intersect(t variableSet) (both variableSet, less bool) {
	if s == nil {
		return t, t != nil
	}
	both = make(variableSet, len(s))
	for i := range s {
		both[i] = s[i] && t.has(i)
		less = less || s[i] && !both[i]
	}
	return both, less
}

// checkOrder reports variables that a state reads although, on some way to it,
// no action has set them.
func (r *reader) checkOrder() {
	m := r.model
	entered := make([]variableSet, len(m.states))
	entered[m.initial] = make(variableSet, len(m.variables))
	for queue := []int32{m.initial}; len(queue) > 0; queue = queue[1:] {
		s := &m.states[queue[0]]
		set := entered[queue[0]].with(len(m.variables), s.onEnter.events...).with(len(m.variables), s.onInput.events...)
		for i := range s.onInput.transitions {
			t := &s.onInput.transitions[i]
			left := set.with(len(m.variables), *t).with(len(m.variables), s.onExit.events...)
			if both, less := entered[t.next].intersect(left); less {
				entered[t.next] = both
				queue = append(queue, t.next)
			}
		}
	}
	reported := make([]bool, len(m.variables))
	for i := range m.states {
		r.checkState(&m.states[i], entered[i], reported)
	}
}

func (r *reader) checkState(s *state, set variableSet, reported []bool) {
	for _, l := range []*lifecycle{&s.onEnter, &s.onInput, &s.onExit} {
		events := append(append([]event{}, l.events...), l.transitions...)
		before := set
		for i := range events {
			if r.model.method == Serial {
				before = set
			}
			r.checkReads(events[i].formula, before, reported)
			for j := range events[i].actions {
				for _, f := range formulasOf(events[i].actions[j].step) {
					r.checkReads(f, set, reported)
				}
				set = set.with(len(r.model.variables), event{actions: events[i].actions[j : j+1]})
			}
		}
	}
}

// checkReads reports variables of an expression that are not set, each once.
func (r *reader) checkReads(f *formula, set variableSet, reported []bool) {
	if f == nil || set == nil {
		return
	}
	asked := map[exprlang.Node]bool{}
	exprlang.Walk(f.node, func(node exprlang.Node) {
		switch n := node.(type) {
		case *exprlang.Call:
			if n.Name == "isUndefined" {
				asked[n.Arguments[0]] = true
			}
		case *exprlang.Path:
			if n.Segments[0].Name != "$variable" || asked[n] {
				return
			}
			i := r.symbols.variable(n.Segments[1].Name)
			if set.has(i) || reported[i] || !r.symbols.variables[n.Segments[1].Name].set {
				return
			}
			reported[i] = true
			r.expressionFinding(LevelWarning, ReferencedData, f, n,
				"Detected broken Variable: a variable is used in an expression before being set to a value.")
		}
	})
}

// formulasOf returns the expressions of an action.
func formulasOf(s step) []*formula {
	switch a := s.(type) {
	case *setVariable:
		return []*formula{a.value}
	case *setTimer:
		return []*formula{a.duration}
	case *delivery:
		formulas := []*formula{a.payload}
		for _, t := range a.target {
			formulas = append(formulas, t.formula)
		}
		for i := range a.fields {
			formulas = append(formulas, a.fields[i].formula)
		}
		return formulas
	}
	return nil
}

// checkTimers reports expressions of onInput that forget that a timer can be
// the trigger.
func (r *reader) checkTimers() {
	m := r.model
	if len(m.timers) == 0 {
		return
	}
	for i := range m.states {
		for _, events := range [][]event{m.states[i].onInput.events, m.states[i].onInput.transitions} {
			for j := range events {
				r.checkTimerEvent(&events[j], fmt.Sprintf("states[%d].onInput", i))
			}
		}
	}
}

func (r *reader) checkTimerEvent(e *event, path string) {
	if e.formula != nil && readsUnguarded(e.formula.node) {
		r.expressionFinding(LevelWarning, Structure, e.formula, e.formula.node,
			"An input attribute is being read, but this may be caused by a timer expiration.")
	}
	if !hasDelivery(e) || e.formula != nil && isGuarded(e.formula.node) {
		return
	}
	const message = "An expiring timer can cause an unexpected amount of messages to be sent."
	if e.formula == nil {
		r.findings.add(LevelWarning, Structure, path, "%s", message)
		return
	}
	r.expressionFinding(LevelWarning, Structure, e.formula, e.formula.node, message)
}

func hasDelivery(e *event) bool {
	for i := range e.actions {
		if _, ok := e.actions[i].step.(*delivery); ok {
			return true
		}
	}
	return false
}

// isGuarded reports whether an expression is true for one kind of trigger
// only: whether each of its alternatives asks for the trigger.
func isGuarded(node exprlang.Node) bool {
	switch n := node.(type) {
	case *exprlang.Binary:
		switch n.Operator {
		case "&&":
			return isGuarded(n.X) || isGuarded(n.Y)
		case "||":
			return isGuarded(n.X) && isGuarded(n.Y)
		case "==":
			return isGuarded(n.X) && isTrue(n.Y) || isTrue(n.X) && isGuarded(n.Y)
		}
	case *exprlang.Call:
		return n.Name == "triggerType" || n.Name == "currentInput"
	}
	return false
}

func isTrue(node exprlang.Node) bool { return literal(node) == BooleanValue(true) }

// readsUnguarded reports whether an expression reads an attribute where it
// does not ask for the trigger.
func readsUnguarded(node exprlang.Node) bool {
	switch n := node.(type) {
	case *exprlang.Binary:
		if n.Operator == "&&" && (isGuarded(n.X) || isGuarded(n.Y)) {
			return false
		}
		return readsUnguarded(n.X) || readsUnguarded(n.Y)
	case *exprlang.Unary:
		return readsUnguarded(n.X)
	case *exprlang.Template:
		return slices.ContainsFunc(n.Parts, readsUnguarded)
	case *exprlang.Call:
		return slices.ContainsFunc(n.Arguments, readsUnguarded)
	case *exprlang.Path:
		return strings.HasPrefix(n.Segments[0].Name, "$input")
	}
	return false
}
