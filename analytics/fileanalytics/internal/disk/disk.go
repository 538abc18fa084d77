// Package disk is the file layer of fileanalytics: what it needs of a file
// system, and no more, so that tests can put one below it that loses
// everything not synced.
package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// FS is a file system. Names are paths of the operating system. Missing files
// are fs.ErrNotExist.
type FS interface { //nolint:interfacebloat // one method for each call of the operating system
	// Create opens a file to read and write, and creates it if it is missing.
	// The name is durable after SyncDir of its directory.
	Create(name string) (File, error)
	// Open opens a file to read.
	Open(name string) (File, error)
	// Rename replaces a file, or an empty directory by one. It is durable after
	// SyncDir of both directories.
	Rename(from, to string) error
	// Link gives a file a second name, durable after SyncDir of its directory.
	// A name that is taken is fs.ErrExist. Where files have one name only it is
	// [ErrNoLinks].
	Link(from, to string) error
	// Remove removes a file or an empty directory.
	Remove(name string) error
	// Mkdir makes a directory, durable after SyncDir of its parent.
	Mkdir(name string) error
	// MkdirAll makes a directory and its parents, durably.
	MkdirAll(name string) error
	// ReadDir returns the names in a directory, sorted.
	ReadDir(name string) ([]string, error)
	// Stat tells of a file or directory without opening it.
	Stat(name string) (Info, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
	// Lock takes a lock file until the returned function or the end of the
	// process releases it. [ErrLocked] means that another holds it.
	Lock(name string) (release func() error, err error)
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size returns the length in bytes.
	Size() (int64, error)
	// Truncate changes the length.
	Truncate(size int64) error
	// Sync makes the content durable.
	Sync() error
}

// Info tells of a file.
type Info struct {
	// Size is the length in bytes.
	Size int64
	// Modified is when the content changed.
	Modified time.Time
}

// ErrNoLinks: the file system has no hard links.
var ErrNoLinks = errors.New("no hard links")

// OS is the operating system's file system.
type OS struct{}

var _ FS = OS{}

const (
	fileMode = 0o600
	dirMode  = 0o700
)

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Create implements FS.
func (OS) Create(name string) (File, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	return osFile{file}, nil
}

// Open implements FS.
func (OS) Open(name string) (File, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return osFile{file}, nil
}

// Rename implements FS.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Link implements FS.
func (OS) Link(from, to string) error {
	err := os.Link(from, to)
	if err != nil && !errors.Is(err, fs.ErrExist) && lacksLinks(err) {
		return fmt.Errorf("%w: %w", ErrNoLinks, err)
	}
	return err
}

// lacksLinks reports whether link failed because there are no hard links: EPERM
// is what link(2) has for it, other systems say that it isn't supported.
func lacksLinks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission)
}

// Mkdir implements FS.
func (OS) Mkdir(name string) error { return os.Mkdir(name, dirMode) }

// Stat implements FS.
func (OS) Stat(name string) (Info, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return Info{info.Size(), info.ModTime()}, nil
}

// Remove implements FS.
func (OS) Remove(name string) error { return os.Remove(name) }

// ReadDir implements FS.
func (OS) ReadDir(name string) ([]string, error) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return names, nil
}
