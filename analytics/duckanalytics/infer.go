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
	kind   jsonKind
	order  []string
	fields map[string]*jsonType
	elem   *jsonType
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
			field = &jsonType{}
			if len(t.fields) >= maxMembers && level > 0 || len(t.fields) >= maxColumns || level >= maxJSONLevels {
				t.kind = jsonMixed // its members are not columns
			} else {
				t.fields[key] = field
				t.order = append(t.order, key)
			}
		}
		if err := field.value(decoder, level+1); err != nil {
			return err
		}
	}
	_, err := decoder.Token()
	return err
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
		if len(t.fields) == 0 || t.ambiguous() {
			break
		}
		var fields []string
		for _, key := range t.order {
			fields = append(fields, quoteName(key)+" "+t.fields[key].duck())
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")"
	case jsonArray:
		return t.elem.duck() + "[]"
	}
	return "VARCHAR"
}

// ambiguous reports whether names differ in case only, or can't be names.
func (t *jsonType) ambiguous() bool {
	seen := make(map[string]bool, len(t.order))
	for _, key := range t.order {
		lower := strings.ToLower(key)
		if seen[lower] || lower == "" || strings.ContainsRune(key, 0) {
			return true
		}
		seen[lower] = true
	}
	return false
}

// jsonColumn is a column of a JSON table, and how its member is written.
type jsonColumn struct {
	name      string
	spellings []string
	jsonType  *jsonType
}

// columns are the members of the top level in order of appearance, without
// those that the service or the lake added. Those that differ in case are one.
func (t *jsonType) columns() []jsonColumn {
	var all []jsonColumn
	for _, key := range t.order {
		name := strings.ToLower(key)
		if strings.HasPrefix(name, "__") || name == "" || strings.ContainsRune(name, 0) {
			continue
		}
		i := slices.IndexFunc(all, func(c jsonColumn) bool { return c.name == name })
		if i < 0 {
			all = append(all, jsonColumn{name: name, spellings: []string{key}, jsonType: t.fields[key]})
			continue
		}
		all[i].spellings = append(all[i].spellings, key)
		all[i].jsonType = joined(all[i].jsonType, t.fields[key])
	}
	return all
}

// joined is the type of a member with two spellings.
func joined(a, b *jsonType) *jsonType {
	if a.kind <= jsonText && b.kind <= jsonText {
		to := &jsonType{kind: a.kind}
		to.widen(b.kind)
		return to
	}
	return &jsonType{kind: jsonMixed}
}
