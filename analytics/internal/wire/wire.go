// Package wire is what engines and their workers say to each other: messages
// on the standard input and output of a worker.
package wire

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

// Version is that of the messages between an engine and its workers,
// which are built from the same module.
const Version = 1

// MaxFrame bounds a message in bytes.
const MaxFrame = 64 << 20

// Kind is the first byte of a message.
type Kind byte

// The kinds of messages.
const (
	KindConfigure Kind = 'c' // Configuration; answered by KindHello
	KindParse     Kind = 'p' // ParseRequest; answered by KindTables
	KindRun       Kind = 'r' // RunRequest; answered by KindColumns, KindRows…, KindDone
	KindHello     Kind = 'h' // Hello
	KindTables    Kind = 't' // []TableName
	KindColumns   Kind = 'k' // []analytics.ResultColumn
	KindRows      Kind = 'd' // rows, see AppendField
	KindDone      Kind = 'z'
	KindError     Kind = 'e' // Failure, in place of any answer
)

// Configuration is what a worker gets first.
type Configuration struct {
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

// Hello is what a worker answers to its configuration.
type Hello struct {
	Version int
	PID     int
}

// ParseRequest asks for the names of tables in a statement.
type ParseRequest struct {
	SQL string
	// TimeExpression is that of the delta window, if there is one.
	TimeExpression string
}

// RunRequest asks for the rows of a statement.
type RunRequest struct {
	ParseRequest
	Now      time.Time
	From, To time.Time
	Tables   []TableSource
}

// TableName is the name of a table in a statement, in lower case.
type TableName struct{ Schema, Name string }

// String returns the name as it stands in a statement.
func (t TableName) String() string {
	if t.Schema == "" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

// TableSource is where the rows of a table are.
type TableSource struct {
	TableName
	JSON       bool
	Columns    []Column // of Parquet
	Dimensions []Column // in the paths of the files
	Files      []string
	Odd        []OddFile
	// Allowed are the files behind those that are links.
	Allowed []string
}

// OddFile is a file whose dimensions don't fit in a path.
type OddFile struct {
	File   string
	Values []*string
}

// Column is a column and its type, in the words of AWS Glue.
type Column struct{ Name, Type string }

// Failure is an error on its way.
type Failure struct {
	Kind    FailureKind
	Message string
}

// FailureKind says which error of the contract a failure is.
type FailureKind string

// The kinds of failures.
const (
	FailSQL         FailureKind = "sql"
	FailLimit       FailureKind = "limit"
	FailCorrupt     FailureKind = "corrupt"
	FailUnsupported FailureKind = "unsupported"
	FailOther       FailureKind = "other"
)

// ErrProtocol: what came is not of the protocol.
var ErrProtocol = errors.New("message that is not of the protocol")

// WriteFrame writes one message.
func WriteFrame(w io.Writer, kind Kind, payload []byte) error {
	if len(payload) > MaxFrame {
		return fmt.Errorf("%w: %d bytes", ErrProtocol, len(payload))
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

// WriteMessage writes a message whose content is JSON.
func WriteMessage(w io.Writer, kind Kind, content any) error {
	payload, err := json.Marshal(content)
	if err != nil {
		return err
	}
	return WriteFrame(w, kind, payload)
}

// Reader reads messages; one is valid until the next.
type Reader struct {
	r       *bufio.Reader
	payload []byte
}

// NewReader returns a reader of messages.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, 64<<10)} }

// Next returns io.EOF where there is no further message.
func (f *Reader) Next() (Kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return 0, nil, err
	}
	size := int(binary.BigEndian.Uint32(head[1:]))
	if size > MaxFrame {
		return 0, nil, fmt.Errorf("%w: %d bytes", ErrProtocol, size)
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
	return Kind(head[0]), f.payload, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// AppendField appends a field to the payload of KindRows: its length and one,
// or 0 for null, and its text.
func AppendField(dst, text []byte, null bool) []byte {
	if null {
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(text))+1)
	return append(dst, text...)
}

// ReadRow reads as many fields as row has, and returns what follows. The fields
// are parts of the payload.
func ReadRow(payload string, row []analytics.Field) (string, error) {
	for i := range row {
		size, n := uvarint(payload)
		if n <= 0 || size > uint64(len(payload)-n)+1 {
			return "", fmt.Errorf("%w: row", ErrProtocol)
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
