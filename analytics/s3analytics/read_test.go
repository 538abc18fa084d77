package s3analytics_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/s3analytics"
)

const window = 64 << 10

// opened stores an object, opens it and forgets the calls until then.
func opened(t *testing.T, f *fake, data []byte, optFns ...func(*s3analytics.Options)) analytics.Object {
	t.Helper()
	objects := objectsOf(f, optFns...)
	require.NoError(t, objects.Put(t.Context(), acme, "x", bytes.NewReader(data)))
	object, err := objects.Open(t.Context(), acme, "x")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, object.Close()) })
	require.EqualValues(t, len(data), object.Size())
	f.took()
	return object
}

// wantAt checks what is at off.
func wantAt(t *testing.T, object analytics.Object, data []byte, off, n int) {
	t.Helper()
	p := make([]byte, n)
	read, err := object.ReadAt(p, int64(off))
	want := data[min(off, len(data)):min(off+n, len(data))]
	if len(want) < n || off >= len(data) {
		require.ErrorIs(t, err, io.EOF)
	} else {
		require.NoError(t, err)
	}
	require.Equal(t, len(want), read)
	require.True(t, bytes.Equal(want, p[:read]), "other bytes at %d", off)
}

func TestOpenIsOneRequest(t *testing.T) {
	t.Parallel()
	for size, calls := range map[int][]string{0: {"GetObject", "HeadObject"}, 1: {"GetObject"}, window: {"GetObject"}, window + 1: {"GetObject", "GetObject"}} {
		f := newFake()
		objects := objectsOf(f)
		data := bytesOf(size)
		require.NoError(t, objects.Put(t.Context(), acme, "x", bytes.NewReader(data)))
		f.took()
		object, err := objects.Open(t.Context(), acme, "x")
		require.NoError(t, err)
		for range 3 {
			wantAt(t, object, data, 0, size)
			wantAt(t, object, data, size/2, 100)
			wantAt(t, object, data, size, 1)
			wantAt(t, object, data, size+5, 0)
		}
		require.NoError(t, object.Close())
		require.Equal(t, calls, f.called(), "%d bytes", size)
	}
}

func TestSequentialReadsGetGrowingWindows(t *testing.T) {
	t.Parallel()
	f := newFake()
	data := bytesOf(20<<20 + 17)
	object := opened(t, f, data)
	read, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, read))
	// 64 KiB are there; then 128, 256, 512 KiB, 1 MiB, and 2 MiB each.
	require.Len(t, f.called(), 14)
}

// TestReadAheadIsBounded counts what is on the way when nobody goes on reading.
func TestReadAheadIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		data := bytesOf(10 << 20)
		object := opened(t, f, data, func(o *s3analytics.Options) { o.ReadAhead = s3analytics.MinReadAhead })
		for off := 0; off < 4<<20; off += 1000 {
			wantAt(t, object, data, off, 1000)
		}
		synctest.Wait()
		require.LessOrEqual(t, len(f.called()), 4<<20/window+2, "the window is 64 KiB, and one is ahead")
	})
}

func TestRandomReadsGetSmallWindows(t *testing.T) {
	t.Parallel()
	f := newFake()
	data := bytesOf(10 << 20)
	object := opened(t, f, data)
	wantAt(t, object, data, 5<<20, 100)
	wantAt(t, object, data, 5<<20+100, window-100)
	wantAt(t, object, data, len(data)-8, 8) // the end of a file, and what is before it
	wantAt(t, object, data, len(data)-40_000, 39_000)
	wantAt(t, object, data, 5<<20, 100)
	calls := f.took()
	require.Len(t, calls, 2)
	require.Equal(t, fmt.Sprintf("bytes=%d-%d", 5<<20, 5<<20+window-1), calls[0].header.Get("Range"))
	require.Equal(t, fmt.Sprintf("bytes=%d-%d", len(data)-window, len(data)-1), calls[1].header.Get("Range"))
}

func TestLargeReadsGoToS3AsTheyAre(t *testing.T) {
	t.Parallel()
	f := newFake()
	data := bytesOf(3*s3analytics.MinPartSize + 5)
	object := opened(t, f, data)
	wantAt(t, object, data, window, 3<<20)
	require.Equal(t, fmt.Sprintf("bytes=%d-%d", window, window+3<<20-1), f.took()[0].header.Get("Range"))
	wantAt(t, object, data, window, len(data)-window)
	require.Len(t, f.called(), 3)
}

// TestConcurrentReads reads at random places and of random lengths, with
// little memory and with much.
func TestConcurrentReads(t *testing.T) {
	t.Parallel()
	for _, memory := range []int{s3analytics.MinReadAhead, 1 << 20, 8 << 20} {
		f := newFake()
		data := bytesOf(12<<20 + 7)
		object := opened(t, f, data, func(o *s3analytics.Options) { o.ReadAhead, o.Parallel = memory, 2 })
		var group sync.WaitGroup
		for seed := range uint64(6) {
			group.Go(func() {
				random := rand.New(rand.NewPCG(seed, 1))
				off, p := 0, make([]byte, 6<<20)
				for range 150 {
					n := 1 + random.IntN(1<<random.IntN(18))
					switch random.IntN(8) {
					case 0:
						off = random.IntN(len(data))
					case 1:
						off = max(0, off-random.IntN(2*window))
					case 2:
						n = 1 + random.IntN(6<<random.IntN(21))
					}
					read, err := object.ReadAt(p[:n], int64(off))
					want := data[off:min(off+n, len(data))]
					if err != nil && (!errors.Is(err, io.EOF) || len(want) == n) || !bytes.Equal(want, p[:read]) {
						t.Errorf("%d bytes at %d: %d, %v", n, off, read, err)
						return
					}
					off = min(off+n, len(data)-1)
				}
			})
		}
		group.Wait()
	}
}

func TestReadsOfContentsThatAreGone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*s3analytics.Objects) error{
		"replaced": func(o *s3analytics.Objects) error {
			return o.Put(t.Context(), acme, "x", strings.NewReader(strings.Repeat("other", 100_000)))
		},
		"deleted": func(o *s3analytics.Objects) error { return o.Delete(t.Context(), acme, "x") },
	} {
		for _, scoped := range []bool{false, true} {
			f := newFake()
			f.scoped = scoped
			data := bytesOf(1 << 20)
			object := opened(t, f, data)
			require.NoError(t, change(objectsOf(f)))
			wantAt(t, object, data, 100, window-100)
			n, err := object.ReadAt(make([]byte, 200), window-100)
			require.ErrorIs(t, err, analytics.ErrNoObject, name)
			require.Equal(t, 100, n)
			_, err = object.ReadAt(make([]byte, 3<<20), 1)
			require.ErrorIs(t, err, analytics.ErrNoObject, name)
		}
	}
}

// TestScopedCredentials: to credentials of one tenant S3 does not say that
// something is missing.
func TestScopedCredentials(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.scoped = true
	objects := objectsOf(f)
	require.NoError(t, objects.Put(t.Context(), acme, "xy", strings.NewReader("content")))
	_, err := objects.Open(t.Context(), acme, "x")
	require.ErrorIs(t, err, analytics.ErrNoObject)

	f.refuse("GetObject", http.StatusForbidden, "AccessDenied", 1)
	_, err = objects.Open(t.Context(), acme, "xy")
	require.ErrorIs(t, err, iotenant.ErrUnavailable, "it is there, but its key may not be used")

	f.refuse("ListObjectsV2", http.StatusForbidden, "AccessDenied", 1)
	_, err = objects.Open(t.Context(), acme, "x")
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}

func TestObjectThatIsReplacedWhileItIsOpened(t *testing.T) {
	t.Parallel()
	f := newFake()
	objects := objectsOf(f)
	require.NoError(t, objects.Put(t.Context(), acme, "x", strings.NewReader("")))
	f.on("GetObject", 1, func(answer func() *http.Response) (*http.Response, error) {
		defer func() { f.objects["tenants/acme/x"] = f.object([]byte("new"), nil) }()
		return answer(), nil
	})
	object, err := objects.Open(t.Context(), acme, "x")
	require.NoError(t, err)
	wantAt(t, object, []byte("new"), 0, 3)
	require.NoError(t, object.Close())

	f.refuse("GetObject", http.StatusRequestedRangeNotSatisfiable, "InvalidRange", 1000)
	_, err = objects.Open(t.Context(), acme, "x")
	require.ErrorIs(t, err, iotenant.ErrUnavailable)

	f.on("GetObject", 1, func(func() *http.Response) (*http.Response, error) {
		defer delete(f.objects, "tenants/acme/x")
		return refusal(http.StatusRequestedRangeNotSatisfiable, "InvalidRange"), nil
	})
	_, err = objects.Open(t.Context(), acme, "x")
	require.ErrorIs(t, err, analytics.ErrNoObject)
}

// cutBody breaks off after n bytes.
type cutBody struct {
	io.ReadCloser
	n int
}

func (c *cutBody) Read(p []byte) (int, error) {
	if c.n == 0 {
		return 0, errLost
	}
	n, err := c.ReadCloser.Read(p[:min(len(p), c.n)])
	c.n -= n
	return n, err
}

// cut lets the next answers to GetObject break off after n bytes.
func (f *fake) cut(times, n int) {
	f.on("GetObject", times, func(answer func() *http.Response) (*http.Response, error) {
		response := answer()
		response.Body = &cutBody{response.Body, n}
		return response, nil
	})
}

func TestDownloadGoesOnWhereItBrokeOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		data := bytesOf(1 << 20)
		object := opened(t, f, data)
		f.cut(3, 20_000)
		wantAt(t, object, data, 200_000, 60_000)
		var ranges []string
		for _, call := range f.took() {
			ranges = append(ranges, call.header.Get("Range"))
		}
		require.Equal(t, []string{"bytes=200000-265535", "bytes=220000-265535", "bytes=240000-265535", "bytes=260000-265535"}, ranges)

		f.cut(1000, 0)
		_, err := object.ReadAt(make([]byte, 10), 500_000)
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		require.ErrorIs(t, err, errLost)
		require.Len(t, f.called(), 6)
		f.intercept = nil
		wantAt(t, object, data, 500_000, 10)
	})
}

func TestOpenGoesOnWhereItBrokeOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		objects := objectsOf(f)
		data := bytesOf(50_000)
		require.NoError(t, objects.Put(t.Context(), acme, "x", bytes.NewReader(data)))
		f.cut(2, 30_000)
		object, err := objects.Open(t.Context(), acme, "x")
		require.NoError(t, err)
		wantAt(t, object, data, 0, len(data))

		f.cut(1000, 0)
		_, err = objects.Open(t.Context(), acme, "x")
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		require.NoError(t, object.Close())
	})
}

// TestDamageOnTheWay: the checksum that S3 sends is compared.
func TestDamageOnTheWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		objects := objectsOf(f)
		data := bytesOf(50_000)
		require.NoError(t, objects.Put(t.Context(), acme, "x", bytes.NewReader(data)))
		damage := func(answer func() *http.Response) (*http.Response, error) {
			response := answer()
			body := bytes.Clone(data)
			body[40_000] ^= 1
			response.Body = io.NopCloser(bytes.NewReader(body))
			return response, nil
		}
		f.on("GetObject", 2, damage)
		object, err := objects.Open(t.Context(), acme, "x")
		require.NoError(t, err)
		wantAt(t, object, data, 0, len(data))
		require.NoError(t, object.Close())

		f.on("GetObject", 1000, damage)
		_, err = objects.Open(t.Context(), acme, "x")
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
	})
}

func TestBadAnswersAreRefused(t *testing.T) {
	t.Parallel()
	other := newFake()
	other.objects["tenants/acme/x"] = other.object(bytes.Repeat([]byte("other"), 100_000), nil)
	for name, change := range map[string]func(*http.Response){
		"another range": func(r *http.Response) { r.Header.Set("Content-Range", "bytes 1-2/500000") },
		"no range":      func(r *http.Response) { r.Header.Del("Content-Range") },
		"another size":  func(r *http.Response) { r.Header.Set("Content-Range", "bytes 100000-165535/500001") },
		"another ETag":  func(r *http.Response) { r.Header.Set("ETag", `"other"`) },
		"no ETag":       func(r *http.Response) { r.Header.Del("ETag") },
		"more bytes":    func(r *http.Response) { r.Body = io.NopCloser(bytes.NewReader(bytesOf(window + 1))) },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			data := bytesOf(500_000)
			object := opened(t, f, data)
			f.on("GetObject", 1000, func(answer func() *http.Response) (*http.Response, error) {
				response := answer()
				change(response)
				return response, nil
			})
			n, err := object.ReadAt(make([]byte, 10), 100_000)
			require.ErrorIs(t, err, iotenant.ErrUnavailable, name)
			require.Zero(t, n)
			if strings.HasPrefix(name, "no") {
				_, err = objectsOf(f).Open(t.Context(), acme, "x")
				require.ErrorIs(t, err, iotenant.ErrUnavailable, name)
			}
		})
	}
}

func TestReadsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		data := bytesOf(1 << 20)
		objects := objectsOf(f)
		require.NoError(t, objects.Put(t.Context(), acme, "x", bytes.NewReader(data)))
		ctx, cancel := context.WithCancel(t.Context())
		cancelled, err := objects.Open(ctx, acme, "x")
		require.NoError(t, err)
		closed, err := objects.Open(t.Context(), acme, "x")
		require.NoError(t, err)

		// Two wait for the same extent; one of them has asked for it.
		f.intercept = func(r *http.Request, _ func() *http.Response) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		errs := map[analytics.Object]chan error{cancelled: make(chan error), closed: make(chan error)}
		for object, results := range errs {
			for i := range 2 {
				go func() {
					_, err := object.ReadAt(make([]byte, 10), 500_000+int64(i))
					results <- err
				}()
			}
		}
		synctest.Wait()
		cancel()
		require.NoError(t, closed.Close())
		for range 2 {
			require.ErrorIs(t, <-errs[cancelled], context.Canceled)
			err := <-errs[closed]
			require.ErrorIs(t, err, iotenant.ErrUnavailable)
			require.ErrorIs(t, err, fs.ErrClosed)
			require.NotErrorIs(t, err, context.Canceled)
		}
		_, err = cancelled.ReadAt(make([]byte, 1), 0)
		require.ErrorIs(t, err, context.Canceled)
		_, err = closed.ReadAt(make([]byte, 1), 0)
		require.ErrorIs(t, err, fs.ErrClosed)
		require.NoError(t, closed.Close(), "a second time")
		require.NoError(t, cancelled.Close())
	})
}

// TestCloseEndsReadAhead closes while the next window is on its way.
func TestCloseEndsReadAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		data := bytesOf(1 << 20)
		object := opened(t, f, data)
		f.intercept = func(r *http.Request, answer func() *http.Response) (*http.Response, error) {
			if strings.HasPrefix(r.Header.Get("Range"), "bytes=196608-") {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return answer(), nil
		}
		wantAt(t, object, data, 0, 100_000)
		synctest.Wait()
		require.Len(t, f.called(), 2)
		require.NoError(t, object.Close())
	})
}

func TestReadAtNegativeOffset(t *testing.T) {
	t.Parallel()
	object := opened(t, newFake(), []byte("content"))
	_, err := object.ReadAt(make([]byte, 1), -1)
	require.ErrorIs(t, err, iotenant.ErrInvalid)
}

// TestReadAheadThatFailed: nobody had asked for it, so it is no failure.
func TestReadAheadThatFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		data := bytesOf(1 << 20)
		object := opened(t, f, data)
		f.intercept = func(r *http.Request, answer func() *http.Response) (*http.Response, error) {
			if strings.HasPrefix(r.Header.Get("Range"), "bytes=196608-") {
				return refusal(http.StatusBadRequest, "InvalidRequest"), nil
			}
			return answer(), nil
		}
		wantAt(t, object, data, 0, 100_000)
		synctest.Wait()
		require.Len(t, f.called(), 2)
		f.intercept = nil
		wantAt(t, object, data, 0, 400_000)
	})
}
