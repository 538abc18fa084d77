//go:build cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64)

package duckanalytics

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// appendValue writes a value as the service wrote it to CSV.
func appendValue(dst []byte, v any, t *valueType) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case string:
		return append(dst, v...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int8:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int16:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int32:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case uint8:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case uint16:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case uint32:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case *big.Int:
		return v.Append(dst, 10), nil
	case float32:
		return appendDouble(dst, float64(v), 32), nil
	case float64:
		return appendDouble(dst, v, 64), nil
	case duckdb.Decimal:
		return appendDecimal(dst, v.Value, int(v.Scale)), nil
	case time.Time:
		return appendTime(dst, v, t.kind), nil
	case duckdb.Interval:
		return appendInterval(dst, v), nil
	case []byte:
		return appendBinary(dst, v), nil
	}
	return appendNested(dst, v, t)
}

func appendNested(dst []byte, v any, t *valueType) ([]byte, error) {
	switch v := v.(type) {
	case []any:
		if t.kind != kindArray {
			break
		}
		return appendList(dst, '[', ']', len(v), func(dst []byte, i int) ([]byte, error) { return appendValue(dst, v[i], t.elem) })
	case map[string]any:
		if t.kind != kindRow {
			break
		}
		return appendList(dst, '{', '}', len(t.fields), func(dst []byte, i int) ([]byte, error) {
			field := &t.fields[i]
			return appendValue(append(append(dst, field.label...), '='), v[field.name], &field.valueType)
		})
	case duckdb.OrderedMap:
		if t.kind != kindMap {
			break
		}
		keys, values := v.Keys(), v.Values()
		return appendList(dst, '{', '}', len(keys), func(dst []byte, i int) ([]byte, error) {
			dst, err := appendValue(dst, keys[i], t.key)
			if err != nil {
				return dst, err
			}
			return appendValue(append(dst, '='), values[i], t.elem)
		})
	}
	return dst, fmt.Errorf("a value of type %T for %s", v, t.presto)
}

func appendList(dst []byte, begin, end byte, n int, one func([]byte, int) ([]byte, error)) ([]byte, error) {
	dst = append(dst, begin)
	for i := range n {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		var err error
		if dst, err = one(dst, i); err != nil {
			return dst, err
		}
	}
	return append(dst, end), nil
}

func appendTime(dst []byte, at time.Time, k kind) []byte {
	at = at.UTC()
	if k == kindDate {
		return appendDate(dst, at)
	}
	switch k {
	case kindTime:
		return appendClock(dst, at)
	case kindTimeTZ:
		return append(appendClock(dst, at), " UTC"...)
	}
	dst = appendClock(append(appendDate(dst, at), ' '), at)
	if k == kindTimestampTZ {
		dst = append(dst, " UTC"...)
	}
	return dst
}

// appendDate and appendClock do what time.Time.AppendFormat does, in less time.
func appendDate(dst []byte, at time.Time) []byte {
	year, month, day := at.Date()
	if year < 1000 || year > 9999 {
		return at.AppendFormat(dst, time.DateOnly)
	}
	dst = appendDigits(appendDigits(dst, year/100), year%100)
	return appendDigits(append(appendDigits(append(dst, '-'), int(month)), '-'), day)
}

func appendClock(dst []byte, at time.Time) []byte {
	hour, minute, second := at.Clock()
	dst = appendDigits(append(appendDigits(append(appendDigits(dst, hour), ':'), minute), ':'), second)
	millis := at.Nanosecond() / int(time.Millisecond)
	return appendDigits(append(dst, '.', byte('0'+millis/100)), millis%100)
}

func appendDigits(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

const (
	microsPerMilli  = 1000
	microsPerSecond = 1000 * microsPerMilli
	microsPerHour   = 3600 * microsPerSecond
	microsPerDay    = 24 * microsPerHour
)

// appendInterval writes months as 1-2, and the rest as 1 00:00:00.000.
func appendInterval(dst []byte, v duckdb.Interval) []byte {
	if v.Days == 0 && v.Micros == 0 && v.Months != 0 {
		months := v.Months
		if months < 0 {
			dst, months = append(dst, '-'), -months
		}
		return fmt.Appendf(dst, "%d-%d", months/12, months%12)
	}
	micros := big.NewInt(int64(v.Days) + 30*int64(v.Months))
	micros.Mul(micros, big.NewInt(microsPerDay)).Add(micros, big.NewInt(v.Micros))
	if micros.Sign() < 0 {
		dst = append(dst, '-')
	}
	days, rest := new(big.Int).QuoRem(micros.Abs(micros), big.NewInt(microsPerDay), new(big.Int))
	part := rest.Int64()
	return fmt.Appendf(dst, "%d %02d:%02d:%02d.%03d", days, part/microsPerHour, part/(60*microsPerSecond)%60, part/microsPerSecond%60, part/microsPerMilli%1000)
}

func appendBinary(dst, v []byte) []byte {
	const digits = "0123456789abcdef"
	dst = slices.Grow(dst, 3*len(v))
	for i, b := range v {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return dst
}
