package analytics

import (
	"context"
	"io"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// ContainerFunc is a function in place of a container image (D-50). It reads
// [ContainerRun.Params], as the container read its params file, and writes files
// by [ContainerRun.Put]: they are the content. It may be called again for the
// same version, after a crash or an error of kind iotenant.ErrUnavailable or of
// no kind; any other error makes the content FAILED, with its text as the
// reason.
type ContainerFunc func(ctx context.Context, id tenant.ID, run *ContainerRun) error

// ContainerRun is what a [ContainerFunc] works on. It is valid during the call,
// for one goroutine.
type ContainerRun struct {
	Dataset, Version   string
	Created, Scheduled time.Time
	// Params is the document that the service put at
	// /opt/ml/input/data/iotanalytics/params:
	//
	//	{"Context":{"OutputUris":{"html":"output.html","ipynb":"output.ipynb"}},
	//	 "Variables":{"name":"value","source":"<version of its data set>"}}
	//
	// Where the service had URIs of S3 it holds names for Put.
	Params []byte

	open func(ctx context.Context, dataset string) (Object, error)
	put  func(ctx context.Context, name string, body io.Reader) error
}

// Open opens the result of a data set that a variable names, at the version that
// Params holds. Error: [ErrNoContent].
func (r *ContainerRun) Open(ctx context.Context, dataset string) (Object, error) {
	return r.open(ctx, dataset)
}

// Put stores a file of the content: 1 to 255 letters, digits, '_', '.' and '-'.
// Errors: [ErrObjectName], those of Objects.Put.
func (r *ContainerRun) Put(ctx context.Context, name string, body io.Reader) error {
	return r.put(ctx, name, body)
}
