package analytics

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Sentinel errors of an [Engine].
var (
	// ErrSQL: the statement is wrong, is more than one SELECT, or uses what is
	// not open to it.
	ErrSQL = fmt.Errorf("analytics: %w SQL", iotenant.ErrInvalid)
	// ErrSQLLimit: the statement needed more memory, time or space than it may.
	ErrSQLLimit = fmt.Errorf("analytics: SQL beyond the limit: %w", iotenant.ErrInvalid)
	// ErrSQLBusy: the statement did not begin, because too many others run or
	// wait. It says nothing about the statement.
	ErrSQLBusy = fmt.Errorf("analytics: SQL %w: busy", iotenant.ErrUnavailable)
)

// MaxSQL is the length of a statement in bytes.
const MaxSQL = 128 << 10

// Statement is a SELECT over the data stores of one tenant, in the dialect of
// AWS IoT Analytics. Tables are named by the name of a data store alone: it
// can name neither a file nor a tenant.
type Statement struct {
	SQL string
	// Now is what current_timestamp and current_date say. Required.
	Now time.Time
	// Delta restricts the data stores to rows of a time; nil means all rows.
	Delta *Delta
}

// Delta selects the rows whose time expression is from From, included, to To,
// excluded. A zero From means no bound.
type Delta struct {
	TimeExpression string
	From, To       time.Time
}

// Engine answers SQL. Get one from package duckanalytics.
//
// The contract:
//
//   - Isolation: a statement sees the data stores of the tenant of the call,
//     and nothing else: no file, setting, network, other tenant or process.
//   - No result and no error text holds a path, or another tenant's id.
//   - Statements have no effect on each other.
//   - Statements of a tenant hold up those of another for a bounded time, and a
//     wait is no fault of the statement: [ErrSQLBusy], never [ErrSQLLimit].
//   - A call ends soon after its context, whatever the statement does.
//   - Errors: tenant.ErrID, [ErrSQL], [ErrNoTable], [ErrSQLLimit], [ErrSQLBusy],
//     [ErrCorrupt], those of the context, kind iotenant.ErrUnsupported where the
//     engine was not built in, or they wrap iotenant.ErrUnavailable.
type Engine interface {
	Query(ctx context.Context, id tenant.ID, statement Statement) (*Result, error)
}

// Result is the answer to a statement. Close it, or read its rows to the end.
type Result struct {
	Columns []ResultColumn
	// Rows yields the rows, once. It ends after the first error, which it
	// yields with a nil row. A row is valid until the next.
	Rows iter.Seq2[[]Field, error]
	// Close ends the statement. It may be called again.
	Close func() error
}

// ResultColumn is a column of a result.
type ResultColumn struct {
	// Name is the alias as written, the name of a column in lower case, or
	// _col0, _col1, … by place.
	Name string
	// Type is that of Presto, such as "double", "varchar" or "timestamp".
	Type string
}

// Field is a value as the service wrote it to CSV: a timestamp as 2026-01-10
// 07:00:00.000, a double as 76.0 or 1.0E7. Null fields have no Text.
type Field struct {
	Text string
	Null bool
}
