package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// detectorView is a detector, or an alarm, as the API shows it.
type detectorView struct {
	Model       string         `json:"model"`
	Version     int            `json:"version"`
	Key         string         `json:"key,omitempty" doc:"Absent for the only detector of a model without key."`
	State       string         `json:"state"`
	Variables   map[string]any `json:"variables,omitempty"`
	Timers      []timerView    `json:"timers,omitempty"`
	Alarm       *alarmView     `json:"alarm,omitempty" doc:"For alarms only."`
	Evaluations uint64         `json:"evaluations"`
	CreatedAt   time.Time      `json:"createdAt"`
	UpdatedAt   time.Time      `json:"updatedAt"`
}

type timerView struct {
	Name    string    `json:"name"`
	Due     time.Time `json:"due"`
	Elapsed bool      `json:"elapsed,omitempty"`
}

type alarmView struct {
	Severity       int64                  `json:"severity,omitempty"`
	InputProperty  any                    `json:"inputProperty,omitempty" doc:"What was compared last."`
	Comparison     detector.Comparison    `json:"comparison,omitempty"`
	Threshold      any                    `json:"threshold,omitempty"`
	CustomerAction detector.OperationKind `json:"customerAction,omitempty" doc:"What somebody did last, while it counts."`
	Note           string                 `json:"note,omitempty"`
	SnoozeSeconds  int64                  `json:"snoozeSeconds,omitempty"`
}

func showDetector(d *alerts.Detector) detectorView {
	view := detectorView{
		Model: d.Model, Version: d.Version, Key: d.Key, State: d.State, Variables: map[string]any{},
		Evaluations: d.Evaluations, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
	for name, value := range d.Variables {
		view.Variables[name] = value
	}
	for _, t := range d.Timers {
		view.Timers = append(view.Timers, timerView{Name: t.Name, Due: t.Due, Elapsed: t.Elapsed})
	}
	if s := d.Alarm; s != nil {
		view.Alarm = &alarmView{Severity: s.Severity, CustomerAction: s.CustomerAction, Note: s.Note, SnoozeSeconds: int64(s.SnoozeDuration / time.Second)}
		if s.Evaluated {
			view.Alarm.InputProperty, view.Alarm.Comparison, view.Alarm.Threshold = s.InputProperty, s.Comparison, s.Threshold
		}
	}
	return view
}

type listDetectorsInput struct {
	ModelPath
	Paging
}

type detectorInput struct {
	ModelPath
	Key string `query:"key" maxLength:"128" doc:"Which detector. Absent: the only one of a model without key."`
}

type operateInput struct {
	ModelPath
	Body operationRequest
}

// operationRequest is one entry of a request of the old data plane.
type operationRequest struct {
	Key           string                 `json:"key,omitempty" maxLength:"128" doc:"Which detector. Absent: the only one of a model without key."`
	Kind          detector.OperationKind `json:"kind" enum:"ACKNOWLEDGE,DISABLE,ENABLE,RESET,SNOOZE,UPDATE"`
	Note          string                 `json:"note,omitempty" maxLength:"256" doc:"For alarms: why."`
	SnoozeSeconds int64                  `json:"snoozeSeconds,omitempty" minimum:"0" maximum:"31622400" doc:"For SNOOZE: for how long."`
	State         *detectorState         `json:"state,omitempty" doc:"For UPDATE, which is for detectors: all that the detector is to have."`
}

type detectorState struct {
	StateName string          `json:"stateName" maxLength:"128"`
	Variables []stateVariable `json:"variables,omitempty"`
	Timers    []stateTimer    `json:"timers,omitempty"`
}

type stateVariable struct {
	Name  string `json:"name" maxLength:"128"`
	Value string `json:"value" maxLength:"1024" doc:"A literal: 7, 1.5, true, \"text\"."`
}

type stateTimer struct {
	Name    string `json:"name" maxLength:"128"`
	Seconds int64  `json:"seconds" minimum:"0" maximum:"31622400"`
}

func (r *operationRequest) operation() (detector.Operation, error) {
	entry := map[string]any{"note": r.Note, "state": r.State}
	if r.Kind == detector.OperationSnooze {
		entry["snoozeDuration"] = r.SnoozeSeconds
	}
	text, err := json.Marshal(entry)
	if err != nil {
		return detector.Operation{}, err
	}
	return detector.ParseOperation(r.Kind, text)
}

func (a *api) registerDetectors() {
	tags := []string{"detectors and alarms"}
	operation(a, huma.Operation{
		OperationID: "list-detectors", Method: http.MethodGet, Path: "/detector-models/{model}/detectors", Tags: tags, Summary: "List the detectors, or alarms, of a model",
	}, func(ctx context.Context, id tenant.ID, input *listDetectorsInput) (*body[list[detectorView]], error) {
		page, err := a.Detectors.Detectors(ctx, id, input.Model, input.Limit, input.Cursor)
		views := make([]detectorView, len(page.Items))
		for i := range page.Items {
			views[i] = showDetector(&page.Items[i].Value)
		}
		return &body[list[detectorView]]{list[detectorView]{Items: views, Next: page.Next}}, err
	})
	operation(a, huma.Operation{
		OperationID: "get-detector", Method: http.MethodGet, Path: "/detector-models/{model}/detector", Tags: tags, Summary: "Get a detector, or an alarm",
	}, func(ctx context.Context, id tenant.ID, input *detectorInput) (*body[detectorView], error) {
		return a.getDetector(ctx, id, input.Model, input.Key)
	})
	operation(a, huma.Operation{
		OperationID: "operate-detector", Method: http.MethodPost, Path: "/detector-models/{model}/operations", Tags: tags,
		Summary: "Acknowledge, snooze, disable, enable or reset an alarm; set the state of a detector",
	}, func(ctx context.Context, id tenant.ID, input *operateInput) (*body[detectorView], error) {
		todo, err := input.Body.operation()
		if err != nil {
			return nil, err
		}
		if err := a.Detectors.Operate(ctx, id, input.Model, input.Body.Key, todo); err != nil {
			return nil, err
		}
		return a.getDetector(ctx, id, input.Model, input.Body.Key)
	})
	operation(a, huma.Operation{
		OperationID: "redeliver-alert", Method: http.MethodPost, Path: "/alerts/{alert}/redeliver", Tags: []string{"alerts"}, DefaultStatus: http.StatusAccepted,
		Summary: "Deliver an alert again that is dead, or was suppressed or shelved",
	}, func(ctx context.Context, id tenant.ID, input *AlertPath) (*struct{}, error) {
		return nil, a.Detectors.Redeliver(ctx, id, input.Alert)
	})
}

func (a *api) getDetector(ctx context.Context, id tenant.ID, model, key string) (*body[detectorView], error) {
	d, err := a.Detectors.Detector(ctx, id, model, key)
	return &body[detectorView]{showDetector(&d)}, err
}
