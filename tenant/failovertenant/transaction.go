package failovertenant

import (
	"context"
	"errors"
	"fmt"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/backoff"
)

// homeAttempts is how often a call is made again because the home was found to
// have been written meanwhile.
const homeAttempts = 5

// Transact implements tenant.Transactor, in the tenant's home Region. Errors
// also: [ErrMoved], [ErrDraining]; tenant.ErrTransaction for more than [MaxOps]
// operations or [MaxTransactionSize] bytes.
func (s *Store) Transact(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
	if err := id.Check(); err != nil {
		return nil, err
	}
	if len(ops) < 1 || len(ops) > MaxOps {
		return nil, fmt.Errorf("%w: %d operations, want 1 to %d", tenant.ErrTransaction, len(ops), MaxOps)
	}
	for range homeAttempts {
		known, err := s.writable(ctx, id)
		if err != nil {
			return nil, err
		}
		versions, err := s.transactAt(ctx, id, known, ops)
		if !errors.Is(err, errFence) {
			return versions, err
		}
		now, err := s.ask(ctx, id)
		if err != nil {
			return nil, err
		}
		if now.home != known.home {
			return nil, ErrMoved
		}
		// The fence has another version, but the home is the same: it was
		// written again, by replication for example.
	}
	return nil, ErrMoved
}

// errFence: a fence didn't hold.
var errFence = errors.New("failovertenant: fence")

// transactAt applies ops at the believed home, together with a fence.
func (s *Store) transactAt(ctx context.Context, id tenant.ID, known *belief, ops []tenant.Op) ([]tenant.Version, error) {
	region := s.regions[s.index(known.home.Region)]
	fenced := append([]tenant.Op{anyFence(known.fences)}, ops...)
	versions, err := guard(ctx, s, region, func() ([]tenant.Version, error) {
		return region.Transactor.Transact(ctx, id, fenced...)
	})
	if err == nil {
		return versions[1:], nil
	}
	refused, ok := errors.AsType[*tenant.TransactionError](err)
	if !ok {
		return nil, err
	}
	if refused.Errs[0] != nil {
		return nil, errFence
	}
	return nil, &tenant.TransactionError{Errs: refused.Errs[1:]}
}

// writable returns a belief with which something can be written.
func (s *Store) writable(ctx context.Context, id tenant.ID) (*belief, error) {
	known, err := s.belief(ctx, id)
	if err != nil {
		return nil, err
	}
	if known.usable() != nil { // it may be better by now
		if known, err = s.ask(ctx, id); err != nil {
			return nil, err
		}
	}
	return known, known.usable()
}

// write applies operations for a repository, which knows no conflict of
// transactions: it tries again.
func (s *Store) write(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
	for attempt := range backoff.Attempts {
		versions, err := s.Transact(ctx, id, ops...)
		if !errors.Is(err, tenant.ErrTransactionConflict) {
			return versions, err
		}
		if err := backoff.Pause(ctx, attempt); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("failovertenant: %w after %d attempts", tenant.ErrTransactionConflict, backoff.Attempts)
}

// writeOne is write for one operation, and returns the error of that.
func (s *Store) writeOne(ctx context.Context, id tenant.ID, op tenant.Op) (tenant.Version, error) {
	versions, err := s.write(ctx, id, op)
	if err == nil {
		return versions[0], nil
	}
	if refused, ok := errors.AsType[*tenant.TransactionError](err); ok {
		return 0, refused.Errs[0]
	}
	return 0, err
}
