package mqttdevice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
)

// session is one connection of a device, from its CONNECT packet on. Fields
// without a word about it belong to the goroutine that reads the connection.
type session struct {
	broker *Broker
	conn   *conn
	client *mqtt.Client
	policy
	name       string // the thing's name and the client id
	remote     string
	identifier string
	principal  string // the id of the credential
	version    int64

	authenticated bool
	established   bool
	parted        bool // the device has said good-bye
	will          *publication
	ackID         uint16   // of the SUBSCRIBE or UNSUBSCRIBE at work
	verdicts      []byte   // on its filters: 0, or the reason code of a refusal
	unlock        func()   // releases the lock on name, if held
	rate          bucket   // of publishing
	pipeline      pipeline // has a lock of its own

	ended  atomic.Pointer[device.DisconnectReason] // set once, by whoever ends it
	forget atomic.Bool                             // keep nothing of it
}

// connect takes a CONNECT packet. It answers a refusal itself, because the
// server would close the connection without a word, and returns it.
func (b *Broker) connect(client *mqtt.Client, pk packets.Packet) error {
	c := client.Net.Conn.(*conn)
	s := &session{
		broker:     b,
		conn:       c,
		client:     client,
		name:       client.ID,
		remote:     client.Net.Remote,
		identifier: b.options.NewID(),
		rate:       newBucket(b.options.Limits.PublishRate),
	}
	b.limit(client)
	refusal, code, err := b.admit(s, &pk)
	if err == nil {
		s.authenticated = true
		return nil
	}
	if s.ended.Load() == nil {
		reason := device.ReasonAuthError
		s.ended.Store(&reason)
	}
	b.refuse(s, refusal, "connect", err)
	_ = b.server.SendConnack(client, code, false, nil) // the connection ends anyway
	return code
}

// limit holds the wishes of a client to what the broker grants.
func (b *Broker) limit(client *mqtt.Client) {
	longest := uint16(b.options.Limits.KeepAlive / time.Second)
	if client.State.Keepalive == 0 || client.State.Keepalive > longest {
		client.State.Keepalive = longest
		client.State.ServerKeepalive = true
	}
	// The server numbers and sends in two steps, so that a message with a new
	// alias could be overtaken by one that uses it: go without.
	client.Properties.Props.TopicAliasMaximum = 0
	// The server's flow control loses count of what it holds back, and can
	// lock itself out: go without.
	client.Properties.Props.ReceiveMaximum = 0
	client.State.Inflight.ResetSendQuota(0)
}

// admit decides about a CONNECT packet. An error comes with the reason to
// count and the code to answer.
func (b *Broker) admit(s *session, pk *packets.Packet) (Refusal, packets.Code, error) {
	id, thing, err := device.ParseThingName(s.name)
	if err != nil {
		return RefusalClientID, packets.ErrClientIdentifierNotValid, fmt.Errorf("client id is no thing name: %w", err)
	}
	s.policy = newPolicy(id, thing)
	// Known from here on: whoever suspends the tenant now ends this session,
	// and whoever did before is heard by the gate.
	b.mu.Lock()
	b.sessions[s] = struct{}{}
	s.conn.session = s
	stopping := b.stopping
	b.mu.Unlock()
	if stopping {
		return RefusalUnavailable, packets.ErrServerShuttingDown, errEnded
	}
	if pk.Properties.AuthenticationMethod != "" {
		return RefusalProtocol, packets.ErrBadAuthenticationMethod, errors.New("enhanced authentication")
	}
	if refusal, err := b.authenticate(s, pk); err != nil {
		return refusal, codeOf(err), err
	}
	if err := b.gate.Admit(b.work, id); err != nil {
		return refusalOf(err, RefusalTenant), codeOf(err), err
	}
	if err := s.takeWill(); err != nil {
		return RefusalWill, packets.ErrNotAuthorized, err
	}
	return "", packets.CodeSuccess, nil
}

func (b *Broker) authenticate(s *session, pk *packets.Packet) (Refusal, error) {
	proof := device.Proof{Certificate: s.conn.certificate()}
	if proof.Certificate == nil {
		if string(pk.Connect.Username) != s.name {
			return RefusalClientID, fmt.Errorf("username is not the client id: %w", device.ErrCredential)
		}
		proof.Password = string(pk.Connect.Password)
	}
	credential, err := b.authenticator.Authenticate(b.work, s.tenant, s.thing, proof)
	if err != nil {
		return refusalOf(err, RefusalCredential), err
	}
	s.principal = credential.ID
	return "", nil
}

// refusalOf tells a refusal from a failure to decide.
func refusalOf(err error, denied Refusal) Refusal {
	if refusedForGood(err) {
		return denied
	}
	return RefusalUnavailable
}

func refusedForGood(err error) bool {
	return errors.Is(err, iotenant.ErrDenied) || errors.Is(err, iotenant.ErrInvalid)
}

// codeOf answers all refusals alike, so that they tell nothing.
func codeOf(err error) packets.Code {
	if refusedForGood(err) {
		return packets.ErrNotAuthorized
	}
	return packets.ErrServerUnavailable
}

// takeWill checks the will, which the server does not, and takes it from the
// server, so that it is received like any other message.
func (s *session) takeWill() error {
	will := s.client.Properties.Will
	s.client.Properties.Will = mqtt.Will{}
	if will.Flag == 0 {
		return nil
	}
	pk := packets.Packet{
		FixedHeader:     packets.FixedHeader{Type: packets.Publish, Qos: will.Qos, Retain: will.Retain},
		ProtocolVersion: s.client.Properties.ProtocolVersion,
		PacketID:        uint16(will.Qos), // any
		TopicName:       will.TopicName,
		Payload:         will.Payload,
		Properties:      packets.Properties{User: will.User},
	}
	publication, problem := s.examine(pk)
	if problem != nil {
		return problem.err
	}
	s.will = publication
	return nil
}

// establish is called when a session is admitted and about to begin, and
// before an older one of the same thing is ended.
func (s *session) establish() {
	s.unlock = s.broker.names.lock(s.name)
	s.established = true
	s.version = s.broker.nextVersion()
	if older, ok := s.broker.server.Clients.Get(s.name); ok {
		if overtaken := sessionOf(older); overtaken != nil {
			reason := device.ReasonDuplicateClientID
			overtaken.ended.CompareAndSwap(nil, &reason)
		}
	}
	s.broker.counters.connections.Add(1)
	s.broker.counters.connected.Add(1)
}

// begin is called when the device has its CONNACK.
func (s *session) begin() {
	s.unlock()
	s.unlock = nil
	s.tellPresence(device.PresenceConnected, "")
}

// close is called when the connection has ended and before the server cleans
// up after it.
func (s *session) close() {
	if s.unlock == nil {
		s.unlock = s.broker.names.lock(s.name)
	}
}

// finish is called when the server is done with a connection.
func (b *Broker) finish(s *session, err error) {
	s.pipeline.wait()
	if s.forget.Load() && s.established {
		s.close()
		if !s.client.IsTakenOver() {
			b.forgetSession(s.client)
		}
	}
	if s.unlock != nil {
		s.unlock()
	}
	b.mu.Lock()
	delete(b.sessions, s)
	b.mu.Unlock()
	if !s.established {
		return
	}
	b.counters.connections.Add(-1)
	reason := s.reason(err)
	if reason == device.ReasonClientError {
		b.refuse(s, RefusalProtocol, "read", err)
	}
	s.publishWill(reason)
	s.tellPresence(device.PresenceDisconnected, reason)
}

// reason says why the connection ended.
func (s *session) reason(err error) device.DisconnectReason {
	if ended := s.ended.Load(); ended != nil {
		return *ended
	}
	var code packets.Code
	var lost net.Error
	switch {
	case s.parted:
		return device.ReasonClientInitiated
	case errors.Is(err, os.ErrDeadlineExceeded):
		return device.ReasonKeepAliveTimeout
	case errors.As(err, &code) || errors.Is(err, errProtocol):
		return device.ReasonClientError
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &lost) || errors.Is(err, net.ErrClosed):
		return device.ReasonConnectionLost
	}
	return device.ReasonClientError
}

// end ends a session, from any goroutine. The first reason counts.
func (b *Broker) end(s *session, reason device.DisconnectReason, code packets.Code) {
	s.ended.CompareAndSwap(nil, &reason)
	// A device with MQTT 5 is told; an error says that it no longer listens.
	_ = b.server.DisconnectClient(s.client, code)
	_ = s.conn.Close()
}

// nextVersion numbers connections. It follows the clock, so that it also grows
// from one run of the broker to the next.
func (b *Broker) nextVersion() int64 {
	for {
		last := b.version.Load()
		next := max(last+1, b.options.Now().UnixMilli())
		if b.version.CompareAndSwap(last, next) {
			return next
		}
	}
}

func (s *session) tellPresence(eventType device.PresenceEventType, reason device.DisconnectReason) {
	receiver := s.broker.options.Presence
	if receiver == nil {
		return
	}
	event := device.PresenceEvent{
		ClientID:                  s.name,
		Timestamp:                 s.broker.options.Now().UnixMilli(),
		EventType:                 eventType,
		SessionIdentifier:         s.identifier,
		PrincipalIdentifier:       s.principal,
		VersionNumber:             s.version,
		ClientInitiatedDisconnect: reason == device.ReasonClientInitiated,
		DisconnectReason:          reason,
	}
	if host, _, err := net.SplitHostPort(s.remote); err == nil && eventType == device.PresenceConnected {
		event.IPAddress = host
	}
	if err := receiver.ReceivePresence(context.WithoutCancel(s.broker.work), s.tenant, event); err != nil {
		s.broker.refuse(s, RefusalUnavailable, "presence", err)
	}
}
