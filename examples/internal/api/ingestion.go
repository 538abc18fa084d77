package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

type putMessagesInput struct {
	NamePath
	Body struct {
		Messages []channelMessage `json:"messages" minItems:"1" maxItems:"100"`
	}
}

type channelMessage struct {
	ID      string          `json:"messageId,omitempty" maxLength:"128" doc:"Sent again with the same id, it is stored once."`
	Payload json.RawMessage `json:"payload" doc:"Any JSON."`
}

type putMessagesOutput struct {
	Refused []refusedMessage `json:"refused" nullable:"false" doc:"Those that will never be taken. All others are durable."`
}

type refusedMessage struct {
	Index  int    `json:"index"`
	Reason string `json:"reason"`
}

type sampleInput struct {
	NamePath
	Limit int       `query:"limit" minimum:"1" maximum:"10" default:"10"`
	From  time.Time `query:"from" doc:"Received from then on. Absent: the newest."`
	To    time.Time `query:"to" doc:"Received before then."`
}

type runActivityInput struct {
	Body struct {
		Activity json.RawMessage   `json:"activity" doc:"One activity, such as {\"math\": {\"name\": \"f\", \"attribute\": \"f\", \"math\": \"c * 1.8 + 32\"}}."`
		Payloads []json.RawMessage `json:"payloads" minItems:"1" maxItems:"10" doc:"Messages to try it on."`
	}
}

type runActivityOutput struct {
	Payloads []json.RawMessage `json:"payloads" nullable:"false"`
	Log      string            `json:"log,omitempty" doc:"What went wrong."`
}

type reprocessInput struct {
	NamePath
	Body reprocessRequest
}

type reprocessRequest struct {
	From time.Time                  `json:"from,omitzero" doc:"Messages received from then on. Absent: all that the channel has."`
	To   time.Time                  `json:"to,omitzero" doc:"Messages received before then."`
	Mode analytics.ReprocessingMode `json:"mode,omitempty" enum:"append,replace" doc:"replace: the rows take the place of those of the same days, in one step. Default: append."`
}

type ReprocessingPath struct {
	NamePath
	Reprocessing string `path:"reprocessing" maxLength:"64"`
}

func (a *api) registerIngestion() {
	tags := []string{"analytics"}
	operation(a, huma.Operation{
		OperationID: "put-messages", Method: http.MethodPost, Path: "/channels/{name}/messages", Tags: tags, MaxBodyBytes: analytics.MaxBatch * analytics.MaxPayload,
		Summary: "Put messages into a channel, and through its pipelines",
	}, func(ctx context.Context, id tenant.ID, input *putMessagesInput) (*body[putMessagesOutput], error) {
		rows := make([]analytics.Row, len(input.Body.Messages))
		for i, message := range input.Body.Messages {
			rows[i] = analytics.Row{ID: message.ID, Payload: message.Payload}
		}
		refused, err := refusals(a.Ingest.Put(ctx, id, input.Name, rows))
		return &body[putMessagesOutput]{putMessagesOutput{refused}}, err
	})
	operation(a, huma.Operation{
		OperationID: "sample-channel", Method: http.MethodGet, Path: "/channels/{name}/sample", Tags: tags, Summary: "Look at messages of a channel",
	}, func(ctx context.Context, id tenant.ID, input *sampleInput) (*body[list[any]], error) {
		payloads, err := a.Ingest.Sample(ctx, id, input.Name, input.Limit, input.From, input.To)
		return &body[list[any]]{list[any]{Items: shown(payloads)}}, err
	})
	operation(a, huma.Operation{
		OperationID: "run-activity", Method: http.MethodPost, Path: "/activities/run", Tags: tags, Summary: "Try a pipeline activity on messages",
	}, func(ctx context.Context, id tenant.ID, input *runActivityInput) (*body[runActivityOutput], error) {
		payloads := make([][]byte, len(input.Body.Payloads))
		for i, payload := range input.Body.Payloads {
			payloads[i] = payload
		}
		outputs, log, err := a.Ingest.RunActivity(ctx, id, input.Body.Activity, payloads)
		answer := runActivityOutput{Payloads: []json.RawMessage{}, Log: log}
		for _, output := range outputs {
			answer.Payloads = append(answer.Payloads, output)
		}
		return &body[runActivityOutput]{answer}, err
	})
}

// refusals separates messages that will never be taken from a failure.
func refusals(err error) ([]refusedMessage, error) {
	refused := []refusedMessage{}
	put, ok := errors.AsType[*analytics.PutError](err)
	if !ok {
		return refused, err
	}
	for _, failure := range put.Failures {
		refused = append(refused, refusedMessage{Index: failure.Index, Reason: failure.Err.Error()})
	}
	return refused, nil
}

// shown returns payloads as JSON, and those that are none in Base64.
func shown(payloads [][]byte) []any {
	items := make([]any, len(payloads))
	for i, payload := range payloads {
		if json.Valid(payload) {
			items[i] = json.RawMessage(payload)
		} else {
			items[i] = payload
		}
	}
	return items
}

func (a *api) registerReprocessing() {
	tags := []string{"analytics"}
	operation(a, huma.Operation{
		OperationID: "start-reprocessing", Method: http.MethodPost, Path: "/pipelines/{name}/reprocessings", Tags: tags, DefaultStatus: http.StatusAccepted,
		Summary: "Send the messages of the channel through a pipeline again",
	}, func(ctx context.Context, id tenant.ID, input *reprocessInput) (*body[analytics.Reprocessing], error) {
		started, err := a.Reprocessings.Start(ctx, id, analytics.ReprocessingRequest{
			Pipeline: input.Name, Mode: input.Body.Mode, From: input.Body.From, To: input.Body.To,
		})
		return &body[analytics.Reprocessing]{started}, err
	})
	operation(a, huma.Operation{
		OperationID: "list-reprocessings", Method: http.MethodGet, Path: "/pipelines/{name}/reprocessings", Tags: tags, Summary: "List reprocessings of a pipeline",
	}, func(ctx context.Context, id tenant.ID, input *NamePath) (*body[list[analytics.Reprocessing]], error) {
		items := []analytics.Reprocessing{}
		for item, err := range a.Reprocessings.All(ctx, id, input.Name) {
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		return &body[list[analytics.Reprocessing]]{list[analytics.Reprocessing]{Items: items}}, nil
	})
	operation(a, huma.Operation{
		OperationID: "get-reprocessing", Method: http.MethodGet, Path: "/pipelines/{name}/reprocessings/{reprocessing}", Tags: tags, Summary: "Get a reprocessing",
	}, func(ctx context.Context, id tenant.ID, input *ReprocessingPath) (*body[analytics.Reprocessing], error) {
		item, err := a.Reprocessings.Get(ctx, id, input.Name, input.Reprocessing)
		return &body[analytics.Reprocessing]{item}, err
	})
	operation(a, huma.Operation{
		OperationID: "cancel-reprocessing", Method: http.MethodDelete, Path: "/pipelines/{name}/reprocessings/{reprocessing}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Cancel a reprocessing", Description: "What was done in append mode stays.",
	}, func(ctx context.Context, id tenant.ID, input *ReprocessingPath) (*struct{}, error) {
		return nil, a.Reprocessings.Cancel(ctx, id, input.Name, input.Reprocessing)
	})
}
