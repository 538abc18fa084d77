package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/examples/internal/rule"
	"github.com/iotenant/iotenant/tenant"
)

// ingest takes what devices publish: telemetry is kept and given to the
// detectors, shadow requests go to the shadow service. It plays the part of
// the rules engine of AWS IoT Core.
type ingest struct {
	telemetry analytics.Store
	detectors *alerts.Runtime
	feed      *feed
	shadows   device.Receiver
	logger    *slog.Logger
	unread    atomic.Uint64 // telemetry kept, but refused by a detector
}

var _ device.BatchReceiver = (*ingest)(nil)

func (in *ingest) Receive(ctx context.Context, id tenant.ID, message device.Message) error {
	if errs := in.ReceiveBatch(ctx, id, []device.Message{message}); errs != nil {
		return errs[0]
	}
	return nil
}

func (in *ingest) ReceiveBatch(ctx context.Context, id tenant.ID, messages []device.Message) []error {
	errs := make([]error, len(messages))
	failed := false
	for first := 0; first < len(messages); {
		last := first + 1
		if messages[first].Topic.Class == device.ClassTelemetry {
			for last < len(messages) && last-first < analytics.MaxBatch && messages[last].Topic.Class == device.ClassTelemetry {
				last++
			}
			in.receiveTelemetry(ctx, id, messages[first:last], errs[first:last])
		} else {
			errs[first] = in.shadows.Receive(ctx, id, messages[first])
		}
		for _, err := range errs[first:last] {
			failed = failed || err != nil
		}
		first = last
	}
	if !failed {
		return nil
	}
	return errs
}

// receiveTelemetry keeps the messages and gives them to the detectors at the
// same time: each makes its part durable, and knows a message that comes again.
func (in *ingest) receiveTelemetry(ctx context.Context, id tenant.ID, messages []device.Message, errs []error) {
	var kept, evaluated error
	var both sync.WaitGroup
	both.Go(func() { kept = in.keep(ctx, id, messages) })
	both.Go(func() { evaluated = in.evaluate(ctx, id, messages) })
	both.Wait()
	if err := errors.Join(kept, evaluated); err != nil {
		for i := range errs {
			errs[i] = err
		}
	}
}

func (in *ingest) keep(ctx context.Context, id tenant.ID, messages []device.Message) error {
	batch := make([]analytics.Message, len(messages))
	at := messages[0].At
	for i, message := range messages {
		batch[i] = analytics.FromDevice(message)
		at = earliest(at, message.At)
	}
	defer in.feed.arrive(id, at)()
	_, err := in.telemetry.Append(ctx, id, batch)
	return err
}

// evaluate gives the messages to the detectors. One that a detector refuses,
// because it is no JSON for example, is kept all the same: the refusal is
// logged and counted. Any other failure is returned, so that the device sends
// the message again.
func (in *ingest) evaluate(ctx context.Context, id tenant.ID, messages []device.Message) error {
	batch := make([]alerts.Message, len(messages))
	for i, message := range messages {
		batch[i] = alerts.Message{
			Input:   rule.Input(message.Topic.Channel),
			ID:      message.ID,
			Payload: rule.WithThing(message.Payload, message.Topic.Thing),
		}
	}
	err := in.detectors.Put(ctx, id, batch...)
	if err == nil {
		return nil
	}
	var refused *alerts.PutError
	if !errors.As(err, &refused) {
		return err
	}
	for _, failure := range refused.Failures {
		if !alerts.Permanent(failure.Err) {
			return err
		}
	}
	for _, failure := range refused.Failures {
		in.unread.Add(1)
		in.logger.LogAttrs(ctx, slog.LevelWarn, "detector refused telemetry",
			slog.String("tenant", id.String()), slog.String("thing", messages[failure.Index].Topic.Thing.String()),
			slog.String("model", failure.Model), slog.Any("error", failure.Err))
	}
	return nil
}
