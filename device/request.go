package device

import (
	"context"

	"github.com/iotenant/iotenant/tenant"
)

// Request publishes a message and returns a copy of the first message after it
// that matches answer and that accept takes; a nil accept takes all. It waits
// until ctx ends: give ctx a deadline. Errors: those of [Bus], and the
// context's.
func Request(ctx context.Context, bus Bus, id tenant.ID, request Message, answer Filter, accept func(Message) bool) (Message, error) {
	answers := make(chan Message, 1)
	cancel, err := bus.Subscribe(ctx, id, answer, func(message Message) {
		if accept != nil && !accept(message) {
			return
		}
		select {
		case answers <- message.Clone():
		default: // answered already
		}
	})
	if err != nil {
		return Message{}, err
	}
	defer cancel()
	if err := bus.Publish(ctx, id, request); err != nil {
		return Message{}, err
	}
	select {
	case message := <-answers:
		return message, nil
	case <-ctx.Done():
		return Message{}, context.Cause(ctx)
	}
}
