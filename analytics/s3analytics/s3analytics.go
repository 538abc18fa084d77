package s3analytics

import (
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Limits of [Options].
const (
	// MinPartSize is what S3 takes as a part that is not the last.
	MinPartSize = 5 << 20
	// MaxPartSize is what S3 takes as a part, or as an object in one request.
	MaxPartSize = 5 << 30
	// MaxParts is the number of parts of an object.
	MaxParts = 10_000
)

// Options are the options of [New].
type Options struct {
	// Prefix begins every key: a folder in the bucket, such as "lake/". It is
	// empty, or an object name by analytics.CheckObjectName and a slash. Two
	// prefixes in one bucket must not begin alike. Default: empty.
	Prefix string
	// PartSize is the size in bytes up to which an object is sent in one
	// request; a larger one is sent in parts of it, [MaxParts] at most.
	// [MinPartSize] to [MaxPartSize]. Default: 8 MiB, so objects up to 78 GiB.
	PartSize int
	// Parallel is the number of parts of one upload, or of ranges of one large
	// read, that are under way together. An upload in parts keeps so many
	// parts in memory. Default: 4.
	Parallel int
	// ReadAhead is the number of bytes that an open object may keep in memory
	// so that small reads next to each other don't make a request each. The
	// least is [MinReadAhead]. Default: 8 MiB.
	ReadAhead int
	// ExpectedBucketOwner is the account id of the bucket's owner: S3 refuses
	// every call if somebody else has the bucket. Links don't have it. Set it
	// in production. Default: not checked.
	ExpectedBucketOwner string
	// Key returns the ARN of the key of AWS KMS by which a tenant's objects are
	// encrypted, empty for the encryption that the bucket has by default. It is
	// called in every write, and must be fast. Default: that of the bucket.
	Key func(id tenant.ID) string
	// StorageClass is the class of new objects. Those that can't be read at
	// once are refused. Default: STANDARD.
	StorageClass types.StorageClass
	// Presigner makes links. Default: Link is iotenant.ErrUnsupported.
	Presigner Presigner
}

// Objects is analytics.Objects in a bucket.
type Objects struct {
	api     API
	bucket  *string
	owner   *string
	options Options
	buffers sync.Pool // of *[]byte with Options.PartSize bytes
}

var _ analytics.Objects = (*Objects)(nil)

// New returns the objects in a bucket. It calls nothing. It panics if api is
// nil, bucket is empty or an option is out of its bounds.
func New(api API, bucket string, optFns ...func(*Options)) *Objects {
	if api == nil {
		panic("s3analytics: nil API")
	}
	if bucket == "" {
		panic("s3analytics: no bucket")
	}
	options := Options{
		PartSize:  8 << 20,
		Parallel:  4,
		ReadAhead: 8 << 20,
		Key:       func(tenant.ID) string { return "" },
	}
	for _, fn := range optFns {
		fn(&options)
	}
	if err := options.check(); err != nil {
		panic(err)
	}
	o := &Objects{api: api, bucket: &bucket, options: options}
	if options.ExpectedBucketOwner != "" {
		o.owner = aws.String(options.ExpectedBucketOwner)
	}
	o.buffers.New = func() any {
		buffer := make([]byte, options.PartSize)
		return &buffer
	}
	return o
}

func (o *Options) check() error {
	switch {
	case o.PartSize < MinPartSize || o.PartSize > MaxPartSize:
		return fmt.Errorf("s3analytics: part size %d, want %d to %d", o.PartSize, MinPartSize, MaxPartSize)
	case o.Parallel < 1:
		return fmt.Errorf("s3analytics: %d parts in parallel, want at least 1", o.Parallel)
	case o.ReadAhead < MinReadAhead:
		return fmt.Errorf("s3analytics: read ahead %d, want at least %d", o.ReadAhead, MinReadAhead)
	case o.Key == nil:
		return fmt.Errorf("s3analytics: no function for keys")
	case o.StorageClass == types.StorageClassGlacier || o.StorageClass == types.StorageClassDeepArchive:
		return fmt.Errorf("s3analytics: storage class %s can't be read at once", o.StorageClass)
	}
	return checkPrefix(o.Prefix)
}

// encryption returns how the objects of a tenant are encrypted, all zero for
// the bucket's way.
func (o *Objects) encryption(id tenant.ID) (kind types.ServerSideEncryption, key *string, bucketKey *bool) {
	arn := o.options.Key(id)
	if arn == "" {
		return "", nil, nil
	}
	return types.ServerSideEncryptionAwsKms, &arn, aws.Bool(true)
}
