package analytics

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Bounds of what is kept of a thing in a roll-up, so that it fits in an item of
// tenant.MaxItemSize.
const (
	// maxRollupWindows is the encoded length of windows that are open or can be
	// revised; maxRollupClosed is that of windows on their way to the sink, at
	// which no further messages are taken: those that the last one closed come
	// on top.
	maxRollupWindows = 72 << 10
	maxRollupClosed  = 24 << 10
)

// RollupState is what is kept of a thing in a roll-up: its windows, those on
// their way to the sink, and the ids of messages that still count. It is
// written in one step with each decision, on the condition that nobody else
// decided meanwhile.
type RollupState struct{ state rollupState }

// RollupSchema is how the states of roll-ups are kept.
var RollupSchema = tenant.Schema[RollupState]{
	Entity: "rollup-state",
	Key:    func(s *RollupState) tenant.Key { return rollupKey(s.state.Rollup, s.state.Thing) },
	Indexes: []tenant.Index[RollupState]{{Name: rollupsByDue, Key: func(s *RollupState) tenant.Key {
		if s.state.Due.IsZero() {
			return tenant.Key{}
		}
		return tenant.NewKey(timeKey(s.state.Due))
	}}},
	Expires: func(s *RollupState) time.Time { return s.state.Expires },
}

// rollupsByDue is the index of [RollupSchema] that tells which windows the clock
// closes, and which are to be given to the sink, and when.
const rollupsByDue = "due"

func rollupKey(rollup string, thing device.ID) tenant.Key {
	return tenant.NewKey(strings.ToLower(rollup), thing.String())
}

// MarshalJSON implements json.Marshaler.
func (s RollupState) MarshalJSON() ([]byte, error) { return json.Marshal(&s.state) } //nolint:wrapcheck // it is the same value

// UnmarshalJSON implements json.Unmarshaler.
func (s *RollupState) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &s.state) } //nolint:wrapcheck // it is the same value

type rollupState struct {
	Rollup string    `json:"rollup"`
	Thing  device.ID `json:"thing"`
	// Windows and Closed are states of windows of this thing alone: those that
	// may change, and those that are on their way.
	Windows []byte `json:"windows"`
	Closed  []byte `json:"closed,omitempty"`
	// Counted are the messages that count already, see [tally].
	Counted []byte `json:"counted,omitempty"`
	// Seen is when messages were last added, by the clock.
	Seen    time.Time `json:"seen"`
	Due     time.Time `json:"due,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
}

// thingRollup is a state that is being worked on.
type thingRollup struct {
	*rollup

	thing  device.ID
	seen   time.Time
	state  *tenantWindows
	of     *thingWindows // its only thing
	closed *thingWindows
	tally  tally
	size   int // what of needs at most, when it is encoded
}

// open reads a state; one without windows is that of a thing not heard of. The
// error is [ErrState].
func (r *rollup) open(id tenant.ID, s *rollupState) (*thingRollup, error) {
	t := &thingRollup{rollup: r, thing: s.Thing, seen: s.Seen, state: newTenantWindows()}
	closed := newTenantWindows()
	var err error
	if s.Windows != nil {
		if t.state, err = r.windows.decode(id, s.Windows); err != nil {
			return nil, err
		}
	}
	if s.Closed != nil {
		if closed, err = r.windows.decode(id, s.Closed); err != nil {
			return nil, err
		}
	}
	if t.tally, err = readTally(s.Counted); err != nil {
		return nil, err
	}
	t.of, t.closed = t.state.thing(s.Thing), closed.thing(s.Thing)
	if len(t.state.things) > 1 || len(closed.things) > 1 {
		return nil, fmt.Errorf("%w: of other things", ErrState)
	}
	t.size = t.of.size()
	return t, nil
}

// write returns the state at now.
func (t *thingRollup) write(id tenant.ID, now time.Time, keep time.Duration) rollupState {
	s := rollupState{Rollup: t.Name, Thing: t.thing, Seen: t.seen, Counted: t.tally.encode()}
	t.state.past = t.windows.past(t.state, t.of)
	s.Windows = t.windows.encode(id, t.state)
	if len(t.closed.series) > 0 {
		s.Closed = t.windows.encode(id, &tenantWindows{things: map[device.ID]*thingWindows{t.thing: t.closed}})
		s.Due = now.Add(rollupRetry)
		return s // it stays until the sink has it
	}
	first, last := t.of.ends()
	if first > 0 && t.Idle > 0 {
		s.Due = later(t.seen, time.Unix(0, first)).Add(t.Idle)
		return s
	}
	s.Expires = later(t.seen, time.Unix(0, last)).Add(keep)
	return s
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ends returns when the first window ends that is open, and the last of all; 0
// if there is none.
func (of *thingWindows) ends() (first, last int64) {
	for _, windows := range of.series {
		for _, w := range windows {
			if last = max(last, w.end); !w.closed && (first == 0 || w.end < first) {
				first = w.end
			}
		}
	}
	return first, last
}

// Lengths of parts of an encoded state, at most.
const (
	seriesSize = 24
	windowSize = 100
	binSize    = 13
)

// size is the length that the windows need, at most, when they are encoded.
func (of *thingWindows) size() int {
	size := 0
	for key, windows := range of.series {
		size += seriesSize + len(key.channel) + len(key.metric)
		for _, w := range windows {
			size += windowSize + binSize*(len(w.summary.percentiles.negative)+len(w.summary.percentiles.positive))
		}
	}
	return size
}

// growth is how much longer points make it, at most.
func (t *thingRollup) growth(points []Point) int {
	candidates, growth := t.windows.shape.windows(points[0].Time), 0
	for i := range points {
		key := metricKey{points[i].Channel, points[i].Metric}
		if len(t.of.series[key]) == 0 {
			growth += seriesSize + len(key.channel) + len(key.metric)
		}
		for _, b := range candidates {
			if t.of.find(key, b) == nil {
				growth += windowSize
			}
			if len(t.Options.Percentiles.Of) > 0 {
				growth += binSize
			}
		}
	}
	return growth
}

// fits reports whether there is room for points.
func (t *thingRollup) fits(points []Point) bool {
	growth := t.growth(points)
	if t.size+growth > maxRollupWindows {
		t.size = t.of.size() // some have been closed meanwhile
	}
	if t.size+growth > maxRollupWindows {
		return false
	}
	t.size += growth
	return true
}

// isFull reports whether windows have to go to the sink before there may be
// more.
func (t *thingRollup) isFull() bool { return t.closed.size() > maxRollupClosed }

// hold keeps windows for the sink as they are now.
func (t *thingRollup) hold(windows []closedWindow) {
	for _, c := range windows {
		held := *c.window
		held.summary = held.summary.clone()
		t.closed.series[c.metricKey] = append(t.closed.series[c.metricKey], &held)
	}
}

// held returns the windows for the sink.
func (t *thingRollup) held() []ClosedWindow {
	var all []closedWindow
	for key, windows := range t.closed.series {
		for _, w := range windows {
			all = append(all, closedWindow{key, w})
		}
	}
	held := make([]ClosedWindow, 0, len(all))
	for _, w := range t.windows.results(t.thing, all) {
		held = append(held, ClosedWindow{ID: windowID(t.Name, &w), Rollup: t.Name, TimeWindow: w, percentiles: t.Options.Percentiles.Of})
	}
	return held
}

// drop forgets windows that the sink has, and reports whether there were any.
func (t *thingRollup) drop(delivered []ClosedWindow) bool {
	type place struct {
		metricKey
		bounds
		revision int
	}
	places := make(map[place]bool, len(delivered))
	for i := range delivered {
		w := &delivered[i]
		places[place{metricKey{w.Channel, w.Metric}, bounds{w.Start.UnixNano(), w.End.UnixNano()}, w.Revision}] = true
	}
	dropped := false
	for key, windows := range t.closed.series {
		kept := slices.DeleteFunc(windows, func(w *window) bool { return places[place{key, w.bounds, w.revision}] })
		dropped = dropped || len(kept) < len(windows)
		if t.closed.series[key] = kept; len(kept) == 0 {
			delete(t.closed.series, key)
		}
	}
	return dropped
}

// clone returns a summary that does not change with s.
func (s *summary) clone() summary {
	c := *s
	c.percentiles.negative, c.percentiles.positive = maps.Clone(c.percentiles.negative), maps.Clone(c.percentiles.positive)
	return c
}
