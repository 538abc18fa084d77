package alerts_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// fed is fed by other detectors, at times that crashes may delay, so it has no
// timers.
const fed = `{"detectorModelName": "fed", "key": "id", "detectorModelDefinition": {"initialStateName": "s", "states": [
  {"stateName": "s", "onInput": {"events": [{"eventName": "fed", "condition": "$input.hotness.t > 90", "actions": [
    {"sns": {"targetArn": "arn:aws:sns:eu-west-1:123456789012:fed"}}]}]}}]}}`

// scene is a story that a source tells: at a time, a batch. The source sends
// a batch until it is acknowledged, then the next.
type scene struct {
	at    time.Duration
	batch []alerts.Message
}

// crashes decides after which write of a process, counted from 1, it ends,
// and whether that write still takes effect. 0 means that it does not end.
type crashes func(process int) (write int, lost bool)

func never(int) (write int, lost bool) { return 0, false }

// life is what remains after a story was told to processes that crash.
type life struct {
	t         tb
	disk      *disk
	crashes   crashes
	processes int
	writes    int // of the first process
	notified  *alertstest.Recorder
	process   *process
}

// boot starts the next process. From its crash on, all its calls fail.
func (l *life) boot() {
	l.processes++
	number := l.processes
	last, lost := l.crashes(number)
	var mu sync.Mutex
	count := 0
	decide := func(call tenanttest.Call) (fault tenanttest.Fault) {
		mu.Lock()
		defer mu.Unlock()
		if call.Operation == tenanttest.OpPut || call.Operation == tenanttest.OpDelete {
			count++
			if number == 1 {
				l.writes = count
			}
			if count == last && !lost {
				fault.After = tenanttest.ErrFault
				return fault
			}
		}
		if last > 0 && count >= last {
			fault.Before = tenanttest.ErrFault
		}
		return fault
	}
	l.process = l.disk.startFaulty(faults{detectors: decide, alerts: decide}, l.notified)
}

// until repeats what a process must do, in as many processes as it takes.
func (l *life) until(do func(p *process) error) {
	for range 10 {
		err := do(l.process)
		if err == nil {
			return
		}
		require.ErrorIs(l.t, err, tenanttest.ErrFault)
		l.boot()
	}
	require.Fail(l.t, "no process succeeds")
}

// tell lets processes live through a story.
func tell(t tb, story []scene, crashes crashes) *life {
	l := &life{t: t, disk: newDisk(), crashes: crashes, notified: &alertstest.Recorder{}}
	l.disk.start().putModel(t, north, boiler)
	l.disk.start().putModel(t, north, strings.Replace(forwarding("any", "hotness"), "$input.telemetry", "$input.forward", 1))
	l.disk.start().putModel(t, north, fed)
	l.boot()
	for i, scene := range story {
		l.disk.clock.Set(start.Add(scene.at))
		l.until(func(p *process) error { return p.Put(t.Context(), north, scene.batch...) })
		if i%2 == 1 { // some actions wait until the next batch
			l.until(func(p *process) error { return p.Sweep(t.Context(), north) })
		}
	}
	sweepLater := func() {
		l.disk.clock.Advance(61 * time.Second) // claims of dead processes have run out
		l.until(func(p *process) error { return p.Sweep(t.Context(), north) })
	}
	sweepLater()
	sweepLater()
	l.crashes = never
	l.boot()
	sweepLater()
	return l
}

// outcome is what must not depend on crashes.
func (l *life) outcome() string {
	var text strings.Builder
	for _, model := range []string{"boiler", "forwarding", "fed"} {
		page, err := l.disk.start().Detectors(l.t.Context(), north, model, 0, "")
		require.NoError(l.t, err)
		for _, item := range page.Items {
			d := item.Value
			fmt.Fprintln(&text, d.Model, d.Key, d.State, d.Evaluations, d.Variables, d.Timers)
		}
	}
	var ids []string
	for _, alert := range l.notified.Received(north) {
		ids = append(ids, l.identity(alert))
	}
	slices.Sort(ids)
	fmt.Fprintln(&text, strings.Join(slices.Compact(ids), "\n"))
	return text.String()
}

// identity is an alert's id. A detector that is fed is created later after a
// crash, which is part of the ids of its actions: there, its number counts.
func (l *life) identity(alert alerts.Alert) string {
	if alert.Model == "fed" {
		return fmt.Sprint("fed ", alert.Key, alert.Evaluation, alert.Index)
	}
	return alert.ID
}

func forward(key, messageID string) alerts.Message {
	m := reading(key, 1, messageID)
	m.Input = "forward"
	return m
}

func shortStory() []scene {
	return []scene{
		{0, []alerts.Message{reading("b1", 95, "m1"), reading("b2", 1, "m2")}},
		{30 * time.Second, []alerts.Message{reading("b2", 99, "m3"), reading("b1", 96, "m4"), forward("f", "m5")}},
		{70 * time.Second, []alerts.Message{reading("b1", 1, "m6"), reading("b1", 91, "m7"), reading("b2", 92, "m8")}},
		{80 * time.Second, []alerts.Message{forward("f", "m9")}},
	}
}

func TestCrashAtEveryWrite(t *testing.T) {
	t.Parallel()
	undisturbed := tell(t, shortStory(), never)
	want := undisturbed.outcome()
	require.Equal(t, 2, undisturbed.processes)
	require.Len(t, undisturbed.notified.Received(north), len(undisturbed.notified.IDs(north)), "undisturbed, each once")
	require.Greater(t, undisturbed.writes, 30)
	for write := 1; write <= undisturbed.writes; write++ {
		for _, lost := range []bool{true, false} {
			l := tell(t, shortStory(), func(process int) (int, bool) {
				if process == 1 {
					return write, lost
				}
				return 0, false
			})
			require.Equal(t, want, l.outcome(), "crash at write %d, lost %v", write, lost)
			require.Equal(t, 3, l.processes)
		}
	}
}

// The whole story stays within alerts.Window: what is sent again after it, is
// new.
func TestCrashesAtRandom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		var story []scene
		at := time.Duration(0)
		for i := range rapid.IntRange(1, 6).Draw(r, "scenes") {
			at += time.Duration(rapid.IntRange(1, 15).Draw(r, "seconds")) * time.Second
			var batch []alerts.Message
			for j := range rapid.IntRange(1, 5).Draw(r, "messages") {
				key := "b" + strconv.Itoa(rapid.IntRange(1, 3).Draw(r, "key"))
				id := fmt.Sprintf("m%d-%d", i, j)
				if rapid.IntRange(0, 5).Draw(r, "forward") == 0 {
					batch = append(batch, forward(key, id))
				} else {
					batch = append(batch, reading(key, float64(rapid.IntRange(87, 97).Draw(r, "t")), id))
				}
			}
			story = append(story, scene{at, batch})
		}
		type crash struct {
			write int
			lost  bool
		}
		plan := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) crash {
			return crash{rapid.IntRange(1, 25).Draw(r, "write"), rapid.Bool().Draw(r, "lost")}
		}), 1, 6).Draw(r, "crashes")

		want := tell(r, story, never).outcome()
		got := tell(r, story, func(process int) (int, bool) {
			if process <= len(plan) {
				return plan[process-1].write, plan[process-1].lost
			}
			return 0, false
		}).outcome()
		require.Equal(r, want, got)
	})
}
