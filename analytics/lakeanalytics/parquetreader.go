package lakeanalytics

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
)

// readParquet reads the rows of a file with the hidden columns. Columns that it
// does not have are missing in the rows.
func readParquet(object analytics.Object, columns []pipeline.Column) iter.Seq2[storedRow, error] {
	return func(yield func(storedRow, error) bool) {
		parsed, err := parseColumns(columns)
		if err == nil {
			err = eachParquetRow(object, parsed, yield)
		}
		if err != nil && !errors.Is(err, errEnded) {
			yield(storedRow{}, err)
		}
	}
}

func eachParquetRow(object analytics.Object, columns []column, yield func(storedRow, error) bool) (err error) {
	source := &sourceReaderAt{r: object}
	defer func() {
		if source.err != nil {
			err = source.err
		}
	}()
	file, err := openParquet(source, object.Size())
	if err != nil {
		return err
	}
	a, err := newAssembly(file, columns)
	if err != nil {
		return err
	}
	for number, group := range file.RowGroups() {
		if err := a.rowGroup(group, yield); err != nil {
			if errors.Is(err, errEnded) {
				return err
			}
			return corrupt("row group %d: %v", number, err)
		}
	}
	return nil
}

// sourceReaderAt remembers the error of a reader, to tell it from those of a
// format.
type sourceReaderAt struct {
	r   io.ReaderAt
	err error
}

func (s *sourceReaderAt) ReadAt(p []byte, offset int64) (int, error) {
	n, err := s.r.ReadAt(p, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// openParquet reads the footer of a file.
func openParquet(r io.ReaderAt, size int64) (file *parquet.File, err error) {
	err = guarded(func() (err error) {
		file, err = parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		return err
	})
	if err != nil {
		return nil, corrupt("footer: %v", err)
	}
	return file, nil
}

// guarded calls f and makes an error of a panic: the library's decoders panic
// at some of what is no Parquet.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoder: %v", r)
		}
	}()
	return f()
}

// assembly puts rows together from the values of leaves.
type assembly struct {
	columns  []*part
	at       *leafReader
	thing    *leafReader
	sequence *leafReader
	leaves   []*leafReader // by the number of the leaf in columns
	things   map[string]device.ID
}

// leafReader reads the values of a leaf of a row group.
type leafReader struct {
	index  int // of the column in the file
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buffer []parquet.Value
	ready  []parquet.Value
	ended  bool
}

var errLevels = errors.New("the columns don't belong together")

// newAssembly finds columns in a file. The types must be those that the file
// was written with.
func newAssembly(file *parquet.File, columns []column) (*assembly, error) {
	places := placesOf(file.Metadata().Schema)
	hidden := elementsOf(nil, true)[1:]
	at, hasAt := places[atMember]
	thing, hasThing := places[thingMember]
	sequence, hasSequence := places[sequenceMember]
	if !hasAt || !hasThing || !hasSequence || !isSchema(at.elements, hidden[:1]) || !isSchema(thing.elements, hidden[1:2]) || !isSchema(sequence.elements, hidden[2:]) {
		return nil, corrupt("schema: no columns %s, %s and %s as they have to be", atMember, thingMember, sequenceMember)
	}
	a := &assembly{things: map[string]device.ID{}, at: &leafReader{index: at.leaf}, thing: &leafReader{index: thing.leaf}, sequence: &leafReader{index: sequence.leaf}}
	for i := range columns {
		place, ok := places[columns[i].name]
		if !ok {
			continue // declared after the file was written
		}
		if !isSchema(place.elements, appendElements(nil, &columns[i], format.Optional)) {
			return nil, corrupt("schema: column %s is of another type", columns[i].name)
		}
		p := newPart(&columns[i], 0, 0, len(a.leaves), false)
		for leaf := range p.last - p.first {
			a.leaves = append(a.leaves, &leafReader{index: place.leaf + leaf})
		}
		a.columns = append(a.columns, p)
	}
	return a, nil
}

// place is where a column stands in a file.
type place struct {
	elements []format.SchemaElement // from its own on
	leaf     int                    // the number of its first leaf
}

func placesOf(elements []format.SchemaElement) map[string]place {
	places := map[string]place{}
	leaf := 0
	for i := 1; i < len(elements); {
		places[elements[i].Name] = place{elements[i:], leaf}
		for open := 1; open > 0 && i < len(elements); i++ { // until it and all below it are passed
			open += int(elements[i].NumChildren.V) - 1
			if elements[i].Type.Valid {
				leaf++
			}
		}
	}
	return places
}

// rowGroup yields the rows of a row group.
func (a *assembly) rowGroup(group parquet.RowGroup, yield func(storedRow, error) bool) error {
	chunks := group.ColumnChunks()
	all := append([]*leafReader{a.at, a.thing, a.sequence}, a.leaves...)
	defer func() {
		for _, leaf := range all {
			leaf.close()
		}
	}()
	for _, leaf := range all {
		leaf.open(chunks[leaf.index])
	}
	for range group.NumRows() {
		row, err := a.row()
		if err != nil {
			return err
		}
		if !yield(row, nil) {
			return errEnded
		}
	}
	return nil
}

func (l *leafReader) open(chunk parquet.ColumnChunk) {
	l.pages, l.ended, l.ready = chunk.Pages(), false, nil
	if l.buffer == nil {
		l.buffer = make([]parquet.Value, 256)
	}
}

func (l *leafReader) close() {
	parquet.Release(l.page)
	l.page = nil
	if l.pages != nil {
		l.pages.Close()
		l.pages = nil
	}
}

// peek returns the next value, nil at the end.
func (l *leafReader) peek() (*parquet.Value, error) {
	for len(l.ready) == 0 {
		if l.ended {
			return nil, nil
		}
		if err := guarded(l.fill); err != nil {
			return nil, err
		}
	}
	return &l.ready[0], nil
}

// fill reads values, or the next page.
func (l *leafReader) fill() error {
	if l.page == nil {
		page, err := l.pages.ReadPage()
		if errors.Is(err, io.EOF) {
			l.ended = true
			return nil
		}
		if err != nil {
			return err
		}
		l.page, l.values = page, page.Values()
	}
	n, err := l.values.ReadValues(l.buffer)
	l.ready = l.buffer[:n]
	switch {
	case errors.Is(err, io.EOF):
		if n == 0 {
			parquet.Release(l.page)
			l.page = nil
		}
		return nil
	case err == nil && n == 0:
		return io.ErrNoProgress
	}
	return err
}

// take returns the next value, which has to be there with this repetition
// level.
func (l *leafReader) take(rep int) (parquet.Value, error) {
	value, err := l.peek()
	switch {
	case err != nil:
		return parquet.Value{}, err
	case value == nil || value.RepetitionLevel() != rep:
		return parquet.Value{}, errLevels
	}
	l.ready = l.ready[1:]
	return *value, nil
}

// row puts the next row together.
func (a *assembly) row() (row storedRow, err error) {
	at, err := a.at.take(0)
	if err != nil {
		return row, err
	}
	row.At = time.Unix(0, at.Int64()).UTC()
	thing, err := a.thing.take(0)
	if err != nil {
		return row, err
	}
	if !thing.IsNull() {
		if row.Thing, err = a.id(thing.ByteArray()); err != nil {
			return row, err
		}
	}
	sequence, err := a.sequence.take(0)
	if err != nil {
		return row, err
	}
	row.sequence = uint64(sequence.Int64())
	payload := []byte{'{'}
	for _, p := range a.columns {
		before := len(payload)
		if before > 1 {
			payload = append(payload, ',')
		}
		payload = append(append(append(payload, '"'), p.name...), '"', ':')
		var there bool
		if payload, there, err = a.append(payload, p, 0); err != nil {
			return row, fmt.Errorf("column %s: %w", p.name, err)
		}
		if !there {
			payload = payload[:before]
		}
	}
	row.Payload = append(payload, '}')
	return row, nil
}

func (a *assembly) id(text []byte) (device.ID, error) {
	if id, known := a.things[string(text)]; known {
		return id, nil
	}
	id, err := device.ParseID(string(text))
	if err == nil && len(a.things) < 10_000 {
		a.things[id.String()] = id
	}
	return id, err
}

// append writes the value of a part in JSON; if there is none, nothing.
func (a *assembly) append(b []byte, p *part, rep int) (written []byte, there bool, err error) {
	next, err := a.leaves[p.first].peek()
	switch {
	case err != nil:
		return b, false, err
	case next == nil || next.RepetitionLevel() != rep:
		return b, false, errLevels
	case next.DefinitionLevel() < p.def:
		return b, false, a.skip(p, rep)
	}
	switch p.kind {
	case kindArray:
		b, err = a.appendArray(b, p, rep, next.DefinitionLevel() == p.def)
		return b, true, err
	case kindMap:
		b, err = a.appendMap(b, p, rep, next.DefinitionLevel() == p.def)
		return b, true, err
	case kindStruct:
		b, err = a.appendStruct(b, p, rep)
		return b, true, err
	}
	value, err := a.leaves[p.first].take(rep)
	if err != nil {
		return b, false, err
	}
	return appendLeaf(b, &p.columnType, &value)
}

// skip passes over the NULLs of a part that is not there.
func (a *assembly) skip(p *part, rep int) error {
	for leaf := p.first; leaf < p.last; leaf++ {
		value, err := a.leaves[leaf].take(rep)
		if err != nil {
			return err
		}
		if !value.IsNull() {
			return errLevels
		}
	}
	return nil
}

// more reports whether the array or map of a part goes on.
func (a *assembly) more(p *part) (bool, error) {
	next, err := a.leaves[p.first].peek()
	return err == nil && next != nil && next.RepetitionLevel() == p.rep, err
}

func (a *assembly) appendArray(b []byte, p *part, rep int, empty bool) ([]byte, error) {
	if empty {
		return append(b, '[', ']'), a.skip(p, rep)
	}
	b = append(b, '[')
	for {
		var there bool
		var err error
		if b, there, err = a.append(b, p.parts[0], rep); err != nil {
			return b, err
		}
		if !there {
			b = append(b, "null"...)
		}
		more, err := a.more(p)
		if err != nil {
			return b, err
		}
		if !more {
			return append(b, ']'), nil
		}
		rep = p.rep
		b = append(b, ',')
	}
}

func (a *assembly) appendMap(b []byte, p *part, rep int, empty bool) ([]byte, error) {
	if empty {
		return append(b, '{', '}'), a.skip(p, rep)
	}
	b = append(b, '{')
	for {
		var err error
		if b, err = a.appendKey(b, p.parts[0], rep); err != nil {
			return b, err
		}
		var there bool
		if b, there, err = a.append(append(b, ':'), p.parts[1], rep); err != nil {
			return b, err
		}
		if !there {
			b = append(b, "null"...)
		}
		more, err := a.more(p)
		if err != nil {
			return b, err
		}
		if !more {
			return append(b, '}'), nil
		}
		rep = p.rep
		b = append(b, ',')
	}
}

// appendKey writes the key of a map as a string.
func (a *assembly) appendKey(b []byte, p *part, rep int) ([]byte, error) {
	from := len(b)
	b, there, err := a.append(b, p, rep)
	switch {
	case err != nil:
		return b, err
	case !there:
		return b, errLevels
	case b[from] == '"':
		return b, nil
	}
	text := string(b[from:])
	return append(append(append(b[:from], '"'), text...), '"'), nil
}

func (a *assembly) appendStruct(b []byte, p *part, rep int) ([]byte, error) {
	b = append(b, '{')
	first := len(b)
	for _, child := range p.parts {
		before := len(b)
		if before > first {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), child.name...), '"', ':')
		var there bool
		var err error
		if b, there, err = a.append(b, child, rep); err != nil {
			return b, err
		}
		if !there {
			b = b[:before]
		}
	}
	return append(b, '}'), nil
}

// appendLeaf writes a value in JSON, such that it is read as the same again.
// What JSON can't have is not there.
func appendLeaf(b []byte, t *columnType, value *parquet.Value) (written []byte, there bool, err error) {
	switch t.kind {
	case kindTinyint, kindSmallint, kindInt:
		return strconv.AppendInt(b, int64(value.Int32()), 10), true, nil
	case kindBigint:
		return strconv.AppendInt(b, value.Int64(), 10), true, nil
	case kindBoolean:
		return strconv.AppendBool(b, value.Boolean()), true, nil
	case kindDouble:
		return appendNumber(b, value.Double(), 64)
	case kindFloat:
		return appendNumber(b, float64(value.Float()), 32)
	case kindTimestamp:
		if !isTimestamp(value.Int64()) {
			return b, false, fmt.Errorf("a timestamp out of range")
		}
		return append(appendTimestamp(append(b, '"'), value.Int64()), '"'), true, nil
	case kindDate:
		if !isDate(value.Int32()) {
			return b, false, fmt.Errorf("a date out of range")
		}
		return append(appendDate(append(b, '"'), value.Int32()), '"'), true, nil
	case kindBinary:
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), value.ByteArray()), '"'), true, nil
	case kindDecimal:
		digits, negative := digitsOfDecimal(t, value)
		return appendDecimal(b, digits, negative, t.scale), true, nil
	}
	return appendQuoted(b, value.ByteArray()), true, nil
}

func appendNumber(b []byte, f float64, bits int) ([]byte, bool, error) {
	if f-f != 0 { // not a number, or infinite
		return b, false, nil
	}
	return appendFloat(b, f, bits), true, nil
}

func digitsOfDecimal(t *columnType, value *parquet.Value) (digits []byte, negative bool) {
	if t.precision > 18 {
		m, negative := wideFrom(value.ByteArray())
		return m.digits(), negative
	}
	n := int64(value.Int32())
	if t.precision > 9 {
		n = value.Int64()
	}
	if n < 0 {
		return strconv.AppendUint(nil, -uint64(n), 10), true
	}
	return strconv.AppendUint(nil, uint64(n), 10), false
}
