package dynamotenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Sentinel errors of this package. Each wraps a kind of package iotenant.
var (
	// ErrSharding: Options.Shards returned an impossible [Sharding].
	ErrSharding = fmt.Errorf("dynamotenant: %w sharding", iotenant.ErrInvalid)
	// ErrTable: a table is not as [Table] and [TimeToLive] describe it.
	ErrTable = fmt.Errorf("dynamotenant: %w table", iotenant.ErrInvalid)
)

// failure is an error of DynamoDB. Its text is ours: what the SDK says can hold
// the names of other principals, and is there with errors.As.
type failure struct {
	text        string
	kind, cause error
}

func (f *failure) Error() string   { return f.text }
func (f *failure) Unwrap() []error { return []error{f.kind, f.cause} }

// failed returns the error of a call, which was of kind of call, such as
// "get site", and failed with err.
func failed(ctx context.Context, call string, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("dynamotenant: %s: %w", call, ended)
	}
	kind := kindOf(err)
	return &failure{text: fmt.Sprintf("dynamotenant: %s: %v: %s", call, kind, describe(err)), kind: kind, cause: err}
}

// refused returns the error of a write whose condition didn't hold.
func refused(cond tenant.Condition, entity string, cause error) error {
	kind := unmet(cond)
	return &failure{text: fmt.Sprintf("%v: %s", kind, entity), kind: kind, cause: cause}
}

// kindOf returns the error that err of the SDK is here. A table that is missing
// or forbidden is no property of the item: it is out of order.
func kindOf(err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return iotenant.ErrUnavailable
	}
	switch api.ErrorCode() {
	case "ValidationException", reasonValidation:
		if strings.Contains(api.ErrorMessage(), "tem size") { // "Item size has exceeded …", "… item size to update …"
			return tenant.ErrTooLarge
		}
		return iotenant.ErrInvalid
	case "TransactionConflictException":
		return tenant.ErrTransactionConflict
	case "TransactionCanceledException":
		if slices.ContainsFunc(reasonsOf(err), isConflict) {
			return tenant.ErrTransactionConflict
		}
	}
	return iotenant.ErrUnavailable
}

func isConflict(reason types.CancellationReason) bool { return codeOf(reason) == reasonConflict }

// describe returns the code of an error of DynamoDB, the text of any other.
func describe(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return err.Error()
}
