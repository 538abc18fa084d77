package alerts_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

func TestModelsAreVersioned(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	first := p.putModel(t, north, boiler)
	require.Equal(t, 1, first.Version)
	require.Equal(t, "boiler", first.Name)

	d.clock.Advance(time.Hour)
	require.Equal(t, first.Version, p.putModel(t, north, boiler).Version, "putting what is current changes nothing")

	changed := strings.Replace(boiler, "> 90", "> 95", 1)
	second := p.putModel(t, north, changed)
	require.Equal(t, 2, second.Version)
	require.Equal(t, start, second.CreatedAt)
	require.Equal(t, start.Add(time.Hour), second.UpdatedAt)

	got, err := p.models.Get(t.Context(), north, "boiler")
	require.NoError(t, err)
	require.Equal(t, second, got)
	require.Equal(t, []string{"boiler"}, names(t, p, north))

	require.NoError(t, p.models.Delete(t.Context(), north, "boiler"))
	_, err = p.models.Get(t.Context(), north, "boiler")
	require.ErrorIs(t, err, tenant.ErrNotFound)
	require.Empty(t, names(t, p, north))
	require.NoError(t, p.models.Delete(t.Context(), north, "boiler"), "again")
	require.ErrorIs(t, p.models.Delete(t.Context(), north, "never"), tenant.ErrNotFound)

	require.Equal(t, 4, p.putModel(t, north, boiler).Version, "a model that comes back is another version")
}

func names(t *testing.T, p *process, id tenant.ID) (names []string) {
	for model, err := range p.models.List(t.Context(), id) {
		require.NoError(t, err)
		names = append(names, model.Name)
	}
	return names
}

func TestBadModelsAreRefused(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	bare := `{"initialStateName": "s", "states": [{"stateName": "s", "onInput": {"events": [{"eventName": "e", "condition": "$input.i.x > 1"}]}}]}`
	for name, test := range map[string]struct {
		definition string
		name       string
		text       string
	}{
		"no JSON":       {definition: "{", text: "model"},
		"bad condition": {definition: strings.Replace(boiler, "> 90", "> ninety", 1), text: "line 1, column"},
		"no name":       {definition: bare, text: "name"},
		"bad name":      {definition: bare, name: "a/b", text: "name"},
		"long name":     {definition: bare, name: strings.Repeat("a", 129), text: "name"},
		"another name":  {definition: boiler, name: "kettle", text: "kettle"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.models.Put(t.Context(), north, []byte(test.definition), func(o *alerts.PutOptions) { o.Name = test.name })
			require.ErrorIs(t, err, alerts.ErrModel)
			require.ErrorContains(t, err, test.text)
		})
	}
	_, err := p.models.Put(t.Context(), north, []byte(strings.Replace(boiler, "> 90", "> ninety", 1)))
	var found *detector.ModelError
	require.ErrorAs(t, err, &found)
	require.Empty(t, names(t, p, north))
}

func TestBareDefinitionsGetTheirName(t *testing.T) {
	t.Parallel()
	bare := `{"initialStateName": "s", "states": [{"stateName": "s", "onInput": {"events": [
		{"eventName": "e", "condition": "$input.telemetry.t > 1", "actions": [{"sqs": {"queueUrl": "q"}}]}]}}]}`
	for name, definition := range map[string]string{
		"bare":    bare,
		"wrapped": `{"detectorModelDefinition": ` + bare + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newDisk().start()
			model := p.putModel(t, north, definition, func(o *alerts.PutOptions) { o.Name = "mine" })
			require.Equal(t, "mine", model.Name)
			require.True(t, json.Valid(model.Definition))
			p.put(t, north, reading("b", 2, ""))
			p.sweep(t, north)
			received := p.notified.Received(north)
			require.Len(t, received, 1)
			require.Contains(t, received[0].Payload, `"detectorModelName":"mine"`)
		})
	}
}

func TestNewVersionResetsDetectors(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"), reading("b2", 95, "m1"))
	p.sweep(t, north)

	p.putModel(t, north, strings.Replace(boiler, "> 90", "> 99", 1))
	_, err := p.Detector(t.Context(), north, "boiler", "b1")
	require.ErrorIs(t, err, tenant.ErrNotFound)
	d.clock.Advance(time.Hour)
	p.sweep(t, north)
	require.Equal(t, []string{"alarm", "alarm"}, p.events(north), "timers of the old version do not fire")

	p.put(t, north, reading("b1", 95, "m2"))
	view := p.detector(t, north, "boiler", "b1")
	require.Equal(t, "cold", view.State)
	require.Equal(t, 2, view.Version)
	require.Equal(t, uint64(1), view.Evaluations)
}

func TestActionsOfAnOldVersionAreDelivered(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"), reading("b2", 95, "m1"))
	p.putModel(t, north, strings.Replace(boiler, "> 90", "> 80", 1))
	p.put(t, north, reading("b1", 85, "m2"))
	p.sweep(t, north)
	var versions []int
	for _, alert := range p.notified.Received(north) {
		versions = append(versions, alert.Version)
	}
	require.ElementsMatch(t, []int{1, 1, 2}, versions)
	require.Len(t, p.notified.IDs(north), 3)
}

func TestKeepGoesOnWithDetectors(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	keep := func(o *alerts.PutOptions) { o.Keep = true }
	p.putModel(t, north, boiler)
	p.put(t, north, reading("hot", 95, "m1"), reading("cold", 1, "m1"))
	renamed := strings.ReplaceAll(strings.Replace(boiler, "> 90", "> 93", 1), `"cold"`, `"cool"`)
	p.putModel(t, north, renamed, keep)

	require.Equal(t, "hot", p.detector(t, north, "boiler", "hot").State)
	_, err := p.Detector(t.Context(), north, "boiler", "cold")
	require.ErrorIs(t, err, tenant.ErrNotFound, "the new version has no such state")

	d.clock.Advance(61 * time.Second)
	p.sweep(t, north)
	require.ElementsMatch(t, []string{"alarm", "still hot"}, p.events(north), "kept timers fire")
	p.put(t, north, reading("cold", 1, "m2"), reading("hot", 94, "m2"))
	require.Equal(t, "cool", p.detector(t, north, "boiler", "cold").State)
	view := p.detector(t, north, "boiler", "hot")
	require.Equal(t, int64(3), view.Variables["n"].Int())
	require.Equal(t, 2, view.Version)

	// A reset in between is not skipped by a later keep.
	p.putModel(t, north, boiler)
	p.putModel(t, north, strings.Replace(boiler, "> 90", "> 92", 1), keep)
	_, err = p.Detector(t.Context(), north, "boiler", "hot")
	require.ErrorIs(t, err, tenant.ErrNotFound)
}

func TestDisabledModelsDoNothing(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	disabled := func(o *alerts.PutOptions) { o.Disabled = true }
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"))
	require.Equal(t, 2, p.putModel(t, north, boiler, disabled).Version)
	p.put(t, north, reading("b1", 95, "m2"))
	d.clock.Advance(time.Hour)
	p.sweep(t, north)
	require.Equal(t, []string{"alarm"}, p.events(north))
	require.Equal(t, []string{"boiler"}, names(t, p, north))

	p.putModel(t, north, boiler, func(o *alerts.PutOptions) { o.Keep = true })
	_, err := p.Detector(t.Context(), north, "boiler", "b1")
	require.ErrorIs(t, err, tenant.ErrNotFound, "a disabled model has no detectors to keep")
}

func TestDeletedModelTakesItsDetectorsAlong(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	p.put(t, north, reading("idle", 1, "m1"), reading("busy", 95, "m1"))
	require.NoError(t, p.models.Delete(t.Context(), north, "boiler"))
	p.sweep(t, north)
	require.Equal(t, []string{"alarm"}, p.events(north), "what was decided is delivered")
	p.putModel(t, north, boiler)
	for _, key := range []string{"idle", "busy"} {
		_, err := p.Detector(t.Context(), north, "boiler", key)
		require.ErrorIs(t, err, tenant.ErrNotFound, key)
	}
	page, err := p.Detectors(t.Context(), north, "boiler", 0, "")
	require.NoError(t, err)
	require.Empty(t, page.Items)
}

func TestAnotherProcessFollowsANewVersion(t *testing.T) {
	t.Parallel()
	d := newDisk()
	here, there := d.start(), d.start()
	here.putModel(t, north, boiler)
	there.put(t, north, reading("b1", 1, "m1"), reading("b2", 1, "m1"))
	changed := strings.ReplaceAll(boiler, `"key": "id"`, `"key": "t"`)
	here.putModel(t, north, changed)
	here.put(t, north, reading("x", 1, "m2"), reading("b2", 2, "m2")) // detectors "1" and "2"

	// The other process still has the old version, and meets no record of the new one.
	there.put(t, north, reading("b1", 1, "m3"))
	d.clock.Advance(5 * time.Second)
	there.put(t, north, reading("b1", 1, "m4"))
	require.Equal(t, uint64(2), there.detector(t, north, "boiler", "1").Evaluations)

	// It meets a record of a newer version: it follows at once.
	here.putModel(t, north, boiler)
	here.put(t, north, reading("7", 1, "m5"))
	there.put(t, north, reading("7", 7, "m6")) // also key "7" under the old version
	require.Equal(t, uint64(2), there.detector(t, north, "boiler", "7").Evaluations)
}

func TestEachModelEvaluatesAMessage(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, boiler)
	p.putModel(t, north, strings.Replace(boiler, `"boiler"`, `"kettle"`, 1))
	p.putModel(t, north, strings.ReplaceAll(strings.Replace(boiler, `"boiler"`, `"other"`, 1), "$input.telemetry", "$input.elsewhere"))
	p.put(t, north, reading("b1", 95, "m1"))
	p.sweep(t, north)
	var models []string
	for _, alert := range p.notified.Received(north) {
		models = append(models, alert.Model)
	}
	slices.Sort(models)
	require.Equal(t, []string{"boiler", "kettle"}, models)
}
