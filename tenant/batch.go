package tenant

import "fmt"

// MaxBatch is the number of entries that a batch may have. Backends cut it
// into pieces of the size that their technology takes.
const MaxBatch = 1000

// Write is an entry of [Repository.BatchWrite], made by [PutWrite] or
// [DeleteWrite]. It has no condition: it is for writers that own the item. The
// zero Write is refused with [ErrBatch].
type Write[T any] struct {
	action Action
	key    Key
	value  T
}

// PutWrite stores value under the key that the schema computes, whatever is
// stored there.
func PutWrite[T any](value T) Write[T] { return Write[T]{action: ActionPut, value: value} }

// DeleteWrite removes the item with this key, if there is one:
//
//	tenant.DeleteWrite[Site](tenant.NewKey("north"))
func DeleteWrite[T any](key Key) Write[T] { return Write[T]{action: ActionDelete, key: key} }

// Action returns what the write does: [ActionPut] or [ActionDelete], 0 for the
// zero Write. Backends call it.
func (w *Write[T]) Action() Action { return w.action }

// Key returns the key of a delete. Backends call it.
func (w *Write[T]) Key() Key { return w.key }

// Value returns the value of a put. It must not be changed. Backends call it.
func (w *Write[T]) Value() *T { return &w.value }

// BatchError says which entries of a batch failed. The others are done.
type BatchError struct {
	// Errs has one error for each entry of the batch, nil for those that are
	// done.
	Errs []error
}

// Error counts the failures and describes the first.
func (e *BatchError) Error() string {
	return fmt.Sprintf("tenant: batch: %s", describeFailures("entries", e.Errs))
}

// Unwrap returns the errors of the entries that failed.
func (e *BatchError) Unwrap() []error { return failures(e.Errs) }

// describeFailures says how many of some things failed, and how the first did.
// Positions count from 0.
func describeFailures(things string, errs []error) string {
	text := fmt.Sprintf("%d of %d %s failed", len(failures(errs)), len(errs), things)
	for i, err := range errs {
		if err != nil {
			return fmt.Sprintf("%s, number %d first: %v", text, i, err)
		}
	}
	return text
}

func failures(errs []error) (failed []error) {
	for _, err := range errs {
		if err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}
