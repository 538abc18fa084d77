package analytics

import (
	"context"

	"github.com/iotenant/iotenant/tenant"
)

// DatasetContents is what clients of the old service do with the contents of
// data sets, see [NewDataPlane]. A [*Datasets] is one.
type DatasetContents interface {
	// CreateContent asks for a content and returns its version, see
	// [Datasets.CreateContent].
	CreateContent(ctx context.Context, id tenant.ID, dataset, version string) (string, error)
	// Content returns a content with its entries, see [Datasets.Content].
	Content(ctx context.Context, id tenant.ID, dataset, version string) (Content, error)
	// Contents lists contents without entries, see [Datasets.Contents].
	Contents(ctx context.Context, id tenant.ID, dataset string, query ContentQuery) (Page[Content], error)
	// DeleteContent deletes a content, see [Datasets.DeleteContent].
	DeleteContent(ctx context.Context, id tenant.ID, dataset, version string) error
	// Delete deletes all contents of a data set whose definition is gone, see
	// [Datasets.Delete].
	Delete(ctx context.Context, id tenant.ID, dataset string) error
}

var _ DatasetContents = (*Datasets)(nil)
