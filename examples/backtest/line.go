package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/iotenant/iotenant/alerts/detector"
)

// event is one line: a message or an operation.
type event struct {
	at time.Time

	// Of a message.
	input     string // "" if the line has none and the model reads several
	messageID string
	generated bool // the line has no messageId
	payload   []byte

	// Of an operation.
	operation string // its kind in the line; empty for a message
	request   []byte
}

// operations are the kinds of lines that are no messages.
var operations = map[string]detector.OperationKind{
	"BatchUpdateDetector":   detector.OperationUpdate,
	"BatchAcknowledgeAlarm": detector.OperationAcknowledge,
	"BatchEnableAlarm":      detector.OperationEnable,
	"BatchDisableAlarm":     detector.OperationDisable,
	"BatchSnoozeAlarm":      detector.OperationSnooze,
	"BatchResetAlarm":       detector.OperationReset,
}

// lineJSON is a line as it is written.
type lineJSON struct {
	At        *float64        `json:"at"`
	Kind      string          `json:"kind"`
	InputName string          `json:"inputName"`
	MessageID string          `json:"messageId"`
	Payload   json.RawMessage `json:"payload"`
	Request   json.RawMessage `json:"request"`
}

// maxLine bounds a line in bytes, far above the 10 KB that a message of the
// service could have.
const maxLine = 4 << 20

// errLine is a line that can't be read.
type errLine struct {
	number int
	err    error
}

func (e *errLine) Error() string { return fmt.Sprintf("%d: %s", e.number, e.err) }
func (e *errLine) Unwrap() error { return e.err }

// lines reads events from JSON lines. An event that can't be read is an
// *errLine, and the next one follows; any other error is the last.
func lines(r io.Reader, onlyInput string) iter.Seq2[*event, error] {
	return func(yield func(*event, error) bool) {
		buffered := bufio.NewReaderSize(r, 64<<10)
		var line []byte
		for number := 1; ; number++ {
			var tooLong bool
			var err error
			line, tooLong, err = readLine(buffered, line[:0])
			if err != nil && !errors.Is(err, io.EOF) {
				yield(nil, err)
				return
			}
			if number == 1 {
				line = bytes.TrimPrefix(line, []byte("\ufeff"))
			}
			if tooLong {
				if !yield(nil, &errLine{number, fmt.Errorf("longer than %d bytes", maxLine)}) {
					return
				}
			} else if len(bytes.TrimSpace(line)) > 0 {
				e, bad := parseLine(line, number, onlyInput)
				if bad != nil {
					bad = &errLine{number, bad}
				}
				if !yield(e, bad) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

// readLine appends a line to b; of one that is too long only the beginning.
func readLine(r *bufio.Reader, b []byte) (line []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(b)+len(part) > maxLine {
			tooLong = true
		} else {
			b = append(b, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return b, tooLong, err
		}
	}
}

func parseLine(text []byte, number int, onlyInput string) (*event, error) {
	var line lineJSON
	if err := json.Unmarshal(text, &line); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, fmt.Errorf("not JSON: byte %d: %w", syntax.Offset, err)
		}
		return nil, err
	}
	if line.At == nil {
		return nil, errors.New("at is missing: want seconds")
	}
	at, ok := instant(*line.At)
	if !ok {
		return nil, fmt.Errorf("at is %g, want at most %g seconds", *line.At, float64(maxSeconds))
	}
	e := &event{at: at}
	if line.Kind != "" && line.Kind != kindMessage {
		if _, known := operations[line.Kind]; !known {
			return nil, fmt.Errorf("unknown kind %q", line.Kind)
		}
		e.operation, e.request = line.Kind, line.Request
		if len(e.request) == 0 {
			e.request = []byte("{}")
		}
		return e, nil
	}
	if line.Payload == nil {
		return nil, errors.New("payload is missing")
	}
	e.input, e.messageID, e.payload = line.InputName, line.MessageID, line.Payload
	if e.input == "" {
		e.input = onlyInput
	}
	if e.messageID == "" {
		e.messageID, e.generated = fmt.Sprintf("line-%d", number), true
	}
	return e, nil
}
