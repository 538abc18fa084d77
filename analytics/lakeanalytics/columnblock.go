package lakeanalytics

import (
	"io"
	"math"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go/format"

	"github.com/iotenant/iotenant/analytics"
)

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
	for i, by := range s.by {
		by.known = by.known[:0]
		by.forget(&s.block.By[i])
	}
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
	for i, by := range s.by {
		texts := &s.block.By[i]
		texts.Rows = resized(texts.Rows, n)
		if err := by.each(n, by.namesInto(texts)); err != nil {
			return err
		}
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

// namesInto reads names. Those of a row group are numbered as they come.
func (l *label) namesInto(texts *analytics.ColumnTexts) func(at, count, value int, defs []byte) {
	return func(at, count, value int, defs []byte) {
		rows := texts.Rows[at : at+count]
		indexes := l.pageReader.values.indexes
		if indexes != nil {
			for len(l.known) < max(len(l.dictionary.texts), len(l.dictionary.numbers)) {
				l.known = append(l.known, -1)
			}
		}
		for i := range rows {
			switch {
			case defs != nil && defs[i] == 0:
				rows[i] = -1
				continue
			case indexes == nil:
				rows[i] = l.number(texts, l.textAt(value))
			default:
				entry := &l.known[indexes[value]]
				if *entry < 0 {
					*entry = l.number(texts, l.textAt(value))
				}
				rows[i] = *entry
			}
			value++
		}
	}
}

func (l *label) textAt(value int) []byte {
	switch l.column.kind {
	case kindString, kindChar, kindVarchar:
		return l.text(value)
	case kindBoolean:
		return strconv.AppendBool(nil, l.pageReader.number(value) != 0)
	}
	return strconv.AppendInt(nil, int64(l.pageReader.number(value)), 10)
}

// names numbers the texts of a column as they come.
type names struct {
	numbers map[string]int32
	bytes   int
}

func (n *names) number(texts *analytics.ColumnTexts, text []byte) int32 {
	if number, known := n.numbers[string(text)]; known {
		return number
	}
	number, name := int32(len(texts.Names)), string(text)
	n.numbers[name] = number
	n.bytes += len(name)
	texts.Names = append(texts.Names, name)
	return number
}

// forget makes room for others.
func (n *names) forget(texts *analytics.ColumnTexts) {
	clear(texts.Names)
	texts.Names, n.numbers, n.bytes = texts.Names[:0], map[string]int32{}, 0
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
