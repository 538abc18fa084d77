// Package itemcodec is how every backend of package tenant encodes items, so
// that all of them keep, lose and refuse the same.
package itemcodec

import (
	"encoding"
	"encoding/json"
	"fmt"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// overhead is what an item is counted beside its own bytes: room for tenant,
// entity and attribute names, so that an item within the limit here is within
// DynamoDB's limit too.
const overhead = 1 << 10

// Codec encodes the items of one entity.
type Codec[T any] struct {
	entity string
	binary bool
}

// New returns the codec of the entity that schema describes. It panics if
// schema is nil or refused by its Check, as every NewRepository promises.
func New[T any](schema *tenant.Schema[T]) Codec[T] {
	if schema == nil {
		panic("tenant: nil schema")
	}
	if err := schema.Check(); err != nil {
		panic(err)
	}
	return Codec[T]{entity: schema.Entity, binary: isBinary((*T)(nil))}
}

// Append appends the encoded value to dst. record is the value's own. Errors:
// tenant.ErrTooLarge; kind iotenant.ErrInvalid for a value without encoding.
func (c Codec[T]) Append(dst []byte, value *T, record *tenant.Record) ([]byte, error) {
	encoded, err := appendValue(dst, value, c.binary)
	if err != nil {
		return dst, unencodable(c.entity, err)
	}
	return checkSize(encoded, dst, c.entity, record)
}

// AppendOp is Append for the value of a put in a transaction.
func AppendOp(dst []byte, op *tenant.Op, record *tenant.Record) ([]byte, error) {
	encoded, err := appendValue(dst, op.Value(), isBinary(op.Value()))
	if err != nil {
		return dst, unencodable(op.Entity(), err)
	}
	return checkSize(encoded, dst, op.Entity(), record)
}

// isBinary reports whether value, a pointer, does its encoding itself.
func isBinary(value any) bool {
	_, appends := value.(encoding.BinaryAppender)
	_, parses := value.(encoding.BinaryUnmarshaler)
	return appends && parses
}

func appendValue(dst []byte, value any, binary bool) ([]byte, error) {
	if binary {
		return value.(encoding.BinaryAppender).AppendBinary(dst)
	}
	text, err := json.Marshal(value)
	if dst == nil {
		return text, err
	}
	return append(dst, text...), err
}

func unencodable(entity string, err error) error {
	return fmt.Errorf("tenant: %w item: %s: %w", iotenant.ErrInvalid, entity, err)
}

// checkSize returns encoded, which begins with dst, if the item is within the
// limit.
func checkSize(encoded, dst []byte, entity string, record *tenant.Record) ([]byte, error) {
	if size := Size(record, len(encoded)-len(dst)); size > tenant.MaxItemSize {
		return dst, fmt.Errorf("%w: %s: %d bytes, limit %d", tenant.ErrTooLarge, entity, size, tenant.MaxItemSize)
	}
	return encoded, nil
}

// Size returns what an item counts, see tenant.MaxItemSize, if its encoded
// value has that many bytes.
func Size(record *tenant.Record, value int) int {
	size := overhead + len(record.Key) + value
	for _, entry := range record.Index {
		size += len(entry)
	}
	return size
}

// Decode decodes into value, which holds nothing of data afterwards. An error
// is of kind iotenant.ErrUnavailable: the stored item isn't one of this type.
func (c Codec[T]) Decode(data []byte, value *T) error {
	var err error
	if c.binary {
		err = any(value).(encoding.BinaryUnmarshaler).UnmarshalBinary(data)
	} else {
		err = json.Unmarshal(data, value)
	}
	if err != nil {
		return fmt.Errorf("tenant: stored %s can't be decoded: %w: %w", c.entity, iotenant.ErrUnavailable, err)
	}
	return nil
}
