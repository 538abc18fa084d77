package s3analytics_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/s3analytics"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
)

var acme, globex = tenant.MustParseID("acme"), tenant.MustParseID("globex")

// withParts makes parts small, so that what has several is not large.
func withParts(o *s3analytics.Options) { o.PartSize = s3analytics.MinPartSize }

// withEverything sets every option.
func withEverything(o *s3analytics.Options) {
	withParts(o)
	o.Prefix = "a (b)/lake/"
	o.Parallel = 2
	o.ReadAhead = s3analytics.MinReadAhead
	o.ExpectedBucketOwner = account
	o.Key = keyOfTenant
	o.StorageClass = types.StorageClassStandardIa
}

func keyOfTenant(id tenant.ID) string {
	if id == acme {
		return "arn:aws:kms:eu-west-1:111122223333:key/acme"
	}
	return ""
}

// openFake opens objects in a fake, with links.
func openFake(optFns ...func(*s3analytics.Options)) analyticstest.OpenObjects {
	return func(*testing.T) analytics.Objects {
		client := newFake().client()
		return s3analytics.New(client, bucket, append(optFns, func(o *s3analytics.Options) { o.Presigner = s3.NewPresignClient(client) })...)
	}
}

// openMoto opens objects in a bucket of their own.
func openMoto(t *testing.T) analytics.Objects {
	t.Helper()
	client, name := atMoto(t)
	return s3analytics.New(client, name, func(o *s3analytics.Options) { o.Presigner = s3.NewPresignClient(client) })
}

// atMoto returns a client of moto, and a new bucket.
func atMoto(t testing.TB, optFns ...func(*s3.Options)) (*s3.Client, string) {
	t.Helper()
	client := s3.NewFromConfig(emulator.AWS(emulator.Moto(t)), append(optFns, func(o *s3.Options) { o.UsePathStyle = true })...)
	name := "lake-" + strings.ToLower(rand.Text())
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String(name), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"},
	})
	require.NoError(t, err)
	return client, name
}

// opens are the objects on which everything has to hold.
var opens = map[string]analyticstest.OpenObjects{
	"fake":       openFake(),
	"everything": openFake(withEverything),
	"moto":       openMoto,
}

func TestObjects(t *testing.T) {
	t.Parallel()
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			analyticstest.TestObjects(t, open)
		})
	}
}

func TestObjectsModel(t *testing.T) {
	t.Parallel()
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			analyticstest.TestObjectsModel(t, open, 1, 500)
		})
	}
}

func TestOptionsAtMoto(t *testing.T) {
	t.Parallel()
	client, name := atMoto(t)
	objects := s3analytics.New(client, name, withEverything, func(o *s3analytics.Options) { o.ExpectedBucketOwner = "123456789012" })
	for object, size := range map[string]int{"whole": 10, "parts": 2*s3analytics.MinPartSize + 1} {
		data := bytesOf(size)
		require.NoError(t, objects.Put(t.Context(), acme, object, bytes.NewReader(data)))
		head, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{
			Bucket: aws.String(name), Key: aws.String("a (b)/lake/tenants/acme/" + object), ChecksumMode: types.ChecksumModeEnabled,
		})
		require.NoError(t, err)
		require.Equal(t, types.ServerSideEncryptionAwsKms, head.ServerSideEncryption)
		require.Equal(t, keyOfTenant(acme), *head.SSEKMSKeyId)
		require.Equal(t, types.StorageClassStandardIa, head.StorageClass)
		if object == "whole" { // of parts, moto makes another sum
			require.Equal(t, sumOf(data), *head.ChecksumCRC32C)
		}
		opened, err := objects.Open(t.Context(), acme, object)
		require.NoError(t, err)
		wantAt(t, opened, data, 0, size)
		require.NoError(t, opened.Close())
	}
}
