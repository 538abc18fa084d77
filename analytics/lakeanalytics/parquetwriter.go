package lakeanalytics

import (
	"fmt"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/internal/jsonscan"
)

// rowGroupRows is how many rows make a row group.
const rowGroupRows = 1 << 17

// chunkRows is how many rows are taken apart before their values are encoded.
const chunkRows = 256

var compression compress.Codec = &zstd.Codec{Level: zstd.SpeedDefault}

// ParquetWriter writes messages as rows of a Parquet file. It belongs to one
// goroutine at a time.
//
// The type of a column is one of AWS Glue, see [pipeline.Column]. Names of
// attributes are found in any case. An attribute that is not there, or null, is
// NULL; one that is no column is not kept. A value of another type is converted
// where nothing is lost (a number in a string, a number to a string, 21.0 to an
// int), and else NULL and counted, see [ParquetWriter.Misfits].
type ParquetWriter struct {
	file    *parquet.Writer
	columns []*part
	byName  map[string]int
	shred   shredder
	hidden  int // leaves before those of columns
	rows    int // in shred
	group   int // rows of the row group

	raws    [][]byte // of the row, by column
	seen    []expectation
	name    []byte
	misfits []int64
	err     error
}

// expectation is the column of an attribute, as its place in the message before
// tells it.
type expectation struct {
	name   []byte
	column int
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
	p := &ParquetWriter{byName: make(map[string]int, len(parsed)), raws: make([][]byte, len(parsed)), misfits: make([]int64, len(parsed))}
	leaf := 0
	if hidden {
		leaf = hiddenLeaves
	}
	p.hidden = leaf
	options := []parquet.WriterOption{schemaOf(parsed, hidden), parquet.Compression(compression), parquet.CreatedBy("iotenant", "", "")}
	for i := range parsed {
		column := newPart(&parsed[i], 0, 0, leaf, false)
		leaf = column.last
		p.columns = append(p.columns, column)
		p.byName[parsed[i].name] = i
		options = append(options, withoutBounds(&parsed[i], nil)...)
	}
	p.shred.leaves = make([][]parquet.Value, leaf)
	p.file = parquet.NewWriter(w, options...)
	return p, nil
}

// withoutBounds skips the least and the greatest value of decimals in bytes:
// the library compares them without their sign.
func withoutBounds(c *column, path []string) (options []parquet.WriterOption) {
	path = append(path[:len(path):len(path)], c.name)
	if c.kind == kindDecimal && c.precision > 18 {
		return []parquet.WriterOption{parquet.SkipPageBounds(path...)}
	}
	switch c.kind {
	case kindArray:
		path = append(path, "list")
	case kindMap:
		path = append(path, "key_value")
	}
	for i := range c.parts {
		options = append(options, withoutBounds(&c.parts[i], path)...)
	}
	return options
}

// Write adds a message that came out of a pipeline. Nothing of it is kept. The
// error is that of the underlying writer.
func (p *ParquetWriter) Write(message pipeline.Message) error {
	if p.err != nil {
		return p.err
	}
	for i := range message.Len() {
		name, value := message.Attribute(i)
		p.attribute(i, name, value)
	}
	return p.row()
}

// WriteJSON adds a message in JSON. Errors: [analytics.ErrRow] if it is not an
// object, the row is then not there; or that of the underlying writer.
func (p *ParquetWriter) WriteJSON(payload []byte) error {
	if p.err != nil {
		return p.err
	}
	if !p.scan(payload) {
		clear(p.raws)
		return fmt.Errorf("%w: %w", analytics.ErrRow, errNoObject)
	}
	return p.row()
}

// scan checks an object and finds the values of columns.
func (p *ParquetWriter) scan(data []byte) bool {
	i := jsonscan.Space(data, 0)
	if i >= len(data) || data[i] != '{' {
		return false
	}
	if i = jsonscan.Space(data, i+1); i < len(data) && data[i] == '}' {
		return jsonscan.Space(data, i+1) == len(data)
	}
	for place := 0; ; place++ {
		if i >= len(data) || data[i] != '"' {
			return false
		}
		end, escaped := jsonscan.String(data, i+1)
		if end < 0 {
			return false
		}
		name := data[i+1 : end]
		if escaped {
			name = jsonscan.AppendText(nil, name)
		}
		if i = jsonscan.Space(data, end+1); i >= len(data) || data[i] != ':' {
			return false
		}
		from := jsonscan.Space(data, i+1)
		if i = jsonscan.Value(data, from, maxDepth-1); i < 0 {
			return false
		}
		p.attribute(place, name, data[from:i])
		if i = jsonscan.Space(data, i); i >= len(data) {
			return false
		}
		if data[i] == '}' {
			return jsonscan.Space(data, i+1) == len(data)
		}
		if data[i] != ',' {
			return false
		}
		i = jsonscan.Space(data, i+1)
	}
}

// attribute takes the value of an attribute, the last of a name.
func (p *ParquetWriter) attribute(place int, name, value []byte) {
	column := -1
	if place < len(p.seen) && string(p.seen[place].name) == string(name) {
		column = p.seen[place].column
	} else {
		column = p.lookup(place, name)
	}
	if column >= 0 {
		p.raws[column] = value
	}
}

// lookup finds the column of an attribute, and remembers it.
func (p *ParquetWriter) lookup(place int, name []byte) int {
	p.name = appendLower(p.name[:0], name)
	column, ok := p.byName[string(p.name)]
	if !ok {
		column = -1
	}
	if place == len(p.seen) && place < 2*MaxColumns {
		p.seen = append(p.seen, expectation{})
	}
	if place < len(p.seen) && len(name) <= pipeline.MaxFieldName {
		p.seen[place].name = append(p.seen[place].name[:0], name...)
		p.seen[place].column = column
	}
	return column
}

// row adds the row of the attributes that were taken.
func (p *ParquetWriter) row() error {
	for i, column := range p.columns {
		p.shred.misfit = false
		p.shred.value(column, p.raws[i], 0, 0)
		if p.shred.misfit {
			p.misfits[i]++
		}
	}
	clear(p.raws)
	if p.rows++; p.rows < chunkRows && len(p.shred.text.block) < arenaBlock/2 {
		return nil
	}
	return p.flush()
}

// flush hands the rows to the file.
func (p *ParquetWriter) flush() error {
	writers := p.file.ColumnWriters()
	for i, values := range p.shred.leaves {
		if _, err := writers[i].WriteRowValues(values); err != nil {
			return p.failed(err)
		}
		p.shred.leaves[i] = values[:0]
	}
	p.shred.text.reset()
	p.group += p.rows
	p.rows = 0
	if p.group < rowGroupRows {
		return nil
	}
	p.group = 0
	return p.failed(p.file.Flush())
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
		if err := p.flush(); err != nil {
			return err
		}
	}
	return p.failed(p.file.Close())
}

// hiddenLeaves is the number of hidden columns, which come first.
const hiddenLeaves = 3

// parquetFile writes the rows of a data store, with the hidden columns.
type parquetFile struct{ *ParquetWriter }

func newParquetFile(w io.Writer, columns []pipeline.Column) (fileWriter, error) {
	p, err := newParquetWriter(w, columns, true)
	if err != nil {
		return nil, err
	}
	return &parquetFile{p}, nil
}

func (f *parquetFile) Write(row *storedRow) error {
	if f.err != nil {
		return f.err
	}
	if !f.scan(row.Payload) {
		clear(f.raws)
		return fmt.Errorf("%w: %w", analytics.ErrRow, errNoObject)
	}
	f.shred.add(0, parquet.Int64Value(row.At.UnixNano()), 0, 0)
	f.shred.add(1, parquet.Int64Value(int64(row.sequence)), 0, 0)
	if row.Thing.IsZero() {
		f.shred.add(2, parquet.Value{}, 0, 0)
	} else {
		f.shred.add(2, parquet.ByteArrayValue(f.shred.text.keep([]byte(row.Thing.String()))), 0, 1)
	}
	return f.row()
}
