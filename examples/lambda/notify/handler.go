package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
)

// services are what the function needs.
type services struct {
	// channels are the ways to tell people of an alert, by name.
	channels []channel
	// records remember who was told, made with tenant.OnceSchema.
	records tenant.Repository[tenant.OnceRecord]
	logger  *slog.Logger
}

type channel struct {
	name     string
	notifier alerts.Notifier
}

// newHandler returns the Lambda function: it tells people of the alerts in an
// event of SQS or SNS, once by each channel, however often an alert comes.
//
// What fails in passing comes again, and then only the channels that have not
// told yet are asked. What is refused for good is reported as failed too: the
// verdict is remembered, nobody is asked again, and the queue hands the message
// to its dead-letter queue.
func newHandler(s services) lambda.Handler { return &handler{s} }

type handler struct{ services }

// errFailed: some alerts of an event of SNS were not told; Lambda invokes
// again, and then hands the event to its destination for failures.
var errFailed = errors.New("notify: alerts not told")

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event struct {
		Records []struct{ EventSource string }
	}
	if err := json.Unmarshal(payload, &event); err != nil || len(event.Records) == 0 {
		return nil, fmt.Errorf("%w: an event without records", errRecord)
	}
	switch source := event.Records[0].EventSource; source {
	case "aws:sqs":
		return h.queue(ctx, payload)
	case "aws:sns":
		return []byte("null"), h.topic(ctx, payload)
	default:
		return nil, fmt.Errorf("%w: records of %q", errRecord, source)
	}
}

func (h *handler) queue(ctx context.Context, payload []byte) ([]byte, error) {
	var event events.SQSEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("%w: %w", errRecord, err)
	}
	var response events.SQSEventResponse
	for i := range event.Records {
		message := &event.Records[i]
		p, err := fromQueue(message)
		if err == nil {
			err = h.tell(ctx, &p)
		}
		if err != nil {
			h.logger.ErrorContext(ctx, "alert not told", "message", message.MessageId, "alert", p.attributes["alertId"], "tenant", p.attributes["tenant"], "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	return json.Marshal(response)
}

func (h *handler) topic(ctx context.Context, payload []byte) error {
	var event events.SNSEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return fmt.Errorf("%w: %w", errRecord, err)
	}
	var failed error
	for i := range event.Records {
		p := fromTopic(&event.Records[i].SNS)
		if err := h.tell(ctx, &p); err != nil {
			h.logger.ErrorContext(ctx, "alert not told", "alert", p.attributes["alertId"], "tenant", p.attributes["tenant"], "error", err)
			failed = errFailed
		}
	}
	return failed
}

// tell asks each channel once.
func (h *handler) tell(ctx context.Context, p *published) error {
	id, alert, err := p.alert()
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range h.channels {
		once := tenant.NewOnce[struct{}](h.records, "notify-"+c.name, func(o *tenant.OnceOptions) { o.LeaseWithinDeadline = true })
		_, err := once.Do(ctx, id, tenant.NewKey(alert.ID), nil, func(ctx context.Context) (struct{}, error) {
			err := c.notifier.Notify(ctx, id, alert)
			if alerts.Permanent(err) {
				err = tenant.Final(err)
			}
			return struct{}{}, err
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
		}
	}
	return errors.Join(errs...)
}
