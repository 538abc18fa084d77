package lakeanalytics

import (
	"math"
	"strconv"
	"time"
)

// Times of columns are microseconds since 1970 in UTC. They lie in the years 0
// to 9999.
var (
	leastTime    = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	greatestTime = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()
)

const (
	microsPerDay    = 24 * 60 * 60 * 1e6
	millisecondFrom = 1e11 // below it, Unix times are seconds
)

// timestampOf reads a time (D-39): a number is Unix time, in milliseconds from
// 10^11 on, below in seconds; a string is the same or ISO 8601, with a blank for
// the T or not, and UTC if it names no zone. What is below a microsecond is cut.
func timestampOf(raw []byte) (int64, bool) {
	if number := numberText(raw); number != nil {
		return unixTime(number)
	}
	if raw[0] != '"' {
		return 0, false
	}
	return isoTime(raw[1 : len(raw)-1])
}

func unixTime(text []byte) (int64, bool) {
	d := digitsOf(text)
	us, ok := int64(0), false
	unit := 6 // of seconds
	if isMilliseconds(d) {
		unit = 3
	}
	if m, whole := d.scaled(unit); whole {
		us, ok = signed(m, d.negative)
	} else if f, fits := doubleOf(text); fits {
		f = math.Floor(f * powers[unit])
		us, ok = int64(f), math.Abs(f) < 1<<62
	}
	return us, ok && leastTime <= us && us <= greatestTime
}

// isMilliseconds reports whether a number is 10^11 or more.
func isMilliseconds(d digits) bool {
	m := float64(d.mantissa)
	if d.exponent < 0 {
		return m >= millisecondFrom*math.Pow10(-d.exponent)
	}
	return m*math.Pow10(min(d.exponent, 300)) >= millisecondFrom
}

// dateOf reads a day, as days since 1970: a date, or a time at midnight in UTC.
func dateOf(raw []byte) (int32, bool) {
	us, ok := timestampOf(raw)
	if !ok || us%microsPerDay != 0 {
		return 0, false
	}
	return int32(us / microsPerDay), true
}

// isoTime reads yyyy-MM-dd, and after T or a blank HH:mm, HH:mm:ss or
// HH:mm:ss.S with up to nine digits, and then Z, ±HH, ±HHmm, ±HH:mm or nothing.
func isoTime(text []byte) (int64, bool) {
	r := &timeReader{text: text}
	year, month, day := r.digits(4), r.after('-', 2), r.after('-', 2)
	if r.bad || month < 1 || month > 12 || day < 1 || day > daysOf(year, month) {
		return 0, false
	}
	us := int64(daysSince1970(year, month, day)) * microsPerDay
	if len(r.text) > 0 {
		us += r.clock()
	}
	return us, !r.bad && len(r.text) == 0 && leastTime <= us && us <= greatestTime
}

// timeReader reads the parts of a time.
type timeReader struct {
	text []byte
	bad  bool
}

func (r *timeReader) digits(n int) (value int) {
	if len(r.text) < n {
		r.bad = true
		return 0
	}
	for _, c := range r.text[:n] {
		if c -= '0'; c > 9 {
			r.bad = true
			return 0
		}
		value = value*10 + int(c)
	}
	r.text = r.text[n:]
	return value
}

func (r *timeReader) after(c byte, n int) int {
	if !r.accept(c) {
		r.bad = true
		return 0
	}
	return r.digits(n)
}

func (r *timeReader) accept(c byte) bool {
	if len(r.text) == 0 || r.text[0] != c {
		return false
	}
	r.text = r.text[1:]
	return true
}

// clock reads the time of day and its zone, in microseconds.
func (r *timeReader) clock() int64 {
	if !r.accept('T') && !r.accept(' ') && !r.accept('t') {
		r.bad = true
		return 0
	}
	hour, minute, second := r.digits(2), r.after(':', 2), 0
	fraction := int64(0)
	if r.accept(':') {
		second = r.digits(2)
		if r.accept('.') || r.accept(',') {
			fraction = r.fraction()
		}
	}
	if hour > 23 || minute > 59 || second > 59 {
		r.bad = true
	}
	return int64(hour*3600+minute*60+second)*1e6 + fraction - r.zone()*1e6
}

// fraction reads 1 to 9 digits of a second.
func (r *timeReader) fraction() (us int64) {
	n := 0
	for unit := int64(1e5); n < len(r.text) && n < 9 && r.text[n]-'0' <= 9; n++ {
		us += int64(r.text[n]-'0') * unit
		unit /= 10
	}
	r.bad = r.bad || n == 0
	r.text = r.text[n:]
	return us
}

// zone reads an offset in seconds.
func (r *timeReader) zone() int64 {
	switch {
	case len(r.text) == 0, r.accept('Z'), r.accept('z'):
		return 0
	}
	sign := int64(1)
	if r.accept('-') {
		sign = -1
	} else if !r.accept('+') {
		r.bad = true
		return 0
	}
	hours, minutes := r.digits(2), 0
	if r.accept(':') || len(r.text) > 0 {
		minutes = r.digits(2)
	}
	if hours > 18 || minutes > 59 {
		r.bad = true
	}
	return sign * int64(hours*3600+minutes*60)
}

// daysSince1970 counts days by the Gregorian calendar, also before it was.
func daysSince1970(year, month, day int) int {
	if month <= 2 {
		year, month = year-1, month+12
	}
	era := year / 400
	if year < 0 {
		era = (year - 399) / 400
	}
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}

func daysOf(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// appendTimestamp writes a time as ISO 8601 in UTC.
func appendTimestamp(b []byte, us int64) []byte {
	return time.UnixMicro(us).UTC().AppendFormat(b, "2006-01-02T15:04:05.999999Z")
}

func appendDate(b []byte, days int32) []byte {
	return time.Unix(int64(days)*24*60*60, 0).UTC().AppendFormat(b, time.DateOnly)
}

// isTimestamp and isDate tell what can be written in four digits of a year.
func isTimestamp(us int64) bool { return leastTime <= us && us <= greatestTime }

func isDate(days int32) bool { return isTimestamp(int64(days) * microsPerDay) }

// appendFloat writes the shortest text that is read as the same number, nothing
// in JSON for what is no number.
func appendFloat(b []byte, f float64, bits int) []byte {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, f, format, -1, bits)
}
