package tenant

import (
	"context"
	"sync"
)

// turns lets the callers of a process that want to write the same item do so one
// after the other, instead of refusing all but one again and again.
type turns struct {
	mu    sync.Mutex
	taken map[turn]*turnQueue
}

// turn is what there is one of.
type turn struct {
	id     ID
	entity string
}

type turnQueue struct {
	callers int           // that wait or have the turn
	free    chan struct{} // holds one element while nobody has the turn
}

// take waits for a turn, or until ctx ends. Call done to give it back.
func (t *turns) take(ctx context.Context, of turn) (done func(), err error) {
	queue := t.enter(of)
	select {
	case <-queue.free:
		return func() {
			queue.free <- struct{}{}
			t.leave(of, queue)
		}, nil
	case <-ctx.Done():
		t.leave(of, queue)
		return nil, ctx.Err()
	}
}

func (t *turns) enter(of turn) *turnQueue {
	t.mu.Lock()
	defer t.mu.Unlock()
	queue := t.taken[of]
	if queue == nil {
		queue = &turnQueue{free: make(chan struct{}, 1)}
		queue.free <- struct{}{}
		if t.taken == nil {
			t.taken = map[turn]*turnQueue{}
		}
		t.taken[of] = queue
	}
	queue.callers++
	return queue
}

func (t *turns) leave(of turn, queue *turnQueue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if queue.callers--; queue.callers == 0 {
		delete(t.taken, of)
	}
}
