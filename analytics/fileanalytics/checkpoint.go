package fileanalytics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/iotenant/iotenant/analytics"
)

// sweepEvery is how often Run sweeps.
const sweepEvery = time.Hour

// Run moves messages from the journal to the segments while appends go on, and
// sweeps at its start and every hour, until ctx ends; it returns nil then.
// Without Run, the append that finds the journal full moves the messages while
// the others wait, and nothing is swept. Failures are logged and tried again.
// Error: analytics.ErrClosed.
func (s *Store) Run(ctx context.Context) error {
	s.running.Store(true)
	defer s.running.Store(false)
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	err := s.Sweep(ctx)
	for {
		if errors.Is(err, analytics.ErrClosed) {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			s.options.Logger.Error("fileanalytics: will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-s.full:
			err = s.flush()
		case <-ticker.C:
			err = s.Sweep(ctx)
		}
	}
}

// makeRoom is called by the leader before it writes. When the journal is full
// it is sealed, and what is in it is moved to the segments: by Run, or here if
// there is no Run or it is a whole journal behind.
func (s *Store) makeRoom() error {
	if s.journal.size < s.options.JournalSize {
		return nil
	}
	patient := s.journal.size < 2*s.options.JournalSize
	if patient && s.running.Load() && s.hasSealed() {
		s.wake()
		return nil
	}
	err := s.moveOn()
	if err != nil && patient {
		s.options.Logger.Error("fileanalytics: will be tried again", "error", err)
		return nil
	}
	return err
}

func (s *Store) moveOn() error {
	if s.hasSealed() {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if err := s.seal(); err != nil {
		return err
	}
	if s.running.Load() {
		s.wake()
		return nil
	}
	return s.flush()
}

// wake tells Run that there is a sealed journal.
func (s *Store) wake() {
	select {
	case s.full <- struct{}{}:
	default:
	}
}

func (s *Store) hasSealed() bool {
	s.sealing.Lock()
	defer s.sealing.Unlock()
	return len(s.sealed) > 0
}

// seal ends the journal and begins the next. Only the leader calls it.
func (s *Store) seal() error {
	if err := s.journal.trim(); err != nil {
		return err
	}
	next, err := createJournal(s.fs, s.files, s.journal.number+1, newSalt(), s.arrival)
	if err != nil {
		return err
	}
	if err := s.journal.file.Close(); err != nil {
		s.options.Logger.Warn("fileanalytics: close journal", "error", err)
	}
	s.sealing.Lock()
	defer s.sealing.Unlock()
	s.sealed = append(s.sealed, s.journal)
	s.journal = next
	return nil
}

// flush moves the messages of the sealed journals to the segments, and removes
// the journals.
func (s *Store) flush() error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	if s.closed.Load() {
		return analytics.ErrClosed
	}
	s.sealing.Lock()
	sealed := slices.Clone(s.sealed)
	s.sealing.Unlock()
	if len(sealed) == 0 {
		return nil
	}
	for _, a := range s.loadedArchives() {
		if err := s.flushArchive(a, sealed[len(sealed)-1].number); err != nil {
			return fmt.Errorf("fileanalytics: checkpoint: %w", kept(err))
		}
	}
	for _, j := range sealed {
		if err := s.fs.Remove(j.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("fileanalytics: checkpoint: %w", kept(err))
		}
	}
	s.sealing.Lock()
	s.sealed = slices.Delete(s.sealed, 0, len(sealed))
	s.sealing.Unlock()
	return kept(s.fs.SyncDir(s.files.journalDir()))
}

func (s *Store) loadedArchives() []*archive {
	s.archiving.RLock()
	defer s.archiving.RUnlock()
	archives := make([]*archive, 0, len(s.archives))
	for _, a := range s.archives {
		archives = append(archives, a)
	}
	return archives
}

// flushArchive moves the messages of a tenant that are in journals up to this
// one. They change place for readers at once, when they are in both.
func (s *Store) flushArchive(a *archive, upTo uint64) error {
	a.mu.RLock()
	n := 0
	for n < len(a.parts) && a.parts[n].journal <= upTo {
		n++
	}
	parts := a.parts[:n]
	a.mu.RUnlock()
	if n == 0 {
		return nil
	}
	if err := s.fs.MkdirAll(s.files.tenantDir(a.id)); err != nil {
		return err
	}
	next := &archive{id: a.id, through: a.through, segments: slices.Clone(a.segments)}
	for _, p := range parts {
		if err := s.flushPart(next, p); err != nil {
			return err
		}
	}
	// The segments' names must be durable before the state that counts on them.
	if err := s.fs.SyncDir(s.files.tenantDir(a.id)); err != nil {
		return err
	}
	a.mu.RLock()
	next.streams = a.streams
	state := next.encodeState()
	a.mu.RUnlock()
	if err := writeState(s.fs, s.files, a.id, state); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.through, a.segments = next.through, next.segments
	a.parts = slices.Clone(a.parts[n:])
	return nil
}

// flushPart appends the messages of a part to the segments of their days.
func (s *Store) flushPart(next *archive, p *part) error {
	runs := newRuns(next.id, p)
	for d, draft := range runs.days {
		written, err := appendRun(s.fs, s.files.segment(next.id, d), next.segment(d), draft.bounds, runs.encode(draft))
		if err != nil {
			return err
		}
		next.setSegment(written)
		next.through = max(next.through, draft.bounds.maxArrival)
	}
	return nil
}
