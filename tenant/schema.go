package tenant

import (
	"fmt"
	"time"
)

// MaxItemSize is the portable limit of an item in bytes, DynamoDB's 400 KB.
// An item counts as its encoded value, its encoded key, an index key and the
// key again for each index that it is in, one byte between these two, and
// 1,024 bytes for the names of tenant, entity and attributes.
const MaxItemSize = 400 << 10

// MaxIndexes is the number of indexes that a schema may declare.
const MaxIndexes = 5

// Schema describes one entity: how an item of type T is keyed, indexed and
// when it expires. Declare it once, beside the type, and hand it to the
// backend's NewRepository, which panics on a schema that [Schema.Check]
// refuses.
type Schema[T any] struct {
	// Entity names the entity: 1 to 32 of a-z, 0-9 and '-', beginning with a
	// letter. It is part of every stored key, so it must not change.
	Entity string
	// Key returns the primary key of an item, unique within tenant and entity.
	Key func(*T) Key
	// Indexes are the secondary orders in which items can be queried, at
	// most [MaxIndexes]. Append only: backends may store the position.
	Indexes []Index[T]
	// Expires returns when an item expires, to the second; the zero time
	// means never, as does a nil Expires. An expired item is invisible at
	// once, however late its storage is reclaimed.
	Expires func(*T) time.Time
}

// Index is a secondary order of an entity.
type Index[T any] struct {
	// Name is used in [Query.Index]: same alphabet as an entity name.
	Name string
	// Key returns the place of an item in the index. Items may share it;
	// they are then ordered by primary key. The zero Key leaves the item out.
	Key func(*T) Key
}

// Check reports what is wrong with the schema, as an error of kind
// iotenant.ErrInvalid.
func (s *Schema[T]) Check() error {
	if err := checkName("entity", s.Entity); err != nil {
		return err
	}
	if s.Key == nil {
		return fmt.Errorf("%w: entity %s: Key is nil", errSchema, s.Entity)
	}
	if len(s.Indexes) > MaxIndexes {
		return fmt.Errorf("%w: entity %s: %d indexes, limit %d", errSchema, s.Entity, len(s.Indexes), MaxIndexes)
	}
	for i, index := range s.Indexes {
		if err := checkName("index", index.Name); err != nil {
			return fmt.Errorf("entity %s: %w", s.Entity, err)
		}
		if index.Key == nil {
			return fmt.Errorf("%w: entity %s: index %s: Key is nil", errSchema, s.Entity, index.Name)
		}
		for _, other := range s.Indexes[:i] {
			if other.Name == index.Name {
				return fmt.Errorf("%w: entity %s: index %s declared twice", errSchema, s.Entity, index.Name)
			}
		}
	}
	return nil
}

func checkName(what, name string) error {
	ok := len(name) >= 1 && len(name) <= 32 && 'a' <= name[0] && name[0] <= 'z'
	for i := range len(name) {
		ok = ok && (isAlphanumeric(name[i]) || name[i] == '-')
	}
	if !ok {
		return fmt.Errorf("%w: %s name %q: want 1 to 32 of a-z, 0-9, '-', beginning with a letter", errSchema, what, name)
	}
	return nil
}

// Record holds what backends store of an item beside the item itself.
type Record struct {
	// Key is the encoded primary key.
	Key string
	// Index has one entry for each index of the schema: the encoded index
	// key and primary key, in the order of the index; empty if the item is
	// not in that index.
	Index []string
	// Expires is zero for an item that never expires, else in whole seconds.
	Expires time.Time
}

// Record computes the record of value. The error is [ErrKey].
func (s *Schema[T]) Record(value *T) (Record, error) {
	key := s.Key(value)
	if err := key.Check(); err != nil {
		return Record{}, err
	}
	record := Record{Key: key.encoded}
	if len(s.Indexes) > 0 {
		record.Index = make([]string, len(s.Indexes))
	}
	for i := range s.Indexes {
		indexKey := s.Indexes[i].Key(value)
		if indexKey.IsZero() {
			continue
		}
		if err := indexKey.Check(); err != nil {
			return Record{}, fmt.Errorf("index %s: %w", s.Indexes[i].Name, err)
		}
		record.Index[i] = indexKey.encoded + string(indexSeparator) + key.encoded
	}
	if s.Expires != nil {
		if expires := s.Expires(value); !expires.IsZero() {
			record.Expires = expires.Truncate(time.Second)
		}
	}
	return record, nil
}

// Expired reports whether an item with this expiry is gone at now. An item
// expires at its expiry, not after it.
func Expired(expires, now time.Time) bool { return !expires.IsZero() && !now.Before(expires) }
