package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/analytics/pipeline"
)

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestScheduleTimes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ expression, from, next, previous string }{
		{"cron(0/15 * * * ? *)", "2026-01-10 10:20:30", "2026-01-10 10:30:00", "2026-01-10 10:15:00"},
		{"cron(0/15 * * * ? *)", "2026-01-10 10:30:00", "2026-01-10 10:45:00", "2026-01-10 10:15:00"},
		{"cron(0/15 * * * ? *)", "2025-12-31 23:50:00", "2026-01-01 00:00:00", "2025-12-31 23:45:00"},
		{"cron(15 10 ? * MON-FRI *)", "2026-01-10 00:00:00", "2026-01-12 10:15:00", "2026-01-09 10:15:00"}, // a Saturday
		{"cron(15 10 ? * fri-mon *)", "2026-01-13 00:00:00", "2026-01-16 10:15:00", "2026-01-12 10:15:00"},
		{"cron(0 22-2/2 * * ? *)", "2026-01-10 23:00:00", "2026-01-11 00:00:00", "2026-01-10 22:00:00"},
		{"cron(0 0 L * ? *)", "2026-02-10 00:00:00", "2026-02-28 00:00:00", "2026-01-31 00:00:00"},
		{"cron(0 0 L 2 ? *)", "2026-03-01 00:00:00", "2027-02-28 00:00:00", "2026-02-28 00:00:00"},
		{"cron(0 0 29 FEB ? *)", "2026-01-10 00:00:00", "2028-02-29 00:00:00", "2024-02-29 00:00:00"},
		{"cron(0 0 LW * ? *)", "2026-01-10 00:00:00", "2026-01-30 00:00:00", "2025-12-31 00:00:00"}, // the 31st is a Saturday
		{"cron(0 0 1W * ? *)", "2026-07-31 12:00:00", "2026-08-03 00:00:00", "2026-07-01 00:00:00"}, // the 1st is a Saturday
		{"cron(0 0 15W * ? *)", "2026-02-10 00:00:00", "2026-02-16 00:00:00", "2026-01-15 00:00:00"},
		{"cron(0 0 31W * ? *)", "2026-04-01 00:00:00", "2026-05-29 00:00:00", "2026-03-31 00:00:00"}, // not in April, and a Sunday in May
		{"cron(0 8 ? * 6L *)", "2026-01-10 00:00:00", "2026-01-30 08:00:00", "2025-12-26 08:00:00"},
		{"cron(0 8 ? * FRI#3 *)", "2026-01-10 00:00:00", "2026-01-16 08:00:00", "2025-12-19 08:00:00"},
		{"cron(0 8 ? * 1#5 *)", "2026-01-10 00:00:00", "2026-03-29 08:00:00", "2025-11-30 08:00:00"},
		{"cron(0 8 ? * L *)", "2026-01-12 00:00:00", "2026-01-17 08:00:00", "2026-01-10 08:00:00"},
		{"cron(0 8 1 * ? 2030)", "2026-01-10 00:00:00", "2030-01-01 08:00:00", ""},
		{"cron(0 8 1 * ? 2020)", "2026-01-10 00:00:00", "", "2020-12-01 08:00:00"},
		{"cron(0 8 30 2 ? *)", "2026-01-10 00:00:00", "", ""},
		{"cron(59 23 31 12 ? 1970,2199)", "2026-01-10 00:00:00", "2199-12-31 23:59:00", "1970-12-31 23:59:00"},
		{"rate(5 minutes)", "2026-01-10 10:20:30", "2026-01-10 10:22:07", "2026-01-10 10:17:07"},
		{"rate(5 minute)", "2026-01-10 10:22:07", "2026-01-10 10:27:07", "2026-01-10 10:17:07"},
		{"rate(1 hour)", "2020-01-10 10:20:30", "2020-01-10 11:17:07", "2020-01-10 10:17:07"},
		{"rate(2 days)", "2026-01-11 10:20:30", "2026-01-12 10:17:07", "2026-01-10 10:17:07"},
	} {
		schedule, err := pipeline.ParseSchedule(c.expression)
		require.NoError(t, err)
		require.Equal(t, c.expression, schedule.String())
		schedule = schedule.Anchored(at("2026-01-10 10:17:07").Add(time.Millisecond))
		requireTime(t, c.next, c.expression, func() (time.Time, bool) { return schedule.Next(at(c.from)) })
		requireTime(t, c.previous, c.expression, func() (time.Time, bool) { return schedule.Previous(at(c.from)) })
	}
	_, ok := pipeline.Schedule{}.Next(at("2026-01-10 00:00:00"))
	require.False(t, ok)
	_, ok = pipeline.Schedule{}.Previous(at("2026-01-10 00:00:00"))
	require.False(t, ok)
}

func requireTime(t *testing.T, want, what string, of func() (time.Time, bool)) {
	t.Helper()
	got, ok := of()
	require.Equal(t, want != "", ok, what)
	if ok {
		require.Equal(t, at(want), got, what)
	}
}

// A schedule has no times beyond its years, from wherever one asks.
func TestScheduleBounds(t *testing.T) {
	t.Parallel()
	schedule, err := pipeline.ParseSchedule("cron(0 0 1 1 ? *)")
	require.NoError(t, err)
	requireTime(t, "1970-01-01 00:00:00", "first", func() (time.Time, bool) { return schedule.Next(time.Time{}) })
	requireTime(t, "2199-01-01 00:00:00", "last", func() (time.Time, bool) { return schedule.Previous(at("9999-06-01 00:00:00")) })
	requireTime(t, "", "after", func() (time.Time, bool) { return schedule.Next(at("2199-01-01 00:00:00")) })
	requireTime(t, "", "before", func() (time.Time, bool) { return schedule.Previous(at("1970-01-01 00:00:00")) })
	for _, expression := range []string{"rate(1 fortnight)", "rate(36501 days)", "rate(9223372036854775807 minutes)", "rate(99999999999999999999 days)", "cron(* * ? * FRI#+1 *)", "cron(+1 * * * ? *)", "cron(*/+2 * * * ? *)",
		"cron(* * 5L * ? *)", "cron(* * ? * ?,2 *)", "cron(1-2-3 * * * ? *)", "cron(* * 1-5W * ? *)", "cron(* * L/2 * ? *)", "cron(* * * * ? 2030-2026)", "cron(, * * * ? *)"} {
		_, err := pipeline.ParseSchedule(expression)
		require.ErrorIs(t, err, pipeline.ErrSchedule, expression)
		require.Contains(t, err.Error(), expression)
	}
}

// slow decides whether a minute is in a schedule, from the text, minute by
// minute.
type slow struct{ fields []string }

func newSlow(expression string) slow {
	return slow{strings.Fields(strings.ToUpper(strings.TrimSuffix(strings.TrimPrefix(expression, "cron("), ")")))}
}

func (s slow) has(t time.Time) bool {
	return s.field(0, t.Minute(), 0, 59) && s.field(1, t.Hour(), 0, 23) && s.field(3, int(t.Month()), 1, 12) && s.field(5, t.Year(), 1970, 2199) &&
		(s.fields[2] == "?" || s.day(t)) && (s.fields[4] == "?" || s.weekday(t))
}

func (s slow) field(i, value, least, most int) bool {
	for part := range strings.SplitSeq(s.fields[i], ",") {
		if inPart(part, value, least, most) {
			return true
		}
	}
	return false
}

func number(text string) int {
	for i, name := range []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"} {
		if text == name {
			return i + 1
		}
	}
	for i := range 12 {
		if text == strings.ToUpper(time.Month(i + 1).String()[:3]) {
			return i + 1
		}
	}
	n := 0
	if _, err := fmt.Sscan(text, &n); err != nil {
		panic(text)
	}
	return n
}

// inPart counts from the beginning of a range in steps until it meets value.
func inPart(part string, value, least, most int) bool {
	part, stepText, stepped := strings.Cut(part, "/")
	step, from, to := 1, least, most
	if stepped {
		step = number(stepText)
	}
	if part != "*" {
		first, last, ranged := strings.Cut(part, "-")
		from = number(first)
		if ranged {
			to = number(last)
		} else if !stepped {
			to = from
		}
	}
	for at, count := from, 0; ; at, count = at+1, count+1 {
		if at > most {
			at = least
		}
		if count%step == 0 && at == value {
			return true
		}
		if at == to {
			return false
		}
	}
}

func isWorkday(t time.Time) bool { return t.Weekday() != time.Saturday && t.Weekday() != time.Sunday }

func (s slow) day(t time.Time) bool {
	lastDay := t.AddDate(0, 0, 1).Month() != t.Month()
	for part := range strings.SplitSeq(s.fields[2], ",") {
		switch {
		case part == "L" && lastDay:
			return true
		case part == "L":
		case part == "LW":
			ends := t
			for ends.AddDate(0, 0, 1).Month() == t.Month() {
				ends = ends.AddDate(0, 0, 1)
			}
			for !isWorkday(ends) {
				ends = ends.AddDate(0, 0, -1)
			}
			if ends.Day() == t.Day() {
				return true
			}
		case strings.HasSuffix(part, "W"):
			wanted := time.Date(t.Year(), t.Month(), number(strings.TrimSuffix(part, "W")), 0, 0, 0, 0, time.UTC)
			if wanted.Month() != t.Month() {
				continue
			}
			for _, off := range []int{0, -1, 1, -2, 2} { // the nearest in the month
				if day := wanted.AddDate(0, 0, off); day.Month() == t.Month() && isWorkday(day) {
					if day.Day() == t.Day() {
						return true
					}
					break
				}
			}
		case inPart(part, t.Day(), 1, 31):
			return true
		}
	}
	return false
}

func (s slow) weekday(t time.Time) bool {
	day := int(t.Weekday()) + 1
	for part := range strings.SplitSeq(s.fields[4], ",") {
		name, nth, numbered := strings.Cut(part, "#")
		switch {
		case part == "L":
			if day == 7 {
				return true
			}
		case numbered:
			if day == number(name) && (t.Day()-1)/7+1 == number(nth) {
				return true
			}
		case strings.HasSuffix(part, "L"):
			if day == number(strings.TrimSuffix(part, "L")) && t.AddDate(0, 0, 7).Month() != t.Month() {
				return true
			}
		case inPart(part, day, 1, 7):
			return true
		}
	}
	return false
}

// drawField draws a field of a cron schedule.
func drawField(t *rapid.T, name string, least, most int, special ...string) string {
	value := rapid.IntRange(least, most)
	part := rapid.Custom(func(t *rapid.T) string {
		switch rapid.IntRange(0, 4+len(special)).Draw(t, "form") {
		case 0:
			return fmt.Sprint(value.Draw(t, "value"))
		case 1:
			from, to := value.Draw(t, "from"), value.Draw(t, "to")
			if least == 1970 && from > to {
				from, to = to, from
			}
			return fmt.Sprintf("%d-%d", from, to)
		case 2:
			return fmt.Sprintf("%d/%d", value.Draw(t, "from"), rapid.IntRange(1, 70).Draw(t, "step"))
		case 3:
			return fmt.Sprintf("*/%d", rapid.IntRange(1, 70).Draw(t, "step"))
		case 4:
			return "*"
		default:
			return rapid.SampledFrom(special).Draw(t, "special")
		}
	})
	return strings.Join(rapid.SliceOfN(part, 1, 3).Draw(t, name), ",")
}

func drawCron(t *rapid.T) string {
	day, weekday := "?", "?"
	if rapid.Bool().Draw(t, "by weekday") {
		weekday = drawField(t, "weekday", 1, 7, "L", "6L", "SUN", "MON-FRI", "2#1", "SAT#5", "3#4")
	} else {
		day = drawField(t, "day", 1, 31, "L", "LW", "1W", "15W", "31W")
	}
	return fmt.Sprintf("cron(%s %s %s %s %s %s)", drawField(t, "minutes", 0, 59), drawField(t, "hours", 0, 23), day,
		drawField(t, "month", 1, 12, "jan", "FEB-APR", "Nov-Feb"), weekday, rapid.SampledFrom([]string{"*", "2024-2028", "2026", "2025/2"}).Draw(t, "year"))
}

// TestScheduleWalk compares with a walk, minute by minute.
func TestScheduleWalk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		expression := drawCron(t)
		schedule, err := pipeline.ParseSchedule(expression)
		if err != nil {
			t.Fatal(err)
		}
		from := time.Unix(rapid.Int64Range(at("2024-02-20 00:00:00").Unix(), at("2028-12-31 00:00:00").Unix()).Draw(t, "from"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		const walk = 24 * 60 // minutes
		naive := newSlow(expression)
		compareWalk(t, expression, from, naive, schedule.Next, from.Truncate(time.Minute).Add(time.Minute), time.Minute, walk)
		compareWalk(t, expression, from, naive, schedule.Previous, from.Add(-1).Truncate(time.Minute), -time.Minute, walk)
	})
}

func compareWalk(t *rapid.T, expression string, from time.Time, naive slow, of func(time.Time) (time.Time, bool), at time.Time, step time.Duration, minutes int) {
	got, ok := of(from)
	if ok && !naive.has(got) {
		t.Fatalf("%s from %s: %s is not in it", expression, from, got)
	}
	for range minutes {
		if naive.has(at) {
			if !ok || !got.Equal(at) {
				t.Fatalf("%s from %s: %s %v, want %s", expression, from, got, ok, at)
			}
			return
		}
		at = at.Add(step)
	}
	if ok && (step > 0 && got.Before(at) || step < 0 && got.After(at)) {
		t.Fatalf("%s from %s: %s is not in it, or too early", expression, from, got)
	}
}

// FuzzSchedule: what is read has its times in order, and next and previous agree.
func FuzzSchedule(f *testing.F) {
	for _, expression := range []string{"cron(0/15 * * * ? *)", "cron(0 8 ? * 6#3,L 2026-2030)", "cron(0,30 22-2/2 LW,15W,3 jan,Nov-FEB ? *)", "rate(5 minutes)", "rate(1 day)", "cron()", ""} {
		f.Add(expression, int64(1_768_000_000))
	}
	f.Fuzz(func(t *testing.T, expression string, seconds int64) {
		schedule, err := pipeline.ParseSchedule(expression)
		if err != nil {
			require.ErrorIs(t, err, pipeline.ErrSchedule)
			return
		}
		from := time.Unix(seconds%(1<<33), 0)
		schedule = schedule.Anchored(time.Unix(7, 0))
		next, ok := schedule.Next(from)
		if !ok {
			return
		}
		require.True(t, next.After(from))
		back, ok := schedule.Previous(next.Add(1))
		require.True(t, ok)
		require.Equal(t, next, back)
		if back, ok = schedule.Previous(next); ok {
			require.False(t, back.After(from), "there is none between")
		}
	})
}

func ExampleParseSchedule() {
	schedule, err := pipeline.ParseSchedule("cron(0/15 8-18 ? * MON-FRI *)")
	if err != nil {
		panic(err)
	}
	fmt.Println(schedule.Next(time.Date(2026, 1, 9, 18, 50, 0, 0, time.UTC))) // a Friday
	// Output: 2026-01-12 08:00:00 +0000 UTC true
}
