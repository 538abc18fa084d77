package s3analytics_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/s3analytics"
)

func TestListGoesOnToItsLimit(t *testing.T) {
	t.Parallel()
	f := newFake()
	objects := objectsOf(f)
	for i := range 25 {
		require.NoError(t, objects.Put(t.Context(), acme, fmt.Sprintf("log/%02d", i), strings.NewReader("x")))
	}
	f.pageSize = 10
	f.took()
	for limit, calls := range map[int]int{1: 1, 10: 1, 11: 2, 25: 3, 1000: 3} {
		list, err := objects.List(t.Context(), acme, "log/", "", limit)
		require.NoError(t, err)
		require.Len(t, list, min(limit, 25))
		require.Len(t, f.called(), calls, "limit %d", limit)
	}
	list, err := objects.List(t.Context(), acme, "log/", "log/03", 2)
	require.NoError(t, err)
	require.Equal(t, analytics.ObjectInfo{Name: "log/04", Size: 1, Modified: f.stored("tenants/acme/log/04").modified}, list[0])
}

// TestListLeavesOutWhatIsNoObject: others may put something into a bucket.
func TestListLeavesOutWhatIsNoObject(t *testing.T) {
	t.Parallel()
	f := newFake()
	for _, name := range []string{"", "folder/", "a//b", "é", "fine", "z+", "zfine"} {
		f.objects["tenants/acme/"+name] = f.object([]byte("x"), nil)
	}
	f.pageSize = 2
	list, err := objectsOf(f).List(t.Context(), acme, "", "", 2)
	require.NoError(t, err)
	require.Len(t, list, 2, "a list shorter than its limit would be the last")
	require.Equal(t, "zfine", list[1].Name)
}

func TestListAsksNothingThatHasNoAnswer(t *testing.T) {
	t.Parallel()
	f := newFake()
	for _, prefix := range []string{"é", "a\x00", "a?", strings.Repeat("x", analytics.MaxObjectName+1)} {
		list, err := objectsOf(f).List(t.Context(), acme, prefix, "", 10)
		require.NoError(t, err)
		require.Empty(t, list)
	}
	require.Empty(t, f.called())
}

func TestListThatGoesOnWithoutToken(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.on("ListObjectsV2", 1, func(func() *http.Response) (*http.Response, error) {
		return respondXML(fakeList{IsTruncated: true}), nil
	})
	_, err := objectsOf(f).List(t.Context(), acme, "", "", 10)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}

func TestDeleteIsOneRequest(t *testing.T) {
	t.Parallel()
	f := newFake()
	objects := objectsOf(f)
	names := make([]string, analytics.MaxObjectList)
	for i := range names {
		names[i] = fmt.Sprint("x", i)
		f.objects["tenants/acme/"+names[i]] = f.object(nil, nil)
	}
	require.NoError(t, objects.Delete(t.Context(), acme, names...))
	require.Equal(t, []string{"DeleteObjects"}, f.called())
	require.Empty(t, f.objects)
	require.NoError(t, objects.Delete(t.Context(), acme))
	require.Empty(t, f.called())
}

type fakeDeleteError struct{ Key, Code, Message string }

// failKeys answers deletions with errors of keys, by the calls.
func (f *fake) failKeys(byCall ...[]fakeDeleteError) {
	f.on("DeleteObjects", len(byCall), func(func() *http.Response) (*http.Response, error) {
		errs := byCall[0]
		byCall = byCall[1:]
		return respondXML(struct {
			XMLName xml.Name `xml:"DeleteResult"`
			Error   []fakeDeleteError
		}{Error: errs}), nil
	})
}

func TestDeleteRepeatsWhatFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		objects := objectsOf(f)
		failed := []fakeDeleteError{{"tenants/acme/b", "InternalError", "m"}, {"tenants/acme/c", "SlowDown", "m"}}
		f.failKeys(failed, failed[1:])
		require.NoError(t, objects.Delete(t.Context(), acme, "a", "b", "c"))
		require.Len(t, f.called(), 3)

		f.failKeys(failed, failed, failed, failed, failed, failed, failed)
		err := objects.Delete(t.Context(), acme, "a", "b", "c")
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		require.Len(t, f.called(), 6)
		require.Equal(t, `s3analytics: delete: unavailable: "b": InternalError, and 1 others`, err.Error())
	})
}

func TestDeleteThatIsRefused(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.failKeys([]fakeDeleteError{{"tenants/acme/b", "AccessDenied", "about globex"}})
	err := objectsOf(f).Delete(t.Context(), acme, "a", "b")
	require.EqualError(t, err, `s3analytics: delete: unavailable: "b": AccessDenied`)
	require.Len(t, f.called(), 1)
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, "about globex", api.ErrorMessage())
}

func TestLinkIsForAnybody(t *testing.T) {
	t.Parallel()
	f := newFake()
	client := f.client()
	objects := objectsOf(f, withEverything, func(o *s3analytics.Options) { o.Presigner = s3.NewPresignClient(client) })
	require.NoError(t, objects.Put(t.Context(), acme, "a b/x=1.csv", strings.NewReader("content")))
	f.took()
	link, err := objects.Link(t.Context(), acme, "a b/x=1.csv", 90*time.Second)
	require.NoError(t, err)
	require.Empty(t, f.called())

	parsed, err := url.Parse(link)
	require.NoError(t, err)
	require.Equal(t, "90", parsed.Query().Get("X-Amz-Expires"))
	require.Equal(t, "host", parsed.Query().Get("X-Amz-SignedHeaders"), "who follows it sends nothing else")
	require.False(t, parsed.Query().Has("x-amz-expected-bucket-owner"))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
	require.NoError(t, err)
	response, err := f.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, "content", string(body))
}

func TestLinkAtMoto(t *testing.T) {
	t.Parallel()
	objects := openMoto(t)
	require.NoError(t, objects.Put(t.Context(), acme, "a b/x=1.csv", strings.NewReader("content")))
	link, err := objects.Link(t.Context(), acme, "a b/x=1.csv", time.Minute)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, "content", string(body))
}

func TestLinkWithoutPresigner(t *testing.T) {
	t.Parallel()
	_, err := objectsOf(newFake()).Link(t.Context(), acme, "x", time.Minute)
	require.ErrorIs(t, err, iotenant.ErrUnsupported)
}

func TestLinkThatCannotBeSigned(t *testing.T) {
	t.Parallel()
	f := newFake()
	client := f.client(func(o *s3.Options) { o.Credentials = nil; o.BaseEndpoint = nil; o.Region = "" })
	objects := objectsOf(f, func(o *s3analytics.Options) { o.Presigner = s3.NewPresignClient(client) })
	_, err := objects.Link(t.Context(), acme, "x", time.Minute)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}

// TestFailuresOfS3 checks what a caller learns of each.
func TestFailuresOfS3(t *testing.T) {
	t.Parallel()
	calls := map[string]func(o *s3analytics.Objects) error{
		"PutObject": func(o *s3analytics.Objects) error { return o.Put(t.Context(), acme, "x", strings.NewReader("x")) },
		"GetObject": func(o *s3analytics.Objects) error {
			_, err := o.Open(t.Context(), acme, "x")
			return err
		},
		"ListObjectsV2": func(o *s3analytics.Objects) error {
			_, err := o.List(t.Context(), acme, "", "", 1)
			return err
		},
		"DeleteObjects": func(o *s3analytics.Objects) error { return o.Delete(t.Context(), acme, "x") },
	}
	for operation, call := range calls {
		for code, status := range map[string]int{
			"NoSuchBucket": 404, "AccessDenied": 403, "SlowDown": 503, "InternalError": 500, "PermanentRedirect": 301, "InvalidRequest": 400, "KMS.DisabledException": 400,
		} {
			f := newFake()
			f.objects["tenants/acme/x"] = f.object([]byte("x"), nil)
			f.refuse(operation, status, code, 1000)
			err := call(objectsOf(f))
			require.ErrorIs(t, err, iotenant.ErrUnavailable, "%s: %s", operation, code)
			require.Equal(t, iotenant.ErrUnavailable, iotenant.KindOf(err))
			var api smithy.APIError
			require.ErrorAs(t, err, &api)
			require.Equal(t, code, api.ErrorCode())
			require.ErrorContains(t, err, code)
		}
		f := newFake()
		f.on(operation, 1000, func(func() *http.Response) (*http.Response, error) { return nil, errLost })
		err := call(objectsOf(f))
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		require.ErrorIs(t, err, errLost)
		require.True(t, errors.Is(err, iotenant.ErrUnavailable) && strings.HasSuffix(err.Error(), ": no answer"), err.Error())
	}
}

func TestClientRepeatsWhatIsThrottled(t *testing.T) {
	t.Parallel()
	f := newFake()
	objects := objectsOf(f)
	for operation, call := range map[string]func() error{
		"PutObject": func() error { return objects.Create(t.Context(), acme, "x", strings.NewReader("x")) },
		"GetObject": func() error {
			object, err := objects.Open(t.Context(), acme, "x")
			if err == nil {
				err = object.Close()
			}
			return err
		},
	} {
		f.objects = map[string]*fakeObject{}
		if operation == "GetObject" {
			f.objects["tenants/acme/x"] = f.object([]byte("x"), nil)
		}
		for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
			f.refuse(operation, status, "SlowDown", 3)
			require.NoError(t, call())
			require.Len(t, f.called(), 4)
			if operation == "PutObject" {
				delete(f.objects, "tenants/acme/x")
			}
		}
	}
}
