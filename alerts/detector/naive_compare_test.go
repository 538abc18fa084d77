package detector_test

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/alerts/detector"
)

// The engine and the naive interpreter decide the same on random models and
// messages.
func TestEngineAgreesWithNaiveInterpreter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		definition := drawModel(t)
		model, err := detector.Load([]byte(definition))
		require.NoError(t, err, definition)
		engine, slow := model.NewState(), newNaive(definition)
		var message detector.Message
		var result detector.Result
		now := int64(0)
		for range rapid.IntRange(1, 12).Draw(t, "triggers") {
			trigger := detector.Trigger{}
			if name := slow.next(); name != "" && rapid.Bool().Draw(t, "timer") {
				timer, ok := engine.NextTimer()
				require.True(t, ok)
				require.Equal(t, name, timer.Name)
				now = max(now, slow.timers[name].due)
				trigger = detector.Trigger{At: timer.Due, Timer: timer.Name, Due: timer.Due}
				slow.timer(name)
			} else {
				now += rapid.Int64Range(0, 40).Draw(t, "pause")
				input := rapid.SampledFrom(model.Inputs()).Draw(t, "input")
				payload := drawPayload(t)
				require.NoError(t, model.Read(&message, input, payload))
				trigger = detector.Trigger{At: time.Unix(now, 0), Message: &message}
				slow.message(now, input, payload)
			}
			require.NoError(t, model.Evaluate(engine, &trigger, &result))
			require.Equal(t, slow.describe(), describe(engine, &result), definition)
			if rapid.Bool().Draw(t, "restart") {
				encoded, err := engine.AppendBinary(nil)
				require.NoError(t, err)
				engine = model.NewState()
				require.NoError(t, engine.UnmarshalBinary(encoded))
			}
		}
	})
}

func describe(s *detector.State, r *detector.Result) string {
	lines := []string{s.Name()}
	for _, v := range s.AppendVariables(nil) {
		lines = append(lines, fmt.Sprintf("%s=%s %s", v.Name, v.Value.Kind(), v.Value))
	}
	for _, timer := range s.AppendTimers(nil) {
		lines = append(lines, fmt.Sprintf("%s@%d %v %v", timer.Name, timer.Due.Unix(), timer.Duration, timer.Elapsed))
	}
	for i := range r.Actions {
		a := &r.Actions[i]
		payload := string(a.Payload)
		if a.PayloadType == detector.PayloadDefault {
			payload = "default"
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s", a.Target, a.EventName, a.StateName, payload))
	}
	for i := range r.Errors {
		lines = append(lines, fmt.Sprintf("%s %s", r.Errors[i].Kind, r.Errors[i].EventName))
	}
	return strings.Join(lines, "\n")
}

func (n *naive) describe() string {
	lines := []string{n.state}
	for _, name := range sortedKeys(n.vars) {
		kind := map[string]string{"bool": "Boolean", "int64": "Integer", "float64": "Decimal", "string": "String"}[fmt.Sprintf("%T", n.vars[name])]
		lines = append(lines, fmt.Sprintf("%s=%s %s", name, kind, n.print(n.vars[name])))
	}
	for _, name := range sortedKeys(n.timers) {
		if timer := n.timers[name]; timer.running || timer.elapsed {
			lines = append(lines, fmt.Sprintf("%s@%d %v %v", name, timer.due, time.Duration(timer.duration)*time.Second, timer.elapsed))
		}
	}
	return strings.Join(append(append(lines, n.actions...), n.errors...), "\n")
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

func drawPayload(t *rapid.T) []byte {
	payload := map[string]any{}
	for _, name := range []string{"x", "y", "s", "b"} {
		if rapid.IntRange(0, 3).Draw(t, "there") > 0 {
			payload[name] = drawJSON(t)
		}
	}
	payload["o"] = map[string]any{"n": drawJSON(t), "list": []any{drawJSON(t), map[string]any{"z": drawJSON(t)}}}
	text, err := json.Marshal(payload)
	require.NoError(t, err)
	return text
}

func drawJSON(t *rapid.T) any {
	return rapid.SampledFrom([]any{
		1, 2, 7, 70, -3, 0, json.Number("1.0"), json.Number("2.5"), json.Number("1e2"), json.Number("9223372036854775807"), json.Number("-0.0"), json.Number("1e-9"),
		json.Number("123456789012345678901234567890"), true, false, nil, "", "ok", "true", "12", "3.5", "é\n\"", []any{}, map[string]any{},
	}).Draw(t, "json")
}

func drawModel(t *rapid.T) string {
	states := []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "states")]
	var list []any
	for _, name := range states {
		state := map[string]any{"stateName": name}
		for _, lifecycle := range []string{"onEnter", "onInput", "onExit"} {
			if rapid.IntRange(0, 3).Draw(t, lifecycle) == 0 && lifecycle != "onInput" {
				continue
			}
			content := map[string]any{"events": drawEvents(t, nil, 3)}
			if lifecycle == "onInput" {
				content["transitionEvents"] = drawEvents(t, states, 2)
			}
			state[lifecycle] = content
		}
		list = append(list, state)
	}
	// One state that reads each input, so that the model is valid.
	list = append(list, map[string]any{"stateName": "z", "onInput": map[string]any{"events": []any{
		map[string]any{"eventName": "z", "condition": "currentInput('A') || currentInput('B')"}}}})
	text, err := json.MarshalIndent(map[string]any{
		"detectorModelName": "random", "evaluationMethod": rapid.SampledFrom([]string{"BATCH", "SERIAL"}).Draw(t, "method"),
		"detectorModelDefinition": map[string]any{"initialStateName": "a", "states": list},
	}, "", " ")
	require.NoError(t, err)
	return string(text)
}

func drawEvents(t *rapid.T, next []string, most int) []any {
	events := []any{}
	for i := range rapid.IntRange(0, most).Draw(t, "events") {
		event := map[string]any{"eventName": fmt.Sprintf("e%d", i)}
		if next != nil {
			event["nextState"] = rapid.SampledFrom(next).Draw(t, "next")
		}
		if next != nil || rapid.Bool().Draw(t, "conditional") {
			event["condition"] = drawTest(t, 2)
		}
		actions := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "actions") {
			actions = append(actions, drawAction(t))
		}
		event["actions"] = actions
		events = append(events, event)
	}
	return events
}

func drawAction(t *rapid.T) map[string]any {
	timer := rapid.SampledFrom([]string{"t", "u"})
	switch rapid.IntRange(0, 6).Draw(t, "action") {
	case 0, 1, 2:
		return map[string]any{"setVariable": map[string]any{"variableName": rapid.SampledFrom([]string{"v", "w", "q"}).Draw(t, "variable"), "value": drawValue(t, 2)}}
	case 3:
		if rapid.Bool().Draw(t, "seconds") {
			return map[string]any{"setTimer": map[string]any{"timerName": timer.Draw(t, "timer"), "seconds": rapid.IntRange(1, 90).Draw(t, "seconds")}}
		}
		return map[string]any{"setTimer": map[string]any{"timerName": timer.Draw(t, "timer"), "durationExpression": drawValue(t, 1)}}
	case 4:
		return map[string]any{rapid.SampledFrom([]string{"resetTimer", "clearTimer"}).Draw(t, "kind"): map[string]any{"timerName": timer.Draw(t, "timer")}}
	case 5:
		return map[string]any{"sns": map[string]any{"targetArn": "arn:s", "payload": map[string]any{"type": "STRING", "contentExpression": drawText(t)}}}
	}
	return map[string]any{"sns": map[string]any{"targetArn": "arn:d"}}
}

func drawText(t *rapid.T) string {
	return fmt.Sprintf("'x ${%s} y ${'${%s}' + 'z'}'", drawValue(t, 1), drawValue(t, 1))
}

// drawTest returns an expression that is likely Boolean.
func drawTest(t *rapid.T, depth int) string {
	if depth == 0 {
		return rapid.SampledFrom([]string{
			"true", "false", "timeout('t')", "timeout(\"u\")", "triggerType('Message')", "triggerType('TIMER')", "currentInput('A')", "currentInput('B')",
			"$input.A.b", "$variable.v", "$input.A.x > 5", "$input.B.x <= 2.5", "7 < $input.A.y", "$variable.v >= 2", "$variable.w != $variable.w", "$variable.q == 'ok'",
		}).Draw(t, "test")
	}
	switch rapid.IntRange(0, 7).Draw(t, "form") {
	case 0:
		return drawTest(t, depth-1) + " && " + drawTest(t, depth-1)
	case 1:
		return drawTest(t, depth-1) + " || " + drawTest(t, depth-1)
	case 2:
		return "!(" + drawTest(t, depth-1) + ")"
	case 3:
		return "isUndefined(" + drawValue(t, depth-1) + ")"
	case 4:
		return "isNull(" + drawValue(t, depth-1) + ")"
	case 5:
		return rapid.SampledFrom([]string{"startsWith", "endsWith", "contains"}).Draw(t, "function") + "(" + drawValue(t, depth-1) + ", " + drawValue(t, depth-1) + ")"
	}
	return "(" + drawValue(t, depth-1) + ") " + rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="}).Draw(t, "relation") + " (" + drawValue(t, depth-1) + ")"
}

// drawValue returns an expression of any type.
func drawValue(t *rapid.T, depth int) string {
	if depth == 0 {
		return rapid.SampledFrom([]string{
			"$input.A.x", "$input.A.y", "$input.B.x", "$input.A.s", "$input.B.s", "$input.A.o.n", "$input.A.o.list[0]", "$input.A.o.list[1].z", "$input.A.o.list[2]", "$input.A.o",
			"$variable.v", "$variable.w", "$variable.q", "1", "2.0", "'ok'", "\"12\"", "true", "0", "-5", "10.01", "9223372036854775807", "$input.A",
		}).Draw(t, "leaf")
	}
	x, y := drawValue(t, depth-1), drawValue(t, depth-1)
	switch rapid.IntRange(0, 8).Draw(t, "form") {
	case 0, 1, 2:
		return "(" + x + rapid.SampledFrom([]string{" + ", " - ", " * ", " / "}).Draw(t, "operator") + y + ")"
	case 3:
		return rapid.SampledFrom([]string{"-", "~"}).Draw(t, "unary") + "(" + x + ")"
	case 4:
		return "(" + x + rapid.SampledFrom([]string{" | ", " & ", " ^ "}).Draw(t, "bits") + y + ")"
	case 5:
		return rapid.SampledFrom([]string{"bitor", "bitand", "bitxor"}).Draw(t, "function") + "(" + x + ", " + y + ")"
	case 6:
		return "convert(" + rapid.SampledFrom([]string{"String", "Boolean", "Decimal"}).Draw(t, "type") + ", " + x + ")"
	case 7:
		return "'<${" + x + "}>'"
	}
	return drawTest(t, depth-1)
}
