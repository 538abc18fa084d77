package lakeanalytics

import (
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
)

// Limits of a dictionary: beyond them, the values that follow stand for
// themselves.
const (
	maxEntries        = 1 << 16
	maxDictionaryText = 1 << 20
	// maxProbes is how far an entry is looked for. Hardly any lies farther but
	// values that were chosen to.
	maxProbes = 64
)

// Seeds that nobody can know, so that values can't be chosen to collide.
var (
	textSeed   = maphash.MakeSeed()
	numberSeed = rand.Uint64()
)

// dictionary numbers different values as they come: numbers, or texts.
type dictionary struct {
	table   []slot // a power of two of them
	numbers []uint64
	text    []byte
	ends    []uint32 // where texts end in text
	full    bool
}

// slot is a place in the table of a dictionary.
type slot struct {
	key   uint64 // the number, or the hash of the text
	place uint32 // where it should stand, before it is masked
	entry int32  // its index + 1, 0 if the slot is free
}

func (d *dictionary) len() int { return max(len(d.numbers), len(d.ends)) }

func (d *dictionary) reset() {
	clear(d.table)
	d.numbers, d.text, d.ends, d.full = d.numbers[:0], d.text[:0], d.ends[:0], false
}

// placeOf returns where a number should stand. near is close for numbers that
// are: four neighbours share a line of the processor's cache, as what is
// measured lies close together.
func placeOf(near uint64) uint32 {
	high, low := bits.Mul64(near>>2^numberSeed, 0x9e3779b97f4a7c15)
	return uint32(high^low)<<2 | uint32(near&3)
}

// number returns the index of a number.
func (d *dictionary) number(value, near uint64) int32 {
	place := placeOf(near)
	mask := uint32(len(d.table) - 1)
	at, probes := place&mask, 0
	for ; int(at) < len(d.table) && probes < maxProbes; probes++ {
		s := &d.table[at]
		if s.entry == 0 {
			break
		}
		if s.key == value {
			return s.entry - 1
		}
		at = (at + 1) & mask
	}
	d.numbers = append(d.numbers, value)
	d.insert(slot{value, place, int32(len(d.numbers))}, probes)
	return int32(len(d.numbers) - 1)
}

// string returns the index of a text.
func (d *dictionary) string(value []byte) int32 {
	hash := maphash.Bytes(textSeed, value)
	mask := uint32(len(d.table) - 1)
	at, probes := uint32(hash)&mask, 0
	for ; int(at) < len(d.table) && probes < maxProbes; probes++ {
		s := &d.table[at]
		if s.entry == 0 {
			break
		}
		if s.key == hash && string(d.at(s.entry-1)) == string(value) {
			return s.entry - 1
		}
		at = (at + 1) & mask
	}
	d.text = append(d.text, value...)
	d.ends = append(d.ends, uint32(len(d.text)))
	d.insert(slot{hash, uint32(hash), int32(len(d.ends))}, probes)
	d.full = d.full || len(d.text) > maxDictionaryText
	return int32(len(d.ends) - 1)
}

// insert puts a new entry into the table. One that was looked for too long is
// not put: it is not found again, and comes twice.
func (d *dictionary) insert(s slot, probes int) {
	n := int(s.entry)
	d.full = d.full || n >= maxEntries
	if 2*n > len(d.table) && !d.full {
		d.grow()
	} else if probes >= maxProbes || d.full {
		d.full = true
		return
	}
	d.put(s)
}

func (d *dictionary) put(s slot) {
	mask := uint32(len(d.table) - 1)
	at := s.place & mask
	for range maxProbes {
		if d.table[at].entry == 0 {
			d.table[at] = s
			return
		}
		at = (at + 1) & mask
	}
	d.full = true
}

// grow doubles the table.
func (d *dictionary) grow() {
	before := d.table
	d.table = make([]slot, max(64, 2*len(before)))
	for _, s := range before {
		if s.entry != 0 {
			d.put(s)
		}
	}
}

// at returns the text of an index.
func (d *dictionary) at(i int32) []byte {
	if i == 0 {
		return d.text[:d.ends[0]]
	}
	return d.text[d.ends[i-1]:d.ends[i]]
}
