package lakeanalytics

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// readLevels reads n levels, nothing if there is only one.
func readLevels(levels, data []byte, n, most int) ([]byte, error) {
	levels = levels[:0]
	if most == 0 {
		return levels, nil
	}
	r := runReader{data: data, width: bits.Len(uint(most))}
	for n > 0 {
		value, count, packed, err := r.next(n)
		if err != nil {
			return levels, err
		}
		from := len(levels)
		levels = append(levels, make([]byte, count)...)
		if packed != nil {
			for i := range levels[from:] {
				levels[from+i] = byte(packedAt(packed, i, r.width))
			}
		} else {
			for i := range levels[from:] {
				levels[from+i] = byte(value)
			}
		}
		for _, level := range levels[from:] {
			if int(level) > most {
				return levels, fmt.Errorf("level %d, want at most %d", level, most)
			}
		}
		n -= count
	}
	return levels, nil
}

// runReader reads runs and packed groups of numbers of some bits.
type runReader struct {
	data  []byte
	width int
}

var errRun = errors.New("a run that does not end")

// next returns a value and how often it comes, at most n times, or so many
// values packed.
func (r *runReader) next(n int) (value uint32, count int, packed []byte, err error) {
	header, size := binary.Uvarint(r.data)
	if size <= 0 || header>>1 == 0 {
		return 0, 0, nil, errRun
	}
	r.data = r.data[size:]
	if header&1 == 0 {
		bytes := (r.width + 7) / 8
		if len(r.data) < bytes {
			return 0, 0, nil, errRun
		}
		for i := range bytes {
			value |= uint32(r.data[i]) << (8 * i)
		}
		r.data = r.data[bytes:]
		return value, int(min(header>>1, uint64(n))), nil, nil
	}
	groups := header >> 1
	if groups > uint64(len(r.data)/r.width) {
		return 0, 0, nil, errRun
	}
	packed, r.data = r.data[:int(groups)*r.width], r.data[int(groups)*r.width:]
	return 0, int(min(groups*8, uint64(n))), packed, nil
}

// packedAt returns a number of at most 25 bits.
func packedAt(packed []byte, i, width int) uint32 {
	bit := i * width
	at := bit >> 3
	var word uint64
	if at+8 <= len(packed) {
		word = binary.LittleEndian.Uint64(packed[at:])
	} else {
		for j, c := range packed[at:] {
			word |= uint64(c) << (8 * j)
		}
	}
	return uint32(word>>(bit&7)) & (1<<width - 1)
}
