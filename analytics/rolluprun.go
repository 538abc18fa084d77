package analytics

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

var errNoRollupTenants = fmt.Errorf("analytics: run roll-ups: %w: RollupsOptions.Tenants is nil", iotenant.ErrInvalid)

// Sweep does for one tenant what [Rollups.Run] would do now: it closes windows of
// things that are silent, and gives the sinks what they failed to take. It is for
// programs that can't have Run: a function that is started on a schedule. It goes
// on after failures and returns them together. Errors: those of [Rollups.Add].
func (r *Rollups) Sweep(ctx context.Context, id tenant.ID) error {
	if err := checkTenant(id); err != nil {
		return fmt.Errorf("analytics: sweep roll-ups: %w", err)
	}
	if err := r.sweep(ctx, id, time.Time{}); err != nil {
		return fmt.Errorf("analytics: sweep roll-ups: %w", err)
	}
	return nil
}

// sweep does what is due. A thing is taken for silent if nothing was heard of it
// since Rollup.Idle, and somebody listened.
func (r *Rollups) sweep(ctx context.Context, id tenant.ID, since time.Time) error {
	query := tenant.Query{Index: rollupsByDue, To: tenant.NewKey(timeKey(r.now().Add(time.Microsecond))), Limit: tenant.MaxLimit}
	var errs []error
	for {
		page, err := r.repository.Query(ctx, id, query)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		var tasks []*rollupTask
		for i := range page.Items {
			s := &page.Items[i].Value.state
			if of := r.rollup(s.Rollup); of != nil {
				tasks = append(tasks, &rollupTask{rollup: of, thing: s.Thing, since: since})
			}
		}
		_, waiting, err := r.work(ctx, id, tasks)
		if err != nil {
			errs = append(errs, err)
		}
		for of, err := range waiting {
			errs = append(errs, fmt.Errorf("%s: its sink: %w", of.Name, err))
		}
		if page.Next == "" {
			return errors.Join(errs...)
		}
		query.Cursor = page.Next
	}
}

func (r *Rollups) rollup(name string) *rollup {
	for _, of := range r.rollups {
		if strings.EqualFold(of.Name, name) {
			return of
		}
	}
	return nil
}

// Run closes windows of things that are silent, and gives the sinks what they
// failed to take, for all tenants that RollupsOptions.Tenants names, until ctx
// ends. It goes on after failures. Several processes may run over the same
// repository. Run returns nil, after what it began has ended, or kind
// iotenant.ErrInvalid without Tenants.
//
// A thing is silent when nothing of it was added, whoever is to blame: so Run
// listens for Rollup.Idle before it takes one for silent, and what waited while
// the program was down is not late.
func (r *Rollups) Run(ctx context.Context) error {
	if r.options.Tenants == nil {
		return errNoRollupTenants
	}
	began := r.now()
	var working sync.WaitGroup
	defer working.Wait()
	busy := &busyTenants{tenants: map[tenant.ID]bool{}}
	places := make(chan struct{}, r.options.Workers)
	ticker := time.NewTicker(r.options.SweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		for id, err := range r.options.Tenants(ctx) {
			if err != nil {
				if ctx.Err() == nil {
					r.options.Logger.ErrorContext(ctx, "tenants can't be listed", "error", err)
				}
				break
			}
			if !busy.take(id) {
				continue
			}
			working.Go(func() {
				defer busy.release(id)
				select {
				case places <- struct{}{}:
				case <-ctx.Done():
					return
				}
				defer func() { <-places }()
				if err := r.sweep(ctx, id, began); err != nil && ctx.Err() == nil {
					r.options.Logger.ErrorContext(ctx, "roll-ups wait", "tenant", id.String(), "error", err)
				}
			})
		}
	}
}

// busyTenants are those that are worked for.
type busyTenants struct {
	mu      sync.Mutex
	tenants map[tenant.ID]bool
}

// take reports whether nobody works for a tenant; the caller does then.
func (b *busyTenants) take(id tenant.ID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tenants[id] {
		return false
	}
	b.tenants[id] = true
	return true
}

func (b *busyTenants) release(id tenant.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.tenants, id)
}
