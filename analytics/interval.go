package analytics

import (
	"fmt"
	"time"
)

// Unit is a length of time by the calendar.
type Unit uint8

// The units. Weeks begin on Monday (ISO 8601), quarters in January, April, July
// and October.
const (
	Day Unit = iota + 1
	Week
	Month
	Quarter
	Year
)

// Interval says how time is cut into buckets. Each instant lies in exactly one,
// from its start, included, to its end, excluded.
//
//	Interval{Every: 15 * time.Minute}          // aligned to the hours of UTC
//	Interval{Unit: analytics.Day, Zone: berlin} // of 23, 24 or 25 hours
type Interval struct {
	// Every is a fixed length: it divides 24 hours, and is at least a
	// millisecond. Buckets are counted from the beginning of each day in
	// Zone. Where clocks are changed on a day, its last bucket may be
	// shorter; no bucket covers parts of two days, and an hour that clocks
	// show twice is two buckets.
	Every time.Duration
	// Unit is a length by the calendar of Zone, instead of Every.
	Unit Unit
	// Zone is where days begin. Default UTC.
	Zone *time.Location
}

// minEvery is the least Interval.Every.
const minEvery = time.Millisecond

// Check returns [ErrQuery] unless exactly one of Every and Unit says how long a
// bucket is.
func (i Interval) Check() error {
	switch {
	case i.Every != 0 && i.Unit != 0:
		return fmt.Errorf("%w: interval: both a fixed length and a unit", ErrQuery)
	case i.Unit > Year:
		return fmt.Errorf("%w: interval: unknown unit", ErrQuery)
	case i.Unit == 0 && (i.Every < minEvery || 24*time.Hour%i.Every != 0):
		return fmt.Errorf("%w: interval: %v, want a millisecond to 24h that divides 24h", ErrQuery, i.Every)
	}
	return nil
}

// whole reports whether it cuts nothing: all is one bucket.
func (i Interval) whole() bool { return i.Every == 0 && i.Unit == 0 }

// Bucket returns the bounds of the bucket in which t lies, in Zone. The
// interval has been checked.
func (i Interval) Bucket(t time.Time) (start, end time.Time) {
	zone := i.zone()
	t = t.In(zone)
	first := dateOf(t)
	if !dayStart(first.after(1), zone).After(t) {
		first = first.after(1) // clocks were set back over midnight
	}
	if i.Unit > Day {
		first = first.align(i.Unit)
	}
	start = dayStart(first, zone)
	end = i.after(first, start)
	if i.Unit != 0 {
		return start, end
	}
	begin := start.Add(t.Sub(start).Truncate(i.Every))
	if next := begin.Add(i.Every); next.Before(end) {
		end = next
	}
	return begin, end
}

// after returns the end of the day, or unit, that begins with first.
func (i Interval) after(first date, start time.Time) time.Time {
	for {
		first = first.next(max(i.Unit, Day))
		// A date that a zone skipped, by changing sides of the date line, has
		// no length.
		if end := dayStart(first, i.zone()); end.After(start) {
			return end
		}
	}
}

func (i Interval) zone() *time.Location {
	if i.Zone == nil {
		return time.UTC
	}
	return i.Zone
}

// date is a day of the calendar, at midnight in UTC.
type date struct{ time.Time }

func dateOf(t time.Time) date {
	year, month, day := t.Date()
	return date{time.Date(year, month, day, 0, 0, 0, 0, time.UTC)}
}

func (d date) after(days int) date { return date{d.AddDate(0, 0, days)} }

// align returns the first day of the unit in which the date lies.
func (d date) align(u Unit) date {
	switch u {
	case Week:
		return d.after(-(int(d.Weekday()) + 6) % 7)
	case Month:
		return d.after(1 - d.Day())
	case Quarter:
		return date{time.Date(d.Year(), (d.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)}
	case Year:
		return date{time.Date(d.Year(), 1, 1, 0, 0, 0, 0, time.UTC)}
	}
	return d
}

// next returns the first day of the next unit, for the first of one.
func (d date) next(u Unit) date {
	switch u {
	case Week:
		return d.after(7)
	case Month:
		return date{d.AddDate(0, 1, 0)}
	case Quarter:
		return date{d.AddDate(0, 3, 0)}
	case Year:
		return date{d.AddDate(1, 0, 0)}
	}
	return d.after(1)
}

// maxOffset is more than any zone was ever away from UTC.
const maxOffset = 26 * time.Hour

// dayStart returns the first instant at which clocks in zone showed this date,
// or a later one. That is not always midnight: where clocks are set forward at
// midnight, the day begins at one o'clock. No zone changed its offset twice
// within the two days that are looked at.
func dayStart(d date, zone *time.Location) time.Time {
	from, to := d.Add(-maxOffset), d.Add(maxOffset)
	before, after := offset(from, zone), offset(to, zone)
	begins := d.Add(-before)
	if before == after {
		return begins.In(zone)
	}
	change := changed(from, to, before, zone)
	if begins.Before(change) {
		return begins.In(zone)
	}
	if begins = d.Add(-after); begins.Before(change) {
		begins = change
	}
	return begins.In(zone)
}

func offset(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// changed returns when the offset of a zone was no longer that of from.
func changed(from, to time.Time, before time.Duration, zone *time.Location) time.Time {
	for to.Sub(from) > time.Second {
		middle := from.Add(to.Sub(from) / 2).Truncate(time.Second)
		if offset(middle, zone) == before {
			from = middle
		} else {
			to = middle
		}
	}
	return to
}
