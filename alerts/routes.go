package alerts

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// routes are the models of a tenant, loaded, by name and by the inputs that
// they read. They do not change.
type routes struct {
	byName  map[string]*compiled
	byInput map[string][]*compiled
	until   time.Time
}

// routeSlot holds the routes of one tenant. Its lock is held while they are
// read, so that they are read once.
type routeSlot struct {
	mu     sync.Mutex
	routes *routes
	stale  bool
}

// routesOf returns the routes of a tenant, at most RefreshAfter old.
func (m *Models) routesOf(ctx context.Context, id tenant.ID) (*routes, error) {
	slot := m.slot(id)
	slot.mu.Lock()
	defer slot.mu.Unlock()
	now := m.options.Now()
	if slot.routes != nil && !slot.stale && now.Before(slot.routes.until) {
		return slot.routes, nil
	}
	fresh, err := m.readRoutes(ctx, id, slot.routes)
	if err != nil {
		return nil, err
	}
	fresh.until = now.Add(m.options.RefreshAfter)
	slot.routes, slot.stale = fresh, false
	return fresh, nil
}

func (m *Models) slot(id tenant.ID) *routeSlot {
	m.mu.Lock()
	defer m.mu.Unlock()
	slot := m.routes[id]
	if slot == nil {
		if len(m.routes) >= routesKept {
			clear(m.routes)
		}
		slot = &routeSlot{}
		m.routes[id] = slot
	}
	return slot
}

// forget makes the next use of a tenant's models read them.
func (m *Models) forget(id tenant.ID) {
	slot := m.slot(id)
	slot.mu.Lock()
	defer slot.mu.Unlock()
	slot.stale = true
}

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
