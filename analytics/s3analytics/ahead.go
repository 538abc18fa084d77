package s3analytics

import (
	"slices"
	"sync"
)

const (
	// firstWindow is how much is read where nothing is known of what follows:
	// it takes S3 hardly longer than a byte.
	firstWindow = 64 << 10
	// windows is how many windows fit into Options.ReadAhead, when they have
	// grown.
	windows = 4
)

// MinReadAhead is the least Options.ReadAhead.
const MinReadAhead = windows * firstWindow

// ahead keeps extents of an open object in memory. Random reads get small
// windows around them; reads that continue an extent get windows that double,
// and the next one is fetched in the meantime.
type ahead struct {
	limit int64 // bytes of all extents

	mu       sync.Mutex
	extents  []*extent // that used last is the last
	bytes    int64
	closed   bool
	fetching sync.WaitGroup // of what following returned
}

// extent is a part of the object, there or on its way.
type extent struct {
	off  int64
	data []byte
	// sequential: it continues another one.
	sequential bool

	done chan struct{} // closed when data and err are set
	err  error
}

func (e *extent) end() int64 { return e.off + int64(len(e.data)) }

func (e *extent) holds(off int64) bool { return e.off <= off && off < e.end() }

func (e *extent) finish(err error) {
	e.err = err
	close(e.done)
}

func (e *extent) finished() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

func (e *extent) failed() bool { return e.finished() && e.err != nil }

// extent returns the one that holds off. If it is fresh, the caller has to
// fetch and finish it. It is nil if a read of n bytes is better not kept: if it
// is large, or if all memory waits for others.
func (a *ahead) extent(off, n, size int64) (e *extent, fresh bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, e := range a.extents {
		if e.holds(off) {
			if e.failed() { // nobody has read it yet
				a.dropLocked(e)
				break
			}
			a.extents = append(slices.Delete(a.extents, i, i+1), e)
			return e, false
		}
	}
	if n > a.largest() {
		return nil, false
	}
	window, sequential := int64(firstWindow), false
	if before := a.endingAt(off); before != nil {
		window, sequential = min(2*int64(len(before.data)), a.largest()), true
	}
	from, to := off, off+max(window, n)
	if to > size && !sequential {
		from = max(0, size-window) // the end of a file is often read backwards
	}
	from, to = a.between(min(from, off), off, min(to, size))
	e = a.addLocked(from, to, sequential)
	return e, e != nil
}

// following returns the extent behind e if it should be fetched now, since e
// continued another one and is being read. The caller has to finish it, and to
// tell fetching that it did.
func (a *ahead) following(e *extent, size int64) *extent {
	a.mu.Lock()
	defer a.mu.Unlock()
	from := e.end()
	if !e.sequential || from >= size || a.closed {
		return nil
	}
	for _, other := range a.extents {
		if other.holds(from) {
			return nil
		}
	}
	_, to := a.between(from, from, min(from+min(2*int64(len(e.data)), a.largest()), size))
	next := a.addLocked(from, to, true)
	if next != nil {
		a.fetching.Add(1)
	}
	return next
}

// add keeps an extent that is to be fetched.
func (a *ahead) add(from, to int64, sequential bool) *extent {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.addLocked(from, to, sequential)
}

// addLocked makes room by forgetting those that were used longest ago. It
// returns nil if there is no room.
func (a *ahead) addLocked(from, to int64, sequential bool) *extent {
	for i := 0; a.bytes+to-from > a.limit; {
		if i == len(a.extents) {
			return nil
		}
		if old := a.extents[i]; old.finished() {
			a.dropLocked(old)
		} else {
			i++
		}
	}
	e := &extent{off: from, data: make([]byte, to-from), sequential: sequential, done: make(chan struct{})}
	a.extents = append(a.extents, e)
	a.bytes += to - from
	return e
}

// drop forgets an extent that could not be fetched.
func (a *ahead) drop(e *extent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dropLocked(e)
}

func (a *ahead) dropLocked(e *extent) {
	if i := slices.Index(a.extents, e); i >= 0 {
		a.extents = slices.Delete(a.extents, i, i+1)
		a.bytes -= int64(len(e.data))
	}
}

// close forgets everything, and fetches nothing further.
func (a *ahead) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed, a.extents, a.bytes = true, nil, 0
}

// largest is the size of the largest window.
func (a *ahead) largest() int64 { return a.limit / windows }

// endingAt returns an extent that ends at off.
func (a *ahead) endingAt(off int64) *extent {
	for _, e := range a.extents {
		if e.end() == off {
			return e
		}
	}
	return nil
}

// between narrows from … to around off so that nothing is fetched twice. No
// extent holds off.
func (a *ahead) between(from, off, to int64) (int64, int64) {
	for _, e := range a.extents {
		if e.end() <= off {
			from = max(from, e.end())
		} else {
			to = min(to, e.off)
		}
	}
	return from, to
}
