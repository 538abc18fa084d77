package lakeanalytics

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/internal/jsonscan"
)

// appendStoreRow writes a row of a JSON data store, the object with the hidden
// members in front:
//
//	{"__at":1760000000123456789,"__seq":7,"__thing":"…","temperature":21.5}
//
// Members of the payload whose names begin with two underscores are dropped, as
// a data store can't have them: none can pass for a hidden one.
func appendStoreRow(line []byte, row *storedRow) ([]byte, error) {
	payload, err := objectOf(row.Payload)
	if err != nil {
		return line, fmt.Errorf("%w: %w", analytics.ErrRow, err)
	}
	line = strconv.AppendInt(append(line, `{"`+atMember+`":`...), row.At.UnixNano(), 10)
	line = strconv.AppendUint(append(line, `,"`+sequenceMember+`":`...), row.sequence, 10)
	if !row.Thing.IsZero() {
		line = appendQuoted(append(line, `,"`+thingMember+`":`...), row.Thing.String())
	}
	if mayHide(payload) {
		for name, value := range checkedMembers(payload) {
			if !bytes.HasPrefix(name, []byte("__")) {
				line = append(appendQuoted(append(line, ','), name), ':')
				line = jsonscan.AppendCompact(line, value)
			}
		}
		return append(line, '}'), nil
	}
	if first := jsonscan.Space(payload, 1); payload[first] == '}' {
		return append(line, '}'), nil
	}
	line = append(line, ',')
	if bytes.IndexByte(payload, '\n') < 0 && bytes.IndexByte(payload, '\r') < 0 {
		return append(line, payload[1:]...), nil
	}
	return jsonscan.AppendCompact(line, payload[1:]), nil
}

// mayHide reports whether a member's name may begin with two underscores.
func mayHide(payload []byte) bool {
	return bytes.Contains(payload, []byte(`"__`)) || bytes.Contains(payload, []byte(`\u00`))
}

// objectOf checks that a payload is an object and returns it without spaces
// around it.
func objectOf(payload []byte) ([]byte, error) {
	from := jsonscan.Space(payload, 0)
	if from == len(payload) || payload[from] != '{' {
		return nil, errNoObject
	}
	end := jsonscan.Value(payload, from, maxDepth)
	if end < 0 || jsonscan.Space(payload, end) != len(payload) {
		return nil, errNoObject
	}
	return payload[from:end], nil
}

// parseStoreRow reads what appendStoreRow wrote.
func parseStoreRow(line []byte) (row storedRow, err error) {
	object, err := objectOf(line)
	if err != nil {
		return row, err
	}
	rest, hasAt := object, false
	for name, value := range checkedMembers(object) {
		switch string(name) {
		case atMember:
			ns, err := strconv.ParseInt(string(value), 10, 64)
			if err != nil {
				return storedRow{}, fmt.Errorf("%s: %.40q is no time in nanoseconds", atMember, value)
			}
			row.At, hasAt = time.Unix(0, ns).UTC(), true
		case sequenceMember:
			if row.sequence, err = sequenceOf(value); err != nil {
				return storedRow{}, err
			}
		case thingMember:
			if row.Thing, err = thingOf(value); err != nil {
				return storedRow{}, err
			}
		default:
			if !hasAt {
				return storedRow{}, errors.New("does not begin with " + atMember)
			}
			row.Payload = append([]byte{'{'}, rest...)
			return row, nil
		}
		end := cap(object) - cap(value) + len(value) // of value in object
		if rest = object[jsonscan.Space(object, end):]; rest[0] == ',' {
			rest = rest[jsonscan.Space(rest, 1):]
		}
	}
	if !hasAt {
		return storedRow{}, errors.New("does not begin with " + atMember)
	}
	row.Payload = []byte("{}")
	return row, nil
}
