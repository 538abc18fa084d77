package alertstest

import (
	"context"
	"slices"
	"sync"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
)

// Recorder is a notifier that accepts every alert and remembers it. The zero
// Recorder is ready.
type Recorder struct {
	mu       sync.Mutex
	received map[tenant.ID][]alerts.Alert
}

var _ alerts.Notifier = (*Recorder)(nil)

// Notify implements [alerts.Notifier].
func (r *Recorder) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	if err := id.Check(); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.received == nil {
		r.received = map[tenant.ID][]alerts.Alert{}
	}
	r.received[id] = append(r.received[id], alert)
	return nil
}

// Received returns what came for a tenant, in the order in which it came,
// duplicates included.
func (r *Recorder) Received(id tenant.ID) []alerts.Alert {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.received[id])
}

// IDs returns the ids of the alerts that came for a tenant, sorted, each once.
func (r *Recorder) IDs(id tenant.ID) []string {
	var ids []string
	for _, alert := range r.Received(id) {
		ids = append(ids, alert.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
