package lakeanalytics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
)

// maxConflicts is how often a commit may lose the race for a version. Each loss
// is another's success.
const maxConflicts = 100

// errConflict: others changed the table all the time.
var errConflict = fmt.Errorf("lakeanalytics: others kept changing the table: %w", iotenant.ErrUnavailable)

// change commits what build makes of the latest state, until nobody else was
// faster. build is called again with each new state; it must not keep it, nor
// wait. If it returns nil there is nothing to do.
func (t *table) change(ctx context.Context, build func(*state) (*entry, error)) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case t.committing <- struct{}{}:
	}
	defer func() { <-t.committing }()
	for range maxConflicts {
		e, err := t.prepare(ctx, build)
		if err != nil || e == nil {
			return err
		}
		began := t.lake.options.Now()
		err = t.write(ctx, e)
		switch {
		case err == nil:
			return t.written(ctx, e, began)
		case !errors.Is(err, analytics.ErrObjectExists):
			return err
		}
		if err := t.refresh(ctx); err != nil {
			return err
		}
	}
	return errConflict
}

// prepare makes a commit of a state that was the latest a moment ago.
func (t *table) prepare(ctx context.Context, build func(*state) (*entry, error)) (*entry, error) {
	t.mu.RLock()
	fresh := t.state != nil && t.lake.age(t.verified) < t.lake.options.Grace/4
	t.mu.RUnlock()
	if !fresh {
		if err := t.refresh(ctx); err != nil {
			return nil, err
		}
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	e, err := build(t.state)
	if err != nil || e == nil {
		return nil, err
	}
	e.version, e.nonce, e.at = t.state.version+1, newNonce(), t.lake.now()
	return e, nil
}

// written notes that a commit succeeded.
//
// Old commits are deleted once they are in a checkpoint for a time. So a
// commit that was on its way for very long may have taken the place of one that
// had been there: it counts only if the log has it.
func (t *table) written(ctx context.Context, e *entry, began time.Time) error {
	t.mu.RLock()
	verified := t.verified
	t.mu.RUnlock()
	if t.lake.old(verified) {
		if err := t.confirm(ctx, e); err != nil {
			return err
		}
	}
	t.apply(e)
	t.verify(e.version, began)
	t.keepCheckpoint(ctx)
	return nil
}

// confirm reads the log anew. A commit that is no part of it has no effect:
// whoever reads the log begins at a later checkpoint.
func (t *table) confirm(ctx context.Context, e *entry) error {
	if err := t.load(ctx); err != nil {
		return err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if !t.state.knows(e.nonce) {
		return errConflict
	}
	return nil
}

// keepCheckpoint writes a checkpoint when it is time: whoever committed a
// certain version does, and others if that seems not to have happened. That it
// fails is no failure of the commit.
func (t *table) keepCheckpoint(ctx context.Context) {
	t.mu.RLock()
	interval := uint64(t.lake.options.Checkpoint) * uint64(min(8, 1+len(t.state.names)/1024))
	due := t.state.version%interval == 0 || t.state.version-t.state.checkpoint >= 4*interval
	t.mu.RUnlock()
	if !due {
		return
	}
	if err := t.writeCheckpoint(ctx); err != nil {
		t.lake.options.Logger.WarnContext(ctx, "lakeanalytics: no checkpoint", "table", t.prefix, "err", err)
	}
}

// writeCheckpoint writes the state as a whole. Whoever does it for a version
// writes the same.
func (t *table) writeCheckpoint(ctx context.Context) error {
	t.mu.RLock()
	e := t.state.entry(t.lake.now())
	t.mu.RUnlock()
	name := t.checkpoint(e.version)
	if err := t.lake.objects.Put(ctx, t.tenant, name, bytes.NewReader(e.encode(t.owner))); err != nil {
		return err
	}
	t.mu.Lock()
	t.state.checkpoint = max(t.state.checkpoint, e.version)
	t.mu.Unlock()
	return t.lake.objects.Put(ctx, t.tenant, t.latest(), bytes.NewReader([]byte(name[len(t.log()):])))
}
