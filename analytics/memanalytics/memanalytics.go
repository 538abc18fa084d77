// Package memanalytics is an analytics.Store and analytics.Objects in memory,
// for unit tests and examples. The Store keeps everything until the process
// ends, and answers queries by looking at all messages of the tenant.
package memanalytics

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Store is an analytics.Store in memory. It remembers every message id, not
// only the latest analytics.Window.
type Store struct {
	keys tenant.CursorKeys

	mu      sync.RWMutex
	arrived uint64
	tenants map[tenant.ID]*archive
}

var _ analytics.Store = (*Store)(nil)

// archive is what is kept of one tenant.
type archive struct {
	entries []entry // in the order of arrival; entries never change
	seen    map[identity]bool
}

type entry struct {
	message analytics.Message
	points  []analytics.Point
	arrival uint64
}

type identity struct {
	thing         device.ID
	datastore, id string
}

// New returns an empty store. Its cursors are good for its lifetime.
func New() *Store {
	return &Store{keys: tenant.RandomCursorKeys(), tenants: map[tenant.ID]*archive{}}
}

// Append implements analytics.Store.
func (s *Store) Append(ctx context.Context, id tenant.ID, messages []analytics.Message) ([]analytics.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := analytics.CheckAppend(id, messages); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.tenants[id]
	if kept == nil {
		kept = &archive{seen: map[identity]bool{}}
		s.tenants[id] = kept
	}
	outcomes := make([]analytics.Outcome, len(messages))
	for i, message := range messages {
		outcomes[i] = analytics.Stored
		if who := (identity{message.Thing, message.Datastore, message.ID}); message.ID != "" {
			if kept.seen[who] {
				outcomes[i] = analytics.Duplicate
				continue
			}
			kept.seen[who] = true
		}
		s.arrived++
		message.At = message.At.UTC().Round(0) // without monotonic reading
		message.Payload = bytes.Clone(message.Payload)
		kept.entries = append(kept.entries, entry{message, message.Points(), s.arrived})
	}
	return outcomes, nil
}

// Messages implements analytics.Store.
func (s *Store) Messages(ctx context.Context, id tenant.ID, query analytics.Query) (analytics.Page[analytics.Message], error) {
	if err := ctx.Err(); err != nil {
		return analytics.Page[analytics.Message]{}, err
	}
	plan, err := query.PlanMessages(id, s.keys)
	if err != nil {
		return analytics.Page[analytics.Message]{}, err
	}
	var found []placed[analytics.Message]
	for _, e := range s.selected(id, plan) {
		position := analytics.Position{Time: e.message.At.UnixNano(), Arrival: e.arrival}
		if plan.Selects(position) {
			found = append(found, placed[analytics.Message]{e.message, position})
		}
	}
	page := paged(plan, found)
	for i := range page.Items {
		page.Items[i].Payload = bytes.Clone(page.Items[i].Payload)
	}
	return page, nil
}

// Points implements analytics.Store.
func (s *Store) Points(ctx context.Context, id tenant.ID, query analytics.Query) (analytics.Page[analytics.Point], error) {
	if err := ctx.Err(); err != nil {
		return analytics.Page[analytics.Point]{}, err
	}
	plan, err := query.PlanPoints(id, s.keys)
	if err != nil {
		return analytics.Page[analytics.Point]{}, err
	}
	var found []placed[analytics.Point]
	for _, e := range s.selected(id, plan) {
		for i, point := range e.points {
			position := analytics.Position{Time: point.Time.UnixNano(), Arrival: e.arrival, Place: uint32(i)}
			if plan.SelectsMetric(point.Metric) && plan.Selects(position) {
				found = append(found, placed[analytics.Point]{point, position})
			}
		}
	}
	return paged(plan, found), nil
}

// selected returns the entries of the selected data store, things and
// channels.
func (s *Store) selected(id tenant.ID, plan *analytics.Plan) []entry {
	var selected []entry
	for _, e := range s.entries(id) {
		m := &e.message
		if m.Datastore == plan.Datastore && plan.SelectsThing(m.Thing.String()) && plan.SelectsChannel(m.Channel) {
			selected = append(selected, e)
		}
	}
	return selected
}

func (s *Store) entries(id tenant.ID) []entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if kept := s.tenants[id]; kept != nil {
		return kept.entries
	}
	return nil
}

// placed is an item with its place in the order.
type placed[T any] struct {
	item     T
	position analytics.Position
}

func paged[T any](plan *analytics.Plan, found []placed[T]) analytics.Page[T] {
	slices.SortFunc(found, func(a, b placed[T]) int { return plan.Compare(a.position, b.position) })
	var page analytics.Page[T]
	if len(found) > plan.Limit {
		found = found[:plan.Limit]
		page.Next = plan.Next(found[plan.Limit-1].position)
	}
	for _, f := range found {
		page.Items = append(page.Items, f.item)
	}
	return page
}

// Last implements analytics.Store.
func (s *Store) Last(ctx context.Context, id tenant.ID, datastore string, thing device.ID) ([]analytics.Point, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := analytics.CheckLast(id, datastore, thing); err != nil {
		return nil, err
	}
	var last []analytics.Point
	for _, e := range s.entries(id) {
		if e.message.Datastore != datastore || e.message.Thing != thing {
			continue
		}
		for _, point := range e.points {
			last = replaceLast(last, point)
		}
	}
	slices.SortFunc(last, func(a, b analytics.Point) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Metric, b.Metric))
	})
	return last, nil
}

func replaceLast(last []analytics.Point, point analytics.Point) []analytics.Point {
	i := slices.IndexFunc(last, func(p analytics.Point) bool { return p.Channel == point.Channel && p.Metric == point.Metric })
	if i < 0 {
		if len(last) == analytics.MaxLast {
			return last
		}
		return append(last, point)
	}
	if !point.Time.Before(last[i].Time) {
		last[i] = point
	}
	return last
}
