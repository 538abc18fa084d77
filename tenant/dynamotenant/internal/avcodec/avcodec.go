// Package avcodec turns Go values into DynamoDB attribute values and back, by
// a plan that is made once for a type and kept.
//
// A value comes back exactly as it would from encoding/json, tags included, so
// that an item is kept, cut and refused alike in every backend of package
// tenant. If *T is an encoding.BinaryAppender and an
// encoding.BinaryUnmarshaler, the whole value is one B. Otherwise:
//
//	string                       S; invalid UTF-8 becomes U+FFFD, as in JSON
//	bool                         BOOL
//	integers, floats             N
//	[]byte, [n]byte              B
//	slice, array                 L
//	map, struct                  M
//	nil pointer, slice, map, any NULL
//	time.Time                    S, RFC 3339
//	json.Number                  N
//	types of encoding text       S
//	types with own JSON          what their JSON is: S, N, BOOL, NULL, L, M
//	any                          what the JSON of the value in it is
//
// What DynamoDB would not keep as it is becomes JSON text in an S behind the
// mark U+0000: numbers of more than 38 digits or beyond the range of N, -0, and
// numbers whose spelling matters and is not DynamoDB's (json.Number "1.0");
// maps with an empty name; what lies deeper than 30 lists and maps, since
// DynamoDB takes 32 levels; own JSON whose order of members or spelling would
// be lost in an M. A string in an any, or in own JSON, that itself begins with
// the mark gets a second one.
//
// A dynamodbav tag wins over the field's json tag and means what it means in
// feature/dynamodb/attributevalue: name, "-", omitempty, omitemptyelem,
// nullempty, nullemptyelem, string, stringset, numberset, binaryset, unixtime.
// Methods MarshalDynamoDBAttributeValue and UnmarshalDynamoDBAttributeValue
// are called. Neither reaches into own JSON, an any, or what is too deep.
//
// What attributevalue wrote can be read: sets as slices, N as seconds for a
// time.Time. Attributes without a field are ignored.
package avcodec

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Codec encodes and decodes values of type T. The zero Codec is not usable.
type Codec[T any] struct{ of *TypeCodec }

// New returns the codec of T. It is cheap when T is known already.
func New[T any]() Codec[T] { return Codec[T]{of: Of(reflect.TypeFor[T]())} }

// Encode returns the attribute value of value, an M if T is a struct. It shares
// nothing with value that value's owner could change. Parts of it may be shared
// with other attribute values: don't change it. An error names the path to what
// has no encoding.
func (c Codec[T]) Encode(value *T) (types.AttributeValue, error) {
	if c.of.binary {
		return encodeBinary(any(value).(encoding.BinaryAppender))
	}
	return c.of.encode(reflect.ValueOf(value).Elem())
}

// Append encodes value as the attribute called name of item.
func (c Codec[T]) Append(item map[string]types.AttributeValue, name string, value *T) error {
	encoded, err := c.Encode(value)
	if err != nil {
		return err
	}
	item[name] = encoded
	return nil
}

// Decode decodes encoded, a tree as the SDK makes it in which nil is another
// NULL, into value, which should be zero: what encoded does not have stays as it
// is. Value holds nothing of encoded that can be changed. An error names the
// path to what is not of its type; value is then decoded in part.
func (c Codec[T]) Decode(encoded types.AttributeValue, value *T) error {
	if c.of.binary {
		return decodeBinary(encoded, any(value).(encoding.BinaryUnmarshaler))
	}
	return c.of.plan.decode(encoded, reflect.ValueOf(value).Elem(), 0)
}

// TypeCodec is a Codec whose type is known at run time only.
type TypeCodec struct {
	typ    reflect.Type
	binary bool
	plan   *plan
}

var typeCodecs sync.Map // reflect.Type to *TypeCodec

// Of returns the codec of a type.
func Of(typ reflect.Type) *TypeCodec {
	if known, ok := typeCodecs.Load(typ); ok {
		return known.(*TypeCodec)
	}
	pointer := reflect.PointerTo(typ)
	made := &TypeCodec{
		typ:    typ,
		binary: pointer.Implements(appenderType) && pointer.Implements(parserType),
		plan:   planOf(planKey{typ: typ}),
	}
	known, _ := typeCodecs.LoadOrStore(typ, made)
	return known.(*TypeCodec)
}

var (
	appenderType = reflect.TypeFor[encoding.BinaryAppender]()
	parserType   = reflect.TypeFor[encoding.BinaryUnmarshaler]()
)

// Encode encodes value, which is of the codec's type or a pointer to it, like
// Codec.Encode.
func (c *TypeCodec) Encode(value any) (types.AttributeValue, error) {
	v, err := c.elem(value)
	if err != nil {
		return nil, err
	}
	if c.binary {
		return encodeBinary(v.Addr().Interface().(encoding.BinaryAppender))
	}
	return c.encode(v)
}

// elem returns an addressable value of the codec's type.
func (c *TypeCodec) elem(value any) (reflect.Value, error) {
	v := reflect.ValueOf(value)
	switch {
	case v.IsValid() && v.Type() == c.typ:
		return addressable(v), nil
	case v.IsValid() && v.Type() == reflect.PointerTo(c.typ) && !v.IsNil():
		return v.Elem(), nil
	}
	return reflect.Value{}, fmt.Errorf("avcodec: %T is neither %s nor a pointer to one", value, c.typ)
}

// addressable returns v if it can be addressed, otherwise a copy.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	held := reflect.New(v.Type()).Elem()
	held.Set(v)
	return held
}

// Decode decodes encoded into what pointer points to, like Codec.Decode.
func (c *TypeCodec) Decode(encoded types.AttributeValue, pointer any) error {
	v := reflect.ValueOf(pointer)
	if !v.IsValid() || v.Type() != reflect.PointerTo(c.typ) || v.IsNil() {
		return fmt.Errorf("avcodec: %T is no pointer to a %s", pointer, c.typ)
	}
	if c.binary {
		return decodeBinary(encoded, pointer.(encoding.BinaryUnmarshaler))
	}
	return c.plan.decode(encoded, v.Elem(), 0)
}

func (c *TypeCodec) encode(v reflect.Value) (types.AttributeValue, error) {
	e := encoders.Get().(*encoder)
	encoded, err := c.plan.encode(e, v, 0)
	e.settle()
	e.release()
	return encoded, err
}

func encodeBinary(value encoding.BinaryAppender) (types.AttributeValue, error) {
	data, err := value.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	return &types.AttributeValueMemberB{Value: data}, nil
}

var errNotBinary = errors.New("avcodec: want B, the value's own encoding")

func decodeBinary(encoded types.AttributeValue, value encoding.BinaryUnmarshaler) error {
	b, ok := encoded.(*types.AttributeValueMemberB)
	if !ok {
		return errNotBinary
	}
	return value.UnmarshalBinary(b.Value)
}
