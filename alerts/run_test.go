package alerts_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

// realClock makes a disk and its processes use time.Now, which is that of the
// bubble in a synctest.
func realClock() *disk {
	return &disk{store: memtenant.New(tenant.RandomCursorKeys()), clock: nil}
}

func (d *disk) startReal(f faults, optFns ...func(*alerts.Options)) *process {
	detectors := faulty(memtenant.NewRepository(d.store, &alerts.DetectorSchema), f.detectors)
	raised := faulty(memtenant.NewRepository(d.store, &alerts.AlertSchema), f.alerts)
	models := alerts.NewModels(memtenant.NewRepository(d.store, &alerts.ModelSchema), detectors)
	recorder := &alertstest.Recorder{}
	optFns = append([]func(*alerts.Options){func(o *alerts.Options) { o.Tenants = tenants(north, south) }}, optFns...)
	return &process{
		Runtime: alerts.NewRuntime(models, detectors, raised, recorder, optFns...),
		models:  models, alerts: alerts.NewAlerts(raised), notified: recorder,
	}
}

// running runs Run until the returned function is called.
func (p *process) running(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

func TestRunDeliversAndFiresInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := realClock().startReal(faults{})
		p.putModel(t, north, boiler)
		stop := p.running(t)
		synctest.Wait()
		begin := time.Now()
		p.put(t, north, reading("b1", 95, "m1"))
		synctest.Wait()
		require.Equal(t, []string{"alarm"}, p.events(north), "at once")
		require.Equal(t, begin, time.Now())

		time.Sleep(59 * time.Second)
		synctest.Wait()
		require.Len(t, p.events(north), 1)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"alarm", "still hot"}, p.events(north), "in time")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Len(t, p.events(north), 12)
		for _, alert := range p.notified.Received(north) {
			stored, err := p.alerts.Get(t.Context(), north, alert.ID)
			require.NoError(t, err)
			require.Equal(t, alert.At, stored.DeliveredAt)
		}
		stop()
	})
}

func TestRunGoesOnAfterRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := realClock()
		p := d.startReal(faults{})
		p.putModel(t, north, boiler)
		stop := p.running(t)
		p.put(t, north, reading("b1", 95, "m1"))
		time.Sleep(40 * time.Second)
		stop()
		require.Len(t, p.events(north), 1)

		p = d.startReal(faults{})
		stop = p.running(t)
		time.Sleep(19 * time.Second)
		synctest.Wait()
		require.Empty(t, p.events(north))
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"still hot"}, p.events(north), "60 s after it was set, 20 s after the restart")
		stop()
	})
}

func TestRunTakesOverFromAnotherProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := realClock()
		p := d.startReal(faults{})
		p.putModel(t, north, boiler)
		stop := p.running(t)
		time.Sleep(time.Second)
		other := d.startReal(faults{}) // takes messages, and never runs
		other.put(t, north, reading("b1", 95, "m1"))
		synctest.Wait()
		require.Empty(t, p.events(north))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"alarm", "still hot", "still hot"}, p.events(north), "found by the next sweep")
		stop()
	})
}

func TestTwoProcessesDeliverOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := realClock()
		a, b := d.startReal(faults{}), d.startReal(faults{})
		a.putModel(t, north, boiler)
		stopA, stopB := a.running(t), b.running(t)
		for i := range 20 {
			[]*process{a, b}[i%2].put(t, north, reading("b"+strconv.Itoa(i), 95, "m1"))
		}
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		all := append(a.notified.Received(north), b.notified.Received(north)...)
		ids := map[string]int{}
		for _, alert := range all {
			ids[alert.ID]++
		}
		require.Len(t, ids, 20*6)
		require.Len(t, all, 20*6, "the claim keeps the other process away")
		stopA()
		stopB()
	})
}

func TestFailingRepositoriesOnlyDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		fault := func(tenanttest.Call) (fault tenanttest.Fault) {
			if down.Load() {
				fault.Before = tenanttest.ErrFault
			}
			return fault
		}
		p := realClock().startReal(faults{alerts: fault, detectors: fault})
		p.putModel(t, north, boiler)
		stop := p.running(t)
		synctest.Wait()
		p.put(t, north, reading("b1", 95, "m1"))
		synctest.Wait()
		down.Store(true)
		err := p.Put(t.Context(), north, reading("b1", 95, "m2"))
		require.Equal(t, iotenant.ErrUnavailable, iotenant.KindOf(err))
		time.Sleep(5 * time.Minute)
		require.Equal(t, []string{"alarm"}, p.events(north))
		down.Store(false)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		require.Len(t, p.events(north), 11, "ten timers have fired meanwhile")
		require.Len(t, p.notified.IDs(north), 11)
		stop()
	})
}

func TestHangingReceiversOfOneTenantDelayNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		recorder := &alertstest.Recorder{}
		hanging := alertstest.Faulty(recorder, func(id tenant.ID, _ alerts.Alert) (fault alertstest.Fault) {
			if id == north {
				fault.Delay = time.Hour
			}
			return fault
		})
		p := realClock().startReal(faults{}, on(detector.ActionSNS, hanging), func(o *alerts.Options) {
			o.Workers, o.TenantWorkers = 4, 3
		})
		p.putModel(t, north, boiler)
		p.putModel(t, south, boiler)
		stop := p.running(t)
		for i := range 50 {
			p.put(t, north, reading("b"+strconv.Itoa(i), 95, "m1"))
		}
		synctest.Wait()
		begin := time.Now()
		p.put(t, south, reading("b1", 95, "m1"))
		synctest.Wait()
		require.Len(t, recorder.Received(south), 1)
		require.Equal(t, begin, time.Now())
		time.Sleep(31 * time.Second)
		stop()
		require.Empty(t, recorder.Received(north))
	})
}

func TestShutdownInterruptsAttemptsWithoutCountingThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := realClock()
		hanging := alertstest.Faulty(&alertstest.Recorder{}, func(tenant.ID, alerts.Alert) alertstest.Fault {
			return alertstest.Fault{Delay: time.Hour}
		})
		p := d.startReal(faults{}, on(detector.ActionSNS, hanging))
		p.putModel(t, north, boiler)
		stop := p.running(t)
		p.put(t, north, reading("b1", 95, "m1"))
		synctest.Wait()
		require.Equal(t, 1, only(t, p, north).Attempts)
		stop()
		require.Equal(t, 0, only(t, p, north).Attempts)
		p = d.startReal(faults{})
		stop = p.running(t)
		synctest.Wait()
		require.Equal(t, []string{"alarm"}, p.events(north), "the next process does not wait")
		stop()
	})
}

func TestRunSurvivesAFailingListOfTenants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		p := realClock().startReal(faults{}, func(o *alerts.Options) {
			o.Tenants = func(context.Context) iter.Seq2[tenant.ID, error] {
				return func(yield func(tenant.ID, error) bool) {
					if calls++; calls == 1 {
						yield(tenant.ID{}, errors.New("down"))
						return
					}
					yield(north, nil)
				}
			}
		})
		p.putModel(t, north, boiler)
		p.put(t, north, reading("b1", 95, "m1"))
		stop := p.running(t)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		require.Empty(t, p.events(north))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.ElementsMatch(t, []string{"alarm", "still hot"}, p.events(north))
		stop()
	})
}

func TestRunTwiceIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := realClock().startReal(faults{})
		stop := p.running(t)
		synctest.Wait()
		require.ErrorIs(t, p.Run(t.Context()), iotenant.ErrInvalid)
		stop()
		stop = p.running(t)
		stop()
	})
}

func TestDetectorThatSleptCatchesUp(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, strings.ReplaceAll(boiler, `"seconds": 60`, `"seconds": 1`))
	p.put(t, north, reading("b1", 95, "m1"))
	d.clock.Advance(time.Hour)
	p.sweep(t, north)
	require.Len(t, p.notified.IDs(north), 1+3600, "more than a step or an item holds")
	require.Equal(t, uint64(3601), p.detector(t, north, "boiler", "b1").Evaluations)
}

// A Waker is told in time of everything that will be due: who sweeps only then
// misses nothing.
func TestWakerIsToldOfEverything(t *testing.T) {
	t.Parallel()
	d := newDisk()
	waker := &memoryWaker{}
	failures := 3
	recorder := &alertstest.Recorder{}
	notifier := alertstest.Faulty(recorder, func(tenant.ID, alerts.Alert) alertstest.Fault {
		if failures--; failures >= 0 {
			return alertstest.Fault{Before: alertstest.ErrFault}
		}
		return alertstest.Fault{}
	})
	p := d.start(on(detector.ActionSNS, notifier), func(o *alerts.Options) { o.Waker = waker })
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"))
	for range 50 {
		at, ok := waker.next()
		if !ok || at.After(start.Add(5*time.Minute)) {
			break
		}
		if at.After(d.clock.Now()) {
			d.clock.Set(at)
		}
		p.sweep(t, north)
	}
	require.Len(t, recorder.IDs(north), 1, "delivered after three failures")
	require.Len(t, p.notified.IDs(north), 5, "the timer ran each minute")
	require.Equal(t, "still hot", p.notified.Received(north)[0].Event)
}

func TestWakerFails(t *testing.T) {
	t.Parallel()
	d := newDisk()
	waker := &memoryWaker{err: alertstest.ErrFault}
	p := d.start(func(o *alerts.Options) { o.Waker = waker })
	p.putModel(t, north, boiler)
	require.ErrorIs(t, p.Put(t.Context(), north, reading("b1", 95, "m1")), alertstest.ErrFault)
	_, err := p.Detector(t.Context(), north, "boiler", "b1")
	require.ErrorIs(t, err, tenant.ErrNotFound, "nothing was written")
	waker.err = nil
	p.put(t, north, reading("b1", 95, "m1"))
	require.Equal(t, "hot", p.detector(t, north, "boiler", "b1").State)
}

// An alert that is tried again is due at once, which nobody else will say.
func TestWakerIsToldOfARedelivery(t *testing.T) {
	t.Parallel()
	d := newDisk()
	recorder := &alertstest.Recorder{}
	refuses := alertstest.Faulty(recorder, func(tenant.ID, alerts.Alert) alertstest.Fault {
		return alertstest.Fault{Before: alertstest.ErrRefusal}
	})
	p := d.start(on(detector.ActionSNS, refuses))
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"), reading("b1", 1, "m2"))
	p.sweep(t, north)
	alert := only(t, p, north)
	require.Equal(t, alerts.StatusDead, alert.Status)

	d.clock.Advance(time.Hour)
	waker := &memoryWaker{err: alertstest.ErrFault}
	p = d.start(on(detector.ActionSNS, recorder), func(o *alerts.Options) { o.Waker = waker })
	require.ErrorIs(t, p.Redeliver(t.Context(), north, alert.ID), alertstest.ErrFault)
	require.Equal(t, alerts.StatusDead, only(t, p, north).Status, "nothing was written")

	waker.err = nil
	require.ErrorIs(t, p.Redeliver(t.Context(), north, "other"), tenant.ErrNotFound)
	_, ok := waker.next()
	require.False(t, ok, "nothing became due")
	require.NoError(t, p.Redeliver(t.Context(), north, alert.ID))
	at, ok := waker.next()
	require.True(t, ok)
	require.Equal(t, d.clock.Now(), at)
	p.sweep(t, north)
	require.Equal(t, []string{alert.ID}, recorder.IDs(north))
}

// memoryWaker remembers when to wake.
type memoryWaker struct {
	mu    sync.Mutex
	times []time.Time
	err   error
}

func (w *memoryWaker) Wake(_ context.Context, _ tenant.ID, at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.times = append(w.times, at)
	}
	return w.err
}

// next takes the earliest time.
func (w *memoryWaker) next() (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.times) == 0 {
		return time.Time{}, false
	}
	slices.SortFunc(w.times, time.Time.Compare)
	at := w.times[0]
	w.times = w.times[1:]
	return at, true
}
