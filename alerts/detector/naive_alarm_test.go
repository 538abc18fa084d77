package detector_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/alerts/detector"
)

// naiveAlarm is the table of transitions, written down as it is documented.
type naiveAlarm struct {
	flow, startsDisabled bool
	state                string
	wake                 int64 // second at which a snooze ends; 0: none
}

// table holds what happens in a state: rows of state, event, next state. "T"
// and "F" are the rule, "-T" the rule with acknowledge flow.
var alarmTable = [][3]string{
	{"NORMAL", "T", "ACTIVE"}, {"ACTIVE", "F", "NORMAL"}, {"ACTIVE", "F+", "LATCHED"},
	{"ACTIVE", "ACKNOWLEDGE+", "ACKNOWLEDGED"}, {"ACKNOWLEDGED", "F", "NORMAL"}, {"ACKNOWLEDGED", "F+", "NORMAL"},
	{"LATCHED", "ACKNOWLEDGE+", "NORMAL"}, {"LATCHED", "T", "ACTIVE"},
	{"NORMAL", "SNOOZE", "SNOOZE_DISABLED"}, {"ACTIVE", "SNOOZE", "SNOOZE_DISABLED"}, {"ACKNOWLEDGED", "SNOOZE", "SNOOZE_DISABLED"},
	{"LATCHED", "SNOOZE", "SNOOZE_DISABLED"}, {"SNOOZE_DISABLED", "SNOOZE", "SNOOZE_DISABLED"}, {"SNOOZE_DISABLED", "wake", "NORMAL"},
	{"NORMAL", "DISABLE", "DISABLED"}, {"ACTIVE", "DISABLE", "DISABLED"}, {"ACKNOWLEDGED", "DISABLE", "DISABLED"},
	{"LATCHED", "DISABLE", "DISABLED"}, {"SNOOZE_DISABLED", "DISABLE", "DISABLED"}, {"DISABLED", "DISABLE", "DISABLED"},
	{"DISABLED", "ENABLE", "NORMAL"}, {"SNOOZE_DISABLED", "ENABLE", "NORMAL"},
	{"NORMAL", "RESET", "NORMAL"}, {"ACTIVE", "RESET", "NORMAL"}, {"ACKNOWLEDGED", "RESET", "NORMAL"}, {"LATCHED", "RESET", "NORMAL"}, {"SNOOZE_DISABLED", "RESET", "NORMAL"},
}

func (n *naiveAlarm) step(event string) (next string, ok bool) {
	for _, name := range []string{event, event + "+"} {
		for _, row := range alarmTable {
			// Rows with a plus need the flow; where there is one, it wins.
			if row[0] == n.state && row[1] == name && (name == event || n.flow) {
				next, ok = row[2], true
			}
		}
	}
	return next, ok
}

// message applies a value and reports whether the state has changed.
func (n *naiveAlarm) message(high bool) bool {
	if n.state == "" {
		n.state = "NORMAL"
		if n.startsDisabled {
			n.state = "DISABLED"
		}
	}
	event := "F"
	if high {
		event = "T"
	}
	next, ok := n.step(event)
	return ok && n.enter(next)
}

func (n *naiveAlarm) enter(next string) bool {
	changed := n.state != next
	n.state = next
	return changed
}

// The engine follows the table for random messages, operations and timers, and
// forgets nothing when it is restarted at any moment.
func TestAlarmAgreesWithTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		naive := &naiveAlarm{flow: rapid.Bool().Draw(t, "flow"), startsDisabled: rapid.Bool().Draw(t, "disabled")}
		model, err := detector.Load(fmt.Appendf(nil, `{"alarmModelName":"m","alarmRule":{"simpleRule":{"inputProperty":"$input.P.x","comparisonOperator":"GREATER","threshold":"10"}},
			"alarmEventActions":{"alarmActions":[{"sns":{"targetArn":"a"}}]},
			"alarmCapabilities":{"initializationConfiguration":{"disabledOnInitialization":%v},"acknowledgeFlow":{"enabled":%v}}}`, naive.startsDisabled, naive.flow))
		require.NoError(t, err)
		state := model.NewState()
		var message detector.Message
		var result detector.Result
		now := int64(1)
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			now += rapid.Int64Range(0, 20).Draw(t, "pause")
			if naive.wake != 0 && naive.wake <= now {
				timer, ok := state.NextTimer()
				require.True(t, ok)
				require.Equal(t, naive.wake, timer.Due.Unix())
				require.NoError(t, model.Evaluate(state, &detector.Trigger{At: timer.Due, Timer: timer.Name, Due: timer.Due}, &result))
				next, _ := naive.step("wake")
				require.Equal(t, naive.enter(next), len(result.Actions) == 1)
				naive.wake = 0
			}
			var changed bool
			if rapid.Bool().Draw(t, "message") {
				high := rapid.Bool().Draw(t, "high")
				payload := []byte(`{"x":10}`)
				if high {
					payload = []byte(`{"x":10.5}`)
				}
				require.NoError(t, model.Read(&message, "P", payload))
				require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(now, 0), Message: &message}, &result))
				changed = naive.message(high)
			} else {
				o := drawOperation(t)
				before := snapshot(state)
				err := model.Evaluate(state, &detector.Trigger{At: time.Unix(now, 0), Operation: &o}, &result)
				next, ok := naive.step(string(o.Kind))
				if !ok {
					want := detector.ErrOperation
					if naive.state == "" {
						want = detector.ErrNoDetector
					}
					require.ErrorIs(t, err, want)
					require.Equal(t, before, snapshot(state))
					continue
				}
				require.NoError(t, err)
				changed = naive.enter(next)
				if naive.wake = 0; o.Kind == detector.OperationSnooze {
					naive.wake = now + int64(o.Duration/time.Second)
				}
			}
			require.Equal(t, naive.state, state.Name())
			require.Equal(t, changed, len(result.Actions) == 1)
			_, running := state.NextTimer()
			require.Equal(t, naive.wake != 0, running)
			encoded, err := state.MarshalBinary()
			require.NoError(t, err)
			restored := model.NewState()
			require.NoError(t, restored.UnmarshalBinary(encoded))
			require.Equal(t, state, restored)
			state = restored
		}
	})
}

func drawOperation(t *rapid.T) detector.Operation {
	return detector.Operation{
		Kind: rapid.SampledFrom([]detector.OperationKind{
			detector.OperationAcknowledge, detector.OperationDisable, detector.OperationEnable, detector.OperationReset, detector.OperationSnooze,
		}).Draw(t, "operation"),
		Duration: time.Duration(rapid.IntRange(1, 40).Draw(t, "seconds")) * time.Second,
		Note:     rapid.StringN(0, 20, -1).Draw(t, "note"),
	}
}
