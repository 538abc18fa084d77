package lakeanalytics

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
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

// start begins a row group.
func (l *leafReader) start(r io.ReaderAt, group *format.RowGroup) error {
	l.at, l.value = 0, 0
	if err := l.open(r, &group.Columns[l.index].MetaData); err != nil {
		return fmt.Errorf("column %s: %w", l.path, err)
	}
	return nil
}

// there reports whether there is another value, and reads its page.
func (l *leafReader) there() (bool, error) {
	for l.at >= l.total {
		l.at, l.value, l.total = 0, 0, 0
		if err := l.next(); errors.Is(err, io.EOF) {
			return false, nil
		} else if err != nil {
			return false, fmt.Errorf("column %s: %w", l.path, err)
		}
	}
	return true, nil
}

// peek returns the levels of the next value, which has to have a repetition
// level.
func (l *leafReader) peek(rep int) (def int, err error) {
	there, err := l.there()
	switch {
	case err != nil:
		return 0, err
	case !there || l.rep() != rep:
		return 0, errLevels
	}
	return l.def(), nil
}

func (l *leafReader) rep() int {
	if l.maxRep == 0 {
		return 0
	}
	return int(l.reps[l.at])
}

func (l *leafReader) def() int {
	if l.maxDef == 0 {
		return 0
	}
	return int(l.defs[l.at])
}

// take passes over the next value, which has to have a repetition level, and
// returns its place among the values of the page, or -1 for a NULL.
func (l *leafReader) take(rep int) (int, error) {
	def, err := l.peek(rep)
	if err != nil {
		return 0, err
	}
	l.at++
	if def < l.maxDef {
		return -1, nil
	}
	l.value++
	return l.value - 1, nil
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

// append writes a value in JSON, such that it is read as the same again. What
// JSON can't have is not there.
func (l *leafReader) append(b []byte, i int) (written []byte, there bool, err error) {
	switch l.kind {
	case kindString, kindChar, kindVarchar:
		return appendQuoted(b, l.text(i)), true, nil
	case kindBinary:
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), l.text(i)), '"'), true, nil
	case kindDecimal:
		digits, negative := l.decimal(i)
		return appendDecimal(b, digits, negative, l.scale), true, nil
	}
	n := l.number(i)
	switch l.kind {
	case kindBoolean:
		return strconv.AppendBool(b, n != 0), true, nil
	case kindDouble:
		return appendNumber(b, math.Float64frombits(n), 64)
	case kindFloat:
		return appendNumber(b, float64(math.Float32frombits(uint32(n))), 32)
	case kindTimestamp:
		if !isTimestamp(int64(n)) {
			return b, false, errors.New("a timestamp out of range")
		}
		return append(appendTimestamp(append(b, '"'), int64(n)), '"'), true, nil
	case kindDate:
		if !isDate(int32(n)) {
			return b, false, errors.New("a date out of range")
		}
		return append(appendDate(append(b, '"'), int32(n)), '"'), true, nil
	}
	return strconv.AppendInt(b, int64(n), 10), true, nil
}

func appendNumber(b []byte, f float64, bits int) ([]byte, bool, error) {
	if f-f != 0 { // not a number, or infinite
		return b, false, nil
	}
	return appendFloat(b, f, bits), true, nil
}

// decimal returns the digits of a decimal.
func (l *leafReader) decimal(i int) (digits []byte, negative bool) {
	if l.precision > 18 {
		m, negative := wideFrom(l.text(i))
		return m.digits(), negative
	}
	n := int64(l.number(i))
	if n < 0 {
		return strconv.AppendUint(nil, -uint64(n), 10), true
	}
	return strconv.AppendUint(nil, uint64(n), 10), false
}
