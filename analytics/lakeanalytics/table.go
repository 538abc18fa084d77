package lakeanalytics

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/iotenant/iotenant/analytics"
)

// table is a table of a tenant as this process knows it.
type table struct {
	owner
	layout
	lake *Lake

	// Those of the cache.
	users int
	place *list.Element
	size  int

	probing probing
	// committing is held, as a value in the channel, by the one of this
	// process who writes to the log.
	committing chan struct{}
	queue      queue
	drafts     drafts

	mu    sync.RWMutex
	state *state // nil: not known
	// verified is when the state was certainly the latest.
	verified time.Time
}

func newTable(l *Lake, key owner) *table {
	t := &table{owner: key, layout: layoutOf(key.table), lake: l, committing: make(chan struct{}, 1)}
	t.probing.wake = make(chan struct{})
	return t
}

// exists reports whether there is such a table, as far as it is known.
func (t *table) exists() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.state != nil && t.state.declared != nil
}

// declaration returns the table as it was declared, and which one of its name it
// is. The error is analytics.ErrNoTable.
func (t *table) declaration() (declaration, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.state == nil || t.state.declared == nil {
		return declaration{}, analytics.ErrNoTable
	}
	return *t.state.declared, nil
}

func (t *table) bytes() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.state == nil {
		return 512
	}
	return t.state.bytes()
}

// age is how long ago something was, by the clock that says more: one of them
// stands still while a machine is suspended.
func (l *Lake) age(verified time.Time) time.Duration {
	now := l.options.Now()
	return max(now.Sub(verified), now.Round(0).Sub(verified.Round(0)))
}

// old reports whether commits may have been deleted that followed a state,
// which was the latest at this time.
func (l *Lake) old(verified time.Time) bool { return l.age(verified) > l.options.Grace/2 }

// probing lets calls share the look for new commits. A call can use one that
// began after it.
type probing struct {
	mu      sync.Mutex
	running bool
	begun   uint64 // how many there were
	done    uint64 // the number of the latest that succeeded
	wake    chan struct{}
}

// refresh brings the state to the latest version that there was when the call
// began, or a later one.
func (t *table) refresh(ctx context.Context) error {
	p := &t.probing
	p.mu.Lock()
	wanted := p.begun + 1
	for {
		if p.done >= wanted {
			p.mu.Unlock()
			return nil
		}
		if !p.running {
			break
		}
		wake := p.wake
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		}
		p.mu.Lock()
	}
	p.running = true
	p.begun++
	number := p.begun
	p.mu.Unlock()

	err := t.probe(ctx)

	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = false
	if err == nil {
		p.done = number
	}
	close(p.wake)
	p.wake = make(chan struct{})
	return err
}

// probe looks for new commits. What is only partly there can't be followed: a
// state that is old is read anew.
func (t *table) probe(ctx context.Context) error {
	t.mu.RLock()
	known, verified := t.state != nil, t.verified
	t.mu.RUnlock()
	if known && !t.lake.old(verified) {
		if err := t.follow(ctx); err != nil || !t.lake.old(verified) {
			return err
		}
	}
	return t.load(ctx)
}
