package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
)

type shelveRequest struct {
	Model   string `json:"model" minLength:"1" maxLength:"128"`
	Key     string `json:"key,omitempty" maxLength:"128" doc:"Absent: all detectors of the model."`
	Seconds int64  `json:"seconds" minimum:"1" maximum:"31622400" doc:"For how long, from now on."`
	Reason  string `json:"reason,omitempty" maxLength:"4096"`
}

type unshelveInput struct {
	ModelPath
	Key string `query:"key" maxLength:"128" doc:"Absent: the shelf of the whole model."`
}

func (a *api) registerShelves() {
	tags := []string{"shelves"}
	operation(a, huma.Operation{
		OperationID: "shelve", Method: http.MethodPost, Path: "/shelves", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Shelve a detector or a model", Description: "Its alerts are kept with the status \"shelved\", and not delivered.",
	}, func(ctx context.Context, id tenant.ID, input *body[shelveRequest]) (*body[alerts.Shelf], error) {
		by, err := person(ctx)
		if err != nil {
			return nil, err
		}
		in := input.Body
		shelf, err := a.Shelves.Put(ctx, id, alerts.Shelf{
			Model: in.Model, Key: in.Key, Until: time.Now().Add(seconds(in.Seconds)).UTC().Truncate(time.Millisecond), By: by, Reason: in.Reason,
		})
		return &body[alerts.Shelf]{shelf}, err
	})
	operation(a, huma.Operation{
		OperationID: "list-shelves", Method: http.MethodGet, Path: "/shelves", Tags: tags, Summary: "List what is shelved",
	}, func(ctx context.Context, id tenant.ID, _ *struct{}) (*body[list[alerts.Shelf]], error) {
		shelves := []alerts.Shelf{}
		for shelf, err := range a.Shelves.All(ctx, id) {
			if err != nil {
				return nil, err
			}
			shelves = append(shelves, shelf)
		}
		return &body[list[alerts.Shelf]]{list[alerts.Shelf]{Items: shelves}}, nil
	})
	operation(a, huma.Operation{
		OperationID: "unshelve", Method: http.MethodDelete, Path: "/shelves/{model}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "End a shelf before its time", Description: "What was shelved stays so: redeliver it.",
	}, func(ctx context.Context, id tenant.ID, input *unshelveInput) (*struct{}, error) {
		return nil, a.Shelves.Delete(ctx, id, input.Model, input.Key)
	})
}
