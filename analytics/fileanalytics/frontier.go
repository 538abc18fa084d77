package fileanalytics

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
	"github.com/iotenant/iotenant/tenant"
)

// A query looks at places: segments, the runs in them, the extents in those,
// and lists in memory. Each tells the first position that it can hold. The
// frontier always opens the place with the first of these, and stops when that
// comes after a full page. So the pages of a time-ordered segment read it once,
// and disorder costs time but neither memory nor order.
type frontier struct {
	plan   *analytics.Plan
	found  collector
	places []place
	files  openFile
}

// place is somewhere to look. open looks, and may name places within.
type place struct {
	first analytics.Position
	open  func() error
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (f *frontier) Len() int { return len(f.places) }
func (f *frontier) Less(i, j int) bool {
	return f.plan.Compare(f.places[i].first, f.places[j].first) < 0
}
func (f *frontier) Swap(i, j int) { f.places[i], f.places[j] = f.places[j], f.places[i] }
func (f *frontier) Push(x any)    { f.places = append(f.places, x.(place)) }
func (f *frontier) Pop() any {
	last := f.places[len(f.places)-1]
	f.places = f.places[:len(f.places)-1]
	return last
}

// read gives a collector the records of a page, and more.
func (s *Store) read(ctx context.Context, id tenant.ID, plan *analytics.Plan, found collector) (err error) {
	a, err := s.archive(id)
	if err != nil {
		return err
	}
	f := &frontier{plan: plan, found: found, files: openFile{store: s, archive: a}}
	defer func() { err = errors.Join(err, f.files.close()) }()
	f.start(a)
	for f.Len() > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		next := heap.Pop(f).(place)
		if reached := found.reached(); reached != nil && plan.Compare(next.first, *reached) >= 0 {
			return nil
		}
		if !found.pass(next.first) {
			return nil
		}
		if err := next.open(); err != nil {
			return err
		}
	}
	return nil
}

// start names the places that there are at one moment.
func (f *frontier) start(a *archive) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, s := range a.segments {
		f.add(&s.bounds, func() error { return f.openSegment(s) })
	}
	for _, p := range a.parts {
		for key, l := range p.lists {
			if f.wants(key) {
				entries := l.entries
				f.add(&l.bounds, func() error { return f.openList(key, entries) })
			}
		}
	}
}

func (f *frontier) wants(key streamKey) bool {
	return key.datastore == f.plan.Datastore && f.plan.SelectsThing(key.thing)
}

// add adds a place with these bounds, if it can hold anything of the page.
func (f *frontier) add(b *bounds, open func() error) {
	least, greatest, ok := f.found.span(b)
	from, to := f.plan.Bounds()
	if !ok || greatest.Compare(from) < 0 || least.Compare(to) > 0 {
		return
	}
	first := least
	if f.plan.Descending {
		first = greatest
	}
	heap.Push(f, place{first, open})
}

func (f *frontier) openSegment(s segment) error {
	return f.files.with(s.day, func(file disk.File) error {
		return eachRun(file, f.files.archive.id, s, func(r run) error {
			f.add(&r.bounds, func() error { return f.openRun(s.day, r) })
			return nil
		})
	})
}

func (f *frontier) openRun(d day, r run) error {
	return f.files.with(d, func(file disk.File) error {
		extents, err := readIndex(file, r, func(e *extent) bool { return f.wants(e.stream) })
		for _, e := range extents {
			f.add(&e.bounds, func() error { return f.openExtent(d, r, e) })
		}
		return err
	})
}

func (f *frontier) openExtent(d day, r run, e extent) error {
	return f.files.with(d, func(file disk.File) error {
		from, err := e.stream.origin()
		if err != nil {
			return err
		}
		data, err := readExtent(file, r, &e)
		if err != nil {
			return err
		}
		return eachRecord(data, e.stream, r.offset+e.offset, func(found *record) error {
			f.found.take(from, found)
			return nil
		})
	})
}

// openList looks at a list, the newest first if they are wanted first.
func (f *frontier) openList(key streamKey, entries []listEntry) error {
	from, err := key.origin()
	if err != nil {
		return err
	}
	for i := range entries {
		if f.plan.Descending {
			i = len(entries) - 1 - i
		}
		decoded, _, err := decodeRecord(entries[i].raw)
		if err != nil {
			return fmt.Errorf("%w: record in memory", analytics.ErrCorrupt)
		}
		f.found.take(from, &decoded)
	}
	return nil
}

// openFile holds the segment file that was used last. A query has no more
// than one file open.
type openFile struct {
	store   *Store
	archive *archive
	day     day
	file    disk.File
}

// with calls use with the segment file of a day. If Sweep has deleted it since
// the query began, there is nothing to look at.
func (o *openFile) with(d day, use func(disk.File) error) error {
	if o.file == nil || o.day != d {
		if err := o.close(); err != nil {
			return err
		}
		file, err := o.store.fs.Open(o.name(d))
		if errors.Is(err, fs.ErrNotExist) {
			return o.missing(d)
		}
		if err != nil {
			return err
		}
		o.file, o.day = file, d
	}
	err := use(o.file)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: file too short", analytics.ErrCorrupt)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o.store.files.relative(o.name(d)), err)
	}
	return nil
}

func (o *openFile) name(d day) string { return o.store.files.segment(o.archive.id, d) }

func (o *openFile) missing(d day) error {
	o.archive.mu.RLock()
	defer o.archive.mu.RUnlock()
	if _, known := o.archive.find(d); known {
		return fmt.Errorf("%w: %s is missing", analytics.ErrCorrupt, o.store.files.relative(o.name(d)))
	}
	return nil
}

func (o *openFile) close() error {
	if o.file == nil {
		return nil
	}
	file := o.file
	o.file = nil
	return file.Close()
}
