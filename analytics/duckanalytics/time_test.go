package duckanalytics_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTimes is about reading and writing times.
func TestTimes(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake())
	for _, test := range []struct{ expression, want string }{
		{"parse_datetime('2020-09-13T12:26:40.123Z', 'yyyy-MM-dd''T''HH:mm:ss.SSSZ')", "2020-09-13 12:26:40.123 UTC"},
		{"to_unixtime(parse_datetime('2020-09-13T12:26:40.123+02:00', 'yyyy-MM-dd''T''HH:mm:ss.SSSZ'))", "1.599992800123E9"},
		{"parse_datetime('12:26', 'HH:mm')", "1970-01-01 12:26:00.000 UTC"}, {"parse_datetime('02-03', 'MM-dd')", "2000-02-03 00:00:00.000 UTC"},
		{"date_parse('12:26', '%H:%i')", "1970-01-01 12:26:00.000"}, {"date_parse('12:26:40', '%T')", "1970-01-01 12:26:40.000"}, {"date_parse('02-03', '%m-%d')", "2000-02-03 00:00:00.000"}, {"date_parse('2020', '%Y')", "2020-01-01 00:00:00.000"}, {"date_parse('20', '%y')", "2020-01-01 00:00:00.000"},
		{"TRY(date_parse('x', '%H'))", "NULL"},
		{"date '2020-01-03' - date '2020-01-01'", "2 00:00:00.000"}, {"date '2020-01-03' - (current_date - interval '1' day) < interval '1' day", "true"},
		{"current_time", "07:30:00.000 UTC"}, {"localtime", "07:30:00.000"}, {"current_time > time '07:00:00'", "true"},
		{"to_iso8601(timestamp '2020-09-13 12:26:40')", "2020-09-13T12:26:40.000Z"}, {"to_iso8601(from_unixtime(0))", "1970-01-01T00:00:00.000Z"}, {"to_iso8601(t) FROM (VALUES (timestamp '2020-09-13 12:26:40')) AS v(t)", "2020-09-13T12:26:40.000Z"},
		{"to_iso8601(t) FROM (VALUES (date '2020-09-13')) AS v(t)", "2020-09-13"},
		{"from_iso8601_timestamp('2020-09-13T12:26Z')", "2020-09-13 12:26:00.000 UTC"}, {"from_iso8601_timestamp('2020-09-13T12Z')", "2020-09-13 12:00:00.000 UTC"}, {"from_iso8601_timestamp('2020-09-13T12:26:40,5Z')", "2020-09-13 12:26:40.500 UTC"},
		{"from_iso8601_timestamp('2020-09-13T12:26:40.1234567Z')", "2020-09-13 12:26:40.123 UTC"}, {"from_iso8601_timestamp('2020-09')", "2020-09-01 00:00:00.000 UTC"}, {"from_iso8601_timestamp('2020')", "2020-01-01 00:00:00.000 UTC"},
		{"from_iso8601_timestamp(t) FROM (VALUES ('2020-09-13T12:26Z')) AS v(t)", "2020-09-13 12:26:00.000 UTC"}, {"from_iso8601_timestamp(t) FROM (VALUES ('2020-09-13T12:26:40.5Z')) AS v(t)", "2020-09-13 12:26:40.500 UTC"},
		{"TRY(from_iso8601_timestamp(t)) FROM (VALUES ('2020-09-13 12:26:40')) AS v(t)", "NULL"}, {"TRY(from_iso8601_timestamp('x'))", "NULL"}, {"from_iso8601_timestamp(NULL)", "NULL"},
	} {
		t.Run(test.expression, func(t *testing.T) {
			t.Parallel()
			requireValue(t, engine, test.expression, test.want)
		})
	}
	_, err := ask(t, engine, acme, "SELECT from_iso8601_timestamp('2020-09-13 12:26:40')")
	require.Error(t, err)
}

// The output that shows a time of day keeps its name.
func TestCurrentTime(t *testing.T) {
	t.Parallel()
	got, err := ask(t, inProcess(t, newLake()), acme, "SELECT current_time AS x, current_time, localtime AS y")
	require.NoError(t, err)
	require.Equal(t, "\"x\",\"_col1\",\"y\"\n\"07:30:00.000 UTC\",\"07:30:00.000 UTC\",\"07:30:00.000\"\n", got)
}
