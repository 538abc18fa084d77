// Package disktest is a disk in memory that can lose its power: everything
// not synced may then be gone, in part or as a whole, as on a real one.
package disktest

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"

	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
)

// ErrPower is what every operation returns after the power went off.
var ErrPower = errors.New("disktest: power is off")

// Operation is what a disk is asked to do.
type Operation string

// The operations that can fail, see [Disk.Fail].
const (
	Create   Operation = "create"
	Write    Operation = "write"
	Truncate Operation = "truncate"
	Sync     Operation = "sync"
	Rename   Operation = "rename"
	Remove   Operation = "remove"
	SyncDir  Operation = "sync directory"
)

// Disk is a file system in memory.
type Disk struct {
	mu     sync.Mutex
	dirs   map[string]*dir
	locked bool
	off    bool
	left   int // operations until the power goes off; negative: never
	syncs  int
	fail   func(Operation, string) error
}

var _ disk.FS = (*Disk)(nil)

type dir struct {
	names, durable map[string]*content
	pending        []func(names map[string]*content)
}

// content is what a file holds.
type content struct {
	current, durable []byte
	pending          []change
}

// change is a write or, without data, a truncation.
type change struct {
	at   int64
	data []byte
}

// New returns an empty disk.
func New() *Disk { return &Disk{dirs: map[string]*dir{}, left: -1} }

// PowerOffAfter turns the power off after so many more operations that change
// something.
func (d *Disk) PowerOffAfter(operations int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = operations
}

// Fail makes the disk ask before each operation; an error is returned instead,
// and the operation not done. A write that fails is done in part.
func (d *Disk) Fail(fail func(op Operation, name string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = fail
}

// Syncs returns how many files were synced.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// Names returns the names of all files, sorted.
func (d *Disk) Names() (names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, in := range d.dirs {
		for name := range in.names {
			names = append(names, filepath.Join(path, name))
		}
	}
	slices.Sort(names)
	return names
}

// Change replaces what a file holds, durably.
func (d *Disk) Change(name string, change func([]byte) []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.dirs[filepath.Dir(name)].names[filepath.Base(name)]
	c.current = change(slices.Clone(c.current))
	c.durable, c.pending = slices.Clone(c.current), nil
}

// Restart turns the power off and returns the disk as it is when the power is
// back. random decides how much of what was not synced is there.
func (d *Disk) Restart(random *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
	after := New()
	for path, in := range d.dirs {
		names := make(map[string]*content, len(in.durable))
		maps.Copy(names, in.durable)
		for _, change := range in.pending[:random.IntN(len(in.pending)+1)] {
			change(names)
		}
		fresh := newDir()
		for name, c := range names {
			kept := c.afterPowerLoss(random)
			fresh.names[name] = &content{current: kept, durable: slices.Clone(kept)}
			fresh.durable[name] = fresh.names[name]
		}
		after.dirs[path] = fresh
	}
	return after
}

const sector = 512

// afterPowerLoss applies some of the pending changes, the last of them in some
// of its sectors only.
func (c *content) afterPowerLoss(random *rand.Rand) []byte {
	kept := slices.Clone(c.durable)
	n := random.IntN(len(c.pending) + 1)
	for _, change := range c.pending[:n] {
		kept = change.apply(kept)
	}
	if n == len(c.pending) || c.pending[n].data == nil {
		return kept
	}
	torn := c.pending[n]
	for at := 0; at < len(torn.data); at += sector {
		if random.IntN(3) > 0 {
			piece := torn.data[at:min(at+sector, len(torn.data))]
			kept = change{torn.at + int64(at), piece[:1+random.IntN(len(piece))]}.apply(kept)
		}
	}
	return kept
}

func (c change) apply(data []byte) []byte {
	end := int(c.at) + len(c.data)
	if c.data == nil && end < len(data) {
		return data[:end]
	}
	if end > len(data) {
		data = append(data, make([]byte, end-len(data))...)
	}
	copy(data[c.at:], c.data)
	return data
}

func newDir() *dir { return &dir{names: map[string]*content{}, durable: map[string]*content{}} }

// begin starts an operation that changes something.
func (d *Disk) begin(op Operation, name string) error {
	if d.left == 0 {
		d.off = true
	}
	if d.off {
		return ErrPower
	}
	if d.left > 0 {
		d.left--
	}
	if d.fail != nil {
		return d.fail(op, name)
	}
	return nil
}

// look finds the directory of a file.
func (d *Disk) look(name string) (*dir, error) {
	if d.off {
		return nil, ErrPower
	}
	if in := d.dirs[filepath.Dir(name)]; in != nil {
		return in, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// do changes names in a directory, not durably.
func (in *dir) do(change func(names map[string]*content)) {
	change(in.names)
	in.pending = append(in.pending, change)
}

// Create implements disk.FS.
func (d *Disk) Create(name string) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, err := d.look(name)
	if err != nil {
		return nil, err
	}
	if c := in.names[filepath.Base(name)]; c != nil {
		return &file{d, name, c}, nil
	}
	if err := d.begin(Create, name); err != nil {
		return nil, err
	}
	c := &content{}
	in.do(func(names map[string]*content) { names[filepath.Base(name)] = c })
	return &file{d, name, c}, nil
}

// Open implements disk.FS.
func (d *Disk) Open(name string) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, err := d.look(name)
	if err != nil {
		return nil, err
	}
	if c := in.names[filepath.Base(name)]; c != nil {
		return &file{d, name, c}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// Rename implements disk.FS, within a directory.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, err := d.look(from)
	if err != nil {
		return err
	}
	if err := d.begin(Rename, from); err != nil {
		return err
	}
	c := in.names[filepath.Base(from)]
	in.do(func(names map[string]*content) {
		delete(names, filepath.Base(from))
		names[filepath.Base(to)] = c
	})
	return nil
}

// Remove implements disk.FS.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, err := d.look(name)
	if err != nil {
		return err
	}
	if in.names[filepath.Base(name)] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	if err := d.begin(Remove, name); err != nil {
		return err
	}
	in.do(func(names map[string]*content) { delete(names, filepath.Base(name)) })
	return nil
}

// MkdirAll implements disk.FS.
func (d *Disk) MkdirAll(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return ErrPower
	}
	for ; d.dirs[name] == nil; name = filepath.Dir(name) {
		d.dirs[name] = newDir()
	}
	return nil
}

// ReadDir implements disk.FS.
func (d *Disk) ReadDir(name string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return nil, ErrPower
	}
	in := d.dirs[name]
	if in == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	var names []string
	for file := range in.names {
		names = append(names, file)
	}
	for path := range d.dirs {
		if filepath.Dir(path) == name && path != name {
			names = append(names, filepath.Base(path))
		}
	}
	slices.Sort(names)
	return names, nil
}

// SyncDir implements disk.FS.
func (d *Disk) SyncDir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin(SyncDir, name); err != nil {
		return err
	}
	in := d.dirs[name]
	for _, change := range in.pending {
		change(in.durable)
	}
	in.pending = nil
	return nil
}

// Lock implements disk.FS.
func (d *Disk) Lock(string) (func() error, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked {
		return nil, disk.ErrLocked
	}
	d.locked = true
	return func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.locked = false
		return nil
	}, nil
}

// file is an open file.
type file struct {
	disk *Disk
	name string
	*content
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.off {
		return 0, ErrPower
	}
	if off > int64(len(f.current)) {
		return 0, io.EOF
	}
	n := copy(p, f.current[off:])
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
		f.do(change{off, slices.Clone(p)})
	}
	return len(p), err
}

func (f *file) do(c change) {
	f.current = c.apply(f.current)
	f.pending = append(f.pending, c)
}

// Truncate implements disk.File.
func (f *file) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.begin(Truncate, f.name); err != nil {
		return err
	}
	if size != int64(len(f.current)) {
		f.do(change{at: size})
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
	f.durable, f.pending = slices.Clone(f.current), nil
	return nil
}

// Size implements disk.File.
func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.current)), nil
}

// Close implements io.Closer.
func (f *file) Close() error { return nil }
