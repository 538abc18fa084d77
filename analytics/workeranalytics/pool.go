package workeranalytics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// pool hands out workers, by turns.
type pool struct {
	turns *turns
	// start starts a worker, which may take as long as patience.
	start    func(context.Context) (*conversation, error)
	patience time.Duration

	mu     sync.Mutex
	idle   []*conversation
	busy   map[*conversation]bool
	closed chan struct{}
}

func newPool(turns *turns, patience time.Duration, start func(context.Context) (*conversation, error)) *pool {
	return &pool{turns: turns, patience: patience, start: start, busy: map[*conversation]bool{}, closed: make(chan struct{})}
}

// lease is a worker that a statement has, and its place.
type lease struct {
	*conversation

	pool *pool
	stop func() bool // ends the watch over the context
	// retire ends the worker, waits for it and leaves the place, once.
	retire func()
	leave  func()
}

// take waits for a turn, and returns a worker. Give it back.
func (p *pool) take(ctx context.Context, id tenant.ID) (l *lease, err error) {
	if err := p.turns.enter(ctx, id); err != nil {
		return nil, err
	}
	defer func() {
		if l == nil { // also if start panics
			p.turns.leave(id)
		}
	}()
	if err := ctx.Err(); err != nil { // spare the worker that its end would end
		return nil, err
	}
	c, err := p.reuse()
	if c == nil && err == nil {
		c, err = p.fresh(ctx)
	}
	if err != nil {
		return nil, err
	}
	l = &lease{conversation: c, pool: p, stop: func() bool { return true }, leave: func() { p.turns.leave(id) }}
	l.retire = sync.OnceFunc(func() {
		p.discard(l.conversation)
		l.leave()
	})
	return l, nil
}

// watch ends the worker when ctx ends. Its place is then for others, even if
// whoever has the lease takes long to give it back.
func (l *lease) watch(ctx context.Context) { l.stop = context.AfterFunc(ctx, l.retire) }

// renew puts a new worker in the place of one that died.
func (l *lease) renew(ctx context.Context) error {
	if !l.stop() {
		return ctx.Err()
	}
	l.pool.discard(l.conversation)
	c, err := l.pool.fresh(ctx)
	if err != nil {
		return err
	}
	l.conversation = c
	l.watch(ctx)
	return nil
}

// give gives the worker back; one in the middle of its work, or that ran out of
// memory, is ended and waited for.
func (l *lease) give() {
	if l.stop() && l.answered && l.pool.keep(l.conversation) {
		l.leave()
		return
	}
	l.retire()
}

// reuse returns a worker that has nothing to do, nil if there is none.
func (p *pool) reuse() (*conversation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isClosed() {
		return nil, analytics.ErrClosed
	}
	n := len(p.idle)
	if n == 0 {
		return nil, nil
	}
	c := p.idle[n-1]
	p.idle = p.idle[:n-1]
	c.used = true
	p.busy[c] = true
	return c, nil
}

// fresh starts a worker, until the pool is closed. It holds up nobody else.
func (p *pool) fresh(ctx context.Context) (*conversation, error) {
	starting, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	started := make(chan struct{})
	defer close(started)
	go func() {
		select {
		case <-p.closed:
			cancel()
		case <-started:
		}
	}()
	c, err := p.start(starting)
	if err == nil {
		err = p.admit(c)
	}
	switch {
	case err == nil:
		return c, nil
	case p.isClosed():
		return nil, analytics.ErrClosed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(starting.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("analytics: SQL: %w: no worker started within %s", iotenant.ErrUnavailable, p.patience)
	}
	return nil, err
}

// admit notes a new worker, or ends it if the pool was closed.
func (p *pool) admit(c *conversation) error {
	p.mu.Lock()
	closed := p.isClosed()
	if !closed {
		p.busy[c] = true
	}
	p.mu.Unlock()
	if closed {
		p.discard(c)
		return analytics.ErrClosed
	}
	return nil
}

// keep keeps a worker for later, unless the pool was closed.
func (p *pool) keep(c *conversation) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isClosed() {
		return false
	}
	delete(p.busy, c)
	p.idle = append(p.idle, c)
	return true
}

// discard ends a worker and waits for it.
func (p *pool) discard(c *conversation) {
	c.kill()
	_ = c.wait()
	p.mu.Lock()
	delete(p.busy, c)
	p.mu.Unlock()
}

func (p *pool) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// close ends all workers, and what waits for one. It waits for those that have
// nothing to do; the others are waited for by their statements.
func (p *pool) close() error {
	p.turns.close()
	p.mu.Lock()
	if !p.isClosed() {
		close(p.closed)
	}
	idle, busy := p.idle, slices.Collect(maps.Keys(p.busy))
	p.idle = nil
	p.mu.Unlock()
	for _, c := range append(busy, idle...) {
		c.kill()
	}
	for _, c := range idle {
		_ = c.wait()
	}
	return nil
}
