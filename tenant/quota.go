package tenant

import (
	"context"
	"errors"
	"fmt"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant/internal/backoff"
)

// Quotas are what the [QuotaRepository] of each entity needs to count items and
// to refuse more of them than the tenant's plan allows.
type Quotas struct {
	transactor Transactor
	usages     Repository[Usage]
	plans      PlanSource
	turns      turns
}

// NewQuotas returns the quotas that plans promises. Usage is kept in usages, a
// repository made with [UsageSchema]; it, the items and transactor belong to one
// store.
func NewQuotas(transactor Transactor, usages Repository[Usage], plans PlanSource) *Quotas {
	return &Quotas{transactor: transactor, usages: usages, plans: plans}
}

// QuotaRepository is a [Repository] in which a tenant has at most as many items
// as its plan allows. It is made of another repository, and behaves like it, but
// for [ErrQuota] where an item would be one too many. Give it to any domain:
//
//	things := tenant.NewQuotaRepository(quotas, bolttenant.NewRepository(store, &device.ThingSchema), &device.ThingSchema)
//	registry := device.NewRegistry(things, credentials, presences)
//
// The quota holds exactly, however many processes create items at once: an item
// is created or deleted in one transaction with the counter of its entity.
// So creating and deleting cost a transaction of two items and a read, and those
// of one tenant and entity are done one after the other. What replaces an item
// costs as much as without quotas. Put with [Always] tries to replace first.
//
// The counter begins with the items that are there when it is first needed. All
// writers of the entity have to use a QuotaRepository from then on; if some did
// not, [QuotaRepository.Recount] makes it right again.
//
// BatchWrite applies its writes in transactions of several, which is stronger than
// promised, and one by one where that fails. If the quota is exhausted
// midway, as many items as still fit are created, in the order of the writes.
type QuotaRepository[T any] struct {
	quotas *Quotas
	items  Repository[T]
	schema *Schema[T]
}

var _ Repository[struct{}] = (*QuotaRepository[struct{}])(nil)

// NewQuotaRepository returns items, a repository made with schema, with the
// quotas of its entity. It panics on a schema that [Schema.Check] refuses, and on
// one whose items expire: nobody is told when an item expires, so they can't be counted.
func NewQuotaRepository[T any](quotas *Quotas, items Repository[T], schema *Schema[T]) *QuotaRepository[T] {
	if err := checkSchema(schema); err != nil {
		panic(err)
	}
	if schema.Expires != nil {
		panic(fmt.Errorf("%w: entity %s: its items expire, so they can't be counted", errSchema, schema.Entity))
	}
	return &QuotaRepository[T]{quotas: quotas, items: items, schema: schema}
}

// Get implements [Repository].
func (r *QuotaRepository[T]) Get(ctx context.Context, id ID, key Key, optFns ...func(*ReadOptions)) (Item[T], error) {
	return r.items.Get(ctx, id, key, optFns...)
}

// Query implements [Repository].
func (r *QuotaRepository[T]) Query(ctx context.Context, id ID, query Query) (Page[T], error) {
	return r.items.Query(ctx, id, query)
}

// BatchGet implements [Repository].
func (r *QuotaRepository[T]) BatchGet(ctx context.Context, id ID, keys []Key, optFns ...func(*ReadOptions)) ([]Item[T], error) {
	return r.items.BatchGet(ctx, id, keys, optFns...)
}

// Put implements [Repository]. [ErrQuota] if it would create one item too many.
func (r *QuotaRepository[T]) Put(ctx context.Context, id ID, value T, cond Condition) (Version, error) {
	switch cond.kind {
	case KindAbsent:
		return r.create(ctx, id, value)
	case KindAlways:
		return r.replaceOrCreate(ctx, id, value)
	default:
		return r.items.Put(ctx, id, value, cond) // creates nothing
	}
}

// replaceOrCreate tries both until one of them meets what it needs.
func (r *QuotaRepository[T]) replaceOrCreate(ctx context.Context, id ID, value T) (Version, error) {
	for attempt := range backoff.Attempts {
		version, err := r.items.Put(ctx, id, value, IfPresent())
		if !errors.Is(err, ErrNotFound) {
			return version, err
		}
		if version, err = r.create(ctx, id, value); !errors.Is(err, ErrExists) {
			return version, err
		}
		if err := backoff.Pause(ctx, attempt); err != nil {
			return 0, err
		}
	}
	return 0, r.contended()
}

func (r *QuotaRepository[T]) create(ctx context.Context, id ID, value T) (Version, error) {
	versions, err := r.count(ctx, id, []Op{PutOp(r.schema, value, IfAbsent())}, 1)
	if err == nil {
		return versions[0], nil
	}
	if errors.Is(err, ErrQuota) && r.exists(ctx, id, r.schema.Key(&value)) {
		return 0, fmt.Errorf("%w: %s", ErrExists, r.schema.Entity) // it was no new one
	}
	return 0, err
}

func (r *QuotaRepository[T]) exists(ctx context.Context, id ID, key Key) bool {
	_, err := r.items.Get(ctx, id, key, Consistent)
	return err == nil
}

// Delete implements [Repository].
func (r *QuotaRepository[T]) Delete(ctx context.Context, id ID, key Key, cond Condition) error {
	always := cond.kind == KindAlways
	if always {
		cond = IfPresent()
	}
	_, err := r.count(ctx, id, []Op{DeleteOp(r.schema, key, cond)}, -1)
	if always && errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// count applies ops, which add some items, or take them away if added is
// negative, together with the counter. An error is that of an operation itself, or
// of the whole.
func (r *QuotaRepository[T]) count(ctx context.Context, id ID, ops []Op, added int64) ([]Version, error) {
	done, err := r.quotas.turns.take(ctx, turn{id, r.schema.Entity})
	if err != nil {
		return nil, err
	}
	defer done()
	for attempt := range backoff.Attempts {
		counter, err := r.counter(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := r.admit(ctx, id, counter.Value.Used, added); err != nil {
			return nil, err
		}
		counter.Value.Used = max(counter.Value.Used+added, 0)
		versions, err := r.quotas.transactor.Transact(ctx, id, append(ops[:len(ops):len(ops)], counterOp(counter))...)
		if err == nil {
			return versions[:len(ops)], nil
		}
		if failed := ofOperations(err, len(ops)); failed != nil {
			return nil, failed
		}
		if err := backoff.Pause(ctx, attempt); err != nil {
			return nil, err
		}
	}
	return nil, r.contended()
}

// ofOperations returns what a transaction of n operations and the counter failed
// with; nil if only the counter, or another transaction, was in the way.
func ofOperations(err error, n int) error {
	var refused *TransactionError
	if !errors.As(err, &refused) {
		if errors.Is(err, ErrTransactionConflict) {
			return nil
		}
		return err
	}
	for _, failed := range refused.Errs[:n] {
		if failed != nil {
			return failed
		}
	}
	if counter := refused.Errs[n]; iotenant.KindOf(counter) == iotenant.ErrInvalid {
		return counter
	}
	return nil
}

// counter returns the counter. If there is none yet, it has Version 0 and the
// number of items that there are now; as nobody creates or deletes one without
// making the counter, it is still right if the counter is then still absent.
func (r *QuotaRepository[T]) counter(ctx context.Context, id ID) (Item[Usage], error) {
	item, err := r.quotas.usages.Get(ctx, id, NewKey(r.schema.Entity), Consistent)
	if !errors.Is(err, ErrNotFound) {
		return item, err
	}
	used, err := r.countAll(ctx, id)
	return Item[Usage]{Value: Usage{Entity: r.schema.Entity, Used: used}}, err
}

func counterOp(counter Item[Usage]) Op {
	return PutOp(&UsageSchema, counter.Value, ifStill(counter.Version))
}

// ifStill is the condition that nobody wrote since version was read.
func ifStill(version Version) Condition {
	if version == 0 {
		return IfAbsent()
	}
	return IfVersion(version)
}

func (r *QuotaRepository[T]) countAll(ctx context.Context, id ID) (n int64, err error) {
	for _, err := range All(ctx, r.items, id, Query{Limit: MaxLimit, Consistent: true}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// admit refuses items beyond the quota.
func (r *QuotaRepository[T]) admit(ctx context.Context, id ID, used, added int64) error {
	if added <= 0 {
		return nil
	}
	plan, err := r.quotas.plans.PlanOf(ctx, id)
	if err != nil {
		return err
	}
	limit, limited := plan.Quotas[r.schema.Entity]
	if limited && used+added > limit {
		return &QuotaError{Entity: r.schema.Entity, Limit: limit, Used: used}
	}
	return nil
}

// Usage returns how many items the tenant has. Errors: those of Get and Query.
func (r *QuotaRepository[T]) Usage(ctx context.Context, id ID) (Usage, error) {
	counter, err := r.counter(ctx, id)
	return counter.Value, err
}

// Recount counts the items of a tenant and sets the counter, which may have become
// wrong through writes that went past this repository. It reads all the items; if
// items are created or deleted meanwhile, it counts again, until ctx ends
// or 1,000 attempts have failed. Errors: those of Get, Put and Query.
func (r *QuotaRepository[T]) Recount(ctx context.Context, id ID) (Usage, error) {
	for attempt := range backoff.Attempts {
		counter, err := r.counter(ctx, id)
		if err != nil {
			return Usage{}, err
		}
		if counter.Value.Used, err = r.countAll(ctx, id); err != nil {
			return Usage{}, err
		}
		_, err = r.quotas.usages.Put(ctx, id, counter.Value, ifStill(counter.Version))
		if err == nil {
			return counter.Value, nil
		}
		if !errors.Is(err, ErrExists) && !errors.Is(err, ErrVersion) {
			return Usage{}, err
		}
		if err := backoff.Pause(ctx, attempt); err != nil {
			return Usage{}, err
		}
	}
	return Usage{}, r.contended()
}

func (r *QuotaRepository[T]) contended() error {
	return fmt.Errorf("tenant: quota of %s: %w after %d attempts", r.schema.Entity, ErrTransactionConflict, backoff.Attempts)
}
