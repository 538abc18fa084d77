package s3analytics

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Delete implements analytics.Objects: one request takes all names. If some
// can't be deleted, the others are; the error names the first of them, and has
// a smithy.APIError for each.
func (o *Objects) Delete(ctx context.Context, id tenant.ID, names ...string) error {
	if ctx.Err() != nil {
		return ended(ctx, "delete")
	}
	if err := analytics.CheckObjectDelete(id, names...); err != nil {
		return err
	}
	keys := make([]types.ObjectIdentifier, len(names))
	for i, name := range names {
		keys[i].Key = aws.String(o.key(id, name))
	}
	for attempt := 1; len(keys) > 0; attempt++ {
		output, err := o.api.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: o.bucket, ExpectedBucketOwner: o.owner, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c,
			Delete: &types.Delete{Objects: keys, Quiet: aws.Bool(true)},
		})
		if err != nil {
			return unavailable(ctx, "delete", err)
		}
		left, refused := leftOf(output.Errors)
		if refused || len(left) > 0 && (attempt == attempts || !pause(ctx, attempt)) {
			return notDeleted(ctx, o.folder(id), output.Errors)
		}
		keys = left
	}
	return nil
}

// leftOf returns the keys that may be deleted by another attempt. refused
// reports whether there are others.
func leftOf(errs []types.Error) (left []types.ObjectIdentifier, refused bool) {
	for _, e := range errs {
		switch aws.ToString(e.Code) {
		case "InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", codeAborted, codeConflict:
			left = append(left, types.ObjectIdentifier{Key: e.Key})
		default:
			refused = true
		}
	}
	return left, refused
}

func notDeleted(ctx context.Context, folder string, errs []types.Error) error {
	if ctx.Err() != nil {
		return ended(ctx, "delete")
	}
	causes := make([]error, len(errs))
	for i, e := range errs {
		causes[i] = &smithy.GenericAPIError{Code: aws.ToString(e.Code), Message: aws.ToString(e.Message)}
	}
	name, _ := nameIn(folder, aws.ToString(errs[0].Key))
	text := fmt.Sprintf("s3analytics: delete: %v: %q: %s", iotenant.ErrUnavailable, name, aws.ToString(errs[0].Code))
	if others := len(errs) - 1; others > 0 {
		text += fmt.Sprintf(", and %d others", others)
	}
	return &failure{text: text, kind: iotenant.ErrUnavailable, cause: errors.Join(causes...)}
}
