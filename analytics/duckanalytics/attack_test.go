package duckanalytics_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
	"github.com/iotenant/iotenant/tenant"
)

// secret is a text that no statement of acme may see.
const secret = "secret-of-the-other"

// localLake hands out objects that are files of this machine.
type localLake struct {
	*lake
	dir string
}

type localObject struct {
	analytics.Object
	path string
}

func (o localObject) Path() string { return o.path }

func (l localLake) Open(ctx context.Context, id tenant.ID, name string) (analytics.Object, error) {
	object, err := l.lake.Open(ctx, id, name)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(l.dir, id.String(), name)
	content := make([]byte, object.Size())
	if _, err := object.ReadAt(content, 0); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return localObject{object, path}, os.WriteFile(path, content, 0o600)
}

// attacked is an engine of workers with data of two tenants in files.
func attacked(t *testing.T, optFns ...func(*workeranalytics.Options)) (*workeranalytics.Engine, localLake) {
	t.Helper()
	needDuckDB(t)
	l := localLake{newLake(), t.TempDir()}
	l.json(t, acme, "telemetry", "2026-01-10", `{"device":"a","n":1}`, `{"device":"b","n":2}`)
	l.json(t, other, "telemetry", "2026-01-10", `{"device":"`+secret+`","n":3}`)
	l.json(t, other, "private", "2026-01-10", `{"device":"`+secret+`","n":3}`)
	engine := workeranalytics.New(l, l, append([]func(*workeranalytics.Options){func(o *workeranalytics.Options) {
		o.Dir, o.Command = t.TempDir(), workerCommand()
		o.Memory = 256 << 20
		o.Processes = 1
	}}, optFns...)...)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	// The files of the other tenant are there.
	_, err := ask(t, engine, other, "SELECT * FROM private, telemetry")
	require.NoError(t, err)
	return engine, l
}

// wantRefused wants a statement to fail, as the caller's fault, and to tell
// nothing.
func wantRefused(t *testing.T, engine *workeranalytics.Engine, l localLake, sql string, sentinel error) {
	t.Helper()
	out, err := ask(t, engine, acme, sql)
	require.ErrorIs(t, err, sentinel, sql)
	for _, told := range []string{secret, other.String(), l.dir, os.TempDir()} { //nolint:usetesting // engines put their files there
		if !strings.Contains(sql, told) {
			require.NotContains(t, out+err.Error(), told, sql)
		}
	}
}

// TestAttackStatements tries each hole that a locked DuckDB has.
func TestAttackStatements(t *testing.T) {
	t.Parallel()
	engine, l := attacked(t)
	theirs := filepath.Join(l.dir, other.String(), "datastore/private/3.json")
	_, err := os.Stat(theirs)
	require.NoError(t, err)
	for _, sql := range []string{
		// 1: allowed paths can be written
		"COPY (SELECT 1) TO '" + theirs + "' (USE_TMP_FILE false)", "COPY telemetry TO '/tmp/x.csv'", "EXPORT DATABASE '/tmp/x'", "ATTACH '/tmp/x.db'", "IMPORT DATABASE '/tmp/x'",
		// 2: session state
		"DROP VIEW telemetry", "CREATE OR REPLACE VIEW telemetry AS SELECT 1", "CREATE TABLE t(a int)", "CREATE MACRO m() AS 1", "ATTACH ':memory:' AS x", "PREPARE p AS SELECT 1",
		"SET VARIABLE x = 1", "USE main", "CREATE SECRET (TYPE http)", "INSTALL httpfs", "LOAD httpfs", "SET memory_limit='9GB'", "RESET memory_limit", "PRAGMA database_list", "BEGIN", "VACUUM", "CHECKPOINT",
		"INSERT INTO telemetry VALUES (1)", "DELETE FROM telemetry", "UPDATE telemetry SET n = 1", "EXPLAIN SELECT 1", "DESCRIBE telemetry", "SHOW TABLES", "SUMMARIZE telemetry", "CALL pragma_version()",
		"PIVOT telemetry ON device USING sum(n)", "FROM telemetry SELECT n; SELECT 1",
		// 3: several statements
		"SELECT 1; DROP VIEW telemetry", "SELECT 1; SELECT 2", ";SELECT 1;;SELECT 2", "",
		// 4: table functions with effects
		"SELECT * FROM enable_logging(storage='file', storage_path='/tmp/x')", "CALL enable_logging(storage='stdout')", "SELECT * FROM enable_profiling()", "SELECT * FROM disable_logging()", "SELECT * FROM pragma_storage_info('x')",
		// 7: SQL made at run time
		"SELECT * FROM query('SELECT 1')", "SELECT * FROM query_table('telemetry')", "SELECT * FROM json_execute_serialized_sql('{}')", "SELECT json_serialize_sql('SELECT 1')", "SELECT json_deserialize_sql('{}')",
		// 8: information
		"SELECT * FROM duckdb_settings()", "SELECT current_setting('allowed_paths')", "SELECT * FROM duckdb_views()", "SELECT * FROM duckdb_databases()", "SELECT * FROM duckdb_memory()", "SELECT * FROM duckdb_functions()",
		"SELECT getenv('PATH')", "SELECT version()", "SELECT current_user", "SELECT current_database()", "SELECT current_schemas(true)", "SELECT txid_current()", "SELECT session_user",
		"SELECT getvariable('x')", "SELECT nextval('x')", "SELECT currval('x')", "SELECT sleep_ms(1000)", "SELECT write_log('x')", "SELECT error('x')", "SELECT which_secret('a', 'b')", "SELECT * FROM duckdb_secrets()",
		// 9: files
		"SELECT * FROM read_json('" + theirs + "')", "SELECT * FROM read_text('" + theirs + "')", "SELECT * FROM read_blob('/etc/passwd')", "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM glob('/*')",
		"SELECT * FROM parquet_metadata('" + theirs + "')", "SELECT * FROM sniff_csv('/etc/passwd')", "SELECT * FROM arrow_scan(1, 2, 3)", "SELECT * FROM sqlite_scan('a', 'b')", "SELECT * FROM range(10)", "SELECT * FROM generate_series(1, 2)",
		"SELECT * FROM read_parquet('http://127.0.0.1:1/x')", "SELECT (SELECT * FROM read_text('/etc/passwd'))", "SELECT * FROM telemetry WHERE EXISTS (SELECT * FROM read_text('/etc/passwd'))",
		"SELECT * FROM telemetry JOIN LATERAL (SELECT * FROM read_text('/etc/passwd')) ON true", "WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM x", "SELECT 1 UNION SELECT content FROM read_text('/etc/passwd')",
		// what is more than a SELECT
		"WITH x AS (SELECT 1) SELECT * FROM x", "WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT 1 FROM x) SELECT * FROM x", "SELECT COLUMNS('.*') FROM telemetry", "SELECT * EXCLUDE (n) FROM telemetry", "SELECT $1", "SELECT ?", "SELECT #1 FROM telemetry",
		"SELECT $$a$$", "SELECT E'\\x41'", "SELECT U&'x'", "SELECT main.duckdb_settings()", "SELECT system.main.current_setting('x')", "SELECT 'a' COLLATE nocase", "SELECT n FROM telemetry AT (VERSION => 1)",
		"SELECT presto_nonzero(1, 0)", "SELECT presto_repeat('a', 3)", "SELECT * FROM telemetry POSITIONAL JOIN telemetry t", "SELECT len(range(200000000))", "SELECT (n).x.y.z FROM telemetry",
		// what names and rows are put in quotes and parentheses for
		"SELECT 1 window; DROP VIEW telemetry", "VALUES 1); DROP VIEW telemetry --", "VALUES 1, (SELECT content FROM read_text('/etc/passwd'))", "SELECT * FROM read_text('/etc/passwd') window", "SELECT n window FROM telemetry UNION SELECT 1 FROM query('SELECT 1') only",
		"SELECT * FROM telemetry TABLESAMPLE BERNOULLI (getenv('PATH'))", "SELECT * FROM (VALUES read_text('/etc/passwd'))", "SELECT current_setting window FROM duckdb_settings() limit",
		// calls without arguments
		"SELECT sum() / 2", "SELECT abs() + date '2026-01-01'", "SELECT max() || 'x'", "SELECT array_agg()[1]", "SELECT * FROM UNNEST(zip()) AS t(a, b)", "SELECT approx_distinct()",
		"SELECT presto_nonzero(1, 0)", "SELECT presto_text(1)", "SELECT presto_in_zone(now(), 'UTC')", "SELECT make_timestamp(1)", "SELECT json('1')",
		"SELECT now() AT TIME ZONE 'UTC'') || (SELECT content FROM read_text(''/etc/passwd'')) || ('''", "SELECT from_unixtime(0, 'Asia/Tokyo''')", "SELECT timestamp '2026-01-10 00:00:00 Asia/''Tokyo'", "SELECT presto_repeat('a', 3)", "SELECT * FROM telemetry POSITIONAL JOIN telemetry t", "SELECT len(range(200000000))", "SELECT (n).x.y.z FROM telemetry",
	} {
		wantRefused(t, engine, l, sql, analytics.ErrSQL)
	}
	out, err := ask(t, engine, acme, "SELECT device FROM telemetry ORDER BY 1")
	require.NoError(t, err, "the engine still works")
	require.Equal(t, "\"device\"\n\"a\"\n\"b\"\n", out)
	content, err := os.ReadFile(theirs)
	require.NoError(t, err)
	require.Contains(t, string(content), secret)
}

// TestAttackTables names what is no data store of the tenant.
func TestAttackTables(t *testing.T) {
	t.Parallel()
	engine, l := attacked(t)
	for _, sql := range []string{
		"SELECT * FROM private", `SELECT * FROM "private"`, "SELECT * FROM `private`", "SELECT * FROM main.telemetry", "SELECT * FROM acme.telemetry", "SELECT * FROM information_schema.tables", "SELECT * FROM pg_catalog.pg_tables",
		"SELECT * FROM sqlite_master", "SELECT * FROM pragma_database_list", "SELECT * FROM duckdb_tables", "SELECT * FROM pragma_version", "SELECT * FROM '/etc/passwd'", `SELECT * FROM "/etc/passwd"`, "SELECT * FROM '" + l.dir + "/acme-b/datastore/private/3.json'",
		"SELECT * FROM 'http://127.0.0.1:1/x.parquet'", "SELECT * FROM '../private'", "SELECT (SELECT max(device) FROM private)", "SELECT * FROM telemetry JOIN private USING (device)", "SELECT * FROM telemetry UNION ALL SELECT * FROM private",
		"SELECT * FROM _base.telemetry", "SELECT * FROM telemetry WHERE device IN (SELECT device FROM private)", "SELECT * FROM telemetry.raw", "SELECT n window FROM private only", "SELECT * FROM private window, telemetry", `SELECT * FROM "*.json"`,
	} {
		wantRefused(t, engine, l, sql, analytics.ErrNoTable)
	}
	wantRefused(t, engine, l, "SELECT * FROM memory.main.telemetry", analytics.ErrSQL)
	wantRefused(t, engine, l, "SELECT * FROM system.information_schema.tables", analytics.ErrSQL)
}

// TestAttackTenant wants each tenant to see its own rows, from the same worker.
func TestAttackTenant(t *testing.T) {
	t.Parallel()
	engine, _ := attacked(t)
	for range 2 {
		out, err := ask(t, engine, acme, "SELECT device FROM telemetry ORDER BY device")
		require.NoError(t, err)
		require.Equal(t, "\"device\"\n\"a\"\n\"b\"\n", out)
		out, err = ask(t, engine, other, "SELECT device FROM telemetry")
		require.NoError(t, err)
		require.Equal(t, "\"device\"\n\""+secret+"\"\n", out)
	}
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		_, err := ask(t, engine, id, "SELECT 1")
		require.ErrorIs(t, err, tenant.ErrID)
	}
}

// TestAttackTimeExpression puts more than an expression before a statement.
func TestAttackTimeExpression(t *testing.T) {
	t.Parallel()
	engine, l := attacked(t)
	for _, expression := range []string{
		"__dt FROM private", "(SELECT max(device) FROM private)", "__dt) OR (true", "__dt; DROP VIEW telemetry", "__dt, 1", "*", "current_setting('allowed_paths')", "EXISTS (SELECT 1)", "max(__dt) OVER ()",
		"__dt WHERE true", "__dt LIMIT 1", "__dt UNION SELECT 1", "__dt --", "read_text('/etc/passwd')", "", "DISTINCT __dt", "__dt FROM (VALUES (1))",
	} {
		statement := analytics.Statement{SQL: "SELECT * FROM telemetry", Now: now, Delta: &analytics.Delta{TimeExpression: expression, To: now.Add(-100 * time.Hour)}}
		out, err := askStatement(t, engine, acme, statement)
		if strings.HasPrefix(expression, "__dt --") {
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(out, "\n"), "a comment does not hide the window: %s", out)
			continue
		}
		require.ErrorIs(t, err, iotenant.ErrInvalid, expression)
		require.NotContains(t, err.Error(), l.dir)
	}
}

// TestAttackBombs wants statements that take memory or time to be ended, and
// the next to work.
func TestAttackBombs(t *testing.T) {
	t.Parallel()
	engine, _ := attacked(t, func(o *workeranalytics.Options) {
		o.Timeout, o.MaxResultBytes = 5*time.Second, 1<<20
	})
	for name, sql := range map[string]string{
		"a long text":    "SELECT length(reduce(repeat('x', 40), 'x', (s, x) -> s || s, s -> s))",
		"a long array":   "SELECT cardinality(flatten(transform(sequence(1, 10000), x -> flatten(repeat(sequence(1, 10000), 10000)))))",
		"many repeats":   "SELECT cardinality(repeat(repeat(repeat('x', 10000), 10000), 10000))",
		"a wide product": "SELECT array_agg(a.x || b.x || c.x || d.x) FROM UNNEST(sequence(1, 3000)) a(n), UNNEST(sequence(1, 3000)) b(n), (SELECT lpad('x', 1000, 'x') x) a2(y), (SELECT lpad('x', 1000, 'x') x) c(x), (SELECT 'x' x) d(x), (SELECT 'a') a3(x)",
		"a big result":   "SELECT lpad('x', 1000, 'x') FROM UNNEST(sequence(1, 1000)) t(n), UNNEST(sequence(1, 100)) u(m)",
	} {
		_, err := ask(t, engine, acme, sql)
		require.Error(t, err, name)
		require.ErrorIs(t, err, iotenant.ErrInvalid, name)
		if name != "a wide product" {
			require.ErrorIs(t, err, analytics.ErrSQLLimit, name)
		}
		out, err := ask(t, engine, acme, "SELECT count(*) FROM telemetry")
		require.NoError(t, err, name)
		require.Equal(t, "\"_col0\"\n\"2\"\n", out)
	}
}

// TestAttackDeaf wants a statement that DuckDB can't interrupt to end with its
// context, and by the limit of processor time.
func TestAttackDeaf(t *testing.T) {
	t.Parallel()
	const deaf = "SELECT count(*) FROM UNNEST(sequence(1, 10000)) a(x), UNNEST(sequence(1, 10000)) b(y), UNNEST(sequence(1, 10000)) c(z) WHERE a.x * b.y % 7 = c.z % 3"
	engine, _ := attacked(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err := engine.Query(ctx, acme, analytics.Statement{SQL: deaf, Now: now})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(begun), 10*time.Second)

	short, _ := attacked(t, func(o *workeranalytics.Options) { o.CPU, o.Timeout = time.Second, time.Minute })
	_, err = ask(t, short, acme, deaf)
	require.ErrorIs(t, err, analytics.ErrSQLLimit)
	require.Regexp(t, "the worker ended|out of processor time", err.Error())
	_, err = ask(t, short, acme, "SELECT count(*) FROM telemetry")
	require.NoError(t, err)
}

// TestAttackForeignFile has a lake that names a file outside: only files of the
// statement's tenant are opened.
func TestAttackForeignFile(t *testing.T) {
	t.Parallel()
	engine, l := attacked(t)
	snapshot := l.tables[key(acme, "telemetry")]
	snapshot.Files = append(snapshot.Files, l.tables[key(other, "private")].Files...)
	l.tables[key(acme, "mixed")] = snapshot
	wantRefused(t, engine, l, "SELECT * FROM mixed", analytics.ErrCorrupt)
}

// TestAttackPartition has values of partitions that are paths.
func TestAttackPartition(t *testing.T) {
	t.Parallel()
	engine, l := attacked(t, func(o *workeranalytics.Options) { o.Memory = 512 << 20 }) // it reads many files, each through a large buffer
	l.declare(acme, "parted", nil, pipeline.Partition{Attribute: "site"})
	values := []string{"../../../etc", "NULL", "__HIVE_DEFAULT_PARTITION__", "a/__dt=2000-01-01/b", "'); DROP", "%2e", "a b", "é", strings.Repeat("x", 300), ""}
	for _, value := range values {
		l.add(t, acme, "parted", "2026-01-10", ".json", []byte(`{"n":1}`+"\n"), analytics.Dimension{Name: "__partition_site", Value: &value})
	}
	l.add(t, acme, "parted", "2026-01-10", ".json", []byte(`{"n":1}`+"\n"), analytics.Dimension{Name: "__partition_site"})
	for _, value := range values {
		out, err := ask(t, engine, acme, "SELECT count(*), min(__dt) FROM parted WHERE __partition_site = '"+strings.ReplaceAll(value, "'", "''")+"'")
		require.NoError(t, err, value)
		require.Equal(t, "\"_col0\",\"_col1\"\n\"1\",\"2026-01-10 00:00:00.000\"\n", out, value)
	}
	out, err := ask(t, engine, acme, "SELECT count(*) FROM parted WHERE __partition_site IS NULL")
	require.NoError(t, err)
	require.Equal(t, "\"_col0\"\n\"1\"\n", out)
}

// TestAttackResolve has names of other tenants before that of a table, and an
// option that finds a data store for any.
func TestAttackResolve(t *testing.T) {
	t.Parallel()
	engine, l := attacked(t, func(o *workeranalytics.Options) { o.Resolve = func(_, table string) string { return table } })
	out, err := ask(t, engine, acme, "SELECT device FROM x.telemetry ORDER BY device")
	require.NoError(t, err)
	require.Equal(t, "\"device\"\n\"a\"\n\"b\"\n", out)
	out, err = ask(t, engine, other, "SELECT device FROM acme.telemetry")
	require.NoError(t, err)
	require.Equal(t, "\"device\"\n\""+secret+"\"\n", out, "its own")
	for _, sql := range []string{"SELECT * FROM information_schema.tables", "SELECT * FROM pg_catalog.pg_class", `SELECT * FROM "acme-b".private`, `SELECT * FROM x."../telemetry"`, `SELECT * FROM x."*.json"`} {
		wantRefused(t, engine, l, sql, analytics.ErrNoTable)
	}
	wantRefused(t, engine, l, "SELECT * FROM memory.main.telemetry", analytics.ErrSQL)
}
