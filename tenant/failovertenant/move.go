package failovertenant

import (
	"context"
	"errors"
	"fmt"

	"github.com/iotenant/iotenant/tenant"
)

// MoveOptions are the options of [Store.Move].
type MoveOptions struct {
	// Force moves a tenant whose home is lost: it need not be drained, and
	// Regions that don't answer are not told. What was written at the old home
	// and has not arrived in the new one is lost, or comes back later as an old
	// state.
	Force bool
}

// Force sets MoveOptions.Force.
func Force(o *MoveOptions) { o.Force = true }

// Moved says what came of a move.
type Moved struct {
	Home Home
	// Untold are the Regions that did not answer and don't know of the move.
	// Whoever reaches only them goes on writing there. Move again, to the same
	// Region, when they are back and before they are used.
	Untold []string
}

// Home asks all Regions for a tenant's home.
func (s *Store) Home(ctx context.Context, id tenant.ID) (Home, error) {
	if err := id.Check(); err != nil {
		return Home{}, err
	}
	known, err := s.ask(ctx, id)
	if err != nil {
		return Home{}, err
	}
	return known.home, nil
}

// Drain stops all writes of a tenant, with [ErrDraining], in preparation of a
// move. Reads go on. [Store.Move] to the same Region takes it back. It is for
// operators. Errors: tenant.ErrID; [ErrMoved] if somebody else moves the tenant;
// kind iotenant.ErrUnavailable if a Region doesn't answer.
func (s *Store) Drain(ctx context.Context, id tenant.ID) (Home, error) {
	if err := id.Check(); err != nil {
		return Home{}, err
	}
	reports := s.reports(ctx, id)
	if err := firstError(reports); err != nil {
		return Home{}, fmt.Errorf("failovertenant: drain: %w", err)
	}
	home := s.latest(id, reports)
	if !home.Draining {
		home.Epoch, home.Draining = home.Epoch+1, true
	}
	// First where writes are accepted now.
	if _, err := s.tell(ctx, id, home, home.Region, reports, false); err != nil {
		return Home{}, fmt.Errorf("failovertenant: drain: %w", err)
	}
	return home, nil
}

// Move makes another Region the home of a tenant. All writers that have not
// heard of it are refused with [ErrMoved]. A tenant is to be drained before, and its
// data to have arrived in the new Region; see the package comment. Moving a
// tenant where it is tells the Regions that have not heard of it. It is for
// operators. Errors: [ErrRegion], [ErrNotDrained], tenant.ErrID; [ErrMoved] if
// somebody else moves the tenant; kind iotenant.ErrUnavailable if a Region,
// or with Force the new home, doesn't answer. After an error the move may be
// half done: move again.
func (s *Store) Move(ctx context.Context, id tenant.ID, to string, optFns ...func(*MoveOptions)) (Moved, error) {
	var options MoveOptions
	for _, fn := range optFns {
		fn(&options)
	}
	if err := id.Check(); err != nil {
		return Moved{}, err
	}
	at := s.index(to)
	if at < 0 {
		return Moved{}, fmt.Errorf("%w: %q", ErrRegion, to)
	}
	reports := s.reports(ctx, id)
	err := firstError(reports)
	if options.Force {
		err = reports[at].err
	}
	if err != nil {
		return Moved{}, fmt.Errorf("failovertenant: move: %w", err)
	}
	home := s.latest(id, reports)
	if home.Region != to || home.Draining {
		if !home.Draining && !options.Force {
			return Moved{}, ErrNotDrained
		}
		home = Home{Region: to, Epoch: home.Epoch + 1}
	}
	// The new home is told last: until then nobody writes anywhere.
	untold, err := s.tell(ctx, id, home, to, reports, true)
	if err != nil {
		return Moved{}, fmt.Errorf("failovertenant: move: %w", err)
	}
	return Moved{Home: home, Untold: untold}, nil
}

// tell writes home in all Regions that have not heard of it; in one of them
// last, or first. It returns the Regions that don't answer.
func (s *Store) tell(ctx context.Context, id tenant.ID, home Home, special string, reports []report, last bool) (untold []string, err error) {
	defer s.beliefs.forget(id)
	order := make([]int, 0, len(s.regions))
	for i, region := range s.regions {
		if region.Name != special {
			order = append(order, i)
		}
	}
	if last {
		order = append(order, s.index(special))
	} else {
		order = append([]int{s.index(special)}, order...)
	}
	for _, i := range order {
		if reports[i].err != nil {
			untold = append(untold, s.regions[i].Name)
			continue
		}
		if err := s.tellOne(ctx, id, home, s.regions[i], reports[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", s.regions[i].Name, err)
		}
	}
	return untold, nil
}

// tellOne writes home in one Region, if its state is still the reported one.
func (s *Store) tellOne(ctx context.Context, id tenant.ID, home Home, region *region, known report) error {
	var ops []tenant.Op
	for n, fence := range known.fences {
		if fence.Value.Epoch == home.Epoch {
			continue
		}
		cond := tenant.IfVersion(fence.Version)
		if fence.Version == 0 {
			cond = tenant.IfAbsent()
		}
		home.Fence = n
		ops = append(ops, tenant.PutOp(&HomeSchema, home, cond))
	}
	if len(ops) == 0 {
		return nil
	}
	_, err := guard(ctx, s, region, func() ([]tenant.Version, error) { return region.Transactor.Transact(ctx, id, ops...) })
	var refused *tenant.TransactionError
	if errors.As(err, &refused) || errors.Is(err, tenant.ErrTransactionConflict) {
		return fmt.Errorf("%w meanwhile: %w", ErrMoved, err)
	}
	return err
}

func firstError(reports []report) error {
	for _, report := range reports {
		if report.err != nil {
			return report.err
		}
	}
	return nil
}
