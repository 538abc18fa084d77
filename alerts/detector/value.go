package detector

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// Kind is the type of a [Value].
type Kind uint8

// The kinds of values. Variables are Boolean, Integer, Decimal or String.
const (
	// Undefined: there is no value.
	Undefined Kind = iota
	// Null is JSON's null.
	Null
	Boolean
	// Integer is a whole number of 64 bits.
	Integer
	// Decimal is a number of 64 bits with a fraction or an exponent.
	Decimal
	String
	// Composite is a JSON object or array. Expressions can only ask whether
	// it is there.
	Composite
	// fault is the failure of an expression: bits holds its code and operand
	// kinds, text what failed.
	fault
)

var kindNames = [...]string{"undefined", "null", "Boolean", "Integer", "Decimal", "String", "object or array", "error"}

// String returns the name of the kind.
func (k Kind) String() string { return kindNames[k] }

// Value is a typed value of the expression language. The zero Value is
// undefined.
type Value struct {
	kind Kind
	bits uint64
	text string
}

// IntegerValue returns an Integer.
func IntegerValue(i int64) Value { return Value{kind: Integer, bits: uint64(i)} }

// DecimalValue returns a Decimal. It is undefined for NaN and infinities,
// which the language does not have.
func DecimalValue(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}
	}
	return Value{kind: Decimal, bits: math.Float64bits(f)}
}

// BooleanValue returns a Boolean.
func BooleanValue(b bool) Value {
	if b {
		return Value{kind: Boolean, bits: 1}
	}
	return Value{kind: Boolean}
}

// StringValue returns a String.
func StringValue(s string) Value { return Value{kind: String, text: s} }

// ParseValue reads a literal as the service's DescribeDetector prints it and
// BatchUpdateDetector takes it: 22, 1.5, true, "text" or 'text'. The error is
// [ErrValue].
func ParseValue(text string) (Value, error) {
	node, err := dialect.Parse(text)
	if err != nil {
		return Value{}, fmt.Errorf("%w: %w", ErrValue, err)
	}
	value := literal(node)
	if value.kind == Undefined {
		return Value{}, fmt.Errorf("%w: want a number, true, false, or a quoted string", ErrValue)
	}
	if value.kind == fault {
		return Value{}, fmt.Errorf("%w: %s", ErrValue, value.text)
	}
	return value, nil
}

// literal returns the value of a literal node, a fault for a number out of
// range, and undefined for any other node.
func literal(node exprlang.Node) Value {
	switch n := node.(type) {
	case *exprlang.Number:
		return parseNumber(n.Text)
	case *exprlang.String:
		return StringValue(n.Text)
	case *exprlang.Path:
		switch n.Word() {
		case "true":
			return BooleanValue(true)
		case "false":
			return BooleanValue(false)
		}
	}
	return Value{}
}

// parseNumber reads a number: an Integer if it has neither fraction nor
// exponent.
func parseNumber(text string) Value {
	for i := range len(text) {
		if c := text[i]; c == '.' || c == 'e' || c == 'E' {
			f, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return Value{kind: fault, text: "number is out of the range of Decimal"}
			}
			return DecimalValue(f)
		}
	}
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Value{kind: fault, text: "number is out of the range of Integer"}
	}
	return IntegerValue(i)
}

// Kind returns the type of the value.
func (v Value) Kind() Kind { return v.kind }

// Int returns an Integer, else 0.
func (v Value) Int() int64 {
	if v.kind != Integer {
		return 0
	}
	return int64(v.bits)
}

// Float returns a Decimal or an Integer as a float64, else 0.
func (v Value) Float() float64 {
	switch v.kind {
	case Decimal:
		return math.Float64frombits(v.bits)
	case Integer:
		return float64(int64(v.bits))
	}
	return 0
}

// Bool returns a Boolean, else false.
func (v Value) Bool() bool { return v.kind == Boolean && v.bits != 0 }

// Text returns a String, else "".
func (v Value) Text() string {
	if v.kind != String {
		return ""
	}
	return v.text
}

// String returns the value as ${} prints it: a String as it is, an Integer as
// 20, a Decimal as 20.0, a Boolean as true.
func (v Value) String() string {
	switch v.kind {
	case String:
		return v.text
	case Undefined, Null, Composite, fault:
		return v.kind.String()
	}
	return string(v.appendText(nil))
}

// appendText appends what [Value.String] returns.
func (v Value) appendText(b []byte) []byte {
	switch v.kind {
	case Boolean:
		return strconv.AppendBool(b, v.bits != 0)
	case Integer:
		return strconv.AppendInt(b, int64(v.bits), 10)
	case Decimal:
		return appendDecimal(b, math.Float64frombits(v.bits))
	case String:
		return append(b, v.text...)
	}
	return append(b, v.kind.String()...)
}

// AppendJSON appends the value as JSON. What has no value is null.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case Boolean, Integer, Decimal:
		return v.appendText(b)
	case String:
		return appendQuoted(b, v.text)
	}
	return append(b, "null"...)
}

// MarshalJSON returns the value as JSON; a Decimal has a fraction or an
// exponent, so that it stays one.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// Plain notation is used between these magnitudes, scientific beyond.
const (
	minPlain = 1e-7
	maxPlain = 1e21
)

// appendDecimal appends the shortest text that reads back as f, with at least
// one digit after the point.
func appendDecimal(b []byte, f float64) []byte {
	magnitude := math.Abs(f)
	if magnitude != 0 && (magnitude < minPlain || magnitude >= maxPlain) {
		return strconv.AppendFloat(b, f, 'E', -1, 64)
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'f', -1, 64)
	if slices.Contains(b[start:], '.') {
		return b
	}
	return append(b, ".0"...)
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends text as a JSON string. What is no UTF-8 in it becomes
// U+FFFD.
func appendQuoted(b []byte, text string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(text[i:])
			if r != utf8.RuneError || size > 1 {
				i += size - 1
				continue
			}
		} else if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[start:i]...)
		switch {
		case c >= utf8.RuneSelf:
			b = append(b, `\ufffd`...)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&15])
		}
		start = i + 1
	}
	b = append(b, text[start:]...)
	return append(b, '"')
}

// Variable is a variable of a detector.
type Variable struct {
	Name  string
	Value Value
}

// isVariableName reports whether name matches ^[a-zA-Z][a-zA-Z0-9_]*$.
func isVariableName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != "" && len(name) <= maxNameLength && utf8.ValidString(name)
}
