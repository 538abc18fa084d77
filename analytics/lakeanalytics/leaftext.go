package lakeanalytics

import (
	"encoding/base64"
	"errors"
	"math"
	"strconv"
)

// append writes a value in JSON, such that it is read as the same again. What
// JSON can't have is not there.
func (l *leafReader) append(b []byte, i int) (written []byte, there bool, err error) {
	switch l.kind {
	case kindString, kindChar, kindVarchar:
		return appendQuoted(b, l.text(i)), true, nil
	case kindBinary:
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), l.text(i)), '"'), true, nil
	case kindDecimal:
		digits, negative := l.decimal(i)
		return appendDecimal(b, digits, negative, l.scale), true, nil
	}
	n := l.number(i)
	switch l.kind {
	case kindBoolean:
		return strconv.AppendBool(b, n != 0), true, nil
	case kindDouble:
		return appendNumber(b, math.Float64frombits(n), 64)
	case kindFloat:
		return appendNumber(b, float64(math.Float32frombits(uint32(n))), 32)
	case kindTimestamp:
		if !isTimestamp(int64(n)) {
			return b, false, errors.New("a timestamp out of range")
		}
		return append(appendTimestamp(append(b, '"'), int64(n)), '"'), true, nil
	case kindDate:
		if !isDate(int32(n)) {
			return b, false, errors.New("a date out of range")
		}
		return append(appendDate(append(b, '"'), int32(n)), '"'), true, nil
	}
	return strconv.AppendInt(b, int64(n), 10), true, nil
}

func appendNumber(b []byte, f float64, bits int) ([]byte, bool, error) {
	if f-f != 0 { // not a number, or infinite
		return b, false, nil
	}
	return appendFloat(b, f, bits), true, nil
}

// decimal returns the digits of a decimal.
func (l *leafReader) decimal(i int) (digits []byte, negative bool) {
	if l.precision > 18 {
		m, negative := wideFrom(l.text(i))
		return m.digits(), negative
	}
	n := int64(l.number(i))
	if n < 0 {
		return strconv.AppendUint(nil, -uint64(n), 10), true
	}
	return strconv.AppendUint(nil, uint64(n), 10), false
}
