package detector

import (
	"math"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// arity is the number of arguments of each function of the language.
var arity = map[string]int{
	"timeout": 1, "triggerType": 1, "currentInput": 1,
	"isUndefined": 1, "isNull": 1,
	"convert":    2,
	"startsWith": 2, "endsWith": 2, "contains": 2,
	"bitor": 2, "bitand": 2, "bitxor": 2, "bitnot": 1,
}

// call compiles a function that is wanted as a value.
func (c *compiler) call(n *exprlang.Call) (expression, types) {
	if test := c.predicate(n); test != nil {
		return truthValue(test), booleans
	}
	switch n.Name {
	case "convert":
		return c.convert(n)
	case "bitor", "bitand", "bitxor":
		return c.bitFunction(n), wholes
	case "bitnot":
		x, _ := c.expression(n.Arguments[0])
		return func(f *frame) Value {
			v := x(f)
			if v.kind == Integer {
				return Value{kind: Integer, bits: ^v.bits}
			}
			return undefinedUnlessFault(v, "bitnot() of what is no Integer")
		}, wholes
	}
	panic("detector: function without a compiler: " + n.Name)
}

// predicate compiles a function whose result is a Boolean, else returns nil.
func (c *compiler) predicate(n *exprlang.Call) condition {
	switch n.Name {
	case "timeout":
		return c.timeout(n)
	case "triggerType":
		return c.triggerType(n)
	case "currentInput":
		return c.currentInput(n)
	case "isUndefined":
		x, _ := c.expression(n.Arguments[0])
		return func(f *frame) truth {
			kind := x(f).kind
			return truthOf(kind == Undefined || kind == fault)
		}
	case "isNull":
		x, _ := c.expression(n.Arguments[0])
		alsoUndefined := c.model.semantics.UndefinedIsNull
		return func(f *frame) truth {
			kind := x(f).kind
			return truthOf(kind == Null || kind == Undefined && alsoUndefined)
		}
	case "startsWith":
		return c.textPredicate(n, strings.HasPrefix)
	case "endsWith":
		return c.textPredicate(n, strings.HasSuffix)
	case "contains":
		return c.textPredicate(n, strings.Contains)
	}
	return nil
}

// name compiles the name that timeout, triggerType and currentInput take. The
// constant is its value if it is a literal.
func (c *compiler) name(n *exprlang.Call) (value expression, constant string, isConstant bool) {
	value, types := c.expression(n.Arguments[0])
	if types&texts == 0 {
		c.report(c.findings.quota(), DataType, n.Arguments[0], "%s() takes a String, got [%s]", n.Name, types)
	}
	text, isConstant := n.Arguments[0].(*exprlang.String)
	if isConstant {
		constant = text.Text
	}
	return value, constant, isConstant
}

// nameTest makes a condition of a test of a name that an expression gives.
func nameTest(function string, value expression, test func(*frame, string) truth) condition {
	return func(f *frame) truth {
		v := value(f)
		if v.kind == String {
			return test(f, v.text)
		}
		return f.truth(undefinedUnlessFault(v, function+"() of what is no String"))
	}
}

func (c *compiler) timeout(n *exprlang.Call) condition {
	value, name, ok := c.name(n)
	if !ok {
		return nameTest(n.Name, value, func(f *frame, name string) truth {
			if i, ok := f.state.findTimer(name); ok {
				return f.timeout(i)
			}
			return no
		})
	}
	i := c.symbols.timer(name)
	return func(f *frame) truth { return f.timeout(i) }
}

func (c *compiler) triggerType(n *exprlang.Call) condition {
	value, name, ok := c.name(n)
	isTrigger := func(f *frame, name string) truth {
		if f.input >= 0 {
			return truthOf(strings.EqualFold(name, triggerMessage))
		}
		return truthOf(f.trigger.Timer != "" && strings.EqualFold(name, triggerTimer))
	}
	if !ok {
		return nameTest(n.Name, value, isTrigger)
	}
	onMessage, onTimer := strings.EqualFold(name, triggerMessage), strings.EqualFold(name, triggerTimer)
	if !onMessage && !onTimer {
		c.report(LevelWarning, ReferencedData, n.Arguments[0], `triggerType("%s") is never true, want "Message" or "Timer"`, name)
	}
	return func(f *frame) truth {
		if f.input >= 0 {
			return truthOf(onMessage)
		}
		return truthOf(onTimer && f.trigger.Timer != "")
	}
}

// The causes of evaluations, as triggerType() and payloads name them.
const (
	triggerMessage = "Message"
	triggerTimer   = "Timer"
)

func (c *compiler) currentInput(n *exprlang.Call) condition {
	value, name, ok := c.name(n)
	if !ok {
		return nameTest(n.Name, value, func(f *frame, name string) truth {
			return truthOf(f.input >= 0 && f.model.inputs[f.input].name == name)
		})
	}
	i := c.model.findInput(name)
	return func(f *frame) truth { return truthOf(f.input == i && i >= 0) }
}

// textPredicate compiles a test of two Strings. It is undefined for others.
func (c *compiler) textPredicate(n *exprlang.Call, test func(s, part string) bool) condition {
	x, _ := c.expression(n.Arguments[0])
	y, _ := c.expression(n.Arguments[1])
	name := n.Name + "() of what is no String"
	return func(f *frame) truth {
		a, b := x(f), y(f)
		if a.kind == String && b.kind == String {
			return truthOf(test(a.text, b.text))
		}
		if a.kind == fault {
			return f.truth(a)
		}
		return f.truth(undefinedUnlessFault(b, name))
	}
}

func (c *compiler) bitFunction(n *exprlang.Call) expression {
	x, _ := c.expression(n.Arguments[0])
	y, _ := c.expression(n.Arguments[1])
	operator := map[string]byte{"bitor": '|', "bitand": '&', "bitxor": '^'}[n.Name]
	name := n.Name + "() of what is no Integer"
	return func(f *frame) Value {
		a, b := x(f), y(f)
		if a.kind == Integer && b.kind == Integer {
			return Value{kind: Integer, bits: bitwise(operator, a.bits, b.bits)}
		}
		if a.kind == fault {
			return a
		}
		return undefinedUnlessFault(b, name)
	}
}

func undefinedUnlessFault(v Value, text string) Value {
	if v.kind == fault {
		return v
	}
	return Value{text: text}
}

// The types that convert() knows.
var convertible = map[string]Kind{"String": String, "Boolean": Boolean, "Decimal": Decimal}

func (c *compiler) convert(n *exprlang.Call) (expression, types) {
	x, _ := c.expression(n.Arguments[1])
	name, ok := convertTarget(n)
	if !ok {
		target, _ := c.expression(n.Arguments[0])
		return func(f *frame) Value {
			t, v := target(f), x(f)
			if t.kind == fault {
				return t
			}
			kind, ok := convertible[t.Text()]
			if !ok {
				return newFault(unconverted, "a type that is not String, Boolean or Decimal", v.kind, Undefined)
			}
			return f.convert(kind, v)
		}, texts | booleans | fractions
	}
	kind, ok := convertible[name]
	if !ok {
		c.report(LevelError, ExpressionSyntax, n.Arguments[0], "convert() knows no type %q, want String, Boolean or Decimal", name)
	}
	result := map[Kind]types{String: texts, Boolean: booleans, Decimal: fractions}[kind]
	return func(f *frame) Value { return f.convert(kind, x(f)) }, result
}

// convertTarget returns the type that a call of convert names, as a bare word
// or a literal.
func convertTarget(n *exprlang.Call) (string, bool) {
	switch target := n.Arguments[0].(type) {
	case *exprlang.Path:
		return target.Word(), target.Word() != ""
	case *exprlang.String:
		return target.Text, true
	}
	return "", false
}

func (f *frame) convert(kind Kind, v Value) Value {
	switch {
	case v.kind == Undefined || v.kind == fault || v.kind == kind:
		return v
	case kind == String && (v.isNumber() || v.kind == Boolean):
		start := len(f.buffer)
		f.buffer = v.appendText(f.buffer)
		return Value{kind: String, text: view(f.buffer[start:])}
	case kind == Decimal && v.kind == Integer:
		return DecimalValue(v.Float())
	case kind == Decimal && v.kind == String:
		if isNumeral(v.text) {
			if d, err := strconv.ParseFloat(v.text, 64); err == nil && !math.IsInf(d, 0) {
				return DecimalValue(d)
			}
		}
	case kind == Boolean && v.kind == String:
		if strings.EqualFold(v.text, "true") {
			return BooleanValue(true)
		}
		if strings.EqualFold(v.text, "false") {
			return BooleanValue(false)
		}
	}
	return newFault(unconverted, kind.String(), v.kind, Undefined)
}

// isNumeral keeps out what strconv reads besides decimal numbers.
func isNumeral(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && strings.IndexByte("+-.eE", c) < 0 {
			return false
		}
	}
	return true
}
