package s3analytics

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Link implements analytics.Objects. It does not look whether the object
// exists. The URL has no expected owner of the bucket in it, since who follows
// it would have to send that too.
func (o *Objects) Link(ctx context.Context, id tenant.ID, name string, valid time.Duration) (string, error) {
	if ctx.Err() != nil {
		return "", ended(ctx, "link")
	}
	if err := analytics.CheckObjectLink(id, name, valid); err != nil {
		return "", err
	}
	if o.options.Presigner == nil {
		return "", fmt.Errorf("s3analytics: link: no presigner: %w", iotenant.ErrUnsupported)
	}
	request, err := o.options.Presigner.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: o.bucket, Key: aws.String(o.key(id, name))}, s3.WithPresignExpires(valid))
	if err != nil {
		return "", unavailable(ctx, "link", err)
	}
	return request.URL, nil
}
