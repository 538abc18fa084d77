package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// Skip returns the end of a value in JSON that has been checked.
func Skip(data []byte, i int) int {
	switch data[i] {
	case '"':
		return skipString(data, i+1)
	case '{', '[':
		return skipNested(data, i)
	}
	for i++; i < len(data); i++ {
		if c := data[i]; c <= ' ' || c == ',' || c == ']' || c == '}' {
			break
		}
	}
	return i
}

func skipNested(data []byte, i int) int {
	for depth := 0; ; {
		switch data[i] {
		case '"':
			i = skipString(data, i+1)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
}

// skipString skips a string from the byte after its first quote.
func skipString(data []byte, i int) int {
	for {
		if i+8 <= len(data) {
			x := quoteOrBackslash(binary.LittleEndian.Uint64(data[i:]))
			if x == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(x) >> 3
		}
		switch data[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
		i++
	}
}

// quoteOrBackslash sets the high bit of the first byte that is one, and perhaps
// of others after it.
func quoteOrBackslash(x uint64) uint64 {
	quote, backslash := x^quotes, x^backslashes
	return ((quote-ones)&^quote | (backslash-ones)&^backslash) & highs
}
