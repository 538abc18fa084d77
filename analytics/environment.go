package analytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Functions are what lambda activities of tenants call.
type Functions interface {
	// Invoke calls the function that the tenant knows by this name, see
	// pipeline.Functions.
	Invoke(ctx context.Context, id tenant.ID, name string, event []byte) ([]byte, error)
}

// FunctionMap are [Functions] of the program, by the name that lambda activities
// have of them. The error of a name that is not there is of kind
// iotenant.ErrNotFound.
type FunctionMap map[string]func(ctx context.Context, id tenant.ID, event []byte) ([]byte, error)

// Invoke calls the function of the name.
func (m FunctionMap) Invoke(ctx context.Context, id tenant.ID, name string, event []byte) ([]byte, error) {
	function := m[name]
	if function == nil {
		return nil, fmt.Errorf("analytics: function %q %w", name, iotenant.ErrNotFound)
	}
	return function(ctx, id, event)
}

// Things are what deviceRegistryEnrich asks. A *device.Registry is one.
type Things interface {
	Get(ctx context.Context, id tenant.ID, thing device.ID) (tenant.Item[device.Thing], error)
}

// ThingShadows are what deviceShadowEnrich asks.
type ThingShadows interface {
	// ThingShadow returns the document of the classic shadow of a thing. The
	// error is of kind iotenant.ErrNotFound if there is none.
	ThingShadow(ctx context.Context, id tenant.ID, thing device.ID) ([]byte, error)
}

// ThingShadowsFunc is a function that is [ThingShadows]:
//
//	analytics.ThingShadowsFunc(func(ctx context.Context, id tenant.ID, thing device.ID) ([]byte, error) {
//		return shadows.Get(ctx, id, thing, shadow.Name{})
//	})
type ThingShadowsFunc func(ctx context.Context, id tenant.ID, thing device.ID) ([]byte, error)

// ThingShadow calls the function.
func (f ThingShadowsFunc) ThingShadow(ctx context.Context, id tenant.ID, thing device.ID) ([]byte, error) {
	return f(ctx, id, thing)
}

// EnvironmentsOptions are the options of [NewEnvironments]. What is nil is not
// there for pipelines.
type EnvironmentsOptions struct {
	Functions Functions
	Things    Things
	Shadows   ThingShadows
	// RegistryAge and ShadowAge are how long answers are used. Defaults:
	// pipeline.DefaultRegistryAge and pipeline.DefaultShadowAge; negative: not
	// at all.
	RegistryAge time.Duration
	ShadowAge   time.Duration
	// CacheSize is how many things of a tenant are remembered. Default:
	// pipeline.DefaultCacheSize.
	CacheSize int
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Environments bind what pipelines call to their tenant. They may be used
// concurrently.
type Environments struct {
	options EnvironmentsOptions

	mu sync.Mutex
	// recent are those used of late, and before those used before them, which
	// make room for others.
	recent, before map[tenant.ID]*pipeline.Environment
}

// environmentsKept is the number of tenants whose caches are surely held in
// memory; at most, there are twice as many.
const environmentsKept = 1_000

// NewEnvironments returns environments. Give their method Of to
// IngestOptions.Environment.
func NewEnvironments(optFns ...func(*EnvironmentsOptions)) *Environments {
	options := EnvironmentsOptions{
		RegistryAge: pipeline.DefaultRegistryAge, ShadowAge: pipeline.DefaultShadowAge, CacheSize: pipeline.DefaultCacheSize, Now: time.Now,
	}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Environments{options: options, recent: map[tenant.ID]*pipeline.Environment{}}
}

// Of returns the environment of a tenant. Error: tenant.ErrID.
func (e *Environments) Of(_ context.Context, id tenant.ID) (*pipeline.Environment, error) {
	if err := checkTenant(id); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	env := e.recent[id]
	if env != nil {
		return env, nil
	}
	if len(e.recent) >= environmentsKept {
		e.recent, e.before = make(map[tenant.ID]*pipeline.Environment, environmentsKept), e.recent
	}
	if env = e.before[id]; env == nil {
		env = e.bind(id)
	}
	e.recent[id] = env
	return env, nil
}

func (e *Environments) bind(id tenant.ID) *pipeline.Environment {
	env := &pipeline.Environment{}
	if e.options.Functions != nil {
		env.Functions = boundFunctions{e.options.Functions, id}
	}
	if e.options.Things != nil {
		env.Registry = pipeline.NewRegistryCache(boundThings{e.options.Things, id}, e.cache(e.options.RegistryAge))
	}
	if e.options.Shadows != nil {
		env.Shadows = pipeline.NewShadowCache(boundShadows{e.options.Shadows, id}, e.cache(e.options.ShadowAge))
	}
	return env
}

func (e *Environments) cache(age time.Duration) func(*pipeline.CacheOptions) {
	return func(o *pipeline.CacheOptions) { o.MaxAge, o.Size, o.Now = age, e.options.CacheSize, e.options.Now }
}

type boundFunctions struct {
	functions Functions
	id        tenant.ID
}

func (b boundFunctions) Invoke(ctx context.Context, name string, event []byte) ([]byte, error) {
	return b.functions.Invoke(ctx, b.id, name, event)
}

type boundThings struct {
	things Things
	id     tenant.ID
}

// described is the answer of DescribeThing, as far as a device.Thing has it.
type described struct {
	DefaultClientID string            `json:"defaultClientId"`
	ThingName       string            `json:"thingName"`
	ThingTypeName   string            `json:"thingTypeName,omitempty"`
	Attributes      map[string]string `json:"attributes,omitempty"`
	Version         tenant.Version    `json:"version"`
}

func (b boundThings) DescribeThing(ctx context.Context, name string) ([]byte, error) {
	thing, err := thingNamed(name)
	if err != nil {
		return nil, err
	}
	item, err := b.things.Get(ctx, b.id, thing)
	if err != nil {
		return nil, err
	}
	return json.Marshal(described{
		DefaultClientID: device.ThingName(b.id, thing), ThingName: thing.String(),
		ThingTypeName: item.Value.Type, Attributes: item.Value.Attributes, Version: item.Version,
	})
}

type boundShadows struct {
	shadows ThingShadows
	id      tenant.ID
}

func (b boundShadows) ThingShadow(ctx context.Context, name string) ([]byte, error) {
	thing, err := thingNamed(name)
	if err != nil {
		return nil, err
	}
	return b.shadows.ThingShadow(ctx, b.id, thing)
}

// thingNamed reads the id of a thing. What can't be one is not there.
func thingNamed(name string) (device.ID, error) {
	thing, err := device.ParseID(name)
	if err != nil {
		return device.ID{}, fmt.Errorf("analytics: thing %w", iotenant.ErrNotFound)
	}
	return thing, nil
}

// environment returns the environment of a tenant, with calls that are bounded.
func (n *Ingest) environment(ctx context.Context, id tenant.ID) (*pipeline.Environment, error) {
	env, err := n.options.Environment(ctx, id)
	if err != nil || env == nil || env.Functions == nil {
		return env, err
	}
	bounded := *env
	bounded.Functions = boundedFunctions{env.Functions, n.options.FunctionTimeout}
	return &bounded, nil
}

// boundedFunctions ends calls that take too long, and contains panics.
type boundedFunctions struct {
	functions pipeline.Functions
	timeout   time.Duration
}

var errFunctionPanic = errors.New("analytics: function panicked")

func (b boundedFunctions) Invoke(ctx context.Context, name string, event []byte) (answer []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			answer, err = nil, fmt.Errorf("%w: %v", errFunctionPanic, cause)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	return b.functions.Invoke(ctx, name, event)
}
