package s3analytics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/aws/smithy-go"

	"github.com/iotenant/iotenant"
)

// ErrTooLarge: an object has more than [MaxParts] parts of Options.PartSize.
var ErrTooLarge = fmt.Errorf("s3analytics: object is too large: %w", iotenant.ErrInvalid)

// The codes of S3 that mean something here.
const (
	codeNoKey        = "NoSuchKey"
	codeNotFound     = "NotFound" // HeadObject, which has no body to say more
	codeNoUpload     = "NoSuchUpload"
	codePrecondition = "PreconditionFailed"
	codeConflict     = "ConditionalRequestConflict"
	codeAborted      = "OperationAborted"
	codeRange        = "InvalidRange"
	codeDenied       = "AccessDenied"
	codeForbidden    = "Forbidden" // HeadObject
)

// failure is an error of S3. Its text is ours: what the SDK says can hold the
// names of other principals, and is there with errors.As.
type failure struct {
	text        string
	kind, cause error
}

func (f *failure) Error() string   { return f.text }
func (f *failure) Unwrap() []error { return []error{f.kind, f.cause} }

// failed returns the error of a call, such as "put", that failed with err and
// means kind.
func failed(ctx context.Context, call string, kind, err error) error {
	if ctx.Err() != nil {
		return ended(ctx, call)
	}
	return &failure{text: fmt.Sprintf("s3analytics: %s: %v: %s", call, kind, describe(err)), kind: kind, cause: err}
}

// unavailable is failed for what is no property of the object: a bucket that is
// missing or forbidden is out of order.
func unavailable(ctx context.Context, call string, err error) error {
	return failed(ctx, call, iotenant.ErrUnavailable, err)
}

// ended returns the error of a call whose context has ended; that of an object
// ends when it is closed, too.
func ended(ctx context.Context, call string) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, fs.ErrClosed) {
		return fmt.Errorf("s3analytics: %s: %w: %w", call, iotenant.ErrUnavailable, cause)
	}
	return fmt.Errorf("s3analytics: %s: %w", call, ctx.Err())
}

// codeOf returns the code of an error of S3, empty if it is none.
func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// describe returns the code of an error of S3. Other errors of the SDK are not
// repeated either: their text can hold a URL, which may be signed.
func describe(err error) string {
	if code := codeOf(err); code != "" {
		return code
	}
	if lost, ok := errors.AsType[*answerError](err); ok {
		return lost.Error()
	}
	return "no answer"
}

// answerError says how an answer of S3 is not what was asked for.
type answerError struct{ text string }

func (e *answerError) Error() string { return e.text }

func badAnswer(format string, args ...any) error {
	return &answerError{fmt.Sprintf(format, args...)}
}
