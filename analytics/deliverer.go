package analytics

import (
	"context"
	"time"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// Deliverer brings contents to where the delivery rules of a data set want
// them. [ToBuckets] and [ToInputs] make those for the two kinds of destinations.
//
// The contract:
//
//   - A nil error means that the target has the content.
//   - The same content may be given again, also after a nil error, with the
//     same Delivery.ID, by which targets drop what they have.
//   - An error that is permanent, of kind iotenant.ErrInvalid, ErrDenied,
//     ErrNotFound, ErrExists or ErrUnsupported, means that this content will
//     never be accepted; after any other it is given again later. A deliverer
//     does not retry by itself.
//   - Deliver returns soon after ctx has ended.
//   - No content of one tenant reaches a target of another. No error text holds
//     another tenant's id, nor a secret.
//   - Deliver may be called concurrently, in no particular order.
type Deliverer interface {
	Deliver(ctx context.Context, id tenant.ID, delivery Delivery) error
}

// Delivery is a content on its way.
type Delivery struct {
	// ID identifies what is delivered: the version of the content, and its run
	// if it was run again.
	ID               string
	Dataset, Version string
	Rule             pipeline.Delivery
	// Created and Scheduled are those of the content.
	Created, Scheduled time.Time
	// Open returns the CSV, to be closed.
	Open func(ctx context.Context) (Object, error)
}

// DelivererFunc is a function that is a [Deliverer].
type DelivererFunc func(ctx context.Context, id tenant.ID, delivery Delivery) error

// Deliver calls the function.
func (f DelivererFunc) Deliver(ctx context.Context, id tenant.ID, delivery Delivery) error {
	return f(ctx, id, delivery)
}
