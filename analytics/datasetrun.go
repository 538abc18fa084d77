package analytics

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Run makes contents when they are due, for all tenants that
// DatasetsOptions.Tenants names, until ctx ends: by schedule, asked for by
// [Datasets.CreateContent], or because a data set before them has a new one. It
// delivers them, tells of late data, and deletes what is out of retention. It
// goes on after failures: what failed is tried again, and no tenant waits for
// another. Run it once per Datasets; several processes may run over the same
// repositories. Run returns nil, after what it began has ended, or kind
// iotenant.ErrInvalid without DatasetsOptions.Tenants.
func (d *Datasets) Run(ctx context.Context) error {
	if d.options.Tenants == nil {
		return fmt.Errorf("analytics: run data sets: %w: DatasetsOptions.Tenants is nil", iotenant.ErrInvalid)
	}
	a := newDatasetAgenda(d.now())
	if !d.agenda.CompareAndSwap(nil, a) {
		return fmt.Errorf("analytics: run data sets: %w: runs already", iotenant.ErrInvalid)
	}
	defer d.agenda.Store(nil)
	l := &datasetLoop{datasets: d, agenda: a, finished: make(chan datasetFinished), tenants: map[tenant.ID]*datasetShare{}, known: map[datasetJob]knownDataset{}}
	l.run(ctx)
	return nil
}

// wake tells a running Run that a data set has something to do.
func (d *Datasets) wake(id tenant.ID, dataset string) {
	if a := d.agenda.Load(); a != nil {
		a.add(datasetJob{id, strings.ToLower(dataset)}, d.now())
	}
}

// datasetLoop shares the workers out. Its fields belong to the goroutine of Run.
type datasetLoop struct {
	datasets *Datasets
	agenda   *datasetAgenda
	finished chan datasetFinished
	listed   chan struct{} // closed when the listing of tenants has ended
	sweepAt  time.Time

	tenants map[tenant.ID]*datasetShare // those with work
	turns   []tenant.ID                 // tenants with ready jobs that may start, each once
	working int
	known   map[datasetJob]knownDataset
}

// knownDataset is a data set as it was last visited, so that it is not visited
// for nothing.
type knownDataset struct {
	updated, next time.Time
}

// knownDatasets bounds the memory of what was visited.
const knownDatasets = 100_000

// datasetShare is what one tenant has of the workers.
type datasetShare struct {
	ready   []*datasetEntry
	working int
	queued  bool // in datasetLoop.turns
}

type datasetFinished struct {
	entry *datasetEntry
	done  datasetDone
	err   error
}

// datasetDone is what a job came to.
type datasetDone struct {
	updated time.Time // of the definition that was visited
	next    time.Time
	wake    []string // data sets that got something to do
	found   []foundDataset
}

// foundDataset is a data set that a tenant has. due is when there is something
// to do besides schedules; zero is unknown.
type foundDataset struct {
	name         string
	updated, due time.Time
}

func (l *datasetLoop) run(ctx context.Context) {
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
func (l *datasetLoop) list(ctx context.Context) {
	now := l.datasets.now()
	if now.Before(l.sweepAt) {
		return
	}
	l.sweepAt = now.Add(l.datasets.options.SweepEvery)
	l.agenda.extend(l.sweepAt.Add(l.datasets.options.SweepEvery))
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
		for id, err := range l.datasets.options.Tenants(ctx) {
			if err != nil {
				l.datasets.options.Logger.ErrorContext(ctx, "tenants can't be listed", "error", err)
				return
			}
			l.agenda.add(datasetJob{id: id}, now)
		}
	}()
}

// collect moves what is due to its tenants, and returns when the next job is.
func (l *datasetLoop) collect() (next time.Time) {
	now := l.datasets.now()
	for {
		var e *datasetEntry
		if e, next = l.agenda.take(now); e == nil {
			return next
		}
		s := l.tenants[e.job.id]
		if s == nil {
			s = &datasetShare{}
			l.tenants[e.job.id] = s
		}
		s.ready = append(s.ready, e)
		l.queue(e.job.id, s)
	}
}

// queue lets a tenant take part in the turns if it may start a job: one more
// than it may have productions, for what is quick.
func (l *datasetLoop) queue(id tenant.ID, s *datasetShare) {
	if !s.queued && len(s.ready) > 0 && s.working <= l.datasets.options.Concurrent {
		s.queued = true
		l.turns = append(l.turns, id)
	}
}

// start gives free workers to the tenants in turn.
func (l *datasetLoop) start(ctx context.Context) {
	for l.working < l.datasets.options.Workers && len(l.turns) > 0 {
		id := l.turns[0]
		l.turns = l.turns[1:]
		s := l.tenants[id]
		s.queued = false
		e := s.ready[0]
		s.ready = s.ready[1:]
		s.working++
		l.working++
		go func() {
			done, err := l.datasets.work(ctx, e.job, l.agenda.until())
			l.finished <- datasetFinished{e, done, err}
		}()
		l.queue(id, s)
	}
}

func (l *datasetLoop) finish(ctx context.Context, f datasetFinished) {
	job := f.entry.job
	s := l.tenants[job.id]
	s.working--
	l.working--
	now := l.datasets.now()
	next := f.done.next
	if f.err != nil && ctx.Err() == nil {
		l.datasets.log(ctx, job.id, "data sets wait", f.err, slog.String("dataset", job.dataset))
		next = now.Add(l.datasets.backoff(f.entry.tries + 1))
	}
	l.agenda.done(f.entry, next, f.err != nil)
	for _, name := range f.done.wake {
		l.agenda.add(datasetJob{job.id, strings.ToLower(name)}, now)
	}
	if job.dataset != "" {
		l.remember(job, knownDataset{f.done.updated, next})
	}
	for _, found := range f.done.found {
		l.plan(job.id, found, now)
	}
	l.queue(job.id, s)
	if s.working == 0 && len(s.ready) == 0 {
		delete(l.tenants, job.id)
	}
}

func (l *datasetLoop) remember(job datasetJob, known knownDataset) {
	if len(l.known) >= knownDatasets {
		clear(l.known)
	}
	l.known[job] = known
}

// plan puts a data set that a sweep found on the agenda.
func (l *datasetLoop) plan(id tenant.ID, found foundDataset, now time.Time) {
	job := datasetJob{id, strings.ToLower(found.name)}
	known, ok := l.known[job]
	switch {
	case !ok || !known.updated.Equal(found.updated):
		l.agenda.add(job, now)
	case !earlier(known.next, found.due).IsZero():
		l.agenda.add(job, earlier(known.next, found.due))
	}
}

// sleep returns how long there is nothing to do.
func (l *datasetLoop) sleep(next time.Time) time.Duration {
	if next.IsZero() || l.sweepAt.Before(next) {
		next = l.sweepAt
	}
	return max(next.Sub(l.datasets.now()), 0)
}

// work does a job. An error means that it is to be done again.
func (d *Datasets) work(ctx context.Context, job datasetJob, horizon time.Time) (done datasetDone, err error) {
	if job.dataset == "" {
		done.found, err = d.find(ctx, job.id, horizon)
		return done, err
	}
	definition, err := d.definition(ctx, job.id, job.dataset)
	if err != nil {
		if isPermanent(err) { // it was deleted
			err = nil
		}
		return done, err
	}
	v, err := d.visit(ctx, job.id, &definition)
	return datasetDone{updated: definition.Updated, next: v.next(), wake: v.triggered}, err
}

// find returns the data sets of a tenant, and when there is something to do
// besides schedules if that is before horizon.
func (d *Datasets) find(ctx context.Context, id tenant.ID, horizon time.Time) (found []foundDataset, err error) {
	due := map[string]time.Time{}
	query := tenant.Query{Index: datasetsByDue, To: tenant.NewKey(timeKey(horizon)), Limit: tenant.MaxLimit}
	for item, err := range tenant.All(ctx, d.states, id, query) {
		if err != nil {
			return nil, fmt.Errorf("analytics: read states of data sets: %w", err)
		}
		due[strings.ToLower(item.Value.state.Dataset)] = item.Value.state.due()
	}
	for definition, err := range d.definitions.Datasets(ctx, id) {
		if err != nil {
			return nil, err
		}
		found = append(found, foundDataset{definition.Name, definition.Updated, due[strings.ToLower(definition.Name)]})
	}
	return found, nil
}
