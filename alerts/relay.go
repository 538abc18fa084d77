package alerts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// relayParallel is how many actions of a detector are handed over at once.
const relayParallel = 16

// claim is an alert that this process may deliver, until NextAttempt.
type claim struct {
	alert   Alert
	version tenant.Version
	attempt attempt // as it was stored
}

// attempt is what of an alert only its deliverers write.
type attempt struct {
	status   Status
	attempts int
	next     int64
}

func newClaim(alert Alert, version tenant.Version) claim {
	return claim{alert, version, claimOf(&alert)}
}

// relay hands the waiting actions of a detector over: each becomes an alert
// record, if it is none yet. It returns those that this process is to deliver;
// claimed says whether it will. What can't be handed over stays in the outbox.
// The detector is not written.
func (r *Runtime) relay(ctx context.Context, h *held, claimed bool) ([]claim, error) {
	outbox := h.record.outbox
	claims := make([]claim, len(outbox))
	errs := make([]error, len(outbox))
	each(len(outbox), relayParallel, func(i int) {
		claims[i], errs[i] = r.raise(ctx, h.ref.id, outbox[i], claimed)
	})
	var left []Alert
	for i, err := range errs {
		if err != nil {
			left = append(left, outbox[i])
		}
	}
	h.record.outbox = left
	claims = slices.DeleteFunc(claims, func(c claim) bool { return c.version == 0 })
	return claims, errors.Join(errs...)
}

// raise stores an action as an alert. The claim is zero if that was done
// before, or is not claimed.
func (r *Runtime) raise(ctx context.Context, id tenant.ID, alert Alert, claimed bool) (claim, error) {
	now := r.now()
	status, why, err := r.holdBack(ctx, id, &alert, now)
	switch {
	case err != nil:
		return claim{}, err
	case status != "":
		alert.Status, alert.Reason, alert.HeldAt, alert.NextAttempt = status, why, now, time.Time{}
	case claimed:
		alert.Attempts = 1
		alert.NextAttempt = now.Add(r.lease())
	default:
		alert.NextAttempt = now
	}
	if status == StatusSuppressed {
		if err := r.announceStorm(ctx, id, now.Truncate(time.Minute)); err != nil {
			return claim{}, err
		}
	}
	alert.ExpiresAt = r.expiry(alert.At)
	version, err := r.putAlert(ctx, id, &alert, tenant.IfAbsent())
	switch {
	case errors.Is(err, tenant.ErrExists):
		r.wasRaised(id, status, now)
		return claim{}, nil
	case err != nil:
		return claim{}, fmt.Errorf("alerts: write alert: %w", err)
	case status != "":
		return claim{}, nil
	case !claimed:
		r.later(alertJob(id, alert.ID), now)
		return claim{}, nil
	}
	return newClaim(alert, version), nil
}

// expiry is when an alert of a time disappears, zero for never.
func (r *Runtime) expiry(at time.Time) time.Time {
	if r.options.KeepAlerts <= 0 {
		return time.Time{}
	}
	return at.Add(r.options.KeepAlerts)
}

// lease is how long others leave an alert alone whose delivery has begun.
func (r *Runtime) lease() time.Duration { return r.options.NotifyTimeout + 30*time.Second }

// relieve hands over the actions of a detector that has too many of them.
func (s *step) relieve(ctx context.Context) error {
	if _, err := s.runtime.relay(ctx, s.held, false); err != nil {
		s.held.forget()
		return fmt.Errorf("%w: %w", ErrBacklog, err)
	}
	s.size, s.dirty = 0, true
	return nil
}

// wake does what is to be done for a detector besides messages: it hands
// actions over and fires timers that are due. It returns the alerts to be
// delivered.
func (r *Runtime) wake(ctx context.Context, to ref) (claims []claim, err error) {
	for attempt := 1; ; attempt++ {
		more, again, err := r.wakeStep(ctx, to)
		claims = append(claims, more...)
		switch {
		case isConflict(err) && attempt < stepAttempts:
			if err := pause(ctx, attempt); err != nil {
				return claims, err
			}
		case err != nil || !again:
			return claims, err
		default:
			attempt = 0
		}
	}
}

// wakeStep is one step of wake. It reports whether another one is needed.
func (r *Runtime) wakeStep(ctx context.Context, to ref) (claims []claim, again bool, err error) {
	h, err := r.cache.acquire(ctx, to)
	if err != nil {
		return nil, false, err
	}
	defer r.cache.release(h)
	if err := r.load(ctx, h); err != nil {
		return nil, false, err
	}
	if h.version == 0 {
		return nil, false, nil
	}
	defer func() {
		if err != nil {
			h.forget()
		}
	}()
	if len(h.record.outbox) > 0 {
		claims, err = r.relay(ctx, h, true)
		return claims, true, errors.Join(err, r.write(ctx, h))
	}
	model, err := r.currentModel(ctx, h)
	switch {
	case err != nil:
		return nil, false, err
	case model == nil:
		return nil, false, r.remove(ctx, h)
	case model.engine == nil:
		return nil, false, model.err
	}
	again, err = r.wakeTimers(ctx, h, model)
	return nil, again, err
}

// currentModel returns the version of the model under which the detector goes
// on, or nil if its own was replaced or disabled.
func (r *Runtime) currentModel(ctx context.Context, h *held) (*compiled, error) {
	model, err := r.modelOf(ctx, h.ref)
	if err == nil && (model == nil || model.version < h.record.version) {
		r.models.forget(h.ref.id)
		model, err = r.modelOf(ctx, h.ref)
	}
	switch {
	case err != nil || model == nil || model.keepFrom > h.record.version:
		return nil, err
	case model.version < h.record.version:
		return nil, errReplaced
	}
	return model, nil
}

func (r *Runtime) modelOf(ctx context.Context, to ref) (*compiled, error) {
	routes, err := r.models.routesOf(ctx, to.id)
	if err != nil {
		return nil, err
	}
	return routes.byName[to.model], nil
}

// remove deletes a detector whose model is gone or replaced.
func (r *Runtime) remove(ctx context.Context, h *held) error {
	err := r.detectors.Delete(ctx, h.ref.id, h.record.itemKey(), tenant.IfVersion(h.version))
	h.forget()
	if err != nil {
		return fmt.Errorf("alerts: remove detector: %w", err)
	}
	return nil
}

func (r *Runtime) wakeTimers(ctx context.Context, h *held, model *compiled) (again bool, err error) {
	s, err := r.begin(ctx, h, model)
	if err != nil {
		return false, err
	}
	if again, err = s.fireTimers(); err != nil {
		return false, err
	}
	if err := s.commit(ctx); err != nil {
		return false, err
	}
	return again || len(h.record.outbox) > 0, nil
}
