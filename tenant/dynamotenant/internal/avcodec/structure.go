package avcodec

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// structure is the plan of a struct: an M of its fields.
type structure struct {
	fields           []field
	byName, byFolded map[string]*field
	strings, numbers int // fields that are an S, an N
}

func (b builder) structure(t reflect.Type) plan {
	s := &structure{fields: fieldsOf(t), byName: map[string]*field{}, byFolded: map[string]*field{}}
	for i := range s.fields {
		f := &s.fields[i]
		f.plan = b.plan(planKey{t.FieldByIndex(f.path).Type, f.options})
		f.direct, f.first = len(f.path) == 1, f.path[0]
		f.plainText = f.direct && f.plan.plainText
		switch f.plan.scalar {
		case stringValue:
			s.strings++
		case numberValue:
			s.numbers++
		}
		s.byName[f.name] = f
		if folded := fold(f.name); s.byFolded[folded] == nil {
			s.byFolded[folded] = f
		}
	}
	return plan{encode: s.encode, decode: s.decode}
}

func (s *structure) encode(e *encoder, v reflect.Value, depth int) (types.AttributeValue, error) {
	if depth > maxDepth {
		return escape(v)
	}
	outer := e.slabs
	e.slabs = newSlabs(s.strings, s.numbers)
	item := make(map[string]types.AttributeValue, len(s.fields))
	for i := range s.fields {
		f := &s.fields[i]
		member, ok := f.of(v)
		if !ok || f.omit != nil && f.omit(member) {
			continue
		}
		if f.null != nil && f.null(member) {
			item[f.name] = null
			continue
		}
		if f.plainText {
			item[f.name] = e.newString(validText(member.String()))
			continue
		}
		encoded, err := f.plan.encode(e, member, depth+1)
		if err != nil {
			return nil, withinField(f.name, err)
		}
		item[f.name] = encoded
	}
	e.slabs = outer
	return &types.AttributeValueMemberM{Value: item}, nil
}

func (s *structure) decode(encoded types.AttributeValue, v reflect.Value, depth int) error {
	m, ok := encoded.(*types.AttributeValueMemberM)
	switch {
	case !ok:
		return decodeOther(encoded, v, "M")
	case depth > maxDecodeDepth:
		return errTooDeep
	}
	found := 0
	for i := range s.fields {
		f := &s.fields[i]
		member, ok := m.Value[f.name]
		if !ok {
			continue
		}
		found++
		var err error
		if text, ok := member.(*types.AttributeValueMemberS); ok && f.plainText {
			v.Field(f.first).SetString(text.Value)
		} else if f.direct {
			err = f.plan.decode(member, v.Field(f.first), depth+1)
		} else {
			err = f.decode(member, v, depth)
		}
		if err != nil {
			return withinField(f.name, err)
		}
	}
	if found < len(m.Value) {
		return s.decodeFolded(m.Value, v, depth)
	}
	return nil
}

// decodeFolded decodes attributes whose name differs from a field's in case
// only, as encoding/json does, unless the field has its own attribute. The
// last of several in the order of names wins.
func (s *structure) decodeFolded(item map[string]types.AttributeValue, v reflect.Value, depth int) error {
	for _, name := range slices.Sorted(maps.Keys(item)) {
		if s.byName[name] != nil {
			continue
		}
		f := s.byFolded[fold(name)]
		if f == nil {
			continue
		}
		if _, ok := item[f.name]; ok {
			continue
		}
		if err := f.decode(item[name], v, depth); err != nil {
			return withinField(name, err)
		}
	}
	return nil
}

func (f *field) decode(encoded types.AttributeValue, v reflect.Value, depth int) error {
	v = v.Field(f.path[0])
	for _, i := range f.path[1:] {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return fmt.Errorf("the embedded pointer to %s can't be set", v.Type().Elem())
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return f.plan.decode(encoded, v, depth+1)
}
