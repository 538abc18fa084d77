package tenant

import (
	"sync"
	"time"
)

// recentEntries bounds the memory of recent answers.
const recentEntries = 10_000

// recent keeps answers about tenants for a while. What was asked for before a
// tenant changed is not kept.
type recent[V any] struct {
	mu        sync.Mutex
	entries   map[ID]recentEntry[V]
	forgotten uint64 // counts calls of forget
}

type recentEntry[V any] struct {
	value V
	until time.Time
}

// get returns what is known, and a mark for keep if nothing is.
func (r *recent[V]) get(id ID, now time.Time) (value V, ok bool, mark uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	entry, ok := r.entries[id]
	return entry.value, ok && now.Before(entry.until), r.forgotten
}

// keep keeps an answer that was asked for after mark, unless something was
// forgotten since.
func (r *recent[V]) keep(id ID, value V, until time.Time, mark uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forgotten != mark {
		return
	}
	if r.entries == nil || len(r.entries) >= recentEntries {
		r.entries = map[ID]recentEntry[V]{}
	}
	r.entries[id] = recentEntry[V]{value, until}
}

// forget forgets a tenant that may have changed.
func (r *recent[V]) forget(id ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgotten++
	delete(r.entries, id)
}

// forgetAll forgets all tenants.
func (r *recent[V]) forgetAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgotten++
	clear(r.entries)
}
