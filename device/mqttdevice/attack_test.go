package mqttdevice_test

import (
	"crypto/tls"
	"strings"
	"sync"
	"testing"
	"time"

	paho5 "github.com/eclipse/paho.golang/paho"
	paho3 "github.com/eclipse/paho.mqtt.golang"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/device/mqttdevice"
)

const notAuthorized = 0x87

// foreignTopics are topics on which the pump of acme may not publish.
func foreignTopics() []string {
	return []string{
		telemetry(globex, pump),
		telemetry(globex, pump) + "/x",
		telemetry(acme, valve),
		command(acme, pump),
		command(globex, pump),
		"t/globex/d/pump",
		"t/acme/d/pump",
		"t/acme/d/pump/",
		"t/acme/d/pump/telemetryx",
		"t/acme/d/pump/telemetry/",
		"t/acme/d/pump-2/telemetry",
		"t/acme-2/d/pump/telemetry",
		"T/acme/d/pump/telemetry",
		"/t/acme/d/pump/telemetry",
		"t/acme/d/pump/telemetry/1/2/3/4",
		"t//d/pump/telemetry",
		"weather",
		"$aws/things/globex:pump/shadow/update",
		"$aws/things/acme:valve/shadow/update",
		"$aws/things/acme:pump/shadow/update/accepted",
		"$aws/things/acme:pump/shadow/update/delta",
		"$aws/things/acme:pump/shadow/name/config/get/rejected",
		"$aws/things/pump/shadow/update",
		"$aws/things/acme:pump/jobs/get",
		"$aws/events/presence/connected/acme:pump",
		"$aws/rules/telemetry/t/globex/d/pump/telemetry",
		"$SYS/broker/uptime",
		"$share/g/t/acme/d/pump/telemetry",
	}
}

// foreignFilters are filters that select more than the topics of acme's pump.
func foreignFilters() []string {
	return []string{
		"#", "+", "/#", "+/#", "+/+/+/+/+", "t/#", "t/+/d/+/telemetry", "t/acme/#", "t/acme/d/#", "t/acme/d/+/telemetry",
		"t/+/d/pump/telemetry", "+/acme/d/pump/telemetry", "t/acme/+/pump/telemetry",
		"t/acme/d/pump", "t/acme/d/pump#", "t/acme/d/pump+/telemetry",
		telemetry(globex, pump), telemetry(acme, valve), command(globex, pump), "t/globex/d/pump/#",
		"$aws/#", "$aws/things/#", "$aws/things/+/shadow/#", "$aws/things/globex:pump/shadow/#", "$aws/things/acme:valve/#",
		"$aws/things/acme:pump", "$aws/things/acme:+/shadow/get", "$aws/events/#", "$aws/rules/#",
		"$SYS/#", "$SYS/broker/uptime", "$sys/#",
		"$share/g/#", "$share/g/t/+/d/pump/telemetry", "$share/g/t/globex/d/pump/telemetry", "$share/g/$SYS/#",
		"$share/+/t/acme/d/pump/telemetry", "$share//t/acme/d/pump/telemetry", "$share/t/acme/d/pump/telemetry",
		"$SHARE/g/t/acme/d/pump/telemetry", "$share/g/$share/g/t/acme/d/pump/telemetry", "$\u017fhare/g/t/globex/d/pump/telemetry",
		"t/acme/d/pump/te#", "t/acme/d/pump/#/x", "t/acme/d/pump/a+",
	}
}

func TestAttackPublish(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	victim := p.connect5(globex, pump)
	require.Equal(t, []byte{1}, victim.subscribe("t/globex/d/pump/#"))
	everything := make(chan device.Message, 100)
	cancel, err := p.broker.Subscribe(t.Context(), globex, device.Filter{}, func(m device.Message) { everything <- m })
	require.NoError(t, err)
	defer cancel()

	attacker := p.connect5(acme, pump)
	for i, topic := range foreignTopics() {
		require.Equal(t, byte(notAuthorized), attacker.publish(topic, 1, "stolen"), topic)
		require.EqualValues(t, i+1, p.refused(mqttdevice.RefusalTopic), topic)
	}
	require.Zero(t, attacker.publish(telemetry(acme, pump), 1, "own"), "the connection survives a refusal")
	require.Equal(t, []string{"own"}, p.inbox.payloads())
	require.Empty(t, everything)
	require.Empty(t, victim.messages)
}

func TestAttackPublishEndsTheConnection(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for _, topic := range foreignTopics() {
		for _, qos := range []byte{0, 1} {
			lost := make(chan error, 1)
			client := p.connect3(acme, pump, func(o *paho3.ClientOptions) {
				o.SetConnectionLostHandler(func(_ paho3.Client, err error) { lost <- err })
			})
			client.Publish(topic, qos, false, "stolen")
			select {
			case err := <-lost:
				require.Error(t, err)
			case <-time.After(wait):
				require.Fail(t, "the connection lives on", topic)
			}
		}
		d := p.connect5(acme, pump)
		d.publish(topic, 0, "stolen")
		select {
		case packet := <-d.disconnect:
			require.Equal(t, byte(notAuthorized), packet.ReasonCode, topic)
		case <-time.After(wait):
			require.Fail(t, "the connection lives on", topic)
		}
	}
	require.Empty(t, p.inbox.all())
	require.EqualValues(t, 3*len(foreignTopics()), p.refused(mqttdevice.RefusalTopic))
}

func TestAttackTopicAlias(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	d := p.connect5(acme, pump)
	alias := uint16(1)
	send := func(topic string) byte {
		response, err := d.Publish(t.Context(), &paho5.Publish{
			Topic: topic, QoS: 1, Payload: []byte(topic), Properties: &paho5.PublishProperties{TopicAlias: &alias},
		})
		if response == nil {
			require.NoError(t, err)
		}
		return response.ReasonCode
	}
	require.Equal(t, byte(notAuthorized), send(""), "an alias that stands for nothing")
	require.Equal(t, byte(notAuthorized), send(telemetry(globex, pump)))
	require.Equal(t, byte(notAuthorized), send(""), "an alias of a foreign topic")
	require.Zero(t, send(telemetry(acme, pump)))
	require.Zero(t, send(""))
	require.Len(t, p.inbox.all(), 2)
}

func TestAttackSubscribe(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	attacker5, attacker3 := p.connect5(acme, pump), p.connect3(acme, valve)
	for _, filter := range foreignFilters() {
		if codes := attacker5.subscribe(filter); codes[0] != notAuthorized {
			require.Equal(t, []byte{0x8F}, codes, filter)
		}
		// The same filters, as the valve sees them.
		filter = strings.NewReplacer("pump", "valve", "valve", "pump").Replace(filter)
		token := attacker3.Subscribe(filter, 1, nil).(*paho3.SubscribeToken)
		if err := do3(t, token); err == nil { // else paho refuses it itself
			for _, code := range token.Result() {
				require.Equal(t, byte(0x80), code, filter)
			}
		}
	}
	require.GreaterOrEqual(t, p.refused(mqttdevice.RefusalFilter), uint64(len(foreignFilters())))

	victim := p.connect5(globex, pump)
	require.Zero(t, victim.publish(telemetry(globex, pump), 1, "secret"))
	require.NoError(t, p.broker.Publish(t.Context(), globex, device.Message{Topic: device.CommandTopic(globex, pump, ""), Payload: []byte("secret")}))
	// What was refused in one packet with what was not does not come along.
	require.Equal(t, []byte{notAuthorized, 1, notAuthorized}, attacker5.subscribe("t/globex/d/pump/#", command(acme, pump), "#"))
	require.NoError(t, p.broker.Publish(t.Context(), globex, device.Message{Topic: device.CommandTopic(globex, pump, ""), Payload: []byte("secret")}))
	require.NoError(t, p.broker.Publish(t.Context(), acme, device.Message{Topic: device.CommandTopic(acme, pump, ""), Payload: []byte("own")}))
	require.Equal(t, "own", string(attacker5.receive().Payload))
	require.Empty(t, attacker5.messages)
}

func TestAttackRetained(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	victim := p.connect3(globex, pump)
	require.NoError(t, do3(t, victim.Publish(telemetry(globex, pump), 1, true, "secret")))
	attacker := p.connect5(acme, pump)
	for _, filter := range foreignFilters() {
		require.GreaterOrEqual(t, attacker.subscribe(filter)[0], byte(0x80), filter)
	}
	ctx := t.Context()
	for _, topic := range []string{telemetry(globex, pump), "$aws/things/acme:pump/shadow/update"} {
		response, err := attacker.Publish(ctx, &paho5.Publish{Topic: topic, QoS: 1, Retain: true, Payload: []byte("stolen")})
		require.Error(t, err)
		require.Equal(t, byte(notAuthorized), response.ReasonCode, topic)
	}
	require.Equal(t, []byte{1}, p.connect5(globex, valve).subscribe(telemetry(globex, valve)))
	require.Equal(t, []string{"secret"}, p.inbox.payloads())
	require.Empty(t, attacker.messages)
	require.EqualValues(t, 1, p.refused(mqttdevice.RefusalRetain))
}

func TestAttackWill(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	wills := append(foreignTopics(), "t/acme/d/pump/+", "#", strings.Repeat("x", 300))
	for _, topic := range wills {
		_, connack, err := p.dial5(acme, pump, func(c *paho5.Connect) {
			c.WillMessage = &paho5.WillMessage{Topic: topic, QoS: 1, Payload: []byte("stolen")}
		})
		require.Error(t, err, topic)
		require.Equal(t, byte(notAuthorized), connack.ReasonCode, topic)
		_, err = p.dial3(acme, pump, func(o *paho3.ClientOptions) { o.SetWill(topic, "stolen", 1, true) })
		require.ErrorContains(t, err, "not Authorized", topic)
	}
	require.EqualValues(t, 2*len(wills), p.refused(mqttdevice.RefusalWill))
	require.Empty(t, p.inbox.all())
}

func TestAttackClientID(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	own := device.ThingName(acme, pump)
	for name, connect := range map[string]func(*paho5.Connect){
		"client id of another tenant":            func(c *paho5.Connect) { c.ClientID = "globex:pump" },
		"client id and username of another":      func(c *paho5.Connect) { c.ClientID, c.Username = "globex:pump", "globex:pump" },
		"username of another":                    func(c *paho5.Connect) { c.Username = "globex:pump" },
		"client id of another thing":             func(c *paho5.Connect) { c.ClientID, c.Username = "acme:valve", "acme:valve" },
		"password of another tenant":             func(c *paho5.Connect) { c.Password = []byte(p.passwords["globex:pump"]) },
		"password of another thing":              func(c *paho5.Connect) { c.Password = []byte(p.passwords["acme:valve"]) },
		"no password":                            func(c *paho5.Connect) { c.Password, c.PasswordFlag = nil, false },
		"no username":                            func(c *paho5.Connect) { c.Username, c.UsernameFlag, c.Password, c.PasswordFlag = "", false, nil, false },
		"no thing of this tenant":                func(c *paho5.Connect) { c.ClientID, c.Username = "acme:none", "acme:none" },
		"no tenant":                              func(c *paho5.Connect) { c.ClientID, c.Username = "nobody:pump", "nobody:pump" },
		"client id with another tenant behind":   func(c *paho5.Connect) { c.ClientID = own + ":globex:pump" },
		"secret of the password with another id": func(c *paho5.Connect) { c.Password = append([]byte("000000000000000000000000"), c.Password[24:]...) },
	} {
		_, connack, err := p.dial5(acme, pump, connect)
		require.Error(t, err, name)
		require.Equal(t, byte(notAuthorized), connack.ReasonCode, name)
		require.Equal(t, "not authorized", connack.Properties.ReasonString, name)
	}
	for _, id := range []string{"", "pump", "acme", "+", "#", "acme:+", "$SYS:pump", "inline", "_platform:pump", strings.Repeat("x", 129)} {
		_, connack, err := p.dial5(acme, pump, func(c *paho5.Connect) { c.ClientID, c.Username = id, id })
		require.Error(t, err, id)
		require.Equal(t, byte(0x85), connack.ReasonCode, id)
	}
	require.Zero(t, p.broker.Stats().Connected)
}

func TestAttackTakeover(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	victim := p.connect5(globex, pump)
	for range 3 {
		_, _, err := p.dial5(acme, pump, func(c *paho5.Connect) { c.ClientID, c.Username = "globex:pump", "globex:pump" })
		require.Error(t, err)
	}
	require.Zero(t, victim.publish(telemetry(globex, pump), 1, "alive"))
	require.Empty(t, victim.disconnect)
}

func TestAttackSuspendedTenant(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	cancel := p.directory.OnSuspend(p.broker.DisconnectTenant)
	defer cancel()
	d, other := p.connect5(acme, pump, func(c *paho5.Connect) {
		c.WillMessage = &paho5.WillMessage{Topic: telemetry(acme, pump), QoS: 1, Payload: []byte("will")}
	}), p.connect5(globex, pump)
	old := p.connect3(acme, valve)
	_, err := p.directory.Suspend(t.Context(), acme, "unpaid")
	require.NoError(t, err)
	require.Equal(t, byte(0x98), d.disconnected())
	eventually(t, "the connection to end", func() bool { return !old.IsConnected() && p.broker.Stats().Connections == 1 })
	_, connack, err := p.dial5(acme, pump)
	require.Error(t, err)
	require.Equal(t, byte(notAuthorized), connack.ReasonCode)
	require.Zero(t, other.publish(telemetry(globex, pump), 1, "on"))
	require.Equal(t, []string{"on"}, p.inbox.payloads(), "not even the will")

	_, err = p.directory.Resume(t.Context(), acme)
	require.NoError(t, err)
	require.Zero(t, p.connect5(acme, pump).publish(telemetry(acme, pump), 1, "back"))
}

// A tenant that another process suspended is refused too, if with a delay.
func TestAttackSuspendedElsewhere(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	d := p.connect5(acme, pump)
	_, err := p.directory.Suspend(t.Context(), acme, "unpaid") // nobody tells the broker
	require.NoError(t, err)
	d.publish(telemetry(acme, pump), 0, "late")
	require.Equal(t, byte(notAuthorized), d.disconnected())
	require.Empty(t, p.inbox.all())
}

// Suspension wins over connections that are just being made.
func TestAttackSuspendWhileConnecting(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	cancel := p.directory.OnSuspend(p.broker.DisconnectTenant)
	defer cancel()
	for range 10 {
		var dials sync.WaitGroup
		for range 4 {
			dials.Go(func() {
				if d, _, err := p.dial5(acme, pump); err == nil {
					select {
					case <-d.disconnect:
					case err := <-d.lost:
						assert.Error(t, err)
					case <-time.After(wait):
						t.Error("a connection of a suspended tenant lives on")
					}
				}
			})
		}
		_, err := p.directory.Suspend(t.Context(), acme, "unpaid")
		require.NoError(t, err)
		dials.Wait()
		eventually(t, "no connections", func() bool { return p.broker.Stats().Connections == 0 })
		_, err = p.directory.Resume(t.Context(), acme)
		require.NoError(t, err)
	}
}

// tlsPlatform has a TLS listener, and an authority that everybody trusts.
func tlsPlatform(t *testing.T) (*platform, *memdevice.Authority) {
	t.Helper()
	authority, err := memdevice.NewAuthority()
	require.NoError(t, err)
	certificate, err := authority.IssueServer("127.0.0.1")
	require.NoError(t, err)
	return newPlatform(t, func(s *setup) {
		s.options = append(s.options, func(o *mqttdevice.Options) {
			o.TLSAddress = "127.0.0.1:0"
			o.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		})
	}), authority
}

// overTLS makes a client use TLS, and a certificate instead of a password.
func overTLS(p *platform, authority *memdevice.Authority, pairs ...tls.Certificate) func(*paho3.ClientOptions) {
	return func(o *paho3.ClientOptions) {
		o.Servers = nil
		o.AddBroker("tls://" + p.broker.Addresses().TLS)
		o.SetTLSConfig(&tls.Config{RootCAs: authority.Pool(), Certificates: pairs, MinVersion: tls.VersionTLS12})
		if len(pairs) > 0 {
			o.SetUsername("").SetPassword("")
		}
	}
}

func TestAttackCertificate(t *testing.T) {
	t.Parallel()
	p, authority := tlsPlatform(t)
	own, err := authority.IssueClient(acme, pump)
	require.NoError(t, err)
	credential, err := p.registry.AddCertificate(t.Context(), acme, pump, own.Leaf)
	require.NoError(t, err)
	client := p.connect3(acme, pump, overTLS(p, authority, own))
	require.NoError(t, do3(t, client.Publish(telemetry(acme, pump), 1, false, "own")))

	unregistered, err := authority.IssueClient(acme, pump)
	require.NoError(t, err)
	for name, dial := range map[string]func() (paho3.Client, error){
		"certificate of another tenant": func() (paho3.Client, error) { return p.dial3(globex, pump, overTLS(p, authority, own)) },
		"certificate of another thing":  func() (paho3.Client, error) { return p.dial3(acme, valve, overTLS(p, authority, own)) },
		"certificate not registered":    func() (paho3.Client, error) { return p.dial3(acme, pump, overTLS(p, authority, unregistered)) },
		// The certificate counts, not the right password beside it.
		"certificate of another with the password": func() (paho3.Client, error) {
			return p.dial3(globex, pump, overTLS(p, authority, own), func(o *paho3.ClientOptions) {
				o.SetUsername("globex:pump").SetPassword(p.passwords["globex:pump"])
			})
		},
		"nothing": func() (paho3.Client, error) {
			return p.dial3(acme, pump, overTLS(p, authority), func(o *paho3.ClientOptions) { o.SetUsername("").SetPassword("") })
		},
	} {
		_, err := dial()
		require.ErrorContains(t, err, "not Authorized", name)
	}
	// A registration in another tenant changes nothing for the first, and the
	// other can't have it either.
	_, err = p.registry.AddCertificate(t.Context(), globex, pump, own.Leaf)
	require.ErrorIs(t, err, device.ErrCertificate)
	// With the password it works over TLS too.
	require.True(t, p.connect3(globex, valve, overTLS(p, authority)).IsConnected())

	require.NoError(t, p.registry.Revoke(t.Context(), acme, pump, credential.ID))
	p.broker.DisconnectThing(acme, pump)
	eventually(t, "the connection to end", func() bool { return !client.IsConnected() })
	_, err = p.dial3(acme, pump, overTLS(p, authority, own))
	require.ErrorContains(t, err, "not Authorized")
}
