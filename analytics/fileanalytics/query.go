package fileanalytics

import (
	"bytes"
	"context"
	"fmt"
	"math"

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
	found := &points{top[analytics.Point]{plan: plan}}
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
type points struct{ top[analytics.Point] }

func (c *points) span(b *bounds) (least, greatest analytics.Position, ok bool) {
	return positions(b.minTime, b.maxTime, b)
}

func (c *points) take(from origin, r *record) {
	first, last := analytics.Position{Time: r.time, Arrival: r.arrival}, analytics.Position{Time: r.time, Arrival: r.arrival, Place: math.MaxUint32}
	if r.points == 0 || !c.wants(first) && !c.wants(last) || !c.plan.SelectsChannel(string(r.channel)) {
		return
	}
	m := r.message(from)
	for i, p := range m.Points() {
		position := analytics.Position{Time: r.time, Arrival: r.arrival, Place: uint32(i)}
		if c.wants(position) && c.plan.SelectsMetric(p.Metric) {
			c.add(p, position, 0)
		}
	}
}

func positions(from, to int64, b *bounds) (least, greatest analytics.Position, ok bool) {
	least = analytics.Position{Time: from, Arrival: b.minArrival}
	greatest = analytics.Position{Time: to, Arrival: b.maxArrival, Place: math.MaxUint32}
	return least, greatest, from <= to
}
