package duckanalytics_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

var intervalTests = []struct{ expression, want string }{
	{"interval '1 02:03:04.5' day to second", "1 02:03:04.500"}, {"INTERVAL '1 02:03' DAY TO MINUTE", "1 02:03:00.000"}, {"interval '1 2' day to hour", "1 02:00:00.000"}, {"interval '26:30' hour to minute", "1 02:30:00.000"}, {"interval '1:02:03' hour to second", "0 01:02:03.000"},
	{"interval '1:02.250' minute to second", "0 00:01:02.250"}, {"interval '2-3' year to month", "2-3"}, {"interval -'1-1' year to month", "-1-1"}, {"interval '-1 00:00:01' day to second", "-1 00:00:01.000"}, {"interval - '-1 2' day to hour", "1 02:00:00.000"}, {"interval + '1 2' /* of */ day to hour", "1 02:00:00.000"},
	{"timestamp '2026-01-10 00:00:00' + interval '1 02:03:04' day to second", "2026-01-11 02:03:04.000"}, {"date '2026-01-31' + interval '0-1' year to month", "2026-02-28"}, {"interval '3' day", "3 00:00:00.000"}, {"interval '1' day = interval '0 24' day to hour", "true"},
	{"(SELECT interval FROM (SELECT 1 AS interval))", "1"}, {"to_milliseconds(interval '0 00:00:01.5' day to second)", "1500"},
}

func TestIntervals(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake())
	for _, test := range intervalTests {
		t.Run(test.expression, func(t *testing.T) {
			t.Parallel()
			requireAnswer(t, engine, test.expression, test.want)
		})
	}
	for _, expression := range []string{
		"interval '1' day to second", "interval '1 2 3' day to hour", "interval 'x' year to month", "interval '1 99999999999999999999' day to hour", "interval '1 9999999999' day to hour", "interval '1:2' second to minute", "interval '1 2' day to", "interval '1''; DROP' day to hour", "interval '1 2' day to fortnight",
	} {
		_, err := ask(t, engine, acme, "SELECT "+expression)
		require.ErrorIs(t, err, analytics.ErrSQL, expression)
	}
}
