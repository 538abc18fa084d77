package analytics

import (
	"context"
	"fmt"
	"iter"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

var _ DatasetDefinitions = (*Definitions)(nil)

// Dataset returns a data set, loaded. Errors: [ErrNoDefinition], tenant.ErrID.
func (d *Definitions) Dataset(ctx context.Context, id tenant.ID, name string) (DatasetDefinition, error) {
	definition, err := d.Get(ctx, id, pipeline.ResourceDataset, name)
	if err != nil {
		return DatasetDefinition{}, err
	}
	return d.dataset(&definition)
}

// Datasets returns all data sets of a tenant, loaded, without those that don't
// load any more. It ends after the first error.
func (d *Definitions) Datasets(ctx context.Context, id tenant.ID) iter.Seq2[DatasetDefinition, error] {
	return func(yield func(DatasetDefinition, error) bool) {
		for definition, err := range d.All(ctx, id, pipeline.ResourceDataset) {
			if err != nil {
				yield(DatasetDefinition{}, err)
				return
			}
			dataset, err := d.dataset(&definition)
			if err != nil {
				d.logUnloaded(ctx, id, &definition, err)
				continue
			}
			if !yield(dataset, nil) {
				return
			}
		}
	}
}

func (d *Definitions) dataset(definition *Definition) (DatasetDefinition, error) {
	set := func(o *pipeline.Options) { *o = d.options.Pipeline }
	dataset, err := pipeline.LoadDataset(definition.Definition, set)
	if err != nil {
		return DatasetDefinition{}, fmt.Errorf("analytics: data set %s: %w", definition.Name, err)
	}
	return DatasetDefinition{Dataset: *dataset, Created: definition.CreatedAt, Updated: definition.UpdatedAt}, nil
}
