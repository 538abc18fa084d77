package tenant

import (
	"fmt"

	"github.com/iotenant/iotenant"
)

var errSchema = fmt.Errorf("tenant: %w schema", iotenant.ErrInvalid)

// Sentinel errors of this package. Each wraps a kind of package iotenant.
var (
	// ErrID: the text is not a tenant id, or a zero [ID] was passed.
	ErrID = fmt.Errorf("tenant: %w tenant id", iotenant.ErrInvalid)
	// ErrKey: an item key is empty, too long, or holds control characters.
	ErrKey = fmt.Errorf("tenant: %w key", iotenant.ErrInvalid)
	// ErrQuery: a query names an unknown index or an impossible limit.
	ErrQuery = fmt.Errorf("tenant: %w query", iotenant.ErrInvalid)
	// ErrCondition: a write came without a condition.
	ErrCondition = fmt.Errorf("tenant: %w condition", iotenant.ErrInvalid)
	// ErrCursor: a cursor was not made by this store for this tenant and
	// this query, or its key is no longer accepted. The text is the same for
	// every cause.
	ErrCursor = fmt.Errorf("tenant: %w cursor", iotenant.ErrInvalid)
	// ErrTooLarge: the encoded item exceeds [MaxItemSize].
	ErrTooLarge = fmt.Errorf("tenant: %w item: too large", iotenant.ErrInvalid)
	// ErrBatch: a batch has more than [MaxBatch] entries, two writes of one
	// key, or a zero [Write].
	ErrBatch = fmt.Errorf("tenant: %w batch", iotenant.ErrInvalid)
	// ErrTransaction: a transaction has no operations, too many or too large
	// ones, two on one item, or a zero [Op].
	ErrTransaction = fmt.Errorf("tenant: %w transaction", iotenant.ErrInvalid)

	// ErrNotFound: there is no such item for this tenant.
	ErrNotFound = fmt.Errorf("tenant: item %w", iotenant.ErrNotFound)
	// ErrExists: [IfAbsent] met an item.
	ErrExists = fmt.Errorf("tenant: item %w", iotenant.ErrExists)
	// ErrVersion: [IfVersion] met another version, or no item.
	ErrVersion = fmt.Errorf("tenant: version %w", iotenant.ErrConflict)
	// ErrTransactionConflict: another transaction or write was under way on
	// the same items. Nothing was written; the same transaction may succeed
	// when tried again, see [TransactRetry].
	ErrTransactionConflict = fmt.Errorf("tenant: transaction %w", iotenant.ErrConflict)

	// ErrInProgress: another call executes what was to be executed once. Try
	// again later.
	ErrInProgress = fmt.Errorf("tenant: execution in progress: %w", iotenant.ErrConflict)
	// ErrLeaseLost: an execution took longer than its lease, and another call
	// took over. The result of this one is refused.
	ErrLeaseLost = fmt.Errorf("tenant: lease lost: %w", iotenant.ErrConflict)
	// ErrPayload: the key stands for another payload.
	ErrPayload = fmt.Errorf("tenant: %w payload: the key was used with another", iotenant.ErrInvalid)

	// ErrPlan: a plan has a bad name, quota or limit.
	ErrPlan = fmt.Errorf("tenant: %w plan", iotenant.ErrInvalid)
	// ErrUnknownPlan: the directory has no such plan.
	ErrUnknownPlan = fmt.Errorf("tenant: plan %w", iotenant.ErrNotFound)
	// ErrQuota: the tenant has as many items of an entity as its plan allows; a
	// [*QuotaError] says how many that is. It is a denial: the tenant may not
	// have more. Trying again doesn't help, so it is neither unavailable nor a
	// conflict; deleting an item, or another plan, does.
	ErrQuota = fmt.Errorf("tenant: quota exceeded: %w", iotenant.ErrDenied)

	// ErrUnknownTenant: the directory has no such tenant. It is a denial:
	// whoever acts for an unknown tenant is refused.
	ErrUnknownTenant = fmt.Errorf("tenant: unknown tenant: %w", iotenant.ErrDenied)
	// ErrSuspended: the tenant is suspended; every entry refuses it.
	ErrSuspended = fmt.Errorf("tenant: tenant suspended: %w", iotenant.ErrDenied)
)
