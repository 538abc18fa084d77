package s3analytics_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/s3analytics"
	"github.com/iotenant/iotenant/tenant"
)

func TestAttackObjects(t *testing.T) {
	t.Parallel()
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			analyticstest.TestObjectsIsolation(t, open)
		})
	}
}

// everyCall makes all calls of a tenant, each of which succeeds or does not
// find anything.
func everyCall(t *testing.T, o analytics.Objects, id tenant.ID) {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil && !errors.Is(err, iotenant.ErrNotFound) {
			require.NoError(t, err)
		}
	}
	check(o.Put(ctx, id, "x", strings.NewReader("x")))
	check(o.Create(ctx, id, "large", bytes.NewReader(bytesOf(2*s3analytics.MinPartSize))))
	check(o.Put(ctx, id, "broken", io.MultiReader(bytes.NewReader(bytesOf(s3analytics.MinPartSize+1)), strings.NewReader(""))))
	check(o.Put(ctx, id, "empty", strings.NewReader("")))
	for _, name := range []string{"x", "large", "empty", "missing", "tenants/globex/x"} {
		object, err := o.Open(ctx, id, name)
		check(err)
		if err == nil {
			_, err = io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
			require.NoError(t, err)
			require.NoError(t, object.Close())
		}
	}
	for _, prefix := range []string{"", "x", "../globex/", "\x00", "/"} {
		_, err := o.List(ctx, id, prefix, prefix, 10)
		check(err)
	}
	check(o.Delete(ctx, id, "large", "missing"))
}

// TestAttackKeys holds that every request of a tenant is within what
// credentials of that tenant allow, and of no tenant whose id begins alike.
func TestAttackKeys(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.scoped = true
	everyCall(t, objectsOf(f), acme)
	calls := f.took()
	require.NotEmpty(t, calls)
	for _, call := range calls {
		if call.operation != "DeleteObjects" {
			require.True(t, strings.HasPrefix(call.key, "tenants/acme/"), "%s of %q", call.operation, call.key)
		}
	}
}

// TestAttackBucketOwner holds that nothing is sent to a bucket that somebody
// else has taken.
func TestAttackBucketOwner(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.scoped = true
	everyCall(t, objectsOf(f, withEverything), acme)
	f.refuse("CompleteMultipartUpload", http.StatusNotFound, "NoSuchUpload", 1)
	err := objectsOf(f, withEverything).Put(t.Context(), acme, "gone", bytes.NewReader(bytesOf(s3analytics.MinPartSize+1)))
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	operations := map[string]bool{}
	for _, call := range f.took() {
		operations[call.operation] = true
		require.Equal(t, account, call.header.Get("X-Amz-Expected-Bucket-Owner"), call.operation)
	}
	require.Len(t, operations, 9)

	other := func(o *s3analytics.Options) { o.ExpectedBucketOwner = "999999999999" }
	require.ErrorIs(t, objectsOf(f, other).Put(t.Context(), acme, "x", strings.NewReader("secret")), iotenant.ErrUnavailable)
	_, err = objectsOf(f, other).Open(t.Context(), acme, "x")
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}

// TestAttackForeignKey holds that a list shows no key of another tenant,
// whatever the bucket answers.
func TestAttackForeignKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"tenants/globex/x", "tenants/acme-b/x", "tenants/acme", "x", "lake/tenants/acme/x"} {
		f := newFake()
		f.on("ListObjectsV2", 1, func(func() *http.Response) (*http.Response, error) {
			return respondXML(fakeList{Contents: []fakeListed{{Key: key, LastModified: "2026-03-01T12:00:00Z"}}}), nil
		})
		list, err := objectsOf(f).List(t.Context(), acme, "", "", 10)
		require.ErrorIs(t, err, iotenant.ErrUnavailable, key)
		require.Empty(t, list)
		require.NotContains(t, err.Error(), "globex")
	}
}

// TestAttackKMSKey holds that objects are encrypted by the key of their tenant.
func TestAttackKMSKey(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, s3analytics.MinPartSize + 1} {
		f := newFake()
		objects := objectsOf(f, func(o *s3analytics.Options) {
			o.Key = func(id tenant.ID) string { return "key/" + id.String() }
		})
		for _, id := range []tenant.ID{acme, globex} {
			require.NoError(t, objects.Put(t.Context(), id, "x", bytes.NewReader(bytesOf(size))))
			header := f.stored("tenants/" + id.String() + "/x").header
			require.Equal(t, "key/"+id.String(), header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"))
		}
	}
}

func TestAttackLink(t *testing.T) {
	t.Parallel()
	f := newFake()
	client := f.client()
	objects := objectsOf(f, func(o *s3analytics.Options) { o.Presigner = s3.NewPresignClient(client) })
	for _, name := range []string{"x", "tenants/globex/x", "%2e%2e/globex/x", "..%2fglobex%2fx"} {
		link, err := objects.Link(t.Context(), acme, name, time.Minute)
		require.NoError(t, err)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
		require.NoError(t, err)
		require.Equal(t, "tenants/acme/"+name, keyOf(request))
	}
	for _, name := range []string{"../globex/x", "/x", "a/../../globex/x"} {
		_, err := objects.Link(t.Context(), acme, name, time.Minute)
		require.ErrorIs(t, err, analytics.ErrObjectName)
	}
}

// TestAttackErrorTexts holds that no error repeats what S3 says, which can name
// other tenants, nor the URL of a request.
func TestAttackErrorTexts(t *testing.T) {
	t.Parallel()
	small, large := []byte("y"), bytesOf(s3analytics.MinPartSize+1)
	for operation, body := range map[string][]byte{
		"PutObject": small, "GetObject": small, "ListObjectsV2": small, "DeleteObjects": small,
		"CreateMultipartUpload": large, "UploadPart": large, "CompleteMultipartUpload": large,
	} {
		for name, fail := range map[string]func(f *fake){
			"denied":   func(f *fake) { f.refuse(operation, http.StatusForbidden, "AccessDenied", 1000) },
			"conflict": func(f *fake) { f.refuse(operation, http.StatusPreconditionFailed, "PreconditionFailed", 1000) },
			"missing":  func(f *fake) { f.refuse(operation, http.StatusNotFound, "NoSuchKey", 1000) },
			"lost": func(f *fake) {
				f.on(operation, 1000, func(func() *http.Response) (*http.Response, error) { return nil, errLost })
			},
		} {
			f := newFake()
			fail(f)
			objects := s3analytics.New(f.client(), bucket, withParts)
			var errs []error
			errs = append(errs, objects.Put(t.Context(), acme, "x", strings.NewReader("x")), objects.Create(t.Context(), acme, "y", bytes.NewReader(body)))
			_, err := objects.Open(t.Context(), acme, "x")
			errs = append(errs, err)
			_, err = objects.List(t.Context(), acme, "", "", 1)
			errs = append(errs, err, objects.Delete(context.Background(), acme, "x"))
			text := errors.Join(errs...)
			require.Error(t, text, "%s: %s", operation, name)
			require.NotContains(t, text.Error(), "globex")
			require.NotContains(t, text.Error(), "http")
		}
	}
}
