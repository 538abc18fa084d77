package alerts_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	north = tenant.MustParseID("north")
	south = tenant.MustParseID("south")
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// boiler alerts each time a boiler gets hot, again a minute later if it stays
// hot, and counts messages.
const boiler = `{
  "detectorModelName": "boiler", "key": "id",
  "detectorModelDefinition": {"initialStateName": "cold", "states": [
    {"stateName": "cold",
     "onInput": {
       "events": [{"eventName": "count", "actions": [{"setVariable": {"variableName": "n", "value": "$variable.n + 1"}}]}],
       "transitionEvents": [{"eventName": "heat", "condition": "$input.telemetry.t > 90", "nextState": "hot"}]},
     "onEnter": {"events": [{"eventName": "init", "condition": "isUndefined($variable.n)", "actions": [{"setVariable": {"variableName": "n", "value": "0"}}]}]}},
    {"stateName": "hot",
     "onEnter": {"events": [{"eventName": "alarm", "actions": [
        {"setTimer": {"timerName": "repeat", "seconds": 60}},
        {"sns": {"targetArn": "arn:aws:sns:eu-west-1:123456789012:hot"}}]}]},
     "onInput": {
       "events": [
         {"eventName": "count", "actions": [{"setVariable": {"variableName": "n", "value": "$variable.n + 1"}}]},
         {"eventName": "still hot", "condition": "timeout(\"repeat\")", "actions": [
            {"setTimer": {"timerName": "repeat", "seconds": 60}},
            {"lambda": {"functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:page"}}]}],
       "transitionEvents": [{"eventName": "cool", "condition": "$input.telemetry.t <= 90", "nextState": "cold",
          "actions": [{"clearTimer": {"timerName": "repeat"}}]}]}}
  ]}}`

// disk is what outlives a process: a store.
type disk struct {
	store *memtenant.Store
	clock *alertstest.Clock
}

func newDisk() *disk {
	d := &disk{clock: alertstest.NewClock(start)}
	d.store = memtenant.New(tenant.RandomCursorKeys(), func(o *memtenant.Options) { o.Now = d.clock.Now })
	return d
}

// process is a runtime over a disk, and what it notified.
type process struct {
	*alerts.Runtime
	models   *alerts.Models
	alerts   *alerts.Alerts
	notified *alertstest.Recorder
}

// faults of the repositories of a process.
type faults struct {
	models, detectors, alerts func(tenanttest.Call) tenanttest.Fault
}

func (d *disk) start(optFns ...func(*alerts.Options)) *process {
	return d.startFaulty(faults{}, &alertstest.Recorder{}, optFns...)
}

func (d *disk) startFaulty(f faults, notified *alertstest.Recorder, optFns ...func(*alerts.Options)) *process {
	detectors := faulty(memtenant.NewRepository(d.store, &alerts.DetectorSchema), f.detectors)
	raised := faulty(memtenant.NewRepository(d.store, &alerts.AlertSchema), f.alerts)
	models := alerts.NewModels(faulty(memtenant.NewRepository(d.store, &alerts.ModelSchema), f.models), detectors,
		func(o *alerts.ModelsOptions) { o.Now = d.clock.Now })
	optFns = append([]func(*alerts.Options){func(o *alerts.Options) {
		o.Now = d.clock.Now
		o.Tenants = tenants(north, south)
	}}, optFns...)
	return &process{
		Runtime:  alerts.NewRuntime(models, detectors, raised, notified, optFns...),
		models:   models,
		alerts:   alerts.NewAlerts(raised),
		notified: notified,
	}
}

func faulty[T any](repository tenant.Repository[T], decide func(tenanttest.Call) tenanttest.Fault) tenant.Repository[T] {
	if decide == nil {
		return repository
	}
	return tenanttest.Faulty(repository, decide)
}

func tenants(ids ...tenant.ID) func(context.Context) iter.Seq2[tenant.ID, error] {
	return func(context.Context) iter.Seq2[tenant.ID, error] {
		return func(yield func(tenant.ID, error) bool) {
			for _, id := range ids {
				if !yield(id, nil) {
					return
				}
			}
		}
	}
}

func (p *process) putModel(t tb, id tenant.ID, definition string, optFns ...func(*alerts.PutOptions)) alerts.Model {
	t.Helper()
	model, err := p.models.Put(t.Context(), id, []byte(definition), optFns...)
	require.NoError(t, err)
	return model
}

func reading(key string, temperature float64, messageID string) alerts.Message {
	return alerts.Message{
		Input: "telemetry", ID: messageID,
		Payload: fmt.Appendf(nil, `{"id": %q, "t": %v}`, key, temperature),
	}
}

func (p *process) put(t tb, id tenant.ID, messages ...alerts.Message) {
	t.Helper()
	require.NoError(t, p.Put(t.Context(), id, messages...))
}

func (p *process) sweep(t tb, id tenant.ID) {
	t.Helper()
	require.NoError(t, p.Sweep(t.Context(), id))
}

func (p *process) detector(t tb, id tenant.ID, model, key string) alerts.Detector {
	t.Helper()
	detector, err := p.Detector(t.Context(), id, model, key)
	require.NoError(t, err)
	return detector
}

// events returns the names of the events whose alerts were notified.
func (p *process) events(id tenant.ID) []string {
	var events []string
	for _, alert := range p.notified.Received(id) {
		events = append(events, alert.Event)
	}
	return events
}

// tb is what testing and rapid have in common.
type tb interface {
	require.TestingT
	Helper()
	Context() context.Context
}
