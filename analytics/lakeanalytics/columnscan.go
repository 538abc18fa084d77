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
	"strings"

	"github.com/parquet-go/parquet-go/format"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

var _ analytics.ColumnScanner = (*Lake)(nil)

// ScanColumns implements [analytics.ColumnScanner]. It passes over files whose
// times all lie out of the bounds, and in them over row groups, or members, as
// their statistics tell.
//
// A data store of JSON is read as one of Parquet would be with the attributes
// as columns: those of numbers as double, Time as timestamp, By as string. Any
// name is a column; a row that has no such attribute has no value.
func (l *Lake) ScanColumns(ctx context.Context, id tenant.ID, scan analytics.ColumnScan) iter.Seq2[*analytics.ColumnBlock, error] {
	return func(yield func(*analytics.ColumnBlock, error) bool) {
		if err := l.scanColumns(ctx, id, scan, yield); err != nil && !errors.Is(err, errEnded) {
			yield(nil, err)
		}
	}
}

// blockRows is the length of a block.
const blockRows = pageValues

// fileScan yields the columns of one file after the other.
type fileScan interface {
	file(ctx context.Context, r *io.SectionReader, yield func(*analytics.ColumnBlock, error) bool) error
}

func (l *Lake) scanColumns(ctx context.Context, id tenant.ID, scan analytics.ColumnScan, yield func(*analytics.ColumnBlock, error) bool) error {
	snapshot, err := l.Snapshot(ctx, id, analytics.TableID{Kind: analytics.DatastoreTable, Name: scan.Datastore})
	if err != nil {
		return err
	}
	times := boundsOf(&scan)
	files, err := newFileScan(&snapshot.Table, &scan, times)
	if err != nil {
		return err
	}
	for i := range snapshot.Files {
		file := &snapshot.Files[i]
		if scan.Time == "" && times.isOut(file.First.UnixNano(), file.Last.UnixNano()) {
			continue
		}
		if err := l.scanFile(ctx, id, file.Name, files, yield); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func newFileScan(table *analytics.Table, scan *analytics.ColumnScan, times timeBounds) (fileScan, error) {
	if table.Format == pipeline.FormatParquet {
		return newColumnScan(table, scan, times)
	}
	return newLineScan(scan, times)
}

func (l *Lake) scanFile(ctx context.Context, id tenant.ID, name string, files fileScan, yield func(*analytics.ColumnBlock, error) bool) error {
	object, err := l.objects.Open(ctx, id, name)
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }()
	source := &sourceReaderAt{r: object}
	err = files.file(ctx, io.NewSectionReader(source, 0, object.Size()), yield)
	switch {
	case source.err != nil:
		return source.err
	case err == nil, errors.Is(err, errEnded), ctx.Err() != nil:
		return cmp.Or(ctx.Err(), err)
	}
	return corrupt("%s: %v", name, err)
}

// timeBounds are Unix times in nanoseconds, both included.
type timeBounds struct{ from, to int64 }

func boundsOf(scan *analytics.ColumnScan) timeBounds {
	b := timeBounds{from: math.MinInt64 + 1, to: math.MaxInt64}
	if !scan.From.IsZero() {
		b.from = scan.From.UnixNano()
	}
	if !scan.To.IsZero() {
		b.to = scan.To.UnixNano() - 1
	}
	return b
}

// isOut reports whether times from least to greatest are all out of bounds.
func (b timeBounds) isOut(least, greatest int64) bool { return greatest < b.from || least > b.to }

// columnScan reads the columns of a scan from files of Parquet.
type columnScan struct {
	times   timeBounds
	time    *scanned
	by      []*label
	values  []*scanned
	columns []*scanned // all of them
	block   analytics.ColumnBlock
}

// label is a column of By.
type label struct {
	*scanned
	known []int32 // the name of each entry of the dictionary, -1 unless it is known
	names
}

// scanned is a column of a scan.
type scanned struct {
	column
	required bool
	missing  bool // in the file
	leafReader
}

// newColumnScan finds the columns. The error is [analytics.ErrQuery].
func newColumnScan(table *analytics.Table, scan *analytics.ColumnScan, times timeBounds) (*columnScan, error) {
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
	s := &columnScan{times: times, time: &scanned{column: column{atMember, *atType}, required: true}}
	if scan.Time != "" {
		if s.time, err = find(scan.Time, isTime); err != nil {
			return nil, err
		}
	}
	s.columns = []*scanned{s.time}
	for _, name := range scan.By {
		by := &scanned{column: column{thingMember, *thingType}}
		if name != analytics.ByThing {
			if by, err = find(name, isLabel); err != nil {
				return nil, err
			}
		}
		s.by, s.columns = append(s.by, &label{scanned: by}), append(s.columns, by)
	}
	for _, name := range scan.Values {
		value, err := find(name, isQuantity)
		if err != nil {
			return nil, err
		}
		s.values, s.columns = append(s.values, value), append(s.columns, value)
	}
	s.block.By, s.block.Values = make([]analytics.ColumnTexts, len(s.by)), make([][]float64, len(s.values))
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

// file yields the columns of a file.
func (s *columnScan) file(ctx context.Context, r *io.SectionReader, yield func(*analytics.ColumnBlock, error) bool) error {
	footer, err := readFooter(r, r.Size())
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
	return ok && fine && s.times.isOut(s.time.nanoseconds(least), s.time.nanoseconds(greatest)) && s.time.nanoseconds(least) <= s.time.nanoseconds(greatest)
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
