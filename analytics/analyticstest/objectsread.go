package analyticstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

var openTests = []objectsTest{
	{"a missing object is not found", func(f *objectsFixture) {
		f.wantMissing(f.a, "x")
		f.fill(f.a, "a/b", "c")
		for _, name := range []string{"a", "a/", "a/b/c", "c/d", "C", "a/B", "a/bb"} {
			if analytics.CheckObjectName(name) == nil {
				f.wantMissing(f.a, name)
			}
		}
		_, err := f.objects.Open(f.ctx, f.a, "x")
		f.wantErr("kind", err, iotenant.ErrNotFound)
	}},
	{"parts are read from anywhere", func(f *objectsFixture) {
		const size = 6<<20 + 5
		content := bytesOf(1, size)
		f.put(f.a, "x", content)
		object := f.opened(f.a, "x")
		if object.Size() != size {
			f.Errorf("size %d, want %d", object.Size(), size)
		}
		for _, part := range []struct{ at, length, want int }{
			{0, 1, 1}, {0, 100, 100}, {size - 1, 1, 1}, {size - 8, 8, 8}, {size - 8, 9, 8}, {size, 1, 0}, {size + 9, 1, 0}, {5, 0, 0}, {3 << 20, 1 << 20, 1 << 20}, {0, size + 1, size},
		} {
			got := make([]byte, part.length)
			n, err := object.ReadAt(got, int64(part.at))
			if n != part.want || string(got[:n]) != content[min(part.at, size):min(part.at, size)+n] {
				f.Errorf("ReadAt(%d bytes, %d): %d bytes, want %d, or other ones", part.length, part.at, n, part.want)
			}
			if n < part.length && !errors.Is(err, io.EOF) || n == part.length && err != nil && !errors.Is(err, io.EOF) {
				f.Errorf("ReadAt(%d bytes, %d): %v", part.length, part.at, err)
			}
		}
		if n, err := object.ReadAt(make([]byte, 1), -1); n != 0 || err == nil || errors.Is(err, io.EOF) {
			f.Errorf("ReadAt(-1): %d, %v", n, err)
		}
	}},
	{"it is read concurrently", func(f *objectsFixture) {
		content := bytesOf(1, 1<<20)
		f.put(f.a, "x", content)
		object := f.opened(f.a, "x")
		var group sync.WaitGroup
		for w := range 8 {
			group.Go(func() {
				for at := w << 10; at < len(content); at += 64 << 10 {
					got := make([]byte, 1<<10)
					if n, err := object.ReadAt(got, int64(at)); n != len(got) || string(got) != content[at:at+n] {
						f.Errorf("ReadAt(%d): %d bytes, %v", at, n, err)
					}
				}
			})
		}
		group.Wait()
	}},
	{"it stays as it was, or is no object, once it is replaced or deleted", func(f *objectsFixture) {
		const size = 300_000
		for name, change := range map[string]func(name string){
			"replaced": func(name string) { f.put(f.a, name, bytesOf(2, size)) },
			"shorter":  func(name string) { f.put(f.a, name, "short") },
			"deleted":  func(name string) { f.delete(f.a, name) },
			"created": func(name string) {
				f.delete(f.a, name)
				f.wantErr("Create", f.create(f.a, name, bytesOf(3, 2*size)), nil)
			},
		} {
			content := bytesOf(1, size)
			f.put(f.a, name, content)
			object := f.opened(f.a, name)
			first := make([]byte, 100)
			if _, err := object.ReadAt(first, 0); err != nil {
				f.Errorf("%s: %v", name, err)
			}
			change(name)
			if object.Size() != size {
				f.Errorf("%s: size %d, was %d", name, object.Size(), size)
			}
			for at := 0; at < size; at += 100_000 {
				part := make([]byte, 100_000)
				n, err := object.ReadAt(part, int64(at))
				if string(part[:n]) != content[at:at+n] {
					f.Errorf("%s: ReadAt(%d) mixes contents", name, at)
				}
				if n < len(part) && !errors.Is(err, analytics.ErrNoObject) {
					f.Errorf("%s: ReadAt(%d): %d bytes, %v", name, at, n, err)
				}
			}
		}
	}},
	{"its reads end with the context", func(f *objectsFixture) {
		f.put(f.a, "x", "content")
		ctx, cancel := context.WithCancel(f.ctx)
		object, err := f.objects.Open(ctx, f.a, "x")
		if err != nil {
			f.Fatal(err)
		}
		defer object.Close()
		if got, err := contentOf(object); got != "content" || err != nil {
			f.Errorf("%q, %v", got, err)
		}
		cancel()
		_, err = object.ReadAt(make([]byte, 1), 0)
		f.wantErr("ReadAt", err, context.Canceled)
	}},
	{"it fails once it is closed, others don't", func(f *objectsFixture) {
		f.put(f.a, "x", "content")
		object, other := f.opened(f.a, "x"), f.opened(f.a, "x")
		if err := object.Close(); err != nil {
			f.Errorf("Close: %v", err)
		}
		if n, err := object.ReadAt(make([]byte, 1), 0); n != 0 || err == nil || errors.Is(err, io.EOF) {
			f.Errorf("ReadAt: %d bytes, %v", n, err)
		}
		if got, err := contentOf(other); got != "content" || err != nil {
			f.Errorf("other: %q, %v", got, err)
		}
	}},
}

var listTests = []objectsTest{
	{"names are in the order of bytes", func(f *objectsFixture) {
		names := namesOfAllKinds()
		f.fill(f.a, names...)
		slices.Sort(names)
		f.wantNames(f.a, "", "", names...)
		for _, limit := range []int{1, 2, 7, len(names) - 1, len(names), len(names) + 1} {
			if got := f.pages(f.a, "", limit); !slices.Equal(got, names) {
				f.Errorf("pages of %d: %q, want %q", limit, got, names)
			}
		}
		for _, after := range slices.Concat(names, []string{"a/", "a/b/", "a~", "a\x00", "b\xff", "log/1", "yy", "\xff", "Z/Z/Z"}) {
			first := len(names)
			if i := slices.IndexFunc(names, func(name string) bool { return name > after }); i >= 0 {
				first = i
			}
			f.wantNames(f.a, "", after, names[first:]...)
		}
	}},
	{"names have the prefix", func(f *objectsFixture) {
		names := namesOfAllKinds()
		f.fill(f.a, names...)
		slices.Sort(names)
		for _, prefix := range []string{"a", "a/", "a/b", "a/b/", "a/b/c", "a/b/c/", "A", "a%", "a%2", "b.", "x", "xx", "y/y/", "C:", "C:/C:", "z/", strings.Repeat("z", 300) + "/z", "none", "a/\x00", "\x80", "char/x"} {
			var want []string
			for _, name := range names {
				if strings.HasPrefix(name, prefix) {
					want = append(want, name)
				}
			}
			f.wantNames(f.a, prefix, "", want...)
			if got := f.pages(f.a, prefix, 2); !slices.Equal(got, want) {
				f.Errorf("pages of %q: %q, want %q", prefix, got, want)
			}
		}
		f.wantNames(f.a, "a/", "A", "a/B", "a/b", "a/b/c")
		f.wantNames(f.a, "a/", "a/B", "a/b", "a/b/c")
		f.wantNames(f.a, "a/", "a/b", "a/b/c")
		f.wantNames(f.a, "a/", "a/b/c")
		f.wantNames(f.a, "a/", "b")
	}},
	{"long lists are paged to the end", func(f *objectsFixture) {
		names := make([]string, analytics.MaxObjectList+60)
		for i := range names {
			names[i] = fmt.Sprintf("long/%d/x%04d", i%3, i)
		}
		f.fill(f.a, names...)
		slices.Sort(names)
		for _, limit := range []int{analytics.MaxObjectList, 100} {
			if got := f.pages(f.a, "", limit); !slices.Equal(got, names) {
				f.Errorf("pages of %d: %d names, want %d", limit, len(got), len(names))
			}
		}
	}},
	{"limits out of bounds are refused", func(f *objectsFixture) {
		for _, limit := range []int{0, -1, analytics.MaxObjectList + 1} {
			_, err := f.objects.List(f.ctx, f.a, "", "", limit)
			f.wantErr(fmt.Sprint("limit ", limit), err, analytics.ErrObjects)
		}
	}},
	{"it says what was stored, and when", func(f *objectsFixture) {
		var before time.Time
		for _, content := range []string{"one", "three", ""} {
			f.put(f.a, "x/y", content)
			list, err := f.objects.List(f.ctx, f.a, "", "", 2)
			if err != nil || len(list) != 1 {
				f.Fatalf("List: %v, %v", list, err)
			}
			got := list[0]
			if got.Name != "x/y" || got.Size != int64(len(content)) || got.Modified.IsZero() || got.Modified.Before(before) || got.Modified.Location() != time.UTC {
				f.Errorf("List: %+v", got)
			}
			before = got.Modified
		}
	}},
	{"what is there throughout is found once while others come and go", func(f *objectsFixture) {
		var stay []string
		for i := range 40 {
			stay = append(stay, fmt.Sprintf("dir%d/stay%02d", i/10, i))
		}
		f.fill(f.a, stay...)
		done := make(chan struct{})
		var group sync.WaitGroup
		defer group.Wait()
		defer close(done)
		group.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				name := fmt.Sprintf("dir%d/%d/x", i%5, i%3)
				f.put(f.a, name, "x")
				f.delete(f.a, name)
			}
		})
		for range 10 {
			got := slices.DeleteFunc(f.pages(f.a, "", 7), func(name string) bool { return strings.HasSuffix(name, "/x") })
			if !slices.Equal(got, stay) {
				f.Errorf("%q, want %q", got, stay)
			}
		}
	}},
}

var objectsCallTests = []objectsTest{
	{"a cancelled context ends the call without effect", func(f *objectsFixture) {
		f.put(f.a, "x", "old")
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		f.wantErr("Put", f.objects.Put(ctx, f.a, "x", strings.NewReader("new")), context.Canceled)
		f.wantErr("Create", f.objects.Create(ctx, f.a, "y", strings.NewReader("new")), context.Canceled)
		_, err := f.objects.Open(ctx, f.a, "x")
		f.wantErr("Open", err, context.Canceled)
		_, err = f.objects.List(ctx, f.a, "", "", 1)
		f.wantErr("List", err, context.Canceled)
		f.wantErr("Delete", f.objects.Delete(ctx, f.a, "x"), context.Canceled)
		if _, err = f.objects.Link(ctx, f.a, "x", time.Minute); !errors.Is(err, iotenant.ErrUnsupported) {
			f.wantErr("Link", err, context.Canceled)
		}
		f.wantNames(f.a, "", "", "x")
		f.wantContent(f.a, "x", "old")
	}},
	{"a link is for a while, or unsupported", func(f *objectsFixture) {
		f.put(f.a, "x", "content")
		link, err := f.objects.Link(f.ctx, f.a, "x", time.Minute)
		if errors.Is(err, iotenant.ErrUnsupported) {
			return
		}
		if err != nil || !strings.Contains(link, "://") {
			f.Errorf("Link: %q, %v", link, err)
		}
		for _, valid := range []time.Duration{0, -time.Second, time.Millisecond, 1500 * time.Millisecond, analytics.MaxLink + time.Second} {
			_, err := f.objects.Link(f.ctx, f.a, "x", valid)
			f.wantErr(valid.String(), err, analytics.ErrObjects)
		}
		if _, err := f.objects.Link(f.ctx, f.a, "missing", analytics.MaxLink); err != nil {
			f.wantErr("missing", err, analytics.ErrNoObject)
		}
	}},
	{"an object is seen whole while it is replaced", func(f *objectsFixture) {
		// Each content is one letter throughout, other lengths for each.
		content := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 1000*(1+i%26)) }
		f.put(f.a, "x", content(0))
		var writers, readers sync.WaitGroup
		done := make(chan struct{})
		for w := range 2 {
			writers.Go(func() {
				for i := range 60 {
					f.put(f.a, "x", content(2*i+w))
				}
			})
		}
		for range 4 {
			readers.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						f.wantWhole("x")
					}
				}
			})
		}
		writers.Wait()
		close(done)
		readers.Wait()
		f.wantWhole("x")
	}},
	{"an acknowledged change is seen while others change", func(f *objectsFixture) {
		var group sync.WaitGroup
		for w := range 8 {
			id, name := []tenant.ID{f.a, f.b}[w%2], fmt.Sprintf("%d/x", w/2)
			group.Go(func() {
				for i := range 20 {
					f.put(id, name, fmt.Sprint(i))
					f.wantContent(id, name, fmt.Sprint(i))
					f.wantNames(id, name, "", name)
					f.delete(id, name)
					f.wantMissing(id, name)
					f.wantNames(id, name, "")
					if err := f.objects.Create(f.ctx, id, name, strings.NewReader("created")); err != nil {
						f.Errorf("Create: %v", err)
					}
				}
			})
		}
		group.Wait()
	}},
}

// wantWhole checks that an object is one letter throughout, as often as the
// letter says.
func (f *objectsFixture) wantWhole(name string) {
	f.Helper()
	object, err := f.objects.Open(f.ctx, f.a, name)
	if err != nil {
		f.Errorf("Open: %v", err)
		return
	}
	defer object.Close()
	got, err := contentOf(object)
	if errors.Is(err, analytics.ErrNoObject) {
		return // replaced meanwhile
	}
	if err != nil || got == "" || object.Size() != 1000*(1+int64(got[0]-'a')) || len(bytes.TrimLeft([]byte(got), got[:1])) > 0 {
		f.Errorf("%d bytes that begin with %.3q: %v", len(got), got, err)
	}
}
