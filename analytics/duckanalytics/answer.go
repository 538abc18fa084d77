//go:build cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64)

package duckanalytics

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// answer is where a statement's columns and rows go.
type answer struct {
	w   io.Writer
	buf []byte
	val []byte
}

// rowsPerFrame is the size in bytes from which rows are sent.
const rowsPerFrame = 32 << 10

func (a *answer) flush() error {
	if len(a.buf) == 0 {
		return nil
	}
	err := wire.WriteFrame(a.w, wire.KindRows, a.buf)
	a.buf = a.buf[:0]
	return err
}

// answer runs the statement.
func (q *query) answer(ctx context.Context, sql string, to *answer) error {
	rows, err := q.db.conn.QueryContext(ctx, sql, nil)
	if err != nil {
		return err
	}
	defer func() { rows.Close() }()
	columns, err := typesOf(rows)
	if err != nil {
		return err
	}
	items, err := q.asText(ctx, sql, columns)
	if err != nil {
		return err
	}
	if items != nil {
		if err := rows.Close(); err != nil {
			return err
		}
		wrapped, err := q.db.conn.QueryContext(ctx, items.around(sql), nil)
		if err != nil {
			return err
		}
		rows = wrapped
	}
	types := make([]valueType, len(columns))
	result := make([]analytics.ResultColumn, len(columns))
	for i, c := range columns {
		if types[i], err = parseType(c.Type); err != nil {
			return err
		}
		result[i] = analytics.ResultColumn{Name: q.outputName(c.Name, i), Type: types[i].presto}
	}
	if err := wire.WriteMessage(to.w, wire.KindColumns, result); err != nil {
		return err
	}
	return to.rows(ctx, rows, types)
}

// textColumns are what to select of the columns c0, c1… of a statement, some of
// them as text. It is nil if no column changes.
type textColumns []string

func columnName(place int) string { return "c" + strconv.Itoa(place) }

// around wraps a statement.
func (t textColumns) around(sql string) string {
	names := make([]string, len(t))
	for i := range t {
		names[i] = columnName(i)
	}
	return fmt.Sprintf("SELECT %s FROM (%s) AS t(%s)", strings.Join(t, ", "), sql, strings.Join(names, ", "))
}

// asText makes text of times in a zone, which the type does not know, and of
// JSON, so that it comes as it is written; the driver would parse it.
func (q *query) asText(ctx context.Context, sql string, columns []wire.Column) (textColumns, error) {
	items, changed := make(textColumns, len(columns)), false
	change := func(place int, to string) { items[place], changed = to, true }
	for i := range columns {
		items[i] = columnName(i)
	}
	for _, zone := range q.rewriter.zones {
		place := zone.place
		if place < 0 {
			place += len(columns)
		}
		if place >= 0 && place < len(columns) && columns[place].Type == "TIMESTAMPTZ" {
			change(place, zonedSQL(columnName(place), zone.name))
		}
	}
	holds, err := q.holdsJSON(ctx, sql, columns)
	if err != nil {
		return nil, err
	}
	for i, c := range columns {
		switch {
		case !holds[i]:
		case c.Type == "JSON":
			change(i, "CAST("+columnName(i)+" AS VARCHAR)")
		default:
			change(i, "CAST("+columnName(i)+" AS "+c.Type+")")
		}
	}
	if !changed {
		return nil, nil //nolint:nilnil // nothing to change
	}
	return items, nil
}

// holdsJSON tells which columns are JSON, or have it in what they nest. The
// driver calls the latter VARCHAR.
func (q *query) holdsJSON(ctx context.Context, sql string, columns []wire.Column) ([]bool, error) {
	holds, nested := make([]bool, len(columns)), false
	for i, c := range columns {
		holds[i] = c.Type == "JSON"
		nested = nested || c.Type != "VARCHAR" && strings.Contains(c.Type, "VARCHAR")
	}
	if !nested {
		return holds, nil
	}
	i := 0
	err := q.db.texts(ctx, "SELECT column_type FROM (DESCRIBE "+sql+")", func(name string) error {
		holds[i] = jsonWord.MatchString(name)
		i++
		return nil
	})
	return holds, err
}

var jsonWord = regexp.MustCompile(`\bJSON\b`)

// outputName is what the column at a place is called.
func (q *query) outputName(name string, place int) string {
	if strings.HasPrefix(name, anonymous) {
		return "_col" + strconv.Itoa(place)
	}
	return q.rewriter.original(name)
}

func (a *answer) rows(ctx context.Context, rows driver.Rows, types []valueType) error {
	row := make([]driver.Value, len(types))
	a.buf = a.buf[:0]
	for n := 0; ; n++ {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return a.flush()
		case err != nil:
			return err
		}
		for i, v := range row {
			var err error
			a.val = a.val[:0]
			if v != nil {
				if a.val, err = appendValue(a.val, v, &types[i]); err != nil {
					return err
				}
			}
			a.buf = wire.AppendField(a.buf, a.val, v == nil)
		}
		if len(a.buf) >= rowsPerFrame {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := a.flush(); err != nil {
				return err
			}
		}
	}
}

// explain turns an error of DuckDB into one of the contract, without paths.
func (q *query) explain(ctx context.Context, err error) error {
	var known *duckdb.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, analytics.ErrSQL), errors.Is(err, analytics.ErrSQLLimit), errors.Is(err, analytics.ErrCorrupt):
		return err
	case !errors.As(err, &known):
		return fmt.Errorf("analytics: SQL: %w: %s", iotenant.ErrUnavailable, q.scrub(err.Error()))
	}
	message := q.scrub(known.Msg)
	switch known.Type {
	case duckdb.ErrorTypeOutOfMemory:
		return fmt.Errorf("%w: out of memory", analytics.ErrSQLLimit)
	case duckdb.ErrorTypeIO, duckdb.ErrorTypeSerialization, duckdb.ErrorTypeInternal, duckdb.ErrorTypeFatal, duckdb.ErrorTypePermission:
		return fmt.Errorf("%w: %s", analytics.ErrCorrupt, q.mentioned(known.Msg))
	}
	if store := q.mentioned(known.Msg); store != "" {
		return fmt.Errorf("%w: data store %s", analytics.ErrCorrupt, store)
	}
	return fmt.Errorf("%w: %s", analytics.ErrSQL, message)
}

// scrub leaves the first line of a message, and no path in it.
func (q *query) scrub(message string) string {
	for _, table := range q.tables {
		for _, file := range append(table.everyFile(), table.Allowed...) {
			message = strings.ReplaceAll(message, file, table.String())
		}
	}
	if text, ok := told(message); ok {
		return text
	}
	return plain(firstLine(message))
}

// mentioned is the data store whose file a message is about.
func (q *query) mentioned(message string) string {
	for _, table := range q.tables {
		for _, file := range append(table.everyFile(), table.Allowed...) {
			if strings.Contains(message, file) {
				return table.String()
			}
		}
	}
	return ""
}
