package lakeanalytics

import (
	"cmp"
	"maps"
	"slices"
)

// keptNonces is the number of commits by which a process recognises its own,
// and of tables that replaced others.
const keptNonces = 128

// state is a table as the commits up to a version made it.
type state struct {
	version  uint64
	declared *declaration // nil: there is no table
	leaving  bool
	// days holds the files, by the day of their rows.
	days    map[int32][]*file
	names   map[string]*file
	removed map[string]int64 // when, in milliseconds
	ids     window
	// sequence is the number that the next row gets.
	sequence uint64
	nonces   []nonce
	replaced []nonce
	// checkpoint is the latest one known.
	checkpoint uint64
}

func newState() *state {
	return &state{days: map[int32][]*file{}, names: map[string]*file{}, removed: map[string]int64{}}
}

// open reports whether rows can be appended.
func (s *state) open() bool { return s.declared != nil && !s.leaving }

// apply makes the change of the commit that follows, or becomes what a
// checkpoint holds. limit is the size of the window of ids.
func (s *state) apply(e *entry, limit int) {
	s.version = e.version
	if e.deleted {
		s.clear()
	}
	if e.declared != nil {
		s.declared, s.leaving = e.declared, false
	}
	s.leaving = s.leaving || e.leaving
	for i := range e.appended {
		e.appended[i].base += s.sequence
		s.add(&e.appended[i])
	}
	for i := range e.added {
		s.add(&e.added[i])
	}
	s.remove(e.removed)
	for _, name := range e.forgotten {
		delete(s.removed, name)
	}
	s.ids.add(e.ids, limit)
	s.sequence += e.sequences
	s.replaced = latest(append(s.replaced, e.replaced...))
	if e.checkpoint {
		s.nonces, s.checkpoint = e.nonces, e.version
		return
	}
	s.nonces = latest(append(s.nonces, e.nonce))
}

func latest(nonces []nonce) []nonce { return nonces[max(0, len(nonces)-keptNonces):] }

// clear forgets the table. What was removed stays to be deleted, and the
// sequence goes on, so that no cursor means two rows.
func (s *state) clear() {
	s.declared, s.leaving = nil, false
	clear(s.days)
	clear(s.names)
	s.ids = window{}
	s.replaced = nil
}

func (s *state) add(f *file) {
	s.days[f.day] = append(s.days[f.day], f)
	s.names[f.name] = f
}

func (s *state) remove(removed []removal) {
	changed := map[int32]bool{}
	for _, r := range removed {
		s.removed[r.name] = r.at
		if f := s.names[r.name]; f != nil {
			changed[f.day] = true
			delete(s.names, r.name)
		}
	}
	for day := range changed {
		s.days[day] = slices.DeleteFunc(s.days[day], func(f *file) bool { return s.names[f.name] != f })
		if len(s.days[day]) == 0 {
			delete(s.days, day)
		}
	}
}

// same reports whether two states are of the same version of the same log.
func (s *state) same(other *state) bool {
	return s.version == other.version && slices.Equal(s.nonces, other.nonces)
}

// knows reports whether a commit is among the latest.
func (s *state) knows(n nonce) bool { return slices.Contains(s.nonces, n) }

// snapshot returns the files in the order of days, partitions and times.
func (s *state) snapshot() []*file {
	files := slices.Collect(maps.Values(s.names))
	slices.SortFunc(files, func(a, b *file) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(folderOf(a.name), folderOf(b.name)), cmp.Compare(a.first, b.first), cmp.Compare(a.name, b.name))
	})
	return files
}

// entry returns the state as a checkpoint.
func (s *state) entry(at int64) *entry {
	e := &entry{
		checkpoint: true,
		version:    s.version,
		at:         at,
		declared:   s.declared,
		deleted:    s.declared == nil,
		leaving:    s.leaving,
		ids:        slices.Collect(s.ids.oldestFirst()),
		sequences:  s.sequence,
		replaced:   s.replaced,
		nonces:     s.nonces,
	}
	for _, f := range s.snapshot() {
		e.added = append(e.added, *f)
	}
	for _, name := range slices.Sorted(maps.Keys(s.removed)) {
		e.removed = append(e.removed, removal{name, s.removed[name]})
	}
	return e
}

// bytes is about what the state takes in memory.
func (s *state) bytes() int { return 1024 + s.ids.bytes() + 300*len(s.names) + 150*len(s.removed) }
