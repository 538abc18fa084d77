package lambdaanalytics

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// ErrPipelines: several pipelines read the channel. A record of Firehose stays
// one.
var ErrPipelines = fmt.Errorf("lambdaanalytics: several pipelines of a channel: %w", iotenant.ErrInvalid)

// Definitions are where tenants have their pipelines. An
// *analytics.Definitions is one.
type Definitions interface {
	All(ctx context.Context, id tenant.ID, kind pipeline.Resource) iter.Seq2[analytics.Definition, error]
}

// DefinedOptions are the options of [DefinedPipelines].
type DefinedOptions struct {
	// Pipeline is how definitions are loaded and pipelines are run.
	Pipeline pipeline.Options
	// RefreshAfter is how long the pipelines of a tenant are used before their
	// definitions are read again. Default 5 s.
	RefreshAfter time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger is told of stored definitions that do not load. Default: silent.
	Logger *slog.Logger
}

// DefinedPipelines are the pipelines that tenants have defined, for
// [NewTransformer]. Errors: analytics.ErrNoDefinition if none reads the
// channel, [ErrPipelines], those of definitions.
func DefinedPipelines(definitions Definitions, optFns ...func(*DefinedOptions)) Pipelines {
	options := DefinedOptions{RefreshAfter: 5 * time.Second, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	d := &defined{definitions: definitions, options: options, known: map[tenant.ID]*pipelines{}}
	return d.find
}

type defined struct {
	definitions Definitions
	options     DefinedOptions

	mu    sync.Mutex
	known map[tenant.ID]*pipelines
}

// tenantsKept bounds the number of tenants whose pipelines are held in memory.
const tenantsKept = 10_000

// pipelines are those of one tenant. They do not change.
type pipelines struct {
	until    time.Time
	byName   map[string]versioned
	channels map[string]choice // by names in lower case
}

// versioned is a definition that was loaded. One that does not load has no
// pipeline.
type versioned struct {
	version  int
	pipeline *pipeline.Pipeline
}

// choice is the pipeline of a channel, or why there is none.
type choice struct {
	pipeline *pipeline.Pipeline
	err      error
}

func (d *defined) find(ctx context.Context, id tenant.ID, channel string) (*pipeline.Pipeline, error) {
	d.mu.Lock()
	known, now := d.known[id], d.options.Now()
	d.mu.Unlock()
	if known == nil || !now.Before(known.until) {
		fresh, err := d.read(ctx, id, known)
		if err != nil {
			return nil, err
		}
		fresh.until = now.Add(d.options.RefreshAfter)
		d.keep(id, fresh)
		known = fresh
	}
	chosen, ok := known.channels[strings.ToLower(channel)]
	if !ok {
		return nil, fmt.Errorf("%w: none reads the channel %.128q", analytics.ErrNoDefinition, channel)
	}
	return chosen.pipeline, chosen.err
}

func (d *defined) keep(id tenant.ID, fresh *pipelines) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) >= tenantsKept {
		clear(d.known)
	}
	d.known[id] = fresh
}

// read loads what changed since known, which may be nil.
func (d *defined) read(ctx context.Context, id tenant.ID, known *pipelines) (*pipelines, error) {
	fresh := &pipelines{byName: map[string]versioned{}, channels: map[string]choice{}}
	for definition, err := range d.definitions.All(ctx, id, pipeline.ResourcePipeline) {
		if err != nil {
			return nil, err
		}
		name := strings.ToLower(definition.Name)
		loaded, version := versioned{}, definition.Version
		if known != nil {
			loaded = known.byName[name]
		}
		if loaded.version != version {
			loaded = versioned{version, d.load(ctx, id, &definition)}
		}
		fresh.byName[name] = loaded
		if loaded.pipeline != nil {
			fresh.add(loaded.pipeline)
		}
	}
	return fresh, nil
}

func (d *defined) load(ctx context.Context, id tenant.ID, definition *analytics.Definition) *pipeline.Pipeline {
	p, err := pipeline.Load(definition.Definition, func(o *pipeline.Options) { *o = d.options.Pipeline })
	if err != nil {
		d.options.Logger.ErrorContext(ctx, "stored definition does not load",
			"tenant", id.String(), "pipeline", definition.Name, "version", definition.Version, "error", err)
		return nil
	}
	return p
}

func (p *pipelines) add(next *pipeline.Pipeline) {
	channel := strings.ToLower(next.Channel())
	if _, taken := p.channels[channel]; taken {
		p.channels[channel] = choice{err: fmt.Errorf("%w: %s", ErrPipelines, next.Channel())}
		return
	}
	p.channels[channel] = choice{pipeline: next}
}
