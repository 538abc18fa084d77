package failovertenant

import (
	"context"
	"fmt"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/itemcodec"
	"github.com/iotenant/iotenant/tenant/internal/request"
)

// Repository is a tenant.Repository in the Regions of a [Store].
type Repository[T any] struct {
	store  *Store
	schema *tenant.Schema[T]
	codec  itemcodec.Codec[T]
	items  []tenant.Repository[T] // by the position of the Region
}

var _ tenant.Repository[struct{}] = (*Repository[struct{}])(nil)

// NewRepository returns the repositories of an entity in each Region as one.
// items has, for the name of each Region, a repository in its store, made with schema.
// It panics if a Region has none, and on a schema that Schema.Check refuses.
func NewRepository[T any](store *Store, schema *tenant.Schema[T], items map[string]tenant.Repository[T]) *Repository[T] {
	r := &Repository[T]{store: store, schema: schema, codec: itemcodec.New(schema)}
	for _, region := range store.regions {
		if items[region.Name] == nil {
			panic(fmt.Errorf("%w: %s has no repository of %s", ErrRegion, region.Name, schema.Entity))
		}
		r.items = append(r.items, items[region.Name])
	}
	return r
}

// Get implements tenant.Repository.
func (r *Repository[T]) Get(ctx context.Context, id tenant.ID, key tenant.Key, optFns ...func(*tenant.ReadOptions)) (tenant.Item[T], error) {
	if err := request.CheckGet(ctx, id, key); err != nil {
		return tenant.Item[T]{}, err
	}
	return read(ctx, r.store, id, isConsistent(optFns), func(ctx context.Context, at int) (tenant.Item[T], error) {
		return r.items[at].Get(ctx, id, key, optFns...)
	})
}

// Query implements tenant.Repository. A cursor may be continued in another
// Region, if their stores have the same cursor keys.
func (r *Repository[T]) Query(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[T], error) {
	if err := id.Check(); err != nil {
		return tenant.Page[T]{}, err
	}
	return read(ctx, r.store, id, query.Consistent, func(ctx context.Context, at int) (tenant.Page[T], error) {
		return r.items[at].Query(ctx, id, query)
	})
}

// BatchGet implements tenant.Repository. If an entry can't be read, all are
// read in the next Region.
func (r *Repository[T]) BatchGet(ctx context.Context, id tenant.ID, keys []tenant.Key, optFns ...func(*tenant.ReadOptions)) ([]tenant.Item[T], error) {
	if err := request.CheckBatchGet(ctx, id, keys); err != nil {
		return nil, err
	}
	return read(ctx, r.store, id, isConsistent(optFns), func(ctx context.Context, at int) ([]tenant.Item[T], error) {
		return r.items[at].BatchGet(ctx, id, keys, optFns...)
	})
}

func isConsistent(optFns []func(*tenant.ReadOptions)) bool {
	var options tenant.ReadOptions
	for _, fn := range optFns {
		fn(&options)
	}
	return options.Consistent
}

// Put implements tenant.Repository, in the tenant's home Region. Errors also:
// [ErrMoved], [ErrDraining].
func (r *Repository[T]) Put(ctx context.Context, id tenant.ID, value T, cond tenant.Condition) (tenant.Version, error) {
	if err := request.CheckPut(ctx, id, cond); err != nil {
		return 0, err
	}
	return r.store.writeOne(ctx, id, tenant.PutOp(r.schema, value, cond))
}

// Delete implements tenant.Repository, in the tenant's home Region. Errors also:
// [ErrMoved], [ErrDraining].
func (r *Repository[T]) Delete(ctx context.Context, id tenant.ID, key tenant.Key, cond tenant.Condition) error {
	if err := request.CheckDelete(ctx, id, key, cond); err != nil {
		return err
	}
	_, err := r.store.writeOne(ctx, id, tenant.DeleteOp(r.schema, key, cond))
	return err
}

// Bounds of the transactions in which a batch is written.
const (
	chunkOps  = 25
	chunkSize = 1 << 20
)

// BatchWrite implements tenant.Repository, in the tenant's home Region, in
// transactions of up to 25 writes. Errors of entries also: [ErrMoved], [ErrDraining].
func (r *Repository[T]) BatchWrite(ctx context.Context, id tenant.ID, writes []tenant.Write[T]) ([]tenant.Version, error) {
	steps, errs, err := request.PlanWrites(ctx, id, writes, r.schema, r.codec)
	if err != nil {
		return nil, err
	}
	versions := make([]tenant.Version, len(writes))
	var ops []tenant.Op
	var places []int
	size := 0
	flush := func() {
		r.writeChunk(ctx, id, ops, places, versions, errs)
		ops, places, size = nil, nil, 0
	}
	for i := range writes {
		if errs[i] != nil {
			continue
		}
		ops, places = append(ops, r.op(&writes[i])), append(places, i)
		if size += len(steps[i].Data); len(ops) == chunkOps || size >= chunkSize {
			flush()
		}
	}
	if len(ops) > 0 {
		flush()
	}
	return versions, request.Partial(errs)
}

func (r *Repository[T]) op(write *tenant.Write[T]) tenant.Op {
	if write.Action() == tenant.ActionDelete {
		return tenant.DeleteOp(r.schema, write.Key(), tenant.Always())
	}
	return tenant.PutOp(r.schema, *write.Value(), tenant.Always())
}

// writeChunk applies some writes of a batch, and sets their versions or errors.
func (r *Repository[T]) writeChunk(ctx context.Context, id tenant.ID, ops []tenant.Op, places []int, versions []tenant.Version, errs []error) {
	written, err := r.store.write(ctx, id, ops...)
	for i, place := range places {
		if err != nil {
			errs[place] = err
			continue
		}
		versions[place] = written[i]
	}
}

// read makes a read at the tenant's home and, unless it has to be consistent, in
// the next Regions that answer.
func read[R any](ctx context.Context, s *Store, id tenant.ID, consistent bool, call func(ctx context.Context, at int) (R, error)) (R, error) {
	if consistent && !s.options.StaleReads {
		return readAtHome(ctx, s, id, call)
	}
	var none R
	known, err := s.belief(ctx, id)
	if err != nil {
		return none, err
	}
	home := s.index(known.home.Region)
	result, err := tryAt(ctx, s, home, call)
	for at := range s.regions {
		if at == home || !failsOver(ctx, err) {
			continue
		}
		if other, otherErr := tryAt(ctx, s, at, call); !failsOver(ctx, otherErr) {
			return other, otherErr
		}
	}
	return result, err
}

func tryAt[R any](ctx context.Context, s *Store, at int, call func(ctx context.Context, at int) (R, error)) (R, error) {
	return try(ctx, s, s.regions[at], func(ctx context.Context) (R, error) { return call(ctx, at) })
}

func failsOver(ctx context.Context, err error) bool {
	return iotenant.KindOf(err) == iotenant.ErrUnavailable && ctx.Err() == nil
}

// readAtHome makes a read at the tenant's home, and makes sure that it still was
// the home then.
func readAtHome[R any](ctx context.Context, s *Store, id tenant.ID, call func(ctx context.Context, at int) (R, error)) (R, error) {
	var none R
	known, err := s.belief(ctx, id)
	if err != nil {
		return none, err
	}
	for range homeAttempts {
		home := s.index(known.home.Region)
		result, err := tryAt(ctx, s, home, call)
		if failsOver(ctx, err) || ctx.Err() != nil {
			return result, err
		}
		said := s.report(ctx, id, s.regions[home])
		if said.err != nil {
			return none, said.err
		}
		if heard := said.latest(); heard.Epoch <= known.home.Epoch {
			return result, err
		}
		if known, err = s.ask(ctx, id); err != nil {
			return none, err
		}
	}
	return none, ErrMoved
}
