//go:build cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64)

package duckanalytics

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// TestAttackGate shows each statement to the last gate alone, as if nothing had
// looked at it before.
func TestAttackGate(t *testing.T) {
	t.Parallel()
	db, err := openDatabase(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.close()) }()
	for _, sql := range []string{
		"SELECT current_setting('allowed_paths')", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM query('SELECT 1')", "SELECT 1; SELECT 2", "DROP VIEW x", "DESCRIBE x",
		"WITH x AS (SELECT 1) SELECT * FROM x", "SELECT COLUMNS('.*') FROM x", "SELECT $1", "SELECT * FROM x AT (VERSION => 1)", "SELECT * FROM a.b.c", "SELECT system.main.abs(1)",
		"SELECT * FROM x POSITIONAL JOIN y", "SELECT CAST(1 AS some_type)",
		"SELECT * FROM generate_series(1, 2)", "SELECT #1 FROM x", "SELECT 'a' COLLATE nocase",
	} {
		tree, err := parser{db}.tree(t.Context(), sql)
		if err == nil {
			g := gate{functions: mayBeCalled}
			err = g.check(tree)
		}
		require.ErrorIs(t, err, analytics.ErrSQL, sql)
	}
}

// TestAttackLockedDatabase runs statements behind all gates: what DuckDB itself
// was told must hold.
func TestAttackLockedDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own, foreign := filepath.Join(dir, "own.json"), filepath.Join(dir, "foreign.json")
	for _, file := range []string{own, foreign} {
		require.NoError(t, os.WriteFile(file, []byte(`{"n":1}`+"\n"), 0o600))
	}
	locked := func() *query {
		db, err := openDatabase(t.Context())
		require.NoError(t, err)
		q := &query{
			worker:   &worker{config: wire.Configuration{Memory: 256 << 20, Threads: 1}},
			db:       db,
			request:  wire.RunRequest{Now: time.Unix(0, 0)},
			tables:   []table{{wire.TableSource{TableName: wire.TableName{Name: "x"}, Columns: []wire.Column{{Name: "n", Type: "BIGINT"}}, Allowed: []string{own}}}},
			rewriter: &rewriter{macros: map[string]bool{}},
		}
		require.NoError(t, q.prepare(t.Context()))
		require.NoError(t, q.lock(t.Context()))
		return q
	}
	for _, sql := range []string{
		"SELECT * FROM read_text('" + foreign + "')", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '" + foreign + "'", "SELECT * FROM glob('/*')",
		"COPY (SELECT 1) TO '" + filepath.Join(dir, "new.csv") + "'", "ATTACH '" + filepath.Join(dir, "new.db") + "'", "INSTALL httpfs", "LOAD httpfs", "SELECT * FROM read_parquet('http://127.0.0.1:1/x')",
		"SET memory_limit='9GB'", "SET enable_external_access=true", "SET lock_configuration=false", "SET threads=9", "SET temp_directory='/tmp'", "RESET allowed_paths", "SET allowed_paths=['/etc/passwd']",
	} {
		q := locked()
		require.Error(t, exhaust(t.Context(), q.db, sql), sql)
		require.NoError(t, q.db.close())
	}
	q := locked()
	defer func() { require.NoError(t, q.db.close()) }()
	require.NoError(t, exhaust(t.Context(), q.db, "SELECT * FROM read_text('"+own+"')"), "the statement's own file is open")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2)
}

// exhaust runs a statement to its end.
func exhaust(ctx context.Context, db *database, sql string) error {
	rows, err := db.conn.QueryContext(ctx, sql, nil)
	if err != nil {
		return err
	}
	defer rows.Close()
	row := make([]driver.Value, len(rows.Columns()))
	for {
		if err := rows.Next(row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// TestAttackPanic: a statement that breaks the worker breaks nothing else.
func TestAttackPanic(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, contained(func() error { panic("a secret") }), analytics.ErrSQL)
	require.NotContains(t, contained(func() error { panic("a secret") }).Error(), "secret")
	require.NoError(t, contained(func() error { return nil }))
}
