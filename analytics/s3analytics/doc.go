// Package s3analytics is analytics.Objects in a bucket of Amazon S3: what lakes,
// contents of data sets and archives are kept in on AWS.
//
//	client := s3.NewFromConfig(config)
//	objects := s3analytics.New(client, "example-lake", func(o *s3analytics.Options) {
//		o.Prefix = "production/"
//		o.ExpectedBucketOwner = "111122223333"
//		o.Presigner = s3.NewPresignClient(client)
//	})
//
// # The bucket
//
// All tenants share a bucket. A key is <prefix>tenants/<tenant>/<name>, so that
// credentials can be restricted to one tenant; the statement for that is at
// [API]. The bucket is a general purpose one: directory buckets do not list in
// order. It should
//
//   - block public access, and have object ownership BucketOwnerEnforced;
//   - have a lifecycle rule with AbortIncompleteMultipartUpload, of a day or a
//     few: a process that dies leaves the parts of what it was uploading, which
//     nobody sees and everybody pays;
//   - have no versioning, or a lifecycle rule with NoncurrentVersionExpiration:
//     with versioning, what is deleted or replaced stays as an older version,
//     also what has to be deleted for good;
//   - have no rule that moves objects to a class that can't be read at once.
//
// In CloudFormation:
//
//	Bucket:
//	  Type: AWS::S3::Bucket
//	  Properties:
//	    OwnershipControls: {Rules: [{ObjectOwnership: BucketOwnerEnforced}]}
//	    PublicAccessBlockConfiguration:
//	      {BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true}
//	    LifecycleConfiguration:
//	      Rules:
//	        - {Status: Enabled, AbortIncompleteMultipartUpload: {DaysAfterInitiation: 1}}
//
// # Calls
//
// A method makes the calls that are listed here, and no others. The client
// repeats those that fail, as its retry options say.
//
//	Put, Create: PutObject; above Options.PartSize CreateMultipartUpload,
//	             UploadPart for each part, CompleteMultipartUpload
//	Open:        GetObject of the first 64 KiB; HeadObject if it is empty
//	ReadAt:      GetObject for what is not in memory
//	List:        ListObjectsV2 for each 1000 keys
//	Delete:      DeleteObjects
//	Link:        none
//
// Credentials that may not list the whole bucket, such as those of one tenant,
// are told that a missing object is forbidden. Open and ReadAt then ask
// ListObjectsV2 for that key, to tell one from the other.
//
// An upload that fails or is cancelled ends with AbortMultipartUpload, for which
// a cancelled call waits up to 10 seconds. If an upload turns out to be gone
// when it is completed, HeadObject says whether its object is there.
//
// This package repeats only what a client can't, up to 5 times with pauses that
// grow to a second: a Create that met another of the same name, the keys that
// S3 failed to delete, and the rest of a download that broke off. How long a
// server may be silent is up to the client's HTTP client and to the context.
//
// # Integrity
//
// Every upload carries its CRC-32C, each part its own, and the whole upload
// that of the whole object, so that S3 refuses what arrives otherwise than it
// was sent. S3 keeps it. It sends it along when an object is read in one piece,
// as those up to 64 KiB are, and the client compares; for other ranges there is
// none.
//
// # Lost answers
//
// A client that gets no answer sends its request again. A Create may then find
// what the first attempt has written, and fails with
// analytics.ErrObjectExists, as it does if another was there. A Put has no such
// doubt. An upload whose beginning was answered to nobody stays until the
// lifecycle rule removes it; it has no parts.
//
// # Reads
//
// The first answer fixes the ETag, and all reads ask for contents with that
// ETag; when the object is replaced or deleted, what is not in memory is
// analytics.ErrNoObject. Reads that continue each other get windows that
// double from 64 KiB to a quarter of Options.ReadAhead, the next of which is
// fetched in the meantime; a read that is larger than that goes to S3 as it
// is, in ranges of Options.PartSize, several at a time.
//
// # Memory
//
// An open object keeps up to Options.ReadAhead bytes. A Put takes memory for
// the object up to Options.PartSize, and above that for Options.Parallel parts.
//
// # Encryption
//
// S3 encrypts everything. With Options.Key, the objects of a tenant are
// encrypted by a key of its own in AWS KMS (SSE-KMS), with a bucket key, so
// that S3 calls KMS seldom. Deleting a tenant's key then deletes its data.
// There is no encryption context of our own: with a bucket key it is the
// bucket's. A key that is disabled, or that the principal may not use, is
// iotenant.ErrUnavailable.
package s3analytics
