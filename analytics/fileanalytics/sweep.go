package fileanalytics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/iotenant/iotenant/tenant"
)

// Sweep deletes what was received on days that are out of retention, on disk
// and in memory, for all tenants. Last values and message ids of a thing go
// when all its messages have gone. With no retention it does nothing. Errors:
// those of the context, analytics.ErrClosed, analytics.ErrCorrupt, kind
// iotenant.ErrUnavailable.
func (s *Store) Sweep(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	if s.options.RetentionDays == 0 {
		return nil
	}
	oldest := dayOf(s.options.Now().UnixNano()) - day(s.options.RetentionDays)
	if err := s.sweep(ctx, oldest); err != nil {
		return fmt.Errorf("fileanalytics: sweep: %w", kept(err))
	}
	return nil
}

func (s *Store) sweep(ctx context.Context, oldest day) error {
	if err := s.checkpoint(ctx); err != nil {
		return err
	}
	names, err := s.fs.ReadDir(s.files.tenantsDir())
	if err != nil {
		return err
	}
	for _, name := range names {
		id, ok := parseTenantDirName(name)
		if !ok {
			continue
		}
		expired, err := s.expired(id, oldest)
		if err != nil {
			return err
		}
		if len(expired) > 0 {
			if err := s.sweepTenant(ctx, id, oldest, expired); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkpoint moves everything to the segments, so that the journal holds
// nothing that is to be deleted.
func (s *Store) checkpoint(ctx context.Context) error {
	if err := s.takeLead(ctx); err != nil {
		return err
	}
	var err error
	if s.journal.size > journalHeader {
		err = s.seal()
	}
	<-s.lead
	if err != nil {
		return err
	}
	return s.flush()
}

func (s *Store) takeLead(ctx context.Context) error {
	select {
	case s.lead <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.usable(ctx); err != nil {
		<-s.lead
		return err
	}
	return nil
}

// expired returns the days before oldest of which there are segments.
func (s *Store) expired(id tenant.ID, oldest day) ([]day, error) {
	names, err := s.fs.ReadDir(s.files.tenantDir(id))
	if err != nil {
		return nil, err
	}
	var expired []day
	for _, name := range names {
		if d, ok := parseSegmentName(name); ok && d < oldest {
			expired = append(expired, d)
		}
	}
	return expired, nil
}

func (s *Store) sweepTenant(ctx context.Context, id tenant.ID, oldest day, expired []day) error {
	a, err := s.archive(id)
	if err != nil {
		return err
	}
	if err := s.takeLead(ctx); err != nil {
		return err
	}
	defer func() { <-s.lead }()
	s.flushing.Lock()
	defer s.flushing.Unlock()
	// First the state no longer counts on the segments, then they go.
	if err := writeState(s.fs, s.files, id, s.forget(a, oldest)); err != nil {
		return err
	}
	for _, d := range expired {
		if err := s.fs.Remove(s.files.segment(id, d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return s.fs.SyncDir(s.files.tenantDir(id))
}

// forget removes days before oldest from memory, and returns the new state.
func (s *Store) forget(a *archive, oldest day) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.segments = slices.DeleteFunc(slices.Clone(a.segments), func(seg segment) bool { return seg.day < oldest })
	for key, known := range a.streams {
		if dayOf(known.latest) < oldest && !a.holds(key) {
			s.windows.Add(-int64(len(known.ids.ids)))
			delete(a.streams, key)
		}
	}
	return a.encodeState()
}

// holds reports whether a part has messages of the stream.
func (a *archive) holds(key streamKey) bool {
	return slices.ContainsFunc(a.parts, func(p *part) bool { return p.lists[key] != nil })
}
