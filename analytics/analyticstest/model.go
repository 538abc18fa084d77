package analyticstest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// TestStoreModel runs random operations of three tenants on a store and on a
// naive model, and compares every result. The same seed makes the same
// operations; it is logged.
func TestStoreModel(t *testing.T, open Open, seed uint64, operations int) {
	t.Helper()
	t.Logf("seed %d, %d operations", seed, operations)
	f := newFixture(t, open)
	run := modelRun{
		fixture: f,
		random:  rand.New(rand.NewPCG(seed, seed)),
		ids:     []tenant.ID{f.a, f.b, tenant.MustParseID("acm")},
		things:  []device.ID{f.pump, f.fan, device.MustParseID("pum"), device.MustParseID("pump:1")},
		model:   map[tenant.ID][]analytics.Message{},
	}
	for i := range operations {
		run.step()
		if t.Failed() {
			t.Fatalf("seed %d: operation %d differs from the model", seed, i)
		}
	}
}

// modelRun keeps the messages of each tenant in the order of arrival.
type modelRun struct {
	*fixture
	random *rand.Rand
	ids    []tenant.ID
	things []device.ID
	model  map[tenant.ID][]analytics.Message
	sent   int
}

func (r *modelRun) step() {
	r.Helper()
	id := pick(r, r.ids)
	switch n := r.random.IntN(10); {
	case n < 6:
		r.stepAppend(id)
	case n < 7:
		r.stepMessages(id)
	case n < 9:
		r.stepPoints(id)
	default:
		r.stepLast(id)
	}
}

func pick[T any](r *modelRun, from []T) T { return from[r.random.IntN(len(from))] }

func (r *modelRun) stepAppend(id tenant.ID) {
	batch := make([]analytics.Message, 1+r.random.IntN(5))
	for i := range batch {
		batch[i] = r.randomMessage()
	}
	got, err := r.store.Append(r.ctx, id, batch)
	if err != nil {
		r.Fatalf("Append: %v", err)
	}
	for i, m := range batch {
		want := analytics.Stored
		if m.ID != "" && slices.ContainsFunc(r.model[id], func(old analytics.Message) bool {
			return old.ID == m.ID && old.Thing == m.Thing && old.Datastore == m.Datastore
		}) {
			want = analytics.Duplicate
		} else {
			r.model[id] = append(r.model[id], m)
		}
		if got[i] != want {
			r.Errorf("Append(%+v): %v, want %v", m, got[i], want)
		}
	}
}

func (r *modelRun) randomMessage() analytics.Message {
	r.sent++
	m := analytics.Message{
		Thing:     pick(r, r.things),
		Datastore: pick(r, []string{"", "", "", "clean"}),
		Channel:   pick(r, []string{"", "", "a", "a/b"}),
		At:        r.randomTime(),
		ID:        fmt.Sprint("m", r.sent-r.random.IntN(3)),
		Payload:   fmt.Appendf(nil, `{"t": %d, "deep": {"u": %d}}`, r.sent, r.random.IntN(5)),
	}
	switch r.random.IntN(5) {
	case 0:
		m.ID = ""
	case 1:
		m.Payload = fmt.Appendf(nil, `{"t": %d, "timestamp": %d}`, r.sent, r.randomTime().Unix())
	case 2:
		m.Payload = []byte("no JSON")
	}
	return m
}

// randomTime returns one of few times on three days.
func (r *modelRun) randomTime() time.Time {
	return r.noon.Add(time.Duration(r.random.IntN(12)) * 5 * time.Hour)
}

func (r *modelRun) randomQuery() analytics.Query {
	query := analytics.Query{
		Datastore:  pick(r, []string{"", "", "clean"}),
		Descending: r.random.IntN(2) == 0,
		Limit:      r.random.IntN(20),
	}
	if r.random.IntN(2) == 0 {
		query.Things = []device.ID{pick(r, r.things), pick(r, r.things)}
	}
	if r.random.IntN(3) == 0 {
		query.Channels = []string{pick(r, []string{"", "a", "b"})}
	}
	if a, b := r.randomTime(), r.randomTime(); r.random.IntN(2) == 0 && !b.Before(a) {
		query.From, query.To = a, b
	}
	return query
}

// selected returns what a query selects of the model, but for the times.
func (r *modelRun) selected(id tenant.ID, q analytics.Query) (selected []analytics.Message) {
	for _, m := range r.model[id] {
		if m.Datastore == q.Datastore && (q.Things == nil || slices.Contains(q.Things, m.Thing)) && (q.Channels == nil || slices.Contains(q.Channels, m.Channel)) {
			selected = append(selected, m)
		}
	}
	return selected
}

// ordered selects and orders by time; what has the same time stays in the order
// of arrival.
func ordered[T any](items []T, q analytics.Query, at func(T) time.Time) []T {
	items = slices.DeleteFunc(items, func(item T) bool {
		return !q.From.IsZero() && at(item).Before(q.From) || !q.To.IsZero() && !at(item).Before(q.To)
	})
	slices.SortStableFunc(items, func(a, b T) int { return at(a).Compare(at(b)) })
	if q.Descending {
		slices.Reverse(items)
	}
	return items
}

func (r *modelRun) stepMessages(id tenant.ID) {
	query := r.randomQuery()
	want := ordered(r.selected(id, query), query, func(m analytics.Message) time.Time { return m.At })
	if got := r.messages(id, query); !slices.EqualFunc(got, want, equal) {
		r.Errorf("Messages(%+v): %v, want %v", query, got, want)
	}
}

func (r *modelRun) stepPoints(id tenant.ID) {
	query := r.randomQuery()
	if r.random.IntN(2) == 0 {
		query.Metrics = []string{pick(r, []string{"t", "deep.u", "u"})}
	}
	var all []analytics.Point
	for _, m := range r.selected(id, query) {
		for _, p := range m.Points() {
			if query.Metrics == nil || slices.Contains(query.Metrics, p.Metric) {
				all = append(all, p)
			}
		}
	}
	want := ordered(all, query, func(p analytics.Point) time.Time { return p.Time })
	if got := r.points(id, query); !slices.Equal(got, want) {
		r.Errorf("Points(%+v): %v, want %v", query, got, want)
	}
}

func (r *modelRun) stepLast(id tenant.ID) {
	datastore, thing := pick(r, []string{"", "clean"}), pick(r, r.things)
	var want []analytics.Point
	for _, m := range r.selected(id, analytics.Query{Datastore: datastore, Things: []device.ID{thing}}) {
		for _, p := range m.Points() {
			same := func(old analytics.Point) bool { return old.Channel == p.Channel && old.Metric == p.Metric }
			if i := slices.IndexFunc(want, same); i < 0 {
				want = append(want, p)
			} else if !p.Time.Before(want[i].Time) {
				want[i] = p
			}
		}
	}
	slices.SortFunc(want, func(a, b analytics.Point) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Metric, b.Metric))
	})
	got, err := r.store.Last(r.ctx, id, datastore, thing)
	if err != nil || !slices.Equal(got, want) {
		r.Errorf("Last(%q, %s): %v, %v, want %v", datastore, thing, got, err, want)
	}
}
