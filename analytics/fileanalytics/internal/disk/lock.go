package disk

import "errors"

// ErrLocked: somebody else holds the lock.
var ErrLocked = errors.New("locked")
