package s3analytics

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/iotenant/iotenant/analytics"
)

// get asks for n bytes from off: of the object that was opened, if it is open.
func (o *object) get(off, n int64) (*s3.GetObjectOutput, error) {
	return o.api.GetObject(o.ctx, &s3.GetObjectInput{
		Bucket: o.bucket, Key: o.key, ExpectedBucketOwner: o.owner, IfMatch: o.etag,
		Range: aws.String(formatRange(off, off+n-1)), ChecksumMode: types.ChecksumModeEnabled,
	}, quiet)
}

// quiet keeps the client from logging that S3 has no checksum of a range.
func quiet(o *s3.Options) { o.DisableLogOutputChecksumValidationSkipped = true }

// readInto reads all of p from off. A download that breaks off is continued.
// output, if not nil, is the answer to the first request.
func (o *object) readInto(p []byte, off int64, output *s3.GetObjectOutput) error {
	for attempt := 1; ; attempt++ {
		if output == nil {
			var err error
			if output, err = o.get(off, int64(len(p))); err != nil {
				return o.readFailed("read", err)
			}
		}
		n, err := o.receive(p, off, output)
		if err == nil {
			return nil
		}
		if n > 0 {
			p, off, attempt = p[n:], off+int64(n), 1
		}
		if attempt == attempts || !pause(o.ctx, attempt) {
			return unavailable(o.ctx, "read", err)
		}
		output = nil
	}
}

// receive reads the answer to a request for p, and returns how many bytes of p
// are right.
func (o *object) receive(p []byte, off int64, output *s3.GetObjectOutput) (n int, err error) {
	defer output.Body.Close()
	want := fmt.Sprintf("bytes %d-%d/%d", off, off+int64(len(p))-1, o.size)
	if got := aws.ToString(output.ContentRange); got != want {
		return 0, badAnswer("the range is %q, want %q", got, want)
	}
	if aws.ToString(output.ETag) != aws.ToString(o.etag) {
		return 0, badAnswer("the contents are others")
	}
	if n, err = io.ReadFull(output.Body, p); err != nil {
		return n, err
	}
	// The client compares the checksum, if S3 has sent one, at the end.
	var more [1]byte
	switch n, err := output.Body.Read(more[:]); {
	case n > 0:
		return 0, badAnswer("there are more bytes than were asked for")
	case err != nil && err != io.EOF: // one that is wrapped is a failure
		return 0, err
	}
	return len(p), nil
}

// readFailed returns the error of a request for an object. Contents that are no
// longer there are not found.
func (o *object) readFailed(call string, err error) error {
	gone := false
	switch codeOf(err) {
	case codeNoKey, codeNotFound, codePrecondition:
		gone = true
	case codeDenied, codeForbidden:
		gone = o.isMissing()
	}
	if gone && o.ctx.Err() == nil {
		return &failure{text: analytics.ErrNoObject.Error(), kind: analytics.ErrNoObject, cause: err}
	}
	return unavailable(o.ctx, call, err)
}

// isMissing reports whether S3 lists no object of this key. To credentials that
// may not list the whole bucket, such as those of one tenant, S3 says of an
// object that is missing that it is forbidden.
func (o *object) isMissing() bool {
	output, err := o.api.ListObjectsV2(o.ctx, &s3.ListObjectsV2Input{
		Bucket: o.bucket, Prefix: o.key, MaxKeys: aws.Int32(1), ExpectedBucketOwner: o.owner,
	})
	return err == nil && (len(output.Contents) == 0 || aws.ToString(output.Contents[0].Key) != *o.key)
}

func formatRange(first, last int64) string {
	return "bytes=" + strconv.FormatInt(first, 10) + "-" + strconv.FormatInt(last, 10)
}

// sizeIn returns the size of the object of which output has the beginning.
func sizeIn(output *s3.GetObjectOutput) (int64, error) {
	text := aws.ToString(output.ContentRange)
	_, size, _ := strings.Cut(text, "/")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 1 {
		return 0, badAnswer("the range is %q", text)
	}
	if aws.ToString(output.ETag) == "" {
		return 0, badAnswer("no ETag")
	}
	return n, nil
}
