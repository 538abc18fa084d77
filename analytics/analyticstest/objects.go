package analyticstest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// OpenObjects makes new Objects without any object for one test. It may use
// t.Cleanup to close them.
type OpenObjects func(t *testing.T) analytics.Objects

// TestObjects checks the contract of analytics.Objects on those that open
// makes.
func TestObjects(t *testing.T, open OpenObjects) {
	for _, group := range []struct {
		name  string
		tests []objectsTest
	}{
		{"Isolation", objectsIsolationTests},
		{"Put", putTests},
		{"Create", createTests},
		{"Open", openTests},
		{"List", listTests},
		{"Delete", deleteTests},
		{"Calls", objectsCallTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			runObjects(t, open, group.tests)
		})
	}
}

// TestObjectsIsolation checks that tenants are apart. It is part of
// [TestObjects].
func TestObjectsIsolation(t *testing.T, open OpenObjects) {
	runObjects(t, open, objectsIsolationTests)
}

func runObjects(t *testing.T, open OpenObjects, tests []objectsTest) {
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			t.Parallel()
			test.check(newObjectsFixture(t, open))
		})
	}
}

// objectsTest checks one sentence of the contract.
type objectsTest struct {
	sentence string
	check    func(*objectsFixture)
}

// objectsFixture is what a test needs to speak to Objects.
type objectsFixture struct {
	*testing.T
	ctx     context.Context
	objects analytics.Objects
	a, b    tenant.ID
}

func newObjectsFixture(t *testing.T, open OpenObjects) *objectsFixture {
	t.Helper()
	return &objectsFixture{T: t, ctx: t.Context(), objects: open(t), a: tenant.MustParseID("acme"), b: tenant.MustParseID("acme-b")}
}

// put puts an object of this content. Like what follows, it may be called from
// any goroutine, and goes on when it fails.
func (f *objectsFixture) put(id tenant.ID, name, content string) {
	f.Helper()
	if err := f.objects.Put(f.ctx, id, name, strings.NewReader(content)); err != nil {
		f.Errorf("Put(%q): %v", name, err)
	}
}

// fill puts objects whose content is their name, several at a time.
func (f *objectsFixture) fill(id tenant.ID, names ...string) {
	f.Helper()
	todo := make(chan string)
	failures := make(chan error, 8)
	for range cap(failures) {
		go func() {
			var failure error
			for name := range todo {
				if err := f.objects.Put(f.ctx, id, name, strings.NewReader(name)); err != nil {
					failure = err
				}
			}
			failures <- failure
		}()
	}
	for _, name := range names {
		todo <- name
	}
	close(todo)
	for range cap(failures) {
		if err := <-failures; err != nil {
			f.Fatalf("Put: %v", err)
		}
	}
}

func (f *objectsFixture) create(id tenant.ID, name, content string) error {
	return f.objects.Create(f.ctx, id, name, strings.NewReader(content))
}

func (f *objectsFixture) delete(id tenant.ID, names ...string) {
	f.Helper()
	if err := f.objects.Delete(f.ctx, id, names...); err != nil {
		f.Errorf("Delete(%q): %v", names, err)
	}
}

// opened opens an object for the length of the test, on the test's goroutine.
func (f *objectsFixture) opened(id tenant.ID, name string) analytics.Object {
	f.Helper()
	object, err := f.objects.Open(f.ctx, id, name)
	if err != nil {
		f.Fatalf("Open(%q): %v", name, err)
	}
	f.Cleanup(func() { _ = object.Close() })
	return object
}

// wantContent checks what an object holds.
func (f *objectsFixture) wantContent(id tenant.ID, name, want string) {
	f.Helper()
	object, err := f.objects.Open(f.ctx, id, name)
	if err != nil {
		f.Errorf("Open(%q): %v", name, err)
		return
	}
	defer object.Close()
	got, err := contentOf(object)
	switch {
	case err != nil:
		f.Errorf("reading %q: %v", name, err)
	case got != want && len(want) < 100:
		f.Errorf("%q holds %.100q of %d bytes, want %q", name, got, len(got), want)
	case got != want:
		f.Errorf("%q holds %d other bytes, want %d", name, len(got), len(want))
	}
}

func (f *objectsFixture) wantMissing(id tenant.ID, name string) {
	f.Helper()
	object, err := f.objects.Open(f.ctx, id, name)
	f.wantErr("Open "+name, err, analytics.ErrNoObject)
	if err == nil {
		_ = object.Close()
	}
}

// contentOf reads an object as a whole.
func contentOf(object analytics.Object) (string, error) {
	content := make([]byte, object.Size())
	n, err := object.ReadAt(content, 0)
	if errors.Is(err, io.EOF) && n == len(content) {
		err = nil
	}
	return string(content[:n]), err
}

// list returns names, which must be in order and no more than limit.
func (f *objectsFixture) list(id tenant.ID, prefix, after string, limit int) (names []string) {
	f.Helper()
	found, err := f.objects.List(f.ctx, id, prefix, after, limit)
	if err != nil {
		f.Errorf("List(%q, %q, %d): %v", prefix, after, limit, err)
	}
	for _, info := range found {
		names = append(names, info.Name)
	}
	if len(names) > limit {
		f.Errorf("List(%q, %q, %d): %d names", prefix, after, limit, len(names))
	}
	for i := 1; i < len(names); i++ {
		if names[i-1] >= names[i] {
			f.Errorf("List(%q, %q, %d): %q before %q", prefix, after, limit, names[i-1], names[i])
		}
	}
	return names
}

// pages lists to the end.
func (f *objectsFixture) pages(id tenant.ID, prefix string, limit int) (names []string) {
	f.Helper()
	after := ""
	for {
		page := f.list(id, prefix, after, limit)
		names = append(names, page...)
		if len(page) < limit {
			return names
		}
		after = page[limit-1]
	}
}

// wantNames checks which names a list holds.
func (f *objectsFixture) wantNames(id tenant.ID, prefix, after string, want ...string) {
	f.Helper()
	if got := f.list(id, prefix, after, analytics.MaxObjectList); !slices.Equal(got, want) {
		f.Errorf("List(%q, %q): %q, want %q", prefix, after, got, want)
	}
}

// wantErr checks an error, which must not tell of the second tenant.
func (f *objectsFixture) wantErr(call string, err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Errorf("%s: %v, want %v", call, err, want)
	}
	if err != nil && strings.Contains(err.Error(), f.b.String()) {
		f.Errorf("%s: error names another tenant: %v", call, err)
	}
}

// bytesOf returns so many bytes, other ones for each seed.
func bytesOf(seed uint64, n int) string {
	content := make([]byte, n)
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = source.Read(content)
	return string(content)
}

// broken is a body that fails after so many bytes.
func broken(n int, err error) io.Reader {
	return io.MultiReader(bytes.NewReader(make([]byte, n)), iotest.ErrReader(err))
}

// endless is a body without end. It calls at once so many bytes were read.
type endless struct {
	left int
	at   func()
}

func (e *endless) Read(p []byte) (int, error) {
	if before := e.left; before > 0 {
		if e.left -= len(p); e.left <= 0 {
			e.at()
		}
	}
	return len(p), nil
}
