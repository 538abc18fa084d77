package fileanalytics

import (
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"

	"github.com/iotenant/iotenant/analytics"
)

// Bounds of the memory for message ids. A window holds analytics.Window ids in
// any case. It grows up to maxWindow while all windows together hold less than
// maxWindows ids, of about 30 bytes each.
const (
	maxWindow  = 32 * analytics.Window
	maxWindows = 2 << 20
)

// idHash stands for a message id. That two ids of one window have the same is
// less likely than 1 in 10^14.
type idHash uint64

func hashID(id string) idHash {
	digest := sha256.Sum256([]byte(id))
	return idHash(binary.LittleEndian.Uint64(digest[:]))
}

// window remembers the latest message ids of a stream.
type window struct {
	ids   []idHash // a ring from oldest on once it is full
	next  int      // the oldest of a full ring
	known map[idHash]struct{}
}

func (w *window) has(id idHash) bool {
	_, ok := w.known[id]
	return ok
}

// add remembers an id that the window does not have. total counts the ids of
// all windows.
func (w *window) add(id idHash, total *atomic.Int64) {
	if w.known == nil {
		w.known = map[idHash]struct{}{}
	}
	w.known[id] = struct{}{}
	if w.grows(total) {
		w.ids = append(w.oldestFirst(), id)
		w.next = 0
		total.Add(1)
		return
	}
	delete(w.known, w.ids[w.next])
	w.ids[w.next] = id
	w.next = (w.next + 1) % len(w.ids)
}

func (w *window) grows(total *atomic.Int64) bool {
	return len(w.ids) < analytics.Window || len(w.ids) < maxWindow && total.Load() < maxWindows
}

// oldestFirst returns the ids in the order in which they came.
func (w *window) oldestFirst() []idHash {
	if w.next == 0 {
		return w.ids
	}
	return append(append(make([]idHash, 0, len(w.ids)+1), w.ids[w.next:]...), w.ids[:w.next]...)
}
