package lakeanalytics

import (
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"math/bits"
)

// digest stands for the id of a row: the first half of its SHA-256.
type digest [16]byte

func digestOf(id string) digest {
	sum := sha256.Sum256([]byte(id))
	return digest(sum[:16])
}

// window holds the latest ids of a table: in a ring, and the places in the
// ring in a hash table with open addressing, at most half full. It takes 24
// bytes an id.
type window struct {
	ring  []digest // a power of two long
	start int      // of the oldest
	size  int
	slots []uint32 // twice as long: 1 + place in the ring, or 0
}

func (w *window) home(d digest) int {
	return int(binary.LittleEndian.Uint64(d[:])) & (len(w.slots) - 1)
}

// find returns the slot of an id, or that where it belongs.
func (w *window) find(d digest) (slot int, found bool) {
	for slot = w.home(d); w.slots[slot] != 0; slot = (slot + 1) & (len(w.slots) - 1) {
		if w.ring[w.slots[slot]-1] == d {
			return slot, true
		}
	}
	return slot, false
}

func (w *window) has(d digest) bool {
	if w.size == 0 {
		return false
	}
	_, found := w.find(d)
	return found
}

// add makes ids the latest, in order, and forgets the oldest: limit of them
// stay, and all that are added.
func (w *window) add(ids []digest, limit int) {
	w.grow(w.size + len(ids))
	added := 0
	for _, d := range ids {
		slot, found := w.find(d)
		if found {
			continue
		}
		place := (w.start + w.size) & (len(w.ring) - 1)
		w.ring[place] = d
		w.slots[slot] = uint32(place) + 1
		w.size++
		added++
	}
	for w.size > max(limit, added) {
		w.forget()
	}
}

// forget removes the oldest id.
func (w *window) forget() {
	mask := len(w.slots) - 1
	hole, _ := w.find(w.ring[w.start])
	for next := (hole + 1) & mask; w.slots[next] != 0; next = (next + 1) & mask {
		home := w.home(w.ring[w.slots[next]-1])
		if (next-home)&mask >= (next-hole)&mask { // it may move to the hole
			w.slots[hole] = w.slots[next]
			hole = next
		}
	}
	w.slots[hole] = 0
	w.start = (w.start + 1) & (len(w.ring) - 1)
	w.size--
}

// grow makes room for n ids.
func (w *window) grow(n int) {
	if n <= len(w.ring) {
		return
	}
	length := max(16, 1<<bits.Len(uint(n-1)))
	grown := window{ring: make([]digest, length), slots: make([]uint32, 2*length)}
	for d := range w.oldestFirst() {
		slot, _ := grown.find(d)
		grown.ring[grown.size] = d
		grown.size++
		grown.slots[slot] = uint32(grown.size)
	}
	*w = grown
}

func (w *window) oldestFirst() iter.Seq[digest] {
	return func(yield func(digest) bool) {
		for i := range w.size {
			if !yield(w.ring[(w.start+i)&(len(w.ring)-1)]) {
				return
			}
		}
	}
}

// bytes is about what the window takes in memory.
func (w *window) bytes() int { return len(w.ring)*len(digest{}) + len(w.slots)*4 }
