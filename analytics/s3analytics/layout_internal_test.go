package s3analytics

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

func FuzzAttackKeyCollision(f *testing.F) {
	f.Add("", "acme", "x", "acme-b", "x")
	f.Add("lake/", "acme", "b/x", "acme-b", "x")
	f.Add("tenants/", "acme", "tenants/globex/x", "globex", "x")
	f.Add("", "acme", "../globex/x", "globex", "x")
	f.Add("a/", "abc", "%2e%2e/abd/x", "abd", "x")
	f.Fuzz(func(t *testing.T, prefix, id1, name1, id2, name2 string) {
		a, errA := tenant.ParseID(id1)
		b, errB := tenant.ParseID(id2)
		if checkPrefix(prefix) != nil || errA != nil || errB != nil || analytics.CheckObject(a, name1, name2) != nil {
			return
		}
		o := New(nobody{}, "bucket", func(o *Options) { o.Prefix = prefix })
		keyA, keyB := o.key(a, name1), o.key(b, name2)
		require.LessOrEqual(t, len(keyA), maxKey)
		require.Equal(t, a == b && name1 == name2, keyA == keyB)
		require.Equal(t, a == b, strings.HasPrefix(keyA, prefix+"tenants/"+b.String()+"/"), "%q is within what a policy allows %s", keyA, b)
		back, ok := nameIn(o.folder(a), keyA)
		require.True(t, ok)
		require.Equal(t, name1, back)
		_, ok = nameIn(o.folder(b), keyA)
		require.Equal(t, a == b, ok)
	})
}

// nobody is an API that nobody calls.
type nobody struct{ API }

func FuzzNameIn(f *testing.F) {
	for _, key := range []string{"tenants/acme/x", "tenants/acme/", "tenants/acme", "tenants/acme-b/x", "tenants/acme/../globex/x", "tenants/acme//x", "x"} {
		f.Add("tenants/acme/", key)
	}
	f.Fuzz(func(t *testing.T, folder, key string) {
		if name, ok := nameIn(folder, key); ok {
			require.Equal(t, key, folder+name)
			require.NoError(t, analytics.CheckObjectName(name))
		}
	})
}

// TestNameBytes holds that names consist of what this package takes for it.
func TestNameBytes(t *testing.T) {
	t.Parallel()
	for b := range 256 {
		text := string([]byte{'x', byte(b), 'x'})
		require.Equal(t, analytics.CheckObjectName(text) == nil, strings.IndexByte(nameBytes, byte(b)) >= 0, "%q", text)
	}
	for i := range len(nameBytes) - 1 {
		require.Less(t, nameBytes[i], nameBytes[i+1])
		require.Less(t, nameBytes[i+1], afterAll[0])
	}
}

// TestStartAfter compares what S3 is asked with what was asked.
func TestStartAfter(t *testing.T) {
	t.Parallel()
	name := rapid.StringMatching(`[ -9a-c:=_]{1,4}`).Filter(func(name string) bool { return analytics.CheckObjectName(name) == nil })
	for _, after := range []*rapid.Generator[string]{
		rapid.String(),
		rapid.StringMatching(`[\x00-\x7f]{1,5}`),
		rapid.StringMatching(`[ -9a-c]{0,3}[\x00-\x{ff}]?[a-b]{0,2}`),
		rapid.Just(strings.Repeat("a", analytics.MaxObjectName) + "\x00"),
	} {
		rapid.Check(t, func(t *rapid.T) {
			after := after.Draw(t, "after")
			start := startAfter(after)
			if len(start) > analytics.MaxObjectName+2 || strings.Trim(start, nameBytes+afterAll) != "" {
				t.Fatalf("startAfter(%q) is %q", after, start)
			}
			names := rapid.SliceOf(name).Draw(t, "names")
			for n := range len(after) { // and names around it
				names = append(names, after[:n], after[:n]+"0", after[:n]+"z", after[:n]+" x")
			}
			for _, name := range names {
				if analytics.CheckObjectName(name) == nil && (name > start) != (name > after) {
					t.Fatalf("startAfter(%q) is %q, on the other side of %q", after, start, name)
				}
			}
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for name, fn := range map[string]func(*Options){
		"part too small":    func(o *Options) { o.PartSize = MinPartSize - 1 },
		"part too large":    func(o *Options) { o.PartSize = MaxPartSize + 1 },
		"no parts":          func(o *Options) { o.Parallel = 0 },
		"no memory":         func(o *Options) { o.ReadAhead = MinReadAhead - 1 },
		"no keys":           func(o *Options) { o.Key = nil },
		"archive":           func(o *Options) { o.StorageClass = types.StorageClassGlacier },
		"deep archive":      func(o *Options) { o.StorageClass = types.StorageClassDeepArchive },
		"prefix of no name": func(o *Options) { o.Prefix = "a//" },
		"prefix of dots":    func(o *Options) { o.Prefix = "../" },
		"prefix of a slash": func(o *Options) { o.Prefix = "/" },
		"prefix too long":   func(o *Options) { o.Prefix = strings.Repeat("x", 177) + "/" },
		"prefix, no slash":  func(o *Options) { o.Prefix = "lake" },
	} {
		require.Panics(t, func() { New(nobody{}, "bucket", fn) }, name)
	}
	require.Panics(t, func() { New(nil, "bucket") })
	require.Panics(t, func() { New(nobody{}, "") })
	require.NotPanics(t, func() {
		New(nobody{}, "bucket", func(o *Options) { o.Prefix = strings.Repeat("x", 176) + "/" })
	})
}

func TestObjectsOfTooManyParts(t *testing.T) {
	t.Parallel()
	u := &upload{
		write: &write{Objects: New(nobody{}, "bucket"), source: source{body: strings.NewReader("more")}},
		parts: make([]types.CompletedPart, MaxParts), cancel: func() {},
	}
	part, _ := u.nextPart(t.Context(), nil)
	require.Nil(t, part)
	require.ErrorIs(t, u.err, ErrTooLarge)
	require.ErrorIs(t, u.err, iotenant.ErrInvalid)
}
