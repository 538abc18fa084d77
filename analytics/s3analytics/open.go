package s3analytics

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Open implements analytics.Objects. It reads the beginning of the object, so a
// small one is one request.
func (o *Objects) Open(ctx context.Context, id tenant.ID, name string) (analytics.Object, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx, "open")
	}
	if err := analytics.CheckObject(id, name); err != nil {
		return nil, err
	}
	opened := &object{Objects: o, key: aws.String(o.key(id, name)), ahead: ahead{limit: int64(o.options.ReadAhead)}}
	opened.ctx, opened.cancel = context.WithCancelCause(ctx)
	if err := opened.open(); err != nil {
		opened.cancel(err)
		return nil, err
	}
	return opened, nil
}

// object is an open object: contents of the bucket that are named by their
// ETag. What is stored later under the key has another one.
type object struct {
	*Objects
	ctx    context.Context //nolint:containedctx // reads end with it, by the contract
	cancel context.CancelCauseFunc
	key    *string
	etag   *string
	size   int64

	ahead ahead
}

// open learns what the object is, and keeps its beginning.
func (o *object) open() error {
	for range attempts {
		output, err := o.get(0, firstWindow)
		if codeOf(err) == codeRange {
			// An object without bytes has no range. It may have been replaced
			// since.
			var empty bool
			if empty, err = o.openEmpty(); empty || err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return o.readFailed("open", err)
		}
		return o.keepFirst(output)
	}
	return unavailable(o.ctx, "open", badAnswer("a range is refused of an object with bytes"))
}

func (o *object) openEmpty() (empty bool, err error) {
	output, err := o.api.HeadObject(o.ctx, &s3.HeadObjectInput{Bucket: o.bucket, Key: o.key, ExpectedBucketOwner: o.owner})
	if err != nil {
		return false, o.readFailed("open", err)
	}
	return aws.ToInt64(output.ContentLength) == 0, nil
}

func (o *object) keepFirst(output *s3.GetObjectOutput) error {
	var err error
	if o.size, err = sizeIn(output); err != nil {
		_ = output.Body.Close()
		return unavailable(o.ctx, "open", err)
	}
	o.etag = output.ETag
	first := o.ahead.add(0, min(o.size, firstWindow), false)
	first.finish(o.readInto(first.data, 0, output))
	return first.err
}

// Size implements analytics.Object.
func (o *object) Size() int64 { return o.size }

// Close implements analytics.Object.
func (o *object) Close() error {
	o.ahead.close()
	o.cancel(fs.ErrClosed)
	o.ahead.fetching.Wait()
	return nil
}

// ReadAt implements analytics.Object.
func (o *object) ReadAt(p []byte, off int64) (n int, err error) {
	switch {
	case o.ctx.Err() != nil:
		return 0, ended(o.ctx, "read")
	case off < 0:
		return 0, fmt.Errorf("s3analytics: read: %w: offset %d", analytics.ErrObjects, off)
	case off >= o.size:
		return 0, io.EOF
	}
	if rest := o.size - off; int64(len(p)) > rest {
		p, err = p[:rest], io.EOF
	}
	for n < len(p) {
		read, failed := o.readSome(p[n:], off+int64(n))
		n += read
		if failed != nil {
			return n, failed
		}
	}
	return n, err
}

// readSome reads from what is kept, or all of p.
func (o *object) readSome(p []byte, off int64) (int, error) {
	some, fresh := o.ahead.extent(off, int64(len(p)), o.size)
	if some == nil {
		return o.readLarge(p, off)
	}
	if fresh {
		some.finish(o.readInto(some.data, some.off, nil))
	}
	// While this is copied and used, what follows comes.
	if next := o.ahead.following(some, o.size); next != nil {
		go func() {
			defer o.ahead.fetching.Done()
			next.finish(o.readInto(next.data, next.off, nil))
		}()
	}
	select {
	case <-some.done:
	case <-o.ctx.Done():
		return 0, ended(o.ctx, "read")
	}
	if some.err != nil {
		o.ahead.drop(some)
		return 0, some.err
	}
	return copy(p, some.data[off-some.off:]), nil
}

// readLarge reads all of p, past what is kept, in several ranges at a time.
func (o *object) readLarge(p []byte, off int64) (int, error) {
	size := o.options.PartSize
	if len(p) <= size {
		if err := o.readInto(p, off, nil); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	ranges := (len(p) + size - 1) / size
	errs := make([]error, ranges)
	room := make(chan struct{}, o.options.Parallel)
	var group sync.WaitGroup
	for i := range ranges {
		room <- struct{}{}
		group.Go(func() {
			defer func() { <-room }()
			from := i * size
			errs[i] = o.readInto(p[from:min(from+size, len(p))], off+int64(from), nil)
		})
	}
	group.Wait()
	for i, err := range errs {
		if err != nil {
			return i * size, err
		}
	}
	return len(p), nil
}
