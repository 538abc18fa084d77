package analytics

import (
	"context"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Ingester is what the entries of a system need of an [Ingest], which is one.
type Ingester interface {
	// Put takes messages for a channel, see [Ingest.Put]. A nil error means
	// that all are durable, a [*PutError] names those that will never be taken,
	// any other means that the whole batch is to be put again.
	Put(ctx context.Context, id tenant.ID, channel string, messages []Row) error
}

var _ Ingester = (*Ingest)(nil)

// RowOf makes a message for [Ingester.Put] of a telemetry message of a thing,
// with its payload, not a copy. Its id is that of the message within its thing,
// so that no thing can hide what another one sends.
func RowOf(message *device.Message) Row {
	row := Row{Thing: message.Topic.Thing, At: message.At, Payload: message.Payload}
	if message.ID != "" {
		row.ID = row.Thing.String() + "/" + message.ID
	}
	return row
}
