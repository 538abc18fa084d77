package analyticstest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

var objectsIsolationTests = []objectsTest{
	{"a tenant sees nothing of another", func(f *objectsFixture) {
		f.put(f.b, "x", "b")
		f.put(f.b, "folder/x", "b")
		for _, name := range []string{"x", "folder/x"} {
			f.wantMissing(f.a, name)
			f.wantUnlinked(f.a, name)
		}
		f.wantNames(f.a, "", "")
		f.wantNames(f.a, "folder/", "")
	}},
	{"a tenant changes nothing of another", func(f *objectsFixture) {
		f.put(f.b, "x", "b")
		f.delete(f.a, "x")
		f.wantContent(f.b, "x", "b")
		if err := f.create(f.a, "x", "a"); err != nil {
			f.Errorf("Create: %v", err)
		}
		f.put(f.a, "x", "a2")
		f.wantContent(f.a, "x", "a2")
		f.wantContent(f.b, "x", "b")
		f.delete(f.b, "x")
		f.wantContent(f.a, "x", "a2")
	}},
	{"names that look like another tenant's place are the tenant's own", func(f *objectsFixture) {
		f.put(f.b, "x", "b")
		f.put(f.a, "x", "a")
		names := lookalikes(f.b)
		for _, name := range names {
			f.wantMissing(f.a, name)
			f.delete(f.a, name)
		}
		f.fill(f.a, names...)
		f.wantNames(f.b, "", "", "x")
		f.wantContent(f.b, "x", "b")
		for _, name := range names {
			f.wantMissing(f.b, name)
			f.wantContent(f.a, name, name)
		}
		names = append(names, "x")
		slices.Sort(names)
		f.wantNames(f.a, "", "", names...)
		f.delete(f.b, names...)
		f.wantNames(f.a, "", "", names...)
	}},
	{"no prefix and no start of a list leads to another tenant", func(f *objectsFixture) {
		f.fill(f.b, "x", "y/x")
		f.put(f.a, "m", "a")
		strange := append(lookalikes(f.b), "", "/", "..", "../", "../"+f.b.String()+"/", "../../", "-b", "-b/", "%", "*", "?", "[a-z]", ".", "\x00", "\xff", "~", "é", f.a.String())
		for _, prefix := range strange {
			for _, after := range strange {
				got := f.list(f.a, prefix, after, analytics.MaxObjectList)
				want := strings.HasPrefix("m", prefix) && "m" > after
				if want != slices.Equal(got, []string{"m"}) || !want && len(got) > 0 {
					f.Errorf("List(%q, %q): %q", prefix, after, got)
				}
			}
		}
	}},
	{"the zero tenant and the platform are refused", func(f *objectsFixture) {
		for _, id := range []tenant.ID{{}, tenant.Platform()} {
			f.eachCall(id, "x", tenant.ErrID)
			_, err := f.objects.List(f.ctx, id, "", "", 1)
			f.wantErr("List", err, tenant.ErrID)
		}
	}},
	{"names that break a rule are refused", func(f *objectsFixture) {
		long := strings.Repeat("x", analytics.MaxObjectName+1)
		for _, name := range []string{
			"", "/", "/x", "x/", "a//b", ".", "..", "../x", "a/..", "a/../b", "a/./b", " x", "x ", "a/ b", "a /b", "x\x00", "a\\b", "..\\x", "a\nb",
			"é", "\xff", "a?b", "a#b", "a&b", "a+b", "a~", "<", "\"", "|", long,
		} {
			f.eachCall(f.a, name, analytics.ErrObjectName)
		}
		f.wantNames(f.a, "", "")
	}},
}

// lookalikes are names that would lead to another tenant if they were joined,
// decoded or cut carelessly.
func lookalikes(other tenant.ID) []string {
	id := other.String()
	return []string{
		id, id + "/x", id + ":x", "-b/x", "b/x", "t-" + id + "/x", "tenants/t-" + id + "/x", "objects/" + id + "/x", "tenant=" + id + "/x",
		"%2e%2e/" + id + "/x", "..%2f" + id + "%2fx", "%2F" + id + "%2Fx", "%252e%252e%252f" + id + "/x", "%00/x", "x%00", "%78", ".../" + id + "/x",
	}
}

// eachCall makes each call that names an object and checks its error.
func (f *objectsFixture) eachCall(id tenant.ID, name string, want error) {
	f.Helper()
	f.wantErr("Put", f.objects.Put(f.ctx, id, name, strings.NewReader("new")), want)
	f.wantErr("Create", f.objects.Create(f.ctx, id, name, strings.NewReader("new")), want)
	_, err := f.objects.Open(f.ctx, id, name)
	f.wantErr("Open", err, want)
	f.wantErr("Delete", f.objects.Delete(f.ctx, id, name), want)
	f.wantErr("Delete", f.objects.Delete(f.ctx, id, "fine", name), want)
	if _, err = f.objects.Link(f.ctx, id, name, time.Minute); !errors.Is(err, iotenant.ErrUnsupported) {
		f.wantErr("Link", err, want)
	}
}

// wantUnlinked checks that a link to an object that the tenant doesn't have is
// refused, or leads to the tenant's own place.
func (f *objectsFixture) wantUnlinked(id tenant.ID, name string) {
	f.Helper()
	link, err := f.objects.Link(f.ctx, id, name, time.Minute)
	switch {
	case err == nil && strings.Contains(link, f.b.String()):
		f.Errorf("Link(%q) of %s: %s", name, id, link)
	case err != nil && !errors.Is(err, iotenant.ErrUnsupported):
		f.wantErr("Link", err, analytics.ErrNoObject)
	}
}
