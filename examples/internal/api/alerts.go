package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
)

type ModelPath struct {
	Model string `path:"model" maxLength:"128"`
}

type putModelInput struct {
	ModelPath
	Keep bool `query:"keep" doc:"Go on with the detectors of the version before, where their state still exists."`
	Body json.RawMessage
}

type listAlertsInput struct {
	Paging
	Model  string        `query:"model" maxLength:"128" doc:"Only alerts of this detector model."`
	Key    string        `query:"key" maxLength:"128" doc:"With model: only alerts of this detector."`
	Status alerts.Status `query:"status" enum:"pending,dead" doc:"Only alerts that are not delivered yet, or given up."`
}

type alertPath struct {
	Alert string `path:"alert" maxLength:"64"`
}

func (a *api) registerModels() {
	tags := []string{"detector models"}
	operation(a, huma.Operation{
		OperationID: "put-model", Method: http.MethodPut, Path: "/detector-models/{model}", Tags: tags,
		Summary: "Create or replace a detector model", Description: "The body is a detector model as AWS IoT Events exported it, or the body of its CreateDetectorModel.",
	}, func(ctx context.Context, id tenant.ID, input *putModelInput) (*body[alerts.Model], error) {
		model, err := a.Models.Put(ctx, id, input.Body, func(o *alerts.PutOptions) { o.Name, o.Keep = input.Model, input.Keep })
		return &body[alerts.Model]{model}, err
	})
	operation(a, huma.Operation{
		OperationID: "list-models", Method: http.MethodGet, Path: "/detector-models", Tags: tags, Summary: "List detector models",
	}, func(ctx context.Context, id tenant.ID, _ *struct{}) (*body[list[alerts.Model]], error) {
		models := []alerts.Model{}
		for model, err := range a.Models.List(ctx, id) {
			if err != nil {
				return nil, err
			}
			model.Definition = nil
			models = append(models, model)
		}
		return &body[list[alerts.Model]]{list[alerts.Model]{Items: models}}, nil
	})
	operation(a, huma.Operation{
		OperationID: "get-model", Method: http.MethodGet, Path: "/detector-models/{model}", Tags: tags, Summary: "Get a detector model",
	}, func(ctx context.Context, id tenant.ID, input *ModelPath) (*body[alerts.Model], error) {
		model, err := a.Models.Get(ctx, id, input.Model)
		return &body[alerts.Model]{model}, err
	})
	operation(a, huma.Operation{
		OperationID: "delete-model", Method: http.MethodDelete, Path: "/detector-models/{model}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a detector model and its detectors",
	}, func(ctx context.Context, id tenant.ID, input *ModelPath) (*struct{}, error) {
		return nil, a.Models.Delete(ctx, id, input.Model)
	})
}

func (a *api) registerAlerts() {
	tags := []string{"alerts"}
	operation(a, huma.Operation{
		OperationID: "list-alerts", Method: http.MethodGet, Path: "/alerts", Tags: tags, Summary: "List alerts, newest first",
	}, func(ctx context.Context, id tenant.ID, input *listAlertsInput) (*body[list[alerts.Alert]], error) {
		page, err := a.Alerts.List(ctx, id, alerts.Filter{
			Model: input.Model, Key: input.Key, Status: input.Status, Limit: input.Limit, Cursor: input.Cursor,
		})
		return listOf(page), err
	})
	operation(a, huma.Operation{
		OperationID: "get-alert", Method: http.MethodGet, Path: "/alerts/{alert}", Tags: tags, Summary: "Get an alert",
	}, func(ctx context.Context, id tenant.ID, input *alertPath) (*body[alerts.Alert], error) {
		alert, err := a.Alerts.Get(ctx, id, input.Alert)
		return &body[alerts.Alert]{alert}, err
	})
}
