package tenant

import (
	"errors"
	"strings"

	"github.com/iotenant/iotenant"
)

// maxFailureLength bounds what is kept of the text of a final error, in bytes.
const maxFailureLength = 4096

// FinalError is an error that trying again won't change, made by [Final]. When
// [Once] returns it again, only its text and kind are left of it.
type FinalError struct {
	text  string
	cause error
}

// Final declares that trying again won't change err: [Once] keeps it as the
// outcome, where another error frees the key. Its text is stored, up to 4,096
// bytes. Final of nil is nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &FinalError{text: err.Error(), cause: err}
}

// Error returns the text of the error that was declared final.
func (e *FinalError) Error() string { return e.text }

// Unwrap returns the error that was declared final, or its kind if the error
// was read back; nil if it had none.
func (e *FinalError) Unwrap() error { return e.cause }

// storedFailure returns a final error as it was stored.
func storedFailure(r *OnceRecord) error {
	return &FinalError{text: r.Failure, cause: kindNamed(r.FailureKind)}
}

// setFailure stores a final error.
func (r *OnceRecord) setFailure(final *FinalError) {
	text := final.text[:min(len(final.text), maxFailureLength)]
	r.Status, r.Failure = OnceFailed, strings.ToValidUTF8(text, "")
	if kind := iotenant.KindOf(final.cause); kind != nil {
		r.FailureKind = kind.Error()
	}
}

func kindNamed(text string) error {
	for _, kind := range []error{
		iotenant.ErrNotFound, iotenant.ErrExists, iotenant.ErrConflict, iotenant.ErrInvalid,
		iotenant.ErrDenied, iotenant.ErrUnavailable, iotenant.ErrUnsupported,
	} {
		if kind.Error() == text {
			return kind
		}
	}
	return nil
}

func asFinal(err error) *FinalError {
	var final *FinalError
	if !errors.As(err, &final) {
		return nil
	}
	return final
}
