package shadowtest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// deltas are desired and reported with the delta that AWS answers.
var deltas = []struct{ desired, reported, delta string }{
	{`{"online":true}`, `{"online":false}`, `{"online":true}`},
	{`{"enabled":true}`, `{"online":false,"enabled":true}`, ``},
	{`{"enabled":true}`, `null`, `{"enabled":true}`},
	{`{"list":["v1"]}`, `{"list":["v1","v2"]}`, `{"list":["v1"]}`},
	{`{"list":["v1","v3"]}`, `{"list":["v1","v2"]}`, `{"list":["v1","v3"]}`},
	{`{"list":[["v1"]]}`, `{"list":[["v1"],["v2"]]}`, `{"list":[["v1"]]}`},
	{`{"a":{"b":["c","d"]}}`, `{"a":{"b":["d"]}}`, `{"a":{"b":["c","d"]}}`},
	{`{"a":{"b":{"c":"d2"}}}`, `{"a":{"b":{"c":"d","e":"f"}}}`, `{"a":{"b":{"c":"d2"}}}`},
	{`{"a1":{"b1":{"c":"d"}},"a2":{"b2":"sth"}}`, `{"a1":{"b1":{"c":"d"}}}`, `{"a2":{"b2":"sth"}}`},
	{`{"a":{"b1":{"c":"d"},"b2":"sth"}}`, `{"a":{"b1":{"c":"d"}}}`, `{"a":{"b2":"sth"}}`},
	{`{"a":1,"b":{"c":{}},"d":{}}`, `null`, `{"a":1,"b":{"c":{}},"d":{}}`},
}

var documentTests = []contractTest{
	{"a shadow is created by its first update, at version 1, for any thing", func(f *fixture) {
		f.wantNone(f.a, f.thing, classic)
		f.wantVersion("the answer", f.update(`{"state":{"reported":{"on":true}}}`), 1)
		got := f.get()
		f.wantVersion("the document", got, 1)
		f.wantJSON("state", got.State, `{"reported":{"on":true}}`)
	}},
	{"the delta is what of desired reported does not have", func(f *fixture) {
		for _, vector := range deltas {
			f.thing = newThing()
			f.update(`{"state":{"desired":` + vector.desired + `,"reported":` + vector.reported + `}}`)
			want := `{"desired":` + vector.desired
			if vector.reported != "null" {
				want += `,"reported":` + vector.reported
			}
			if vector.delta != "" {
				want += `,"delta":` + vector.delta
			}
			f.wantJSON("state", f.get().State, want+`}`)
		}
	}},
	{"the answer to an update has what was asked for, with metadata and client token", func(f *fixture) {
		f.update(`{"state":{"desired":{"old":1}}}`)
		got := f.update(`{"state":{"desired":{"led":"on","rgb":[1,[2]]}},"clientToken":"token-1"}`)
		f.wantVersion("the answer", got, 2)
		f.wantJSON("state", got.State, `{"desired":{"led":"on","rgb":[1,[2]]}}`)
		leaf := fmt.Sprintf(`{"timestamp":%d}`, got.Timestamp)
		f.wantJSON("metadata", got.Metadata, `{"desired":{"led":`+leaf+`,"rgb":[`+leaf+`,[`+leaf+`]]}}`)
		if got.ClientToken != "token-1" {
			f.Errorf("the client token is %q, want %q", got.ClientToken, "token-1")
		}
	}},
	{"objects are merged, everything else replaces, null removes", func(f *fixture) {
		f.update(`{"state":{"desired":{"a":{"b":1,"c":2},"list":[1,2],"x":1}}}`)
		f.update(`{"state":{"desired":{"a":{"b":null,"d":3},"list":[3],"x":{"y":1}}}}`)
		var got struct{ Desired json.RawMessage }
		if err := json.Unmarshal(f.get().State, &got); err != nil {
			f.Fatal(err)
		}
		f.wantJSON("desired", got.Desired, `{"a":{"c":2,"d":3},"list":[3],"x":{"y":1}}`)
	}},
	{"a section without members is left out", func(f *fixture) {
		f.update(`{"state":{"reported":{"online":null},"desired":{}}}`)
		f.wantJSON("state", f.get().State, `{}`)
		f.update(`{"state":{"desired":{"a":1},"reported":{"b":2}}}`)
		f.update(`{"state":{"desired":{"a":null}}}`)
		f.wantJSON("state", f.get().State, `{"reported":{"b":2}}`)
		f.update(`{"state":{"reported":null}}`)
		f.wantJSON("state", f.get().State, `{}`)
		f.wantJSON("metadata", f.get().Metadata, `{}`)
	}},
	{"a null state clears the shadow", func(f *fixture) {
		f.update(`{"state":{"desired":{"a":1},"reported":{"b":2}}}`)
		got := f.update(`{"state":null}`)
		f.wantVersion("the answer", got, 2)
		f.wantJSON("state", got.State, `null`)
		f.wantJSON("metadata", got.Metadata, fmt.Sprintf(`{"timestamp":%d}`, got.Timestamp))
		f.wantJSON("state", f.get().State, `{}`)
	}},
	{"metadata has the shape of the state", func(f *fixture) {
		t := f.update(`{"state":{"desired":{"a":{"b":[1,{"c":2}],"d":{}}},"reported":{"e":"f"}}}`).Timestamp
		leaf := fmt.Sprintf(`{"timestamp":%d}`, t)
		f.wantJSON("metadata", f.get().Metadata,
			`{"desired":{"a":{"b":[`+leaf+`,{"c":`+leaf+`}],"d":{}}},"reported":{"e":`+leaf+`}}`)
	}},
	{"the text of numbers and the characters of strings are kept", func(f *fixture) {
		const state = `{"desired":{"n":[1,1.0,1e2,12345678901234567890,0.10],"é\"\\\n":"\u0001 \ud83d\ude00 </script>"}}`
		f.update(`{"state":` + state + `}`)
		got := string(f.get().State)
		if !strings.Contains(got, `[1,1.0,1e2,12345678901234567890,0.10]`) {
			f.Errorf("the numbers came back in %s", got)
		}
		var document map[string]json.RawMessage
		if err := json.Unmarshal([]byte(got), &document); err != nil {
			f.Fatal(err)
		}
		f.wantJSON("desired", document["desired"], state[len(`{"desired":`):len(state)-1])
	}},
	{"named shadows and the classic one are apart", func(f *fixture) {
		f.update(`{"state":{"desired":{"a":1}}}`)
		f.updateOf(f.a, f.thing, f.config, `{"state":{"desired":{"b":2}}}`)
		f.wantJSON("state of the classic shadow", f.get().State, `{"desired":{"a":1},"delta":{"a":1}}`)
		f.wantJSON("state of the named shadow", f.getOf(f.a, f.thing, f.config).State, `{"desired":{"b":2},"delta":{"b":2}}`)
		f.deleteOf(f.a, f.thing, f.config)
		f.wantNone(f.a, f.thing, f.config)
		f.wantVersion("the classic shadow", f.get(), 1)
	}},
}
