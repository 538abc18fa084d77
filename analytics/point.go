package analytics

import (
	"time"

	"github.com/iotenant/iotenant/device"
)

// Limits of what is taken from one payload.
const (
	// MaxMetrics is the number of metrics of a message. More are not taken;
	// the message keeps them.
	MaxMetrics = 100
	// MaxMetricLength is the limit of a metric's name in bytes, as for a
	// field name in AWS IoT Analytics. Longer ones are not taken.
	MaxMetricLength = 255
	// MaxDepth is how deep a payload may be nested. No point is taken of a
	// deeper one.
	MaxDepth = 100
)

// TimestampMember is the member of a payload that holds its time.
const TimestampMember = "timestamp"

// Point is one number at one time.
type Point struct {
	Thing   device.ID `json:"thing"`
	Channel string    `json:"channel"`
	// Metric is the name of the payload's member; for a member of a nested
	// object, the names from the outside in, joined by dots.
	Metric string    `json:"metric"`
	Time   time.Time `json:"time"`
	Value  float64   `json:"value"`
}

// Points returns the numbers in the payload, in the order of the text:
//
//   - The payload is a JSON object (RFC 8259). Of anything else there is no
//     point.
//   - Each member that is a number is a point, also in nested objects. Members
//     of arrays, strings, booleans and null are none, nor is a number beyond
//     float64 or a name that is not UTF-8.
//   - If a name occurs twice, the last number counts.
//   - The time of all points is the member [TimestampMember] of the outermost
//     object, if it can be read, else Message.At. A number is Unix time, in
//     milliseconds from 10^11 on, below in seconds; a string is RFC 3339, or
//     the same with a blank for the T or without zone, which means UTC. It
//     must lie from 1970 to 2199. It is not a metric.
//
// The payload is validated and taken apart in one scan.
func (m *Message) Points() []Point {
	found := scan(m.Payload)
	if len(found.numbers) == 0 {
		return nil
	}
	at := found.at(m)
	points := make([]Point, len(found.numbers))
	names := string(found.names)
	for i, n := range found.numbers {
		points[i] = Point{Thing: m.Thing, Channel: m.Channel, Metric: names[n.from:n.to], Time: at, Value: n.value}
	}
	return points
}

// at returns the time of the points of a message.
func (f *findings) at(m *Message) time.Time {
	if f.hasTime {
		return time.Unix(0, f.time).UTC()
	}
	return m.At.UTC()
}
