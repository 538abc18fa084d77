package analytics

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// MaxWindows is the number of windows, and of things, that may be remembered of
// a tenant.
const MaxWindows = 100_000

// WindowOptions are the options of [NewWindows]. Each length is at most 3660
// days.
type WindowOptions struct {
	// Delay is how long after its end a window waits for points that come
	// late. Default 0.
	Delay time.Duration
	// Revise is how long after it was closed a window is kept, to be yielded
	// again with each point that comes even later. Later points, or all late
	// ones if Revise is 0, are dropped. Sessions can't be revised. Default 0.
	Revise time.Duration
	// MaxAhead is how far the time of a point may lie after Message.At. Points
	// beyond are dropped, so that a clock that is wrong does not end windows
	// before their time. Default 10 minutes.
	MaxAhead time.Duration
	// Percentiles are wanted beside the other statistics. They can't be exact.
	Percentiles Percentiles
}

// Windows computes statistics of the points of messages as they come, in
// windows of time, for each metric of each channel of a thing: for rules, and
// for roll-ups that are kept instead of the messages.
//
// The clock is the messages' own. A thing is past a time, its watermark, when
// it has sent a point that is Options.Delay later; then the windows that end
// by that time are closed. One thing's clock closes no other's windows, so
// what a thing has buffered for a day, and sends in order, is not late.
// [Windows.Advance] closes windows of things that are silent.
//
// The same messages in the same order make the same windows. A message that is
// added twice counts twice: add what Append said is [Stored].
//
// Tenants are apart, and so are their states: see [Windows.Encode]. Windows may
// not be used concurrently.
type Windows struct {
	shape   Shape
	options WindowOptions
	tenants map[tenant.ID]*tenantWindows
}

// TimeWindow is the statistics of one metric in one window.
type TimeWindow struct {
	Thing   device.ID
	Channel string
	Metric  string
	// Start is included and End excluded.
	Start, End time.Time
	// Revision is 0 when the window is first yielded, and then counts the
	// points that came later.
	Revision int
	Statistics
}

// Windowed is what became of a message.
type Windowed struct {
	// Closed are the windows that were closed or revised, the first to end
	// first.
	Closed []TimeWindow
	// Late and Ahead count the points that were dropped: each of their windows
	// was closed, or they lie further ahead than Options.MaxAhead.
	Late, Ahead int
}

// NewWindows returns windows without any point. The error is [ErrWindow].
func NewWindows(shape Shape, optFns ...func(*WindowOptions)) (*Windows, error) {
	options := WindowOptions{MaxAhead: 10 * time.Minute}
	for _, fn := range optFns {
		fn(&options)
	}
	if err := shape.check(); err != nil {
		return nil, err
	}
	if err := options.check(shape); err != nil {
		return nil, err
	}
	return &Windows{shape: shape, options: options, tenants: map[tenant.ID]*tenantWindows{}}, nil
}

func (o *WindowOptions) check(shape Shape) error {
	switch {
	case min(o.Delay, o.Revise, o.MaxAhead) < 0 || max(o.Delay, o.Revise, o.MaxAhead) > maxLength:
		return fmt.Errorf("%w: options: want 0 to %v", ErrWindow, maxLength)
	case o.Revise > 0 && shape.isSession():
		return fmt.Errorf("%w: sessions can't be revised", ErrWindow)
	case o.Percentiles.Exact:
		return fmt.Errorf("%w: exact percentiles", ErrWindow)
	}
	if err := o.Percentiles.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrWindow, err)
	}
	return nil
}

// tenantWindows is the state of a tenant.
type tenantWindows struct {
	past   int64 // the watermark of all things, by Advance
	things map[device.ID]*thingWindows
	count  int // of windows
}

// thingWindows is the state of a thing. A closed window is kept while it may
// be revised.
type thingWindows struct {
	latest int64 // time of a point
	series map[metricKey][]*window
}

type metricKey struct{ channel, metric string }

type window struct {
	bounds
	closed   bool
	revision int
	summary  summary
}

// Add adds the points of a message. Errors, which leave everything as it was:
// tenant.ErrID, [ErrMessage], device.ErrID, [ErrLimit].
func (w *Windows) Add(id tenant.ID, message Message) (Windowed, error) {
	if err := checkTenant(id); err != nil {
		return Windowed{}, err
	}
	if err := message.Check(); err != nil {
		return Windowed{}, err
	}
	points := message.Points()
	if len(points) == 0 {
		return Windowed{}, nil
	}
	if w.isAhead(points, message.At) {
		return Windowed{Ahead: len(points)}, nil
	}
	state := w.tenants[id]
	if state == nil {
		state = newTenantWindows()
		w.tenants[id] = state
	}
	if state.count+len(points)*w.shape.overlap() > MaxWindows || len(state.things) >= MaxWindows && state.things[message.Thing] == nil {
		return Windowed{}, fmt.Errorf("%w: more than %d windows or things", ErrLimit, MaxWindows)
	}
	return w.add(state, message.Thing, points), nil
}

// isAhead reports whether the points of a message are later than they can be.
func (w *Windows) isAhead(points []Point, received time.Time) bool {
	return points[0].Time.After(received.Add(w.options.MaxAhead))
}

func newTenantWindows() *tenantWindows {
	return &tenantWindows{things: map[device.ID]*thingWindows{}}
}

func (w *Windows) add(state *tenantWindows, thing device.ID, points []Point) Windowed {
	changed, late := w.take(state, thing, points)
	return Windowed{Closed: w.results(thing, changed), Late: late}
}

// take adds the points of a message. It returns the windows that it closed or
// revised, and how many points were late.
func (w *Windows) take(state *tenantWindows, thing device.ID, points []Point) (changed []closedWindow, late int) {
	at := points[0].Time
	of := state.thing(thing)
	past := w.past(state, of)
	candidates := w.shape.windows(at)
	for i := range points {
		key := metricKey{points[i].Channel, points[i].Metric}
		before := len(of.series[key])
		revised, taken := w.put(of, key, &points[i], candidates, past)
		if !taken {
			late++
		}
		changed = append(changed, revised...)
		state.count += len(of.series[key]) - before
	}
	of.latest = max(of.latest, at.UnixNano())
	return append(changed, w.close(state, of)...), late
}

// thing returns the state of a thing, which is empty if there is none.
func (t *tenantWindows) thing(thing device.ID) *thingWindows {
	of := t.things[thing]
	if of == nil {
		of = &thingWindows{series: map[metricKey][]*window{}}
		t.things[thing] = of
	}
	return of
}

// past returns the watermark of a thing.
func (w *Windows) past(state *tenantWindows, of *thingWindows) int64 {
	return max(state.past, of.latest-int64(w.options.Delay))
}

type closedWindow struct {
	metricKey
	*window
}

// put adds a point to its windows. It returns those that it revised, and
// whether any took it.
func (w *Windows) put(of *thingWindows, key metricKey, p *Point, candidates []bounds, past int64) (revised []closedWindow, taken bool) {
	if w.shape.isSession() {
		return nil, w.putSession(of, key, p, candidates[0], past)
	}
	for _, b := range candidates {
		if b.end+int64(w.options.Revise) <= past {
			continue
		}
		found := of.find(key, b)
		if found == nil {
			found = &window{bounds: b, closed: b.end <= past, revision: -1, summary: newSummary(w.options.Percentiles)}
			of.series[key] = append(of.series[key], found)
		}
		found.summary.add(p.Value, p.Time.UnixNano())
		if taken = true; found.closed {
			found.revision++
			revised = append(revised, closedWindow{key, found})
		}
	}
	return revised, taken
}

func (of *thingWindows) find(key metricKey, b bounds) *window {
	for _, known := range slices.Backward(of.series[key]) {
		if known.bounds == b {
			return known
		}
	}
	return nil
}

// putSession adds a point to its session, which may be one of several that it
// joins.
func (w *Windows) putSession(of *thingWindows, key metricKey, p *Point, b bounds, past int64) bool {
	joined := &window{bounds: b, revision: -1, summary: newSummary(w.options.Percentiles)}
	var others []*window
	for _, known := range of.series[key] {
		if known.start >= b.end || b.start >= known.end {
			others = append(others, known)
			continue
		}
		joined.summary.merge(&known.summary)
		joined.bounds = bounds{min(joined.start, known.start), max(joined.end, known.end)}
	}
	if joined.end <= past {
		return false
	}
	joined.summary.add(p.Value, p.Time.UnixNano())
	of.series[key] = append(others, joined)
	return true
}

// close closes the windows of a thing that are past, and forgets those that
// can't be revised any more.
func (w *Windows) close(state *tenantWindows, of *thingWindows) (closed []closedWindow) {
	past := w.past(state, of)
	for key, windows := range of.series {
		kept := windows[:0]
		for _, known := range windows {
			if !known.closed && known.end <= past {
				known.closed, known.revision = true, 0
				closed = append(closed, closedWindow{key, known})
			}
			if known.end+int64(w.options.Revise) > past {
				kept = append(kept, known)
			}
		}
		clear(windows[len(kept):])
		state.count -= len(windows) - len(kept)
		if of.series[key] = kept; len(kept) == 0 {
			delete(of.series, key)
		}
	}
	return closed
}

// results returns windows as the caller gets them.
func (w *Windows) results(thing device.ID, closed []closedWindow) []TimeWindow {
	slices.SortStableFunc(closed, func(a, b closedWindow) int {
		return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.start, b.start), a.metricKey.compare(b.metricKey), cmp.Compare(a.revision, b.revision))
	})
	results := make([]TimeWindow, 0, len(closed))
	for _, c := range closed {
		results = append(results, TimeWindow{
			Thing: thing, Channel: c.channel, Metric: c.metric, Revision: c.revision,
			Start: w.time(c.start), End: w.time(c.end), Statistics: c.summary.statistics(w.options.Percentiles),
		})
	}
	return results
}

func (w *Windows) time(nanoseconds int64) time.Time {
	return time.Unix(0, nanoseconds).In(w.shape.interval.zone())
}

// Advance says that nothing from before a time is waited for any more, from no
// thing of the tenant, and returns the windows that this closes: thing by
// thing, in the order of their ids. Points from before it are then late. The
// error is tenant.ErrID.
func (w *Windows) Advance(id tenant.ID, to time.Time) ([]TimeWindow, error) {
	if err := checkTenant(id); err != nil {
		return nil, err
	}
	state := w.tenants[id]
	if state == nil {
		state = newTenantWindows()
		w.tenants[id] = state
	}
	state.past = max(state.past, nanoseconds(to))
	var closed []TimeWindow
	for _, thing := range state.order() {
		of := state.things[thing]
		closed = append(closed, w.results(thing, w.close(state, of))...)
		if len(of.series) == 0 && of.latest-int64(w.options.Delay) <= state.past {
			delete(state.things, thing)
		}
	}
	return closed, nil
}

// order returns the things of a tenant by their ids.
func (t *tenantWindows) order() []device.ID {
	things := make([]device.ID, 0, len(t.things))
	for thing := range t.things {
		things = append(things, thing)
	}
	slices.SortFunc(things, func(a, b device.ID) int { return cmp.Compare(a.String(), b.String()) })
	return things
}

// Forget drops the state of a tenant. The error is tenant.ErrID.
func (w *Windows) Forget(id tenant.ID) error {
	if err := checkTenant(id); err != nil {
		return err
	}
	delete(w.tenants, id)
	return nil
}
