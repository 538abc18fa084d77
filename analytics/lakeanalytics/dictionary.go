package lakeanalytics

import (
	"encoding/binary"
	"hash/maphash"
	"math"
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
	maxProbes = 1024
)

// Seeds that nobody can know, so that values can't be chosen to collide.
var (
	textSeed   = maphash.MakeSeed()
	shortSeeds = [2]uint64{rand.Uint64(), rand.Uint64()}
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

// slot is a place in the table of a dictionary. It is small, so that the tables
// of many columns fit the processor's cache.
type slot struct {
	// key tells values apart: those below hashed surely, others are hashes.
	key   uint32
	entry int32 // the index + 1, 0 if the slot is free
}

const hashed = 1 << 31

func (d *dictionary) len() int { return max(len(d.numbers), len(d.ends)) }

func (d *dictionary) reset() {
	clear(d.table)
	d.numbers, d.text, d.ends, d.full = d.numbers[:0], d.text[:0], d.ends[:0], false
}

// unknown stands for what tells nothing about a number.
const unknown = math.MaxUint64

// decimalKey tells numbers of a few digits apart, mantissa·10^-scale: of two that
// differ it is not the same, unless it is unknown.
func decimalKey(mantissa uint64, scale int, negative bool) uint64 {
	if mantissa >= hashed>>5 || scale > 15 {
		return unknown
	}
	key := mantissa<<5 | uint64(max(scale, 0))<<1
	if negative {
		key |= 1
	}
	return key
}

// integerKey tells integers apart.
func integerKey(value uint64) uint64 {
	n := int64(value)
	if n < 0 {
		return decimalKey(-value, 0, true)
	}
	return decimalKey(value, 0, false)
}

// keyOf returns the key of a number. near is what tells it apart.
func keyOf(value, near uint64) uint32 {
	if near < hashed {
		return uint32(near)
	}
	high, low := bits.Mul64(value^numberSeed, multiplier)
	return uint32(high^low) | hashed
}

const multiplier = 0x9e3779b97f4a7c15

// placeOf returns where a key should stand. Eight numbers that follow each other
// share a line of the processor's cache, as what is measured lies close together.
func placeOf(key uint32) uint32 {
	if key >= hashed {
		return key
	}
	high, low := bits.Mul64(uint64(key>>8|key<<27)^numberSeed, multiplier)
	return uint32(high^low)<<3 | key>>5&7
}

// number returns the index of a number. near is what [decimalKey] or
// [integerKey] made of it, or unknown.
func (d *dictionary) number(value, near uint64) int32 {
	key := keyOf(value, near)
	mask := uint32(len(d.table) - 1)
	at, probes := placeOf(key)&mask, 0
	for ; int(at) < len(d.table) && probes < maxProbes; probes++ {
		s := d.table[at]
		if s.entry == 0 {
			break
		}
		if s.key == key && (key < hashed || d.numbers[s.entry-1] == value) {
			return s.entry - 1
		}
		at = (at + 1) & mask
	}
	d.numbers = append(d.numbers, value)
	d.insert(slot{key, int32(len(d.numbers))}, probes)
	return int32(len(d.numbers) - 1)
}

// hashOf returns the hash of a text. Most are short, and need no call.
func hashOf(text []byte) uint32 {
	var first, last uint64
	switch n := len(text); {
	case n > 16:
		return uint32(maphash.Bytes(textSeed, text))
	case n >= 8:
		first, last = binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[n-8:])
	case n >= 4:
		first, last = uint64(binary.LittleEndian.Uint32(text)), uint64(binary.LittleEndian.Uint32(text[n-4:]))
	case n > 0:
		first, last = uint64(text[0])|uint64(text[n/2])<<8, uint64(text[n-1])
	}
	high, low := bits.Mul64(first^shortSeeds[0], last^shortSeeds[1]^uint64(len(text)))
	return uint32(high ^ low)
}

// string returns the index of a text.
func (d *dictionary) string(value []byte) int32 {
	key := hashOf(value) | hashed
	mask := uint32(len(d.table) - 1)
	at, probes := key&mask, 0
	for ; int(at) < len(d.table) && probes < maxProbes; probes++ {
		s := d.table[at]
		if s.entry == 0 {
			break
		}
		if s.key == key && string(d.at(s.entry-1)) == string(value) {
			return s.entry - 1
		}
		at = (at + 1) & mask
	}
	d.text = append(d.text, value...)
	d.ends = append(d.ends, uint32(len(d.text)))
	d.insert(slot{key, int32(len(d.ends))}, probes)
	d.full = d.full || len(d.text) > maxDictionaryText
	return int32(len(d.ends) - 1)
}

// insert puts a new entry into the table. One that was looked for too long is
// not put: it is not found again, and comes twice.
func (d *dictionary) insert(s slot, probes int) {
	n := int(s.entry)
	d.full = d.full || n >= maxEntries
	if 4*n > 3*len(d.table) && !d.full {
		d.grow()
	} else if probes >= maxProbes || d.full {
		d.full = true
		return
	}
	d.put(s)
}

func (d *dictionary) put(s slot) {
	mask := uint32(len(d.table) - 1)
	at := placeOf(s.key) & mask
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
