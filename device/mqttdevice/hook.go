package mqttdevice

import (
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// hook is where the server asks. It takes PUBLISH packets from the server
// altogether: the server acknowledges them in its own time, keeps their packet
// ids in one table with those of the messages that it sends, and looks at the
// topic before it knows what an alias stands for.
type hook struct {
	mqtt.HookBase
	broker *Broker
}

// ID implements mqtt.Hook.
func (h *hook) ID() string { return "iotenant" }

// Provides implements mqtt.Hook.
func (h *hook) Provides(b byte) bool {
	switch b {
	case mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnSessionEstablish, mqtt.OnSessionEstablished, mqtt.OnDisconnect,
		mqtt.OnPacketRead, mqtt.OnPacketEncode, mqtt.OnPacketSent, mqtt.OnACLCheck, mqtt.OnSubscribe, mqtt.OnSubscribed,
		mqtt.OnPublish, mqtt.OnPublishDropped, mqtt.OnClientExpired:
		return true
	}
	return false
}

// sessionOf returns the session of a client, nil before CONNECT and for
// clients without a connection.
func sessionOf(client *mqtt.Client) *session {
	if c, ok := client.Net.Conn.(*conn); ok {
		return c.session
	}
	return nil
}

// OnConnect implements mqtt.Hook.
func (h *hook) OnConnect(client *mqtt.Client, pk packets.Packet) error {
	return h.broker.connect(client, pk)
}

// OnConnectAuthenticate implements mqtt.Hook.
func (h *hook) OnConnectAuthenticate(client *mqtt.Client, _ packets.Packet) bool {
	s := sessionOf(client)
	return s != nil && s.authenticated
}

// OnSessionEstablish implements mqtt.Hook.
func (h *hook) OnSessionEstablish(client *mqtt.Client, _ packets.Packet) {
	sessionOf(client).establish()
}

// OnSessionEstablished implements mqtt.Hook.
func (h *hook) OnSessionEstablished(client *mqtt.Client, _ packets.Packet) { sessionOf(client).begin() }

// OnDisconnect implements mqtt.Hook.
func (h *hook) OnDisconnect(client *mqtt.Client, _ error, _ bool) {
	if s := sessionOf(client); s != nil {
		s.close()
	}
}

// nothing is a packet that the server takes without doing anything: it
// acknowledges a message that was never sent.
var nothing = packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}}

// OnPacketRead implements mqtt.Hook. An error other than ErrRejectPacket would
// be ignored by the server; this one ends the connection.
func (h *hook) OnPacketRead(client *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	s := sessionOf(client)
	if s == nil {
		return pk, nil
	}
	switch pk.FixedHeader.Type {
	case packets.Publish:
		if !s.publish(pk) {
			return pk, packets.ErrRejectPacket
		}
		return nothing, nil
	case packets.Subscribe, packets.Unsubscribe:
		if pk.PacketID == 0 {
			h.broker.refuse(s, RefusalProtocol, "subscribe", packets.ErrProtocolViolationNoPacketID)
			h.broker.end(s, clientError, packets.ErrProtocolViolationNoPacketID)
			return pk, packets.ErrRejectPacket
		}
		// The server would confuse the packet id with one of its own.
		s.ackID, pk.PacketID, pk.FixedHeader.Qos = pk.PacketID, 0, 0
	case packets.Disconnect:
		s.parted = pk.ReasonCode == packets.CodeDisconnect.Code
	}
	return pk, nil
}

// OnPacketEncode implements mqtt.Hook.
func (h *hook) OnPacketEncode(client *mqtt.Client, pk packets.Packet) packets.Packet {
	s := sessionOf(client)
	old := client.Properties.ProtocolVersion < 5
	switch pk.FixedHeader.Type {
	case packets.Suback, packets.Unsuback:
		pk.PacketID = s.ackID
	case packets.Connack:
		if old {
			pk.ReasonCode = oldConnackCode(pk.ReasonCode)
		} else if pk.ReasonCode == packets.CodeSuccess.Code {
			pk.Properties.TopicAliasMaximum = topicAliases
			pk.Properties.MaximumPacketSize = h.broker.server.Options.Capabilities.MaximumPacketSize
		}
	case packets.Disconnect:
		if old {
			// MQTT 3.1.1 has no such packet from a server. The server can't
			// encode this type, and so sends nothing.
			pk.FixedHeader.Type = packets.Reserved
		}
	}
	return pk
}

// oldConnackCode returns the code of MQTT 3.1.1 for one of MQTT 5.
func oldConnackCode(code byte) byte {
	switch code {
	case packets.ErrUnsupportedProtocolVersion.Code:
		return packets.Err3UnsupportedProtocolVersion.Code
	case packets.ErrClientIdentifierNotValid.Code:
		return packets.Err3ClientIdentifierNotValid.Code
	case packets.ErrServerUnavailable.Code, packets.ErrServerBusy.Code, packets.ErrServerShuttingDown.Code:
		return packets.Err3ServerUnavailable.Code
	}
	if code >= packets.ErrUnspecifiedError.Code {
		return packets.Err3NotAuthorized.Code
	}
	return code
}

// OnPacketSent implements mqtt.Hook.
func (h *hook) OnPacketSent(_ *mqtt.Client, pk packets.Packet, _ []byte) {
	if pk.FixedHeader.Type == packets.Publish {
		h.broker.counters.delivered.Add(1)
	}
}

// OnACLCheck implements mqtt.Hook. The server asks it for each message to a
// device, and for filters, which OnSubscribe has seen before.
func (h *hook) OnACLCheck(client *mqtt.Client, topic string, write bool) bool {
	s := sessionOf(client)
	return s != nil && !write && s.owns(trimShare(topic))
}

// OnPublish implements mqtt.Hook. Only the backend publishes through the
// server; see Broker.deliver.
func (h *hook) OnPublish(_ *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	pk.Origin, pk.Connect.ClientIdentifier = pk.Connect.ClientIdentifier, ""
	return pk, nil
}

// OnPublishDropped implements mqtt.Hook.
func (h *hook) OnPublishDropped(client *mqtt.Client, _ packets.Packet) {
	if s := sessionOf(client); s != nil {
		h.broker.refuse(s, RefusalOverflow, "deliver", packets.ErrPendingClientWritesExceeded)
	}
}

// OnClientExpired implements mqtt.Hook. The server forgets the client, but not
// its subscriptions.
func (h *hook) OnClientExpired(client *mqtt.Client) {
	unlock := h.broker.names.lock(client.ID)
	defer unlock()
	h.broker.forgetSession(client)
}
