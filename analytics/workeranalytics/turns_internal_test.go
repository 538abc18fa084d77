package workeranalytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// modelCall is a call as the model has it.
type modelCall struct {
	id      tenant.ID
	told    chan error
	running bool
}

// turnsModel is turns in the plainest way: it looks at all calls each time.
type turnsModel struct {
	places, perTenant, queue int

	clock int
	last  map[tenant.ID]int // when it got or left a place, or began to wait
	calls []*modelCall      // in the order of the calls
}

func (m *turnsModel) stamp(id tenant.ID) {
	m.clock++
	m.last[id] = m.clock
}

func (m *turnsModel) count(running bool, id tenant.ID) int {
	n := 0
	for _, c := range m.calls {
		if c.running == running && (id == c.id || id == tenant.ID{}) {
			n++
		}
	}
	return n
}

func (m *turnsModel) join(c *modelCall) (fits bool) {
	waiting := m.count(false, c.id)
	if waiting >= m.queue {
		return false
	}
	if waiting == 0 {
		m.stamp(c.id)
	}
	m.calls = append(m.calls, c)
	return true
}

func (m *turnsModel) remove(c *modelCall) {
	m.calls = slices.DeleteFunc(m.calls, func(other *modelCall) bool { return other == c })
	if c.running {
		m.stamp(c.id)
	}
}

// serve marks the calls whose turn it is.
func (m *turnsModel) serve() {
	for m.count(true, tenant.ID{}) < m.places {
		var may []*modelCall
		for _, c := range m.calls {
			if !c.running && m.count(true, c.id) < m.perTenant {
				may = append(may, c)
			}
		}
		if len(may) == 0 {
			return
		}
		next := slices.MinFunc(may, func(a, b *modelCall) int { // the first of equals
			return cmp.Or(cmp.Compare(m.count(true, a.id), m.count(true, b.id)), cmp.Compare(m.last[a.id], m.last[b.id]))
		})
		next.running = true
		m.stamp(next.id)
	}
}

// TestTurnsProperty has tenants call, give up and leave at random: it is always
// the turn of the calls that the model says, and each is served in the end.
func TestTurnsProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := Options{
			Processes: rapid.IntRange(1, 4).Draw(t, "places"), PerTenant: rapid.IntRange(1, 4).Draw(t, "of a tenant"), Queue: rapid.IntRange(1, 5).Draw(t, "queue"),
		}
		turns := newTurns(&o)
		m := &turnsModel{places: o.Processes, perTenant: o.PerTenant, queue: o.Queue, last: map[tenant.ID]int{}}
		check := func() {
			m.serve()
			perTenant := map[tenant.ID]int{}
			for i, c := range m.calls {
				if !c.running {
					require.Empty(t, c.told, "%d, of %s, has no turn yet", i, c.id)
					continue
				}
				require.NotEmpty(t, c.told, "it is the turn of %d, of %s", i, c.id)
				perTenant[c.id]++
				require.LessOrEqual(t, perTenant[c.id], o.PerTenant)
			}
			require.Equal(t, m.count(true, tenant.ID{}), turns.taken)
			require.LessOrEqual(t, turns.taken, o.Processes)
		}
		some := func(t *rapid.T, running bool) *modelCall {
			var all []*modelCall
			for _, c := range m.calls {
				if c.running == running {
					all = append(all, c)
				}
			}
			if len(all) == 0 {
				t.Skip("none")
			}
			return rapid.SampledFrom(all).Draw(t, "call")
		}
		join := func(t *rapid.T) {
			c := &modelCall{id: tenant.MustParseID(fmt.Sprintf("t-%d", rapid.IntRange(0, 4).Draw(t, "tenant"))), told: make(chan error, 1)}
			err := turns.join(c.id, c.told)
			if !m.join(c) {
				require.ErrorIs(t, err, analytics.ErrSQLBusy)
				return
			}
			require.NoError(t, err)
		}
		t.Repeat(map[string]func(*rapid.T){
			"":      func(*rapid.T) { check() },
			"join":  join,
			"join2": join,
			"leave": func(t *rapid.T) {
				c := some(t, true)
				require.False(t, turns.withdraw(c.id, c.told))
				turns.leave(c.id)
				m.remove(c)
			},
			"withdraw": func(t *rapid.T) {
				c := some(t, false)
				require.True(t, turns.withdraw(c.id, c.told))
				m.remove(c)
			},
		})
		for len(m.calls) > 0 {
			at := slices.IndexFunc(m.calls, func(c *modelCall) bool { return c.running })
			require.GreaterOrEqual(t, at, 0, "calls wait and nobody runs")
			c := m.calls[at]
			turns.leave(c.id)
			m.remove(c)
			check()
		}
		require.Empty(t, turns.tenants)
		require.Empty(t, turns.order)
	})
}

// TestTurnsConcurrently has calls come, end and be cancelled at the same time.
func TestTurnsConcurrently(t *testing.T) {
	t.Parallel()
	turns := newTurns(&Options{Processes: 3, PerTenant: 2, Queue: 100, Wait: time.Hour})
	var all atomic.Int32
	var served atomic.Int32
	var group sync.WaitGroup
	for n := range 4 {
		id := tenant.MustParseID(fmt.Sprintf("t-%d", n))
		var mine atomic.Int32
		for i := range 50 {
			group.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%5 == 0 {
					go cancel()
				}
				if err := turns.enter(ctx, id); err != nil {
					if i%5 != 0 || !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					return
				}
				served.Add(1)
				if all.Add(1) > 3 || mine.Add(1) > 2 {
					t.Error("too many at a time")
				}
				mine.Add(-1)
				all.Add(-1)
				turns.leave(id)
			})
		}
	}
	group.Wait()
	require.GreaterOrEqual(t, served.Load(), int32(160))
	require.Empty(t, turns.tenants)
	require.Empty(t, turns.order)
	require.Zero(t, turns.taken)
	turns.close()
	require.ErrorIs(t, turns.enter(t.Context(), tenant.MustParseID("acme")), analytics.ErrClosed)
}
