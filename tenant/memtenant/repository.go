package memtenant

import (
	"context"
	"fmt"
	"iter"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/itemcodec"
	"github.com/iotenant/iotenant/tenant/internal/request"
)

// maxPageSize bounds the bytes of a page, as DynamoDB does: the item with
// which a page reaches it is the last.
const maxPageSize = 1 << 20

// Repository is a tenant.Repository in a [Store].
type Repository[T any] struct {
	store  *Store
	schema *tenant.Schema[T]
	codec  itemcodec.Codec[T]
}

var _ tenant.Repository[struct{}] = (*Repository[struct{}])(nil)

// NewRepository returns the repository of the entity that schema describes.
// Repositories of one store with the same entity name share their items. It
// panics on a schema that Schema.Check refuses.
func NewRepository[T any](store *Store, schema *tenant.Schema[T]) *Repository[T] {
	return &Repository[T]{store: store, schema: schema, codec: itemcodec.New(schema)}
}

// Get implements tenant.Repository. Every read is consistent.
func (r *Repository[T]) Get(ctx context.Context, id tenant.ID, key tenant.Key, _ ...func(*tenant.ReadOptions)) (tenant.Item[T], error) {
	if err := request.CheckGet(ctx, id, key); err != nil {
		return tenant.Item[T]{}, err
	}
	r.store.mu.RLock()
	stored := r.live(id, key.Encoded())
	r.store.mu.RUnlock()
	if stored == nil {
		return tenant.Item[T]{}, fmt.Errorf("%w: %s", tenant.ErrNotFound, r.schema.Entity)
	}
	return r.decode(stored)
}

// Put implements tenant.Repository.
func (r *Repository[T]) Put(ctx context.Context, id tenant.ID, value T, cond tenant.Condition) (tenant.Version, error) {
	if err := request.CheckPut(ctx, id, cond); err != nil {
		return 0, err
	}
	record, err := r.schema.Record(&value)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", r.schema.Entity, err)
	}
	data, err := r.codec.Append(nil, &value, &record)
	if err != nil {
		return 0, err
	}

	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	if err := cond.Check(versionOf(r.live(id, record.Key))); err != nil {
		return 0, fmt.Errorf("%w: %s", err, r.schema.Entity)
	}
	return r.store.put(r.table(id), record, data), nil
}

// Delete implements tenant.Repository.
func (r *Repository[T]) Delete(ctx context.Context, id tenant.ID, key tenant.Key, cond tenant.Condition) error {
	if err := request.CheckDelete(ctx, id, key, cond); err != nil {
		return err
	}
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	if err := cond.Check(versionOf(r.live(id, key.Encoded()))); err != nil {
		return fmt.Errorf("%w: %s", err, r.schema.Entity)
	}
	r.store.remove(r.table(id), key.Encoded())
	return nil
}

// Query implements tenant.Repository. Every query is consistent. A page ends
// with the item that brings it to 1 MiB, or with Query.Limit items.
func (r *Repository[T]) Query(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[T], error) {
	plan, after, err := request.PlanQuery(ctx, id, query, r.schema, r.store.cursors)
	if err != nil {
		return tenant.Page[T]{}, err
	}
	items, next := r.collect(id, plan, after)
	var page tenant.Page[T]
	for _, stored := range items {
		item, err := r.decode(stored)
		if err != nil {
			return tenant.Page[T]{}, err
		}
		page.Items = append(page.Items, item)
	}
	if next != "" {
		page.Next = r.store.cursors.Seal(id, plan.Scope, next)
	}
	return page, nil
}

// collect returns the items of a page that begins after a position, and the
// position at its end if there are more.
func (r *Repository[T]) collect(id tenant.ID, plan tenant.QueryPlan, after string) (items []*stored, next string) {
	r.store.mu.RLock()
	defer r.store.mu.RUnlock()
	now := r.store.options.Now()
	size, last := 0, ""
	for position, item := range r.scan(id, plan, after) {
		if tenant.Expired(item.record.Expires, now) {
			continue
		}
		if len(items) == plan.Limit || size >= maxPageSize {
			return items, last
		}
		items = append(items, item)
		size += len(item.data)
		last = position
	}
	return items, ""
}

// scan yields what the plan selects after a position, in its order.
func (r *Repository[T]) scan(id tenant.ID, plan tenant.QueryPlan, after string) iter.Seq2[string, *stored] {
	none := func(func(string, *stored) bool) {}
	found := r.store.tables[r.table(id)]
	if found == nil || plan.Index >= len(found.indexes) {
		return none
	}
	order := &found.items
	if plan.Index >= 0 {
		order = &found.indexes[plan.Index]
	}
	switch {
	case plan.Descending && after != "":
		return order.descend(plan.From, after)
	case plan.Descending:
		return order.descend(plan.From, plan.To)
	case after != "":
		return order.ascend(after+"\x00", plan.To)
	default:
		return order.ascend(plan.From, plan.To)
	}
}

func (r *Repository[T]) decode(stored *stored) (tenant.Item[T], error) {
	item := tenant.Item[T]{Version: stored.version}
	if err := r.codec.Decode(stored.data, &item.Value); err != nil {
		return tenant.Item[T]{}, err
	}
	return item, nil
}

func (r *Repository[T]) live(id tenant.ID, key string) *stored {
	return r.store.live(r.table(id), key)
}

func (r *Repository[T]) table(id tenant.ID) tableName {
	return tableName{id: id, entity: r.schema.Entity}
}
