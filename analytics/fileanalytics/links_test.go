package fileanalytics_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disktest"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/tenant"
)

var linkKey = bytes.Repeat([]byte("k"), fileanalytics.MinLinkKeyLength)

// linked is a folder with links that are served, and their clock.
type linked struct {
	*testing.T
	folder  *fileanalytics.Folder
	links   *fileanalytics.Links
	handler http.Handler
	now     time.Time
}

func newLinked(t *testing.T, optFns ...func(*fileanalytics.LinkOptions)) *linked {
	t.Helper()
	l := &linked{T: t, now: noon}
	optFns = append(optFns, func(o *fileanalytics.LinkOptions) { o.Now = func() time.Time { return l.now } })
	links, err := fileanalytics.NewLinks("https://api.example.com/files", linkKey, optFns...)
	require.NoError(t, err)
	l.links = links
	l.folder = fileanalytics.NewFolder("/data", fileanalytics.FolderOnDisk(disktest.New()), func(o *fileanalytics.FolderOptions) { o.Link = links.Link })
	mux := http.NewServeMux()
	mux.Handle("/files/", links.Handler(l.folder))
	l.handler = mux
	return l
}

func (l *linked) put(id tenant.ID, name, content string) {
	l.Helper()
	require.NoError(l, l.folder.Put(l.Context(), id, name, strings.NewReader(content)))
}

// link returns a link that is valid for a minute.
func (l *linked) link(id tenant.ID, name string) string {
	l.Helper()
	link, err := l.folder.Link(l.Context(), id, name, time.Minute)
	require.NoError(l, err)
	return link
}

func (l *linked) do(method, link string, header ...string) *httptest.ResponseRecorder {
	l.Helper()
	request := httptest.NewRequestWithContext(l.Context(), method, link, nil)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	l.handler.ServeHTTP(recorder, request)
	return recorder
}

// get returns status and body of a link.
func (l *linked) get(link string) (int, string) {
	l.Helper()
	response := l.do(http.MethodGet, link)
	return response.Code, response.Body.String()
}

func TestFolderWithLinks(t *testing.T) {
	t.Parallel()
	analyticstest.TestObjects(t, func(t *testing.T) analytics.Objects {
		t.Helper()
		return newLinked(t).folder
	})
}

func TestLinks(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	names := []string{"contents/daily.csv", "a%2fb", "a b/c'd*(e)!.json", "x=1,y:2", "-", "...", "%", strings.Repeat("x", analytics.MaxObjectName)}
	for _, name := range names {
		l.put(acme, name, name)
	}
	for _, name := range names {
		status, body := l.get(l.link(acme, name))
		require.Equal(t, http.StatusOK, status, name)
		require.Equal(t, name, body)
	}
	require.Regexp(t, `^https://api\.example\.com/files/acme/contents/daily\.csv\?expires=1772366460&signature=[A-Za-z0-9_-]{43}$`, l.link(acme, names[0]))
}

func TestLinksDescribe(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	for name, want := range map[string][2]string{
		"contents/daily.csv": {"text/csv; charset=utf-8", "attachment; filename=daily.csv"},
		"day=1/0.parquet":    {"application/vnd.apache.parquet", "attachment; filename=0.parquet"},
		"x/a b.json":         {"application/json", `attachment; filename="a b.json"`},
		"page.html":          {"application/octet-stream", "attachment; filename=page.html"},
	} {
		l.put(acme, name, "0123456789")
		response := l.do(http.MethodHead, l.link(acme, name))
		require.Equal(t, http.StatusOK, response.Code)
		require.Equal(t, "10", response.Header().Get("Content-Length"))
		require.Equal(t, want[0], response.Header().Get("Content-Type"))
		require.Equal(t, want[1], response.Header().Get("Content-Disposition"))
		require.Equal(t, "nosniff", response.Header().Get("X-Content-Type-Options"))
		require.Equal(t, "private, no-store", response.Header().Get("Cache-Control"))
	}
}

func TestLinksServeRanges(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	l.put(acme, "x", "0123456789")
	response := l.do(http.MethodGet, l.link(acme, "x"), "Range", "bytes=3-5")
	require.Equal(t, http.StatusPartialContent, response.Code)
	require.Equal(t, "345", response.Body.String())
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable, l.do(http.MethodGet, l.link(acme, "x"), "Range", "bytes=20-").Code)
}

func TestLinksAnswerWhatIsWrong(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	l.put(acme, "x", "content")
	link := l.link(acme, "x")
	response := l.do(http.MethodPost, link)
	require.Equal(t, http.StatusMethodNotAllowed, response.Code)
	require.Equal(t, "GET, HEAD", response.Header().Get("Allow"))
	require.NoError(t, l.folder.Delete(t.Context(), acme, "x"))
	status, body := l.get(link)
	require.Equal(t, http.StatusNotFound, status)
	require.Equal(t, "not found\n", body)

	errDisk := errors.New("disk of /srv/secret failed")
	l.handler = l.links.Handler(analyticstest.FaultyObjects(memanalytics.NewObjects(), func(analyticstest.Call) analyticstest.Fault {
		return analyticstest.Fault{Before: errDisk}
	}))
	status, body = l.get(link)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "unavailable\n", body)
}

func TestLinkNeedsAnObject(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	_, err := l.folder.Link(t.Context(), acme, "x", time.Minute)
	require.ErrorIs(t, err, analytics.ErrNoObject)
	_, err = fileanalytics.NewFolder(t.TempDir()).Link(t.Context(), acme, "x", time.Minute)
	require.ErrorIs(t, err, iotenant.ErrUnsupported)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.folder.Link(ctx, acme, "x", time.Minute)
	require.ErrorIs(t, err, context.Canceled)
}

func TestLinksWithPreviousKey(t *testing.T) {
	t.Parallel()
	old := newLinked(t)
	old.put(acme, "x", "content")
	link := old.link(acme, "x")
	for _, c := range []struct {
		key, previous []byte
		status        int
	}{
		{bytes.Repeat([]byte("n"), 32), linkKey, http.StatusOK},
		{bytes.Repeat([]byte("n"), 32), nil, http.StatusForbidden},
		{bytes.Repeat([]byte("n"), 40), bytes.Repeat([]byte("m"), 32), http.StatusForbidden},
	} {
		links, err := fileanalytics.NewLinks("https://api.example.com/files/", c.key, func(o *fileanalytics.LinkOptions) {
			o.PreviousKey, o.Now = c.previous, func() time.Time { return noon }
		})
		require.NoError(t, err)
		old.handler = links.Handler(old.folder)
		status, _ := old.get(link)
		require.Equal(t, c.status, status)
		fresh, err := links.Link(acme, "x", time.Minute)
		require.NoError(t, err)
		status, _ = old.get(fresh)
		require.Equal(t, http.StatusOK, status)
	}
}

func TestNewLinksRefuses(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "/files", "ftp://x/files", "https://", "https:files", "https://x/?a=b", "https://x/#f", "https://u:p@x/", "://"} {
		_, err := fileanalytics.NewLinks(base, linkKey)
		require.ErrorIs(t, err, iotenant.ErrInvalid, base)
	}
	_, err := fileanalytics.NewLinks("https://x", linkKey[1:])
	require.ErrorIs(t, err, iotenant.ErrInvalid)
	_, err = fileanalytics.NewLinks("https://x", linkKey, func(o *fileanalytics.LinkOptions) { o.PreviousKey = []byte("short") })
	require.ErrorIs(t, err, iotenant.ErrInvalid)
	links, err := fileanalytics.NewLinks("http://localhost:8080", linkKey)
	require.NoError(t, err)
	_, err = links.Link(tenant.ID{}, "x", time.Minute)
	require.ErrorIs(t, err, tenant.ErrID)
	_, err = links.Link(acme, "../x", time.Minute)
	require.ErrorIs(t, err, analytics.ErrObjectName)
	_, err = links.Link(acme, "x", analytics.MaxLink+time.Second)
	require.ErrorIs(t, err, analytics.ErrObjects)
	link, err := links.Link(acme, "x", time.Second)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(link, "http://localhost:8080/acme/x?expires="), link)
}
