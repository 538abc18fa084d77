package shadow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/shadow/shadowmock"
	"github.com/iotenant/iotenant/tenant"
)

// tenantHeader trusts a header, for tests only.
func tenantHeader(r *http.Request) (tenant.ID, error) {
	switch text := r.Header.Get("Tenant"); text {
	case "":
		return tenant.ID{}, errors.New("no principal")
	case "suspended":
		return tenant.ID{}, tenant.ErrSuspended
	case "down":
		return tenant.ID{}, iotenant.ErrUnavailable
	default:
		return tenant.ParseID(text)
	}
}

func call(handler http.Handler, as, method, target, body string) (status int, exception, answer string) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Tenant", as)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code, w.Header().Get("X-Amzn-ErrorType"), w.Body.String()
}

func TestHandler(t *testing.T) {
	t.Parallel()
	shadows, _ := setup()
	handler := shadow.NewHandler(shadows, tenantHeader)
	for _, c := range []struct {
		method, target, body string
		status               int
		exception, contains  string
	}{
		{"GET", "/things/lamp-1/shadow", "", 404, "ResourceNotFoundException", `{"message":"No shadow exists with name: 'acme:lamp-1'"}`},
		{"POST", "/things/lamp-1/shadow", `{"state":{"desired":{"on":true}}}`, 200, "", `"version":1,`},
		{"GET", "/things/lamp-1/shadow", "", 200, "", `"delta":{"on":true}`},
		{"POST", "/things/lamp-1/shadow", `{"state":{},"version":7}`, 409, "ConflictException", `{"message":"Version conflict"}`},
		{"POST", "/things/lamp-1/shadow", `{`, 400, "InvalidRequestException", `{"message":"Invalid JSON"}`},
		{"POST", "/things/lamp-1/shadow", "\xff", 415, "UnsupportedDocumentEncodingException", `Unsupported`},
		{"POST", "/things/lamp-1/shadow", `{"state":{"desired":{"a":"` + strings.Repeat("x", 9<<10) + `"}}}`, 413, "RequestEntityTooLargeException", `exceeds`},
		{"POST", "/things/lamp-1/shadow", strings.Repeat(" ", device.MaxPayload+1), 413, "RequestEntityTooLargeException", `exceeds`},
		{"POST", "/things/lamp-1/shadow?name=config", `{"state":{}}`, 200, "", `"version":1,`},
		{"POST", "/things/lamp-1/shadow?name=a", `{"state":{}}`, 200, "", `"version":1,`},
		{"GET", "/api/things/shadow/ListNamedShadowsForThing/lamp-1", "", 200, "", `"results":["a","config"],"timestamp":`},
		{"GET", "/api/things/shadow/ListNamedShadowsForThing/none", "", 200, "", `"results":[],`},
		{"GET", "/api/things/shadow/ListNamedShadowsForThing/lamp-1?pageSize=0", "", 400, "InvalidRequestException", `Invalid pageSize`},
		{"GET", "/api/things/shadow/ListNamedShadowsForThing/lamp-1?pageSize=101", "", 400, "InvalidRequestException", `Invalid pageSize`},
		{"GET", "/api/things/shadow/ListNamedShadowsForThing/lamp-1?nextToken=x", "", 400, "InvalidRequestException", `Invalid nextToken`},
		{"GET", "/things/lamp-1/shadow?name=a%2Fb", "", 400, "InvalidRequestException", `Invalid shadow name`},
		{"GET", "/things/lamp%2F1/shadow", "", 400, "InvalidRequestException", `Invalid thing name`},
		{"DELETE", "/things/lamp-1/shadow?name=config", "", 200, "", `{"version":1,"timestamp":`},
		{"DELETE", "/things/lamp-1/shadow?name=config", "", 404, "ResourceNotFoundException", `{"message":"No shadow exists with name: 'config'"}`},
		{"PUT", "/things/lamp-1/shadow", "", 405, "", ``},
	} {
		status, exception, answer := call(handler, "acme", c.method, c.target, c.body)
		require.Equal(t, c.status, status, "%s %s", c.method, c.target)
		require.Equal(t, c.exception, exception, "%s %s", c.method, c.target)
		require.Contains(t, answer, c.contains, "%s %s", c.method, c.target)
	}
}

func TestHandlerPages(t *testing.T) {
	t.Parallel()
	shadows, _ := setup()
	handler := shadow.NewHandler(shadows, tenantHeader)
	for i := range 5 {
		status, _, _ := call(handler, "acme", "POST", fmt.Sprintf("/things/lamp-1/shadow?name=s%d", i), `{"state":{}}`)
		require.Equal(t, 200, status)
	}
	var names []string
	next := ""
	for {
		_, _, answer := call(handler, "acme", "GET", "/api/things/shadow/ListNamedShadowsForThing/lamp-1?pageSize=2&nextToken="+next, "")
		var page struct {
			Results   []string
			NextToken string
		}
		require.NoError(t, json.Unmarshal([]byte(answer), &page))
		names = append(names, page.Results...)
		if next = page.NextToken; next == "" {
			break
		}
	}
	require.Equal(t, []string{"s0", "s1", "s2", "s3", "s4"}, names)
}

func TestHandlerErrors(t *testing.T) {
	t.Parallel()
	shadows := shadowmock.NewMockShadows(gomock.NewController(t))
	handler := shadow.NewHandler(shadows, tenantHeader)
	for as, want := range map[string]int{"": 401, "NOT A TENANT": 401, "suspended": 403, "down": 503} {
		status, exception, answer := call(handler, as, "GET", "/things/lamp-1/shadow", "")
		require.Equal(t, want, status, as)
		require.NotEmpty(t, exception)
		require.NotContains(t, answer, "tenant")
	}
	for err, want := range map[error]int{
		errors.New("secret cause"):                              500,
		fmt.Errorf("secret cause: %w", iotenant.ErrUnavailable): 503,
		fmt.Errorf("secret cause: %w", iotenant.ErrDenied):      403,
		fmt.Errorf("secret cause: %w", iotenant.ErrInvalid):     400,
		fmt.Errorf("secret cause: %w", iotenant.ErrConflict):    409,
		fmt.Errorf("secret cause: %w", iotenant.ErrNotFound):    404,
		fmt.Errorf("secret cause: %w", iotenant.ErrUnsupported): 405,
		fmt.Errorf("secret cause: %w", io.ErrUnexpectedEOF):     500,
		shadow.Throttled(): 429,
	} {
		shadows.EXPECT().Get(gomock.Any(), acme, lampID, classic).Return(nil, err)
		status, exception, answer := call(handler, "acme", "GET", "/things/lamp-1/shadow", "")
		require.Equal(t, want, status, "%v", err)
		require.NotEmpty(t, exception)
		require.NotContains(t, answer, "secret")
	}
}

func TestErrorsHaveKinds(t *testing.T) {
	t.Parallel()
	for code, kind := range map[int]error{
		400: iotenant.ErrInvalid, 401: iotenant.ErrDenied, 403: iotenant.ErrDenied, 404: iotenant.ErrNotFound,
		405: iotenant.ErrUnsupported, 409: iotenant.ErrConflict, 413: iotenant.ErrInvalid, 415: iotenant.ErrInvalid,
		429: iotenant.ErrUnavailable, 500: iotenant.ErrUnavailable, 503: iotenant.ErrUnavailable,
	} {
		err := &shadow.Error{Code: code, Message: "text"}
		require.Equal(t, kind, iotenant.KindOf(err), code)
		require.Equal(t, fmt.Sprintf("shadow: %d text", code), err.Error())
		require.Same(t, err, shadow.ErrorOf(fmt.Errorf("wrapped: %w", err)))
	}
}

// Paths can name things of the caller's own tenant only.
func TestAttackHandler(t *testing.T) {
	t.Parallel()
	shadows, _ := setup()
	handler := shadow.NewHandler(shadows, tenantHeader)
	status, _, _ := call(handler, "acme", "POST", "/things/lamp-1/shadow?name=config", `{"state":{"desired":{"secret":1}}}`)
	require.Equal(t, 200, status)
	for _, c := range []struct{ method, target, body string }{
		{"GET", "/things/lamp-1/shadow?name=config", ""},
		{"GET", "/things/acme:lamp-1/shadow?name=config", ""},
		{"GET", "/things/%61cme:lamp-1/shadow?name=config", ""},
		{"GET", "/things/..%2Facme:lamp-1/shadow?name=config", ""},
		{"GET", "/things/lamp-1/shadow?name=config&tenant=acme", ""},
		{"DELETE", "/things/lamp-1/shadow?name=config", ""},
		{"DELETE", "/things/acme:lamp-1/shadow?name=config", ""},
		{"POST", "/things/acme:lamp-1/shadow?name=config", `{"state":null}`},
		{"POST", "/things/lamp-1/shadow?name=config", `{"state":null,"tenant":"acme"}`},
		{"GET", "/api/things/shadow/ListNamedShadowsForThing/acme:lamp-2", ""},
	} {
		_, _, answer := call(handler, "zeta", c.method, c.target, c.body)
		require.NotContains(t, answer, "secret", "%s %s", c.method, c.target)
	}
	_, _, answer := call(handler, "acme", "GET", "/things/lamp-1/shadow?name=config", "")
	require.Contains(t, answer, `"desired":{"secret":1}`)
	require.Contains(t, answer, `"version":1,`)
}
