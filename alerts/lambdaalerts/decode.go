package lambdaalerts

import (
	"fmt"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/internal/lambdaevent"
	"github.com/iotenant/iotenant/tenant"
)

// ErrRecord: a record names no tenant or input.
var ErrRecord = fmt.Errorf("lambdaalerts: %w record", iotenant.ErrInvalid)

// Record is what an event source holds of one message.
type Record struct {
	// ID is unique in the event source, and the same when the record comes
	// again.
	ID   string
	Data []byte
	// Attributes are the string attributes of an SQS message.
	Attributes map[string]string
}

// Decode tells whose message a record is, and what it says. It may trust the
// record as far as nobody but the platform can write it. An error refuses the
// record for good.
type Decode func(record Record) (tenant.ID, alerts.Message, error)

// FromTopic is the [Decode] for what a rule selects together with the topic,
// under the name "topic": the tenant is that of the topic, the input its channel,
// "telemetry" if it has none. The message's id is the member "messageId", else
// that of the record. The payload is the whole object. The error is
// [ErrRecord].
func FromTopic(record Record) (tenant.ID, alerts.Message, error) {
	topic, err := lambdaevent.TopicOf(record.Data)
	if err != nil {
		return tenant.ID{}, alerts.Message{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if topic.Class != device.ClassTelemetry {
		return tenant.ID{}, alerts.Message{}, fmt.Errorf("%w: the topic is none of telemetry", ErrRecord)
	}
	message := alerts.Message{Input: topic.Channel, ID: device.PayloadMessageID(record.Data), Payload: record.Data}
	if message.Input == "" {
		message.Input = string(device.ClassTelemetry)
	}
	if message.ID == "" {
		message.ID = record.ID
	}
	return topic.Tenant, message, nil
}
