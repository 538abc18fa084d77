package mqttdevice_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	paho5 "github.com/eclipse/paho.golang/paho"
	paho3 "github.com/eclipse/paho.mqtt.golang"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/mqttdevice"
	"github.com/iotenant/iotenant/tenant"
)

func (p *platform) presence(id tenant.ID, thing device.ID) device.Presence {
	p.t.Helper()
	presence, err := p.registry.Presence(p.t.Context(), id, thing)
	require.NoError(p.t, err)
	return presence
}

func TestPresence(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	require.False(t, p.presence(acme, pump).Connected)
	for reason, end := range map[device.DisconnectReason]func(*raw){
		device.ReasonClientInitiated: func(r *raw) { r.send([]byte{0xE0, 0}) },
		device.ReasonConnectionLost:  func(r *raw) { r.close() },
		device.ReasonClientError:     func(r *raw) { r.send([]byte{0xF0, 0}) },
		device.ReasonForbidden:       func(r *raw) { r.send(publishPacket(1, telemetry(globex, pump), "x")) },
		device.ReasonAPIInitiated:    func(*raw) { p.broker.DisconnectThing(acme, pump) },
		device.ReasonDuplicateClientID: func(*raw) {
			p.rawConnect(acme, pump, 4).close()
		},
	} {
		r := p.rawConnect(acme, pump, 4)
		eventually(t, "connected", func() bool { return p.presence(acme, pump).Connected })
		before := p.presence(acme, pump)
		end(r)
		eventually(t, "disconnected: "+string(reason), func() bool { return !p.presence(acme, pump).Connected })
		if reason == device.ReasonDuplicateClientID {
			require.Greater(t, p.presence(acme, pump).Version, before.Version)
			continue // the last state is that of the second connection
		}
		after := p.presence(acme, pump)
		require.Equal(t, reason, after.Reason)
		require.Equal(t, before.Version, after.Version)
		require.Equal(t, before.Session, after.Session)
	}
	require.False(t, p.presence(globex, pump).Connected)
}

func TestKeepAliveTimeout(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, func(s *setup) {
		s.options = append(s.options, func(o *mqttdevice.Options) { o.Limits.KeepAlive = time.Second })
	})
	r := p.rawConnect(acme, pump, 4) // asks for 30 s
	r.wantClosed()
	eventually(t, "disconnected", func() bool { return p.presence(acme, pump).Reason == device.ReasonKeepAliveTimeout })
	_, connack, err := p.dial5(acme, pump)
	require.NoError(t, err)
	require.EqualValues(t, 1, *connack.Properties.ServerKeepAlive)
}

func TestConnackTellsTheLimits(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	d, connack, err := p.dial5(acme, pump)
	require.NoError(t, err)
	require.EqualValues(t, 1, *connack.Properties.MaximumQoS)
	require.EqualValues(t, 100, *connack.Properties.ReceiveMaximum)
	require.EqualValues(t, 8, *connack.Properties.TopicAliasMaximum)
	require.Greater(t, *connack.Properties.MaximumPacketSize, uint32(device.MaxPayload))
	require.NoError(t, d.Disconnect(&paho5.Disconnect{}))
}

func TestTakeover(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	first5 := p.connect5(acme, pump)
	second := p.rawConnect(acme, pump, 4)
	require.Equal(t, byte(0x8E), first5.disconnected())
	third := p.connect5(acme, pump)
	second.wantClosed()
	require.Zero(t, third.publish(telemetry(acme, pump), 1, "x"))
	eventually(t, "one connection", func() bool { return p.broker.Stats().Connections == 1 })
	require.True(t, p.presence(acme, pump).Connected, "the end of the second connection is no news")
}

// Many connections of one thing at once leave one, which works.
func TestTakeoverRace(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for range 20 {
		var dials sync.WaitGroup
		for range 8 {
			dials.Go(func() { _, _, _ = p.dial5(acme, pump) }) // may be ended by the next before its CONNACK
		}
		dials.Wait()
		eventually(t, "at most one connection", func() bool { return p.broker.Stats().Connections <= 1 })
		last := p.connect5(acme, pump)
		require.Equal(t, []byte{1}, last.subscribe(command(acme, pump)))
		eventually(t, "only the last connection", func() bool { return p.broker.Stats().Connections == 1 })
		require.NoError(t, p.broker.Publish(t.Context(), acme, device.Message{Topic: device.CommandTopic(acme, pump, ""), Payload: []byte("x")}))
		require.Equal(t, "x", string(last.receive().Payload))
	}
}

// What was published while a device with a session was away comes when it is
// back; DisconnectThing forgets it.
func TestSessionOfADeviceThatIsAway(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	expiry := uint32(3600)
	keep := func(c *paho5.Connect) {
		c.CleanStart, c.Properties = false, &paho5.ConnectProperties{SessionExpiryInterval: &expiry}
	}
	publish := func(payload string) {
		require.NoError(t, p.broker.Publish(t.Context(), acme, device.Message{Topic: device.CommandTopic(acme, pump, ""), Payload: []byte(payload)}))
	}
	leave := func(d *device5) {
		require.NoError(t, d.Disconnect(&paho5.Disconnect{}))
		eventually(t, "no connection", func() bool { return p.broker.Stats().Connections == 0 })
	}
	d, connack, err := p.dial5(acme, pump, keep)
	require.NoError(t, err)
	require.False(t, connack.SessionPresent)
	d.subscribe(command(acme, pump))
	leave(d)
	publish("while away")
	d, connack, err = p.dial5(acme, pump, keep)
	require.NoError(t, err)
	require.True(t, connack.SessionPresent)
	require.Equal(t, "while away", string(d.receive().Payload))
	publish("again here")
	require.Equal(t, "again here", string(d.receive().Payload))
	leave(d)

	publish("to be forgotten")
	p.broker.DisconnectThing(acme, pump)
	d, connack, err = p.dial5(acme, pump, keep)
	require.NoError(t, err)
	require.False(t, connack.SessionPresent)
	p.broker.DisconnectThing(acme, pump)
	<-d.disconnect
	eventually(t, "no connection", func() bool { return p.broker.Stats().Connections == 0 })
	_, connack, err = p.dial5(acme, pump, keep)
	require.NoError(t, err)
	require.False(t, connack.SessionPresent, "the session of a live connection is forgotten too")
}

// A device with MQTT 5 that acknowledges gets everything, however many publish
// and however little it wants at once.
func TestManyMessagesToOneDevice(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	little := uint16(2)
	d := p.connect5(acme, pump, func(c *paho5.Connect) { c.Properties = &paho5.ConnectProperties{ReceiveMaximum: &little} })
	d.subscribe(command(acme, pump))
	const senders, rounds = 8, 50
	for range rounds {
		var done sync.WaitGroup
		for range senders {
			done.Go(func() {
				message := device.Message{Topic: device.CommandTopic(acme, pump, ""), Payload: []byte("x")}
				if err := p.broker.Publish(t.Context(), acme, message); err != nil {
					t.Error(err)
				}
			})
		}
		require.Zero(t, d.publish(telemetry(acme, pump), 1, "meanwhile"))
		done.Wait()
		for range senders {
			d.receive()
		}
	}
	require.Zero(t, p.refused(mqttdevice.RefusalOverflow))
}

func TestWill(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	will := func(o *paho3.ClientOptions) { o.SetWill(telemetry(acme, pump)+"/status", "gone", 1, true) }
	client := p.connect3(acme, pump, will)
	client.Disconnect(100)
	eventually(t, "no connection", func() bool { return p.broker.Stats().Connections == 0 })
	require.Empty(t, p.inbox.all(), "no will after a good-bye")

	p.connectAndBreak(acme, pump, will)
	eventually(t, "the will", func() bool { return len(p.inbox.all()) == 1 })
	require.Equal(t, device.TelemetryTopic(acme, pump, "status"), p.inbox.all()[0].Topic)
	d := p.connect5(acme, pump)
	d.subscribe(telemetry(acme, pump) + "/status")
	require.Equal(t, "gone", string(d.receive().Payload), "it is retained")
}

// AWS's shadow service ignores wills.
func TestWillForShadow(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	update := device.ShadowTopic(acme, pump, "", "update")
	heard := make(chan device.Message, 1)
	cancel, err := p.broker.Subscribe(t.Context(), acme, device.Filter{}, func(m device.Message) { heard <- m })
	require.NoError(t, err)
	defer cancel()

	p.connectAndBreak(acme, pump, func(o *paho3.ClientOptions) { o.SetWill(update.String(), `{"state":{}}`, 1, false) })
	select {
	case will := <-heard:
		require.Equal(t, update, will.Topic)
	case <-time.After(wait):
		require.Fail(t, "subscribers did not get the will")
	}
	p.stop()
	require.Empty(t, p.inbox.all(), "the receiver is not asked")
}

// connectAndBreak connects a thing and cuts its connection.
func (p *platform) connectAndBreak(id tenant.ID, thing device.ID, optFns ...func(*paho3.ClientOptions)) {
	p.t.Helper()
	var conn net.Conn
	p.connect3(id, thing, append(optFns, func(o *paho3.ClientOptions) {
		o.SetCustomOpenConnectionFn(func(uri *url.URL, _ paho3.ClientOptions) (net.Conn, error) {
			var err error
			conn, err = net.Dial("tcp", uri.Host)
			return conn, err
		})
	})...)
	require.NoError(p.t, conn.Close())
}

func TestRetained(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, func(s *setup) {
		s.options = append(s.options, func(o *mqttdevice.Options) { o.Limits.Retained = 2 })
	})
	d := p.connect5(acme, pump)
	retain := func(channel, payload string) byte {
		response, err := d.Publish(t.Context(), &paho5.Publish{Topic: telemetry(acme, pump) + channel, QoS: 1, Retain: true, Payload: []byte(payload)})
		if response == nil {
			require.NoError(t, err)
		}
		return response.ReasonCode
	}
	require.Zero(t, retain("/a", "1"))
	require.Zero(t, retain("/a", "2"))
	require.Zero(t, retain("/b", "3"))
	require.Equal(t, byte(0x97), retain("/c", "4"))
	require.Zero(t, retain("/b", ""))
	require.Zero(t, retain("/c", "5"))
	d.subscribe(telemetry(acme, pump) + "/+")
	d.subscribe("t/acme/d/pump/#")
	d.subscribe(telemetry(acme, pump) + "/a")
	message := d.receive()
	require.Equal(t, "2", string(message.Payload), "wildcards don't deliver retained messages")
	require.Empty(t, d.messages)
	p.broker.DisconnectThing(acme, pump)
	d = p.connect5(acme, pump)
	d.subscribe(telemetry(acme, pump)+"/a", telemetry(acme, pump)+"/c")
	require.Zero(t, retain("/d", "6"))
	require.Zero(t, retain("/e", "7"))
	require.Empty(t, d.messages)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, func(s *setup) {
		s.options = append(s.options, func(o *mqttdevice.Options) {
			o.Limits.Payload = 100
			o.Limits.FiltersPerSubscribe = 3
			o.Limits.Subscriptions = 5
		})
	})
	d := p.connect5(acme, pump)
	filter := func(i int) string { return fmt.Sprint("t/acme/d/pump/command/", i) }
	require.Equal(t, []byte{0x97, 0x97, 0x97, 0x97}, d.subscribe(filter(1), filter(2), filter(3), filter(4)))
	require.Equal(t, []byte{1, 1, 1}, d.subscribe(filter(1), filter(2), filter(3)))
	require.Equal(t, []byte{1, 1, 0x97}, d.subscribe(filter(4), filter(5), filter(6)))
	require.Equal(t, []byte{1}, d.subscribe(filter(1)), "one that is held already adds nothing")
	require.Equal(t, []byte{0x8F}, d.subscribe("t/acme/d/pump/command/"+strings.Repeat("x", 256)))
	require.Equal(t, []byte{0x8F}, d.subscribe("t/acme/d/pump/command/1/2/3/4"))

	require.Zero(t, d.publish(telemetry(acme, pump), 1, strings.Repeat("x", 100)))
	require.Equal(t, byte(notAuthorized), d.publish(telemetry(acme, pump)+"/"+strings.Repeat("x", 256), 1, ""))
	d.publish(telemetry(acme, pump), 0, strings.Repeat("x", 101))
	require.Equal(t, byte(0x95), d.disconnected())

	r := p.rawConnect(acme, pump, 4)
	r.send(packet(0x34, text(telemetry(acme, pump)), number(1), []byte("QoS 2")))
	r.wantClosed()
	require.EqualValues(t, 1, p.refused(mqttdevice.RefusalQoS))
	r = p.rawConnect(acme, pump, 4)
	r.send([]byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F}) // a packet of 256 MB
	r.wantClosed()
	require.Len(t, p.inbox.all(), 1)
}

func TestPublishRate(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, func(s *setup) {
		s.options = append(s.options, func(o *mqttdevice.Options) { o.Limits.PublishRate = 50 })
	})
	r := p.rawConnect(acme, pump, 4)
	start := time.Now()
	for i := range 60 {
		r.send(publishPacket(uint16(i+1), telemetry(acme, pump), fmt.Sprint(i)))
	}
	for range 60 {
		require.Equal(t, byte(0x40), r.read()[0])
	}
	require.GreaterOrEqual(t, time.Since(start), 10*time.Second/50*9/10, "ten messages over the burst")
	require.Len(t, p.inbox.all(), 60, "nothing is discarded")
	require.NotZero(t, p.broker.Stats().Throttled)
}

func TestBrokenPackets(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	other := p.connect5(globex, pump)
	name := device.ThingName(acme, pump)
	for what, packets := range map[string][]byte{
		"not MQTT":                 []byte("GET / HTTP/1.1\r\n\r\n"),
		"no CONNECT first":         publishPacket(1, telemetry(acme, pump), "x"),
		"MQTT 3.1":                 packet(0x10, text("MQIsdp"), []byte{3, 0xC2}, number(30), text(name), text(name), text("x")),
		"empty CONNECT":            {0x10, 0},
		"two CONNECTs":             append(connectPacket(name, p.passwords[name], 4), connectPacket(name, p.passwords[name], 4)...),
		"packet id 0":              append(connectPacket(name, p.passwords[name], 4), subscribePacket(0, command(acme, pump))...),
		"PUBLISH with packet id 0": append(connectPacket(name, p.passwords[name], 4), publishPacket(0, telemetry(acme, pump), "x")...),
		"wildcard in a topic":      append(connectPacket(name, p.passwords[name], 4), publishPacket(1, "t/acme/d/pump/#", "x")...),
		"no filters":               append(connectPacket(name, p.passwords[name], 4), packet(0x82, number(1))...),
		// Decoding this one panics in the library.
		"filter without options": append(connectPacket(name, p.passwords[name], 5), packet(0x82, number(1), []byte{0}, text("t/acme/d/pump/#"))...),
	} {
		r := p.rawDial()
		r.send(packets)
		for {
			if _, err := r.tryRead(); err != nil {
				require.NotErrorIs(t, err, context.DeadlineExceeded, what)
				require.False(t, isTimeout(err), "the connection lives on: %s", what)
				break
			}
		}
	}
	require.Zero(t, other.publish(telemetry(globex, pump), 1, "alive"))
	eventually(t, "one connection", func() bool { return p.broker.Stats().Connections == 1 })
	require.Len(t, p.inbox.all(), 1)
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, func(s *setup) {
		s.options = append(s.options, func(o *mqttdevice.Options) { o.Limits.ConnectTimeout = 50 * time.Millisecond })
	})
	p.rawDial().wantClosed()
}

func TestUnavailableStoreIsNoDenial(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	gate := gateFunc(func(context.Context, tenant.ID) error { return iotenant.ErrUnavailable })
	broker := mqttdevice.New(p.registry, gate, p.inbox, func(o *mqttdevice.Options) { o.Address = "127.0.0.1:0" })
	other := *p
	other.broker = broker
	require.NoError(t, broker.Listen())
	other.run()
	_, connack, err := other.dial5(acme, pump)
	require.Error(t, err)
	require.Equal(t, byte(0x88), connack.ReasonCode)
	_, err = other.dial3(acme, pump)
	require.ErrorContains(t, err, "server Unavailable")
}

type gateFunc func(context.Context, tenant.ID) error

func (f gateFunc) Admit(ctx context.Context, id tenant.ID) error { return f(ctx, id) }

// Shutting down finishes what was begun, tells MQTT 5 clients, and leaves
// MQTT 3.1.1 clients without a packet that they don't know.
func TestShutdown(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	var p *platform
	p = newPlatform(t, func(s *setup) {
		s.receiver = device.ReceiverFunc(func(ctx context.Context, id tenant.ID, m device.Message) error {
			close(begun)
			<-release
			if err := ctx.Err(); err != nil {
				return err
			}
			return p.inbox.Receive(ctx, id, m)
		})
	})
	d := p.connect5(acme, valve)
	r := p.rawConnect(acme, pump, 4)
	silent := p.rawDial()
	r.send(publishPacket(1, telemetry(acme, pump), "x"))
	<-begun
	var stopped sync.WaitGroup
	stopped.Go(p.stop)
	require.Equal(t, byte(0x8B), d.disconnected())
	r.wantClosed()
	silent.wantClosed()
	close(release)
	stopped.Wait()
	require.Len(t, p.inbox.all(), 1)
	_, err := net.Dial("tcp", p.address())
	require.Error(t, err)
	require.ErrorIs(t, p.broker.Run(t.Context()), iotenant.ErrUnsupported)
	require.False(t, p.presence(acme, valve).Connected)
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*mqttdevice.Options){
		"neither Address nor TLSAddress":   func(o *mqttdevice.Options) { o.Address = "" },
		"TLSAddress without TLS":           func(o *mqttdevice.Options) { o.TLSAddress = "127.0.0.1:0" },
		"Limits.Payload 131073":            func(o *mqttdevice.Options) { o.Limits.Payload = device.MaxPayload + 1 },
		"a limit is 0":                     func(o *mqttdevice.Options) { o.Limits.InFlight = 0 },
		"Limits.KeepAlive 24h0m0s":         func(o *mqttdevice.Options) { o.Limits.KeepAlive = 24 * time.Hour },
		"a time limit is not positive":     func(o *mqttdevice.Options) { o.Limits.WriteTimeout = 0 },
		"Limits.KeepAlive 1ms, want 1s to": func(o *mqttdevice.Options) { o.Limits.KeepAlive = time.Millisecond },
	} {
		err := mqttdevice.New(nil, nil, nil, change).Run(t.Context())
		require.ErrorIs(t, err, iotenant.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	err = mqttdevice.New(nil, nil, nil, func(o *mqttdevice.Options) { o.Address = taken.Addr().String() }).Listen()
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}
