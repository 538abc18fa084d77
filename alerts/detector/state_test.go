package detector_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts/detector"
)

const wideModel = `{"detectorModelName":"wide","detectorModelDefinition":{"initialStateName":"a","states":[{"stateName":"a",
	"onInput":{"events":[{"eventName":"e","condition":"$input.A.x == 1 || $input.A.y[2].z == $input.B.s || $variable.v == $variable.w || timeout('t') || timeout('u') || isNull($input.A.x.deep)",
	"actions":[{"setTimer":{"timerName":"t","seconds":60}},{"setVariable":{"variableName":"v","value":"$input.A.x"}}]}]}},{"stateName":"b"}]}}`

// update evaluates an update.
func update(model *detector.Model, state *detector.State, at time.Time, u *detector.Update) error {
	operation := detector.Operation{Kind: detector.OperationUpdate, Update: u}
	return model.Evaluate(state, &detector.Trigger{At: at, Operation: &operation}, &detector.Result{})
}

// creating loads a model whose detectors an update can create.
func creating(tb testing.TB, definition string) *detector.Model {
	tb.Helper()
	model, err := detector.Load([]byte(definition), func(o *detector.Options) { o.Semantics.UpdateCreates = true })
	require.NoError(tb, err)
	return model
}

func snapshot(s *detector.State) string {
	return fmt.Sprint(s.Name(), s.Created(), s.Updated(), s.Evaluations(), s.AppendVariables(nil), s.AppendTimers(nil))
}

// Whatever a state holds, its encoding gives it back, and behaves the same.
func TestStateCodec(t *testing.T) {
	t.Parallel()
	model := creating(t, wideModel)
	rapid.Check(t, func(t *rapid.T) {
		state := model.NewState()
		var message detector.Message
		var result detector.Result
		for range rapid.IntRange(0, 4).Draw(t, "messages") {
			payload, err := json.Marshal(map[string]any{"x": drawJSON(t), "y": []any{1, 2, map[string]any{"z": drawJSON(t)}}, "s": drawJSON(t)})
			require.NoError(t, err)
			require.NoError(t, model.Read(&message, rapid.SampledFrom([]string{"A", "B"}).Draw(t, "input"), payload))
			require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.UnixMicro(rapid.Int64Range(0, 1<<50).Draw(t, "at")), Message: &message}, &result))
		}
		if rapid.Bool().Draw(t, "update") {
			u := detector.Update{State: "b"}
			for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Z][a-zA-Z0-9_]{0,9}`), 0, 5, rapid.ID[string]).Draw(t, "names") {
				u.Variables = append(u.Variables, detector.Variable{Name: name, Value: drawValueOf(t)})
				u.Timers = append(u.Timers, detector.Timer{Name: name, Duration: time.Duration(rapid.IntRange(1, 31622400).Draw(t, "seconds")) * time.Second})
			}
			require.NoError(t, update(model, state, time.UnixMicro(rapid.Int64Range(0, 1<<50).Draw(t, "at")), &u))
			for _, v := range u.Variables {
				require.Equal(t, v.Value, state.Variable(v.Name))
			}
			require.Len(t, state.AppendTimers(nil), len(u.Timers))
		}
		encoded, err := state.AppendBinary([]byte("prefix"))
		require.NoError(t, err)
		restored := model.NewState()
		require.NoError(t, restored.UnmarshalBinary(encoded[len("prefix"):]))
		require.Equal(t, snapshot(state), snapshot(restored))
		again, err := restored.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, encoded[len("prefix"):], again)

		// The retained attributes came along: a timer or an empty message of
		// the other input decides the same on both.
		require.NoError(t, model.Read(&message, "B", []byte(`{}`)))
		trigger := detector.Trigger{At: time.Unix(0, 0), Message: &message}
		var other detector.Result
		result.Trace, other.Trace = true, true
		require.NoError(t, model.Evaluate(state, &trigger, &result))
		require.NoError(t, model.Evaluate(restored, &trigger, &other))
		require.Equal(t, result.Conditions, other.Conditions)
		require.Equal(t, snapshot(state), snapshot(restored))
	})
}

func drawValueOf(t *rapid.T) detector.Value {
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		return detector.IntegerValue(rapid.Int64().Draw(t, "integer"))
	case 1:
		return detector.DecimalValue(rapid.Float64Range(-1e300, 1e300).Draw(t, "decimal"))
	case 2:
		return detector.BooleanValue(rapid.Bool().Draw(t, "boolean"))
	}
	return detector.StringValue(rapid.String().Draw(t, "string"))
}

func TestStateOfAnotherVersion(t *testing.T) {
	t.Parallel()
	load := func(version, definition string) *detector.Model {
		model, err := detector.Load([]byte(definition), func(o *detector.Options) { o.Version = version })
		require.NoError(t, err)
		return model
	}
	one := load("1", `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"events":[{"eventName":"e","condition":"$input.A.x == 1 && $input.B.y == 2 && $input.A.z == 'text'","actions":[
		{"setVariable":{"variableName":"v","value":"1"}},{"setTimer":{"timerName":"t","seconds":60}}]}]}},{"stateName":"gone"}]}`)
	two := load("2", `{"initialStateName":"b","states":[{"stateName":"b"},{"stateName":"a","onInput":{"events":[
		{"eventName":"e","condition":"$input.A.z == 'text' && isUndefined($input.A.w) && isUndefined($input.C.c) && timeout('other') == false","actions":[{"setVariable":{"variableName":"w","value":"$input.A.z"}}]}]}}]}`)
	state := one.NewState()
	var message detector.Message
	var result detector.Result
	for _, m := range [][2]string{{"B", `{"y":2}`}, {"A", `{"x":1,"z":"text"}`}} {
		require.NoError(t, one.Read(&message, m[0], []byte(m[1])))
		require.NoError(t, one.Evaluate(state, &detector.Trigger{At: time.Unix(100, 0), Message: &message}, &result))
	}
	require.Equal(t, "1", state.Variable("v").String())
	encoded, err := state.MarshalBinary()
	require.NoError(t, err)
	version, err := detector.StateVersion(encoded)
	require.NoError(t, err)
	require.Equal(t, "1", version)

	migrated := two.NewState()
	require.NoError(t, migrated.UnmarshalBinary(encoded))
	require.Equal(t, "a", migrated.Name())
	require.Equal(t, "1", migrated.Variable("v").String())
	timer, ok := migrated.NextTimer()
	require.True(t, ok)
	require.Equal(t, "t", timer.Name)
	require.NoError(t, two.Evaluate(migrated, &detector.Trigger{At: timer.Due, Timer: "t", Due: timer.Due}, &result))
	require.Equal(t, "text", migrated.Variable("w").String(), "retained attributes that the new version reads are kept")
	encoded, err = migrated.MarshalBinary()
	require.NoError(t, err)
	version, err = detector.StateVersion(encoded)
	require.NoError(t, err)
	require.Equal(t, "2", version)

	require.NoError(t, update(one, state, time.Unix(0, 0), &detector.Update{State: "gone"}))
	encoded, err = state.MarshalBinary()
	require.NoError(t, err)
	before := snapshot(migrated)
	require.ErrorIs(t, migrated.UnmarshalBinary(encoded), detector.ErrState)
	require.Equal(t, before, snapshot(migrated))
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		model, err := detector.Load([]byte(wideModel), func(o *detector.Options) { o.Semantics.KeepInputsOnUpdate = keep })
		require.NoError(t, err)
		state := model.NewState()
		var message detector.Message
		var result detector.Result
		require.NoError(t, model.Read(&message, "A", []byte(`{"x":1}`)))
		trigger := detector.Trigger{At: time.Unix(10, 0), Message: &message}
		require.NoError(t, model.Evaluate(state, &trigger, &result))
		require.Len(t, state.AppendTimers(nil), 1)

		require.NoError(t, update(model, state, time.Unix(20, 0), &detector.Update{
			State: "a", Variables: []detector.Variable{{Name: "w", Value: detector.StringValue("x")}, {Name: "extra", Value: detector.IntegerValue(1)}},
			Timers: []detector.Timer{{Name: "more", Duration: time.Minute}},
		}))
		require.Equal(t, uint64(1), state.Evaluations(), "an update is no evaluation")
		require.Equal(t, detector.Undefined, state.Variable("v").Kind(), "what is not listed is cleared")
		require.Equal(t, []detector.Timer{{Name: "more", Due: time.Unix(80, 0).UTC(), Duration: time.Minute}}, state.AppendTimers(nil))
		require.Equal(t, time.Unix(10, 0).UTC(), state.Created())
		require.Equal(t, time.Unix(20, 0).UTC(), state.Updated())

		// The timer that only the update knows fires like any other.
		timer, ok := state.NextTimer()
		require.True(t, ok)
		require.NoError(t, model.Evaluate(state, &detector.Trigger{At: timer.Due, Timer: timer.Name, Due: timer.Due}, &result))
		require.Equal(t, keep, len(state.AppendTimers(nil)) == 2, "x == 1 holds only if inputs are kept")
	}
}

func TestUpdateErrors(t *testing.T) {
	t.Parallel()
	model := creating(t, wideModel)
	state := model.NewState()
	require.NoError(t, update(model, state, time.Unix(0, 0), &detector.Update{State: "b"}))
	before := snapshot(state)
	for message, u := range map[string]detector.Update{
		`model "wide" has no state "c"`:      {State: "c"},
		`"1x" is no variable name`:           {State: "a", Variables: []detector.Variable{{Name: "1x", Value: detector.IntegerValue(1)}}},
		`variable "x": want a Boolean`:       {State: "a", Variables: []detector.Variable{{Name: "x"}}},
		`timer name is 0 bytes long`:         {State: "a", Timers: []detector.Timer{{Duration: time.Minute}}},
		`timer "t": duration 500ms, want 1s`: {State: "a", Timers: []detector.Timer{{Name: "t", Duration: time.Second / 2}}},
		`timer "t": duration 8784h0m1s`:      {State: "a", Timers: []detector.Timer{{Name: "t", Duration: detector.MaxTimer + time.Second}}},
	} {
		err := update(model, state, time.Unix(1, 0), &u)
		require.ErrorIs(t, err, detector.ErrOperation)
		require.ErrorIs(t, err, iotenant.ErrInvalid)
		require.ErrorContains(t, err, message)
		require.Equal(t, before, snapshot(state))
	}
	other := mustLoad(t, wideModel)
	require.ErrorIs(t, update(other, state, time.Unix(1, 0), &detector.Update{State: "a"}), detector.ErrState)
	err := update(other, other.NewState(), time.Unix(1, 0), &detector.Update{State: "a"})
	require.ErrorIs(t, err, detector.ErrNoDetector)
	require.ErrorIs(t, err, iotenant.ErrNotFound)
}

func TestEvaluateErrors(t *testing.T) {
	t.Parallel()
	model, other := mustLoad(t, wideModel), mustLoad(t, wideModel)
	state := model.NewState()
	var message, foreign, refused detector.Message
	var result detector.Result
	require.NoError(t, model.Read(&message, "A", []byte(`{"x":1}`)))
	require.NoError(t, other.Read(&foreign, "A", []byte(`{"x":1}`)))
	require.ErrorIs(t, model.Read(&refused, "A", []byte(`{`)), detector.ErrPayload)
	require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(0, 0), Message: &message}, &result))
	before := snapshot(state)
	due := time.Unix(60, 0)
	for name, test := range map[string]struct {
		trigger detector.Trigger
		want    error
	}{
		"nothing":         {detector.Trigger{}, detector.ErrTrigger},
		"empty operation": {detector.Trigger{Operation: &detector.Operation{}}, detector.ErrOperation},
		"no update":       {detector.Trigger{Operation: &detector.Operation{Kind: detector.OperationUpdate}}, detector.ErrOperation},
		"for alarms":      {detector.Trigger{Operation: &detector.Operation{Kind: detector.OperationReset}}, detector.ErrOperation},
		"all":             {detector.Trigger{Message: &message, Operation: &detector.Operation{Kind: detector.OperationUpdate, Update: &detector.Update{State: "a"}}}, detector.ErrTrigger},
		"both":            {detector.Trigger{Message: &message, Timer: "t"}, detector.ErrTrigger},
		"foreign message": {detector.Trigger{Message: &foreign}, detector.ErrTrigger},
		"refused message": {detector.Trigger{Message: &refused}, detector.ErrTrigger},
		"unread message":  {detector.Trigger{Message: &detector.Message{}}, detector.ErrTrigger},
		"unknown timer":   {detector.Trigger{Timer: "x", Due: due}, detector.ErrTimer},
		"not running":     {detector.Trigger{Timer: "u", Due: due}, detector.ErrTimer},
		"other due":       {detector.Trigger{Timer: "t", Due: due.Add(1e6)}, detector.ErrTimer},
	} {
		err := model.Evaluate(state, &test.trigger, &result)
		require.ErrorIs(t, err, test.want, name)
		require.Equal(t, before, snapshot(state), name)
	}
	require.ErrorIs(t, detector.ErrTimer, iotenant.ErrConflict)
	require.ErrorIs(t, other.Evaluate(state, &detector.Trigger{Message: &foreign}, &result), detector.ErrState)
	require.NoError(t, model.Evaluate(state, &detector.Trigger{At: due, Timer: "t", Due: due}, &result))
	require.ErrorIs(t, model.Evaluate(state, &detector.Trigger{At: due, Timer: "t", Due: due}, &result), detector.ErrTimer, "fired twice")

	var zero detector.State
	_, err := zero.AppendBinary(nil)
	require.ErrorIs(t, err, detector.ErrState)
	require.ErrorIs(t, zero.UnmarshalBinary(nil), detector.ErrState)
}

// The same evaluation gives the same ids, any other evaluation others.
func TestActionIDs(t *testing.T) {
	t.Parallel()
	load := func(version, name string) *detector.Model {
		model, err := detector.Load([]byte(`{"detectorModelName":"`+name+`","detectorModelDefinition":{"initialStateName":"a","states":[{"stateName":"a","onInput":{"events":[{"eventName":"e","condition":"$input.I.v > 0",
			"actions":[{"sns":{"targetArn":"a"}},{"sns":{"targetArn":"a"}}]}]}}]}}`), func(o *detector.Options) { o.Version = version })
		require.NoError(t, err)
		return model
	}
	seen := map[string]string{}
	run := func(label, version, name, scope, key string, created int64) {
		model := load(version, name)
		state := model.NewState()
		var message detector.Message
		var result detector.Result
		require.NoError(t, model.Read(&message, "I", []byte(`{"v":1}`)))
		for i := range 3 {
			trigger := detector.Trigger{At: time.Unix(created+int64(i), 0), Scope: scope, Key: key, Message: &message}
			require.NoError(t, model.Evaluate(state, &trigger, &result))
			for _, action := range result.Actions {
				id := action.ID.String()
				require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, id)
				require.Contains(t, string(action.Payload), `"actionExecutionId":"`+id+`"`)
				place := fmt.Sprint(label, " ", i, " ", action.Index)
				require.Contains(t, []string{"", place}, seen[id])
				seen[id] = place
			}
		}
	}
	for range 2 {
		run("base", "1", "m", "acme", "k", 0)
		run("version", "2", "m", "acme", "k", 0)
		run("name", "1", "n", "acme", "k", 0)
		run("scope", "1", "m", "acm", "ek", 0)
		run("key", "1", "m", "acme", "l", 0)
		run("created again", "1", "m", "acme", "k", 1000)
	}
	require.Len(t, seen, 6*3*2)
}

// A tenant who makes up keys that look like parts of another's scope gets ids
// of its own.
func TestAttackActionIDsOfAnotherTenant(t *testing.T) {
	t.Parallel()
	model := mustLoad(t, boilerModel)
	ids := map[detector.ActionID]string{}
	for _, scope := range []string{"acme", "acme:", "acm", "acme\x00", ""} {
		for _, key := range []string{"k", "e:k", ":k", "\x00k", "acmek"} {
			var message detector.Message
			var result detector.Result
			require.NoError(t, model.Read(&message, "Boiler", []byte(`{"boiler":{"id":"b"},"temperature":99}`)))
			require.NoError(t, model.Evaluate(model.NewState(), &detector.Trigger{Scope: scope, Key: key, Message: &message}, &result))
			require.Len(t, result.Actions, 1)
			require.Empty(t, ids[result.Actions[0].ID])
			ids[result.Actions[0].ID] = scope + "/" + key
		}
	}
}

func TestDefaultPayload(t *testing.T) {
	t.Parallel()
	model, err := detector.Load([]byte(`{"detectorModelName":"motor \"1\"","detectorModelDefinition":{"initialStateName":"Normal","states":[{"stateName":"Normal",
		"onEnter":{"events":[{"eventName":"init","actions":[{"setVariable":{"variableName":"n","value":"3"}},{"setVariable":{"variableName":"d","value":"20.0"}},
			{"setVariable":{"variableName":"s","value":"'a\"b'"}},{"setTimer":{"timerName":"t","seconds":60}}]}]},
		"onInput":{"events":[{"eventName":"always","condition":"true","actions":[{"lambda":{"functionArn":"f"}}]},{"eventName":"i","condition":"$input.P.v == 9"}]}}]}}`), func(o *detector.Options) { o.Version = "4" })
	require.NoError(t, err)
	state := model.NewState()
	var message detector.Message
	var result detector.Result
	require.NoError(t, model.Read(&message, "P", []byte(`{}`)))
	trigger := detector.Trigger{At: time.UnixMilli(1558129925568), Key: "A32", Message: &message, MessageID: "00004"}
	require.NoError(t, model.Evaluate(state, &trigger, &result))
	require.Equal(t, `{"eventName":"always","eventTime":1558129925568,"payload":{"actionExecutionId":"`+result.Actions[0].ID.String()+`",`+
		`"detector":{"detectorModelName":"motor \"1\"","keyValue":"A32","detectorModelVersion":"4"},`+
		`"eventTriggerDetails":{"inputName":"P","messageId":"00004","triggerType":"Message"},`+
		`"state":{"stateName":"Normal","variables":{"d":20.0,"n":3,"s":"a\"b"},"timers":{"t":{"timestamp":1558129985568}}}}}`, string(result.Actions[0].Payload))

	timer, _ := state.NextTimer()
	require.NoError(t, model.Evaluate(state, &detector.Trigger{At: timer.Due, Timer: timer.Name, Due: timer.Due}, &result))
	payload := string(result.Actions[0].Payload)
	require.Contains(t, payload, `"eventTriggerDetails":{"triggerType":"Timer","timerName":"t"}`)
	require.NotContains(t, payload, "keyValue")

	bare, err := detector.Load([]byte(`{"initialStateName":"a","states":[{"stateName":"a","onEnter":{"events":[{"eventName":"s","actions":[{"setTimer":{"timerName":"t","seconds":60}}]}]},
		"onInput":{"events":[{"eventName":"e","condition":"$input.P.v != 9","actions":[{"sns":{"targetArn":"a"}}]}]}}]}`), func(o *detector.Options) { o.Semantics.BareTimerPayload = true })
	require.NoError(t, err)
	state = bare.NewState()
	require.NoError(t, bare.Read(&message, "P", []byte(`{}`)))
	require.NoError(t, bare.Evaluate(state, &detector.Trigger{At: time.Unix(0, 0), Message: &message}, &result))
	timer, _ = state.NextTimer()
	require.NoError(t, bare.Evaluate(state, &detector.Trigger{At: timer.Due, Timer: timer.Name, Due: timer.Due}, &result))
	require.Contains(t, string(result.Actions[0].Payload), `"eventTriggerDetails":{"triggerType":"Timer"}`)
}

// An error tells state, lifecycle, event, action and cause; a trace tells what
// was before.
func TestActionErrorsAndTrace(t *testing.T) {
	t.Parallel()
	model := mustLoad(t, `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"events":[{"eventName":"e","condition":"$input.I.v > 0","actions":[
		{"setTimer":{"timerName":"t","durationExpression":"$input.I.none * 60"}},{"setTimer":{"timerName":"t","durationExpression":"'60' + ''"}},{"setVariable":{"variableName":"v","value":"$input.I.v"}}]}]}}]}`)
	state := model.NewState()
	var message detector.Message
	result := detector.Result{Trace: true}
	for range 2 {
		require.NoError(t, model.Read(&message, "I", []byte(`{"v":1}`)))
		require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(5, 0), Message: &message}, &result))
	}
	require.Len(t, result.Errors, 2)
	require.Equal(t, detector.ActionError{
		Level: detector.LevelError, StateName: "a", Lifecycle: detector.OnInput, EventName: "e", Kind: detector.ActionSetTimer,
		Path:    "states[0].onInput.events[0].actions[0].setTimer",
		Message: "Your duration expression for the timer named `t` could not be evaluated. Check the variable names, input names, and paths to the data: $input.I.none is undefined",
	}, result.Errors[0])
	require.ErrorContains(t, &result.Errors[1], "actions[1].setTimer: Your duration expression for the timer named `t` could not be evaluated to a number")
	require.Equal(t, []detector.Variable{{Name: "v", Value: detector.IntegerValue(1)}}, result.VariablesBefore)
	require.Equal(t, uint64(2), result.Number)
	require.Equal(t, time.Unix(5, 0), result.At)
	require.False(t, result.Created)
}

// Values that outlive an evaluation are no views of its buffers.
func TestOwnership(t *testing.T) {
	t.Parallel()
	model := mustLoad(t, `{"key":"id","detectorModelDefinition":{"initialStateName":"a","states":[{"stateName":"a","onInput":{"events":[{"eventName":"e","condition":"$input.I.s != 1","actions":[
		{"setVariable":{"variableName":"v","value":"$input.I.s"}},{"setVariable":{"variableName":"w","value":"'<' + $input.I.s + '${$input.I.s}'"}},
		{"iotTopicPublish":{"mqttTopic":"$input.I.s"}},{"dynamoDB":{"tableName":"$input.I.s + 'x'","hashKeyField":"'k'","hashKeyValue":"$input.I.s"}}]}]}}]}}`)
	state := model.NewState()
	var message detector.Message
	var result detector.Result
	run := func(text string) {
		payload := []byte(`{"id":"k","s":"` + text + `"}`)
		require.NoError(t, model.Read(&message, "I", payload))
		for i := range payload {
			payload[i] = '#'
		}
		require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(0, 0), Key: "k", Message: &message}, &result))
	}
	run("first")
	v, w, topic, table, field := state.Variable("v"), state.Variable("w"), result.Actions[0].Target, result.Actions[1].Target, result.Actions[1].Field("hashKeyValue")
	run("OTHER")
	require.Equal(t, []string{"first", "<firstfirst", "first", "firstx", "first"}, []string{v.Text(), w.Text(), topic, table, field.Text()})
	require.Equal(t, "<OTHEROTHER", state.Variable("w").Text())
	require.Equal(t, detector.Undefined, result.Actions[1].Field("none").Kind())
}

// A message that changes nothing costs no memory, one that changes a number or
// delivers a default payload neither.
func TestNoAllocations(t *testing.T) {
	model := mustLoad(t, `{"key":"id","detectorModelDefinition":{"initialStateName":"a","states":[{"stateName":"a","onInput":{"events":[
		{"eventName":"text","condition":"startsWith($input.I.s, 'te') && $input.I.s + '!' != '${$input.I.n}' && $input.I.s == 'text'","actions":[
			{"setVariable":{"variableName":"n","value":"$input.I.n + 1"}},{"setVariable":{"variableName":"s","value":"$input.I.s"}},{"setTimer":{"timerName":"t","seconds":60}},
			{"sns":{"targetArn":"arn:a"}},{"sns":{"targetArn":"arn:b","payload":{"type":"JSON","contentExpression":"'{\"n\":${$input.I.n}}'"}}}]},
		{"eventName":"fails","condition":"$input.I.s > 5"},{"eventName":"undefined","condition":"$input.I.none > 5"}]}}]}}`)
	state := model.NewState()
	var message detector.Message
	var result detector.Result
	trigger := detector.Trigger{At: time.Unix(0, 0), Key: "k", Message: &message}
	payloads := [][]byte{[]byte(`{"id":"k","s":"text","n":1,"\u006fther":"\u0041"}`), []byte(`{"id":"k","s":"\u0074ext","n":2.5}`)}
	i := 0
	require.Zero(t, testing.AllocsPerRun(100, func() {
		i++
		if model.Read(&message, "I", payloads[i%2]) != nil || model.Evaluate(state, &trigger, &result) != nil || len(result.Actions) != 2 {
			panic("refused")
		}
	}))
}

func FuzzUnmarshalState(f *testing.F) {
	model := mustLoad(f, wideModel)
	state := model.NewState()
	var message detector.Message
	var result detector.Result
	add := func() {
		encoded, err := state.MarshalBinary()
		require.NoError(f, err)
		f.Add(encoded)
	}
	add()
	require.NoError(f, model.Read(&message, "A", []byte(`{"x":1,"y":[1,2,{"z":"text"}]}`)))
	require.NoError(f, model.Evaluate(state, &detector.Trigger{At: time.Unix(1, 0), Message: &message}, &result))
	add()
	require.NoError(f, update(model, state, time.Unix(2, 0), &detector.Update{State: "b", Variables: []detector.Variable{{Name: "x", Value: detector.DecimalValue(1.5)}, {Name: "v", Value: detector.StringValue("s")}},
		Timers: []detector.Timer{{Name: "x", Duration: time.Hour}}}))
	add()
	f.Fuzz(func(t *testing.T, data []byte) {
		state := model.NewState()
		if err := state.UnmarshalBinary(data); err != nil {
			require.ErrorIs(t, err, detector.ErrState)
			require.Empty(t, state.Name())
			return
		}
		_, err := detector.StateVersion(data)
		require.NoError(t, err)
		// What was read can be written, read and evaluated.
		encoded, err := state.MarshalBinary()
		require.NoError(t, err)
		require.NoError(t, model.NewState().UnmarshalBinary(encoded))
		var message detector.Message
		require.NoError(t, model.Read(&message, "B", []byte(`{"s":"x"}`)))
		require.NoError(t, model.Evaluate(state, &detector.Trigger{Message: &message}, &detector.Result{}))
	})
}

func TestLongPayloads(t *testing.T) {
	t.Parallel()
	model, err := detector.Load([]byte(conditionModel), func(o *detector.Options) { o.MaxDepth = 5 })
	require.NoError(t, err)
	var message detector.Message
	nested := func(n int) []byte {
		return []byte(`{"a":` + strings.Repeat(`[{"b":`, n) + `1` + strings.Repeat(`}]`, n) + `}`)
	}
	require.NoError(t, model.Read(&message, "PressureInput", nested(2)))
	require.ErrorIs(t, model.Read(&message, "PressureInput", nested(3)), detector.ErrPayload)
	model = mustLoad(t, conditionModel)
	require.ErrorContains(t, model.Read(&message, "PressureInput", nested(1_000_000)), "nests too deep")
}

func TestDebugRecord(t *testing.T) {
	t.Parallel()
	model := mustLoad(t, boilerModel)
	state := model.NewState()
	var message detector.Message
	result := detector.Result{Trace: true}
	require.NoError(t, model.Read(&message, "Boiler", []byte(`{"boiler":{"id":"b"}, "temperature":99}`)))
	trigger := detector.Trigger{At: time.UnixMilli(1552665389412), Key: "b", Message: &message, MessageID: "m_1"}
	require.NoError(t, model.Evaluate(state, &trigger, &result))
	require.JSONEq(t, `{"timestamp":"2019-03-15T15:56:29.412Z","level":"DEBUG","logMessage":"Summary of message evaluation","context":"MessageEvaluation","status":"Success",
		"messageId":"m_1","keyValue":"b","detectorModelName":"boiler","initialState":"normal","initialVariables":{},"finalState":"hot","finalVariables":{"count":1},
		"message":"{\"boiler\":{\"id\":\"b\"}, \"temperature\":99}","messageType":"CUSTOMER_MESSAGE","conditionEvaluationResults":[
		{"result":"True","eventName":"init","state":"normal","lifeCycle":"OnEnter","hasTransition":false},
		{"result":"True","eventName":"too hot","state":"normal","lifeCycle":"OnInput","hasTransition":true},
		{"result":"True","eventName":"alert","state":"hot","lifeCycle":"OnEnter","hasTransition":false}]}`, string(result.AppendDebug(nil, state, &trigger)))

	timer, _ := state.NextTimer()
	trigger = detector.Trigger{At: timer.Due, Timer: timer.Name, Due: timer.Due}
	require.NoError(t, model.Evaluate(state, &trigger, &result))
	require.JSONEq(t, `{"timestamp":"2019-03-15T16:01:29.412Z","level":"DEBUG","logMessage":"Summary of message evaluation","context":"MessageEvaluation","status":"Success",
		"detectorModelName":"boiler","initialState":"hot","initialVariables":{"count":1},"finalState":"hot","finalVariables":{"count":1},
		"timerName":"escalate","messageType":"TIMER_MESSAGE","conditionEvaluationResults":[
		{"result":"True","eventName":"escalation","state":"hot","lifeCycle":"OnInput","hasTransition":false},
		{"result":"False","eventName":"cool","state":"hot","lifeCycle":"OnInput","hasTransition":true}]}`, string(result.AppendDebug(nil, state, &trigger)))
}

// One model, many goroutines, each with states of its own.
func TestModelIsSharedByGoroutines(t *testing.T) {
	t.Parallel()
	model := mustLoad(t, debounceModel)
	text, ends := job(40_000)
	want := runHandJob(text, ends)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if got := runJob(model, text, ends); got != want {
				t.Errorf("got %d alerts, want %d", got, want)
			}
		})
	}
	group.Wait()
}
