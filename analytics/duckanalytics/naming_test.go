package duckanalytics_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
)

// TestNaming is about the header of what has no name, or the same as another.
func TestNaming(t *testing.T) {
	t.Parallel()
	l := words(t)
	l.json(t, acme, "d", "2026-01-10", `{"device":"a","device_2":"x","obj":{"device_9":3}}`)
	engine := inProcess(t, l, func(o *workeranalytics.Options) { o.AllowWith = true })
	wantAnswers(t, engine, []answerTest{
		{"select * from (select count(*), max(temp) from s)", "'_col0','_col1';'2','3'"},
		{"select x.* from (select count(*), max(temp) from s) x", "'_col0','_col1';'2','3'"},
		{"select 1 a, x.*, 2 from (select count(*), max(temp) b from s) x", "'a','_col1','b','_col3';'1','2','3','2'"},
		{"select * from (select DEVICE, max(Temp) Hottest from s group by device order by max(temp)) limit 1", "'device','Hottest';'a','1'"},
		{"select * from (select sum(temp) from s union all select 1) order by 1", "'_col0';'1';'4'"},
		{"select * from (select count(*) from s) a, (select sum(temp) from s) b", "'_col0','_col1';'2','4'"},
		{"select * from (select * from (select count(*) from s) a, (select sum(temp) from s) b)", "'_col0','_col1';'2','4'"},
		{"with x as (select count(*), 1 one from s) select * from x", "'_col0','one';'2','1'"},
		{"with x(n) as (select count(*) from s) select * from x", "'n';'2'"},
		{"select n from (select count(*) from s) x(n) where n in (select 1 + 1)", "'n';'2'"},
		{"values (1, 'a')", "'_col0','_col1';'1','a'"},
		{"values (1, 'a'), (2, 'b') order by 1 desc limit 1", "'_col0','_col1';'2','b'"},
		{"select * from (values (1, 'a'))", "'_col0','_col1';'1','a'"},
		{"select t.*, t.x from (values (1, 'a')) as t(x, y)", "'x','y','x';'1','a','1'"},
		{"values (1) union all select 2 union all values (3) order by 1", "'_col0';'1';'2';'3'"},
		{"select * from (select a.device, a.temp, d.* from s a join d on a.device = d.device)", "'device','temp','device','device_2','obj','__dt';'a','1','a','x','{device_9=3}','2026-01-10 00:00:00.000'"},
		{"select * from (select 1 device_1, a.device, b.device from s a join s b on a.temp = b.temp) where device = 'a'", "'device_1','device','device';'1','a','a'"},
		{"select * from (select * from (select temp, temp from s where temp > 1) a, (select temp, temp from s where temp > 1) b)", "'temp','temp','temp','temp';'3','3','3','3'"},
		{"select obj.* from d", "'device_9';'3'"},
	})
	_, err := ask(t, engine, acme, "select _col0 from (select count(*) from s)")
	require.ErrorContains(t, err, `there is no column "_col0"`)
}

// TestNoColumn names the column that there is not.
func TestNoColumn(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, words(t))
	for sql, want := range map[string]string{
		"select nocol from s":                            `there is no column "nocol"`,
		"select NoCol from s":                            `there is no column "NoCol"`,
		"select nocol + 1 from s":                        `there is no column "nocol"`,
		"select temp from s where nocol > 1":             `there is no column "nocol"`,
		"select temp from s group by nocol":              `there is no column "nocol"`,
		"select x.nocol from s x":                        `there is no column "nocol" in "x"`,
		"select late, temp + 1 late2, late2 late from s": `there is no column "late"`,
	} {
		_, err := ask(t, engine, acme, sql)
		require.ErrorIs(t, err, analytics.ErrSQL, sql)
		require.ErrorContains(t, err, want, sql)
		require.NotContains(t, err.Error(), "SELECT clause", sql)
	}
}
