package iotalerts_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iotdataplane"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/alerts/iotalerts"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
)

// memoryCore keeps what is published.
type memoryCore struct {
	mu        sync.Mutex
	published []*iotdataplane.PublishInput
	err       error
	hang      bool
}

func (m *memoryCore) Publish(ctx context.Context, input *iotdataplane.PublishInput, _ ...func(*iotdataplane.Options)) (*iotdataplane.PublishOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if m.err != nil {
		return nil, m.err
	}
	m.published = append(m.published, input)
	return &iotdataplane.PublishOutput{}, nil
}

// addressed sends each alert, with its id as payload, to a device of its
// tenant.
type addressed struct{ alerts.Notifier }

func topicOf(id tenant.ID) string {
	if id.IsZero() {
		return "t/nobody/d/pump/command"
	}
	return "t/" + id.String() + "/d/pump/command/alarm"
}

func (a addressed) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	alert.Kind, alert.Target, alert.Payload = detector.ActionIoTTopic, topicOf(id), alert.ID
	return a.Notifier.Notify(ctx, id, alert)
}

func TestPublisher(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(*testing.T) alertstest.Harness {
		m := &memoryCore{}
		return alertstest.Harness{
			Notifier: addressed{alerts.ToTopics(iotalerts.New(m))},
			Received: func(id tenant.ID) (ids []string) {
				for _, p := range m.published {
					if *p.Topic == topicOf(id) {
						ids = append(ids, string(p.Payload))
					}
				}
				return ids
			},
			Refuse: func(permanent bool) {
				m.err = &smithy.GenericAPIError{Code: "ThrottlingException"}
				if permanent {
					m.err = &smithy.GenericAPIError{Code: "InvalidRequestException"}
				}
			},
			Hang: func() { m.hang = true },
		}
	})
}

func TestPublisherAtMoto(t *testing.T) {
	t.Parallel()
	publisher := iotalerts.New(iotdataplane.NewFromConfig(emulator.AWS(emulator.Moto(t))), func(o *iotalerts.Options) { o.QoS = 1 })
	message := device.Message{Topic: device.Topic{Tenant: alertstest.TenantA, Thing: device.MustParseID("pump"), Class: device.ClassCommand}, Payload: []byte("{}")}
	require.NoError(t, publisher.Publish(t.Context(), alertstest.TenantA, message))
}

func TestMessages(t *testing.T) {
	t.Parallel()
	m := &memoryCore{}
	publisher := iotalerts.New(m, func(o *iotalerts.Options) { o.QoS = 1 })
	message := device.Message{Topic: device.Topic{Tenant: alertstest.TenantA, Thing: device.MustParseID("pump"), Class: device.ClassCommand, Channel: "a"}}
	require.NoError(t, publisher.Publish(t.Context(), alertstest.TenantA, message))
	require.Equal(t, "t/tenant-a/d/pump/command/a", *m.published[0].Topic)
	require.Equal(t, int32(1), m.published[0].Qos)

	message.Payload = make([]byte, device.MaxPayload+1)
	require.ErrorIs(t, publisher.Publish(t.Context(), alertstest.TenantA, message), device.ErrMessage)
	message.Payload = nil
	m.err = &smithy.GenericAPIError{Code: "InternalFailureException"}
	require.ErrorIs(t, publisher.Publish(t.Context(), alertstest.TenantA, message), iotenant.ErrUnavailable)
	require.Panics(t, func() { iotalerts.New(m, func(o *iotalerts.Options) { o.QoS = 2 }) })
}

func TestAttackDeviceOfAnotherTenant(t *testing.T) {
	t.Parallel()
	m := &memoryCore{}
	notifier, publisher := alerts.ToTopics(iotalerts.New(m)), iotalerts.New(m)
	alert := alertstest.SampleAlert(1)
	alert.Kind = detector.ActionIoTTopic
	for _, target := range []string{topicOf(alertstest.TenantB), "$aws/things/tenant-b:pump/shadow/update", "t/+/d/pump/command", "$aws/rules/all/t", "anything"} {
		alert.Target = target
		err := notifier.Notify(t.Context(), alertstest.TenantA, alert)
		require.ErrorIs(t, err, alerts.ErrTopic, target)
		require.NotContains(t, err.Error(), "tenant-b")
	}
	foreign := device.Message{Topic: device.Topic{Tenant: alertstest.TenantB, Thing: device.MustParseID("pump"), Class: device.ClassCommand}}
	require.ErrorIs(t, publisher.Publish(t.Context(), alertstest.TenantA, foreign), device.ErrTopic)
	require.ErrorIs(t, publisher.Publish(t.Context(), tenant.ID{}, foreign), tenant.ErrID)
	require.Empty(t, m.published)
}

func ExampleNew() {
	client := &memoryCore{} // iotdataplane.NewFromConfig(config, endpoint), in a program
	notifier := alerts.ToTopics(iotalerts.New(client))
	alert := alertstest.SampleAlert(1)
	alert.Kind, alert.Target = detector.ActionIoTTopic, "t/acme/d/siren/command/alarm"
	err := notifier.Notify(context.Background(), tenant.MustParseID("acme"), alert)
	fmt.Println(*client.published[0].Topic, err)
	// Output: t/acme/d/siren/command/alarm <nil>
}
