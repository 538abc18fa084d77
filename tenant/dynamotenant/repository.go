package dynamotenant

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/request"
)

// Repository is a tenant.Repository in a [Store].
type Repository[T any] struct {
	store  *Store
	schema *tenant.Schema[T]
	codec  codec[T]
}

var _ tenant.Repository[struct{}] = (*Repository[struct{}])(nil)

// NewRepository returns the repository of the entity that schema describes.
// Repositories of one table with the same entity name share their items. It
// panics on a schema that Schema.Check refuses.
func NewRepository[T any](store *Store, schema *tenant.Schema[T]) *Repository[T] {
	return &Repository[T]{store: store, schema: schema, codec: newCodec(schema)}
}

// Get implements tenant.Repository.
func (r *Repository[T]) Get(ctx context.Context, id tenant.ID, key tenant.Key, optFns ...func(*tenant.ReadOptions)) (tenant.Item[T], error) {
	if err := request.CheckGet(ctx, id, key); err != nil {
		return tenant.Item[T]{}, err
	}
	home, err := r.store.homeOf(id, r.schema.Entity, key.Encoded())
	if err != nil {
		return tenant.Item[T]{}, err
	}
	found, err := r.store.find(ctx, home, r.schema.Entity, readOptions(optFns).Consistent)
	if err != nil {
		return tenant.Item[T]{}, err
	}
	if found.version == 0 || found.expired(r.store.options.Now()) {
		return tenant.Item[T]{}, r.named(tenant.ErrNotFound)
	}
	return r.decode(&found)
}

// Put implements tenant.Repository.
func (r *Repository[T]) Put(ctx context.Context, id tenant.ID, value T, cond tenant.Condition) (tenant.Version, error) {
	if err := request.CheckPut(ctx, id, cond); err != nil {
		return 0, err
	}
	record, err := r.schema.Record(&value)
	if err != nil {
		return 0, r.named(err)
	}
	encoded, err := r.codec.encode(&value, &record)
	if err != nil {
		return 0, err
	}
	home, err := r.store.settled(ctx, id, r.schema.Entity, record.Key)
	if err != nil {
		return 0, err
	}
	version := newVersion()
	if err := r.store.put(ctx, newItem(home, &record, encoded, version), cond, r.schema.Entity); err != nil {
		return 0, err
	}
	return version, nil
}

// Delete implements tenant.Repository.
func (r *Repository[T]) Delete(ctx context.Context, id tenant.ID, key tenant.Key, cond tenant.Condition) error {
	if err := request.CheckDelete(ctx, id, key, cond); err != nil {
		return err
	}
	home, err := r.store.settled(ctx, id, r.schema.Entity, key.Encoded())
	if err != nil {
		return err
	}
	return r.store.delete(ctx, home, cond, r.schema.Entity)
}

func (r *Repository[T]) decode(found *stored) (tenant.Item[T], error) {
	item := tenant.Item[T]{Version: found.version}
	if err := r.codec.decode(found.value, &item.Value); err != nil {
		return tenant.Item[T]{}, err
	}
	return item, nil
}

// named says in err which entity it is about.
func (r *Repository[T]) named(err error) error {
	return fmt.Errorf("%w: %s", err, r.schema.Entity)
}

// get reads the item at an address, nil if there is none.
func (s *Store) get(ctx context.Context, at address, entity string, consistent bool) (attributes, error) {
	input := &dynamodb.GetItemInput{TableName: &s.table, Key: at.key()}
	if consistent {
		input.ConsistentRead = &consistent
	}
	output, err := s.api.GetItem(ctx, input)
	if err != nil {
		return nil, failed(ctx, "get "+entity, err)
	}
	return output.Item, nil
}

// put stores an item, if cond holds.
func (s *Store) put(ctx context.Context, item attributes, cond tenant.Condition, entity string) error {
	met := expressionOf(cond, s.options.Now())
	_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: item, ConditionExpression: met.text,
		ExpressionAttributeValues: met.values, ReturnValuesOnConditionCheckFailure: met.old,
	})
	if unmet, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		if numberIn(unmet.Item, versionName) == numberIn(item, versionName) {
			return nil // the answer to our first attempt was lost
		}
		return refused(cond, entity, err)
	}
	if err != nil {
		return failed(ctx, "put "+entity, err)
	}
	return nil
}

// delete removes the item at an address, if cond holds.
func (s *Store) delete(ctx context.Context, at address, cond tenant.Condition, entity string) error {
	met := expressionOf(cond, s.options.Now())
	_, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.table, Key: at.key(), ConditionExpression: met.text, ExpressionAttributeValues: met.values,
	})
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return refused(cond, entity, err)
	}
	if err != nil {
		return failed(ctx, "delete "+entity, err)
	}
	return nil
}

func readOptions(optFns []func(*tenant.ReadOptions)) (options tenant.ReadOptions) {
	for _, fn := range optFns {
		fn(&options)
	}
	return options
}
