package api

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
)

// ruleView is an alerts.Rule as JSON. Durations are whole seconds.
type ruleView struct {
	Input             string           `json:"input" maxLength:"128" doc:"The input that the rule reads: \"telemetry\", or a channel of it."`
	Key               string           `json:"key,omitempty" maxLength:"256" doc:"The attribute that names the device. Absent: one state for all."`
	When              ruleCondition    `json:"when" doc:"The condition to raise."`
	ForSeconds        int64            `json:"forSeconds,omitempty" minimum:"0" maximum:"31622400" doc:"How long it must hold without interruption."`
	Clear             *ruleCondition   `json:"clear,omitempty" doc:"The condition to clear. Absent: when does not hold."`
	ClearAfterSeconds int64            `json:"clearAfterSeconds,omitempty" minimum:"0" maximum:"31622400" doc:"Clears if no message has fulfilled when for this long."`
	NoDataSeconds     int64            `json:"noDataSeconds,omitempty" minimum:"0" maximum:"31622400" doc:"The silence of a device that is worth an alert."`
	During            *ruleSchedule    `json:"during,omitempty" doc:"Limits raising to times of the week."`
	Severity          int64            `json:"severity,omitempty"`
	Escalate          []ruleEscalation `json:"escalate,omitempty" maxItems:"8"`
	Target            string           `json:"target,omitempty" maxLength:"512" doc:"The ARN of the SNS topic to notify."`
}

type ruleEscalation struct {
	AfterSeconds int64 `json:"afterSeconds" minimum:"1" maximum:"31622400"`
	Severity     int64 `json:"severity"`
}

type ruleCondition struct {
	Threshold *ruleThreshold  `json:"threshold,omitempty" doc:"Compares an attribute. Exactly one member of a condition is set."`
	Rate      *ruleRate       `json:"rate,omitempty" doc:"Compares the change of an attribute."`
	Times     *ruleTimes      `json:"times,omitempty" doc:"Counts how often another condition held."`
	All       []ruleCondition `json:"all,omitempty" doc:"Holds if each of these does."`
	Any       []ruleCondition `json:"any,omitempty" doc:"Holds if one of these does."`
}

type ruleThreshold struct {
	Attribute string          `json:"attribute" maxLength:"256" doc:"A path in the payload: \"sensor.temperature\"."`
	Operator  alerts.Operator `json:"operator" enum:"<,<=,>,>=,==,!="`
	Value     any             `json:"value" doc:"A number, a string or a boolean."`
}

type ruleRate struct {
	Attribute     string          `json:"attribute" maxLength:"256"`
	Operator      alerts.Operator `json:"operator" enum:"<,<=,>,>=,==,!="`
	Value         float64         `json:"value"`
	PerSeconds    int64           `json:"perSeconds,omitempty" minimum:"0" maximum:"31622400" doc:"Makes value the change per this time, by the messages' own times."`
	TimeAttribute string          `json:"timeAttribute,omitempty" maxLength:"256"`
	TimeUnit      timeUnit        `json:"timeUnit,omitempty" enum:"s,ms,us,ns"`
}

type ruleTimes struct {
	AtLeast int           `json:"atLeast" minimum:"1" maximum:"20"`
	Last    int           `json:"last" minimum:"1" maximum:"20"`
	Of      ruleCondition `json:"of"`
}

type ruleSchedule struct {
	TimeAttribute    string         `json:"timeAttribute" maxLength:"256"`
	TimeUnit         timeUnit       `json:"timeUnit,omitempty" enum:"s,ms,us,ns"`
	UTCOffsetSeconds int64          `json:"utcOffsetSeconds,omitempty" minimum:"-86400" maximum:"86400"`
	Days             []time.Weekday `json:"days,omitempty" maxItems:"7" doc:"0 is Sunday. Absent: every day."`
	FromSeconds      int64          `json:"fromSeconds" minimum:"0" maximum:"86400" doc:"The time of day, in seconds since midnight."`
	ToSeconds        int64          `json:"toSeconds" minimum:"0" maximum:"86400"`
}

// timeUnit is the unit in which a device counts time. Absent: seconds.
type timeUnit string

func (u timeUnit) duration() time.Duration {
	return map[timeUnit]time.Duration{"s": time.Second, "ms": time.Millisecond, "us": time.Microsecond, "ns": time.Nanosecond}[u]
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

func (v *ruleView) rule(name string) alerts.Rule {
	rule := alerts.Rule{
		Name: name, Input: v.Input, Key: v.Key, When: v.When.condition(), For: seconds(v.ForSeconds),
		ClearAfter: seconds(v.ClearAfterSeconds), NoData: seconds(v.NoDataSeconds), Severity: v.Severity, Target: v.Target,
	}
	if v.Clear != nil {
		cleared := v.Clear.condition()
		rule.Clear = &cleared
	}
	if s := v.During; s != nil {
		rule.During = &alerts.Schedule{
			TimeAttribute: s.TimeAttribute, TimeUnit: s.TimeUnit.duration(), UTCOffset: seconds(s.UTCOffsetSeconds),
			Days: s.Days, From: seconds(s.FromSeconds), To: seconds(s.ToSeconds),
		}
	}
	for _, step := range v.Escalate {
		rule.Escalate = append(rule.Escalate, alerts.Escalation{After: seconds(step.AfterSeconds), Severity: step.Severity})
	}
	return rule
}

func (c *ruleCondition) condition() alerts.Condition {
	condition := alerts.Condition{All: conditions(c.All), Any: conditions(c.Any)}
	if t := c.Threshold; t != nil {
		condition.Threshold = &alerts.Threshold{Attribute: t.Attribute, Operator: t.Operator, Value: wholeIfWhole(t.Value)}
	}
	if r := c.Rate; r != nil {
		condition.Rate = &alerts.Rate{
			Attribute: r.Attribute, Operator: r.Operator, Value: r.Value, Per: seconds(r.PerSeconds), TimeAttribute: r.TimeAttribute, TimeUnit: r.TimeUnit.duration(),
		}
	}
	if t := c.Times; t != nil {
		condition.Times = &alerts.Times{AtLeast: t.AtLeast, Last: t.Last, Of: t.Of.condition()}
	}
	return condition
}

func conditions(views []ruleCondition) (list []alerts.Condition) {
	for i := range views {
		list = append(list, views[i].condition())
	}
	return list
}

// wholeIfWhole makes an integer of a number that is one: JSON does not tell.
func wholeIfWhole(value any) any {
	const exact = 1 << 53
	if number, ok := value.(float64); ok && number == math.Trunc(number) && math.Abs(number) <= exact {
		return int64(number)
	}
	return value
}

type putRuleInput struct {
	Rule string `path:"rule" pattern:"^[a-zA-Z0-9_-]+$" maxLength:"128"`
	Keep bool   `query:"keep" doc:"Go on with the detectors of the version before, where their state still exists."`
	Body ruleView
}

func (a *api) registerRules() {
	operation(a, huma.Operation{
		OperationID: "put-rule", Method: http.MethodPut, Path: "/rules/{rule}", Tags: []string{"rules"},
		Summary: "Create or replace a rule", Description: "The rule is compiled into the detector model of its name, which is the answer. List, get and delete it as that.",
	}, func(ctx context.Context, id tenant.ID, input *putRuleInput) (*body[alerts.Model], error) {
		rule := input.Body.rule(input.Rule)
		definition, err := rule.Definition()
		if err != nil {
			return nil, err
		}
		model, err := a.Models.Put(ctx, id, definition, func(o *alerts.PutOptions) { o.Keep = input.Keep })
		return &body[alerts.Model]{model}, err
	})
}
