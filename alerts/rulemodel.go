package alerts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names of what a compiled [Rule] consists of. People meet the first two in
// payloads.
const (
	severityVariable = "severity"
	valueVariable    = "value"

	metVariable    = "met"   // 1: the last message fulfilled When
	clearVariable  = "clear" // 1: the last message fulfilled Clear
	heldVariable   = "held"  // 1: For has passed
	levelVariable  = "level" // the number of escalations so far
	silentVariable = "silent"
	secondVariable = "second" // of the day, of the schedule
	dayVariable    = "day"    // since 1970, of the schedule
	weekVariable   = "weekday"

	forTimer      = "for"
	escalateTimer = "escalate"
	clearTimer    = "clear"
	silentTimer   = "silent"

	normalState  = "normal"
	pendingState = "pending"
	raisedState  = "raised"
)

// maxInline is the length up to which a condition is written in line. The
// service allows 512 characters; what is longer becomes a variable.
const maxInline = 200

// The JSON of a detector model, as far as rules need it.
type (
	ruleModel struct {
		Name       string         `json:"detectorModelName"`
		Key        string         `json:"key,omitempty"`
		Method     string         `json:"evaluationMethod"`
		Definition ruleDefinition `json:"detectorModelDefinition"`
	}
	ruleDefinition struct {
		Initial string      `json:"initialStateName"`
		States  []ruleState `json:"states"`
	}
	ruleState struct {
		Name    string        `json:"stateName"`
		OnEnter ruleLifecycle `json:"onEnter,omitzero"`
		OnInput ruleLifecycle `json:"onInput,omitzero"`
		OnExit  ruleLifecycle `json:"onExit,omitzero"`
	}
	ruleLifecycle struct {
		Events      []ruleEvent `json:"events,omitempty"`
		Transitions []ruleEvent `json:"transitionEvents,omitempty"`
	}
	ruleEvent struct {
		Name      string       `json:"eventName"`
		Condition string       `json:"condition,omitempty"`
		Actions   []ruleAction `json:"actions,omitempty"`
		Next      string       `json:"nextState,omitempty"`
	}
	ruleAction map[string]map[string]any
)

// Definition compiles the rule into a detector model, as the body of
// CreateDetectorModel. The error is [ErrRule].
func (r *Rule) Definition() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	c := ruleCompiler{rule: r, message: fmt.Sprintf("currentInput(%q)", r.Input)}
	definition, err := json.Marshal(c.model())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRule, err)
	}
	return definition, nil
}

// ruleCompiler writes a rule as a SERIAL model, in which events see what those
// before them have set. In each state the same events first take the sample:
// they turn a message into variables. What follows only reads these.
type ruleCompiler struct {
	rule    *Rule
	message string      // holds if a message is the cause of the evaluation
	sample  []ruleEvent // what turns a message into variables
	after   []ruleEvent // what remembers the message for the next one
	stored  int         // number of conditions kept in variables
}

func (c *ruleCompiler) model() ruleModel {
	c.takeSample()
	return ruleModel{
		Name: c.rule.Name, Key: c.rule.Key, Method: "SERIAL",
		Definition: ruleDefinition{Initial: normalState, States: c.states()},
	}
}

func (c *ruleCompiler) takeSample() {
	when := c.condition(&c.rule.When)
	if s := c.rule.During; s != nil {
		when = and(when, c.schedule(s))
	}
	met := c.storeAs(metVariable, when)
	if c.rule.Clear == nil {
		c.storeAs(clearVariable, variable(metVariable)+" == 0")
	} else {
		c.storeAs(clearVariable, c.condition(c.rule.Clear))
	}
	if attribute := c.rule.When.attribute(); attribute != "" {
		c.onMessage("value", "!isUndefined("+c.input(attribute)+")", setVariable(valueVariable, c.input(attribute)))
	}
	if c.rule.ClearAfter > 0 {
		c.onMessage("repeated", met, setTimer(clearTimer, c.rule.ClearAfter))
	}
	if c.rule.NoData > 0 {
		c.onMessage("heard", variable(silentVariable)+" == 1", setVariable(silentVariable, "0"), c.notify())
		c.onMessage("listen", "", setTimer(silentTimer, c.rule.NoData))
		c.sample = append(c.sample, ruleEvent{
			Name: "silent", Condition: timeout(silentTimer), Actions: []ruleAction{setVariable(silentVariable, "1"), c.notify()},
		})
	}
	c.sample = append(c.sample, c.after...)
}

// onMessage adds an event of the sample.
func (c *ruleCompiler) onMessage(name, condition string, actions ...ruleAction) {
	c.sample = append(c.sample, ruleEvent{Name: name, Condition: and(c.message, condition), Actions: actions})
}

// storeAs makes a variable 1 if the condition holds for the message, else 0.
// It returns the condition that reads it.
func (c *ruleCompiler) storeAs(name, condition string) string {
	c.onMessage(name, "", setVariable(name, "0"))
	c.onMessage(name, condition, setVariable(name, "1"))
	return variable(name) + " == 1"
}

// store is storeAs with a name of its own.
func (c *ruleCompiler) store(condition string) string {
	c.stored++
	return c.storeAs("c"+strconv.Itoa(c.stored), condition)
}

// condition returns the expression of a condition.
func (c *ruleCompiler) condition(cond *Condition) string {
	switch {
	case cond.Threshold != nil:
		t := cond.Threshold
		return c.bounded(fmt.Sprintf("!isUndefined(%s) && %[1]s %s %s", c.input(t.Attribute), t.Operator, literal(t.Value)))
	case cond.Rate != nil:
		return c.rate(cond.Rate)
	case cond.Times != nil:
		return c.times(cond.Times)
	case len(cond.All) > 0:
		return c.join(cond.All, " && ")
	default:
		return c.join(cond.Any, " || ")
	}
}

func (c *ruleCompiler) join(list []Condition, operator string) string {
	joined := ""
	for i := range list {
		next := "(" + c.condition(&list[i]) + ")"
		if joined != "" {
			joined = c.bounded(joined) + operator + next
		} else {
			joined = next
		}
	}
	return c.bounded(joined)
}

// bounded keeps conditions within the length that the service allows.
func (c *ruleCompiler) bounded(condition string) string {
	if len(condition) <= maxInline {
		return condition
	}
	return c.store(condition)
}

// rate compares with the message before, which is remembered at the end of the
// sample.
func (c *ruleCompiler) rate(r *Rate) string {
	c.stored++
	last, lastTime := "last"+strconv.Itoa(c.stored), "time"+strconv.Itoa(c.stored)
	now, before := c.input(r.Attribute), variable(last)
	if r.Per == 0 {
		c.remember("!isUndefined("+now+")", setVariable(last, now))
		return c.store(fmt.Sprintf("(%s - %s) %s %s", now, before, r.Operator, literal(r.Value)))
	}
	at, atBefore := c.input(r.TimeAttribute), variable(lastTime)
	later := fmt.Sprintf("%s > %s", at, atBefore)
	c.remember(fmt.Sprintf("!isUndefined(%s) && (isUndefined(%s) || %s)", now, atBefore, later),
		setVariable(last, now), setVariable(lastTime, at))
	per := literal(float64(r.Per) / float64(timeUnit(r.TimeUnit)))
	return c.store(fmt.Sprintf("%s && (%s - %s) * %s %s %s * (%s - %s)", later, now, before, per, r.Operator, literal(r.Value), at, atBefore))
}

func (c *ruleCompiler) remember(condition string, actions ...ruleAction) {
	c.after = append(c.after, ruleEvent{Name: "remember", Condition: and(c.message, condition), Actions: actions})
}

// times keeps the outcome of each of the last messages in a variable, and
// moves them on by one with each message.
func (c *ruleCompiler) times(t *Times) string {
	of := c.condition(&t.Of)
	c.stored++
	number := c.stored
	name := func(i int) string { return fmt.Sprintf("t%dx%d", number, i) }
	total := make([]string, t.Last)
	for i := t.Last - 1; i >= 0; i-- {
		total[i] = variable(name(i))
		if i > 0 {
			c.onMessage("shift", "!isUndefined("+variable(name(i-1))+")", setVariable(name(i), variable(name(i-1))))
			c.onMessage("shift", "isUndefined("+variable(name(i))+")", setVariable(name(i), "0"))
		}
	}
	c.storeAs(name(0), of)
	sum := "sum" + strconv.Itoa(number)
	c.onMessage("sum", "", setVariable(sum, strings.Join(total, " + ")))
	return fmt.Sprintf("%s >= %d", variable(sum), t.AtLeast)
}

// schedule takes the time of the message apart. A quotient of Integers may be
// truncated or rounded, see detector.Semantics, so what was rounded up is put
// right after each division.
func (c *ruleCompiler) schedule(s *Schedule) string {
	const day = 24 * 60 * 60
	at := c.input(s.TimeAttribute)
	second, days, week := variable(secondVariable), variable(dayVariable), variable(weekVariable)
	timed := second + " >= 0"
	c.onMessage("clock", "", setVariable(secondVariable, "-1")) // in no schedule
	c.onMessage("clock", fmt.Sprintf("!isUndefined(bitor(%s, 0)) && %[1]s >= 0", at), setVariable(secondVariable, at))
	if unit := timeUnit(s.TimeUnit); unit != time.Second {
		perSecond := int64(time.Second / unit)
		c.onMessage("clock", timed, setVariable(secondVariable, fmt.Sprintf("%s / %d", at, perSecond)))
		c.onMessage("clock", fmt.Sprintf("%s && %s * %d > %s", timed, second, perSecond, at), setVariable(secondVariable, second+" - 1"))
	}
	// Whole days are added so that an offset leaves nothing negative.
	c.onMessage("clock", timed,
		setVariable(secondVariable, fmt.Sprintf("%s + %d", second, 7*day+int64(s.UTCOffset/time.Second))),
		setVariable(dayVariable, fmt.Sprintf("%s / %d", second, day)))
	c.onMessage("clock", fmt.Sprintf("%s && %s * %d > %s", timed, days, day, second), setVariable(dayVariable, days+" - 1"))
	// 1970-01-01, day 0, was a Thursday, day 4 of its week.
	c.onMessage("clock", timed,
		setVariable(secondVariable, fmt.Sprintf("%s - %s * %d", second, days, day)),
		setVariable(weekVariable, fmt.Sprintf("%s + 4 - (%[1]s + 4) / 7 * 7", days)))
	c.onMessage("clock", fmt.Sprintf("%s && %s < 0", timed, week), setVariable(weekVariable, week+" + 7"))

	from, to := int(s.From/time.Second), int(s.To/time.Second)
	if to > from {
		return c.store(and(fmt.Sprintf("%s >= %d && %[1]s < %[3]d", second, from, to), onDays(week, s.Days, 0)))
	}
	evening := c.store(and(fmt.Sprintf("%s >= %d", second, from), onDays(week, s.Days, 0)))
	morning := c.store(and(fmt.Sprintf("%s >= 0 && %[1]s < %d", second, to), onDays(week, s.Days, 1)))
	return fmt.Sprintf("(%s || %s)", evening, morning)
}

// onDays holds on the days that come later days after those given.
func onDays(week string, days []time.Weekday, later int) string {
	var alternatives []string
	for _, day := range days {
		alternatives = append(alternatives, fmt.Sprintf("%s == %d", week, (int(day)+later)%7))
	}
	if len(alternatives) == 0 {
		return ""
	}
	return "(" + strings.Join(alternatives, " || ") + ")"
}

func (c *ruleCompiler) states() []ruleState {
	states := []ruleState{c.normal()}
	if c.rule.For > 0 {
		states = append(states, c.pending())
	}
	return append(states, c.raised())
}

func (c *ruleCompiler) normal() ruleState {
	met := and(c.message, variable(metVariable)+" == 1")
	leave := ruleEvent{Name: "raised", Condition: met, Next: raisedState, Actions: c.raise()}
	if c.rule.For > 0 {
		leave = ruleEvent{Name: "pending", Condition: met, Next: pendingState, Actions: []ruleAction{setTimer(forTimer, c.rule.For)}}
	}
	return ruleState{
		Name:    normalState,
		OnEnter: ruleLifecycle{Events: []ruleEvent{{Name: "calm", Actions: []ruleAction{setVariable(severityVariable, "0")}}}},
		OnInput: ruleLifecycle{Events: c.sample, Transitions: []ruleEvent{leave}},
	}
}

func (c *ruleCompiler) pending() ruleState {
	held := ruleEvent{Name: "held", Condition: timeout(forTimer), Actions: []ruleAction{setVariable(heldVariable, "1")}}
	return ruleState{
		Name:    pendingState,
		OnEnter: ruleLifecycle{Events: []ruleEvent{{Name: "wait", Actions: []ruleAction{setVariable(heldVariable, "0")}}}},
		OnInput: ruleLifecycle{
			Events: append(c.sample[:len(c.sample):len(c.sample)], held),
			Transitions: []ruleEvent{
				{Name: "interrupted", Condition: and(c.message, variable(metVariable)+" == 0"), Next: normalState},
				{Name: "raised", Condition: and(c.message, variable(heldVariable)+" == 1"), Next: raisedState, Actions: c.raise()},
			},
		},
		OnExit: ruleLifecycle{Events: []ruleEvent{{Name: "wait", Actions: []ruleAction{{"clearTimer": {"timerName": forTimer}}}}}},
	}
}

// raise is what happens on the way to raised.
func (c *ruleCompiler) raise() []ruleAction {
	return []ruleAction{setVariable(severityVariable, strconv.FormatInt(c.rule.Severity, 10)), c.notify()}
}

func (c *ruleCompiler) raised() ruleState {
	state := ruleState{Name: raisedState}
	state.OnInput.Events = append(c.sample[:len(c.sample):len(c.sample)], c.escalations()...)
	state.OnInput.Transitions = []ruleEvent{
		{Name: "cleared", Condition: and(c.message, variable(clearVariable)+" == 1"), Next: normalState, Actions: c.clear()},
	}
	var leave []ruleAction
	if c.rule.ClearAfter > 0 {
		state.OnInput.Transitions = append(state.OnInput.Transitions,
			ruleEvent{Name: "cleared", Condition: timeout(clearTimer), Next: normalState, Actions: c.clear()})
		leave = append(leave, ruleAction{"clearTimer": {"timerName": clearTimer}})
	}
	if len(c.rule.Escalate) > 0 {
		state.OnEnter.Events = []ruleEvent{{Name: "watch", Actions: []ruleAction{
			setVariable(levelVariable, "0"), setTimer(escalateTimer, c.rule.Escalate[0].After),
		}}}
		leave = append(leave, ruleAction{"clearTimer": {"timerName": escalateTimer}})
	}
	if leave != nil {
		state.OnExit.Events = []ruleEvent{{Name: "leave", Actions: leave}}
	}
	return state
}

// clear leaves the severity that was reached in the payload.
func (c *ruleCompiler) clear() []ruleAction { return []ruleAction{c.notify()} }

// escalations are ordered from the last to the first, so that one of them
// doesn't bring about the next.
func (c *ruleCompiler) escalations() (events []ruleEvent) {
	for i, step := range slices.Backward(c.rule.Escalate) {
		actions := []ruleAction{
			setVariable(levelVariable, strconv.Itoa(i+1)),
			setVariable(severityVariable, strconv.FormatInt(step.Severity, 10)),
		}
		if i+1 < len(c.rule.Escalate) {
			actions = append(actions, setTimer(escalateTimer, c.rule.Escalate[i+1].After))
		}
		events = append(events, ruleEvent{
			Name:      "escalated",
			Condition: fmt.Sprintf("%s && %s == %d", timeout(escalateTimer), variable(levelVariable), i),
			Actions:   append(actions, c.notify()),
		})
	}
	return events
}

func (c *ruleCompiler) notify() ruleAction {
	target := c.rule.Target
	if target == "" {
		target = DefaultRuleTarget
	}
	return ruleAction{"sns": {"targetArn": target}}
}

// attribute returns the first attribute that the condition compares.
func (c *Condition) attribute() string {
	switch {
	case c.Threshold != nil:
		return c.Threshold.Attribute
	case c.Rate != nil:
		return c.Rate.Attribute
	case c.Times != nil:
		return c.Times.Of.attribute()
	case len(c.All) > 0:
		return c.All[0].attribute()
	default:
		return c.Any[0].attribute()
	}
}

func (c *ruleCompiler) input(attribute string) string {
	return "$input." + c.rule.Input + "." + attribute
}

func variable(name string) string { return "$variable." + name }

func timeout(timer string) string { return fmt.Sprintf("timeout(%q)", timer) }

func setVariable(name, value string) ruleAction {
	return ruleAction{"setVariable": {"variableName": name, "value": value}}
}

func setTimer(name string, after time.Duration) ruleAction {
	return ruleAction{"setTimer": {"timerName": name, "seconds": int64(after / time.Second)}}
}

func timeUnit(unit time.Duration) time.Duration {
	if unit == 0 {
		return time.Second
	}
	return unit
}

// and joins two conditions, of which either may be empty.
func and(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	default:
		return a + " && (" + b + ")"
	}
}

// literal writes a value in the language of conditions. In double quotes
// nothing is substituted.
func literal(value any) string {
	switch value := value.(type) {
	case string:
		text, _ := json.Marshal(value) // never fails for a string
		return string(text)
	case float64:
		text := strconv.FormatFloat(value, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	default:
		return fmt.Sprint(value)
	}
}
