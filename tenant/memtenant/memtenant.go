// Package memtenant keeps tenant repositories in memory, for tests and for
// systems that may forget. It keeps nothing beyond the process.
//
// It obeys the whole contracts of tenant.Repository and tenant.Transactor:
// items are encoded when they are put and decoded when they are read, so
// nothing is shared with the caller, and what the encoding loses is lost here
// too.
package memtenant

import (
	"context"
	"sync"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// Options are the options of [New].
type Options struct {
	// Now is the clock by which items expire. Default time.Now.
	Now func() time.Time
	// SweepEvery is the pause between the sweeps of [Store.Run]. Default
	// one minute.
	SweepEvery time.Duration
}

// Store holds the items of any number of repositories.
type Store struct {
	cursors tenant.CursorKeys
	options Options

	mu      sync.RWMutex
	tables  map[tableName]*table
	version tenant.Version // the last one given
}

type tableName struct {
	id     tenant.ID
	entity string
}

// table holds the items of one entity of one tenant.
type table struct {
	items   sorted[*stored]
	indexes []sorted[*stored]
}

// stored is an item as it is kept. It is never changed.
type stored struct {
	record  tenant.Record
	version tenant.Version
	data    []byte
}

// New returns an empty store. It panics if cursors is zero.
func New(cursors tenant.CursorKeys, optFns ...func(*Options)) *Store {
	if err := cursors.Check(); err != nil {
		panic(err)
	}
	options := Options{Now: time.Now, SweepEvery: time.Minute}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Store{cursors: cursors, options: options, tables: map[tableName]*table{}}
}

// Sweep frees the memory of expired items and returns how many there were.
// They are invisible before that too.
func (s *Store) Sweep(ctx context.Context) (removed int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	for name, table := range s.tables {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		removed += table.sweep(now)
		if table.items.length == 0 {
			delete(s.tables, name)
		}
	}
	return removed, nil
}

// Run sweeps every Options.SweepEvery until ctx ends, and then returns nil.
func (s *Store) Run(ctx context.Context) error {
	ticker := time.NewTicker(s.options.SweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			_, _ = s.Sweep(ctx) // fails only when ctx ends
		}
	}
}

// live returns the stored item if it has not expired, else nil.
func (s *Store) live(name tableName, key string) *stored {
	found := s.tables[name]
	if found == nil {
		return nil
	}
	item, ok := found.items.get(key)
	if !ok || tenant.Expired(item.record.Expires, s.options.Now()) {
		return nil
	}
	return item
}

// put stores an item in the place of the one with its key, if there is one, and
// gives it the next version.
func (s *Store) put(name tableName, record tenant.Record, data []byte) tenant.Version {
	items := s.tables[name]
	if items == nil {
		items = &table{}
		s.tables[name] = items
	}
	if old, ok := items.items.get(record.Key); ok {
		items.remove(old)
	}
	s.version = max(s.version+1, microseconds(s.options.Now()))
	items.put(&stored{record: record, version: s.version, data: data})
	return s.version
}

// remove removes the item with this key, if there is one.
func (s *Store) remove(name tableName, key string) {
	if item := s.live(name, key); item != nil {
		s.tables[name].remove(item)
	}
}

func (t *table) sweep(now time.Time) (removed int) {
	var expired []*stored
	for _, item := range t.items.ascend("", "") {
		if tenant.Expired(item.record.Expires, now) {
			expired = append(expired, item)
		}
	}
	for _, item := range expired {
		t.remove(item)
	}
	return len(expired)
}

func versionOf(item *stored) tenant.Version {
	if item == nil {
		return 0
	}
	return item.version
}

func microseconds(t time.Time) tenant.Version { return tenant.Version(max(t.UnixMicro(), 1)) }

func (t *table) put(item *stored) {
	t.items.put(item.record.Key, item)
	for len(t.indexes) < len(item.record.Index) {
		t.indexes = append(t.indexes, sorted[*stored]{})
	}
	for i, entry := range item.record.Index {
		if entry != "" {
			t.indexes[i].put(entry, item)
		}
	}
}

func (t *table) remove(item *stored) {
	t.items.remove(item.record.Key)
	for i, entry := range item.record.Index {
		if entry != "" {
			t.indexes[i].remove(entry)
		}
	}
}
