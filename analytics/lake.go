package analytics

import (
	"context"
	"fmt"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Limits of a [Lake].
const (
	// MaxRows is the number of rows of an append.
	MaxRows = 10_000
	// MaxRow is the length of a row in bytes: what a pipeline made of a message
	// of [MaxPayload] may be larger than that.
	MaxRow = 1 << 20
	// MaxRowID is the length of the id of a row in bytes.
	MaxRowID = 256
	// MaxAppend is the length of all rows of an append together.
	MaxAppend = 64 << 20
)

// Sentinel errors of a [Lake].
var (
	// ErrNoTable: the tenant has no channel or data store of this name.
	ErrNoTable = fmt.Errorf("analytics: channel or data store %w", iotenant.ErrNotFound)
	// ErrTable: a declaration can't be, or changes what can't be changed.
	ErrTable = fmt.Errorf("analytics: %w channel or data store", iotenant.ErrInvalid)
	// ErrRow: a row of an append, or the append, is beyond a limit or not
	// JSON where it has to be.
	ErrRow = fmt.Errorf("analytics: %w row", iotenant.ErrInvalid)
)

// TableKind says what a [Table] holds.
type TableKind string

// The kinds of tables.
const (
	// ChannelTable: raw messages, byte by byte.
	ChannelTable TableKind = "channel"
	// DatastoreTable: what pipelines made of them, JSON objects.
	DatastoreTable TableKind = "datastore"
)

// TableID names a table among those of its tenant. Names are those of the AWS
// IoT Analytics API: 1 to 128 of a-z, A-Z, 0-9 and '_', not beginning with
// "__". Names that differ in case only are the same name.
type TableID struct {
	Kind TableKind
	Name string
}

// Table is a channel or data store as it was declared.
type Table struct {
	TableID
	// RetentionDays is the number of whole days, in UTC, that rows are kept
	// after the day of their At. 0: for ever.
	RetentionDays int
	// Format, Columns and Partitions are those of a data store.
	Format     pipeline.Format
	Columns    []pipeline.Column
	Partitions []pipeline.Partition
}

// Row is a raw message of a channel, or a message of a data store.
type Row struct {
	// ID identifies what the row was made of, for de-duplication: at most
	// [MaxRowID] bytes of UTF-8. Rows of one append with the same ID belong
	// together. A row without ID is never a duplicate.
	ID string
	// Thing sent the message, zero if that is not known. What is kept of a thing
	// can be deleted by it.
	Thing device.ID
	// At is when the message was received; its day in UTC is the dimension
	// __dt.
	At time.Time
	// Payload is what is kept: of a channel anything, of a data store an
	// object in JSON.
	Payload []byte
}

// RowQuery selects rows of one table.
type RowQuery struct {
	// From and To select from From, included, to To, excluded, by Row.At. Zero
	// means no bound.
	From, To time.Time
	// Limit is the largest number of rows in a page: 1 to tenant.MaxLimit, or
	// 0 for tenant.DefaultLimit.
	Limit int
	// Cursor continues a query: pass the same query with the Next of the page
	// before it. Only Limit may differ.
	Cursor tenant.Cursor
}

// Deletion says what of a table is deleted. Everything that is set must hold
// for a row. The zero Deletion is refused.
type Deletion struct {
	// Before deletes rows whose At is on a day, in UTC, before that of
	// Before.
	Before time.Time
	// Things deletes what these things sent.
	Things []device.ID
	// Table deletes all rows, and the table.
	Table bool
}

// Snapshot is what a table consists of at some moment. Its files stay readable
// for at least an hour, unless they are deleted on purpose.
type Snapshot struct {
	Table
	// Version grows by one with each change.
	Version uint64
	Files   []File
}

// File is a part of a data store or channel. It does not change.
type File struct {
	// Name is that of the object, see [Objects].
	Name string
	// Day is the dimension __dt of its rows.
	Day time.Time
	// Partition holds the other dimensions of its rows, in order: those of
	// attributes, such as __partition_site, and __year, __month, __day,
	// __hour. A value that was missing is nil.
	Partition []Dimension
	Rows      int64
	Bytes     int64
	// First and Last are the least and the greatest At of its rows.
	First, Last time.Time
}

// Dimension is a partition's name and value.
type Dimension struct {
	Name  string
	Value *string
}

// Lake keeps channels and data stores of tenants in files: as JSON lines, or as
// Parquet. Get one from package lakeanalytics.
//
// The contract, sentence by sentence, as package analyticstest checks it:
//
//   - Isolation: a call with one tenant's id neither sees nor changes what
//     belongs to another, also for tables of the same name.
//   - The zero tenant id and that of the platform are refused with
//     tenant.ErrID.
//   - Durability, visibility and wholeness: rows are acknowledged by a nil
//     error. They are then kept and seen by every call that begins afterwards.
//     An append that fails has kept all of its rows or none.
//   - Idempotence: rows with an ID that the table has among its latest ids,
//     at least [Window] of them, are not kept again; they are acknowledged as
//     a [Duplicate]. So an append whose outcome is unknown can be sent again,
//     also cut into others; nothing is visible twice.
//   - Fidelity: rows of channels come back byte by byte. Those of data stores
//     come back as what their format and columns keep of them.
//   - Order: rows come back by At; those of one append and time in their
//     order.
//   - Paging: following the cursors to the end returns every row that was
//     there throughout exactly once.
//   - Changes of the files behind it, by compaction or retention, are not
//     seen in the rows that stay.
//   - A cancelled context ends the call with the context's error.
//   - Errors are those named below, or wrap iotenant.ErrUnavailable. No error
//     text holds another tenant's id.
//   - All methods may be called concurrently, also by several processes.
type Lake interface {
	// Declare creates a table, or changes its retention; a data store of
	// Parquet may get further columns. Declaring what is there already
	// changes nothing. Errors: tenant.ErrID, [ErrTable].
	Declare(ctx context.Context, id tenant.ID, table Table) error

	// Append keeps rows, 1 to [MaxRows], and returns for each what became of
	// it. Errors: tenant.ErrID, [ErrNoTable], [ErrRow].
	Append(ctx context.Context, id tenant.ID, table TableID, rows []Row) ([]Outcome, error)

	// Rows returns one page of rows. Errors: tenant.ErrID, [ErrNoTable],
	// [ErrQuery], tenant.ErrCursor, [ErrCorrupt].
	Rows(ctx context.Context, id tenant.ID, table TableID, query RowQuery) (Page[Row], error)

	// Snapshot returns what a table consists of now. Errors: tenant.ErrID,
	// [ErrNoTable].
	Snapshot(ctx context.Context, id tenant.ID, table TableID) (Snapshot, error)

	// Replace puts all rows of the table from in place of those of the table
	// into whose At is from the day of first on, included, to that of end,
	// excluded, in one step, and deletes the table from. Both are declared
	// alike. The days must have ended. Repeating it after it had its effect is
	// [ErrNoTable] for from. Errors: tenant.ErrID, [ErrNoTable], [ErrTable].
	Replace(ctx context.Context, id tenant.ID, into, from TableID, first, end time.Time) error

	// Delete deletes rows for good: their files are gone when it returns.
	// Errors: tenant.ErrID, [ErrNoTable], [ErrQuery] for a zero Deletion.
	Delete(ctx context.Context, id tenant.ID, table TableID, deletion Deletion) error

	// Sweep deletes what is out of retention, merges small files, and removes
	// files that nothing refers to, in all tables of a tenant. Error:
	// tenant.ErrID.
	Sweep(ctx context.Context, id tenant.ID) error
}
