package failovertenant

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Home says in which Region a tenant is written. Each Region keeps it for each
// tenant that was ever moved, as Options.Fences items of the tenant, which are
// always written together.
type Home struct {
	Region string `json:"region"`
	// Epoch is raised by each move; 0 for a tenant that was never moved.
	Epoch uint64 `json:"epoch"`
	// Draining: nothing is written anywhere until the move.
	Draining bool `json:"draining,omitempty"`
	// Fence is the number of the item.
	Fence int `json:"fence"`
}

// HomeSchema is how homes are kept in the store of each Region.
var HomeSchema = tenant.Schema[Home]{
	Entity: "home-region",
	Key:    func(h *Home) tenant.Key { return fenceKey(h.Fence) },
}

// fenceKey has two digits, so that all fences are of one size.
func fenceKey(n int) tenant.Key { return tenant.NewKey(fmt.Sprintf("%02d", n)) }

// report is what one Region says of a tenant's home.
type report struct {
	fences []tenant.Item[Home]
	err    error
}

// latest returns the home of the highest epoch that the Region knows.
func (r *report) latest() (home Home) {
	for _, fence := range r.fences {
		if fence.Value.Epoch > home.Epoch {
			home = fence.Value
		}
	}
	return home
}

// belief is what this process believes about a tenant's home.
type belief struct {
	home Home
	// fences are the conditions, of which one has to hold when something is
	// written: that the Region knows of no later move.
	fences []tenant.Op
	// reason says why there are no fences.
	reason error
	until  time.Time
}

// usable returns the error of writes if there can be none now.
func (b *belief) usable() error {
	switch {
	case b.home.Draining:
		return ErrDraining
	case len(b.fences) == 0:
		return b.reason
	}
	return nil
}

// beliefs remembers homes for a while.
type beliefs struct {
	mu    sync.Mutex
	known map[tenant.ID]*belief
}

// beliefsKept bounds the memory of beliefs.
const beliefsKept = 10_000

func (b *beliefs) get(id tenant.ID, now time.Time) *belief {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known := b.known[id]; known != nil && now.Before(known.until) {
		return known
	}
	return nil
}

func (b *beliefs) keep(id tenant.ID, known *belief) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known == nil || len(b.known) >= beliefsKept {
		b.known = map[tenant.ID]*belief{}
	}
	b.known[id] = known
}

// belief returns what is believed about a tenant's home, and asks the Regions
// if that is too long ago.
func (s *Store) belief(ctx context.Context, id tenant.ID) (*belief, error) {
	if known := s.beliefs.get(id, s.options.Now()); known != nil {
		return known, nil
	}
	return s.ask(ctx, id)
}

// ask asks all Regions for a tenant's home, and believes the latest.
func (s *Store) ask(ctx context.Context, id tenant.ID) (*belief, error) {
	reports := s.reports(ctx, id)
	answered := false
	for i := range reports {
		answered = answered || reports[i].err == nil
	}
	if !answered {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("failovertenant: home of the tenant: no Region answers: %w", reports[0].err)
	}
	known, err := s.conclude(id, reports)
	if err != nil {
		return nil, err
	}
	s.beliefs.keep(id, known)
	return known, nil
}

// conclude draws the conclusion of reports.
func (s *Store) conclude(id tenant.ID, reports []report) (*belief, error) {
	known := &belief{home: s.latest(id, reports), until: s.options.Now().Add(s.options.KnowFor)}
	at := s.index(known.home.Region)
	if at < 0 {
		return nil, fmt.Errorf("%w: %q", ErrRegion, known.home.Region)
	}
	for n, fence := range reports[at].fences {
		switch {
		case fence.Version == 0 && known.home.Epoch == 0:
			known.fences = append(known.fences, tenant.CheckOp(&HomeSchema, fenceKey(n), tenant.IfAbsent()))
		case fence.Version != 0 && fence.Value.Epoch == known.home.Epoch:
			known.fences = append(known.fences, tenant.CheckOp(&HomeSchema, fenceKey(n), tenant.IfVersion(fence.Version)))
		}
	}
	known.reason = cmp.Or(reports[at].err, ErrMoved) // it has not answered, or not heard of the move
	return known, nil
}

// latest returns the home of the highest epoch that any Region knows.
func (s *Store) latest(id tenant.ID, reports []report) Home {
	home := Home{Region: s.options.HomeOf(id)}
	for i := range reports {
		if other := reports[i].latest(); other.Epoch > home.Epoch {
			home = other
		}
	}
	home.Fence = 0
	return home
}

// reports asks all Regions at once.
func (s *Store) reports(ctx context.Context, id tenant.ID) []report {
	reports := make([]report, len(s.regions))
	var asked sync.WaitGroup
	for i, region := range s.regions {
		asked.Go(func() { reports[i] = s.report(ctx, id, region) })
	}
	asked.Wait()
	return reports
}

func (s *Store) report(ctx context.Context, id tenant.ID, region *region) report {
	fences, err := try(ctx, s, region, func(ctx context.Context) ([]tenant.Item[Home], error) {
		return region.Homes.BatchGet(ctx, id, s.fenceKeys, tenant.Consistent)
	})
	if err != nil && iotenant.KindOf(err) == nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", iotenant.ErrUnavailable, err)
	}
	return report{fences: fences, err: err}
}

func (b *beliefs) forget(id tenant.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.known, id)
}
