package fileanalytics

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// maxPlacing limits how often a directory is made that others remove at once.
const maxPlacing = 100

var errPlacing = errors.New("directory is removed again and again")

// write writes an object under another name, and gives it its own by place:
// rename, or link.
func (f *Folder) write(ctx context.Context, id tenant.ID, name string, body io.Reader, place func(from, to string) error) error {
	if err := f.prepare(); err != nil {
		return kept(err)
	}
	upload := rand.Text()
	f.setUploading(upload, true)
	defer f.setUploading(upload, false)
	upload = f.files.upload(upload)
	if err := f.upload(ctx, upload, body); err != nil {
		return f.giveUp(upload, err)
	}
	if f.turns != nil {
		release, err := f.turns.take(ctx)
		if err != nil {
			return f.giveUp(upload, kept(err))
		}
		defer release()
	}
	file := f.files.object(id, name)
	if err := f.place(ctx, upload, file, place); err != nil {
		return f.giveUp(upload, kept(err))
	}
	return kept(f.settle(filepath.Dir(file)))
}

func (f *Folder) setUploading(upload string, now bool) {
	f.uploading.Lock()
	defer f.uploading.Unlock()
	if now {
		f.uploads[upload] = true
	} else {
		delete(f.uploads, upload)
	}
}

// giveUp removes an upload that came to nothing, and returns why.
func (f *Folder) giveUp(upload string, err error) error {
	_ = f.fs.Remove(upload) // else Sweep does
	return err
}

const uploadBuffer = 64 << 10

var uploadBuffers = sync.Pool{New: func() any { return new([uploadBuffer]byte) }}

// upload writes what body holds to a new file, durably.
func (f *Folder) upload(ctx context.Context, upload string, body io.Reader) error {
	file, err := f.fs.Create(upload)
	if err != nil {
		return kept(err)
	}
	if err := copyBody(ctx, file, body); err != nil {
		return errors.Join(err, file.Close())
	}
	return kept(errors.Join(file.Sync(), file.Close()))
}

// copyBody writes what body holds, until the context ends.
func copyBody(ctx context.Context, file io.WriterAt, body io.Reader) error {
	buffer := uploadBuffers.Get().(*[uploadBuffer]byte)
	defer uploadBuffers.Put(buffer)
	for size := int64(0); ; {
		n, bodyErr := body.Read(buffer[:])
		if err := ctx.Err(); err != nil {
			return err
		}
		if n > 0 {
			if _, err := file.WriteAt(buffer[:n], size); err != nil {
				return kept(err)
			}
			size += int64(n)
		}
		if bodyErr == io.EOF {
			return nil
		}
		if bodyErr != nil {
			return fmt.Errorf("body: %w", bodyErr)
		}
	}
}

// place gives an upload its name, and makes the directory that it needs.
func (f *Folder) place(ctx context.Context, upload, file string, place func(from, to string) error) error {
	for range maxPlacing {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := place(upload, file); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := f.makeDir(filepath.Dir(file)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return errPlacing
}

// link gives an upload a name that is free.
func (f *Folder) link(upload, file string) error {
	if f.turns != nil {
		return f.renameToFree(upload, file)
	}
	switch err := f.fs.Link(upload, file); {
	case err == nil:
		_ = f.fs.Remove(upload) // else Sweep does
		return nil
	case errors.Is(err, fs.ErrExist):
		return analytics.ErrObjectExists
	default:
		return err
	}
}

// renameToFree is link where there are no hard links. It needs the turn.
func (f *Folder) renameToFree(upload, file string) error {
	_, err := f.fs.Stat(file)
	if err == nil {
		return analytics.ErrObjectExists
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.fs.Rename(upload, file)
}

// A new directory holds a mark until it is durable in its parent, as is the
// parent. So whoever has put something into a directory, so that nobody removes
// it, and then finds no mark, knows that the way to it is durable: whoever made
// it, in which process, and however often it was removed before.

// makeDir makes a directory of objects, with a mark. One that is there is
// fs.ErrExist.
func (f *Folder) makeDir(dir string) error {
	fresh := f.files.upload(rand.Text())
	if err := f.fs.Mkdir(fresh); err != nil {
		return err
	}
	err := f.mark(fresh)
	if err == nil {
		err = f.moveDir(fresh, dir)
	}
	if err != nil {
		_ = f.fs.Remove(filepath.Join(fresh, newDirMark))
		_ = f.fs.Remove(fresh) // else Sweep does
	}
	return err
}

func (f *Folder) mark(dir string) error {
	mark, err := f.fs.Create(filepath.Join(dir, newDirMark))
	if err != nil {
		return err
	}
	return mark.Close()
}

// moveDir moves a new directory to its place, or returns fs.ErrExist if there is
// one already. An empty one may be replaced.
func (f *Folder) moveDir(fresh, dir string) error {
	for range maxPlacing {
		err := f.fs.Rename(fresh, dir)
		if err == nil {
			return nil
		}
		if _, statErr := f.fs.Stat(dir); statErr == nil {
			return fs.ErrExist
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == f.files.objectsDir() {
			return err
		}
		if err := f.makeDir(filepath.Dir(dir)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return errPlacing
}

// settle makes the names in a directory of objects durable, and the directory.
// One that is missing was removed, which is made durable instead.
func (f *Folder) settle(dir string) error {
	err := f.fs.SyncDir(dir)
	switch {
	case isMissing(err) && dir == f.files.objectsDir():
		return nil // there never was an object
	case isMissing(err):
		return f.settle(filepath.Dir(dir))
	case err != nil:
		return err
	}
	return f.settleMark(dir)
}

// settleMark makes the way to a directory durable, if it has a mark.
func (f *Folder) settleMark(dir string) error {
	mark := filepath.Join(dir, newDirMark)
	if _, err := f.fs.Stat(mark); isMissing(err) {
		return nil
	} else if err != nil {
		return err
	}
	if err := f.settle(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := f.fs.Remove(mark); err != nil && !isMissing(err) {
		return err
	}
	return nil
}
