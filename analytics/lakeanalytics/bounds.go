package lakeanalytics

import (
	"math"
)

// bounds are the least and the greatest value of a chunk. Texts that are long
// have none.
type bounds struct {
	any, unknown    bool
	least, greatest uint64
	first, last     []byte
}

// maxBound is the length of the longest text that is a bound.
const maxBound = 64

func (b *bounds) addText(t *columnType, value []byte) {
	less := func(x, y []byte) bool { return string(x) < string(y) }
	if t.kind == kindDecimal {
		less = func(x, y []byte) bool { // two's complement
			if (x[0]^y[0])&0x80 != 0 {
				return x[0]&0x80 != 0
			}
			return string(x) < string(y)
		}
	}
	switch {
	case b.unknown:
	case len(value) > maxBound:
		b.unknown = true
	case !b.any:
		b.any = true
		b.first, b.last = append(b.first[:0], value...), append(b.last[:0], value...)
	case less(value, b.first):
		b.first = append(b.first[:0], value...)
	case less(b.last, value):
		b.last = append(b.last[:0], value...)
	}
}

func (b *bounds) addNumbers(t *columnType, numbers []uint64) {
	if len(numbers) == 0 {
		return
	}
	if !b.any {
		b.any, b.least, b.greatest = true, numbers[0], numbers[0]
	}
	switch t.kind {
	case kindDouble:
		least, greatest := math.Float64frombits(b.least), math.Float64frombits(b.greatest)
		for _, n := range numbers {
			f := math.Float64frombits(n)
			least, greatest = min(least, f), max(greatest, f)
		}
		b.least, b.greatest = math.Float64bits(least), math.Float64bits(greatest)
	case kindFloat:
		least, greatest := math.Float32frombits(uint32(b.least)), math.Float32frombits(uint32(b.greatest))
		for _, n := range numbers {
			f := math.Float32frombits(uint32(n))
			least, greatest = min(least, f), max(greatest, f)
		}
		b.least, b.greatest = uint64(math.Float32bits(least)), uint64(math.Float32bits(greatest))
	default:
		least, greatest := int64(b.least), int64(b.greatest)
		for _, n := range numbers {
			least, greatest = min(least, int64(n)), max(greatest, int64(n))
		}
		b.least, b.greatest = uint64(least), uint64(greatest)
	}
}
