package lambdaanalytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// ErrNoTenant: an invocation was not made for a tenant.
var ErrNoTenant = fmt.Errorf("lambdaanalytics: no tenant: %w", iotenant.ErrDenied)

// Invoker is the tenant of a direct invocation of a function with tenant
// isolation: that for which Lambda has made the execution environment. Who may
// invoke for which tenant is up to the policies of the platform. Errors:
// [ErrNoTenant], tenant.ErrID.
func Invoker(ctx context.Context) (tenant.ID, error) {
	invocation, ok := lambdacontext.FromContext(ctx)
	if !ok || invocation.TenantID == "" {
		return tenant.ID{}, ErrNoTenant
	}
	return tenant.ParseID(invocation.TenantID)
}

// maxRequest bounds the body of a request: a statement in JSON.
const maxRequest = 1 << 20

// ServeHTTP implements http.Handler: it answers a POST of a [Request] with the
// result, as application/json or text/csv, or with a link as Invoke does. A
// refusal is a problem document (RFC 9457). Put it behind auth.Middleware.
func (q *Query) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		writeDocument(w, problemType, http.StatusMethodNotAllowed, problem{Status: http.StatusMethodNotAllowed, Title: "Method Not Allowed"})
		return
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrRequest, err)
	}
	var result answered
	if err == nil {
		result, err = q.answer(r.Context(), payload, quoted)
	}
	switch {
	case err != nil:
		p := q.problem(r.Context(), err)
		writeDocument(w, problemType, p.Status, p)
	case result.link != nil:
		writeDocument(w, jsonType, http.StatusOK, result.link)
	case result.format == CSV:
		write(w, "text/csv; charset=utf-8", http.StatusOK, result.text)
	default:
		write(w, jsonType, http.StatusOK, result.text)
	}
}

const (
	jsonType    = "application/json"
	problemType = "application/problem+json"
)

func writeDocument(w http.ResponseWriter, contentType string, status int, document any) {
	text, err := json.Marshal(document)
	if err != nil {
		status, text = http.StatusInternalServerError, nil
	}
	write(w, contentType, status, text)
}

func write(w http.ResponseWriter, contentType string, status int, text []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

type status struct {
	code  int
	title string
}

// codes are the statuses for the kinds of errors.
var codes = map[error]int{
	iotenant.ErrInvalid:     http.StatusBadRequest,
	iotenant.ErrNotFound:    http.StatusNotFound,
	iotenant.ErrDenied:      http.StatusForbidden,
	iotenant.ErrExists:      http.StatusConflict,
	iotenant.ErrConflict:    http.StatusConflict,
	iotenant.ErrUnsupported: http.StatusNotImplemented,
	iotenant.ErrUnavailable: http.StatusServiceUnavailable,
}

// statusOf returns the status for the kind of an error.
func statusOf(err error) status {
	code, known := codes[iotenant.KindOf(err)]
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		code = http.StatusGatewayTimeout
	case !known:
		code = http.StatusInternalServerError
	}
	return status{code, http.StatusText(code)}
}
