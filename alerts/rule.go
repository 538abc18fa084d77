package alerts

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts/detector"
)

// ErrRule: a [Rule] can't be compiled. The text says which part and why.
var ErrRule = fmt.Errorf("alerts: %w rule", iotenant.ErrInvalid)

// Bounds of a [Rule].
const (
	// MaxRuleTimes is the largest Times.Last.
	MaxRuleTimes = 20
	// MaxEscalations is the number of escalations of a rule.
	MaxEscalations = 8
	// maxRuleNodes bounds the conditions of a rule, those within others
	// included.
	maxRuleNodes = 32
)

// Rule says when to raise an alert, for people who don't want to write a
// detector model. [Rule.Definition] compiles it into one, which [Models.Put]
// takes: it then runs as any other model does, per device, durably, with the
// same alerts.
//
// A rule decides five things, each an alert with this Alert.Event and the
// default payload, whose variables tell severity and value:
//
//   - "raised": When holds, and has held for For.
//   - "escalated": an escalation is due while the rule is raised.
//   - "cleared": Clear holds, or ClearAfter has passed without When.
//   - "silent": no message for NoData. "heard": a message after that.
//
// A condition about an attribute that a message lacks does not hold. A value of
// another type than the one to compare with is unequal to it, and fulfils no
// other comparison.
type Rule struct {
	// Name is the name of the model: 1 to 128 of a-z, A-Z, 0-9, '_', '-'.
	Name string
	// Input is the input that the rule reads.
	Input string
	// Key is the path of the attribute that names the device. Each of its
	// values has a state of its own. Empty: there is one state for all.
	Key string

	// When is the condition to raise.
	When Condition
	// For is how long When must hold without interruption, in whole seconds.
	// The first message after it that still fulfils When raises the alert, so
	// that a gap in the data raises none. 0: at once.
	For time.Duration
	// Clear is the condition to clear, such as a lower threshold for
	// hysteresis. Default: When does not hold.
	Clear *Condition
	// ClearAfter clears if no message has fulfilled When for this long, in
	// whole seconds. 0: never.
	ClearAfter time.Duration
	// NoData is the silence of a device, after its first message, that is
	// worth an alert, in whole seconds. 0: none.
	NoData time.Duration
	// During limits raising to times of the week. Nil: always.
	During *Schedule

	// Severity is the variable "severity" while the rule is raised. Escalate
	// raises it step by step, at most [MaxEscalations].
	Severity int64
	Escalate []Escalation

	// Target is the ARN of the sns action that notifies. Default:
	// [DefaultRuleTarget].
	Target string
}

// DefaultRuleTarget is where a [Rule] without Target notifies. A [Notifier]
// that does not look at Alert.Target needs no other.
const DefaultRuleTarget = "arn:aws:sns:us-east-1:000000000000:alerts"

// Escalation is a step of a [Rule]: if it is still raised when After has
// passed since the step before, or since it was raised, its severity becomes
// Severity.
type Escalation struct {
	After    time.Duration // whole seconds, at least one
	Severity int64
}

// Condition is what a message has to fulfil. Exactly one field is set.
type Condition struct {
	// Threshold compares an attribute.
	Threshold *Threshold
	// Rate compares the change of an attribute.
	Rate *Rate
	// Times counts how often another condition held.
	Times *Times
	// All holds if each of its conditions does, Any if one does.
	All, Any []Condition
}

// Threshold holds if the attribute compares to the value so.
type Threshold struct {
	// Attribute is a path in the payload: "sensor.temperature". Parts with
	// other characters than letters, digits and '_' are quoted in backticks.
	Attribute string
	Operator  Operator
	// Value is an int, int64, float64, string or bool. The last two can only
	// be equal or unequal.
	Value any
}

// Rate holds if the attribute has changed since the message before by an
// amount that compares to Value so. A drop is negative.
type Rate struct {
	Attribute string
	Operator  Operator
	Value     float64
	// Per makes Value the change per this duration, by the messages' own
	// times: TimeAttribute is a number of TimeUnit, by default of seconds. A
	// message whose time is not after that before is left out. 0: the change
	// from message to message, whatever the time between them.
	Per           time.Duration
	TimeAttribute string
	TimeUnit      time.Duration
}

// Times holds if Of was fulfilled by at least AtLeast of the Last messages,
// this one included: 1 ≤ AtLeast ≤ Last ≤ [MaxRuleTimes].
type Times struct {
	AtLeast, Last int
	Of            Condition
}

// Operator compares two values.
type Operator string

// The operators of conditions.
const (
	Less         Operator = "<"
	LessEqual    Operator = "<="
	Greater      Operator = ">"
	GreaterEqual Operator = ">="
	Equal        Operator = "=="
	NotEqual     Operator = "!="
)

// Schedule is a part of each week. A message is in it by its own time.
type Schedule struct {
	// TimeAttribute is the path of the message's time, an Integer of TimeUnit
	// since 1970-01-01 UTC, by default of seconds. A message without it is in
	// no schedule.
	TimeAttribute string
	TimeUnit      time.Duration
	// UTCOffset is what local time is ahead of UTC. It does not follow summer
	// time.
	UTCOffset time.Duration
	// Days are the days on which it begins. Empty: every day.
	Days []time.Weekday
	// From and To are times of day, 0 to 24 h, in whole seconds: From is in
	// it, To is not. If To is not after From, it ends on the next day.
	From, To time.Duration
}

// check reports what is wrong with the rule. The rest the loader of the
// engine finds.
func (r *Rule) check() error {
	if err := checkModelName(r.Name); err != nil {
		return ruleError("Name", "want 1 to %d of a-z, A-Z, 0-9, '_', '-'", maxModelName)
	}
	if r.Input == "" {
		return ruleError("Input", "is empty")
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"For", r.For}, {"ClearAfter", r.ClearAfter}, {"NoData", r.NoData}} {
		if d.value == 0 {
			continue
		}
		if err := checkSeconds(d.field, d.value); err != nil {
			return err
		}
	}
	if len(r.Escalate) > MaxEscalations {
		return ruleError("Escalate", "%d steps, limit %d", len(r.Escalate), MaxEscalations)
	}
	for i, step := range r.Escalate {
		if err := checkSeconds(fmt.Sprintf("Escalate[%d].After", i), step.After); err != nil {
			return err
		}
	}
	if r.During != nil {
		if err := r.During.check(); err != nil {
			return err
		}
	}
	nodes := 0
	if err := r.When.check("When", &nodes); err != nil {
		return err
	}
	if r.Clear != nil {
		return r.Clear.check("Clear", &nodes)
	}
	return nil
}

func ruleError(field, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrRule, field, fmt.Sprintf(format, args...))
}

func checkSeconds(field string, d time.Duration) error {
	if d < detector.MinTimer || d > detector.MaxTimer || d%time.Second != 0 {
		return ruleError(field, "%s: want whole seconds, %s to %s", d, detector.MinTimer, detector.MaxTimer)
	}
	return nil
}

func (s *Schedule) check() error {
	const day = 24 * time.Hour
	if s.From < 0 || s.From > day || s.From%time.Second != 0 || s.To < 0 || s.To > day || s.To%time.Second != 0 {
		return ruleError("During", "from %s to %s: want whole seconds, 0 to 24h", s.From, s.To)
	}
	if s.UTCOffset < -day || s.UTCOffset > day || s.UTCOffset%time.Second != 0 {
		return ruleError("During.UTCOffset", "%s: want whole seconds, -24h to 24h", s.UTCOffset)
	}
	for _, d := range s.Days {
		if d < time.Sunday || d > time.Saturday {
			return ruleError("During.Days", "no day %d", int(d))
		}
	}
	if err := checkTimeUnit("During.TimeUnit", s.TimeUnit); err != nil {
		return err
	}
	return checkAttribute("During.TimeAttribute", s.TimeAttribute)
}

// checkTimeUnit accepts the units in which devices count: the default, and
// what divides a second into whole parts.
func checkTimeUnit(field string, unit time.Duration) error {
	if unit != 0 && (unit < time.Nanosecond || unit > time.Second || time.Second%unit != 0) {
		return ruleError(field, "%s: want a second or an even part of it", unit)
	}
	return nil
}

func checkAttribute(field, path string) error {
	if path == "" {
		return ruleError(field, "is empty")
	}
	if strings.ContainsAny(path, "$\"'") {
		return ruleError(field, "%q is no path of an attribute", path)
	}
	return nil
}

func (c *Condition) check(field string, nodes *int) error {
	if *nodes++; *nodes > maxRuleNodes {
		return ruleError(field, "more than %d conditions in one rule", maxRuleNodes)
	}
	set := 0
	for _, is := range []bool{c.Threshold != nil, c.Rate != nil, c.Times != nil, len(c.All) > 0, len(c.Any) > 0} {
		if is {
			set++
		}
	}
	if set != 1 {
		return ruleError(field, "want exactly one of Threshold, Rate, Times, All, Any; %d are set", set)
	}
	switch {
	case c.Threshold != nil:
		return c.Threshold.check(field + ".Threshold")
	case c.Rate != nil:
		return c.Rate.check(field + ".Rate")
	case c.Times != nil:
		t := c.Times
		if t.AtLeast < 1 || t.Last < t.AtLeast || t.Last > MaxRuleTimes {
			return ruleError(field+".Times", "%d of %d: want 1 ≤ AtLeast ≤ Last ≤ %d", t.AtLeast, t.Last, MaxRuleTimes)
		}
		return t.Of.check(field+".Times.Of", nodes)
	}
	for name, list := range map[string][]Condition{".All": c.All, ".Any": c.Any} {
		for i := range list {
			if err := list[i].check(fmt.Sprintf("%s%s[%d]", field, name, i), nodes); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Threshold) check(field string) error {
	if err := checkAttribute(field+".Attribute", t.Attribute); err != nil {
		return err
	}
	switch value := t.Value.(type) {
	case int, int64:
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return ruleError(field+".Value", "%v is no number", value)
		}
	case string, bool:
		if t.Operator != Equal && t.Operator != NotEqual {
			return ruleError(field+".Operator", "%q can't compare a %T", t.Operator, value)
		}
	default:
		return ruleError(field+".Value", "want an int, int64, float64, string or bool, got %T", t.Value)
	}
	return checkOperator(field, t.Operator)
}

func (r *Rate) check(field string) error {
	if err := checkAttribute(field+".Attribute", r.Attribute); err != nil {
		return err
	}
	if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
		return ruleError(field+".Value", "%v is no number", r.Value)
	}
	if r.Per < 0 {
		return ruleError(field+".Per", "%s is negative", r.Per)
	}
	if r.Per > 0 {
		if err := checkAttribute(field+".TimeAttribute", r.TimeAttribute); err != nil {
			return err
		}
		if err := checkTimeUnit(field+".TimeUnit", r.TimeUnit); err != nil {
			return err
		}
	}
	return checkOperator(field, r.Operator)
}

func checkOperator(field string, operator Operator) error {
	if !slices.Contains([]Operator{Less, LessEqual, Greater, GreaterEqual, Equal, NotEqual}, operator) {
		return ruleError(field+".Operator", "%q is none", operator)
	}
	return nil
}
