package bolttenant

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/itemcodec"
	"github.com/iotenant/iotenant/tenant/internal/request"
)

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

// Room for most keys and items, so that they need no or one allocation.
const (
	keySize  = 128
	itemSize = 512
)

// Get implements tenant.Repository. Every read is consistent.
func (r *Repository[T]) Get(ctx context.Context, id tenant.ID, key tenant.Key, _ ...func(*tenant.ReadOptions)) (tenant.Item[T], error) {
	if err := request.CheckGet(ctx, id, key); err != nil {
		return tenant.Item[T]{}, err
	}
	var room [keySize]byte
	itemKey := append(appendItemPrefix(room[:0], id, r.schema.Entity), key.Encoded()...)

	tx, err := r.store.read()
	if err != nil {
		return tenant.Item[T]{}, err
	}
	defer tx.Rollback()
	header, value, err := r.store.find(tx.Bucket(itemsBucket), itemKey)
	if err != nil {
		return tenant.Item[T]{}, err
	}
	if value == nil {
		return tenant.Item[T]{}, r.named(tenant.ErrNotFound)
	}
	return r.decode(header, value)
}

// Put implements tenant.Repository. When it returns nil, the item is on disk.
func (r *Repository[T]) Put(ctx context.Context, id tenant.ID, value T, cond tenant.Condition) (tenant.Version, error) {
	if err := request.CheckPut(ctx, id, cond); err != nil {
		return 0, err
	}
	record, err := r.schema.Record(&value)
	if err != nil {
		return 0, r.named(err)
	}
	item, err := r.codec.Append(appendItemHeader(make([]byte, 0, itemSize), &record), &value, &record)
	if err != nil {
		return 0, err
	}
	itemKey := append(appendItemPrefix(make([]byte, 0, keySize), id, r.schema.Entity), record.Key...)

	var version tenant.Version
	err = r.store.committer.do(ctx, load{1, len(itemKey) + len(item)}, func(tx *transaction) (err error) {
		version, err = tx.put(itemKey, item, cond, r.store.options.Now())
		return err
	})
	if err != nil {
		return 0, r.named(err)
	}
	return version, nil
}

// Delete implements tenant.Repository. When it returns nil, the item is gone
// from disk.
func (r *Repository[T]) Delete(ctx context.Context, id tenant.ID, key tenant.Key, cond tenant.Condition) error {
	if err := request.CheckDelete(ctx, id, key, cond); err != nil {
		return err
	}
	itemKey := append(appendItemPrefix(nil, id, r.schema.Entity), key.Encoded()...)
	err := r.store.committer.do(ctx, load{1, len(itemKey)}, func(tx *transaction) error {
		return tx.delete(itemKey, cond, r.store.options.Now())
	})
	if err != nil {
		return r.named(err)
	}
	return nil
}

func (r *Repository[T]) decode(header itemHeader, value []byte) (tenant.Item[T], error) {
	item := tenant.Item[T]{Version: header.version}
	if err := r.codec.Decode(value, &item.Value); err != nil {
		return tenant.Item[T]{}, err
	}
	return item, nil
}

// named says in err which entity it is about.
func (r *Repository[T]) named(err error) error {
	return fmt.Errorf("%w: %s", err, r.schema.Entity)
}

// find returns a stored item; its value is nil if there is none, or if it has
// expired.
func (s *Store) find(items *bbolt.Bucket, itemKey []byte) (header itemHeader, value []byte, err error) {
	stored := items.Get(itemKey)
	if stored == nil {
		return itemHeader{}, nil, nil
	}
	header, value, err = parseItem(stored)
	if err != nil || header.expires != 0 && header.expires.passed(s.options.Now()) {
		return itemHeader{}, nil, err
	}
	return header, value, nil
}

// read begins a transaction that sees every acknowledged write.
func (s *Store) read() (*bbolt.Tx, error) {
	tx, err := s.db.Begin(false)
	if err != nil {
		return nil, fmt.Errorf("bolttenant: read: %w: %w", iotenant.ErrUnavailable, err)
	}
	return tx, nil
}
