package avcodec

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// mapping is the plan of a map: an M.
type mapping struct {
	elem      *plan
	elemAs    elemAs
	keyText   func(reflect.Value) (string, error)
	decodeKey func(string, reflect.Value) error
}

var stringMapType = reflect.TypeFor[map[string]string]()

func (b builder) mapping(t reflect.Type, o options) plan {
	if t == stringMapType && o.elem == (elemAs{}) {
		return plan{encode: encodeStringMap, decode: decodeStringMap}
	}
	m := &mapping{elemAs: o.elem, keyText: keyTextOf(t.Key()), decodeKey: decodeKeyOf(t.Key())}
	if m.keyText == nil || m.decodeKey == nil {
		return jsonPlan // refuses one direction or both
	}
	m.elem = b.plan(planKey{t.Elem(), options{elem: o.elem}})
	return plan{encode: m.encode, decode: m.decode}
}

func encodeStringMap(_ *encoder, v reflect.Value, depth int) (types.AttributeValue, error) {
	entries, _ := reflect.TypeAssert[map[string]string](v)
	switch {
	case entries == nil:
		return null, nil
	case depth > maxDepth:
		return escape(v)
	}
	values := make([]types.AttributeValueMemberS, len(entries))
	item := make(map[string]types.AttributeValue, len(entries))
	for key, value := range entries {
		if !isName(key) {
			return escape(v)
		}
		next := &values[len(item)]
		next.Value = validText(value)
		item[key] = next
	}
	return &types.AttributeValueMemberM{Value: item}, nil
}

func decodeStringMap(encoded types.AttributeValue, v reflect.Value, _ int) error {
	m, ok := encoded.(*types.AttributeValueMemberM)
	if !ok {
		return decodeOther(encoded, v, "M")
	}
	entries := make(map[string]string, len(m.Value))
	for key, value := range m.Value {
		s, ok := value.(*types.AttributeValueMemberS)
		switch {
		case ok:
			entries[key] = s.Value
		case isNull(value):
			entries[key] = ""
		default:
			return withinField(key, fmt.Errorf("want S for string, have %s", formOf(value)))
		}
	}
	*v.Addr().Interface().(*map[string]string) = entries
	return nil
}

func (m *mapping) encode(e *encoder, v reflect.Value, depth int) (types.AttributeValue, error) {
	switch {
	case v.IsNil():
		return null, nil
	case depth > maxDepth:
		return escape(v)
	}
	outer := e.slabs
	e.slabs = slabsOf(m.elem, v.Len())
	item := make(map[string]types.AttributeValue, v.Len())
	for entries := v.MapRange(); entries.Next(); {
		value := entries.Value()
		if m.elemAs.omitZero && isAttributeZero(value) {
			continue
		}
		key, err := m.keyText(entries.Key())
		if err != nil {
			return nil, err
		}
		if _, taken := item[key]; taken || !isName(key) {
			e.slabs = outer
			return escape(v) // encoding/json decides which of them is seen
		}
		if m.elemAs.nullZero && isAttributeZero(value) {
			item[key] = null
			continue
		}
		if item[key], err = m.elem.encode(e, value, depth+1); err != nil {
			return nil, withinField(key, err)
		}
	}
	e.slabs = outer
	return &types.AttributeValueMemberM{Value: item}, nil
}

func (m *mapping) decode(encoded types.AttributeValue, v reflect.Value, depth int) error {
	item, ok := encoded.(*types.AttributeValueMemberM)
	switch {
	case !ok:
		return decodeOther(encoded, v, "M")
	case depth > maxDecodeDepth:
		return errTooDeep
	}
	t := v.Type()
	if v.IsNil() {
		v.Set(reflect.MakeMapWithSize(t, len(item.Value)))
	}
	key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	for name, member := range item.Value {
		key.SetZero()
		value.SetZero()
		if err := m.decodeKey(name, key); err != nil {
			return withinField(name, err)
		}
		if err := m.elem.decode(member, value, depth+1); err != nil {
			return withinField(name, err)
		}
		v.SetMapIndex(key, value)
	}
	return nil
}

var (
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonMarshalerType   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

// keyTextOf returns how encoding/json writes keys of this type, nil if it
// doesn't. A string is itself, whatever methods it has.
func keyTextOf(t reflect.Type) func(reflect.Value) (string, error) {
	switch kind := t.Kind(); {
	case kind == reflect.String:
		return func(v reflect.Value) (string, error) { return v.String(), nil }
	case kind == reflect.Pointer || kind == reflect.Interface:
		return nil
	case t.Implements(textMarshalerType):
		return func(v reflect.Value) (string, error) {
			text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
			return string(text), err
		}
	case reflect.Int <= kind && kind <= reflect.Int64:
		return func(v reflect.Value) (string, error) { return strconv.FormatInt(v.Int(), 10), nil }
	case reflect.Uint <= kind && kind <= reflect.Uintptr:
		return func(v reflect.Value) (string, error) { return strconv.FormatUint(v.Uint(), 10), nil }
	}
	return nil
}

// decodeKeyOf returns how encoding/json reads keys of this type, nil if it
// doesn't.
func decodeKeyOf(t reflect.Type) func(string, reflect.Value) error {
	pointer := reflect.PointerTo(t)
	switch kind := t.Kind(); {
	case pointer.Implements(textUnmarshalerType) && pointer.Implements(jsonUnmarshalerType):
		return func(key string, v reflect.Value) error {
			text, err := json.Marshal(key)
			if err != nil {
				return err
			}
			return v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(text)
		}
	case pointer.Implements(textUnmarshalerType):
		return func(key string, v reflect.Value) error {
			return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(key))
		}
	case kind == reflect.String:
		return func(key string, v reflect.Value) error {
			v.SetString(key)
			return nil
		}
	case reflect.Int <= kind && kind <= reflect.Int64:
		return func(key string, v reflect.Value) error {
			i, err := strconv.ParseInt(key, 10, 64)
			if err != nil || v.OverflowInt(i) {
				return fmt.Errorf("the key is no %s", v.Type())
			}
			v.SetInt(i)
			return nil
		}
	case reflect.Uint <= kind && kind <= reflect.Uintptr:
		return func(key string, v reflect.Value) error {
			u, err := strconv.ParseUint(key, 10, 64)
			if err != nil || v.OverflowUint(u) {
				return fmt.Errorf("the key is no %s", v.Type())
			}
			v.SetUint(u)
			return nil
		}
	}
	return nil
}
