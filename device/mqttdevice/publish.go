package mqttdevice

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
)

// clientError is the reason for ending a connection that breaks MQTT.
const clientError = device.ReasonClientError

// propertyMessageID is the MQTT 5 user property that holds a message's id.
const propertyMessageID = "message-id"

// publication is a PUBLISH packet on its way.
type publication struct {
	pk      packets.Packet
	message device.Message
	// refused is what to answer instead of receiving the message; zero means
	// to receive it.
	refused packets.Code
}

// problem is why a publication is refused.
type problem struct {
	refusal Refusal
	code    packets.Code
	err     error
	// reason is why the connection has to end; empty if it need not.
	reason device.DisconnectReason
}

// publish takes a PUBLISH packet. It reports false if the connection is ended.
func (s *session) publish(pk packets.Packet) bool {
	if s.ended.Load() != nil || !s.awaitRate() {
		return false
	}
	p, problem := s.examine(pk)
	if problem == nil {
		problem = s.permit(p)
	}
	if problem != nil {
		s.broker.refuse(s, problem.refusal, "publish", problem.err, slog.String("topic", pk.TopicName))
		if problem.reason != "" {
			s.broker.end(s, problem.reason, problem.code)
			return false
		}
		p = &publication{pk: pk, refused: problem.code}
	}
	if s.broker.batches == nil {
		return s.process([]*publication{p})
	}
	return s.pipeline.add(p, s.broker.options.Limits.InFlight, s.process)
}

// awaitRate waits until the connection may publish again. It reports false if
// the connection is ended meanwhile.
func (s *session) awaitRate() bool {
	wait := s.rate.take()
	if wait <= 0 {
		return true
	}
	s.broker.counters.throttled.Add(1)
	return s.conn.sleep(wait)
}

// examine checks a PUBLISH packet, or a will made one, against everything that
// is known without asking anybody.
func (s *session) examine(pk packets.Packet) (*publication, *problem) {
	if code := pk.PublishValidate(topicAliases); code != packets.CodeSuccess {
		return nil, &problem{RefusalProtocol, code, code, clientError}
	}
	if pk.FixedHeader.Qos > 1 {
		return nil, &problem{RefusalQoS, packets.ErrQosNotSupported, packets.ErrQosNotSupported, clientError}
	}
	if pk.Properties.TopicAlias > 0 {
		pk.TopicName = s.client.State.TopicAliases.Inbound.Set(pk.Properties.TopicAlias, pk.TopicName)
		pk.Properties.TopicAlias, pk.Properties.TopicAliasFlag = 0, false
	}
	if limit := s.broker.options.Limits.Payload; len(pk.Payload) > limit {
		err := fmt.Errorf("payload of %d bytes, limit %d", len(pk.Payload), limit)
		return nil, &problem{RefusalLimit, packets.ErrPacketTooLarge, err, clientError}
	}
	topic, err := s.policy.publish(pk.TopicName)
	if err != nil {
		return nil, s.forbid(&pk, RefusalTopic, err)
	}
	if pk.FixedHeader.Retain && topic.Class == device.ClassShadow {
		return nil, s.forbid(&pk, RefusalRetain, errors.New(`retained message on a "$" topic`))
	}
	messageID, err := messageIDOf(&pk)
	if err != nil {
		return nil, &problem{RefusalMessage, packets.ErrPayloadFormatInvalid, err, ""}
	}
	return &publication{pk: pk, message: device.Message{
		Topic:   topic,
		Payload: pk.Payload,
		ID:      messageID,
		At:      s.broker.options.Now(),
	}}, nil
}

// forbid refuses a publication that the policy does not allow. Only MQTT 5 with
// QoS 1 has a way to say so; otherwise the connection ends, as in AWS IoT Core.
func (s *session) forbid(pk *packets.Packet, refusal Refusal, err error) *problem {
	if pk.ProtocolVersion == 5 && pk.FixedHeader.Qos == 1 {
		return &problem{refusal, packets.ErrNotAuthorized, err, ""}
	}
	return &problem{refusal, packets.ErrNotAuthorized, err, device.ReasonForbidden}
}

// permit asks for what may change during a connection.
func (s *session) permit(p *publication) *problem {
	if err := s.broker.gate.Admit(s.broker.work, s.tenant); err != nil {
		if refusedForGood(err) {
			return &problem{RefusalTenant, packets.ErrNotAuthorized, err, device.ReasonForbidden}
		}
		return s.postpone(&p.pk, err)
	}
	if p.pk.FixedHeader.Retain && !s.broker.retained.admit(s.name, p.pk.TopicName, len(p.pk.Payload) > 0, s.broker.options.Limits.Retained) {
		return &problem{RefusalLimit, packets.ErrQuotaExceeded, errors.New("too many retained messages"), s.unlessToldOf(&p.pk, device.ReasonClientError)}
	}
	return nil
}

// postpone refuses a publication that may succeed later.
func (s *session) postpone(pk *packets.Packet, err error) *problem {
	return &problem{RefusalUnavailable, packets.ErrImplementationSpecificError, err, s.unlessToldOf(pk, device.ReasonServerError)}
}

// unlessToldOf returns reason if a QoS 1 message has to stay unacknowledged and
// the only way to have it sent again is to end the connection.
func (s *session) unlessToldOf(pk *packets.Packet, reason device.DisconnectReason) device.DisconnectReason {
	if pk.ProtocolVersion < 5 && pk.FixedHeader.Qos == 1 {
		return reason
	}
	return ""
}

// messageIDOf returns the id that the device gave a message. The error is
// device.ErrMessage.
func messageIDOf(pk *packets.Packet) (string, error) {
	for _, property := range pk.Properties.User {
		if property.Key == propertyMessageID {
			return property.Val, device.CheckMessageID(property.Val)
		}
	}
	return device.PayloadMessageID(pk.Payload), nil
}

// process receives publications, hands them on and acknowledges them, in
// order. It reports false if the connection is ended.
func (s *session) process(batch []*publication) bool {
	if s.forget.Load() {
		return false
	}
	errs := s.receive(batch)
	var acks []byte
	for i, p := range batch {
		if p.refused == (packets.Code{}) {
			var err error
			if errs != nil {
				err = errs[i]
			}
			if problem := s.conclude(p, err); problem != nil {
				s.write(acks)
				s.broker.end(s, problem.reason, problem.code)
				return false
			}
		}
		if p.pk.FixedHeader.Qos == 1 {
			acks = appendPuback(acks, &p.pk, p.refused)
		}
	}
	s.write(acks)
	return true
}

// receive returns nil if everything was received, else one error for each
// publication.
func (s *session) receive(batch []*publication) []error {
	if len(batch) == 1 {
		if batch[0].refused != (packets.Code{}) {
			return nil
		}
		if err := s.broker.receiver.Receive(s.broker.work, s.tenant, batch[0].message); err != nil {
			return []error{err}
		}
		return nil
	}
	messages := make([]device.Message, 0, len(batch))
	places := make([]int, 0, len(batch))
	for i, p := range batch {
		if p.refused == (packets.Code{}) {
			messages, places = append(messages, p.message), append(places, i)
		}
	}
	if len(messages) == 0 {
		return nil
	}
	received := s.broker.batches.ReceiveBatch(s.broker.work, s.tenant, messages)
	if received == nil {
		return nil
	}
	errs := make([]error, len(batch))
	for i, place := range places {
		errs[place] = errShortBatch
		if i < len(received) {
			errs[place] = received[i]
		}
	}
	return errs
}

var errShortBatch = errors.New("mqttdevice: the receiver returned too few errors")

// conclude acts on the receiver's answer. It returns a problem if the
// connection has to end.
func (s *session) conclude(p *publication, err error) *problem {
	if err == nil {
		s.broker.counters.received.Add(1)
		s.broker.deliver(p.message, &p.pk, s.name)
		return nil
	}
	problem := s.postpone(&p.pk, err)
	if refusedForGood(err) {
		problem.refusal, problem.code, problem.reason = RefusalMessage, codeOfRefused(err), ""
	}
	s.broker.refuse(s, problem.refusal, "receive", err, slog.String("topic", p.pk.TopicName))
	if problem.reason != "" {
		return problem
	}
	p.refused = problem.code
	return nil
}

func codeOfRefused(err error) packets.Code {
	if errors.Is(err, iotenant.ErrDenied) {
		return packets.ErrNotAuthorized
	}
	return packets.ErrPayloadFormatInvalid
}

// appendPuback appends the PUBACK for a PUBLISH. That of MQTT 3.1.1 can't tell a
// refusal; that of MQTT 5 leaves out a reason code of success.
func appendPuback(acks []byte, pk *packets.Packet, refused packets.Code) []byte {
	code := refused.Code
	if pk.ProtocolVersion < 5 || code == packets.CodeSuccess.Code {
		return append(acks, packets.Puback<<4, 2, byte(pk.PacketID>>8), byte(pk.PacketID))
	}
	return append(acks, packets.Puback<<4, 3, byte(pk.PacketID>>8), byte(pk.PacketID), code)
}

// write writes whole packets. Acknowledgements go together, past the server,
// which would make a system call for each.
func (s *session) write(whole []byte) {
	if len(whole) == 0 {
		return
	}
	s.client.Lock() // as the server does to write
	defer s.client.Unlock()
	// If the connection is gone, the device will send its messages again.
	_, _ = s.conn.Write(whole)
}

// publishWill publishes the will of a device that went without a good-bye.
func (s *session) publishWill(reason device.DisconnectReason) {
	if s.will == nil || s.parted || s.forget.Load() || reason == device.ReasonServerInitiated {
		return
	}
	s.will.message.At = s.broker.options.Now()
	if problem := s.permit(s.will); problem != nil {
		s.broker.refuse(s, problem.refusal, "will", problem.err)
		return
	}
	if s.will.message.Topic.Class == device.ClassShadow {
		// Subscribers see it; the shadow service of AWS ignores wills.
		s.broker.deliver(s.will.message, &s.will.pk, s.name)
		return
	}
	s.process([]*publication{s.will})
}

// trimShare returns the filter of a shared subscription without its group.
func trimShare(filter string) string {
	if shared, ok := strings.CutPrefix(filter, "$share/"); ok {
		_, filter, _ = strings.Cut(shared, "/")
	}
	return filter
}
