package duckanalytics_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/duckanalytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// fill makes a lake of the data of the suite.
func fill(t *testing.T, data analyticstest.EngineData) (*lakeanalytics.Lake, *memanalytics.Objects) {
	t.Helper()
	needDuckDB(t)
	objects := memanalytics.NewObjects()
	l := lakeanalytics.New(objects, tenant.RandomCursorKeys())
	for id, stores := range data {
		for name, lines := range stores {
			table := analytics.Table{TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: name}, Format: pipeline.FormatJSON}
			require.NoError(t, l.Declare(t.Context(), id, table))
			for _, line := range lines {
				_, err := l.Append(t.Context(), id, table.TableID, []analytics.Row{{At: now, Payload: []byte(line)}})
				require.NoError(t, err)
			}
		}
	}
	return l, objects
}

func TestInProcess(t *testing.T) {
	t.Parallel()
	analyticstest.TestEngine(t, func(t *testing.T, data analyticstest.EngineData) analytics.Engine {
		l, objects := fill(t, data)
		engine := duckanalytics.NewInProcess(l, objects, func(o *duckanalytics.Options) { o.Dir = t.TempDir() })
		t.Cleanup(func() { require.NoError(t, engine.Close()) })
		return engine
	})
}

func TestWorkers(t *testing.T) {
	t.Parallel()
	analyticstest.TestEngine(t, func(t *testing.T, data analyticstest.EngineData) analytics.Engine {
		l, objects := fill(t, data)
		engine := duckanalytics.New(l, objects, func(o *duckanalytics.Options) { o.Dir, o.Command = t.TempDir(), workerCommand() })
		t.Cleanup(func() { require.NoError(t, engine.Close()) })
		return engine
	})
}

func TestNoCommand(t *testing.T) {
	t.Parallel()
	l := newLake()
	engine := duckanalytics.New(l, l)
	_, err := ask(t, engine, acme, "SELECT 1")
	require.ErrorIs(t, err, iotenant.ErrUnsupported)
	require.NoError(t, engine.Close())
	_, err = ask(t, engine, acme, "SELECT 1")
	require.ErrorIs(t, err, analytics.ErrClosed)

	engine = duckanalytics.New(l, l, func(o *duckanalytics.Options) { o.Command = []string{"/nothing/there"} })
	_, err = ask(t, engine, acme, "SELECT 1")
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.NoError(t, engine.Close())
}

// TestMissingFunctions wants those that are left out to be named.
func TestMissingFunctions(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake())
	_, err := ask(t, engine, acme, "SELECT numeric_histogram(2, 1.0)")
	require.ErrorIs(t, err, analytics.ErrSQL)
	require.ErrorContains(t, err, "the function numeric_histogram of Presto is not supported here")
}

// TestWith is about the option.
func TestWith(t *testing.T) {
	t.Parallel()
	l := newLake()
	l.json(t, acme, "telemetry", "2026-01-10", `{"n":1}`)
	const sql = "WITH x AS (SELECT n + 1 AS m FROM telemetry) SELECT m FROM x"
	_, err := ask(t, inProcess(t, l), acme, sql)
	require.ErrorContains(t, err, "WITH is not open to a data set")
	got, err := ask(t, inProcess(t, l, func(o *duckanalytics.Options) { o.AllowWith = true }), acme, sql)
	require.NoError(t, err)
	require.Equal(t, "\"m\"\n\"2\"\n", got)
}

// TestInference is about the columns of JSON.
func TestInference(t *testing.T) {
	t.Parallel()
	l := newLake()
	l.json(t, acme, "mixed", "2026-01-10",
		`{"widened":1,"text":1,"object":{"a":1},"array":[1,"x"],"deep":{"a":{"b":[1,2.5]}},"Spelled":1,"__at":1,"__thing":"x","big":9223372036854775808}`,
		`{"widened":1.5,"text":"x","object":"y","array":[2],"deep":{"a":{"c":null}},"spelled":2,"nothing":null}`)
	got, err := ask(t, inProcess(t, l), acme, "SELECT * FROM mixed ORDER BY widened")
	require.NoError(t, err)
	require.Equal(t, strings.Join([]string{
		`"widened","text","object","array","deep","spelled","big","nothing","__dt"`,
		`"1.0","1","{""a"":1}","[1,""x""]","{a={b=[1.0, 2.5], c=null}}","1","9.223372036854776E18",,"2026-01-10 00:00:00.000"`,
		`"1.5","x","y","[2]","{a={b=null, c=null}}","2",,,"2026-01-10 00:00:00.000"`, "",
	}, "\n"), got)

	// A value that the sample did not show is null.
	l.json(t, acme, "late", "2026-01-10", `{"n":1}`, `{"n":"x"}`)
	got, err = ask(t, inProcess(t, l, func(o *duckanalytics.Options) { o.SampleRows = 1 }), acme, "SELECT n FROM late ORDER BY n")
	require.NoError(t, err)
	require.Equal(t, "\"n\"\n\"1\"\n\n", got)
}
