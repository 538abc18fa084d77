package lambdaanalytics

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/internal/lambdaevent"
	"github.com/iotenant/iotenant/tenant"
)

// ErrRecord: a record names no tenant or channel.
var ErrRecord = fmt.Errorf("lambdaanalytics: %w record", iotenant.ErrInvalid)

// DefaultChannel is the channel of telemetry whose topic names none.
const DefaultChannel = "telemetry"

// Record is what an event source holds of one message.
type Record struct {
	// ID is unique in the event source, and the same when the record comes
	// again.
	ID string
	// At is when the event source got the record, zero if it does not say.
	At time.Time
	// Data is valid during the invocation.
	Data []byte
	// Attributes are the string attributes of an SQS message.
	Attributes map[string]string
}

// Message is a message for a channel. Its row should have an ID that is the same
// when the record comes again.
type Message struct {
	Channel string
	analytics.Row
}

// Decode tells whose message a record is, and what it says. It may trust the
// record as far as nobody but the platform can write it. An error refuses the
// record for good.
//
// A rule of AWS IoT Core that invokes the function itself must add a member to
// what the device sent, with another name than those of an event of Firehose:
// that tells its messages from events of services.
type Decode func(record Record) (tenant.ID, Message, error)

// FromTopic is the [Decode] for what a rule selects together with the topic,
// under the name "topic":
//
//	SELECT *, topic() AS topic, topic(4) AS thing FROM 't/+/d/+/telemetry/#'
//
// Tenant and thing are those of the topic. The channel is that of the topic,
// with '_' for what a name can't hold, [DefaultChannel] if it has none. The
// payload is the whole object. The message's id is the member "messageId"
// within the thing, else that of the record. The error is [ErrRecord].
func FromTopic(record Record) (tenant.ID, Message, error) {
	data := bytes.TrimSpace(record.Data) // Firehose has lines
	topic, err := lambdaevent.TopicOf(data)
	if err != nil {
		return tenant.ID{}, Message{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return received(topic, record, data)
}

// FromEnvelope is the [Decode] for what a rule selects as it came, byte by byte,
// of messages that need not be JSON:
//
//	SELECT encode(*, 'base64') AS data, topic() AS topic, timestamp() AS receivedAt FROM 't/+/d/+/telemetry/#'
//
// The payload is data. receivedAt, in milliseconds, may be left out; it is then
// the time of the record. The rest is as with [FromTopic].
func FromEnvelope(record Record) (tenant.ID, Message, error) {
	envelope := bytes.TrimSpace(record.Data)
	topic, err := lambdaevent.TopicOf(envelope)
	if err != nil {
		return tenant.ID{}, Message{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	members, err := lambdaevent.Members(envelope, "data", "receivedAt")
	if err != nil {
		return tenant.ID{}, Message{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	text, err := lambdaevent.Text(members[0])
	if err != nil {
		return tenant.ID{}, Message{}, fmt.Errorf("%w: data: %w", ErrRecord, err)
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return tenant.ID{}, Message{}, fmt.Errorf("%w: data: %w", ErrRecord, err)
	}
	if members[1] != nil {
		milliseconds, err := strconv.ParseInt(string(members[1]), 10, 64)
		if err != nil {
			return tenant.ID{}, Message{}, fmt.Errorf("%w: receivedAt: want milliseconds", ErrRecord)
		}
		record.At = time.UnixMilli(milliseconds).UTC()
	}
	return received(topic, record, data)
}

// received makes a message of the payload that came on a topic.
func received(topic device.Topic, record Record, payload []byte) (tenant.ID, Message, error) {
	if topic.Class != device.ClassTelemetry {
		return tenant.ID{}, Message{}, fmt.Errorf("%w: the topic is none of telemetry", ErrRecord)
	}
	row := analytics.RowOf(&device.Message{Topic: topic, ID: device.PayloadMessageID(payload), At: record.At, Payload: payload})
	if row.ID == "" && record.ID != "" {
		row.ID = "/" + record.ID // no thing has an empty id, so this is no message's own
	}
	return topic.Tenant, Message{Channel: channelOf(topic.Channel), Row: row}, nil
}

// channelOf makes a name of a channel of that of a topic.
func channelOf(levels string) string {
	if levels == "" {
		return DefaultChannel
	}
	return strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
			return c
		}
		return '_'
	}, levels)
}
