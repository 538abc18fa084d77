package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// resource is a kind of definition and where the API has it.
type resource struct {
	kind           pipeline.Resource
	path, singular string
}

var resources = []resource{
	{pipeline.ResourceChannel, "channels", "channel"},
	{pipeline.ResourcePipeline, "pipelines", "pipeline"},
	{pipeline.ResourceDatastore, "datastores", "data store"},
	{pipeline.ResourceDataset, "datasets", "data set"},
}

// NamePath names a channel, pipeline, data store or data set.
type NamePath struct {
	Name string `path:"name" maxLength:"128"`
}

type putDefinitionInput struct {
	NamePath
	Body json.RawMessage
}

type deleteDefinitionInput struct {
	NamePath
	Data bool `query:"data" doc:"Delete what is stored under the name, too. Only for channels and data stores."`
}

func (a *api) registerDefinitions() {
	for _, r := range resources {
		a.registerResource(r)
	}
}

func (a *api) registerResource(r resource) {
	tags := []string{"analytics"}
	kind := string(r.kind)
	operation(a, huma.Operation{
		OperationID: "put-" + kind, Method: http.MethodPut, Path: "/" + r.path + "/{name}", Tags: tags,
		Summary:     "Create or replace a " + r.singular,
		Description: "The body is a definition as AWS IoT Analytics took it, or as its Describe operation answered.",
	}, func(ctx context.Context, id tenant.ID, input *putDefinitionInput) (*body[analytics.Definition], error) {
		definition, err := a.Definitions.Put(ctx, id, input.Body, func(o *analytics.DefineOptions) { o.Kind, o.Name = r.kind, input.Name })
		return &body[analytics.Definition]{definition}, err
	})
	operation(a, huma.Operation{
		OperationID: "list-" + r.path, Method: http.MethodGet, Path: "/" + r.path, Tags: tags, Summary: "List: " + r.path,
	}, func(ctx context.Context, id tenant.ID, input *Paging) (*body[list[analytics.Definition]], error) {
		page, err := a.Definitions.List(ctx, id, r.kind, input.Limit, input.Cursor)
		for i := range page.Items {
			page.Items[i].Definition = nil
		}
		return itemsOf(page), err
	})
	operation(a, huma.Operation{
		OperationID: "get-" + kind, Method: http.MethodGet, Path: "/" + r.path + "/{name}", Tags: tags, Summary: "Get a " + r.singular,
	}, func(ctx context.Context, id tenant.ID, input *NamePath) (*body[analytics.Definition], error) {
		definition, err := a.Definitions.Get(ctx, id, r.kind, input.Name)
		return &body[analytics.Definition]{definition}, err
	})
	operation(a, huma.Operation{
		OperationID: "delete-" + kind, Method: http.MethodDelete, Path: "/" + r.path + "/{name}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a " + r.singular,
	}, func(ctx context.Context, id tenant.ID, input *deleteDefinitionInput) (*struct{}, error) {
		if r.kind == pipeline.ResourceDataset && a.Datasets != nil {
			if err := a.Datasets.Delete(ctx, id, input.Name); err != nil && iotenant.KindOf(err) != iotenant.ErrNotFound {
				return nil, err
			}
		}
		return nil, a.Definitions.Delete(ctx, id, r.kind, input.Name, func(o *analytics.DeleteOptions) { o.Data = input.Data })
	})
}

func itemsOf[T any](page analytics.Page[T]) *body[list[T]] {
	if page.Items == nil {
		page.Items = []T{}
	}
	return &body[list[T]]{list[T]{Items: page.Items, Next: page.Next}}
}
