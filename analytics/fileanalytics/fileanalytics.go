package fileanalytics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// ErrInUse: another store, of this process or another, has the folder open.
var ErrInUse = fmt.Errorf("fileanalytics: folder in use: %w", iotenant.ErrUnavailable)

// DefaultJournalSize is the default of Options.JournalSize.
const DefaultJournalSize = 16 << 20

// Options are the options of [Open].
type Options struct {
	// JournalSize is the size of the journal, in bytes, from which on its
	// messages are moved to the segments. They are in memory until then: up
	// to four times JournalSize when moving is slow. A start reads the journal.
	// Default [DefaultJournalSize]; at least 64 KiB.
	JournalSize int64
	// RetentionDays is the number of whole days, in UTC, that a message is
	// kept after the day on which it was received. Default 0: for ever.
	RetentionDays int
	// Now is the clock of retention. Default time.Now.
	Now func() time.Time
	// Logger gets what went wrong and was overcome. Default: none.
	Logger *slog.Logger

	fs      disk.FS
	waiting int // see maxWaiting
}

func (o *Options) check() error {
	switch {
	case o.JournalSize < 64<<10:
		return fmt.Errorf("fileanalytics: %w JournalSize: %d, want at least 64 KiB", iotenant.ErrInvalid, o.JournalSize)
	case o.RetentionDays < 0:
		return fmt.Errorf("fileanalytics: %w RetentionDays: %d", iotenant.ErrInvalid, o.RetentionDays)
	}
	return nil
}

// Store is an analytics.Store in a folder.
type Store struct {
	options Options
	fs      disk.FS
	files   layout
	keys    tenant.CursorKeys
	release func() error
	closed  atomic.Bool

	// lead is held by the leader, see commit: a value in the channel.
	lead    chan struct{}
	journal *journal // of the leader
	arrival uint64   // of the leader: that of the next message

	queueing sync.Mutex
	queue    []*batch

	archiving sync.RWMutex
	archives  map[tenant.ID]*archive
	oldest    uint64 // the first journal that there was at start
	windows   atomic.Int64

	sealing  sync.Mutex
	sealed   []*journal // closed, and not yet in the segments
	flushing sync.Mutex // held while segments are written or removed
	running  atomic.Bool
	full     chan struct{} // wakes Run
}

var _ analytics.Store = (*Store)(nil)

// Open opens the store in the folder dir, and creates it if it is missing.
// Cursors are sealed with keys. No other store may have the folder open.
//
// It removes the torn end that a crash can leave. Damage elsewhere is
// analytics.ErrCorrupt: nothing that was acknowledged is given up silently.
// Errors: [ErrInUse], analytics.ErrCorrupt, kind iotenant.ErrInvalid for
// options and keys, kind iotenant.ErrUnavailable when the disk fails.
func Open(dir string, keys tenant.CursorKeys, optFns ...func(*Options)) (*Store, error) {
	options := Options{JournalSize: DefaultJournalSize, Now: time.Now, Logger: slog.New(slog.DiscardHandler), fs: disk.OS{}, waiting: maxWaiting}
	for _, fn := range optFns {
		fn(&options)
	}
	if err := options.check(); err != nil {
		return nil, err
	}
	if err := keys.Check(); err != nil {
		return nil, err
	}
	s := &Store{
		options:  options,
		fs:       options.fs,
		files:    layout{dir},
		keys:     keys,
		lead:     make(chan struct{}, 1),
		archives: map[tenant.ID]*archive{},
		full:     make(chan struct{}, 1),
	}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("fileanalytics: open: %w", kept(err))
	}
	return s, nil
}

func (s *Store) open() error {
	for _, dir := range []string{s.files.journalDir(), s.files.tenantsDir()} {
		if err := s.fs.MkdirAll(dir); err != nil {
			return err
		}
	}
	release, err := s.fs.Lock(s.files.lock())
	if errors.Is(err, disk.ErrLocked) {
		return ErrInUse
	}
	if err != nil {
		return err
	}
	s.release = release
	if err := s.recover(); err != nil {
		return errors.Join(err, release())
	}
	return nil
}

// kept returns an error that wraps a kind: those of the file system become
// iotenant.ErrUnavailable.
func kept(err error) error {
	if err == nil || iotenant.KindOf(err) != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", iotenant.ErrUnavailable, err)
}

// Close ends the store after the append that is being written. Calls after it
// are analytics.ErrClosed. What was acknowledged is durable already.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.lead <- struct{}{}
	defer func() { <-s.lead }()
	s.flushing.Lock()
	defer s.flushing.Unlock()
	if err := errors.Join(s.journal.file.Close(), s.release()); err != nil {
		return fmt.Errorf("fileanalytics: close: %w", kept(err))
	}
	return nil
}

// Append implements analytics.Store. Appends that come together share an
// fsync, also those of different tenants.
func (s *Store) Append(ctx context.Context, id tenant.ID, messages []analytics.Message) ([]analytics.Outcome, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if err := analytics.CheckAppend(id, messages); err != nil {
		return nil, err
	}
	a, err := s.archive(id)
	if err != nil {
		return nil, fmt.Errorf("fileanalytics: append: %w", kept(err))
	}
	r := newRequest(a, messages)
	if err := s.commit(ctx, r); err != nil {
		return nil, fmt.Errorf("fileanalytics: append: %w", kept(err))
	}
	return r.outcomes, nil
}

// Last implements analytics.Store.
func (s *Store) Last(ctx context.Context, id tenant.ID, datastore string, thing device.ID) ([]analytics.Point, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if err := analytics.CheckLast(id, datastore, thing); err != nil {
		return nil, err
	}
	a, err := s.archive(id)
	if err != nil {
		return nil, fmt.Errorf("fileanalytics: last: %w", kept(err))
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	if known := a.streams[streamKey{datastore, thing.String()}]; known != nil {
		return known.points(thing), nil
	}
	return nil, nil
}

func (s *Store) usable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return analytics.ErrClosed
	}
	return nil
}
