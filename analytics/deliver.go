package analytics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// deliver delivers the contents whose time has come.
func (v *visit) deliver(ctx context.Context) error {
	var errs []error
	for _, f := range slices.Clone(v.state.Delivering) {
		if ctx.Err() != nil || f.Next.After(v.now()) {
			continue
		}
		next, err := v.deliverContent(ctx, f)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, v.change(ctx, func(s *datasetState) error {
			i := slices.IndexFunc(s.Delivering, func(other followUp) bool { return other.Run == f.Run })
			switch {
			case i < 0:
				return errUnchanged
			case next.IsZero():
				s.Delivering = slices.Delete(s.Delivering, i, i+1)
			default:
				s.Delivering[i].Next = next
			}
			return nil
		}))
	}
	return errors.Join(errs...)
}

// deliverContent delivers what is due of a content, and returns when there is
// something to do again, zero for never.
func (v *visit) deliverContent(ctx context.Context, f followUp) (next time.Time, err error) {
	for {
		item, err := v.contents.Get(ctx, v.id, contentKey(v.definition.Name, f.Version), tenant.Consistent)
		switch {
		case errors.Is(err, tenant.ErrNotFound), err == nil && item.Value.Made != f.Run:
			return time.Time{}, nil // deleted, or made again and delivered by that
		case err != nil:
			return time.Time{}, fmt.Errorf("analytics: read content: %w", err)
		}
		content := item.Value
		i, next := content.dueDelivery(v.now())
		if i < 0 {
			return next, nil
		}
		err = v.deliverOne(ctx, &content, item.Version, i)
		if err != nil && !errors.Is(err, tenant.ErrVersion) {
			return time.Time{}, err
		}
	}
}

// dueDelivery returns the place of a delivery that is due, -1 if there is none,
// and when the next one is.
func (c *Content) dueDelivery(now time.Time) (i int, next time.Time) {
	for i := range c.Deliveries {
		delivery := &c.Deliveries[i]
		if delivery.State != DeliveryPending {
			continue
		}
		if !delivery.NextAttempt.After(now) {
			return i, now
		}
		next = earlier(next, delivery.NextAttempt)
	}
	return -1, next
}

// deliverOne claims a delivery, makes it, and writes what became of it.
func (v *visit) deliverOne(ctx context.Context, content *Content, version tenant.Version, i int) error {
	content.Deliveries = slices.Clone(content.Deliveries)
	delivery := &content.Deliveries[i]
	if delivery.Attempts >= v.options.Attempts {
		delivery.fail("the last attempt did not end")
		_, err := v.contents.Put(ctx, v.id, *content, tenant.IfVersion(version))
		return err
	}
	delivery.Attempts++
	delivery.NextAttempt = v.now().Add(v.options.DeliverTimeout + claimLease)
	if _, err := v.contents.Put(ctx, v.id, *content, tenant.IfVersion(version)); err != nil {
		return err
	}
	claimed := *delivery
	err := v.send(ctx, content, i)
	if err != nil && ctx.Err() != nil {
		delivery.Attempts--
		delivery.NextAttempt = v.now()
	} else {
		v.noteDelivery(ctx, content, delivery, err)
	}
	outcome := *delivery
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), concludeTimeout)
	defer cancel()
	_, err = tenant.Update(ctx, v.contents, v.id, contentKey(content.Dataset, content.Version), func(c *Content) error {
		if c.Made != content.Made || i >= len(c.Deliveries) || c.Deliveries[i] != claimed {
			return errUnchanged // made again, or taken over by others
		}
		c.Deliveries[i] = outcome
		return nil
	})
	if errors.Is(err, tenant.ErrNotFound) {
		return nil
	}
	return unchanged(err)
}

// noteDelivery notes the outcome of an attempt.
func (v *visit) noteDelivery(ctx context.Context, content *Content, delivery *ContentDelivery, err error) {
	if err == nil {
		delivery.State, delivery.NextAttempt, delivery.DeliveredAt, delivery.Reason = DeliveryDelivered, time.Time{}, v.now(), ""
		return
	}
	final := isPermanent(err) || delivery.Attempts >= v.options.Attempts
	v.log(ctx, v.id, "a content was not delivered", err, slog.String("dataset", content.Dataset), slog.String("version", content.Version),
		slog.String("target", delivery.Target), slog.Bool("final", final))
	if final {
		delivery.fail(err.Error())
		return
	}
	delivery.Reason, delivery.NextAttempt = shorten(err.Error()), v.now().Add(v.backoff(delivery.Attempts))
}

func (d *ContentDelivery) fail(reason string) {
	d.State, d.NextAttempt, d.Reason = DeliveryFailed, time.Time{}, shorten(reason)
}

// send gives a content to the deliverer of its rule.
func (v *visit) send(ctx context.Context, content *Content, i int) (err error) {
	defer contain(&err)
	rule, ok := v.rule(content, i)
	if !ok {
		return fmt.Errorf("%w: the rule is there no more", errNoDeliverer)
	}
	deliverer := v.options.Buckets
	if rule.Input != "" {
		deliverer = v.options.Inputs
	}
	if deliverer == nil {
		return errNoDeliverer
	}
	ctx, cancel := context.WithTimeout(ctx, v.options.DeliverTimeout)
	defer cancel()
	return deliverer.Deliver(ctx, v.id, Delivery{
		ID:      content.Version + "." + strconv.FormatInt(content.Made, 36),
		Dataset: content.Dataset, Version: content.Version, Rule: rule, Created: content.Created, Scheduled: content.Scheduled,
		Open: func(ctx context.Context) (Object, error) { return v.open(ctx, v.id, content, "") },
	})
}

// rule returns the rule of a delivery, if the definition still has it.
func (v *visit) rule(content *Content, i int) (pipeline.Delivery, bool) {
	if i >= len(v.definition.Deliveries) {
		return pipeline.Delivery{}, false
	}
	rule := v.definition.Deliveries[i]
	return rule, content.Deliveries[i].Target == rule.Bucket || content.Deliveries[i].Target == rule.Input
}
