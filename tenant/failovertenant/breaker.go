package failovertenant

import (
	"sync"
	"time"
)

// State is what a [Store] thinks of a Region.
type State string

// The states of a Region.
const (
	// Closed: calls go to the Region.
	Closed State = "closed"
	// Open: the Region failed, and is left alone for Options.OpenFor.
	Open State = "open"
	// HalfOpen: the next call tries the Region, and decides.
	HalfOpen State = "half-open"
)

// breaker keeps calls away from a Region that fails. It has no goroutine: time
// is an argument.
type breaker struct {
	limit   int           // failures in a row that open it
	openFor time.Duration // before it is tried again

	mu        sync.Mutex
	failures  int
	openUntil time.Time
	trying    bool
}

// allow reports whether a call may go to the Region. It has to be told by done
// or abandon what came of the call.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.state(now) {
	case Closed:
		return true
	case HalfOpen:
		if !b.trying {
			b.trying = true
			return true
		}
	case Open:
	}
	return false
}

// done tells whether the Region failed. An answer of any other kind is a sign
// of life.
func (b *breaker) done(now time.Time, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
	if !failed {
		b.failures = 0
		return
	}
	if b.failures++; b.failures >= b.limit {
		b.openUntil = now.Add(b.openFor)
	}
}

// abandon tells that nothing came of the call, because its caller left.
func (b *breaker) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
}

func (b *breaker) state(now time.Time) State {
	switch {
	case b.failures < b.limit:
		return Closed
	case now.Before(b.openUntil):
		return Open
	}
	return HalfOpen
}

func (b *breaker) stateAt(now time.Time) State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state(now)
}
