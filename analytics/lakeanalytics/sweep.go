package lakeanalytics

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Sweep implements analytics.Lake. It goes on with the next table after an
// error.
func (l *Lake) Sweep(ctx context.Context, id tenant.ID) error {
	if err := checkTenant(id); err != nil {
		return kept("sweep", err)
	}
	abandoned, err := l.abandoned(ctx, id)
	if err != nil {
		return kept("sweep", err)
	}
	var failures []error
	for name, err := range l.tables(ctx, id) {
		if err == nil {
			err = l.refreshed(ctx, id, name, func(t *table) error { return t.sweep(ctx, abandoned) })
		}
		if ctx.Err() != nil {
			return kept("sweep", ctx.Err())
		}
		if err != nil {
			failures = append(failures, err)
		}
	}
	return kept("sweep", errors.Join(failures...))
}

// abandoned returns the time for which holds: what was stored before it, nobody
// can still be about to use. When that was is told by the clock of the backend,
// so this is too, unless the other one is behind: a clock that is fast must not
// make anything old.
func (l *Lake) abandoned(ctx context.Context, id tenant.ID) (time.Time, error) {
	if err := l.objects.Put(ctx, id, clockName, strings.NewReader(l.options.Writer)); err != nil {
		return time.Time{}, err
	}
	infos, err := l.objects.List(ctx, id, clockName, "", 1)
	if err != nil {
		return time.Time{}, err
	}
	now := l.options.Now()
	if len(infos) == 1 && infos[0].Modified.Before(now) {
		now = infos[0].Modified
	}
	return now.Add(-l.options.Grace), nil
}

// tables lists the tables of a tenant, also those that were deleted. It ends
// after an error.
func (l *Lake) tables(ctx context.Context, id tenant.ID) iter.Seq2[analytics.TableID, error] {
	return func(yield func(analytics.TableID, error) bool) {
		for _, kind := range []analytics.TableKind{analytics.ChannelTable, analytics.DatastoreTable} {
			prefix := string(kind) + "/"
			for after := ""; ; {
				infos, err := l.objects.List(ctx, id, prefix, after, 1)
				if err != nil {
					yield(analytics.TableID{}, err)
					return
				}
				if len(infos) == 0 {
					break
				}
				name, ok := tableOf(infos[0].Name)
				if !ok { // not of this package
					after = infos[0].Name
					continue
				}
				if !yield(name, nil) {
					return
				}
				after = afterTable(name)
			}
		}
	}
}

// sweep does what can be done: that a file can't be merged keeps no other from
// being deleted.
func (t *table) sweep(ctx context.Context, abandoned time.Time) error {
	var failures []error
	if t.exists() {
		failures = append(failures, t.expire(ctx), t.compact(ctx))
	}
	failures = append(failures, t.purgeBefore(ctx, abandoned.UnixMilli()), t.purgeOrphans(ctx, abandoned), t.truncate(ctx, abandoned))
	return errors.Join(failures...)
}

// Run sweeps the tenants of Options.Tenants until ctx ends. What fails is
// logged, and tried again the next time. It returns nil, or an error of kind
// iotenant.ErrInvalid if there are no Options.Tenants.
func (l *Lake) Run(ctx context.Context) error {
	if l.options.Tenants == nil {
		return fmt.Errorf("lakeanalytics: run: %w: Options.Tenants is nil", iotenant.ErrInvalid)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		l.sweepAll(ctx)
		timer.Reset(l.options.SweepInterval)
	}
}

func (l *Lake) sweepAll(ctx context.Context) {
	for id, err := range l.options.Tenants(ctx) {
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = l.Sweep(ctx, id)
		}
		if err != nil && ctx.Err() == nil {
			l.options.Logger.ErrorContext(ctx, "lakeanalytics: sweep failed", "tenant", id, "err", err)
		}
	}
}
