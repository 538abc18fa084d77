package analytics

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// csvReader reads what [WriteCSV] wrote. The package encoding/csv would skip a
// row of one null, and change line ends in values.
type csvReader struct {
	r    *bufio.Reader
	line int // that is read
	want int // fields of a row, those of the first
	row  []string
}

func newCSVReader(r io.Reader) *csvReader { return &csvReader{r: bufio.NewReader(r)} }

// next returns a row, valid until the next one; io.EOF after the last. Null is
// empty. The error is [ErrCorrupt], or that of the reader.
func (c *csvReader) next() ([]string, error) {
	c.line++
	c.row = c.row[:0]
	for {
		field, end, err := c.field()
		if errors.Is(err, io.EOF) && len(c.row) == 0 {
			return nil, io.EOF
		}
		if err != nil {
			return nil, c.corrupt(err)
		}
		if c.row = append(c.row, field); end == '\n' {
			break
		}
	}
	if c.want == 0 {
		c.want = len(c.row)
	}
	if len(c.row) != c.want {
		return nil, fmt.Errorf("%w: result: row %d has %d fields, want %d", ErrCorrupt, c.line, len(c.row), c.want)
	}
	return c.row, nil
}

// field reads a field and what ends it: a comma or a line feed. The error is
// io.EOF only before the first byte.
func (c *csvReader) field() (field string, end byte, err error) {
	first, err := c.r.ReadByte()
	if err != nil || first == ',' || first == '\n' {
		return "", first, err
	}
	if first != '"' {
		return "", 0, errUnquoted
	}
	var text []byte
	for {
		part, err := c.r.ReadSlice('"')
		text = append(text, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return "", 0, unexpected(err)
		}
		if end, err = c.r.ReadByte(); err != nil {
			return "", 0, unexpected(err)
		}
		switch end {
		case '"': // the second of two, which stand for one
		case ',', '\n':
			return string(text[:len(text)-1]), end, nil
		default:
			return "", 0, errUnquoted
		}
	}
}

var errUnquoted = errors.New("a value without quotes")

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// corrupt keeps apart what could not be read and what is no result.
func (c *csvReader) corrupt(err error) error {
	if errors.Is(err, errUnquoted) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: result: row %d: %w", ErrCorrupt, c.line, unexpected(err))
	}
	return err
}
