// Package rule plays the part of the rules engine of AWS IoT Core between
// telemetry and detectors: it says which input a message is for, and adds who
// sent it.
package rule

import (
	"bytes"
	"encoding/json"

	"github.com/iotenant/iotenant/device"
)

// DefaultInput is the input of telemetry without a channel.
const DefaultInput = "telemetry"

// Input returns the input for telemetry of a channel.
func Input(channel string) string {
	if channel == "" {
		return DefaultInput
	}
	return channel
}

// WithThing sets the member "thing" of a JSON object to the thing that sent
// it, as "SELECT *, topic(4) AS thing" does on AWS. It is the last member, so
// it counts, also if the device sent one of its own. Other payloads are
// returned as they are.
func WithThing(payload []byte, thing device.ID) []byte {
	trimmed := bytes.TrimRight(payload, " \t\r\n")
	head, ok := bytes.CutSuffix(trimmed, []byte("}"))
	if !ok {
		return payload
	}
	name, err := json.Marshal(thing)
	if err != nil {
		return payload
	}
	head = bytes.TrimRight(head, " \t\r\n")
	out := make([]byte, 0, len(head)+len(name)+12)
	out = append(out, head...)
	if !bytes.HasSuffix(head, []byte("{")) {
		out = append(out, ',')
	}
	out = append(out, `"thing":`...)
	out = append(out, name...)
	return append(out, '}')
}
