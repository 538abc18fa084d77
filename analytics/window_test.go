package analytics_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

func windows(t require.TestingT, shape analytics.Shape, optFns ...func(*analytics.WindowOptions)) *analytics.Windows {
	w, err := analytics.NewWindows(shape, optFns...)
	require.NoError(t, err)
	return w
}

// send adds the metric t of the pump at some minutes after noon, and returns
// what happened: "start-end revision: values".
func send(t require.TestingT, w *analytics.Windows, minutes, value float64) string {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := noon.Add(time.Duration(minutes * float64(time.Minute)))
	result, err := w.Add(acme, reading("pump", at, `{"t": %v}`, value))
	require.NoError(t, err)
	text := written(result.Closed)
	if result.Late > 0 {
		text += " late"
	}
	return strings.TrimSpace(text)
}

func written(closed []analytics.TimeWindow) string {
	var texts []string
	for _, c := range closed {
		texts = append(texts, fmt.Sprintf("%s-%s r%d: %d=%v", c.Start.Format("15:04"), c.End.Format("15:04"), c.Revision, c.Count, c.Sum))
	}
	return strings.Join(texts, ", ")
}

var minutely = analytics.Tumbling(analytics.Interval{Every: time.Minute})

func TestTumblingWindows(t *testing.T) {
	t.Parallel()
	w := windows(t, minutely)
	require.Empty(t, send(t, w, 0.1, 1))
	require.Empty(t, send(t, w, 0.9, 2))
	require.Equal(t, "12:00-12:01 r0: 2=3", send(t, w, 1, 4))
	require.Equal(t, "late", send(t, w, 0.5, 8))
	require.Equal(t, "12:01-12:02 r0: 1=4", send(t, w, 5, 16), "windows without points are none")
}

func TestWindowsWait(t *testing.T) {
	t.Parallel()
	w := windows(t, minutely, func(o *analytics.WindowOptions) { o.Delay = 30 * time.Second })
	require.Empty(t, send(t, w, 0.1, 1))
	require.Empty(t, send(t, w, 1.2, 2))
	require.Empty(t, send(t, w, 0.8, 4))
	require.Equal(t, "12:00-12:01 r0: 2=5", send(t, w, 1.5, 8))
	require.Equal(t, "late", send(t, w, 0.9, 16))
}

func TestWindowsAreRevised(t *testing.T) {
	t.Parallel()
	w := windows(t, minutely, func(o *analytics.WindowOptions) { o.Revise = time.Minute })
	require.Empty(t, send(t, w, 1.1, 1))
	require.Equal(t, "12:00-12:01 r0: 1=2", send(t, w, 0.5, 2), "a window that is first seen late")
	require.Equal(t, "12:00-12:01 r1: 2=6", send(t, w, 0.6, 4))
	require.Equal(t, "12:01-12:02 r0: 1=1", send(t, w, 2.1, 8))
	require.Equal(t, "late", send(t, w, 0.7, 16))
	require.Equal(t, "12:01-12:02 r1: 2=33", send(t, w, 1.9, 32))
}

func TestSlidingWindows(t *testing.T) {
	t.Parallel()
	w := windows(t, analytics.Sliding(3*time.Minute, time.Minute))
	require.Empty(t, send(t, w, 0.5, 1))
	require.Equal(t, "11:58-12:01 r0: 1=1", send(t, w, 1.5, 2))
	require.Equal(t, "11:59-12:02 r0: 2=3", send(t, w, 2, 4))
	require.Empty(t, send(t, w, 1.9, 8), "it comes too late for one window, and in time for two")
	require.Equal(t, "12:00-12:03 r0: 4=15, 12:01-12:04 r0: 3=14, 12:02-12:05 r0: 1=4", send(t, w, 9, 16))
}

func TestSessionWindows(t *testing.T) {
	t.Parallel()
	w := windows(t, analytics.Session(2*time.Minute), func(o *analytics.WindowOptions) { o.Delay = 10 * time.Minute })
	for i, minutes := range []float64{0, 1, 5, 3, 9, 11, 30} {
		got := send(t, w, minutes, float64(int(1)<<i))
		if minutes < 30 {
			require.Empty(t, got)
			continue
		}
		// 1 joins 0; 3 is two minutes after 1 and before 5: it joins neither.
		require.Equal(t, "12:00-12:03 r0: 2=3, 12:03-12:05 r0: 1=8, 12:05-12:07 r0: 1=4, 12:09-12:11 r0: 1=16, 12:11-12:13 r0: 1=32", got)
	}
	require.Equal(t, "late", send(t, w, 12, 1))
	require.Empty(t, send(t, w, 29, 2))
	require.Empty(t, send(t, w, 27.5, 4))
	closed, err := w.Advance(acme, received.AddDate(1, 0, 0))
	require.NoError(t, err)
	require.Equal(t, "12:27-12:32 r0: 3=70", written(closed), "29 joined two sessions")
}

func TestWindowsOfOneThingCloseNoOthers(t *testing.T) {
	t.Parallel()
	w := windows(t, minutely)
	require.Empty(t, send(t, w, 0, 1))
	result, err := w.Add(acme, reading("fan", received.AddDate(0, 0, 7), `{"t": 1}`))
	require.NoError(t, err)
	require.Empty(t, result.Closed)
	require.Empty(t, send(t, w, 0.5, 2))
	closed, err := w.Advance(acme, received.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, "12:00-12:01 r0: 2=3", written(closed))
	require.Equal(t, "late", send(t, w, 30, 4), "Advance said so")
}

func TestWindowsRefuseWrongClocks(t *testing.T) {
	t.Parallel()
	w := windows(t, minutely)
	require.Empty(t, send(t, w, 0, 1))
	result, err := w.Add(acme, reading("pump", received, `{"t": 1, "u": 2, "timestamp": "2100-01-01T00:00:00Z"}`))
	require.NoError(t, err)
	require.Equal(t, analytics.Windowed{Ahead: 2}, result)
	require.Empty(t, send(t, w, 0.5, 2))
}

func TestWindowsAreLimited(t *testing.T) {
	t.Parallel()
	w := windows(t, analytics.Sliding(100*time.Second, time.Second))
	fill := func(i int) error {
		_, err := w.Add(acme, reading(fmt.Sprint("pump-", i), received, `{"t": 1}`))
		return err
	}
	for i := range analytics.MaxWindows / 100 {
		require.NoError(t, fill(i))
	}
	before, err := w.Encode(acme)
	require.NoError(t, err)
	require.ErrorIs(t, fill(-1), analytics.ErrLimit)
	after, err := w.Encode(acme)
	require.NoError(t, err)
	require.Equal(t, before, after, "a refused message changes nothing")
	_, err = w.Add(tenant.MustParseID("acme-b"), reading("pump", received, `{"t": 1}`))
	require.NoError(t, err, "the limit is that of one tenant")
	_, err = w.Advance(acme, received.Add(time.Hour))
	require.NoError(t, err)
	require.NoError(t, fill(-1+1e6))
}

func TestNewWindowsRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		shape analytics.Shape
		set   func(*analytics.WindowOptions)
	}{
		"no shape":    {},
		"interval":    {shape: analytics.Tumbling(analytics.Interval{Every: 7 * time.Hour})},
		"no step":     {shape: analytics.Sliding(time.Minute, 0)},
		"no size":     {shape: analytics.Sliding(0, time.Minute)},
		"no multiple": {shape: analytics.Sliding(3*time.Minute, 2*time.Minute)},
		"overlap":     {shape: analytics.Sliding(101*time.Second, time.Second)},
		"no gap":      {shape: analytics.Session(-time.Second)},
		"delay":       {shape: minutely, set: func(o *analytics.WindowOptions) { o.Delay = -1 }},
		"long delay":  {shape: minutely, set: func(o *analytics.WindowOptions) { o.Delay = 4000 * 24 * time.Hour }},
		"exact":       {shape: minutely, set: func(o *analytics.WindowOptions) { o.Percentiles.Exact = true }},
		"percentile":  {shape: minutely, set: func(o *analytics.WindowOptions) { o.Percentiles.Of = []float64{-1} }},
		"session":     {shape: analytics.Session(time.Minute), set: func(o *analytics.WindowOptions) { o.Revise = time.Minute }},
	} {
		if c.set == nil {
			c.set = func(*analytics.WindowOptions) {}
		}
		_, err := analytics.NewWindows(c.shape, c.set)
		require.ErrorIs(t, err, analytics.ErrWindow, name)
	}
	w := windows(t, minutely)
	_, err := w.Add(acme, analytics.Message{At: received})
	require.ErrorIs(t, err, device.ErrID)
	_, err = w.Add(acme, reading("pump", time.Time{}, ""))
	require.ErrorIs(t, err, analytics.ErrMessage)
}

// shapes draws a shape, and how a model finds the windows of points that are in
// order of time.
func drawShape(t *rapid.T) (analytics.Shape, func([]analytics.Point) [][2]time.Time) {
	switch rapid.IntRange(0, 2).Draw(t, "shape") {
	case 0:
		interval := analytics.Interval{Every: time.Hour, Zone: zone(t, "Asia/Kolkata")}
		return analytics.Tumbling(interval), func(points []analytics.Point) (all [][2]time.Time) {
			for _, p := range points {
				start, end := interval.Bucket(p.Time)
				all = append(all, [2]time.Time{start, end})
			}
			return all
		}
	case 1:
		return analytics.Sliding(time.Hour, 15*time.Minute), func(points []analytics.Point) (all [][2]time.Time) {
			for _, p := range points {
				for start := p.Time.Truncate(15 * time.Minute); p.Time.Before(start.Add(time.Hour)); start = start.Add(-15 * time.Minute) {
					all = append(all, [2]time.Time{start, start.Add(time.Hour)})
				}
			}
			return all
		}
	}
	const gap = 20 * time.Minute
	return analytics.Session(gap), func(points []analytics.Point) (all [][2]time.Time) {
		for _, p := range points {
			if last := len(all) - 1; last >= 0 && p.Time.Before(all[last][1]) {
				all[last][1] = p.Time.Add(gap)
			} else {
				all = append(all, [2]time.Time{p.Time, p.Time.Add(gap)})
			}
		}
		return all
	}
}

// TestWindowsMatchTheModel: if nothing is late, the windows are those of all
// points at once; and they are the same whether the state was kept in memory or
// encoded and restored between any two messages, and whatever another tenant
// sends in between.
func TestWindowsMatchTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		shape, bounds := drawShape(t)
		options := func(o *analytics.WindowOptions) {
			o.Delay, o.Percentiles.Of = 24*time.Hour, []float64{0, 50, 100}
		}
		kept, restored, shared := windows(t, shape, options), windows(t, shape, options), windows(t, shape, options)
		messages := drawMessages(t)
		for i, m := range messages {
			result, err := kept.Add(acme, m)
			require.NoError(t, err)
			require.Equal(t, analytics.Windowed{Closed: []analytics.TimeWindow{}}, result)
			_, err = restored.Add(acme, m)
			require.NoError(t, err)
			state, err := restored.Encode(acme)
			require.NoError(t, err)
			restored = windows(t, shape, options)
			require.NoError(t, restored.Restore(acme, state))
			_, err = shared.Add(acme, m)
			require.NoError(t, err)
			other := messages[len(messages)-1-i]
			other.At = other.At.AddDate(1, 0, 0)
			_, err = shared.Add(tenant.MustParseID("acme-b"), other)
			require.NoError(t, err)
		}
		end := received.AddDate(0, 1, 0)
		got, err := kept.Advance(acme, end)
		require.NoError(t, err)
		for _, w := range []*analytics.Windows{restored, shared} {
			same, err := w.Advance(acme, end)
			require.NoError(t, err)
			require.Equal(t, got, same)
		}
		requireWindows(t, modelWindows(messages, bounds), got)
	})
}

// modelWindows computes the windows of all messages.
func modelWindows(messages []analytics.Message, bounds func([]analytics.Point) [][2]time.Time) (all []analytics.Bucket) {
	series := map[analytics.Point][]analytics.Point{}
	for _, m := range messages {
		for _, p := range m.Points() {
			key := analytics.Point{Thing: p.Thing, Channel: p.Channel, Metric: p.Metric}
			series[key] = append(series[key], p)
		}
	}
	for key, points := range series {
		slices.SortStableFunc(points, func(a, b analytics.Point) int { return a.Time.Compare(b.Time) })
		seen := map[time.Time]bool{}
		for _, b := range bounds(points) {
			if seen[b[0]] {
				continue
			}
			seen[b[0]] = true
			within := slices.DeleteFunc(slices.Clone(points), func(p analytics.Point) bool { return p.Time.Before(b[0]) || !p.Time.Before(b[1]) })
			found := naive(within, analytics.AggregateQuery{Interval: analytics.Interval{Unit: analytics.Year}, Percentiles: analytics.Percentiles{Of: []float64{0, 50, 100}}})[0]
			found.Group, found.Start, found.End = key.Thing.String(), b[0], b[1]
			all = append(all, found)
		}
	}
	slices.SortFunc(all, func(a, b analytics.Bucket) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), a.End.Compare(b.End), a.Start.Compare(b.Start), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Metric, b.Metric))
	})
	return all
}

func requireWindows(t require.TestingT, want []analytics.Bucket, got []analytics.TimeWindow) {
	require.Len(t, got, len(want))
	for i, w := range got {
		requireBucket(t, want[i], analytics.Bucket{
			Group: w.Thing.String(), Channel: w.Channel, Metric: w.Metric, Start: w.Start, End: w.End, Statistics: w.Statistics,
		}, false)
	}
}

// TestWindowsLoseNothing: each point is in a window, late or ahead.
func TestWindowsLoseNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := windows(t, analytics.Tumbling(analytics.Interval{Every: 15 * time.Minute}), func(o *analytics.WindowOptions) {
			o.Delay = time.Duration(rapid.IntRange(0, 60).Draw(t, "delay")) * time.Minute
		})
		sent, seen := 0, 0
		count := func(closed []analytics.TimeWindow) {
			for _, c := range closed {
				require.Zero(t, c.Revision)
				seen += int(c.Count)
			}
		}
		for _, m := range drawMessages(t) {
			sent += 2
			result, err := w.Add(acme, m)
			require.NoError(t, err)
			count(result.Closed)
			seen += result.Late + result.Ahead
		}
		closed, err := w.Advance(acme, received.AddDate(0, 1, 0))
		require.NoError(t, err)
		count(closed)
		require.Equal(t, sent, seen)
	})
}

func TestWindowsRestoreRefuses(t *testing.T) {
	t.Parallel()
	w := windows(t, minutely)
	send(t, w, 0, 1)
	state, err := w.Encode(acme)
	require.NoError(t, err)
	for i := range state {
		bad := slices.Clone(state)
		bad[i] ^= 4
		require.ErrorIs(t, w.Restore(acme, bad), analytics.ErrState)
		require.ErrorIs(t, w.Restore(acme, state[:i]), analytics.ErrState)
	}
	require.ErrorIs(t, windows(t, analytics.Session(time.Minute)).Restore(acme, state), analytics.ErrState)
	require.Equal(t, "12:00-12:01 r0: 1=1", send(t, w, 1, 1), "it goes on as if nothing had been restored")
	require.NoError(t, w.Restore(acme, state))
	require.NoError(t, w.Forget(acme))
	none, err := w.Encode(acme)
	require.NoError(t, err)
	require.Less(t, len(none), len(state))
}

// FuzzRestoreWindows: whatever is restored is what would be encoded again.
func FuzzRestoreWindows(f *testing.F) {
	w := windows(f, minutely)
	for minutes := range 3 {
		send(f, w, float64(minutes), 1)
	}
	state, err := w.Encode(acme)
	require.NoError(f, err)
	f.Add(state)
	f.Fuzz(func(t *testing.T, data []byte) {
		w := windows(t, minutely)
		if w.Restore(acme, analytics.SealState(data)) != nil {
			return
		}
		again, err := w.Encode(acme)
		require.NoError(t, err)
		require.Equal(t, analytics.SealState(data), again)
		_, err = w.Advance(acme, received.AddDate(100, 0, 0))
		require.NoError(t, err)
	})
}

// TestAttackWindows: neither the clock nor the state of a tenant reaches
// another.
func TestAttackWindows(t *testing.T) {
	t.Parallel()
	other := tenant.MustParseID("acme-b")
	w := windows(t, minutely)
	require.Empty(t, send(t, w, 0, 1))
	result, err := w.Add(other, reading("pump", received.AddDate(1, 0, 0), `{"t": 100}`))
	require.NoError(t, err)
	require.Empty(t, result.Closed, "another's clock closes nothing")
	closed, err := w.Advance(other, received.AddDate(2, 0, 0))
	require.NoError(t, err)
	require.Len(t, closed, 1, "one's own window, and no other")
	require.InDelta(t, 100, closed[0].Sum, 0)
	state, err := w.Encode(acme)
	require.NoError(t, err)
	err = w.Restore(other, state)
	require.ErrorIs(t, err, analytics.ErrState)
	require.NotContains(t, strings.ReplaceAll(err.Error(), other.String(), ""), acme.String())
	require.NoError(t, w.Forget(other))
	require.Equal(t, "12:00-12:01 r0: 1=1", send(t, w, 1, 1))
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		_, err := w.Add(id, reading("pump", received, `{"t": 1}`))
		require.ErrorIs(t, err, tenant.ErrID)
		_, err = w.Advance(id, received)
		require.ErrorIs(t, err, tenant.ErrID)
		_, err = w.Encode(id)
		require.ErrorIs(t, err, tenant.ErrID)
		require.ErrorIs(t, w.Restore(id, state), tenant.ErrID)
		require.ErrorIs(t, w.Forget(id), tenant.ErrID)
	}
}

func ExampleNewWindows() {
	id, pump := tenant.MustParseID("acme"), device.MustParseID("pump-1")
	w, err := analytics.NewWindows(analytics.Tumbling(analytics.Interval{Every: time.Minute}), func(o *analytics.WindowOptions) {
		o.Delay = 5 * time.Second
		o.Percentiles.Of = []float64{100}
	})
	if err != nil {
		panic(err)
	}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, second := range []int{10, 61, 55, 70} {
		message := analytics.Message{Thing: pump, At: noon.Add(time.Duration(second) * time.Second), Payload: fmt.Appendf(nil, `{"rpm": %d}`, 900+i)}
		result, err := w.Add(id, message)
		if err != nil {
			panic(err)
		}
		for _, window := range result.Closed {
			fmt.Println(window.Start.Format(time.TimeOnly), window.Metric, window.Count, window.Mean, window.Percentiles)
		}
	}
	// Output: 12:00:00 rpm 2 901 [902]
}
