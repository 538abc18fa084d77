package lakeanalytics

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/iotenant/iotenant/analytics"
)

// maxLine is the length of a line in bytes: the longest payload in base64, an
// id of which each byte is escaped, and what stands around them.
const maxLine = analytics.MaxRow/3*4 + 6*analytics.MaxRowID + 4096

// lineBuffer is how many bytes of lines are compressed at a time.
const lineBuffer = 64 << 10

// lineWriter writes rows as lines of JSON through gzip.
type lineWriter struct {
	to      *counter
	gzip    *gzip.Writer
	append  func(line []byte, row *storedRow) ([]byte, error)
	lines   []byte
	members []member
	written int // lines of the member, in bytes
}

func newLineWriter(w io.Writer, appendRow func(line []byte, row *storedRow) ([]byte, error)) *lineWriter {
	to := &counter{w: w}
	zip := gzipWriters.Get().(*gzip.Writer)
	zip.Reset(to)
	return &lineWriter{to: to, gzip: zip, append: appendRow, lines: make([]byte, 0, lineBuffer+lineBuffer/4)}
}

// gzipWriters and lineReaders keep what takes a lot of memory to make, since most
// files are small.
var (
	gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(io.Discard) }}
	lineReaders = sync.Pool{New: func() any {
		return &lineReader{source: bufio.NewReaderSize(nil, lineBuffer), zip: new(gzip.Reader), lines: make([]byte, 0, lineBuffer)}
	}}
)

// lineReader is what reading lines needs.
type lineReader struct {
	source *bufio.Reader
	zip    *gzip.Reader
	lines  []byte
}

func (w *lineWriter) Write(row *storedRow) error {
	if len(row.Payload) > analytics.MaxRow || len(row.ID) > analytics.MaxRowID {
		return fmt.Errorf("%w: %d bytes, and %d of its id, want at most %d and %d", analytics.ErrRow, len(row.Payload), len(row.ID), analytics.MaxRow, analytics.MaxRowID)
	}
	lines, err := w.append(w.lines, row)
	if err != nil {
		return err
	}
	if w.written == 0 && len(w.lines) == 0 {
		w.members = append(w.members, member{w.to.n, row.At.UnixNano()})
	}
	if w.lines = append(lines, '\n'); len(w.lines) >= lineBuffer {
		return w.flush()
	}
	return nil
}

func (w *lineWriter) flush() error {
	if len(w.lines) == 0 {
		return nil // not to begin a member
	}
	_, err := w.gzip.Write(w.lines)
	w.written += len(w.lines)
	w.lines = w.lines[:0]
	if err != nil || w.written < memberSize {
		return err
	}
	w.written = 0
	if err := w.gzip.Close(); err != nil {
		return err
	}
	w.gzip.Reset(w.to)
	return nil
}

func (w *lineWriter) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	if w.written > 0 || len(w.members) == 0 {
		if err := w.gzip.Close(); err != nil {
			return err
		}
	}
	gzipWriters.Put(w.gzip)
	w.gzip = nil
	if len(w.members) < 2 {
		return nil
	}
	_, err := w.to.Write(appendIndex(nil, w.members))
	return err
}

// readLines reads rows from lines of JSON behind gzip: those from a time on, and
// perhaps some before.
func readLines(object analytics.Object, from int64, parse func(line []byte) (storedRow, error)) iter.Seq2[storedRow, error] {
	return func(yield func(storedRow, error) bool) {
		start, err := offsetBefore(object, from)
		if err != nil {
			yield(storedRow{}, err)
			return
		}
		source := &sourceReader{r: io.NewSectionReader(object, start, object.Size()-start)}
		err = eachLine(source, func(number int, line []byte) error {
			row, err := parse(line)
			if err != nil {
				return corrupt("line %d: %v", number, err)
			}
			if !yield(row, nil) {
				return errEnded
			}
			return nil
		})
		switch {
		case err == nil, errors.Is(err, errEnded):
			return
		case source.err != nil:
			err = source.err
		case !errors.Is(err, analytics.ErrCorrupt):
			err = corrupt("gzip: %v", err)
		}
		yield(storedRow{}, err)
	}
}

// errEnded: the caller wants no more.
var errEnded = errors.New("ended by the caller")

// sourceReader remembers the error of a reader, to tell it from those of a
// format.
type sourceReader struct {
	r   io.Reader
	err error
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// eachLine calls f with the lines that are not empty, numbered from 1. A line is
// valid during the call.
func eachLine(r io.Reader, f func(number int, line []byte) error) error {
	reader := lineReaders.Get().(*lineReader)
	defer func() {
		reader.source.Reset(nil)
		lineReaders.Put(reader)
	}()
	reader.source.Reset(r)
	if err := reader.zip.Reset(reader.source); err != nil {
		return err
	}
	scanner := bufio.NewScanner(reader.zip)
	scanner.Buffer(reader.lines, maxLine+2)
	number := 0
	for scanner.Scan() {
		number++
		if line := bytes.TrimSpace(scanner.Bytes()); len(line) > 0 {
			if err := f(number, line); err != nil {
				return err
			}
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return corrupt("line %d: more than %d bytes", number+1, maxLine)
	}
	return scanner.Err()
}
