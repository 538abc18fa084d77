package device

import (
	"context"

	"github.com/iotenant/iotenant/tenant"
)

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

// BatchReceiver is a [Receiver] that can make several messages safe at once,
// with one write to a disk for example. A transport that knows it hands over
// the messages that a connection has sent ahead of their acknowledgements
// together; it calls Receive for what comes alone.
type BatchReceiver interface {
	Receiver
	// ReceiveBatch takes messages of one thing, in the order in which it
	// published them, and returns nil if all are safe, else one error per
	// message, as Receive would. Batches of one connection arrive one after
	// the other.
	ReceiveBatch(ctx context.Context, id tenant.ID, messages []Message) []error
}

// Bus carries messages between the backend and devices. Its contract, sentence
// by sentence, as package devicetest checks it:
//
//   - Isolation: a subscription receives messages of its own tenant only.
//   - The zero tenant id is refused with tenant.ErrID. A topic that names
//     another tenant than the call, or that [Topic.Check] refuses, is
//     [ErrTopic].
//   - A nil error of Publish means that the transport took the message, not
//     that somebody received it. Nobody needs to subscribe.
//   - A message reaches every matching subscription that was made before it
//     was published, once, with its topic, payload and id. A message without
//     ID arrives with the one in its payload, see [PayloadMessageID].
//   - Messages that one goroutine publishes arrive in order.
//   - Ownership: the publisher may change the payload after Publish returns.
//     A handler shares the payload with others: it doesn't change it, and
//     copies it to keep it after it returns.
//   - A handler may be called concurrently. It may publish, subscribe and
//     cancel. It must return soon: publishers may wait for it.
//   - A message that is published after cancel returned does not reach the
//     handler. Cancelling twice is no error. The context bounds the call of
//     Subscribe, not the subscription.
//   - A call made with a cancelled context ends with the context's error and
//     has no effect.
//   - All methods may be called concurrently.
type Bus interface {
	// Publish sends a message to whoever subscribes to its topic. At is set
	// to the present if it is zero. Errors: tenant.ErrID, [ErrTopic],
	// [ErrMessage], or kind iotenant.ErrUnavailable.
	Publish(ctx context.Context, id tenant.ID, message Message) error

	// Subscribe calls handle with each message of the tenant that matches
	// filter from now on, whoever published it, until cancel is called.
	// Errors: tenant.ErrID, or kind iotenant.ErrUnavailable.
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
