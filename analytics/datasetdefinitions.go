package analytics

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
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

var _ DatasetDefinitions = (*Definitions)(nil)

// Dataset returns the definition of a data set. Errors: [ErrNoDefinition],
// [ErrDefinition] if what is stored does not load, tenant.ErrID.
func (d *Definitions) Dataset(ctx context.Context, id tenant.ID, name string) (DatasetDefinition, error) {
	definition, err := d.Get(ctx, id, pipeline.ResourceDataset, name)
	if err != nil {
		return DatasetDefinition{}, err
	}
	return d.dataset(&definition)
}

// Datasets returns the data sets of a tenant in the order of their names in lower
// case. One that does not load is left out, and the logger is told. It ends
// after the first error.
func (d *Definitions) Datasets(ctx context.Context, id tenant.ID) iter.Seq2[DatasetDefinition, error] {
	return func(yield func(DatasetDefinition, error) bool) {
		for definition, err := range d.All(ctx, id, pipeline.ResourceDataset) {
			if err != nil {
				yield(DatasetDefinition{}, err)
				return
			}
			dataset, err := d.dataset(&definition)
			if err != nil {
				d.options.Logger.LogAttrs(ctx, slog.LevelError, "stored definition does not load", slog.String("tenant", id.String()),
					slog.String("dataset", definition.Name), slog.Any("error", err))
				continue
			}
			if !yield(dataset, nil) {
				return
			}
		}
	}
}

func (d *Definitions) dataset(definition *Definition) (DatasetDefinition, error) {
	loaded, err := pipeline.LoadDataset(definition.Definition, func(o *pipeline.Options) { *o = d.options.Pipeline })
	if err != nil {
		return DatasetDefinition{}, fmt.Errorf("%w: %w", ErrDefinition, err)
	}
	return DatasetDefinition{Dataset: *loaded, Created: definition.CreatedAt, Updated: definition.UpdatedAt}, nil
}
