package device_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// t0 is when things happen, version n being n seconds later.
var t0 = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func connected(id tenant.ID, thing device.ID, version int64) device.PresenceEvent {
	return device.PresenceEvent{
		ClientID:          device.ThingName(id, thing),
		Timestamp:         t0.Add(time.Duration(version) * time.Second).UnixMilli(),
		EventType:         device.PresenceConnected,
		SessionIdentifier: "session-" + string(rune('a'+version)),
		VersionNumber:     version,
		IPAddress:         "192.0.2.1",
	}
}

func disconnected(id tenant.ID, thing device.ID, version int64) device.PresenceEvent {
	event := connected(id, thing, version)
	event.EventType, event.IPAddress = device.PresenceDisconnected, ""
	event.Timestamp += 500
	event.DisconnectReason = device.ReasonConnectionLost
	return event
}

func TestPresenceFollowsTheNewestConnection(t *testing.T) {
	t.Parallel()
	on, off := connected, disconnected
	for name, c := range map[string]struct {
		events    []device.PresenceEvent
		connected bool
		version   int64
	}{
		"connects":                           {[]device.PresenceEvent{on(acme, pump, 1)}, true, 1},
		"connects and goes":                  {[]device.PresenceEvent{on(acme, pump, 1), off(acme, pump, 1)}, false, 1},
		"goes before it connects":            {[]device.PresenceEvent{off(acme, pump, 1), on(acme, pump, 1)}, false, 1},
		"old end after new begin":            {[]device.PresenceEvent{on(acme, pump, 1), on(acme, pump, 2), off(acme, pump, 1)}, true, 2},
		"old begin after new end":            {[]device.PresenceEvent{on(acme, pump, 2), off(acme, pump, 2), on(acme, pump, 1)}, false, 2},
		"everything twice":                   {[]device.PresenceEvent{on(acme, pump, 1), on(acme, pump, 1), off(acme, pump, 1), off(acme, pump, 1), on(acme, pump, 1)}, false, 1},
		"numbers begin again after an hour":  {[]device.PresenceEvent{on(acme, pump, 9), off(acme, pump, 9), later(on(acme, pump, 0))}, true, 0},
		"numbers don't begin again at once":  {[]device.PresenceEvent{on(acme, pump, 9), off(acme, pump, 9), on(acme, pump, 3)}, false, 9},
		"nor while the thing is connected":   {[]device.PresenceEvent{on(acme, pump, 9), later(off(acme, pump, 3))}, true, 9},
		"events about other things":          {[]device.PresenceEvent{on(acme, pump, 1), off(acme, valve, 2)}, true, 1},
		"first event of a new session ended": {[]device.PresenceEvent{on(acme, pump, 1), off(acme, pump, 2), on(acme, pump, 2)}, false, 2},
	} {
		b := newRegistry(t)
		b.create(acme, pump)
		b.create(acme, valve)
		for _, event := range c.events {
			require.NoError(t, b.ReceivePresence(t.Context(), acme, event), name)
		}
		presence, err := b.Presence(t.Context(), acme, pump)
		require.NoError(t, err)
		require.Equal(t, c.connected, presence.Connected, name)
		require.Equal(t, c.version, presence.Version, name)
	}
}

func later(event device.PresenceEvent) device.PresenceEvent {
	event.Timestamp += (2 * time.Hour).Milliseconds()
	return event
}

// In whatever order the events of some connections arrive, and however often,
// the outcome is the same.
func TestPresenceOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.Int64Range(1, 6).Draw(rt, "connections")
		ended := rapid.Bool().Draw(rt, "the last has ended")
		var events []device.PresenceEvent
		for version := int64(1); version <= n; version++ {
			events = append(events, connected(acme, pump, version))
			if version < n || ended {
				events = append(events, disconnected(acme, pump, version))
			}
		}
		events = append(events, events[rapid.IntRange(0, len(events)-1).Draw(rt, "twice")])
		shuffle := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		shuffle.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		b := newRegistry(t)
		b.create(acme, pump)
		for _, event := range events {
			require.NoError(rt, b.ReceivePresence(t.Context(), acme, event))
		}
		presence, err := b.Presence(t.Context(), acme, pump)
		require.NoError(rt, err)
		require.Equal(rt, !ended, presence.Connected)
		require.Equal(rt, n, presence.Version)
	})
}

func TestAttackPresence(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	b.create(acme, pump)
	require.ErrorIs(t, b.ReceivePresence(t.Context(), acme, connected(globex, pump, 1)), device.ErrPresence)
	require.NoError(t, b.ReceivePresence(t.Context(), globex, connected(globex, pump, 1)), "of a thing that is not known: ignored")
	for presence, err := range b.Presences(t.Context(), acme) {
		require.Fail(t, "acme has a presence", "%+v, %v", presence, err)
	}
	for presence, err := range b.Presences(t.Context(), globex) {
		require.Fail(t, "globex has a presence", "%+v, %v", presence, err)
	}
}

func TestParsePresenceEvent(t *testing.T) {
	t.Parallel()
	payload := []byte(`{"clientId":"acme:pump","timestamp":1573002230757,"eventType":"disconnected",
		"sessionIdentifier":"a4666d2a-f33e-4b69-90fb-0a5d02f1e0ab","principalIdentifier":"12345678901234567890123456789012",
		"clientInitiatedDisconnect":true,"disconnectReason":"CLIENT_INITIATED_DISCONNECT","versionNumber":3}`)
	id, thing, event, err := device.ParsePresenceEvent("$aws/events/presence/disconnected/acme:pump", payload)
	require.NoError(t, err)
	require.Equal(t, acme, id)
	require.Equal(t, pump, thing)
	require.Equal(t, device.ReasonClientInitiated, event.DisconnectReason)
	require.True(t, event.ClientInitiatedDisconnect)
	require.EqualValues(t, 3, event.VersionNumber)
	require.Equal(t, time.UnixMilli(1573002230757).UTC(), event.At())
	encoded, err := json.Marshal(event)
	require.NoError(t, err)
	require.JSONEq(t, string(payload), string(encoded))

	for _, c := range [][2]string{
		{"", `{`},
		{"", `{}`},
		{"", `{"clientId":"pump","timestamp":1,"eventType":"connected"}`},
		{"", `{"clientId":"acme:pump","timestamp":1,"eventType":"gone"}`},
		{"", `{"clientId":"acme:pump","eventType":"connected"}`},
		{"", `{"clientId":"acme:pump","timestamp":1,"eventType":"connected","versionNumber":-1}`},
		{"$aws/events/presence/connected/globex:pump", `{"clientId":"acme:pump","timestamp":1,"eventType":"connected"}`},
		{"$aws/events/presence/disconnected/acme:pump", `{"clientId":"acme:pump","timestamp":1,"eventType":"connected"}`},
	} {
		_, _, _, err := device.ParsePresenceEvent(c[0], []byte(c[1]))
		require.ErrorIs(t, err, device.ErrPresence, c[1])
	}
}

func FuzzParsePresenceEvent(f *testing.F) {
	f.Add("", []byte(`{"clientId":"acme:pump","timestamp":1,"eventType":"connected","versionNumber":1}`))
	f.Add("$aws/events/presence/disconnected/acme:pump", []byte(`{"clientId":"acme:pump","timestamp":1,"eventType":"disconnected"}`))
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		id, thing, event, err := device.ParsePresenceEvent(topic, payload)
		if err != nil {
			require.ErrorIs(t, err, device.ErrPresence)
			return
		}
		require.Equal(t, device.ThingName(id, thing), event.ClientID)
		encoded, err := json.Marshal(event)
		require.NoError(t, err)
		_, _, again, err := device.ParsePresenceEvent(event.TopicName(), encoded)
		require.NoError(t, err)
		require.Equal(t, event, again)
	})
}
