// Package s3analytics is analytics.Objects in a bucket of Amazon S3.
package s3analytics
