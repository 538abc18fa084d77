package lakeanalytics

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/parquet-go/parquet-go/format"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
)

// readParquet reads the rows of a file with the hidden columns, without row
// groups that end before a time. Columns that it does not have are missing in
// the rows.
func readParquet(object analytics.Object, columns []pipeline.Column, from int64) iter.Seq2[storedRow, error] {
	return func(yield func(storedRow, error) bool) {
		parsed, err := parseColumns(columns)
		if err == nil {
			err = eachParquetRow(object, parsed, from, yield)
		}
		if err != nil && !errors.Is(err, errEnded) {
			yield(storedRow{}, err)
		}
	}
}

func eachParquetRow(object analytics.Object, columns []column, from int64, yield func(storedRow, error) bool) (err error) {
	source := &sourceReaderAt{r: object}
	defer func() {
		if source.err != nil {
			err = source.err
		}
	}()
	file, err := readFooter(source, object.Size())
	if err != nil {
		return corrupt("footer: %v", err)
	}
	a, err := newAssembly(file, columns)
	if err != nil {
		return corrupt("schema: %v", err)
	}
	for number := range file.RowGroups {
		if a.endsBefore(&file.RowGroups[number], from) {
			continue
		}
		if err := a.rowGroup(source, &file.RowGroups[number], yield); err != nil {
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

// assembly puts rows together from the values of leaves.
type assembly struct {
	columns             []*part
	at, sequence, thing *leafReader
	leaves              []*leafReader // by the number of the leaf in columns
	things              map[string]device.ID
}

// leafReader goes through the values of a leaf.
type leafReader struct {
	pageReader
	index     int // of the leaf in the file
	path      string
	at, value int // on the page
}

var errLevels = errors.New("the columns don't belong together")

// newAssembly finds columns in a file. The types must be those that the file
// was written with.
func newAssembly(file *footer, columns []column) (*assembly, error) {
	a := &assembly{things: map[string]device.ID{}}
	var err error
	if a.at, err = file.hidden(atMember, atType, format.Required); err != nil {
		return nil, err
	}
	if a.sequence, err = file.hidden(sequenceMember, atType, format.Required); err != nil {
		return nil, err
	}
	if a.thing, err = file.hidden(thingMember, thingType, format.Optional); err != nil {
		return nil, err
	}
	for i := range columns {
		place, ok := file.places[columns[i].name]
		if !ok {
			continue // declared after the file was written
		}
		if !isSchema(place.elements, appendElements(nil, &columns[i], format.Optional)) {
			return nil, fmt.Errorf("column %s is of another type", columns[i].name)
		}
		p := newPart(&columns[i], 0, 0, len(a.leaves), false)
		p.eachLeaf(func(leaf *part) {
			a.leaves = append(a.leaves, &leafReader{pageReader: pageReader{columnType: &leaf.columnType, maxDef: leaf.def, maxRep: leaf.rep}, index: place.leaf + leaf.first - p.first, path: p.name})
		})
		a.columns = append(a.columns, p)
	}
	return a, nil
}

// hidden returns the reader of a hidden column.
func (f *footer) hidden(name string, t *columnType, repetition format.FieldRepetitionType) (*leafReader, error) {
	place, ok := f.places[name]
	if !ok || !isSchema(place.elements, []format.SchemaElement{element(name, t, repetition)}) {
		return nil, fmt.Errorf("no column %s as it has to be", name)
	}
	l := &leafReader{pageReader: pageReader{columnType: t}, index: place.leaf, path: name}
	if repetition == format.Optional {
		l.maxDef = 1
	}
	return l, nil
}

func (p *part) eachLeaf(f func(leaf *part)) {
	if len(p.parts) == 0 {
		f(p)
	}
	for _, child := range p.parts {
		child.eachLeaf(f)
	}
}

// endsBefore reports whether the file says that all rows of a group are of
// before a time.
func (a *assembly) endsBefore(group *format.RowGroup, at int64) bool {
	if a.at.index >= len(group.Columns) {
		return false
	}
	greatest := group.Columns[a.at.index].MetaData.Statistics.MaxValue
	return len(greatest) == 8 && int64(binary.LittleEndian.Uint64(greatest)) < at
}

// rowGroup yields the rows of a row group.
func (a *assembly) rowGroup(r io.ReaderAt, group *format.RowGroup, yield func(storedRow, error) bool) error {
	all := append([]*leafReader{a.at, a.sequence, a.thing}, a.leaves...)
	for _, leaf := range all {
		if err := leaf.start(r, group); err != nil {
			return err
		}
	}
	for range group.NumRows {
		row, err := a.row()
		if err != nil {
			return err
		}
		if !yield(row, nil) {
			return errEnded
		}
	}
	for _, leaf := range all {
		if there, err := leaf.there(); err != nil || there {
			return cmp.Or(err, errLevels)
		}
	}
	return nil
}

// row puts the next row together.
func (a *assembly) row() (row storedRow, err error) {
	at, err := a.at.take(0)
	if err != nil {
		return row, err
	}
	row.At = time.Unix(0, int64(a.at.number(at))).UTC()
	sequence, err := a.sequence.take(0)
	if err != nil {
		return row, err
	}
	row.sequence = a.sequence.number(sequence)
	thing, err := a.thing.take(0)
	if err != nil {
		return row, err
	}
	if thing >= 0 {
		if row.Thing, err = a.id(a.thing.text(thing)); err != nil {
			return row, err
		}
	}
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
	leaf := a.leaves[p.first]
	def, err := leaf.peek(rep)
	switch {
	case err != nil:
		return b, false, err
	case def < p.def:
		return b, false, a.skip(p, rep)
	}
	switch p.kind {
	case kindArray:
		b, err = a.appendArray(b, p, rep, def == p.def)
		return b, true, err
	case kindMap:
		b, err = a.appendMap(b, p, rep, def == p.def)
		return b, true, err
	case kindStruct:
		b, err = a.appendStruct(b, p, rep)
		return b, true, err
	}
	i, err := leaf.take(rep)
	if err != nil {
		return b, false, err
	}
	return leaf.append(b, i)
}

// skip passes over the NULLs of a part that is not there.
func (a *assembly) skip(p *part, rep int) error {
	for leaf := p.first; leaf < p.last; leaf++ {
		value, err := a.leaves[leaf].take(rep)
		if err != nil {
			return err
		}
		if value >= 0 {
			return errLevels
		}
	}
	return nil
}

// more reports whether the array or map of a part goes on.
func (a *assembly) more(p *part) (bool, error) {
	leaf := a.leaves[p.first]
	there, err := leaf.there()
	return there && leaf.rep() == p.rep, err
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
