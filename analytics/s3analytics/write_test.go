package s3analytics_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/s3analytics"
	"github.com/iotenant/iotenant/tenant"
)

// bytesOf returns so many bytes, which repeat only after 1757.
func bytesOf(n int) []byte {
	data := make([]byte, n)
	const period = 251 * 7
	for i := range min(n, period) {
		data[i] = byte(i%251 + i/251)
	}
	for filled := period; filled < n; filled *= 2 {
		copy(data[filled:], data[:filled])
	}
	return data
}

func objectsOf(f *fake, optFns ...func(*s3analytics.Options)) *s3analytics.Objects {
	return s3analytics.New(f.client(patient), bucket, append([]func(*s3analytics.Options){withParts}, optFns...)...)
}

type writing func(o *s3analytics.Objects, ctx context.Context, name string, body io.Reader) error

var (
	put writing = func(o *s3analytics.Objects, ctx context.Context, name string, body io.Reader) error {
		return o.Put(ctx, acme, name, body)
	}
	create writing = func(o *s3analytics.Objects, ctx context.Context, name string, body io.Reader) error {
		return o.Create(ctx, acme, name, body)
	}
	writes = map[string]writing{"put": put, "create": create}
)

func TestWriteMakesTheCallsThatItNeeds(t *testing.T) {
	t.Parallel()
	const part = s3analytics.MinPartSize
	whole := []string{"PutObject"}
	parts := []string{"CreateMultipartUpload", "UploadPart", "UploadPart", "CompleteMultipartUpload"}
	for size, want := range map[int][]string{0: whole, 1: whole, part - 1: whole, part: whole, part + 1: parts, 2 * part: parts} {
		data := bytesOf(size)
		for kind, body := range map[string]io.Reader{
			"sized": bytes.NewReader(data), "unsized": io.MultiReader(bytes.NewReader(data)), "early end": iotest.DataErrReader(bytes.NewReader(data)),
		} {
			f := newFake()
			require.NoError(t, put(objectsOf(f), t.Context(), "x", body))
			require.Equal(t, want, f.called(), "%d bytes, %s", size, kind)
			require.True(t, bytes.Equal(data, f.stored("tenants/acme/x").data))
			require.Zero(t, f.unfinished())
		}
	}
}

func TestWritesCarryOptions(t *testing.T) {
	t.Parallel()
	for size, operation := range map[int]string{10: "PutObject", s3analytics.MinPartSize + 1: "CreateMultipartUpload"} {
		f := newFake()
		objects := objectsOf(f, withEverything)
		for _, id := range []tenant.ID{acme, globex} {
			require.NoError(t, objects.Put(t.Context(), id, "x", bytes.NewReader(bytesOf(size))))
			stored := f.stored("a (b)/lake/tenants/" + id.String() + "/x").header
			require.Equal(t, "STANDARD_IA", stored.Get("X-Amz-Storage-Class"), operation)
			require.Equal(t, keyOfTenant(id), stored.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"))
			if id == acme {
				require.Equal(t, "aws:kms", stored.Get("X-Amz-Server-Side-Encryption"))
				require.Equal(t, "true", stored.Get("X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"))
			} else {
				require.Empty(t, stored.Get("X-Amz-Server-Side-Encryption"))
			}
		}
		require.Equal(t, 2, count(f.called(), operation))
	}
}

func TestMissingOptionsSendNothing(t *testing.T) {
	t.Parallel()
	f := newFake()
	require.NoError(t, objectsOf(f).Put(t.Context(), acme, "x", strings.NewReader("x")))
	for _, header := range []string{"X-Amz-Storage-Class", "X-Amz-Server-Side-Encryption", "X-Amz-Expected-Bucket-Owner", "If-None-Match"} {
		require.Empty(t, f.took()[0].header.Values(header), header)
		require.NoError(t, objectsOf(f).Put(t.Context(), acme, "x", strings.NewReader("x")))
	}
}

func TestBodyReadsOfNothing(t *testing.T) {
	t.Parallel()
	f := newFake()
	err := objectsOf(f).Put(t.Context(), acme, "x", readerFunc(func([]byte) (int, error) { return 0, nil }))
	require.ErrorIs(t, err, io.ErrNoProgress)
	// An end that is wrapped is a failure of what the body reads itself.
	wrapped := fmt.Errorf("source: %w", io.EOF)
	require.ErrorIs(t, objectsOf(f).Put(t.Context(), acme, "x", iotest.ErrReader(wrapped)), wrapped)
	require.Empty(t, f.called())
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestCreateRepeatsConflicts(t *testing.T) {
	t.Parallel()
	for size, operation := range map[int]string{10: "PutObject", s3analytics.MinPartSize + 1: "CompleteMultipartUpload"} {
		for _, code := range []string{"ConditionalRequestConflict", "OperationAborted"} {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.refuse(operation, http.StatusConflict, code, 3)
				require.NoError(t, create(objectsOf(f), t.Context(), "x", bytes.NewReader(bytesOf(size))))
				require.Equal(t, 4, count(f.called(), operation))
				require.Len(t, f.stored("tenants/acme/x").data, size)

				f.refuse(operation, http.StatusConflict, code, 1000)
				err := create(objectsOf(f), t.Context(), "new", bytes.NewReader(bytesOf(size)))
				require.ErrorIs(t, err, iotenant.ErrUnavailable)
				require.Equal(t, 6, count(f.called(), operation))
				require.Nil(t, f.stored("tenants/acme/new"))
				require.Zero(t, f.unfinished())

				err = put(objectsOf(f), t.Context(), "new", bytes.NewReader(bytesOf(size)))
				require.ErrorIs(t, err, iotenant.ErrUnavailable)
				require.Equal(t, 1, count(f.called(), operation), "a Put has no condition that could conflict")
			})
		}
	}
}

func TestCreateIsCancelledBetweenConflicts(t *testing.T) {
	t.Parallel()
	f := newFake()
	ctx, cancel := context.WithCancel(t.Context())
	f.on("PutObject", 1, func(func() *http.Response) (*http.Response, error) {
		cancel()
		return refusal(http.StatusConflict, "ConditionalRequestConflict"), nil
	})
	require.ErrorIs(t, create(objectsOf(f), ctx, "x", strings.NewReader("x")), context.Canceled)
}

// TestConflictThatAnotherWon: the parts are gone, and the name is taken.
func TestConflictThatAnotherWon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		data := bytesOf(s3analytics.MinPartSize + 1)
		require.NoError(t, put(objectsOf(f), t.Context(), "x", bytes.NewReader(data)))
		f.refuse("CompleteMultipartUpload", http.StatusConflict, "ConditionalRequestConflict", 1000)
		err := create(objectsOf(f), t.Context(), "x", bytes.NewReader(data))
		require.ErrorIs(t, err, analytics.ErrObjectExists, "the same content, but from another")
		require.Zero(t, f.unfinished())
	})
}

func TestLostAnswers(t *testing.T) {
	t.Parallel()
	data := bytesOf(s3analytics.MinPartSize + 3)
	for operation, body := range map[string][]byte{
		"PutObject": data[:10], "CreateMultipartUpload": data, "UploadPart": data, "CompleteMultipartUpload": data,
	} {
		for _, forgetful := range []bool{false, true} {
			for name, write := range writes {
				f := newFake()
				f.forgetful = forgetful
				f.loseAnswers(operation, 2)
				err := write(objectsOf(f), t.Context(), "x", bytes.NewReader(body))
				if name == "create" && (operation == "PutObject" || operation == "CompleteMultipartUpload" && forgetful) {
					require.ErrorIs(t, err, analytics.ErrObjectExists, "about its own effect")
				} else {
					require.NoError(t, err, "%s of %s", operation, name)
				}
				require.True(t, bytes.Equal(body, f.stored("tenants/acme/x").data))
				if operation == "CreateMultipartUpload" {
					require.Equal(t, 2, f.unfinished(), "nobody knows of them but the lifecycle rule")
				} else {
					require.Zero(t, f.unfinished())
				}
			}
		}
	}
}

// TestUploadThatIsGone: it was completed and replaced, or removed, while the
// answer got lost; nobody can tell.
func TestUploadThatIsGone(t *testing.T) {
	t.Parallel()
	for _, there := range []bool{false, true} {
		f := newFake()
		if there {
			require.NoError(t, put(objectsOf(f), t.Context(), "x", strings.NewReader("another")))
		}
		f.refuse("CompleteMultipartUpload", http.StatusNotFound, "NoSuchUpload", 1)
		err := put(objectsOf(f), t.Context(), "x", bytes.NewReader(bytesOf(s3analytics.MinPartSize+1)))
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		require.NotErrorIs(t, err, analytics.ErrObjectExists)
		require.Zero(t, f.unfinished())
	}
}

func TestFailedUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	data := bytesOf(2*s3analytics.MinPartSize + 1)
	errBody := errors.New("sensor unplugged")
	for name, write := range writes {
		for _, operation := range []string{"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} {
			f := newFake()
			f.refuse(operation, http.StatusForbidden, "AccessDenied", 1)
			err := write(objectsOf(f), t.Context(), "x", bytes.NewReader(data))
			require.ErrorIs(t, err, iotenant.ErrUnavailable, "%s: %s", name, operation)
			var api smithy.APIError
			require.ErrorAs(t, err, &api)
			require.Equal(t, "AccessDenied", api.ErrorCode())
			require.Nil(t, f.stored("tenants/acme/x"))
			require.Zero(t, f.unfinished(), operation)
		}
		f := newFake()
		err := write(objectsOf(f), t.Context(), "x", io.MultiReader(bytes.NewReader(data), iotest.ErrReader(errBody)))
		require.ErrorIs(t, err, errBody)
		require.Nil(t, f.stored("tenants/acme/x"))
		require.Zero(t, f.unfinished())
	}
}

// TestErrorsInASuccess: S3 begins to answer before it is done.
func TestErrorsInASuccess(t *testing.T) {
	t.Parallel()
	for name, write := range writes {
		data := bytesOf(s3analytics.MinPartSize + 1)
		f := newFake()
		f.refuse("CompleteMultipartUpload", http.StatusOK, "InternalError", 2)
		require.NoError(t, write(objectsOf(f), t.Context(), "x", bytes.NewReader(data)), name)
		require.Equal(t, 3, count(f.called(), "CompleteMultipartUpload"))
		require.True(t, bytes.Equal(data, f.stored("tenants/acme/x").data))

		f.refuse("CompleteMultipartUpload", http.StatusOK, "InternalError", 1000)
		require.ErrorIs(t, write(objectsOf(f), t.Context(), "y", bytes.NewReader(data)), iotenant.ErrUnavailable, name)
		require.Nil(t, f.stored("tenants/acme/y"))
		require.Zero(t, f.unfinished())
	}
}

func TestCancelledUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	data := bytesOf(2*s3analytics.MinPartSize + 1)
	for _, operation := range []string{"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} {
		f := newFake()
		ctx, cancel := context.WithCancel(t.Context())
		f.on(operation, 1, func(answer func() *http.Response) (*http.Response, error) {
			defer cancel()
			if operation == "CompleteMultipartUpload" {
				return nil, errLost
			}
			return answer(), nil
		})
		require.ErrorIs(t, put(objectsOf(f), ctx, "x", bytes.NewReader(data)), context.Canceled, operation)
		require.Nil(t, f.stored("tenants/acme/x"))
		require.Zero(t, f.unfinished(), operation)
	}
}

// blocked is an API whose uploads of parts wait.
type blocked struct {
	s3analytics.API
	release chan struct{}
	waiting atomic.Int32
}

func (b *blocked) UploadPart(ctx context.Context, input *s3.UploadPartInput, optFns ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	select {
	case <-b.release:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return b.API.UploadPart(ctx, input, optFns...)
}

func TestUploadHoldsFewParts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const part = s3analytics.MinPartSize
		f := newFake()
		api := &blocked{API: f.client(patient), release: make(chan struct{})}
		objects := s3analytics.New(api, bucket, withParts, func(o *s3analytics.Options) { o.Parallel = 3 })
		const parts = 6
		body := bytes.NewReader(bytesOf(parts*part + 7))
		done := make(chan error)
		go func() { done <- objects.Put(t.Context(), acme, "x", body) }()
		for sent := range parts - 2 {
			synctest.Wait()
			require.EqualValues(t, 3, api.waiting.Load())
			require.Equal(t, (parts-3-sent)*part+7-1, body.Len(), "more than three parts and the next byte are in memory")
			api.release <- struct{}{}
		}
		close(api.release)
		require.NoError(t, <-done)
		require.True(t, bytes.Equal(bytesOf(parts*part+7), f.stored("tenants/acme/x").data))
	})
}

// TestUploadEndsWithItsFirstError: the other parts are not waited for.
func TestUploadEndsWithItsFirstError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.refuse("UploadPart", http.StatusForbidden, "AccessDenied", 1)
		api := &blocked{API: f.client(patient), release: make(chan struct{})}
		objects := s3analytics.New(api, bucket, withParts)
		done := make(chan error)
		go func() {
			done <- objects.Put(t.Context(), acme, "x", bytes.NewReader(bytesOf(6*s3analytics.MinPartSize)))
		}()
		synctest.Wait()
		api.release <- struct{}{}
		err := <-done
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		require.ErrorContains(t, err, "AccessDenied")
		require.Zero(t, f.unfinished())
	})
}
