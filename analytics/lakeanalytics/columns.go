package lakeanalytics

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go/format"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// Columns reads columns of data stores that are kept as Parquet: what
// [analytics.AggregateColumns] needs. It is safe for concurrent use.
type Columns struct {
	lake    analytics.Lake
	objects analytics.Objects
}

var _ analytics.ColumnScanner = (*Columns)(nil)

// NewColumns reads data stores of lake, whose files are in objects.
func NewColumns(lake analytics.Lake, objects analytics.Objects) *Columns {
	return &Columns{lake: lake, objects: objects}
}

// ScanColumns implements [analytics.ColumnScanner]. It passes over files and row
// groups whose times all lie out of the bounds, as their statistics tell. A data
// store that is not Parquet is [analytics.ErrQuery].
func (c *Columns) ScanColumns(ctx context.Context, id tenant.ID, scan analytics.ColumnScan) iter.Seq2[*analytics.ColumnBlock, error] {
	return func(yield func(*analytics.ColumnBlock, error) bool) {
		if err := c.scan(ctx, id, scan, yield); err != nil && !errors.Is(err, errEnded) {
			yield(nil, err)
		}
	}
}

func (c *Columns) scan(ctx context.Context, id tenant.ID, scan analytics.ColumnScan, yield func(*analytics.ColumnBlock, error) bool) error {
	snapshot, err := c.lake.Snapshot(ctx, id, analytics.TableID{Kind: analytics.DatastoreTable, Name: scan.Datastore})
	if err != nil {
		return err
	}
	s, err := newColumnScan(&snapshot.Table, scan)
	if err != nil {
		return err
	}
	for i := range snapshot.Files {
		file := &snapshot.Files[i]
		if scan.Time == "" && s.isOut(file.First.UnixNano(), file.Last.UnixNano()) {
			continue
		}
		if err := c.file(ctx, id, file.Name, s, yield); err != nil {
			return err
		}
	}
	return nil
}

func (c *Columns) file(ctx context.Context, id tenant.ID, name string, s *columnScan, yield func(*analytics.ColumnBlock, error) bool) error {
	object, err := c.objects.Open(ctx, id, name)
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }()
	source := &sourceReaderAt{r: object}
	err = s.file(ctx, source, object.Size(), yield)
	switch {
	case source.err != nil:
		return source.err
	case err == nil, errors.Is(err, errEnded), errors.Is(err, analytics.ErrQuery), ctx.Err() != nil:
		return cmp.Or(ctx.Err(), err)
	}
	return corrupt("%s: %v", name, err)
}

// columnScan reads the columns of a scan, file by file.
type columnScan struct {
	from, to int64 // both included
	time, by *scanned
	values   []*scanned
	columns  []*scanned // all of them
	block    analytics.ColumnBlock
	names    map[string]int32
}

// scanned is a column of a scan.
type scanned struct {
	column
	required bool
	missing  bool    // in the file
	known    []int32 // the name of each entry of the dictionary, -1 unless it is known
	leafReader
}

// newColumnScan finds the columns. The error is [analytics.ErrQuery].
func newColumnScan(table *analytics.Table, scan analytics.ColumnScan) (*columnScan, error) {
	if table.Format != pipeline.FormatParquet {
		return nil, fmt.Errorf("%w: data store %q has no columns: it is not Parquet", analytics.ErrQuery, table.Name)
	}
	columns, err := parseColumns(table.Columns)
	if err != nil {
		return nil, err
	}
	find := func(name string, fits func(t *columnType) bool) (*scanned, error) {
		for i := range columns {
			if columns[i].name != strings.ToLower(name) {
				continue
			}
			if !fits(&columns[i].columnType) {
				return nil, fmt.Errorf("%w: column %q is of the type %s", analytics.ErrQuery, name, table.Columns[i].Type)
			}
			return &scanned{column: columns[i]}, nil
		}
		return nil, fmt.Errorf("%w: no column %q", analytics.ErrQuery, name)
	}
	s := &columnScan{from: math.MinInt64 + 1, to: math.MaxInt64, time: &scanned{column: column{atMember, *atType}, required: true}, by: &scanned{column: column{thingMember, *thingType}}}
	if scan.Time != "" {
		if s.time, err = find(scan.Time, isTime); err != nil {
			return nil, err
		}
	}
	if scan.By != "" {
		if s.by, err = find(scan.By, isLabel); err != nil {
			return nil, err
		}
	}
	s.columns = []*scanned{s.time, s.by}
	for _, name := range scan.Values {
		value, err := find(name, isQuantity)
		if err != nil {
			return nil, err
		}
		s.values, s.columns = append(s.values, value), append(s.columns, value)
	}
	s.block.Values = make([][]float64, len(s.values))
	if !scan.From.IsZero() {
		s.from = scan.From.UnixNano()
	}
	if !scan.To.IsZero() {
		s.to = scan.To.UnixNano() - 1
	}
	return s, nil
}

func isQuantity(t *columnType) bool {
	switch t.kind {
	case kindTinyint, kindSmallint, kindInt, kindBigint, kindDouble, kindFloat, kindDecimal:
		return true
	}
	return false
}

func isTime(t *columnType) bool {
	return isQuantity(t) || t.kind == kindTimestamp || t.kind == kindDate
}

func isLabel(t *columnType) bool {
	switch t.kind {
	case kindString, kindChar, kindVarchar, kindTinyint, kindSmallint, kindInt, kindBigint, kindBoolean:
		return true
	}
	return false
}

// isOut reports whether times from least to greatest are all out of bounds.
func (s *columnScan) isOut(least, greatest int64) bool { return greatest < s.from || least > s.to }

// file yields the columns of a file.
func (s *columnScan) file(ctx context.Context, r io.ReaderAt, size int64, yield func(*analytics.ColumnBlock, error) bool) error {
	footer, err := readFooter(r, size)
	if err != nil {
		return fmt.Errorf("footer: %w", err)
	}
	for _, c := range s.columns {
		if err := c.find(footer); err != nil {
			return err
		}
	}
	if s.time.missing {
		return nil
	}
	for i := range footer.RowGroups {
		if err := ctx.Err(); err != nil {
			return err
		}
		group := &footer.RowGroups[i]
		if s.isGroupOut(group) {
			continue
		}
		if err := s.rowGroup(r, group, yield); err != nil {
			if errors.Is(err, errEnded) {
				return err
			}
			return fmt.Errorf("row group %d: %w", i, err)
		}
	}
	return nil
}

// find finds the column in a file, unless it was declared later.
func (c *scanned) find(f *footer) error {
	place, there := f.places[c.name]
	repetition := format.Optional
	c.pageReader.columnType, c.maxDef, c.path = &c.column.columnType, 1, c.name
	if c.required {
		repetition, c.maxDef = format.Required, 0
	}
	switch c.missing = !there; {
	case c.missing && strings.HasPrefix(c.name, "__"):
		return fmt.Errorf("no column %s", c.name)
	case c.missing:
		return nil
	case !isSchema(place.elements, appendElements(nil, &c.column, repetition)):
		return fmt.Errorf("column %s is of another type", c.name)
	}
	c.index = place.leaf
	return nil
}

// isGroupOut reports whether the statistics of a row group tell that all of its
// times are out of bounds.
func (s *columnScan) isGroupOut(group *format.RowGroup) bool {
	statistics := &group.Columns[s.time.index].MetaData.Statistics
	least, ok := s.time.bound(statistics.MinValue)
	greatest, fine := s.time.bound(statistics.MaxValue)
	return ok && fine && s.isOut(s.time.nanoseconds(least), s.time.nanoseconds(greatest)) && s.time.nanoseconds(least) <= s.time.nanoseconds(greatest)
}

// bound reads a bound of integers: those of the others are not worth it.
func (c *scanned) bound(data []byte) (uint64, bool) {
	switch t := &c.column.columnType; {
	case physicalOf(t) == format.Int64 && len(data) == 8:
		return binary.LittleEndian.Uint64(data), t.kind != kindDecimal
	case physicalOf(t) == format.Int32 && len(data) == 4:
		return uint64(int64(int32(binary.LittleEndian.Uint32(data)))), t.kind != kindDecimal
	}
	return 0, false
}

// blockRows is the length of a block.
const blockRows = pageValues

// rowGroup yields the rows of a row group.
func (s *columnScan) rowGroup(r io.ReaderAt, group *format.RowGroup, yield func(*analytics.ColumnBlock, error) bool) error {
	for _, c := range s.columns {
		if c.missing {
			continue
		}
		if err := c.start(r, group); err != nil {
			return err
		}
	}
	s.block.Names, s.names = s.block.Names[:0], map[string]int32{}
	s.by.fresh()
	for left := int(group.NumRows); left > 0; {
		n := min(left, blockRows)
		if err := s.fill(n); err != nil {
			return err
		}
		if !yield(&s.block, nil) {
			return errEnded
		}
		left -= n
	}
	return nil
}

// fill reads n rows into the block.
func (s *columnScan) fill(n int) error {
	s.block.Times = resized(s.block.Times, n)
	if err := s.time.each(n, s.timesOf()); err != nil {
		return err
	}
	s.block.By = resized(s.block.By, n)
	if err := s.by.each(n, s.namesOf()); err != nil {
		return err
	}
	for i, c := range s.values {
		s.block.Values[i] = resized(s.block.Values[i], n)
		if err := c.each(n, numbersInto(c, s.block.Values[i])); err != nil {
			return err
		}
	}
	return nil
}

func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// each calls take with the parts of the next n rows that are on one page: where
// the part begins, its length, and the definition levels, empty if nothing is
// NULL; value is the place of the first value.
func (c *scanned) each(n int, take func(at, count, value int, defs []byte)) error {
	if c.missing {
		take(0, n, 0, make([]byte, n))
		return nil
	}
	for at := 0; at < n; {
		there, err := c.there()
		if err != nil {
			return err
		}
		if !there {
			return errLevels
		}
		count := min(n-at, c.total-c.leafReader.at)
		var defs []byte
		present := count
		if c.pageReader.values.n < c.total {
			defs = c.defs[c.leafReader.at : c.leafReader.at+count]
			present = 0
			for _, def := range defs {
				present += int(def)
			}
		}
		take(at, count, c.value, defs)
		at, c.leafReader.at, c.value = at+count, c.leafReader.at+count, c.value+present
	}
	return nil
}

// timesOf reads times into the block.
func (s *columnScan) timesOf() func(at, count, value int, defs []byte) {
	return func(at, count, value int, defs []byte) {
		times := s.block.Times[at : at+count]
		for i := range times {
			if defs != nil && defs[i] == 0 {
				times[i] = analytics.NoTime
				continue
			}
			times[i] = s.time.timeAt(value)
			value++
		}
	}
}

// timeAt returns a time in nanoseconds.
func (c *scanned) timeAt(i int) int64 {
	if c.column.kind == kindDecimal {
		return nanosecondsOf(c.float(i))
	}
	return c.nanoseconds(c.number(i))
}

// nanoseconds converts what a column of times holds. Beyond what can be told in
// nanoseconds there is no time.
func (c *scanned) nanoseconds(n uint64) int64 {
	v := int64(n)
	switch c.column.kind {
	case kindTimestamp:
		return times(v, 1000)
	case kindDate:
		return times(v, microsPerDay*1000)
	case kindDouble:
		return nanosecondsOf(math.Float64frombits(n))
	case kindFloat:
		return nanosecondsOf(float64(math.Float32frombits(uint32(n))))
	}
	switch {
	case c.name == atMember:
		return v
	case v >= millisecondFrom:
		return times(v, int64(time.Millisecond))
	}
	return times(v, int64(time.Second))
}

func times(v, unit int64) int64 {
	if v > math.MaxInt64/unit || v < math.MinInt64/unit {
		return analytics.NoTime
	}
	return v * unit
}

func nanosecondsOf(f float64) int64 {
	unit := 1e9
	if f >= millisecondFrom {
		unit = 1e6
	}
	if f = math.Floor(f * unit); !(math.Abs(f) < 1<<63) {
		return analytics.NoTime
	}
	return int64(f)
}

// fresh forgets which names the dictionary has.
func (c *scanned) fresh() {
	c.known = c.known[:0]
}

// namesOf reads names into the block. Those of a row group are numbered as they
// come.
func (s *columnScan) namesOf() func(at, count, value int, defs []byte) {
	return func(at, count, value int, defs []byte) {
		by := s.block.By[at : at+count]
		indexes := s.by.pageReader.values.indexes
		if indexes != nil {
			for len(s.by.known) < max(len(s.by.dictionary.texts), len(s.by.dictionary.numbers)) {
				s.by.known = append(s.by.known, -1)
			}
		}
		for i := range by {
			switch {
			case defs != nil && defs[i] == 0:
				by[i] = -1
				continue
			case indexes == nil:
				by[i] = s.nameOf(value)
			default:
				entry := &s.by.known[indexes[value]]
				if *entry < 0 {
					*entry = s.nameOf(value)
				}
				by[i] = *entry
			}
			value++
		}
	}
}

func (s *columnScan) nameOf(value int) int32 {
	var text []byte
	switch s.by.column.kind {
	case kindString, kindChar, kindVarchar:
		text = s.by.text(value)
	case kindBoolean:
		text = strconv.AppendBool(nil, s.by.number(value) != 0)
	default:
		text = strconv.AppendInt(nil, int64(s.by.number(value)), 10)
	}
	if number, known := s.names[string(text)]; known {
		return number
	}
	number := int32(len(s.block.Names))
	s.names[string(text)] = number
	s.block.Names = append(s.block.Names, string(text))
	return number
}

// numbersInto reads the numbers of a column.
func numbersInto(c *scanned, numbers []float64) func(at, count, value int, defs []byte) {
	return func(at, count, value int, defs []byte) {
		part := numbers[at : at+count]
		v := &c.pageReader.values
		switch {
		case defs == nil && c.column.kind == kindDouble && v.indexes != nil:
			entries := c.dictionary.numbers
			for i, index := range v.indexes[value : value+count] {
				part[i] = math.Float64frombits(entries[index])
			}
		case defs == nil && c.column.kind == kindDouble:
			for i, n := range v.numbers[value : value+count] {
				part[i] = math.Float64frombits(n)
			}
		default:
			for i := range part {
				if defs != nil && defs[i] == 0 {
					part[i] = math.NaN()
					continue
				}
				part[i] = c.float(value)
				value++
			}
		}
	}
}

// float returns a value as the nearest float64.
func (c *scanned) float(i int) float64 {
	switch c.column.kind {
	case kindDouble:
		return math.Float64frombits(c.number(i))
	case kindFloat:
		return float64(math.Float32frombits(uint32(c.number(i))))
	case kindDecimal:
		digits, negative := c.decimal(i)
		f, _ := doubleOf(appendDecimal(nil, digits, negative, c.column.scale))
		return f
	}
	return float64(int64(c.number(i)))
}
