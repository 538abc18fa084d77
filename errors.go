package iotenant

import "errors"

// The seven kinds of error. Every sentinel error of this module wraps exactly
// one of them, so callers decide with [errors.Is] on a kind, or on the more
// specific sentinel of the package that they called.
var (
	// ErrNotFound: the thing asked for does not exist for this tenant. What
	// belongs to another tenant is not found, never denied, so that an error
	// tells nothing about other tenants.
	ErrNotFound = errors.New("not found")
	// ErrExists: the thing to be created exists already.
	ErrExists = errors.New("already exists")
	// ErrConflict: the state to be replaced was changed by somebody else.
	// Read again, decide again, then retry.
	ErrConflict = errors.New("conflict")
	// ErrInvalid: the request can never succeed as it stands.
	ErrInvalid = errors.New("invalid")
	// ErrDenied: the caller is known, or failed to prove who it is, and may
	// not do this.
	ErrDenied = errors.New("denied")
	// ErrUnavailable: a dependency failed or a limit is exhausted. The same
	// request may succeed later. The outcome of a write that ends so is
	// unknown unless the method says otherwise.
	ErrUnavailable = errors.New("unavailable")
	// ErrUnsupported: this implementation can't do that.
	ErrUnsupported = errors.New("unsupported")
)

var kinds = [...]error{ErrNotFound, ErrExists, ErrConflict, ErrInvalid, ErrDenied, ErrUnavailable, ErrUnsupported}

// KindOf returns the kind that err wraps, or nil if err is nil or wraps none.
// It is meant for edges that translate errors, into an HTTP status for example.
func KindOf(err error) error {
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}
