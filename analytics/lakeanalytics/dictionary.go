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
	// maxProbes is how far an entry may lie from its place. Only chosen values
	// lie farther.
	maxProbes = 64
)

// Seeds that nobody can know, so that values can't be chosen to collide.
var (
	textSeed   = maphash.MakeSeed()
	numberSeed = rand.Uint64()
)

// dictionary numbers different values as they come: numbers, or texts.
type dictionary struct {
	table   []int32 // index + 1 of the entry at each place, a power of two
	numbers []uint64
	text    []byte
	ends    []uint32 // where texts end in text
	hashes  []uint32 // of texts
	full    bool
}

func (d *dictionary) len() int { return max(len(d.numbers), len(d.ends)) }

func (d *dictionary) reset() {
	clear(d.table)
	d.numbers, d.text, d.ends, d.hashes, d.full = d.numbers[:0], d.text[:0], d.ends[:0], d.hashes[:0], false
}

func hashNumber(value uint64) uint32 {
	high, low := bits.Mul64(value^numberSeed, 0x9e3779b97f4a7c15)
	return uint32(high ^ low)
}

// number returns the index of a number.
func (d *dictionary) number(value uint64) int32 {
	mask := uint32(len(d.table) - 1)
	if 2*len(d.numbers) >= len(d.table) {
		mask = d.grow()
	}
	place := hashNumber(value) & mask
	for probes := 0; ; probes++ {
		entry := d.table[place]
		if entry == 0 {
			d.full = d.full || probes > maxProbes || len(d.numbers) >= maxEntries
			d.numbers = append(d.numbers, value)
			d.table[place] = int32(len(d.numbers))
			return int32(len(d.numbers) - 1)
		}
		if d.numbers[entry-1] == value {
			return entry - 1
		}
		place = (place + 1) & mask
	}
}

// string returns the index of a text.
func (d *dictionary) string(value []byte) int32 {
	mask := uint32(len(d.table) - 1)
	if 2*len(d.ends) >= len(d.table) {
		mask = d.grow()
	}
	hash := uint32(maphash.Bytes(textSeed, value))
	place := hash & mask
	for probes := 0; ; probes++ {
		entry := d.table[place]
		if entry == 0 {
			d.text = append(d.text, value...)
			d.full = d.full || probes > maxProbes || len(d.ends) >= maxEntries || len(d.text) > maxDictionaryText
			d.ends = append(d.ends, uint32(len(d.text)))
			d.hashes = append(d.hashes, hash)
			d.table[place] = int32(len(d.ends))
			return int32(len(d.ends) - 1)
		}
		if d.hashes[entry-1] == hash && string(d.at(entry-1)) == string(value) {
			return entry - 1
		}
		place = (place + 1) & mask
	}
}

// at returns the text of an index.
func (d *dictionary) at(i int32) []byte {
	if i == 0 {
		return d.text[:d.ends[0]]
	}
	return d.text[d.ends[i-1]:d.ends[i]]
}

// grow doubles the table and returns its mask.
func (d *dictionary) grow() uint32 {
	d.table = make([]int32, max(64, 2*len(d.table)))
	mask := uint32(len(d.table) - 1)
	for i := range d.len() {
		var place uint32
		if len(d.hashes) > 0 {
			place = d.hashes[i] & mask
		} else {
			place = hashNumber(d.numbers[i]) & mask
		}
		for d.table[place] != 0 {
			place = (place + 1) & mask
		}
		d.table[place] = int32(i + 1)
	}
	return mask
}
