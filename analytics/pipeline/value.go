package pipeline

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

// Kind is the type of a value, as the SQL of AWS IoT names them.
type Kind uint8

// The kinds of values.
const (
	Undefined Kind = iota
	Null
	Boolean
	Int
	Decimal
	String
	Array
	Object
)

// value is what an expression computes with.
type value struct {
	kind  Kind
	truth bool
	// long: the text of a number may have more digits than the number.
	long   bool
	number number
	// text holds the characters of a String, the JSON of an Array or Object, or
	// what a long number was read from.
	text []byte
}

func (v *value) isNumber() bool { return v.kind == Int || v.kind == Decimal }

func truth(b bool) value { return value{kind: Boolean, truth: b} }

// The setters leave what the kind does not use.
func (v *value) setTruth(b bool)     { v.kind, v.truth = Boolean, b }
func (v *value) setInt(n number)     { v.kind, v.number, v.long = Int, n, false }
func (v *value) setDecimal(n number) { v.kind, v.number, v.long = Decimal, n, false }

// keepText keeps the text that a number was read from, if that has digits which
// were cut off.
func (v *value) keepText(text []byte) {
	if len(text) > maxDigits {
		v.long, v.text = true, text
	}
}

// read sets a value from JSON that has been checked.
func (r *run) read(raw []byte, out *value) {
	switch raw[0] {
	case '"':
		out.kind, out.text = String, r.unquote(raw)
		return
	case '{':
		out.kind, out.text = Object, raw
		return
	case '[':
		out.kind, out.text = Array, raw
		return
	case 't', 'f':
		out.setTruth(raw[0] == 't')
		return
	case 'n':
		out.kind = Null
		return
	}
	n, ok := r.decimals.parseNumber(raw)
	switch {
	case !ok:
		out.kind = Undefined
	case n.isWhole():
		out.setInt(n)
	default:
		out.setDecimal(n)
	}
	out.keepText(raw)
}

// unquote returns the characters of a JSON string.
func (r *run) unquote(raw []byte) []byte {
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	start := len(r.scratch)
	r.scratch = jsonscan.AppendText(r.scratch, text)
	return r.scratch[start:len(r.scratch):len(r.scratch)]
}

// appendJSON writes the value; an undefined one is null.
func (v *value) appendJSON(b []byte) []byte {
	switch v.kind {
	case Boolean:
		if v.truth {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case Int, Decimal:
		return v.number.append(b)
	case String:
		return appendQuoted(b, v.text)
	case Array, Object:
		return append(b, v.text...)
	}
	return append(b, "null"...)
}

// appendText writes what a concatenation shows of the value.
func (v *value) appendText(b []byte) []byte {
	if v.kind == String {
		return append(b, v.text...)
	}
	return v.appendJSON(b)
}

const hexDigits = "0123456789abcdef"

// appendQuoted writes a JSON string. Bytes that are no UTF-8 become U+FFFD.
func appendQuoted(b, text []byte) []byte {
	b = append(b, '"')
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, size := utf8.DecodeRune(text[i:])
			b = utf8.AppendRune(b, r)
			i += size
			continue
		}
		i++
	}
	return append(b, '"')
}

// equal compares two values of one kind, or two numbers.
func (r *run) equal(a, b *value) bool {
	switch {
	case a.isNumber() && b.isNumber():
		return r.decimals.compare(&a.number, &b.number) == 0
	case a.kind != b.kind:
		return false
	}
	switch a.kind {
	case Boolean:
		return a.truth == b.truth
	case String:
		return bytes.Equal(a.text, b.text)
	case Array, Object:
		return r.same(parseTree(a.text), parseTree(b.text))
	}
	return true
}

// parseTree reads checked JSON.
func parseTree(raw []byte) (tree any) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		return nil
	}
	return tree
}

// same compares trees: arrays in order, objects in any.
func (r *run) same(a, b any) bool {
	switch x := a.(type) {
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !r.same(x[i], y[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for name := range x {
			if other, ok := y[name]; !ok || !r.same(x[name], other) {
				return false
			}
		}
		return true
	case json.Number:
		y, ok := b.(json.Number)
		if !ok {
			return false
		}
		m, fine := r.decimals.parseNumber([]byte(x))
		n, ok := r.decimals.parseNumber([]byte(y))
		return ok && fine && r.decimals.compare(&m, &n) == 0
	}
	return a == b
}
