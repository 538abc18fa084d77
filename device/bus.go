package device

import (
	"context"
	"time"

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
	// new message.
	ID string
	// At is when the message was received.
	At time.Time
}

// MaxPayload is the limit of a payload in AWS IoT Core, in bytes.
const MaxPayload = 128 << 10

// Receiver takes the messages that devices publish.
type Receiver interface {
	// Receive takes a message. A nil error means that it is safe: the
	// transport acknowledges it to the device only then. After an error of
	// kind iotenant.ErrInvalid or iotenant.ErrDenied the message is refused
	// for good; after any other it is not acknowledged, and the device sends
	// it again. Receive may be called concurrently; messages of one
	// connection arrive in order, one after the other.
	Receive(ctx context.Context, id tenant.ID, message Message) error
}

// ReceiverFunc is a function that is a [Receiver].
type ReceiverFunc func(ctx context.Context, id tenant.ID, message Message) error

// Receive calls the function.
func (f ReceiverFunc) Receive(ctx context.Context, id tenant.ID, message Message) error {
	return f(ctx, id, message)
}

// Bus carries messages between the backend and devices.
type Bus interface {
	// Publish sends a message to whoever subscribes to its topic. A nil error
	// means that the transport took it, not that a device received it.
	// Message.Topic must name the tenant id. Errors: [ErrTopic], or kind
	// iotenant.ErrInvalid for a payload over [MaxPayload].
	Publish(ctx context.Context, id tenant.ID, message Message) error

	// Subscribe calls handle with each message of the tenant that matches
	// filter from now on, whoever published it, until cancel is called.
	// handle must return soon and must not block on the bus.
	Subscribe(ctx context.Context, id tenant.ID, filter Filter, handle func(Message)) (cancel func(), err error)
}

// Filter selects topics of one tenant. A zero member matches everything.
type Filter struct {
	Thing     ID
	Class     Class
	Shadow    string
	Operation string
}

// Matches reports whether the filter selects the topic.
func (f Filter) Matches(topic Topic) bool {
	return (f.Thing.IsZero() || f.Thing == topic.Thing) &&
		(f.Class == "" || f.Class == topic.Class) &&
		(f.Shadow == "" || f.Shadow == topic.Shadow) &&
		(f.Operation == "" || f.Operation == topic.Operation)
}
