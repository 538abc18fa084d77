package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

type ThingPath struct {
	Thing device.ID `path:"thing" pattern:"^[a-zA-Z0-9:_-]+$" maxLength:"91"`
}

type telemetryInput struct {
	ThingPath
	Paging
	Metric     []string  `query:"metric" maxItems:"100" doc:"Only these metrics; all if absent."`
	Channel    []string  `query:"channel" maxItems:"100" doc:"Only these channels; all if absent."`
	From       time.Time `query:"from" doc:"From this time on, RFC 3339."`
	To         time.Time `query:"to" doc:"Before this time, RFC 3339."`
	Descending bool      `query:"descending" doc:"Newest first."`
}

func (i *telemetryInput) query() analytics.Query {
	return analytics.Query{
		Things: []device.ID{i.Thing}, Channels: i.Channel, Metrics: i.Metric,
		From: i.From, To: i.To, Descending: i.Descending, Limit: i.Limit, Cursor: i.Cursor,
	}
}

func (a *api) registerTelemetry() {
	tags := []string{"telemetry"}
	operation(a, huma.Operation{
		OperationID: "list-telemetry", Method: http.MethodGet, Path: "/devices/{thing}/telemetry", Tags: tags,
		Summary: "The readings of a device in order of time",
	}, func(ctx context.Context, id tenant.ID, input *telemetryInput) (*body[list[analytics.Point]], error) {
		if _, err := a.Devices.Get(ctx, id, input.Thing); err != nil {
			return nil, err
		}
		page, err := a.Telemetry.Points(ctx, id, input.query())
		return &body[list[analytics.Point]]{list[analytics.Point]{Items: append([]analytics.Point{}, page.Items...), Next: page.Next}}, err
	})
	operation(a, huma.Operation{
		OperationID: "last-telemetry", Method: http.MethodGet, Path: "/devices/{thing}/telemetry/last", Tags: tags,
		Summary: "The last reading of each metric of a device",
	}, func(ctx context.Context, id tenant.ID, input *ThingPath) (*body[list[analytics.Point]], error) {
		if _, err := a.Devices.Get(ctx, id, input.Thing); err != nil {
			return nil, err
		}
		points, err := a.Telemetry.Last(ctx, id, "", input.Thing)
		return &body[list[analytics.Point]]{list[analytics.Point]{Items: append([]analytics.Point{}, points...)}}, err
	})
}
