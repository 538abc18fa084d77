package lakeanalytics

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/parquet-go/parquet-go"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

// leaf converts a value in checked JSON, which is not null, where nothing is
// lost by it (D-38): numbers in strings to numbers, numbers to strings, whole
// decimals to integers.
func (s *shredder) leaf(t *columnType, raw []byte) (parquet.Value, bool) {
	switch t.kind {
	case kindTinyint:
		return intValue(raw, math.MinInt8, math.MaxInt8)
	case kindSmallint:
		return intValue(raw, math.MinInt16, math.MaxInt16)
	case kindInt:
		return intValue(raw, math.MinInt32, math.MaxInt32)
	case kindBigint:
		n, ok := integerOf(numberText(raw))
		return parquet.Int64Value(n), ok
	case kindBoolean:
		b, ok := booleanOf(raw)
		return parquet.BooleanValue(b), ok
	case kindDouble:
		f, ok := doubleOf(numberText(raw))
		return parquet.DoubleValue(f), ok
	case kindFloat:
		f, ok := floatOf(numberText(raw))
		return parquet.FloatValue(f), ok
	case kindTimestamp:
		us, ok := timestampOf(raw)
		return parquet.Int64Value(us), ok
	case kindDate:
		days, ok := dateOf(raw)
		return parquet.Int32Value(days), ok
	case kindBinary:
		data, ok := s.binary(raw)
		return parquet.ByteArrayValue(data), ok
	case kindDecimal:
		return s.decimal(t, raw)
	}
	text := s.string(raw)
	return parquet.ByteArrayValue(text), t.precision == 0 || len(text) <= t.precision || utf8.RuneCount(text) <= t.precision
}

func intValue(raw []byte, least, greatest int64) (parquet.Value, bool) {
	n, ok := integerOf(numberText(raw))
	return parquet.Int32Value(int32(n)), ok && least <= n && n <= greatest
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

// string returns the characters of a string, and the text of anything else.
func (s *shredder) string(raw []byte) []byte {
	if raw[0] != '"' {
		if raw[0] == '{' || raw[0] == '[' {
			s.text.room(len(raw))
			from := len(s.text.block)
			s.text.block = appendCompact(s.text.block, raw)
			return s.text.block[from:]
		}
		return s.text.keep(raw)
	}
	text := raw[1 : len(raw)-1]
	for _, c := range text {
		if c == '\\' {
			s.text.room(len(text))
			from := len(s.text.block)
			s.text.block = jsonscan.AppendText(s.text.block, text)
			return s.text.block[from:]
		}
	}
	return s.text.keep(text)
}

// binary returns the bytes that a string tells in base64.
func (s *shredder) binary(raw []byte) ([]byte, bool) {
	if raw[0] != '"' {
		return nil, false
	}
	s.text.room(len(raw))
	from := len(s.text.block)
	data, err := base64.StdEncoding.Strict().AppendDecode(s.text.block, raw[1:len(raw)-1])
	if err != nil {
		return nil, false
	}
	s.text.block = data
	return data[from:], true
}

func booleanOf(raw []byte) (value, ok bool) {
	if raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	switch string(raw) {
	case "true", "TRUE", "True":
		return true, true
	case "false", "FALSE", "False":
		return false, true
	}
	return false, false
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
	f, err := strconv.ParseFloat(unsafe.String(&text[0], len(text)), 64)
	return f, err == nil
}

func floatOf(text []byte) (float32, bool) {
	if text == nil {
		return 0, false
	}
	f, err := strconv.ParseFloat(unsafe.String(&text[0], len(text)), 32)
	return float32(f), err == nil
}
