package disktest

import (
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
)

// Create implements disk.FS.
func (d *Disk) Create(name string) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, err := d.findDir(name)
	if err != nil {
		return nil, err
	}
	n := in.names[filepath.Base(name)]
	if n == nil {
		if err := d.begin(Create, name); err != nil {
			return nil, err
		}
		n = &node{modified: d.now}
		in.set(filepath.Base(name), n)
	}
	return &file{disk: d, name: name, node: n}, nil
}

// Open implements disk.FS.
func (d *Disk) Open(name string) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	if err != nil {
		return nil, err
	}
	return &file{disk: d, name: name, node: n}, nil
}

// Stat implements disk.FS.
func (d *Disk) Stat(name string) (disk.Info, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	if err != nil {
		return disk.Info{}, err
	}
	return disk.Info{Size: int64(len(n.current)), Modified: n.modified}, nil
}

// Rename implements disk.FS. Of a file, either half may outlive a loss of power
// without the other; a directory never has two names.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(from)
	if err != nil {
		return err
	}
	source, err := d.findDir(from)
	if err != nil {
		return err
	}
	target, err := d.findDir(to)
	if err != nil {
		return err
	}
	if old := target.names[filepath.Base(to)]; old != nil && old.isDir() && (!n.isDir() || len(old.names) > 0) {
		return &fs.PathError{Op: "rename", Path: to, Err: syscall.ENOTEMPTY}
	}
	if err := d.begin(Rename, from); err != nil {
		return err
	}
	source.set(filepath.Base(from), nil)
	target.set(filepath.Base(to), n)
	return nil
}

// Link implements disk.FS.
func (d *Disk) Link(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(from)
	if err != nil {
		return err
	}
	target, err := d.findDir(to)
	if err != nil {
		return err
	}
	if target.names[filepath.Base(to)] != nil {
		return &fs.PathError{Op: "link", Path: to, Err: fs.ErrExist}
	}
	if err := d.begin(Link, from); err != nil {
		return err
	}
	target.set(filepath.Base(to), n)
	return nil
}

// Remove implements disk.FS.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	if err != nil {
		return err
	}
	if n.isDir() && len(n.names) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	in, err := d.findDir(name)
	if err != nil {
		return err
	}
	if err := d.begin(Remove, name); err != nil {
		return err
	}
	in.set(filepath.Base(name), nil)
	return nil
}

// Mkdir implements disk.FS.
func (d *Disk) Mkdir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, err := d.findDir(name)
	if err != nil {
		return err
	}
	if in.names[filepath.Base(name)] != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	}
	if err := d.begin(Mkdir, name); err != nil {
		return err
	}
	made := newDir()
	made.modified = d.now
	in.set(filepath.Base(name), made)
	return nil
}

// MkdirAll implements disk.FS.
func (d *Disk) MkdirAll(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mkdirAll(name)
}

func (d *Disk) mkdirAll(name string) error {
	if d.off {
		return ErrPower
	}
	if filepath.Dir(name) == name {
		return nil
	}
	if err := d.mkdirAll(filepath.Dir(name)); err != nil {
		return err
	}
	in, err := d.findDir(name)
	if err != nil {
		return err
	}
	if in.names[filepath.Base(name)] == nil {
		in.set(filepath.Base(name), newDir())
		in.sync()
	}
	return nil
}

// ReadDir implements disk.FS.
func (d *Disk) ReadDir(name string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	if err != nil {
		return nil, err
	}
	if !n.isDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: syscall.ENOTDIR}
	}
	return slices.Sorted(maps.Keys(n.names)), nil
}

// SyncDir implements disk.FS.
func (d *Disk) SyncDir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	if err != nil {
		return err
	}
	if err := d.begin(SyncDir, name); err != nil {
		return err
	}
	n.sync()
	return nil
}
