package dynamotenant

import (
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant/internal/avcodec"
	"github.com/iotenant/iotenant/tenant/internal/itemcodec"
	"github.com/iotenant/iotenant/tenant/internal/request"
)

// encoding is a value as it is stored, and the name of its attribute.
type encoding struct {
	name  string
	value types.AttributeValue
}

// codec encodes the items of one entity: as attribute values, so that they can
// be read in the table, or in the portable encoding where those would be larger
// than an item of DynamoDB may be.
type codec[T any] struct {
	entity   string
	values   avcodec.Codec[T]
	portable itemcodec.Codec[T]
}

func newCodec[T any](schema *tenant.Schema[T]) codec[T] {
	portable := itemcodec.New(schema)
	return codec[T]{entity: schema.Entity, values: avcodec.New[T](), portable: portable}
}

// encode returns the encoded value. record is the value's own. Errors:
// tenant.ErrTooLarge; kind iotenant.ErrInvalid for a value without encoding.
func (c *codec[T]) encode(value *T, record *tenant.Record) (encoding, error) {
	encoded, err := c.values.Encode(value)
	if err != nil {
		return encoding{}, unencodable(c.entity, err)
	}
	if itemcodec.Size(record, portableBound(encoded)) <= tenant.MaxItemSize {
		return encoding{valueName, encoded}, nil
	}
	data, err := c.portable.Append(nil, value, record)
	if err != nil {
		return encoding{}, err
	}
	return fitting(encoded, data, record), nil
}

// encodeStep returns the encoded value of a put, which value points to.
func encodeStep(step *request.Step, value any) (encoding, error) {
	encoded, err := avcodec.Of(reflect.TypeOf(value).Elem()).Encode(value)
	if err != nil {
		return encoding{}, unencodable(step.Entity, err)
	}
	return fitting(encoded, step.Data, &step.Record), nil
}

// fitting returns encoded, or the portable encoding if that is too large.
func fitting(encoded types.AttributeValue, portable []byte, record *tenant.Record) encoding {
	if itemcodec.Size(record, avcodec.Size(encoded)) <= tenant.MaxItemSize {
		return encoding{valueName, encoded}
	}
	return encoding{portableName, &types.AttributeValueMemberB{Value: portable}}
}

func unencodable(entity string, err error) error {
	return fmt.Errorf("tenant: %w item: %s: %w", iotenant.ErrInvalid, entity, err)
}

// decode decodes into value. An error is of kind iotenant.ErrUnavailable: the
// stored item isn't one of this type.
func (c *codec[T]) decode(encoded encoding, value *T) error {
	if encoded.name == portableName {
		data, ok := encoded.value.(*types.AttributeValueMemberB)
		if !ok {
			return errDamaged
		}
		return c.portable.Decode(data.Value, value)
	}
	if err := c.values.Decode(encoded.value, value); err != nil {
		return fmt.Errorf("tenant: stored %s can't be decoded: %w: %w", c.entity, iotenant.ErrUnavailable, err)
	}
	return nil
}
