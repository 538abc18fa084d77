package mqttdevice_test

import (
	"context"
	"net"
	"testing"
	"time"

	paho5 "github.com/eclipse/paho.golang/paho"
	paho3 "github.com/eclipse/paho.mqtt.golang"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// dial3 connects a thing with MQTT 3.1.1.
func (p *platform) dial3(id tenant.ID, thing device.ID, optFns ...func(*paho3.ClientOptions)) (paho3.Client, error) {
	name := device.ThingName(id, thing)
	options := paho3.NewClientOptions().
		AddBroker("tcp://" + p.address()).
		SetClientID(name).SetUsername(name).SetPassword(p.passwords[name]).
		SetProtocolVersion(4).SetAutoReconnect(false).SetConnectTimeout(wait)
	for _, fn := range optFns {
		fn(options)
	}
	client := paho3.NewClient(options)
	token := client.Connect()
	require.True(p.t, token.WaitTimeout(wait), "no answer to CONNECT")
	return client, token.Error()
}

func (p *platform) connect3(id tenant.ID, thing device.ID, optFns ...func(*paho3.ClientOptions)) paho3.Client {
	p.t.Helper()
	client, err := p.dial3(id, thing, optFns...)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { client.Disconnect(0) })
	return client
}

// device5 is a device with MQTT 5.
type device5 struct {
	*paho5.Client
	t          *testing.T
	messages   chan *paho5.Publish
	disconnect chan *paho5.Disconnect
	lost       chan error
}

func (p *platform) dial5(id tenant.ID, thing device.ID, optFns ...func(*paho5.Connect)) (*device5, *paho5.Connack, error) {
	p.t.Helper()
	name := device.ThingName(id, thing)
	conn, err := net.Dial("tcp", p.address())
	require.NoError(p.t, err)
	d := &device5{
		t:          p.t,
		messages:   make(chan *paho5.Publish, 1000),
		disconnect: make(chan *paho5.Disconnect, 10),
		lost:       make(chan error, 10),
	}
	d.Client = paho5.NewClient(paho5.ClientConfig{
		Conn:          conn,
		PacketTimeout: wait,
		OnPublishReceived: []func(paho5.PublishReceived) (bool, error){func(r paho5.PublishReceived) (bool, error) {
			d.messages <- r.Packet
			return true, nil
		}},
		OnServerDisconnect: func(packet *paho5.Disconnect) { d.disconnect <- packet },
		OnClientError:      func(err error) { d.lost <- err },
	})
	connect := &paho5.Connect{
		ClientID: name, Username: name, UsernameFlag: true,
		Password: []byte(p.passwords[name]), PasswordFlag: true,
		CleanStart: true, KeepAlive: 30,
	}
	for _, fn := range optFns {
		fn(connect)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), wait)
	defer cancel()
	connack, err := d.Connect(ctx, connect)
	if err != nil {
		_ = conn.Close()
	}
	return d, connack, err
}

func (p *platform) connect5(id tenant.ID, thing device.ID, optFns ...func(*paho5.Connect)) *device5 {
	p.t.Helper()
	d, _, err := p.dial5(id, thing, optFns...)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = d.Disconnect(&paho5.Disconnect{}) })
	return d
}

// publish publishes and returns the reason code.
func (d *device5) publish(topic string, qos byte, payload string, user ...paho5.UserProperty) byte {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), wait)
	defer cancel()
	response, err := d.Publish(ctx, &paho5.Publish{
		Topic: topic, QoS: qos, Payload: []byte(payload), Properties: &paho5.PublishProperties{User: user},
	})
	if response == nil {
		require.NoError(d.t, err)
		return 0
	}
	return response.ReasonCode
}

// disconnected waits until the broker ends the connection, and returns its
// reason code.
func (d *device5) disconnected() byte {
	d.t.Helper()
	select {
	case packet := <-d.disconnect:
		return packet.ReasonCode
	case <-time.After(wait):
		require.Fail(d.t, "the connection lives on")
		return 0
	}
}

// subscribe subscribes and returns the reason codes.
func (d *device5) subscribe(filters ...string) []byte {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), wait)
	defer cancel()
	packet := &paho5.Subscribe{}
	for _, filter := range filters {
		packet.Subscriptions = append(packet.Subscriptions, paho5.SubscribeOptions{Topic: filter, QoS: 1})
	}
	suback, err := d.Subscribe(ctx, packet)
	if suback == nil {
		require.NoError(d.t, err)
	}
	return suback.Reasons
}

// receive waits for the next message.
func (d *device5) receive() *paho5.Publish {
	d.t.Helper()
	select {
	case message := <-d.messages:
		return message
	case <-time.After(wait):
		require.Fail(d.t, "no message")
		return nil
	}
}

func telemetry(id tenant.ID, thing device.ID) string {
	return device.TelemetryTopic(id, thing, "").String()
}

func command(id tenant.ID, thing device.ID) string {
	return device.CommandTopic(id, thing, "").String()
}

func do3(t *testing.T, token paho3.Token) error {
	t.Helper()
	require.True(t, token.WaitTimeout(wait), "no answer")
	return token.Error()
}

func TestPublishAndReceiveWithMQTT3(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	client := p.connect3(acme, pump)
	require.NoError(t, do3(t, client.Publish(telemetry(acme, pump), 1, false, `{"v":1,"messageId":"m-1"}`)))
	require.NoError(t, do3(t, client.Publish(telemetry(acme, pump)+"/fast", 0, false, "2")))
	eventually(t, "two messages", func() bool { return len(p.inbox.all()) == 2 })
	messages := p.inbox.all()
	require.Equal(t, device.TelemetryTopic(acme, pump, ""), messages[0].Topic)
	require.Equal(t, "m-1", messages[0].ID)
	require.Equal(t, device.TelemetryTopic(acme, pump, "fast"), messages[1].Topic)

	received := make(chan paho3.Message, 1)
	require.NoError(t, do3(t, client.Subscribe(command(acme, pump), 1, func(_ paho3.Client, m paho3.Message) { received <- m })))
	require.NoError(t, p.broker.Publish(t.Context(), acme, device.Message{Topic: device.CommandTopic(acme, pump, ""), Payload: []byte("open")}))
	select {
	case m := <-received:
		require.Equal(t, "open", string(m.Payload()))
	case <-time.After(wait):
		require.Fail(t, "no command")
	}
}

func TestPublishAndReceiveWithMQTT5(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	d := p.connect5(acme, pump)
	require.Zero(t, d.publish(telemetry(acme, pump), 1, "1", paho5.UserProperty{Key: "message-id", Value: "m-1"}))
	require.Equal(t, "m-1", p.inbox.all()[0].ID)
	require.Equal(t, []byte{1}, d.subscribe(command(acme, pump)))
	require.NoError(t, p.broker.Publish(t.Context(), acme, device.Message{
		Topic: device.CommandTopic(acme, pump, ""), Payload: []byte("open"), ID: "c-1",
	}))
	message := d.receive()
	require.Equal(t, "open", string(message.Payload))
	require.Equal(t, "c-1", message.Properties.User.Get("message-id"))
}
