package analytics

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// ErrRollup: a roll-up that can't be.
var ErrRollup = fmt.Errorf("analytics: %w roll-up", iotenant.ErrInvalid)

// Rollup says which windows [Rollups] keeps, of which points, and where they go
// when they are closed. What is kept of a Name belongs to its Shape, Options
// and selection: give the roll-up another name when you change these.
type Rollup struct {
	// Name is 1 to 128 of a-z, A-Z, 0-9 and '_', not beginning with "__".
	Name string
	// Shape and Options are those of [NewWindows]; MaxAhead 0 means the default.
	Shape   Shape
	Options WindowOptions
	// Datastore selects messages: those of a data store; empty means the raw
	// ones. Channels selects by channel, Metrics points by metric; nil means
	// all.
	Datastore string
	Channels  []string
	Metrics   []string
	// Idle is how long a thing is silent, by the clock, before its windows are
	// closed that ended that long ago. What it sends later from before that time
	// is late: revise windows, or wait for longer, where things buffer. Default
	// 5 minutes; negative means that only what a thing sends closes its
	// windows.
	Idle time.Duration
	// Into takes the windows.
	Into WindowSink
}

// WindowSink takes windows of a tenant that were closed or revised: any number
// of them, of many things. [IntoDatastore], [IntoChannel], [IntoInput] and
// [IntoAll] make them.
//
// A nil error means that it has them all. The same window may be given again,
// also after a nil error, with the same ClosedWindow.ID, by which a sink drops
// what it has. An error that is permanent by the rule of [Deliverer] means that
// the rest of them will never be accepted: they are logged and dropped. After
// any other all are given again later.
//
// A sink is called concurrently. Windows of a thing come in the order in which
// they were closed, unless several processes work on that thing, or the sink
// failed.
type WindowSink func(ctx context.Context, id tenant.ID, windows []ClosedWindow) error

// ClosedWindow is a window on its way to a [WindowSink].
type ClosedWindow struct {
	// ID is the same whenever the same window with the same revision is given:
	// 43 of a-z, A-Z, 0-9, '-' and '_'.
	ID string
	// Rollup is the name.
	Rollup string
	TimeWindow

	percentiles []float64 // which
}

// windowID digests what tells a window from all others of a tenant. A window
// with one revision is decided on once, so its statistics are always the same.
func windowID(rollup string, w *TimeWindow) string {
	var text []byte
	for _, part := range []string{strings.ToLower(rollup), w.Thing.String(), w.Channel, w.Metric} {
		text = appendText(text, part)
	}
	text = binary.AppendVarint(text, w.Start.UnixNano())
	text = binary.AppendVarint(text, w.End.UnixNano())
	digest := sha256.Sum256(binary.AppendVarint(text, int64(w.Revision)))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// MarshalJSON returns the window as an object: rollup, thing, channel, metric;
// timestamp, which is its start, and end, in RFC 3339 and UTC; revision, count, min,
// max, sum, mean, first and last; and for each percentile a member such as p50
// or p99_9. A number beyond float64 is null.
func (c ClosedWindow) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 384)
	for _, member := range []struct{ name, value string }{
		{`{"rollup":`, c.Rollup}, {`,"thing":`, c.Thing.String()}, {`,"channel":`, c.Channel}, {`,"metric":`, c.Metric},
	} {
		b = append(append(b, member.name...), quoted(member.value)...)
	}
	b = c.Start.UTC().AppendFormat(append(b, `,"timestamp":"`...), time.RFC3339Nano)
	b = c.End.UTC().AppendFormat(append(b, `","end":"`...), time.RFC3339Nano)
	b = strconv.AppendInt(append(b, `","revision":`...), int64(c.Revision), 10)
	b = strconv.AppendUint(append(b, `,"count":`...), c.Count, 10)
	for _, member := range []struct {
		name  string
		value float64
	}{
		{`,"min":`, c.Min}, {`,"max":`, c.Max}, {`,"sum":`, c.Sum}, {`,"mean":`, c.Mean}, {`,"first":`, c.First}, {`,"last":`, c.Last},
	} {
		b = appendNumber(append(b, member.name...), member.value)
	}
	for i, of := range c.percentiles {
		name := strings.ReplaceAll(strconv.FormatFloat(of, 'f', -1, 64), ".", "_")
		b = append(append(append(b, `,"p`...), name...), `":`...)
		b = appendNumber(b, c.Percentiles[i])
	}
	return append(b, '}'), nil
}

func appendNumber(b []byte, value float64) []byte {
	if math.IsInf(value, 0) || math.IsNaN(value) {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, value, 'g', -1, 64)
}

// rollup is a definition that was checked.
type rollup struct {
	Rollup
	windows *Windows // without any tenant
}

func newRollup(definition Rollup) (*rollup, error) {
	r := &rollup{Rollup: definition}
	if r.Idle == 0 {
		r.Idle = 5 * time.Minute
	}
	query := Query{Datastore: r.Datastore, Channels: r.Channels, Metrics: r.Metrics}
	switch err := query.check(); {
	case r.Name == "" || !isDatastore(r.Name):
		return nil, fmt.Errorf("%w: name %.128q: want 1 to %d of a-z, A-Z, 0-9, '_', not beginning with \"__\"", ErrRollup, r.Name, MaxDatastore)
	case r.Into == nil:
		return nil, fmt.Errorf("%w: %s: Into is nil", ErrRollup, r.Name)
	case r.Idle > maxLength:
		return nil, fmt.Errorf("%w: %s: idle %v, want at most %v", ErrRollup, r.Name, r.Idle, maxLength)
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrRollup, r.Name, err)
	}
	r.Options.Percentiles.Of = slices.Clone(r.Options.Percentiles.Of)
	r.Channels, r.Metrics = slices.Clone(r.Channels), slices.Clone(r.Metrics)
	windows, err := NewWindows(r.Shape, func(o *WindowOptions) {
		ahead := o.MaxAhead
		if *o = r.Options; o.MaxAhead == 0 {
			o.MaxAhead = ahead
		}
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrRollup, r.Name, err)
	}
	r.windows = windows
	return r, nil
}

// selects reports whether a message may have points of the roll-up.
func (r *rollup) selects(m *Message) bool {
	return m.Datastore == r.Datastore && (r.Channels == nil || slices.Contains(r.Channels, m.Channel))
}

// choose returns the points that the roll-up is about.
func (r *rollup) choose(points []Point) []Point {
	if r.Metrics == nil {
		return points
	}
	var chosen []Point
	for i := range points {
		if slices.Contains(r.Metrics, points[i].Metric) {
			chosen = append(chosen, points[i])
		}
	}
	return chosen
}
