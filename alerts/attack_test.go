package alerts_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

func TestAttackSameNamesInTwoTenants(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	p.putModel(t, south, strings.Replace(boiler, "> 90", "> 10", 1))
	p.put(t, north, reading("b1", 50, "m1"))
	p.put(t, south, reading("b1", 50, "m1")) // the same message id is no duplicate

	require.Equal(t, "cold", p.detector(t, north, "boiler", "b1").State)
	require.Equal(t, "hot", p.detector(t, south, "boiler", "b1").State)
	d.clock.Advance(time.Hour)
	p.sweep(t, north)
	require.Empty(t, p.notified.Received(south), "a sweep is that of its tenant")
	p.sweep(t, south)
	require.Empty(t, p.notified.Received(north))
	require.NotEmpty(t, p.notified.Received(south))

	p.put(t, north, reading("b1", 95, "m2"))
	p.sweep(t, north)
	for _, id := range p.notified.IDs(north) {
		require.NotContains(t, p.notified.IDs(south), id, "ids of actions are apart")
	}
	require.NoError(t, p.models.Delete(t.Context(), north, "boiler"))
	p.detector(t, south, "boiler", "b1")
}

func TestAttackReadOfAnotherTenant(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, south, boiler)
	p.put(t, south, reading("b1", 95, "m1"))
	p.sweep(t, south)
	alertID := p.notified.IDs(south)[0]
	ctx := t.Context()

	_, err := p.models.Get(ctx, north, "boiler")
	require.ErrorIs(t, err, tenant.ErrNotFound)
	_, err = p.Detector(ctx, north, "boiler", "b1")
	require.ErrorIs(t, err, tenant.ErrNotFound)
	_, err = p.Detectors(ctx, north, "boiler", 0, "")
	require.ErrorIs(t, err, tenant.ErrNotFound)
	_, err = p.alerts.Get(ctx, north, alertID)
	require.ErrorIs(t, err, tenant.ErrNotFound)
	require.ErrorIs(t, p.Redeliver(ctx, north, alertID), tenant.ErrNotFound)
	require.ErrorIs(t, p.DeleteDetector(ctx, north, "boiler", "b1"), tenant.ErrNotFound)
	require.ErrorIs(t, p.models.Delete(ctx, north, "boiler"), tenant.ErrNotFound)
	page, err := p.alerts.List(ctx, north, alerts.Filter{})
	require.NoError(t, err)
	require.Empty(t, page.Items)
	for model, err := range p.models.List(ctx, north) {
		t.Error("a model of another tenant", model, err)
	}
	require.NotContains(t, err2text(p.Put(ctx, north, reading("b1", 1, "m9"))), "south")
	require.Equal(t, "hot", p.detector(t, south, "boiler", "b1").State)
}

func err2text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestAttackCursorOfAnotherTenant(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	for _, id := range []tenant.ID{north, south} {
		p.putModel(t, id, boiler)
		p.put(t, id, reading("b1", 95, "m1"), reading("b2", 95, "m1"), reading("b3", 95, "m1"))
		p.sweep(t, id)
	}
	page, err := p.alerts.List(t.Context(), south, alerts.Filter{Limit: 1})
	require.NoError(t, err)
	require.NotEmpty(t, page.Next)
	_, err = p.alerts.List(t.Context(), north, alerts.Filter{Limit: 1, Cursor: page.Next})
	require.ErrorIs(t, err, tenant.ErrCursor)
	detectors, err := p.Detectors(t.Context(), south, "boiler", 1, "")
	require.NoError(t, err)
	require.NotEmpty(t, detectors.Next)
	_, err = p.Detectors(t.Context(), north, "boiler", 1, detectors.Next)
	require.ErrorIs(t, err, tenant.ErrCursor)
	_, err = p.alerts.List(t.Context(), south, alerts.Filter{Model: "boiler", Cursor: page.Next})
	require.ErrorIs(t, err, tenant.ErrCursor, "nor for another list of the same tenant")
}

func TestAttackKeysWithOddCharacters(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, boiler)
	for _, key := range []string{"", ".", "..", "a/b", "a\x1fb", "a\x1eb", "a b", "é", "a\u0000", "#1", strings.Repeat("a", 129)} {
		message := alerts.Message{Input: "telemetry", Payload: []byte(`{"id": ` + quoted(key) + `, "t": 1}`)}
		err := p.Put(t.Context(), north, message)
		require.ErrorIs(t, err, detector.ErrKey, "%q", key)
	}
	page, err := p.Detectors(t.Context(), north, "boiler", 0, "")
	require.NoError(t, err)
	require.Empty(t, page.Items, "nothing was created")

	p.put(t, north, reading("a", 1, ""), reading("a:b", 1, ""), reading("-", 1, ""), reading("a-b_c", 1, ""), reading(strings.Repeat("a", 128), 1, ""))
	page, err = p.Detectors(t.Context(), north, "boiler", 0, "")
	require.NoError(t, err)
	require.Len(t, page.Items, 5)

	for _, name := range []string{"../north", "a/b", "boiler\x1fb1", "", "."} {
		_, err := p.Detector(t.Context(), north, name, "b1")
		require.Error(t, err)
	}
}

func quoted(text string) string {
	return `"` + strings.NewReplacer("\x1f", `\u001f`, "\x1e", `\u001e`, "\x00", `\u0000`).Replace(text) + `"`
}

func TestAttackPrefixOfAModelName(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	for _, name := range []string{"boiler", "boiler2", "boiler-2", "b"} {
		p.putModel(t, north, strings.Replace(boiler, `"boiler"`, `"`+name+`"`, 1))
	}
	p.put(t, north, reading("b1", 95, "m1"))
	require.NoError(t, p.models.Delete(t.Context(), north, "boiler"))
	require.NoError(t, p.models.Delete(t.Context(), north, "b"))
	p.detector(t, north, "boiler2", "b1")
	p.detector(t, north, "boiler-2", "b1")
}

func TestAttackTopicOfAnotherTenant(t *testing.T) {
	t.Parallel()
	bus := &published{}
	p := newDisk().start(on(detector.ActionIoTTopic, alerts.ToTopics(bus)))
	for _, topic := range []string{
		"t/south/d/b1/command/fan",
		"$aws/things/south:b1/shadow/update",
		"t/south/d/b1/telemetry",
		"t/north/../south/d/b1/command",
		"${$input.telemetry.topic}",
	} {
		definition := strings.Replace(forwarding(topic, "elsewhere"), `"forwarding"`, `"m`+clean(topic)+`"`, 1)
		p.putModel(t, north, definition)
	}
	p.put(t, north, alerts.Message{Input: "telemetry", Payload: []byte(`{"id": "b1", "t": 1, "topic": "t/south/d/b1/command/fan"}`)})
	p.sweep(t, north)
	require.Empty(t, bus.messages)
	for alert, err := range p.alerts.All(t.Context(), north, alerts.Filter{}) {
		require.NoError(t, err)
		require.Equal(t, alerts.StatusDead, alert.Status, alert.Target)
	}
}

func clean(topic string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r
		}
		return '_'
	}, topic)
}

func TestAttackFeedStaysInItsTenant(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, forwarding("any", "hotness"))
	p.putModel(t, south, strings.ReplaceAll(boiler, "$input.telemetry", "$input.hotness"))
	p.put(t, north, reading("b1", 1, "m1"))
	p.sweep(t, north)
	p.sweep(t, south)
	_, err := p.Detector(t.Context(), south, "boiler", "b1")
	require.ErrorIs(t, err, tenant.ErrNotFound)
	require.Empty(t, p.notified.Received(south))
}

// A model that does not load, or a receiver that refuses, is the trouble of
// its tenant, and of that model.
func TestAttackPoisonedModelStallsNobody(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	p.putModel(t, north, strings.Replace(boiler, `"boiler"`, `"poison"`, 1))
	p.putModel(t, south, boiler)
	p.put(t, north, reading("b1", 95, "m1"))
	p.put(t, south, reading("b1", 95, "m1"))

	models := memtenant.NewRepository(d.store, &alerts.ModelSchema)
	_, err := tenant.Update(t.Context(), models, north, tenant.NewKey("poison"), func(m *alerts.Model) error {
		m.Definition, m.Version, m.KeepFrom = []byte(`{"states": "none"}`), m.Version+1, 1
		return nil
	})
	require.NoError(t, err)
	p = d.start()
	d.clock.Advance(61 * time.Second)
	require.ErrorIs(t, p.Sweep(t.Context(), north), alerts.ErrModel)
	p.sweep(t, south)
	require.ElementsMatch(t, []string{"alarm", "still hot"}, p.events(south))
	require.ElementsMatch(t, []string{"alarm", "alarm", "still hot"}, p.events(north), "all but the poisoned model's timer")
	p.put(t, north, reading("b1", 1, "m2"))
	require.Equal(t, "cold", p.detector(t, north, "boiler", "b1").State)

	p.putModel(t, north, strings.Replace(boiler, `"boiler"`, `"poison"`, 1), func(o *alerts.PutOptions) { o.Keep = true })
	p.sweep(t, north)
	require.Len(t, p.events(north), 4, "repaired, it goes on")
}

func TestAttackFloodOfActionsIsBounded(t *testing.T) {
	t.Parallel()
	p := newDisk().start(on(detector.ActionSNS, alerts.NotifierFunc(func(context.Context, tenant.ID, alerts.Alert) error { return nil })))
	action := `{"sns": {"targetArn": "a", "payload": {"contentExpression": "'${$input.telemetry.text}'", "type": "STRING"}}}`
	p.putModel(t, north, `{"detectorModelName": "flood", "detectorModelDefinition": {"initialStateName": "s", "states": [
	  {"stateName": "s", "onInput": {"events": [{"eventName": "e", "condition": "$input.telemetry.t > 0", "actions": [`+
		strings.Join([]string{action, action, action, action}, ",")+`]}]}}]}}`)
	var batch []alerts.Message
	text := strings.Repeat("x", 20<<10)
	for range 100 { // 8 MB of actions for one detector
		batch = append(batch, alerts.Message{Input: "telemetry", Payload: []byte(`{"t": 1, "text": "` + text + `"}`)})
	}
	p.put(t, north, batch...)
	p.sweep(t, north)
	count := 0
	for _, err := range p.alerts.All(t.Context(), north, alerts.Filter{}) {
		require.NoError(t, err)
		count++
	}
	require.Equal(t, 400, count)

	huge := alerts.Message{Input: "telemetry", Payload: []byte(`{"t": 1, "text": "` + strings.Repeat("x", 120<<10) + `"}`)}
	err := p.Put(t.Context(), north, batch[0], huge, batch[1])
	require.ErrorIs(t, err, tenant.ErrTooLarge)
	var failed *alerts.PutError
	require.ErrorAs(t, err, &failed)
	require.Len(t, failed.Failures, 1)
	require.Equal(t, 1, failed.Failures[0].Index)
	require.Equal(t, uint64(102), p.detector(t, north, "flood", "").Evaluations)
}
