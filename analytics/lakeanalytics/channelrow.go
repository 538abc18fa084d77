package lakeanalytics

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/internal/jsonscan"
)

// maxDepth is how deep JSON may nest that is kept as such.
const maxDepth = 512

// appendChannelRow writes a raw message (D-01):
//
//	{"messageId":"…","payload":{…},"receivedAt":1760000000123.456789,"thing":"…","sequence":7}
//
// A payload is written as JSON where it stands on the line as it came. Any
// other, and every payload that is but a string, is "payloadBase64" instead.
// receivedAt is Unix time in milliseconds; digits after the point are those of
// the nanoseconds.
func appendChannelRow(line []byte, row *storedRow) ([]byte, error) {
	line = appendQuoted(append(line, `{"messageId":`...), row.ID)
	if isLine(row.Payload) {
		line = append(append(line, `,"payload":`...), row.Payload...)
	} else {
		line = base64.StdEncoding.AppendEncode(append(line, `,"payloadBase64":"`...), row.Payload)
		line = append(line, '"')
	}
	line = appendMilliseconds(append(line, `,"receivedAt":`...), row.At)
	if !row.Thing.IsZero() {
		line = appendQuoted(append(line, `,"thing":`...), row.Thing.String())
	}
	line = strconv.AppendUint(append(line, `,"sequence":`...), row.sequence, 10)
	return append(line, '}'), nil
}

// isLine reports whether a payload is JSON that can be a member of a line: read
// back, it is what it was, byte by byte. Strings are not: the service has
// strings for what is not JSON.
func isLine(payload []byte) bool {
	if len(payload) == 0 || payload[0] == '"' || payload[0] <= ' ' || payload[len(payload)-1] <= ' ' {
		return false
	}
	return bytes.IndexByte(payload, '\n') < 0 && bytes.IndexByte(payload, '\r') < 0 && jsonscan.Value(payload, 0, maxDepth) == len(payload)
}

func appendMilliseconds(b []byte, t time.Time) []byte {
	ns := t.UnixNano()
	ms, below := ns/1e6, ns%1e6
	if below < 0 {
		ms, below = ms-1, below+1e6
	}
	b = strconv.AppendInt(b, ms, 10)
	if below == 0 {
		return b
	}
	return append(b, '.', digit(below/1e5), digit(below/1e4), digit(below/1e3), digit(below/1e2), digit(below/10), digit(below))
}

func digit(n int64) byte { return '0' + byte(n%10) }

// mostMilliseconds still fit in nanoseconds.
const mostMilliseconds = math.MaxInt64/1_000_000 - 1

// parseMilliseconds reads what appendMilliseconds wrote: the digits after the
// point count upwards, also where the milliseconds are negative.
func parseMilliseconds(text []byte) (time.Time, error) {
	whole, fraction, _ := bytes.Cut(text, []byte{'.'})
	ms, err := strconv.ParseInt(string(whole), 10, 64)
	if err != nil || ms > mostMilliseconds || ms < -mostMilliseconds {
		return time.Time{}, fmt.Errorf("receivedAt: %.40q is no time in milliseconds", text)
	}
	below, unit := int64(0), int64(1e5)
	for _, c := range fraction {
		if c < '0' || c > '9' {
			return time.Time{}, fmt.Errorf("receivedAt: %.40q is no time in milliseconds", text)
		}
		below += int64(c-'0') * unit
		unit /= 10
	}
	return time.Unix(0, ms*1e6+below).UTC(), nil
}

var errNoObject = errors.New("not an object in JSON")

// parseChannelRow reads a raw message, in the form of [appendChannelRow] or in
// that of the service: a payload that is a string is base64 if it can be.
func parseChannelRow(line []byte) (row storedRow, err error) {
	members, err := membersOf(line)
	if err != nil {
		return row, err
	}
	found := false
	for name, value := range members {
		switch string(name) {
		case "messageId":
			row.ID, err = textOf(value)
		case "payload":
			found, row.Payload = true, payloadOf(value)
		case "payloadBase64":
			found, row.Payload = true, nil
			if row.Payload, err = base64Of(value); err != nil {
				err = fmt.Errorf("payloadBase64: %w", err)
			}
		case "receivedAt":
			row.At, err = parseMilliseconds(value)
		case "thing":
			row.Thing, err = thingOf(value)
		case "sequence":
			row.sequence, err = sequenceOf(value)
		}
		if err != nil {
			return storedRow{}, err
		}
	}
	switch {
	case !found:
		return storedRow{}, errors.New("no payload")
	case row.At.IsZero():
		return storedRow{}, errors.New("no receivedAt")
	}
	return row, nil
}

func payloadOf(value []byte) []byte {
	if value[0] == '"' {
		if payload, err := base64Of(value); err == nil {
			return payload
		}
	}
	return bytes.Clone(value)
}

func base64Of(value []byte) ([]byte, error) {
	text, err := textOf(value)
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.Strict().DecodeString(text)
}

func textOf(value []byte) (string, error) {
	if value[0] != '"' {
		return "", fmt.Errorf("%.40q is no string", value)
	}
	return string(jsonscan.AppendText(nil, value[1:len(value)-1])), nil
}

func sequenceOf(value []byte) (uint64, error) {
	sequence, err := strconv.ParseUint(string(value), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is no sequence number", value)
	}
	return sequence, nil
}

func thingOf(value []byte) (device.ID, error) {
	text, err := textOf(value)
	if err != nil {
		return device.ID{}, err
	}
	return device.ParseID(text)
}
