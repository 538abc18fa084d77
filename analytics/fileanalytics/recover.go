package fileanalytics

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
	"github.com/iotenant/iotenant/tenant"
)

// recover reads the journals, which hold what is not in segments yet, and
// makes the last of them ready to be continued.
func (s *Store) recover() error {
	numbers, err := s.journalNumbers()
	if err != nil {
		return err
	}
	if numbers, err = s.dropUnused(numbers); err != nil {
		return err
	}
	s.oldest, s.arrival = numbers[0], 1
	var content journalContent
	for i, number := range numbers {
		last := i == len(numbers)-1
		if content, err = s.readJournal(number, last); err != nil {
			return err
		}
		if content.size == 0 {
			break // the first journal of all, not finished
		}
		if i > 0 && content.first != s.arrival {
			return fmt.Errorf("%w: %s: does not continue the one before it", analytics.ErrCorrupt, s.files.relative(s.files.journal(number)))
		}
		s.arrival = content.first
		for _, entry := range content.entries {
			if err := s.replay(number, entry); err != nil {
				return err
			}
			s.arrival++
		}
		if !last {
			s.sealed = append(s.sealed, &journal{name: s.files.journal(number), number: number})
		}
	}
	return s.continueJournal(content)
}

func (s *Store) journalNumbers() ([]uint64, error) {
	names, err := s.fs.ReadDir(s.files.journalDir())
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, name := range names {
		if number, ok := parseJournalName(name); ok {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// dropUnused removes the last journals if nothing was written to them. The one
// before may have been continued when its successor could not be finished.
func (s *Store) dropUnused(numbers []uint64) ([]uint64, error) {
	if len(numbers) == 0 {
		return []uint64{1}, nil
	}
	for last := len(numbers) - 1; last > 0; last-- {
		name := s.files.journal(numbers[last])
		data, err := readFile(s.fs, name)
		if err != nil {
			return nil, err
		}
		if len(data) > journalHeader {
			break
		}
		if err := s.fs.Remove(name); err != nil {
			return nil, err
		}
		numbers = numbers[:last]
	}
	return numbers, s.fs.SyncDir(s.files.journalDir())
}

func (s *Store) readJournal(number uint64, last bool) (journalContent, error) {
	name := s.files.journal(number)
	data, err := readFile(s.fs, name)
	if err != nil {
		return journalContent{}, err
	}
	content, err := readJournal(data, number, last)
	if err != nil {
		return journalContent{}, fmt.Errorf("%s: %w", s.files.relative(name), err)
	}
	if torn := len(bytes.TrimRight(data[content.size:], "\x00")); torn > 0 {
		s.options.Logger.Info("fileanalytics: torn end of a write removed", "file", s.files.relative(name), "bytes", torn)
	}
	return content, nil
}

// replay makes a message of a journal visible, unless a segment has it.
func (s *Store) replay(number uint64, entry journalEntry) error {
	a, err := s.archive(entry.tenant)
	if err != nil {
		return err
	}
	if r := &entry.record; r.arrival > a.through {
		key := r.stream.key()
		a.add(number, key, listEntry{arrival: r.arrival, at: r.at, time: r.time, points: r.points, raw: entry.raw})
		return s.remember(a.stream(key), r)
	}
	return nil
}

// remember brings a stream up to a record.
func (s *Store) remember(known *stream, r *record) error {
	known.latest = max(known.latest, r.at)
	if len(r.id) > 0 {
		if id := hashID(string(r.id)); !known.ids.has(id) {
			known.ids.add(id, &s.windows)
		}
	}
	if r.points == 0 {
		return nil
	}
	from, err := r.stream.key().origin()
	if err != nil {
		return err
	}
	m := r.message(from)
	known.observe(m.Points(), r.arrival)
	return nil
}

// message returns the message in a record of this stream, with the record's
// payload.
func (r *record) message(from origin) analytics.Message {
	return analytics.Message{
		Thing:     from.thing,
		Datastore: from.datastore,
		Channel:   string(r.channel),
		ID:        string(r.id),
		At:        time.Unix(0, r.at).UTC(),
		Payload:   r.payload,
	}
}

// continueJournal opens the last journal for writing, or creates it.
func (s *Store) continueJournal(content journalContent) error {
	if content.size > 0 {
		file, err := s.fs.Create(s.files.journal(content.number))
		if err != nil {
			return err
		}
		s.journal = &journal{name: s.files.journal(content.number), file: file, number: content.number, salt: content.salt, size: content.size, damaged: true}
		if err := s.journal.repair(); err != nil {
			return errors.Join(err, file.Close())
		}
		return nil
	}
	// A store has a journal with a header before it has a tenant, and from
	// then on always.
	tenants, err := s.fs.ReadDir(s.files.tenantsDir())
	if err != nil {
		return err
	}
	if len(s.sealed) == 0 && len(tenants) > 0 {
		return fmt.Errorf("%w: %s: no journal", analytics.ErrCorrupt, journalDirName)
	}
	s.journal, err = createJournal(s.fs, s.files, cmp.Or(content.number, s.oldest), newSalt(), s.arrival)
	return err
}

func newSalt() uint64 {
	var salt [8]byte
	rand.Read(salt[:]) // never fails
	return binary.LittleEndian.Uint64(salt[:])
}

// archive returns the archive of a tenant, read from disk at the first use.
func (s *Store) archive(id tenant.ID) (*archive, error) {
	a := s.archiveEntry(id)
	a.loading.Lock()
	defer a.loading.Unlock()
	if a.loaded {
		return a, nil
	}
	if err := s.load(a); err != nil {
		return nil, err
	}
	a.loaded = true
	return a, nil
}

func (s *Store) archiveEntry(id tenant.ID) *archive {
	s.archiving.RLock()
	a := s.archives[id]
	s.archiving.RUnlock()
	if a != nil {
		return a
	}
	s.archiving.Lock()
	defer s.archiving.Unlock()
	if a = s.archives[id]; a == nil {
		a = &archive{id: id}
		s.archives[id] = a
	}
	return a
}

func (s *Store) load(a *archive) error {
	a.reset()
	name := s.files.state(a.id)
	data, err := readFile(s.fs, name)
	if err != nil {
		return err
	}
	if data != nil {
		if err = a.decodeState(data, &s.windows); err == nil {
			return nil
		}
		s.options.Logger.Warn("fileanalytics: state read anew from segments", "file", s.files.relative(name), "error", err)
	}
	a.reset()
	return s.rebuild(a, data == nil)
}

func (a *archive) reset() {
	a.through, a.segments, a.streams = 0, nil, map[streamKey]*stream{}
}

// rebuild fills an archive from its segments, all of which it reads. Where no
// checkpoint has finished yet, they may have a torn end.
func (s *Store) rebuild(a *archive, torn bool) error {
	names, err := s.fs.ReadDir(s.files.tenantDir(a.id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		d, ok := parseSegmentName(name)
		if !ok {
			continue
		}
		found, err := s.rebuildSegment(a, d, torn)
		if err != nil {
			return fmt.Errorf("%s: %w", s.files.relative(s.files.segment(a.id, d)), err)
		}
		if found.size > 0 {
			a.segments = append(a.segments, found)
			a.through = max(a.through, found.bounds.maxArrival)
		}
	}
	return nil
}

// rebuildSegment reads the runs of a segment, up to those of journals that
// were there at start: these are replayed and written again.
func (s *Store) rebuildSegment(a *archive, d day, torn bool) (_ segment, err error) {
	found := segment{day: d, bounds: noBounds()}
	file, err := s.fs.Open(s.files.segment(a.id, d))
	if err != nil {
		return found, err
	}
	defer closing(file, &err)
	size, err := file.Size()
	if err != nil {
		return found, err
	}
	for found.size < size {
		next, err := readRun(file, a.id, found.size, size)
		if err != nil {
			if torn && errors.Is(err, analytics.ErrCorrupt) {
				return found, nil
			}
			return found, err
		}
		if next.journal >= s.oldest {
			return found, nil
		}
		if err := s.rebuildRun(a, file, next); err != nil {
			return found, err
		}
		found.size += next.size
		found.bounds.include(next.bounds)
	}
	return found, nil
}

func (s *Store) rebuildRun(a *archive, file disk.File, r run) error {
	extents, err := readIndex(file, r, func(*extent) bool { return true })
	if err != nil {
		return err
	}
	for i := range extents {
		e := &extents[i]
		data, err := readExtent(file, r, e)
		if err != nil {
			return err
		}
		remember := func(found *record) error { return s.remember(a.stream(e.stream), found) }
		if err := eachRecord(data, e.stream, r.offset+e.offset, remember); err != nil {
			return err
		}
	}
	return nil
}
