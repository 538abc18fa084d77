package duckanalytics_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFirst(t *testing.T) {
	t.Parallel()
	l := newLake()
	l.json(t, acme, "telemetry", "2026-01-10", `{"deviceId":"a","t":1,"x":{"y":[1,2]},"__at":5}`, `{"deviceId":"b","t":2.5}`)
	engine := inProcess(t, l)
	for _, sql := range []string{
		"SELECT * FROM telemetry", "SELECT 1, deviceId, avg(t) AVG_T FROM telemetry GROUP BY deviceid ORDER BY 2",
		"SELECT current_timestamp, current_date - interval '1' day, sum(t)/count(*), 5/2, `__dt`, cardinality(x.y), concat('a','b','c') FROM telemetry GROUP BY __dt, x",
		"SELECT * FROM read_csv('/etc/passwd')", "SELECT 1/0", "SELECT 1e0/0",
	} {
		out, err := ask(t, engine, acme, sql)
		t.Log(sql, "\n", out, err)
	}
	engine = workers(t, l)
	out, err := ask(t, engine, acme, "SELECT * FROM telemetry")
	t.Log(out, err)
	require.NoError(t, err)
}
