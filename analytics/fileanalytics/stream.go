package fileanalytics

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
)

// streamKey names the messages of one thing in one data store.
type streamKey struct{ datastore, thing string }

func (k streamKey) compare(other streamKey) int {
	return cmp.Or(cmp.Compare(k.datastore, other.datastore), cmp.Compare(k.thing, other.thing))
}

func (t streamText) key() streamKey { return streamKey{string(t.datastore), string(t.thing)} }

func (t streamText) is(k streamKey) bool {
	return string(t.thing) == k.thing && string(t.datastore) == k.datastore
}

// origin is what the messages of a stream have in common.
type origin struct {
	thing     device.ID
	datastore string
}

func (k streamKey) origin() (origin, error) {
	thing, err := device.ParseID(k.thing)
	if err != nil {
		return origin{}, fmt.Errorf("%w: thing id", analytics.ErrCorrupt)
	}
	return origin{thing, k.datastore}, nil
}

// stream is what is remembered of a stream beside its messages.
type stream struct {
	latest int64 // the latest received time
	ids    window
	last   map[metricKey]*lastValue
}

type metricKey struct{ channel, metric string }

type lastValue struct {
	time    int64
	arrival uint64
	value   float64
}

func (v lastValue) before(other lastValue) bool {
	return cmp.Or(cmp.Compare(v.time, other.time), cmp.Compare(v.arrival, other.arrival)) < 0
}

func newStream() *stream { return &stream{last: map[metricKey]*lastValue{}} }

// observe replaces last values by the points of a message, in whatever order
// messages are observed.
func (s *stream) observe(points []analytics.Point, arrival uint64) {
	for i := range points {
		p := &points[i]
		key := metricKey{p.Channel, p.Metric}
		next := lastValue{p.Time.UnixNano(), arrival, p.Value}
		switch known := s.last[key]; {
		case known != nil && !next.before(*known):
			*known = next
		case known == nil && len(s.last) < analytics.MaxLast:
			s.last[key] = &next
		}
	}
}

// points returns the last values in order.
func (s *stream) points(thing device.ID) []analytics.Point {
	points := make([]analytics.Point, 0, len(s.last))
	for key, last := range s.last {
		points = append(points, analytics.Point{
			Thing: thing, Channel: key.channel, Metric: key.metric,
			Time: time.Unix(0, last.time).UTC(), Value: last.value,
		})
	}
	slices.SortFunc(points, func(a, b analytics.Point) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Metric, b.Metric))
	})
	return points
}
