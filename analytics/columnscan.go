package analytics

import (
	"context"
	"iter"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// ColumnScanner reads columns of data stores. Get one from package lakeanalytics.
//
// The contract:
//
//   - Isolation: a call with one tenant's id sees nothing of another.
//   - It yields the rows that are kept when it begins, each once: those of a
//     file in their order. Rows without time, or out of its bounds, may be among
//     them.
//   - It ends after the first error, which it yields with a nil block.
//   - Errors: tenant.ErrID, [ErrNoTable], [ErrQuery] for a column that is not
//     there or of a type that can't be what it is asked for, [ErrCorrupt], those
//     of the context, or they wrap iotenant.ErrUnavailable.
type ColumnScanner interface {
	ScanColumns(ctx context.Context, id tenant.ID, scan ColumnScan) iter.Seq2[*ColumnBlock, error]
}

// ColumnScan asks for columns of a data store. Names are found in any case.
type ColumnScan struct {
	Datastore string
	// Time is a column of the type timestamp or date, or of numbers that are Unix
	// time, in milliseconds from 10^11 on, below in seconds. Empty: when the
	// message was received.
	Time string
	// By are columns of texts, integers or booleans, or [ByThing]; at most
	// [MaxBy].
	By []string
	// Values are columns of numbers.
	Values []string
	// From and To bound the time: files and parts of files whose rows all lie
	// out of them are not read. Zero means no bound.
	From, To time.Time
}

// ByThing stands for the thing among the columns of By.
const ByThing = "__thing"

// MaxBy is the number of columns of ColumnScan.By. More are [ErrQuery].
const MaxBy = 8

// ColumnBlock is a part of the columns that were asked for, all of one length.
// It is valid until the next.
type ColumnBlock struct {
	// Times are Unix times in nanoseconds; [NoTime] where there is none.
	Times []int64
	// By has the texts of each column of ColumnScan.By.
	By []ColumnTexts
	// Values has the numbers of each column; NaN where there is none.
	Values [][]float64
}

// ColumnTexts are the texts of a column.
type ColumnTexts struct {
	// Rows are indexes into Names; -1 where there is none.
	Rows  []int32
	Names []string
}

// NoTime stands for a time that a row does not have.
const NoTime = -1 << 63
