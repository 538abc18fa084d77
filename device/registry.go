package device

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// RegistryOptions are the options of [NewRegistry].
type RegistryOptions struct {
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Registry knows the things of all tenants, with their credentials and their
// presence.
type Registry struct {
	things      tenant.Repository[Thing]
	credentials tenant.Repository[Credential]
	presences   tenant.Repository[Presence]
	options     RegistryOptions
}

// NewRegistry returns the registry kept in three repositories, made with
// [ThingSchema], [CredentialSchema] and [PresenceSchema].
func NewRegistry(
	things tenant.Repository[Thing],
	credentials tenant.Repository[Credential],
	presences tenant.Repository[Presence],
	optFns ...func(*RegistryOptions),
) *Registry {
	options := RegistryOptions{Now: time.Now}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Registry{things: things, credentials: credentials, presences: presences, options: options}
}

// Create adds a thing; it sets CreatedAt and UpdatedAt. Errors: tenant.ErrID,
// [ErrID], [ErrThing], tenant.ErrExists.
func (r *Registry) Create(ctx context.Context, id tenant.ID, thing Thing) (tenant.Item[Thing], error) {
	now := r.now()
	thing.CreatedAt, thing.UpdatedAt = now, now
	return r.put(ctx, "create", id, thing, tenant.IfAbsent())
}

// Get returns a thing. Errors: tenant.ErrID, [ErrID], tenant.ErrNotFound.
func (r *Registry) Get(ctx context.Context, id tenant.ID, thing ID) (tenant.Item[Thing], error) {
	item, err := r.getThing(ctx, id, thing)
	if err != nil {
		return tenant.Item[Thing]{}, fmt.Errorf("device: get: %w", err)
	}
	return item, nil
}

// Update replaces type and attributes of the thing with thing.ID, if it still
// has this version; it sets UpdatedAt. Errors: tenant.ErrID, [ErrID],
// [ErrThing], tenant.ErrNotFound, tenant.ErrVersion.
func (r *Registry) Update(ctx context.Context, id tenant.ID, thing Thing, version tenant.Version) (tenant.Item[Thing], error) {
	stored, err := r.getThing(ctx, id, thing.ID)
	if err != nil {
		return tenant.Item[Thing]{}, fmt.Errorf("device: update: %w", err)
	}
	thing.CreatedAt, thing.UpdatedAt = stored.Value.CreatedAt, r.now()
	return r.put(ctx, "update", id, thing, tenant.IfVersion(version))
}

func (r *Registry) put(ctx context.Context, action string, id tenant.ID, thing Thing, cond tenant.Condition) (tenant.Item[Thing], error) {
	if err := thing.Check(); err != nil {
		return tenant.Item[Thing]{}, fmt.Errorf("device: %s: %w", action, err)
	}
	version, err := r.things.Put(ctx, id, thing, cond)
	if err != nil {
		return tenant.Item[Thing]{}, fmt.Errorf("device: %s: %w", action, err)
	}
	thing.Attributes = maps.Clone(thing.Attributes)
	return tenant.Item[Thing]{Value: thing, Version: version}, nil
}

// Delete removes a thing with its credentials and its presence. A call that
// fails may have removed a part; call it again. What other packages keep of
// the thing is theirs to remove. Errors: tenant.ErrID, [ErrID],
// tenant.ErrNotFound.
func (r *Registry) Delete(ctx context.Context, id tenant.ID, thing ID) error {
	if _, err := r.getThing(ctx, id, thing); err != nil {
		return fmt.Errorf("device: delete: %w", err)
	}
	// The thing goes last, so that a call that fails can be repeated.
	if err := r.deleteBelongings(ctx, id, thing); err != nil {
		return fmt.Errorf("device: delete: %w", err)
	}
	if err := r.things.Delete(ctx, id, tenant.NewKey(thing.text), tenant.IfPresent()); err != nil {
		return fmt.Errorf("device: delete: %w", err)
	}
	return nil
}

func (r *Registry) deleteBelongings(ctx context.Context, id tenant.ID, thing ID) error {
	credentials, err := r.credentialsOf(ctx, id, thing)
	if err != nil {
		return err
	}
	var deletes []tenant.Write[Credential]
	for _, credential := range credentials {
		deletes = append(deletes, tenant.DeleteWrite[Credential](tenant.NewKey(credential.ID)))
	}
	if _, err := r.credentials.BatchWrite(ctx, id, deletes); err != nil {
		return err
	}
	return r.presences.Delete(ctx, id, tenant.NewKey(thing.text), tenant.Always())
}

// ListQuery selects things for [Registry.List]. The zero ListQuery selects all.
type ListQuery struct {
	// Type selects the things of a type.
	Type string
	// Limit is the largest number of things in a page: 1 to tenant.MaxLimit,
	// or 0 for tenant.DefaultLimit.
	Limit int
	// Cursor continues a list: pass the same query with the Next of the page
	// before it.
	Cursor tenant.Cursor
}

// List returns one page of things, in the order of their ids. With a Type, it
// may miss what was written a moment ago. Errors:
// tenant.ErrID, tenant.ErrQuery, tenant.ErrCursor.
func (r *Registry) List(ctx context.Context, id tenant.ID, query ListQuery) (tenant.Page[Thing], error) {
	selection := tenant.Query{Limit: query.Limit, Cursor: query.Cursor, Consistent: query.Type == ""}
	if query.Type != "" {
		selection.Index, selection.Prefix = IndexType, tenant.NewKey(query.Type)
	}
	page, err := r.things.Query(ctx, id, selection)
	if err != nil {
		return tenant.Page[Thing]{}, fmt.Errorf("device: list: %w", err)
	}
	return page, nil
}

// All returns all things of a tenant, in the order of their ids. It ends after
// the first error.
func (r *Registry) All(ctx context.Context, id tenant.ID) iter.Seq2[tenant.Item[Thing], error] {
	return tenant.All(ctx, r.things, id, tenant.Query{Consistent: true})
}

func (r *Registry) getThing(ctx context.Context, id tenant.ID, thing ID) (tenant.Item[Thing], error) {
	if err := checkIDs(id, thing); err != nil {
		return tenant.Item[Thing]{}, err
	}
	return r.things.Get(ctx, id, tenant.NewKey(thing.text), tenant.Consistent)
}

func checkIDs(id tenant.ID, thing ID) error {
	if err := id.Check(); err != nil {
		return err
	}
	return thing.Check()
}

func (r *Registry) now() time.Time { return r.options.Now().UTC().Truncate(time.Millisecond) }
