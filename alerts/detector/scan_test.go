package detector_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/detector"
)

// scanModel reads some attributes, among them nested and repeated ones, and
// keeps them in variables.
const scanModel = `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"events":[{"eventName":"e","condition":"currentInput('I')","actions":[
	{"setVariable":{"variableName":"a","value":"$input.I.a"}},{"setVariable":{"variableName":"ab","value":"$input.I.a.b"}},{"setVariable":{"variableName":"l1","value":"$input.I.l[1]"}},
	{"setVariable":{"variableName":"l0x","value":"$input.I.l[0].x"}},{"setVariable":{"variableName":"pressure","value":"$input.I.sensorData.pressure"}},{"setVariable":{"variableName":"status","value":"$input.I.status"}}]}]}}]}`

var scanSeeds = []string{
	`{}`, ` { } `, `{"a":1}`, `{"a":{"b":2}}`, `{"a":{"b":2},"a":3}`, `{"a":3,"a":{"b":[]}}`, `{"l":[{"x":"s"},true]}`, `{"l":[1],"l":[1,2,3]}`, `{"\u0061":"\ud83d\ude00\\\/\b\f\n\r\t\""}`,
	`{"a":-0.0,"status":1e-400,"l":[1e400,123456789012345678901234567890]}`, `{"a":0.1234567890123456789,"status":9223372036854775808}`, `{"a":"é"}`, `{"a":"\ud800"}`, `{"a":nul}`, `{"a":01}`, `{"a":1.}`, `{"a":+1}`,
	`{"a":1,}`, `{"a" 1}`, `{a:1}`, `[1]`, `1`, ``, `{"a":"`, `{"a":[1,]}`, `{"a":tru}`, "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}", `{"a":1}x`, `{"a":-}`, `{"a":1e}`, `{"a":[[[[{}]]]]}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, "{\"a\":\t1\r\n}",
}

// The scanner accepts what json.Valid accepts, if it is an object in UTF-8 and
// not too deep, and reads what encoding/json reads.
func checkScan(t testing.TB, model *detector.Model, data []byte) {
	t.Helper()
	var message detector.Message
	err := model.Read(&message, "I", data)
	trimmed := strings.TrimLeft(string(data), " \t\r\n")
	valid := json.Valid(data) && utf8.Valid(data) && strings.HasPrefix(trimmed, "{")
	if err != nil {
		require.ErrorIs(t, err, detector.ErrPayload)
		if valid && !strings.Contains(err.Error(), "nests too deep") {
			t.Fatalf("refused %q: %v", data, err)
		}
		return
	}
	require.True(t, valid, "accepted %q", data)
	var result detector.Result
	state := model.NewState()
	require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(0, 0), Message: &message}, &result))
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber()
	var root any
	require.NoError(t, decoder.Decode(&root))
	for name, path := range map[string][]any{"a": {"a"}, "ab": {"a", "b"}, "l1": {"l", 1}, "l0x": {"l", 0, "x"}, "pressure": {"sensorData", "pressure"}, "status": {"status"}} {
		require.Equal(t, reference(root, path), describeValue(state.Variable(name)), "%s of %q", name, data)
	}
}

func describeValue(v detector.Value) string { return v.Kind().String() + " " + v.String() }

// reference returns what encoding/json finds at the path.
func reference(value any, path []any) string {
	const none = "undefined undefined"
	for _, step := range path {
		switch step := step.(type) {
		case string:
			members, ok := value.(map[string]any)
			if !ok {
				return none
			}
			if value, ok = members[step]; !ok {
				return none
			}
		case int:
			list, ok := value.([]any)
			if !ok || step >= len(list) {
				return none
			}
			value = list[step]
		}
	}
	switch value := value.(type) {
	case bool:
		return fmt.Sprintf("Boolean %v", value)
	case string:
		return "String " + value
	case json.Number:
		if i, err := strconv.ParseInt(value.String(), 10, 64); err == nil {
			return fmt.Sprintf("Integer %d", i)
		}
		if f, err := value.Float64(); err == nil {
			return "Decimal " + detector.DecimalValue(f).String()
		}
	}
	return none
}

func TestScanSeeds(t *testing.T) {
	t.Parallel()
	model := mustLoad(t, scanModel)
	for _, seed := range scanSeeds {
		checkScan(t, model, []byte(seed))
	}
}

// Every change of one byte of a telemetry message.
func TestScanMutations(t *testing.T) {
	t.Parallel()
	model := mustLoad(t, scanModel)
	payload := []byte(`{"id":"d\u0041-é","t":true,"n":null,"f":-12.5e+3,"l":[{"x":1.5},"\"x\""],"a":{"b":[0,-7]},"sensorData":{"pressure":68.17},"status":"running now"}`)
	for i := range payload {
		for _, c := range []byte("\"\\{}[],:0123456789eE+-.tfnulrasx/ \n\t\x00\x1f\x7f\x80\xc3\xff") {
			changed := append([]byte(nil), payload...)
			changed[i] = c
			checkScan(t, model, changed)
		}
		checkScan(t, model, payload[:i])
		checkScan(t, model, append(append([]byte(nil), payload[:i]...), payload[i+1:]...))
	}
}

func FuzzScan(f *testing.F) {
	for _, seed := range scanSeeds {
		f.Add([]byte(seed))
	}
	f.Add(telemetry(nil, 1, 1, 71.5))
	model := mustLoad(f, scanModel)
	f.Fuzz(func(t *testing.T, data []byte) { checkScan(t, model, data) })
}

// More members than are compared one by one.
func TestScanManyMembers(t *testing.T) {
	t.Parallel()
	var actions, members []string
	for i := range 40 {
		actions = append(actions, fmt.Sprintf(`{"setVariable":{"variableName":"v%d","value":"$input.I.m%d"}}`, i, i))
		members = append(members, fmt.Sprintf(`"m%d":%d`, i, i))
	}
	model := mustLoad(t, `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"events":[{"eventName":"e","condition":"currentInput('I')","actions":[`+strings.Join(actions, ",")+`]}]}}]}`)
	var message detector.Message
	var result detector.Result
	state := model.NewState()
	require.NoError(t, model.Read(&message, "I", []byte(`{`+strings.Join(members, ",")+`,"m3":33}`)))
	require.NoError(t, model.Evaluate(state, &detector.Trigger{Message: &message}, &result))
	require.Empty(t, result.Errors)
	require.Equal(t, int64(39), state.Variable("v39").Int())
	require.Equal(t, int64(33), state.Variable("v3").Int())
}

// A refused payload is told where and why.
func TestScanErrors(t *testing.T) {
	t.Parallel()
	model := mustLoad(t, scanModel)
	for payload, want := range map[string]string{
		``:                   "empty",
		` `:                  "empty",
		`[]`:                 "byte 0: want an object",
		`{"a":1}}`:           "byte 7: data after the object",
		`{"x":"abc`:          "byte 9: string does not end",
		"{\"x\":\"a\nb\"}":   "byte 7: control character in a string",
		`{"x":"a\qb"}`:       "byte 7: wrong escape in a string",
		"{\"a\":\"a\xc3(\"}": "byte 7: not UTF-8",
		`{"x":1.}`:           "byte 7: want a digit",
		`{"a":1.}`:           "byte 7: want a digit",
		`{"a":1e+}`:          "byte 8: want a digit",
		`{"a":-}`:            "byte 6: want a digit",
		`{"a":01}`:           "byte 5: want a value",
		`{"a":}`:             "byte 5: want a value",
		`{"a":`:              "byte 5: want a value",
		`{"x":`:              "byte 5: want a value",
		`{"x":{"y":1 "z"`:    "byte 12: want ',' or '}'",
		`{"x":{"y" 1}}`:      "byte 10: want ':'",
		`{"x":{1}}`:          "byte 6: want a member name",
		`{"x":{"y":1`:        "byte 11: object does not end",
		`{"x":[1 2]}`:        "byte 8: want ',' or ']'",
		`{"l":[1 2]}`:        "byte 8: want ',' or ']'",
		`{"l":[1`:            "byte 7: array does not end",
		`{"x":[1`:            "byte 7: array does not end",
		`{"a":1 "b"}`:        "byte 7: want ',' or '}'",
		`{"a" "b"}`:          "byte 5: want ':'",
		`{"a":1`:             "byte 6: object does not end",
		`{,}`:                "byte 1: want a member name",
		`{"x":tru}`:          "byte 5: want a value",
	} {
		var message detector.Message
		err := model.Read(&message, "I", []byte(payload))
		require.EqualError(t, err, "detector: invalid payload: "+want, payload)
		require.Empty(t, message.Key())
		require.Equal(t, payload, string(message.Payload()))
	}
}
