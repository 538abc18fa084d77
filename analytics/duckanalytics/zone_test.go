package duckanalytics_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// TestZones: a time in a zone is the same instant, and shows the clocks there.
func TestZones(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake())
	const (
		tokyo  = "(from_unixtime(1600000000) AT TIME ZONE 'Asia/Tokyo')" // 21:26:40 there
		rows   = " FROM (VALUES (1600000000, '2020-09-13T23:26:40-02:00', 'Asia/Tokyo'), (1600000001, '2020-09-14T01:26:41Z', 'UTC')) AS v(ts, iso, zone)"
		late   = "from_iso8601_timestamp('2020-09-13T23:26:40-02:00')"
		parsed = "parse_datetime('2020-09-13 23:26:40-0200', 'yyyy-MM-dd HH:mm:ssZ')"
	)
	for _, test := range []struct{ expression, want string }{
		// comparisons and arithmetic
		{"from_unixtime(1768026601) > (current_timestamp AT TIME ZONE 'Asia/Tokyo') - interval '1' hour", "true"}, {tokyo + " = from_unixtime(1600000000)", "true"}, {tokyo + " = timestamp '2020-09-13 12:26:40 UTC'", "true"}, {tokyo + " = timestamp '2020-09-13 14:26:40 +02:00'", "true"},
		{tokyo + " BETWEEN timestamp '2020-09-13 12:00:00' AND timestamp '2020-09-13 13:00:00'", "true"}, {"to_unixtime(" + tokyo + ")", "1.6E9"}, {"date_diff('minute', " + tokyo + ", from_unixtime(1600000060))", "1"}, {tokyo + " - from_unixtime(1599999999)", "0 00:00:01.000"},
		{"count(*)" + rows + " WHERE from_unixtime(ts) AT TIME ZONE 'Asia/Tokyo' > from_unixtime(1600000000)", "1"}, {"min(from_unixtime(ts, 'Asia/Tokyo')) = from_unixtime(1600000000)" + rows, "true"}, {"CAST(" + tokyo + " AS timestamp)", "2020-09-13 12:26:40.000"},
		{"to_unixtime(" + late + ") = to_unixtime(timestamp '2020-09-14 01:26:40')", "true"}, {"to_unixtime(" + parsed + ") = to_unixtime(timestamp '2020-09-14 01:26:40')", "true"}, {"count(*)" + rows + " WHERE from_iso8601_timestamp(iso) > timestamp '2020-09-14 01:26:40'", "1"},
		{"date_diff('day', timestamp '2020-09-13 23:00:00 Asia/Tokyo', timestamp '2020-09-14 22:59:00 Asia/Tokyo')", "0"}, {"date_diff('day', timestamp '2020-03-28 12:00:00 Europe/Berlin', timestamp '2020-03-29 12:00:00 Europe/Berlin')", "1"},

		// the clocks there
		{"hour(" + tokyo + ")", "21"}, {"extract(hour FROM " + tokyo + ")", "21"}, {"day(timestamp '2020-09-13 22:00:00' AT TIME ZONE 'Asia/Tokyo')", "14"}, {"date(timestamp '2020-09-13 22:00:00' AT TIME ZONE 'Asia/Tokyo')", "2020-09-14"}, {"day_of_week(timestamp '2020-09-13 22:00:00' AT TIME ZONE 'Asia/Tokyo')", "1"},
		{"CAST(timestamp '2020-09-13 22:00:00' AT TIME ZONE 'Asia/Tokyo' AS date)", "2020-09-14"}, {"CAST(" + tokyo + " AS varchar)", "2020-09-13 21:26:40.000 Asia/Tokyo"}, {"date_format(" + tokyo + ", '%H:%i')", "21:26"}, {"format_datetime(" + tokyo + ", 'HH:mm ZZZ')", "21:26 Asia/Tokyo"}, {"format_datetime(" + late + ", 'HH:mm Z ZZ')", "23:26 -0200 -02:00"},
		{"to_iso8601(" + tokyo + ")", "2020-09-13T21:26:40.000+09:00"}, {"to_iso8601(" + late + ")", "2020-09-13T23:26:40.000-02:00"}, {"to_iso8601(timestamp '2020-01-01 00:00:00' AT TIME ZONE 'America/St_Johns')", "2019-12-31T20:30:00.000-03:30"},
		{"date(" + late + ")", "2020-09-13"}, {"hour(" + late + ")", "23"}, {"date(" + parsed + ")", "2020-09-13"}, {"array_agg(date(from_iso8601_timestamp(iso)))" + rows, "[2020-09-13, 2020-09-14]"}, {"array_agg(hour(parse_datetime(iso, 'yyyy-MM-dd''T''HH:mm:ssZ')))" + rows, "[23, 1]"},
		{"array_agg(to_iso8601(from_iso8601_timestamp(iso)))" + rows, "[2020-09-13T23:26:40.000-02:00, 2020-09-14T01:26:41.000Z]"}, {"array_agg(CAST(from_iso8601_timestamp(iso) AS varchar))" + rows, "[2020-09-13 23:26:40.000 -02:00, 2020-09-14 01:26:41.000 UTC]"},
		{"array_agg(hour(from_unixtime(ts, zone)))" + rows, "[21, 12]"}, {"array_agg(CAST(from_unixtime(ts) AT TIME ZONE zone AS varchar))" + rows, "[2020-09-13 21:26:40.000 Asia/Tokyo, 2020-09-13 12:26:41.000 UTC]"},

		// what has a zone keeps it
		{tokyo, "2020-09-13 21:26:40.000 Asia/Tokyo"}, {tokyo + " + interval '1' day", "2020-09-14 21:26:40.000 Asia/Tokyo"}, {"interval '1' hour + " + tokyo, "2020-09-13 22:26:40.000 Asia/Tokyo"}, {tokyo + " AT TIME ZONE 'Europe/Berlin'", "2020-09-13 14:26:40.000 Europe/Berlin"}, {tokyo + " AT TIME ZONE 'UTC'", "2020-09-13 12:26:40.000 UTC"},
		{"at_timezone(" + tokyo + ", '-03:30')", "2020-09-13 08:56:40.000 -03:30"}, {"from_unixtime(1600000000, 'UTC')", "2020-09-13 12:26:40.000 UTC"}, {"timestamp '2020-09-13 12:26:40 UTC'", "2020-09-13 12:26:40.000 UTC"}, {"timestamp '2020-09-13 12:26 Asia/Tokyo'", "2020-09-13 12:26:00.000 Asia/Tokyo"}, {"timestamp '2020-09-13 +02:00'", "2020-09-13 00:00:00.000 +02:00"},
		{"with_timezone(timestamp '2020-09-13 12:26:40', '+05:30')", "2020-09-13 12:26:40.000 +05:30"}, {"date_trunc('day', " + tokyo + ")", "2020-09-13 00:00:00.000 Asia/Tokyo"}, {"date_trunc('day', timestamp '2020-09-13 22:00:00' AT TIME ZONE 'Asia/Tokyo')", "2020-09-14 00:00:00.000 Asia/Tokyo"}, {"date_trunc('hour', timestamp '2020-01-01 00:10:00' AT TIME ZONE 'Asia/Kolkata')", "2020-01-01 05:00:00.000 Asia/Kolkata"},
		{"date_trunc('day', " + late + ")", "2020-09-13 00:00:00.000 -02:00"}, {"date_add('day', 1, timestamp '2020-03-28 12:00:00 Europe/Berlin')", "2020-03-29 12:00:00.000 Europe/Berlin"}, {"date_add('hour', 24, timestamp '2020-03-28 12:00:00 Europe/Berlin')", "2020-03-29 13:00:00.000 Europe/Berlin"}, {"timestamp '2020-03-01 00:30:00 Europe/Berlin' + interval '1' month", "2020-04-01 00:30:00.000 Europe/Berlin"},
		{"date_trunc('hour', timestamp '2020-10-25 01:30:00' AT TIME ZONE 'Europe/Berlin') = timestamp '2020-10-25 01:00:00'", "true"}, {"date_trunc('hour', timestamp '2020-10-25 00:30:00' AT TIME ZONE 'Europe/Berlin') = timestamp '2020-10-25 00:00:00'", "true"},
		{"max(from_unixtime(ts, 'Asia/Tokyo'))" + rows, "2020-09-13 21:26:41.000 Asia/Tokyo"}, {"coalesce(" + tokyo + ", NULL)", "2020-09-13 21:26:40.000 Asia/Tokyo"}, {"if(true, " + tokyo + ")", "2020-09-13 21:26:40.000 Asia/Tokyo"}, {"if(true, " + tokyo + ", " + late + ")", "2020-09-13 12:26:40.000 UTC"}, {"TRY(" + tokyo + ")", "2020-09-13 21:26:40.000 Asia/Tokyo"},
		{"max(max(from_unixtime(ts, 'Asia/Tokyo'))) OVER ()" + rows, "2020-09-13 21:26:41.000 Asia/Tokyo"}, {"from_unixtime(NULL, 'Asia/Tokyo')", "NULL"}, {late, "2020-09-13 23:26:40.000 -02:00"}, {parsed, "2020-09-13 23:26:40.000 -02:00"},
	} {
		t.Run(test.expression, func(t *testing.T) {
			t.Parallel()
			requireValue(t, engine, test.expression, test.want)
		})
	}
	for _, sql := range []string{
		"SELECT now() AT TIME ZONE 'Nowhere/Town'", "SELECT now() AT TIME ZONE ''' || secret || '''", "SELECT now() AT TIME ZONE '+99:00'", "SELECT 1 WHERE now() > now() AT TIME ZONE 'Nowhere'", "SELECT timestamp '2020-09-13 12:26:40 Nowhere'", "SELECT format_datetime(now() AT TIME ZONE 'Asia/Tokyo', 'Z')",
	} {
		_, err := ask(t, engine, acme, sql)
		require.ErrorIs(t, err, analytics.ErrSQL, sql)
	}
}

// TestZonesOfColumns: each column of a result has its own zone, and rows are
// ordered by the instant.
func TestZonesOfColumns(t *testing.T) {
	t.Parallel()
	l := newLake()
	l.json(t, acme, "s", "2026-01-10", `{"ts":1603584000}`, `{"ts":1603587600}`, `{"ts":1603591200}`)
	got, err := ask(t, inProcess(t, l), acme, `SELECT from_unixtime(ts, 'Asia/Tokyo') AS tokyo, *, from_unixtime(ts, 'Europe/Berlin') AS "it's", current_time, json_parse('[1, 2]') FROM s ORDER BY "it's" DESC`)
	require.NoError(t, err)
	require.Equal(t, `"tokyo","ts","__dt","it's","_col4","_col5"
"2020-10-25 11:00:00.000 Asia/Tokyo","1603591200","2026-01-10 00:00:00.000","2020-10-25 03:00:00.000 Europe/Berlin","07:30:00.000 UTC","[1,2]"
"2020-10-25 10:00:00.000 Asia/Tokyo","1603587600","2026-01-10 00:00:00.000","2020-10-25 02:00:00.000 Europe/Berlin","07:30:00.000 UTC","[1,2]"
"2020-10-25 09:00:00.000 Asia/Tokyo","1603584000","2026-01-10 00:00:00.000","2020-10-25 02:00:00.000 Europe/Berlin","07:30:00.000 UTC","[1,2]"
`, got)
}
