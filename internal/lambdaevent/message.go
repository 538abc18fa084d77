package lambdaevent

import (
	"errors"
	"fmt"
	"slices"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/internal/jsonscan"
)

// Errors of what a rule has selected.
var (
	errTwice = errors.New("a member occurs twice")
	errText  = errors.New("a member is no string")
)

// TopicOf reads the member "topic" that a rule has set, with exactly this name
// and once: a device may have sent any other.
func TopicOf(message []byte) (device.Topic, error) {
	members, err := Members(message, "topic")
	if err != nil {
		return device.Topic{}, err
	}
	text, err := Text(members[0])
	if err != nil {
		return device.Topic{}, fmt.Errorf("topic: %w", err)
	}
	return device.ParseTopic(text)
}

// Members returns the values of members of an object by their exact names, in
// JSON, nil for one that is not there.
func Members(object []byte, names ...string) ([][]byte, error) {
	r := reader{data: object}
	values := make([][]byte, len(names))
	r.members(func(name []byte) {
		n := slices.Index(names, string(name))
		value := r.value()
		if n < 0 {
			return
		}
		if values[n] != nil && r.err == nil {
			r.err = errTwice
		}
		values[n] = value
	})
	r.end()
	return values, r.err
}

// Text returns what a string in JSON says.
func Text(value []byte) (string, error) {
	if len(value) == 0 || value[0] != '"' {
		return "", errText
	}
	if end, _ := jsonscan.String(value, 1); end != len(value)-1 {
		return "", errText
	}
	return unquoted(value[1 : len(value)-1]), nil
}
