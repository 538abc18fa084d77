package alerts

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// Sweep fires the timers of a tenant that are due and delivers what is due,
// and what follows from it, until nothing is left to do now. It is for
// programs that can't have Run: a function that is started on a schedule. It
// goes on after failures and returns them together.
func (r *Runtime) Sweep(ctx context.Context, id tenant.ID) error {
	if err := id.Check(); err != nil {
		return fmt.Errorf("alerts: sweep: %w", err)
	}
	failed := map[job]error{}
	for {
		jobs, err := r.dueJobs(ctx, id, failed)
		if err != nil {
			return fmt.Errorf("alerts: sweep: %w", err)
		}
		if len(jobs) == 0 {
			break
		}
		r.sweepJobs(ctx, jobs, failed)
	}
	if err := errors.Join(slices.Collect(maps.Values(failed))...); err != nil {
		return fmt.Errorf("alerts: sweep: %w", err)
	}
	return nil
}

// sweepJobsMax is how many jobs a sweep does before it looks again.
const sweepJobsMax = 1000

// dueJobs lists what is due now, without what has failed already.
func (r *Runtime) dueJobs(ctx context.Context, id tenant.ID, failed map[job]error) ([]job, error) {
	var jobs []job
	for j, err := range r.due(ctx, id, r.now()) {
		if err != nil {
			return nil, err
		}
		if _, ok := failed[j.job]; !ok {
			jobs = append(jobs, j.job)
		}
		if len(jobs) == sweepJobsMax {
			break
		}
	}
	return jobs, nil
}

// sweepJobs does jobs, and the deliveries that follow from them, and adds what
// fails to failed.
func (r *Runtime) sweepJobs(ctx context.Context, jobs []job, failed map[job]error) {
	var mu sync.Mutex
	each(len(jobs), r.options.Workers, func(i int) {
		if err := r.sweepJob(ctx, jobs[i]); err != nil {
			mu.Lock()
			defer mu.Unlock()
			failed[jobs[i]] = err
		}
	})
}

func (r *Runtime) sweepJob(ctx context.Context, j job) error {
	if j.kind == deliverAlert {
		return r.deliverDue(ctx, j.id, j.alert, nil)
	}
	claims, err := r.wake(ctx, j.ref())
	errs := []error{err}
	for _, c := range claims {
		errs = append(errs, r.deliver(ctx, j.id, c))
	}
	return errors.Join(errs...)
}

// deliverDue delivers an alert if it is due, claiming it unless that is done.
func (r *Runtime) deliverDue(ctx context.Context, id tenant.ID, alertID string, claimed *claim) error {
	if claimed != nil {
		return r.deliver(ctx, id, *claimed)
	}
	c, ok, err := r.claim(ctx, id, alertID)
	if err != nil || !ok {
		return err
	}
	return r.deliver(ctx, id, c)
}

// schedule puts what a tenant has to do until horizon on the agenda.
func (r *Runtime) schedule(ctx context.Context, id tenant.ID, horizon time.Time) error {
	for due, err := range r.due(ctx, id, horizon) {
		if err != nil {
			return err
		}
		r.later(due.job, due.at)
	}
	return nil
}

// due returns what a tenant has to do until a time, and when. It ends after
// the first error.
func (r *Runtime) due(ctx context.Context, id tenant.ID, until time.Time) iter.Seq2[entry, error] {
	end := timeKey(until.Add(time.Microsecond)) // bounds of queries are exclusive
	detectors := tenant.Query{Index: detectorsByDue, To: tenant.NewKey(end), Limit: tenant.MaxLimit}
	pending := tenant.Query{
		Index:  alertsByStatus,
		Prefix: tenant.NewKey(string(StatusPending)), To: tenant.NewKey(string(StatusPending), end),
		Limit: tenant.MaxLimit,
	}
	return func(yield func(entry, error) bool) {
		for item, err := range tenant.All(ctx, r.detectors, id, detectors) {
			record := &item.Value
			at, _ := record.due()
			if !yield(entry{job: detectorJob(ref{id, record.model, record.key}), at: at}, err) {
				return
			}
		}
		for item, err := range tenant.All(ctx, r.alerts, id, pending) {
			if !yield(entry{job: alertJob(id, item.Value.ID), at: item.Value.NextAttempt}, err) {
				return
			}
		}
	}
}
