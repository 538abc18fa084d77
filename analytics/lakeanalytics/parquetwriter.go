package lakeanalytics

import (
	"fmt"
	"io"
	"strings"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// A row group has as many rows, or about as many bytes.
const (
	rowGroupRows  = 1 << 17
	rowGroupBytes = 64 << 20
)

// ParquetWriter writes messages as rows of a Parquet file. It belongs to one
// goroutine at a time.
//
// The type of a column is one of AWS Glue, see [pipeline.Column]. Names of
// attributes are found in any case. An attribute that is not there, or null, is
// NULL; one that is no column is not kept. A value of another type is converted
// where nothing is lost (a number in a string, a number to a string, 21.0 to an
// int), and else NULL and counted, see [ParquetWriter.Misfits].
type ParquetWriter struct {
	file    parquetFile
	columns []*part
	shred   shredder
	scratch scratch
	rows    int // of the row group
	due     int // rows after which pages are looked at
	bytes   int // of the rows since they were

	row     attributes // by column
	thing   []byte
	misfits []int64
	err     error
}

// NewParquetWriter writes a file with these columns, 1 to [MaxColumns]. The
// error is [analytics.ErrTable].
func NewParquetWriter(w io.Writer, columns []pipeline.Column) (*ParquetWriter, error) {
	return newParquetWriter(w, columns, false)
}

func newParquetWriter(w io.Writer, columns []pipeline.Column, hidden bool) (*ParquetWriter, error) {
	parsed, err := parseColumns(columns)
	if err != nil {
		return nil, err
	}
	p := &ParquetWriter{misfits: make([]int64, len(parsed)), due: pageCheckRows}
	p.file = parquetFile{w: w, elements: elementsOf(parsed, hidden)}
	if hidden {
		p.shred.leaves = append(p.shred.leaves, newChunk(atType, []string{atMember}, 0, 0), newChunk(atType, []string{sequenceMember}, 0, 0), newChunk(thingType, []string{thingMember}, 1, 0))
	}
	for i := range parsed {
		column := newPart(&parsed[i], 0, 0, len(p.shred.leaves), false)
		p.columns = append(p.columns, column)
		p.row.want([]byte(column.name))
		p.shred.leaves = column.appendChunks(p.shred.leaves, nil)
	}
	return p, nil
}

// appendChunks makes the chunks of the leaves of a part.
func (p *part) appendChunks(leaves []*chunk, path []string) []*chunk {
	path = append(path[:len(path):len(path)], p.name)
	switch p.kind {
	case kindArray:
		path = append(path, "list")
	case kindMap:
		path = append(path, "key_value")
	case kindStruct:
	default:
		return append(leaves, newChunk(&p.columnType, path, p.def, p.rep))
	}
	for _, child := range p.parts {
		leaves = child.appendChunks(leaves, path)
	}
	return leaves
}

// Write adds a message that came out of a pipeline. Nothing of it is kept. The
// error is that of the underlying writer.
func (p *ParquetWriter) Write(message pipeline.Message) error {
	if p.err != nil {
		return p.err
	}
	for i := range message.Len() {
		name, value := message.Attribute(i)
		p.bytes += len(value)
		p.row.take(i, name, value)
	}
	return p.addRow()
}

// WriteJSON adds a message in JSON. Errors: [analytics.ErrRow] if it is not an
// object, the row is then not there; or that of the underlying writer.
func (p *ParquetWriter) WriteJSON(payload []byte) error {
	if p.err != nil {
		return p.err
	}
	p.bytes += len(payload)
	if !p.row.scan(payload) {
		return fmt.Errorf("%w: %w", analytics.ErrRow, errNoObject)
	}
	return p.addRow()
}

// addRow adds the row of the attributes that were taken.
func (p *ParquetWriter) addRow() error {
	for i, column := range p.columns {
		p.shred.misfit = false
		p.shred.value(column, p.row.raws[i], 0, 0)
		if p.shred.misfit {
			p.misfits[i]++
		}
	}
	p.row.forget()
	p.rows++
	if p.rows < p.due && p.bytes < pageCheckBytes {
		return nil
	}
	return p.check()
}

// Pages are looked at after as many rows or bytes.
const (
	pageCheckRows  = 256
	pageCheckBytes = 1 << 20
)

// check ends the pages that are full, and the row group.
func (p *ParquetWriter) check() error {
	p.due, p.bytes = p.rows+pageCheckRows, 0
	held := 0
	for _, leaf := range p.shred.leaves {
		if leaf.isFull() {
			leaf.flush(p.rows, &p.scratch)
		}
		held += len(leaf.pages)
	}
	if p.rows < rowGroupRows && held < rowGroupBytes {
		return nil
	}
	return p.rowGroup()
}

// rowGroup writes the row group.
func (p *ParquetWriter) rowGroup() error {
	for _, leaf := range p.shred.leaves {
		leaf.flush(p.rows, &p.scratch)
	}
	err := p.file.rowGroup(p.shred.leaves, p.rows, &p.scratch)
	for _, leaf := range p.shred.leaves {
		leaf.start()
	}
	p.rows, p.due, p.bytes = 0, pageCheckRows, 0
	return p.failed(err)
}

func (p *ParquetWriter) failed(err error) error {
	if err != nil {
		p.err = fmt.Errorf("lakeanalytics: parquet: %w", err)
	}
	return p.err
}

// Misfits returns how many values of each column did not fit its type and are
// NULL. Those that nest in others count as one for a row. The columns' names
// are in lower case.
func (p *ParquetWriter) Misfits() map[string]int64 {
	misfits := map[string]int64{}
	for i, n := range p.misfits {
		if n > 0 {
			misfits[strings.Clone(p.columns[i].name)] = n
		}
	}
	return misfits
}

// Close ends the file. The underlying writer is not closed.
func (p *ParquetWriter) Close() error {
	if p.err != nil {
		return p.err
	}
	if p.rows > 0 {
		if err := p.rowGroup(); err != nil {
			return err
		}
	}
	return p.failed(p.file.close())
}

// storeWriter writes the rows of a data store, with the hidden columns.
type storeWriter struct{ *ParquetWriter }

func (w storeWriter) Write(row *storedRow) error {
	if w.err != nil {
		return w.err
	}
	w.bytes += len(row.Payload)
	if !w.row.scan(row.Payload) {
		return fmt.Errorf("%w: %w", analytics.ErrRow, errNoObject)
	}
	at := uint64(row.At.UnixNano())
	w.shred.leaves[0].number(at, unknown, 0)
	w.shred.leaves[1].number(row.sequence, integerKey(row.sequence), 0)
	if thing := w.shred.leaves[2]; row.Thing.IsZero() {
		thing.null(0, 0)
	} else {
		w.thing = append(w.thing[:0], row.Thing.String()...)
		thing.string(w.thing, 0)
	}
	return w.addRow()
}
