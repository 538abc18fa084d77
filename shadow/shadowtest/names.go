package shadowtest

import (
	"fmt"
	"slices"

	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/tenant"
)

var nameTests = []contractTest{
	{"a thing without named shadows has none", func(f *fixture) {
		f.wantNames(f.a, f.thing)
		f.update(`{"state":{}}`)
		f.wantNames(f.a, f.thing)
	}},
	{"named shadows are listed in byte order, until they are deleted", func(f *fixture) {
		for _, name := range []string{"b", "a", "Z", "$x", "a:b", "classic", "named"} {
			f.updateOf(f.a, f.thing, shadow.MustParseName(name), `{"state":{}}`)
		}
		f.wantNames(f.a, f.thing, "$x", "Z", "a", "a:b", "b", "classic", "named")
		f.deleteOf(f.a, f.thing, shadow.MustParseName("a"))
		f.wantNames(f.a, f.thing, "$x", "Z", "a:b", "b", "classic", "named")
		f.updateOf(f.a, f.thing, shadow.MustParseName("a"), `{"state":{}}`)
		f.wantNames(f.a, f.thing, "$x", "Z", "a", "a:b", "b", "classic", "named")
	}},
	{"following the pages to the end returns every name once", func(f *fixture) {
		var want []string
		for i := range 12 {
			name := fmt.Sprintf("s%02d", i)
			f.updateOf(f.a, f.thing, shadow.MustParseName(name), `{"state":{}}`)
			want = append(want, name)
		}
		f.deleteOf(f.a, f.thing, shadow.MustParseName("s03"))
		want = slices.Delete(want, 3, 4)
		for _, limit := range []int{1, 5, 11, 12, shadow.MaxNames} {
			if got := f.pages(limit); !slices.Equal(got, want) {
				f.Errorf("pages of %d returned %q, want %q", limit, got, want)
			}
		}
	}},
	{"a limit out of bounds is refused", func(f *fixture) {
		for _, limit := range []int{-1, shadow.MaxNames + 1} {
			_, err := f.shadows.ListNamed(f.ctx, f.a, f.thing, limit, "")
			f.wantErr(fmt.Sprintf("ListNamed(limit %d)", limit), err, shadow.ErrLimit)
		}
	}},
	{"a cursor that the service did not make is refused", func(f *fixture) {
		for _, cursor := range []tenant.Cursor{"x", "AAAA", "../../x"} {
			_, err := f.shadows.ListNamed(f.ctx, f.a, f.thing, 1, cursor)
			f.wantErr("ListNamed(cursor "+string(cursor)+")", err, tenant.ErrCursor)
		}
	}},
	{"things whose ids begin with each other are apart", func(f *fixture) {
		longer := newThing()
		f.updateOf(f.a, longer, f.config, `{"state":{}}`)
		f.wantNames(f.a, f.thing)
		f.wantNames(f.a, longer, "config")
	}},
}

// pages returns the names in pages of at most limit.
func (f *fixture) pages(limit int) []string {
	f.Helper()
	var names []string
	var cursor tenant.Cursor
	for {
		page, err := f.shadows.ListNamed(f.ctx, f.a, f.thing, limit, cursor)
		if err != nil {
			f.Fatalf("ListNamed: %v", err)
		}
		if len(page.Names) > limit {
			f.Errorf("a page of at most %d has %d names", limit, len(page.Names))
		}
		if page.Timestamp.IsZero() {
			f.Error("a page has no timestamp")
		}
		for _, name := range page.Names {
			names = append(names, name.String())
		}
		if cursor = page.Next; cursor == "" {
			return names
		}
	}
}
