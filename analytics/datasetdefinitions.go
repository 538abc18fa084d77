package analytics

import (
	"context"
	"iter"
	"time"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// DatasetDefinition is a data set as it was defined, and when.
type DatasetDefinition struct {
	pipeline.Dataset
	// Created is where rates begin; no schedule time before it is due. Updated
	// is when the definition last changed.
	Created, Updated time.Time
}

// DatasetDefinitions knows the data sets of tenants.
//
//   - Isolation: a call with one tenant's id does not see what another defined.
//   - Errors are those named below, or wrap iotenant.ErrUnavailable.
//   - All methods may be called concurrently.
type DatasetDefinitions interface {
	// Dataset returns the definition of this name. Error: kind
	// iotenant.ErrNotFound.
	Dataset(ctx context.Context, id tenant.ID, name string) (DatasetDefinition, error)
	// Datasets returns all definitions of a tenant. It ends after the first
	// error.
	Datasets(ctx context.Context, id tenant.ID) iter.Seq2[DatasetDefinition, error]
}
