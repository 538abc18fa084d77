package fileanalytics_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/tenant"
)

var globex = tenant.MustParseID("globex")

func TestAttackStore(t *testing.T) {
	t.Parallel()
	analyticstest.TestIsolation(t, open)
}

func TestAttackSegments(t *testing.T) {
	t.Parallel()
	analyticstest.TestIsolation(t, openSettled)
}

func TestAttackFolder(t *testing.T) {
	t.Parallel()
	analyticstest.TestObjectsIsolation(t, openFolder)
}

func TestAttackForgedLink(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	l.put(acme, "x", "secret")
	l.put(acme, "y", "secret")
	link := l.link(acme, "x")
	l.wantServed(link)
	head, signature, _ := strings.Cut(link, "signature=")
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	require.NoError(t, err)
	for bit := range len(raw) * 8 {
		flipped := slices.Clone(raw)
		flipped[bit/8] ^= 1 << (bit % 8)
		l.wantForbidden(head + "signature=" + base64.RawURLEncoding.EncodeToString(flipped))
	}
	last := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, c := range last { // also those that decode to the same bytes, carelessly
		if other := signature[:len(signature)-1] + string(c); other != signature {
			l.wantForbidden(head + "signature=" + other)
		}
	}
	for _, other := range []string{"", "A", signature[:22], signature + "=", signature + "A", signature + signature, url.QueryEscape("\x00"), base64.StdEncoding.EncodeToString(raw)[:42] + "*"} {
		l.wantForbidden(head + "signature=" + other)
	}
	l.wantForbidden(link + "&signature=" + signature)
	l.wantForbidden(link + "&expires=9999999999")
	l.wantForbidden(strings.TrimSuffix(head, "&"))
	l.wantForbidden(strings.Replace(link, "/x?", "/y?", 1))
	l.wantForbidden(strings.Replace(link, "/x?", "/x%00?", 1))
	l.wantForbidden(strings.Replace(link, "&", "%00&", 1))

	stranger, err := fileanalytics.NewLinks("https://api.example.com/files", bytes.Repeat([]byte("s"), 32))
	require.NoError(t, err)
	forged, err := stranger.Link(acme, "x", analytics.MaxLink)
	require.NoError(t, err)
	l.wantForbidden(forged)
}

func TestAttackExpiredLink(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	l.put(acme, "x", "secret")
	link := l.link(acme, "x")
	l.now = noon.Add(time.Minute - time.Second)
	l.wantServed(link)
	for _, later := range []time.Duration{time.Minute, time.Hour, 1e6 * time.Hour} {
		l.now = noon.Add(later)
		status, body := l.get(link)
		require.Equal(t, http.StatusForbidden, status)
		require.Equal(t, "link has expired\n", body)
	}
	for _, expires := range []string{"9999999999", "99999999999999999999", "", "-1", "+1772366460", "01772366460", "1772366460.0", "1e11", " 1772366460", "0x7fffffff"} {
		l.wantForbidden(strings.Replace(link, "1772366460", url.QueryEscape(expires), 1))
	}
}

func TestAttackLinkOfAnotherTenant(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	names := []string{"x", "acme/x", "t-globex/x", "globex/x", "..%2fglobex%2fx", "%2e%2e/globex/x"}
	for _, id := range []tenant.ID{acme, globex} {
		for _, name := range names {
			l.put(id, name, id.String()+"'s own")
		}
	}
	for _, name := range names {
		link := l.link(acme, name)
		status, body := l.get(link)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "acme's own", body)
		path, query, _ := strings.Cut(link, "?")
		path = strings.TrimPrefix(path, "https://api.example.com/files/acme")
		for _, other := range []string{
			"/globex" + path, "/acme/../globex" + path, "/acme/%2e%2e/globex" + path, "/acme%2f..%2fglobex" + path, "/acme/.." + path, "/./globex" + path,
			"//globex" + path, "/GLOBEX" + path, "/globex%00" + path, "/_platform" + path, "/globex/acme" + path, path, "/acme" + path + "/", "/acme/" + path, "/acme\\..\\globex" + path,
		} {
			l.wantForbidden("https://api.example.com/files" + other + "?" + query)
		}
		l.wantForbidden("https://api.example.com/acme" + path + "?" + query)
		l.wantForbidden("https://api.example.com/files2/acme" + path + "?" + query)
	}
}

func TestAttackListByLink(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	l.put(acme, "folder/x", "secret")
	_, query, _ := strings.Cut(l.link(acme, "folder/x"), "?")
	for _, path := range []string{"", "/", "/acme", "/acme/", "/acme/folder", "/acme/folder/", "/acme/@folder", "/acme/folder/@x", "/acme/folder/.", "/acme/*"} {
		l.wantForbidden("https://api.example.com/files" + path + "?" + query)
		l.wantForbidden("https://api.example.com/files" + path)
	}
}

func (l *linked) wantServed(link string) {
	l.Helper()
	status, body := l.get(link)
	require.Equal(l, http.StatusOK, status, link)
	require.Equal(l, "secret", body)
}

// wantForbidden asks the handler itself, since a mux cleans paths.
func (l *linked) wantForbidden(link string) {
	l.Helper()
	parsed, err := url.Parse(link)
	if err != nil {
		return // no server gets to see it
	}
	recorder := httptest.NewRecorder()
	l.links.Handler(l.folder).ServeHTTP(recorder, (&http.Request{Method: http.MethodGet, URL: parsed}).WithContext(l.Context()))
	require.Equal(l, http.StatusForbidden, recorder.Code, link)
	require.Equal(l, "forbidden\n", recorder.Body.String(), link)
	require.Empty(l, recorder.Header().Get("Content-Disposition"))
}
