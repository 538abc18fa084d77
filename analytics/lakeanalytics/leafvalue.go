package lakeanalytics

import (
	"bytes"
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

// leaf adds a value in checked JSON, which is not null, if nothing is lost when
// it is converted (D-38): numbers in strings to numbers, numbers to strings, whole
// decimals to integers.
func (s *shredder) leaf(c *chunk, raw []byte, rep int) (fits bool) {
	switch c.kind {
	case kindString, kindChar, kindVarchar:
		text := s.string(raw)
		if c.precision > 0 && len(text) > c.precision && utf8.RuneCount(text) > c.precision {
			return false
		}
		c.string(text, rep)
		return true
	case kindBinary:
		return s.binary(c, raw, rep)
	case kindDecimal:
		if c.precision > 18 {
			return s.longDecimal(c, raw, rep)
		}
	}
	value, fits := numberOf(c.columnType, raw)
	if fits {
		near := uint64(unknown)
		if c.kind != kindDouble && c.kind != kindFloat {
			near = integerKey(value)
		}
		c.number(value, near, rep)
	}
	return fits
}

// numberOf converts to what chunks keep of numbers.
func numberOf(t *columnType, raw []byte) (value uint64, fits bool) {
	switch t.kind {
	case kindDouble:
		f, ok := doubleOf(numberText(raw))
		return math.Float64bits(f), ok
	case kindBigint:
		return integerIn(raw, math.MinInt64, math.MaxInt64)
	case kindInt:
		return integerIn(raw, math.MinInt32, math.MaxInt32)
	case kindSmallint:
		return integerIn(raw, math.MinInt16, math.MaxInt16)
	case kindTinyint:
		return integerIn(raw, math.MinInt8, math.MaxInt8)
	case kindBoolean:
		return booleanOf(raw)
	case kindFloat:
		f, ok := floatOf(numberText(raw))
		return uint64(math.Float32bits(f)), ok
	case kindTimestamp:
		us, ok := timestampOf(raw)
		return uint64(us), ok
	case kindDate:
		days, ok := dateOf(raw)
		return uint64(days), ok
	}
	return decimalOf(t, raw)
}

func integerIn(raw []byte, least, greatest int64) (uint64, bool) {
	n, ok := integerOf(numberText(raw))
	return uint64(n), ok && least <= n && n <= greatest
}

// numberText returns the text of a number, or of one in a string, nil if there
// is none.
func numberText(raw []byte) []byte {
	if c := raw[0]; c == '-' || c-'0' <= 9 {
		return raw
	}
	if raw[0] != '"' {
		return nil
	}
	if text := raw[1 : len(raw)-1]; len(text) > 0 && jsonscan.Number(text, 0) == len(text) {
		return text
	}
	return nil
}

// textIn returns the characters of a string, and the text of anything else. What
// is not as it stands in raw is in room, which it returns.
func textIn(raw, room []byte) (text, used []byte) {
	switch raw[0] {
	case '{', '[':
		room = jsonscan.AppendCompact(room[:0], raw)
		return room, room
	case '"':
		raw = raw[1 : len(raw)-1]
		if bytes.IndexByte(raw, '\\') >= 0 {
			room = jsonscan.AppendText(room[:0], raw)
			return room, room
		}
	}
	return raw, room
}

func (s *shredder) string(raw []byte) (text []byte) {
	text, s.text = textIn(raw, s.text)
	return text
}

// binary adds the bytes that a string tells in base64.
func (s *shredder) binary(c *chunk, raw []byte, rep int) bool {
	if raw[0] != '"' {
		return false
	}
	data, err := base64.StdEncoding.Strict().AppendDecode(s.text[:0], s.string(raw))
	if err != nil {
		return false
	}
	c.string(data, rep)
	return true
}

func booleanOf(raw []byte) (value uint64, ok bool) {
	if raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	switch string(raw) {
	case "true", "TRUE", "True":
		return 1, true
	case "false", "FALSE", "False":
		return 0, true
	}
	return 0, false
}

// digits is a number taken apart: mantissa·10^exponent.
type digits struct {
	negative bool
	mantissa uint64
	exponent int
	// exact: the mantissa holds all digits of the number.
	exact bool
}

// mostDigits are those that a mantissa of 64 bits always has room for.
const mostDigits = 19

// digitsOf reads the text of a number.
func digitsOf(text []byte) (d digits) {
	i := 0
	if text[0] == '-' {
		d.negative, i = true, 1
	}
	count, point := 0, 0
	d.exact = true
	for ; i < len(text); i++ {
		c := text[i] - '0'
		if c > 9 {
			if text[i] != '.' {
				break
			}
			point = i + 1
			continue
		}
		if count == mostDigits {
			d.exact = d.exact && c == 0
			if point == 0 {
				d.exponent++
			}
			continue
		}
		if d.mantissa = d.mantissa*10 + uint64(c); d.mantissa != 0 {
			count++
		}
		if point > 0 {
			d.exponent--
		}
	}
	if i < len(text) {
		d.exponent += exponentOf(text[i+1:])
	}
	return d
}

// farExponent is beyond what any type can hold, also with the digits of the
// longest row.
const farExponent = 1 << 24

func exponentOf(text []byte) (n int) {
	negative := text[0] == '-'
	if negative || text[0] == '+' {
		text = text[1:]
	}
	for _, c := range text {
		if n = n*10 + int(c-'0'); n > farExponent {
			n = farExponent
		}
	}
	if negative {
		return -n
	}
	return n
}

// scaled returns the number times 10^scale if that is whole and fits 64 bits.
func (d digits) scaled(scale int) (uint64, bool) {
	if d.mantissa == 0 {
		return 0, d.exact
	}
	if !d.exact {
		return 0, false
	}
	m, e := d.mantissa, d.exponent+scale
	for ; e < 0; e++ {
		if m%10 != 0 {
			return 0, false
		}
		m /= 10
	}
	for ; e > 0; e-- {
		if m > math.MaxUint64/10 {
			return 0, false
		}
		m *= 10
	}
	return m, true
}

// signed applies a sign.
func signed(m uint64, negative bool) (int64, bool) {
	switch {
	case negative && m <= 1<<63:
		return -int64(m), true
	case m <= math.MaxInt64:
		return int64(m), !negative
	}
	return 0, false
}

// integerOf returns a number that is whole.
func integerOf(text []byte) (int64, bool) {
	if text == nil {
		return 0, false
	}
	if len(text) <= mostDigits-1 {
		if n, ok := shortInteger(text); ok {
			return n, true
		}
	}
	d := digitsOf(text)
	m, ok := d.scaled(0)
	if !ok {
		return 0, false
	}
	return signed(m, d.negative)
}

// shortInteger reads digits alone.
func shortInteger(text []byte) (n int64, ok bool) {
	digits := text
	if text[0] == '-' {
		digits = text[1:]
	}
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	if len(digits) < len(text) {
		return -n, true
	}
	return n, true
}

// powers are the powers of ten that float64 holds exactly.
var powers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// pointDigit is what '.' minus '0' is in a byte.
const pointDigit = 256 + '.' - '0'

// plainDouble reads digits with a point or none, at most 16 of them, so that
// mantissa and power of ten are exact. near tells it apart in a dictionary.
func plainDouble(text []byte) (f float64, near uint64, ok bool) {
	digits := text
	if text[0] == '-' {
		digits = text[1:]
	}
	if len(digits) > 16 {
		return 0, 0, false
	}
	mantissa, scale := uint64(0), -1
	for _, c := range digits {
		if c -= '0'; c > 9 {
			if c != pointDigit || scale >= 0 {
				return 0, 0, false
			}
			scale = 0
			continue
		}
		mantissa = mantissa*10 + uint64(c)
		if scale >= 0 {
			scale++
		}
	}
	if mantissa >= 1<<53 {
		return 0, 0, false
	}
	negative := len(digits) < len(text)
	f = float64(mantissa) / powers[max(scale, 0)]
	if negative {
		f = -f
	}
	return f, decimalKey(mantissa, scale, negative), true
}

// doubleOf returns the nearest float64, unless that is infinite. A product or
// quotient of two numbers that float64 holds exactly is rounded once, so it is
// the nearest.
func doubleOf(text []byte) (float64, bool) {
	if text == nil {
		return 0, false
	}
	d := digitsOf(text)
	if d.exact && d.mantissa < 1<<53 && -len(powers) < d.exponent && d.exponent < len(powers) {
		f := float64(d.mantissa)
		if d.negative {
			f = -f
		}
		if d.exponent < 0 {
			return f / powers[-d.exponent], true
		}
		return f * powers[d.exponent], true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	return f, err == nil
}

func floatOf(text []byte) (float32, bool) {
	if text == nil {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(text), 32)
	return float32(f), err == nil
}
