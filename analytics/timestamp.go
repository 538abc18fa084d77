package analytics

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// millisecondsFrom is where Unix times are read as milliseconds: as seconds,
// it would be the year 5138.
const millisecondsFrom = 1e11

// parseUnix reads a JSON number as Unix time, and returns it in nanoseconds.
// Plain decimals are exact.
func parseUnix(text string) (int64, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.ContainsAny(fraction, "eE") {
		return parseUnixFloat(text)
	}
	if n < 0 || text[0] == '-' {
		return 0, false
	}
	unit, digits := int64(time.Second), 9
	if n >= millisecondsFrom {
		unit, digits = int64(time.Millisecond), 6
	}
	if n > maxTime.UnixNano()/unit {
		return 0, false
	}
	fraction = (fraction + "000000000")[:digits]
	below, err := strconv.ParseInt(fraction, 10, 64)
	if err != nil {
		return 0, false
	}
	return inRange(n*unit + below)
}

func parseUnixFloat(text string) (int64, bool) {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || value < 0 || math.Signbit(value) {
		return 0, false
	}
	unit := float64(time.Second)
	if value >= millisecondsFrom {
		unit = float64(time.Millisecond)
	}
	if value*unit >= math.MaxInt64 {
		return 0, false
	}
	return inRange(int64(value * unit))
}

// parseDateTime reads RFC 3339, also with a blank for the T or without zone.
func parseDateTime(text []byte) (int64, bool) {
	const date = len("2006-01-02")
	if len(text) < date+1 || len(text) > len("2006-01-02T15:04:05.999999999+00:00") {
		return 0, false
	}
	written := string(text)
	if written[date] == ' ' || written[date] == 't' {
		written = written[:date] + "T" + written[date+1:]
	}
	t, err := time.Parse(time.RFC3339Nano, written)
	if err != nil {
		if t, err = time.Parse("2006-01-02T15:04:05.999999999", written); err != nil {
			return 0, false
		}
	}
	if !isTime(t) {
		return 0, false
	}
	return t.UnixNano(), true
}

func inRange(nanoseconds int64) (int64, bool) {
	if nanoseconds < 0 || nanoseconds >= maxTime.UnixNano() {
		return 0, false
	}
	return nanoseconds, true
}
