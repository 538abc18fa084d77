package avcodec

import (
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// field is a member of a struct, perhaps through embedded structs.
type field struct {
	name    string
	tagged  bool  // the name is from a tag
	path    []int // of indexes
	options options
	omit    func(reflect.Value) bool // nil: never left out
	null    func(reflect.Value) bool // nil: never NULL instead

	plan      *plan
	first     int  // path[0]
	direct    bool // path has no more
	plainText bool // direct, and plan.plainText
}

// of returns the field of v, or false if an embedded pointer on the way is nil.
func (f *field) of(v reflect.Value) (reflect.Value, bool) {
	v = v.Field(f.first)
	if f.direct {
		return v, true
	}
	for _, i := range f.path[1:] {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// fieldsOf returns the fields of a struct that are encoded, in order of their
// declaration. Of those with one name the least deeply embedded wins; among
// equals the only one that has its name from a tag; otherwise none.
func fieldsOf(t reflect.Type) []field {
	byName := map[string][]*field{}
	var names []string
	collect(t, nil, nil, func(f *field) {
		if byName[f.name] == nil {
			names = append(names, f.name)
		}
		byName[f.name] = append(byName[f.name], f)
	})
	var fields []field
	for _, name := range names {
		if f := dominant(byName[name]); f != nil {
			fields = append(fields, *f)
		}
	}
	slices.SortFunc(fields, func(a, b field) int { return slices.Compare(a.path, b.path) })
	return fields
}

// collect visits the fields of t, and those of structs embedded in it, which
// lies at path inside the structs of type above.
func collect(t reflect.Type, path []int, above []reflect.Type, visit func(*field)) {
	if slices.Contains(above, t) {
		return // its fields are there already, less deep
	}
	above = append(slices.Clip(above), t)
	for i := range t.NumField() {
		member := t.Field(i)
		elem := member.Type
		if elem.Kind() == reflect.Pointer && elem.Name() == "" {
			elem = elem.Elem()
		}
		if !member.IsExported() && (!member.Anonymous || elem.Kind() != reflect.Struct) {
			continue
		}
		f, ok := newField(member, elem)
		switch f.path = append(slices.Clone(path), i); {
		case !ok:
		case member.Anonymous && !f.tagged && elem.Kind() == reflect.Struct:
			collect(elem, f.path, above, visit)
		default:
			visit(f)
		}
	}
}

func dominant(fields []*field) *field {
	least := slices.MinFunc(fields, func(a, b *field) int { return len(a.path) - len(b.path) })
	rivals := slices.DeleteFunc(slices.Clone(fields), func(f *field) bool { return len(f.path) > len(least.path) })
	if slices.ContainsFunc(rivals, func(f *field) bool { return f.tagged }) {
		rivals = slices.DeleteFunc(rivals, func(f *field) bool { return !f.tagged })
	}
	if len(rivals) != 1 {
		return nil
	}
	return rivals[0]
}

// newField reads the tag of a member whose type, or the type it points to, is
// elem. It returns false if the member is left out.
func newField(member reflect.StructField, elem reflect.Type) (*field, bool) {
	if tag := member.Tag.Get("dynamodbav"); tag != "" {
		return newAttributeField(member, strings.Split(tag, ","))
	}
	tag := member.Tag.Get("json")
	parts := strings.Split(tag, ",")
	f := &field{name: member.Name}
	if isJSONName(parts[0]) {
		f.name, f.tagged = parts[0], true
	}
	omitEmpty, omitZero := slices.Contains(parts[1:], "omitempty"), slices.Contains(parts[1:], "omitzero")
	switch {
	case omitEmpty && omitZero:
		empty, zero := emptyTest(member.Type), zeroTest(member.Type)
		f.omit = func(v reflect.Value) bool { return empty(v) || zero(v) }
	case omitEmpty:
		f.omit = emptyTest(member.Type)
	case omitZero:
		f.omit = zeroTest(member.Type)
	}
	if slices.Contains(parts[1:], "string") && isBasic(elem.Kind()) {
		f.options.asString, f.options.jsonText = true, true
	}
	return f, tag != "-"
}

// newAttributeField reads a dynamodbav tag.
func newAttributeField(member reflect.StructField, parts []string) (*field, bool) {
	f := &field{name: member.Name}
	if parts[0] != "" {
		f.name, f.tagged = parts[0], true
	}
	for _, option := range parts[1:] {
		switch option {
		case "omitempty":
			f.omit = isAttributeZero
		case "nullempty":
			f.null = isAttributeZero
		case "omitemptyelem":
			f.options.elem.omitZero = true
		case "nullemptyelem":
			f.options.elem.nullZero = true
		case "string":
			f.options.asString = true
		case "stringset":
			f.options.set = stringSet
		case "numberset":
			f.options.set = numberSet
		case "binaryset":
			f.options.set = binarySet
		case "unixtime":
			f.options.unixTime = true
		}
	}
	return f, parts[0] != "-"
}

// isJSONName reports whether encoding/json takes s as a name.
func isJSONName(s string) bool {
	const punctuation = "!#$%&()*+-./:;<=>?@[]^_{|}~ "
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(punctuation, r)
	})
}

func isBasic(kind reflect.Kind) bool {
	return kind == reflect.String || kind >= reflect.Bool && kind <= reflect.Float64
}

// emptyTest is json's omitempty.
func emptyTest(t reflect.Type) func(reflect.Value) bool {
	switch kind := t.Kind(); {
	case kind == reflect.Array || kind == reflect.Map || kind == reflect.Slice || kind == reflect.String:
		return func(v reflect.Value) bool { return v.Len() == 0 }
	case isBasic(kind) || kind == reflect.Interface || kind == reflect.Pointer:
		return reflect.Value.IsZero
	}
	return func(reflect.Value) bool { return false }
}

type isZeroer interface{ IsZero() bool }

var isZeroerType = reflect.TypeFor[isZeroer]()

// zeroTest is json's omitzero.
func zeroTest(t reflect.Type) func(reflect.Value) bool {
	switch {
	case t.Implements(isZeroerType):
		return func(v reflect.Value) bool {
			if v.Kind() == reflect.Interface {
				if v.IsNil() || v.Elem().Kind() == reflect.Pointer && v.Elem().IsNil() {
					return true
				}
			} else if v.Kind() == reflect.Pointer && v.IsNil() {
				return true
			}
			return v.Interface().(isZeroer).IsZero()
		}
	case reflect.PointerTo(t).Implements(isZeroerType):
		return func(v reflect.Value) bool { return addressable(v).Addr().Interface().(isZeroer).IsZero() }
	}
	return reflect.Value.IsZero
}

// isAttributeZero is what attributevalue takes as zero.
func isAttributeZero(v reflect.Value) bool {
	switch kind := v.Kind(); {
	case kind == reflect.Array:
		return v.Len() == 0
	case kind == reflect.Map || kind == reflect.Slice || kind == reflect.Interface || kind == reflect.Pointer:
		return v.IsNil()
	}
	return isBasic(v.Kind()) && v.IsZero()
}

// fold returns the same for names that encoding/json takes for each other.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, name)
}
