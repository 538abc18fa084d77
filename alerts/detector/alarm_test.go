package detector_test

import (
	"fmt"
	"strings"
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

// bareAlarm returns an alarm model with a rule and further members.
func bareAlarm(more string) string {
	return `{"alarmRule":{"simpleRule":{"inputProperty":"$input.P.x","comparisonOperator":"GREATER","threshold":"1"}},
		"alarmCapabilities":{"initializationConfiguration":{"disabledOnInitialization":false}}` + more + `}`
}

func TestLoadAlarmErrors(t *testing.T) {
	t.Parallel()
	rule := func(property, operator, threshold string) string {
		return fmt.Sprintf(`{"alarmRule":{"simpleRule":{"inputProperty":%q,"comparisonOperator":%q,"threshold":%q}}}`, property, operator, threshold)
	}
	for _, test := range []struct{ name, model, path, message string }{
		{"no rule", `{"alarmModelName":"m"}`, "alarmRule", "alarmRule is required."},
		{"no simple rule", `{"alarmRule":{}}`, "alarmRule.simpleRule", "simpleRule is required."},
		{"rule type", `{"alarmRule":5}`, "alarmRule", "want an object, got a number"},
		{"wrapped", `{"alarmModel":{"alarmRule":{}}}`, "alarmRule.simpleRule", "simpleRule is required."},
		{"wrapped type", `{"alarmModel":5}`, "alarmModel", "want an object, got a number"},
		{"no property", rule("", "GREATER", "1"), "alarmRule.simpleRule.inputProperty", "inputProperty is required."},
		{"no operator", rule("$input.P.x", "", "1"), "alarmRule.simpleRule.comparisonOperator", "comparisonOperator is required."},
		{"no threshold", rule("$input.P.x", "LESS", ""), "alarmRule.simpleRule.threshold", "threshold is required."},
		{"operator", rule("$input.P.x", ">", "1"), "alarmRule.simpleRule.comparisonOperator", `unknown comparison operator ">"`},
		{"property", rule("$input.P.", "LESS", "1"), "alarmRule.simpleRule.inputProperty", "Failed to parse expression '$input.P.' for inputProperty: unexpected end"},
		{"variable", rule("$variable.x", "LESS", "1"), "alarmRule.simpleRule.inputProperty", "alarm models have no variables"},
		{"timeout", rule("$input.P.x", "EQUAL", "timeout('t')"), "alarmRule.simpleRule.threshold", "alarm models have no timers"},
		{"constant", rule("5", "LESS", "1"), "alarmRule.simpleRule.inputProperty", "The input property must read an input."},
		{"asset property", rule("$sitewise.assetModel.`a`", "LESS", "1"), "alarmRule.simpleRule.inputProperty", "want $sitewise.assetModel.`<asset model id>`.`<property id>`.<attribute>"},
		{"severity", bareAlarm(`,"severity":-1`), "severity", "severity is no whole number from 0 to 2147483647"},
		{"severity type", bareAlarm(`,"severity":"high"`), "severity", "severity is no whole number"},
		{"key", bareAlarm(`,"key":"."`), "key", `"." is no attribute path`},
		{"set variable", bareAlarm(`,"alarmEventActions":{"alarmActions":[{"setVariable":{"variableName":"v","value":"1"}}]}`), "alarmEventActions.alarmActions[0].setVariable", "Invalid action type present in action definition: setVariable."},
		{"flag", bareAlarm(`,"alarmCapabilities":{"acknowledgeFlow":{"enabled":"yes"}}`), "alarmCapabilities.acknowledgeFlow.enabled", "want a Boolean, got a string"},
		{"e-mail", bareAlarm(`,"alarmNotification":{"notificationActions":[{"action":{},"emailConfigurations":[{"from":"a"}]}]}`), "alarmNotification.notificationActions[0].emailConfigurations[0].recipients", "recipients is required."},
		{"sms", bareAlarm(`,"alarmNotification":{"notificationActions":[{"action":{},"smsConfigurations":[{}]}]}`), "alarmNotification.notificationActions[0].smsConfigurations[0].recipients", "recipients is required."},
	} {
		_, err := detector.Load([]byte(test.model))
		require.ErrorIs(t, err, detector.ErrModel, test.name)
		require.ErrorContains(t, err, test.path, test.name)
		require.ErrorContains(t, err, test.message, test.name)
	}
}

// What the service refused and the engine can do is a warning.
func TestAlarmFindings(t *testing.T) {
	t.Parallel()
	actions := func(n int) string {
		return strings.TrimSuffix(strings.Repeat(`{"sns":{"targetArn":"a"}},`, n), ",")
	}
	for message, model := range map[string]string{
		`unknown member "colour"`:                                    bareAlarm(`,"colour":1`),
		`alarmModelName is "a b"`:                                    bareAlarm(`,"alarmModelName":"a b"`),
		"Number of actions allowed per alarm model":                  bareAlarm(`,"alarmEventActions":{"alarmActions":[` + actions(11) + `]}`),
		"Number of notifications allowed per alarm model":            bareAlarm(`,"alarmNotification":{"notificationActions":[` + strings.Repeat(`{"action":{}},`, 10) + `{"action":{}}]}`),
		"action is required.":                                        bareAlarm(`,"alarmNotification":{"notificationActions":[{}]}`),
		"additionalMessage is 201 characters long, want at most 200": bareAlarm(`,"alarmNotification":{"notificationActions":[{"action":{},"smsConfigurations":[{"additionalMessage":"` + strings.Repeat("x", 201) + `","recipients":[]}]}]}`),
	} {
		loaded, err := detector.Load([]byte(model))
		require.NoError(t, err, message)
		require.Len(t, loaded.Findings(), 1, message)
		require.Contains(t, loaded.Findings()[0].Message, message)
		_, err = detector.Load([]byte(model), func(o *detector.Options) { o.Strict = true })
		require.ErrorContains(t, err, message)
	}
}

// evaluate sends a message to an alarm that does not exist yet.
func evaluate(t *testing.T, model *detector.Model, input, payload string) *detector.Result {
	t.Helper()
	var message detector.Message
	result := &detector.Result{}
	require.NoError(t, model.Read(&message, input, []byte(payload)))
	require.NoError(t, model.Evaluate(model.NewState(), &detector.Trigger{At: time.Unix(1, 0), Key: string(message.Key()), Message: &message}, result))
	return result
}

func TestNotification(t *testing.T) {
	t.Parallel()
	model := mustLoad(t, bareAlarm(`,"alarmModelName":"m","alarmNotification":{"notificationActions":[{
		"action":{"lambdaAction":{"functionArn":"arn:fn","payload":{"type":"JSON","contentExpression":"'{\"x\":${$input.P.x}}'"}}},
		"emailConfigurations":[{"from":"a@example.com","content":{"subject":"'x is ${$input.P.x}'","additionalMessage":"$input.P.none"},
			"recipients":{"to":[{"ssoIdentity":{"identityStoreId":"d-1","userId":"$input.P.who"}},{"ssoIdentity":{"identityStoreId":"d-1"}},{"ssoIdentity":{"identityStoreId":"d-1","userId":"u-2"}}]}}],
		"smsConfigurations":[{"senderId":"$input.P.x","additionalMessage":"call me","recipients":[{"ssoIdentity":{"identityStoreId":"d-1","userId":"u-3"}}]}]}]}`))
	result := evaluate(t, model, "P", `{"x":2,"who":"u-1"}`)
	require.Len(t, result.Actions, 1)
	action := &result.Actions[0]
	require.Equal(t, detector.ActionNotification, action.Kind)
	require.Equal(t, "arn:fn", action.Target)
	require.Equal(t, detector.PayloadJSON, action.PayloadType)
	require.Equal(t, `{"x":2}`, string(action.Payload))
	require.Equal(t, &detector.Notification{
		Emails: []detector.Email{{From: "a@example.com", Subject: "x is 2", To: []detector.Identity{{StoreID: "d-1", UserID: "u-1"}, {StoreID: "d-1", UserID: "u-2"}}}},
		SMS:    []detector.SMS{{SenderID: "2", AdditionalMessage: "call me", Recipients: []detector.Identity{{StoreID: "d-1", UserID: "u-3"}}}},
	}, action.Notification)
	require.Len(t, result.Errors, 1)
	require.Equal(t, detector.LevelWarning, result.Errors[0].Level)
	require.Contains(t, result.Errors[0].Message, "$input.P.none is undefined")

	event, err := action.Notification.LambdaEvent(action.Payload,
		func(i detector.Identity) string { return map[string]string{"u-1": "one@example.com"}[i.UserID] },
		func(i detector.Identity) string { return "+1" + i.UserID })
	require.NoError(t, err)
	require.JSONEq(t, `{"notificationEventPayload":"{\"x\":2}",
		"emailConfigurations":[{"from":"a@example.com","to":["one@example.com"],"cc":[],"bcc":[],"subject":"x is 2","additionalMessage":""}],
		"smsConfigurations":[{"senderId":"2","additionalMessage":"call me","phoneNumbers":["+1u-3"]}]}`, string(event))

	// Without a function there are still people to tell.
	result = evaluate(t, mustLoad(t, bareAlarm(`,"alarmNotification":{"notificationActions":[{"action":{}}]}`)), "P", `{"x":2}`)
	require.Len(t, result.Actions, 1)
	require.Empty(t, result.Actions[0].Target)
	require.Equal(t, detector.PayloadDefault, result.Actions[0].PayloadType)

	// A payload that fails stops the notification.
	result = evaluate(t, mustLoad(t, bareAlarm(`,"alarmNotification":{"notificationActions":[{"action":{"lambdaAction":{"functionArn":"f","payload":{"type":"STRING","contentExpression":"$input.P.none"}}}}]}`)), "P", `{"x":2}`)
	require.Empty(t, result.Actions)
	require.Len(t, result.Errors, 1)
}

// The payload of each operation, and what SiteWise keeps.
func TestAlarmPayloads(t *testing.T) {
	t.Parallel()
	model := mustLoad(t, `{"alarmModelName":"m","alarmRule":{"simpleRule":{"inputProperty":"$input.P.x","comparisonOperator":"LESS_OR_EQUAL","threshold":"'b'"}},
		"alarmEventActions":{"alarmActions":[{"iotSiteWise":{"assetId":"'a'","propertyId":"'p'"}},{"sqs":{"queueUrl":"q"}}]},
		"alarmCapabilities":{"initializationConfiguration":{"disabledOnInitialization":false},"acknowledgeFlow":{"enabled":true}}}`)
	state := model.NewState()
	var message detector.Message
	var result detector.Result
	require.NoError(t, model.Read(&message, "P", []byte(`{"x":"a\"b"}`)))
	require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(1, 0), Message: &message}, &result))
	const rule = `"ruleEvaluation":{"simpleRule":{"inputProperty":"a\"b","operator":"LESS_OR_EQUAL","threshold":"b"}}`
	check := func(want string) {
		t.Helper()
		require.Len(t, result.Actions, 2)
		site := &result.Actions[0]
		require.Nil(t, site.Payload)
		require.JSONEq(t, want, site.Field("propertyValue.value.stringValue").Text())
		require.JSONEq(t, `{"alarmModelName":"m","stateUpdateTime":1000,"alarmState":`+want+`}`, string(result.Actions[1].Payload))
	}
	check(`{"stateName":"Active",` + rule + `}`)
	for _, step := range []struct {
		operation detector.Operation
		want      string
	}{
		{detector.Operation{Kind: detector.OperationAcknowledge, Note: "1"}, `{"stateName":"Acknowledged",` + rule + `,"customerAction":{"actionName":"ACKNOWLEDGE","acknowledge":{"note":"1"}}}`},
		{detector.Operation{Kind: detector.OperationSnooze, Note: "2", Duration: time.Minute}, `{"stateName":"SnoozeDisabled",` + rule + `,"customerAction":{"actionName":"SNOOZE","snooze":{"snoozeDuration":60,"note":"2"}}}`},
		{detector.Operation{Kind: detector.OperationDisable, Note: "3"}, `{"stateName":"Disabled",` + rule + `,"customerAction":{"actionName":"DISABLE","disable":{"note":"3"}}}`},
		{detector.Operation{Kind: detector.OperationEnable, Note: "4"}, `{"stateName":"Normal",` + rule + `,"customerAction":{"actionName":"ENABLE","enable":{"note":"4"}}}`},
		{detector.Operation{Kind: detector.OperationSnooze, Duration: time.Minute}, `{"stateName":"SnoozeDisabled",` + rule + `,"customerAction":{"actionName":"SNOOZE","snooze":{"snoozeDuration":60,"note":""}}}`},
		{detector.Operation{Kind: detector.OperationReset, Note: "5"}, `{"stateName":"Normal","customerAction":{"actionName":"RESET","reset":{"note":"5"}}}`},
	} {
		require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(1, 0), Operation: &step.operation}, &result))
		check(step.want)
	}
	require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(1, 0), Message: &message}, &result))
	check(`{"stateName":"Active",` + rule + `}`)
}

func TestParseOperation(t *testing.T) {
	t.Parallel()
	operation, err := detector.ParseOperation(detector.OperationUpdate, []byte(`{"messageId":"1","detectorModelName":"m","keyValue":"k",
		"state":{"stateName":"s","variables":[{"name":"a","value":"-22"},{"name":"b","value":"\"x\""},{"name":"c","value":"false"}],"timers":[{"name":"t","seconds":60},{"name":"u","seconds":9223372036854775807}]}}`))
	require.NoError(t, err)
	require.Equal(t, detector.Operation{Kind: detector.OperationUpdate, Update: &detector.Update{
		State:     "s",
		Variables: []detector.Variable{{Name: "a", Value: detector.IntegerValue(-22)}, {Name: "b", Value: detector.StringValue("x")}, {Name: "c", Value: detector.BooleanValue(false)}},
		Timers:    []detector.Timer{{Name: "t", Duration: time.Minute}, {Name: "u", Duration: detector.MaxTimer + time.Second}},
	}}, operation)
	operation, err = detector.ParseOperation(detector.OperationSnooze, []byte(`{"requestId":"1","alarmModelName":"m","snoozeDuration":300,"note":"n"}`))
	require.NoError(t, err)
	require.Equal(t, detector.Operation{Kind: detector.OperationSnooze, Duration: 5 * time.Minute, Note: "n"}, operation)

	for _, test := range []struct {
		kind    detector.OperationKind
		entry   string
		message string
	}{
		{detector.OperationUpdate, `{}`, "state is required"},
		{detector.OperationUpdate, `{"state":{"variables":[{"name":"a","value":"bare"}]}}`, `variable "a"`},
		{detector.OperationSnooze, `{}`, "snoozeDuration is required"},
		{detector.OperationSnooze, `{"snoozeDuration":"5"}`, "entry"},
		{detector.OperationReset, `[]`, "entry"},
		{"SHELVE", `{}`, `unknown kind "SHELVE"`},
	} {
		_, err := detector.ParseOperation(test.kind, []byte(test.entry))
		require.ErrorIs(t, err, detector.ErrOperation)
		require.ErrorContains(t, err, test.message)
	}
}

// An operation leaves its mark in the record for the service's log.
func TestDebugOfAnOperation(t *testing.T) {
	t.Parallel()
	model := mustLoad(t, pressureAlarm)
	state := model.NewState()
	var message detector.Message
	require.NoError(t, model.Read(&message, "Pump", []byte(`{"id":"p","pressure":1}`)))
	result := detector.Result{Trace: true}
	require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(0, 0), Message: &message}, &result))
	trigger := detector.Trigger{At: time.Unix(1, 0), Key: "p", Operation: &detector.Operation{Kind: detector.OperationDisable}}
	require.NoError(t, model.Evaluate(state, &trigger, &result))
	require.JSONEq(t, `{"timestamp":"1970-01-01T00:00:01.000Z","level":"DEBUG","logMessage":"Summary of message evaluation","context":"MessageEvaluation","status":"Success",
		"keyValue":"p","detectorModelName":"pressure","initialState":"NORMAL","initialVariables":{},"finalState":"DISABLED","finalVariables":{},
		"operation":"DISABLE","messageType":"OPERATION_MESSAGE","conditionEvaluationResults":[]}`, string(result.AppendDebug(nil, state, &trigger)))
}
