package alerts_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertsmock"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// forwarding alerts, publishes and feeds on every message.
func forwarding(topic, input string) string {
	return `{"detectorModelName": "forwarding", "key": "id", "detectorModelDefinition": {"initialStateName": "s", "states": [
	  {"stateName": "s", "onInput": {"events": [{"eventName": "forward", "condition": "$input.telemetry.t > 0", "actions": [
	    {"iotTopicPublish": {"mqttTopic": "` + topic + `", "payload": {"contentExpression": "'hello'", "type": "STRING"}}},
	    {"iotEvents": {"inputName": "` + input + `", "payload": {"contentExpression": "'{\"id\": \"b1\", \"t\": 95}'", "type": "JSON"}}}]}]}}]}}`
}

// on makes a notifier the one for a kind of action.
func on(kind detector.ActionKind, notifier alerts.Notifier) func(*alerts.Options) {
	return func(o *alerts.Options) {
		if o.Notifiers == nil {
			o.Notifiers = map[detector.ActionKind]alerts.Notifier{}
		}
		o.Notifiers[kind] = notifier
	}
}

func only(t *testing.T, p *process, id tenant.ID) alerts.Alert {
	t.Helper()
	page, err := p.alerts.List(t.Context(), id, alerts.Filter{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	return page.Items[0].Value
}

func TestFailedDeliveryIsTriedAgain(t *testing.T) {
	t.Parallel()
	d := newDisk()
	var failing atomic.Bool
	failing.Store(true)
	recorder := &alertstest.Recorder{}
	notifier := alertstest.Faulty(recorder, func(tenant.ID, alerts.Alert) alertstest.Fault {
		if failing.Load() {
			return alertstest.Fault{Before: alertstest.ErrFault}
		}
		return alertstest.Fault{}
	})
	p := d.start(on(detector.ActionSNS, notifier))
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"), reading("b1", 1, "m2"))
	p.sweep(t, north)
	alert := only(t, p, north)
	require.Equal(t, alerts.StatusPending, alert.Status)
	require.Equal(t, 1, alert.Attempts)
	require.Equal(t, alertstest.ErrFault.Error(), alert.Reason)
	require.Equal(t, start.Add(time.Second), alert.NextAttempt)

	p.sweep(t, north)
	require.Equal(t, 1, only(t, p, north).Attempts, "not before it is due")

	p = d.start(on(detector.ActionSNS, notifier)) // a restart keeps the count
	for attempt, pause := 2, time.Second; attempt < 6; attempt++ {
		d.clock.Advance(pause)
		p.sweep(t, north)
		pause *= 2
		alert = only(t, p, north)
		require.Equal(t, attempt, alert.Attempts)
		require.Equal(t, d.clock.Now().Add(pause), alert.NextAttempt)
	}
	failing.Store(false)
	d.clock.Advance(time.Hour)
	p.sweep(t, north)
	alert = only(t, p, north)
	require.Equal(t, alerts.StatusDelivered, alert.Status)
	require.Empty(t, alert.Reason)
	require.True(t, alert.NextAttempt.IsZero())
	require.Equal(t, []string{alert.ID}, recorder.IDs(north))
}

func TestAlertsDie(t *testing.T) {
	t.Parallel()
	d := newDisk()
	controller := gomock.NewController(t)
	notifier := alertsmock.NewMockNotifier(controller)
	p := d.start(on(detector.ActionSNS, notifier), func(o *alerts.Options) { o.Attempts = 3 })
	p.putModel(t, north, boiler)

	t.Log("refused for good: no second attempt")
	notifier.EXPECT().Notify(gomock.Any(), north, gomock.Any()).Return(alertstest.ErrRefusal)
	p.put(t, north, reading("b1", 95, "m1"), reading("b1", 1, "m2"))
	p.sweep(t, north)
	d.clock.Advance(time.Hour)
	p.sweep(t, north)
	alert := only(t, p, north)
	require.Equal(t, alerts.StatusDead, alert.Status)
	require.Equal(t, alertstest.ErrRefusal.Error(), alert.Reason)
	page, err := p.alerts.List(t.Context(), north, alerts.Filter{Status: alerts.StatusDead})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)

	t.Log("revived: failing until attempts are used up")
	notifier.EXPECT().Notify(gomock.Any(), north, gomock.Any()).Return(errors.New(strings.Repeat("long ", 1000))).Times(3)
	require.NoError(t, p.Redeliver(t.Context(), north, alert.ID))
	for range 10 {
		p.sweep(t, north)
		d.clock.Advance(time.Hour)
	}
	alert = only(t, p, north)
	require.Equal(t, alerts.StatusDead, alert.Status)
	require.Equal(t, 3, alert.Attempts)
	require.Less(t, len(alert.Reason), 1100)

	t.Log("revived: delivered")
	notifier.EXPECT().Notify(gomock.Any(), north, gomock.Any()).Return(nil)
	require.NoError(t, p.Redeliver(t.Context(), north, alert.ID))
	p.sweep(t, north)
	require.Equal(t, alerts.StatusDelivered, only(t, p, north).Status)
	require.ErrorIs(t, p.Redeliver(t.Context(), north, alert.ID), tenant.ErrNotFound, "it is not dead")
	require.ErrorIs(t, p.Redeliver(t.Context(), north, "other"), tenant.ErrNotFound)
}

func TestPanickingNotifierIsAFailedAttempt(t *testing.T) {
	t.Parallel()
	p := newDisk().start(on(detector.ActionSNS, alerts.NotifierFunc(func(context.Context, tenant.ID, alerts.Alert) error {
		panic("oops")
	})))
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"))
	p.sweep(t, north)
	require.Equal(t, alerts.StatusPending, only(t, p, north).Status)
	require.Contains(t, only(t, p, north).Reason, "oops")
}

func TestAttemptsWithoutOutcomeAreCounted(t *testing.T) {
	t.Parallel()
	d := newDisk()
	recorder := &alertstest.Recorder{}
	// A process that ends during each attempt writes the claim, not the outcome.
	for range 2 {
		writes := 0
		p := d.startFaulty(faults{alerts: func(call tenanttest.Call) (fault tenanttest.Fault) {
			if call.Operation == tenanttest.OpPut {
				if writes++; writes > 1 {
					fault.Before = tenanttest.ErrFault
				}
			}
			return fault
		}}, recorder, func(o *alerts.Options) { o.Attempts = 2 })
		p.putModel(t, north, boiler)
		p.put(t, north, reading("b1", 95, "m1"), reading("b1", 1, "m2"))
		require.ErrorIs(t, p.Sweep(t.Context(), north), tenanttest.ErrFault)
		d.clock.Advance(59 * time.Second)
		p.sweep(t, north) // the claim still stands
		d.clock.Advance(time.Second)
	}
	p := d.startFaulty(faults{}, recorder, func(o *alerts.Options) { o.Attempts = 2 })
	p.sweep(t, north)
	alert, err := p.alerts.Get(t.Context(), north, recorder.IDs(north)[0])
	require.NoError(t, err)
	require.Equal(t, alerts.StatusDead, alert.Status)
	require.Contains(t, alert.Reason, "unknown")
	require.Equal(t, 2, alert.Attempts)
}

func TestActionsFeedOtherDetectors(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, forwarding("any", "hotness"))
	p.putModel(t, north, strings.ReplaceAll(boiler, "$input.telemetry", "$input.hotness"))
	p.put(t, north, reading("b1", 1, "m1"))
	p.sweep(t, north)
	require.ElementsMatch(t, []string{"forward", "alarm"}, p.events(north), "the topic is notified, the input is fed")
	page, err := p.alerts.List(t.Context(), north, alerts.Filter{Model: "boiler", Key: "b1"})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, 1, page.Items[0].Value.Hops)
	for alert, err := range p.alerts.All(t.Context(), north, alerts.Filter{}) {
		require.NoError(t, err)
		require.Equal(t, alerts.StatusDelivered, alert.Status, alert.Kind)
	}
}

func TestLoopsOfActionsEnd(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, forwarding("any", "telemetry"))
	p.put(t, north, reading("b1", 1, "m1"))
	p.sweep(t, north)
	var dead []alerts.Alert
	for alert, err := range p.alerts.All(t.Context(), north, alerts.Filter{Status: alerts.StatusDead}) {
		require.NoError(t, err)
		dead = append(dead, alert)
	}
	require.Len(t, dead, 1)
	require.Equal(t, alerts.MaxHops, dead[0].Hops)
	require.Equal(t, alerts.ErrLoop.Error(), dead[0].Reason)
	require.Equal(t, uint64(alerts.MaxHops+1), p.detector(t, north, "forwarding", "b1").Evaluations)
}

func TestFeedingAnUnknownInputIsDead(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, forwarding("any", "nowhere"))
	p.put(t, north, reading("b1", 1, "m1"))
	p.sweep(t, north)
	page, err := p.alerts.List(t.Context(), north, alerts.Filter{Status: alerts.StatusDead})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Contains(t, page.Items[0].Value.Reason, `no model reads input "nowhere"`)
}

type published struct{ messages []device.Message }

func (p *published) Publish(_ context.Context, _ tenant.ID, message device.Message) error {
	p.messages = append(p.messages, message)
	return nil
}

func TestActionsPublishToTopics(t *testing.T) {
	t.Parallel()
	bus := &published{}
	p := newDisk().start(on(detector.ActionIoTTopic, alerts.ToTopics(bus)))
	p.putModel(t, north, forwarding("t/north/d/b1/command/fan", "telemetry2"))
	p.put(t, north, reading("b1", 1, "m1"))
	p.sweep(t, north)
	require.Len(t, bus.messages, 1)
	require.Equal(t, device.CommandTopic(north, device.MustParseID("b1"), "fan"), bus.messages[0].Topic)
	require.Equal(t, "hello", string(bus.messages[0].Payload))
	require.NotEmpty(t, bus.messages[0].ID)
}

func TestToTopicsRefusesOtherTopics(t *testing.T) {
	t.Parallel()
	bus := &published{}
	notifier := alerts.ToTopics(bus)
	for _, topic := range []string{"alerts/any", "t/north/d/b1", "", "$aws/things/x/shadow/update"} {
		err := notifier.Notify(t.Context(), north, alerts.Alert{Target: topic})
		require.ErrorIs(t, err, alerts.ErrTopic, topic)
		require.True(t, alerts.Permanent(err))
	}
	require.ErrorIs(t, notifier.Notify(t.Context(), tenant.ID{}, alerts.Alert{Target: "t/north/d/b1/command"}), tenant.ErrID)
	require.Empty(t, bus.messages)
}

func TestAlertsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	p.putModel(t, north, strings.Replace(boiler, `"boiler"`, `"kettle"`, 1))
	for i := range 30 {
		d.clock.Advance(time.Second)
		key := "b" + strconv.Itoa(i%2)
		p.put(t, north, reading(key, 95, ""), reading(key, 1, ""))
	}
	p.sweep(t, north)

	list := func(filter alerts.Filter) (all []alerts.Alert) {
		for {
			page, err := p.alerts.List(t.Context(), north, filter)
			require.NoError(t, err)
			for _, item := range page.Items {
				all = append(all, item.Value)
			}
			if filter.Cursor = page.Next; filter.Cursor == "" {
				return all
			}
		}
	}
	newestFirst := func(all []alerts.Alert) {
		for i := range len(all) - 1 {
			require.False(t, all[i].At.Before(all[i+1].At))
		}
	}
	all := list(alerts.Filter{Limit: 7})
	require.Len(t, all, 60)
	newestFirst(all)
	require.Len(t, list(alerts.Filter{Model: "kettle"}), 30)
	ofOne := list(alerts.Filter{Model: "boiler", Key: "b1", Limit: 4})
	require.Len(t, ofOne, 15)
	newestFirst(ofOne)
	require.Empty(t, list(alerts.Filter{Model: "boil"}))
	require.Empty(t, list(alerts.Filter{Status: alerts.StatusPending}))

	for _, filter := range []alerts.Filter{
		{Key: "b1"}, {Model: "boiler", Status: alerts.StatusDead}, {Status: alerts.StatusDelivered}, {Limit: -1},
	} {
		_, err := p.alerts.List(t.Context(), north, filter)
		require.ErrorIs(t, err, tenant.ErrQuery)
	}
	_, err := p.alerts.Get(t.Context(), north, "none")
	require.Equal(t, iotenant.ErrNotFound, iotenant.KindOf(err))
}

// An iotSiteWise action needs somebody who understands it.
func TestSiteWiseNeedsANotifier(t *testing.T) {
	t.Parallel()
	const model = `{"detectorModelName": "site", "detectorModelDefinition": {"initialStateName": "s", "states": [
	  {"stateName": "s", "onInput": {"events": [{"eventName": "write", "actions": [
	    {"iotSiteWise": {"propertyAlias": "'/line/1'", "propertyValue": {"value": {"doubleValue": "$input.telemetry.t"}}}}]}]}}]}}`
	d := newDisk()
	p := d.start()
	p.putModel(t, north, model)
	p.put(t, north, reading("a", 1, "m1"))
	p.sweep(t, north)
	alert := only(t, p, north)
	require.Equal(t, alerts.StatusDead, alert.Status)
	require.Contains(t, alert.Reason, "unsupported")
	require.Empty(t, p.notified.IDs(north))

	sink := &alertstest.Recorder{}
	p = d.start(on(detector.ActionSiteWise, sink))
	require.NoError(t, p.Redeliver(t.Context(), north, alert.ID))
	p.sweep(t, north)
	require.Equal(t, []string{alert.ID}, sink.IDs(north))
}
