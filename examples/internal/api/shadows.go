package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/tenant"
)

type ShadowInput struct {
	ThingPath
	Name string `query:"name" pattern:"^[$a-zA-Z0-9:_-]*$" maxLength:"64" doc:"The name of a named shadow; absent for the classic one."`
}

func (i *ShadowInput) name() (shadow.Name, error) {
	if i.Name == "" {
		return shadow.Name{}, nil
	}
	return shadow.ParseName(i.Name)
}

type updateShadowInput struct {
	ShadowInput
	Body json.RawMessage
}

type shadowNamesInput struct {
	ThingPath
	Limit  int           `query:"limit" minimum:"1" maximum:"100" default:"100"`
	Cursor tenant.Cursor `query:"cursor" maxLength:"4096"`
}

type commandInput struct {
	ThingPath
	Body struct {
		Shadow  string         `json:"shadow,omitempty" pattern:"^[$a-zA-Z0-9:_-]*$" maxLength:"64" doc:"The name of a named shadow; absent for the classic one."`
		Desired map[string]any `json:"desired" doc:"The values that the device is to make true."`
		Wait    int            `json:"wait,omitempty" minimum:"0" maximum:"60" doc:"How many seconds to wait for the device. 0 answers at once."`
	}
}

func (a *api) registerShadows() {
	tags := []string{"shadows"}
	operation(a, huma.Operation{
		OperationID: "get-shadow", Method: http.MethodGet, Path: "/devices/{thing}/shadow", Tags: tags, Summary: "Get a shadow document",
	}, func(ctx context.Context, id tenant.ID, input *ShadowInput) (*body[json.RawMessage], error) {
		name, err := input.name()
		if err != nil {
			return nil, err
		}
		document, err := a.Shadows.Get(ctx, id, input.Thing, name)
		return &body[json.RawMessage]{document}, err
	})
	operation(a, huma.Operation{
		OperationID: "update-shadow", Method: http.MethodPost, Path: "/devices/{thing}/shadow", Tags: tags,
		Summary: "Update a shadow", Description: `The body is an AWS request document: {"state": {"desired": {…}}, "version": 7}.`,
	}, func(ctx context.Context, id tenant.ID, input *updateShadowInput) (*body[json.RawMessage], error) {
		name, err := input.name()
		if err != nil {
			return nil, err
		}
		if _, err := a.Devices.Get(ctx, id, input.Thing); err != nil {
			return nil, err
		}
		accepted, err := a.Shadows.Update(ctx, id, input.Thing, name, input.Body)
		return &body[json.RawMessage]{accepted}, err
	})
	operation(a, huma.Operation{
		OperationID: "delete-shadow", Method: http.MethodDelete, Path: "/devices/{thing}/shadow", Tags: tags, Summary: "Delete a shadow",
	}, func(ctx context.Context, id tenant.ID, input *ShadowInput) (*body[json.RawMessage], error) {
		name, err := input.name()
		if err != nil {
			return nil, err
		}
		deleted, err := a.Shadows.Delete(ctx, id, input.Thing, name)
		return &body[json.RawMessage]{deleted}, err
	})
	operation(a, huma.Operation{
		OperationID: "list-shadows", Method: http.MethodGet, Path: "/devices/{thing}/shadows", Tags: tags, Summary: "List the named shadows of a device",
	}, func(ctx context.Context, id tenant.ID, input *shadowNamesInput) (*body[list[string]], error) {
		page, err := a.Shadows.ListNamed(ctx, id, input.Thing, input.Limit, input.Cursor)
		names := make([]string, len(page.Names))
		for i, name := range page.Names {
			names[i] = name.String()
		}
		return &body[list[string]]{list[string]{Items: names, Next: page.Next}}, err
	})
	operation(a, huma.Operation{
		OperationID: "send-command", Method: http.MethodPost, Path: "/devices/{thing}/commands", Tags: tags,
		Summary:     "Command a device through its shadow",
		Description: "Sets desired, and waits until the device reports the same, at most as long as asked for. A command that is still pending stands: a device that is offline gets it when it comes back.",
	}, func(ctx context.Context, id tenant.ID, input *commandInput) (*body[shadow.Command], error) {
		command, err := a.command(ctx, id, input)
		return &body[shadow.Command]{command}, err
	})
}

func (a *api) command(ctx context.Context, id tenant.ID, input *commandInput) (shadow.Command, error) {
	name, err := (&ShadowInput{Name: input.Body.Shadow}).name()
	if err != nil {
		return shadow.Command{}, err
	}
	if _, err := a.Devices.Get(ctx, id, input.Thing); err != nil {
		return shadow.Command{}, err
	}
	wait := min(time.Duration(input.Body.Wait)*time.Second, a.options.CommandTimeout)
	if wait == 0 {
		return a.Commands.Send(ctx, id, input.Thing, name, input.Body.Desired)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	command, err := a.Commands.Do(ctx, id, input.Thing, name, input.Body.Desired)
	// The outcome is in the command's status; only what kept it from being
	// sent, or from being looked at, is an error here.
	for _, outcome := range []error{shadow.ErrPending, shadow.ErrRejected, shadow.ErrSuperseded, shadow.ErrCancelled} {
		if command.Token != "" && errors.Is(err, outcome) {
			return command, nil
		}
	}
	return command, err
}
