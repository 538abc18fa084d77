package detector

import (
	"fmt"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// dialect is the expression language of the service.
var dialect = exprlang.Dialect{
	Binary: []exprlang.Operator{
		{Text: "||", Precedence: 1},
		{Text: "&&", Precedence: 2},
		{Text: "==", Precedence: 6},
		{Text: "!=", Precedence: 6},
		{Text: "<=", Precedence: 7},
		{Text: ">=", Precedence: 7},
		{Text: "|", Precedence: 3},
		{Text: "^", Precedence: 4},
		{Text: "&", Precedence: 5},
		{Text: "<", Precedence: 7},
		{Text: ">", Precedence: 7},
		{Text: "+", Precedence: 8},
		{Text: "-", Precedence: 8},
		{Text: "*", Precedence: 9},
		{Text: "/", Precedence: 9},
	},
	Unary:     []string{"!", "~", "-"},
	Templates: true,
}

// expression computes a value.
type expression func(*frame) Value

// condition computes a truth. For unknown and broken, frame.problem says why.
type condition func(*frame) truth

type truth uint8

const (
	no truth = iota
	yes
	unknown // undefined: false, but != of it is true
	broken  // failed: the whole condition is false
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// types is a set of types that an expression may have.
type types uint8

const (
	wholes types = 1 << iota
	fractions
	texts
	booleans
	others // null, object, array

	numbers  = wholes | fractions
	anything = numbers | texts | booleans | others
)

func (t types) String() string {
	var names []string
	for i, name := range []string{"Integer", "Decimal", "String", "Boolean"} {
		if t&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// compiler turns syntax trees into closures.
type compiler struct {
	model    *Model
	symbols  *symbols
	findings *findings
	formula  *formula
}

func (c *compiler) compile(f *formula) {
	c.formula = f
	if f.want == booleans {
		f.test = c.condition(f.node)
		return
	}
	f.run, f.types = c.expression(f.node)
}

// report adds a finding at a node of the current formula.
func (c *compiler) report(level Level, kind FindingType, node exprlang.Node, format string, args ...any) {
	at := &exprlang.Error{Source: c.formula.source, Offset: node.Offset()}
	c.findings.expression(level, kind, c.formula.path, at, fmt.Sprintf(format, args...))
}

func (c *compiler) operatorTypes(node exprlang.Node, operator string, x, y types) {
	c.report(c.findings.quota(), DataType, node,
		"The data types [%s] that you entered for the operator [%s] aren't compatible for the following expression: '%s'",
		pair(x, y), operator, c.formula.source)
}

func (c *compiler) comparisonTypes(node exprlang.Node, operator string, x, y types) {
	c.report(c.findings.quota(), DataType, node,
		"The data types [%s] used with operands of the comparison operator [%s] are not compatible in the following expression: %s",
		pair(x, y), operator, c.formula.source)
}

func pair(x, y types) string {
	if y == 0 {
		return x.String()
	}
	return x.String() + ", " + y.String()
}

// expression compiles a node that is wanted as a value.
func (c *compiler) expression(node exprlang.Node) (expression, types) {
	switch n := node.(type) {
	case *exprlang.Number, *exprlang.String:
		return c.literal(node)
	case *exprlang.Template:
		return c.template(n), texts
	case *exprlang.Path:
		if word := n.Word(); word == "true" || word == "false" {
			return c.literal(node)
		}
		return c.path(n), anything
	case *exprlang.Call:
		return c.call(n)
	case *exprlang.Unary:
		return c.unary(n)
	case *exprlang.Binary:
		return c.binary(n)
	}
	panic("detector: unknown node")
}

func (c *compiler) literal(node exprlang.Node) (expression, types) {
	value := literal(node)
	switch value.kind {
	case fault:
		c.report(LevelError, ExpressionSyntax, node, "%s", value.text)
		return nil, anything
	case Integer:
		return func(*frame) Value { return value }, wholes
	case Decimal:
		return func(*frame) Value { return value }, fractions
	case Boolean:
		return func(*frame) Value { return value }, booleans
	}
	return func(*frame) Value { return value }, texts
}

// path compiles a reference. The symbols know it: they have seen all formulas.
func (c *compiler) path(path *exprlang.Path) expression {
	text := path.String()
	reference := c.symbols.resolve(path)
	if !reference.ok {
		return func(*frame) Value { return Value{text: text} }
	}
	if reference.isVariable {
		i := reference.index
		return func(f *frame) Value {
			if v := f.vars[i]; v.kind != Undefined {
				return v
			}
			return Value{text: text}
		}
	}
	i, in := reference.index, reference.input
	return func(f *frame) Value {
		switch s := &f.state.slots[i]; s.kind {
		case Undefined:
			return Value{text: text}
		case String:
			return Value{kind: String, text: view(s.in(f.state.texts[in]))}
		default:
			return Value{kind: s.kind, bits: s.bits}
		}
	}
}

// template compiles a String with expressions in it.
func (c *compiler) template(n *exprlang.Template) expression {
	parts := make([]expression, len(n.Parts))
	for i, part := range n.Parts {
		parts[i], _ = c.expression(part)
	}
	return func(f *frame) Value {
		start := len(f.buffer)
		for _, part := range parts {
			mark := len(f.buffer)
			value := part(f)
			switch value.kind {
			case fault, Undefined:
				return value
			case Null, Composite:
				return newFault(mismatched, "${}", value.kind, Undefined)
			}
			// What the part left in the buffer is read while it is written
			// over, front to back.
			f.buffer = value.appendText(f.buffer[:mark])
			if len(f.buffer)-start > maxString {
				return newFault(tooLong, "${}", String, Undefined)
			}
		}
		return Value{kind: String, text: view(f.buffer[start:])}
	}
}

func (c *compiler) unary(n *exprlang.Unary) (expression, types) {
	if n.Operator == "!" {
		return truthValue(c.not(n)), booleans
	}
	x, xt := c.expression(n.X)
	if n.Operator == "-" {
		if xt&numbers == 0 {
			c.operatorTypes(n, n.Operator, xt, 0)
		}
		semantics := &c.model.semantics
		return func(f *frame) Value {
			v := x(f)
			if v.kind == Undefined || v.kind == fault {
				return v
			}
			return semantics.negate(v)
		}, xt & numbers
	}
	if xt&wholes == 0 {
		c.operatorTypes(n, n.Operator, xt, 0)
	}
	return func(f *frame) Value {
		v := x(f)
		switch v.kind {
		case Undefined, fault:
			return v
		case Integer:
			return Value{kind: Integer, bits: ^v.bits}
		}
		return newFault(mismatched, "~", v.kind, Undefined)
	}, wholes
}

func (c *compiler) binary(n *exprlang.Binary) (expression, types) {
	switch n.Operator {
	case "+":
		return c.plus(n)
	case "-", "*", "/":
		return c.arithmetic(n)
	case "|", "^", "&":
		return c.bitwise(n)
	}
	return truthValue(c.condition(n)), booleans
}

// truthValue makes a value of a condition.
func truthValue(test condition) expression {
	return func(f *frame) Value {
		switch test(f) {
		case yes:
			return Value{kind: Boolean, bits: 1}
		case no:
			return Value{kind: Boolean}
		}
		return f.problem
	}
}

func (c *compiler) plus(n *exprlang.Binary) (expression, types) {
	x, xt := c.expression(n.X)
	y, yt := c.expression(n.Y)
	result := sum(xt, yt)
	if xt&yt&texts != 0 {
		result |= texts
	}
	if result == 0 {
		c.operatorTypes(n, n.Operator, xt, yt)
	}
	semantics := &c.model.semantics
	return func(f *frame) Value {
		a, b := x(f), y(f)
		if bad, ok := unusable(a, b); ok {
			return bad
		}
		if a.kind == String && b.kind == String {
			return f.concatenate(a.text, b.text)
		}
		return semantics.arithmetic('+', "+", a, b)
	}, result
}

// sum returns the numeric types that arithmetic of two sets of types gives.
func sum(x, y types) types {
	var result types
	if x&wholes != 0 && y&wholes != 0 {
		result |= wholes
	}
	if x&fractions != 0 && y&numbers != 0 || x&numbers != 0 && y&fractions != 0 {
		result |= fractions
	}
	return result
}

// unusable returns the operand that decides the result because it has failed
// or is undefined.
func unusable(a, b Value) (Value, bool) {
	switch {
	case a.kind == fault:
		return a, true
	case b.kind == fault:
		return b, true
	case a.kind == Undefined:
		return a, true
	case b.kind == Undefined:
		return b, true
	}
	return Value{}, false
}

func (c *compiler) arithmetic(n *exprlang.Binary) (expression, types) {
	x, xt := c.expression(n.X)
	y, yt := c.expression(n.Y)
	result := sum(xt, yt)
	if result == 0 {
		c.operatorTypes(n, n.Operator, xt, yt)
	}
	semantics, name := &c.model.semantics, n.Operator
	operator := name[0]
	return func(f *frame) Value {
		a, b := x(f), y(f)
		if bad, ok := unusable(a, b); ok {
			return bad
		}
		return semantics.arithmetic(operator, name, a, b)
	}, result
}

func (c *compiler) bitwise(n *exprlang.Binary) (expression, types) {
	x, xt := c.expression(n.X)
	y, yt := c.expression(n.Y)
	if xt&wholes == 0 || yt&wholes == 0 {
		c.operatorTypes(n, n.Operator, xt, yt)
	}
	name := n.Operator
	return func(f *frame) Value {
		a, b := x(f), y(f)
		if bad, ok := unusable(a, b); ok {
			return bad
		}
		if a.kind != Integer || b.kind != Integer {
			return newFault(mismatched, name, a.kind, b.kind)
		}
		return Value{kind: Integer, bits: bitwise(name[0], a.bits, b.bits)}
	}, wholes
}

func bitwise(operator byte, a, b uint64) uint64 {
	switch operator {
	case '|':
		return a | b
	case '&':
		return a & b
	}
	return a ^ b
}
