package workeranalytics

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// turns divides places among tenants. Of those that wait, the tenant with the
// fewest places is next, of several the one that got or left a place, or began
// to wait, longest ago; the calls of a tenant are served in their order.
type turns struct {
	places    int
	perTenant int           // places that a tenant may have
	queue     int           // calls of a tenant that may wait
	wait      time.Duration // how long a call does

	mu      sync.Mutex
	closed  bool
	taken   int
	tenants map[tenant.ID]*line // those that have places or wait
	order   []*line             // those that wait, in the order of their turns
}

// line is a tenant in turns.
type line struct {
	taken int
	calls []chan error // those that wait, in their order
}

func newTurns(o *Options) *turns {
	return &turns{places: o.Processes, perTenant: o.PerTenant, queue: o.Queue, wait: o.Wait, tenants: map[tenant.ID]*line{}}
}

// enter waits for a place, until leave.
func (t *turns) enter(ctx context.Context, id tenant.ID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	call := make(chan error, 1)
	if err := t.join(id, call); err != nil {
		return err
	}
	select {
	case err := <-call:
		return err
	default:
	}
	waiting, cancel := context.WithTimeout(ctx, t.wait)
	defer cancel()
	select {
	case err := <-call:
		return err
	case <-waiting.Done():
	}
	switch {
	case !t.withdraw(id, call): // its turn came at the same moment
		return <-call
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w: no turn within %s", analytics.ErrSQLBusy, t.wait)
}

// leave gives a place to whoever is next.
func (t *turns) leave(id tenant.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.tenants[id]
	l.taken--
	t.taken--
	if len(l.calls) > 0 {
		t.remove(l)
		t.order = append(t.order, l) // it had its turn
	}
	t.forget(id)
	t.serve()
}

// close ends the calls that wait, and those after it, with analytics.ErrClosed.
func (t *turns) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed, t.order = true, nil
	for id, l := range t.tenants {
		for _, call := range l.calls {
			call <- analytics.ErrClosed
		}
		l.calls = nil
		t.forget(id)
	}
}

// join puts a call behind those of its tenant. It is told of its turn.
func (t *turns) join(id tenant.ID, call chan error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return analytics.ErrClosed
	}
	l := t.tenants[id]
	switch {
	case l == nil:
		l = &line{}
		t.tenants[id] = l
	case len(l.calls) >= t.queue:
		return fmt.Errorf("%w: %d statements wait for their turn", analytics.ErrSQLBusy, len(l.calls))
	}
	if l.calls = append(l.calls, call); len(l.calls) == 1 {
		t.order = append(t.order, l)
	}
	t.serve()
	return nil
}

// withdraw takes a call back, and reports false if it was told before.
func (t *turns) withdraw(id tenant.ID, call chan error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.tenants[id]
	if l == nil {
		return false
	}
	at := slices.Index(l.calls, call)
	if at < 0 {
		return false
	}
	if l.calls = slices.Delete(l.calls, at, at+1); len(l.calls) == 0 {
		t.remove(l)
		t.forget(id)
	}
	return true
}

func (t *turns) remove(l *line) {
	at := slices.Index(t.order, l)
	t.order = slices.Delete(t.order, at, at+1)
}

// forget drops a tenant that neither has a place nor waits.
func (t *turns) forget(id tenant.ID) {
	if l := t.tenants[id]; l.taken == 0 && len(l.calls) == 0 {
		delete(t.tenants, id)
	}
}

// serve gives the free places to those that wait.
func (t *turns) serve() {
	for t.taken < t.places {
		at := t.next()
		if at < 0 {
			return
		}
		l := t.order[at]
		t.order = slices.Delete(t.order, at, at+1)
		call := l.calls[0]
		if l.calls = slices.Delete(l.calls, 0, 1); len(l.calls) > 0 {
			t.order = append(t.order, l)
		}
		l.taken++
		t.taken++
		call <- nil
	}
}

// next returns the place in order of the tenant that is next, or -1.
func (t *turns) next() int {
	next := -1
	for i, l := range t.order {
		if l.taken < t.perTenant && (next < 0 || l.taken < t.order[next].taken) {
			next = i
		}
		if l.taken == 0 {
			break
		}
	}
	return next
}
