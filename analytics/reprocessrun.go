package analytics

import (
	"context"
	"sync"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// Run works on the reprocessings of all tenants that
// ReprocessingsOptions.Tenants names, until ctx ends: for each in turn, so that
// a large one does not hold up the others. It goes on after failures. Several
// processes may run over the same repository. Run returns nil, after what it
// began has ended, or kind iotenant.ErrInvalid without Tenants.
func (r *Reprocessings) Run(ctx context.Context) error {
	if r.options.Tenants == nil {
		return errNoTenants
	}
	l := &reprocessLoop{
		Reprocessings: r, finished: make(chan reprocessTurn), queued: map[tenant.ID]bool{},
		changed: make(chan struct{}, 1), asked: map[tenant.ID]bool{},
	}
	r.loop.Store(l)
	defer r.loop.CompareAndSwap(l, nil)
	l.run(ctx)
	return nil
}

// reprocessLoop shares the workers out. Its fields belong to the goroutine of
// Run.
type reprocessLoop struct {
	*Reprocessings
	finished chan reprocessTurn
	waiting  []tenant.ID
	queued   map[tenant.ID]bool // those that wait, or are worked for
	working  int

	changed chan struct{} // has a token after asked has grown
	mu      sync.Mutex
	asked   map[tenant.ID]bool // those that something was started for
}

// ask tells the loop that a tenant has something to do.
func (l *reprocessLoop) ask(id tenant.ID) {
	l.mu.Lock()
	l.asked[id] = true
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// takeAsked lets those wait for their turn that were asked for. Whoever is
// worked for at the moment is taken at the end of that.
func (l *reprocessLoop) takeAsked() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.asked {
		if !l.queued[id] {
			delete(l.asked, id)
			l.wait(id)
		}
	}
}

// wait lets a tenant wait for its turn.
func (l *reprocessLoop) wait(id tenant.ID) {
	if !l.queued[id] {
		l.queued[id] = true
		l.waiting = append(l.waiting, id)
	}
}

// reprocessTurn is what came of a worker's time for a tenant.
type reprocessTurn struct {
	id   tenant.ID
	more bool
}

func (l *reprocessLoop) run(ctx context.Context) {
	ticker := time.NewTicker(l.options.SweepEvery)
	defer ticker.Stop()
	l.list(ctx)
	for ctx.Err() == nil {
		l.takeAsked()
		l.start(ctx)
		select {
		case <-ctx.Done():
		case <-l.changed:
		case <-ticker.C:
			l.list(ctx)
		case t := <-l.finished:
			l.end(t)
		}
	}
	for l.working > 0 {
		l.end(<-l.finished)
	}
}

// list lets all tenants wait for their turn.
func (l *reprocessLoop) list(ctx context.Context) {
	for id, err := range l.options.Tenants(ctx) {
		if err != nil {
			l.options.Logger.ErrorContext(ctx, "tenants can't be listed", "error", err)
			return
		}
		l.wait(id)
	}
}

func (l *reprocessLoop) start(ctx context.Context) {
	for len(l.waiting) > 0 && l.working < l.options.Workers {
		id := l.waiting[0]
		l.waiting = l.waiting[1:]
		l.working++
		go func() {
			more, err := l.sweep(ctx, id, l.now().Add(turn))
			if err != nil && ctx.Err() == nil {
				l.options.Logger.ErrorContext(ctx, "reprocessings wait", "tenant", id.String(), "error", err)
			}
			l.finished <- reprocessTurn{id, more && err == nil}
		}()
	}
}

func (l *reprocessLoop) end(t reprocessTurn) {
	l.working--
	if t.more {
		l.waiting = append(l.waiting, t.id)
	} else {
		delete(l.queued, t.id)
	}
}
