package detector_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts/detector"
)

// oneEvent returns a bare definition with one onInput event.
func oneEvent(event string) string {
	return `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"events":[{"eventName":"e","condition":"$input.I.v > 0"},` + event + `]}}]}`
}

func oneAction(action string) string {
	return oneEvent(`{"eventName":"x","actions":[` + action + `]}`)
}

func TestLoadEnvelopes(t *testing.T) {
	t.Parallel()
	definition := oneEvent(`{"eventName":"x","condition":null,"actions":null}`)
	for name, text := range map[string]string{
		"bare": definition,
		"create": `{"detectorModelName":"m","detectorModelDescription":"d","roleArn":"r","key":"a.` + "`b c`" + `","evaluationMethod":"SERIAL","tags":[{"key":"k","value":"v"}],
			"detectorModelDefinition":` + definition + `}`,
		"create with nulls": `{"detectorModelName":"m","detectorModelDescription":null,"roleArn":"r","key":null,"evaluationMethod":null,"detectorModelDefinition":` + definition + `}`,
		"analysis":          `{"detectorModelDefinition":` + definition + `}`,
		"export": `{"schemaVersion":1,"detectorModel":{"detectorModelDefinition":` + definition + `,"detectorModelConfiguration":{"detectorModelName":"m","detectorModelVersion":"7",
			"detectorModelDescription":null,"detectorModelArn":"arn","roleArn":"r","creationTime":"2020-01-01T00:00:00Z","lastUpdateTime":1.5,"status":"ACTIVE","key":"id","evaluationMethod":"BATCH"}}}`,
	} {
		for _, strict := range []bool{false, true} {
			model, err := detector.Load([]byte(text), func(o *detector.Options) { o.Strict = strict })
			require.NoError(t, err, name)
			require.Empty(t, model.Findings(), name)
			require.Equal(t, []string{"I"}, model.Inputs())
			require.Equal(t, []string{"a"}, model.States())
			switch name {
			case "create":
				require.Equal(t, []string{"m", "d", "r", "a.`b c`", "SERIAL", "1"},
					[]string{model.Name(), model.Description(), model.RoleARN(), model.Key(), string(model.EvaluationMethod()), model.Version()})
			case "export":
				require.Equal(t, []string{"m", "id", "BATCH", "7"}, []string{model.Name(), model.Key(), string(model.EvaluationMethod()), model.Version()})
			case "create with nulls":
				require.Equal(t, detector.Batch, model.EvaluationMethod())
				require.Empty(t, model.Key())
			}
		}
	}
	model, err := detector.Load([]byte(definition), func(o *detector.Options) { o.Version = "9" })
	require.NoError(t, err)
	require.Equal(t, "9", model.Version())
}

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	many := func(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	for _, test := range []struct{ name, model, path, message string }{
		{"empty", ``, "", "not JSON: the text ends early"},
		{"cut", `{"states":[`, "", "not JSON: the text ends early"},
		{"syntax", "{\n \"a\": x}", "", "not JSON: invalid character 'x' looking for beginning of value"},
		{"array", `[]`, "", "want a JSON object, got an array"},
		{"tail", `{} {}`, "", "data after the JSON object"},
		{"nothing", `{"a":1}`, "", "no model: want detectorModelDefinition, detectorModel, states, or alarmRule"},
		{"export without definition", `{"detectorModel":{}}`, "detectorModel.detectorModelDefinition", "detectorModelDefinition is required."},
		{"definition type", `{"detectorModelDefinition":5}`, "detectorModelDefinition", "want an object, got a number"},
		{"no states", `{"initialStateName":"a","states":[]}`, "states", "The definition has no states."},
		{"states type", `{"initialStateName":"a","states":{}}`, "states", "want an array, got an object"},
		{"state type", `{"initialStateName":"a","states":[null]}`, "states[0]", "want an object, got null"},
		{"state name", `{"initialStateName":"a","states":[{}]}`, "states[0].stateName", "stateName is required."},
		{"state name type", `{"initialStateName":"a","states":[{"stateName":true}]}`, "states[0].stateName", "want a string, got a Boolean"},
		{"initial", `{"initialStateName":"b","states":[{"stateName":"a"}]}`, "initialStateName", "The Definition's initialStateName b did not correspond to a defined State."},
		{"no initial", `{"states":[{"stateName":"a"}]}`, "initialStateName", "initialStateName is required."},
		{"twice", `{"initialStateName":"a","states":[{"stateName":"a"},{"stateName":"a"}]}`, "states", "found state a with 2 repetitions."},
		{"no input", `{"initialStateName":"a","states":[{"stateName":"a"}]}`, "states", "Detector Model Definition must use at least one Input in a condition."},
		{"method", `{"evaluationMethod":"PARALLEL","detectorModelDefinition":` + oneEvent(`{"eventName":"x"}`) + `}`, "evaluationMethod", `unknown evaluation method "PARALLEL"`},
		{"key", `{"key":"a..b","detectorModelDefinition":` + oneEvent(`{"eventName":"x"}`) + `}`, "key", `"a..b" is no attribute path`},
		{"event name", oneEvent(`{}`), "states[0].onInput.events[1].eventName", "eventName is required."},
		{"condition", oneEvent(`{"eventName":"x","condition":"1 +"}`), "states[0].onInput.events[1].condition", "Failed to parse expression '1 +' for condition: unexpected end, want an operand"},
		{"condition type", oneEvent(`{"eventName":"x","condition":true}`), "states[0].onInput.events[1].condition", "want a string, got a Boolean"},
		{"function", oneEvent(`{"eventName":"x","condition":"now() > 1"}`), "states[0].onInput.events[1].condition", `unknown function "now"`},
		{"function case", oneEvent(`{"eventName":"x","condition":"isundefined(1)"}`), "states[0].onInput.events[1].condition", `unknown function "isundefined"`},
		{"arguments", oneEvent(`{"eventName":"x","condition":"timeout()"}`), "states[0].onInput.events[1].condition", "timeout() takes 1 arguments, got 0"},
		{"convert", oneEvent(`{"eventName":"x","condition":"convert(Integer, 1) == 1"}`), "states[0].onInput.events[1].condition", `convert() knows no type "Integer"`},
		{"bare word", oneEvent(`{"eventName":"x","condition":"$variable.v == dry"}`), "states[0].onInput.events[1].condition", "bare word dry: a String needs quotes"},
		{"reference", oneEvent(`{"eventName":"x","condition":"$inputs.a.b"}`), "states[0].onInput.events[1].condition", "unknown reference $inputs"},
		{"variable path", oneEvent(`{"eventName":"x","condition":"$variable.a.b"}`), "states[0].onInput.events[1].condition", "want $variable.<name>"},
		{"variable alone", oneEvent(`{"eventName":"x","condition":"$variable"}`), "states[0].onInput.events[1].condition", "want $variable.<name>"},
		{"input alone", oneEvent(`{"eventName":"x","condition":"$input"}`), "states[0].onInput.events[1].condition", "want $input.<input>.<attribute>"},
		{"sitewise", oneEvent(`{"eventName":"x","condition":"$sitewise.assetModel.a.b > 1"}`), "states[0].onInput.events[1].condition", "$sitewise belongs in alarm models"},
		{"number", oneEvent(`{"eventName":"x","condition":"99999999999999999999 > 1"}`), "states[0].onInput.events[1].condition", "number is out of the range of Integer"},
		{"next state", `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"transitionEvents":[{"eventName":"t","condition":"true","nextState":"b"}]}}]}`,
			"states[0].onInput.transitionEvents[0].nextState", "The TransitionEvent t transitions to a non-existent state b."},
		{"no next state", `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"transitionEvents":[{"eventName":"t","condition":"true"}]}}]}`,
			"states[0].onInput.transitionEvents[0].nextState", "nextState is required."},
		{"empty action", oneAction(`{}`), "states[0].onInput.events[1].actions[0]", "The action is empty."},
		{"two actions", oneAction(`{"resetTimer":{"timerName":"t"},"clearTimer":{"timerName":"t"}}`), "states[0].onInput.events[1].actions[0]", "Actions may only have one type defined, but found an action with 2 types."},
		{"unknown action", oneAction(`{"email":{}}`), "states[0].onInput.events[1].actions[0].email", "Invalid action type present in action definition: email."},
		{"variable name", oneAction(`{"setVariable":{"variableName":"1a","value":"1"}}`), "states[0].onInput.events[1].actions[0].setVariable.variableName", `"1a" is no variable name`},
		{"variable value", oneAction(`{"setVariable":{"variableName":"a","value":"dry"}}`), "states[0].onInput.events[1].actions[0].setVariable.value", "`SetVariableAction.value` must be an expression. Failed to parse value 'dry'"},
		{"variable value type", oneAction(`{"setVariable":{"variableName":"a","value":1}}`), "states[0].onInput.events[1].actions[0].setVariable.value", "want a string, got a number"},
		{"no variable value", oneAction(`{"setVariable":{"variableName":"a"}}`), "states[0].onInput.events[1].actions[0].setVariable.value", "value is required."},
		{"timer both", oneAction(`{"setTimer":{"timerName":"t","seconds":60,"durationExpression":"60"}}`), "states[0].onInput.events[1].actions[0].setTimer", "Only one of seconds and durationExpression can be set in SetTimer."},
		{"timer none", oneAction(`{"setTimer":{"timerName":"t","durationExpression":null}}`), "states[0].onInput.events[1].actions[0].setTimer", "One of seconds and durationExpression must be set in SetTimer."},
		{"timer zero", oneAction(`{"setTimer":{"timerName":"t","seconds":0}}`), "states[0].onInput.events[1].actions[0].setTimer.seconds", "The duration for timer t should be at least 1 seconds long."},
		{"timer long", oneAction(`{"setTimer":{"timerName":"t","seconds":31622401}}`), "states[0].onInput.events[1].actions[0].setTimer.seconds", "at most 31622400 seconds"},
		{"timer fraction", oneAction(`{"setTimer":{"timerName":"t","seconds":1.5}}`), "states[0].onInput.events[1].actions[0].setTimer.seconds", "want a whole number, got a number"},
		{"timer text", oneAction(`{"setTimer":{"timerName":"t","seconds":"60"}}`), "states[0].onInput.events[1].actions[0].setTimer.seconds", "want a whole number, got a string"},
		{"timer expression", oneAction(`{"setTimer":{"timerName":"t","durationExpression":"60 s"}}`), "states[0].onInput.events[1].actions[0].setTimer.durationExpression", "Failed to parse duration expression '60 s' for timer 't'"},
		{"timer name", oneAction(`{"clearTimer":{}}`), "states[0].onInput.events[1].actions[0].clearTimer.timerName", "timerName is required."},
		{"target", oneAction(`{"sns":{}}`), "states[0].onInput.events[1].actions[0].sns.targetArn", "targetArn is required."},
		{"payload type", oneAction(`{"sns":{"targetArn":"a","payload":{"contentExpression":"'x'","type":"XML"}}}`), "states[0].onInput.events[1].actions[0].sns.payload.type", `unknown payload type "XML"`},
		{"payload without type", oneAction(`{"sns":{"targetArn":"a","payload":{"contentExpression":"'x'"}}}`), "states[0].onInput.events[1].actions[0].sns.payload.type", "type is required."},
		{"payload empty", oneAction(`{"sns":{"targetArn":"a","payload":{"contentExpression":"","type":"JSON"}}}`), "states[0].onInput.events[1].actions[0].sns.payload.contentExpression", "Customized Payloads must be non-empty."},
		{"payload is JSON", oneAction(`{"sqs":{"queueUrl":"a","payload":{"contentExpression":"{\"a\":1}","type":"JSON"}}}`), "states[0].onInput.events[1].actions[0].sqs.payload.contentExpression", `Your payload expression {{"a":1}} isn't valid. The defined payload type is JSON, so you must specify an expression`},
		{"payload syntax", oneAction(`{"sqs":{"queueUrl":"a","payload":{"contentExpression":"'x","type":"STRING"}}}`), "states[0].onInput.events[1].actions[0].sqs.payload.contentExpression", "We couldn't parse your content expression for the payload of sqs."},
		{"topic", oneAction(`{"iotTopicPublish":{"mqttTopic":"a/#"}}`), "states[0].onInput.events[1].actions[0].iotTopicPublish.mqttTopic", "holds a wildcard"},
		{"base64", oneAction(`{"sqs":{"queueUrl":"a","useBase64":"yes"}}`), "states[0].onInput.events[1].actions[0].sqs.useBase64", "want a Boolean, got a string"},
		{"separator", oneAction(`{"firehose":{"deliveryStreamName":"a","separator":";"}}`), "states[0].onInput.events[1].actions[0].firehose.separator", `separator is ";"`},
		{"dynamo table", oneAction(`{"dynamoDB":{"hashKeyField":"'a'","hashKeyValue":"'b'"}}`), "states[0].onInput.events[1].actions[0].dynamoDB.tableName", "tableName is required."},
		{"dynamo literal", oneAction(`{"dynamoDB":{"tableName":"tab","hashKeyField":"'a'","hashKeyValue":"'b'"}}`), "states[0].onInput.events[1].actions[0].dynamoDB.tableName", "We couldn't parse your expression of the attributes (tableName) for the DynamoDB action."},
		{"dynamo v2 type", oneAction(`{"dynamoDBv2":{"tableName":"'t'","payload":{"contentExpression":"'x'","type":"STRING"}}}`), "states[0].onInput.events[1].actions[0].dynamoDBv2.payload.type", "only supports the JSON payload type."},
		{"sitewise target", oneAction(`{"iotSiteWise":{"assetId":"'a'"}}`), "states[0].onInput.events[1].actions[0].iotSiteWise.propertyId", "propertyId is required."},
		{"sitewise syntax", oneAction(`{"iotSiteWise":{"propertyAlias":"'a'","propertyValue":{"value":{"integerValue":"x y"}}}}`), "states[0].onInput.events[1].actions[0].iotSiteWise.propertyValue.value.integerValue", "Your integerValue for `IotSitewiseAction` couldn't be parsed."},
		{"size", `{"x":"` + strings.Repeat("x", detector.MaxModelSize) + `"}`, "", "want at most 4194304"},
		{"nesting", `{"a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "", "not JSON"},
		{"long name", oneEvent(many(1, `{"eventName":"x","condition":"`+strings.Repeat("(", 300)+`"}`)), "states[0].onInput.events[1].condition", "nests deeper than 200 levels"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := detector.Load([]byte(test.model))
			require.ErrorIs(t, err, detector.ErrModel)
			require.ErrorIs(t, err, iotenant.ErrInvalid)
			var model *detector.ModelError
			require.ErrorAs(t, err, &model)
			found := false
			for _, f := range model.Findings {
				found = found || f.Level == detector.LevelError && f.Path == test.path && strings.Contains(f.Message, test.message)
			}
			require.True(t, found, err)
		})
	}
}

func TestLoadReportsAllProblems(t *testing.T) {
	t.Parallel()
	_, err := detector.Load([]byte(`{"detectorModelDefinition":{"initialStateName":"x","states":[
		{"stateName":"a","onInput":{"events":[{"eventName":"e","condition":"$input.I.v >\n  > 0"}],"transitionEvents":[{"eventName":"t","condition":"true","nextState":"b"}]}},
		{"stateName":"c","onEnter":{"events":[{"eventName":"f","actions":[{"setTimer":{"timerName":"t"}},{"beep":{}}]}]}}]}}`))
	var model *detector.ModelError
	require.ErrorAs(t, err, &model)
	var paths []string
	for _, f := range model.Findings {
		paths = append(paths, f.Path)
	}
	require.Equal(t, []string{
		"states[0].onInput.events[0].condition", "states[0].onInput.transitionEvents[0].nextState",
		"states[1].onEnter.events[0].actions[0].setTimer", "states[1].onEnter.events[0].actions[1].beep", "initialStateName",
	}, paths)
	first := model.Findings[0]
	require.Equal(t, [2]int{2, 3}, [2]int{first.Line, first.Column})
	require.Equal(t, "  > 0\n  ^", first.Caret)
	require.Contains(t, err.Error(), "\n      > 0\n      ^")
}

// Quotas of the service are warnings, and errors if strict.
func TestQuotas(t *testing.T) {
	t.Parallel()
	repeat := func(n int, format string) string {
		var items []string
		for i := range n {
			items = append(items, fmt.Sprintf(format, i))
		}
		return strings.Join(items, ",")
	}
	states := func(n int) string {
		return `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"events":[{"eventName":"e","condition":"$input.I.v > 0"}]}},` + repeat(n-1, `{"stateName":"s%d"}`) + `]}`
	}
	for _, test := range []struct{ name, model, message string }{
		{"states", states(21), "Number of states allowed in detector model definition exceeded the limit 20."},
		{"events", oneEvent(repeat(20, `{"eventName":"e%d"}`)), "Number of events allowed per state exceeded the limit 20."},
		{"transitions", `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"transitionEvents":[` + repeat(21, `{"eventName":"e%d","condition":"$input.I.v > 0","nextState":"a"}`) + `]}}]}`,
			"Number of transition events allowed per state exceeded the limit 20."},
		{"actions", oneAction(repeat(11, `{"setVariable":{"variableName":"v","value":"%d"}}`)), "Number of actions allowed per event exceeded the limit 10 in detector model definition"},
		{"variables", oneAction(repeat(51, `{"setVariable":{"variableName":"v%d","value":"1"}}`)), "Number of variables exceeded the limit 50: 51"},
		{"timers", oneAction(repeat(6, `{"setTimer":{"timerName":"v%d","seconds":60}}`)), "Number of timers exceeded the limit 5: 6"},
		{"condition", oneEvent(`{"eventName":"x","condition":"true` + strings.Repeat(" ", 509) + `"}`), "condition is 513 characters long, want at most 512"},
		{"value", oneAction(`{"setVariable":{"variableName":"v","value":"1` + strings.Repeat(" ", 1024) + `"}}`), "value is 1025 characters long, want at most 1024"},
		{"payload", oneAction(`{"sns":{"targetArn":"a","payload":{"type":"STRING","contentExpression":"'` + strings.Repeat("x", 1023) + `'"}}}`), "Content Expression allowed in payload exceeded the limit 1024 bytes in event x in state a."},
		{"name", oneEvent(`{"eventName":"` + strings.Repeat("x", 129) + `"}`), "eventName is 129 characters long, want at most 128"},
		{"seconds", oneAction(`{"setTimer":{"timerName":"t","seconds":59}}`), "The duration for timer t should be at least 60 seconds long."},
		{"condition types", oneEvent(`{"eventName":"x","condition":"1 + 1"}`), "Expression 1 + 1 is not a valid condition expression."},
		{"operator types", oneEvent(`{"eventName":"x","condition":"true + false == true"}`), "The data types [Boolean, Boolean] that you entered for the operator [+] aren't compatible for the following expression: 'true + false == true'"},
		{"comparison types", oneEvent(`{"eventName":"x","condition":"timeout('t') == 'true'"}`), "The data types [Boolean, String] used with operands of the comparison operator [==] are not compatible in the following expression: timeout('t') == 'true'"},
		{"duration types", oneAction(`{"setTimer":{"timerName":"t","durationExpression":"'60'"}}`), "Duration expression '60' for timer t is not valid, it must return a number."},
		{"payload types", oneAction(`{"sns":{"targetArn":"a","payload":{"type":"JSON","contentExpression":"1 + 1"}}}`), "The payload expression [1 + 1] isn't valid. Specify an expression that would evaluate to a string at runtime because the payload type is JSON format."},
		{"no input in a condition", `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"events":[{"eventName":"e","actions":[{"setVariable":{"variableName":"v","value":"$input.I.v"}}]}]}}]}`,
			"Detector Model Definition must use at least one Input in a condition."},
		{"input name", oneEvent("{\"eventName\":\"x\",\"condition\":\"$input.`my input`.v > 1\"}"), "Detector Model Definition contains invalid InputName: my input."},
		{"unknown member", oneEvent(`{"eventName":"x","Condition":"true"}`), `unknown member "Condition", did you mean "condition"?`},
		{"transition without condition", `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"events":[{"eventName":"e","condition":"$input.I.v > 0"}],"transitionEvents":[{"eventName":"t","nextState":"a"}]}}]}`, "condition is required in a transition event"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			model, err := detector.Load([]byte(test.model))
			require.NoError(t, err)
			found := false
			for _, f := range model.Findings() {
				found = found || f.Level == detector.LevelWarning && strings.Contains(f.Message, test.message)
			}
			require.True(t, found, "%v", model.Findings())
			_, err = detector.Load([]byte(test.model), func(o *detector.Options) { o.Strict = true })
			require.ErrorContains(t, err, test.message)
		})
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, model, message string }{
		{"state name", `{"initialStateName":"a b","states":[{"stateName":"a b","onInput":{"events":[{"eventName":"e","condition":"$input.I.v > 0"}]}}]}`, `stateName is "a b"`},
		{"model name", `{"detectorModelName":"a b","detectorModelDefinition":` + oneEvent(`{"eventName":"x"}`) + `}`, `detectorModelName is "a b"`},
		{"broken variable", oneEvent(`{"eventName":"x","condition":"$variable.v != $variable.v"}`), "Detected broken Variable: variable v is used in an expression but is never set."},
		{"broken timer", oneEvent(`{"eventName":"x","condition":"timeout('t')"}`), "Detected broken Timer: timer t is used in an expression but is never set."},
		{"trigger type", oneEvent(`{"eventName":"x","condition":"triggerType('Msg')"}`), `triggerType("Msg") is never true`},
		{"target template", oneAction(`{"sns":{"targetArn":"arn:${x y}"}}`), "Failed to parse the expressions in 'arn:${x y}': it is taken literally."},
	} {
		model, err := detector.Load([]byte(test.model))
		require.NoError(t, err)
		require.Len(t, model.Findings(), 1, test.name)
		require.Equal(t, detector.LevelWarning, model.Findings()[0].Level)
		require.Contains(t, model.Findings()[0].Message, test.message)
	}
}

func TestMinTimer(t *testing.T) {
	t.Parallel()
	short := oneAction(`{"setTimer":{"timerName":"t","seconds":5}}`)
	model, err := detector.Load([]byte(short), func(o *detector.Options) { o.MinTimer = 5 * time.Second })
	require.NoError(t, err)
	require.Empty(t, model.Findings())
	require.Equal(t, 5*time.Second, model.MinTimer())
	_, err = detector.Load([]byte(short), func(o *detector.Options) { o.MinTimer = 10 * time.Second })
	require.ErrorContains(t, err, "The duration for timer t should be at least 10 seconds long.")
	model, err = detector.Load([]byte(oneEvent(`{"eventName":"x"}`)), func(o *detector.Options) { o.Strict = true })
	require.NoError(t, err)
	require.Equal(t, time.Minute, model.MinTimer())
}

// Declared attributes: others are a warning, and undefined if strict.
func TestAttributes(t *testing.T) {
	t.Parallel()
	definition := `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"events":[
		{"eventName":"1","condition":"$input.I.o.x == 1","actions":[{"setVariable":{"variableName":"a","value":"1"}}]},
		{"eventName":"2","condition":"$input.I.v == 1","actions":[{"setVariable":{"variableName":"b","value":"1"}}]},
		{"eventName":"3","condition":"$input.I.l[0].z == 1","actions":[{"setVariable":{"variableName":"c","value":"1"}}]}]}}]}`
	declared := func(paths ...string) func(*detector.Options) {
		return func(o *detector.Options) { o.Attributes = map[string][]string{"I": paths} }
	}
	run := func(model *detector.Model) (set []string) {
		var message detector.Message
		var result detector.Result
		state := model.NewState()
		require.NoError(t, model.Read(&message, "I", []byte(`{"o":{"x":1},"v":1,"l":[{"z":1}]}`)))
		require.NoError(t, model.Evaluate(state, &detector.Trigger{Message: &message}, &result))
		for _, v := range state.AppendVariables(nil) {
			set = append(set, v.Name)
		}
		return set
	}
	model, err := detector.Load([]byte(definition), declared("o", "v", "l.z"))
	require.NoError(t, err)
	require.Empty(t, model.Findings())
	require.Equal(t, []string{"a", "b", "c"}, run(model))

	model, err = detector.Load([]byte(definition), declared("o.x", "l"))
	require.NoError(t, err)
	require.Len(t, model.Findings(), 1)
	require.Contains(t, model.Findings()[0].Message, "$input.I.v is no declared attribute of input 'I'.")
	require.Equal(t, []string{"a", "b", "c"}, run(model))

	for _, option := range []func(*detector.Options){
		func(o *detector.Options) { o.Strict = true },
		func(o *detector.Options) { o.Semantics.UndeclaredIsUndefined = true },
	} {
		model, err = detector.Load([]byte(definition), declared("o.x", "l"), option)
		require.NoError(t, err)
		require.Len(t, model.Findings(), 1)
		require.Equal(t, []string{"a", "c"}, run(model))
	}
	_, err = detector.Load([]byte(definition), func(o *detector.Options) { o.Strict, o.Attributes = true, map[string][]string{} })
	require.ErrorContains(t, err, "Detector Model Definition contains reference to Input 'I' that does not exist.")
}

// A key that an input does not declare is looked up all the same.
func TestUndeclaredKey(t *testing.T) {
	t.Parallel()
	definition := `{"key":"device.id","detectorModelDefinition":` + oneEvent(`{"eventName":"x"}`) + `}`
	for path, warnings := range map[string]int{"device": 0, "device.id": 0, "v": 1, "device.name": 1, "device.id.x": 1} {
		model, err := detector.Load([]byte(definition), func(o *detector.Options) { o.Attributes = map[string][]string{"I": {path, "v"}} })
		require.NoError(t, err)
		require.Len(t, model.Findings(), warnings, path)
		var message detector.Message
		require.NoError(t, model.Read(&message, "I", []byte(`{"device":{"id":"d"}}`)))
		require.Equal(t, "d", string(message.Key()))
	}
}

func TestLoadInput(t *testing.T) {
	t.Parallel()
	want := &detector.Input{Name: "Pump", Description: "d", Attributes: []string{"`a b`.c", "x"}}
	for _, text := range []string{
		`{"inputName":"Pump","inputDescription":"d","inputDefinition":{"attributes":[{"jsonPath":"x"},{"jsonPath":"` + "`a b`.c" + `"}]},"tags":[]}`,
		`{"input":{"inputConfiguration":{"inputName":"Pump","inputDescription":"d","inputArn":"a","status":"ACTIVE"},"inputDefinition":{"attributes":[{"jsonPath":"x"},{"jsonPath":"` + "`a b`.c" + `"}]}}}`,
	} {
		input, err := detector.LoadInput([]byte(text))
		require.NoError(t, err)
		require.Equal(t, want, input)
	}
	for text, message := range map[string]string{
		`{`:                                      "the text ends early",
		`{}`:                                     "inputName is required.",
		`{"inputName":"1","inputDefinition":{}}`: `"1" is no input name`,
		`{"inputName":"P"}`:                      "inputDefinition is required.",
		`{"input":5}`:                            "want an object, got a number",
		`{"input":{}}`:                           "inputConfiguration is required.",
		`{"inputName":"P","inputDefinition":{"attributes":[{"jsonPath":"a..b"}]}}`: `"a..b" is no attribute path`,
		`{"inputName":"P","inputDefinition":{"attributes":[{}]}}`:                  "jsonPath is required.",
	} {
		_, err := detector.LoadInput([]byte(text))
		require.ErrorIs(t, err, detector.ErrModel, text)
		require.ErrorContains(t, err, message)
	}
}

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{boilerModel, debounceModel, conditionModel, oneAction(`{"iotSiteWise":{"propertyAlias":"'a'","propertyValue":{"value":{"integerValue":"1"}}}}`),
		oneAction(`{"dynamoDB":{"tableName":"'t'","hashKeyField":"'a'","hashKeyValue":"'b'"}}`), `{"detectorModel":{"detectorModelDefinition":{"states":[{}]}}}`} {
		f.Add([]byte(seed))
	}
	for _, model := range goldenModels(f) {
		f.Add(model)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		analysis := detector.Analyze(data)
		_, err := json.Marshal(analysis)
		require.NoError(t, err)
		model, err := detector.Load(data)
		if err != nil {
			var problems *detector.ModelError
			if !errors.As(err, &problems) || len(problems.Findings) == 0 || !errors.Is(err, detector.ErrModel) {
				t.Fatal("error without findings", err)
			}
			return
		}
		// What loads, runs.
		var message detector.Message
		var result detector.Result
		result.Trace = true
		state := model.NewState()
		for i, input := range model.Inputs() {
			if model.Read(&message, input, []byte(`{"temperature":91,"boiler":{"id":"b"},"deviceId":"d","sensorData":{"pressure":71},"v":1}`)) != nil {
				continue
			}
			require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(int64(i), 0), Message: &message}, &result))
			for _, action := range result.Actions {
				if action.PayloadType == detector.PayloadDefault {
					require.True(t, json.Valid(action.Payload))
				}
			}
		}
		for _, kind := range []detector.OperationKind{detector.OperationEnable, detector.OperationAcknowledge, detector.OperationSnooze} {
			operation := detector.Operation{Kind: kind, Duration: time.Minute}
			if err := model.Evaluate(state, &detector.Trigger{At: time.Unix(9, 0), Operation: &operation}, &result); err != nil {
				require.True(t, errors.Is(err, detector.ErrOperation) || errors.Is(err, detector.ErrNoDetector), err)
			}
		}
		for range 5 {
			timer, ok := state.NextTimer()
			if !ok {
				break
			}
			require.NoError(t, model.Evaluate(state, &detector.Trigger{At: timer.Due, Timer: timer.Name, Due: timer.Due}, &result))
		}
		encoded, err := state.AppendBinary(nil)
		require.NoError(t, err)
		require.NoError(t, model.NewState().UnmarshalBinary(encoded))
	})
}

func TestTopics(t *testing.T) {
	t.Parallel()
	for topic, want := range map[string]string{
		"a/b/c/d/e/f/g/h":                     "",
		"a/b/c/d/e/f/g/h/i":                   "has more than 7 slashes",
		"$aws/rules/r/a/b/c/d/e/f/g":          "",
		"a/+/b":                               "holds a wildcard",
		"a\u0000b":                            "holds a wildcard",
		strings.Repeat("x", 257):              "has 257 bytes, want 1 to 256",
		"'" + strings.Repeat("x", 250) + "' ": "",
	} {
		text, err := json.Marshal(topic)
		require.NoError(t, err)
		_, err = detector.Load([]byte(oneAction(`{"iotTopicPublish":{"mqttTopic":` + string(text) + `}}`)))
		if want == "" {
			require.NoError(t, err, topic)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
}

// goldenModels returns the models of the corpus.
func goldenModels(tb testing.TB) (models [][]byte) {
	tb.Helper()
	files, err := filepath.Glob("testdata/golden/*/model.json")
	require.NoError(tb, err)
	require.NotEmpty(tb, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(tb, err)
		models = append(models, text)
	}
	return models
}

// Any expression, in every place, loads or is refused with a place; what
// loads, runs, and stays within its bounds.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{
		`$input.I.i > 5 && $variable.a == 1 || timeout("t")`, `convert(String, $input.I.i + 1) + '${$input.I.s}'`, `bitnot(~1 & 3 ^ -2)`, `isNull($input.I.n) || isUndefined($input.I.a[1].b)`,
		`'${'${'x'}'}'`, `9223372036854775807 + 1`, `1 / 0`, `startsWith("a", 'b') == triggerType("Timer")`, `currentInput("I")`, `-$input.I.d * 2 - 1.5e3`, `$variable.a + $variable.a`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		action := func(action any) map[string]any {
			return map[string]any{"eventName": "e", "actions": []any{action}}
		}
		definition, err := json.Marshal(map[string]any{"initialStateName": "a", "states": []any{map[string]any{"stateName": "a", "onInput": map[string]any{"events": []any{
			map[string]any{"eventName": "c", "condition": "currentInput('I') && $variable.t != 1"},
			map[string]any{"eventName": "e", "condition": expression, "actions": []any{map[string]any{"setTimer": map[string]any{"timerName": "t", "seconds": 60}}}},
			action(map[string]any{"setVariable": map[string]any{"variableName": "a", "value": expression}}),
			action(map[string]any{"setTimer": map[string]any{"timerName": "u", "durationExpression": expression}}),
			action(map[string]any{"iotTopicPublish": map[string]any{"mqttTopic": expression, "payload": map[string]any{"type": "JSON", "contentExpression": expression}}}),
		}}}}})
		require.NoError(t, err)
		analysis := detector.Analyze(definition)
		model, err := detector.Load(definition)
		if err != nil {
			require.True(t, analysis.Failed())
			require.ErrorIs(t, err, detector.ErrModel)
			return
		}
		var message detector.Message
		var result detector.Result
		state := model.NewState()
		for i := range 40 { // $variable.a + $variable.a doubles each time
			require.NoError(t, model.Read(&message, "I", []byte(expressionInput)))
			require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(int64(i), 0), Message: &message}, &result))
		}
		require.Less(t, len(state.Variable("a").Text()), 1<<20)
	})
}

// Whatever an alarm's state or an operation holds: no panic, and errors by
// name.
func FuzzAlarm(f *testing.F) {
	model := mustLoad(f, pressureAlarm)
	state := model.NewState()
	var message detector.Message
	var result detector.Result
	for _, operation := range []string{``, `{"snoozeDuration":60,"note":"n"}`} {
		encoded, err := state.MarshalBinary()
		require.NoError(f, err)
		f.Add(encoded, "SNOOZE", operation)
		require.NoError(f, model.Read(&message, "Pump", []byte(`{"id":"p","pressure":80}`)))
		require.NoError(f, model.Evaluate(state, &detector.Trigger{Message: &message}, &result))
	}
	f.Fuzz(func(t *testing.T, encoded []byte, kind, entry string) {
		state := model.NewState()
		if err := state.UnmarshalBinary(encoded); err != nil {
			require.ErrorIs(t, err, detector.ErrState)
		}
		operation, err := detector.ParseOperation(detector.OperationKind(kind), []byte(entry))
		if err != nil {
			require.ErrorIs(t, err, detector.ErrOperation)
		}
		if err := model.Evaluate(state, &detector.Trigger{Operation: &operation}, &detector.Result{}); err != nil {
			require.True(t, errors.Is(err, detector.ErrOperation) || errors.Is(err, detector.ErrNoDetector), err)
		}
		if timer, ok := state.NextTimer(); ok {
			require.NoError(t, model.Evaluate(state, &detector.Trigger{At: timer.Due, Timer: timer.Name, Due: timer.Due}, &detector.Result{}))
		}
		var message detector.Message
		require.NoError(t, model.Read(&message, "Pump", []byte(`{"id":"p","pressure":80}`)))
		require.NoError(t, model.Evaluate(state, &detector.Trigger{Message: &message}, &detector.Result{}))
		again, err := state.MarshalBinary()
		require.NoError(t, err)
		require.NoError(t, model.NewState().UnmarshalBinary(again))
	})
}
