package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Eight bytes at a time: a byte's high bit is set in the result where the
// character is a quote, a backslash, a control or not ASCII. Bits above the
// first one set may be wrong.
const (
	ones        = 0x0101010101010101
	highs       = 0x8080808080808080
	quotes      = '"' * ones
	backslashes = '\\' * ones
	spaces      = ' ' * ones
)

func special(x uint64) uint64 {
	return (((x ^ quotes) - ones) | ((x ^ backslashes) - ones) | (x - spaces) | x) & highs
}

// String checks a string from the byte after its first quote and returns
// the index of its last quote, and whether it holds escapes.
func String(data []byte, i int) (end int, escaped bool) {
	for {
		if i+8 <= len(data) {
			x := special(binary.LittleEndian.Uint64(data[i:]))
			if x == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(x) >> 3
		} else if i >= len(data) {
			return -1 - i, false
		}
		switch c := data[i]; {
		case c == '"':
			return i, escaped
		case c == '\\':
			size := escapeSize(data[i:])
			if size == 0 {
				return -1 - i, false
			}
			i += size
			escaped = true
		case c < ' ':
			return -1 - i, false
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && size <= 1 {
				return -1 - i, false
			}
			i += size
		}
	}
}

// escapeSize returns how long the escape is with which text begins, 0 if it is
// wrong.
func escapeSize(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(text) >= 6 && hex4(text[2:]) >= 0 {
			return 6
		}
	}
	return 0
}

// hex4 returns the value of four hexadecimal digits, or -1.
func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return r
}

// AppendText appends the characters of a string that has been checked, given
// without its quotes. Half a surrogate pair becomes U+FFFD.
func AppendText(b, text []byte) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		if c != '\\' {
			b = append(b, c)
			i++
			continue
		}
		c = text[i+1]
		i += 2
		switch c {
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r := hex4(text[i:])
			i += 4
			if 0xd800 <= r && r < 0xdc00 && i+6 <= len(text) && text[i] == '\\' && text[i+1] == 'u' {
				if low := hex4(text[i+2:]); 0xdc00 <= low && low < 0xe000 {
					r = (r-0xd800)<<10 | (low - 0xdc00) + 0x10000
					i += 6
				}
			}
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, c)
		}
	}
	return b
}
