package duckanalytics

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// Bounds of inferred types; what is beyond them is JSON text.
const (
	maxMembers    = 250
	maxJSONLevels = 20
	// maxColumns are those of a table.
	maxColumns = 2000
)

// jsonKind orders what values of a member are.
type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonInt
	jsonDouble
	jsonText
	jsonObject
	jsonArray
	// jsonMixed is shown as JSON text.
	jsonMixed
)

// jsonType is the narrowest type that holds all values seen: integers widen to
// doubles, other scalars to text, and what is an object here and something else
// there to JSON text.
type jsonType struct {
	kind jsonKind
	// fields are the members of an object by name as written. Those that differ in
	// case are one, which order has once.
	fields map[string]*jsonType
	order  []*jsonType
	// name is that of a member in lower case, spellings are how it is written.
	name      string
	spellings []string
	elem      *jsonType
}

// observe reads a JSON value and widens the type by it.
func (t *jsonType) observe(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := t.value(decoder, 0); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than a value")
	}
	return nil
}

func (t *jsonType) value(decoder *json.Decoder, level int) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	switch token := token.(type) {
	case bool:
		t.widen(jsonBool)
	case string:
		t.widen(jsonText)
	case json.Number:
		t.widen(kindOfNumber(token))
	case json.Delim:
		if token == '{' {
			return t.object(decoder, level)
		}
		return t.array(decoder, level)
	}
	return nil
}

func kindOfNumber(n json.Number) jsonKind {
	if _, err := n.Int64(); err == nil {
		return jsonInt
	}
	return jsonDouble
}

func (t *jsonType) widen(kind jsonKind) {
	low, high := min(t.kind, kind), max(t.kind, kind)
	switch {
	case low == jsonNull || low == high:
		t.kind = high
	case low == jsonInt && high == jsonDouble:
		t.kind = jsonDouble
	case high <= jsonText:
		t.kind = jsonText
	default:
		t.kind = jsonMixed
	}
}

func (t *jsonType) object(decoder *json.Decoder, level int) error {
	t.widen(jsonObject)
	if t.fields == nil {
		t.fields = make(map[string]*jsonType)
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		field := t.fields[key]
		if field == nil {
			if len(t.fields) >= maxMembers && level > 0 || len(t.fields) >= maxColumns || level >= maxJSONLevels {
				field, t.kind = &jsonType{}, jsonMixed // its members are not columns
			} else {
				field = t.member(key)
			}
		}
		if err := field.value(decoder, level+1); err != nil {
			return err
		}
	}
	_, err := decoder.Token()
	return err
}

// member returns the member of a name that is written in a new way.
func (t *jsonType) member(key string) *jsonType {
	name := strings.ToLower(key)
	i := slices.IndexFunc(t.order, func(field *jsonType) bool { return field.name == name })
	if i < 0 {
		i = len(t.order)
		t.order = append(t.order, &jsonType{name: name})
	}
	field := t.order[i]
	field.spellings = append(field.spellings, key)
	t.fields[key] = field
	return field
}

func (t *jsonType) array(decoder *json.Decoder, level int) error {
	t.widen(jsonArray)
	if t.elem == nil {
		t.elem = &jsonType{}
	}
	for decoder.More() {
		before := t.elem.kind
		if err := t.elem.value(decoder, level+1); err != nil {
			return err
		}
		// Elements that only a text holds make the array a text.
		if t.elem.kind == jsonText && before != jsonNull && before != jsonText {
			t.elem.kind = jsonMixed
		}
	}
	if t.elem.kind == jsonMixed {
		t.kind = jsonMixed
	}
	_, err := decoder.Token()
	return err
}

// duck is the type in DuckDB.
func (t *jsonType) duck() string {
	switch t.kind {
	case jsonBool:
		return "BOOLEAN"
	case jsonInt:
		return "BIGINT"
	case jsonDouble:
		return "DOUBLE"
	case jsonObject:
		if !t.isRow() {
			break
		}
		var fields []string
		for _, field := range t.order {
			fields = append(fields, quoteName(field.spellings[0])+" "+field.duck())
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")"
	case jsonArray:
		return t.elem.duck() + "[]"
	}
	return "VARCHAR"
}

// isRow reports whether the members of an object can be fields.
func (t *jsonType) isRow() bool {
	return len(t.order) > 0 && !slices.ContainsFunc(t.order, func(field *jsonType) bool {
		return field.name == "" || strings.ContainsRune(field.name, 0)
	})
}

// respelled reports whether a member below is written in several ways.
func (t *jsonType) respelled() bool {
	switch t.kind {
	case jsonObject:
		return t.isRow() && slices.ContainsFunc(t.order, func(field *jsonType) bool { return len(field.spellings) > 1 || field.respelled() })
	case jsonArray:
		return t.elem.respelled()
	}
	return false
}

// columns are the members of the top level in order of appearance, without
// those that the service or the lake added.
func (t *jsonType) columns() []*jsonType {
	return slices.DeleteFunc(slices.Clone(t.order), func(field *jsonType) bool {
		return strings.HasPrefix(field.name, "__") || field.name == "" || strings.ContainsRune(field.name, 0)
	})
}
