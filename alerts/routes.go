package alerts

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// routes are the models of a tenant, loaded, by name and by the inputs that
// they read. They do not change.
type routes struct {
	byName  map[string]*compiled
	byInput map[string][]*compiled

	until  time.Time
	change uint64 // of the slot, when the routes began to be read
}

// routeSlot holds the routes of one tenant.
type routeSlot struct {
	routes  atomic.Pointer[routes]
	changes atomic.Uint64 // counts calls of forget
	turn    chan struct{} // holds one token while nobody reads the routes
}

// fresh returns the routes if they may be used at now.
func (s *routeSlot) fresh(now time.Time) *routes {
	if r := s.routes.Load(); r != nil && r.change == s.changes.Load() && now.Before(r.until) {
		return r
	}
	return nil
}

// routesOf returns the routes of a tenant, at most RefreshAfter old.
func (m *Models) routesOf(ctx context.Context, id tenant.ID) (*routes, error) {
	slot, now := m.slot(id), m.options.Now()
	if r := slot.fresh(now); r != nil {
		return r, nil
	}
	select {
	case <-slot.turn:
		defer func() { slot.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if r := slot.fresh(now); r != nil {
		return r, nil // somebody else has just read them
	}
	change := slot.changes.Load()
	r, err := m.readRoutes(ctx, id, slot.routes.Load())
	if err != nil {
		return nil, err
	}
	r.change, r.until = change, now.Add(m.options.RefreshAfter)
	slot.routes.Store(r)
	return r, nil
}

func (m *Models) slot(id tenant.ID) *routeSlot {
	m.mu.Lock()
	defer m.mu.Unlock()
	slot := m.routes[id]
	if slot == nil {
		if len(m.routes) >= routesKept {
			clear(m.routes)
		}
		slot = &routeSlot{turn: make(chan struct{}, 1)}
		slot.turn <- struct{}{}
		m.routes[id] = slot
	}
	return slot
}

// forget makes the next use of a tenant's models read them.
func (m *Models) forget(id tenant.ID) { m.slot(id).changes.Add(1) }

// readRoutes loads what changed since known, which may be nil.
func (m *Models) readRoutes(ctx context.Context, id tenant.ID, known *routes) (*routes, error) {
	fresh := &routes{byName: map[string]*compiled{}, byInput: map[string][]*compiled{}}
	for model, err := range m.List(ctx, id) {
		if err != nil {
			return nil, fmt.Errorf("alerts: read models: %w", err)
		}
		if model.Disabled {
			continue
		}
		fresh.add(m.compile(ctx, id, &model, known))
	}
	return fresh, nil
}

func (m *Models) compile(ctx context.Context, id tenant.ID, model *Model, known *routes) *compiled {
	if known != nil {
		if c := known.byName[model.Name]; c != nil && c.version == model.Version {
			return c
		}
	}
	c := compile(model, m.options.Detector)
	if c.err != nil {
		m.options.Logger.LogAttrs(ctx, slog.LevelError, "stored model does not load",
			slog.String("tenant", id.String()), slog.String("model", c.name), slog.Int("version", c.version), slog.Any("error", c.err))
	}
	return c
}

func (r *routes) add(c *compiled) {
	r.byName[c.name] = c
	if c.engine == nil {
		return
	}
	for _, input := range c.engine.Inputs() {
		r.byInput[input] = append(r.byInput[input], c)
	}
}
