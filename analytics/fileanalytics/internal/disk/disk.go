// Package disk is the file layer of fileanalytics: what it needs of a file
// system, and no more, so that tests can put one below it that loses
// everything not synced.
package disk

import (
	"io"
	"os"
)

// FS is a file system. Names are paths of the operating system. Missing files
// are fs.ErrNotExist.
type FS interface { //nolint:interfacebloat // one method for each call of the operating system
	// Create opens a file to read and write, and creates it if it is missing.
	// The name is durable after SyncDir of its directory.
	Create(name string) (File, error)
	// Open opens a file to read.
	Open(name string) (File, error)
	// Rename replaces a file. It is durable after SyncDir of the directory.
	Rename(from, to string) error
	// Remove removes a file.
	Remove(name string) error
	// MkdirAll makes a directory and its parents, durably.
	MkdirAll(name string) error
	// ReadDir returns the names in a directory, sorted.
	ReadDir(name string) ([]string, error)
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
