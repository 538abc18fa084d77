// Package fanout calls the handlers of a bus within the process. It is what
// the implementations of device.Bus share.
package fanout

import (
	"slices"
	"sync"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Handlers holds the subscriptions of all tenants. The zero Handlers is empty
// and ready.
type Handlers struct {
	mu       sync.RWMutex
	byTenant map[tenant.ID][]*handler // slices are replaced, never changed
}

type handler struct {
	filter device.Filter
	handle func(device.Message)
}

// Add adds a handler, until cancel is called.
func (h *Handlers) Add(id tenant.ID, filter device.Filter, handle func(device.Message)) (cancel func()) {
	added := &handler{filter: filter, handle: handle}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byTenant == nil {
		h.byTenant = map[tenant.ID][]*handler{}
	}
	h.byTenant[id] = append(slices.Clip(h.byTenant[id]), added)
	return func() { h.remove(id, added) }
}

func (h *Handlers) remove(id tenant.ID, gone *handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(h.byTenant[id]), func(other *handler) bool { return other == gone })
	if len(left) == 0 {
		delete(h.byTenant, id)
		return
	}
	h.byTenant[id] = left
}

// Call calls the handlers that match the message, one after the other, in the
// order in which they were added.
func (h *Handlers) Call(message device.Message) {
	h.mu.RLock()
	handlers := h.byTenant[message.Topic.Tenant]
	h.mu.RUnlock()
	for _, handler := range handlers {
		if handler.filter.Matches(message.Topic) {
			handler.handle(message)
		}
	}
}
