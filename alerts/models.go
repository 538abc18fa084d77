package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// ModelsOptions are the options of [NewModels].
type ModelsOptions struct {
	// Detector is how models are loaded and run. Version is ignored.
	Detector detector.Options
	// RefreshAfter is how long loaded models are used before they are read
	// again, and so how long another process may go on with a version that
	// was replaced. In the process that replaces, it takes effect at once.
	// Default 5 s; negative means every use reads.
	RefreshAfter time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger is told of stored models that do not load. Default: silent.
	Logger *slog.Logger
}

// Models are the detector models of all tenants. It may be used concurrently.
type Models struct {
	models    tenant.Repository[Model]
	detectors tenant.Repository[DetectorRecord]
	options   ModelsOptions

	mu     sync.Mutex
	routes map[tenant.ID]*routeSlot
}

// routesKept bounds the number of tenants whose models are held in memory.
const routesKept = 10_000

// NewModels returns the models kept in a repository made with [ModelSchema].
// Their detectors are kept in one made with [DetectorSchema].
func NewModels(models tenant.Repository[Model], detectors tenant.Repository[DetectorRecord], optFns ...func(*ModelsOptions)) *Models {
	options := ModelsOptions{RefreshAfter: 5 * time.Second, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Models{models: models, detectors: detectors, options: options, routes: map[tenant.ID]*routeSlot{}}
}

// PutOptions are the options of [Models.Put].
type PutOptions struct {
	// Name is the model's name. It is needed if the definition holds none, and
	// else must be the same.
	Name string
	// Disabled stores the model without running it.
	Disabled bool
	// Keep goes on with the detectors of the version before, where the new
	// one still has their state. Default: they are reset, as AWS IoT Events
	// does.
	Keep bool
}

// Put checks a definition and makes it the current version of its model, which
// it creates if need be. The switch is atomic: each message is evaluated by
// the old version or the new one, and by the new one with a new detector
// unless PutOptions.Keep is set. Timers of the old version do not fire, what
// it decided before is delivered. Putting what is current already changes
// nothing, so that a program may put its models at every start. Errors:
// [ErrModel], tenant.ErrID, tenant.ErrTooLarge.
func (m *Models) Put(ctx context.Context, id tenant.ID, definition []byte, optFns ...func(*PutOptions)) (Model, error) {
	var options PutOptions
	for _, fn := range optFns {
		fn(&options)
	}
	next, err := m.newModel(definition, options)
	if err != nil {
		return Model{}, fmt.Errorf("alerts: put model: %w", err)
	}
	stored, err := m.store(ctx, id, next, options.Keep)
	if err != nil {
		return Model{}, fmt.Errorf("alerts: put model %s: %w", next.Name, err)
	}
	return stored, nil
}

// newModel checks everything that a stored model must satisfy.
func (m *Models) newModel(definition []byte, options PutOptions) (Model, error) {
	engine, err := load(definition, 1, m.options.Detector)
	if err != nil {
		return Model{}, err
	}
	name := engine.Name()
	switch {
	case name == "":
		name = options.Name
		definition, err = withName(definition, name)
	case options.Name != "" && options.Name != name:
		err = fmt.Errorf("%w: the definition's name is %q, not %q", ErrModel, name, options.Name)
	}
	if err != nil {
		return Model{}, err
	}
	if err := checkModelName(name); err != nil {
		return Model{}, err
	}
	var compact, text bytes.Buffer
	if err := json.Compact(&compact, definition); err != nil {
		return Model{}, fmt.Errorf("%w: %w", ErrModel, err)
	}
	json.HTMLEscape(&text, compact.Bytes()) // as it comes back from a repository
	return Model{Name: name, Definition: text.Bytes(), Disabled: options.Disabled}, nil
}

// store writes next as the version after the current one, unless it is the
// same.
func (m *Models) store(ctx context.Context, id tenant.ID, next Model, keep bool) (Model, error) {
	defer m.forget(id)
	now := m.options.Now().UTC().Truncate(time.Millisecond)
	next.Version, next.KeepFrom, next.CreatedAt, next.UpdatedAt = 1, 1, now, now
	_, err := m.models.Put(ctx, id, next, tenant.IfAbsent())
	if err == nil || !errors.Is(err, tenant.ErrExists) {
		return next, err
	}
	item, err := tenant.Update(ctx, m.models, id, tenant.NewKey(next.Name), func(current *Model) error {
		if !current.sameAs(&next) {
			*current = next.after(current, keep)
		}
		return nil
	})
	return item.Value, err
}

// Get returns a model. Errors: tenant.ErrNotFound, tenant.ErrID,
// tenant.ErrKey.
func (m *Models) Get(ctx context.Context, id tenant.ID, name string) (Model, error) {
	item, err := m.models.Get(ctx, id, tenant.NewKey(name), tenant.Consistent)
	if err == nil && item.Value.Deleted {
		err = tenant.ErrNotFound
	}
	if err != nil {
		return Model{}, fmt.Errorf("alerts: get model: %w", err)
	}
	return item.Value, nil
}

// List returns the models of a tenant in the order of their names. It ends
// after the first error.
func (m *Models) List(ctx context.Context, id tenant.ID) iter.Seq2[Model, error] {
	return func(yield func(Model, error) bool) {
		for item, err := range tenant.All(ctx, m.models, id, tenant.Query{Consistent: true}) {
			if item.Value.Deleted {
				continue
			}
			if !yield(item.Value, err) {
				return
			}
		}
	}
}

// Delete removes a model and its detectors. What they decided before is
// delivered. If it fails, call it again. Errors: tenant.ErrNotFound if there
// never was such a model, tenant.ErrID, tenant.ErrKey.
func (m *Models) Delete(ctx context.Context, id tenant.ID, name string) error {
	defer m.forget(id)
	_, err := tenant.Update(ctx, m.models, id, tenant.NewKey(name), func(current *Model) error {
		if !current.Deleted {
			now := m.options.Now().UTC().Truncate(time.Millisecond)
			*current = Model{Name: name, Version: current.Version + 1, CreatedAt: current.CreatedAt, UpdatedAt: now, Deleted: true}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("alerts: delete model: %w", err)
	}
	for item, err := range tenant.All(ctx, m.detectors, id, tenant.Query{Prefix: tenant.NewKey(name), Consistent: true}) {
		if err != nil {
			return fmt.Errorf("alerts: delete model: detectors: %w", err)
		}
		if err := m.deleteDetector(ctx, id, &item); err != nil {
			return fmt.Errorf("alerts: delete model: detector: %w", err)
		}
	}
	return nil
}

// deleteDetector leaves a detector with actions to the runtime, which hands
// them over and then removes it; so it does with one that was written since.
func (m *Models) deleteDetector(ctx context.Context, id tenant.ID, item *tenant.Item[DetectorRecord]) error {
	if len(item.Value.outbox) > 0 {
		return nil
	}
	err := m.detectors.Delete(ctx, id, item.Value.itemKey(), tenant.IfVersion(item.Version))
	if errors.Is(err, tenant.ErrVersion) {
		return nil
	}
	return err
}
