package shadow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/shadow"
)

var start = time.Unix(1_800_000_000, 0).UTC()

// update applies a request that must be accepted.
func update(t require.TestingT, rules shadow.Rules, state shadow.State, at time.Time, request string) shadow.Change {
	parsed, err := rules.ParseRequest([]byte(request))
	require.NoError(t, err, request)
	change, err := rules.Update(state, parsed, at)
	require.NoError(t, err, request)
	return change
}

// updated applies requests, one second after the other, from nothing.
func updated(t require.TestingT, rules shadow.Rules, requests ...string) shadow.State {
	var state shadow.State
	for i, request := range requests {
		state = update(t, rules, state, start.Add(time.Duration(i)*time.Second), request).Current
	}
	return state
}

func sections(desired, reported string) string {
	return `{"state":{"desired":` + desired + `,"reported":` + reported + `}}`
}

func requireJSON(t require.TestingT, want string, got []byte) {
	if want == "" {
		require.Nil(t, got)
		return
	}
	require.JSONEq(t, want, string(got))
}

func TestDelta(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ desired, reported, delta string }{
		// Answered so by AWS.
		{`{"online":true}`, `{"online":false}`, `{"online":true}`},
		{`{"enabled":true}`, `{"online":false,"enabled":true}`, ``},
		{`{"enabled":true}`, `{}`, `{"enabled":true}`},
		{`{"list":["v1"]}`, `{"list":["v1","v2"]}`, `{"list":["v1"]}`},
		{`{"list":["v1","v3"]}`, `{"list":["v1","v2"]}`, `{"list":["v1","v3"]}`},
		{`{"list":[["v1"]]}`, `{"list":[["v1"],["v2"]]}`, `{"list":[["v1"]]}`},
		{`{"a":{"b":["c","d"]}}`, `{"a":{"b":["d"]}}`, `{"a":{"b":["c","d"]}}`},
		{`{"a":{"b":{"c":"d2"}}}`, `{"a":{"b":{"c":"d","e":"f"}}}`, `{"a":{"b":{"c":"d2"}}}`},
		{`{"a1":{"b1":{"c":"d"}},"a2":{"b2":"sth"}}`, `{"a1":{"b1":{"c":"d"}}}`, `{"a2":{"b2":"sth"}}`},
		{`{"a":{"b1":{"c":"d"},"b2":"sth"}}`, `{"a":{"b1":{"c":"d"}}}`, `{"a":{"b2":"sth"}}`},
		{`{"a":1,"b":{"c":{}},"d":{}}`, `null`, `{"a":1,"b":{"c":{}},"d":{}}`},
		// By the same rules.
		{`null`, `{"a":1}`, ``},
		{`{"a":{}}`, `{"a":{"b":1}}`, ``},
		{`{"a":{}}`, `{"a":1}`, `{"a":{}}`},
		{`{"a":1}`, `{"a":{"b":1}}`, `{"a":1}`},
		{`{"a":[1,{"x":1,"y":[2]}]}`, `{"a":[1,{"y":[2],"x":1}]}`, ``},
		{`{"a":[1,2]}`, `{"a":[2,1]}`, `{"a":[1,2]}`},
		{`{"a":"1"}`, `{"a":1}`, `{"a":"1"}`},
		{`{"a":true}`, `{"a":"true"}`, `{"a":true}`},
		{`{"a":""}`, `{"b":""}`, `{"a":""}`},
		{`{"\u0061":"\u00e9\/"}`, `{"a":"é/"}`, ``},
		{`{"a":"\ud83d\ude00"}`, `{"a":"😀"}`, ``},
		{`{"z":1,"y":2,"x":3}`, `{"y":2,"x":3,"z":1}`, ``},
		{`{"a":1,"a":2}`, `{"a":2}`, ``},
	} {
		t.Run(c.desired+c.reported, func(t *testing.T) {
			t.Parallel()
			state := updated(t, shadow.Rules{}, sections(c.desired, c.reported))
			requireJSON(t, c.delta, shadow.Rules{}.Delta(state))

			split := updated(t, shadow.Rules{}, sections(c.desired, "{}"), sections("{}", c.reported))
			requireJSON(t, c.delta, shadow.Rules{}.Delta(split))
		})
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b  string
		equal bool
	}{
		{"1", "1.0", true},
		{"1", "10e-1", true},
		{"100", "1E+2", true},
		{"0.001", "1e-3", true},
		{"0", "-0.0e7", true},
		{"0e999999999999999999", "0", true},
		{"-1.50", "-1.5", true},
		{"1", "-1", false},
		{"9007199254740993", "9007199254740992", false},
		{"0.1", "0.1000000000000000055511151231257827", false},
		{"1e400", "1e401", false},
		{"1e99999999999999999999", "1e99999999999999999999", true},
		{"1e99999999999999999999", "1e99999999999999999998", false},
		{"123456789012345678901234567890", "123456789012345678901234567890.00", true},
	} {
		state := updated(t, shadow.Rules{}, sections(`{"n":`+c.a+`}`, `{"n":`+c.b+`}`))
		require.Equal(t, c.equal, shadow.Rules{}.Delta(state) == nil, "%s and %s", c.a, c.b)
		exact := shadow.Rules{ExactNumbers: true}
		require.Equal(t, c.a == c.b, exact.Delta(state) == nil, "%s and %s exactly", c.a, c.b)
		require.Equal(t, `{"n":`+c.a+`}`, string(state.Desired()), "the text is kept")
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, patch, after string }{
		{`{"a":1}`, `{"b":2}`, `{"a":1,"b":2}`},
		{`{"a":1,"b":2}`, `{"a":null}`, `{"b":2}`},
		{`{"a":{"b":1,"c":2}}`, `{"a":{"b":3}}`, `{"a":{"b":3,"c":2}}`},
		{`{"a":[1,2,3]}`, `{"a":[4]}`, `{"a":[4]}`},
		{`{"a":[{"x":1}]}`, `{"a":[{"y":2}]}`, `{"a":[{"y":2}]}`},
		{`{"a":{"b":1}}`, `{"a":7}`, `{"a":7}`},
		{`{"a":7}`, `{"a":{"b":1}}`, `{"a":{"b":1}}`},
		{`{"a":{"b":1}}`, `{"a":{}}`, `{"a":{"b":1}}`},
		{`{"a":1}`, `{"d":{}}`, `{"a":1,"d":{}}`},
		{`{"a":1}`, `{"d":{"e":null,"f":1}}`, `{"a":1,"d":{"f":1}}`},
		{`{"a":1}`, `{"x":{"y":null}}`, `{"a":1}`},
		{`{"a":{"b":{"c":1}},"k":1}`, `{"a":{"b":{"c":null}}}`, `{"k":1}`},
		{`{"a":1}`, `{"a":null}`, ``},
		{`{"a":1}`, `null`, ``},
		{`{"a":1}`, `{}`, `{"a":1}`},
		{`{}`, `{}`, ``},
		{`{"a":[]}`, `{"a":[[]]}`, `{"a":[[]]}`},
	} {
		t.Run(c.before+c.patch, func(t *testing.T) {
			t.Parallel()
			state := updated(t, shadow.Rules{}, `{"state":{"desired":`+c.before+`}}`, `{"state":{"desired":`+c.patch+`}}`)
			requireJSON(t, c.after, state.Desired())
			require.Nil(t, state.Reported())
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	nested := func(n int) string {
		return strings.Repeat(`{"a":`, n-1) + `{}` + strings.Repeat(`}`, n-1)
	}
	for _, c := range []struct {
		name, request string
		code          int
		message       string
		kind          error
	}{
		{"empty", ``, 400, "Invalid JSON", shadow.ErrRequest},
		{"no JSON", `{"state":`, 400, "Invalid JSON", shadow.ErrRequest},
		{"two values", `{"state":{}}{}`, 400, "Invalid JSON", shadow.ErrRequest},
		{"leading zero", `{"state":{"desired":{"a":01}}}`, 400, "Invalid JSON", shadow.ErrRequest},
		{"control character", "{\"state\":{\"desired\":{\"a\":\"\n\"}}}", 400, "Invalid JSON", shadow.ErrRequest},
		{"byte order mark", "\ufeff{\"state\":{}}", 400, "Invalid JSON", shadow.ErrRequest},
		{"not UTF-8", "{\"state\":{\"desired\":{\"a\":\"\xff\"}}}", 415, "Unsupported documented encoding; supported encoding is UTF-8", shadow.ErrEncoding},
		{"no state", `{}`, 400, "Missing required node: state", shadow.ErrRequest},
		{"no object", `[]`, 400, "Missing required node: state", shadow.ErrRequest},
		{"state is text", `{"state":"on"}`, 400, "State node must be an object", shadow.ErrRequest},
		{"state is a list", `{"state":[]}`, 400, "State node must be an object", shadow.ErrRequest},
		{"other section", `{"state":{"foo":{}}}`, 400, "State contains an invalid node", shadow.ErrRequest},
		{"delta", `{"state":{"delta":{"a":1}}}`, 400, "State contains an invalid node", shadow.ErrRequest},
		{"desired is a number", `{"state":{"desired":1}}`, 400, "Desired node must be an object", shadow.ErrRequest},
		{"reported is a list", `{"state":{"reported":[]}}`, 400, "Reported node must be an object", shadow.ErrRequest},
		{"token is a number", `{"state":{},"clientToken":1}`, 400, "Invalid clientToken", shadow.ErrRequest},
		{"token is null", `{"state":{},"clientToken":null}`, 400, "Invalid clientToken", shadow.ErrRequest},
		{"token of 65 bytes", `{"state":{},"clientToken":"` + strings.Repeat("x", 65) + `"}`, 400, "Invalid clientToken", shadow.ErrRequest},
		{"token of 65 bytes in 64 characters", `{"state":{},"clientToken":"` + strings.Repeat("x", 63) + `é"}`, 400, "Invalid clientToken", shadow.ErrRequest},
		{"version is text", `{"state":{},"version":"1"}`, 400, "Invalid version", shadow.ErrRequest},
		{"version is null", `{"state":{},"version":null}`, 400, "Invalid version", shadow.ErrRequest},
		{"version is a fraction", `{"state":{},"version":1.5}`, 400, "Invalid version", shadow.ErrRequest},
		{"version is beyond 64 bits", `{"state":{},"version":99999999999999999999}`, 400, "Invalid version", shadow.ErrRequest},
		{"9 levels", `{"state":{"desired":` + nested(9) + `}}`, 400, "JSON contains too many levels of nesting; maximum is 8", shadow.ErrRequest},
		{"9 levels with a list", `{"state":{"desired":{"a":[[[[[[[[]]]]]]]]}}}`, 400, "JSON contains too many levels of nesting; maximum is 8", shadow.ErrRequest},
		{"beyond all levels", `{"state":{"desired":` + nested(100_000) + `}}`, 400, "JSON contains too many levels of nesting; maximum is 8", shadow.ErrRequest},
		{"null in a list", `{"state":{"desired":{"a":[1,null]}}}`, 400, "Arrays must not contain null", shadow.ErrRequest},
		{"null in an object in a list", `{"state":{"desired":{"a":[{"b":null}]}}}`, 400, "Arrays must not contain null", shadow.ErrRequest},
		{"another version", `{"state":{},"version":1}`, 409, "Version conflict", shadow.ErrVersion},
		{"negative version", `{"state":{},"version":-1}`, 409, "Version conflict", shadow.ErrVersion},
		{"8 KB and a byte", `{"state":{"desired":{"a":"` + strings.Repeat("x", 8<<10-len(`{"a":""},"reported":{"b":1}`)+len(`,"reported":`)+1) + `"},"reported":{"b":1}}}`, 413, "The payload exceeds the maximum size allowed", shadow.ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			state := updated(t, shadow.Rules{}, `{"state":{}}`, `{"state":{}}`)
			request, err := shadow.Rules{}.ParseRequest([]byte(c.request))
			if err == nil {
				_, err = shadow.Rules{}.Update(state, request, start)
			}
			var refusal *shadow.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, shadow.Error{Code: c.code, Message: c.message}, *refusal)
			require.ErrorIs(t, err, c.kind)
			require.Error(t, iotenant.KindOf(err))
		})
	}
}

func TestLimitsAreInclusive(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"8 levels":                   `{"state":{"desired":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}}}`,
		"8 levels of lists":          `{"state":{"desired":{"a":[[[[[[[]]]]]]]}}}`,
		"8 KB":                       `{"state":{"desired":{"a":"` + strings.Repeat("x", 8<<10-len(`{"a":""}`)) + `"}}}`,
		"token of 64 bytes":          `{"state":{},"clientToken":"` + strings.Repeat("x", 64) + `"}`,
		"white space counts nothing": `{"state":{"desired":` + strings.Repeat(" ", 9<<10) + `{"a":1}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			updated(t, shadow.Rules{}, request)
		})
	}
}

// The limit is one of the whole state, not of a request.
func TestSizeCountsWhatIsThere(t *testing.T) {
	t.Parallel()
	half := strings.Repeat("x", 5<<10)
	state := updated(t, shadow.Rules{}, `{"state":{"desired":{"a":"`+half+`"}}}`)
	request, err := shadow.Rules{}.ParseRequest([]byte(`{"state":{"reported":{"a":"` + half + `"}}}`))
	require.NoError(t, err)
	_, err = shadow.Rules{}.Update(state, request, start)
	require.ErrorIs(t, err, shadow.ErrTooLarge)
	_, err = shadow.Rules{MaxSize: 30 << 10}.Update(state, request, start)
	require.NoError(t, err)
	update(t, shadow.Rules{}, state, start, `{"state":{"desired":null,"reported":{"a":"`+half+`"}}}`)
}

func TestTokenBesideRefusal(t *testing.T) {
	t.Parallel()
	request, err := shadow.Rules{}.ParseRequest([]byte(`{"clientToken":"t-\u0041\n\"","state":7}`))
	require.Error(t, err)
	require.Equal(t, "t-A\n\"", request.ClientToken)
	var refusal *shadow.Error
	require.ErrorAs(t, err, &refusal)
	require.JSONEq(t, `{"code":400,"message":"State node must be an object","timestamp":1800000000,"clientToken":"t-A\n\""}`,
		string(refusal.Rejected(start, request.ClientToken)))
	require.Equal(t, `{"code":404,"message":"Thing not found"}`, string(shadow.NoThing().Rejected(start, "")))
}

func TestClientToken(t *testing.T) {
	t.Parallel()
	require.Equal(t, "x", shadow.ClientToken([]byte(`{"clientToken":"x","any":1}`)))
	for _, payload := range []string{``, `{`, `[]`, `{"clientToken":1}`, `"clientToken"`, "{\"clientToken\":\"\xff\"}"} {
		require.Empty(t, shadow.ClientToken([]byte(payload)), payload)
	}
}

func TestSequences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		requests []string
		document string // without version and timestamps
	}{
		{"null of nothing", []string{`{"state":{"reported":{"online":null}}}`}, `{"state":{},"metadata":{}}`},
		{"empty section", []string{`{"state":{"desired":{}}}`}, `{"state":{},"metadata":{}}`},
		{"last member removed", []string{`{"state":{"desired":{"a":1},"reported":{"b":2}}}`, `{"state":{"desired":{"a":null}}}`}, `{"state":{"reported":{"b":2}},"metadata":{"reported":{"b":{"timestamp":1800000000}}}}`},
		{"state null clears all", []string{`{"state":{"desired":{"a":1},"reported":{"b":2}}}`, `{"state":null}`}, `{"state":{},"metadata":{}}`},
		{"update after null", []string{`{"state":null}`, `{"state":{"desired":{"a":1}}}`}, `{"state":{"desired":{"a":1},"delta":{"a":1}},"metadata":{"desired":{"a":{"timestamp":1800000001}}}}`},
		{"times of what is touched", []string{
			`{"state":{"desired":{"a":1,"b":{"c":1,"d":[1,[2,{"e":3}],[]]},"f":{}}}}`,
			`{"state":{"desired":{"a":1,"b":{"c":2}}}}`,
			`{"state":{"reported":{"g":[]}}}`,
		}, `{
			"state": {"desired":{"a":1,"b":{"c":2,"d":[1,[2,{"e":3}],[]]},"f":{}},"reported":{"g":[]},"delta":{"a":1,"b":{"c":2,"d":[1,[2,{"e":3}],[]]},"f":{}}},
			"metadata": {
				"desired": {
					"a": {"timestamp":1800000001},
					"b": {"c":{"timestamp":1800000001},"d":[{"timestamp":1800000000},[{"timestamp":1800000000},{"e":{"timestamp":1800000000}}],[]]},
					"f": {}
				},
				"reported": {"g":[]}
			}
		}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			state := updated(t, shadow.Rules{}, c.requests...)
			end := fmt.Sprintf(`,"version":%d,"timestamp":1800000000}`, len(c.requests))
			require.JSONEq(t, strings.TrimSuffix(strings.TrimSpace(c.document), "}")+end, string(shadow.Rules{}.Document(state, start, "")))
		})
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	state := updated(t, shadow.Rules{}, `{"state":{"desired":{"color":"red","rgb":[1,2]},"reported":{"color":"red"}}}`)
	change := update(t, shadow.Rules{}, state, start.Add(time.Minute), `{"state":{"desired":{"color":"blue","gone":null}},"clientToken":"c","version":1}`)
	require.JSONEq(t, `{
		"state":{"desired":{"color":"blue","gone":null}},
		"metadata":{"desired":{"color":{"timestamp":1800000060}}},
		"version":2,"timestamp":1800000060,"clientToken":"c"
	}`, string(change.Accepted()))
	require.JSONEq(t, `{
		"version":2,"timestamp":1800000060,
		"state":{"color":"blue","rgb":[1,2]},
		"metadata":{"color":{"timestamp":1800000060},"rgb":[{"timestamp":1800000000},{"timestamp":1800000000}]},
		"clientToken":"c"
	}`, string(change.Delta()))
	require.JSONEq(t, `{
		"previous":{
			"state":{"desired":{"color":"red","rgb":[1,2]},"reported":{"color":"red"}},
			"metadata":{"desired":{"color":{"timestamp":1800000000},"rgb":[{"timestamp":1800000000},{"timestamp":1800000000}]},"reported":{"color":{"timestamp":1800000000}}},
			"version":1
		},
		"current":{
			"state":{"desired":{"color":"blue","rgb":[1,2]},"reported":{"color":"red"}},
			"metadata":{"desired":{"color":{"timestamp":1800000060},"rgb":[{"timestamp":1800000000},{"timestamp":1800000000}]},"reported":{"color":{"timestamp":1800000000}}},
			"version":2
		},
		"timestamp":1800000060,"clientToken":"c"
	}`, string(change.Documents()))

	cleared := update(t, shadow.Rules{}, change.Current, start, `{"state":null}`)
	require.JSONEq(t, `{"state":null,"metadata":{"timestamp":1800000000},"timestamp":1800000000,"version":3}`, string(cleared.Accepted()))
	require.Nil(t, cleared.Delta())
	section := update(t, shadow.Rules{}, change.Current, start, `{"state":{"desired":null}}`)
	require.JSONEq(t, `{"state":{"desired":null},"metadata":{},"timestamp":1800000000,"version":3}`, string(section.Accepted()))
}

func TestVersions(t *testing.T) {
	t.Parallel()
	rules := shadow.Rules{}
	state := updated(t, rules, `{"state":null}`, `{"state":null,"version":1}`, `{"state":null}`)
	require.EqualValues(t, 3, state.Version())
	require.True(t, state.Exists())

	deleted := rules.Delete(state)
	require.False(t, deleted.Exists())
	require.EqualValues(t, 3, deleted.Version())
	require.JSONEq(t, `{"version":3,"timestamp":1800000000,"clientToken":"c"}`, string(rules.Deleted(deleted, start, "c")))

	for _, request := range []string{`{"state":{}}`, `{"state":{},"version":0}`, `{"state":{},"version":3}`} {
		require.EqualValues(t, 4, update(t, rules, deleted, start, request).Current.Version(), request)
	}
	request, err := rules.ParseRequest([]byte(`{"state":{},"version":2}`))
	require.NoError(t, err)
	_, err = rules.Update(deleted, request, start)
	require.ErrorIs(t, err, shadow.ErrVersion)
	require.EqualValues(t, 1, update(t, rules, shadow.State{}, start, `{"state":{},"version":0}`).Current.Version())
}

// Each open point of AWS's documentation: the default, and the other reading.
func TestOpenPoints(t *testing.T) {
	t.Parallel()
	refusal := func(rules shadow.Rules, state shadow.State, text string) string {
		request, err := rules.ParseRequest([]byte(text))
		if err == nil {
			_, err = rules.Update(state, request, start)
		}
		if refusal, ok := errors.AsType[*shadow.Error](err); ok {
			return refusal.Message
		}
		return ""
	}
	t.Run("MaxDepth", func(t *testing.T) {
		t.Parallel()
		const six = `{"state":{"desired":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}`
		require.Empty(t, refusal(shadow.Rules{MaxDepth: 6}, shadow.State{}, six))
		require.Equal(t, "JSON contains too many levels of nesting; maximum is 5", refusal(shadow.Rules{MaxDepth: 5}, shadow.State{}, six))
	})
	t.Run("ExactNumbers", func(t *testing.T) {
		t.Parallel()
		state := updated(t, shadow.Rules{}, sections(`{"a":[1]}`, `{"a":[1.0]}`))
		require.Nil(t, shadow.Rules{}.Delta(state))
		require.Equal(t, `{"a":[1]}`, string(shadow.Rules{ExactNumbers: true}.Delta(state)))
	})
	t.Run("KeepEmptied", func(t *testing.T) {
		t.Parallel()
		requests := []string{`{"state":{"desired":{"a":{"b":{"c":1}},"k":1}}}`, `{"state":{"desired":{"a":{"b":{"c":null}}}}}`}
		require.JSONEq(t, `{"k":1}`, string(updated(t, shadow.Rules{}, requests...).Desired()))
		require.JSONEq(t, `{"a":{"b":{}},"k":1}`, string(updated(t, shadow.Rules{KeepEmptied: true}, requests...).Desired()))
	})
	t.Run("OmitNulls", func(t *testing.T) {
		t.Parallel()
		const request = `{"state":{"desired":{"a":null,"b":{"c":null}},"reported":null}}`
		require.JSONEq(t, `{"state":{"desired":{"a":null,"b":{"c":null}},"reported":null},"metadata":{"desired":{"b":{}}},"version":1,"timestamp":1800000000}`,
			string(update(t, shadow.Rules{}, shadow.State{}, start, request).Accepted()))
		require.JSONEq(t, `{"state":{"desired":{"b":{}}},"metadata":{"desired":{"b":{}}},"version":1,"timestamp":1800000000}`,
			string(update(t, shadow.Rules{OmitNulls: true}, shadow.State{}, start, request).Accepted()))
	})
	t.Run("QuietDelta", func(t *testing.T) {
		t.Parallel()
		for _, request := range []string{`{"state":{}}`, `{"state":{"desired":{"a":1}}}`} {
			state := updated(t, shadow.Rules{}, `{"state":{"desired":{"a":1}}}`)
			require.NotNil(t, update(t, shadow.Rules{}, state, start, request).Delta())
			require.Nil(t, update(t, shadow.Rules{QuietDelta: true}, state, start, request).Delta())
			require.NotNil(t, update(t, shadow.Rules{QuietDelta: true}, state, start, `{"state":{"reported":{"b":1}}}`).Delta())
		}
	})
	t.Run("DeltaMetadata", func(t *testing.T) {
		t.Parallel()
		state := updated(t, shadow.Rules{}, sections(`{"a":1,"b":2}`, `{"b":2}`))
		var document struct{ Metadata map[string]json.RawMessage }
		require.NoError(t, json.Unmarshal(shadow.Rules{}.Document(state, start, ""), &document))
		require.NotContains(t, document.Metadata, "delta")
		require.NoError(t, json.Unmarshal(shadow.Rules{DeltaMetadata: true}.Document(state, start, ""), &document))
		require.JSONEq(t, `{"a":{"timestamp":1800000000}}`, string(document.Metadata["delta"]))
	})
	t.Run("NameInvalidNode", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "State contains an invalid node", refusal(shadow.Rules{}, shadow.State{}, `{"state":{"foo":1}}`))
		require.Equal(t, "State contains an invalid node: 'foo'", refusal(shadow.Rules{NameInvalidNode: true}, shadow.State{}, `{"state":{"foo":1}}`))
	})
	t.Run("IgnoreAbsentVersion", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "Version conflict", refusal(shadow.Rules{}, shadow.State{}, `{"state":{},"version":5}`))
		lax := shadow.Rules{IgnoreAbsentVersion: true}
		require.Empty(t, refusal(lax, shadow.State{}, `{"state":{},"version":5}`))
		require.Equal(t, "Version conflict", refusal(lax, updated(t, lax, `{"state":{}}`), `{"state":{},"version":5}`))
	})
	t.Run("CountDelete", func(t *testing.T) {
		t.Parallel()
		state := updated(t, shadow.Rules{}, `{"state":{}}`)
		require.EqualValues(t, 1, shadow.Rules{}.Delete(state).Version())
		counting := shadow.Rules{CountDelete: true}
		require.EqualValues(t, 2, counting.Delete(state).Version())
		require.EqualValues(t, 3, update(t, counting, counting.Delete(state), start, `{"state":{}}`).Current.Version())
	})
}

func TestParseState(t *testing.T) {
	t.Parallel()
	state := updated(t, shadow.Rules{}, sections(`{"a":1,"b":[[],[{"c":2}]],"d":{}}`, `{"x":"y"}`), sections(`{"a":2}`, `{}`))
	document := shadow.Rules{}.Document(state, start, "token")
	parsed, err := shadow.ParseState(document)
	require.NoError(t, err)
	require.Equal(t, string(document), string(shadow.Rules{}.Document(parsed, start, "token")))
	for _, bad := range []string{``, `{}`, `{"version":0}`, `{"version":"1"}`, `{"version":1,"state":{"desired":1}}`, `{"version":1.5}`} {
		_, err := shadow.ParseState([]byte(bad))
		require.ErrorIs(t, err, shadow.ErrState, bad)
	}
}
