package mqttdevice

import (
	"context"
	"sync"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Publish implements [device.Bus]. Devices get the message with the QoS of
// their subscription. One that reads too slowly, or is away without a session,
// misses it.
func (b *Broker) Publish(ctx context.Context, id tenant.ID, message device.Message) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := message.Check(id); err != nil {
		return err
	}
	if message.At.IsZero() {
		message.At = b.options.Now()
	}
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Qos: 1}}
	if message.ID != "" {
		pk.Properties.User = []packets.UserProperty{{Key: propertyMessageID, Val: message.ID}}
	} else {
		message.ID = device.PayloadMessageID(message.Payload)
	}
	b.deliver(message, &pk, "")
	return nil
}

// Subscribe implements [device.Bus]. Handlers are called before the message is
// acknowledged to the device that published it.
func (b *Broker) Subscribe(ctx context.Context, id tenant.ID, filter device.Filter, handle func(device.Message)) (cancel func(), err error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if err := id.Check(); err != nil {
		return nil, err
	}
	return b.handlers.Add(id, filter, handle), nil
}

// deliver hands a message to the handlers and to the devices that subscribe to
// it. QoS, retain flag and properties are those of pk.
func (b *Broker) deliver(message device.Message, pk *packets.Packet, origin string) {
	b.handlers.Call(message)
	out := packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: pk.FixedHeader.Qos, Retain: pk.FixedHeader.Retain},
		Connect:     packets.ConnectParams{ClientIdentifier: origin}, // see hook.OnPublish
		PacketID:    uint16(pk.FixedHeader.Qos),                      // any, as each receiver gets its own
		TopicName:   message.Topic.String(),
		Payload:     message.Payload,
		Properties:  pk.Properties,
	}
	if err := b.server.InjectPacket(b.backend, out); err != nil {
		// Can't be: the packet is valid, and nothing was asked of anybody.
		b.options.Logger.Error("mqtt: deliver failed", "topic", out.TopicName, "error", err)
	}
}

// retainedTopics knows which retained messages each thing has.
type retainedTopics struct {
	mu     sync.Mutex
	topics map[string]map[string]struct{} // by thing name
}

// admit notes that a thing sets or clears a retained message, and reports
// whether it may.
func (r *retainedTopics) admit(name, topic string, set bool, limit int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	own := r.topics[name]
	if !set {
		delete(own, topic)
		if len(own) == 0 {
			delete(r.topics, name)
		}
		return true
	}
	if _, held := own[topic]; !held && len(own) >= limit {
		return false
	}
	if own == nil {
		own = map[string]struct{}{}
		if r.topics == nil {
			r.topics = map[string]map[string]struct{}{}
		}
		r.topics[name] = own
	}
	own[topic] = struct{}{}
	return true
}

// forget forgets the retained messages of a thing, and returns their topics.
func (r *retainedTopics) forget(name string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var topics []string
	for topic := range r.topics[name] {
		topics = append(topics, topic)
	}
	delete(r.topics, name)
	return topics
}

// clearRetained removes a retained message without publishing anything.
func (b *Broker) clearRetained(topic string) {
	b.server.Topics.RetainMessage(packets.Packet{TopicName: topic})
}
