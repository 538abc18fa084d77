package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/internal/jsonscan"
)

// Environment is what a pipeline reaches outside of it. It acts for one tenant:
// whoever makes it binds its members to that tenant, so that no definition can
// name another one's things or functions.
type Environment struct {
	Functions Functions
	Registry  Registry
	Shadows   Shadows
}

// Functions are what lambda activities call: AWS Lambda, or functions of the
// program.
type Functions interface {
	// Invoke calls the function of this name with an event, which is an array
	// in JSON of the messages; a payload that is no JSON object stands in it
	// as a string, in Base64. It returns an array of objects in JSON. The event
	// belongs to the function, which may return it, and the answer to the
	// caller. An error of kind
	// iotenant.ErrNotFound or ErrDenied is final, any other is tried again.
	Invoke(ctx context.Context, name string, event []byte) ([]byte, error)
}

// Registry is what deviceRegistryEnrich asks.
type Registry interface {
	// DescribeThing returns the answer of DescribeThing of AWS IoT in JSON:
	// defaultClientId, thingName, thingId, thingArn, thingTypeName, attributes,
	// version; what a thing lacks is absent. The answer is not changed by
	// anybody. The error is of kind iotenant.ErrNotFound if there is no such
	// thing, and of kind ErrUnavailable if it is worth another try.
	DescribeThing(ctx context.Context, thing string) ([]byte, error)
}

// Shadows is what deviceShadowEnrich asks.
type Shadows interface {
	// ThingShadow returns the document of the classic shadow in JSON, as
	// GetThingShadow of AWS IoT does: state, metadata, timestamp, version. The
	// answer is not changed by anybody. Errors are as those of a [Registry].
	ThingShadow(ctx context.Context, thing string) ([]byte, error)
}

// enrich is deviceRegistryEnrich or deviceShadowEnrich.
type enrich struct {
	registry  bool
	attribute attribute
	thing     *path
}

func (e *enrich) apply(ctx context.Context, r *run, d *document) bool {
	reason, err := e.add(ctx, r, d)
	if reason == "" {
		return true
	}
	r.note(d, reason, err)
	return !r.semantics.ErrorDrops
}

// add writes the attribute, or tells why not.
func (e *enrich) add(ctx context.Context, r *run, d *document) (Reason, error) {
	thing := e.thingName(r, d)
	if thing == "" {
		return ThingMissing, nil
	}
	answer, err := e.ask(ctx, r, thing)
	switch {
	case errors.Is(err, iotenant.ErrNotFound):
		return ThingNotFound, err
	case err != nil:
		return EnrichFailed, err
	}
	start := jsonscan.Space(answer, 0)
	end := jsonscan.Value(answer, start, r.maxDepth-1)
	if end < 0 || answer[start] != '{' || jsonscan.Space(answer, end) != len(answer) {
		return EnrichFailed, fmt.Errorf("%w: want an object", ErrAnswer)
	}
	raw := answer[start:end]
	if e.registry && !r.semantics.KeepBillingGroup {
		raw = r.without(raw, billingGroup)
	}
	d.put(r.find(d, &e.attribute), member{name: e.attribute.name, raw: raw, quoted: e.attribute.quoted, nested: true})
	return "", nil
}

var billingGroup = []segment{{name: []byte("billingGroupName")}}

func (e *enrich) thingName(r *run, d *document) string {
	raw := r.lookup(d, e.thing)
	if raw == nil && r.semantics.LiteralThings {
		return string(e.thing.whole.name)
	}
	if raw == nil || raw[0] != '"' {
		return ""
	}
	r.scratch = r.scratch[:0]
	return string(r.unquote(raw))
}

func (e *enrich) ask(ctx context.Context, r *run, thing string) (answer []byte, err error) {
	ask := r.env.ask(e.registry)
	if ask == nil {
		if e.registry {
			return nil, fmt.Errorf("%w: it has no registry", ErrEnvironment)
		}
		return nil, fmt.Errorf("%w: it has no shadows", ErrEnvironment)
	}
	for try := 0; ; try++ {
		answer, err = ask(ctx, thing)
		if !errors.Is(err, iotenant.ErrUnavailable) || try >= r.options.Retries || ctx.Err() != nil {
			return answer, err
		}
	}
}

func (env *Environment) ask(registry bool) func(context.Context, string) ([]byte, error) {
	switch {
	case env == nil:
	case registry && env.Registry != nil:
		return env.Registry.DescribeThing
	case !registry && env.Shadows != nil:
		return env.Shadows.ThingShadow
	}
	return nil
}
