package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var (
	months = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	days   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

// cronFields are those of a schedule, in order.
var cronFields = []struct {
	name        string
	least, most int
	words       []string
	special     string // further characters at the end of a value
}{
	{"minutes", 0, 59, nil, ""}, {"hours", 0, 23, nil, ""}, {"day of the month", 1, 31, nil, "LW?"}, {"month", 1, 12, months, ""},
	{"day of the week", 1, 7, days, "L?#"}, {"year", 1970, 2199, nil, ""},
}

// checkSchedule checks cron(0/15 * * * ? *) or rate(5 minutes).
func checkSchedule(text string) error {
	if inner, ok := within(text, "rate("); ok {
		return checkRate(inner)
	}
	inner, ok := within(text, "cron(")
	if !ok {
		return errors.New("want cron(…) or rate(…)")
	}
	fields := strings.Fields(inner)
	if len(fields) != len(cronFields) {
		return fmt.Errorf("%d fields, want %d", len(fields), len(cronFields))
	}
	for i, field := range fields {
		for part := range strings.SplitSeq(field, ",") {
			if !isCronPart(i, strings.ToUpper(part)) {
				return fmt.Errorf("%s: %q is wrong", cronFields[i].name, part)
			}
		}
	}
	const ofMonth, ofWeek = 2, 4
	if (fields[ofMonth] == "?") == (fields[ofWeek] == "?") {
		return errors.New("want '?' as either the day of the month or the day of the week")
	}
	return nil
}

func within(text, prefix string) (inner string, ok bool) {
	if inner, ok = strings.CutPrefix(text, prefix); !ok {
		return "", false
	}
	return strings.CutSuffix(inner, ")")
}

func checkRate(inner string) error {
	fields := strings.Fields(inner)
	if len(fields) != 2 {
		return errors.New("want rate(value unit)")
	}
	if n, err := strconv.Atoi(fields[0]); err != nil || n < 1 {
		return fmt.Errorf("%q: want a whole number from 1", fields[0])
	}
	if !slices.Contains([]string{"minute", "hour", "day"}, strings.TrimSuffix(fields[1], "s")) {
		return fmt.Errorf("%q: want minutes, hours or days", fields[1])
	}
	return nil
}

// isCronPart checks *, ?, a value, a range, with a step after a slash.
func isCronPart(field int, part string) bool {
	f := cronFields[field]
	if part == "?" {
		return strings.Contains(f.special, "?")
	}
	part, step, stepped := strings.Cut(part, "/")
	if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1) {
		return false
	}
	if part == "*" {
		return true
	}
	if strings.Contains(f.special, "#") {
		if day, nth, ok := strings.Cut(part, "#"); ok {
			n, err := strconv.Atoi(nth)
			return err == nil && 1 <= n && n <= 5 && isCronValue(field, day)
		}
	}
	if strings.Contains(f.special, "L") {
		if part == "L" || part == "LW" && strings.Contains(f.special, "W") {
			return true
		}
		part = strings.TrimSuffix(part, "L")
	}
	if strings.Contains(f.special, "W") {
		part = strings.TrimSuffix(part, "W")
	}
	from, to, ranged := strings.Cut(part, "-")
	return isCronValue(field, from) && (!ranged || isCronValue(field, to))
}

func isCronValue(field int, text string) bool {
	f := cronFields[field]
	n, err := strconv.Atoi(text)
	return err == nil && f.least <= n && n <= f.most || slices.Contains(f.words, text)
}
