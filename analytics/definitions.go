package analytics

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

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Quotas are how many of each kind a tenant may have. 0 means the default of the
// service, a negative number that there is no limit. They are checked when
// something is created; of calls at the same time each may see the others or
// not. For an exact limit, give [NewDefinitions] a repository that enforces the
// tenant's plan.
type Quotas struct {
	Channels   int // default 50
	Datastores int // default 25
	Pipelines  int // default 100
	Datasets   int // default 100
}

func (q *Quotas) of(kind pipeline.Resource) int {
	var set, usual int
	switch kind {
	case pipeline.ResourceChannel:
		set, usual = q.Channels, 50
	case pipeline.ResourceDatastore:
		set, usual = q.Datastores, 25
	case pipeline.ResourcePipeline:
		set, usual = q.Pipelines, 100
	default:
		set, usual = q.Datasets, 100
	}
	if set == 0 {
		return usual
	}
	return set
}

// DefinitionsOptions are the options of [NewDefinitions].
type DefinitionsOptions struct {
	// Pipeline is how definitions are loaded and pipelines are run. HasChannel
	// and HasDatastore are ignored.
	Pipeline pipeline.Options
	// Quotas limit what a tenant may have. Default: those of the service.
	Quotas Quotas
	// RefreshAfter is how long loaded definitions are used before they are read
	// again, and so how long another process may go on with a version that
	// was replaced. In the process that replaces, it takes effect at once.
	// Default 5 s; negative means every use reads.
	RefreshAfter time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger is told of stored definitions that do not load. Default: silent.
	Logger *slog.Logger
}

// Definitions are the channels, pipelines, data stores and data sets of all
// tenants. It may be used concurrently.
type Definitions struct {
	repository tenant.Repository[Definition]
	lake       Lake
	options    DefinitionsOptions

	mu    sync.Mutex
	flows map[tenant.ID]*flowSlot
}

// NewDefinitions returns the definitions kept in a repository made with
// [DefinitionSchema]. The tables of channels and data stores are declared in
// lake.
func NewDefinitions(repository tenant.Repository[Definition], lake Lake, optFns ...func(*DefinitionsOptions)) *Definitions {
	options := DefinitionsOptions{RefreshAfter: 5 * time.Second, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	options.Pipeline.HasChannel, options.Pipeline.HasDatastore = nil, nil
	return &Definitions{repository: repository, lake: lake, options: options, flows: map[tenant.ID]*flowSlot{}}
}

// DefineOptions are the options of [Definitions.Put].
type DefineOptions struct {
	// Kind refuses the definition of something else. Default: any kind.
	Kind pipeline.Resource
	// Name is the name of a pipeline. It is needed if the definition holds none,
	// and else must be the same.
	Name string
	// New refuses a definition of a name that is there, with [ErrDefined].
	New bool
}

// Put checks the definition of a channel, pipeline, data store or data set, and
// makes it the current version, which it creates if need be. What it is, its
// members tell; the forms are those of pipeline.Check. Putting what is current
// already changes nothing, so that a program may put its definitions at every
// start.
//
// A channel or data store can be written to when Put returns. The retention
// of both can be changed, and columns can be added to those of Parquet; what
// else can't be changed is [ErrTable]. A pipeline needs its channel and its
// data store. It is switched atomically: each batch of messages goes through
// the old version or the new one.
//
// Errors: [ErrDefinition], [ErrDefined], [ErrTable], [ErrQuota], tenant.ErrID,
// tenant.ErrTooLarge.
func (d *Definitions) Put(ctx context.Context, id tenant.ID, definition []byte, optFns ...func(*DefineOptions)) (Definition, error) {
	var options DefineOptions
	for _, fn := range optFns {
		fn(&options)
	}
	if err := checkTenant(id); err != nil {
		return Definition{}, fmt.Errorf("analytics: put definition: %w", err)
	}
	next, err := d.read(definition, options)
	if err != nil {
		return Definition{}, fmt.Errorf("analytics: put definition: %w", err)
	}
	stored, err := d.store(ctx, id, next, options.New)
	if err != nil {
		return Definition{}, fmt.Errorf("analytics: put %s %s: %w", next.definition.Kind, next.definition.Name, err)
	}
	return stored, nil
}

// read checks everything in a definition that does not depend on others.
func (d *Definitions) read(definition []byte, options DefineOptions) (loaded, error) {
	kind, findings := pipeline.Check(definition)
	if kind == "" {
		return loaded{}, fmt.Errorf("%w: %w", ErrDefinition, &pipeline.DefinitionError{Findings: findings})
	}
	if options.Kind != "" && kind != options.Kind {
		return loaded{}, fmt.Errorf("%w: want the definition of a %s, got that of a %s", ErrDefinition, options.Kind, kind)
	}
	next, err := load(kind, definition, d.options.Pipeline)
	if err != nil {
		return loaded{}, fmt.Errorf("%w: %w", ErrDefinition, err)
	}
	switch name := next.definition.Name; {
	case options.Name != "" && name == "" && kind == pipeline.ResourcePipeline:
		next.definition.Name = options.Name
	case options.Name != "" && options.Name != name:
		return loaded{}, fmt.Errorf("%w: the definition's name is %q, not %q", ErrDefinition, name, options.Name)
	}
	if err := checkName(next.definition.Name); err != nil {
		return loaded{}, err
	}
	var compact, text bytes.Buffer
	if err := json.Compact(&compact, definition); err != nil {
		return loaded{}, fmt.Errorf("%w: %w", ErrDefinition, err)
	}
	json.HTMLEscape(&text, compact.Bytes()) // as it comes back from a repository
	next.definition.Definition = text.Bytes()
	return next, nil
}

// storeRounds bounds how often a Put looks again because others wrote.
const storeRounds = 20

// store writes next as the version after the current one, unless it is the
// same.
func (d *Definitions) store(ctx context.Context, id tenant.ID, next loaded, isNew bool) (Definition, error) {
	defer d.forget(id)
	for range storeRounds {
		stored, err := d.tryStore(ctx, id, next, isNew)
		if !errors.Is(err, tenant.ErrExists) && !errors.Is(err, tenant.ErrVersion) {
			return stored, err
		}
	}
	return Definition{}, tenant.ErrVersion
}

func (d *Definitions) tryStore(ctx context.Context, id tenant.ID, next loaded, isNew bool) (Definition, error) {
	current, cond, err := d.current(ctx, id, next.definition.Kind, next.definition.Name)
	if err != nil {
		return Definition{}, err
	}
	if isNew && !current.Deleted {
		return Definition{}, ErrDefined
	}
	if err := d.admit(ctx, id, &next, &current); err != nil {
		return Definition{}, err
	}
	if table, ok := next.table(); ok {
		if current.Purge {
			if err := d.purge(ctx, id, table.TableID); err != nil {
				return Definition{}, err
			}
		}
		if err := d.lake.Declare(ctx, id, table); err != nil {
			return Definition{}, err
		}
	}
	if current.sameAs(&next.definition) {
		return current, nil
	}
	now := d.options.Now().UTC().Truncate(time.Millisecond)
	value := next.definition
	value.CreatedAt, value.UpdatedAt = now, now
	value = value.after(&current)
	if _, err := d.repository.Put(ctx, id, value, cond); err != nil {
		return Definition{}, err
	}
	return value, nil
}

// current returns the stored definition, one that counts as deleted if there is
// none, and the condition that nobody has written since.
func (d *Definitions) current(ctx context.Context, id tenant.ID, kind pipeline.Resource, name string) (Definition, tenant.Condition, error) {
	item, err := d.repository.Get(ctx, id, definitionKey(kind, name), tenant.Consistent)
	if errors.Is(err, tenant.ErrNotFound) {
		return Definition{Deleted: true}, tenant.IfAbsent(), nil
	}
	return item.Value, tenant.IfVersion(item.Version), err
}

// admit checks what a definition needs of others.
func (d *Definitions) admit(ctx context.Context, id tenant.ID, next *loaded, current *Definition) error {
	if next.pipeline != nil {
		if err := d.checkEnds(ctx, id, next.pipeline); err != nil {
			return err
		}
	}
	limit := d.options.Quotas.of(next.definition.Kind)
	if !current.Deleted || limit < 0 {
		return nil
	}
	n := 0
	for _, err := range d.All(ctx, id, next.definition.Kind) {
		if err != nil {
			return err
		}
		if n++; n >= limit {
			return fmt.Errorf("%w: %d of kind %s", ErrQuota, limit, next.definition.Kind)
		}
	}
	return nil
}

// checkEnds checks that the channel and the data store of a pipeline exist.
func (d *Definitions) checkEnds(ctx context.Context, id tenant.ID, p *pipeline.Pipeline) error {
	for _, end := range []struct {
		kind pipeline.Resource
		name string
	}{{pipeline.ResourceChannel, p.Channel()}, {pipeline.ResourceDatastore, p.Datastore()}} {
		_, err := d.Get(ctx, id, end.kind, end.name)
		if errors.Is(err, ErrNoDefinition) {
			return fmt.Errorf("%w: there is no %s %q", ErrDefinition, end.kind, end.name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Get returns a definition, whatever the case of its name. Errors:
// [ErrNoDefinition], tenant.ErrID.
func (d *Definitions) Get(ctx context.Context, id tenant.ID, kind pipeline.Resource, name string) (Definition, error) {
	if err := checkTenant(id); err != nil {
		return Definition{}, fmt.Errorf("analytics: get definition: %w", err)
	}
	if checkName(name) != nil {
		return Definition{}, noDefinition(kind, name)
	}
	current, _, err := d.current(ctx, id, kind, name)
	switch {
	case err != nil:
		return Definition{}, fmt.Errorf("analytics: get definition: %w", err)
	case current.Deleted:
		return Definition{}, noDefinition(kind, name)
	}
	return current, nil
}

func noDefinition(kind pipeline.Resource, name string) error {
	return fmt.Errorf("%w: %s %.128q", ErrNoDefinition, kind, name)
}

// List returns one page of the definitions of a kind, in the order of their
// names in lower case: at most limit of them, 1 to tenant.MaxLimit, or 0 for
// tenant.DefaultLimit. A page may be shorter, even empty, and still have a next
// one. Errors: tenant.ErrID, tenant.ErrQuery, tenant.ErrCursor.
func (d *Definitions) List(ctx context.Context, id tenant.ID, kind pipeline.Resource, limit int, cursor tenant.Cursor) (Page[Definition], error) {
	page, err := d.repository.Query(ctx, id, tenant.Query{Prefix: tenant.NewKey(string(kind)), Limit: limit, Cursor: cursor, Consistent: true})
	if err != nil {
		return Page[Definition]{}, fmt.Errorf("analytics: list definitions: %w", err)
	}
	list := Page[Definition]{Next: page.Next}
	for i := range page.Items {
		if !page.Items[i].Value.Deleted {
			list.Items = append(list.Items, page.Items[i].Value)
		}
	}
	return list, nil
}

// All returns all definitions of a kind, in the order of List. It ends after the
// first error.
func (d *Definitions) All(ctx context.Context, id tenant.ID, kind pipeline.Resource) iter.Seq2[Definition, error] {
	return d.all(ctx, id, tenant.Query{Prefix: tenant.NewKey(string(kind)), Consistent: true})
}

func (d *Definitions) all(ctx context.Context, id tenant.ID, query tenant.Query) iter.Seq2[Definition, error] {
	return func(yield func(Definition, error) bool) {
		for item, err := range tenant.All(ctx, d.repository, id, query) {
			if err != nil {
				yield(Definition{}, fmt.Errorf("analytics: list definitions: %w", err))
				return
			}
			if !item.Value.Deleted && !yield(item.Value, nil) {
				return
			}
		}
	}
}

// DeleteOptions are the options of [Definitions.Delete].
type DeleteOptions struct {
	// Data deletes what the channel or data store holds, for good. Default: it
	// is kept, and there again when the same name is put alike.
	Data bool
}

// Delete removes a definition. A channel or data store that a pipeline uses is
// not removed. What is in it stays, unless DeleteOptions.Data is set. If it
// fails, call it again. Errors: [ErrNoDefinition] if there never was one,
// [ErrInUse], tenant.ErrID.
func (d *Definitions) Delete(ctx context.Context, id tenant.ID, kind pipeline.Resource, name string, optFns ...func(*DeleteOptions)) error {
	var options DeleteOptions
	for _, fn := range optFns {
		fn(&options)
	}
	if err := checkTenant(id); err != nil {
		return fmt.Errorf("analytics: delete definition: %w", err)
	}
	if checkName(name) != nil {
		return noDefinition(kind, name)
	}
	if err := d.delete(ctx, id, kind, name, options.Data); err != nil {
		return fmt.Errorf("analytics: delete %s %s: %w", kind, name, err)
	}
	return nil
}

func (d *Definitions) delete(ctx context.Context, id tenant.ID, kind pipeline.Resource, name string, data bool) error {
	defer d.forget(id)
	if err := d.checkUnused(ctx, id, kind, name); err != nil {
		return err
	}
	table := TableID{TableKind(kind), name}
	data = data && (kind == pipeline.ResourceChannel || kind == pipeline.ResourceDatastore)
	item, err := tenant.Update(ctx, d.repository, id, definitionKey(kind, name), func(current *Definition) error {
		if !current.Deleted {
			now := d.options.Now().UTC().Truncate(time.Millisecond)
			*current = Definition{
				Kind: kind, Name: current.Name, Version: current.Version + 1,
				CreatedAt: current.CreatedAt, UpdatedAt: now, Deleted: true,
			}
		}
		current.Purge = current.Purge || data
		return nil
	})
	if errors.Is(err, tenant.ErrNotFound) {
		return ErrNoDefinition
	}
	if err != nil || !item.Value.Purge {
		return err
	}
	if err := d.purge(ctx, id, table); err != nil {
		return err
	}
	item.Value.Purge = false
	if _, err := d.repository.Put(ctx, id, item.Value, tenant.IfVersion(item.Version)); !errors.Is(err, tenant.ErrVersion) {
		return err
	}
	return nil // somebody put it again, or deletes it too
}

// declare declares a table as it is defined: the lake lost it, or never had it.
// Error: [ErrNoTable] if there is no such definition.
func (d *Definitions) declare(ctx context.Context, id tenant.ID, table TableID) error {
	current, err := d.Get(ctx, id, pipeline.Resource(table.Kind), table.Name)
	if errors.Is(err, ErrNoDefinition) {
		d.forget(id)
		return ErrNoTable
	}
	if err != nil {
		return err
	}
	l, err := load(current.Kind, current.Definition, d.options.Pipeline)
	if err != nil {
		return err
	}
	declared, _ := l.table()
	return d.lake.Declare(ctx, id, declared)
}

// purge deletes a table with all that is in it.
func (d *Definitions) purge(ctx context.Context, id tenant.ID, table TableID) error {
	err := d.lake.Delete(ctx, id, table, Deletion{Table: true})
	if errors.Is(err, ErrNoTable) {
		return nil
	}
	return err
}

// DeleteThings deletes for good what things sent, from all channels and data
// stores, also those whose definition was removed. What comes from them
// meanwhile may stay, and so do the results of data sets. If it fails, call it
// again. Errors: tenant.ErrID, [ErrQuery] without things or with a zero one,
// those of the lake.
func (d *Definitions) DeleteThings(ctx context.Context, id tenant.ID, things ...device.ID) error {
	if err := checkTenant(id); err != nil {
		return fmt.Errorf("analytics: delete things: %w", err)
	}
	if len(things) == 0 {
		return fmt.Errorf("analytics: delete things: %w: there are none", ErrQuery)
	}
	for _, kind := range []pipeline.Resource{pipeline.ResourceChannel, pipeline.ResourceDatastore} {
		for item, err := range tenant.All(ctx, d.repository, id, tenant.Query{Prefix: tenant.NewKey(string(kind)), Consistent: true}) {
			if err == nil {
				err = d.lake.Delete(ctx, id, TableID{TableKind(kind), item.Value.Name}, Deletion{Things: things})
			}
			if err != nil && !errors.Is(err, ErrNoTable) {
				return fmt.Errorf("analytics: delete things: %w", err)
			}
		}
	}
	return nil
}

// checkUnused refuses what a pipeline refers to.
func (d *Definitions) checkUnused(ctx context.Context, id tenant.ID, kind pipeline.Resource, name string) error {
	if kind != pipeline.ResourceChannel && kind != pipeline.ResourceDatastore {
		return nil
	}
	flow, err := d.readFlow(ctx, id, nil)
	if err != nil {
		return err
	}
	if user := flow.userOf(kind, name); user != "" {
		return fmt.Errorf("%w: %s", ErrInUse, user)
	}
	return nil
}
