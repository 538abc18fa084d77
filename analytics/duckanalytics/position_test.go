package duckanalytics_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// words is a data store whose columns have names that are keywords of DuckDB.
func words(t *testing.T) *lake {
	t.Helper()
	l := newLake()
	l.json(t, acme, "s", "2026-01-10",
		`{"device":"a","temp":1,"window":5,"offset":1,"default":2,"limit":3,"desc":4,"array":[7,8],"at":6,"all":9,"map":{"k":1},"to":"x","asc":0}`,
		`{"device":"b","temp":3,"window":6,"offset":2,"default":3,"limit":4,"desc":5,"array":[9],"at":7,"all":8,"map":{"k":2},"to":"y","asc":0}`)
	l.json(t, acme, "window", "2026-01-10", `{"n":1}`)
	return l
}

type answerTest struct{ sql, want string }

// wantAnswers compares answers, with ; in place of line ends and ' in place of ".
func wantAnswers(t *testing.T, engine analytics.Engine, tests []answerTest) {
	t.Helper()
	for _, test := range tests {
		got, err := ask(t, engine, acme, test.sql)
		require.NoError(t, err, test.sql)
		require.Equal(t, test.want, strings.NewReplacer("\n", ";", `"`, "'").Replace(strings.TrimSuffix(got, "\n")), test.sql)
	}
}

// TestAliases needs no AS, whatever the word.
func TestAliases(t *testing.T) {
	t.Parallel()
	wantAnswers(t, inProcess(t, words(t)), []answerTest{
		{"select max(temp) temp from s", "'temp';'3'"},
		{"select date_trunc('day', __dt) day, hour(__dt) hour, count(*) value from s group by 1, 2", "'day','hour','value';'2026-01-10 00:00:00.000','0','2'"},
		{"select 1 name, 2 type, 3 level, 4 time, 5 timestamp, 6 location, 7 Class", "'name','type','level','time','timestamp','location','Class';'1','2','3','4','5','6','7'"},
		{"select 1 zone, 2 range, 3 filter, 4 over, 5 window, 6 limit, 7 desc, 8 at, 9 interval", "'zone','range','filter','over','window','limit','desc','at','interval';'1','2','3','4','5','6','7','8','9'"},
		{"select 'a'value, (1)day, array[1]type, \"temp\"hour, 1.5 e from s limit 1", "'value','day','type','hour','e';'a','1','[1]','1','1.5'"},
		{"select case temp when 1 then 'x' else device end state from s order by temp", "'state';'x';'b'"},
		{"select case when temp > 1 then 1 end end_time, cast(temp as double) double from s order by temp", "'end_time','double';,'1.0';'1','3.0'"},
		{"select extract(day from __dt) day, temp is not null known, temp is distinct from 1 other from s limit 1", "'day','known','other';'10','true','false'"},
		{"select timestamp '2026-01-10 07:00:00' time, date '2026-01-10' date, interval '1' day day, interval '1' day", "'time','date','day','_col3';'2026-01-10 07:00:00.000','2026-01-10','1 00:00:00.000','1 00:00:00.000'"},
		{"select count(*) filter (where temp > 1) filter, sum(temp) over (partition by device order by temp desc) value from s group by device, temp order by 2", "'filter','value';'0','1';'1','3'"},
		{"select (select max(temp) value from s) month union all select 1 year order by month", "'month';'1';'3'"},
		{"select source.temp version from (select temp from s) source order by source.temp desc nulls last", "'version';'3';'1'"},
		{"select window.temp from s window join s only on window.temp = only.temp where window.temp > 1", "'temp';'3'"},
		{"select a.temp from s as window, s a where a.temp = window.temp and window.offset = 1", "'temp';'1'"},
		{"select at.temp at, __dt at from s at limit 1", "'at','at';'1','2026-01-10 00:00:00.000'"},
		{"select count(at) at from (select __dt at time zone 'UTC' at from s)", "'at';'2'"},
		{"select limit.n from (select temp n from s) limit limit 1 -- limit", "'n';'1'"},
		{"select desc.window, x from s cross join unnest(sequence(1, 1)) window (x) join s desc on x = desc.temp", "'window','x';'5','1';'5','1'"},
	})
}

// TestNames are keywords of DuckDB alone.
func TestNames(t *testing.T) {
	t.Parallel()
	wantAnswers(t, inProcess(t, words(t)), []answerTest{
		{"select avg(window), max(offset + default) from s", "'_col0','_col1';'5.5','5'"},
		{"select WINDOW, Limit limit, desc desc, at at, to from s order by desc desc, limit limit 1", "'window','limit','desc','at','to';'6','4','5','7','y'"},
		{"select all, array, array[1], map, (desc) from s where all > 8 and 3 = limit", "'all','array','_col2','map','desc';'9','[7, 8]','[1]','{k=1}','4'"},
		{"select all from s order by \"all\" limit all", "'all';'8';'9'"},
		{"select all temp from s union all select all 7 order by 1 desc limit 1", "'temp';'7'"},
		{"select count(all temp), count(all), max(array[1]) from s group by all default, asc having max(limit) > 3", "'_col0','_col1','_col2';'1','1','[1]'"},
		{"select default from s where default between limit - 1 and at and at not in (desc) order by offset offset 1", "'default';'3'"},
		{"select n from window", "'n';'1'"},
		{"select transform(array[1, 2], at -> at + 1) from s where window = 5", "'_col0';'[2, 3]'"},
		{"select cast(row(1, array[2]) as row(window int, array array(int)))", "'_col0';'{window=1, array=[2]}'"},
		{"select count(zone), max(at) from (select __dt at time zone 'UTC' zone, at at from s where at > 6)", "'_col0','_col1';'1','7'"},
		{"select 1 = any (select temp from s), 4 > all (select temp from s), trim(to) from s limit 1", "'_col0','_col1','_col2';'true','true','x'"},
	})
}
