package s3analytics_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics/s3analytics"
	"github.com/iotenant/iotenant/internal/bench"
)

// canned answers without sending anything: a write with its success, a read
// with a range of data.
type canned struct{ data []byte }

func (c *canned) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	switch operationOf(r) {
	case "GetObject":
		first, last := 0, len(c.data)-1
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last); err != nil && r.Header.Get("Range") != "" {
			return nil, err
		}
		last = min(last, len(c.data)-1)
		return respond(http.StatusPartialContent, http.Header{
			"Content-Range":  {fmt.Sprintf("bytes %d-%d/%d", first, last, len(c.data))},
			"Content-Length": {strconv.Itoa(last - first + 1)}, "Etag": {`"e"`},
		}, c.data[first:last+1]), nil
	case "CreateMultipartUpload":
		return respond(http.StatusOK, nil, []byte("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")), nil
	case "CompleteMultipartUpload":
		return respond(http.StatusOK, nil, []byte("<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")), nil
	}
	return respond(http.StatusOK, http.Header{"Etag": {`"e"`}}, nil), nil
}

// client returns the real client, as it is behind TLS, with the checksums that
// it has by default.
func (c *canned) client() *s3.Client {
	return s3.New(s3.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String("https://s3.test"), HTTPClient: c, UsePathStyle: true, Credentials: credentials,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	})
}

// BenchmarkPut compares with the bare call of the client for the same bytes,
// with its default checksum.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			ctx, client, data := context.Background(), (&canned{}).client(), bytesOf(size)
			objects := s3analytics.New(client, bucket)
			ours := func(n int) {
				for range n {
					if err := objects.Put(ctx, acme, "contents/daily/1.csv", bytes.NewReader(data)); err != nil {
						panic(err)
					}
				}
			}
			bare := func(n int) {
				for range n {
					_, err := client.PutObject(ctx, &s3.PutObjectInput{
						Bucket: aws.String(bucket), Key: aws.String("tenants/acme/contents/daily/1.csv"), Body: bytes.NewReader(data),
					})
					if err != nil {
						panic(err)
					}
				}
			}
			bench.Ratio(b, 15, ours, bare, 8<<20/size)
			b.ReportMetric(testing.AllocsPerRun(100, func() { ours(1) }), "allocs")
			b.ReportMetric(testing.AllocsPerRun(100, func() { bare(1) }), "limit-allocs")
		})
	}
}

// BenchmarkUpload sends 64 MiB in parts of 8 MiB, beside the bare calls for
// parts that are in memory already.
func BenchmarkUpload(b *testing.B) {
	ctx, client, data := context.Background(), (&canned{}).client(), bytesOf(64<<20)
	objects := s3analytics.New(client, bucket)
	bench.Ratio(b, 9, func(n int) {
		for range n {
			if err := objects.Put(ctx, acme, "x", bytes.NewReader(data)); err != nil {
				panic(err)
			}
		}
	}, func(n int) {
		for range n {
			for part := range 8 {
				_, err := client.UploadPart(ctx, &s3.UploadPartInput{
					Bucket: aws.String(bucket), Key: aws.String("tenants/acme/x"), UploadId: aws.String("u"), PartNumber: aws.Int32(int32(part + 1)),
					Body: bytes.NewReader(data[part<<23 : (part+1)<<23]),
				})
				if err != nil {
					panic(err)
				}
			}
		}
	}, 4)
}

// BenchmarkRead reads 64 MiB: in pieces of 32 KiB, as io.Copy does, and in one
// call, beside one bare call into memory that is there.
func BenchmarkRead(b *testing.B) {
	server := &canned{bytesOf(64 << 20)}
	ctx, client, buffer := context.Background(), server.client(), make([]byte, 64<<20)
	objects := s3analytics.New(client, bucket)
	bare := func(n int) {
		for range n {
			output, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("tenants/acme/x")})
			if err != nil {
				panic(err)
			}
			if _, err = io.ReadFull(output.Body, buffer); err != nil {
				panic(err)
			}
		}
	}
	for name, size := range map[string]int{"pieces": 32 << 10, "whole": len(buffer)} {
		b.Run(name, func(b *testing.B) {
			bench.Ratio(b, 9, func(n int) {
				for range n {
					object, err := objects.Open(ctx, acme, "x")
					if err != nil {
						panic(err)
					}
					for off := 0; off < len(buffer); off += size {
						if _, err = object.ReadAt(buffer[off:off+size], int64(off)); err != nil {
							panic(err)
						}
					}
					_ = object.Close()
				}
			}, bare, 4)
		})
	}
}

// TestAllocations holds what a call adds to those of the client.
func TestAllocations(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	ctx, client, data := context.Background(), (&canned{bytesOf(window)}).client(), bytesOf(4<<10)
	objects := s3analytics.New(client, bucket)
	bare := testing.AllocsPerRun(100, func() {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String("tenants/acme/x"), Body: bytes.NewReader(data),
		})
		require.NoError(t, err)
	})
	ours := testing.AllocsPerRun(100, func() { require.NoError(t, objects.Put(ctx, acme, "x", bytes.NewReader(data))) })
	require.LessOrEqual(t, ours, bare+40)

	object, err := objects.Open(ctx, acme, "x")
	require.NoError(t, err)
	p := make([]byte, 1000)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, err = object.ReadAt(p, 5000) }))
	require.NoError(t, err)
	require.NoError(t, object.Close())
}
