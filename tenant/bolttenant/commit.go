package bolttenant

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/iotenant/iotenant"
)

// Bounds of one commit, so that no writer waits for long and no transaction
// takes much memory.
const (
	maxCommitItems = 1024
	maxCommitBytes = 8 << 20
)

// committer makes many concurrent writes durable with few transactions. It
// has no goroutine: a writer that finds nobody leading leads. The leader
// commits, in one transaction, all writes that are queued, its own the first,
// and hands the lead to the next one in the queue. So a lone writer waits for
// nobody, and a writer among many waits for one commit before its own.
type committer struct {
	db *bbolt.DB

	mu    sync.Mutex
	queue []*write
	led   bool // some writer leads, or is told to
}

// write is a change that waits for its commit.
type write struct {
	ctx   context.Context
	load  load
	apply func(*transaction) error
	// err is the outcome, set before settled is sent.
	err  error
	wake chan signal // holds one
}

// load is about how much a write changes.
type load struct{ items, bytes int }

func (l load) plus(other load) load { return load{l.items + other.items, l.bytes + other.bytes} }

// isFull reports whether a commit of this load is to take no more.
func (l load) isFull() bool { return l.items >= maxCommitItems || l.bytes >= maxCommitBytes }

// signal ends the wait of a write's writer.
type signal uint8

const (
	settled signal = iota + 1
	lead
)

// do runs apply in a transaction and returns when that is durable. The error
// of apply becomes do's; it means that apply has changed nothing.
//
// If ctx ends before the write is picked up, it is not executed. If ctx ends
// later, do returns before the outcome is known. apply may still run then, so
// it must not touch what the caller uses after do.
func (c *committer) do(ctx context.Context, load load, apply func(*transaction) error) error {
	w := &write{ctx: ctx, load: load, apply: apply, wake: make(chan signal, 1)}
	if c.enqueue(w) {
		return c.lead(w)
	}
	select {
	case s := <-w.wake:
		if s == lead {
			return c.lead(w)
		}
		return w.err
	case <-ctx.Done():
		return c.abandon(w)
	}
}

// enqueue reports whether the writer of w has to lead.
func (c *committer) enqueue(w *write) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, w)
	leads := !c.led
	c.led = true
	return leads
}

// lead commits a group, which begins with w.
func (c *committer) lead(w *write) error {
	defer c.resign()
	c.gather()
	c.commit(c.take())
	return w.err
}

// gather lets the writers that the last commit has woken queue their next
// writes, as long as more of them come, so that groups are full. It costs a
// lone writer nothing.
func (c *committer) gather() {
	for queued := 0; ; {
		runtime.Gosched()
		c.mu.Lock()
		before := queued
		queued = len(c.queue)
		c.mu.Unlock()
		if queued <= max(before, 1) || queued >= maxCommitItems {
			return
		}
	}
}

// resign hands the lead to the first in the queue.
func (c *committer) resign() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.promote()
}

func (c *committer) promote() {
	c.led = len(c.queue) > 0
	if c.led {
		c.queue[0].wake <- lead
	}
}

// abandon gives up waiting for w.
func (c *committer) abandon(w *write) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	position := slices.Index(c.queue, w)
	if position >= 0 {
		c.queue = slices.Delete(c.queue, position, position+1)
	}
	select {
	case s := <-w.wake:
		if s == settled {
			return w.err
		}
		c.promote()
	default:
	}
	return w.ctx.Err()
}

// take picks up the next group: what is queued, within bounds, without the
// writes whose context has ended.
func (c *committer) take() []*write {
	c.mu.Lock()
	defer c.mu.Unlock()
	var group []*write
	var total load
	n := 0
	for n < len(c.queue) && !total.isFull() {
		w := c.queue[n]
		n++
		if w.err = w.ctx.Err(); w.err != nil {
			w.wake <- settled
			continue
		}
		total = total.plus(w.load)
		group = append(group, w)
	}
	c.queue = slices.Delete(c.queue, 0, n)
	return group
}

var (
	errUnchanged = errors.New("nothing changed")
	errPanicked  = fmt.Errorf("bolttenant: commit: %w: panic", iotenant.ErrUnavailable)
)

// commit runs the writes of a group in one transaction and tells each writer
// the outcome.
func (c *committer) commit(group []*write) {
	err := errPanicked
	defer func() {
		for _, w := range group {
			if err != nil {
				w.err = err
			}
			w.wake <- settled
		}
	}()
	err = c.db.Update(func(tx *bbolt.Tx) error { return run(tx, group) })
	switch {
	case errors.Is(err, errUnchanged):
		err = nil
	case err != nil:
		err = fmt.Errorf("bolttenant: commit: %w: %w", iotenant.ErrUnavailable, err)
	}
}

func run(tx *bbolt.Tx, group []*write) error {
	t := begin(tx)
	for _, w := range group {
		w.err = w.apply(t)
		if t.failed != nil {
			return t.failed
		}
	}
	return t.end()
}
