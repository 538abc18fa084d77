package detector_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts/detector"
)

const boilerModel = `{
  "detectorModelName": "boiler",
  "key": "boiler.id",
  "roleArn": "arn:aws:iam::123456789012:role/events",
  "detectorModelDefinition": {
    "initialStateName": "normal",
    "states": [
      {"stateName": "normal",
       "onEnter": {"events": [{"eventName": "init", "actions": [{"setVariable": {"variableName": "count", "value": "0"}}]}]},
       "onInput": {"transitionEvents": [
         {"eventName": "too hot", "condition": "$input.Boiler.temperature > 90", "nextState": "hot",
          "actions": [{"setVariable": {"variableName": "count", "value": "$variable.count + 1"}}]}]}},
      {"stateName": "hot",
       "onEnter": {"events": [{"eventName": "alert", "actions": [
         {"setTimer": {"timerName": "escalate", "seconds": 300}},
         {"sns": {"targetArn": "arn:aws:sns:eu-west-1:123456789012:boilers",
                  "payload": {"type": "STRING", "contentExpression": "'boiler has ${$input.Boiler.temperature} C'"}}}]}]},
       "onInput": {
         "events": [{"eventName": "escalation", "condition": "timeout(\"escalate\")",
                     "actions": [{"iotTopicPublish": {"mqttTopic": "boilers/escalated"}}]}],
         "transitionEvents": [{"eventName": "cool", "condition": "$input.Boiler.temperature <= 90", "nextState": "normal"}]}}
    ]}}`

func ExampleLoad() {
	model, err := detector.Load([]byte(boilerModel))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(model.Name(), model.Inputs(), model.States(), model.Key())
	// Output: boiler [Boiler] [normal hot] boiler.id
}

func ExampleLoad_problems() {
	_, err := detector.Load([]byte(`{"initialStateName": "idle", "states": [{"stateName": "idle", "onInput": {"transitionEvents": [
		{"eventName": "hot", "condition": "$input.Boiler.temperature > ninety", "nextState": "warm"}]}}]}`))
	fmt.Println(err)
	fmt.Println(errors.Is(err, iotenant.ErrInvalid))
	// Output:
	// detector: invalid model
	// ERROR expression-syntax states[0].onInput.transitionEvents[0].condition, line 1, column 29: Failed to parse expression '$input.Boiler.temperature > ninety' for condition: bare word ninety: a String needs quotes
	//     $input.Boiler.temperature > ninety
	//                                 ^
	// ERROR structure states[0].onInput.transitionEvents[0].nextState: The TransitionEvent hot transitions to a non-existent state warm.
	// true
}

func ExampleModel_Evaluate() {
	model, err := detector.Load([]byte(boilerModel))
	if err != nil {
		fmt.Println(err)
		return
	}
	var message detector.Message
	var result detector.Result
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	state := model.NewState()

	payload := []byte(`{"boiler":{"id":"b-7"},"temperature":93.5}`)
	if err := model.Read(&message, "Boiler", payload); err != nil {
		fmt.Println(err)
		return
	}
	trigger := detector.Trigger{At: at, Scope: "acme", Key: string(message.Key()), Message: &message, MessageID: "1"}
	if err := model.Evaluate(state, &trigger, &result); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(trigger.Key, result.Before, "->", result.After, "count", state.Variable("count"))
	for _, action := range result.Actions {
		fmt.Printf("%s %s: %s\n", action.Kind, action.Target, action.Payload)
	}

	timer, _ := state.NextTimer()
	trigger = detector.Trigger{At: timer.Due, Scope: "acme", Key: "b-7", Timer: timer.Name, Due: timer.Due}
	if err := model.Evaluate(state, &trigger, &result); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(timer.Due.Sub(at), result.Actions[0].Target)
	fmt.Println(string(result.Actions[0].Payload))
	// Output:
	// b-7 normal -> hot count 1
	// sns arn:aws:sns:eu-west-1:123456789012:boilers: boiler has 93.5 C
	// 5m0s boilers/escalated
	// {"eventName":"escalation","eventTime":1767269100000,"payload":{"actionExecutionId":"02e463b8-9b04-385c-aa7a-201ee4372150","detector":{"detectorModelName":"boiler","keyValue":"b-7","detectorModelVersion":"1"},"eventTriggerDetails":{"triggerType":"Timer","timerName":"escalate"},"state":{"stateName":"hot","variables":{"count":1},"timers":{"escalate":{"timestamp":1767269100000}}}}}
}

func ExampleState_UnmarshalBinary() {
	model, err := detector.Load([]byte(boilerModel), func(o *detector.Options) { o.Semantics.UpdateCreates = true })
	if err != nil {
		fmt.Println(err)
		return
	}
	state := model.NewState()
	operation, err := detector.ParseOperation(detector.OperationUpdate, []byte(`{"state":{"stateName":"hot","variables":[{"name":"count","value":"2.0"}]}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	var result detector.Result
	if err := model.Evaluate(state, &detector.Trigger{At: time.Unix(0, 0), Operation: &operation}, &result); err != nil {
		fmt.Println(err)
		return
	}
	encoded, err := state.AppendBinary(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	restored := model.NewState()
	if err := restored.UnmarshalBinary(encoded); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(restored.Name(), restored.Variable("count"), restored.Variable("count").Kind())
	// Output: hot 2.0 Decimal
}

func ExampleAnalyze() {
	analysis := detector.Analyze([]byte(`{"initialStateName":"idle","states":[{"stateName":"idle","onInput":{"events":[
		{"eventName":"hot","condition":"$input.Boiler.temperature > 90 && $input.Boiler.temperature != 'off'"}]}}]}`))
	fmt.Println(analysis.Failed())
	fmt.Print(analysis)
	// Output:
	// true
	// ERROR data-type states[0].onInput.events[0].condition, line 1, column 35: Incompatible data types [Integer, String] found for $input.Boiler.temperature in the following expression: $input.Boiler.temperature > 90 && $input.Boiler.temperature != 'off'
	//     $input.Boiler.temperature > 90 && $input.Boiler.temperature != 'off'
	//                                       ^
}

// An alarm is evaluated like a detector; what operators do is a trigger too.
func ExampleParseOperation() {
	model, err := detector.Load([]byte(`{"alarmModelName":"boiler","key":"id","severity":2,
		"alarmRule":{"simpleRule":{"inputProperty":"$input.Boiler.temperature","comparisonOperator":"GREATER","threshold":"90"}},
		"alarmEventActions":{"alarmActions":[{"sns":{"targetArn":"arn:aws:sns:eu-west-1:123456789012:boilers"}}]},
		"alarmCapabilities":{"initializationConfiguration":{"disabledOnInitialization":false},"acknowledgeFlow":{"enabled":true}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	state := model.NewState()
	var message detector.Message
	var result detector.Result
	if err := model.Read(&message, "Boiler", []byte(`{"id":"b-7","temperature":93.5}`)); err != nil {
		fmt.Println(err)
		return
	}
	trigger := detector.Trigger{At: time.Unix(0, 0), Key: "b-7", Message: &message}
	if err := model.Evaluate(state, &trigger, &result); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Before, "->", result.After, string(result.Actions[0].Payload))

	operation, err := detector.ParseOperation(detector.OperationAcknowledge, []byte(`{"note":"on my way"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	trigger = detector.Trigger{At: time.Unix(60, 0), Key: "b-7", Operation: &operation}
	if err := model.Evaluate(state, &trigger, &result); err != nil {
		fmt.Println(err)
		return
	}
	status, _ := state.Alarm()
	fmt.Println(result.Before, "->", result.After, status.CustomerAction, status.Note)
	// Output:
	// NORMAL -> ACTIVE {"alarmModelName":"boiler","keyValue":"b-7","severity":2,"stateUpdateTime":0,"alarmState":{"stateName":"Active","ruleEvaluation":{"simpleRule":{"inputProperty":93.5,"operator":"GREATER","threshold":90}}}}
	// ACTIVE -> ACKNOWLEDGED ACKNOWLEDGE on my way
}
