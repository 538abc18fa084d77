package shadow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Sentinel errors of this package. Each wraps a kind of package iotenant.
var (
	// ErrName: the text is not the name of a shadow.
	ErrName = fmt.Errorf("shadow: %w shadow name", iotenant.ErrInvalid)
	// ErrLimit: the limit of a list is out of bounds.
	ErrLimit = fmt.Errorf("shadow: %w limit", iotenant.ErrInvalid)
	// ErrRequest: the request is malformed, AWS's 400.
	ErrRequest = fmt.Errorf("shadow: %w request", iotenant.ErrInvalid)
	// ErrTooLarge: the state would exceed the limit of a shadow, AWS's 413.
	ErrTooLarge = fmt.Errorf("shadow: %w state: too large", iotenant.ErrInvalid)
	// ErrEncoding: the request is not UTF-8, AWS's 415.
	ErrEncoding = fmt.Errorf("shadow: %w encoding", iotenant.ErrInvalid)
	// ErrNotFound: there is no such shadow for this tenant, AWS's 404.
	ErrNotFound = fmt.Errorf("shadow: shadow %w", iotenant.ErrNotFound)
	// ErrVersion: the shadow is at another version than the request names,
	// AWS's 409.
	ErrVersion = fmt.Errorf("shadow: version %w", iotenant.ErrConflict)
	// ErrThrottled: too many requests of the thing are in flight, AWS's 429.
	ErrThrottled = fmt.Errorf("shadow: throttled: %w", iotenant.ErrUnavailable)

	// ErrState: a stored state can't be read.
	ErrState = fmt.Errorf("shadow: %w stored state", iotenant.ErrInvalid)
	// ErrValue: a value of the caller's type is not the JSON that a shadow
	// can hold, or a section of a shadow does not fit the type.
	ErrValue = fmt.Errorf("shadow: %w value", iotenant.ErrInvalid)

	// ErrPending: the wait for a command ended before its outcome was known.
	// The command still stands.
	ErrPending = fmt.Errorf("shadow: command pending: %w", iotenant.ErrUnavailable)
	// ErrRejected: the device took the command out of desired.
	ErrRejected = fmt.Errorf("shadow: command rejected by the device: %w", iotenant.ErrDenied)
	// ErrSuperseded: desired was given other values, or the shadow was
	// deleted, before the device reported the commanded ones.
	ErrSuperseded = fmt.Errorf("shadow: command superseded: %w", iotenant.ErrConflict)
	// ErrCancelled: the command was taken back by [Commander.Cancel].
	ErrCancelled = fmt.Errorf("shadow: command cancelled: %w", iotenant.ErrConflict)
)

// Error is a refusal with the HTTP status and the text of AWS. It wraps the
// sentinel error of its code, and through it a kind of package iotenant.
type Error struct {
	Code    int
	Message string
}

// Error returns the message with its code.
func (e *Error) Error() string { return fmt.Sprintf("shadow: %d %s", e.Code, e.Message) }

// Unwrap returns the sentinel error of the code.
func (e *Error) Unwrap() error {
	switch e.Code {
	case http.StatusBadRequest:
		return ErrRequest
	case http.StatusUnauthorized, http.StatusForbidden:
		return iotenant.ErrDenied
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusMethodNotAllowed:
		return iotenant.ErrUnsupported
	case http.StatusConflict:
		return ErrVersion
	case http.StatusRequestEntityTooLarge:
		return ErrTooLarge
	case http.StatusUnsupportedMediaType:
		return ErrEncoding
	case http.StatusTooManyRequests:
		return ErrThrottled
	default:
		return iotenant.ErrUnavailable
	}
}

// ErrorOf translates any error into AWS's terms, for edges that answer with
// them. An [Error] stays as it is. What AWS has no text for is described by
// its kind only, so that nothing internal leaks.
func ErrorOf(err error) *Error {
	if refusal, ok := errors.AsType[*Error](err); ok {
		return refusal
	}
	switch iotenant.KindOf(err) {
	case iotenant.ErrInvalid:
		return &Error{Code: http.StatusBadRequest, Message: "Invalid request"}
	case iotenant.ErrDenied:
		return &Error{Code: http.StatusForbidden, Message: "Forbidden"}
	case iotenant.ErrNotFound:
		return &Error{Code: http.StatusNotFound, Message: "Not found"}
	case iotenant.ErrConflict, iotenant.ErrExists:
		return versionConflict()
	case iotenant.ErrUnsupported:
		return &Error{Code: http.StatusMethodNotAllowed, Message: "Method not allowed"}
	case iotenant.ErrUnavailable:
		return &Error{Code: http.StatusServiceUnavailable, Message: "Service unavailable"}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: http.StatusServiceUnavailable, Message: "Service unavailable"}
	}
	return &Error{Code: http.StatusInternalServerError, Message: "Internal service failure"}
}

// Rejected returns the message for a /rejected topic. As on AWS, that a shadow
// does not exist is told without a timestamp. An empty token is left out.
func (e *Error) Rejected(now time.Time, clientToken string) []byte {
	text := append([]byte(`{"code":`), fmt.Sprint(e.Code)...)
	text = append(text, `,"message":`...)
	text = appendString(text, e.Message)
	if e.Code != http.StatusNotFound {
		text = appendTimestamp(text, now.Unix())
	}
	return appendEnd(text, clientToken)
}

// NoShadow returns the 404 error for a shadow that does not exist. It names
// the shadow, or for the classic one the thing, as AWS does.
func NoShadow(id tenant.ID, thing device.ID, name Name) *Error {
	missing := name.String()
	if name.IsZero() {
		missing = device.ThingName(id, thing)
	}
	return &Error{Code: http.StatusNotFound, Message: "No shadow exists with name: '" + missing + "'"}
}

// NoThing returns the 404 error for a thing that does not exist.
func NoThing() *Error { return &Error{Code: http.StatusNotFound, Message: "Thing not found"} }

func badRequest(message string) *Error {
	return &Error{Code: http.StatusBadRequest, Message: message}
}

func versionConflict() *Error {
	return &Error{Code: http.StatusConflict, Message: "Version conflict"}
}

// TooLarge returns the 413 error.
func TooLarge() *Error {
	return &Error{Code: http.StatusRequestEntityTooLarge, Message: "The payload exceeds the maximum size allowed"}
}

// Throttled returns the 429 error.
func Throttled() *Error {
	return &Error{Code: http.StatusTooManyRequests, Message: "Too many requests"}
}
