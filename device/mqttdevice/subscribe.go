package mqttdevice

import (
	"errors"
	"log/slog"
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

var errTooMany = errors.New("too many subscriptions")

// OnSubscribe implements mqtt.Hook. It judges each filter, and hides those that
// it refuses from the server, which refuses an empty filter.
func (h *hook) OnSubscribe(client *mqtt.Client, pk packets.Packet) packets.Packet {
	s := sessionOf(client)
	if s == nil {
		return pk
	}
	s.verdicts = make([]byte, len(pk.Filters))
	added := 0
	for i := range pk.Filters {
		filter := pk.Filters[i].Filter
		if _, held := client.State.Subscriptions.Get(filter); !held {
			added++
		}
		refusal, code, err := s.judge(filter, len(pk.Filters), added)
		if err != nil {
			h.broker.refuse(s, refusal, "subscribe", err, slog.String("filter", filter))
			s.verdicts[i], pk.Filters[i].Filter = code.Code, ""
			continue
		}
		if strings.ContainsAny(filter, "+#") {
			// AWS IoT Core sends retained messages to exact subscriptions only.
			pk.Filters[i].RetainHandling = 2
		}
	}
	return pk
}

// judge decides about a filter, which is one of several in a packet that adds so
// many subscriptions until here.
func (s *session) judge(filter string, together, added int) (Refusal, packets.Code, error) {
	limits := &s.broker.options.Limits
	if err := s.subscribe(filter); errors.Is(err, errFilter) {
		return RefusalFilter, packets.ErrTopicFilterInvalid, err
	} else if err != nil {
		return RefusalFilter, packets.ErrNotAuthorized, err
	}
	if together > limits.FiltersPerSubscribe || s.client.State.Subscriptions.Len()+added > limits.Subscriptions {
		return RefusalLimit, packets.ErrQuotaExceeded, errTooMany
	}
	return "", packets.CodeSuccess, nil
}

// OnSubscribed implements mqtt.Hook. The reason codes are those that the server
// is about to send.
func (h *hook) OnSubscribed(client *mqtt.Client, _ packets.Packet, reasonCodes []byte) {
	s := sessionOf(client)
	if s == nil {
		return
	}
	for i, verdict := range s.verdicts {
		switch {
		case verdict == 0 || i >= len(reasonCodes):
		case client.Properties.ProtocolVersion < 5:
			reasonCodes[i] = packets.ErrUnspecifiedError.Code
		default:
			reasonCodes[i] = verdict
		}
	}
}
