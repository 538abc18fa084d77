package fileanalytics

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"time"
)

// leftoverAge is how long nobody has written to an upload that is left over.
const leftoverAge = time.Hour

// Sweep removes what crashes left behind: uploads that nobody has written to
// for an hour, and empty directories. The first write of a Folder does the
// former as well. An upload of another process whose body rests for more than an
// hour fails then. Errors: those of the context, kind iotenant.ErrUnavailable.
func (f *Folder) Sweep(ctx context.Context) error {
	err := f.sweepUploads(ctx)
	if err == nil {
		err = f.sweepDirs(ctx)
	}
	if err != nil {
		return fmt.Errorf("fileanalytics: sweep: %w", kept(err))
	}
	return nil
}

func (f *Folder) sweepUploads(ctx context.Context) error {
	uploads, err := f.fs.ReadDir(f.files.uploadsDir())
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	oldest := f.options.Now().Add(-leftoverAge)
	for _, upload := range uploads {
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := f.fs.Stat(f.files.upload(upload))
		if err == nil && info.Modified.Before(oldest) && !f.isUploading(upload) {
			err = f.discard(f.files.upload(upload))
		}
		if err != nil && !isMissing(err) {
			return err
		}
	}
	return nil
}

// discard removes a leftover: a file, or a directory that did not get to its
// place before a loss of power, though objects did get into it. None of them
// was acknowledged. The directory gets another name first, so that its maker, if
// it is only asleep, does not move what has lost its mark.
func (f *Folder) discard(upload string) error {
	if f.fs.Remove(upload) == nil {
		return nil
	}
	claimed := f.files.upload(rand.Text())
	if err := f.fs.Rename(upload, claimed); err != nil {
		return err
	}
	return f.removeTree(claimed)
}

func (f *Folder) removeTree(dir string) error {
	names, err := f.fs.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		name = filepath.Join(dir, name)
		if f.fs.Remove(name) == nil {
			continue
		}
		if err := f.removeTree(name); err != nil {
			return err
		}
	}
	return f.fs.Remove(dir)
}

func (f *Folder) isUploading(upload string) bool {
	f.uploading.Lock()
	defer f.uploading.Unlock()
	return f.uploads[upload]
}

// sweepDirs removes empty directories of all tenants.
func (f *Folder) sweepDirs(ctx context.Context) error {
	names, err := f.fs.ReadDir(f.files.objectsDir())
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		id, ok := parseTenantDirName(name)
		if !ok {
			continue
		}
		if err := f.sweepDir(ctx, f.files.tenantDir(id), ""); err != nil {
			return err
		}
	}
	return nil
}

// sweepDir removes the empty directories in one whose objects' names begin with
// prefix, and itself if nothing is left. A Put whose directory goes makes it
// again.
func (f *Folder) sweepDir(ctx context.Context, dir, prefix string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	names, err := f.fs.ReadDir(dir)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if e, ok := parseEntry(prefix, name); ok && !e.object {
			if err := f.sweepDir(ctx, filepath.Join(dir, name), e.key); err != nil {
				return err
			}
		}
	}
	if err := f.settleMark(dir); err != nil {
		return err
	}
	_ = f.fs.Remove(dir) // fails unless it is empty
	return nil
}
