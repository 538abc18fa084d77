package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/auth"
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
	Model  string        `query:"model" maxLength:"128" doc:"Only alerts of this model."`
	Key    string        `query:"key" maxLength:"128" doc:"With model: only alerts of this detector."`
	Status alerts.Status `query:"status" enum:"pending,dead,suppressed,shelved" doc:"Only alerts that are not delivered yet, given up, or held back."`
}

type AlertPath struct {
	Alert string `path:"alert" maxLength:"64"`
}

type assignInput struct {
	AlertPath
	Body struct {
		Assignee string `json:"assignee" maxLength:"256" doc:"Empty: nobody."`
	}
}

type commentInput struct {
	AlertPath
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"4096"`
	}
}

// handling registers an operation that notes what a user does about an alert.
func handling[I any](a *api, op huma.Operation, handle func(ctx context.Context, id tenant.ID, input *I, by string) (alerts.Alert, error)) {
	operation(a, op, func(ctx context.Context, id tenant.ID, input *I) (*body[alerts.Alert], error) {
		by, err := person(ctx)
		if err != nil {
			return nil, err
		}
		alert, err := handle(ctx, id, input, by)
		return &body[alerts.Alert]{alert}, err
	})
}

// person names who sent the request.
func person(ctx context.Context) (string, error) {
	principal, err := auth.FromContext(ctx)
	return cmp.Or(principal.Username, principal.Subject), err
}

func (a *api) registerModels() {
	tags := []string{"models"}
	operation(a, huma.Operation{
		OperationID: "put-model", Method: http.MethodPut, Path: "/detector-models/{model}", Tags: tags,
		Summary:     "Create or replace a detector model or an alarm model",
		Description: "The body is a model as AWS IoT Events exported it, or the body of its CreateDetectorModel or CreateAlarmModel.",
	}, func(ctx context.Context, id tenant.ID, input *putModelInput) (*body[alerts.Model], error) {
		model, err := a.Models.Put(ctx, id, input.Body, func(o *alerts.PutOptions) { o.Name, o.Keep = input.Model, input.Keep })
		return &body[alerts.Model]{model}, err
	})
	operation(a, huma.Operation{
		OperationID: "list-models", Method: http.MethodGet, Path: "/detector-models", Tags: tags, Summary: "List models",
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
		OperationID: "get-model", Method: http.MethodGet, Path: "/detector-models/{model}", Tags: tags, Summary: "Get a model",
	}, func(ctx context.Context, id tenant.ID, input *ModelPath) (*body[alerts.Model], error) {
		model, err := a.Models.Get(ctx, id, input.Model)
		return &body[alerts.Model]{model}, err
	})
	operation(a, huma.Operation{
		OperationID: "delete-model", Method: http.MethodDelete, Path: "/detector-models/{model}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a model and its detectors or alarms",
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
	}, func(ctx context.Context, id tenant.ID, input *AlertPath) (*body[alerts.Alert], error) {
		alert, err := a.Alerts.Get(ctx, id, input.Alert)
		return &body[alerts.Alert]{alert}, err
	})
	handling(a, huma.Operation{
		OperationID: "acknowledge-alert", Method: http.MethodPost, Path: "/alerts/{alert}/acknowledge", Tags: tags, Summary: "Note that somebody knows of an alert",
	}, func(ctx context.Context, id tenant.ID, input *AlertPath, by string) (alerts.Alert, error) {
		return a.Alerts.Acknowledge(ctx, id, input.Alert, by)
	})
	handling(a, huma.Operation{
		OperationID: "assign-alert", Method: http.MethodPut, Path: "/alerts/{alert}/assignee", Tags: tags, Summary: "Give an alert to somebody",
	}, func(ctx context.Context, id tenant.ID, input *assignInput, by string) (alerts.Alert, error) {
		return a.Alerts.Assign(ctx, id, input.Alert, by, input.Body.Assignee)
	})
	handling(a, huma.Operation{
		OperationID: "comment-alert", Method: http.MethodPost, Path: "/alerts/{alert}/comments", Tags: tags, Summary: "Comment on an alert",
	}, func(ctx context.Context, id tenant.ID, input *commentInput, by string) (alerts.Alert, error) {
		return a.Alerts.Comment(ctx, id, input.Alert, by, input.Body.Text)
	})
}
