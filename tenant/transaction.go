package tenant

import (
	"context"
	"errors"
	"fmt"

	"github.com/iotenant/iotenant/tenant/internal/backoff"
)

// Portable limits of a transaction: its operations, and its bytes, where each
// put counts as the whole item, see [MaxItemSize], and each delete or check as
// an item without value.
const (
	MaxOps             = 100
	MaxTransactionSize = 4 << 20
)

// Transactor applies operations on items of one tenant, also of several
// entities, as one step. The Store of each backend is one.
//
// The contract, sentence by sentence, as package tenanttest checks it:
//
//   - Isolation: all operations are on items of the tenant that the call
//     names. The zero ID is refused with [ErrID].
//   - Atomicity: either all conditions hold and all operations take effect, or
//     nothing is changed; no crash leaves a part of a transaction.
//   - Conditions are checked against the state before the transaction, in one
//     step with its writes, also among writers and transactions in other
//     processes.
//   - After a nil error every consistent read sees the whole transaction. A
//     reader beside it sees each item before or after it; only a read of one
//     item is sure not to see a part.
//   - What a repository does with an item holds here too: durability,
//     ownership, expiry, versions, cancelled contexts, errors.
//   - Transact may be called concurrently.
type Transactor interface {
	// Transact applies ops and returns a version for each: the new one of a
	// put, 0 for a delete or check. Each item may be in one operation only.
	//
	// If conditions failed, or single operations are refused, the error is a
	// [*TransactionError], which has one error per operation. Other errors:
	// [ErrTransactionConflict] if another transaction or write on these items
	// was under way: nothing is written, try again; [ErrTransaction] for no
	// operations, more than [MaxOps] or [MaxTransactionSize], or two on one
	// item; [ErrID].
	Transact(ctx context.Context, id ID, ops ...Op) ([]Version, error)
}

// TransactionError says why a transaction was refused. Nothing is written.
type TransactionError struct {
	// Errs has one error for each operation, nil for those that were not the
	// reason: [ErrExists], [ErrNotFound], [ErrVersion] by condition; [ErrKey],
	// [ErrCondition], [ErrTooLarge]; kind iotenant.ErrInvalid for a value that
	// can't be encoded and for a bad schema.
	Errs []error
}

// Error counts the failures and describes the first.
func (e *TransactionError) Error() string {
	return fmt.Sprintf("tenant: transaction: %s", describeFailures("operations", e.Errs))
}

// Unwrap returns the errors of the operations that were the reason.
func (e *TransactionError) Unwrap() []error { return failures(e.Errs) }

// TransactRetry calls decide and applies the operations that it returns; if
// somebody wrote in between ([ErrVersion], [ErrTransactionConflict]), it does
// both again, until ctx ends or 1,000 attempts have failed so. decide should
// read, with [Consistent], what it decides on, and name the versions that it
// read. It may be called more than once. If it returns an error, nothing is
// written and TransactRetry returns that error; if it returns no operations,
// nothing is to be done. The versions are those of the operations that were
// applied last. Errors: those of decide and Transact.
func TransactRetry(ctx context.Context, transactor Transactor, id ID, decide func(ctx context.Context) ([]Op, error)) ([]Version, error) {
	for attempt := range backoff.Attempts {
		ops, err := decide(ctx)
		if err != nil || len(ops) == 0 {
			return nil, err
		}
		versions, err := transactor.Transact(ctx, id, ops...)
		if err == nil {
			return versions, nil
		}
		if !errors.Is(err, ErrVersion) && !errors.Is(err, ErrTransactionConflict) {
			return nil, err
		}
		if err := backoff.Pause(ctx, attempt); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("tenant: transaction: %w after %d attempts", ErrTransactionConflict, backoff.Attempts)
}
