package alerts

import (
	"context"
	"fmt"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

//go:generate go tool -modfile=../tools/go.mod mockgen -source=notifier.go -destination=alertsmock/notifier.go -package=alertsmock -write_source_comment=false -write_package_comment=false

// Notifier tells somebody of an alert: a person, a queue, a function. Package
// memalerts has notifiers for a single machine.
//
// The contract, sentence by sentence, as package alertstest checks it:
//
//   - A nil error means that the receiver has the alert.
//   - The same alert may be given again, also after a nil error; it has the
//     same Alert.ID, which the notifier passes on, so that receivers can drop
//     duplicates.
//   - An error that is [Permanent] means that this alert will never be
//     accepted; after any other, the alert is given again later. A notifier
//     does not retry by itself.
//   - Notify returns soon after ctx has ended, with an error unless the
//     receiver has the alert.
//   - The alert is not changed.
//   - The zero tenant id is refused with tenant.ErrID.
//   - No alert of one tenant reaches a receiver of another. No error text
//     holds another tenant's id, nor a secret.
//   - Notify may be called concurrently, in no particular order.
type Notifier interface {
	Notify(ctx context.Context, id tenant.ID, alert Alert) error
}

// Waker sees to it that [Runtime.Sweep] is called for a tenant at a time, in a
// program that does not [Runtime.Run] all the time. Package scheduleralerts has
// one.
//
// The contract, sentence by sentence, as package alertstest checks it:
//
//   - A nil error means that the tenant will be swept at the time, or soon
//     after it.
//   - Being woken for nothing does no harm, being woken twice neither.
//   - A time that has passed means now.
//   - The zero tenant id is refused with tenant.ErrID.
//   - Wake may be called concurrently.
type Waker interface {
	Wake(ctx context.Context, id tenant.ID, at time.Time) error
}

// NotifierFunc is a function that is a [Notifier].
type NotifierFunc func(ctx context.Context, id tenant.ID, alert Alert) error

// Notify calls the function.
func (f NotifierFunc) Notify(ctx context.Context, id tenant.ID, alert Alert) error {
	return f(ctx, id, alert)
}

// Publisher publishes to devices. A device.Bus is one.
type Publisher interface {
	Publish(ctx context.Context, id tenant.ID, message device.Message) error
}

// ToTopics returns a notifier for iotTopicPublish actions, to be set in
// [Options.Notifiers]: it publishes the payload to the topic that the model
// names. The topic must be one of package device, and of the alert's own
// tenant: else the error is [ErrTopic].
func ToTopics(publisher Publisher) Notifier {
	return NotifierFunc(func(ctx context.Context, id tenant.ID, alert Alert) error {
		if err := id.Check(); err != nil {
			return err
		}
		topic, err := device.ParseTopic(alert.Target)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrTopic, err)
		}
		if topic.Tenant != id {
			return fmt.Errorf("%w: the topic is not of this tenant", ErrTopic)
		}
		message := device.Message{Topic: topic, Payload: []byte(alert.Payload), ID: alert.ID, At: alert.At}
		return publisher.Publish(ctx, id, message)
	})
}
