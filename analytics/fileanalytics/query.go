package fileanalytics

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// collector gets the records that a query comes across.
type collector interface {
	// span returns what bounds say of the positions of the items in records;
	// ok is false if they have none.
	span(b *bounds) (least, greatest analytics.Position, ok bool)
	// take adds the items of a record to the page, if they belong there.
	take(from origin, r *record)
	// pass is told that all that comes before a position was taken. It reports
	// whether more is wanted.
	pass(next analytics.Position) bool
	// reached is the position at and after which nothing is wanted any more;
	// nil as long as everything is.
	reached() *analytics.Position
}

// Messages implements analytics.Store. A page ends early when its payloads
// exceed 4 MiB.
func (s *Store) Messages(ctx context.Context, id tenant.ID, query analytics.Query) (analytics.Page[analytics.Message], error) {
	if err := s.usable(ctx); err != nil {
		return analytics.Page[analytics.Message]{}, err
	}
	plan, err := query.PlanMessages(id, s.keys)
	if err != nil {
		return analytics.Page[analytics.Message]{}, err
	}
	found := &messages{top[analytics.Message]{plan: plan}}
	if err := s.read(ctx, id, plan, found); err != nil {
		return analytics.Page[analytics.Message]{}, fmt.Errorf("fileanalytics: messages: %w", kept(err))
	}
	page := found.page()
	for i := range page.Items { // they are pieces of what was read
		page.Items[i].Payload = bytes.Clone(page.Items[i].Payload)
	}
	return page, nil
}

// Points implements analytics.Store.
func (s *Store) Points(ctx context.Context, id tenant.ID, query analytics.Query) (analytics.Page[analytics.Point], error) {
	if err := s.usable(ctx); err != nil {
		return analytics.Page[analytics.Point]{}, err
	}
	plan, err := query.PlanPoints(id, s.keys)
	if err != nil {
		return analytics.Page[analytics.Point]{}, err
	}
	return s.points(ctx, id, plan)
}

// StreamPoints returns what analytics.AllPoints does, at less cost: it passes
// once over the files, and yields points as soon as none can come before them.
// If more than 131,072 have to wait, because times are out of order, it passes
// over the rest again. analytics.Aggregates and analytics.Downsampled use it.
func (s *Store) StreamPoints(ctx context.Context, id tenant.ID, query analytics.Query) iter.Seq2[analytics.Point, error] {
	return func(yield func(analytics.Point, error) bool) {
		query := query
		for {
			next, err := s.stream(ctx, id, query, func(p analytics.Point) bool { return yield(p, nil) })
			if err != nil {
				yield(analytics.Point{}, err)
				return
			}
			if query.Cursor = next; next == "" {
				return
			}
		}
	}
}

// maxWaiting is half the number of points that may wait for those before them.
const maxWaiting = 64 << 10

// stream passes over the files once. It returns the cursor of what is left.
func (s *Store) stream(ctx context.Context, id tenant.ID, query analytics.Query, yield func(analytics.Point) bool) (tenant.Cursor, error) {
	if err := s.usable(ctx); err != nil {
		return "", err
	}
	plan, err := query.PlanPoints(id, s.keys)
	if err != nil {
		return "", err
	}
	plan.Limit = s.options.waiting
	found := &flow{points: points{top: top[analytics.Point]{plan: plan}}, yield: yield}
	if err := s.read(ctx, id, plan, found); err != nil {
		return "", fmt.Errorf("fileanalytics: points: %w", kept(err))
	}
	return found.end(), nil
}

// flow yields points in order as soon as none can come before them.
type flow struct {
	points
	yield   func(analytics.Point) bool
	ended   bool // by the caller
	pending int  // how many points to wait for
}

// fewPending is how many points are sorted at once, at least.
const fewPending = 4 << 10

func (f *flow) pass(next analytics.Position) bool {
	if len(f.items) < max(f.pending, fewPending) {
		return true
	}
	f.sort()
	n := 0
	for n < len(f.items) && f.plan.Compare(f.items[n].position, next) < 0 {
		n++
	}
	f.emit(n)
	f.pending = 2 * len(f.items) // not to sort the same again and again
	return !f.ended
}

// emit yields the first n of the sorted items.
func (f *flow) emit(n int) {
	for i := 0; i < n && !f.ended; i++ {
		f.ended = !f.yield(f.items[i].item)
	}
	rest := copy(f.items, f.items[n:])
	clear(f.items[rest:])
	f.items = f.items[:rest]
}

// end yields what is left, and returns the cursor of what had to be dropped.
func (f *flow) end() (next tenant.Cursor) {
	if f.ended {
		return ""
	}
	f.sort()
	if f.limit != nil {
		next = f.plan.Next(f.items[len(f.items)-1].position)
	}
	if f.emit(len(f.items)); f.ended {
		return ""
	}
	return next
}

func (s *Store) points(ctx context.Context, id tenant.ID, plan *analytics.Plan) (analytics.Page[analytics.Point], error) {
	found := &points{top: top[analytics.Point]{plan: plan}}
	if err := s.read(ctx, id, plan, found); err != nil {
		return analytics.Page[analytics.Point]{}, fmt.Errorf("fileanalytics: points: %w", kept(err))
	}
	return found.page(), nil
}

// messages collects a page of messages.
type messages struct{ top[analytics.Message] }

func (c *messages) span(b *bounds) (least, greatest analytics.Position, ok bool) {
	return positions(b.minAt, b.maxAt, b)
}

func (c *messages) take(from origin, r *record) {
	position := analytics.Position{Time: r.at, Arrival: r.arrival}
	if !c.wants(position) || !c.plan.SelectsChannel(string(r.channel)) {
		return
	}
	m := r.message(from)
	c.add(m, position, len(m.Payload))
}

// points collects a page of points.
type points struct {
	top[analytics.Point]
	channel string // of the last record: most are of few channels
}

func (c *points) span(b *bounds) (least, greatest analytics.Position, ok bool) {
	return positions(b.minTime, b.maxTime, b)
}

func (c *points) take(from origin, r *record) {
	first, last := analytics.Position{Time: r.time, Arrival: r.arrival}, analytics.Position{Time: r.time, Arrival: r.arrival, Place: math.MaxUint32}
	if r.points == 0 || !c.wants(first) && !c.wants(last) || !c.plan.SelectsChannel(string(r.channel)) {
		return
	}
	if string(r.channel) != c.channel {
		c.channel = string(r.channel)
	}
	m := analytics.Message{Thing: from.thing, Channel: c.channel, At: time.Unix(0, r.at), Payload: r.payload}
	c.plan.EachPoint(&m, func(place int, p analytics.Point) {
		if position := (analytics.Position{Time: r.time, Arrival: r.arrival, Place: uint32(place)}); c.wants(position) {
			c.add(p, position, 0)
		}
	})
}

func positions(from, to int64, b *bounds) (least, greatest analytics.Position, ok bool) {
	least = analytics.Position{Time: from, Arrival: b.minArrival}
	greatest = analytics.Position{Time: to, Arrival: b.maxArrival, Place: math.MaxUint32}
	return least, greatest, from <= to
}
