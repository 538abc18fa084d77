package mqttdevice

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// policy is what one thing may publish and receive. It is the device policy of
// AWS IoT Core for this module's topics.
type policy struct {
	tenant tenant.ID
	thing  device.ID
	// Every topic of the thing begins with one of these, and no topic of
	// another thing does: tenant ids and thing ids hold no '/', '+' or '#'.
	topics string // "t/<tenant>/d/<thing>/"
	things string // "$aws/things/<tenant>:<thing>/"
}

func newPolicy(id tenant.ID, thing device.ID) policy {
	return policy{
		tenant: id,
		thing:  thing,
		topics: "t/" + id.String() + "/d/" + thing.String() + "/",
		things: "$aws/things/" + device.ThingName(id, thing) + "/",
	}
}

var (
	errForeignTopic = errors.New("not a topic that this thing may publish to")
	errFilter       = errors.New("not a topic filter")
	errWideFilter   = errors.New("the filter selects more than the thing's own topics")
)

// shadowRequests are the operations that devices ask for; the others are
// answers, which only the shadow service gives.
var shadowRequests = map[string]bool{"get": true, "update": true, "delete": true}

// publish returns the topic that name is, if the thing may publish to it.
func (p *policy) publish(name string) (device.Topic, error) {
	topic, err := device.ParseTopic(name)
	if err != nil {
		return device.Topic{}, err
	}
	own := topic.Tenant == p.tenant && topic.Thing == p.thing
	request := topic.Class == device.ClassTelemetry || topic.Class == device.ClassShadow && shadowRequests[topic.Operation]
	if !own || !request {
		return device.Topic{}, errForeignTopic
	}
	return topic, nil
}

// owns reports whether a topic, or every topic that a filter matches, is the
// thing's own. A filter that begins with the thing's names in so many words has
// its wildcards behind them.
func (p *policy) owns(nameOrFilter string) bool {
	return strings.HasPrefix(nameOrFilter, p.topics) || strings.HasPrefix(nameOrFilter, p.things)
}

// subscribe reports whether the thing may subscribe to the filter.
func (p *policy) subscribe(filter string) error {
	if shared, ok := strings.CutPrefix(filter, "$share/"); ok {
		group, selected, ok := strings.Cut(shared, "/")
		if !ok || group == "" || strings.ContainsAny(group, "+#") {
			return errFilter
		}
		filter = selected
	}
	if !p.owns(filter) {
		return errWideFilter
	}
	return checkFilter(filter)
}

// checkFilter checks the form of a topic filter, by MQTT 5 section 4.7 and the
// limits of AWS IoT Core.
func checkFilter(filter string) error {
	levels := strings.Split(filter, "/")
	if len(filter) > device.MaxTopicLength || len(levels) > device.MaxTopicLevels {
		return errFilter
	}
	if !utf8.ValidString(filter) || strings.ContainsRune(filter, 0) {
		return errFilter
	}
	for i, level := range levels {
		switch {
		case level == "#" && i < len(levels)-1:
			return errFilter
		case len(level) > 1 && strings.ContainsAny(level, "+#"):
			return errFilter
		}
	}
	return nil
}
