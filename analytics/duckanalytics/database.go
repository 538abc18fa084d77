//go:build cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64)

package duckanalytics

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// database is a connection to a DuckDB of its own, in memory.
type database struct {
	connector *duckdb.Connector
	conn      *duckdb.Conn
}

func openDatabase(ctx context.Context) (*database, error) {
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, err
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		connector.Close()
		return nil, err
	}
	own, ok := conn.(*duckdb.Conn)
	if !ok {
		connector.Close()
		return nil, fmt.Errorf("connection of type %T", conn)
	}
	return &database{connector: connector, conn: own}, nil
}

func (d *database) close() error { return errors.Join(d.conn.Close(), d.connector.Close()) }

func (d *database) exec(ctx context.Context, sql string) error {
	_, err := d.conn.ExecContext(ctx, sql, nil)
	return err
}

// bind checks a statement without running it.
func (d *database) bind(ctx context.Context, sql string) error {
	statement, err := d.conn.PrepareContext(ctx, sql)
	if err != nil {
		return err
	}
	return statement.Close()
}

// text returns the first column of the first row as text.
func (d *database) text(ctx context.Context, sql, arg string) (string, error) {
	rows, err := d.conn.QueryContext(ctx, sql, []driver.NamedValue{{Ordinal: 1, Value: arg}})
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var row [1]driver.Value
	if err := rows.Next(row[:]); err != nil {
		return "", err
	}
	value, ok := row[0].(string)
	if !ok {
		return "", errors.New("an answer that is no text")
	}
	return value, nil
}

// texts calls each with the first column of all rows.
func (d *database) texts(ctx context.Context, sql string, each func(string) error) error {
	rows, err := d.conn.QueryContext(ctx, sql, nil)
	if err != nil {
		return err
	}
	defer rows.Close()
	row := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if value, ok := row[0].(string); ok {
			if err := each(value); err != nil {
				return err
			}
		}
	}
}

// columnTypes are the names and types of what a statement answers.
func (d *database) columnTypes(ctx context.Context, sql string) ([]wire.Column, error) {
	rows, err := d.conn.QueryContext(ctx, sql, nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return typesOf(rows)
}

func typesOf(rows driver.Rows) ([]wire.Column, error) {
	typed, ok := rows.(driver.RowsColumnTypeDatabaseTypeName)
	if !ok {
		return nil, errors.New("rows without types")
	}
	var columns []wire.Column
	for i, name := range rows.Columns() {
		columns = append(columns, wire.Column{Name: name, Type: typed.ColumnTypeDatabaseTypeName(i)})
	}
	return columns, nil
}

// parser reads statements, and runs none.
type parser struct{ *database }

func (p parser) tree(ctx context.Context, sql string) (node, error) {
	answer, err := p.text(ctx, "SELECT CAST(json_serialize_sql(CAST($1 AS VARCHAR)) AS VARCHAR)", sql)
	if err != nil {
		return nil, err
	}
	return readTree(answer)
}

func (p parser) sql(ctx context.Context, statement node) (string, error) {
	tree, err := writeTree(statement)
	if err != nil {
		return "", err
	}
	return p.text(ctx, "SELECT json_deserialize_sql(CAST($1 AS JSON))", tree)
}
