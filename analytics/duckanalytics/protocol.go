package duckanalytics

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/iotenant/iotenant/analytics"
)

// protocolVersion is that of the messages between an engine and its workers,
// which are built from the same module.
const protocolVersion = 1

// maxFrame bounds a message in bytes.
const maxFrame = 64 << 20

// frameKind is the first byte of a message.
type frameKind byte

const (
	frameConfigure frameKind = 'c' // configuration; answered by frameHello
	frameParse     frameKind = 'p' // parseRequest; answered by frameTables
	frameRun       frameKind = 'r' // runRequest; answered by frameColumns, frameRows…, frameDone
	frameHello     frameKind = 'h' // hello
	frameTables    frameKind = 't' // []tableName
	frameColumns   frameKind = 'k' // []analytics.ResultColumn
	frameRows      frameKind = 'd' // rows, see appendField
	frameDone      frameKind = 'z'
	frameError     frameKind = 'e' // failure, in place of any answer
)

// configuration is what a worker gets first.
type configuration struct {
	Version int
	// Memory in bytes, Threads and TempSpace in bytes limit DuckDB; the worker
	// limits itself by Memory and CPU too.
	Memory    int64
	Threads   int
	TempDir   string
	TempSpace int64
	// CPU is the processor time of a statement.
	CPU        time.Duration
	With       bool
	SampleRows int
}

type hello struct {
	Version int
	PID     int
}

type parseRequest struct {
	SQL string
	// TimeExpression is that of the delta window, if there is one.
	TimeExpression string
}

type runRequest struct {
	parseRequest
	Now      time.Time
	From, To time.Time
	Tables   []tableSource
}

// tableSource is where the rows of a table are.
type tableSource struct {
	tableName
	JSON       bool
	Columns    []sourceColumn // of Parquet
	Dimensions []sourceColumn // in the paths of the files
	Files      []string
	Odd        []oddFile
	// Allowed are the files behind those that are links.
	Allowed []string
}

// oddFile is a file whose dimensions don't fit in a path.
type oddFile struct {
	File   string
	Values []*string
}

// sourceColumn is a column and its type in DuckDB.
type sourceColumn struct{ Name, Type string }

// failure is an error on its way.
type failure struct {
	Kind    failureKind
	Message string
}

type failureKind string

const (
	failSQL         failureKind = "sql"
	failLimit       failureKind = "limit"
	failCorrupt     failureKind = "corrupt"
	failUnsupported failureKind = "unsupported"
	failOther       failureKind = "other"
)

var errProtocol = errors.New("message that is not of the protocol")

// writeFrame writes one message.
func writeFrame(w io.Writer, kind frameKind, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("%w: %d bytes", errProtocol, len(payload))
	}
	var head [5]byte
	head[0] = byte(kind)
	binary.BigEndian.PutUint32(head[1:], uint32(len(payload)))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.Write(payload)
	return err
}

// writeMessage writes a message whose content is JSON.
func writeMessage(w io.Writer, kind frameKind, content any) error {
	payload, err := json.Marshal(content)
	if err != nil {
		return err
	}
	return writeFrame(w, kind, payload)
}

// frameReader reads messages; one is valid until the next.
type frameReader struct {
	r       *bufio.Reader
	payload []byte
}

func newFrameReader(r io.Reader) *frameReader { return &frameReader{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns io.EOF where there is no further message.
func (f *frameReader) next() (frameKind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return 0, nil, err
	}
	size := int(binary.BigEndian.Uint32(head[1:]))
	if size > maxFrame {
		return 0, nil, fmt.Errorf("%w: %d bytes", errProtocol, size)
	}
	// What is announced is not allocated before it comes.
	f.payload = f.payload[:0]
	for len(f.payload) < size {
		n := min(size-len(f.payload), 1<<20)
		start := len(f.payload)
		f.payload = append(f.payload, make([]byte, n)...)
		if _, err := io.ReadFull(f.r, f.payload[start:]); err != nil {
			return 0, nil, noEOF(err)
		}
	}
	return frameKind(head[0]), f.payload, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appendField appends a field to the payload of frameRows: its length and one,
// or 0 for null, and its text.
func appendField(dst, text []byte, null bool) []byte {
	if null {
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(text))+1)
	return append(dst, text...)
}

// readRow reads as many fields as row has, and returns what follows. The fields
// are parts of the payload.
func readRow(payload string, row []analytics.Field) (string, error) {
	for i := range row {
		size, n := uvarint(payload)
		if n <= 0 || size > uint64(len(payload)-n)+1 {
			return "", fmt.Errorf("%w: row", errProtocol)
		}
		payload = payload[n:]
		if size == 0 {
			row[i] = analytics.Field{Null: true}
			continue
		}
		row[i] = analytics.Field{Text: payload[:size-1]}
		payload = payload[size-1:]
	}
	return payload, nil
}

// uvarint is binary.Uvarint for text.
func uvarint(text string) (value uint64, n int) {
	if text != "" && text[0] < 0x80 {
		return uint64(text[0]), 1
	}
	var head [binary.MaxVarintLen64]byte
	return binary.Uvarint(head[:copy(head[:], text)])
}
