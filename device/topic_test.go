package device_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

var (
	acme   = tenant.MustParseID("acme")
	globex = tenant.MustParseID("globex")
	pump   = device.MustParseID("pump")
	valve  = device.MustParseID("valve")
)

func TestTopics(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]device.Topic{
		"t/acme/d/pump/telemetry":                               device.TelemetryTopic(acme, pump, ""),
		"t/acme/d/pump/telemetry/a/b/c":                         device.TelemetryTopic(acme, pump, "a/b/c"),
		"t/acme/d/pump/command/open":                            device.CommandTopic(acme, pump, "open"),
		"$aws/things/acme:pump/shadow/get":                      device.ShadowTopic(acme, pump, "", "get"),
		"$aws/things/acme:pump/shadow/update/delta":             device.ShadowTopic(acme, pump, "", "update/delta"),
		"$aws/things/acme:pump/shadow/name/config/update":       device.ShadowTopic(acme, pump, "config", "update"),
		"$aws/things/acme:pump/shadow/name/name/get/accepted":   device.ShadowTopic(acme, pump, "name", "get/accepted"),
		"$aws/things/acme:pu:mp/shadow/delete":                  device.ShadowTopic(acme, device.MustParseID("pu:mp"), "", "delete"),
		"$aws/things/acme:pump/shadow/name/a$b/delete/rejected": device.ShadowTopic(acme, pump, "a$b", "delete/rejected"),
	} {
		topic, err := device.ParseTopic(text)
		require.NoError(t, err, text)
		require.Equal(t, want, topic)
		require.Equal(t, text, topic.String())
		require.NoError(t, topic.Check())
	}
}

func TestBadTopics(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "/", "t", "t/acme/d/pump", "t/acme/d/pump/", "t/acme/d/pump/weather", "t/acme/d/pump/telemetry/", "t/acme/x/pump/telemetry",
		"x/acme/d/pump/telemetry", "t/ACME/d/pump/telemetry", "t//d/pump/telemetry", "t/acme/d//telemetry", "t/acme/d/pu mp/telemetry",
		"t/acme/d/pump/telemetry/+", "t/acme/d/pump/telemetry/#", "t/acme/d/pump/telemetry/a\x00", "t/acme/d/pump/telemetry/\xff",
		"t/acme/d/pump/telemetry/1/2/3/4", "t/acme/d/pump/telemetry/" + strings.Repeat("x", 256),
		"$aws/things/acme:pump", "$aws/things/acme:pump/shadow", "$aws/things/acme:pump/shadow/", "$aws/things/pump/shadow/get",
		"$aws/things/acme:/shadow/get", "$aws/things/:pump/shadow/get", "$aws/things/acme:pump/shadow/steal", "$aws/things/acme:pump/shadow/update/",
		"$aws/things/acme:pump/shadow/name/config", "$aws/things/acme:pump/shadow/name//get", "$aws/things/acme:pump/shadow/name/a b/get",
		"$aws/things/acme:pump/shadow/name/" + strings.Repeat("x", 65) + "/get", "$aws/events/presence/connected/acme:pump", "$SYS/broker/uptime",
	} {
		_, err := device.ParseTopic(text)
		require.ErrorIs(t, err, iotenant.ErrInvalid, text)
	}
	for _, topic := range []device.Topic{
		{},
		{Tenant: acme, Thing: pump, Class: device.ClassTelemetry, Shadow: "x"},
		{Tenant: acme, Thing: pump, Class: device.ClassShadow, Operation: "get", Channel: "x"},
		{Tenant: acme, Thing: pump, Class: "telemetry/x"},
	} {
		require.ErrorIs(t, topic.Check(), iotenant.ErrInvalid, topic.String())
	}
}

// The longest names fit into the limits.
func TestLongestTopic(t *testing.T) {
	t.Parallel()
	id, thing := tenant.MustParseID(strings.Repeat("a", tenant.MaxIDLength)), device.MustParseID(strings.Repeat("b", device.MaxIDLength))
	require.Len(t, device.ThingName(id, thing), 128)
	require.NoError(t, device.ShadowTopic(id, thing, strings.Repeat("c", 64), "update/documents").Check())
	require.NoError(t, device.TelemetryTopic(id, thing, "1/2/3").Check())
}

func FuzzParseTopic(f *testing.F) {
	for _, text := range []string{
		"t/acme/d/pump/telemetry", "t/acme/d/pump/command/a/b", "$aws/things/acme:pump/shadow/name/config/update/delta",
		"$aws/things/acme:a:b/shadow/get", "t/acme/d/pump/telemetry//x", "t/acme/d/a:b/telemetry/\xc3\xa9",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		topic, err := device.ParseTopic(text)
		if err != nil {
			require.ErrorIs(t, err, iotenant.ErrInvalid)
			return
		}
		require.Equal(t, text, topic.String())
		require.NoError(t, topic.Check())
		require.NoError(t, topic.Tenant.Check())
		require.NoError(t, topic.Thing.Check())
		require.True(t, device.Filter{Thing: topic.Thing, Class: topic.Class, Shadow: topic.Shadow, Operation: topic.Operation}.Matches(topic))
	})
}

func FuzzParseThingName(f *testing.F) {
	for _, name := range []string{"acme:pump", "acme:", ":pump", "acme:a:b", "acme", "a-c:x_y"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		id, thing, err := device.ParseThingName(name)
		if err != nil {
			require.True(t, errors.Is(err, tenant.ErrID) || errors.Is(err, device.ErrID), "%v", err)
			return
		}
		require.Equal(t, name, device.ThingName(id, thing))
		require.LessOrEqual(t, len(name), 128)
	})
}

var (
	anyTenant = rapid.StringMatching(`[a-z0-9][a-z0-9-]{1,34}[a-z0-9]`)
	anyThing  = rapid.StringMatching(`[a-zA-Z0-9:_-]{1,91}`)
)

// Whatever the ids, no name and no topic of one thing is that of another, or
// lies under it.
func TestNamesNeverCollide(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (tenant.ID, device.ID) {
			return tenant.MustParseID(anyTenant.Draw(t, "tenant "+label)), device.MustParseID(anyThing.Draw(t, "thing "+label))
		}
		id, thing := draw("1")
		otherID, other := draw("2")
		if rapid.Bool().Draw(t, "alike") { // neighbours are where it could go wrong
			otherID = rapid.SampledFrom([]tenant.ID{id, otherID}).Draw(t, "same tenant")
			name := thing.String()
			other = rapid.SampledFrom([]device.ID{thing, device.MustParseID(name[:1]), device.MustParseID(name[:len(name)/2+1])}).Draw(t, "prefix")
		}
		if id == otherID && thing == other {
			return
		}
		require.NotEqual(t, device.ThingName(id, thing), device.ThingName(otherID, other))
		for _, topics := range [][2]string{
			{device.TelemetryTopic(id, thing, "").String(), device.TelemetryTopic(otherID, other, "").String()},
			{device.ShadowTopic(id, thing, "", "get").String(), device.ShadowTopic(otherID, other, "", "get").String()},
		} {
			require.False(t, strings.HasPrefix(topics[0]+"/", topics[1]+"/"))
		}
		parsedID, parsed, err := device.ParseThingName(device.ThingName(id, thing))
		require.NoError(t, err)
		require.Equal(t, id, parsedID)
		require.Equal(t, thing, parsed)
	})
}

func TestIDText(t *testing.T) {
	t.Parallel()
	var id device.ID
	require.NoError(t, id.UnmarshalText([]byte("pump")))
	require.Equal(t, pump, id)
	text, err := id.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "pump", string(text))
	for _, bad := range []string{"", "a b", "a/b", "a+b", "a#", "é", strings.Repeat("x", device.MaxIDLength+1)} {
		require.ErrorIs(t, id.UnmarshalText([]byte(bad)), device.ErrID, bad)
	}
	_, err = device.ID{}.MarshalText()
	require.ErrorIs(t, err, device.ErrID)
	require.Panics(t, func() { device.MustParseID("") })
}
