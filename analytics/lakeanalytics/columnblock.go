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
