package shadow_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/shadow"
)

var requestSeeds = []string{
	`{"state":{"desired":{"a":1,"b":[1,{"c":"é\u00e9\ud83d\ude00\ud800"}],"d":{}},"reported":null},"version":1,"clientToken":"t"}`,
	`{"state":null}`, `{"state":{"desired":{"a":null}}}`, ` { "state" : { } } `, `{"state":{"foo":-0.5E+7}}`,
	`{"a":"\u0000\"\\\/\b\f\n\r\t"}`, `[1,2,[]]`, `nul`, `{"a":1,"a":2}`, "\xff", `"\ud800\u0041"`, `1e99999999999999999999`, `-`, `01`, `{"a":}`,
}

// FuzzParseRequest holds the parser against encoding/json.
func FuzzParseRequest(f *testing.F) {
	for _, seed := range requestSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		_, err := shadow.Rules{}.ParseRequest(payload)
		require.Equal(t, before, payload)
		var refusal *shadow.Error
		if err != nil {
			require.ErrorAs(t, err, &refusal)
		}
		tooDeep := refusal != nil && bytes.Contains([]byte(refusal.Message), []byte("levels"))
		switch {
		case !utf8.Valid(payload):
			require.Equal(t, 415, refusal.Code)
		case tooDeep:
		case json.Valid(payload):
			require.False(t, refusal != nil && refusal.Message == "Invalid JSON")
		default:
			require.NotNil(t, refusal)
			require.Equal(t, "Invalid JSON", refusal.Message)
		}
	})
}

// FuzzUpdate applies arbitrary requests to a state: every outcome is a
// refusal in AWS's terms, or a change whose messages are JSON.
func FuzzUpdate(f *testing.F) {
	for _, seed := range requestSeeds {
		f.Add([]byte(seed), []byte(`{"state":{"desired":{"a":{"b":2}},"reported":{"a":1}}}`))
		f.Add([]byte(`{"state":{"desired":{"a":{"b":2}},"reported":{"a":1}}}`), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var state shadow.State
		for _, payload := range [][]byte{first, second, first} {
			request, err := shadow.Rules{}.ParseRequest(payload)
			var change shadow.Change
			if err == nil {
				change, err = shadow.Rules{}.Update(state, request, start)
			}
			if err != nil {
				var refusal *shadow.Error
				require.ErrorAs(t, err, &refusal, "%v", err)
				require.Error(t, iotenant.KindOf(err))
				require.True(t, json.Valid(refusal.Rejected(start, request.ClientToken)))
				continue
			}
			require.Equal(t, state.Version()+1, change.Current.Version())
			for _, message := range [][]byte{change.Accepted(), change.Documents()} {
				require.True(t, json.Valid(message), "%s", message)
				require.True(t, utf8.Valid(message), "%q", message)
			}
			if delta := change.Delta(); delta != nil {
				require.True(t, json.Valid(delta), "%s", delta)
			}
			state = change.Current
			document := shadow.Rules{}.Document(state, start, "")
			parsed, err := shadow.ParseState(document)
			require.NoError(t, err)
			require.Equal(t, string(document), string(shadow.Rules{}.Document(parsed, start, "")))
			var stored shadow.State
			require.NoError(t, encodedState(state, &stored))
			require.Equal(t, string(document), string(shadow.Rules{}.Document(stored, start, "")))
		}
	})
}

// FuzzState reads arbitrary bytes as a stored state: they are refused, or are
// a state that can be used and stored.
func FuzzState(f *testing.F) {
	for _, seed := range []string{`{"state":{"desired":{"a":1,"b":[1,{"c":2}],"d":{}},"reported":{"x":"y"}}}`, `{"state":null}`} {
		encoded, err := updated(f, shadow.Rules{}, seed).AppendBinary(nil)
		require.NoError(f, err)
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		var state, again shadow.State
		if err := state.UnmarshalBinary(encoded); err != nil {
			require.ErrorIs(t, err, shadow.ErrState)
			return
		}
		document := shadow.Rules{}.Document(state, start, "")
		require.NoError(t, encodedState(state, &again))
		require.Equal(t, string(document), string(shadow.Rules{}.Document(again, start, "")))
		request, err := shadow.Rules{}.ParseRequest([]byte(`{"state":{"desired":{"a":{"b":null}},"reported":{"x":1}}}`))
		require.NoError(t, err)
		_, _ = shadow.Rules{}.Update(state, request, start) // must not panic
	})
}

func FuzzParseName(f *testing.F) {
	for _, seed := range []string{"", "config", "$a:b_C-9", "a/b", "é", "+", "#"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := shadow.ParseName(text)
		if err != nil {
			require.ErrorIs(t, err, shadow.ErrName)
			require.True(t, name.IsZero())
			return
		}
		require.Equal(t, text, name.String())
		require.False(t, name.IsZero())
		require.LessOrEqual(t, len(text), shadow.MaxNameLength)
		encoded, err := json.Marshal(name)
		require.NoError(t, err)
		var read shadow.Name
		require.NoError(t, json.Unmarshal(encoded, &read))
		require.Equal(t, name, read)
	})
}
