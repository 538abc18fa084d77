package analytics

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// flow is where the messages of a tenant go: its channels, pipelines and data
// stores, loaded, by their names in lower case. It does not change.
type flow struct {
	channels   map[string]*source
	datastores map[string]*loaded
	pipelines  map[string]*runner

	readAt time.Time
	until  time.Time
	change uint64 // of the slot, when the flow began to be read
}

// source is a channel with the pipelines that read it.
type source struct {
	*loaded
	pipelines []*runner
}

// runner is a pipeline that is ready to run.
type runner struct {
	*loaded
	name      string
	channel   TableID
	datastore TableID
	batches   sync.Pool // of *pipeline.Batch
	running   atomic.Int64
}

// flowSlot holds the flow of one tenant.
type flowSlot struct {
	flow    atomic.Pointer[flow]
	changes atomic.Uint64 // counts calls of forget
	turn    chan struct{} // holds one token while nobody reads the flow
}

// flowsKept bounds the number of tenants whose definitions are held in memory.
const flowsKept = 10_000

// fresh returns the flow if it may be used at now.
func (s *flowSlot) fresh(now time.Time) *flow {
	if f := s.flow.Load(); f != nil && f.change == s.changes.Load() && now.Before(f.until) {
		return f
	}
	return nil
}

// flowOf returns the flow of a tenant, at most RefreshAfter old.
func (d *Definitions) flowOf(ctx context.Context, id tenant.ID) (*flow, error) {
	slot, now := d.slot(id), d.options.Now()
	if f := slot.fresh(now); f != nil {
		return f, nil
	}
	select {
	case <-slot.turn:
		defer func() { slot.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if f := slot.fresh(now); f != nil {
		return f, nil // somebody else has just read it
	}
	change := slot.changes.Load()
	f, err := d.readFlow(ctx, id, slot.flow.Load())
	if err != nil {
		return nil, err
	}
	f.change, f.readAt, f.until = change, now, now.Add(d.options.RefreshAfter)
	slot.flow.Store(f)
	return f, nil
}

func (d *Definitions) slot(id tenant.ID) *flowSlot {
	d.mu.Lock()
	defer d.mu.Unlock()
	slot := d.flows[id]
	if slot == nil {
		if len(d.flows) >= flowsKept {
			clear(d.flows)
		}
		slot = &flowSlot{turn: make(chan struct{}, 1)}
		slot.turn <- struct{}{}
		d.flows[id] = slot
	}
	return slot
}

// forget makes the next use of a tenant's definitions read them.
func (d *Definitions) forget(id tenant.ID) { d.slot(id).changes.Add(1) }

// readFlow loads what changed since known, which may be nil.
func (d *Definitions) readFlow(ctx context.Context, id tenant.ID, known *flow) (*flow, error) {
	fresh := &flow{channels: map[string]*source{}, datastores: map[string]*loaded{}, pipelines: map[string]*runner{}}
	for _, kind := range []pipeline.Resource{pipeline.ResourceChannel, pipeline.ResourceDatastore, pipeline.ResourcePipeline} {
		for definition, err := range d.All(ctx, id, kind) {
			if err != nil {
				return nil, err
			}
			d.addTo(ctx, id, fresh, &definition, known)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fresh.pipelines)) {
		if err := fresh.connect(fresh.pipelines[name]); err != nil {
			d.options.Logger.LogAttrs(ctx, slog.LevelError, "pipeline is not connected",
				slog.String("tenant", id.String()), slog.String("pipeline", name), slog.Any("error", err))
		}
	}
	return fresh, nil
}

// addTo adds a definition to a flow, as it is in known if it has not changed.
func (d *Definitions) addTo(ctx context.Context, id tenant.ID, fresh *flow, definition *Definition, known *flow) {
	lower := strings.ToLower(definition.Name)
	if definition.Kind == pipeline.ResourcePipeline && known != nil {
		if r := known.pipelines[lower]; r != nil && r.definition.Version == definition.Version {
			fresh.pipelines[lower] = r
			return
		}
	}
	l, err := load(definition.Kind, definition.Definition, d.options.Pipeline)
	if err != nil {
		d.logUnloaded(ctx, id, definition, err)
		return
	}
	l.definition = *definition
	switch definition.Kind {
	case pipeline.ResourceChannel:
		fresh.channels[lower] = &source{loaded: &l}
	case pipeline.ResourceDatastore:
		fresh.datastores[lower] = &l
	default:
		fresh.pipelines[lower] = newRunner(&l)
	}
}

func (d *Definitions) logUnloaded(ctx context.Context, id tenant.ID, definition *Definition, err error) {
	d.options.Logger.LogAttrs(ctx, slog.LevelError, "stored definition does not load",
		slog.String("tenant", id.String()), slog.String("kind", string(definition.Kind)), slog.String("name", definition.Name),
		slog.Int("version", definition.Version), slog.Any("error", err))
}

func newRunner(l *loaded) *runner {
	return &runner{
		loaded: l, name: l.definition.Name,
		channel:   TableID{ChannelTable, l.pipeline.Channel()},
		datastore: TableID{DatastoreTable, l.pipeline.Datastore()},
		batches:   sync.Pool{New: func() any { return new(pipeline.Batch) }},
	}
}

// connect puts a pipeline behind its channel. Without its data store it would
// lose what it makes; the messages stay in the channel.
func (f *flow) connect(r *runner) error {
	from := f.channels[strings.ToLower(r.channel.Name)]
	if from == nil {
		return fmt.Errorf("%w: channel %s", ErrNoDefinition, r.channel.Name)
	}
	if f.datastores[strings.ToLower(r.datastore.Name)] == nil {
		return fmt.Errorf("%w: data store %s", ErrNoDefinition, r.datastore.Name)
	}
	from.pipelines = append(from.pipelines, r)
	return nil
}

// userOf returns the name of a pipeline that uses a channel or data store, ""
// if there is none.
func (f *flow) userOf(kind pipeline.Resource, name string) string {
	for _, r := range f.pipelines {
		end := r.channel
		if kind == pipeline.ResourceDatastore {
			end = r.datastore
		}
		if strings.EqualFold(end.Name, name) {
			return r.name
		}
	}
	return ""
}

// writersOf counts the pipelines that write to a data store.
func (f *flow) writersOf(datastore string) (n int) {
	for _, r := range f.pipelines {
		if strings.EqualFold(r.datastore.Name, datastore) {
			n++
		}
	}
	return n
}
