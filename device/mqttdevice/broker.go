package mqttdevice

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/internal/fanout"
	"github.com/iotenant/iotenant/tenant"
)

// Broker is an MQTT broker for devices, and the [device.Bus] that reaches them.
// The bus works before Run too, but reaches no device then.
type Broker struct {
	authenticator device.Authenticator
	gate          tenant.Gate
	receiver      device.Receiver
	batches       device.BatchReceiver // the receiver, if it is one
	options       Options

	server   *mqtt.Server
	backend  *mqtt.Client // publishes what does not come from the server itself
	handlers fanout.Handlers
	counters counters
	names    nameLocks
	retained retainedTopics
	version  atomic.Int64 // of the newest connection

	// work is the context of what is done for devices. It ends some time
	// after Run is told to end, so that what was begun can be finished.
	work    context.Context
	abandon context.CancelFunc

	mu        sync.Mutex
	sessions  map[*session]struct{} // also those that are not authenticated yet
	listeners []*listener
	ran       bool
	stopping  bool
}

var _ device.Bus = (*Broker)(nil)

// New returns a broker. Devices prove themselves to authenticator, usually a
// [device.Registry]; gate, usually a [tenant.Directory], admits their tenants;
// receiver takes what they publish.
func New(authenticator device.Authenticator, gate tenant.Gate, receiver device.Receiver, optFns ...func(*Options)) *Broker {
	options := defaultOptions()
	for _, fn := range optFns {
		fn(&options)
	}
	b := &Broker{
		authenticator: authenticator,
		gate:          gate,
		receiver:      receiver,
		options:       options,
		sessions:      map[*session]struct{}{},
	}
	b.batches, _ = receiver.(device.BatchReceiver)
	b.work, b.abandon = context.WithCancel(context.Background())
	b.server = mqtt.New(&mqtt.Options{
		Capabilities: capabilities(&options.Limits),
		// The server logs whole packets, with what is in them: it stays silent.
		Logger:       slog.New(slog.DiscardHandler),
		InlineClient: true,
		// Nobody can subscribe to $SYS, so it need not be kept up to date.
		SysTopicResendInterval: int64((365 * 24 * time.Hour).Seconds()),
	})
	b.backend = b.server.NewClient(nil, mqtt.LocalListener, "", true)
	b.backend.Properties.ProtocolVersion = 5
	// Adding a hook fails only if its Init does, which does nothing here.
	if err := b.server.AddHook(&hook{broker: b}, nil); err != nil {
		panic(err)
	}
	return b
}

// Sizes that are no limits of AWS IoT Core.
const (
	// writesPending is the queue of messages to one device: 2 KB of memory
	// for each connection, where the server's default is 64 KB.
	writesPending = 256
	// queuedPerSession bounds the messages that wait for a device.
	queuedPerSession = 1000
	// packetOverhead is what a packet may have beside its payload: topic and
	// properties.
	packetOverhead = 18 << 10
	// topicAliases per connection.
	topicAliases = 8
)

func capabilities(limits *Limits) *mqtt.Capabilities {
	c := mqtt.NewDefaultServerCapabilities()
	c.MaximumClientWritesPending = writesPending
	c.MaximumSessionExpiryInterval = uint32(min(limits.SessionExpiry/time.Second, math.MaxUint32))
	c.MaximumPacketSize = uint32(limits.Payload + packetOverhead)
	c.ReceiveMaximum = uint16(min(limits.InFlight, math.MaxUint16))
	c.MaximumInflight = queuedPerSession
	c.TopicAliasMaximum = topicAliases
	c.MinimumProtocolVersion = 4
	c.MaximumQos = 1
	return c
}

func newID() string { return rand.Text() }

func (o *Options) check() error {
	l := &o.Limits
	switch {
	case o.Address == "" && o.TLSAddress == "":
		return fmt.Errorf("mqttdevice: %w options: neither Address nor TLSAddress", iotenant.ErrInvalid)
	case o.TLSAddress != "" && o.TLS == nil:
		return fmt.Errorf("mqttdevice: %w options: TLSAddress without TLS", iotenant.ErrInvalid)
	case l.Payload < 1 || l.Payload > device.MaxPayload:
		return fmt.Errorf("mqttdevice: %w options: Limits.Payload %d, want 1 to %d", iotenant.ErrInvalid, l.Payload, device.MaxPayload)
	case l.InFlight < 1 || l.FiltersPerSubscribe < 1 || l.Subscriptions < 1 || l.Retained < 0 || l.PublishRate == 0:
		return fmt.Errorf("mqttdevice: %w options: a limit is 0", iotenant.ErrInvalid)
	case l.KeepAlive < time.Second || l.KeepAlive > maxKeepAlive:
		return fmt.Errorf("mqttdevice: %w options: Limits.KeepAlive %s, want 1s to %s", iotenant.ErrInvalid, l.KeepAlive, maxKeepAlive)
	case l.SessionExpiry < 0 || l.ConnectTimeout <= 0 || l.WriteTimeout <= 0:
		return fmt.Errorf("mqttdevice: %w options: a time limit is not positive", iotenant.ErrInvalid)
	}
	return nil
}

// maxKeepAlive is the longest that the server can count one and a half times.
const maxKeepAlive = math.MaxUint16 * 2 / 3 * time.Second

// Listen binds the addresses of the options, so that a failure shows before Run
// and [Broker.Addresses] can be told. Run calls it if nobody has. Who calls it
// has to call Run, which releases the addresses in the end.
func (b *Broker) Listen() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.listeners) > 0 {
		return nil
	}
	if err := b.options.check(); err != nil {
		return err
	}
	listeners, err := b.listen()
	if err != nil {
		for _, l := range listeners {
			_ = l.accepted.Close()
		}
		return fmt.Errorf("mqttdevice: %w: %w", iotenant.ErrUnavailable, err)
	}
	b.listeners = listeners
	return nil
}

// The ids of the listeners.
const (
	listenerTCP = "tcp"
	listenerTLS = "tls"
)

func (b *Broker) listen() (bound []*listener, err error) {
	if b.options.Address != "" {
		l, err := net.Listen("tcp", b.options.Address)
		if err != nil {
			return bound, err
		}
		bound = append(bound, newListener(listenerTCP, b, l))
	}
	if b.options.TLSAddress != "" {
		config := b.options.TLS.Clone()
		if config.ClientAuth == tls.NoClientCert {
			config.ClientAuth = tls.RequestClientCert
		}
		l, err := tls.Listen("tcp", b.options.TLSAddress, config)
		if err != nil {
			return bound, err
		}
		bound = append(bound, newListener(listenerTLS, b, l))
	}
	return bound, nil
}

// Addresses are where a broker listens. What it does not listen on is empty.
type Addresses struct{ TCP, TLS string }

// Addresses returns where the broker listens; empty before [Broker.Listen].
func (b *Broker) Addresses() Addresses {
	b.mu.Lock()
	defer b.mu.Unlock()
	var addresses Addresses
	for _, l := range b.listeners {
		switch l.id {
		case listenerTCP:
			addresses.TCP = l.Address()
		case listenerTLS:
			addresses.TLS = l.Address()
		}
	}
	return addresses
}

// finishTime is how long receivers may work on after Run is told to end.
const finishTime = 10 * time.Second

var errRanBefore = fmt.Errorf("mqttdevice: %w: a broker runs once", iotenant.ErrUnsupported)

// Run serves devices until ctx ends. Then it ends all connections, finishes
// what it has begun to receive, and returns nil. Any other error is about the
// options or an address, and of kind iotenant.ErrInvalid or
// iotenant.ErrUnavailable. It can be called once.
func (b *Broker) Run(ctx context.Context) error {
	b.mu.Lock()
	ran := b.ran
	b.ran = true
	b.mu.Unlock()
	if ran {
		return errRanBefore
	}
	if err := b.Listen(); err != nil {
		return err
	}
	for _, l := range b.listeners {
		if err := b.server.AddListener(l); err != nil {
			return fmt.Errorf("mqttdevice: %w", err)
		}
	}
	if err := b.server.Serve(); err != nil {
		return fmt.Errorf("mqttdevice: %w", err)
	}
	<-ctx.Done()
	b.mu.Lock()
	b.stopping = true
	b.mu.Unlock()
	timer := time.AfterFunc(finishTime, b.abandon)
	defer timer.Stop()
	defer b.abandon()
	if err := b.server.Close(); err != nil {
		return fmt.Errorf("mqttdevice: %w", err)
	}
	return nil
}

// shutDown ends a connection because the broker ends.
func (b *Broker) shutDown(c *conn) {
	b.mu.Lock()
	s := c.session
	b.mu.Unlock()
	if s == nil {
		_ = c.Close()
		return
	}
	b.end(s, device.ReasonServerInitiated, packets.ErrServerShuttingDown)
}

// DisconnectTenant ends all connections of a tenant, and forgets their
// sessions with the messages that wait in them. When it returns, nothing more
// that they publish is taken. Let a directory call it:
//
//	cancel := directory.OnSuspend(broker.DisconnectTenant)
func (b *Broker) DisconnectTenant(id tenant.ID) {
	b.disconnect(func(p *policy) bool { return p.tenant == id })
}

// DisconnectThing ends the connection of a thing, if it has one, and forgets
// its session and its retained messages. Call it when the thing is deleted or
// a credential is revoked.
func (b *Broker) DisconnectThing(id tenant.ID, thing device.ID) {
	selected := func(p *policy) bool { return p.tenant == id && p.thing == thing }
	b.disconnect(selected)
	for _, topic := range b.retained.forget(device.ThingName(id, thing)) {
		b.clearRetained(topic)
	}
}

func (b *Broker) disconnect(selected func(*policy) bool) {
	var ends sync.WaitGroup
	defer ends.Wait()
	for _, s := range b.liveSessions(selected) {
		s.forget.Store(true)
		s.conn.hurryWrites(time.Second)
		ends.Go(func() { b.end(s, device.ReasonAPIInitiated, packets.ErrAdministrativeAction) })
	}
	for name, client := range b.server.Clients.GetAll() {
		id, thing, err := device.ParseThingName(name)
		if err != nil || !client.Closed() {
			continue
		}
		if p := (policy{tenant: id, thing: thing}); selected(&p) {
			unlock := b.names.lock(name)
			b.forgetSession(client)
			unlock()
		}
	}
}

func (b *Broker) liveSessions(selected func(*policy) bool) []*session {
	b.mu.Lock()
	defer b.mu.Unlock()
	var live []*session
	for s := range b.sessions {
		if selected(&s.policy) {
			live = append(live, s)
		}
	}
	return live
}

// forgetSession removes what the server keeps of a device that is away. The
// name of the client must be locked.
func (b *Broker) forgetSession(client *mqtt.Client) {
	if current, ok := b.server.Clients.Get(client.ID); ok && current == client {
		client.ClearInflights()
		b.server.UnsubscribeClient(client)
		b.server.Clients.Delete(client.ID)
	}
}

var (
	errProtocol = errors.New("broken MQTT")
	errEnded    = errors.New("the connection is ended")
)
