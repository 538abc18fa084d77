package detector

import (
	"fmt"
	"slices"

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

// add puts what an action sets into the set.
func (s variableSet) add(a *action) {
	if set, ok := a.step.(*setVariable); ok {
		s[set.index] = true
	}
}

// with returns a copy of the set with what the actions of events set.
func (s variableSet) with(events ...event) variableSet {
	union := slices.Clone(s)
	for _, e := range events {
		for i := range e.actions {
			union.add(&e.actions[i])
		}
	}
	return union
}

// intersect returns what is in both sets, and whether that is less than s.
func (s variableSet) intersect(t variableSet) (both variableSet, less bool) {
	if s == nil {
		return t, true
	}
	both = make(variableSet, len(s))
	for i := range s {
		both[i] = s[i] && t[i]
		less = less || s[i] && !both[i]
	}
	return both, less
}

// maxOrder bounds states times variables of models of which checkOrder knows
// the order: its work grows faster than they. The quotas allow 1000.
const maxOrder = 1 << 14

// checkOrder reports variables that a state reads although, on some way to it,
// no action has set them.
func (r *reader) checkOrder() {
	m := r.model
	if len(m.states)*len(m.variables) > maxOrder {
		return
	}
	entered := make([]variableSet, len(m.states))
	entered[m.initial] = make(variableSet, len(m.variables))
	for queue := []int32{m.initial}; len(queue) > 0; queue = queue[1:] {
		s := &m.states[queue[0]]
		set := entered[queue[0]].with(s.onEnter.events...).with(s.onInput.events...)
		for i := range s.onInput.transitions {
			t := &s.onInput.transitions[i]
			left := set.with(*t).with(s.onExit.events...)
			if both, less := entered[t.next].intersect(left); less {
				entered[t.next] = both
				queue = append(queue, t.next)
			}
		}
	}
	reported := make([]bool, len(m.variables))
	for i := range m.states {
		if entered[i] != nil {
			r.checkState(&m.states[i], entered[i], reported)
		}
	}
}

// checkState follows the evaluation of a state that is entered with a set of
// variables.
func (r *reader) checkState(s *state, entered variableSet, reported []bool) {
	set := slices.Clone(entered)
	for _, l := range []*lifecycle{&s.onEnter, &s.onInput, &s.onExit} {
		tested := set // what conditions see
		if r.model.method == Batch {
			tested = slices.Clone(set)
		}
		for _, events := range [][]event{l.events, l.transitions} {
			for i := range events {
				r.checkReads(events[i].formula, tested, reported)
				for j := range events[i].actions {
					for _, f := range formulasOf(events[i].actions[j].step) {
						r.checkReads(f, set, reported)
					}
					set.add(&events[i].actions[j])
				}
			}
		}
	}
}

// checkReads reports variables of an expression that are not set, each once.
func (r *reader) checkReads(f *formula, set variableSet, reported []bool) {
	if f == nil {
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
	var asks guard
	if e.formula != nil {
		asks = guardOf(e.formula.node)
	}
	if asks.reads {
		r.expressionFinding(LevelWarning, Structure, e.formula, e.formula.node,
			"An input attribute is being read, but this may be caused by a timer expiration.")
	}
	if asks.guarded || !hasDelivery(e) {
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

// guard tells how an expression deals with its trigger.
type guard struct {
	// guarded: it is true for one kind of trigger only, for each of its
	// alternatives asks for the trigger.
	guarded bool
	// reads: it reads an attribute where it does not ask.
	reads bool
}

func guardOf(node exprlang.Node) guard {
	switch n := node.(type) {
	case *exprlang.Binary:
		x, y := guardOf(n.X), guardOf(n.Y)
		reads := x.reads || y.reads
		switch n.Operator {
		case "&&":
			guarded := x.guarded || y.guarded
			return guard{guarded, reads && !guarded}
		case "||":
			return guard{x.guarded && y.guarded, reads}
		case "==":
			return guard{x.guarded && isTrue(n.Y) || isTrue(n.X) && y.guarded, reads}
		}
		return guard{reads: reads}
	case *exprlang.Unary:
		return guard{reads: guardOf(n.X).reads}
	case *exprlang.Template:
		return guard{reads: slices.ContainsFunc(n.Parts, readsUnguarded)}
	case *exprlang.Call:
		asks := n.Name == "triggerType" || n.Name == "currentInput"
		return guard{asks, slices.ContainsFunc(n.Arguments, readsUnguarded)}
	case *exprlang.Path:
		return guard{reads: n.Segments[0].Name == "$input"}
	}
	return guard{}
}

func readsUnguarded(node exprlang.Node) bool { return guardOf(node).reads }

func isTrue(node exprlang.Node) bool { return literal(node) == BooleanValue(true) }
