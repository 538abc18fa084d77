package lakeanalytics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/iotenant/iotenant/analytics"
)

// rowsIn reads the rows of a file, in order. It ends after the first error;
// analytics.ErrNoObject means that the file is gone.
func (t *table) rowsIn(ctx context.Context, declared *analytics.Table, f *file) iter.Seq2[storedRow, error] {
	return func(yield func(storedRow, error) bool) {
		object, err := t.openFile(ctx, f)
		if err != nil {
			yield(storedRow{}, err)
			return
		}
		defer object.Close()
		t.rowsOf(object, declared, f, 0)(yield)
	}
}

// rowsOf reads the rows of an open file from a time on, and perhaps some before.
func (t *table) rowsOf(object analytics.Object, declared *analytics.Table, f *file, from int64) iter.Seq2[storedRow, error] {
	return func(yield func(storedRow, error) bool) {
		for r, err := range rowsOf(object, declared, from) {
			if err != nil {
				yield(storedRow{}, fmt.Errorf("%s: %w", t.prefix+f.name, err))
				return
			}
			r.sequence += f.base
			if !yield(r, nil) {
				return
			}
		}
	}
}

// smallFile is the size of files that are read at once: the backend may be far
// away.
const smallFile = 1 << 20

func (t *table) openFile(ctx context.Context, f *file) (analytics.Object, error) {
	name := t.prefix + f.name
	object, err := t.lake.objects.Open(ctx, t.tenant, name)
	if err != nil {
		return nil, err
	}
	if object.Size() > smallFile {
		return object, nil
	}
	defer object.Close()
	data, err := contentOf(name, object)
	if err != nil {
		return nil, err
	}
	return memoryFile{bytes.NewReader(data)}, nil
}

// contentOf reads an object as a whole.
func contentOf(name string, object analytics.Object) ([]byte, error) {
	data := make([]byte, object.Size())
	n, err := object.ReadAt(data, 0)
	switch {
	case n == len(data):
		return data, nil
	case err == nil || errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: %s: ends at %d of %d bytes", analytics.ErrCorrupt, name, n, len(data))
	}
	return nil, err
}

// memoryFile is a file that was read.
type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }
