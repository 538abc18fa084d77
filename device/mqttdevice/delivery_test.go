package mqttdevice_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	paho5 "github.com/eclipse/paho.golang/paho"
	paho3 "github.com/eclipse/paho.mqtt.golang"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/devicetest"
	"github.com/iotenant/iotenant/device/mqttdevice"
	"github.com/iotenant/iotenant/tenant"
)

var errDisk = fmt.Errorf("disk full: %w", iotenant.ErrUnavailable)

func TestReceiverFailureIsToldInMQTT5(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	d := p.connect5(acme, pump)
	for _, c := range []struct {
		err     error
		code    byte
		refusal mqttdevice.Refusal
	}{
		{fmt.Errorf("no number: %w", iotenant.ErrInvalid), 0x99, mqttdevice.RefusalMessage},
		{fmt.Errorf("over quota: %w", iotenant.ErrDenied), notAuthorized, mqttdevice.RefusalMessage},
		{errDisk, 0x83, mqttdevice.RefusalUnavailable},
		{errors.New("of no kind"), 0x83, mqttdevice.RefusalUnavailable},
	} {
		before := p.refused(c.refusal)
		p.inbox.failWith(func(device.Message) error { return c.err })
		require.Equal(t, c.code, d.publish(telemetry(acme, pump), 1, "lost"))
		d.publish(telemetry(acme, pump), 0, "lost")
		eventually(t, "both to be counted", func() bool { return p.refused(c.refusal) == before+2 })
	}
	p.inbox.failWith(nil)
	require.Zero(t, d.publish(telemetry(acme, pump), 1, "kept"))
	require.Equal(t, []string{"kept"}, p.inbox.payloads())
}

// A device with MQTT 3.1.1 sends again what was not acknowledged, when it is
// back.
func TestReceiverFailureMakesMQTT3SendAgain(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	var failures int
	p.inbox.failWith(func(device.Message) error {
		if failures++; failures <= 3 {
			return errDisk
		}
		return nil
	})
	client := p.connect3(acme, pump, func(o *paho3.ClientOptions) {
		o.SetAutoReconnect(true).SetCleanSession(false).SetMaxReconnectInterval(10 * time.Millisecond)
	})
	client.Publish(telemetry(acme, pump), 1, false, `{"messageId":"m-1"}`)
	eventually(t, "the message", func() bool { return len(p.inbox.all()) == 1 })
	require.EqualValues(t, 3, p.refused(mqttdevice.RefusalUnavailable))
	presence, err := p.registry.Presence(t.Context(), acme, pump)
	require.NoError(t, err)
	require.True(t, presence.Connected)
}

// What will never be taken must not come back for ever.
func TestMessageRefusedForGoodIsAcknowledgedInMQTT3(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.inbox.failWith(func(device.Message) error { return fmt.Errorf("no number: %w", iotenant.ErrInvalid) })
	delivered := make(chan device.Message, 1)
	cancel, err := p.broker.Subscribe(t.Context(), acme, device.Filter{}, func(m device.Message) { delivered <- m })
	require.NoError(t, err)
	defer cancel()
	client := p.connect3(acme, pump)
	require.NoError(t, do3(t, client.Publish(telemetry(acme, pump), 1, false, "x")))
	require.True(t, client.IsConnected())
	require.EqualValues(t, 1, p.refused(mqttdevice.RefusalMessage))
	require.Empty(t, delivered, "a refused message reaches nobody")
	require.Zero(t, p.broker.Stats().Received)
}

// A receiver whose answer is lost makes duplicates, which the id tells apart.
func TestDuplicateHasTheSameID(t *testing.T) {
	t.Parallel()
	var p *platform
	p = newPlatform(t, func(s *setup) {
		s.receiver = devicetest.FaultyReceiver(device.ReceiverFunc(func(ctx context.Context, id tenant.ID, m device.Message) error {
			return p.inbox.Receive(ctx, id, m)
		}), devicetest.Script(devicetest.Fault{After: devicetest.ErrFault}))
	})
	client := p.connect3(acme, pump, func(o *paho3.ClientOptions) {
		o.SetAutoReconnect(true).SetCleanSession(false).SetMaxReconnectInterval(10 * time.Millisecond)
	})
	client.Publish(telemetry(acme, pump), 1, false, `{"messageId":"m-1"}`)
	eventually(t, "the message twice", func() bool { return len(p.inbox.all()) == 2 })
	messages := p.inbox.all()
	require.Equal(t, "m-1", messages[0].ID)
	require.Equal(t, "m-1", messages[1].ID)
}

func TestNothingIsAcknowledgedBeforeItIsReceived(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	begun := make(chan struct{}, 1)
	p := newPlatform(t, func(s *setup) {
		s.receiver = device.ReceiverFunc(func(context.Context, tenant.ID, device.Message) error {
			begun <- struct{}{}
			<-release
			return nil
		})
	})
	client := p.connect3(acme, pump)
	token := client.Publish(telemetry(acme, pump), 1, false, "x")
	<-begun
	require.False(t, token.WaitTimeout(50*time.Millisecond), "acknowledged before it was received")
	close(release)
	require.NoError(t, do3(t, token))
}

func TestMessageIDs(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	d := p.connect5(acme, pump)
	property := func(value string) paho5.UserProperty { return paho5.UserProperty{Key: "message-id", Value: value} }
	require.Zero(t, d.publish(telemetry(acme, pump), 1, `{"messageId":"payload"}`, property("property")))
	require.Zero(t, d.publish(telemetry(acme, pump), 1, `{"messageId":"payload"}`))
	require.Zero(t, d.publish(telemetry(acme, pump), 1, `{"messageId":7}`))
	require.Equal(t, byte(0x99), d.publish(telemetry(acme, pump), 1, "1", property("")))
	require.Equal(t, byte(0x99), d.publish(telemetry(acme, pump), 1, "1", property("a\x01")))
	var ids []string
	for _, message := range p.inbox.all() {
		ids = append(ids, message.ID)
	}
	require.Equal(t, []string{"property", "payload", ""}, ids)
}

// batches is a receiver that makes batches safe at once, slowly.
type batches struct {
	inbox
	sizes []int
	delay time.Duration
}

func (b *batches) ReceiveBatch(ctx context.Context, id tenant.ID, messages []device.Message) []error {
	time.Sleep(b.delay)
	b.mu.Lock()
	b.sizes = append(b.sizes, len(messages))
	b.mu.Unlock()
	var errs []error
	for i, message := range messages {
		if err := b.inbox.Receive(ctx, id, message); err != nil {
			if errs == nil {
				errs = make([]error, len(messages))
			}
			errs[i] = err
		}
	}
	return errs
}

func TestBatchesKeepOrderAndBound(t *testing.T) {
	t.Parallel()
	const messages, inFlight = 500, 20
	receiver := &batches{delay: time.Millisecond}
	p := newPlatform(t, func(s *setup) {
		s.receiver = receiver
		s.options = append(s.options, func(o *mqttdevice.Options) { o.Limits.InFlight = inFlight })
	})
	client := p.connect3(acme, pump)
	var tokens []paho3.Token
	var want []string
	for i := range messages {
		tokens = append(tokens, client.Publish(telemetry(acme, pump), byte(i%2), false, fmt.Sprint(i)))
		want = append(want, fmt.Sprint(i))
	}
	for _, token := range tokens {
		require.NoError(t, do3(t, token))
	}
	eventually(t, "all messages", func() bool { return len(receiver.all()) == messages })
	require.Equal(t, want, receiver.payloads())
	require.NotEmpty(t, receiver.sizes)
	for _, size := range receiver.sizes {
		require.LessOrEqual(t, size, inFlight)
		require.Greater(t, size, 1, "a single message is no batch")
	}
	require.EqualValues(t, messages, p.broker.Stats().Received)
}

// Refusals among what is sent ahead are answered in their place.
func TestBatchesWithRefusals(t *testing.T) {
	t.Parallel()
	receiver := &batches{delay: 5 * time.Millisecond}
	receiver.failWith(func(m device.Message) error {
		switch string(m.Payload) {
		case "invalid":
			return iotenant.ErrInvalid
		case "later":
			return errDisk
		}
		return nil
	})
	p := newPlatform(t, func(s *setup) { s.receiver = receiver })
	d := p.connect5(acme, pump)
	var done sync.WaitGroup
	for round := range 20 {
		for payload, want := range map[string]byte{fmt.Sprint(round): 0, "invalid": 0x99, "later": 0x83} {
			done.Go(func() {
				response, _ := d.Publish(t.Context(), &paho5.Publish{Topic: telemetry(acme, pump), QoS: 1, Payload: []byte(payload)})
				if response == nil || response.ReasonCode != want {
					t.Errorf("publish of %s: got %+v, want %x", payload, response, want)
				}
			})
		}
		done.Go(func() {
			response, _ := d.Publish(t.Context(), &paho5.Publish{Topic: telemetry(globex, pump), QoS: 1})
			if response == nil || response.ReasonCode != notAuthorized {
				t.Errorf("publish on a foreign topic: got %+v", response)
			}
		})
	}
	done.Wait()
	require.Len(t, receiver.all(), 20)
}

// What was acknowledged is received, and what was received in part is sent
// again, when batches fail now and then.
func TestBatchesLoseNothing(t *testing.T) {
	t.Parallel()
	const messages = 200
	receiver := &batches{}
	var calls int
	receiver.failWith(func(device.Message) error {
		if calls++; calls%37 == 0 {
			return errDisk
		}
		return nil
	})
	p := newPlatform(t, func(s *setup) { s.receiver = receiver })
	client := p.connect3(acme, pump, func(o *paho3.ClientOptions) {
		o.SetAutoReconnect(true).SetCleanSession(false).SetMaxReconnectInterval(10 * time.Millisecond)
	})
	for i := range messages {
		client.Publish(telemetry(acme, pump), 1, false, fmt.Sprintf(`{"messageId":"%d"}`, i))
	}
	eventually(t, "all messages", func() bool {
		ids := map[string]bool{}
		for _, message := range receiver.all() {
			ids[message.ID] = true
		}
		return len(ids) == messages
	})
	require.NotZero(t, p.refused(mqttdevice.RefusalUnavailable))
}

// A device is answered on the id of its own packet, even while a packet of the
// broker with the same id waits for its acknowledgement.
func TestPacketIDsOfBothSidesAreApart(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	raw := p.rawConnect(acme, pump, 4)
	raw.send(subscribePacket(7, command(acme, pump)))
	require.Equal(t, []byte{0x90, 3, 0, 7, 1}, raw.read())
	require.NoError(t, p.broker.Publish(t.Context(), acme, device.Message{Topic: device.CommandTopic(acme, pump, ""), Payload: []byte("x")}))
	packet := raw.read()
	require.Equal(t, byte(0x32), packet[0], "a PUBLISH with QoS 1")
	id := packet[len(packet)-2-1:][:2]
	require.Equal(t, []byte{0, 1}, id)

	raw.send(subscribePacket(1, "$aws/things/acme:pump/shadow/#"))
	require.Equal(t, []byte{0x90, 3, 0, 1, 1}, raw.read(), "not refused as in use")
	raw.send(publishPacket(1, telemetry(acme, pump), "y"))
	require.Equal(t, []byte{0x40, 2, 0, 1}, raw.read())
	raw.send(unsubscribePacket(1, command(acme, pump)))
	require.Equal(t, []byte{0xB0, 2, 0, 1}, raw.read())
	raw.close()
	require.Equal(t, []string{"y"}, p.inbox.payloads())
}

func TestBusHandlerRunsBeforeTheAcknowledgement(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	var handled []device.Message
	cancel, err := p.broker.Subscribe(t.Context(), acme, device.Filter{Class: device.ClassShadow, Operation: "get"}, func(m device.Message) {
		handled = append(handled, m.Clone())
		answer := device.Message{Topic: device.ShadowTopic(acme, m.Topic.Thing, "", "get/accepted"), Payload: []byte("{}")}
		if err := p.broker.Publish(context.Background(), acme, answer); err != nil {
			t.Error(err)
		}
	})
	require.NoError(t, err)
	defer cancel()
	d := p.connect5(acme, pump)
	require.Equal(t, []byte{1}, d.subscribe("$aws/things/acme:pump/shadow/get/accepted"))
	require.Zero(t, d.publish("$aws/things/acme:pump/shadow/get", 1, ""))
	require.Len(t, handled, 1)
	require.Equal(t, device.ShadowTopic(acme, pump, "", "get"), handled[0].Topic)
	require.Equal(t, "{}", string(d.receive().Payload))
}

func TestRequestThroughTheBroker(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	d := p.connect5(acme, pump)
	d.subscribe(command(acme, pump))
	var answering sync.WaitGroup
	defer answering.Wait()
	answering.Go(func() {
		request := <-d.messages
		_, _ = d.Publish(context.Background(), &paho5.Publish{Topic: telemetry(acme, pump), QoS: 1, Payload: request.Payload})
	})
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	answer, err := device.Request(ctx, p.broker, acme,
		device.Message{Topic: device.CommandTopic(acme, pump, ""), Payload: []byte("ping")},
		device.Filter{Thing: pump, Class: device.ClassTelemetry}, nil)
	require.NoError(t, err)
	require.Equal(t, "ping", string(answer.Payload))
}
