package analytics

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// ToBucketsOptions are the options of [ToBuckets].
type ToBucketsOptions struct {
	// Name returns the name of the object, in the tenant's part of the objects,
	// for a bucket and a key of a delivery rule. Default: both, with a slash
	// between, after "deliveries/".
	Name func(bucket, key string) string
	// Buckets holds objects of their own for some buckets, by the names that
	// rules have for them. The others go to the objects of [ToBuckets]. Name
	// is not asked: the key is the name.
	Buckets map[string]Objects
	// Milliseconds writes times in keys as milliseconds since 1970. Default: as
	// 20260110T120000Z (D-51).
	Milliseconds bool
}

// ToBuckets returns a deliverer to destinations in S3. Whatever the rule says,
// the object is one of the tenant: a key can't leave its part of the objects.
func ToBuckets(objects Objects, optFns ...func(*ToBucketsOptions)) Deliverer {
	options := ToBucketsOptions{Name: func(bucket, key string) string { return "deliveries/" + bucket + "/" + key }}
	for _, fn := range optFns {
		fn(&options)
	}
	return &toBuckets{objects: objects, options: options}
}

type toBuckets struct {
	objects Objects
	options ToBucketsOptions
}

// Deliver stores the CSV under the key of the rule. Errors: those of Objects.Put
// and Objects.Open, kind iotenant.ErrInvalid for a key that can't be.
func (t *toBuckets) Deliver(ctx context.Context, id tenant.ID, delivery Delivery) error {
	if err := checkTenant(id); err != nil {
		return err
	}
	name, err := t.key(&delivery)
	if err != nil {
		return err
	}
	objects, ok := t.options.Buckets[delivery.Rule.Bucket]
	if !ok {
		objects, name = t.objects, t.options.Name(delivery.Rule.Bucket, name)
	}
	if err := CheckObjectName(name); err != nil {
		return err
	}
	body, err := delivery.Open(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	return objects.Put(ctx, id, name, io.NewSectionReader(body, 0, body.Size()))
}

// key puts the values into the key of the rule.
func (t *toBuckets) key(delivery *Delivery) (string, error) {
	var key strings.Builder
	rest := delivery.Rule.Key
	for {
		before, expression, found := strings.Cut(rest, "!{")
		key.WriteString(before)
		if !found {
			return key.String(), nil
		}
		expression, rest, found = strings.Cut(expression, "}")
		switch {
		case !found:
			return "", fmt.Errorf("analytics: %w key: no end of !{%s", iotenant.ErrInvalid, expression)
		case expression == "iotanalytics:scheduleTime":
			key.WriteString(t.time(delivery.Scheduled))
		case expression == "iotanalytics:creationTime":
			key.WriteString(t.time(delivery.Created))
		case expression == "iotanalytics:versionId":
			key.WriteString(delivery.Version)
		default:
			return "", fmt.Errorf("analytics: %w key: unknown !{%s}", iotenant.ErrInvalid, expression)
		}
	}
}

func (t *toBuckets) time(at time.Time) string {
	if t.options.Milliseconds {
		return strconv.FormatInt(at.UnixMilli(), 10)
	}
	return at.UTC().Format("20060102T150405Z")
}
