package alerts

import (
	"context"
	"log/slog"
	"sync"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// ref names a detector of a tenant.
type ref struct {
	id    tenant.ID
	model string
	key   string
}

func (r ref) attrs() []slog.Attr {
	return []slog.Attr{slog.String("model", r.model), slog.String("key", r.key)}
}

// held is a detector in memory. Its holder, whoever got it from acquire, is
// the only one in this process that evaluates it.
type held struct {
	ref  ref
	turn chan struct{} // holds one token while the detector is free

	// The fields below belong to the holder.

	// known: record and version are what the repository was last seen to
	// have. version is 0 if there is no item.
	known   bool
	version tenant.Version
	record  DetectorRecord
	// state is record.state, decoded by engine, and what has been evaluated
	// since; nil if not decoded yet.
	state  *detector.State
	engine *detector.Model

	// The fields below belong to the cache.

	users      int
	prev, next *held // among those without users, least recently used first
}

// forget makes the next holder read the detector from the repository.
func (h *held) forget() {
	h.known, h.version, h.record, h.state, h.engine = false, 0, DetectorRecord{}, nil, nil
}

// cache holds the detectors in use, and at most limit of those that were used
// lately.
type cache struct {
	limit int

	mu   sync.Mutex
	all  map[ref]*held
	idle held // ring of idle detectors; idle.next is the oldest
	size int  // of the ring
}

func newCache(limit int) *cache {
	c := &cache{limit: limit, all: map[ref]*held{}}
	c.idle.prev, c.idle.next = &c.idle, &c.idle
	return c
}

// acquire waits for the detector to be free and takes it, until release. The
// error is that of ctx.
func (c *cache) acquire(ctx context.Context, r ref) (*held, error) {
	h := c.enter(r)
	select {
	case <-h.turn:
		return h, nil
	default:
	}
	select {
	case <-h.turn:
		return h, nil
	case <-ctx.Done():
		c.leave(h)
		return nil, context.Cause(ctx)
	}
}

func (c *cache) release(h *held) {
	h.turn <- struct{}{}
	c.leave(h)
}

func (c *cache) enter(r ref) *held {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.all[r]
	if h == nil {
		h = &held{ref: r, turn: make(chan struct{}, 1)}
		h.turn <- struct{}{}
		c.all[r] = h
	} else if h.users == 0 {
		c.unlink(h)
	}
	h.users++
	return h
}

func (c *cache) leave(h *held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.users--; h.users > 0 {
		return
	}
	h.prev, h.next = c.idle.prev, &c.idle
	h.prev.next, h.next.prev = h, h
	c.size++
	for c.size > max(c.limit, 0) {
		oldest := c.idle.next
		c.unlink(oldest)
		delete(c.all, oldest.ref)
	}
}

func (c *cache) unlink(h *held) {
	h.prev.next, h.next.prev = h.next, h.prev
	h.prev, h.next = nil, nil
	c.size--
}
