package device

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/iotenant/iotenant/tenant"
)

// Limits of a topic in AWS IoT Core.
const (
	MaxTopicLength = 256
	MaxTopicLevels = 8
)

// Class says what a topic is for.
type Class string

// The classes of topics. Devices publish telemetry and shadow requests, and
// receive commands and shadow answers.
const (
	// ClassTelemetry: "t/<tenant>/d/<thing>/telemetry[/<channel>...]".
	ClassTelemetry Class = "telemetry"
	// ClassCommand: "t/<tenant>/d/<thing>/command[/<channel>...]".
	ClassCommand Class = "command"
	// ClassShadow: "$aws/things/<thing name>/shadow[/name/<shadow>]/<operation>".
	ClassShadow Class = "shadow"
)

// Topic is a parsed topic. Every topic of the module is built and parsed here.
type Topic struct {
	Tenant tenant.ID
	Thing  ID
	Class  Class
	// Channel is what follows the class in a telemetry or command topic, with
	// its slashes; it may be empty.
	Channel string
	// Shadow is the name of a named shadow; empty for the classic one.
	Shadow string
	// Operation is the end of a shadow topic: "get", "update", "delete", or
	// one of these with "/accepted", "/rejected", "/delta", "/documents".
	Operation string
}

// TelemetryTopic returns the topic on which a thing publishes telemetry.
func TelemetryTopic(id tenant.ID, thing ID, channel string) Topic {
	return Topic{Tenant: id, Thing: thing, Class: ClassTelemetry, Channel: channel}
}

// CommandTopic returns the topic on which a thing receives commands.
func CommandTopic(id tenant.ID, thing ID, channel string) Topic {
	return Topic{Tenant: id, Thing: thing, Class: ClassCommand, Channel: channel}
}

// ShadowTopic returns the topic of a shadow operation. An empty shadow means
// the classic shadow.
func ShadowTopic(id tenant.ID, thing ID, shadow, operation string) Topic {
	return Topic{Tenant: id, Thing: thing, Class: ClassShadow, Shadow: shadow, Operation: operation}
}

// String returns the topic as text. It does not check it; see [Topic.Check].
func (t Topic) String() string {
	if t.Class == ClassShadow {
		text := "$aws/things/" + ThingName(t.Tenant, t.Thing) + "/shadow/"
		if t.Shadow != "" {
			text += "name/" + t.Shadow + "/"
		}
		return text + t.Operation
	}
	text := "t/" + t.Tenant.String() + "/d/" + t.Thing.text + "/" + string(t.Class)
	if t.Channel != "" {
		text += "/" + t.Channel
	}
	return text
}

// Check reports whether the topic reads back as itself. The error is
// [ErrTopic], [ErrID] or tenant.ErrID.
func (t Topic) Check() error {
	parsed, err := ParseTopic(t.String())
	if err != nil {
		return err
	}
	if parsed != t {
		return fmt.Errorf("%w: %q reads as another topic", ErrTopic, t)
	}
	return nil
}

var shadowOperations = map[string]bool{
	"get": true, "get/accepted": true, "get/rejected": true,
	"update": true, "update/accepted": true, "update/rejected": true, "update/delta": true, "update/documents": true,
	"delete": true, "delete/accepted": true, "delete/rejected": true,
}

// ParseTopic reads a topic name. Topic filters, with wildcards, are no topics.
// Errors: [ErrTopic], [ErrID], tenant.ErrID.
func ParseTopic(text string) (Topic, error) {
	if err := checkTopicText(text); err != nil {
		return Topic{}, err
	}
	if rest, ok := strings.CutPrefix(text, "$aws/things/"); ok {
		return parseShadowTopic(rest)
	}
	levels := strings.SplitN(text, "/", 6)
	if len(levels) < 5 || levels[0] != "t" || levels[2] != "d" {
		return Topic{}, fmt.Errorf("%w: want t/<tenant>/d/<thing>/<class>", ErrTopic)
	}
	topic := Topic{Class: Class(levels[4])}
	if topic.Class != ClassTelemetry && topic.Class != ClassCommand {
		return Topic{}, fmt.Errorf("%w: unknown class", ErrTopic)
	}
	var err error
	if topic.Tenant, err = tenant.ParseID(levels[1]); err != nil {
		return Topic{}, err
	}
	if topic.Thing, err = ParseID(levels[3]); err != nil {
		return Topic{}, err
	}
	if len(levels) == 6 {
		if topic.Channel = levels[5]; topic.Channel == "" {
			return Topic{}, fmt.Errorf("%w: empty level", ErrTopic)
		}
	}
	return topic, nil
}

func parseShadowTopic(rest string) (Topic, error) {
	name, rest, ok := strings.Cut(rest, "/shadow/")
	if !ok {
		return Topic{}, fmt.Errorf("%w: reserved", ErrTopic)
	}
	topic := Topic{Class: ClassShadow}
	var err error
	if topic.Tenant, topic.Thing, err = ParseThingName(name); err != nil {
		return Topic{}, err
	}
	if named, ok := strings.CutPrefix(rest, "name/"); ok {
		if topic.Shadow, rest, ok = strings.Cut(named, "/"); !ok || !isShadowName(topic.Shadow) {
			return Topic{}, fmt.Errorf("%w: bad shadow name", ErrTopic)
		}
	}
	if !shadowOperations[rest] {
		return Topic{}, fmt.Errorf("%w: unknown shadow operation", ErrTopic)
	}
	topic.Operation = rest
	return topic, nil
}

func isShadowName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i := range len(name) {
		if !isNameByte(name[i]) && name[i] != '$' {
			return false
		}
	}
	return true
}

func checkTopicText(text string) error {
	switch {
	case text == "" || len(text) > MaxTopicLength:
		return fmt.Errorf("%w: %d bytes long, want 1 to %d", ErrTopic, len(text), MaxTopicLength)
	case strings.Count(text, "/") >= MaxTopicLevels:
		return fmt.Errorf("%w: more than %d levels", ErrTopic, MaxTopicLevels)
	case strings.ContainsAny(text, "+#"):
		return fmt.Errorf("%w: wildcard in a topic name", ErrTopic)
	case strings.ContainsRune(text, 0) || !utf8.ValidString(text):
		return fmt.Errorf("%w: not UTF-8, or a zero character", ErrTopic)
	}
	return nil
}
