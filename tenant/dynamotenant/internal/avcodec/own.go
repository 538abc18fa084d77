package avcodec

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// marshaler and unmarshaler have the shape of attributevalue's interfaces.
type marshaler interface {
	MarshalDynamoDBAttributeValue() (types.AttributeValue, error)
}

type unmarshaler interface {
	UnmarshalDynamoDBAttributeValue(encoded types.AttributeValue) error
}

var (
	marshalerType   = reflect.TypeFor[marshaler]()
	unmarshalerType = reflect.TypeFor[unmarshaler]()
)

func encodeOwn(_ *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
	encoded, err := addressable(v).Addr().Interface().(marshaler).MarshalDynamoDBAttributeValue()
	if encoded == nil && err == nil {
		return null, nil
	}
	return encoded, err
}

func decodeOwn(encoded types.AttributeValue, v reflect.Value, _ int) error {
	if encoded == nil {
		encoded = null
	}
	return v.Addr().Interface().(unmarshaler).UnmarshalDynamoDBAttributeValue(encoded)
}

// hasOwnJSON reports whether encoding/json asks t for its JSON, or gives it.
func hasOwnJSON(t reflect.Type) bool {
	pointer := reflect.PointerTo(t)
	return pointer.Implements(jsonMarshalerType) || pointer.Implements(jsonUnmarshalerType)
}

func hasTextMethods(t reflect.Type) bool {
	pointer := reflect.PointerTo(t)
	return pointer.Implements(textMarshalerType) || pointer.Implements(textUnmarshalerType)
}

// jsonPlan goes through encoding/json, to the letter.
var jsonPlan = plan{
	encode: func(_ *encoder, v reflect.Value, depth int) (types.AttributeValue, error) {
		text, err := marshal(v)
		if err != nil {
			return nil, err
		}
		return fromJSON(text, depth)
	},
	decode: func(encoded types.AttributeValue, v reflect.Value, _ int) error {
		text, err := toJSON(encoded)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, v.Addr().Interface())
	},
}

// ownJSONPlan is for a type with own JSON or text. Where encoding/json treats
// it in a field unlike alone, it goes through a struct with one field.
func ownJSONPlan(t reflect.Type, o options) plan {
	switch {
	case o.jsonText:
		return fieldPlan(t, `json:"v,string"`)
	case t.Name() == "":
		return fieldPlan(t, `json:"v"`)
	}
	return jsonPlan
}

// textPlan is for a type with encoding.TextMarshaler or TextUnmarshaler.
func textPlan(t reflect.Type, o options) plan {
	if !t.Implements(textMarshalerType) || !reflect.PointerTo(t).Implements(textUnmarshalerType) || t.Name() == "" || o.jsonText {
		return ownJSONPlan(t, o)
	}
	return plan{
		encode: func(e *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
			text, err := addressable(v).Addr().Interface().(encoding.TextMarshaler).MarshalText()
			if err != nil {
				return nil, err
			}
			return e.newString(validText(string(text))), nil
		},
		decode: func(encoded types.AttributeValue, v reflect.Value, _ int) error {
			s, ok := encoded.(*types.AttributeValueMemberS)
			if !ok {
				return decodeOther(encoded, v, "S")
			}
			return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s.Value))
		},
		scalar: stringValue,
	}
}

const fieldStart, fieldEnd = `{"v":`, `}`

func fieldPlan(t reflect.Type, tag reflect.StructTag) plan {
	holder := reflect.StructOf([]reflect.StructField{{Name: "V", Type: t, Tag: tag}})
	return plan{
		encode: func(_ *encoder, v reflect.Value, depth int) (types.AttributeValue, error) {
			held := reflect.New(holder).Elem()
			held.Field(0).Set(v)
			if !v.CanAddr() {
				held = reflect.ValueOf(held.Interface())
			}
			text, err := marshal(held)
			if err != nil {
				return nil, err
			}
			return fromJSON(bytes.TrimSuffix(bytes.TrimPrefix(text, []byte(fieldStart)), []byte(fieldEnd)), depth)
		},
		decode: func(encoded types.AttributeValue, v reflect.Value, _ int) error {
			text, err := toJSON(encoded)
			if err != nil {
				return err
			}
			held := reflect.New(holder)
			if err := json.Unmarshal([]byte(fieldStart+string(text)+fieldEnd), held.Interface()); err != nil {
				return err
			}
			v.Set(held.Elem().Field(0))
			return nil
		},
	}
}
