package shadow_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/shadow"
)

// members draws the text of a JSON object with few names, so that objects
// meet, in any order.
func members(t *rapid.T, depth int, nulls bool, label string) string {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 3, rapid.ID[string]).Draw(t, label)
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = strconv.Quote(name) + ":" + element(t, depth-1, nulls, label)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func element(t *rapid.T, depth int, nulls bool, label string) string {
	kinds := []string{"scalar"}
	if nulls {
		kinds = append(kinds, "null")
	}
	if depth > 0 {
		kinds = append(kinds, "object", "array")
	}
	switch rapid.SampledFrom(kinds).Draw(t, label) {
	case "null":
		return "null"
	case "object":
		return members(t, depth, nulls, label)
	case "array":
		parts := make([]string, rapid.IntRange(0, 3).Draw(t, label))
		for i := range parts {
			parts[i] = element(t, depth-1, false, label)
		}
		return "[" + strings.Join(parts, ",") + "]"
	default:
		return rapid.SampledFrom([]string{"0", "1", "1.0", "-2e3", "true", "false", `"x"`, `""`, `"\u00e9\n"`}).Draw(t, label)
	}
}

func request(t *rapid.T, label string) string {
	var parts []string
	for _, section := range []string{"desired", "reported"} {
		switch rapid.IntRange(0, 5).Draw(t, label+section) {
		case 0: // left out
		case 1:
			parts = append(parts, strconv.Quote(section)+":null")
		default:
			parts = append(parts, strconv.Quote(section)+":"+members(t, 4, true, label))
		}
	}
	if len(parts) == 0 && rapid.Bool().Draw(t, label) {
		return `{"state":null}`
	}
	return `{"state":{` + strings.Join(parts, ",") + `}}`
}

func anyState(t *rapid.T, rules shadow.Rules) shadow.State {
	var requests []string
	for i := range rapid.IntRange(0, 4).Draw(t, "requests") {
		requests = append(requests, request(t, fmt.Sprintf("request %d", i)))
	}
	return updated(t, rules, requests...)
}

// What is sent to a device is all that it needs: reported with the delta
// applied has everything of desired.
func TestDeltaCompletesReported(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := shadow.Rules{ExactNumbers: rapid.Bool().Draw(t, "exact")}
		state := anyState(t, rules)
		delta := rules.Delta(state)
		if delta == nil {
			return
		}
		reported := update(t, rules, state, start, `{"state":{"reported":`+string(delta)+`}}`).Current
		require.Nil(t, rules.Delta(reported), "delta %s", delta)

		alone := updated(t, rules, `{"state":{"desired":`+string(orEmpty(state.Desired()))+`}}`)
		require.JSONEq(t, string(alone.Desired()), string(rules.Delta(alone)), "without reported the delta is all of desired")
	})
}

func orEmpty(section json.RawMessage) json.RawMessage {
	if section == nil {
		return json.RawMessage("{}")
	}
	return section
}

// merge is RFC 7396 written down naively, with the rule that a patch of an
// object which leaves nothing leaves no object, unless kept.
func merge(old, patch any, keepEmptied bool) (any, bool) {
	object, ok := patch.(map[string]any)
	if !ok {
		return patch, patch != nil
	}
	merged := map[string]any{}
	if old, ok := old.(map[string]any); ok {
		maps.Copy(merged, old)
	}
	for name, value := range object {
		if result, ok := merge(merged[name], value, keepEmptied); ok {
			merged[name] = result
		} else {
			delete(merged, name)
		}
	}
	return merged, len(merged) > 0 || len(object) == 0 || keepEmptied
}

func TestMergeIsThatOfTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := shadow.Rules{KeepEmptied: rapid.Bool().Draw(t, "keep emptied")}
		var model any
		var state shadow.State
		for i := range 4 {
			patch := members(t, 4, true, "patch")
			state = update(t, rules, state, start, `{"state":{"desired":`+patch+`}}`).Current
			model, _ = merge(model, decode(t, patch), rules.KeepEmptied)
			require.Equal(t, model, decode(t, string(orEmpty(state.Desired()))), "after patch %d", i)
		}
	})
}

func decode(t require.TestingT, text string) any {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var v any
	require.NoError(t, decoder.Decode(&v), text)
	return v
}

// compose joins two patches into one: nulls stay.
func compose(first, second any) any {
	a, ok := first.(map[string]any)
	b, okB := second.(map[string]any)
	if !okB {
		return second
	}
	joined := map[string]any{}
	if ok {
		maps.Copy(joined, a)
	}
	for name, value := range b {
		if old, ok := joined[name]; ok {
			joined[name] = compose(old, value)
		} else {
			joined[name] = value
		}
	}
	return joined
}

// Two updates are one with both patches joined, when the first removes
// nothing that the second builds on: a member that is removed and set again is
// another than one that is patched.
func TestMergeIsAssociative(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := shadow.Rules{KeepEmptied: true}
		state := anyState(t, rules)
		first := decode(t, members(t, 3, false, "first"))
		second := decode(t, members(t, 3, true, "second"))
		if replaces(first, decode(t, string(orEmpty(state.Desired())))) || replaces(second, first) {
			return // an object in the place of a scalar starts from nothing
		}
		apart := update(t, rules, update(t, rules, state, start, patchOf(first)).Current, start, patchOf(second)).Current
		joined := update(t, rules, state, start, patchOf(compose(first, second))).Current
		require.Equal(t, string(orEmpty(apart.Desired())), string(orEmpty(joined.Desired())))
	})
}

// replaces reports whether patch has an object where old has something else,
// or something else where old has an object.
func replaces(patch, old any) bool {
	a, okA := patch.(map[string]any)
	b, okB := old.(map[string]any)
	if !okA || !okB {
		return okA != okB
	}
	for name, value := range a {
		if old, ok := b[name]; ok && replaces(value, old) {
			return true
		}
	}
	return false
}

func patchOf(v any) string {
	text, err := json.Marshal(map[string]any{"state": map[string]any{"desired": v}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestUpdateTwiceIsUpdateOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := anyState(t, shadow.Rules{})
		patch := request(t, "patch")
		once := update(t, shadow.Rules{}, state, start, patch).Current
		twice := update(t, shadow.Rules{}, once, start, patch).Current
		require.Equal(t, once.Version()+1, twice.Version())
		require.Equal(t, string(once.Desired()), string(twice.Desired()))
		require.Equal(t, string(once.Reported()), string(twice.Reported()))
	})
}

func TestNullRemoves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := anyState(t, shadow.Rules{})
		left := update(t, shadow.Rules{}, state, start, `{"state":{"desired":{"a":null,"b":{"c":null}}}}`).Current
		desired, _ := decode(t, string(orEmpty(left.Desired()))).(map[string]any)
		require.NotContains(t, desired, "a")
		if b, ok := desired["b"].(map[string]any); ok {
			require.NotContains(t, b, "c")
		}
		require.Equal(t, string(state.Reported()), string(left.Reported()))
		require.NotContains(t, string(left.Desired()), "null", "no state holds a null")
	})
}

// sameShape reports whether metadata has a {"timestamp":T} for each scalar of
// state, and nothing else.
func sameShape(state, metadata any) bool {
	switch state := state.(type) {
	case map[string]any:
		metadata, ok := metadata.(map[string]any)
		if !ok || len(metadata) != len(state) {
			return false
		}
		for name := range state {
			if !sameShape(state[name], metadata[name]) {
				return false
			}
		}
		return true
	case []any:
		metadata, ok := metadata.([]any)
		if !ok || len(metadata) != len(state) {
			return false
		}
		for i := range state {
			if !sameShape(state[i], metadata[i]) {
				return false
			}
		}
		return true
	default:
		leaf, ok := metadata.(map[string]any)
		_, isNumber := leaf["timestamp"].(json.Number)
		return ok && len(leaf) == 1 && isNumber
	}
}

func TestMetadataHasTheShapeOfState(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := shadow.Rules{DeltaMetadata: true, KeepEmptied: rapid.Bool().Draw(t, "keep emptied")}
		state := anyState(t, rules)
		change := update(t, rules, state, start.Add(time.Hour), request(t, "last"))
		document := decode(t, string(rules.Document(change.Current, start, ""))).(map[string]any)
		require.True(t, sameShape(document["state"], document["metadata"]), "%v", document)
		if delta := change.Delta(); delta != nil {
			message := decode(t, string(delta)).(map[string]any)
			require.True(t, sameShape(message["state"], message["metadata"]), "%s", delta)
		}
		documents := decode(t, string(change.Documents())).(map[string]any)
		for _, side := range []string{"previous", "current"} {
			document := documents[side].(map[string]any)
			require.True(t, sameShape(document["state"], document["metadata"]), "%v", document)
		}
	})
}

// A state survives its encodings.
func TestStateRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := shadow.Rules{KeepEmptied: rapid.Bool().Draw(t, "keep emptied")}
		state := anyState(t, rules)
		want := rules.Document(state, start, "")
		encoded, err := state.AppendBinary(nil)
		require.NoError(t, err)
		var read shadow.State
		require.NoError(t, read.UnmarshalBinary(encoded))
		require.Equal(t, string(want), string(rules.Document(read, start, "")))
		require.Equal(t, state.Exists(), read.Exists())
		if state.Exists() {
			parsed, err := shadow.ParseState(want)
			require.NoError(t, err)
			require.Equal(t, string(want), string(rules.Document(parsed, start, "")))
		}
		require.NoError(t, encodedState(rules.Delete(state), &read))
		require.False(t, read.Exists())
		require.Equal(t, state.Version(), read.Version())

		require.ErrorIs(t, read.UnmarshalBinary(append(encoded, 0)), shadow.ErrState, "a byte too many")
		for cut := range encoded {
			require.ErrorIs(t, read.UnmarshalBinary(encoded[:cut]), shadow.ErrState, "cut at %d", cut)
		}
	})
}

func encodedState(state shadow.State, into *shadow.State) error {
	encoded, err := state.AppendBinary(nil)
	if err != nil {
		return err
	}
	return into.UnmarshalBinary(encoded)
}
