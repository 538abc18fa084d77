package lakeanalytics

import (
	"time"

	"github.com/iotenant/iotenant/analytics"
)

// file is a data file as the log has it. It does not change.
type file struct {
	name       string // after the table's prefix
	day        int32  // days since 1970
	dimensions []analytics.Dimension
	rows       int64
	bytes      int64
	first      int64 // the least At, in nanoseconds
	last       int64
	// base is added to the sequence numbers in the file. Those are relative
	// to a commit whose place in the log is not known when the file is
	// written.
	base uint64
}

// storedRow is a row with its place in the order of its table: rows of the same At
// come back by their sequence number. It is kept in files, beside At and Thing.
type storedRow struct {
	analytics.Row
	sequence uint64
}

// position is the place of a row in the order of its table.
type position struct {
	at       int64
	sequence uint64
}

func (p position) less(q position) bool {
	return p.at < q.at || p.at == q.at && p.sequence < q.sequence
}

const nanosecondsPerDay = int64(24 * time.Hour)

// dayOf returns the day of a time from 1970 on.
func dayOf(at int64) int32 { return int32(at / nanosecondsPerDay) }

func dayOfTime(t time.Time) int32 {
	// Before 1970 too, and without an overflow: the argument may be any time.
	seconds := t.Unix()
	day := seconds / 86400
	if seconds%86400 < 0 {
		day--
	}
	return int32(min(max(day, -1<<31), 1<<31-1))
}

func startOfDay(day int32) time.Time { return time.Unix(int64(day)*86400, 0).UTC() }
