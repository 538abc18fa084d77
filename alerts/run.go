package alerts

import (
	"context"
	"fmt"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Run fires timers and delivers actions as they become due, for all tenants
// that Options.Tenants names, until ctx ends. It goes on after failures: what
// failed is tried again, and no tenant waits for another. Run it once per
// Runtime; several processes may run over the same repositories, each action
// is then delivered by one of them. Run returns nil, after what it began has
// ended, or kind iotenant.ErrInvalid without Options.Tenants.
func (r *Runtime) Run(ctx context.Context) error {
	if r.options.Tenants == nil {
		return fmt.Errorf("alerts: run: %w: Options.Tenants is nil", iotenant.ErrInvalid)
	}
	a := newAgenda(r.now())
	if !r.agenda.CompareAndSwap(nil, a) {
		return fmt.Errorf("alerts: run: %w: runs already", iotenant.ErrInvalid)
	}
	defer r.agenda.Store(nil)
	l := &loop{runtime: r, agenda: a, finished: make(chan finished), tenants: map[tenant.ID]*share{}}
	l.run(ctx)
	return nil
}

// loop shares the workers out. Its fields belong to the goroutine of Run.
type loop struct {
	runtime  *Runtime
	agenda   *agenda
	finished chan finished
	listed   chan struct{} // closed when the listing of tenants has ended
	sweepAt  time.Time

	tenants map[tenant.ID]*share // those with work
	turns   []tenant.ID          // tenants with ready jobs that may start, each once
	working int
}

// share is what one tenant has of the workers.
type share struct {
	ready   []*entry
	working int
	queued  bool // in loop.turns
}

type finished struct {
	entry *entry
	err   error
}

func (l *loop) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		l.list(ctx)
		next := l.collect()
		l.start(ctx)
		timer.Reset(l.sleep(next))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-l.agenda.changed:
		case f := <-l.finished:
			l.finish(ctx, f)
		}
	}
	for l.working > 0 {
		l.finish(ctx, <-l.finished)
	}
	if l.listed != nil {
		<-l.listed
	}
}

// list starts a sweep of all tenants if it is time.
func (l *loop) list(ctx context.Context) {
	now := l.runtime.now()
	if now.Before(l.sweepAt) {
		return
	}
	l.sweepAt = now.Add(l.runtime.options.SweepEvery)
	l.agenda.extend(l.sweepAt.Add(l.runtime.options.SweepEvery))
	if l.listed != nil {
		select {
		case <-l.listed:
		default:
			return // the last one is still going on
		}
	}
	l.listed = make(chan struct{})
	go func() {
		defer close(l.listed)
		for id, err := range l.runtime.options.Tenants(ctx) {
			if err != nil {
				l.runtime.options.Logger.ErrorContext(ctx, "tenants can't be listed", "error", err)
				return
			}
			l.agenda.add(job{id: id, kind: sweepTenant}, now)
		}
	}()
}

// collect moves what is due to its tenants, and returns when the next job is.
func (l *loop) collect() (next time.Time) {
	now := l.runtime.now()
	for {
		var e *entry
		if e, next = l.agenda.take(now); e == nil {
			return next
		}
		s := l.tenants[e.job.id]
		if s == nil {
			s = &share{}
			l.tenants[e.job.id] = s
		}
		s.ready = append(s.ready, e)
		l.queue(e.job.id, s)
	}
}

// queue lets a tenant take part in the turns if it may start a job.
func (l *loop) queue(id tenant.ID, s *share) {
	if !s.queued && len(s.ready) > 0 && s.working < l.runtime.options.TenantWorkers {
		s.queued = true
		l.turns = append(l.turns, id)
	}
}

// start gives free workers to the tenants in turn.
func (l *loop) start(ctx context.Context) {
	for l.working < l.runtime.options.Workers && len(l.turns) > 0 {
		id := l.turns[0]
		l.turns = l.turns[1:]
		s := l.tenants[id]
		s.queued = false
		e := s.ready[0]
		s.ready = s.ready[1:]
		s.working++
		l.working++
		go func() { l.finished <- finished{e, l.runtime.work(ctx, e)} }()
		l.queue(id, s)
	}
}

func (l *loop) finish(ctx context.Context, f finished) {
	id := f.entry.job.id
	s := l.tenants[id]
	s.working--
	l.working--
	var retry time.Time
	if f.err != nil && ctx.Err() == nil {
		l.runtime.log(ctx, id, "timers and actions wait", f.err, f.entry.job.ref().attrs()...)
		retry = l.runtime.now().Add(l.runtime.backoff(f.entry.tries + 1))
	}
	l.agenda.done(f.entry, retry)
	l.queue(id, s)
	if s.working == 0 && len(s.ready) == 0 {
		delete(l.tenants, id)
	}
}

// sleep returns how long there is nothing to do.
func (l *loop) sleep(next time.Time) time.Duration {
	if next.IsZero() || l.sweepAt.Before(next) {
		next = l.sweepAt
	}
	return max(next.Sub(l.runtime.now()), 0)
}

// work does a job. An error means that it is to be done again.
func (r *Runtime) work(ctx context.Context, e *entry) error {
	switch e.job.kind {
	case wakeDetector:
		claims, err := r.wake(ctx, e.job.ref())
		for i := range claims {
			r.agenda.Load().put(&entry{job: alertJob(e.job.id, claims[i].alert.ID), at: r.now(), claim: &claims[i]})
		}
		return err
	case deliverAlert:
		return r.deliverDue(ctx, e.job.id, e.job.alert, e.claim)
	default:
		return r.schedule(ctx, e.job.id, r.agenda.Load().until())
	}
}
