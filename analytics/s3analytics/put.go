package s3analytics

import (
	"bytes"
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Put implements analytics.Objects. Further error: [ErrTooLarge].
func (o *Objects) Put(ctx context.Context, id tenant.ID, name string, body io.Reader) error {
	return o.write(ctx, id, name, body, false)
}

// Create implements analytics.Objects. Further error: [ErrTooLarge].
func (o *Objects) Create(ctx context.Context, id tenant.ID, name string, body io.Reader) error {
	return o.write(ctx, id, name, body, true)
}

func (o *Objects) write(ctx context.Context, id tenant.ID, name string, body io.Reader, create bool) error {
	w := &write{Objects: o, call: "put", id: id, source: source{body: body}}
	if create {
		w.call, w.ifNoneMatch = "create", aws.String("*")
	}
	if ctx.Err() != nil {
		return ended(ctx, w.call)
	}
	if err := analytics.CheckObject(id, name); err != nil {
		return err
	}
	w.key = aws.String(o.key(id, name))
	first, err := w.source.first(ctx, o.options.PartSize)
	switch {
	case err != nil:
		return err
	case w.source.done():
		return w.whole(ctx, first)
	}
	return w.upload(ctx, first)
}

// write is one object on its way into the bucket.
type write struct {
	*Objects
	call        string
	id          tenant.ID
	key         *string
	ifNoneMatch *string
	source      source
}

// whole sends an object in one request.
func (w *write) whole(ctx context.Context, data []byte) error {
	kind, key, bucketKey := w.encryption(w.id)
	input := &s3.PutObjectInput{
		Bucket: w.bucket, Key: w.key, ExpectedBucketOwner: w.owner, IfNoneMatch: w.ifNoneMatch,
		ContentLength: aws.Int64(int64(len(data))), StorageClass: w.options.StorageClass,
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c, ChecksumCRC32C: encodeSum(w.source.sum),
		ServerSideEncryption: kind, SSEKMSKeyId: key, BucketKeyEnabled: bucketKey,
	}
	for attempt := 1; ; attempt++ {
		input.Body = bytes.NewReader(data)
		_, err := w.api.PutObject(ctx, input)
		if err == nil {
			return nil
		}
		if again := w.isConflict(err) && attempt < attempts && pause(ctx, attempt); !again {
			return w.failed(ctx, err)
		}
	}
}

// isConflict reports whether a write met another of the same key, and has to
// be repeated to learn which was first.
func (w *write) isConflict(err error) bool {
	code := codeOf(err)
	return w.ifNoneMatch != nil && (code == codeConflict || code == codeAborted)
}

func (w *write) failed(ctx context.Context, err error) error {
	if w.ifNoneMatch != nil && codeOf(err) == codePrecondition && ctx.Err() == nil {
		return &failure{text: analytics.ErrObjectExists.Error(), kind: analytics.ErrObjectExists, cause: err}
	}
	return unavailable(ctx, w.call, err)
}
