package cfnalerts_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts/cfnalerts"
	"github.com/iotenant/iotenant/alerts/detector"
)

func Example() {
	stack, err := cfnalerts.Read([]byte(`
Parameters:
  Limit: {Type: Number, Default: 30}
Resources:
  Sensor:
    Type: AWS::IoTEvents::Input
    Properties: {InputDefinition: {Attributes: [{JsonPath: temperature}]}}
  Thermostat:
    Type: AWS::IoTEvents::DetectorModel
    Properties:
      DetectorModelDefinition:
        InitialStateName: Cool
        States:
          - StateName: Cool
            OnInput:
              TransitionEvents:
                - {EventName: hot, Condition: !Sub "$input.Sensor.temperature > ${Limit}", NextState: Hot}
          - StateName: Hot
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	model, err := detector.Load(stack.DetectorModels[0].JSON, func(o *detector.Options) { o.Attributes = stack.Attributes() })
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(model.Name(), model.States(), model.Inputs())
	// Output: Thermostat [Cool Hot] [Sensor]
}

func pumps(t *testing.T) []byte {
	t.Helper()
	template, err := os.ReadFile("testdata/pumps.yaml")
	require.NoError(t, err)
	return template
}

func TestRead(t *testing.T) {
	t.Parallel()
	stack, err := cfnalerts.Read(pumps(t))
	require.NoError(t, err)
	require.Empty(t, stack.AlarmModels)
	require.Len(t, stack.DetectorModels, 1)
	model := stack.DetectorModels[0]
	require.Equal(t, "Temperature", model.LogicalID)
	require.Equal(t, "Temperature", model.Name)
	require.JSONEq(t, `{
		"detectorModelName": "Temperature", "key": "pump", "evaluationMethod": "SERIAL",
		"detectorModelDefinition": {
			"initialStateName": "Cool",
			"states": [
				{"stateName": "Cool",
				 "onEnter": {"events": [{"eventName": "reset", "actions": [
					{"setVariable": {"variableName": "hot", "value": "0"}},
					{"setVariable": {"variableName": "armed", "value": "true"}}]}]},
				 "onInput": {"transitionEvents": [{
					"eventName": "too hot", "condition": "$input.PumpInput.motor.temperature > 80", "nextState": "Hot",
					"actions": [{"setTimer": {"timerName": "hold", "seconds": 60}}]}]}},
				{"stateName": "Hot",
				 "onEnter": {"events": [{"eventName": "tell", "condition": "true", "actions": [
					{"sns": {"targetArn": "arn:aws:sns:us-east-1:123456789012:stack-Alarms",
					         "payload": {"contentExpression": "'${$input.PumpInput.pump} above 80'", "type": "STRING"}}}]}]},
				 "onInput": {"transitionEvents": [{"eventName": "cool again", "condition": "timeout(\"hold\")", "nextState": "Cool"}]}}]}}`,
		string(model.JSON))
	require.Equal(t, map[string][]string{"PumpInput": {"pump", "motor.temperature"}}, stack.Attributes())
	require.Len(t, stack.Findings, 1)
	require.Equal(t, `WARNING line 39, column 16 Resources.Temperature.Properties.RoleArn.Ref: parameter "RoleArn" has no value and no default`, stack.Findings[0].String())
	loads(t, stack)
}

func loads(t *testing.T, stack *cfnalerts.Stack) {
	t.Helper()
	for _, model := range stack.DetectorModels {
		loaded, err := detector.Load(model.JSON, func(o *detector.Options) { o.Attributes = stack.Attributes() })
		require.NoError(t, err)
		require.Equal(t, model.Name, loaded.Name())
	}
}

func TestReadWithValues(t *testing.T) {
	t.Parallel()
	stack, err := cfnalerts.Read(pumps(t), func(o *cfnalerts.Options) {
		o.Parameters = map[string]string{"Stage": "prod", "Limit": "90.5", "RoleArn": "r"}
		o.Values = map[string]string{"Alarms": "arn:real"}
		o.Region, o.AccountID = "eu-central-1", "1"
	})
	require.NoError(t, err)
	require.Len(t, stack.AlarmModels, 1)
	require.JSONEq(t, `{
		"alarmModelName": "overheat", "key": "pump", "severity": 3, "roleArn": "arn:aws:iam::123456789012:role/alarm",
		"alarmRule": {"simpleRule": {"inputProperty": "$input.PumpInput.motor.temperature", "comparisonOperator": "GREATER", "threshold": "90.5"}},
		"alarmEventActions": {"alarmActions": [{"sqs": {"queueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/q", "useBase64": true}}]},
		"alarmCapabilities": {"initializationConfiguration": {"disabledOnInitialization": false}, "acknowledgeFlow": {"enabled": true}}}`,
		string(stack.AlarmModels[0].JSON))
	body := string(stack.DetectorModels[0].JSON)
	require.Contains(t, body, `"roleArn":"r"`)
	require.Contains(t, body, `"seconds":600`)
	require.Contains(t, body, `"targetArn":"arn:real"`)
	require.Contains(t, body, `"functionArn":"arn:aws:lambda:eu-central-1:1:function:notify-prod"`)
	loads(t, stack)
}

func TestReadSomeModels(t *testing.T) {
	t.Parallel()
	stack, err := cfnalerts.Read(pumps(t), func(o *cfnalerts.Options) { o.Models = []string{"Overheat"} })
	require.NoError(t, err)
	require.Empty(t, stack.DetectorModels)
	require.Len(t, stack.Inputs, 1)
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	_, err := cfnalerts.Read([]byte("Resources:\n  A: [b"))
	require.ErrorIs(t, err, cfnalerts.ErrTemplate)
	require.ErrorIs(t, err, iotenant.ErrInvalid)

	_, err = cfnalerts.Read([]byte(strings.ReplaceAll(string(pumps(t)), "Default: 80", "")))
	require.ErrorContains(t, err, `ERROR line 54, column 30 Resources.Temperature.Properties.DetectorModelDefinition.States[0].OnInput.TransitionEvents[0].Condition.Fn::Sub: parameter "Limit" has no value and no default`)
	var all *cfnalerts.TemplateError
	require.ErrorAs(t, err, &all)
	require.Len(t, all.Findings, 3, "both places that need the parameter, and the role")
}

func TestPlace(t *testing.T) {
	t.Parallel()
	stack, err := cfnalerts.Read(pumps(t))
	require.NoError(t, err)
	model := stack.DetectorModels[0]
	for path, want := range map[string]string{
		"states[0].onInput.transitionEvents[0].condition":    "line 54, column 30 Resources.Temperature.Properties.DetectorModelDefinition.States[0].OnInput.TransitionEvents[0].Condition",
		"states[1].onEnter.events[0].actions[0].sns.nothing": "line 67, column 25 Resources.Temperature.Properties.DetectorModelDefinition.States[1].OnEnter.Events[0].Actions[0].Sns",
		"key":     "line 38, column 12 Resources.Temperature.Properties.Key",
		"nothing": "line 38, column 7 Resources.Temperature.Properties",
		"":        "line 38, column 7 Resources.Temperature.Properties",
	} {
		require.Equal(t, want, model.Place(path).String(), path)
	}
}

// TestFindingsPointIntoTheTemplate follows a finding of the engine back.
func TestFindingsPointIntoTheTemplate(t *testing.T) {
	t.Parallel()
	stack, err := cfnalerts.Read([]byte(strings.ReplaceAll(string(pumps(t)), "temperature > ${Limit}", "temperature >> ${Limit}")))
	require.NoError(t, err)
	_, err = detector.Load(stack.DetectorModels[0].JSON)
	var broken *detector.ModelError
	require.ErrorAs(t, err, &broken)
	require.Len(t, broken.Findings, 1)
	require.Equal(t, 54, stack.DetectorModels[0].Place(broken.Findings[0].Path).Line)
}

// TestEveryModelSurvivesTheTemplate writes models as templates in both formats
// and reads them back.
func TestEveryModelSurvivesTheTemplate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := drawModel(t)
		want, err := json.Marshal(body)
		require.NoError(t, err)
		template := map[string]any{"Resources": map[string]any{"M": map[string]any{
			"Type": cfnalerts.TypeDetectorModel, "Properties": pascal(body),
		}}}
		asJSON, err := json.Marshal(template)
		require.NoError(t, err)
		asYAML, err := yaml.Marshal(template)
		require.NoError(t, err)
		for _, text := range [][]byte{asJSON, asYAML} {
			stack, err := cfnalerts.Read(text)
			require.NoError(t, err)
			require.Empty(t, stack.Findings)
			require.JSONEq(t, string(want), string(stack.DetectorModels[0].JSON))
		}
	})
}

// drawModel makes a model of the API's shape, which need not make sense.
func drawModel(t *rapid.T) map[string]any {
	texts := rapid.OneOf(
		rapid.StringMatching(`[ -~é]{1,20}`),
		rapid.SampledFrom([]string{"yes", "012", "1.10", "null", "true", "1", "${x}", "'${$input.a.b}'", "2010-09-09", "a: b", "a\nb"}),
	)
	text := func(name string) any { return texts.Draw(t, name) }
	payload := func() any { return map[string]any{"contentExpression": text("content"), "type": "JSON"} }
	actions := []func() any{
		func() any {
			return map[string]any{"setVariable": map[string]any{"variableName": "v", "value": text("value")}}
		},
		func() any {
			return map[string]any{"setTimer": map[string]any{"timerName": "t", "seconds": rapid.IntRange(1, 1000).Draw(t, "s")}}
		},
		func() any { return map[string]any{"clearTimer": map[string]any{"timerName": text("timer")}} },
		func() any {
			return map[string]any{"sns": map[string]any{"targetArn": text("arn"), "payload": payload()}}
		},
		func() any {
			return map[string]any{"sqs": map[string]any{"queueUrl": text("url"), "useBase64": rapid.Bool().Draw(t, "b")}}
		},
		func() any {
			return map[string]any{"dynamoDBv2": map[string]any{"tableName": text("table"), "payload": payload()}}
		},
		func() any {
			return map[string]any{"dynamoDB": map[string]any{"tableName": text("table"), "hashKeyField": text("f"), "hashKeyValue": text("v")}}
		},
		func() any { return map[string]any{"iotTopicPublish": map[string]any{"mqttTopic": text("topic")}} },
		func() any {
			return map[string]any{"iotSiteWise": map[string]any{"propertyAlias": text("alias"), "propertyValue": map[string]any{
				"value": map[string]any{"doubleValue": text("double")}, "timestamp": map[string]any{"timeInSeconds": text("time")},
			}}}
		},
	}
	events := func(name string) any {
		var all []any
		for range rapid.IntRange(0, 3).Draw(t, name) {
			var list []any
			for range rapid.IntRange(1, 3).Draw(t, "actions") {
				list = append(list, rapid.SampledFrom(actions).Draw(t, "action")())
			}
			all = append(all, map[string]any{"eventName": text("event"), "condition": text("condition"), "actions": list})
		}
		return append([]any{}, all...)
	}
	var states []any
	for range rapid.IntRange(1, 3).Draw(t, "states") {
		states = append(states, map[string]any{
			"stateName": text("state"),
			"onEnter":   map[string]any{"events": events("onEnter")},
			"onInput":   map[string]any{"events": events("onInput"), "transitionEvents": events("transitions")},
		})
	}
	return map[string]any{
		"detectorModelName":       "m",
		"detectorModelDefinition": map[string]any{"initialStateName": text("initial"), "states": states},
	}
}

// pascal writes all names as CloudFormation does.
func pascal(value any) any {
	switch v := value.(type) {
	case map[string]any:
		all := map[string]any{}
		for name, member := range v {
			all[strings.ToUpper(name[:1])+name[1:]] = pascal(member)
		}
		return all
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = pascal(v[i])
		}
		return all
	}
	return value
}

// FuzzRead looks for panics, for what takes too long, and for bodies that are
// no JSON.
func FuzzRead(f *testing.F) {
	template, err := os.ReadFile("testdata/pumps.yaml")
	require.NoError(f, err)
	f.Add(template)
	f.Add([]byte(`{"Resources":{"A":{"Type":"AWS::IoTEvents::AlarmModel","Properties":{"AlarmRule":{"SimpleRule":{"Threshold":1}}}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		stack, err := cfnalerts.Read(data)
		require.Less(t, time.Since(start), 20*time.Second)
		if err != nil {
			require.ErrorIs(t, err, cfnalerts.ErrTemplate)
			return
		}
		for _, model := range append(stack.DetectorModels, stack.AlarmModels...) {
			require.True(t, json.Valid(model.JSON), "%s", model.JSON)
			require.NotEmpty(t, model.Name)
			model.Place("states[0].onInput")
		}
	})
}

// TestSynthesizedByTheCDK reads what the CDK writes: long forms, metadata, and
// resources that the model refers to.
func TestSynthesizedByTheCDK(t *testing.T) {
	t.Parallel()
	stack, err := cfnalerts.Read([]byte(`{
  "Resources": {
    "TopicBFC7AF6E": {"Type": "AWS::SNS::Topic", "Metadata": {"aws:cdk:path": "App/Topic/Resource"}},
    "InputA1B2": {"Type": "AWS::IoTEvents::Input", "Properties": {"InputName": "input", "InputDefinition": {"Attributes": [{"JsonPath": "t"}]}}},
    "RoleC3D4": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17"}}},
    "ModelE5F6": {
      "Type": "AWS::IoTEvents::DetectorModel",
      "Properties": {
        "DetectorModelDefinition": {
          "InitialStateName": "on",
          "States": [{"OnEnter": {"Events": [{
            "Actions": [{"Sns": {"TargetArn": {"Ref": "TopicBFC7AF6E"}}},
                        {"IotTopicPublish": {"MqttTopic": {"Fn::Join": ["", ["a/", {"Ref": "AWS::Region"}, "/b"]]}}}],
            "Condition": {"Fn::Join": ["", ["(currentInput(\"", {"Ref": "InputA1B2"}, "\")) && ($input.", {"Ref": "InputA1B2"}, ".t > 1)"]]},
            "EventName": "e"}]}, "StateName": "on"}]
        },
        "RoleArn": {"Fn::GetAtt": ["RoleC3D4", "Arn"]}
      }
    },
    "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Condition": "CDKMetadataAvailable"}
  },
  "Conditions": {"CDKMetadataAvailable": {"Fn::Or": [{"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}]}},
  "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/x/version"}},
  "Rules": {"CheckBootstrapVersion": {"Assertions": []}}
}`))
	require.NoError(t, err)
	require.Empty(t, stack.Findings)
	require.JSONEq(t, `{
		"detectorModelName": "ModelE5F6", "roleArn": "arn:aws:iam::123456789012:role/stack-RoleC3D4",
		"detectorModelDefinition": {"initialStateName": "on", "states": [{"stateName": "on", "onEnter": {"events": [{
			"eventName": "e", "condition": "(currentInput(\"input\")) && ($input.input.t > 1)",
			"actions": [{"sns": {"targetArn": "arn:aws:sns:us-east-1:123456789012:stack-TopicBFC7AF6E"}}, {"iotTopicPublish": {"mqttTopic": "a/us-east-1/b"}}]}]}}]}}`,
		string(stack.DetectorModels[0].JSON))
	loads(t, stack)
}

func TestReadBody(t *testing.T) {
	t.Parallel()
	model, err := cfnalerts.ReadBody([]byte(`
detectorModel:
  detectorModelConfiguration:
    creationTime: '2026-01-31T12:00:00+00:00'
    detectorModelName: m
    detectorModelVersion: 3
    key: null
  detectorModelDefinition:
    initialStateName: on
    states:
      - stateName: on
        onInput:
          events:
            - eventName: yes
              condition: true
              actions:
                - setVariable: {variableName: v, value: 1.0}
                - setTimer: {timerName: t, seconds: 60, durationExpression: null}
            - {eventName: e, condition: $input.I.a == 1}
`))
	require.NoError(t, err)
	require.JSONEq(t, `{"detectorModel": {
		"detectorModelConfiguration": {"creationTime": "2026-01-31T12:00:00+00:00", "detectorModelName": "m", "detectorModelVersion": "3"},
		"detectorModelDefinition": {"initialStateName": "on", "states": [{"stateName": "on", "onInput": {"events": [
			{"eventName": "yes", "condition": "true", "actions": [
				{"setVariable": {"variableName": "v", "value": "1.0"}}, {"setTimer": {"timerName": "t", "seconds": 60}}]},
			{"eventName": "e", "condition": "$input.I.a == 1"}]}}]}}}`, string(model.JSON))
	require.Equal(t, "line 14, column 26", strings.TrimSuffix(model.Place("states[0].onInput.events[0].eventName").String(), " detectorModel.detectorModelDefinition.states[0].onInput.events[0].eventName"))
	loaded, err := detector.Load(model.JSON)
	require.NoError(t, err)
	require.Equal(t, "3", loaded.Version())

	model, err = cfnalerts.ReadBody([]byte("inputName: I\ninputDefinition: {attributes: [{jsonPath: 1}]}"))
	require.NoError(t, err)
	input, err := detector.LoadInput(model.JSON)
	require.NoError(t, err)
	require.Equal(t, []string{"1"}, input.Attributes)

	for text, want := range map[string]string{
		"a":                          "line 1, column 1: want an object, got a string",
		"states: [{stateName: [a]}]": "ERROR line 1, column 22 states[0].stateName: want a string, got a list",
		"states: a":                  "ERROR line 1, column 9 states: want a list, got a string",
		"\t":                         "found character that cannot start any token",
	} {
		_, err := cfnalerts.ReadBody([]byte(text))
		require.ErrorIs(t, err, cfnalerts.ErrTemplate)
		require.ErrorContains(t, err, want)
	}
}

// FuzzReadBody looks for panics and for what is no JSON.
func FuzzReadBody(f *testing.F) {
	f.Add([]byte("inputName: I\ninputDefinition: {attributes: [{jsonPath: 1}]}"))
	f.Add([]byte("detectorModel: {detectorModelDefinition: {states: [&a {stateName: 012}, *a]}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		model, err := cfnalerts.ReadBody(data)
		if err != nil {
			require.ErrorIs(t, err, cfnalerts.ErrTemplate)
			return
		}
		require.True(t, json.Valid(model.JSON), "%s", model.JSON)
	})
}
