package lakeanalytics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Delete implements analytics.Lake. Rows that are appended meanwhile may stay.
// A deletion that failed may have deleted a part: repeat it.
func (l *Lake) Delete(ctx context.Context, id tenant.ID, name analytics.TableID, deletion analytics.Deletion) error {
	return kept("delete", l.refreshed(ctx, id, name, func(t *table) error { return t.delete(ctx, &deletion) }))
}

func (t *table) delete(ctx context.Context, deletion *analytics.Deletion) error {
	if !t.exists() {
		if err := t.purge(ctx); err != nil { // one that failed before the end
			return err
		}
		return analytics.ErrNoTable
	}
	if err := checkDeletion(deletion); err != nil {
		return err
	}
	var err error
	switch {
	case deletion.Table:
		err = t.dropTable(ctx)
	case len(deletion.Things) == 0:
		err = t.dropDays(ctx, dayOfTime(deletion.Before))
	default:
		err = t.dropThings(ctx, deletion)
	}
	if err != nil {
		return err
	}
	return t.purge(ctx)
}

// checkDeletion returns analytics.ErrQuery.
func checkDeletion(d *analytics.Deletion) error {
	switch {
	case d.Table && (!d.Before.IsZero() || len(d.Things) > 0):
		return fmt.Errorf("%w: a deletion of the table, and of some rows", analytics.ErrQuery)
	case !d.Table && d.Before.IsZero() && len(d.Things) == 0:
		return fmt.Errorf("%w: a deletion of nothing", analytics.ErrQuery)
	case slices.ContainsFunc(d.Things, device.ID.IsZero):
		return fmt.Errorf("%w: a deletion of a zero thing", analytics.ErrQuery)
	}
	return nil
}

// dropTable makes the table no more. Its name can be declared again.
func (t *table) dropTable(ctx context.Context) error {
	return t.change(ctx, func(s *state) (*entry, error) {
		if s.declared == nil {
			return nil, analytics.ErrNoTable
		}
		e := &entry{deleted: true}
		for _, f := range s.snapshot() {
			e.removed = append(e.removed, removal{f.name, t.lake.now()})
		}
		return e, nil
	})
}

// dropDays removes the days before one.
func (t *table) dropDays(ctx context.Context, before int32) error {
	return t.change(ctx, func(s *state) (*entry, error) {
		e := &entry{}
		for _, f := range s.snapshot() {
			if f.day < before {
				e.removed = append(e.removed, removal{f.name, t.lake.now()})
			}
		}
		if len(e.removed) == 0 {
			return nil, nil
		}
		return e, nil
	})
}

// dropThings writes files anew, without the rows that are to go. It ends when
// it has seen all files that there were, or what became of them.
func (t *table) dropThings(ctx context.Context, deletion *analytics.Deletion) error {
	things := make(map[device.ID]bool, len(deletion.Things))
	for _, thing := range deletion.Things {
		things[thing] = true
	}
	before := maxTime
	if !deletion.Before.IsZero() {
		before = startOfDay(dayOfTime(deletion.Before))
	}
	goes := func(r *storedRow) bool { return things[r.Thing] && r.At.Before(before) }
	declared, err := t.declaration()
	if err != nil {
		return err
	}
	if t.isLeaving() {
		return errConflict // its rows are on their way to another table
	}
	end, done := t.sequence(), map[string]bool{}
	for conflicts := 0; conflicts < maxConflicts; {
		f := t.unseen(done, before, end)
		if f == nil {
			return nil
		}
		fresh, err := t.rewrite(ctx, &declared, f, goes)
		switch {
		case errors.Is(err, errStale):
			conflicts++
			if err := t.refresh(ctx); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		case fresh != nil:
			done[fresh.name] = true
		}
		done[f.name] = true
	}
	return errConflict
}

func (t *table) isLeaving() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.state.leaving
}

func (t *table) sequence() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.state.sequence
}

// unseen returns a file with rows before a time that is not done, and that may
// have rows before a sequence number.
func (t *table) unseen(done map[string]bool, before time.Time, end uint64) *file {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, f := range t.state.names {
		if !done[f.name] && f.base < end && f.first < before.UnixNano() {
			return f
		}
	}
	return nil
}
