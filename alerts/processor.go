package alerts

import (
	"context"

	"github.com/iotenant/iotenant/tenant"
)

//go:generate go tool -modfile=../tools/go.mod mockgen -source=processor.go -destination=alertsmock/processor.go -package=alertsmock -write_source_comment=false -write_package_comment=false

// Processor is what the entries of a system need of a [Runtime], which is one.
type Processor interface {
	// Put evaluates messages, see [Runtime.Put]. Its error is a [*PutError] or
	// concerns the whole batch.
	Put(ctx context.Context, id tenant.ID, messages ...Message) error
	// Sweep fires timers and delivers actions that are due, see
	// [Runtime.Sweep].
	Sweep(ctx context.Context, id tenant.ID) error
}

var _ Processor = (*Runtime)(nil)
