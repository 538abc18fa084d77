package devicetest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/devicetest"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/tenant"
)

var (
	acme  = tenant.MustParseID("acme")
	topic = device.TelemetryTopic(acme, device.MustParseID("pump"), "")
)

type list struct{ payloads []string }

func (l *list) Receive(_ context.Context, _ tenant.ID, m device.Message) error {
	l.payloads = append(l.payloads, string(m.Payload))
	return nil
}

type batchList struct{ list }

func (l *batchList) ReceiveBatch(ctx context.Context, id tenant.ID, messages []device.Message) []error {
	for _, m := range messages {
		_ = l.Receive(ctx, id, m)
	}
	return nil
}

func faults() func(device.Message) devicetest.Fault {
	return devicetest.Script(
		devicetest.Fault{},
		devicetest.Fault{Before: devicetest.ErrFault},
		devicetest.Fault{After: devicetest.ErrFault},
		devicetest.Fault{Delay: time.Millisecond},
	)
}

func TestFaultyReceiver(t *testing.T) {
	t.Parallel()
	var taken list
	receiver := devicetest.FaultyReceiver(&taken, faults())
	_, batches := receiver.(device.BatchReceiver)
	require.False(t, batches)
	for i, want := range []error{nil, devicetest.ErrFault, devicetest.ErrFault, nil, nil} {
		err := receiver.Receive(t.Context(), acme, device.Message{Topic: topic, Payload: []byte{byte('0' + i)}})
		require.ErrorIs(t, err, want)
	}
	require.Equal(t, []string{"0", "2", "3", "4"}, taken.payloads)
}

func TestFaultyBatchReceiver(t *testing.T) {
	t.Parallel()
	var taken batchList
	receiver := devicetest.FaultyReceiver(&taken, faults()).(device.BatchReceiver)
	var messages []device.Message
	for i := range 5 {
		messages = append(messages, device.Message{Topic: topic, Payload: []byte{byte('0' + i)}})
	}
	errs := receiver.ReceiveBatch(t.Context(), acme, messages)
	require.Equal(t, []error{nil, devicetest.ErrFault, devicetest.ErrFault, nil, nil}, errs)
	require.Equal(t, []string{"0", "2", "3", "4"}, taken.payloads)
	require.NoError(t, receiver.Receive(t.Context(), acme, messages[0]))
}

func TestDelayEndsWithTheContext(t *testing.T) {
	t.Parallel()
	var taken list
	receiver := devicetest.FaultyReceiver(&taken, devicetest.Script(devicetest.Fault{Delay: time.Hour}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, receiver.Receive(ctx, acme, device.Message{Topic: topic}), context.DeadlineExceeded)
	require.Empty(t, taken.payloads)
}

func TestFaultyBus(t *testing.T) {
	t.Parallel()
	var got []string
	bus := devicetest.FaultyBus(memdevice.NewBus(), faults())
	cancel, err := bus.Subscribe(t.Context(), acme, device.Filter{}, func(m device.Message) { got = append(got, string(m.Payload)) })
	require.NoError(t, err)
	defer cancel()
	for i, want := range []error{nil, devicetest.ErrFault, devicetest.ErrFault, nil} {
		require.ErrorIs(t, bus.Publish(t.Context(), acme, device.Message{Topic: topic, Payload: []byte{byte('0' + i)}}), want)
	}
	require.Equal(t, []string{"0", "2", "3"}, got)
}
