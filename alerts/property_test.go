package alerts_test

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// naive evaluates one tenant's boiler messages one after the other, with
// nothing but the engine.
type naive struct {
	t      require.TestingT
	id     tenant.ID
	model  *detector.Model
	states map[string]*detector.State
	seen   map[string]time.Time
	ids    []string
}

func newNaive(t require.TestingT, id tenant.ID) *naive {
	model, err := detector.Load([]byte(boiler), func(o *detector.Options) { o.Version = "1" })
	require.NoError(t, err)
	return &naive{t: t, id: id, model: model, states: map[string]*detector.State{}, seen: map[string]time.Time{}}
}

func (n *naive) evaluate(state *detector.State, trigger detector.Trigger) {
	var result detector.Result
	trigger.Scope = n.id.String()
	require.NoError(n.t, n.model.Evaluate(state, &trigger, &result))
	for _, action := range result.Actions {
		n.ids = append(n.ids, action.ID.String())
	}
}

func (n *naive) fire(key string, until time.Time) {
	state := n.states[key]
	for {
		timer, ok := state.NextTimer()
		if !ok || timer.Due.After(until) {
			return
		}
		n.evaluate(state, detector.Trigger{At: timer.Due, Key: key, Timer: timer.Name, Due: timer.Due})
	}
}

func (n *naive) put(at time.Time, m alerts.Message) {
	var message detector.Message
	require.NoError(n.t, n.model.Read(&message, m.Input, m.Payload))
	key := string(message.Key())
	if n.states[key] == nil {
		n.states[key] = n.model.NewState()
	}
	n.fire(key, at)
	if m.ID != "" {
		if first, ok := n.seen[key+"/"+m.ID]; ok && at.Sub(first) < alerts.Window {
			return
		}
		n.seen[key+"/"+m.ID] = at
	}
	n.evaluate(n.states[key], detector.Trigger{At: at, Key: key, Message: &message, MessageID: m.ID})
}

func (n *naive) outcome() string {
	keys := make([]string, 0, len(n.states))
	for key := range n.states {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	var text strings.Builder
	for _, key := range keys {
		state := n.states[key]
		fmt.Fprintln(&text, key, state.Name(), state.Evaluations(), state.Variable("n").Int(), state.AppendTimers(nil))
	}
	sort.Strings(n.ids)
	fmt.Fprintln(&text, strings.Join(n.ids, "\n"))
	return text.String()
}

func outcomeOf(t tb, p *process, id tenant.ID) string {
	var text strings.Builder
	page, err := p.Detectors(t.Context(), id, "boiler", tenant.MaxLimit, "")
	require.NoError(t, err)
	for _, item := range page.Items {
		d := item.Value
		fmt.Fprintln(&text, d.Key, d.State, d.Evaluations, d.Variables["n"].Int(), d.Timers)
	}
	fmt.Fprintln(&text, strings.Join(p.notified.IDs(id), "\n"))
	return text.String()
}

// The runtime decides what the engine decides when it is given each message
// alone, whatever the batches, the tenants between, the cache, the sweeps and
// the restarts.
func TestRuntimeIsSequentialEvaluation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		d := newDisk()
		recorder := &alertstest.Recorder{}
		cacheSize := rapid.IntRange(0, 3).Draw(r, "cache")
		boot := func() *process {
			return d.startFaulty(faults{}, recorder, func(o *alerts.Options) { o.CacheSize = cacheSize })
		}
		p := boot()
		naives := map[tenant.ID]*naive{}
		for _, id := range []tenant.ID{north, south} {
			p.putModel(r, id, boiler)
			naives[id] = newNaive(r, id)
		}
		for range rapid.IntRange(1, 15).Draw(r, "steps") {
			switch rapid.IntRange(0, 5).Draw(r, "step") {
			case 0:
				d.clock.Advance(time.Duration(rapid.IntRange(1, 200).Draw(r, "seconds")) * time.Second)
			case 1:
				p = boot()
			case 2:
				p.sweep(r, rapid.SampledFrom([]tenant.ID{north, south}).Draw(r, "tenant"))
			default:
				id := rapid.SampledFrom([]tenant.ID{north, south}).Draw(r, "tenant")
				batch := rapid.SliceOfN(rapid.Custom(drawReading), 1, 8).Draw(r, "batch")
				p.put(r, id, batch...)
				for _, m := range batch {
					naives[id].put(d.clock.Now(), m)
				}
			}
		}
		for id, n := range naives {
			p.sweep(r, id)
			for key := range n.states {
				n.fire(key, d.clock.Now())
			}
			require.Equal(r, n.outcome(), outcomeOf(r, p, id))
		}
	})
}

func drawReading(r *rapid.T) alerts.Message {
	id := ""
	if rapid.Bool().Draw(r, "with id") {
		id = "m" + strconv.Itoa(rapid.IntRange(0, 20).Draw(r, "id"))
	}
	key := "b" + strconv.Itoa(rapid.IntRange(0, 4).Draw(r, "key"))
	return reading(key, float64(rapid.IntRange(85, 95).Draw(r, "t")), id)
}

func TestConcurrentWritersInTwoProcesses(t *testing.T) {
	t.Parallel()
	d := newDisk()
	processes := []*process{d.start(), d.start()}
	processes[0].putModel(t, north, boiler)
	const writers, batches = 8, 10
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			p := processes[w%2]
			for b := range batches {
				var batch []alerts.Message
				for i := range 4 {
					batch = append(batch, reading("b"+strconv.Itoa(i%2), 1, fmt.Sprintf("%d-%d-%d", w, b, i)))
				}
				// Each batch is sent twice, by both processes at times.
				for _, p := range []*process{p, processes[(w+b)%2]} {
					if err := p.Put(t.Context(), north, batch...); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	for _, key := range []string{"b0", "b1"} {
		view := processes[0].detector(t, north, "boiler", key)
		require.Equal(t, uint64(writers*batches*2), view.Evaluations)
		require.Equal(t, int64(writers*batches*2), view.Variables["n"].Int())
	}
}
