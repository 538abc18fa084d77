package s3analytics

import (
	"context"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// API is what this package calls of S3; *s3.Client is one.
//
// These are the least statements for it, for credentials of one tenant whose
// session has the tag TenantID; PREFIX is Options.Prefix. '/' can't be in a
// tenant id, so the patterns fit no other tenant, also none whose id begins
// alike. For a program that serves all tenants, put * in place of the tag and
// leave the conditions out.
//
//	{
//	  "Effect": "Allow",
//	  "Action": [
//	    "s3:GetObject",
//	    "s3:PutObject",
//	    "s3:DeleteObject",
//	    "s3:AbortMultipartUpload"
//	  ],
//	  "Resource": "arn:aws:s3:::BUCKET/PREFIXtenants/${aws:PrincipalTag/TenantID}/*",
//	  "Condition": {"Null": {"aws:PrincipalTag/TenantID": "false"}}
//	},
//	{
//	  "Effect": "Allow",
//	  "Action": "s3:ListBucket",
//	  "Resource": "arn:aws:s3:::BUCKET",
//	  "Condition": {
//	    "StringLike": {"s3:prefix": "PREFIXtenants/${aws:PrincipalTag/TenantID}/*"},
//	    "Null": {"aws:PrincipalTag/TenantID": "false"}
//	  }
//	}
//
// Never write StringLikeIfExists: a list without prefix would show all tenants.
//
// With Options.Key, the principal also needs, for each key that it uses:
//
//	{
//	  "Effect": "Allow",
//	  "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
//	  "Resource": "KEY",
//	  "Condition": {"StringEquals": {"kms:ViaService": "s3.REGION.amazonaws.com"}}
//	}
type API interface {
	PutObject(ctx context.Context, input *s3.PutObjectInput, optFns ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(ctx context.Context, input *s3.GetObjectInput, optFns ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(ctx context.Context, input *s3.HeadObjectInput, optFns ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	ListObjectsV2(ctx context.Context, input *s3.ListObjectsV2Input, optFns ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
	DeleteObjects(ctx context.Context, input *s3.DeleteObjectsInput, optFns ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error)
	MultipartAPI
}

// MultipartAPI is the part of [API] for objects that are larger than
// Options.PartSize.
type MultipartAPI interface {
	CreateMultipartUpload(ctx context.Context, input *s3.CreateMultipartUploadInput, optFns ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error)
	UploadPart(ctx context.Context, input *s3.UploadPartInput, optFns ...func(*s3.Options)) (*s3.UploadPartOutput, error)
	CompleteMultipartUpload(ctx context.Context, input *s3.CompleteMultipartUploadInput, optFns ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error)
	AbortMultipartUpload(ctx context.Context, input *s3.AbortMultipartUploadInput, optFns ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error)
}

var _ API = (*s3.Client)(nil)

// Presigner makes the URLs of [Objects.Link]; *s3.PresignClient is one. It
// calls nothing. A URL works while the credentials that signed it do: with
// those of a role it may end before its time.
type Presigner interface {
	PresignGetObject(ctx context.Context, input *s3.GetObjectInput, optFns ...func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error)
}

var _ Presigner = (*s3.PresignClient)(nil)
