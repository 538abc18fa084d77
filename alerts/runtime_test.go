package alerts_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

func TestMessageToAlert(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 20, "m1"), reading("b1", 95, "m2"))
	require.Empty(t, p.notified.Received(north), "actions are delivered by Run or Sweep")

	p.sweep(t, north)
	received := p.notified.Received(north)
	require.Len(t, received, 1)
	alert := received[0]
	require.Equal(t, "boiler", alert.Model)
	require.Equal(t, 1, alert.Version)
	require.Equal(t, "b1", alert.Key)
	require.Equal(t, "alarm", alert.Event)
	require.Equal(t, "hot", alert.State)
	require.Equal(t, start, alert.At)
	require.Equal(t, uint64(2), alert.Evaluation)
	require.Equal(t, detector.ActionSNS, alert.Kind)
	require.Equal(t, "arn:aws:sns:eu-west-1:123456789012:hot", alert.Target)
	require.Contains(t, alert.Payload, alert.ID, "the payload's actionExecutionId is the alert's id")

	stored, err := p.alerts.Get(t.Context(), north, alert.ID)
	require.NoError(t, err)
	require.Equal(t, alerts.StatusDelivered, stored.Status)
	require.Equal(t, start, stored.DeliveredAt)
	require.Equal(t, 1, stored.Attempts)
	require.Equal(t, start.Add(90*24*time.Hour), stored.ExpiresAt)

	view := p.detector(t, north, "boiler", "b1")
	require.Equal(t, "hot", view.State)
	require.Equal(t, int64(2), view.Variables["n"].Int())
	require.Len(t, view.Timers, 1)
	require.Equal(t, start.Add(time.Minute), view.Timers[0].Due)
}

func TestDuplicatesAreIgnoredWithinTheWindow(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	count := func() int64 { return p.detector(t, north, "boiler", "b1").Variables["n"].Int() }

	p.put(t, north, reading("b1", 1, "m1"), reading("b1", 1, "m1"))
	p.put(t, north, reading("b1", 2, "m1"))
	require.Equal(t, int64(1), count())

	p = d.start()
	d.clock.Advance(alerts.Window - time.Second)
	p.put(t, north, reading("b1", 1, "m1"))
	require.Equal(t, int64(1), count(), "a restart forgets nothing")

	d.clock.Advance(time.Second)
	p.put(t, north, reading("b1", 1, "m1"))
	require.Equal(t, int64(2), count(), "the window is over, counted from the first acceptance")

	p.put(t, north, reading("b1", 1, ""), reading("b1", 1, ""))
	require.Equal(t, int64(4), count(), "without id, each message is new")

	p.put(t, north, reading("b2", 1, "m1"))
	require.Equal(t, "cold", p.detector(t, north, "boiler", "b2").State, "each detector has its own window")
}

func TestFailuresAreThoseOfOneMessage(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, boiler)
	err := p.Put(t.Context(), north,
		reading("b1", 1, "m1"),
		alerts.Message{Input: "telemetry", ID: "m2", Payload: []byte(`{"id": "b1", "t": `)},
		alerts.Message{Input: "telemetry", ID: "m3", Payload: []byte(`{"t": 5}`)},
		alerts.Message{ID: "m4", Payload: []byte(`{}`)},
		alerts.Message{Input: "unknown", ID: "m5", Payload: []byte(`not even JSON`)},
		alerts.Message{Input: "telemetry", ID: string(make([]byte, alerts.MaxMessageID+1)), Payload: []byte(`{"id": "b1"}`)},
		reading("b1", 2, "m7"),
	)
	var failed *alerts.PutError
	require.ErrorAs(t, err, &failed)
	got := map[int]error{}
	for _, failure := range failed.Failures {
		got[failure.Index] = failure.Err
	}
	require.Len(t, got, 4)
	require.ErrorIs(t, got[1], detector.ErrPayload)
	require.ErrorIs(t, got[2], detector.ErrKey)
	require.ErrorIs(t, got[3], alerts.ErrMessage)
	require.ErrorIs(t, got[5], alerts.ErrMessage)
	require.Equal(t, iotenant.ErrInvalid, iotenant.KindOf(err))
	require.Equal(t, int64(2), p.detector(t, north, "boiler", "b1").Variables["n"].Int())
}

func TestPutErrorIsRetryableIfAnyFailureIs(t *testing.T) {
	t.Parallel()
	err := &alerts.PutError{Failures: []alerts.Failure{
		{Index: 0, Err: alerts.ErrMessage},
		{Index: 1, Model: "m", Err: alerts.ErrContention},
	}}
	require.Equal(t, iotenant.ErrUnavailable, iotenant.KindOf(err))
	require.False(t, alerts.Permanent(err))
	require.Contains(t, err.Error(), "message 0")
	require.Contains(t, err.Error(), "1 more")
}

func TestZeroTenantIsRefused(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	var zero tenant.ID
	ctx := t.Context()
	require.ErrorIs(t, p.Put(ctx, zero, reading("b1", 1, "")), tenant.ErrID)
	require.ErrorIs(t, p.Sweep(ctx, zero), tenant.ErrID)
	require.ErrorIs(t, p.DeleteDetector(ctx, zero, "m", "k"), tenant.ErrID)
	require.ErrorIs(t, p.Redeliver(ctx, zero, "a"), tenant.ErrID)
	require.ErrorIs(t, p.models.Delete(ctx, zero, "m"), tenant.ErrID)
	_, err := p.models.Put(ctx, zero, []byte(boiler))
	require.ErrorIs(t, err, tenant.ErrID)
	_, err = p.models.Get(ctx, zero, "m")
	require.ErrorIs(t, err, tenant.ErrID)
	_, err = p.Detector(ctx, zero, "m", "k")
	require.ErrorIs(t, err, tenant.ErrID)
	_, err = p.Detectors(ctx, zero, "m", 0, "")
	require.ErrorIs(t, err, tenant.ErrID)
	_, err = p.alerts.Get(ctx, zero, "a")
	require.ErrorIs(t, err, tenant.ErrID)
	_, err = p.alerts.List(ctx, zero, alerts.Filter{})
	require.ErrorIs(t, err, tenant.ErrID)
}

func TestTimersFireAsOfTheirTime(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"))
	d.clock.Advance(150 * time.Second)

	p = d.start() // what was set before the restart is kept
	p.sweep(t, north)
	require.ElementsMatch(t, []string{"alarm", "still hot", "still hot"}, p.events(north))
	var at []time.Time
	for _, alert := range p.notified.Received(north) {
		at = append(at, alert.At)
	}
	require.ElementsMatch(t, []time.Time{start, start.Add(60 * time.Second), start.Add(120 * time.Second)}, at)
	require.Equal(t, start.Add(180*time.Second), p.detector(t, north, "boiler", "b1").Timers[0].Due)
}

func TestDueTimersFireBeforeAMessage(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"))
	d.clock.Advance(61 * time.Second)
	p.put(t, north, reading("b1", 20, "m2")) // cools down, but the timer was due before
	p.sweep(t, north)
	require.ElementsMatch(t, []string{"alarm", "still hot"}, p.events(north))
	require.Equal(t, "cold", p.detector(t, north, "boiler", "b1").State)
	d.clock.Advance(time.Hour)
	p.sweep(t, north)
	require.Len(t, p.events(north), 2, "a cleared timer does not fire")
}

func TestTheClockOfADetectorDoesNotGoBack(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 20, "m1"))
	d.clock.Advance(-time.Hour)
	p.put(t, north, reading("b1", 95, "m2"))
	require.Equal(t, start.Add(time.Minute), p.detector(t, north, "boiler", "b1").Timers[0].Due)
}

func TestDetectorsAreListedInPages(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, boiler)
	var batch []alerts.Message
	for i := range 250 {
		batch = append(batch, reading("b"+strconv.Itoa(1000+i), 1, ""))
	}
	p.put(t, north, batch...)
	var keys []string
	var cursor tenant.Cursor
	for {
		page, err := p.Detectors(t.Context(), north, "boiler", 100, cursor)
		require.NoError(t, err)
		for _, item := range page.Items {
			keys = append(keys, item.Value.Key)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	require.Len(t, keys, 250)
	require.IsIncreasing(t, keys)
	_, err := p.Detectors(t.Context(), north, "other", 0, "")
	require.ErrorIs(t, err, tenant.ErrNotFound)
}

func TestDeletedDetectorStartsAnew(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"))
	require.NoError(t, p.DeleteDetector(t.Context(), north, "boiler", "b1"))
	_, err := p.Detector(t.Context(), north, "boiler", "b1")
	require.ErrorIs(t, err, tenant.ErrNotFound)
	require.ErrorIs(t, p.DeleteDetector(t.Context(), north, "boiler", "b1"), tenant.ErrNotFound)

	d.clock.Advance(time.Hour)
	p.sweep(t, north)
	require.Equal(t, []string{"alarm"}, p.events(north), "what was decided is delivered, the timer is gone")

	p.put(t, north, reading("b1", 95, "m2"))
	p.sweep(t, north)
	require.Equal(t, []string{"alarm", "alarm"}, p.events(north))
	require.Len(t, p.notified.IDs(north), 2, "the first evaluation of the new detector has an id of its own")
	require.Equal(t, uint64(1), p.detector(t, north, "boiler", "b1").Evaluations)
}

// With detector.Semantics.IgnoreKeyless a message without key is for no
// detector, and no failure.
func TestMessageWithoutKeyIgnored(t *testing.T) {
	t.Parallel()
	d := newDisk()
	detectors, raised := memtenant.NewRepository(d.store, &alerts.DetectorSchema), memtenant.NewRepository(d.store, &alerts.AlertSchema)
	models := alerts.NewModels(memtenant.NewRepository(d.store, &alerts.ModelSchema), detectors, func(o *alerts.ModelsOptions) {
		o.Detector.Semantics.IgnoreKeyless = true
	})
	_, err := models.Put(t.Context(), north, []byte(boiler))
	require.NoError(t, err)
	runtime := alerts.NewRuntime(models, detectors, raised, &alertstest.Recorder{})
	require.NoError(t, runtime.Put(t.Context(), north,
		alerts.Message{Input: "telemetry", ID: "m1", Payload: []byte(`{"t":95}`)},
		alerts.Message{Input: "telemetry", ID: "m2", Payload: []byte(`{"id":"b1","t":95}`)}))
	_, err = runtime.Detector(t.Context(), north, "boiler", "")
	require.ErrorIs(t, err, tenant.ErrNotFound)
	view, err := runtime.Detector(t.Context(), north, "boiler", "b1")
	require.NoError(t, err)
	require.Equal(t, uint64(1), view.Evaluations)
}

func TestModelWithoutKeyHasOneDetector(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, `{"detectorModelName": "single", "detectorModelDefinition": {"initialStateName": "s", "states": [
		{"stateName": "s", "onInput": {"events": [{"eventName": "e", "condition": "$input.telemetry.t > 1", "actions": [
			{"iotTopicPublish": {"mqttTopic": "any"}}]}]}}]}}`)
	p.put(t, north, reading("b1", 2, "m1"), reading("b2", 3, "m2"))
	view := p.detector(t, north, "single", "")
	require.Equal(t, uint64(2), view.Evaluations)
	require.Empty(t, view.Key)
}

func TestActionsDoNotWaitForAClockThatWentBack(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"))
	d.clock.Advance(-time.Hour)
	p.sweep(t, north)
	require.Equal(t, []string{"alarm"}, p.events(north))
}

func TestEndedContextIsAFailureThatMayPass(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 1, "m1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := p.Put(ctx, north, reading("b1", 1, "m2"))
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, alerts.Permanent(err))
	require.ErrorIs(t, p.Sweep(ctx, north), context.Canceled)
	p.put(t, north, reading("b1", 1, "m2"))
	require.Equal(t, int64(2), p.detector(t, north, "boiler", "b1").Variables["n"].Int())
}

func TestOptionsThatAreNotPositiveAreDefaults(t *testing.T) {
	t.Parallel()
	p := newDisk().start(func(o *alerts.Options) {
		o.Parallel, o.CacheSize, o.Workers, o.TenantWorkers, o.Attempts = 0, -1, 0, -1, 0
		o.SweepEvery, o.NotifyTimeout, o.RetryAfter, o.RetryAtMost, o.KeepAlerts = 0, 0, 0, -1, 0
	})
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"), reading("b2", 95, "m1"))
	p.sweep(t, north)
	require.Equal(t, []string{"alarm", "alarm"}, p.events(north))
	page, err := p.alerts.List(t.Context(), north, alerts.Filter{Limit: 1})
	require.NoError(t, err)
	require.True(t, page.Items[0].Value.ExpiresAt.IsZero())
}

func TestActionsThatAModelGotWrongAreLogged(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	p := newDisk().start(func(o *alerts.Options) { o.Logger = slog.New(slog.NewTextHandler(&text, nil)) })
	p.putModel(t, north, `{"detectorModelName": "wrong", "detectorModelDefinition": {"initialStateName": "s", "states": [
		{"stateName": "s", "onInput": {"events": [{"eventName": "e", "condition": "true", "actions": [
			{"setTimer": {"timerName": "t", "durationExpression": "$input.telemetry.t"}}, {"sqs": {"queueUrl": "q"}}]}]}}]}}`)
	p.put(t, north, reading("b1", 0, "m1"))
	p.sweep(t, north)
	require.Equal(t, []string{"e"}, p.events(north), "the others are executed")
	require.Contains(t, text.String(), "setTimer")
	require.Contains(t, text.String(), "model=wrong")
	require.Contains(t, text.String(), "tenant=north")
}

func TestEndlessContentionIsReported(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.startFaulty(faults{detectors: func(call tenanttest.Call) (fault tenanttest.Fault) {
		if call.Operation == tenanttest.OpPut {
			fault.Before = tenant.ErrVersion
		}
		return fault
	}}, &alertstest.Recorder{})
	p.putModel(t, north, boiler)
	err := p.Put(t.Context(), north, reading("b1", 1, "m1"))
	require.ErrorIs(t, err, alerts.ErrContention)
	require.Equal(t, iotenant.ErrUnavailable, iotenant.KindOf(err))
}

func TestActionsThatCannotBeHandedOverStopTheirDetector(t *testing.T) {
	t.Parallel()
	d := newDisk()
	var down atomic.Bool
	down.Store(true)
	p := d.startFaulty(faults{alerts: func(tenanttest.Call) (fault tenanttest.Fault) {
		if down.Load() {
			fault.Before = tenanttest.ErrFault
		}
		return fault
	}}, &alertstest.Recorder{})
	p.putModel(t, north, boiler)
	var err error
	accepted := 0
	for err == nil && accepted < 1000 {
		if err = p.Put(t.Context(), north, reading("b1", 95, ""), reading("b1", 1, "")); err == nil {
			accepted++
		}
	}
	require.ErrorIs(t, err, alerts.ErrBacklog)
	require.Equal(t, iotenant.ErrUnavailable, iotenant.KindOf(err))
	p.put(t, north, reading("b2", 95, "")) // others go on
	down.Store(false)
	p.put(t, north, reading("b1", 95, ""))
	p.sweep(t, north)
	require.Len(t, p.notified.IDs(north), accepted+2)
}

func TestRunNeedsTenants(t *testing.T) {
	t.Parallel()
	p := newDisk().start(func(o *alerts.Options) { o.Tenants = nil })
	require.ErrorIs(t, p.Run(t.Context()), iotenant.ErrInvalid)
}

func TestPermanent(t *testing.T) {
	t.Parallel()
	require.False(t, alerts.Permanent(nil))
	require.False(t, alerts.Permanent(errors.New("no kind")))
	require.False(t, alerts.Permanent(iotenant.ErrUnavailable))
	require.False(t, alerts.Permanent(iotenant.ErrConflict))
	require.True(t, alerts.Permanent(iotenant.ErrInvalid))
	require.True(t, alerts.Permanent(iotenant.ErrDenied))
	require.True(t, alerts.Permanent(iotenant.ErrNotFound))
	require.True(t, alerts.Permanent(iotenant.ErrUnsupported))
}

func TestMessageCostsOneWriteAndNoRead(t *testing.T) {
	t.Parallel()
	d := newDisk()
	var detectors, raised, models calls
	p := d.startFaulty(faults{models: models.count, detectors: detectors.count, alerts: raised.count}, &alertstest.Recorder{},
		func(o *alerts.Options) { o.CacheSize = 2 })
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 1, ""), reading("b2", 1, ""))
	expect := func(gets, puts int, messages ...alerts.Message) {
		t.Helper()
		detectors.reset()
		models.counts = nil
		p.put(t, north, messages...)
		require.Equal(t, map[tenanttest.Operation]int{tenanttest.OpGet: gets, tenanttest.OpPut: puts}, detectors.made())
		require.Empty(t, models.made())
	}
	expect(0, 1, reading("b1", 2, "m1"))
	expect(0, 0, reading("b1", 2, "m1")) // a duplicate
	expect(0, 1, reading("b1", 2, "m2"), reading("b1", 95, "m3"), reading("b1", 3, "m4"))
	expect(0, 2, reading("b1", 2, ""), reading("b2", 95, ""), reading("b1", 2, ""))
	expect(1, 1, reading("b3", 2, "")) // more than the cache holds
	expect(1, 1, reading("b1", 2, "")) // the one that was not used for longest
	expect(0, 1, reading("b3", 2, ""))
	require.Empty(t, raised.made(), "alerts are written by Run and Sweep")
}

// calls counts calls of a repository.
type calls struct {
	mu     sync.Mutex
	counts map[tenanttest.Operation]int
}

func (c *calls) count(call tenanttest.Call) tenanttest.Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[tenanttest.Operation]int{}
	}
	c.counts[call.Operation]++
	return tenanttest.Fault{}
}

func (c *calls) reset() {
	c.counts = map[tenanttest.Operation]int{tenanttest.OpGet: 0, tenanttest.OpPut: 0}
}

func (c *calls) made() map[tenanttest.Operation]int { return c.counts }
