package lakeanalytics

import (
	"fmt"
	"io"
	"iter"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// The hidden members of a data store's rows: what a Row has beside its payload.
const (
	atMember       = "__at"    // Unix time in nanoseconds
	thingMember    = "__thing" // the id of the thing
	sequenceMember = "__seq"   // the place among rows of the same time
)

// fileWriter writes the rows of one file.
type fileWriter interface {
	// Write adds a row. It keeps nothing of it. Error: [analytics.ErrRow], the
	// file is then as it was before, or that of the underlying writer.
	Write(row *storedRow) error
	// Close ends the file. The underlying writer is not closed.
	Close() error
}

// newFileWriter writes a file in the format of a table.
func newFileWriter(w io.Writer, table *analytics.Table) (fileWriter, error) {
	switch {
	case table.Kind == analytics.ChannelTable:
		return newLineWriter(w, appendChannelRow), nil
	case table.Format == pipeline.FormatParquet:
		p, err := newParquetWriter(w, table.Columns, true)
		if err != nil {
			return nil, err
		}
		return storeWriter{p}, nil
	}
	return newLineWriter(w, appendStoreRow), nil
}

// rowsOf reads the rows of a file in the order in which they were written: those
// from a time on, in nanoseconds, and perhaps some before. They are in the order
// of time. It ends after the first error: [analytics.ErrCorrupt] names the file's defect,
// others are those of object. What a row holds is the caller's.
func rowsOf(object analytics.Object, table *analytics.Table, from int64) iter.Seq2[storedRow, error] {
	switch {
	case table.Kind == analytics.ChannelTable:
		return readLines(object, from, parseChannelRow)
	case table.Format == pipeline.FormatParquet:
		return readParquet(object, table.Columns, from)
	}
	return readLines(object, from, parseStoreRow)
}

// fileExtension is the end of the names of a table's files.
func fileExtension(table *analytics.Table) string {
	if table.Kind == analytics.DatastoreTable && table.Format == pipeline.FormatParquet {
		return ".parquet"
	}
	return ".json.gz"
}

// corrupt returns [analytics.ErrCorrupt] with the place of the defect.
func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", analytics.ErrCorrupt, fmt.Sprintf(format, args...))
}
