package lakeanalytics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iotenant/iotenant/analytics"
)

// maxEntry is the length of an object of the log that is read.
const maxEntry = 1 << 30

// readEntry reads an object of the log. Errors: analytics.ErrNoObject,
// analytics.ErrCorrupt.
func (t *table) readEntry(ctx context.Context, version uint64, checkpoint bool) (*entry, error) {
	name := t.commit(version)
	if checkpoint {
		name = t.checkpoint(version)
	}
	data, err := t.read(ctx, name)
	if err != nil {
		return nil, err
	}
	e, err := decodeEntry(data, t.owner, version, checkpoint)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return e, nil
}

func (t *table) read(ctx context.Context, name string) ([]byte, error) {
	object, err := t.lake.objects.Open(ctx, t.tenant, name)
	if err != nil {
		return nil, err
	}
	defer object.Close()
	if object.Size() > maxEntry {
		return nil, fmt.Errorf("%w: %s: %d bytes", analytics.ErrCorrupt, name, object.Size())
	}
	return contentOf(name, object)
}

// follow applies the commits after the state.
func (t *table) follow(ctx context.Context) error {
	for {
		t.mu.RLock()
		next := t.state.version + 1
		t.mu.RUnlock()
		began := t.lake.options.Now()
		e, err := t.readEntry(ctx, next, false)
		if errors.Is(err, analytics.ErrNoObject) {
			t.verify(next-1, began)
			return nil
		}
		if err != nil {
			return err
		}
		t.apply(e)
	}
}

// verify notes that at some time a version was the latest.
func (t *table) verify(version uint64, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != nil && t.state.version >= version && at.After(t.verified) {
		t.verified = at
	}
}

// apply makes the change of a commit unless somebody else has.
func (t *table) apply(e *entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state.version+1 == e.version {
		t.state.apply(e, t.lake.options.Window)
		t.drafts.removed(e.removed)
	}
}

// maxLoads is how often a log may change under its reader, who begins again.
const maxLoads = 8

// errChanged: objects came or were deleted while they were listed, or since.
var errChanged = errors.New("the log changed while it was read")

// load reads the state from the log.
func (t *table) load(ctx context.Context) error {
	began := t.lake.options.Now()
	var last error
	for range maxLoads {
		s, err := t.loadOnce(ctx)
		if errors.Is(err, errChanged) {
			began, last = t.lake.options.Now(), err
			continue
		}
		if err != nil {
			return err
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		switch {
		case t.state != nil && t.state.same(s):
			t.verified = began
		case t.state == nil || t.state.version <= s.version:
			t.state, t.verified = s, began
			t.drafts.doubt() // what was removed in between is not known
		}
		return nil
	}
	return fmt.Errorf("%w: %s: %w", analytics.ErrCorrupt, t.log(), last)
}

// loadOnce reads the latest checkpoint and the commits after it. A checkpoint
// makes the commits before it, and what may have come in their place,
// meaningless.
func (t *table) loadOnce(ctx context.Context) (*state, error) {
	s := newState()
	from, err := t.latestKnown(ctx)
	if err != nil {
		return nil, err
	}
	listed, err := t.listLog(ctx, from)
	if err != nil {
		return nil, err
	}
	if listed.checkpoint == 0 && from > 0 {
		// It led to nothing: look at all there is.
		if listed, err = t.listLog(ctx, 0); err != nil {
			return nil, err
		}
	}
	if listed.checkpoint > 0 {
		e, err := t.readEntry(ctx, listed.checkpoint, true)
		if err != nil {
			return nil, changed(err)
		}
		s.apply(e, t.lake.options.Window)
	}
	return s, t.replay(ctx, s, listed.commits)
}

func changed(err error) error {
	if errors.Is(err, analytics.ErrNoObject) {
		return errChanged
	}
	return err
}

// latestKnown returns the version of the checkpoint that was the latest when
// somebody wrote so; 0 if nobody did. It may be gone.
func (t *table) latestKnown(ctx context.Context) (uint64, error) {
	data, err := t.read(ctx, t.latest())
	if errors.Is(err, analytics.ErrNoObject) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	version, checkpoint, ok := t.parseLog(t.log() + string(data))
	if !ok || !checkpoint {
		t.lake.options.Logger.WarnContext(ctx, "lakeanalytics: strange pointer to the latest checkpoint", "object", t.latest())
		return 0, nil
	}
	return version, nil
}

// listing is what a log consists of from its latest checkpoint on.
type listing struct {
	checkpoint uint64
	commits    []uint64
}

// listLog lists the log from a version on, or all of it.
func (t *table) listLog(ctx context.Context, from uint64) (listing, error) {
	var found listing
	after := t.log()
	if from > 0 {
		after = t.commit(from)
	}
	for {
		infos, err := t.lake.objects.List(ctx, t.tenant, t.log(), after, analytics.MaxObjectList)
		if err != nil {
			return found, err
		}
		for _, info := range infos {
			version, checkpoint, ok := t.parseLog(info.Name)
			switch {
			case !ok && info.Name != t.latest():
				return found, fmt.Errorf("%w: %s: not an object of a log", analytics.ErrCorrupt, info.Name)
			case !ok:
			case checkpoint:
				found.checkpoint, found.commits = version, found.commits[:0]
			case version > found.checkpoint:
				found.commits = append(found.commits, version)
			}
		}
		if len(infos) < analytics.MaxObjectList {
			return found, nil
		}
		after = infos[len(infos)-1].Name
	}
}

// parallelReads is how many objects of a log are read at a time.
const parallelReads = 8

// replay applies commits, which must follow each other without a gap. A list
// of a folder may have one, if it was made while others wrote.
func (t *table) replay(ctx context.Context, s *state, commits []uint64) error {
	for i, version := range commits {
		if want := s.version + 1 + uint64(i); version != want {
			return fmt.Errorf("%w: %s is missing", errChanged, t.commit(want))
		}
	}
	entries := make([]*entry, parallelReads)
	for len(commits) > 0 {
		n := min(len(commits), parallelReads)
		group, ctx := errgroup.WithContext(ctx)
		for i, version := range commits[:n] {
			group.Go(func() (err error) {
				entries[i], err = t.readEntry(ctx, version, false)
				return changed(err)
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for _, e := range entries[:n] {
			s.apply(e, t.lake.options.Window)
		}
		commits = commits[n:]
	}
	return nil
}

// write creates a commit, which is of the version after the state it was made
// for. The error is analytics.ErrObjectExists if that version is another.
func (t *table) write(ctx context.Context, e *entry) error {
	data := e.encode(t.owner)
	err := t.lake.objects.Create(ctx, t.tenant, t.commit(e.version), bytes.NewReader(data))
	if err != nil && !errors.Is(err, analytics.ErrObjectExists) && ctx.Err() == nil {
		// It may be there, or come there yet. Only the same again decides.
		err = t.lake.objects.Create(ctx, t.tenant, t.commit(e.version), bytes.NewReader(data))
	}
	if !errors.Is(err, analytics.ErrObjectExists) {
		return err
	}
	there, readErr := t.readEntry(ctx, e.version, false)
	switch {
	case errors.Is(readErr, analytics.ErrNoObject):
		return err // the log went on so far that it is gone
	case readErr != nil:
		return readErr
	case there.nonce == e.nonce:
		return nil
	}
	return err
}
