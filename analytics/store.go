package analytics

import (
	"context"
	"iter"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Store keeps the messages of tenants, apart for each, and answers for the
// points in them. Get one from a backend: fileanalytics, memanalytics.
//
// The contract, sentence by sentence, as package analyticstest checks it:
//
//   - Isolation: a call with one tenant's id neither sees nor changes what was
//     appended with another's, also for things of the same name.
//   - The zero tenant id, and that of the platform, which has no things, are
//     refused with tenant.ErrID.
//   - Durability: an append is acknowledged by a nil error. A backend that
//     keeps data beyond the process has then made it durable.
//   - Visibility: an acknowledged message, its points and last values are seen
//     by every call that begins afterwards.
//   - Wholeness: a message is kept whole or not at all. An append that is
//     refused keeps nothing; one that fails otherwise may have kept any of its
//     messages.
//   - Idempotence: a message with an ID that its thing and data store have
//     among the latest [Window] of theirs is not kept again. It is
//     acknowledged as a [Duplicate] once the first is durable, whatever its
//     payload. So an append whose outcome is unknown can be sent again.
//   - Fidelity: messages come back as they were appended, the payload byte by
//     byte.
//   - Order: messages are ordered by Message.At, points by Point.Time; what
//     has the same time, by arrival, and in one message by place. Equal times
//     with other values are all kept.
//   - Paging: following the cursors to the end returns every item that was
//     there throughout exactly once. A page may be shorter than the limit,
//     even empty, and still have a next one.
//   - Ownership: nothing is shared. What was appended can be changed by the
//     caller afterwards, and what was returned too, without effect on the
//     store.
//   - A cancelled context ends the call with the context's error. An append
//     that ends so has an unknown outcome; a call made with a cancelled context
//     has no effect.
//   - Errors are those named below, [ErrClosed], or wrap
//     iotenant.ErrUnavailable. No error text holds another tenant's id.
//   - All methods may be called concurrently.
type Store interface {
	// Append keeps messages, 1 to [MaxBatch], raw or processed, and returns
	// for each what became of it. Errors: tenant.ErrID, [ErrBatch], and
	// [*MessageError] for the first bad message, see [Message.Check].
	Append(ctx context.Context, id tenant.ID, messages []Message) ([]Outcome, error)

	// Messages returns one page of messages. Errors: tenant.ErrID,
	// device.ErrID, [ErrQuery], tenant.ErrCursor, [ErrCorrupt].
	Messages(ctx context.Context, id tenant.ID, query Query) (Page[Message], error)

	// Points returns one page of the points in the messages, see
	// [Message.Points]. Errors: tenant.ErrID, device.ErrID, [ErrQuery],
	// tenant.ErrCursor, [ErrCorrupt].
	Points(ctx context.Context, id tenant.ID, query Query) (Page[Point], error)

	// Last returns the last point of each channel and metric of a thing, in
	// the order of channel and metric: that with the latest time, of several
	// the last to arrive. An empty datastore means the raw messages. Of more
	// than [MaxLast] channels and metrics the first to arrive are known. A
	// thing that sent nothing has no points. Errors: tenant.ErrID,
	// device.ErrID, [ErrQuery] for a bad datastore.
	Last(ctx context.Context, id tenant.ID, datastore string, thing device.ID) ([]Point, error)
}

const (
	// Window is the number of message ids that are remembered, at least, for
	// each thing and data store. It is well above the 100 messages that AWS
	// IoT Core lets a connection have in flight.
	Window = 1024
	// MaxLast limits the last values of each thing and data store.
	MaxLast = 1000
)

// Outcome is what became of an acknowledged message.
type Outcome uint8

// The outcomes.
const (
	// Stored: the message was new and is kept.
	Stored Outcome = iota + 1
	// Duplicate: a message of the same ID had been kept before.
	Duplicate
)

// String returns "stored" or "duplicate".
func (o Outcome) String() string {
	switch o {
	case Stored:
		return "stored"
	case Duplicate:
		return "duplicate"
	}
	return "unknown"
}

// CheckLast reports what is wrong with the arguments of Last. Backends call it
// first. The error is tenant.ErrID, device.ErrID or [ErrQuery].
func CheckLast(id tenant.ID, datastore string, thing device.ID) error {
	if err := checkTenant(id); err != nil {
		return err
	}
	if err := thing.Check(); err != nil {
		return err
	}
	query := Query{Datastore: datastore}
	return query.check()
}

// AllMessages returns every message that the query selects, reading page by
// page. It ends after the first error, which it yields with a zero message.
func AllMessages(ctx context.Context, store Store, id tenant.ID, query Query) iter.Seq2[Message, error] {
	return all(query, func(q Query) (Page[Message], error) { return store.Messages(ctx, id, q) })
}

// AllPoints returns every point that the query selects, reading page by page.
// It ends after the first error, which it yields with a zero point.
func AllPoints(ctx context.Context, store Store, id tenant.ID, query Query) iter.Seq2[Point, error] {
	return all(query, func(q Query) (Page[Point], error) { return store.Points(ctx, id, q) })
}

func all[T any](query Query, read func(Query) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query := query
		for {
			page, err := read(query)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Cursor = page.Next
		}
	}
}
