package analytics_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/analytics"
)

func zone(t require.TestingT, name string) *time.Location {
	location, err := time.LoadLocation(name)
	require.NoError(t, err)
	return location
}

// zones have what goes wrong with days: clocks changed at midnight, just after
// it, by half an hour, and across the date line.
var zones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia",
	"Asia/Kolkata", "America/Havana", "Africa/Cairo", "Asia/Beirut", "Pacific/Chatham", "America/Asuncion",
}

var lengths = []time.Duration{time.Millisecond, time.Second, time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, 8 * time.Hour, 24 * time.Hour}

func TestIntervalCutsTimeIntoBuckets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		interval := analytics.Interval{Zone: in, Unit: analytics.Unit(rapid.IntRange(0, int(analytics.Year)).Draw(t, "unit"))}
		if interval.Unit == 0 {
			interval.Every = rapid.SampledFrom(lengths).Draw(t, "every")
		}
		require.NoError(t, interval.Check())
		at := time.Unix(rapid.Int64Range(0, 4102444800).Draw(t, "second"), rapid.Int64Range(0, 999999999).Draw(t, "nanosecond"))
		start, end := interval.Bucket(at)
		require.False(t, at.Before(start), "%v lies before %v", at, start)
		require.True(t, at.Before(end), "%v lies after %v", at, end)
		for _, other := range []time.Time{start, end.Add(-1)} {
			s, e := interval.Bucket(other)
			require.True(t, s.Equal(start) && e.Equal(end), "%v: %v %v, want %v %v", other, s, e, start, end)
		}
		next, _ := interval.Bucket(end)
		require.True(t, next.Equal(end), "%v does not follow %v", next, end)
		if interval.Every != 0 {
			require.LessOrEqual(t, end.Sub(start), interval.Every)
		}
	})
}

// TestIntervalFollowsTheCalendar compares with a model that asks the clock: the
// day of an instant begins with the first minute at which clocks showed its
// date, or a later one.
func TestIntervalFollowsTheCalendar(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		at := time.Unix(rapid.Int64Range(0, 4102444800/60).Draw(t, "minute")*60, 0).In(in)
		latest := at.Format(time.DateOnly)
		for m := range 24 * 60 { // clocks that were set back over midnight showed a later date before
			latest = max(latest, at.Add(-time.Duration(m)*time.Minute).Format(time.DateOnly))
		}
		start, _ := analytics.Interval{Unit: analytics.Day, Zone: in}.Bucket(at)
		require.Equal(t, latest, start.Add(time.Minute-1).In(in).Format(time.DateOnly))
		require.Less(t, start.Add(-1).Format(time.DateOnly), latest)
	})
}

func TestIntervalInZones(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone     string
		interval analytics.Interval
		at       string
		start    string
		length   time.Duration
	}{
		{"Europe/Berlin", analytics.Interval{Unit: analytics.Day}, "2026-03-29T12:00:00Z", "2026-03-29T00:00:00+01:00", 23 * time.Hour},
		{"Europe/Berlin", analytics.Interval{Unit: analytics.Day}, "2026-10-25T12:00:00Z", "2026-10-25T00:00:00+02:00", 25 * time.Hour},
		{"Europe/Berlin", analytics.Interval{Unit: analytics.Week}, "2026-10-25T12:00:00Z", "2026-10-19T00:00:00+02:00", 169 * time.Hour},
		{"Europe/Berlin", analytics.Interval{Unit: analytics.Month}, "2026-03-29T12:00:00Z", "2026-03-01T00:00:00+01:00", (31*24 - 1) * time.Hour},
		{"Europe/Berlin", analytics.Interval{Unit: analytics.Quarter}, "2026-06-30T21:59:59Z", "2026-04-01T00:00:00+02:00", 91 * 24 * time.Hour},
		{"Europe/Berlin", analytics.Interval{Unit: analytics.Year}, "2026-12-31T22:59:59Z", "2026-01-01T00:00:00+01:00", 365 * 24 * time.Hour},
		// The hour that clocks show twice is two buckets.
		{"Europe/Berlin", analytics.Interval{Every: time.Hour}, "2026-10-25T00:30:00Z", "2026-10-25T02:00:00+02:00", time.Hour},
		{"Europe/Berlin", analytics.Interval{Every: time.Hour}, "2026-10-25T01:30:00Z", "2026-10-25T02:00:00+01:00", time.Hour},
		// The last bucket of a day of 25 hours.
		{"Europe/Berlin", analytics.Interval{Every: 6 * time.Hour}, "2026-10-25T22:30:00Z", "2026-10-25T23:00:00+01:00", time.Hour},
		// There was no midnight.
		{"America/Sao_Paulo", analytics.Interval{Unit: analytics.Day}, "2018-11-04T12:00:00Z", "2018-11-04T01:00:00-02:00", 23 * time.Hour},
		// There were two.
		{"America/Havana", analytics.Interval{Unit: analytics.Day}, "2026-11-01T12:00:00Z", "2026-11-01T00:00:00-04:00", 25 * time.Hour},
		// There was no 30 December.
		{"Pacific/Apia", analytics.Interval{Unit: analytics.Day}, "2011-12-30T09:00:00Z", "2011-12-29T00:00:00-10:00", 24 * time.Hour},
		{"Asia/Kolkata", analytics.Interval{Every: time.Hour}, "2026-03-01T12:00:00Z", "2026-03-01T17:00:00+05:30", time.Hour},
		{"UTC", analytics.Interval{Every: 15 * time.Minute}, "2026-03-01T12:14:59.999Z", "2026-03-01T12:00:00Z", 15 * time.Minute},
	} {
		at, err := time.Parse(time.RFC3339Nano, c.at)
		require.NoError(t, err)
		c.interval.Zone = zone(t, c.zone)
		start, end := c.interval.Bucket(at)
		require.Equal(t, c.start, start.Format(time.RFC3339), "%s %s", c.zone, c.at)
		require.Equal(t, c.length, end.Sub(start), "%s %s", c.zone, c.at)
	}
}

func TestIntervalCheck(t *testing.T) {
	t.Parallel()
	for _, bad := range []analytics.Interval{
		{}, {Every: time.Hour, Unit: analytics.Day}, {Unit: analytics.Year + 1}, {Every: -time.Hour}, {Every: 7 * time.Hour}, {Every: 48 * time.Hour}, {Every: time.Microsecond},
	} {
		require.ErrorIs(t, bad.Check(), analytics.ErrQuery, "%+v", bad)
	}
}
