package tenant

import (
	"context"
	"errors"
	"fmt"

	"github.com/iotenant/iotenant/tenant/internal/backoff"
)

// Update changes an item by reading it, calling change on the value, and
// writing it back on the condition that nobody wrote in between; else it tries
// again, until ctx ends or 1,000 attempts have failed with [ErrVersion] or
// [ErrTransactionConflict]. change may therefore be called more than once; if
// it returns an error, nothing is written and Update returns that error. It
// returns the item as written. Errors: those of Get and Put.
func Update[T any](ctx context.Context, repository Repository[T], id ID, key Key, change func(*T) error) (Item[T], error) {
	for attempt := range backoff.Attempts {
		item, err := repository.Get(ctx, id, key, Consistent)
		if err != nil {
			return Item[T]{}, err
		}
		if err := change(&item.Value); err != nil {
			return Item[T]{}, err
		}
		version, err := repository.Put(ctx, id, item.Value, IfVersion(item.Version))
		if err == nil {
			return Item[T]{Value: item.Value, Version: version}, nil
		}
		if !errors.Is(err, ErrVersion) && !errors.Is(err, ErrTransactionConflict) {
			return Item[T]{}, err
		}
		if err := backoff.Pause(ctx, attempt); err != nil {
			return Item[T]{}, err
		}
	}
	return Item[T]{}, fmt.Errorf("tenant: update of %s: %w after %d attempts", key, ErrVersion, backoff.Attempts)
}
