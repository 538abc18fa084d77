package alerts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// MaxHops is how many detectors may feed each other by iotEvents actions in
// the course of one message.
const MaxHops = 8

// writeTimeout bounds the write of an outcome after Run was told to end.
const writeTimeout = 10 * time.Second

// claim takes a pending alert for delivery by this process. It returns false
// if there is nothing to deliver now: it is not due, or somebody else has it.
func (r *Runtime) claim(ctx context.Context, id tenant.ID, alertID string) (claim, bool, error) {
	item, err := r.alerts.Get(ctx, id, tenant.NewKey(alertID), tenant.Consistent)
	if errors.Is(err, tenant.ErrNotFound) {
		return claim{}, false, nil
	}
	if err != nil {
		return claim{}, false, fmt.Errorf("alerts: read alert: %w", err)
	}
	c := newClaim(item.Value, item.Version)
	now := r.now()
	if c.alert.Status != StatusPending || c.alert.NextAttempt.After(now) {
		return claim{}, false, nil
	}
	if c.alert.Attempts >= r.options.Attempts {
		// The process ended during the last attempt.
		c.alert.bury("the outcome of the last attempt is unknown")
		return claim{}, false, r.record(ctx, id, &c)
	}
	c.alert.Attempts++
	c.alert.NextAttempt = now.Add(r.lease())
	err = r.record(ctx, id, &c)
	return c, c.version != 0 && err == nil, err
}

// record writes an alert over the version that is known. If somebody else has
// taken it meanwhile, that stands, and the claim is lost. What people did about
// the alert is kept.
func (r *Runtime) record(ctx context.Context, id tenant.ID, c *claim) error {
	claimed := c.attempt
	for attempt := 1; ; attempt++ {
		version, err := r.putAlert(ctx, id, &c.alert, tenant.IfVersion(c.version))
		c.version = version
		if err == nil {
			c.attempt = claimOf(&c.alert)
			return nil
		}
		if !errors.Is(err, tenant.ErrVersion) || attempt > stepAttempts {
			return fmt.Errorf("alerts: write alert: %w", err)
		}
		item, err := r.alerts.Get(ctx, id, tenant.NewKey(c.alert.ID), tenant.Consistent)
		switch {
		case errors.Is(err, tenant.ErrNotFound), err == nil && claimOf(&item.Value) != claimed:
			c.version = 0
			return nil
		case err != nil:
			return fmt.Errorf("alerts: read alert: %w", err)
		}
		c.version, c.alert.Handling = item.Version, item.Value.Handling
	}
}

// putAlert writes an alert, and has its tenant woken when delivery is due.
func (r *Runtime) putAlert(ctx context.Context, id tenant.ID, alert *Alert, condition tenant.Condition) (tenant.Version, error) {
	if alert.Status == StatusPending {
		if err := r.wakeAt(ctx, id, alert.NextAttempt); err != nil {
			return 0, err
		}
	}
	return r.alerts.Put(ctx, id, *alert, condition)
}

// claimOf identifies the claim on an alert: whoever takes it writes these.
func claimOf(a *Alert) attempt { return attempt{a.Status, a.Attempts, a.NextAttempt.UnixMicro()} }

// deliver notifies of a claimed alert and records the outcome. An alert whose
// delivery failed is no error of deliver.
func (r *Runtime) deliver(ctx context.Context, id tenant.ID, c claim) error {
	if !c.alert.NextAttempt.After(r.now()) {
		return nil // the claim has run out while it waited
	}
	if c.alert.Kind == KindStorm {
		if err := r.sumUp(ctx, id, &c.alert); err != nil {
			return err
		}
	}
	err := r.notify(ctx, id, c.alert)
	if err != nil && ctx.Err() != nil {
		c.alert.interrupted(r.now())
	} else {
		r.conclude(&c.alert, err)
	}
	if c.alert.Status == StatusDead {
		r.log(ctx, id, "alert is dead", err, c.alert.attrs()...)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	if err := r.record(ctx, id, &c); err != nil {
		return err
	}
	if c.alert.Status == StatusPending && c.version != 0 {
		r.later(alertJob(id, c.alert.ID), c.alert.NextAttempt)
	}
	return nil
}

// notify gives the alert to the notifier of its kind.
func (r *Runtime) notify(ctx context.Context, id tenant.ID, alert Alert) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("alerts: notifier panicked: %v", cause)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, r.options.NotifyTimeout)
	defer cancel()
	if notifier, ok := r.options.Notifiers[alert.Kind]; ok {
		return notifier.Notify(ctx, id, alert)
	}
	switch alert.Kind {
	case detector.ActionIoTEvents:
		return r.feed(ctx, id, alert)
	case detector.ActionSiteWise:
		return fmt.Errorf("alerts: %w: no notifier for iotSiteWise actions", iotenant.ErrUnsupported)
	}
	return r.notifier.Notify(ctx, id, alert)
}

// feed puts an iotEvents action back in as a message. Its id makes the
// detectors take it once.
func (r *Runtime) feed(ctx context.Context, id tenant.ID, alert Alert) error {
	if alert.Hops >= MaxHops {
		return ErrLoop
	}
	routes, err := r.models.routesOf(ctx, id)
	if err != nil {
		return err
	}
	if len(routes.byInput[alert.Target]) == 0 {
		return fmt.Errorf("%w: no model reads input %q", tenant.ErrNotFound, alert.Target)
	}
	message := Message{Input: alert.Target, ID: alert.ID, Payload: []byte(alert.Payload), hops: alert.Hops + 1}
	return r.Put(ctx, id, message)
}

// conclude notes the outcome of an attempt.
func (r *Runtime) conclude(a *Alert, err error) {
	switch {
	case err == nil:
		a.Status, a.NextAttempt, a.DeliveredAt, a.Reason = StatusDelivered, time.Time{}, r.now(), ""
	case Permanent(err) || a.Attempts >= r.options.Attempts:
		a.bury(err.Error())
	default:
		a.Reason = reason(err.Error())
		a.NextAttempt = r.now().Add(r.backoff(a.Attempts))
	}
}

// backoff is the pause after so many attempts.
func (r *Runtime) backoff(attempts int) time.Duration {
	wait := r.options.RetryAfter
	for range attempts - 1 {
		if wait *= 2; wait >= r.options.RetryAtMost {
			return r.options.RetryAtMost
		}
	}
	return wait
}

// Redeliver tries an alert again that is dead, or was suppressed or shelved.
// Errors: tenant.ErrNotFound if there is no such alert, or it is another;
// tenant.ErrID, tenant.ErrKey.
func (r *Runtime) Redeliver(ctx context.Context, id tenant.ID, alertID string) error {
	now := r.now()
	_, err := tenant.Update(ctx, r.alerts, id, tenant.NewKey(alertID), func(a *Alert) error {
		if a.Status != StatusDead && !a.Status.held() {
			return fmt.Errorf("undelivered %w", tenant.ErrNotFound)
		}
		a.Status, a.Attempts, a.NextAttempt, a.HeldAt = StatusPending, 0, now, time.Time{}
		return r.wakeAt(ctx, id, now)
	})
	if err != nil {
		return fmt.Errorf("alerts: redeliver: %w", err)
	}
	r.later(alertJob(id, alertID), now)
	return nil
}
