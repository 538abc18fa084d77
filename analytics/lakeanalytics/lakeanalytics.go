package lakeanalytics

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Defaults of [Options].
const (
	DefaultWindow        = 16_384
	DefaultCheckpoint    = 64
	DefaultFileSize      = 128 << 20
	DefaultGrace         = time.Hour
	DefaultTables        = 4096
	DefaultCacheSize     = 256 << 20
	DefaultSweepInterval = 10 * time.Minute
)

// Options are the options of [New].
type Options struct {
	// Window is the number of ids that are remembered for each table. Default
	// [DefaultWindow], at least analytics.Window; less is raised to that. An
	// append that is sent again is recognised as long as its ids are among
	// them, and at least while it is the latest.
	Window int
	// Checkpoint is the number of commits after which a table's state is
	// written as a whole: what a process reads of a table that it doesn't know
	// yet. Default [DefaultCheckpoint]. A table of very many files waits
	// longer, up to eight times that.
	Checkpoint int
	// FileSize is the size in bytes that files are merged to. Default
	// [DefaultFileSize].
	FileSize int64
	// Grace is how long what is no longer part of a table stays readable, and
	// how old a file must be that nothing refers to, before Sweep deletes it.
	// When something was stored is told by the backend's clock. Default [DefaultGrace]; less is raised to that.
	Grace time.Duration
	// Tables and CacheSize are how many tables' states, and how many bytes of
	// them, stay in memory between calls. Defaults [DefaultTables] and
	// [DefaultCacheSize].
	Tables    int
	CacheSize int
	// Tenants lists the tenants that Run sweeps. Required by Run.
	Tenants func(ctx context.Context) iter.Seq2[tenant.ID, error]
	// SweepInterval is how often Run sweeps. Default [DefaultSweepInterval].
	SweepInterval time.Duration
	// Now is the clock of retention, of grace, and of which days have ended.
	// Default time.Now.
	Now func() time.Time
	// Writer tells the files of this process from those of others: 1 to 16 of
	// a-z, 0-9, else it is the default. No two that write at the same time may share it. Default: 16
	// random digits.
	Writer string
	// Logger gets what went wrong and was overcome. Default: none.
	Logger *slog.Logger
}

func (o *Options) adjust() {
	o.Window = max(o.Window, analytics.Window)
	o.Checkpoint = max(o.Checkpoint, 1)
	o.FileSize = max(o.FileSize, 1)
	o.Grace = max(o.Grace, DefaultGrace)
	if !isWriter(o.Writer) {
		o.Writer = randomWriter()
	}
	if o.SweepInterval <= 0 {
		o.SweepInterval = DefaultSweepInterval
	}
}

// Lake is an analytics.Lake over any analytics.Objects.
type Lake struct {
	objects analytics.Objects
	keys    tenant.CursorKeys
	options Options
	cache   cache
	files   atomic.Uint64 // written by this process
}

var _ analytics.Lake = (*Lake)(nil)

// New returns the lake that objects hold. Cursors are sealed with keys. All
// processes may have one over the same objects at a time.
func New(objects analytics.Objects, keys tenant.CursorKeys, optFns ...func(*Options)) *Lake {
	options := Options{
		Window:        DefaultWindow,
		Checkpoint:    DefaultCheckpoint,
		FileSize:      DefaultFileSize,
		Grace:         DefaultGrace,
		Tables:        DefaultTables,
		CacheSize:     DefaultCacheSize,
		SweepInterval: DefaultSweepInterval,
		Now:           time.Now,
		Logger:        slog.New(slog.DiscardHandler),
	}
	for _, fn := range optFns {
		fn(&options)
	}
	options.adjust()
	l := &Lake{objects: objects, keys: keys, options: options}
	l.cache.init(options.Tables, options.CacheSize)
	return l
}

func isWriter(text string) bool {
	return text != "" && len(text) <= 16 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

func randomWriter() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func newNonce() (n nonce) {
	rand.Read(n[:])
	return n
}

// now is the time in milliseconds.
func (l *Lake) now() int64 { return l.options.Now().UnixMilli() }

// refreshed calls use with a table whose state was the latest at some time after
// the call, whether there is such a table or not, and releases it afterwards.
func (l *Lake) refreshed(ctx context.Context, id tenant.ID, name analytics.TableID, use func(*table) error) error {
	t, err := l.acquire(ctx, id, name)
	if err != nil {
		return err
	}
	defer l.cache.release(t)
	if err := t.refresh(ctx); err != nil {
		return err
	}
	return use(t)
}

// opened is refreshed for a table that has to be there. The error is
// analytics.ErrNoTable if there is none.
func (l *Lake) opened(ctx context.Context, id tenant.ID, name analytics.TableID, use func(*table) error) error {
	return l.refreshed(ctx, id, name, func(t *table) error {
		if !t.exists() {
			return analytics.ErrNoTable
		}
		return use(t)
	})
}

// acquire returns a table, of which nothing need be known. Release it.
func (l *Lake) acquire(ctx context.Context, id tenant.ID, name analytics.TableID) (*table, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkTenant(id); err != nil {
		return nil, err
	}
	if checkTableID(name) != nil {
		return nil, analytics.ErrNoTable // there can't be one
	}
	return l.cache.acquire(l, id, name), nil
}

// kept returns an error that wraps a kind, and says of which call it is.
func kept(call string, err error) error {
	switch {
	case err == nil:
		return nil
	case iotenant.KindOf(err) != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("lakeanalytics: %s: %w", call, err)
	}
	return fmt.Errorf("lakeanalytics: %s: %w: %w", call, iotenant.ErrUnavailable, err)
}
