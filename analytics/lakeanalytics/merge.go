package lakeanalytics

import (
	"container/heap"
	"context"
	"errors"
	"io"
	"iter"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/iotenant/iotenant/analytics"
)

// errEmpty: no row is left for a file.
var errEmpty = errors.New("no rows")

// merge writes the rows of files of one folder that are to stay to a new file,
// in order. It returns nil if none is. The new file is a draft.
func (t *table) merge(ctx context.Context, declared *analytics.Table, sources []*file, stays func(*storedRow) bool) (*file, error) {
	merged := &file{day: sources[0].day, dimensions: sources[0].dimensions, first: math.MaxInt64}
	first, last := int64(math.MaxInt64), int64(0)
	for _, f := range sources {
		first, last = min(first, f.first), max(last, f.last)
	}
	merged.name = t.newName(folderOf(sources[0].name), first, last, declared)
	body, w := io.Pipe()
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		err := t.put(ctx, merged.name, body)
		body.CloseWithError(errors.Join(io.ErrClosedPipe, err))
		return err
	})
	tasks.Go(func() error {
		counted := &counter{w: w}
		err := t.mergeTo(ctx, counted, declared, sources, stays, merged)
		merged.bytes = counted.n
		w.CloseWithError(err) // nil means the end
		return err
	})
	if err := tasks.Wait(); err != nil {
		t.drafts.end([]file{*merged})
		if errors.Is(err, errEmpty) {
			return nil, nil
		}
		return nil, err
	}
	return merged, nil
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (t *table) mergeTo(ctx context.Context, to io.Writer, declared *analytics.Table, sources []*file, stays func(*storedRow) bool, merged *file) error {
	w, err := newFileWriter(to, declared)
	if err != nil {
		return err
	}
	for r, err := range t.merged(ctx, declared, sources) {
		if err != nil {
			return err
		}
		if !stays(&r) {
			continue
		}
		if err := w.Write(&r); err != nil {
			return err
		}
		at := r.At.UnixNano()
		merged.first, merged.last = min(merged.first, at), max(merged.last, at)
		merged.rows++
	}
	if merged.rows == 0 {
		return errEmpty
	}
	return w.Close()
}

// merged yields the rows of files in order. It ends after the first error.
func (t *table) merged(ctx context.Context, declared *analytics.Table, sources []*file) iter.Seq2[storedRow, error] {
	return func(yield func(storedRow, error) bool) {
		var streams streamHeap
		defer func() {
			for _, s := range streams {
				s.stop()
			}
		}()
		for _, f := range sources {
			s := &stream{}
			s.next, s.stop = iter.Pull2(t.rowsIn(ctx, declared, f))
			more, err := s.advance()
			if err != nil {
				yield(storedRow{}, err)
				return
			}
			if more {
				streams = append(streams, s)
			}
		}
		heap.Init(&streams)
		for len(streams) > 0 {
			s := streams[0]
			if !yield(s.row, nil) {
				return
			}
			more, err := s.advance()
			switch {
			case err != nil:
				yield(storedRow{}, err)
				return
			case more:
				heap.Fix(&streams, 0)
			default:
				heap.Pop(&streams)
			}
		}
	}
}

// stream is a file that is being read.
type stream struct {
	row  storedRow
	next func() (storedRow, error, bool)
	stop func()
}

// advance reads the next row. At the end, and after an error, the stream is
// stopped.
func (s *stream) advance() (more bool, err error) {
	s.row, err, more = s.next()
	if err != nil || !more {
		s.stop()
	}
	return more && err == nil, err
}

// streamHeap is a heap of streams by their rows.
type streamHeap []*stream

func (h streamHeap) Len() int           { return len(h) }
func (h streamHeap) Less(i, j int) bool { return compareRows(h[i].row, h[j].row) < 0 }
func (h streamHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *streamHeap) Push(s any)        { *h = append(*h, s.(*stream)) }

func (h *streamHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}

// exchange puts a new file, nil if there is none, in the place of others. If
// they are no longer there the error is errStale, and the new one is discarded.
func (t *table) exchange(ctx context.Context, table nonce, sources []*file, fresh *file) error {
	var drafts []file
	if fresh != nil {
		drafts = append(drafts, *fresh)
	}
	err := t.change(ctx, func(s *state) (*entry, error) {
		if s.declared == nil || s.declared.nonce != table || s.leaving || t.drafts.lost(drafts) {
			return nil, errStale
		}
		e := &entry{added: append([]file(nil), drafts...)}
		for _, f := range sources {
			if s.names[f.name] == nil {
				return nil, errStale
			}
			e.removed = append(e.removed, removal{f.name, t.lake.now()})
		}
		return e, nil
	})
	if errors.Is(err, errStale) {
		t.discard(ctx, drafts)
		return err
	}
	t.drafts.end(drafts)
	return err
}

// rewrite replaces a file by one without the rows that go. It returns the file
// that has the rest, nil if there is none or nothing goes. The error is errStale
// if others changed the table so that nothing was done.
func (t *table) rewrite(ctx context.Context, declared *declaration, f *file, goes func(*storedRow) bool) (*file, error) {
	found := false
	for r, err := range t.rowsIn(ctx, &declared.table, f) {
		if errors.Is(err, analytics.ErrNoObject) {
			return nil, errStale
		}
		if err != nil {
			return nil, err
		}
		if found = goes(&r); found {
			break
		}
	}
	if !found {
		return nil, nil
	}
	fresh, err := t.merge(ctx, &declared.table, []*file{f}, func(r *storedRow) bool { return !goes(r) })
	if errors.Is(err, analytics.ErrNoObject) {
		return nil, errStale
	}
	if err != nil {
		return nil, err
	}
	return fresh, t.exchange(ctx, declared.nonce, []*file{f}, fresh)
}
