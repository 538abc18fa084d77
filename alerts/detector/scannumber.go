package detector

import (
	"bytes"
	"math"
	"strconv"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

// failNumber tells why a number is wrong at -1-end.
func (s *scanner) failNumber(end int) int {
	i := -1 - end
	if i > 0 && bytes.IndexByte([]byte(".eE+-"), s.data[i-1]) >= 0 {
		return s.fail(i, "want a digit")
	}
	return s.fail(i, "want a value")
}

// Powers of ten that a float64 holds exactly, and the largest mantissa.
var powers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

const maxMantissa = 1 << 53

// number reads a number: an Integer if it has neither fraction nor exponent
// and fits, else a Decimal, exactly as strconv reads it. A number too large
// for a Decimal is undefined.
func (s *scanner) number(start int) (int, slot) {
	data := s.data
	i := start
	negative := data[i] == '-'
	if negative {
		i++
	}
	first := i
	var mantissa uint64
	for i < len(data) && data[i]-'0' <= 9 {
		mantissa = mantissa*10 + uint64(data[i]-'0')
		i++
	}
	digits := i - first
	if digits == 0 || data[first] == '0' && digits > 1 {
		return s.failNumber(-1 - first), slot{}
	}
	if i >= len(data) || data[i] != '.' && data[i]|0x20 != 'e' {
		return i, integerSlot(mantissa, negative, data[start:i], digits)
	}
	exponent := 0
	if data[i] == '.' {
		point := i + 1
		for i = point; i < len(data) && data[i]-'0' <= 9; i++ {
			mantissa = mantissa*10 + uint64(data[i]-'0')
		}
		if i == point {
			return s.failNumber(-1 - i), slot{}
		}
		exponent = point - i
		digits += i - point
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		if i = jsonscan.Number(data, start); i < 0 {
			return s.failNumber(i), slot{}
		}
		return i, parsedSlot(data[start:i])
	}
	if digits > maxFastDigits || mantissa >= maxMantissa || -exponent >= len(powers) {
		return i, parsedSlot(data[start:i])
	}
	f := float64(mantissa) / powers[-exponent]
	if negative {
		f = -f
	}
	return i, slot{math.Float64bits(f), Decimal}
}

// maxFastDigits is how many digits surely fit a uint64.
const maxFastDigits = 19

func integerSlot(magnitude uint64, negative bool, text []byte, digits int) slot {
	switch {
	case digits > maxFastDigits || magnitude > 1<<63 || magnitude == 1<<63 && !negative:
		return parsedSlot(text)
	case negative:
		magnitude = -magnitude
	}
	return slot{magnitude, Integer}
}

func parsedSlot(text []byte) slot {
	f, err := strconv.ParseFloat(view(text), 64)
	if err != nil {
		return slot{}
	}
	return slot{math.Float64bits(f), Decimal}
}
