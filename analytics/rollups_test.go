package analytics_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// collector is a sink that keeps windows by id, and fails when it is told to.
type collector struct {
	mu      sync.Mutex
	decide  func() fault
	windows map[tenant.ID]map[string]analytics.ClosedWindow
	order   []string // of first arrival
	given   int
	differ  string
}

func newCollector() *collector {
	return &collector{windows: map[tenant.ID]map[string]analytics.ClosedWindow{}}
}

func (c *collector) take(_ context.Context, id tenant.ID, windows []analytics.ClosedWindow) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var f fault
	if c.decide != nil {
		f = c.decide()
	}
	if f.before != nil {
		return f.before
	}
	if c.windows[id] == nil {
		c.windows[id] = map[string]analytics.ClosedWindow{}
	}
	for _, w := range windows {
		c.given++
		known, ok := c.windows[id][w.ID]
		if ok && fmt.Sprint(known) != fmt.Sprint(w) {
			c.differ = fmt.Sprint(known, " and ", w)
		}
		if !ok {
			c.windows[id][w.ID] = w
			c.order = append(c.order, written([]analytics.TimeWindow{w.TimeWindow}))
		}
	}
	return f.after
}

func (c *collector) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.decide = func() fault { return fault{before: err} }
}

// arrived returns what arrived since the last call, in its order.
func (c *collector) arrived() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	arrived := c.order
	c.order = nil
	return arrived
}

// of returns the windows of a tenant, sorted.
func (c *collector) of(id tenant.ID) []analytics.TimeWindow {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []analytics.TimeWindow
	for _, w := range c.windows[id] {
		all = append(all, w.TimeWindow)
	}
	sortWindows(all)
	return all
}

func sortWindows(all []analytics.TimeWindow) {
	slices.SortFunc(all, func(a, b analytics.TimeWindow) int {
		return cmp.Or(strings.Compare(a.Thing.String(), b.Thing.String()), a.Start.Compare(b.Start), a.End.Compare(b.End),
			strings.Compare(a.Channel, b.Channel), strings.Compare(a.Metric, b.Metric), cmp.Compare(a.Revision, b.Revision))
	})
}

// mill of roll-ups: what outlives a process.
type rollupRig struct {
	clock      *clock
	repository tenant.Repository[analytics.RollupState]
	sink       *collector
	definition analytics.Rollup
}

func newRollupRig(definition analytics.Rollup) *rollupRig {
	r := &rollupRig{clock: &clock{now: noon}, sink: newCollector(), definition: definition}
	r.repository = memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys(), func(o *memtenant.Options) { o.Now = r.clock.Now }), &analytics.RollupSchema)
	r.definition.Name, r.definition.Into = "r", r.sink.take
	return r
}

// start is another process.
func (r *rollupRig) start(t require.TestingT, optFns ...func(*analytics.RollupsOptions)) *analytics.Rollups {
	return r.startOver(t, r.repository, optFns...)
}

func (r *rollupRig) startOver(t require.TestingT, repository tenant.Repository[analytics.RollupState], optFns ...func(*analytics.RollupsOptions)) *analytics.Rollups {
	optFns = append([]func(*analytics.RollupsOptions){func(o *analytics.RollupsOptions) { o.Now = r.clock.Now }}, optFns...)
	rollups, err := analytics.NewRollups(repository, []analytics.Rollup{r.definition}, optFns...)
	require.NoError(t, err)
	return rollups
}

// sent is a message of the pump at some minutes after noon.
func sent(id string, minutes, value float64) analytics.Message {
	m := reading("pump", noon.Add(time.Duration(minutes*float64(time.Minute))), `{"t": %v}`, value)
	m.ID = id
	return m
}

func roll(t tb, rollups *analytics.Rollups, messages ...analytics.Message) analytics.RolledUp {
	t.Helper()
	added, err := rollups.Add(t.Context(), acme, messages)
	require.NoError(t, err)
	return added
}

func TestRollupsSurviveRestarts(t *testing.T) {
	t.Parallel()
	r := newRollupRig(analytics.Rollup{Shape: minutely, Options: analytics.WindowOptions{Revise: time.Minute}})
	require.Zero(t, roll(t, r.start(t), sent("a", 0.1, 1), sent("b", 0.9, 2)))
	require.Equal(t, analytics.RolledUp{Duplicates: 2}, roll(t, r.start(t), sent("a", 0.1, 1), sent("b", 0.9, 2)), "the batch comes again")
	require.Empty(t, r.sink.arrived())
	require.Equal(t, analytics.RolledUp{Duplicates: 1}, roll(t, r.start(t), sent("c", 1, 4), sent("c", 1, 4)))
	require.Equal(t, []string{"12:00-12:01 r0: 2=3"}, r.sink.arrived())
	require.Zero(t, roll(t, r.start(t), sent("d", 0.5, 8)))
	require.Equal(t, []string{"12:00-12:01 r1: 3=11"}, r.sink.arrived())
	require.Equal(t, analytics.RolledUp{Duplicates: 3}, roll(t, r.start(t), sent("a", 0.1, 1), sent("d", 0.5, 8), sent("b", 0.9, 2)))
	require.Zero(t, roll(t, r.start(t), sent("", 1.5, 16), sent("", 1.5, 16), sent("e", 2, 0)))
	require.Equal(t, []string{"12:01-12:02 r0: 3=36"}, r.sink.arrived(), "without ids messages differ")
	require.Equal(t, analytics.RolledUp{Late: 1}, roll(t, r.start(t), sent("a", 0.1, 1)), "what comes even later is late, and not remembered")
	require.Equal(t, analytics.RolledUp{Ahead: 1}, roll(t, r.start(t), reading("pump", noon, `{"t": 1, "timestamp": "2100-01-01T00:00:00Z"}`)))
	require.Equal(t, 3, r.sink.given, "nothing goes to the sink twice unless something fails")
}

func TestRollupsSelect(t *testing.T) {
	t.Parallel()
	r := newRollupRig(analytics.Rollup{Shape: minutely, Channels: []string{"env"}, Metrics: []string{"t", "u"}})
	rollups := r.start(t)
	for minute := range 2 {
		for _, channel := range []string{"env", "other"} {
			m := reading("pump", noon.Add(time.Duration(minute)*time.Minute), `{"t": 1, "x": 2}`)
			m.Channel = channel
			roll(t, rollups, m)
			m.Channel, m.Datastore = "env", "made"
			roll(t, rollups, m)
		}
	}
	require.Len(t, r.sink.of(acme), 1)
	require.Equal(t, "env t", r.sink.of(acme)[0].Channel+" "+r.sink.of(acme)[0].Metric)
	require.EqualValues(t, 1, r.sink.of(acme)[0].Count)
}

// Silent things: the clock closes their windows, but not before somebody has
// listened to them.
func TestRollupsRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRollupRig(analytics.Rollup{Shape: minutely, Idle: 2 * time.Minute})
		began := time.Now()
		at := func(minutes float64) time.Time { return began.Add(time.Duration(minutes * float64(time.Minute))) }
		options := func(o *analytics.RollupsOptions) {
			o.Now, o.Tenants = time.Now, func(context.Context) iter.Seq2[tenant.ID, error] {
				return maps.All(map[tenant.ID]error{acme: nil, north: nil})
			}
		}
		r.repository = memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &analytics.RollupSchema)
		roll(t, r.start(t, options), reading("pump", at(0.1), `{"t": 1}`))
		time.Sleep(10 * time.Minute) // nothing runs
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		rollups := r.start(t, options)
		go func() { ended <- rollups.Run(ctx) }()
		time.Sleep(time.Minute + 55*time.Second)
		require.Empty(t, r.sink.of(acme))
		roll(t, rollups, reading("pump", at(0.2), `{"t": 2}`)) // it had been waiting somewhere
		time.Sleep(2 * time.Minute)
		require.Empty(t, r.sink.of(acme), "the pump has been heard of")
		time.Sleep(20 * time.Second)
		require.Len(t, r.sink.of(acme), 1)
		require.InDelta(t, 3, r.sink.of(acme)[0].Sum, 0)
		require.Equal(t, analytics.RolledUp{Late: 1}, roll(t, rollups, reading("pump", at(0.3), `{"t": 4}`)))

		r.sink.fail(errTrouble)
		now := time.Now()
		roll(t, rollups, reading("pump", now, `{"t": 8}`), reading("pump", now.Add(time.Minute), `{"t": 16}`))
		time.Sleep(time.Minute)
		require.Len(t, r.sink.of(acme), 1)
		r.sink.fail(nil)
		time.Sleep(21 * time.Second)
		require.Len(t, r.sink.of(acme), 2, "what the sink failed to take is given again")
		stop()
		require.NoError(t, <-ended)
	})
	rollups, err := analytics.NewRollups(nil, nil)
	require.NoError(t, err)
	require.ErrorIs(t, rollups.Run(t.Context()), iotenant.ErrInvalid)
}

func TestRollupsSinkFails(t *testing.T) {
	t.Parallel()
	r := newRollupRig(analytics.Rollup{Shape: minutely})
	rollups := r.start(t)
	r.sink.fail(errTrouble)
	var batch []analytics.Message
	for n := range 1000 {
		batch = append(batch, sent(fmt.Sprint(n), float64(n), 1))
	}
	_, err := rollups.Add(t.Context(), acme, batch)
	require.ErrorIs(t, err, iotenant.ErrUnavailable, "not more than so many wait")
	_, err = rollups.Add(t.Context(), acme, batch)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.NoError(t, rollups.Sweep(t.Context(), north))
	r.clock.advance(time.Minute)
	require.ErrorIs(t, rollups.Sweep(t.Context(), acme), errTrouble)
	r.sink.fail(nil)
	added := roll(t, rollups, batch...)
	require.Len(t, r.sink.of(acme), 999)
	require.Equal(t, 999, r.sink.given)
	require.Positive(t, added.Late, "those that count already: their windows are closed")

	r.sink.fail(analytics.ErrRow)
	roll(t, rollups, sent("x", 1000, 1), sent("y", 1001, 1))
	r.sink.fail(nil)
	roll(t, rollups, sent("z", 1002, 1))
	require.Len(t, r.sink.of(acme), 1000, "two were refused for good, one follows")
}

// A thing that makes up metrics harms itself alone.
func TestRollupsAreLimited(t *testing.T) {
	t.Parallel()
	r := newRollupRig(analytics.Rollup{Shape: minutely, Options: analytics.WindowOptions{Percentiles: analytics.Percentiles{Of: []float64{50}}, Revise: time.Hour}})
	rollups := r.start(t)
	var batch []analytics.Message
	for n := range 500 {
		var payload strings.Builder
		for metric := range 20 {
			fmt.Fprintf(&payload, `,"%s-%d-%d":%d`, strings.Repeat("x", 200), n, metric, n)
		}
		m := reading("pump", noon.Add(time.Duration(n)*time.Second/10), `{%s}`, payload.String()[1:])
		m.ID = fmt.Sprint(n)
		batch = append(batch, m)
	}
	added := roll(t, rollups, batch...)
	require.Positive(t, added.Refused)
	require.Less(t, added.Refused, 500)
	require.Zero(t, roll(t, rollups, reading("fan", noon, `{"t": 1}`)))
	last := batch[len(batch)-1]
	last.ID = "again"
	require.Equal(t, 1, roll(t, rollups, last).Refused)
	require.Zero(t, roll(t, rollups, reading("pump", noon.Add(2*time.Hour), `{"t": 1}`)), "there is room for a few more")
	require.NotEmpty(t, r.sink.of(acme))
	last.At = last.At.Add(2 * time.Hour)
	require.Zero(t, roll(t, rollups, last), "and for many, when some were closed")
}

// A batch of one thing that is as large as may be, opens as many windows and
// closes them all, fits in an item.
func TestRollupsLargestState(t *testing.T) {
	t.Parallel()
	r := newRollupRig(analytics.Rollup{Shape: analytics.Sliding(time.Hour, time.Minute), Options: analytics.WindowOptions{Delay: 11 * time.Hour, Revise: 24 * time.Hour}})
	rollups := r.start(t)
	batch := make([]analytics.Message, analytics.MaxRows)
	for n := range batch {
		batch[n] = reading("pump", noon.Add(time.Duration(n*7919%35_000_000)*time.Millisecond), `{"t": 1}`)
		batch[n].ID = fmt.Sprint(n)
	}
	batch[len(batch)-1].At = noon.Add(23 * time.Hour)
	r.sink.fail(errTrouble)
	require.Zero(t, roll(t, rollups, batch...))
	r.sink.fail(nil)
	require.Equal(t, analytics.RolledUp{Duplicates: analytics.MaxRows}, roll(t, rollups, batch...))
	r.clock.advance(time.Minute)
	require.NoError(t, rollups.Sweep(t.Context(), acme))
	require.Greater(t, len(r.sink.of(acme)), 600)
}

func TestRollupsForget(t *testing.T) {
	t.Parallel()
	r := newRollupRig(analytics.Rollup{Shape: minutely})
	rollups := r.start(t, func(o *analytics.RollupsOptions) { o.Keep = time.Hour })
	roll(t, rollups, sent("a", 0, 1), sent("b", 5, 1))
	require.Equal(t, analytics.RolledUp{Late: 1}, roll(t, rollups, sent("c", 0, 1)))
	require.NoError(t, rollups.Forget(t.Context(), north, device.MustParseID("pump")))
	require.Equal(t, analytics.RolledUp{Late: 1}, roll(t, rollups, sent("c", 0, 1)))
	require.NoError(t, rollups.Forget(t.Context(), acme, device.MustParseID("pump")))
	require.Zero(t, roll(t, rollups, sent("c", 0, 1)))
	require.ErrorIs(t, rollups.Forget(t.Context(), acme, device.ID{}), device.ErrID)

	r.clock.advance(20 * time.Minute)
	require.NoError(t, rollups.Sweep(t.Context(), acme))
	r.clock.advance(2 * time.Hour)
	page, err := r.repository.Query(t.Context(), acme, tenant.Query{})
	require.NoError(t, err)
	require.Empty(t, page.Items, "things that are gone leave nothing behind")
}

func TestNewRollupsRefuses(t *testing.T) {
	t.Parallel()
	into := newCollector().take
	sound := analytics.Rollup{Name: "r", Shape: minutely, Into: into}
	for name, set := range map[string]func(*analytics.Rollup){
		"no name":  func(r *analytics.Rollup) { r.Name = "" },
		"name":     func(r *analytics.Rollup) { r.Name = "a/b" },
		"no sink":  func(r *analytics.Rollup) { r.Into = nil },
		"no shape": func(r *analytics.Rollup) { r.Shape = analytics.Shape{} },
		"options":  func(r *analytics.Rollup) { r.Options.Delay = -1 },
		"metrics":  func(r *analytics.Rollup) { r.Metrics = []string{""} },
		"idle":     func(r *analytics.Rollup) { r.Idle = 1 << 62 },
		"twice":    func(r *analytics.Rollup) { r.Name = "SOUND" },
	} {
		bad := sound
		set(&bad)
		other := sound
		other.Name = "sound"
		_, err := analytics.NewRollups(nil, []analytics.Rollup{other, bad})
		require.ErrorIs(t, err, analytics.ErrRollup, name)
	}
	r := newRollupRig(analytics.Rollup{Shape: minutely})
	rollups := r.start(t)
	_, err := rollups.Add(t.Context(), acme, nil)
	require.ErrorIs(t, err, analytics.ErrBatch)
	_, err = rollups.Add(t.Context(), acme, []analytics.Message{sent("a", 0, 1), {At: noon}})
	refused := &analytics.MessageError{}
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 1, refused.Index)
	roll(t, rollups, sent("a", 0, 1))
	r.definition.Shape = analytics.Session(time.Minute)
	_, err = r.start(t).Add(t.Context(), acme, []analytics.Message{sent("b", 0, 1)})
	require.ErrorIs(t, err, analytics.ErrState, "another shape under the name")
}

// TestAttackRollups: neither messages, clock, state nor windows of a tenant reach
// another.
func TestAttackRollups(t *testing.T) {
	t.Parallel()
	r := newRollupRig(analytics.Rollup{Shape: minutely, Options: analytics.WindowOptions{Delay: time.Minute}})
	rollups := r.start(t)
	roll(t, rollups, sent("a", 0, 1))
	_, err := rollups.Add(t.Context(), north, []analytics.Message{sent("a", 0, 100), sent("b", 60, 100)})
	require.NoError(t, err)
	require.Empty(t, r.sink.of(acme), "another's messages close nothing")
	require.InDelta(t, 100, r.sink.of(north)[0].Sum, 0)
	require.NoError(t, rollups.Sweep(t.Context(), north))
	require.NoError(t, rollups.Forget(t.Context(), north, device.MustParseID("pump")))
	require.Equal(t, analytics.RolledUp{Duplicates: 1}, roll(t, rollups, sent("a", 0, 1), sent("c", 60, 1)))
	require.InDelta(t, 1, r.sink.of(acme)[0].Sum, 0)

	item, err := r.repository.Get(t.Context(), acme, tenant.NewKey("r", "pump"), tenant.Consistent)
	require.NoError(t, err)
	_, err = r.repository.Put(t.Context(), north, item.Value, tenant.Always())
	require.NoError(t, err)
	_, err = rollups.Add(t.Context(), north, []analytics.Message{sent("d", 120, 1)})
	require.ErrorIs(t, err, analytics.ErrState, "the state of another")
	require.NotContains(t, err.Error(), acme.String())
	require.Len(t, r.sink.of(north), 1)
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		_, err := rollups.Add(t.Context(), id, []analytics.Message{sent("a", 0, 1)})
		require.ErrorIs(t, err, tenant.ErrID)
		require.ErrorIs(t, rollups.Sweep(t.Context(), id), tenant.ErrID)
		require.ErrorIs(t, rollups.Forget(t.Context(), id, device.MustParseID("pump")), tenant.ErrID)
	}
}

// drawStream draws messages of some things, mostly in order.
func drawStream(t *rapid.T) []analytics.Message {
	messages := make([]analytics.Message, rapid.IntRange(1, 40).Draw(t, "messages"))
	for i := range messages {
		minutes := float64(i*3) + float64(rapid.IntRange(-30, 10).Draw(t, "off"))
		messages[i] = sent(fmt.Sprint(i), minutes+120, float64(rapid.IntRange(-5, 5).Draw(t, "value")))
		messages[i].Thing = device.MustParseID(rapid.SampledFrom([]string{"pump", "fan"}).Draw(t, "thing"))
	}
	return messages
}

func drawRollup(t *rapid.T) analytics.Rollup {
	shape := rapid.SampledFrom([]analytics.Shape{
		analytics.Tumbling(analytics.Interval{Every: 5 * time.Minute}), analytics.Sliding(12*time.Minute, 4*time.Minute), analytics.Session(6 * time.Minute), analytics.Session(2 * time.Minute),
	}).Draw(t, "shape")
	options := analytics.WindowOptions{
		Delay:       time.Duration(rapid.IntRange(0, 15).Draw(t, "delay")) * time.Minute,
		Percentiles: analytics.Percentiles{Of: rapid.SampledFrom([][]float64{nil, {50}}).Draw(t, "percentiles")},
	}
	if shape != analytics.Session(6*time.Minute) && shape != analytics.Session(2*time.Minute) {
		options.Revise = time.Duration(rapid.IntRange(0, 15).Draw(t, "revise")) * time.Minute
	}
	return analytics.Rollup{Shape: shape, Options: options, Idle: time.Hour}
}

// undisturbed returns the windows that one Windows makes of all messages.
func undisturbed(t *rapid.T, of analytics.Rollup, messages []analytics.Message, end time.Time) (all []analytics.TimeWindow) {
	w := windows(t, of.Shape, func(o *analytics.WindowOptions) {
		o.Delay, o.Revise, o.Percentiles = of.Options.Delay, of.Options.Revise, of.Options.Percentiles
	})
	for _, m := range messages {
		result, err := w.Add(acme, m)
		require.NoError(t, err)
		all = append(all, result.Closed...)
	}
	closed, err := w.Advance(acme, end)
	require.NoError(t, err)
	all = append(all, closed...)
	sortWindows(all)
	return all
}

// TestRollupsAreThoseOfOneProcess: whatever fails, before or after its effect,
// at the repository and the sink; whatever comes again, in the batch that it was
// in or another, at this process or the next: the sink has the windows of
// messages that came once to Windows that nothing disturbed.
func TestRollupsAreThoseOfOneProcess(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		definition, messages := drawRollup(t), drawStream(t)
		r := newRollupRig(definition)
		var mu sync.Mutex
		troubled := true
		trouble := func() (f fault) {
			mu.Lock()
			defer mu.Unlock()
			if !troubled {
				return f
			}
			switch rapid.IntRange(0, 9).Draw(t, "trouble") {
			case 0:
				f.before = errTrouble
			case 1:
				f.after = errTrouble
			}
			return f
		}
		r.sink.decide = trouble
		faulty := tenanttest.Faulty(r.repository, func(call tenanttest.Call) tenanttest.Fault {
			if call.Operation != tenanttest.OpPut {
				return tenanttest.Fault{}
			}
			f := trouble()
			return tenanttest.Fault{Before: f.before, After: f.after}
		})
		one := func(o *analytics.RollupsOptions) { o.Parallel = 1 } // so that draws come in order
		processes := []*analytics.Rollups{r.startOver(t, faulty, one), r.startOver(t, faulty, one)}
		for next := 0; next < len(messages); {
			i := rapid.IntRange(0, len(processes)-1).Draw(t, "process")
			if rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
				processes[i] = r.startOver(t, faulty, one)
			}
			from := rapid.IntRange(max(0, next-15), next).Draw(t, "from")
			to := rapid.IntRange(next+1, min(len(messages), next+8)).Draw(t, "to")
			if _, err := processes[i].Add(t.Context(), acme, messages[from:to]); err == nil {
				next = to
			} else {
				require.ErrorIs(t, err, iotenant.ErrUnavailable)
			}
			if rapid.IntRange(0, 3).Draw(t, "sweep") == 0 {
				r.clock.advance(11 * time.Second)
				_ = processes[1-i].Sweep(t.Context(), acme)
			}
		}
		mu.Lock()
		troubled = false
		mu.Unlock()
		r.clock.advance(1000 * time.Hour) // the clock reaches all windows
		sound := r.start(t)
		for range 2 { // what waits for the sink is due first
			require.NoError(t, sound.Sweep(t.Context(), acme))
		}
		require.Empty(t, r.sink.differ)
		require.Equal(t, undisturbed(t, definition, messages, r.clock.Now().Add(-time.Hour)), r.sink.of(acme))
	})
}

// TestRollupsConcurrently: several processes add parts of the same, of which each
// message comes to two of them, while others sweep.
func TestRollupsConcurrently(t *testing.T) {
	t.Parallel()
	for name, open := range rollupBackends(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRollupRig(analytics.Rollup{Shape: minutely, Options: analytics.WindowOptions{Delay: time.Hour}})
			r.repository = open
			const things, count = 4, 60
			var group sync.WaitGroup
			for process := range 4 {
				rollups := r.start(t)
				group.Go(func() {
					for n := range count {
						var batch []analytics.Message
						for thing := range things {
							if (thing+n+process)%2 == 0 {
								m := sent(fmt.Sprint(n), float64(n)/2, 1)
								m.Thing = device.MustParseID(fmt.Sprint("thing-", thing))
								batch = append(batch, m)
							}
						}
						if _, err := rollups.Add(t.Context(), acme, batch); err != nil {
							t.Error(err)
						}
					}
				})
				group.Go(func() {
					for range 20 {
						if err := rollups.Sweep(t.Context(), acme); err != nil {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
			r.clock.advance(2000 * time.Hour)
			require.NoError(t, r.start(t).Sweep(t.Context(), acme))
			require.Empty(t, r.sink.differ)
			require.Len(t, r.sink.of(acme), things*count/2)
			for _, w := range r.sink.of(acme) {
				require.EqualValues(t, 2, w.Count)
			}
		})
	}
}

// rollupBackends are the repositories that a test is run on.
func rollupBackends(t *testing.T) map[string]tenant.Repository[analytics.RollupState] {
	t.Helper()
	bolt, err := bolttenant.Open(t.TempDir()+"/items.db", tenant.RandomCursorKeys())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, bolt.Close()) })
	return map[string]tenant.Repository[analytics.RollupState]{
		"memory": memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &analytics.RollupSchema),
		"bolt":   bolttenant.NewRepository(bolt, &analytics.RollupSchema),
	}
}

// TestRollupCrashes kills a process at each of its calls, before and after their
// effect, with what may be revised; the next one adds the batch again.
func TestRollupCrashes(t *testing.T) {
	t.Parallel()
	batch := []analytics.Message{sent("a", 0, 1), sent("b", 1, 2), sent("c", 0.5, 4), sent("d", 3, 8), sent("e", 3.5, 16)}
	crash := func(n int, effect bool) (calls int) {
		r := newRollupRig(analytics.Rollup{Shape: minutely, Options: analytics.WindowOptions{Revise: time.Minute}})
		m := &mortal{left: n, effect: effect}
		r.sink.decide = func() (f fault) { f.before, f.after = m.next(); return f }
		_, _ = r.startOver(t, tenanttest.Faulty(r.repository, m.repository)).Add(t.Context(), acme, batch)
		r.sink.decide = nil
		sound := r.start(t)
		roll(t, sound, append(batch, sent("f", 4, 0))...)
		r.clock.advance(time.Hour)
		require.NoError(t, sound.Sweep(t.Context(), acme))
		require.Empty(t, r.sink.differ)
		require.Equal(t, "12:00-12:01 r0: 1=1, 12:00-12:01 r1: 2=5, 12:01-12:02 r0: 1=2, 12:03-12:04 r0: 2=24, 12:04-12:05 r0: 1=0", written(r.sink.of(acme)), "%d %t", n, effect)
		return m.calls
	}
	calls := crash(1<<30, false)
	require.GreaterOrEqual(t, calls, 5)
	for n := range calls {
		crash(n+1, false)
		crash(n+1, true)
	}
}

// FuzzRollupState: what is stored is read as it was written, or refused.
func FuzzRollupState(f *testing.F) {
	r := newRollupRig(analytics.Rollup{Shape: minutely, Options: analytics.WindowOptions{Revise: time.Minute}})
	r.sink.fail(errTrouble)
	roll(f, r.start(f), sent("a", 0, 1), sent("b", 1, 2), sent("c", 1.5, 3))
	item, err := r.repository.Get(f.Context(), acme, tenant.NewKey("r", "pump"))
	require.NoError(f, err)
	type parts struct {
		Rollup  string `json:"rollup"`
		Thing   string `json:"thing"`
		Windows []byte `json:"windows"`
		Closed  []byte `json:"closed"`
		Counted []byte `json:"counted"`
	}
	var seed parts
	text, err := json.Marshal(item.Value)
	require.NoError(f, err)
	require.NoError(f, json.Unmarshal(text, &seed))
	f.Add(seed.Windows, seed.Closed, seed.Counted)
	f.Fuzz(func(t *testing.T, windows, closed, counted []byte) {
		text, err := json.Marshal(parts{"r", "pump", analytics.SealState(windows), analytics.SealState(closed), counted})
		require.NoError(t, err)
		var state analytics.RollupState
		require.NoError(t, json.Unmarshal(text, &state))
		r := newRollupRig(r.definition)
		_, err = r.repository.Put(t.Context(), acme, state, tenant.Always())
		require.NoError(t, err)
		rollups := r.start(t)
		if _, err := rollups.Add(t.Context(), acme, []analytics.Message{sent("d", 2, 4)}); err != nil {
			require.ErrorIs(t, err, analytics.ErrState)
			return
		}
		_, err = rollups.Add(t.Context(), acme, []analytics.Message{sent("d", 2, 4)})
		require.NoError(t, err, "what it writes it can read")
	})
}

func TestClosedWindowIsJSON(t *testing.T) {
	t.Parallel()
	r := newRollupRig(analytics.Rollup{Shape: analytics.Tumbling(analytics.Interval{Unit: analytics.Day, Zone: zone(t, "Asia/Kolkata")}),
		Options: analytics.WindowOptions{Percentiles: analytics.Percentiles{Of: []float64{50, 99.9}}}})
	m := reading("pump", noon, `{"a.\"b<": 1e308}`)
	m.Channel = "é"
	late := reading("pump", noon.AddDate(0, 0, 1), `{"c": 1}`)
	roll(t, r.start(t), m, m, late)
	var got []string
	for id, w := range r.sink.windows[acme] {
		require.Regexp(t, `^[\w-]{43}$`, id)
		text, err := json.Marshal(w)
		require.NoError(t, err)
		require.True(t, json.Valid(text))
		got = append(got, string(text))
	}
	require.Len(t, got, 1)
	require.JSONEq(t, `{"rollup":"r","thing":"pump","channel":"é","metric":"a.\"b<","timestamp":"2026-02-28T18:30:00Z","end":"2026-03-01T18:30:00Z",
		"revision":0,"count":2,"min":1e308,"max":1e308,"sum":null,"mean":null,"first":1e308,"last":1e308,"p50":1e308,"p99_9":1e308}`, got[0])
}
