package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/authmock"
	"github.com/iotenant/iotenant/tenant"
)

type gateFunc func(tenant.ID) error

func (f gateFunc) Admit(_ context.Context, id tenant.ID) error { return f(id) }

func open(tenant.ID) error { return nil }

// greet answers with who calls.
var greet = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	principal, err := auth.FromContext(r.Context())
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(w, "%s of %s", principal.Subject, principal.Tenant)
})

func TestMiddleware(t *testing.T) {
	t.Parallel()
	principal := auth.Principal{Tenant: acme, Subject: "user-1", Groups: []string{"admins"}}
	invalid := `Bearer error="invalid_token", error_description="the token is not valid here"`
	for name, test := range map[string]struct {
		header    []string
		verified  error
		admitted  error
		status    int
		challenge string
		detail    string
	}{
		"good":             {[]string{"Bearer token"}, nil, nil, 200, "", ""},
		"scheme's case":    {[]string{"bEARER token"}, nil, nil, 200, "", ""},
		"spaces":           {[]string{"Bearer   token "}, nil, nil, 200, "", ""},
		"none":             {nil, nil, nil, 401, "Bearer", "a bearer token is required"},
		"basic":            {[]string{"Basic token"}, nil, nil, 401, "Bearer", "a bearer token is required"},
		"bare":             {[]string{"token"}, nil, nil, 401, "Bearer", "a bearer token is required"},
		"two headers":      {[]string{"Bearer token", "Bearer token"}, nil, nil, 400, `Bearer error="invalid_request", error_description="the Authorization header is malformed"`, "the Authorization header is malformed"},
		"joined headers":   {[]string{"Bearer token,Bearer token"}, nil, nil, 400, `Bearer error="invalid_request", error_description="the Authorization header is malformed"`, "the Authorization header is malformed"},
		"empty":            {[]string{"Bearer "}, nil, nil, 400, `Bearer error="invalid_request", error_description="the Authorization header is malformed"`, "the Authorization header is malformed"},
		"bad token":        {[]string{"Bearer token"}, fmt.Errorf("%w: secret reason", auth.ErrToken), nil, 401, invalid, "the token is not valid here"},
		"expired":          {[]string{"Bearer token"}, auth.ErrExpired, nil, 401, `Bearer error="invalid_token", error_description="the token is expired"`, "the token is expired"},
		"no keys":          {[]string{"Bearer token"}, fmt.Errorf("%w: GET https://internal", auth.ErrKeys), nil, 503, "", "try again later"},
		"unknown failure":  {[]string{"Bearer token"}, errors.New("secret reason"), nil, 503, "", "try again later"},
		"suspended tenant": {[]string{"Bearer token"}, nil, tenant.ErrSuspended, 403, "", "the tenant is suspended"},
		"unknown tenant":   {[]string{"Bearer token"}, nil, tenant.ErrUnknownTenant, 403, "", "the tenant is not known here"},
		"gate fails":       {[]string{"Bearer token"}, nil, fmt.Errorf("secret reason: %w", iotenant.ErrUnavailable), 503, "", "try again later"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			authenticator := authmock.NewMockAuthenticator(gomock.NewController(t))
			authenticator.EXPECT().Authenticate(gomock.Any(), "token").Return(principal, test.verified).AnyTimes()
			var logs bytes.Buffer
			secured := auth.Middleware(authenticator, gateFunc(func(id tenant.ID) error {
				require.Equal(t, acme, id)
				return test.admitted
			}), func(o *auth.MiddlewareOptions) { o.Logger = slog.New(slog.NewTextHandler(&logs, nil)) })(greet)
			request := httptest.NewRequest(http.MethodGet, "/things", nil)
			request.Header["Authorization"] = test.header
			recorder := httptest.NewRecorder()
			secured.ServeHTTP(recorder, request)
			require.Equal(t, test.status, recorder.Code)
			if test.status == http.StatusOK {
				require.Equal(t, "user-1 of acme", recorder.Body.String())
				return
			}
			require.Equal(t, test.challenge, recorder.Header().Get("WWW-Authenticate"))
			require.Equal(t, "application/problem+json", recorder.Header().Get("Content-Type"))
			var body map[string]any
			require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &body))
			require.Equal(t, map[string]any{
				"type": "about:blank", "title": http.StatusText(test.status), "status": float64(test.status), "detail": test.detail,
			}, body)
			require.Contains(t, logs.String(), "request refused")
			require.NotContains(t, logs.String(), "token,")
		})
	}
}

// TestAttackPrincipalOfTheTransport checks that a principal which a transport
// has verified still has to pass the gate, and that no header makes one.
func TestAttackPrincipalOfTheTransport(t *testing.T) {
	t.Parallel()
	authenticator := authmock.NewMockAuthenticator(gomock.NewController(t)) // is not called
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request = request.WithContext(auth.NewContext(request.Context(), auth.Principal{Tenant: acme, Subject: "user-1"}))
	for want, gate := range map[int]gateFunc{200: open, 403: func(tenant.ID) error { return tenant.ErrSuspended }} {
		recorder := httptest.NewRecorder()
		auth.Middleware(authenticator, gate)(greet).ServeHTTP(recorder, request)
		require.Equal(t, want, recorder.Code)
	}
	forged := httptest.NewRequest(http.MethodGet, "/?access_token=token&tenant=acme", nil)
	for _, name := range []string{"X-Tenant", "X-Tenant-Id", "X-Amzn-Oidc-Data", "X-User", "Cookie"} {
		forged.Header.Set(name, "acme")
	}
	recorder := httptest.NewRecorder()
	auth.Middleware(authenticator, gateFunc(open))(greet).ServeHTTP(recorder, forged)
	require.Equal(t, http.StatusUnauthorized, recorder.Code)
}

func TestRequire(t *testing.T) {
	t.Parallel()
	serve := func(middleware func(http.Handler) http.Handler, principal *auth.Principal) int {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		if principal != nil {
			request = request.WithContext(auth.NewContext(request.Context(), *principal))
		}
		recorder := httptest.NewRecorder()
		middleware(greet).ServeHTTP(recorder, request)
		return recorder.Code
	}
	principal := &auth.Principal{Tenant: acme, Groups: []string{"admins"}, Scopes: []string{"things/read"}}
	require.Equal(t, 200, serve(auth.RequireGroup("operators", "admins"), principal))
	require.Equal(t, 403, serve(auth.RequireGroup("operators", "admin", "things/read"), principal))
	require.Equal(t, 403, serve(auth.RequireGroup(), principal))
	require.Equal(t, 401, serve(auth.RequireGroup("admins"), nil))
	require.Equal(t, 200, serve(auth.RequireScope("things/read"), principal))
	require.Equal(t, 403, serve(auth.RequireScope("things"), principal))
}

func TestFromContext(t *testing.T) {
	t.Parallel()
	_, err := auth.FromContext(t.Context())
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
	require.ErrorIs(t, err, iotenant.ErrDenied)
}
