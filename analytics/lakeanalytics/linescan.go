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
	times   timeBounds
	arrival bool // the time is that of the hidden member: rows are in its order
	row     attributes
	time    int // the place of an attribute
	by      []lineLabel
	values  []int // places
	block   analytics.ColumnBlock
	text    []byte
}

// lineLabel is an attribute of By.
type lineLabel struct {
	place int
	names
}

// blockNames is how many bytes of names of an attribute are kept from block to
// block.
const blockNames = 1 << 20

// newLineScan looks at the names. The error is [analytics.ErrQuery].
func newLineScan(scan *analytics.ColumnScan, times timeBounds) (*lineScan, error) {
	s := &lineScan{times: times, arrival: scan.Time == ""}
	var err error
	if s.time, err = s.want(scan.Time, scan.Time == "", atMember); err != nil {
		return nil, err
	}
	s.by, s.block.By = make([]lineLabel, len(scan.By)), make([]analytics.ColumnTexts, len(scan.By))
	for i, name := range scan.By {
		if s.by[i].place, err = s.want(name, name == analytics.ByThing, thingMember); err != nil {
			return nil, err
		}
		s.by[i].forget(&s.block.By[i])
	}
	s.values, s.block.Values = make([]int, len(scan.Values)), make([][]float64, len(scan.Values))
	for i, name := range scan.Values {
		if s.values[i], err = s.want(name, false, ""); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// want returns the place of an attribute, or of a hidden member.
func (s *lineScan) want(name string, isHidden bool, hidden string) (int, error) {
	if isHidden {
		return s.row.want([]byte(hidden)), nil
	}
	if name == "" || len(name) > pipeline.MaxFieldName || strings.HasPrefix(name, "__") {
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
		if s.isFull() {
			return s.flush(ctx, yield)
		}
		return nil
	})
	if err == nil || errors.Is(err, errLate) {
		err = s.flush(ctx, yield)
	}
	return err
}

// errLate: the rows from here on are out of bounds.
var errLate = errors.New("the rest is out of bounds")

func (s *lineScan) isFull() bool {
	for i := range s.by {
		if s.by[i].bytes >= blockNames {
			return true
		}
	}
	return len(s.block.Times) >= blockRows
}

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
	s.block.Times = s.block.Times[:0]
	for i := range s.by {
		texts := &s.block.By[i]
		if texts.Rows = texts.Rows[:0]; s.by[i].bytes >= blockNames || len(texts.Names) >= blockRows {
			s.by[i].forget(texts)
		}
	}
	for i := range s.block.Values {
		s.block.Values[i] = s.block.Values[i][:0]
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
	for i := range s.by {
		texts := &s.block.By[i]
		texts.Rows = append(texts.Rows, s.nameOf(&s.by[i], texts))
	}
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

func (s *lineScan) nameOf(by *lineLabel, texts *analytics.ColumnTexts) int32 {
	raw := s.row.raws[by.place]
	if raw == nil || raw[0] == 'n' {
		return -1
	}
	var text []byte
	text, s.text = textIn(raw, s.text)
	return by.number(texts, text)
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
