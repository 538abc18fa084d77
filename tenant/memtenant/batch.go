package memtenant

import (
	"context"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/request"
)

// BatchGet implements tenant.Repository. All items are read at one time.
func (r *Repository[T]) BatchGet(ctx context.Context, id tenant.ID, keys []tenant.Key, _ ...func(*tenant.ReadOptions)) ([]tenant.Item[T], error) {
	if err := request.CheckBatchGet(ctx, id, keys); err != nil {
		return nil, err
	}
	items, errs := make([]tenant.Item[T], len(keys)), make([]error, len(keys))
	for i, found := range r.liveAll(id, keys) {
		if errs[i] = keys[i].Check(); errs[i] == nil && found != nil {
			items[i], errs[i] = r.decode(found)
		}
	}
	return items, request.Partial(errs)
}

// liveAll returns what is stored under each key, nil for nothing.
func (r *Repository[T]) liveAll(id tenant.ID, keys []tenant.Key) []*stored {
	r.store.mu.RLock()
	defer r.store.mu.RUnlock()
	found := make([]*stored, len(keys))
	for i, key := range keys {
		found[i] = r.live(id, key.Encoded())
	}
	return found
}

// BatchWrite implements tenant.Repository. Readers see all writes or none.
func (r *Repository[T]) BatchWrite(ctx context.Context, id tenant.ID, writes []tenant.Write[T]) ([]tenant.Version, error) {
	steps, errs, err := request.PlanWrites(ctx, id, writes, r.schema, r.codec)
	if err != nil {
		return nil, err
	}
	versions := make([]tenant.Version, len(writes))
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	for i := range steps {
		if errs[i] == nil {
			versions[i] = r.store.take(id, &steps[i])
		}
	}
	return versions, request.Partial(errs)
}
