package alerts_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
)

// track runs a rule's model on messages at given seconds, and writes down what
// is raised: "12:raised".
type track struct {
	*testing.T
	model *detector.Model
	state *detector.State
	log   []string
	last  detector.Result
}

func newTrack(t *testing.T, rule alerts.Rule, optFns ...func(*detector.Options)) *track {
	t.Helper()
	rule.Name, rule.Input = "rule", "telemetry"
	definition, err := rule.Definition()
	require.NoError(t, err)
	model, err := detector.Load(definition, optFns...)
	require.NoError(t, err, string(definition))
	for _, finding := range model.Findings() {
		require.NotEqual(t, detector.LevelError, finding.Level, finding.String())
		require.NotEqual(t, detector.DataType, finding.Type, finding.String())
		require.NotEqual(t, detector.ExpressionSyntax, finding.Type, finding.String())
	}
	return &track{T: t, model: model, state: model.NewState()}
}

func second(at int) time.Time { return start.Add(time.Duration(at) * time.Second) }

// until fires what is due up to a time.
func (b *track) until(at int) {
	b.Helper()
	for {
		timer, ok := b.state.NextTimer()
		if !ok || timer.Due.After(second(at)) {
			return
		}
		b.evaluate(&detector.Trigger{At: timer.Due, Timer: timer.Name, Due: timer.Due})
	}
}

func (b *track) message(at int, payload string) {
	b.Helper()
	b.until(at)
	var message detector.Message
	require.NoError(b, b.model.Read(&message, "telemetry", []byte(payload)))
	b.evaluate(&detector.Trigger{At: second(at), Message: &message})
}

func (b *track) evaluate(trigger *detector.Trigger) {
	b.Helper()
	require.NoError(b, b.model.Evaluate(b.state, trigger, &b.last))
	require.Empty(b, b.last.Errors)
	for _, action := range b.last.Actions {
		b.log = append(b.log, fmt.Sprintf("%d:%s", int(trigger.At.Sub(start)/time.Second), action.EventName))
	}
}

// values sends {"v": …} every step seconds from a time on.
func (b *track) values(from, step int, values ...float64) {
	b.Helper()
	for i, v := range values {
		b.message(from+i*step, fmt.Sprintf(`{"v": %v}`, v))
	}
}

func (b *track) want(log ...string) {
	b.Helper()
	require.Equal(b, log, b.log)
}

func above(limit float64) alerts.Condition {
	return alerts.Condition{Threshold: &alerts.Threshold{Attribute: "v", Operator: alerts.Greater, Value: limit}}
}

func below(limit float64) *alerts.Condition {
	return &alerts.Condition{Threshold: &alerts.Threshold{Attribute: "v", Operator: alerts.Less, Value: limit}}
}

func TestRuleThreshold(t *testing.T) {
	t.Parallel()
	b := newTrack(t, alerts.Rule{When: above(70)})
	b.values(0, 1, 69, 70, 71, 72, 70, 71)
	b.want("2:raised", "4:cleared", "5:raised")
}

func TestRuleHysteresis(t *testing.T) {
	t.Parallel()
	b := newTrack(t, alerts.Rule{When: above(70), Clear: below(60)})
	b.values(0, 1, 71, 65, 71, 60, 59, 65, 71)
	b.want("0:raised", "4:cleared", "6:raised")
}

func TestRuleFor(t *testing.T) {
	t.Parallel()
	b := newTrack(t, alerts.Rule{When: above(70), For: 30 * time.Second})
	b.values(0, 10, 71, 71, 69, 71, 71, 71, 71, 71) // interrupted at 20, again from 30 on
	b.want("60:raised")
	b.values(80, 10, 69)
	b.want("60:raised", "80:cleared")
}

func TestRuleForIsNotFulfilledByAGap(t *testing.T) {
	t.Parallel()
	b := newTrack(t, alerts.Rule{When: above(70), For: 30 * time.Second})
	b.values(0, 1, 71)
	b.until(1000)
	require.Empty(t, b.log)
	b.values(1001, 1, 60)
	require.Empty(t, b.log, "the condition no longer holds after the gap")
	b.values(2000, 31, 71, 71)
	b.want("2031:raised")
}

func TestRuleTimes(t *testing.T) {
	t.Parallel()
	b := newTrack(t, alerts.Rule{When: alerts.Condition{Times: &alerts.Times{AtLeast: 2, Last: 3, Of: above(70)}}})
	b.values(0, 1, 71, 60, 60, 71, 60, 71, 60, 60)
	b.want("5:raised", "6:cleared")
}

// Times must agree with counting in a slice.
func TestRuleTimesIsThatOfTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		last := rapid.IntRange(1, 6).Draw(rt, "last")
		atLeast := rapid.IntRange(1, last).Draw(rt, "at least")
		highs := rapid.SliceOfN(rapid.Bool(), 1, 30).Draw(rt, "highs")
		b := newTrack(t, alerts.Rule{When: alerts.Condition{Times: &alerts.Times{AtLeast: atLeast, Last: last, Of: above(70)}}})
		var want []string
		raised := false
		for i, high := range highs {
			b.values(i, 1, map[bool]float64{true: 80, false: 50}[high])
			count := 0
			for _, h := range highs[max(0, i-last+1) : i+1] {
				if h {
					count++
				}
			}
			if (count >= atLeast) != raised {
				raised = !raised
				want = append(want, fmt.Sprintf("%d:%s", i, map[bool]string{true: "raised", false: "cleared"}[raised]))
			}
		}
		if fmt.Sprint(want) != fmt.Sprint(b.log) {
			rt.Fatalf("%d of %d: got %v, want %v", atLeast, last, b.log, want)
		}
	})
}

func TestRuleRate(t *testing.T) {
	t.Parallel()
	b := newTrack(t, alerts.Rule{When: alerts.Condition{Rate: &alerts.Rate{Attribute: "v", Operator: alerts.Less, Value: -5}}})
	b.values(0, 1, 100, 96, 91, 85, 84)
	b.want("3:raised", "4:cleared")
}

func TestRuleRatePerTime(t *testing.T) {
	t.Parallel()
	b := newTrack(t, alerts.Rule{When: alerts.Condition{Rate: &alerts.Rate{
		Attribute: "v", Operator: alerts.Greater, Value: 10, Per: time.Minute, TimeAttribute: "ts", TimeUnit: time.Millisecond,
	}}})
	b.message(0, `{"v": 0, "ts": 1000000}`)
	b.message(1, `{"v": 9, "ts": 1060000}`)  // 9 a minute
	b.message(2, `{"v": 20, "ts": 1120000}`) // 11 a minute
	b.message(3, `{"v": 21, "ts": 1120000}`) // no time has passed: left out
	b.message(4, `{"v": 21, "ts": 1150000}`) // 1 in half a minute
	b.message(5, `{"v": 27, "ts": 1180000}`) // 6 in half a minute
	b.want("2:raised", "3:cleared", "5:raised")
}

func TestRuleAllAndAny(t *testing.T) {
	t.Parallel()
	hot := alerts.Condition{Threshold: &alerts.Threshold{Attribute: "t", Operator: alerts.GreaterEqual, Value: 90}}
	on := alerts.Condition{Threshold: &alerts.Threshold{Attribute: "mode", Operator: alerts.Equal, Value: "on"}}
	open := alerts.Condition{Threshold: &alerts.Threshold{Attribute: "door.open", Operator: alerts.Equal, Value: true}}
	b := newTrack(t, alerts.Rule{When: alerts.Condition{Any: []alerts.Condition{{All: []alerts.Condition{hot, on}}, open}}})
	b.message(0, `{"t": 95, "mode": "off", "door": {"open": false}}`)
	b.message(1, `{"t": 95, "mode": "on"}`)
	b.message(2, `{"t": 89, "mode": "on"}`)
	b.message(3, `{"door": {"open": true}}`)
	b.message(4, `{"t": "95", "mode": "on", "door": {"open": "true"}}`)
	b.want("1:raised", "2:cleared", "3:raised", "4:cleared")
}

func TestRuleNoData(t *testing.T) {
	t.Parallel()
	b := newTrack(t, alerts.Rule{When: above(70), NoData: time.Minute})
	b.values(0, 30, 50, 50, 50)
	b.until(500)
	b.want("120:silent")
	b.values(501, 1, 50)
	b.values(520, 1, 90)
	b.until(1000)
	b.want("120:silent", "501:heard", "520:raised", "580:silent")
}

func TestRuleEscalatesAndClearsItself(t *testing.T) {
	t.Parallel()
	b := newTrack(t, alerts.Rule{
		When: above(70), Clear: below(10), ClearAfter: 5 * time.Minute, Severity: 1,
		Escalate: []alerts.Escalation{{After: time.Minute, Severity: 2}, {After: 2 * time.Minute, Severity: 5}},
	})
	b.values(0, 1, 90)
	require.Equal(t, int64(1), b.severity())
	b.until(60)
	require.Equal(t, int64(2), b.severity())
	b.until(180)
	require.Equal(t, int64(5), b.severity())
	b.values(200, 1, 90, 50)
	b.until(1000)
	b.want("0:raised", "60:escalated", "180:escalated", "500:cleared")
	require.Equal(t, int64(0), b.severity())
	b.values(1001, 1, 90)
	require.Equal(t, int64(1), b.severity(), "a new alert begins at the beginning")
}

func (b *track) severity() int64 {
	for _, v := range b.state.AppendVariables(nil) {
		if v.Name == "severity" {
			return v.Value.Int()
		}
	}
	b.Fatal("no severity")
	return 0
}

// A message is in the schedule exactly if its local time is, whichever way the
// engine divides Integers.
func TestRuleSchedule(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]func(*detector.Options){
		"truncated": func(*detector.Options) {},
		"rounded":   func(o *detector.Options) { o.Semantics.RoundDivision = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				s := alerts.Schedule{
					TimeAttribute: "ts",
					TimeUnit:      rapid.SampledFrom([]time.Duration{0, time.Second, time.Millisecond, time.Microsecond}).Draw(rt, "unit"),
					UTCOffset:     time.Duration(rapid.IntRange(-12*3600, 14*3600).Draw(rt, "offset")) * time.Second,
					From:          time.Duration(rapid.IntRange(0, 86400).Draw(rt, "from")) * time.Second,
					To:            time.Duration(rapid.IntRange(0, 86400).Draw(rt, "to")) * time.Second,
					Days:          rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(0, 6), func(d int) time.Weekday { return time.Weekday(d) }), 0, 7, rapid.ID).Draw(rt, "days"),
				}
				unit := s.TimeUnit
				if unit == 0 {
					unit = time.Second
				}
				at := time.Unix(rapid.Int64Range(0, 4e9).Draw(rt, "at"), rapid.Int64Range(0, 999_999_999).Draw(rt, "ns")).Truncate(unit)
				rule := alerts.Rule{When: above(0), During: &s}
				b := newTrack(t, rule, options)
				b.message(0, fmt.Sprintf(`{"v": 1, "ts": %d}`, at.UnixNano()/int64(unit)))
				if got, want := len(b.log) == 1, inSchedule(s, at); got != want {
					rt.Fatalf("%s (%s): raised %t, want %t", at.UTC(), at.UTC().Add(s.UTCOffset), got, want)
				}
			})
		})
	}
}

// inSchedule is what Schedule says, by the calendar.
func inSchedule(s alerts.Schedule, at time.Time) bool {
	local := at.UTC().Add(s.UTCOffset)
	day := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
	within := func(begins time.Time) bool {
		to := s.To
		if to <= s.From {
			to += 24 * time.Hour
		}
		on := len(s.Days) == 0
		for _, d := range s.Days {
			on = on || d == begins.Weekday()
		}
		return on && !local.Before(begins.Add(s.From)) && local.Before(begins.Add(to))
	}
	return within(day) || within(day.AddDate(0, 0, -1))
}

func TestRuleScheduleNeedsAnIntegerTime(t *testing.T) {
	t.Parallel()
	b := newTrack(t, alerts.Rule{When: above(0), During: &alerts.Schedule{TimeAttribute: "ts", To: 24 * time.Hour}})
	for i, ts := range []string{`"ts": 1.5`, `"ts": "7"`, `"ts": -1`, `"ts": null`, `"other": 1`} {
		b.message(i, `{"v": 1, `+ts+`}`)
	}
	require.Empty(t, b.log)
	b.message(9, `{"v": 1, "ts": 1772366400}`)
	b.want("9:raised")
}

// Long conditions are cut into parts that the service's limits allow.
func TestRuleKeepsTheLimitsOfTheService(t *testing.T) {
	t.Parallel()
	var many []alerts.Condition
	for i := range 30 {
		many = append(many, alerts.Condition{Threshold: &alerts.Threshold{
			Attribute: fmt.Sprintf("sensors.compartment_number_%d.temperature", i), Operator: alerts.Greater, Value: 70.5,
		}})
	}
	rule := alerts.Rule{Name: "many", Input: "telemetry", Key: "id", When: alerts.Condition{Any: many}}
	definition, err := rule.Definition()
	require.NoError(t, err)
	for _, condition := range conditions(t, definition) {
		require.LessOrEqual(t, len(condition), 512)
	}
	b := newTrack(t, alerts.Rule{When: alerts.Condition{Any: many}})
	b.message(0, `{"sensors": {"compartment_number_29": {"temperature": 70}}}`)
	b.message(1, `{"sensors": {"compartment_number_29": {"temperature": 71}}}`)
	b.want("1:raised")
}

func conditions(t *testing.T, definition []byte) (found []string) {
	t.Helper()
	var walk func(any)
	walk = func(node any) {
		switch node := node.(type) {
		case map[string]any:
			for name, member := range node {
				if text, ok := member.(string); ok && name == "condition" {
					found = append(found, text)
				}
				walk(member)
			}
		case []any:
			for _, element := range node {
				walk(element)
			}
		}
	}
	var document any
	require.NoError(t, json.Unmarshal(definition, &document))
	walk(document)
	return found
}

func TestRuleValuesAreWrittenAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"plain", `"quoted"`, `it's`, "${$input.telemetry.v}", "line\nfeed", "ü €", `back\slash`, "<&>", ""} {
		b := newTrack(t, alerts.Rule{When: alerts.Condition{Threshold: &alerts.Threshold{Attribute: "v", Operator: alerts.Equal, Value: text}}})
		payload, err := json.Marshal(map[string]string{"v": text})
		require.NoError(t, err)
		b.message(0, `{"v": "another"}`)
		b.message(1, string(payload))
		b.want("1:raised")
	}
	for _, value := range []any{7, int64(-7), -0.125, 1e21, false} {
		b := newTrack(t, alerts.Rule{When: alerts.Condition{Threshold: &alerts.Threshold{Attribute: "v", Operator: alerts.Equal, Value: value}}})
		b.message(0, `{"v": 3}`)
		payload, err := json.Marshal(map[string]any{"v": value})
		require.NoError(t, err)
		b.message(1, string(payload))
		b.want("1:raised")
	}
}

func TestRuleErrors(t *testing.T) {
	t.Parallel()
	good := func() alerts.Rule { return alerts.Rule{Name: "r", Input: "telemetry", When: above(1)} }
	deep := above(1)
	for range 40 {
		deep = alerts.Condition{All: []alerts.Condition{deep}}
	}
	for want, change := range map[string]func(*alerts.Rule){
		"Name":                     func(r *alerts.Rule) { r.Name = "a b" },
		"Input":                    func(r *alerts.Rule) { r.Input = "" },
		"For":                      func(r *alerts.Rule) { r.For = 1500 * time.Millisecond },
		"NoData":                   func(r *alerts.Rule) { r.NoData = -time.Second },
		"ClearAfter":               func(r *alerts.Rule) { r.ClearAfter = 400 * 24 * time.Hour },
		"Escalate[0].After":        func(r *alerts.Rule) { r.Escalate = []alerts.Escalation{{}} },
		"Escalate: 9":              func(r *alerts.Rule) { r.Escalate = make([]alerts.Escalation, 9) },
		"When: want exactly one":   func(r *alerts.Rule) { r.When = alerts.Condition{} },
		"2 are set":                func(r *alerts.Rule) { r.When.Rate = &alerts.Rate{} },
		"When.Threshold.Attribute": func(r *alerts.Rule) { r.When.Threshold.Attribute = "" },
		"no path of an attribute":  func(r *alerts.Rule) { r.When.Threshold.Attribute = "a || $variable.met" },
		"When.Threshold.Operator":  func(r *alerts.Rule) { r.When.Threshold.Operator = "=" },
		"can't compare a string":   func(r *alerts.Rule) { r.When.Threshold.Value = "x" },
		"got []int":                func(r *alerts.Rule) { r.When.Threshold.Value = []int{1} },
		"1 ≤ AtLeast": func(r *alerts.Rule) {
			r.When = alerts.Condition{Times: &alerts.Times{AtLeast: 3, Last: 2, Of: above(1)}}
		},
		"When.All[0]": func(r *alerts.Rule) { r.When = deep },
		"When.Any[1].Rate.Attribute": func(r *alerts.Rule) {
			r.When = alerts.Condition{Any: []alerts.Condition{above(1), {Rate: &alerts.Rate{}}}}
		},
		"Clear":                func(r *alerts.Rule) { r.Clear = &alerts.Condition{} },
		"During.TimeAttribute": func(r *alerts.Rule) { r.During = &alerts.Schedule{To: time.Hour} },
		"During.TimeUnit":      func(r *alerts.Rule) { r.During = &alerts.Schedule{TimeAttribute: "ts", TimeUnit: time.Minute} },
		"During.Days":          func(r *alerts.Rule) { r.During = &alerts.Schedule{TimeAttribute: "ts", Days: []time.Weekday{7}} },
	} {
		rule := good()
		change(&rule)
		_, err := rule.Definition()
		require.ErrorIs(t, err, alerts.ErrRule, want)
		require.ErrorIs(t, err, iotenant.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
}

// A rule runs as any model does.
func TestRuleRunsInTheRuntime(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	rule := alerts.Rule{Name: "too-hot", Input: "telemetry", Key: "id", When: above(70), Severity: 3}
	definition, err := rule.Definition()
	require.NoError(t, err)
	_, err = p.models.Put(t.Context(), north, definition)
	require.NoError(t, err)
	require.NoError(t, p.Put(t.Context(), north,
		alerts.Message{Input: "telemetry", Payload: []byte(`{"id": "a", "v": 71.5}`)},
		alerts.Message{Input: "telemetry", Payload: []byte(`{"id": "b", "v": 70}`)}))
	require.NoError(t, p.Sweep(t.Context(), north))
	page, err := p.alerts.List(t.Context(), north, alerts.Filter{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	alert := page.Items[0].Value
	require.Equal(t, "raised", alert.Event)
	require.Equal(t, "a", alert.Key)
	require.Contains(t, alert.Payload, `"severity":3`)
	require.Contains(t, alert.Payload, `"value":71.5`)
	require.True(t, strings.HasPrefix(alert.Target, "arn:aws:sns:"))
}
