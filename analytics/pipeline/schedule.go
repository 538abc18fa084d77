package pipeline

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Schedule says when a data set gets contents. All times are UTC, and cron
// schedules are of whole minutes. The zero Schedule has no times.
type Schedule struct {
	text   string
	cron   *cron
	period int64 // of a rate, in seconds
	anchor int64 // Unix time
}

// maxRate is the longest rate in seconds: a hundred years.
const maxRate = 100 * 365 * 24 * 60 * 60

// ParseSchedule reads a schedule of Amazon EventBridge, as triggers of data sets
// have it:
//
//   - cron(minutes hours day-of-month month day-of-week year), each of these a
//     list of values, ranges, which may go over the end (FRI-MON, 22-2), and
//     steps (0/15, 8-18/2, */5), or *. Months and days have names too; days of
//     the week are 1 for Sunday to 7. One of the two days, not both, is ?. A day
//     of the month may be L for the last, LW for the last from Monday to Friday,
//     and 15W for the one nearest to the 15th in its month; a day of the week may
//     be L for Saturday, 6L for the last Friday of the month and 6#3 for the
//     third. A month that has no such day is left out. Years are 1970 to 2199.
//   - rate(value unit), in minutes, hours or days, at most a hundred years.
//
// The error is [ErrSchedule].
func ParseSchedule(expression string) (Schedule, error) {
	s, err := parseSchedule(expression)
	if err != nil {
		return Schedule{}, fmt.Errorf("%w: %q: %w", ErrSchedule, expression, err)
	}
	return s, nil
}

func parseSchedule(text string) (Schedule, error) {
	if inner, ok := within(text, "rate("); ok {
		period, err := parseRate(inner)
		return Schedule{text: text, period: period}, err
	}
	if inner, ok := within(text, "cron("); ok {
		c, err := parseCron(inner)
		return Schedule{text: text, cron: c}, err
	}
	return Schedule{}, errors.New("want cron(…) or rate(…)")
}

func within(text, prefix string) (inner string, ok bool) {
	if inner, ok = strings.CutPrefix(text, prefix); !ok {
		return "", false
	}
	return strings.CutSuffix(inner, ")")
}

func parseRate(inner string) (seconds int64, err error) {
	fields := strings.Fields(inner)
	if len(fields) != 2 {
		return 0, errors.New("want rate(value unit)")
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q: want a whole number from 1", fields[0])
	}
	unit, ok := map[string]int64{"minute": 60, "hour": 60 * 60, "day": 24 * 60 * 60}[strings.TrimSuffix(fields[1], "s")]
	if !ok {
		return 0, fmt.Errorf("%q: want minutes, hours or days", fields[1])
	}
	if n > maxRate/unit {
		return 0, fmt.Errorf("%s %s: want at most %d days", fields[0], fields[1], maxRate/(24*60*60))
	}
	return n * unit, nil
}

// String returns the expression.
func (s Schedule) String() string { return s.text }

// Anchored returns the schedule with the times of a rate counted from a time, in
// whole seconds, in both directions. Without it they are counted from 1970. A cron
// schedule stays as it is.
func (s Schedule) Anchored(at time.Time) Schedule {
	s.anchor = at.Unix()
	return s
}

// Next returns the first time after a time; false if there is none.
func (s Schedule) Next(after time.Time) (time.Time, bool) {
	after = after.UTC()
	switch {
	case s.cron != nil:
		return s.cron.next(after)
	case s.period > 0:
		return s.rate(floorDiv(after.Unix()-s.anchor, s.period) + 1), true
	}
	return time.Time{}, false
}

// Previous returns the last time before a time; false if there is none.
func (s Schedule) Previous(before time.Time) (time.Time, bool) {
	before = before.UTC()
	switch {
	case s.cron != nil:
		return s.cron.previous(before)
	case s.period > 0:
		last := before.Unix() - 1
		if before.Nanosecond() > 0 {
			last++
		}
		return s.rate(floorDiv(last-s.anchor, s.period)), true
	}
	return time.Time{}, false
}

func (s Schedule) rate(n int64) time.Time { return time.Unix(s.anchor+n*s.period, 0).UTC() }

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}

// The years of cron schedules.
const (
	firstYear = 1970
	lastYear  = 2199
)

// next returns the first time after a time.
func (c *cron) next(after time.Time) (time.Time, bool) {
	from := after.Truncate(time.Minute).Add(time.Minute)
	year, month, day := from.Date()
	hour, minute := from.Hour(), from.Minute()
	if year < firstYear {
		year, month, day, hour, minute = firstYear, time.January, 1, 0, 0
	}
	for ; year <= lastYear; year, month, day, hour, minute = year+1, time.January, 1, 0, 0 {
		if !c.years.has(year - firstYear) {
			continue
		}
		for ; month <= time.December; month, day, hour, minute = month+1, 1, 0, 0 {
			days := c.days(year, month)
			for d := firstFrom(days, day); d >= 0; d = firstFrom(days, d+1) {
				if d > day {
					hour, minute = 0, 0
				}
				for h := firstFrom(c.hours, hour); h >= 0; h = firstFrom(c.hours, h+1) {
					if h > hour {
						minute = 0
					}
					if m := firstFrom(c.minutes, minute); m >= 0 {
						return time.Date(year, month, d, h, m, 0, 0, time.UTC), true
					}
				}
			}
		}
	}
	return time.Time{}, false
}

// previous returns the last time before a time.
func (c *cron) previous(before time.Time) (time.Time, bool) {
	to := before.Add(-1).Truncate(time.Minute)
	year, month, day := to.Date()
	hour, minute := to.Hour(), to.Minute()
	const lastHour, lastMinute = 23, 59
	if year > lastYear {
		year, month, day, hour, minute = lastYear, time.December, 31, lastHour, lastMinute
	}
	for ; year >= firstYear; year, month, day, hour, minute = year-1, time.December, 31, lastHour, lastMinute {
		if !c.years.has(year - firstYear) {
			continue
		}
		for ; month >= time.January; month, day, hour, minute = month-1, 31, lastHour, lastMinute {
			days := c.days(year, month)
			for d := lastTo(days, day); d >= 0; d = lastTo(days, d-1) {
				if d < day {
					hour, minute = lastHour, lastMinute
				}
				for h := lastTo(c.hours, hour); h >= 0; h = lastTo(c.hours, h-1) {
					if h < hour {
						minute = lastMinute
					}
					if m := lastTo(c.minutes, minute); m >= 0 {
						return time.Date(year, month, d, h, m, 0, 0, time.UTC), true
					}
				}
			}
		}
	}
	return time.Time{}, false
}

// firstFrom returns the least member of a set from a value on, -1 if there is
// none.
func firstFrom(set uint64, from int) int {
	if set = set >> from << from; set == 0 {
		return -1
	}
	return bits.TrailingZeros64(set)
}

// lastTo returns the greatest member of a set up to a value, -1 if there is none.
func lastTo(set uint64, to int) int {
	if to < 0 {
		return -1
	}
	return bits.Len64(set&(2<<to-1)) - 1
}
