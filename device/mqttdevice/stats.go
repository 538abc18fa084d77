package mqttdevice

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// Refusal says why something was refused or given up.
type Refusal string

// The reasons of refusals, as counted in [Stats] and logged.
const (
	RefusalClientID    Refusal = "client-id"   // no thing name, or not that of the username
	RefusalCredential  Refusal = "credential"  // wrong password or certificate
	RefusalTenant      Refusal = "tenant"      // unknown or suspended
	RefusalTopic       Refusal = "topic"       // publish to a topic that is not the thing's
	RefusalFilter      Refusal = "filter"      // subscription to more than the thing's topics
	RefusalWill        Refusal = "will"        // a will that may not be published
	RefusalLimit       Refusal = "limit"       // too large, too many
	RefusalQoS         Refusal = "qos"         // QoS 2
	RefusalRetain      Refusal = "retain"      // retained message on a "$" topic
	RefusalMessage     Refusal = "message"     // refused by the receiver for good
	RefusalProtocol    Refusal = "protocol"    // broken MQTT
	RefusalUnavailable Refusal = "unavailable" // a dependency failed
	RefusalOverflow    Refusal = "overflow"    // a device reads slower than it is sent to
)

var refusals = [...]Refusal{
	RefusalClientID, RefusalCredential, RefusalTenant, RefusalTopic, RefusalFilter, RefusalWill, RefusalLimit,
	RefusalQoS, RefusalRetain, RefusalMessage, RefusalProtocol, RefusalUnavailable, RefusalOverflow,
}

// Stats is a snapshot of what a broker has done since it was made.
type Stats struct {
	// Connections is the number of devices that are connected now.
	Connections int
	// Connected is how many connections there have been.
	Connected uint64
	// Received is how many messages devices published that were taken.
	Received uint64
	// Delivered is how many messages were sent to devices, one for each
	// device and sending.
	Delivered uint64
	// Throttled is how many messages had to wait for the publish rate.
	Throttled uint64
	// Refused counts refusals by reason; reasons without any are left out.
	Refused map[Refusal]uint64
}

type counters struct {
	connections atomic.Int64
	connected   atomic.Uint64
	received    atomic.Uint64
	delivered   atomic.Uint64
	throttled   atomic.Uint64
	refused     [len(refusals)]atomic.Uint64
}

// Stats returns what the broker has done so far.
func (b *Broker) Stats() Stats {
	stats := Stats{
		Connections: int(b.counters.connections.Load()),
		Connected:   b.counters.connected.Load(),
		Received:    b.counters.received.Load(),
		Delivered:   b.counters.delivered.Load(),
		Throttled:   b.counters.throttled.Load(),
		Refused:     map[Refusal]uint64{},
	}
	for i, refusal := range refusals {
		if n := b.counters.refused[i].Load(); n > 0 {
			stats.Refused[refusal] = n
		}
	}
	return stats
}

// refuse counts and logs a refusal. Every refusal passes here.
func (b *Broker) refuse(s *session, refusal Refusal, action string, err error, attrs ...slog.Attr) {
	for i := range refusals {
		if refusals[i] == refusal {
			b.counters.refused[i].Add(1)
		}
	}
	attrs = append([]slog.Attr{
		slog.String("action", action),
		slog.String("reason", string(refusal)),
		slog.String("client", s.name),
		slog.String("remote", s.remote),
		slog.Any("error", err),
	}, attrs...)
	b.options.Logger.LogAttrs(context.Background(), slog.LevelWarn, "mqtt: refused", attrs...)
}
