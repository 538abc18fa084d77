package fileanalytics

import (
	"context"
	"runtime"
	"slices"

	"github.com/iotenant/iotenant/analytics"
)

// maxBatch is the size of a frame from which on no append is added to it.
const maxBatch = 4 << 20

// request is an append on its way to the journal. It holds copies of all that
// it was given.
type request struct {
	archive  *archive
	items    []item
	size     int
	outcomes []analytics.Outcome
	err      error
}

// item is one message of a request.
type item struct {
	key     streamKey
	hasID   bool
	id      idHash
	encoded []byte
	entry   listEntry
	points  []analytics.Point
}

func newRequest(a *archive, messages []analytics.Message) *request {
	r := &request{archive: a, items: make([]item, len(messages)), outcomes: make([]analytics.Outcome, len(messages))}
	size := 0
	for i := range messages {
		size += recordHeader + fixedBody + 16 + len(messages[i].Payload) + len(messages[i].Channel) + len(messages[i].ID) + len(messages[i].Datastore) + len(messages[i].Thing.String())
	}
	encoded := make([]byte, 0, size)
	for i := range messages {
		m := &messages[i]
		points := m.Points()
		entry := listEntry{at: m.At.UnixNano(), points: uint8(len(points))}
		entry.time = entry.at
		if len(points) > 0 {
			entry.time = points[0].Time.UnixNano()
		}
		start := len(encoded)
		encoded = appendRecord(encoded, m, entry.time, len(points))
		r.items[i] = item{
			key:     streamKey{m.Datastore, m.Thing.String()},
			hasID:   m.ID != "",
			encoded: encoded[start:],
			entry:   entry,
			points:  points,
		}
		if m.ID != "" {
			r.items[i].id = hashID(m.ID)
		}
		r.size += 1 + len(a.id.String()) + len(encoded) - start
	}
	return r
}

// batch is a group of requests that become durable together.
type batch struct {
	requests []*request
	size     int
	done     chan struct{}
}

// commit returns when the request is durable, or failed. Whoever waits for its
// batch may become the leader, who writes the batch that waits longest for all
// that are in it. There is no goroutine besides the callers.
func (s *Store) commit(ctx context.Context, r *request) error {
	b := s.enqueue(r)
	for {
		select {
		case <-b.done:
			return r.err
		default:
		}
		select {
		case <-b.done:
			return r.err
		case <-ctx.Done():
			s.withdraw(b, r)
			return ctx.Err()
		case s.lead <- struct{}{}:
			s.gather()
			s.writeBatch(s.dequeue())
			<-s.lead
		}
	}
}

func (s *Store) enqueue(r *request) *batch {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	if len(s.queue) == 0 || s.queue[len(s.queue)-1].size >= maxBatch {
		s.queue = append(s.queue, &batch{done: make(chan struct{})})
	}
	b := s.queue[len(s.queue)-1]
	b.requests = append(b.requests, r)
	b.size += r.size
	return b
}

// maxYields bounds how long a leader waits for company.
const maxYields = 4

// gather lets those run who were woken by the batch before and are about to
// append again, so that they share this fsync instead of waiting for the next.
// Alone, a leader loses less than a microsecond.
func (s *Store) gather() {
	for range maxYields {
		before := s.queued()
		runtime.Gosched()
		if s.queued() == before {
			return
		}
	}
}

// queued returns how many requests the batch that waits longest has.
func (s *Store) queued() int {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	if len(s.queue) == 0 {
		return 0
	}
	return len(s.queue[0].requests)
}

// dequeue returns the batch that waits longest; nil if there is none.
func (s *Store) dequeue() *batch {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	if len(s.queue) == 0 {
		return nil
	}
	b := s.queue[0]
	s.queue = slices.Delete(s.queue, 0, 1)
	return b
}

// withdraw takes a request back, unless a leader has it already.
func (s *Store) withdraw(b *batch, r *request) {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	if slices.Contains(s.queue, b) {
		b.requests = slices.DeleteFunc(b.requests, func(other *request) bool { return other == r })
		b.size -= r.size
	}
}

// writeBatch makes a batch durable and visible.
func (s *Store) writeBatch(b *batch) {
	if b == nil {
		return
	}
	defer close(b.done)
	if err := s.writeRequests(b); err != nil {
		for _, r := range b.requests {
			r.err = err
		}
	}
}

func (s *Store) writeRequests(b *batch) error {
	if s.closed.Load() {
		return analytics.ErrClosed
	}
	if err := s.makeRoom(); err != nil {
		return err
	}
	frame, fresh := s.frame(b)
	if fresh == 0 {
		return nil
	}
	if err := s.journal.write(frame, s.arrival); err != nil {
		return err
	}
	s.arrival += uint64(fresh)
	for _, r := range b.requests {
		s.apply(r)
	}
	return nil
}

// pendingID is a message id that the batch at hand has.
type pendingID struct {
	archive *archive
	key     streamKey
	id      idHash
}

// frame returns the frame of a batch and the number of records in it, and
// decides on the outcomes.
func (s *Store) frame(b *batch) (frame []byte, fresh int) {
	frame = newFrame(b.size)
	pending := map[pendingID]struct{}{}
	for _, r := range b.requests {
		id := r.archive.id.String()
		for i := range r.items {
			it := &r.items[i]
			if it.hasID {
				who := pendingID{r.archive, it.key, it.id}
				if _, ok := pending[who]; ok || r.archive.knows(it) {
					r.outcomes[i] = analytics.Duplicate
					continue
				}
				pending[who] = struct{}{}
			}
			r.outcomes[i] = analytics.Stored
			frame = append(append(frame, byte(len(id))), id...)
			start := len(frame)
			frame = append(frame, it.encoded...)
			it.entry.raw = frame[start:len(frame):len(frame)]
			it.entry.arrival = s.arrival + uint64(fresh)
			seal(it.entry.raw, it.entry.arrival)
			fresh++
		}
	}
	return frame, fresh
}

func (a *archive) knows(it *item) bool {
	known := a.streams[it.key]
	return known != nil && known.ids.has(it.id)
}

// apply makes the durable messages of a request visible.
func (s *Store) apply(r *request) {
	a := r.archive
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range r.items {
		if it := &r.items[i]; r.outcomes[i] == analytics.Stored {
			a.add(s.journal.number, it.key, it.entry)
			known := a.stream(it.key)
			known.latest = max(known.latest, it.entry.at)
			if it.hasID {
				known.ids.add(it.id, &s.windows)
			}
			known.observe(it.points, it.entry.arrival)
		}
	}
}
