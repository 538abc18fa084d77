package shadowtest

import (
	"context"
	"iter"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/tenant"
)

// everyCall makes one call of each method.
func (f *fixture) everyCall(id tenant.ID, thing device.ID, name shadow.Name) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, call := range []struct {
			name string
			make func() error
		}{
			{"Get", func() error { _, err := f.shadows.Get(f.ctx, id, thing, name); return err }},
			{"Update", func() error {
				_, err := f.shadows.Update(f.ctx, id, thing, name, []byte(`{"state":{"desired":{"by":"call"}}}`))
				return err
			}},
			{"Delete", func() error { _, err := f.shadows.Delete(f.ctx, id, thing, name); return err }},
			{"ListNamed", func() error { _, err := f.shadows.ListNamed(f.ctx, id, thing, 0, ""); return err }},
		} {
			if !yield(call.name, call.make()) {
				return
			}
		}
	}
}

var callTests = []contractTest{
	{"the caller may change a request after the call, and an answer", func(f *fixture) {
		request := []byte(`{"state":{"desired":{"color":"green"}}}`)
		answer, err := f.shadows.Update(f.ctx, f.a, f.thing, classic, request)
		if err != nil {
			f.Fatal(err)
		}
		clear(request)
		clear(answer)
		first, err := f.shadows.Get(f.ctx, f.a, f.thing, classic)
		if err != nil {
			f.Fatal(err)
		}
		clear(first)
		f.wantJSON("state", f.get().State, `{"desired":{"color":"green"},"delta":{"color":"green"}}`)
	}},
	{"a call made with a cancelled context ends with its error and has no effect", func(f *fixture) {
		f.update(`{"state":{"desired":{"a":1}}}`)
		live := f.ctx
		ctx, cancel := context.WithCancel(live)
		cancel()
		f.ctx = ctx
		for call, err := range f.everyCall(f.a, f.thing, classic) {
			f.wantErr(call, err, context.Canceled)
		}
		f.ctx = live
		got := f.get()
		f.wantVersion("the document", got, 1)
		f.wantJSON("state", got.State, `{"desired":{"a":1},"delta":{"a":1}}`)
	}},
}
