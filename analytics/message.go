package analytics

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Limits of a [Message], in bytes, and of an append, in messages.
const (
	// MaxPayload is the limit of AWS IoT Core.
	MaxPayload = device.MaxPayload
	// MaxChannel is the length of the longest topic.
	MaxChannel = device.MaxTopicLength
	// MaxMessageID and MaxDatastore are limits of the AWS IoT Analytics API.
	MaxMessageID = 128
	MaxDatastore = 128
	// MaxBatch is the limit of BatchPutMessage in the AWS IoT Analytics API.
	MaxBatch = 100
)

// Message is what a thing sent, or what a pipeline made of it.
type Message struct {
	// Thing sent the message.
	Thing device.ID
	// Datastore is empty for a raw message, kept as the thing sent it. For a
	// processed message it names the data store that a pipeline wrote it for:
	// 1 to [MaxDatastore] of a-z, A-Z, 0-9 and '_', not beginning with "__".
	Datastore string
	// Channel is what follows the class in the telemetry topic, at most
	// [MaxChannel] bytes of UTF-8. It may be empty.
	Channel string
	// ID identifies the message among those of its thing and data store, for
	// de-duplication: at most [MaxMessageID] bytes of UTF-8. A message
	// without ID is never a duplicate.
	ID string
	// At is when the message was received. It is kept to the nanosecond, in
	// UTC, and lies from 1970 to 2199.
	At time.Time
	// Payload is kept byte by byte, at most [MaxPayload] of them. It need not
	// be JSON; see [Message.Points] for what is taken from it if it is.
	Payload []byte
}

// FromDevice makes a raw message of a telemetry message of a thing, with its
// payload, not a copy.
func FromDevice(message device.Message) Message {
	return Message{
		Thing:   message.Topic.Thing,
		Channel: message.Topic.Channel,
		ID:      message.ID,
		At:      message.At,
		Payload: message.Payload,
	}
}

// Check reports the first rule that the message breaks. The error is
// [ErrMessage] or device.ErrID.
func (m *Message) Check() error {
	if err := m.Thing.Check(); err != nil {
		return err
	}
	switch {
	case !isDatastore(m.Datastore):
		return fmt.Errorf("%w: data store: want at most %d of a-z, A-Z, 0-9, '_', not beginning with \"__\"", ErrMessage, MaxDatastore)
	case !isText(m.Channel, MaxChannel):
		return fmt.Errorf("%w: channel: want at most %d bytes of UTF-8", ErrMessage, MaxChannel)
	case !isText(m.ID, MaxMessageID):
		return fmt.Errorf("%w: message id: want at most %d bytes of UTF-8", ErrMessage, MaxMessageID)
	case !isTime(m.At):
		return fmt.Errorf("%w: received time: want 1970 to 2199", ErrMessage)
	case len(m.Payload) > MaxPayload:
		return fmt.Errorf("%w: payload: %d bytes, limit %d", ErrMessage, len(m.Payload), MaxPayload)
	}
	return nil
}

// CheckAppend reports what is wrong with an append. Backends call it first.
// The error is tenant.ErrID, [ErrBatch], or a [*MessageError].
func CheckAppend(id tenant.ID, messages []Message) error {
	if err := checkTenant(id); err != nil {
		return err
	}
	if len(messages) == 0 || len(messages) > MaxBatch {
		return fmt.Errorf("%w: %d messages, want 1 to %d", ErrBatch, len(messages), MaxBatch)
	}
	for i := range messages {
		if err := messages[i].Check(); err != nil {
			return &MessageError{Index: i, Err: err}
		}
	}
	return nil
}

// checkTenant returns tenant.ErrID for the zero id and for that of the
// platform, which has no things.
func checkTenant(id tenant.ID) error {
	if err := id.Check(); err != nil {
		return err
	}
	_, err := tenant.ParseID(id.String())
	return err
}

func isDatastore(name string) bool {
	if len(name) > MaxDatastore || strings.HasPrefix(name, "__") {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

func isText(text string, limit int) bool { return len(text) <= limit && utf8.ValidString(text) }

// The times that messages and points may have. They are chosen so that every
// time has a Unix time in nanoseconds.
var (
	minTime = time.Unix(0, 0)
	maxTime = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

func isTime(t time.Time) bool { return !t.Before(minTime) && t.Before(maxTime) }
