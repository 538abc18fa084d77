package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cron is a schedule in sets of bits.
type cron struct {
	minutes, hours uint64
	months         uint64
	years          years

	// The days of the month: numbers, the last, the last from Monday to Friday,
	// and those nearest to numbers.
	ofMonth     uint64
	last        bool
	lastWeekday bool
	nearest     uint64
	// The days of the week, from 1 for Sunday: in every week, in the last of the
	// month, and in the nth, from 1.
	ofWeek     uint64
	lastOfWeek uint64
	nthOfWeek  [6]uint64
}

// years is a set of years from firstYear.
type years [4]uint64

func (y *years) has(n int) bool { return y[n/64]&(1<<(n%64)) != 0 }
func (y *years) add(n int)      { y[n/64] |= 1 << (n % 64) }

var (
	monthNames = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	dayNames   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

// cronField is a field of a schedule, and where its values go.
type cronField struct {
	name        string
	least, most int
	words       []string // names of the values, from least
	add         func(c *cron, value int)
	// special takes what is no value, range or step.
	special func(c *cron, f *cronField, part string) bool
}

var cronFields = []cronField{
	{name: "minutes", most: 59, add: func(c *cron, value int) { c.minutes |= 1 << value }},
	{name: "hours", most: 23, add: func(c *cron, value int) { c.hours |= 1 << value }},
	{name: "day of the month", least: 1, most: 31, add: func(c *cron, value int) { c.ofMonth |= 1 << value }, special: specialOfMonth},
	{name: "month", least: 1, most: 12, words: monthNames, add: func(c *cron, value int) { c.months |= 1 << value }},
	{name: "day of the week", least: 1, most: 7, words: dayNames, add: func(c *cron, value int) { c.ofWeek |= 1 << value }, special: specialOfWeek},
	{name: "year", least: firstYear, most: lastYear, add: func(c *cron, value int) { c.years.add(value - firstYear) }},
}

// Places of fields.
const (
	fieldOfMonth = 2
	fieldOfWeek  = 4
	fieldYear    = 5
)

func parseCron(inner string) (*cron, error) {
	fields := strings.Fields(inner)
	if len(fields) != len(cronFields) {
		return nil, fmt.Errorf("%d fields, want %d", len(fields), len(cronFields))
	}
	c := &cron{}
	for i, field := range fields {
		if field == "?" && (i == fieldOfMonth || i == fieldOfWeek) {
			continue
		}
		for part := range strings.SplitSeq(field, ",") {
			if !cronFields[i].read(c, strings.ToUpper(part), i != fieldYear) {
				return nil, fmt.Errorf("%s: %q is wrong", cronFields[i].name, part)
			}
		}
	}
	if (fields[fieldOfMonth] == "?") == (fields[fieldOfWeek] == "?") {
		return nil, errors.New("want '?' as either the day of the month or the day of the week")
	}
	return c, nil
}

// read adds an element of the list; around: a range may go over the end.
func (f *cronField) read(c *cron, part string, around bool) bool {
	if f.special != nil && f.special(c, f, part) {
		return true
	}
	values, stepText, stepped := strings.Cut(part, "/")
	step := 1
	if stepped {
		var err error
		if step, err = strconv.Atoi(stepText); err != nil || step < 1 || !isDigits(stepText) {
			return false
		}
	}
	from, to := f.least, f.most
	if values != "*" {
		first, last, ranged := strings.Cut(values, "-")
		var ok bool
		if from, ok = f.value(first); !ok {
			return false
		}
		switch {
		case ranged:
			if to, ok = f.value(last); !ok {
				return false
			}
		case !stepped:
			to = from
		}
	}
	size := f.most - f.least + 1
	if from > to {
		if !around {
			return false
		}
		to += size
	}
	for value := from; value <= to; value += min(step, size) {
		f.add(c, (value-f.least)%size+f.least)
	}
	return true
}

func (f *cronField) value(text string) (int, bool) {
	if i := slices.Index(f.words, text); i >= 0 {
		return f.least + i, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && isDigits(text) && f.least <= n && n <= f.most
}

func isDigits(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool { return c < '0' || c > '9' })
}

func specialOfMonth(c *cron, f *cronField, part string) bool {
	switch part {
	case "L":
		c.last = true
		return true
	case "LW":
		c.lastWeekday = true
		return true
	}
	number, nearest := strings.CutSuffix(part, "W")
	day, ok := f.value(number)
	if nearest && ok {
		c.nearest |= 1 << day
	}
	return nearest && ok
}

func specialOfWeek(c *cron, f *cronField, part string) bool {
	if part == "L" {
		c.ofWeek |= 1 << f.most
		return true
	}
	if name, nth, ok := strings.Cut(part, "#"); ok {
		day, ok := f.value(name)
		n, err := strconv.Atoi(nth)
		if !ok || err != nil || !isDigits(nth) || n < 1 || n >= len(c.nthOfWeek) {
			return false
		}
		c.nthOfWeek[n] |= 1 << day
		return true
	}
	name, last := strings.CutSuffix(part, "L")
	day, ok := f.value(name)
	if last && ok {
		c.lastOfWeek |= 1 << day
	}
	return last && ok
}

// days returns the days of a month that are in the schedule.
func (c *cron) days(year int, month time.Month) uint64 {
	if c.months&(1<<month) == 0 {
		return 0
	}
	first := int(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Weekday()) + 1 // of the week, from 1
	length := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	weekday := func(day int) int { return (first+day-2)%7 + 1 }

	days := c.ofMonth & (2<<length - 1)
	if c.last {
		days |= 1 << length
	}
	if c.lastWeekday {
		days |= 1 << nearestWeekday(length, length, weekday)
	}
	for day := firstFrom(c.nearest, 1); day >= 0 && day <= length; day = firstFrom(c.nearest, day+1) {
		days |= 1 << nearestWeekday(day, length, weekday)
	}
	for day := 1; day <= length; day++ {
		of := uint64(1) << weekday(day)
		if c.ofWeek&of != 0 || c.nthOfWeek[(day+6)/7]&of != 0 || c.lastOfWeek&of != 0 && day+7 > length {
			days |= 1 << day
		}
	}
	return days
}

// nearestWeekday returns the day from Monday to Friday that is nearest to a day of
// a month.
func nearestWeekday(day, length int, weekday func(int) int) int {
	const sunday, saturday = 1, 7
	switch {
	case weekday(day) == saturday && day > 1:
		return day - 1
	case weekday(day) == saturday:
		return day + 2
	case weekday(day) == sunday && day < length:
		return day + 1
	case weekday(day) == sunday:
		return day - 2
	}
	return day
}
