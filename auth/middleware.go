package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// MiddlewareOptions are the options of [Middleware] and [SignatureMiddleware].
type MiddlewareOptions struct {
	// Logger is told why a request was refused. Default silent.
	Logger *slog.Logger
}

// Middleware returns a middleware that lets through who presents a good bearer
// token (RFC 6750) of an active tenant, with the [Principal] in the request's
// context; see [FromContext].
//
// A principal that is in the context already, put there by a transport that
// has verified it, is not verified again, but asked for at the gate.
//
// Refusals are problem documents (RFC 9457) that tell nothing of the reason
// beyond their status: 401 without token or with a bad one, 400 for a
// malformed header, 403 for a tenant that is suspended or unknown, 503 when
// that can't be found out now.
func Middleware(authenticator Authenticator, gate tenant.Gate, optFns ...func(*MiddlewareOptions)) func(http.Handler) http.Handler {
	options := middlewareOptions(optFns)
	entry := entry{authenticator: authenticator, gate: gate, logger: options.Logger}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			principal, err := entry.admit(r)
			if err != nil {
				entry.logger.InfoContext(r.Context(), "auth: request refused", "method", r.Method, "path", r.URL.Path, "error", err)
				refuse(w, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), principal)))
		})
	}
}

func middlewareOptions(optFns []func(*MiddlewareOptions)) MiddlewareOptions {
	options := MiddlewareOptions{Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	return options
}

type entry struct {
	authenticator Authenticator
	gate          tenant.Gate
	logger        *slog.Logger
}

func (e entry) admit(r *http.Request) (Principal, error) {
	principal, err := FromContext(r.Context())
	if err != nil {
		principal, err = e.authenticate(r)
	}
	if err != nil {
		return Principal{}, err
	}
	return principal, e.gate.Admit(r.Context(), principal.Tenant)
}

func (e entry) authenticate(r *http.Request) (Principal, error) {
	token, err := BearerToken(r.Header)
	if err != nil {
		return Principal{}, err
	}
	return e.authenticator.Authenticate(r.Context(), token)
}

// errHeader: the Authorization header is malformed.
var errHeader = fmt.Errorf("auth: %w Authorization header", iotenant.ErrInvalid)

// BearerToken returns the token of the one "Authorization: Bearer" header. The
// error is [ErrUnauthenticated] if there is none or it has another scheme, and
// of kind iotenant.ErrInvalid if there are several or it is malformed.
func BearerToken(header http.Header) (string, error) {
	values := header["Authorization"]
	if len(values) == 0 {
		return "", ErrUnauthenticated
	}
	if len(values) > 1 {
		return "", errHeader
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ErrUnauthenticated
	}
	if token = strings.Trim(token, " "); token == "" || strings.ContainsAny(token, " ,\t") {
		return "", errHeader
	}
	return token, nil
}

// RequireGroup returns a middleware for use after [Middleware]: it lets
// through principals that are members of one of the groups. Others get 403.
func RequireGroup(groups ...string) func(http.Handler) http.Handler {
	return require(func(p Principal) bool {
		return slices.ContainsFunc(groups, p.InGroup)
	})
}

// RequireScope returns a middleware for use after [Middleware]: it lets
// through principals whose token carries the scope. Others get 403.
func RequireScope(scope string) func(http.Handler) http.Handler {
	return require(func(p Principal) bool { return p.HasScope(scope) })
}

func require(may func(Principal) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			principal, err := FromContext(r.Context())
			if err == nil && !may(principal) {
				err = ErrForbidden
			}
			if err != nil {
				refuse(w, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// problem is a problem document (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`

	challenge string
}

func refuse(w http.ResponseWriter, err error) {
	p := problemOf(err)
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	body, _ := json.Marshal(p) // strings and numbers: can't fail
	h := w.Header()
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client is gone: nobody to tell
}

func problemOf(err error) problem {
	switch {
	case errors.Is(err, ErrUnauthenticated):
		return problem{Status: http.StatusUnauthorized, Detail: "a bearer token is required", challenge: "Bearer"}
	case errors.Is(err, ErrExpired):
		return problem{Status: http.StatusUnauthorized, Detail: "the token is expired",
			challenge: `Bearer error="invalid_token", error_description="the token is expired"`}
	case errors.Is(err, ErrToken):
		return problem{Status: http.StatusUnauthorized, Detail: "the token is not valid here",
			challenge: `Bearer error="invalid_token", error_description="the token is not valid here"`}
	case errors.Is(err, errHeader):
		return problem{Status: http.StatusBadRequest, Detail: "the Authorization header is malformed",
			challenge: `Bearer error="invalid_request", error_description="the Authorization header is malformed"`}
	case errors.Is(err, ErrForbidden):
		return problem{Status: http.StatusForbidden, Detail: "the token does not permit this",
			challenge: `Bearer error="insufficient_scope", error_description="the token does not permit this"`}
	case errors.Is(err, tenant.ErrSuspended):
		return problem{Status: http.StatusForbidden, Detail: "the tenant is suspended"}
	case errors.Is(err, tenant.ErrUnknownTenant):
		return problem{Status: http.StatusForbidden, Detail: "the tenant is not known here"}
	default:
		return problem{Status: http.StatusServiceUnavailable, Detail: "try again later"}
	}
}
