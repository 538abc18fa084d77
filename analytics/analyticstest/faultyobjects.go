package analyticstest

import (
	"context"
	"io"
	"testing/iotest"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// The operations of analytics.Objects. OpReadAt is a read of an open object.
const (
	OpPut    Operation = "Put"
	OpCreate Operation = "Create"
	OpOpen   Operation = "Open"
	OpReadAt Operation = "ReadAt"
	OpList   Operation = "List"
	OpDelete Operation = "Delete"
	OpLink   Operation = "Link"
)

// FaultyObjects returns Objects that do what objects do, but for the faults
// that decide chooses for each call, and for each read of an open object.
// decide may be called concurrently.
func FaultyObjects(objects analytics.Objects, decide func(Call) Fault) analytics.Objects {
	return &faultyObjects{objects, decide}
}

type faultyObjects struct {
	objects analytics.Objects
	decide  func(Call) Fault
}

// none is the result of a call that has none but its error.
type none struct{}

func (f *faultyObjects) Put(ctx context.Context, id tenant.ID, name string, body io.Reader) error {
	return f.write(ctx, Call{OpPut, id, name}, body, f.objects.Put)
}

func (f *faultyObjects) Create(ctx context.Context, id tenant.ID, name string, body io.Reader) error {
	return f.write(ctx, Call{OpCreate, id, name}, body, f.objects.Create)
}

func (f *faultyObjects) write(ctx context.Context, call Call, body io.Reader, write func(context.Context, tenant.ID, string, io.Reader) error) error {
	fault := f.decide(call)
	if fault.Before != nil && fault.Part > 0 {
		body = io.MultiReader(io.LimitReader(body, fault.Part), iotest.ErrReader(fault.Before))
		fault.Before = nil
	}
	_, err := apply(ctx, fault, func() (none, error) { return none{}, write(ctx, call.Tenant, call.Name, body) })
	return err
}

func (f *faultyObjects) Open(ctx context.Context, id tenant.ID, name string) (analytics.Object, error) {
	fault := f.decide(Call{OpOpen, id, name})
	object, err := apply(ctx, Fault{Delay: fault.Delay, Before: fault.Before}, func() (analytics.Object, error) {
		return f.objects.Open(ctx, id, name)
	})
	if err != nil {
		return nil, err
	}
	if fault.After != nil {
		_ = object.Close() // nobody will
		return nil, fault.After
	}
	opened := &faultyObject{Object: object, ctx: ctx, fault: func() Fault { return f.decide(Call{OpReadAt, id, name}) }}
	if file, ok := object.(filed); ok {
		return faultyFile{opened, file}, nil
	}
	return opened, nil
}

func (f *faultyObjects) List(ctx context.Context, id tenant.ID, prefix, after string, limit int) ([]analytics.ObjectInfo, error) {
	return apply(ctx, f.decide(Call{OpList, id, prefix}), func() ([]analytics.ObjectInfo, error) {
		return f.objects.List(ctx, id, prefix, after, limit)
	})
}

func (f *faultyObjects) Delete(ctx context.Context, id tenant.ID, names ...string) error {
	call := Call{Operation: OpDelete, Tenant: id}
	if len(names) > 0 {
		call.Name = names[0]
	}
	fault := f.decide(call)
	if fault.Before != nil && fault.Part > 0 {
		names = names[:min(int(fault.Part), len(names))]
		fault.Before, fault.After = nil, fault.Before
	}
	_, err := apply(ctx, fault, func() (none, error) { return none{}, f.objects.Delete(ctx, id, names...) })
	return err
}

func (f *faultyObjects) Link(ctx context.Context, id tenant.ID, name string, valid time.Duration) (string, error) {
	return apply(ctx, f.decide(Call{OpLink, id, name}), func() (string, error) {
		return f.objects.Link(ctx, id, name, valid)
	})
}

// faultyObject is an open object whose reads may fail.
type faultyObject struct {
	analytics.Object
	ctx   context.Context
	fault func() Fault
}

func (o *faultyObject) ReadAt(p []byte, off int64) (int, error) {
	return apply(o.ctx, o.fault(), func() (int, error) { return o.Object.ReadAt(p, off) })
}

// filed is an open object that is a file of this machine.
type filed interface{ Path() string }

type faultyFile struct {
	*faultyObject
	filed
}
