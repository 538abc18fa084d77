package disktest

import (
	"errors"
	"io"
	"io/fs"
	"slices"
)

// file is an open file.
type file struct {
	disk   *Disk
	name   string
	node   *node
	closed bool
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	switch {
	case f.disk.off:
		return 0, ErrPower
	case f.closed:
		return 0, fs.ErrClosed
	case off < 0:
		return 0, fs.ErrInvalid
	case off > int64(len(f.node.current)):
		return 0, io.EOF
	}
	n := copy(p, f.node.current[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements io.WriterAt.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	err := f.disk.begin(Write, f.name)
	if errors.Is(err, ErrPower) {
		return 0, err
	}
	if err != nil {
		p = p[:len(p)/2]
	}
	if len(p) > 0 {
		f.node.do(change{off, slices.Clone(p)})
		f.node.modified = f.disk.now
	}
	return len(p), err
}

// Truncate implements disk.File.
func (f *file) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.begin(Truncate, f.name); err != nil {
		return err
	}
	if size != int64(len(f.node.current)) {
		f.node.do(change{at: size})
		f.node.modified = f.disk.now
	}
	return nil
}

// Sync implements disk.File.
func (f *file) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.begin(Sync, f.name); err != nil {
		return err
	}
	f.disk.syncs++
	f.node.durable, f.node.pending = slices.Clone(f.node.current), nil
	return nil
}

// Size implements disk.File.
func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.node.current)), nil
}

// Close implements io.Closer.
func (f *file) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.closed = true
	return nil
}
