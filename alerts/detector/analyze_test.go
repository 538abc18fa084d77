package detector_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/internal/exprlang"
)

// twoStates returns a bare definition of states a and b.
func twoStates(a, b string) string {
	return `{"initialStateName":"a","states":[{"stateName":"a"` + a + `},{"stateName":"b"` + b + `}]}`
}

const toB = `,"onInput":{"transitionEvents":[{"eventName":"t","condition":"$input.I.v > 0","nextState":"b"}]}`

// Each message of the service's analysis, on its level, at its place.
func TestAnalyze(t *testing.T) {
	t.Parallel()
	const event = "states[0].onInput.events[1]"
	send := `{"sns":{"targetArn":"a"}}`
	set := func(value string) string { return `{"setVariable":{"variableName":"v","value":"` + value + `"}}` }
	for _, test := range []struct {
		name, model string
		level       detector.Level
		kind        detector.FindingType
		path        string
		message     string
	}{
		{"inferred", oneAction(set("1")), detector.LevelInfo, detector.DataType, "", "Inferred data types [Integer] for $variable.v"},
		{"inferred attribute", oneEvent(`{"eventName":"x","condition":"$input.I.s == 'x'"}`), detector.LevelInfo, detector.DataType, "", "Inferred data types [String] for $input.I.s"},
		{"inferred Boolean", oneEvent(`{"eventName":"x","condition":"$input.I.s && !$input.I.u"}`), detector.LevelInfo, detector.DataType, "", "Inferred data types [Boolean] for $input.I.u"},
		{"inferred through a variable", oneAction(set("$input.I.w") + `,{"setVariable":{"variableName":"u","value":"$variable.v | 1"}}`), detector.LevelInfo, detector.DataType, "", "Inferred data types [Integer] for $variable.v"},
		{"inferred numbers", oneEvent(`{"eventName":"x","condition":"$input.I.n > 1 && $input.I.n < 2.5"}`), detector.LevelInfo, detector.DataType, "", "Inferred data types [Integer, Decimal] for $input.I.n"},
		{"one expression", oneEvent(`{"eventName":"x","condition":"$input.I.n > 1 && $input.I.n != 'x'"}`), detector.LevelError, detector.DataType, event + ".condition",
			"Incompatible data types [Integer, String] found for $input.I.n in the following expression: $input.I.n > 1 && $input.I.n != 'x'"},
		{"one state", oneEvent(`{"eventName":"x","condition":"$input.I.v == 'x'"}`), detector.LevelWarning, detector.DataType, event + ".condition",
			"The data types [Integer, String] found for $input.I.v aren't compatible and can lead to a runtime error."},
		{"two states", twoStates(toB, `,"onInput":{"events":[{"eventName":"e","condition":"$input.I.v == 'x'"}]}`), detector.LevelWarning, detector.DataType, "states[1].onInput.events[0].condition",
			"Incompatible data types [Integer, String] used with $input.I.v. This may lead to a runtime error."},
		{"type change", oneAction(set("1") + "," + set("'x'")), detector.LevelWarning, detector.DataType, event + ".actions[1].setVariable.value",
			"Incompatible data types [Integer, String] used with $variable.v. This may lead to a runtime error."},
		{"condition of a variable", oneEvent(`{"eventName":"x","condition":"$variable.v","actions":[` + set("1") + `]}`), detector.LevelError, detector.DataType, event + ".condition",
			"Expression $variable.v is not a valid condition expression."},
		{"operator", oneEvent(`{"eventName":"x","condition":"(true + false) == 1"}`), detector.LevelError, detector.DataType, event + ".condition",
			"The data types [Boolean, Boolean] that you entered for the operator [+] aren't compatible for the following expression: '(true + false) == 1'"},
		{"comparison", oneEvent(`{"eventName":"x","condition":"1 < 'x'"}`), detector.LevelError, detector.DataType, event + ".condition",
			"The data types [Integer, String] used with operands of the comparison operator [<] are not compatible in the following expression: 1 < 'x'"},
		{"duration", oneAction(set("'x'") + `,{"setTimer":{"timerName":"t","durationExpression":"$variable.v"}}`), detector.LevelError, detector.DataType, event + ".actions[1].setTimer.durationExpression",
			"The data types [String] used for `setTimer` action don't evaluate to `Integer` for the following expression: $variable.v"},
		{"duration text", oneAction(`{"setTimer":{"timerName":"t","durationExpression":"'60'"}}`), detector.LevelError, detector.DataType, event + ".actions[0].setTimer.durationExpression",
			"Duration expression '60' for timer t is not valid, it must return a number."},
		{"payload", oneAction(set("1") + `,{"sns":{"targetArn":"a","payload":{"type":"JSON","contentExpression":"$variable.v"}}}`), detector.LevelError, detector.DataType, event + ".actions[1].sns.payload.contentExpression",
			"The payload expression [$variable.v] isn't valid. Specify an expression that would evaluate to a string at runtime because the payload type is JSON format."},
		{"interpolation", oneAction(set("'x'") + `,{"sns":{"targetArn":"a","payload":{"type":"JSON","contentExpression":"'{\"a\":\"${$variable.v}\",\"b\":${$variable.v}}'"}}}`), detector.LevelError, detector.DataType,
			event + ".actions[1].sns.payload.contentExpression", "Your interpolated expression {$variable.v} must evaluate to either an integer or a Boolean value at runtime. Otherwise, your payload expression {'{\"a\":\"${$variable.v}\",\"b\":${$variable.v}}'} won't be parseable at runtime as valid JSON."},
		{"SiteWise", oneAction(set("true") + `,{"iotSiteWise":{"propertyAlias":"'a'","propertyValue":{"value":{"integerValue":"$variable.v"}}}}`), detector.LevelError, detector.DataType,
			event + ".actions[1].iotSiteWise.propertyValue.value.integerValue", "The expression type in the `IotSitewiseAction` field $variable.v is defined as type Integer and inferred as type Boolean. The defined type and the inferred type must be the same."},
		{"broken timer", oneEvent(`{"eventName":"x","condition":"timeout('t')"}`), detector.LevelError, detector.ReferencedData, event + ".condition", "Detected broken Timer: timer t is used in an expression but is never set."},
		{"broken variable", oneEvent(`{"eventName":"x","condition":"$variable.v == 1"}`), detector.LevelError, detector.ReferencedData, event + ".condition", "Detected broken Variable: variable v is used in an expression but is never set."},
		{"before set", oneEvent(`{"eventName":"x","condition":"$variable.v > 1","actions":[` + set("1") + `]}`), detector.LevelWarning, detector.ReferencedData, event + ".condition",
			"Detected broken Variable: a variable is used in an expression before being set to a value."},
		{"before set on one way", `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"transitionEvents":[
			{"eventName":"1","condition":"$input.I.v == 1","actions":[` + set("1") + `],"nextState":"b"},{"eventName":"2","condition":"$input.I.v == 2","nextState":"b"}]}},
			{"stateName":"b","onInput":{"events":[{"eventName":"e","condition":"$variable.v == 1"}]}}]}`, detector.LevelWarning, detector.ReferencedData, "states[1].onInput.events[0].condition",
			"Detected broken Variable: a variable is used in an expression before being set to a value."},
		{"unreachable state", twoStates(`,"onInput":{"events":[{"eventName":"e","condition":"$input.I.v > 0"}]}`, ""), detector.LevelWarning, detector.Structure, "states[1]",
			"A state in your detector model is unreachable. Check the condition that will cause a transition to the desired state."},
		{"unreachable by condition", twoStates(`,"onInput":{"transitionEvents":[{"eventName":"t","condition":"$input.I.v > 0 && 1 > 2","nextState":"b"}]}`, ""), detector.LevelWarning, detector.Structure, "states[1]",
			"A state in your detector model is unreachable."},
		{"unreachable after", twoStates(`,"onInput":{"transitionEvents":[{"eventName":"t","condition":"true || $input.I.v > 0","nextState":"a"},{"eventName":"u","condition":"$input.I.v > 0","nextState":"b"}]}`, ""),
			detector.LevelWarning, detector.Structure, "states[1]", "A state in your detector model is unreachable."},
		{"unreachable action", oneEvent(`{"eventName":"x","condition":"!(1 == 1)","actions":[` + set("1") + `]}`), detector.LevelWarning, detector.Structure, event + ".condition",
			"An action in your detector model is unreachable. Check the condition that initiates the action."},
		{"read by a timer", oneEvent(`{"eventName":"x","condition":"$input.I.v > 0 && timeout('t')","actions":[{"setTimer":{"timerName":"t","seconds":60}}]}`), detector.LevelWarning, detector.Structure, event + ".condition",
			"An input attribute is being read, but this may be caused by a timer expiration."},
		{"sent by a timer", oneEvent(`{"eventName":"x","condition":"timeout('t')","actions":[{"setTimer":{"timerName":"t","seconds":60}},` + send + `]}`), detector.LevelWarning, detector.Structure, event + ".condition",
			"An expiring timer can cause an unexpected amount of messages to be sent."},
		{"always sent", oneEvent(`{"eventName":"x","actions":[{"setTimer":{"timerName":"t","seconds":60}},` + send + `]}`), detector.LevelWarning, detector.Structure, "states[0].onInput",
			"An expiring timer can cause an unexpected amount of messages to be sent."},
		{"quota", oneAction(`{"setTimer":{"timerName":"t","seconds":59}}`), detector.LevelError, detector.ServiceLimits, event + ".actions[0].setTimer.seconds", "The duration for timer t should be at least 60 seconds long."},
		{"content", oneAction(`{"sns":{"targetArn":"a","payload":{"type":"STRING","contentExpression":"'` + strings.Repeat("x", 1023) + `'"}}}`), detector.LevelError, detector.ServiceLimits, event + ".actions[0].sns.payload.contentExpression",
			"Content Expression allowed in payload exceeded the limit 1024 bytes in event x in state a."},
		{"action", oneAction(`{"email":{}}`), detector.LevelError, detector.SupportedActions, event + ".actions[0].email", "Invalid action type present in action definition: email."},
		{"not JSON", "{", detector.LevelError, detector.Structure, "", "not JSON: the text ends early"},
		{"alarm", strings.Replace(pressureAlarm, `"70"`, `"$input.Pump.limit + 1"`, 1), detector.LevelInfo, detector.DataType, "", "Inferred data types [Integer] for $input.Pump.pressure"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			analysis := detector.Analyze([]byte(test.model))
			for i := range analysis.Findings {
				f := &analysis.Findings[i]
				if f.Level == test.level && f.Type == test.kind && f.Path == test.path && strings.Contains(f.Message, test.message) {
					require.Contains(t, analysis.String(), f.String())
					if f.Expression != "" {
						require.Positive(t, f.Line)
						require.Contains(t, f.Caret, "^")
					}
					return
				}
			}
			require.Fail(t, "not found", analysis.String())
		})
	}
}

// What the service's own templates hold is no error, and what is guarded no
// warning.
func TestAnalyzeAccepts(t *testing.T) {
	t.Parallel()
	for _, model := range []string{
		oneEvent(`{"eventName":"x","condition":"$variable.v != $variable.v","actions":[{"setVariable":{"variableName":"v","value":"1"}}]},{"eventName":"x","condition":"$variable.v != $input.I.position"}`),
		oneEvent(`{"eventName":"true","condition":"$variable.ack != \"true\"","actions":[{"setVariable":{"variableName":"ack","value":"0"}}]}`),
		boilerModel, debounceModel, pressureAlarm,
	} {
		analysis := detector.Analyze([]byte(model))
		require.False(t, analysis.Failed(), analysis.String())
	}
	quiet := `{"initialStateName":"a","states":[{"stateName":"a",
		"onEnter":{"events":[{"eventName":"in","actions":[{"setVariable":{"variableName":"v","value":"0"}},{"setTimer":{"timerName":"t","seconds":60}}]}]},
		"onInput":{"events":[
			{"eventName":"a","condition":"triggerType('Message') && $input.I.v > $variable.v","actions":[{"sns":{"targetArn":"a"}}]},
			{"eventName":"b","condition":"triggerType(\"Timer\") && timeout('t') || currentInput('I') && $input.I.v < 0","actions":[{"sns":{"targetArn":"a"}}]},
			{"eventName":"c","condition":"isUndefined($variable.w)","actions":[{"setVariable":{"variableName":"w","value":"true"}}]}]}}]}`
	analysis := detector.Analyze([]byte(quiet))
	for i := range analysis.Findings {
		require.Equal(t, detector.LevelInfo, analysis.Findings[i].Level, analysis.Findings[i].String())
	}
	require.Len(t, analysis.Findings, 3)
}

// All findings come at once, in the service's JSON.
func TestAnalysisJSON(t *testing.T) {
	t.Parallel()
	analysis := detector.Analyze([]byte(`{"detectorModelDefinition":{"initialStateName":"c","states":[{"stateName":"a","onInput":{"events":[
		{"eventName":"1","condition":"$input.I.v >"},{"eventName":"2","condition":"1 + 1"}],
		"transitionEvents":[{"eventName":"3","condition":"$input.I.v > 0","nextState":"b"}]}}]}}`))
	require.True(t, analysis.Failed())
	text, err := json.Marshal(analysis)
	require.NoError(t, err)
	require.JSONEq(t, `{"analysisResults":[
		{"type":"expression-syntax","level":"ERROR","message":"Failed to parse expression '$input.I.v >' for condition: unexpected end, want an operand","locations":[{"path":"states[0].onInput.events[0].condition"}]},
		{"type":"structure","level":"ERROR","message":"The TransitionEvent 3 transitions to a non-existent state b.","locations":[{"path":"states[0].onInput.transitionEvents[0].nextState"}]},
		{"type":"structure","level":"ERROR","message":"The Definition's initialStateName c did not correspond to a defined State.","locations":[{"path":"initialStateName"}]},
		{"type":"data-type","level":"ERROR","message":"Expression 1 + 1 is not a valid condition expression.","locations":[{"path":"states[0].onInput.events[1].condition"}]},
		{"type":"data-type","level":"INFO","message":"Inferred data types [Integer] for $input.I.v","locations":[]}]}`, string(text))
	require.Equal(t, `ERROR expression-syntax states[0].onInput.events[0].condition, line 1, column 13: Failed to parse expression '$input.I.v >' for condition: unexpected end, want an operand
    $input.I.v >
                ^`, analysis.Findings[0].String())

	text, err = json.Marshal(detector.Analyze([]byte(pressureAlarm)))
	require.NoError(t, err)
	require.Contains(t, string(text), `"Inferred data types [Integer] for $input.Pump.pressure"`)
}

// What is far beyond the quotas is analyzed in a time that grows with it.
func TestAnalyzeLarge(t *testing.T) {
	t.Parallel()
	long := func(operand, operator string) string {
		return strings.TrimSuffix(strings.Repeat(operand+operator, exprlang.MaxLength/(len(operand)+len(operator))), operator)
	}
	var events, states []string
	for _, condition := range []string{long("$input.I.a", "&&"), long("$input.I.b==1", "||"), long("$variable.v+1", "+") + " > 1", long("(1<2)", "&&"), long("triggerType('Timer')", "&&")} {
		events = append(events, fmt.Sprintf(`{"eventName":"e","condition":%q,"actions":[{"setTimer":{"timerName":"t","seconds":60}},{"sns":{"targetArn":"a"}}]}`, condition))
	}
	for i := range 5000 {
		events = append(events, fmt.Sprintf(`{"eventName":"e","condition":"$variable.v%d > 1","actions":[{"setVariable":{"variableName":"v%d","value":"$variable.v%d"}}]}`, i, i+1, i))
		states = append(states, fmt.Sprintf(`{"stateName":"s%d","onInput":{"transitionEvents":[{"eventName":"t","condition":"$input.I.a > 1","actions":[{"setVariable":{"variableName":"w%d","value":"1"}}],"nextState":"s%d"}]}}`, i, i, i+1))
	}
	model := `{"initialStateName":"s0","states":[` + strings.Join(states, ",") + `,{"stateName":"s5000","onInput":{"events":[` + strings.Join(events, ",") + `]}}]}`
	require.Less(t, len(model), detector.MaxModelSize)
	analysis := detector.Analyze([]byte(model))
	require.Contains(t, analysis.String(), "Number of states allowed in detector model definition exceeded the limit 20.")
}
