package firehosealerts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/firehosealerts"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
)

// memoryFirehose keeps what is put.
type memoryFirehose struct {
	mu   sync.Mutex
	put  []*firehose.PutRecordInput
	err  error
	hang bool
}

func (m *memoryFirehose) PutRecord(ctx context.Context, input *firehose.PutRecordInput, _ ...func(*firehose.Options)) (*firehose.PutRecordOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if m.err != nil {
		return nil, m.err
	}
	m.put = append(m.put, input)
	return &firehose.PutRecordOutput{}, nil
}

// identified makes payloads of alerts their ids, which a stream does not have
// elsewhere.
type identified struct{ alerts.Notifier }

func (i identified) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	alert.Payload = alert.ID
	alert.Settings = map[string]json.RawMessage{"separator": json.RawMessage(`"\n"`)}
	return i.Notifier.Notify(ctx, id, alert)
}

func TestPutter(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(*testing.T) alertstest.Harness {
		m := &memoryFirehose{}
		return alertstest.Harness{
			Notifier: identified{firehosealerts.New(m, alerts.ToOwnTargets(""))},
			Received: func(id tenant.ID) (ids []string) {
				for _, put := range m.put {
					if *put.DeliveryStreamName == alerts.ResourceName(id, "boilers") {
						ids = append(ids, strings.TrimSuffix(string(put.Record.Data), "\n"))
					}
				}
				return ids
			},
			Refuse: func(permanent bool) {
				m.err = &smithy.GenericAPIError{Code: "ServiceUnavailableException"}
				if permanent {
					m.err = &smithy.GenericAPIError{Code: "InvalidArgumentException"}
				}
			},
			Hang: func() { m.hang = true },
		}
	})
}

func TestPutterAtMoto(t *testing.T) {
	t.Parallel()
	config := emulator.AWS(emulator.Moto(t))
	client, bucket := firehose.NewFromConfig(config), s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	_, err := bucket.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("streams"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := bucket.DeleteBucket(context.WithoutCancel(t.Context()), &s3.DeleteBucketInput{Bucket: aws.String("streams")})
		require.NoError(t, err)
	})
	for _, id := range []tenant.ID{alertstest.TenantA, alertstest.TenantB} {
		_, err := client.CreateDeliveryStream(t.Context(), &firehose.CreateDeliveryStreamInput{
			DeliveryStreamName: aws.String(alerts.ResourceName(id, "boilers")),
			ExtendedS3DestinationConfiguration: &types.ExtendedS3DestinationConfiguration{
				BucketARN: aws.String("arn:aws:s3:::streams"), RoleARN: aws.String("arn:aws:iam::123456789012:role/firehose"), Prefix: aws.String(id.String() + "/"),
			},
		})
		require.NoError(t, err)
		t.Cleanup(func() { // the server outlives the test
			_, err := client.DeleteDeliveryStream(context.WithoutCancel(t.Context()), &firehose.DeleteDeliveryStreamInput{
				DeliveryStreamName: aws.String(alerts.ResourceName(id, "boilers")),
			})
			require.NoError(t, err)
		})
	}
	alertstest.TestNotifier(t, func(t *testing.T) alertstest.Harness {
		t.Helper()
		return alertstest.Harness{
			Notifier: identified{firehosealerts.New(client, alerts.ToOwnTargets(""))},
			Received: func(id tenant.ID) (ids []string) {
				listed, err := bucket.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("streams"), Prefix: aws.String(id.String() + "/")})
				require.NoError(t, err)
				for _, object := range listed.Contents {
					got, err := bucket.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("streams"), Key: object.Key})
					require.NoError(t, err)
					text, err := io.ReadAll(got.Body)
					require.NoError(t, err)
					ids = append(ids, strings.Fields(string(text))...)
					_, err = bucket.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("streams"), Key: object.Key})
					require.NoError(t, err)
				}
				return ids
			},
		}
	})
}

func TestSeparator(t *testing.T) {
	t.Parallel()
	m := &memoryFirehose{}
	putter, alert := firehosealerts.New(m, alerts.ToOwnTargets("")), alertstest.SampleAlert(1)
	alert.Settings = map[string]json.RawMessage{"separator": json.RawMessage(`"\r\n"`)}
	require.NoError(t, putter.Notify(t.Context(), alertstest.TenantA, alert))
	require.Equal(t, alert.Payload+"\r\n", string(m.put[0].Record.Data))
	alert.Settings = nil
	require.NoError(t, putter.Notify(t.Context(), alertstest.TenantA, alert))
	require.Equal(t, alert.Payload, string(m.put[1].Record.Data))
	alert.Settings = map[string]json.RawMessage{"separator": json.RawMessage(`1`)}
	require.ErrorIs(t, putter.Notify(t.Context(), alertstest.TenantA, alert), firehosealerts.ErrRefused)
}

func TestAttackStreamOfAnotherTenant(t *testing.T) {
	t.Parallel()
	m := &memoryFirehose{}
	alert := alertstest.SampleAlert(1)
	alert.Target = alerts.ResourceName(alertstest.TenantB, "boilers")
	err := firehosealerts.New(m, alerts.OwnTargets).Notify(t.Context(), alertstest.TenantA, alert)
	require.ErrorIs(t, err, alerts.ErrTarget)
	require.Empty(t, m.put)
}

func ExampleNew() {
	client := &memoryFirehose{} // firehose.NewFromConfig(config), in a program
	putter := firehosealerts.New(client, alerts.ToOwnTargets(""))
	err := putter.Notify(context.Background(), tenant.MustParseID("acme"), alertstest.SampleAlert(1))
	fmt.Println(*client.put[0].DeliveryStreamName, err)
	// Output: acme_boilers <nil>
}
