package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// KindStorm is the kind of the alert that sums up a minute in which a tenant
// had more actions than [Options.ActionLimit]. Its payload is a [Storm]. The
// runtime's notifier delivers it unless Options.Notifiers names the kind.
const KindStorm detector.ActionKind = "storm"

// stormEvent is the Alert.Event of a summary.
const stormEvent = "storm"

// stormDelay is what a summary waits for after its minute: processes whose
// clocks are behind.
const stormDelay = 5 * time.Second

// Storm tells how many actions of one minute were suppressed.
type Storm struct {
	EventName string `json:"eventName"` // "storm"
	// EventTime is the beginning of the minute, in milliseconds since 1970.
	EventTime int64 `json:"eventTime"`
	// Limit is what was allowed, Suppressed what came on top of it, Models how
	// that is shared out among the tenant's models.
	Limit      int            `json:"limit"`
	Suppressed int            `json:"suppressed"`
	Models     map[string]int `json:"models"`
}

// holdBack decides whether an alert is kept from delivery, and why. status is
// empty if it is not.
func (r *Runtime) holdBack(ctx context.Context, id tenant.ID, alert *Alert, now time.Time) (status Status, reason string, err error) {
	if r.options.Shelves != nil {
		shelf, err := r.options.Shelves.of(ctx, id, alert)
		if err != nil {
			return "", "", err
		}
		if shelf != nil {
			return StatusShelved, shelf.why(), nil
		}
	}
	limit := r.actionLimit(id)
	if limit <= 0 {
		return "", "", nil
	}
	ok, err := r.limiter.take(ctx, id, limit, now.Truncate(time.Minute))
	if err != nil || ok {
		return "", "", err
	}
	return StatusSuppressed, fmt.Sprintf("more than %d actions in this minute", limit), nil
}

// wasRaised undoes holdBack of an alert that was there already: it was counted
// when it was written.
func (r *Runtime) wasRaised(id tenant.ID, held Status, now time.Time) {
	if held == "" && r.actionLimit(id) > 0 {
		r.limiter.giveBack(id, now.Truncate(time.Minute))
	}
}

func (r *Runtime) actionLimit(id tenant.ID) int {
	if r.options.ActionLimit == nil {
		return 0
	}
	return r.options.ActionLimit(id)
}

// announceStorm makes sure that a summary of a minute will be delivered. It is
// stored before the first alert that is suppressed, so that none of them stays
// unsaid.
func (r *Runtime) announceStorm(ctx context.Context, id tenant.ID, minute time.Time) error {
	summary := Alert{
		ID: fmt.Sprintf("storm:%s:%d", id, minute.Unix()), Event: stormEvent, Kind: KindStorm,
		At: minute, Status: StatusPending, NextAttempt: minute.Add(time.Minute + stormDelay), PayloadType: detector.PayloadJSON,
	}
	summary.ExpiresAt = r.expiry(summary.At)
	_, err := r.putAlert(ctx, id, &summary, tenant.IfAbsent())
	if errors.Is(err, tenant.ErrExists) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("alerts: write summary: %w", err)
	}
	r.later(alertJob(id, summary.ID), summary.NextAttempt)
	return nil
}

// sumUp writes the payload of a summary.
func (r *Runtime) sumUp(ctx context.Context, id tenant.ID, summary *Alert) error {
	storm := Storm{EventName: stormEvent, EventTime: summary.At.UnixMilli(), Limit: r.actionLimit(id), Models: map[string]int{}}
	query := tenant.Query{
		Index: alertsByStatus,
		From:  tenant.NewKey(string(StatusSuppressed), timeKey(summary.At)),
		To:    tenant.NewKey(string(StatusSuppressed), timeKey(summary.At.Add(time.Minute))),
		Limit: tenant.MaxLimit,
	}
	for item, err := range tenant.All(ctx, r.alerts, id, query) {
		if err != nil {
			return fmt.Errorf("alerts: sum up: %w", err)
		}
		storm.Suppressed++
		storm.Models[item.Value.Model]++
	}
	payload, err := json.Marshal(storm)
	summary.Payload = string(payload)
	return err
}
