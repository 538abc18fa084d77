package backtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/iotenant/iotenant/alerts/detector"
)

// Line is a message or an operation.
type Line struct {
	// At is in seconds.
	At        float64         `json:"at"`
	InputName string          `json:"inputName"`
	MessageID string          `json:"messageId"`
	Payload   json.RawMessage `json:"payload"`
	// Kind and Request are those of an operation.
	Kind    string          `json:"kind"`
	Request json.RawMessage `json:"request"`
}

// Operations maps the names of the old data plane's requests to what they do.
var Operations = map[string]detector.OperationKind{
	"BatchUpdateDetector":   detector.OperationUpdate,
	"BatchAcknowledgeAlarm": detector.OperationAcknowledge,
	"BatchDisableAlarm":     detector.OperationDisable,
	"BatchEnableAlarm":      detector.OperationEnable,
	"BatchResetAlarm":       detector.OperationReset,
	"BatchSnoozeAlarm":      detector.OperationSnooze,
}

// maxSeconds keeps times within what int64 microseconds hold.
const maxSeconds = 1 << 43

// ParseLine reads a line.
func ParseLine(text []byte) (*Line, error) {
	var l Line
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&l); err != nil {
		return nil, fmt.Errorf("line: %w", err)
	}
	switch {
	case math.Abs(l.At) > maxSeconds:
		return nil, fmt.Errorf("line: at is %g seconds, want at most %g", l.At, float64(maxSeconds))
	case l.Kind != "" && Operations[l.Kind] == "":
		return nil, fmt.Errorf("line: unknown kind %q", l.Kind)
	case l.Kind != "" && (l.Payload != nil || l.InputName != ""):
		return nil, errors.New("line: an operation has a request, no payload and inputName")
	}
	return &l, nil
}

// timeOf returns the time of a second, in whole microseconds.
func timeOf(seconds float64) time.Time { return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC() }

// secondsOf is its inverse.
func secondsOf(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
