package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/shadow"
)

// problem turns an error into a problem document (RFC 9457). What the client
// can do nothing about is logged, and only named to it.
func (a *api) problem(ctx context.Context, operationID string, err error) error {
	status := statusOf(err)
	if status < http.StatusInternalServerError {
		return huma.NewError(status, err.Error())
	}
	a.options.Logger.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("operation", operationID), slog.Any("error", err))
	return huma.NewError(status, http.StatusText(status))
}

// withoutValues takes out of a problem what the client sent: it may be a
// password, and an answer may be kept where a request isn't.
func withoutValues(_ huma.Context, _ string, answer any) (any, error) {
	if problem, ok := answer.(*huma.ErrorModel); ok {
		for _, detail := range problem.Errors {
			detail.Value = nil
		}
	}
	return answer, nil
}

func statusOf(err error) int {
	if refusal, ok := errors.AsType[*shadow.Error](err); ok {
		return refusal.Code // as on AWS
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	case errors.Is(err, auth.ErrTooManyAttempts):
		return http.StatusTooManyRequests
	case errors.Is(err, auth.ErrCredentials), errors.Is(err, auth.ErrRefresh), errors.Is(err, auth.ErrUnauthenticated):
		return http.StatusUnauthorized
	}
	switch iotenant.KindOf(err) {
	case iotenant.ErrNotFound:
		return http.StatusNotFound
	case iotenant.ErrExists, iotenant.ErrConflict:
		return http.StatusConflict
	case iotenant.ErrInvalid:
		return http.StatusBadRequest
	case iotenant.ErrDenied:
		return http.StatusForbidden
	case iotenant.ErrUnavailable:
		return http.StatusServiceUnavailable
	case iotenant.ErrUnsupported:
		return http.StatusNotImplemented
	}
	return http.StatusInternalServerError
}
