// Package s3analytics is analytics.Objects in a bucket of Amazon S3.
package s3analytics

import _ "github.com/aws/aws-sdk-go-v2/service/s3"
