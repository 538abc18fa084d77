package avcodec

import (
	"reflect"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type (
	// encodeFunc encodes a value at a depth of lists and maps.
	encodeFunc func(e *encoder, v reflect.Value, depth int) (types.AttributeValue, error)
	// decodeFunc decodes into v, which can be set and addressed.
	decodeFunc func(encoded types.AttributeValue, v reflect.Value, depth int) error
)

// plan is how values of one type, under the options of one tag, are encoded
// and decoded.
type plan struct {
	encode encodeFunc
	decode decodeFunc
	// scalar is what encode takes from the encoder's slabs.
	scalar scalar
	// plainText says that the value is a string and an S as it is.
	plainText bool
}

type scalar byte

const (
	otherValue scalar = iota
	stringValue
	numberValue
)

// options are the parts of a field's tag that change the form of its value.
type options struct {
	asString bool   // number or bool as S
	jsonText bool   // asString, by a json tag
	unixTime bool   // time as N, in seconds
	set      setOf  // list as a set
	elem     elemAs // of lists and maps
}

type setOf byte

const (
	notSet setOf = iota
	stringSet
	numberSet
	binarySet
)

type elemAs struct{ omitZero, nullZero bool }

type planKey struct {
	typ     reflect.Type
	options options
}

var (
	plans    sync.Map // planKey to *plan; only such that are whole
	building sync.Mutex
)

// planOf returns the plan for key, the same each time.
func planOf(key planKey) *plan {
	if known, ok := plans.Load(key); ok {
		return known.(*plan)
	}
	building.Lock()
	defer building.Unlock()
	b := builder{}
	made := b.plan(key)
	for key, p := range b {
		plans.Store(key, p)
	}
	return made
}

// builder holds the plans in the making: a recursive type finds itself here.
type builder map[planKey]*plan

func (b builder) plan(key planKey) *plan {
	if known, ok := plans.Load(key); ok {
		return known.(*plan)
	}
	if p, ok := b[key]; ok {
		return p
	}
	p := &plan{}
	b[key] = p
	*p = b.compile(key.typ, key.options)
	return p
}

func (b builder) compile(t reflect.Type, o options) plan {
	p := b.compileWithoutOwn(t, o)
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return p
	}
	pointer := reflect.PointerTo(t)
	if pointer.Implements(marshalerType) {
		p.encode, p.scalar, p.plainText = encodeOwn, otherValue, false
	}
	if pointer.Implements(unmarshalerType) {
		p.decode, p.plainText = decodeOwn, false
	}
	return p
}

// compileWithoutOwn knows nothing of the methods with which a type makes its
// own attribute value.
func (b builder) compileWithoutOwn(t reflect.Type, o options) plan {
	switch {
	case o.unixTime && t.Kind() == reflect.Struct && t.ConvertibleTo(timeType):
		return plan{encode: encodeUnixTime, decode: decodeUnixTime, scalar: numberValue}
	case t == timeType:
		return plan{encode: encodeTime, decode: decodeTime, scalar: stringValue}
	case t == jsonNumberType && o.asString:
		return plan{encode: encodeNumberAsString, decode: decodeJSONNumber, scalar: stringValue}
	case t == jsonNumberType:
		return plan{encode: encodeJSONNumber, decode: decodeJSONNumber, scalar: numberValue}
	case t.Kind() == reflect.Pointer:
		return b.pointer(t, o)
	case t.Kind() == reflect.Interface && t.NumMethod() == 0:
		return plan{encode: encodeDynamic, decode: decodeDynamic}
	case t.Kind() == reflect.Interface:
		return jsonPlan
	case hasOwnJSON(t):
		return ownJSONPlan(t, o)
	case hasTextMethods(t):
		return textPlan(t, o)
	case t.Kind() == reflect.String && t.Implements(numeralType):
		return plan{encode: encodeNumeral, decode: decodeNumeral}
	}
	return b.byKind(t, o)
}

func (b builder) byKind(t reflect.Type, o options) plan {
	switch t.Kind() {
	case reflect.String:
		return plan{encode: encodeString, decode: decodeString, scalar: stringValue, plainText: true}
	case reflect.Bool:
		return boolPlan(o)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return numberPlan(o, encodeInt, appendInt, decodeInt)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return numberPlan(o, encodeUint, appendUint, decodeUint)
	case reflect.Float32, reflect.Float64:
		bits := floatBits(t.Bits())
		return numberPlan(o, bits.encode, bits.appendText, bits.decode)
	case reflect.Struct:
		return b.structure(t)
	case reflect.Map:
		return b.mapping(t, o)
	case reflect.Slice, reflect.Array:
		return b.list(t, o)
	}
	return jsonPlan // refuses channels, functions and complex numbers
}

var timeType = reflect.TypeFor[time.Time]()

// pointer plans *T: NULL, or what T is.
func (b builder) pointer(t reflect.Type, o options) plan {
	elem := b.plan(planKey{t.Elem(), o})
	deeper := 0
	if kind := t.Elem().Kind(); kind == reflect.Pointer || kind == reflect.Interface {
		deeper = 1 // a chain of pointers could be a ring
	}
	return plan{
		encode: func(e *encoder, v reflect.Value, depth int) (types.AttributeValue, error) {
			switch {
			case v.IsNil():
				return null, nil
			case depth > maxDepth && deeper > 0:
				return escape(v)
			}
			return elem.encode(e, v.Elem(), depth+deeper)
		},
		decode: func(encoded types.AttributeValue, v reflect.Value, depth int) error {
			switch {
			case isNull(encoded):
				v.SetZero()
				return nil
			case v.IsNil():
				v.Set(reflect.New(t.Elem()))
			}
			return elem.decode(encoded, v.Elem(), depth+deeper)
		},
		scalar: elem.scalar,
	}
}
