package mqttdevice

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// matches is the definition of a match, MQTT 5 section 4.7, level by level.
func matches(filter, topic []string) bool {
	switch {
	case len(filter) == 1 && filter[0] == "#":
		return true
	case len(filter) == 0 || len(topic) == 0:
		return len(filter) == len(topic)
	case filter[0] != "+" && filter[0] != topic[0]:
		return false
	}
	rest := filter[1:]
	if len(topic) == 1 && len(rest) == 1 && rest[0] == "#" {
		return true // "a/#" matches "a"
	}
	return matches(rest, topic[1:])
}

// universe is every topic of some neighbours, of a few words, that a device or
// a backend could publish to.
func universe(own string) (all []string, isOwn map[string]bool) {
	isOwn = map[string]bool{}
	add := func(mine bool, topics ...string) {
		for _, topic := range topics {
			all = append(all, topic)
			isOwn[topic] = mine
		}
	}
	for _, id := range []string{"acme", "acm", "acme-2", "globex"} {
		for _, thing := range []string{"pump", "pum", "pump-2", "p:x"} {
			mine := id+":"+thing == own
			topics, things := "t/"+id+"/d/"+thing, "$aws/things/"+id+":"+thing
			add(mine, topics+"/telemetry", topics+"/telemetry/a", topics+"/telemetry/a/b", topics+"/command", topics+"/command/a")
			for operation := range map[string]bool{"get": true, "update": true, "delete": true, "update/delta": true, "get/accepted": true} {
				add(mine, things+"/shadow/"+operation, things+"/shadow/name/config/"+operation)
			}
			add(false, "$aws/events/presence/connected/"+id+":"+thing)
		}
	}
	add(false, "t", "t/acme", "t/acme/d", "weather", "$SYS/broker/uptime", "a/b/c/d/e")
	return all, isOwn
}

func checkSubscribe(t *testing.T, filter string) {
	t.Helper()
	id, thing := tenant.MustParseID("acme"), device.MustParseID("pump")
	p := newPolicy(id, thing)
	if p.subscribe(filter) != nil {
		return
	}
	selected := filter
	if shared, ok := strings.CutPrefix(filter, "$share/"); ok {
		_, selected, _ = strings.Cut(shared, "/")
	}
	all, isOwn := universe("acme:pump")
	for _, topic := range all {
		if matches(strings.Split(selected, "/"), strings.Split(topic, "/")) {
			require.True(t, isOwn[topic], "the filter %q selects %q", filter, topic)
			require.True(t, p.owns(topic), "the filter %q selects %q, which is not delivered", filter, topic)
		}
	}
}

func TestPolicyAllowsOwnFilters(t *testing.T) {
	t.Parallel()
	p := newPolicy(tenant.MustParseID("acme"), device.MustParseID("pump"))
	for _, filter := range []string{
		"t/acme/d/pump/#", "t/acme/d/pump/+", "t/acme/d/pump/command", "t/acme/d/pump/command/#", "t/acme/d/pump/+/+/x",
		"$aws/things/acme:pump/#", "$aws/things/acme:pump/shadow/#", "$aws/things/acme:pump/shadow/+/accepted",
		"$aws/things/acme:pump/shadow/name/+/update/delta", "$share/group/t/acme/d/pump/#",
	} {
		require.NoError(t, p.subscribe(filter), filter)
		checkSubscribe(t, filter)
	}
}

// Every filter of a few words, level by level.
func TestPolicyOfAllShortFilters(t *testing.T) {
	t.Parallel()
	words := [][]string{
		{"t", "$aws", "+", "#", "$share", ""},
		{"acme", "acm", "things", "+", "#", "g"},
		{"d", "acme:pump", "acme:+", "+", "#", "t"},
		{"pump", "pum", "shadow", "+", "#", "acme"},
		{"telemetry", "get", "+", "#", "d"},
		{"a", "pump", "+", "#", ""},
		{"telemetry", "#"},
	}
	var try func(filter string, level int) int
	try = func(filter string, level int) int {
		checkSubscribe(t, filter)
		tried := 1
		if level < len(words) {
			for _, word := range words[level] {
				tried += try(filter+"/"+word, level+1)
			}
		}
		return tried
	}
	total := 0
	for _, first := range words[0] {
		total += try(first, 1)
	}
	require.Greater(t, total, 10_000)
}

func FuzzPolicySubscribe(f *testing.F) {
	for _, filter := range []string{
		"#", "t/#", "t/acme/d/pump/#", "t/acme/d/pump/+/a", "t/+/d/pump/telemetry", "$share/g/t/acme/d/pump/#", "$share/g/#",
		"$aws/things/acme:pump/shadow/+", "$aws/things/+/shadow/get", "$SHARE/g/t/acme/d/pump/#", "t/acme/d/pump", "\x00", "$share/a/$share/b/#",
	} {
		f.Add(filter)
	}
	f.Fuzz(checkSubscribe)
}

func FuzzPolicyPublish(f *testing.F) {
	for _, topic := range []string{
		"t/acme/d/pump/telemetry", "t/acme/d/pump/telemetry/a/b", "t/acme/d/pump/command", "t/globex/d/pump/telemetry",
		"$aws/things/acme:pump/shadow/update", "$aws/things/acme:pump/shadow/name/config/get", "$aws/things/acme:pump/shadow/get/accepted",
		"t/acme/d/pump:x/telemetry", "$aws/things/acme:pump:x/shadow/get",
	} {
		f.Add(topic)
	}
	id, thing := tenant.MustParseID("acme"), device.MustParseID("pump")
	p := newPolicy(id, thing)
	f.Fuzz(func(t *testing.T, name string) {
		topic, err := p.publish(name)
		if err != nil {
			return
		}
		require.Equal(t, name, topic.String())
		require.Equal(t, id, topic.Tenant)
		require.Equal(t, thing, topic.Thing)
		require.NotEqual(t, device.ClassCommand, topic.Class)
	})
}
