package fileanalytics

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
)

// prepare makes the folder ready for writers, once: the directories that all
// objects share, hard links or turns, and no leftovers.
func (f *Folder) prepare() error {
	f.preparing.Lock()
	defer f.preparing.Unlock()
	if f.prepared {
		return nil
	}
	for _, dir := range []string{f.files.objectsDir(), f.files.uploadsDir()} {
		if err := f.fs.MkdirAll(dir); err != nil {
			return err
		}
	}
	// Another process may have made them, and not yet durably.
	if err := f.fs.SyncDir(f.files.root); err != nil {
		return err
	}
	linked, err := f.hasLinks()
	if err != nil {
		return err
	}
	if !linked {
		f.turns = &turns{fs: f.fs, name: f.files.lock(), mine: make(chan struct{}, 1)}
	}
	if err := f.sweepUploads(context.Background()); err != nil {
		f.options.Logger.Warn("fileanalytics: leftovers stay", "error", err)
	}
	f.prepared = true
	return nil
}

// hasLinks finds out whether files can have a second name.
func (f *Folder) hasLinks() (bool, error) {
	first, second := f.files.upload(rand.Text()), f.files.upload(rand.Text())
	file, err := f.fs.Create(first)
	if err != nil {
		return false, err
	}
	err = errors.Join(file.Close(), f.fs.Link(first, second))
	_ = f.fs.Remove(first) // else Sweep does
	if err == nil {
		_ = f.fs.Remove(second)
	}
	if errors.Is(err, disk.ErrNoLinks) {
		return false, nil
	}
	return err == nil, err
}

// turns lets one writer at a time give a name, of this process and others.
type turns struct {
	fs   disk.FS
	name string
	mine chan struct{} // holds a value while a writer of this Folder has the turn
}

// turnPause is the time between two looks at a lock that another has.
const turnPause = 5 * time.Millisecond

// take waits for the turn.
func (t *turns) take(ctx context.Context) (release func(), err error) {
	select {
	case t.mine <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		unlock, err := t.fs.Lock(t.name)
		if err == nil {
			return func() { _ = unlock(); <-t.mine }, nil
		}
		if !errors.Is(err, disk.ErrLocked) {
			<-t.mine
			return nil, err
		}
		select {
		case <-time.After(turnPause):
		case <-ctx.Done():
			<-t.mine
			return nil, ctx.Err()
		}
	}
}
