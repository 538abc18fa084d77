package duckanalytics

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// intervalPatterns are texts of intervals of several units: the groups are the
// numbers of these. The last may have a fraction.
var intervalPatterns = map[string]struct {
	pattern *regexp.Regexp
	units   []int64
}{
	"year month":    {regexp.MustCompile(`^(\d+)-(\d+)$`), []int64{12, 1}},
	"day hour":      {regexp.MustCompile(`^(\d+) (\d+)$`), []int64{86400, 3600}},
	"day minute":    {regexp.MustCompile(`^(\d+) (\d+):(\d+)$`), []int64{86400, 3600, 60}},
	"day second":    {regexp.MustCompile(`^(\d+) (\d+):(\d+):(\d+)(\.\d{1,3})?$`), []int64{86400, 3600, 60, 1}},
	"hour minute":   {regexp.MustCompile(`^(\d+):(\d+)$`), []int64{3600, 60}},
	"hour second":   {regexp.MustCompile(`^(\d+):(\d+):(\d+)(\.\d{1,3})?$`), []int64{3600, 60, 1}},
	"minute second": {regexp.MustCompile(`^(\d+):(\d+)(\.\d{1,3})?$`), []int64{60, 1}},
}

// maxIntervalNumber keeps the sum of all numbers in an int64.
const maxIntervalNumber = 1e9

// interval writes INTERVAL '1 02:03:04' DAY TO SECOND, whose words begin at i, in
// one unit. It returns the last of them, or 0 if there is no such interval.
func interval(all []token, i int) (written string, end int, err error) {
	words, ends := wordsFrom(all, i+1, 5)
	sign := ""
	if len(words) > 0 && (words[0].is("-") || words[0].is("+")) {
		sign = strings.TrimPrefix(words[0].text, "+")
		words, ends = words[1:], ends[1:]
	}
	if len(words) < 4 || words[0].kind != tokenString || !words[2].is("to") {
		return "", 0, nil
	}
	known, ok := intervalPatterns[strings.ToLower(words[1].text+" "+words[3].text)]
	if !ok {
		return "", 0, nil
	}
	value := strings.TrimSpace(words[0].text[1 : len(words[0].text)-1])
	if rest, negative := strings.CutPrefix(value, "-"); negative {
		value, sign = rest, map[string]string{"": "-", "-": ""}[sign]
	}
	numbers := known.pattern.FindStringSubmatch(value)
	if numbers == nil {
		return "", 0, fmt.Errorf("%w: the interval %s %s to %s", analytics.ErrSQL, words[0].text, words[1].text, words[3].text)
	}
	sum := int64(0)
	for place, unit := range known.units {
		number, err := strconv.ParseInt(numbers[1+place], 10, 64)
		if err != nil || number > maxIntervalNumber {
			return "", 0, fmt.Errorf("%w: the interval %s", analytics.ErrSQL, words[0].text)
		}
		sum += number * unit
	}
	unit, fraction := "second", strings.Join(numbers[1+len(known.units):], "")
	if known.units[0] == 12 {
		unit = "month"
	}
	return fmt.Sprintf("interval '%s%d%s' %s", sign, sum, fraction, unit), ends[3], nil
}

// wordsFrom are at most n tokens that are no blanks, and where they are.
func wordsFrom(all []token, i, n int) (words []token, places []int) {
	for ; i < len(all) && len(words) < n; i++ {
		if all[i].kind != tokenSpace {
			words, places = append(words, all[i]), append(places, i)
		}
	}
	return words, places
}
