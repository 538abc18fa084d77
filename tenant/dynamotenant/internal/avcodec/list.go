package avcodec

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// list is the plan of a slice or array: an L, or a set if its tag says so.
type list struct {
	elem   *plan
	elemAs elemAs
	set    setOf
}

func (b builder) list(t reflect.Type, o options) plan {
	if t.Elem().Kind() == reflect.Uint8 && o.set == notSet {
		pointer := reflect.PointerTo(t.Elem())
		switch {
		case !pointer.Implements(jsonMarshalerType) && !pointer.Implements(textMarshalerType):
			return plan{encode: encodeBytes, decode: decodeBytes}
		case t.Kind() == reflect.Slice:
			return jsonPlan // bytes that are more than bytes
		}
	}
	l := &list{elemAs: o.elem, set: o.set, elem: b.plan(planKey{t.Elem(), options{elem: o.elem}})}
	if l.set != notSet {
		return plan{encode: l.encodeSet, decode: l.decode}
	}
	return plan{encode: l.encode, decode: l.decode}
}

func encodeBytes(_ *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return null, nil
	}
	data := make([]byte, v.Len())
	if v.Kind() == reflect.Slice || v.CanAddr() {
		copy(data, v.Bytes())
		return &types.AttributeValueMemberB{Value: data}, nil
	}
	for i := range data {
		data[i] = byte(v.Index(i).Uint())
	}
	return &types.AttributeValueMemberB{Value: data}, nil
}

// decodeBytes takes numbers as well, which is an array's other form.
func decodeBytes(encoded types.AttributeValue, v reflect.Value, depth int) error {
	switch encoded := encoded.(type) {
	case *types.AttributeValueMemberB:
		if v.Kind() == reflect.Slice {
			v.Set(reflect.MakeSlice(v.Type(), len(encoded.Value), len(encoded.Value)))
		} else {
			v.SetZero()
		}
		copy(v.Bytes(), encoded.Value)
		return nil
	case *types.AttributeValueMemberL:
		numbers := list{elem: planOf(planKey{typ: v.Type().Elem()})}
		return numbers.decode(encoded, v, depth)
	}
	return decodeOther(encoded, v, "B")
}

func (l *list) encode(e *encoder, v reflect.Value, depth int) (types.AttributeValue, error) {
	switch {
	case v.Kind() == reflect.Slice && v.IsNil():
		return null, nil
	case depth > maxDepth:
		return escape(v)
	}
	elems, err := l.encodeElems(e, v, depth)
	if err != nil {
		return nil, err
	}
	return &types.AttributeValueMemberL{Value: elems}, nil
}

func (l *list) encodeElems(e *encoder, v reflect.Value, depth int) ([]types.AttributeValue, error) {
	outer := e.slabs
	e.slabs = slabsOf(l.elem, v.Len())
	elems := make([]types.AttributeValue, 0, v.Len())
	for i := range v.Len() {
		elem := v.Index(i)
		switch {
		case l.elemAs.omitZero && isAttributeZero(elem):
			continue
		case l.elemAs.nullZero && isAttributeZero(elem):
			elems = append(elems, null)
			continue
		}
		encoded, err := l.elem.encode(e, elem, depth+1)
		if err != nil {
			return nil, withinElem(i, err)
		}
		elems = append(elems, encoded)
	}
	e.slabs = outer
	return elems, nil
}

var errTwice = errors.New("a set holds nothing twice")

// encodeSet writes NULL for an empty set, since DynamoDB has none.
func (l *list) encodeSet(e *encoder, v reflect.Value, depth int) (types.AttributeValue, error) {
	if v.Len() == 0 {
		return null, nil
	}
	elems, err := l.encodeElems(e, v, depth)
	if err != nil {
		return nil, err
	}
	e.settle()
	texts := make([]string, len(elems))
	seen := make(map[string]bool, len(elems))
	for i, elem := range elems {
		text, ok := l.setElem(elem)
		switch {
		case !ok:
			return nil, withinElem(i, fmt.Errorf("a %s in a set of another kind", formOf(elem)))
		case seen[text]:
			return nil, withinElem(i, errTwice)
		}
		texts[i], seen[text] = text, true
	}
	return l.newSet(texts), nil
}

func (l *list) setElem(elem types.AttributeValue) (string, bool) {
	switch elem := elem.(type) {
	case *types.AttributeValueMemberS:
		return elem.Value, l.set == stringSet
	case *types.AttributeValueMemberN:
		return elem.Value, l.set == numberSet
	case *types.AttributeValueMemberB:
		return string(elem.Value), l.set == binarySet
	}
	return "", false
}

func (l *list) newSet(elems []string) types.AttributeValue {
	switch {
	case len(elems) == 0:
		return null
	case l.set == stringSet:
		return &types.AttributeValueMemberSS{Value: elems}
	case l.set == numberSet:
		return &types.AttributeValueMemberNS{Value: elems}
	}
	set := make([][]byte, len(elems))
	for i, elem := range elems {
		set[i] = []byte(elem)
	}
	return &types.AttributeValueMemberBS{Value: set}
}

func (l *list) decode(encoded types.AttributeValue, v reflect.Value, depth int) error {
	elems, ok := elemsOf(encoded)
	switch {
	case !ok:
		return decodeOther(encoded, v, "L")
	case depth > maxDecodeDepth:
		return errTooDeep
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), len(elems), len(elems)))
	default:
		v.SetZero()
		elems = elems[:min(len(elems), v.Len())]
	}
	for i, elem := range elems {
		if err := l.elem.decode(elem, v.Index(i), depth+1); err != nil {
			return withinElem(i, err)
		}
	}
	return nil
}

// elemsOf returns the elements of a list or set.
func elemsOf(encoded types.AttributeValue) (elems []types.AttributeValue, ok bool) {
	switch encoded := encoded.(type) {
	case *types.AttributeValueMemberL:
		return encoded.Value, true
	case *types.AttributeValueMemberSS:
		for _, s := range encoded.Value {
			elems = append(elems, &types.AttributeValueMemberS{Value: s})
		}
		return elems, true
	case *types.AttributeValueMemberNS:
		for _, n := range encoded.Value {
			elems = append(elems, &types.AttributeValueMemberN{Value: n})
		}
		return elems, true
	case *types.AttributeValueMemberBS:
		for _, b := range encoded.Value {
			elems = append(elems, &types.AttributeValueMemberB{Value: b})
		}
		return elems, true
	}
	return nil, false
}
