package analytics_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// mortal is a process that dies at a call to the outside: no later one gets
// through. At that call itself the effect may have been had.
type mortal struct {
	mu     sync.Mutex
	left   int // calls until it dies
	effect bool
	calls  int
}

func (m *mortal) next() (before, after error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	m.left--
	switch {
	case m.left > 0:
		return nil, nil
	case m.left == 0 && m.effect:
		return nil, errTrouble
	}
	return errTrouble, nil
}

func (m *mortal) repository(tenanttest.Call) tenanttest.Fault {
	before, after := m.next()
	return tenanttest.Fault{Before: before, After: after}
}

func (m *mortal) objects(analyticstest.Call) analyticstest.Fault {
	before, after := m.next()
	return analyticstest.Fault{Before: before, After: after}
}

// TestDatasetCrashes kills a process at each of its calls, before and after their
// effect. The next one makes of it what would have been: one content for the
// schedule time, its window, one delivery for each row, one content of the data
// set after it.
func TestDatasetCrashes(t *testing.T) {
	t.Parallel()
	calls := crashAt(t, 1<<30, false)
	require.Greater(t, calls, 20)
	for _, effect := range []bool{false, true} {
		for n := 1; n <= calls; n++ {
			t.Run(fmt.Sprintf("%d %t", n, effect), func(t *testing.T) {
				t.Parallel()
				crashAt(t, n, effect)
			})
		}
	}
}

func crashAt(t *testing.T, n int, effect bool) (calls int) {
	t.Helper()
	p := newMill("10:07:00")
	p.engine.put(north, storedRow{at("10:12:00"), "one"}, storedRow{at("10:28:00"), "two"})
	p.definitions.put(north, defineDelta("d", quarterly+`,"contentDeliveryRules":[`+toInput("i")+","+toBucket("e", "out", "!{iotanalytics:versionId}")+`]`), at("10:07:00"))
	p.definitions.put(north, containerRest, at("10:07:00"))
	sent, ran := &sentMessages{}, map[string]bool{}
	options := func(o *analytics.DatasetsOptions) {
		o.Inputs, o.Buckets = analytics.ToInputs(sent), analytics.ToBuckets(p.objects)
		o.Containers = map[string]analytics.ContainerFunc{"plot": func(_ context.Context, _ tenant.ID, run *analytics.ContainerRun) error {
			ran[run.Version] = true
			return nil
		}}
	}
	m := &mortal{left: n, effect: effect}
	dying := p.startFaulty(faultsOf(m, p), options)
	p.clock.Set(at("10:15:10"))
	_ = dying.Sweep(t.Context(), north)

	sound := p.start(options)
	for _, clock := range []string{"10:15:20", "10:17:00", "10:18:00", "10:30:00", "10:31:00"} {
		p.sweepAt(t, sound, clock)
	}
	contents := listed(t, sound, "d")
	require.Len(t, contents, 2)
	for i, want := range []string{"09:57:00 10:12:00", "10:12:00 10:27:00"} {
		require.Equal(t, want, window(&contents[i]))
		require.Equal(t, analytics.ContentSucceeded, contents[i].State)
		for _, delivery := range contents[i].Deliveries {
			require.Equal(t, analytics.DeliveryDelivered, delivery.State)
		}
	}
	require.Equal(t, []string{"one"}, sent.rows())
	require.Len(t, ran, 2)
	require.Len(t, listed(t, sound, "report"), 2)
	out, err := p.objects.List(t.Context(), north, "deliveries/", "", 10)
	require.NoError(t, err)
	require.Len(t, out, 2)
	return m.calls
}

func faultsOf(m *mortal, p *mill) millFaults {
	return millFaults{contents: m.repository, states: m.repository, objects: analyticstest.FaultyObjects(p.objects, m.objects)}
}

// A claim is renewed for as long as the work takes; when it can't be, others take
// over, and what the first one makes counts no more.
func TestDatasetClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newMill("10:00:00")
		start := time.Now()
		now := func(o *analytics.DatasetsOptions) {
			o.Now = func() time.Time { return at("10:00:00").Add(time.Since(start)) }
		}
		p.definitions.put(north, define("d", ""), at("10:00:00"))
		p.engine.before = func(ctx context.Context, _ tenant.ID, _ analytics.Statement) error {
			select {
			case <-time.After(10 * time.Minute):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		cut := make(chan struct{})
		isolated := func(tenanttest.Call) tenanttest.Fault {
			select {
			case <-cut:
				return tenanttest.Fault{Before: errTrouble}
			default:
				return tenanttest.Fault{}
			}
		}
		first, second := p.startFaulty(millFaults{contents: isolated, states: isolated}, now), p.start(now)
		version, err := second.CreateContent(t.Context(), north, "d", "")
		require.NoError(t, err)
		ended := make(chan error, 2)
		go func() { ended <- first.Sweep(t.Context(), north) }()
		time.Sleep(5 * time.Minute)
		require.NoError(t, second.Sweep(t.Context(), north), "the first is at work")
		content, err := second.Content(t.Context(), north, "d", version)
		require.NoError(t, err)
		require.Equal(t, analytics.ContentCreating, content.State)

		close(cut)
		time.Sleep(2 * time.Minute)
		go func() { ended <- second.Sweep(t.Context(), north) }()
		require.ErrorIs(t, <-ended, errTrouble, "the first gave up when it could not renew its claim")
		require.NoError(t, <-ended)
		content, err = second.Content(t.Context(), north, "d", version)
		require.NoError(t, err)
		require.Equal(t, analytics.ContentSucceeded, content.State)
		require.Equal(t, 17*time.Minute, content.Completed.Sub(at("10:00:00")))
		objects, err := p.objects.List(t.Context(), north, "", "", 10)
		require.NoError(t, err)
		require.Len(t, objects, 1)
	})
}

// A content whose making was not noted any more counts for the windows also if it
// is deleted before anybody else came to it.
func TestDatasetDeletedAfterCrash(t *testing.T) {
	t.Parallel()
	p := newMill("10:07:00")
	p.definitions.put(north, defineDelta("d", quarterly), at("10:07:00"))
	m := &mortal{left: 1 << 30}
	p.engine.before = func(context.Context, tenant.ID, analytics.Statement) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.left = 0 // the states are out of reach from here on
		return nil
	}
	dying := p.startFaulty(millFaults{states: m.repository})
	p.clock.Set(at("10:15:00"))
	require.ErrorIs(t, dying.Sweep(t.Context(), north), errTrouble)

	p.engine.before = nil
	sound := p.start()
	contents := listed(t, sound, "d")
	require.Len(t, contents, 1)
	require.Equal(t, analytics.ContentSucceeded, contents[0].State)
	require.NoError(t, sound.DeleteContent(t.Context(), north, "d", contents[0].Version))
	p.sweepAt(t, sound, "10:17:00")
	require.Empty(t, listed(t, sound, "d"))
	p.sweepAt(t, sound, "10:30:00")
	contents = listed(t, sound, "d")
	require.Len(t, contents, 1)
	require.Equal(t, "10:12:00 10:27:00", window(&contents[0]))
}
