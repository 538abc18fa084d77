package tenant

import "context"

// Repository keeps the items of one entity, apart for each tenant. It is the
// tenant-keyed store of the whole module: devices, users, shadows and detector
// states are repositories. Get one from a backend: memtenant, bolttenant.
//
// The contract, sentence by sentence, as package tenanttest checks it:
//
//   - Isolation: a call with one tenant's id neither sees nor changes what was
//     put with another's. An item of another tenant is [ErrNotFound].
//   - The zero ID is refused with [ErrID], before anything is read.
//   - Durability: a write is acknowledged by a nil error. A backend that keeps
//     data beyond the process has then made it durable.
//   - Atomicity: a write takes effect as a whole, with its index entries, or
//     not at all; readers see a state before or after it. A batch is many
//     writes, of which some may fail.
//   - Conditions are checked and applied as one step, also among writers in
//     other processes.
//   - Consistency: a Get or BatchGet with [Consistent] and a Query with
//     Query.Consistent see every write acknowledged before the call. Without
//     it a backend may answer with an older state, for less. An index shows
//     every write soon, at a time of its own; Query.Consistent with an index
//     is refused with [ErrQuery].
//   - Ownership: nothing is shared. What was put can be changed by the caller
//     afterwards, and what was returned too, without effect on the store.
//   - Expiry: an item whose Schema.Expires has passed is invisible to Get,
//     BatchGet and Query, counts as absent for conditions, and may be put again.
//   - A cancelled context ends the call with the context's error. A write that
//     ends so has an unknown outcome; a call made with a cancelled context has
//     no effect.
//   - Errors are those named below, or wrap iotenant.ErrUnavailable. No error
//     text holds another tenant's id.
//   - All methods may be called concurrently.
type Repository[T any] interface {
	// Get returns the item with this key. Errors: [ErrNotFound], [ErrID],
	// [ErrKey].
	Get(ctx context.Context, id ID, key Key, optFns ...func(*ReadOptions)) (Item[T], error)

	// Put stores value under the key that the schema computes, if cond holds,
	// and returns the item's new version. It replaces the whole item. Errors:
	// [ErrExists], [ErrNotFound], [ErrVersion] by condition; [ErrID],
	// [ErrKey], [ErrCondition], [ErrTooLarge]; kind iotenant.ErrInvalid for a
	// value that can't be encoded; [ErrTransactionConflict] while a
	// transaction on the item is under way, if the backend doesn't wait for it.
	Put(ctx context.Context, id ID, value T, cond Condition) (Version, error)

	// Delete removes the item with this key, if cond holds. Deleting with
	// [Always] what is not there is no error; [IfAbsent] is refused with
	// [ErrCondition]. Errors: [ErrNotFound], [ErrVersion] by condition;
	// [ErrID], [ErrKey], [ErrCondition]; [ErrTransactionConflict] as of Put.
	Delete(ctx context.Context, id ID, key Key, cond Condition) error

	// Query returns one page of items in key order, or in the order of an
	// index, and a cursor for the next. Following the cursors to the end
	// returns every item that was there throughout exactly once. A page may
	// be shorter than the limit, even empty, and still have a next one.
	// Errors: [ErrID], [ErrKey], [ErrQuery], [ErrCursor].
	Query(ctx context.Context, id ID, query Query) (Page[T], error)

	// BatchGet returns the items with these keys, in their order; one that is
	// not there has Version 0. A key may occur twice. The entries are read
	// apart from each other. If only some could be read, the error is a
	// [*BatchError] and the items of the others are returned with it: entries
	// fail with [ErrKey] or kind iotenant.ErrUnavailable. Other errors:
	// [ErrBatch] for more than [MaxBatch] keys, [ErrID].
	BatchGet(ctx context.Context, id ID, keys []Key, optFns ...func(*ReadOptions)) ([]Item[T], error)

	// BatchWrite applies writes, each on its own and without condition, and
	// returns a version for each: the new one of a put, 0 for a delete or a
	// write that failed. If writes failed, the error is a [*BatchError], which
	// has one error per write, one of those of Put and Delete, and the others
	// are done. Any other error means that nothing was written: [ErrBatch] for
	// more than [MaxBatch] writes or two of one key, [ErrID].
	BatchWrite(ctx context.Context, id ID, writes []Write[T]) ([]Version, error)
}

// Item is a stored value with its version.
type Item[T any] struct {
	Value   T
	Version Version
}

// Page is a part of a query's result.
type Page[T any] struct {
	Items []Item[T]
	// Next continues the query after the last item; empty at the end.
	Next Cursor
}

// ReadOptions are the options of a read of one item.
type ReadOptions struct {
	// Consistent asks for the state after every acknowledged write.
	Consistent bool
}

// Consistent sets ReadOptions.Consistent.
func Consistent(o *ReadOptions) { o.Consistent = true }
