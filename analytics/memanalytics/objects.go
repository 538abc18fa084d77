package memanalytics

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// ObjectsOptions are the options of [NewObjects].
type ObjectsOptions struct {
	// Now is the clock of ObjectInfo.Modified. Default time.Now.
	Now func() time.Time
	// Link makes the URLs of Objects.Link for objects that exist. Default:
	// Link is iotenant.ErrUnsupported.
	Link func(id tenant.ID, name string, valid time.Duration) (string, error)
}

// Objects is analytics.Objects in memory.
type Objects struct {
	options ObjectsOptions

	mu      sync.RWMutex
	tenants map[tenant.ID]*folder
}

var _ analytics.Objects = (*Objects)(nil)

// folder holds the objects of one tenant.
type folder struct {
	names  []string // in order
	stored map[string]stored
}

// stored is an object; its data does not change.
type stored struct {
	data     []byte
	modified time.Time
}

// NewObjects returns Objects without any object.
func NewObjects(optFns ...func(*ObjectsOptions)) *Objects {
	options := ObjectsOptions{Now: time.Now}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Objects{options: options, tenants: map[tenant.ID]*folder{}}
}

// Put implements analytics.Objects.
func (o *Objects) Put(ctx context.Context, id tenant.ID, name string, body io.Reader) error {
	return o.put(ctx, id, name, body, true)
}

// Create implements analytics.Objects.
func (o *Objects) Create(ctx context.Context, id tenant.ID, name string, body io.Reader) error {
	return o.put(ctx, id, name, body, false)
}

func (o *Objects) put(ctx context.Context, id tenant.ID, name string, body io.Reader, replace bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := analytics.CheckObject(id, name); err != nil {
		return err
	}
	data, err := io.ReadAll(reader{ctx, body})
	if err != nil {
		return fmt.Errorf("memanalytics: body: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	f := o.tenants[id]
	if f == nil {
		f = &folder{stored: map[string]stored{}}
		o.tenants[id] = f
	}
	if i, found := slices.BinarySearch(f.names, name); !found {
		f.names = slices.Insert(f.names, i, strings.Clone(name))
	} else if !replace {
		return analytics.ErrObjectExists
	}
	f.stored[name] = stored{data, o.options.Now().UTC()}
	return nil
}

// reader reads until the context ends.
type reader struct {
	ctx  context.Context //nolint:containedctx // the reader lives as long as the call
	body io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.body.Read(p)
}

// Open implements analytics.Objects.
func (o *Objects) Open(ctx context.Context, id tenant.ID, name string) (analytics.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := analytics.CheckObject(id, name); err != nil {
		return nil, err
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	if f := o.tenants[id]; f != nil {
		if found, ok := f.stored[name]; ok {
			return &object{ctx: ctx, data: bytes.NewReader(found.data)}, nil
		}
	}
	return nil, analytics.ErrNoObject
}

// object is an open object. It keeps the data as they were.
type object struct {
	ctx    context.Context //nolint:containedctx // reads end with it, by the contract
	data   *bytes.Reader
	closed atomic.Bool
}

// ReadAt implements analytics.Object.
func (o *object) ReadAt(p []byte, off int64) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	if o.closed.Load() {
		return 0, fmt.Errorf("memanalytics: read: %w: %w", iotenant.ErrUnavailable, fs.ErrClosed)
	}
	return o.data.ReadAt(p, off)
}

// Size implements analytics.Object.
func (o *object) Size() int64 { return o.data.Size() }

// Close implements analytics.Object.
func (o *object) Close() error {
	o.closed.Store(true)
	return nil
}

// List implements analytics.Objects.
func (o *Objects) List(ctx context.Context, id tenant.ID, prefix, after string, limit int) ([]analytics.ObjectInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := analytics.CheckObjectList(id, limit); err != nil {
		return nil, err
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	f := o.tenants[id]
	if f == nil {
		return nil, nil
	}
	first, _ := slices.BinarySearch(f.names, max(prefix, after))
	var list []analytics.ObjectInfo
	for _, name := range f.names[first:] {
		if len(list) == limit || !strings.HasPrefix(name, prefix) {
			break
		}
		if name > after {
			found := f.stored[name]
			list = append(list, analytics.ObjectInfo{Name: name, Size: int64(len(found.data)), Modified: found.modified})
		}
	}
	return list, nil
}

// Delete implements analytics.Objects.
func (o *Objects) Delete(ctx context.Context, id tenant.ID, names ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := analytics.CheckObjectDelete(id, names...); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.tenants[id]
	if f == nil {
		return nil
	}
	for _, name := range names {
		delete(f.stored, name)
		if i, found := slices.BinarySearch(f.names, name); found {
			f.names = slices.Delete(f.names, i, i+1)
		}
	}
	return nil
}

// Link implements analytics.Objects.
func (o *Objects) Link(ctx context.Context, id tenant.ID, name string, valid time.Duration) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := analytics.CheckObjectLink(id, name, valid); err != nil {
		return "", err
	}
	if o.options.Link == nil {
		return "", fmt.Errorf("memanalytics: link: %w", iotenant.ErrUnsupported)
	}
	opened, err := o.Open(ctx, id, name)
	if err != nil {
		return "", err
	}
	defer opened.Close()
	return o.options.Link(id, name, valid)
}
