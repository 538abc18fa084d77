// Package bolttenant keeps tenant repositories in one file on disk, a bbolt
// database. It is the store of a system that runs as one process.
//
// # Durability
//
// A write is acknowledged after it was written and fsynced; no crash or power
// cut takes it back, as far as the disk keeps what it has synced. Concurrent
// writers share fsyncs: a single writer makes some thousand durable writes a
// second, many together some ten thousand. Reads never wait for the disk to
// sync.
//
// A transaction is one write among these, whole or not there after a crash. A
// batch makes one for each 8 MiB of items.
//
// # The file
//
// One process may have the file open. Copy it while it is closed to make a
// backup. Space of deleted items is used again, but the file doesn't shrink.
// Items that expired are invisible; [Store.Sweep] or [Store.Run] frees their
// space.
package bolttenant

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.etcd.io/bbolt"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Options are the options of [Open].
type Options struct {
	// LockTimeout is how long Open waits for another process, or another
	// Store, to close the file. Default 1 s.
	LockTimeout time.Duration
	// Now is the clock by which items expire. Default time.Now.
	Now func() time.Time
	// SweepEvery is the pause between the sweeps of [Store.Run]. Default
	// one minute.
	SweepEvery time.Duration
	// Logger is told of sweeps by [Store.Run] that failed. Default silent.
	Logger *slog.Logger
}

// Store is an open file with the items of any number of repositories.
type Store struct {
	db        *bbolt.DB
	committer committer
	cursors   tenant.CursorKeys
	options   Options
}

// Open opens the store in the file at path, and creates the file if there is
// none. Its directory must exist. The caller must [Store.Close] it. Errors:
// kind iotenant.ErrUnavailable if the file is in use or can't be read or
// written; kind iotenant.ErrInvalid if it is not a store or damaged, or for
// zero cursor keys.
func Open(path string, cursors tenant.CursorKeys, optFns ...func(*Options)) (*Store, error) {
	options := Options{
		LockTimeout: time.Second,
		Now:         time.Now,
		SweepEvery:  time.Minute,
		Logger:      slog.New(slog.DiscardHandler),
	}
	for _, fn := range optFns {
		fn(&options)
	}
	if err := cursors.Check(); err != nil {
		return nil, err
	}
	db, err := openFile(path, options.LockTimeout)
	if err != nil {
		return nil, fmt.Errorf("bolttenant: open %s: %w", path, err)
	}
	store := &Store{db: db, cursors: cursors, options: options}
	store.committer.db = db
	return store, nil
}

// Close closes the file after the calls that are under way. Later calls fail
// with kind iotenant.ErrUnavailable. Closing twice is no error.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("bolttenant: close: %w: %w", iotenant.ErrUnavailable, err)
	}
	return nil
}

// Run sweeps every Options.SweepEvery until ctx ends, and then returns nil. A
// sweep that fails is logged, and tried again at the next time.
func (s *Store) Run(ctx context.Context) error {
	ticker := time.NewTicker(s.options.SweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if _, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
				s.options.Logger.ErrorContext(ctx, "sweep of expired items failed", "error", err)
			}
		}
	}
}

// sweepBatch bounds the items that one transaction sweeps, and so the time
// for which other writers wait.
const sweepBatch = 500

// Sweep frees the space of expired items and returns how many there were. It
// may be called at any time. Errors: the error of ctx, or kind
// iotenant.ErrUnavailable.
func (s *Store) Sweep(ctx context.Context) (removed int, err error) {
	for {
		swept := 0
		err := s.committer.do(ctx, load{items: sweepBatch}, func(tx *transaction) error {
			swept = tx.sweep(s.options.Now(), sweepBatch)
			return nil
		})
		if err != nil {
			return removed, err
		}
		removed += swept
		if swept < sweepBatch {
			return removed, nil
		}
	}
}
