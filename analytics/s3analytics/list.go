package s3analytics

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// List implements analytics.Objects.
func (o *Objects) List(ctx context.Context, id tenant.ID, prefix, after string, limit int) ([]analytics.ObjectInfo, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx, "list")
	}
	if err := analytics.CheckObjectList(id, limit); err != nil {
		return nil, err
	}
	if isStrange(prefix) {
		return nil, nil
	}
	folder := o.folder(id)
	input := &s3.ListObjectsV2Input{Bucket: o.bucket, Prefix: aws.String(folder + prefix), ExpectedBucketOwner: o.owner}
	if after != "" {
		input.StartAfter = aws.String(folder + startAfter(after))
	}
	var list []analytics.ObjectInfo
	for {
		input.MaxKeys = aws.Int32(int32(limit - len(list)))
		output, err := o.api.ListObjectsV2(ctx, input)
		if err != nil {
			return nil, unavailable(ctx, "list", err)
		}
		for i := range output.Contents {
			found := &output.Contents[i]
			key := aws.ToString(found.Key)
			if !strings.HasPrefix(key, *input.Prefix) {
				return nil, unavailable(ctx, "list", badAnswer("a key outside of the prefix"))
			}
			// Somebody else may have put something else there.
			if name, ok := nameIn(folder, key); ok && name > after {
				list = append(list, analytics.ObjectInfo{Name: name, Size: aws.ToInt64(found.Size), Modified: aws.ToTime(found.LastModified).UTC()})
			}
		}
		if !aws.ToBool(output.IsTruncated) || len(list) >= limit {
			return list[:min(len(list), limit)], nil
		}
		if aws.ToString(output.NextContinuationToken) == "" {
			return nil, unavailable(ctx, "list", badAnswer("a list that goes on without a token"))
		}
		input.ContinuationToken = output.NextContinuationToken
	}
}
