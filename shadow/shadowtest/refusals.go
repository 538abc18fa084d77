package shadowtest

import (
	"strings"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
)

var refusalTests = []contractTest{
	{"a malformed request is refused with AWS's code and text", func(f *fixture) {
		for _, c := range []struct{ request, message string }{
			{``, "Invalid JSON"},
			{`{"state":`, "Invalid JSON"},
			{`{}`, "Missing required node: state"},
			{`{"state":1}`, "State node must be an object"},
			{`{"state":{"desired":[]}}`, "Desired node must be an object"},
			{`{"state":{"reported":"on"}}`, "Reported node must be an object"},
			{`{"state":{},"clientToken":"` + strings.Repeat("x", shadow.MaxClientToken+1) + `"}`, "Invalid clientToken"},
			{`{"state":{},"version":"1"}`, "Invalid version"},
		} {
			_, err := f.shadows.Update(f.ctx, f.a, f.thing, classic, []byte(c.request))
			f.wantRefusal("Update("+c.request+")", err, 400, c.message, shadow.ErrRequest)
		}
		f.wantNone(f.a, f.thing, classic)
	}},
	{"a request that is not UTF-8 is refused", func(f *fixture) {
		_, err := f.shadows.Update(f.ctx, f.a, f.thing, classic, []byte("{\"state\":{\"desired\":{\"a\":\"\xff\"}}}"))
		f.wantRefusal("Update", err, 415, "Unsupported documented encoding; supported encoding is UTF-8", shadow.ErrEncoding)
	}},
	{"a state that would be too large is refused, and what was there stays", func(f *fixture) {
		half := strings.Repeat("x", shadow.DefaultMaxSize*2/3)
		f.update(`{"state":{"desired":{"a":"` + half + `"}}}`)
		_, err := f.shadows.Update(f.ctx, f.a, f.thing, classic, []byte(`{"state":{"reported":{"a":"`+half+`"}}}`))
		f.wantRefusal("Update", err, 413, "The payload exceeds the maximum size allowed", shadow.ErrTooLarge)
		f.wantVersion("the document", f.get(), 1)
	}},
	{"another version is refused, and what was there stays", func(f *fixture) {
		f.update(`{"state":{"desired":{"a":1}}}`)
		f.update(`{"state":{"desired":{"a":2}},"version":1}`)
		for _, version := range []string{"1", "3", "0"} {
			_, err := f.shadows.Update(f.ctx, f.a, f.thing, classic, []byte(`{"state":{"desired":{"a":3}},"version":`+version+`}`))
			f.wantRefusal("Update with version "+version, err, 409, "Version conflict", shadow.ErrVersion)
		}
		got := f.get()
		f.wantVersion("the document", got, 2)
		f.wantJSON("state", got.State, `{"desired":{"a":2},"delta":{"a":2}}`)
	}},
	{"a shadow that does not exist is not found, by its name", func(f *fixture) {
		for _, name := range []shadow.Name{classic, f.config} {
			want := shadow.NoShadow(f.a, f.thing, name)
			_, err := f.shadows.Get(f.ctx, f.a, f.thing, name)
			f.wantRefusal("Get", err, 404, want.Message, shadow.ErrNotFound)
			_, err = f.shadows.Delete(f.ctx, f.a, f.thing, name)
			f.wantRefusal("Delete", err, 404, want.Message, shadow.ErrNotFound)
		}
	}},
	{"the zero thing id is refused", func(f *fixture) {
		for call, err := range f.everyCall(f.a, device.ID{}, classic) {
			f.wantErr(call, err, device.ErrID)
		}
	}},
}
