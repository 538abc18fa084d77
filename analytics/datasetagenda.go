package analytics

import (
	"container/heap"
	"sync"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// datasetJob is something that Run does at a time: it visits a data set, or looks
// for those of a tenant, if dataset is empty.
type datasetJob struct {
	id      tenant.ID
	dataset string
}

// datasetAgenda knows what Run has to do, and when: each job at most once, at the
// earliest time that was asked for. What is due after the next sweep is left to
// that sweep.
type datasetAgenda struct {
	changed chan struct{} // has a token after a job was added

	mu      sync.Mutex
	horizon time.Time
	due     datasetEntries
	waiting map[datasetJob]*datasetEntry // in due
	working map[datasetJob]time.Time     // taken; when to do it again, if ever
}

type datasetEntry struct {
	job   datasetJob
	at    time.Time
	place int // in the heap
	tries int // that failed
}

func newDatasetAgenda(horizon time.Time) *datasetAgenda {
	return &datasetAgenda{
		changed: make(chan struct{}, 1), horizon: horizon,
		waiting: map[datasetJob]*datasetEntry{}, working: map[datasetJob]time.Time{},
	}
}

// extend moves the horizon.
func (a *datasetAgenda) extend(horizon time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.horizon = horizon
}

// until returns the horizon.
func (a *datasetAgenda) until() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.horizon
}

// add asks for a job at a time.
func (a *datasetAgenda) add(job datasetJob, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at.After(a.horizon) {
		return
	}
	a.schedule(job, at, 0)
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

func (a *datasetAgenda) schedule(job datasetJob, at time.Time, tries int) {
	if again, ok := a.working[job]; ok {
		a.working[job] = earlier(again, at)
		return
	}
	e := a.waiting[job]
	switch {
	case e == nil:
		e = &datasetEntry{job: job, at: at, tries: tries}
		a.waiting[job] = e
		heap.Push(&a.due, e)
	case at.Before(e.at):
		e.at = at
		heap.Fix(&a.due, e.place)
	}
}

// take removes the next job that is due at now. Else it returns when the next
// one is, zero if there is none.
func (a *datasetAgenda) take(now time.Time) (e *datasetEntry, next time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.due) == 0 {
		return nil, time.Time{}
	}
	if e = a.due[0]; e.at.After(now) {
		return nil, e.at
	}
	heap.Pop(&a.due)
	delete(a.waiting, e.job)
	a.working[e.job] = time.Time{}
	return e, time.Time{}
}

// done ends a job that was taken, to be done again at next unless that is zero.
// failed says that it is for a failure.
func (a *datasetAgenda) done(e *datasetEntry, next time.Time, failed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	next = earlier(next, a.working[e.job])
	delete(a.working, e.job)
	tries := 0
	if failed {
		tries = e.tries + 1
	}
	if !next.IsZero() && !next.After(a.horizon) {
		a.schedule(e.job, next, tries)
	}
}

// datasetEntries is a heap by time.
type datasetEntries []*datasetEntry

func (h datasetEntries) Len() int           { return len(h) }
func (h datasetEntries) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h datasetEntries) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *datasetEntries) Push(x any) {
	e := x.(*datasetEntry)
	e.place = len(*h)
	*h = append(*h, e)
}

func (h *datasetEntries) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
