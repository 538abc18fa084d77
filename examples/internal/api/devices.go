package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/tenant"
)

// ThingView is a thing as the API shows it.
type ThingView struct {
	device.Thing
	Version string `json:"version" doc:"Changes with each update of the device; needed to update it."`
}

func viewOf(item tenant.Item[device.Thing]) ThingView {
	return ThingView{Thing: item.Value, Version: strconv.FormatUint(uint64(item.Version), 10)}
}

// deviceView is a thing with its presence.
type deviceView struct {
	ThingView
	Presence device.Presence `json:"presence"`
}

type ThingProperties struct {
	Type       string            `json:"type,omitempty" pattern:"^[a-zA-Z0-9:_-]*$" maxLength:"128"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

type createThingRequest struct {
	ID device.ID `json:"id" pattern:"^[a-zA-Z0-9:_-]+$" maxLength:"91"`
	ThingProperties
}

type updateThingInput struct {
	ThingPath
	Body struct {
		ThingProperties
		Version string `json:"version" pattern:"^[0-9]{1,20}$" doc:"The version that was read."`
	}
}

type listThingsInput struct {
	Paging
	Type string `query:"type" maxLength:"128" doc:"Only devices of this type."`
}

type credentialPath struct {
	ThingPath
	Credential string `path:"credential" maxLength:"128"`
}

type passwordView struct {
	CredentialID string `json:"credentialId"`
	ClientID     string `json:"clientId" doc:"The MQTT client id to use."`
	Username     string `json:"username"`
	Password     string `json:"password" doc:"Shown only now."`
}

func (a *api) registerDevices() {
	tags := []string{"devices"}
	operation(a, huma.Operation{
		OperationID: "create-device", Method: http.MethodPost, Path: "/devices", Tags: tags, DefaultStatus: http.StatusCreated, Summary: "Add a device",
	}, func(ctx context.Context, id tenant.ID, input *body[createThingRequest]) (*body[ThingView], error) {
		in := input.Body
		item, err := a.Devices.Create(ctx, id, device.Thing{ID: in.ID, Type: in.Type, Attributes: in.Attributes})
		return &body[ThingView]{viewOf(item)}, err
	})
	operation(a, huma.Operation{
		OperationID: "list-devices", Method: http.MethodGet, Path: "/devices", Tags: tags, Summary: "List devices",
	}, func(ctx context.Context, id tenant.ID, input *listThingsInput) (*body[list[ThingView]], error) {
		page, err := a.Devices.List(ctx, id, device.ListQuery{Type: input.Type, Limit: input.Limit, Cursor: input.Cursor})
		things := make([]ThingView, len(page.Items))
		for i, item := range page.Items {
			things[i] = viewOf(item)
		}
		return &body[list[ThingView]]{list[ThingView]{Items: things, Next: page.Next}}, err
	})
	operation(a, huma.Operation{
		OperationID: "get-device", Method: http.MethodGet, Path: "/devices/{thing}", Tags: tags, Summary: "Get a device, and whether it is connected",
	}, func(ctx context.Context, id tenant.ID, input *ThingPath) (*body[deviceView], error) {
		item, err := a.Devices.Get(ctx, id, input.Thing)
		if err != nil {
			return nil, err
		}
		presence, err := a.Devices.Presence(ctx, id, input.Thing)
		return &body[deviceView]{deviceView{ThingView: viewOf(item), Presence: presence}}, err
	})
	operation(a, huma.Operation{
		OperationID: "update-device", Method: http.MethodPut, Path: "/devices/{thing}", Tags: tags, Summary: "Replace type and attributes of a device",
	}, func(ctx context.Context, id tenant.ID, input *updateThingInput) (*body[ThingView], error) {
		version, err := strconv.ParseUint(input.Body.Version, 10, 64)
		if err != nil {
			return nil, huma.Error400BadRequest("version: not a version")
		}
		thing := device.Thing{ID: input.Thing, Type: input.Body.Type, Attributes: input.Body.Attributes}
		item, err := a.Devices.Update(ctx, id, thing, tenant.Version(version))
		return &body[ThingView]{viewOf(item)}, err
	})
	operation(a, huma.Operation{
		OperationID: "delete-device", Method: http.MethodDelete, Path: "/devices/{thing}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a device with its credentials and shadows", Description: "Its telemetry is kept as long as the data retention says.",
	}, func(ctx context.Context, id tenant.ID, input *deleteThingInput) (*struct{}, error) {
		err := a.deleteDevice(ctx, id, input.Thing)
		// Data is deleted after the device, which sends no more then; also if the
		// device is gone, so that what failed can be repeated.
		if (err == nil || errors.Is(err, iotenant.ErrNotFound)) && input.Data && a.Definitions != nil {
			if err := a.Definitions.DeleteThings(ctx, id, input.Thing); err != nil {
				return nil, err
			}
		}
		return nil, err
	})
	operation(a, huma.Operation{
		OperationID: "create-password", Method: http.MethodPost, Path: "/devices/{thing}/passwords", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Make a password with which the device connects",
	}, func(ctx context.Context, id tenant.ID, input *ThingPath) (*body[passwordView], error) {
		credential, password, err := a.Devices.AddPassword(ctx, id, input.Thing)
		name := device.ThingName(id, input.Thing)
		return &body[passwordView]{passwordView{CredentialID: credential.ID, ClientID: name, Username: name, Password: password}}, err
	})
	operation(a, huma.Operation{
		OperationID: "list-credentials", Method: http.MethodGet, Path: "/devices/{thing}/credentials", Tags: tags, Summary: "List the credentials of a device",
	}, func(ctx context.Context, id tenant.ID, input *ThingPath) (*body[list[credentialView]], error) {
		credentials, err := a.Devices.Credentials(ctx, id, input.Thing)
		views := make([]credentialView, len(credentials))
		for i, c := range credentials {
			views[i] = credentialView{ID: c.ID, Kind: c.Kind, CreatedAt: c.CreatedAt.Format(timeLayout)}
		}
		return &body[list[credentialView]]{list[credentialView]{Items: views}}, err
	})
	operation(a, huma.Operation{
		OperationID: "revoke-credential", Method: http.MethodDelete, Path: "/devices/{thing}/credentials/{credential}", Tags: tags,
		DefaultStatus: http.StatusNoContent, Summary: "Revoke a credential", Description: "The device is disconnected, and comes back with another credential if it has one.",
	}, func(ctx context.Context, id tenant.ID, input *credentialPath) (*struct{}, error) {
		err := a.Devices.Revoke(ctx, id, input.Thing, input.Credential)
		if err == nil {
			a.options.Disconnect(id, input.Thing)
		}
		return nil, err
	})
}

const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// credentialView leaves out what is kept of a secret.
type credentialView struct {
	ID        string                `json:"id"`
	Kind      device.CredentialKind `json:"kind"`
	CreatedAt string                `json:"createdAt" format:"date-time"`
}

type deleteThingInput struct {
	ThingPath
	Data bool `query:"data" doc:"Delete what it sent from all channels and data stores, too."`
}

func (a *api) deleteDevice(ctx context.Context, id tenant.ID, thing device.ID) error {
	if _, err := a.Devices.Get(ctx, id, thing); err != nil {
		return err
	}
	names := []shadow.Name{{}} // the classic shadow
	for name, err := range shadow.AllNamed(ctx, a.Shadows, id, thing) {
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	for _, name := range names {
		if _, err := a.Shadows.Delete(ctx, id, thing, name); err != nil && !errors.Is(err, shadow.ErrNotFound) {
			return err
		}
	}
	if err := a.Devices.Delete(ctx, id, thing); err != nil {
		return err
	}
	a.options.Disconnect(id, thing)
	return nil
}
