package alerts

import (
	"context"
	"errors"
	"fmt"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// Operate does to a detector or an alarm what an operator asks for: the old
// BatchUpdateDetector, BatchAcknowledgeAlarm and so on, see
// [detector.ParseOperation]. Timers that are due by now fire before. A nil
// error means that the effects are durable, as with [Runtime.Put].
//
// Errors: detector.ErrOperation if it can't be done in this state or to this
// model; tenant.ErrNotFound if there is no such model, detector.ErrNoDetector
// if there is no such detector or alarm; tenant.ErrID, tenant.ErrKey;
// [ErrModel] if the stored model does not load; [ErrContention] and others of
// kind iotenant.ErrUnavailable.
func (r *Runtime) Operate(ctx context.Context, id tenant.ID, model, key string, operation detector.Operation) error {
	if err := id.Check(); err != nil {
		return fmt.Errorf("alerts: operate: %w", err)
	}
	to := ref{id, model, key}
	for attempt := 1; ; {
		more, err := r.operate(ctx, to, &operation)
		switch {
		case err == nil && more:
			attempt = 1
			continue
		case err == nil:
			return nil
		case errors.Is(err, errReplaced):
			r.models.forget(id)
		case !isConflict(err):
			return fmt.Errorf("alerts: operate: %w", err)
		}
		if attempt++; attempt > stepAttempts {
			return fmt.Errorf("alerts: operate: %w", ErrContention)
		}
		if err := pause(ctx, attempt); err != nil {
			return fmt.Errorf("alerts: operate: %w", err)
		}
	}
}

// operate is one attempt. It reports that only timers were fired, and that it
// is to be called again.
func (r *Runtime) operate(ctx context.Context, to ref, operation *detector.Operation) (more bool, err error) {
	model, err := r.modelOf(ctx, to)
	switch {
	case err != nil:
		return false, err
	case model == nil:
		return false, fmt.Errorf("%w: no such model", tenant.ErrNotFound)
	case model.engine == nil:
		return false, model.err
	}
	h, err := r.cache.acquire(ctx, to)
	if err != nil {
		return false, err
	}
	defer r.cache.release(h)
	defer func() {
		if err != nil {
			h.forget()
		}
	}()
	s, err := r.begin(ctx, h, model)
	if err != nil {
		return false, err
	}
	if more, err = s.fireTimers(); err != nil {
		return false, err
	}
	if !more {
		if err := s.evaluate(&detector.Trigger{At: s.at, Operation: operation}, 0); err != nil {
			return false, err
		}
	}
	return more, s.commit(ctx)
}
