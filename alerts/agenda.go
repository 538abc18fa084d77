package alerts

import (
	"container/heap"
	"sync"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// job is something that Run does at a time: it wakes a detector, delivers an
// alert, or sweeps a tenant.
type job struct {
	id         tenant.ID
	kind       jobKind
	model, key string // of a detector
	alert      string // id of an alert
}

type jobKind uint8

const (
	wakeDetector jobKind = iota + 1
	deliverAlert
	sweepTenant
)

func detectorJob(to ref) job { return job{id: to.id, kind: wakeDetector, model: to.model, key: to.key} }

func alertJob(id tenant.ID, alertID string) job {
	return job{id: id, kind: deliverAlert, alert: alertID}
}

func (j job) ref() ref { return ref{j.id, j.model, j.key} }

// agenda knows what Run has to do, and when: each job at most once, at the
// earliest time that was asked for. What is due after the next sweep is left
// to that sweep, which finds it in the repositories, so the agenda is small
// however many timers run.
type agenda struct {
	changed chan struct{} // has a token after a job was added

	mu      sync.Mutex
	horizon time.Time
	due     entries
	waiting map[job]*entry // in due
	working map[job]*entry // taken; the entry is what to do after that, if any
}

// entry is a job with its time.
type entry struct {
	job   job
	at    time.Time
	claim *claim // of an alert that is claimed already
	place int    // in the heap
	tries int    // that failed
}

func newAgenda(horizon time.Time) *agenda {
	return &agenda{
		changed: make(chan struct{}, 1),
		horizon: horizon,
		waiting: map[job]*entry{},
		working: map[job]*entry{},
	}
}

// extend moves the horizon.
func (a *agenda) extend(horizon time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.horizon = horizon
}

// until returns the horizon.
func (a *agenda) until() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.horizon
}

func (a *agenda) add(j job, at time.Time) { a.put(&entry{job: j, at: at}) }

func (a *agenda) put(e *entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.at.After(a.horizon) {
		return
	}
	a.schedule(e)
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

func (a *agenda) schedule(e *entry) {
	if after, ok := a.working[e.job]; ok {
		if after == nil || e.at.Before(after.at) {
			a.working[e.job] = e
		}
		return
	}
	known := a.waiting[e.job]
	if known == nil {
		a.waiting[e.job] = e
		heap.Push(&a.due, e)
		return
	}
	if e.at.Before(known.at) {
		known.at = e.at
		heap.Fix(&a.due, known.place)
	}
	if e.claim != nil {
		known.claim = e.claim
	}
}

// take removes the next job that is due at now. Else it returns when the next
// one is, the zero time if there is none.
func (a *agenda) take(now time.Time) (e *entry, next time.Time) {
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
	a.working[e.job] = nil
	return e, time.Time{}
}

// done ends a job that was taken. It is done again if that was asked for
// meanwhile, or at retry unless that is zero.
func (a *agenda) done(e *entry, retry time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	after := a.working[e.job]
	delete(a.working, e.job)
	if after != nil {
		a.schedule(after)
	}
	if !retry.IsZero() && !retry.After(a.horizon) {
		a.schedule(&entry{job: e.job, at: retry, tries: e.tries + 1})
	}
}

// entries is a heap by time.
type entries []*entry

func (h entries) Len() int           { return len(h) }
func (h entries) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h entries) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *entries) Push(x any) {
	e := x.(*entry)
	e.place = len(*h)
	*h = append(*h, e)
}

func (h *entries) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
