package shadowtest

import (
	"strings"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/tenant"
)

var isolationTests = []contractTest{
	{"the zero tenant id is refused", func(f *fixture) {
		for call, err := range f.everyCall(tenant.ID{}, f.thing, classic) {
			f.wantErr(call, err, tenant.ErrID)
		}
	}},
	{"shadows of another tenant's thing with the same id are not found", func(f *fixture) {
		for _, name := range []shadow.Name{classic, f.config} {
			f.updateOf(f.a, f.thing, name, `{"state":{"desired":{"secret":1}}}`)
			f.wantNone(f.b, f.thing, name)
			_, err := f.shadows.Delete(f.ctx, f.b, f.thing, name)
			f.wantErr("Delete of another tenant's shadow", err, shadow.ErrNotFound)
			if err != nil && strings.Contains(err.Error(), f.a.String()+":") {
				f.Errorf("the error %q names the other tenant", err)
			}
			f.wantVersion("the shadow", f.getOf(f.a, f.thing, name), 1)
		}
		f.wantNames(f.b, f.thing)
	}},
	{"things with the same id have shadows and versions of their own", func(f *fixture) {
		f.updateOf(f.a, f.thing, f.config, `{"state":{"desired":{"of":"a"}}}`)
		f.updateOf(f.a, f.thing, f.config, `{"state":{"desired":{"of":"a"}}}`)
		f.wantVersion("the other tenant's shadow", f.updateOf(f.b, f.thing, f.config, `{"state":{"desired":{"of":"b"}},"version":0}`), 1)
		f.wantJSON("state", f.getOf(f.a, f.thing, f.config).State, `{"desired":{"of":"a"},"delta":{"of":"a"}}`)
		f.deleteOf(f.b, f.thing, f.config)
		f.wantVersion("the shadow after the other's delete", f.getOf(f.a, f.thing, f.config), 2)
		f.wantNames(f.a, f.thing, "config")
	}},
	{"a version that a deleted shadow of another tenant had does not count", func(f *fixture) {
		f.updateOf(f.a, f.thing, classic, `{"state":{}}`)
		f.updateOf(f.a, f.thing, classic, `{"state":{}}`)
		f.deleteOf(f.a, f.thing, classic)
		f.wantVersion("the other tenant's shadow", f.updateOf(f.b, f.thing, classic, `{"state":{}}`), 1)
	}},
	{"thing ids that embed another tenant's thing name are the tenant's own", func(f *fixture) {
		f.update(`{"state":{"desired":{"secret":1}}}`)
		for _, text := range []string{
			device.ThingName(f.a, f.thing), ":" + f.thing.String(), f.a.String() + "::" + f.thing.String(),
		} {
			embedding := device.MustParseID(text)
			f.wantNone(f.b, embedding, classic)
			f.updateOf(f.b, embedding, classic, `{"state":{"desired":{"mine":1}}}`)
			f.wantJSON("state", f.getOf(f.b, embedding, classic).State, `{"desired":{"mine":1},"delta":{"mine":1}}`)
		}
		f.wantVersion("the shadow", f.get(), 1)
	}},
	{"shadow names that look like keys or topics reach nothing else", func(f *fixture) {
		f.update(`{"state":{"desired":{"secret":1}}}`)
		for _, text := range []string{"classic", "named", "$aws", "shadow", f.a.String(), "name"} {
			f.wantNone(f.a, f.thing, shadow.MustParseName(text))
			f.wantNone(f.b, f.thing, shadow.MustParseName(text))
		}
	}},
	{"a cursor of another tenant or another thing is refused", func(f *fixture) {
		for _, id := range []tenant.ID{f.a, f.b} {
			for _, name := range []string{"s1", "s2", "s3"} {
				f.updateOf(id, f.thing, shadow.MustParseName(name), `{"state":{}}`)
			}
		}
		page, err := f.shadows.ListNamed(f.ctx, f.a, f.thing, 1, "")
		if err != nil || page.Next == "" {
			f.Fatalf("ListNamed returned the cursor %q and the error %v, want a cursor", page.Next, err)
		}
		_, err = f.shadows.ListNamed(f.ctx, f.b, f.thing, 1, page.Next)
		f.wantErr("ListNamed with another tenant's cursor", err, tenant.ErrCursor)
		_, err = f.shadows.ListNamed(f.ctx, f.a, newThing(), 1, page.Next)
		f.wantErr("ListNamed with another thing's cursor", err, tenant.ErrCursor)
	}},
}
