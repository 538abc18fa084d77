package fileanalytics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
	"github.com/iotenant/iotenant/tenant"
)

// FolderOptions are the options of [NewFolder].
type FolderOptions struct {
	// Link makes the URLs of Objects.Link for objects that exist, such as
	// [Links.Link]. Default: Folder.Link is of kind iotenant.ErrUnsupported.
	Link func(id tenant.ID, name string, valid time.Duration) (string, error)
	// Now is the clock that says what is left over, see [Folder.Sweep]. It has
	// to agree with that of the file system. Default time.Now.
	Now func() time.Time
	// Logger gets what went wrong and was overcome. Default: none.
	Logger *slog.Logger

	fs disk.FS
}

// Folder is analytics.Objects in a folder of one machine. Several Folders, of
// this process or others, may have the same folder in use, and it may be that
// of a [Store].
//
// An object is a file, written under another name and durable before it gets
// its own. Create never replaces, since a hard link never does. Where the file
// system has no hard links, as FAT and exFAT, writers of all processes take
// turns by a lock file; on systems without flock(2) only those of one Folder.
//
// Open objects have the method Path() string. On Windows an object can't be
// replaced or deleted while it is open; that is iotenant.ErrUnavailable.
//
// Names may have any case on any file system. The path of a name may need
// three times its length, and more than the system permits, which is
// iotenant.ErrUnavailable: Linux permits 4,096 bytes, macOS 1,024. Names in
// lower case need little more than their length.
type Folder struct {
	options FolderOptions
	fs      disk.FS
	files   objectLayout

	preparing sync.Mutex
	prepared  bool
	turns     *turns // nil where there are hard links

	uploading sync.Mutex
	uploads   map[string]bool // of this process; nobody sweeps them
}

var _ analytics.Objects = (*Folder)(nil)

// NewFolder returns the objects in the folder dir, which is made by the first
// object.
func NewFolder(dir string, optFns ...func(*FolderOptions)) *Folder {
	options := FolderOptions{Now: time.Now, Logger: slog.New(slog.DiscardHandler), fs: disk.OS{}}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Folder{options: options, fs: options.fs, files: objectLayout{filepath.Clean(dir)}, uploads: map[string]bool{}}
}

// Put implements analytics.Objects.
func (f *Folder) Put(ctx context.Context, id tenant.ID, name string, body io.Reader) error {
	if err := check(ctx, analytics.CheckObject(id, name)); err != nil {
		return err
	}
	if err := f.write(ctx, id, name, body, f.fs.Rename); err != nil {
		return fmt.Errorf("fileanalytics: put: %w", err)
	}
	return nil
}

// Create implements analytics.Objects.
func (f *Folder) Create(ctx context.Context, id tenant.ID, name string, body io.Reader) error {
	if err := check(ctx, analytics.CheckObject(id, name)); err != nil {
		return err
	}
	if err := f.write(ctx, id, name, body, f.link); err != nil {
		return fmt.Errorf("fileanalytics: create: %w", err)
	}
	return nil
}

// check returns the error of the context, or that of the arguments.
func check(ctx context.Context, arguments error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return arguments
}

// Open implements analytics.Objects.
func (f *Folder) Open(ctx context.Context, id tenant.ID, name string) (analytics.Object, error) {
	if err := check(ctx, analytics.CheckObject(id, name)); err != nil {
		return nil, err
	}
	path := f.files.object(id, name)
	file, err := f.fs.Open(path)
	if isMissing(err) {
		return nil, analytics.ErrNoObject
	}
	if err != nil {
		return nil, fmt.Errorf("fileanalytics: open: %w", kept(err))
	}
	size, err := file.Size()
	if err != nil {
		return nil, fmt.Errorf("fileanalytics: open: %w", kept(errors.Join(err, file.Close())))
	}
	return &folderObject{ctx: ctx, file: file, size: size, path: path}, nil
}

// isMissing reports whether a name is missing, or is below what is no
// directory.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// folderObject is an open object.
type folderObject struct {
	ctx  context.Context //nolint:containedctx // reads end with it, by the contract
	file disk.File
	size int64
	path string
}

// Path returns the name of the file, which must not be changed.
func (o *folderObject) Path() string { return o.path }

// Size implements analytics.Object.
func (o *folderObject) Size() int64 { return o.size }

// ReadAt implements analytics.Object.
func (o *folderObject) ReadAt(p []byte, off int64) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := o.file.ReadAt(p, off)
	if err == nil || err == io.EOF { //nolint:errorlint // readers compare it, so it comes bare
		return n, err
	}
	return n, fmt.Errorf("fileanalytics: read: %w", kept(err))
}

// Close implements analytics.Object.
func (o *folderObject) Close() error {
	if err := o.file.Close(); err != nil {
		return fmt.Errorf("fileanalytics: close: %w", kept(err))
	}
	return nil
}

// Delete implements analytics.Objects. Deletions are durable.
func (f *Folder) Delete(ctx context.Context, id tenant.ID, names ...string) error {
	if err := check(ctx, analytics.CheckObjectDelete(id, names...)); err != nil {
		return err
	}
	if err := f.delete(ctx, id, names); err != nil {
		return fmt.Errorf("fileanalytics: delete: %w", kept(err))
	}
	return nil
}

func (f *Folder) delete(ctx context.Context, id tenant.ID, names []string) error {
	dirs := map[string]bool{}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := f.files.object(id, name)
		err := f.fs.Remove(path)
		if errors.Is(err, syscall.ENOTDIR) {
			continue // its directory is somebody's file
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		dirs[filepath.Dir(path)] = true
	}
	for dir := range dirs {
		f.prune(dir)
		// Also where nothing was found: who deleted it may not have got here.
		if err := f.settle(dir); err != nil {
			return err
		}
	}
	return nil
}

// prune removes a directory of objects and those above it while they are empty.
func (f *Folder) prune(dir string) {
	for dir != f.files.objectsDir() && f.fs.Remove(dir) == nil {
		dir = filepath.Dir(dir)
	}
}

// Link implements analytics.Objects.
func (f *Folder) Link(ctx context.Context, id tenant.ID, name string, valid time.Duration) (string, error) {
	if err := check(ctx, analytics.CheckObjectLink(id, name, valid)); err != nil {
		return "", err
	}
	if f.options.Link == nil {
		return "", fmt.Errorf("fileanalytics: link: %w", iotenant.ErrUnsupported)
	}
	if _, err := f.fs.Stat(f.files.object(id, name)); isMissing(err) {
		return "", analytics.ErrNoObject
	} else if err != nil {
		return "", fmt.Errorf("fileanalytics: link: %w", kept(err))
	}
	return f.options.Link(id, name, valid)
}
