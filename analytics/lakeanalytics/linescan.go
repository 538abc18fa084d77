package lakeanalytics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// lineScan reads the columns of a scan from files of JSON lines. Blocks end
// early when the names in them are long.
type lineScan struct {
	times    timeBounds
	arrival  bool // the time is that of the hidden member: rows are in its order
	row      attributes
	time, by int   // the places of attributes
	values   []int // likewise
	block    analytics.ColumnBlock
	names    map[string]int32
	held     int // bytes of the names
	text     []byte
}

// blockNames is how many bytes of names are kept from block to block.
const blockNames = 1 << 20

// newLineScan looks at the names. The error is [analytics.ErrQuery].
func newLineScan(scan *analytics.ColumnScan, times timeBounds) (*lineScan, error) {
	s := &lineScan{times: times, arrival: scan.Time == "", names: map[string]int32{}}
	var err error
	if s.time, err = s.want(scan.Time, atMember); err != nil {
		return nil, err
	}
	if s.by, err = s.want(scan.By, thingMember); err != nil {
		return nil, err
	}
	for _, name := range scan.Values {
		place, err := s.want(name, "")
		if err != nil {
			return nil, err
		}
		s.values = append(s.values, place)
	}
	s.block.Values = make([][]float64, len(s.values))
	return s, nil
}

// want returns the place of an attribute, that of a hidden member if name is
// empty.
func (s *lineScan) want(name, hidden string) (int, error) {
	switch {
	case name == "" && hidden != "":
		name = hidden
	case name == "" || len(name) > pipeline.MaxFieldName || strings.HasPrefix(name, "__"):
		return 0, fmt.Errorf("%w: no column %.300q", analytics.ErrQuery, name)
	}
	return s.row.want([]byte(name)), nil
}

// file yields the columns of a file.
func (s *lineScan) file(ctx context.Context, r *io.SectionReader, yield func(*analytics.ColumnBlock, error) bool) error {
	start := int64(0)
	if s.arrival {
		var err error
		if start, err = offsetBefore(r, s.times.from); err != nil {
			return err
		}
	}
	err := eachLine(io.NewSectionReader(r, start, r.Size()-start), func(number int, line []byte) error {
		if number%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.add(line); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if len(s.block.Times) < blockRows && s.held < blockNames {
			return nil
		}
		return s.flush(ctx, yield)
	})
	if err == nil || errors.Is(err, errLate) {
		err = s.flush(ctx, yield)
	}
	return err
}

// errLate: the rows from here on are out of bounds.
var errLate = errors.New("the rest is out of bounds")

// flush yields the block, and begins another. Its names are known in that,
// unless they are many.
func (s *lineScan) flush(ctx context.Context, yield func(*analytics.ColumnBlock, error) bool) error {
	if len(s.block.Times) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !yield(&s.block, nil) {
			return errEnded
		}
	}
	s.block.Times, s.block.By = s.block.Times[:0], s.block.By[:0]
	for i := range s.block.Values {
		s.block.Values[i] = s.block.Values[i][:0]
	}
	if s.held >= blockNames || len(s.block.Names) >= blockRows {
		clear(s.names)
		clear(s.block.Names)
		s.block.Names, s.held = s.block.Names[:0], 0
	}
	return nil
}

// add adds a row to the block. The error is errLate, or says what is wrong with
// the line.
func (s *lineScan) add(line []byte) error {
	s.row.forget()
	if !s.row.scan(line) {
		return errNoObject
	}
	at, err := s.timeOf(s.row.raws[s.time])
	switch {
	case err != nil:
		return err
	case s.arrival && at > s.times.to:
		return errLate
	}
	s.block.Times = append(s.block.Times, at)
	s.block.By = append(s.block.By, s.nameOf(s.row.raws[s.by]))
	for i, place := range s.values {
		s.block.Values[i] = append(s.block.Values[i], quantityOf(s.row.raws[place]))
	}
	return nil
}

func (s *lineScan) timeOf(raw []byte) (int64, error) {
	if s.arrival {
		at, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %.40q is no time in nanoseconds", atMember, raw)
		}
		return at, nil
	}
	if raw != nil {
		if us, ok := timestampOf(raw); ok {
			return times(us, 1000), nil
		}
	}
	return analytics.NoTime, nil
}

func (s *lineScan) nameOf(raw []byte) int32 {
	if raw == nil || raw[0] == 'n' {
		return -1
	}
	var text []byte
	text, s.text = textIn(raw, s.text)
	number, known := s.names[string(text)]
	if !known {
		number = int32(len(s.block.Names))
		name := string(text)
		s.names[name], s.block.Names = number, append(s.block.Names, name)
		s.held += len(name)
	}
	return number
}

// quantityOf returns a number in checked JSON, NaN for anything else.
func quantityOf(raw []byte) float64 {
	if raw == nil {
		return math.NaN()
	}
	if f, _, ok := plainDouble(raw); ok && raw[0] != '"' {
		return f
	}
	if f, ok := doubleOf(numberText(raw)); ok {
		return f
	}
	return math.NaN()
}
