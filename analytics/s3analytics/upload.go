package s3analytics

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/iotenant/iotenant/analytics"
)

// abortTimeout bounds the removal of an upload whose context may have ended.
const abortTimeout = 10 * time.Second

// upload sends an object in parts. Nothing is in the bucket before the last
// call, and nothing stays there unless that succeeds.
func (w *write) upload(ctx context.Context, first []byte) error {
	kind, key, bucketKey := w.encryption(w.id)
	output, err := w.api.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: w.bucket, Key: w.key, ExpectedBucketOwner: w.owner, StorageClass: w.options.StorageClass,
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c, ChecksumType: types.ChecksumTypeFullObject,
		ServerSideEncryption: kind, SSEKMSKeyId: key, BucketKeyEnabled: bucketKey,
	})
	if err != nil {
		return w.failed(ctx, err)
	}
	u := &upload{write: w, uploadID: output.UploadId}
	if err = u.send(ctx, first); err == nil {
		err = u.complete(ctx)
	}
	if err != nil {
		u.abort(ctx)
	}
	return err
}

// upload is an object of which parts are under way.
type upload struct {
	*write
	uploadID *string

	cancel context.CancelFunc
	group  sync.WaitGroup
	mu     sync.Mutex
	parts  []types.CompletedPart // in order
	err    error                 // the first
}

// send reads and sends all parts, Options.Parallel of them in memory. It
// returns when none is under way.
func (u *upload) send(ctx context.Context, part []byte) error {
	sending, cancel := context.WithCancel(ctx)
	defer cancel()
	u.cancel = cancel
	room := make(chan struct{}, u.options.Parallel)
	room <- struct{}{}
	for release := func() {}; part != nil; {
		number := u.add()
		data, done := part, release
		u.group.Go(func() {
			if u.sendPart(sending, number, data) {
				done()
			}
			<-room
		})
		part, release = u.nextPart(sending, room)
	}
	u.group.Wait()
	if ctx.Err() != nil {
		return ended(ctx, u.call)
	}
	return u.err
}

// add makes a place for the next part, and returns its number, from 1.
func (u *upload) add() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.parts = append(u.parts, types.CompletedPart{})
	return len(u.parts)
}

// nextPart waits until there is room, and reads a part. It returns nil if there
// is no further one, and how to give the memory back.
func (u *upload) nextPart(sending context.Context, room chan struct{}) (part []byte, release func()) {
	if u.source.done() {
		return nil, nil
	}
	if len(u.parts) == MaxParts {
		u.fail(ErrTooLarge)
		return nil, nil
	}
	select {
	case <-sending.Done():
		return nil, nil
	case room <- struct{}{}:
	}
	buffer := u.buffers.Get().(*[]byte) //nolint:forcetypeassert // by New
	n, err := u.source.next(sending, *buffer)
	if err != nil {
		u.fail(err)
		return nil, nil
	}
	return (*buffer)[:n], func() { u.buffers.Put(buffer) }
}

// fail ends the upload.
func (u *upload) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		u.err = err
	}
	u.cancel()
}

// sendPart sends a part. It reports whether nobody reads data any more: a
// client that gave an attempt up may still do so.
func (u *upload) sendPart(sending context.Context, number int, data []byte) bool {
	sum := checksum(data)
	output, err := u.api.UploadPart(sending, &s3.UploadPartInput{
		Bucket: u.bucket, Key: u.key, ExpectedBucketOwner: u.owner, UploadId: u.uploadID, PartNumber: aws.Int32(int32(number)),
		Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c, ChecksumCRC32C: sum,
	})
	if err != nil {
		u.fail(unavailable(sending, u.call, err))
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.parts[number-1] = types.CompletedPart{ETag: output.ETag, PartNumber: aws.Int32(int32(number)), ChecksumCRC32C: sum}
	tries, ok := retry.GetAttemptResults(output.ResultMetadata)
	return ok && len(tries.Results) == 1
}

// complete makes the object of its parts.
func (u *upload) complete(ctx context.Context) error {
	input := &s3.CompleteMultipartUploadInput{
		Bucket: u.bucket, Key: u.key, ExpectedBucketOwner: u.owner, UploadId: u.uploadID, IfNoneMatch: u.ifNoneMatch,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts}, MpuObjectSize: aws.Int64(u.source.size),
		ChecksumCRC32C: encodeSum(u.source.sum), ChecksumType: types.ChecksumTypeFullObject,
	}
	for attempt := 1; ; attempt++ {
		_, err := u.api.CompleteMultipartUpload(ctx, input)
		switch {
		case err == nil:
			return nil
		case u.isConflict(err) && attempt < attempts && pause(ctx, attempt):
		case u.isConflict(err), codeOf(err) == codeNoUpload:
			return u.settle(ctx, err)
		default:
			return u.failed(ctx, err)
		}
	}
}

// settle finds out what became of an upload that is gone: an answer may have
// been lost, and the client has repeated the request. Which of several that
// create the same content was first can't be seen, so none is acknowledged.
func (u *upload) settle(ctx context.Context, gone error) error {
	found, err := u.api.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: u.bucket, Key: u.key, ExpectedBucketOwner: u.owner, ChecksumMode: types.ChecksumModeEnabled,
	})
	switch {
	case err != nil:
		return unavailable(ctx, u.call, gone)
	case u.ifNoneMatch != nil:
		return &failure{text: analytics.ErrObjectExists.Error(), kind: analytics.ErrObjectExists, cause: gone}
	case aws.ToInt64(found.ContentLength) == u.source.size && found.ChecksumType == types.ChecksumTypeFullObject &&
		aws.ToString(found.ChecksumCRC32C) == *encodeSum(u.source.sum):
		return nil
	}
	return unavailable(ctx, u.call, gone)
}

// abort removes the parts. If it fails, nobody sees them, and the lifecycle of
// the bucket removes them.
func (u *upload) abort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	_, _ = u.api.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: u.bucket, Key: u.key, ExpectedBucketOwner: u.owner, UploadId: u.uploadID,
	})
}
