package lakeanalytics

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/internal/jsonscan"
	"github.com/iotenant/iotenant/tenant"
)

// maxName is the length of the longest name of a table.
const maxName = 128

// checkTenant returns tenant.ErrID for the zero id and for that of the
// platform.
func checkTenant(id tenant.ID) error {
	if err := id.Check(); err != nil {
		return err
	}
	_, err := tenant.ParseID(id.String())
	return err
}

// checkTableID returns analytics.ErrTable.
func checkTableID(table analytics.TableID) error {
	if table.Kind != analytics.ChannelTable && table.Kind != analytics.DatastoreTable {
		return fmt.Errorf("%w: kind %q", analytics.ErrTable, table.Kind)
	}
	if !isName(table.Name) {
		return fmt.Errorf("%w: name %.140q: want 1 to %d of a-z, A-Z, 0-9, '_', not beginning with \"__\"", analytics.ErrTable, table.Name, maxName)
	}
	return nil
}

func isName(name string) bool {
	if name == "" || len(name) > maxName || strings.HasPrefix(name, "__") {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

// checkTable returns analytics.ErrTable, or the table with its defaults.
func checkTable(table analytics.Table) (analytics.Table, error) {
	if err := checkTableID(table.TableID); err != nil {
		return table, err
	}
	if table.RetentionDays < 0 {
		return table, fmt.Errorf("%w: retention of %d days", analytics.ErrTable, table.RetentionDays)
	}
	if table.Kind == analytics.ChannelTable {
		if table.Format != "" || len(table.Columns) > 0 || len(table.Partitions) > 0 {
			return table, fmt.Errorf("%w: a channel has no format, columns or partitions", analytics.ErrTable)
		}
		return table, nil
	}
	if table.Format == "" {
		table.Format = pipeline.FormatJSON
	}
	if _, err := newPartitioner(table.Partitions); err != nil {
		return table, err
	}
	if table.Format == pipeline.FormatParquet {
		return table, checkColumns(table.Columns)
	}
	if table.Format != pipeline.FormatJSON {
		return table, fmt.Errorf("%w: format %.40q", analytics.ErrTable, table.Format)
	}
	if len(table.Columns) > 0 {
		return table, fmt.Errorf("%w: columns without Parquet", analytics.ErrTable)
	}
	return table, nil
}

// checkAppend returns analytics.ErrRow. Whether payloads are right for the table
// is part of it.
func checkAppend(kind analytics.TableKind, rows []analytics.Row) error {
	if len(rows) == 0 || len(rows) > analytics.MaxRows {
		return fmt.Errorf("%w: %d rows, want 1 to %d", analytics.ErrRow, len(rows), analytics.MaxRows)
	}
	size := 0
	for i := range rows {
		if err := checkRow(kind, &rows[i]); err != nil {
			return fmt.Errorf("%w: row %d: %w", analytics.ErrRow, i, err)
		}
		if size += len(rows[i].Payload); size > analytics.MaxAppend {
			return fmt.Errorf("%w: more than %d bytes", analytics.ErrRow, analytics.MaxAppend)
		}
	}
	return nil
}

// The times that rows may have, as for messages.
var (
	minTime = time.Unix(0, 0)
	maxTime = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

func checkRow(kind analytics.TableKind, row *analytics.Row) error {
	switch {
	case len(row.ID) > analytics.MaxRowID || !utf8.ValidString(row.ID):
		return fmt.Errorf("id: want at most %d bytes of UTF-8", analytics.MaxRowID)
	case row.At.Before(minTime) || !row.At.Before(maxTime):
		return fmt.Errorf("received time: want 1970 to 2199")
	case len(row.Payload) > analytics.MaxRow:
		return fmt.Errorf("%d bytes, limit %d", len(row.Payload), analytics.MaxRow)
	case kind == analytics.DatastoreTable && !isObject(row.Payload):
		return fmt.Errorf("not a JSON object")
	}
	return nil
}

func isObject(payload []byte) bool {
	start := jsonscan.Space(payload, 0)
	if start == len(payload) || payload[start] != '{' {
		return false
	}
	end := jsonscan.Value(payload, start, maxDepth)
	return end >= 0 && jsonscan.Space(payload, end) == len(payload)
}

// checkQuery returns analytics.ErrQuery, or the query's limit.
func checkQuery(query *analytics.RowQuery) (limit int, err error) {
	if !query.From.IsZero() && !query.To.IsZero() && query.To.Before(query.From) {
		return 0, fmt.Errorf("%w: to is before from", analytics.ErrQuery)
	}
	if query.Limit < 0 || query.Limit > tenant.MaxLimit {
		return 0, fmt.Errorf("%w: limit %d, want 1 to %d", analytics.ErrQuery, query.Limit, tenant.MaxLimit)
	}
	if query.Limit == 0 {
		return tenant.DefaultLimit, nil
	}
	return query.Limit, nil
}
