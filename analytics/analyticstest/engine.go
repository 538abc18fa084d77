package analyticstest

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// EngineData are data stores of JSON by tenant and name, with the messages of
// each as JSON objects. All were received at noon of 2026-03-01, in UTC.
type EngineData map[tenant.ID]map[string][]string

// OpenEngine makes an engine over data for one test. It may use t.Cleanup to
// close it.
type OpenEngine func(t *testing.T, data EngineData) analytics.Engine

// TestEngine checks the contract of analytics.Engine on the engines that open
// makes.
func TestEngine(t *testing.T, open OpenEngine) {
	for _, test := range engineTests {
		t.Run(test.sentence, func(t *testing.T) {
			t.Parallel()
			a, b := tenant.MustParseID("acme"), tenant.MustParseID("acme-b")
			f := &engineFixture{T: t, a: a, b: b, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
			f.engine = open(t, EngineData{
				a: {"telemetry": {`{"device":"pump","t":1}`, `{"device":"fan","t":2}`}, "own": {`{"x":1}`}, "empty": nil},
				b: {"telemetry": {`{"device":"theirs","t":3}`}, "private": {`{"device":"theirs"}`}},
			})
			test.check(f)
		})
	}
}

type engineTest struct {
	sentence string
	check    func(*engineFixture)
}

type engineFixture struct {
	*testing.T
	engine analytics.Engine
	a, b   tenant.ID
	now    time.Time
}

// ask returns the rows of a statement, fields joined by commas.
func (f *engineFixture) ask(id tenant.ID, statement analytics.Statement) (string, error) {
	f.Helper()
	if statement.Now.IsZero() {
		statement.Now = f.now
	}
	result, err := f.engine.Query(f.Context(), id, statement)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	if err := analytics.WriteCSV(&out, result); err != nil {
		return "", err
	}
	return out.String(), nil
}

func (f *engineFixture) want(id tenant.ID, sql, want string) {
	f.Helper()
	got, err := f.ask(id, analytics.Statement{SQL: sql})
	if err != nil {
		f.Fatalf("%s: %v", sql, err)
	}
	if got != want {
		f.Errorf("%s: %q, want %q", sql, got, want)
	}
}

func (f *engineFixture) wantErr(id tenant.ID, sql string, want error) {
	f.Helper()
	got, err := f.ask(id, analytics.Statement{SQL: sql})
	if !errors.Is(err, want) {
		f.Errorf("%s: %q, error %v, want %v", sql, got, err, want)
		return
	}
	if strings.Contains(err.Error(), "theirs") || strings.Contains(err.Error(), f.b.String()) {
		f.Errorf("%s: the error names what belongs to another tenant: %v", sql, err)
	}
}

var engineTests = []engineTest{
	{"a statement sees the data stores of its tenant", func(f *engineFixture) {
		f.want(f.a, "SELECT device FROM telemetry ORDER BY device", "\"device\"\n\"fan\"\n\"pump\"\n")
		f.want(f.b, "SELECT device FROM telemetry ORDER BY device", "\"device\"\n\"theirs\"\n")
		f.wantErr(f.a, "SELECT * FROM private", analytics.ErrNoTable)
		f.wantErr(f.a, "SELECT * FROM telemetry, private", analytics.ErrNoTable)
		f.wantErr(f.b, "SELECT * FROM own", analytics.ErrNoTable)
	}},
	{"the zero tenant and the platform are refused", func(f *engineFixture) {
		f.wantErr(tenant.ID{}, "SELECT 1", tenant.ErrID)
		f.wantErr(tenant.Platform(), "SELECT 1", tenant.ErrID)
	}},
	{"a statement sees no file, setting or table function", func(f *engineFixture) {
		for _, sql := range []string{
			"SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/passwd')", "SELECT current_setting('memory_limit')",
			"SELECT * FROM duckdb_settings()", "SELECT getenv('PATH')", "SELECT * FROM glob('/*')",
		} {
			f.wantErr(f.a, sql, analytics.ErrSQL)
		}
		for _, sql := range []string{"SELECT * FROM '/etc/passwd'", "SELECT * FROM information_schema.tables"} {
			f.wantErr(f.a, sql, analytics.ErrNoTable)
		}
	}},
	{"what is not one SELECT is refused", func(f *engineFixture) {
		for _, sql := range []string{
			"", "nonsense", "SELECT", "DROP TABLE telemetry", "SELECT 1; SELECT 2", "INSERT INTO telemetry VALUES (1)", "COPY telemetry TO '/tmp/x'", "SET x = 1",
			"SELECT '" + strings.Repeat("x", analytics.MaxSQL) + "'",
		} {
			f.wantErr(f.a, sql, analytics.ErrSQL)
		}
		f.wantErr(f.a, "SELECT nothere FROM telemetry", analytics.ErrSQL)
	}},
	{"statements have no effect on each other", func(f *engineFixture) {
		for range 3 {
			f.wantErr(f.a, "SELECT 1/0", analytics.ErrSQL)
			f.wantErr(f.a, "CREATE VIEW own AS SELECT 2 AS x", analytics.ErrSQL)
			f.want(f.a, "SELECT x FROM own", "\"x\"\n\"1\"\n")
		}
	}},
	{"Now is the time of a statement", func(f *engineFixture) {
		f.want(f.a, "SELECT current_date, current_timestamp", "\"_col0\",\"_col1\"\n\"2026-03-01\",\"2026-03-01 12:00:00.000 UTC\"\n")
		if _, err := f.engine.Query(f.Context(), f.a, analytics.Statement{SQL: "SELECT 1"}); !errors.Is(err, analytics.ErrSQL) {
			f.Errorf("a statement without Now: %v", err)
		}
	}},
	{"an empty data store has the column of the day", func(f *engineFixture) {
		f.want(f.a, "SELECT * FROM empty", "\"__dt\"\n")
	}},
	{"names are found in any case, columns are in lower case", func(f *engineFixture) {
		f.want(f.a, "SELECT DEVICE, T AS Big FROM TELEMETRY WHERE t = 1", "\"device\",\"Big\"\n\"pump\",\"1\"\n")
	}},
	{"Delta selects from From, included, to To, excluded", func(f *engineFixture) {
		for _, test := range []struct {
			from, to time.Time
			want     string
		}{
			{want: "2"},
			{from: time.Unix(2, 0), want: "1"},
			{to: time.Unix(2, 0), want: "1"},
			{from: time.Unix(2, 0), to: time.Unix(2, 0), want: "0"},
			{from: time.Unix(1, 0), to: time.Unix(2, 0), want: "1"},
			{from: time.Unix(1, 0), to: time.Unix(3, 0), want: "2"},
		} {
			delta := &analytics.Delta{TimeExpression: "from_unixtime(t)", From: test.from, To: test.to}
			got, err := f.ask(f.a, analytics.Statement{SQL: "SELECT count(*) AS n FROM telemetry", Delta: delta})
			if want := "\"n\"\n\"" + test.want + "\"\n"; err != nil || got != want {
				f.Errorf("from %v to %v: %q, %v, want %q", test.from, test.to, got, err, want)
			}
		}
	}},
	{"a call ends with its context", func(f *engineFixture) {
		ctx, cancel := context.WithCancel(f.Context())
		cancel()
		if _, err := f.engine.Query(ctx, f.a, analytics.Statement{SQL: "SELECT 1", Now: f.now}); !errors.Is(err, context.Canceled) {
			f.Errorf("Query with a cancelled context: %v", err)
		}
	}},
	{"a result may be closed before its end, and twice", func(f *engineFixture) {
		for range 3 {
			result, err := f.engine.Query(f.Context(), f.a, analytics.Statement{SQL: "SELECT device FROM telemetry", Now: f.now})
			if err != nil {
				f.Fatal(err)
			}
			for _, err := range result.Rows {
				if err != nil {
					f.Error(err)
				}
				break
			}
			if err := errors.Join(result.Close(), result.Close()); err != nil {
				f.Error(err)
			}
		}
		f.want(f.a, "SELECT x FROM own", "\"x\"\n\"1\"\n")
	}},
	{"calls may be concurrent", func(f *engineFixture) {
		var calls sync.WaitGroup
		for id, want := range maps.All(map[tenant.ID]string{f.a: "\"_col0\"\n\"2\"\n", f.b: "\"_col0\"\n\"1\"\n"}) {
			for range 4 {
				calls.Go(func() {
					if got, err := f.ask(id, analytics.Statement{SQL: "SELECT count(*) FROM telemetry"}); err != nil || got != want {
						f.Errorf("%q, %v, want %q", got, err, want)
					}
				})
			}
		}
		calls.Wait()
	}},
	{"errors wrap a kind", func(f *engineFixture) {
		for _, sql := range []string{"", "SELECT nothere", "SELECT * FROM nothere", "SELECT 1/0", "SELECT CAST('x' AS integer)"} {
			if _, err := f.ask(f.a, analytics.Statement{SQL: sql}); iotenant.KindOf(err) == nil {
				f.Errorf("%s: %v is of no kind", sql, err)
			}
		}
	}},
}
