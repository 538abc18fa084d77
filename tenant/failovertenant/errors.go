package failovertenant

import (
	"fmt"

	"github.com/iotenant/iotenant"
)

// Sentinel errors of this package. Each wraps a kind of package iotenant.
var (
	// ErrMoved: the tenant was moved to another Region, and this process had not
	// heard of it. Nothing was written. It has heard now: read again, and write again.
	ErrMoved = fmt.Errorf("failovertenant: the tenant was moved: %w", iotenant.ErrConflict)
	// ErrDraining: the tenant is about to be moved; nothing is written until it
	// is.
	ErrDraining = fmt.Errorf("failovertenant: the tenant is being moved: %w", iotenant.ErrConflict)
	// ErrNotDrained: [Store.Move] without MoveOptions.Force needs [Store.Drain]
	// before it.
	ErrNotDrained = fmt.Errorf("failovertenant: the tenant is not drained: %w", iotenant.ErrConflict)
	// ErrRegion: no Region of this store has that name.
	ErrRegion = fmt.Errorf("failovertenant: %w Region", iotenant.ErrInvalid)
	// ErrDown: the Region failed often and is left alone for a while.
	ErrDown = fmt.Errorf("failovertenant: Region %w", iotenant.ErrUnavailable)
)
