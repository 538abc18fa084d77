package lakeanalytics

import (
	"strings"
	"time"
)

// timeFields is what a pattern found in a text.
type timeFields struct {
	year, yearOfEra       int
	month, day, dayOfYear int
	hour, halfHour        int // of the day, and of the half day
	minute, second        int
	nano                  int
	ofDay                 int64 // nanoseconds
	weekday               int   // from 1, Monday
	has                   fields
	beforeChrist, pm      bool
	zone                  *time.Location
	budget                int
}

// fields tells which fields were found.
type fields uint16

const (
	hasYear fields = 1 << iota
	hasYearOfEra
	hasDayOfYear
	hasWeekday
	hasHour
	hasHalfHour
	hasHalf
	hasOfDay
	hasMonth
	hasDay
)

// read reads items at the beginning of text and returns what is left.
func (f *timeFields) read(items []patternItem, text string) (rest string, ok bool) {
	for i := range items {
		if f.budget--; f.budget < 0 {
			return text, false
		}
		item := &items[i]
		switch {
		case item.letter == '[':
			before := *f
			after, ok := f.read(item.inner, text)
			if !ok {
				before.budget = f.budget
				*f = before
				continue
			}
			text = after
		case item.letter == 0:
			if !strings.HasPrefix(text, item.literal) {
				return text, false
			}
			text = text[len(item.literal):]
		default:
			if text, ok = f.field(item, text); !ok {
				return text, false
			}
		}
	}
	return text, true
}

// field reads one field.
func (f *timeFields) field(p *patternItem, text string) (rest string, ok bool) {
	switch p.letter {
	case 'X', 'x', 'Z', 'O':
		return f.offset(p, text)
	case 'V', 'z':
		return f.zoneName(text)
	case 'E':
		return f.named(text, p.count, weekdays[:], func(i int) { f.weekday, f.has = i+1, f.has|hasWeekday })
	case 'a':
		return f.named(text, 4, halves[:], func(i int) { f.pm, f.has = i == 1, f.has|hasHalf })
	case 'G':
		return f.era(p, text)
	case 'S':
		return f.fraction(p, text)
	case 'M', 'L':
		if p.count > 2 {
			return f.named(text, p.count, months[:], func(i int) { f.month, f.has = i+1, f.has|hasMonth })
		}
	}
	n, rest, ok := p.number(text)
	return rest, ok && f.set(p, n)
}

// set takes the number of a field, if it is in its range.
func (f *timeFields) set(p *patternItem, n int64) bool {
	least, most := int64(0), int64(59)
	switch v := int(n); p.letter {
	case 'y':
		if least, most = 1, 999_999_999; p.count == 2 {
			n, least = n+2000, 2000
		}
		f.yearOfEra, f.has = int(n), f.has|hasYearOfEra
	case 'u':
		if least, most = -999_999_999, 999_999_999; p.count == 2 {
			n += 2000
		}
		f.year, f.has = int(n), f.has|hasYear
	case 'M', 'L':
		least, most = 1, 12
		f.month, f.has = v, f.has|hasMonth
	case 'd':
		least, most = 1, 31
		f.day, f.has = v, f.has|hasDay
	case 'D':
		least, most = 1, 366
		f.dayOfYear, f.has = v, f.has|hasDayOfYear
	case 'H':
		most = 23
		f.hour, f.has = v, f.has|hasHour
	case 'k':
		least, most = 1, 24
		f.hour, f.has = v%24, f.has|hasHour
	case 'K':
		most = 11
		f.halfHour, f.has = v, f.has|hasHalfHour
	case 'h':
		least, most = 1, 12
		f.halfHour, f.has = v%12, f.has|hasHalfHour
	case 'm':
		f.minute = v
	case 's':
		f.second = v
	case 'n':
		most = 999_999_999
		f.nano = v
	case 'A':
		most = 24*60*60*1000 - 1
		f.ofDay, f.has = n*1e6, f.has|hasOfDay
	case 'N':
		most = 24*60*60*1_000_000_000 - 1
		f.ofDay, f.has = n, f.has|hasOfDay
	}
	return least <= n && n <= most
}

// number reads digits: as many as the letters, or, where one stands for any
// number of them or a year has at least as many, up to those that follow.
func (p *patternItem) number(text string) (n int64, rest string, ok bool) {
	least, most := p.count, p.count
	isYear := p.letter == 'y' || p.letter == 'u'
	switch {
	case p.count == 1, p.letter == 'n', p.letter == 'N', p.letter == 'A', isYear && p.count > 2:
		most = 18
		if p.adjacent > 0 && isYear {
			most = p.count
		}
	}
	negative := false
	if isYear && p.count != 2 && text != "" && (text[0] == '-' && p.letter == 'u' || text[0] == '+') {
		negative, text = text[0] == '-', text[1:]
	}
	digits := 0
	for digits < len(text) && digits < most && text[digits]-'0' <= 9 {
		digits++
	}
	if p.adjacent > 0 {
		all := digits
		for all < len(text) && text[all]-'0' <= 9 {
			all++
		}
		digits = max(min(digits, all-p.adjacent), min(least, digits))
	}
	if digits < least {
		return 0, text, false
	}
	for _, c := range []byte(text[:digits]) {
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, text[digits:], true
}

func (f *timeFields) fraction(p *patternItem, text string) (rest string, ok bool) {
	n, rest, ok := (&patternItem{count: p.count}).fixed(text)
	for range 9 - p.count {
		n *= 10
	}
	f.nano = n
	return rest, ok
}

// fixed reads exactly as many digits as letters.
func (p *patternItem) fixed(text string) (n int, rest string, ok bool) {
	if len(text) < p.count {
		return 0, text, false
	}
	for _, c := range []byte(text[:p.count]) {
		if c -= '0'; c > 9 {
			return 0, text, false
		}
		n = n*10 + int(c)
	}
	return n, text[p.count:], true
}

var (
	months   = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	weekdays = [...]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	halves   = [...]string{"AM", "PM"}
)

// named reads a name: whole with four letters, else its first three characters.
func (f *timeFields) named(text string, letters int, names []string, found func(i int)) (rest string, ok bool) {
	for i, name := range names {
		if letters < 4 {
			name = name[:3]
		}
		if strings.HasPrefix(text, name) {
			found(i)
			return text[len(name):], true
		}
	}
	return text, false
}

func (f *timeFields) era(p *patternItem, text string) (rest string, ok bool) {
	names := [...]string{"AD", "BC"}
	switch p.count {
	case 4:
		names = [...]string{"Anno Domini", "Before Christ"}
	case 5:
		names = [...]string{"A", "B"}
	}
	for i, name := range names {
		if strings.HasPrefix(text, name) {
			f.beforeChrist = i == 1
			return text[len(name):], true
		}
	}
	return text, false
}

// time puts the fields together. The time is in UTC.
func (f *timeFields) time() (time.Time, bool) {
	year, month, day := 1970, 1, 1
	switch {
	case f.has&hasYear != 0:
		year = f.year
	case f.has&hasYearOfEra != 0 && f.beforeChrist:
		year = 1 - f.yearOfEra
	case f.has&hasYearOfEra != 0:
		year = f.yearOfEra
	}
	if year < 0 || year > 9999 {
		return time.Time{}, false
	}
	if f.has&hasMonth != 0 {
		month = f.month
	}
	if f.has&hasDay != 0 {
		day = f.day
	}
	if f.has&hasDayOfYear != 0 && f.has&(hasMonth|hasDay) == 0 {
		day = f.dayOfYear
		if day == 366 && daysOf(year, 2) == 28 {
			return time.Time{}, false
		}
	} else if last := daysOf(year, month); day > last {
		day = last // as DateTimeFormatter resolves it unless it is strict
	}
	ofDay := f.ofDay
	if f.has&hasOfDay == 0 {
		ofDay = int64(f.clock())
	}
	zone := f.zone
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if f.has&hasWeekday != 0 && (int(t.Weekday())+6)%7+1 != f.weekday {
		return time.Time{}, false
	}
	t = t.Add(time.Duration(ofDay))
	if zone != time.UTC {
		t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone).UTC()
	}
	return t, t.Year() >= 0 && t.Year() <= 9999
}

// clock returns the time of day.
func (f *timeFields) clock() time.Duration {
	hour := f.hour
	if f.has&hasHour == 0 && f.has&hasHalfHour != 0 {
		if hour = f.halfHour; f.pm {
			hour += 12
		}
	}
	return time.Duration(hour)*time.Hour + time.Duration(f.minute)*time.Minute + time.Duration(f.second)*time.Second + time.Duration(f.nano)
}
