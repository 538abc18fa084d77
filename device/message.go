package device

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/iotenant/iotenant/tenant"
)

// Message is what a device published, or what is to be published to one.
type Message struct {
	// Topic holds tenant and thing. For a message from a device, both come
	// from the verified identity of its connection.
	Topic Topic
	// Payload is at most [MaxPayload] bytes. A receiver that keeps it copies it.
	Payload []byte
	// ID identifies the message among those of its thing, for de-duplication:
	// the MQTT 5 user property "message-id", else the member "messageId" of a
	// JSON payload, else empty. A message without ID that is sent again is a
	// new message. At most [MaxMessageIDLength] bytes.
	ID string
	// At is when the message was received.
	At time.Time
}

// MaxPayload is the limit of a payload in AWS IoT Core, in bytes.
const MaxPayload = 128 << 10

// MaxMessageIDLength is the limit of a message id in bytes.
const MaxMessageIDLength = 128

// Check reports whether the message may be carried for the tenant id. Errors:
// tenant.ErrID, [ErrTopic], [ErrID], [ErrMessage].
func (m *Message) Check(id tenant.ID) error {
	if err := id.Check(); err != nil {
		return err
	}
	if m.Topic.Tenant != id {
		return fmt.Errorf("%w: not a topic of this tenant", ErrTopic)
	}
	if err := m.Topic.Check(); err != nil {
		return err
	}
	if len(m.Payload) > MaxPayload {
		return fmt.Errorf("%w: payload of %d bytes, limit %d", ErrMessage, len(m.Payload), MaxPayload)
	}
	if m.ID != "" {
		return CheckMessageID(m.ID)
	}
	return nil
}

// Clone returns a copy that shares nothing with m.
func (m *Message) Clone() Message {
	clone := *m
	clone.Payload = bytes.Clone(m.Payload)
	return clone
}

// CheckMessageID reports whether text can be a message id: 1 to
// [MaxMessageIDLength] bytes of UTF-8 without control characters. The error is
// [ErrMessage].
func CheckMessageID(text string) error {
	if text == "" || len(text) > MaxMessageIDLength {
		return fmt.Errorf("%w: message id of %d bytes, want 1 to %d", ErrMessage, len(text), MaxMessageIDLength)
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7f {
			return fmt.Errorf("%w: control character at byte %d of the message id", ErrMessage, i)
		}
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%w: message id is not UTF-8", ErrMessage)
	}
	return nil
}

// PayloadMessageID returns the member "messageId" of a payload that is a JSON
// object. It returns "" if there is none, or none that is a string of 1 to
// [MaxMessageIDLength] bytes without control characters: numbers are not taken,
// because a counter that begins again after a restart would make new messages
// look like old ones. Of several members with this name the first counts.
//
// It reads the payload up to the member and does not check the rest: what is
// no JSON has to be refused by whoever decodes it.
func PayloadMessageID(payload []byte) string {
	scan := jsonScan{text: payload}
	if !scan.take('{') {
		return ""
	}
	for {
		name, ok := scan.string()
		if !ok || !scan.take(':') {
			return ""
		}
		if string(name) == `"messageId"` {
			return scan.messageID()
		}
		if !scan.skipValue() || !scan.take(',') {
			return ""
		}
	}
}

// jsonScan reads along a JSON text without decoding it.
type jsonScan struct {
	text []byte
	at   int
}

func (s *jsonScan) messageID() string {
	quoted, ok := s.string()
	if !ok || len(quoted) > 6*MaxMessageIDLength+2 { // each byte may be written as six
		return ""
	}
	var text string
	if json.Unmarshal(quoted, &text) != nil || CheckMessageID(text) != nil {
		return ""
	}
	return text
}

// take skips white space and the byte c.
func (s *jsonScan) take(c byte) bool {
	s.skipSpace()
	if s.at == len(s.text) || s.text[s.at] != c {
		return false
	}
	s.at++
	return true
}

func (s *jsonScan) skipSpace() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// string reads a string, and returns it with its quotes and escapes.
func (s *jsonScan) string() (quoted []byte, ok bool) {
	if !s.take('"') {
		return nil, false
	}
	start := s.at - 1
	for ; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '"':
			s.at++
			return s.text[start:s.at], true
		case '\\':
			s.at++
		}
	}
	return nil, false
}

// skipValue skips a value, by counting brackets outside strings.
func (s *jsonScan) skipValue() bool {
	s.skipSpace()
	depth := 0
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '"':
			if _, ok := s.string(); !ok {
				return false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return true
			}
		case ',':
			if depth == 0 {
				return true
			}
		}
		s.at++
	}
	return false
}
