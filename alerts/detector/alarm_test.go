package detector_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/detector"
)

const pressureAlarm = `{"alarmModelName":"pressure","roleArn":"r","key":"id","severity":3,
	"alarmRule":{"simpleRule":{"inputProperty":"$input.Pump.pressure","comparisonOperator":"GREATER","threshold":"70"}},
	"alarmEventActions":{"alarmActions":[{"sns":{"targetArn":"arn:aws:sns:eu-west-1:123456789012:alarms"}}]},
	"alarmCapabilities":{"initializationConfiguration":{"disabledOnInitialization":false},"acknowledgeFlow":{"enabled":true}}}`

func TestAlarm(t *testing.T) {
	t.Parallel()
	model := mustLoad(t, pressureAlarm)
	require.True(t, model.IsAlarm())
	require.Equal(t, int64(3), model.Severity())
	state := model.NewState()
	var message detector.Message
	var result detector.Result
	send := func(at int64, payload string) {
		require.NoError(t, model.Read(&message, "Pump", []byte(payload)))
		require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(at, 0), Key: string(message.Key()), Message: &message}, &result))
	}
	operate := func(at int64, o detector.Operation) error {
		return model.Evaluate(state, &detector.Trigger{At: time.Unix(at, 0), Key: "p-1", Operation: &o}, &result)
	}
	_, ok := state.Alarm()
	require.False(t, ok)
	require.ErrorIs(t, operate(0, detector.Operation{Kind: detector.OperationEnable}), detector.ErrNoDetector)

	send(1, `{"id":"p-1","pressure":71.5}`)
	require.Equal(t, detector.AlarmActive, state.Name())
	require.Equal(t, detector.AlarmNormal, result.Before)
	require.True(t, result.Created)
	require.JSONEq(t, `{"alarmModelName":"pressure","keyValue":"p-1","severity":3,"stateUpdateTime":1000,
		"alarmState":{"stateName":"Active","ruleEvaluation":{"simpleRule":{"inputProperty":71.5,"operator":"GREATER","threshold":70}}}}`, string(result.Actions[0].Payload))

	require.NoError(t, operate(2, detector.Operation{Kind: detector.OperationSnooze, Duration: time.Minute, Note: "a note"}))
	require.Equal(t, detector.AlarmSnoozed, state.Name())
	status, ok := state.Alarm()
	require.True(t, ok)
	require.Equal(t, detector.AlarmStatus{
		State: detector.AlarmSnoozed, Severity: 3, Evaluated: true, InputProperty: detector.DecimalValue(71.5), Comparison: detector.Greater,
		Threshold: detector.IntegerValue(70), CustomerAction: detector.OperationSnooze, Note: "a note", SnoozeDuration: time.Minute,
	}, status)

	encoded, err := state.MarshalBinary()
	require.NoError(t, err)
	restored := model.NewState()
	require.NoError(t, restored.UnmarshalBinary(encoded))
	require.Equal(t, state, restored)

	timer, ok := state.NextTimer()
	require.True(t, ok)
	require.Equal(t, detector.Timer{Name: detector.SnoozeTimer, Due: time.Unix(62, 0).UTC(), Duration: time.Minute}, timer)
	require.NoError(t, model.Evaluate(state, &detector.Trigger{At: timer.Due, Key: "p-1", Timer: timer.Name, Due: timer.Due}, &result))
	require.Equal(t, detector.AlarmNormal, state.Name())
	require.JSONEq(t, `{"alarmModelName":"pressure","keyValue":"p-1","severity":3,"stateUpdateTime":62000,
		"alarmState":{"stateName":"Normal","ruleEvaluation":{"simpleRule":{"inputProperty":71.5,"operator":"GREATER","threshold":70}},
			"customerAction":{"actionName":"SNOOZE","snooze":{"snoozeDuration":60,"note":"a note"}},
			"systemEvent":{"eventType":"STATE_CHANGE","stateChangeConfiguration":{"triggerType":"SNOOZE_TIMEOUT"}}}}`, string(result.Actions[0].Payload))
}
