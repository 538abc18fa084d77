package detector

import (
	"cmp"
	"math"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// condition compiles a node that is wanted as a truth.
func (c *compiler) condition(node exprlang.Node) condition {
	switch n := node.(type) {
	case *exprlang.Unary:
		if n.Operator == "!" {
			return c.not(n)
		}
	case *exprlang.Binary:
		switch n.Operator {
		case "&&":
			return c.and(n)
		case "||":
			return c.or(n)
		case "==", "!=":
			return c.equality(n)
		case "<", "<=", ">", ">=":
			return c.order(n)
		}
	case *exprlang.Call:
		if test := c.predicate(n); test != nil {
			return test
		}
	}
	return c.truth(node)
}

// truth compiles a node whose value must be a Boolean.
func (c *compiler) truth(node exprlang.Node) condition {
	value, types := c.expression(node)
	if types&booleans == 0 {
		c.report(c.findings.quota(), DataType, node,
			"Expression %s is not a valid condition expression.", c.formula.source)
	}
	return func(f *frame) truth { return f.truth(value(f)) }
}

// truth returns the truth of a Boolean. Anything else is a problem.
func (f *frame) truth(v Value) truth {
	switch v.kind {
	case Boolean:
		return truth(v.bits)
	case Undefined:
		f.problem = v
		return unknown
	case fault:
		f.problem = v
		return broken
	}
	f.problem = newFault(notBoolean, "a condition", v.kind, Undefined)
	return broken
}

func (c *compiler) not(n *exprlang.Unary) condition {
	x := c.condition(n.X)
	return func(f *frame) truth {
		t := x(f)
		if t <= yes {
			t ^= yes
		}
		return t
	}
}

// and compiles &&. An undefined side counts as false.
func (c *compiler) and(n *exprlang.Binary) condition {
	x, y := c.condition(n.X), c.condition(n.Y)
	return func(f *frame) truth {
		t := x(f)
		if t == yes {
			t = y(f)
		}
		if t == unknown {
			return no
		}
		return t
	}
}

// or compiles ||. An undefined side counts as false.
func (c *compiler) or(n *exprlang.Binary) condition {
	x, y := c.condition(n.X), c.condition(n.Y)
	return func(f *frame) truth {
		t := x(f)
		if t == no || t == unknown {
			t = y(f)
		}
		if t == unknown {
			return no
		}
		return t
	}
}

// A relation is a set of outcomes of a comparison: bit 0 less, bit 1 equal,
// bit 2 greater.
type relation uint8

var relations = map[string]relation{"<": 1, "<=": 3, "==": 2, "!=": 5, ">": 4, ">=": 6}

// mirrored returns the relation with its sides exchanged.
func (r relation) mirrored() relation { return r&2 | r>>2&1 | r<<2&4 }

// holds tells whether the relation holds for an outcome of -1, 0 or 1.
func (r relation) holds(outcome int) truth { return truth(r>>uint(outcome+1)) & 1 }

func (c *compiler) equality(n *exprlang.Binary) condition {
	x, xt := c.expression(n.X)
	y, yt := c.expression(n.Y)
	if xt&yt == 0 && (xt&numbers == 0 || yt&numbers == 0) {
		c.comparisonTypes(n, n.Operator, xt, yt)
	}
	semantics, unequal := &c.model.semantics, n.Operator == "!="
	general := func(f *frame) truth {
		a, b := x(f), y(f)
		if a.kind == fault || b.kind == fault {
			bad, _ := unusable(a, b)
			return f.truth(bad)
		}
		if a.kind == Undefined || b.kind == Undefined {
			if unequal && semantics.UndefinedUnequalIsUndefined {
				bad, _ := unusable(a, b)
				return f.truth(bad)
			}
			return truthOf(unequal)
		}
		equal, ok := equal(a, b)
		if !ok && semantics.MismatchIsError {
			f.problem = newFault(mismatched, n.Operator, a.kind, b.kind)
			return broken
		}
		return truthOf(equal != unequal)
	}
	return c.comparison(n, general)
}

// equal compares two values. ok is false if their types are incompatible.
func equal(a, b Value) (equal, ok bool) {
	switch {
	case a.isNumber() && b.isNumber():
		return compareNumbers(a, b) == 0, true
	case a.kind == Null || b.kind == Null:
		return a.kind == b.kind, true
	case a.kind != b.kind || a.kind == Composite:
		return false, false
	case a.kind == String:
		return a.text == b.text, true
	}
	return a.bits == b.bits, true
}

func (c *compiler) order(n *exprlang.Binary) condition {
	x, xt := c.expression(n.X)
	y, yt := c.expression(n.Y)
	if xt&yt&texts == 0 && (xt&numbers == 0 || yt&numbers == 0) {
		c.comparisonTypes(n, n.Operator, xt, yt)
	}
	semantics, relation := &c.model.semantics, relations[n.Operator]
	general := func(f *frame) truth {
		a, b := x(f), y(f)
		if a.isNumber() && b.isNumber() {
			return relation.holds(compareNumbers(a, b))
		}
		if bad, ok := unusable(a, b); ok {
			return f.truth(bad)
		}
		if a.kind == String && b.kind == String && !semantics.StringOrderFails {
			return relation.holds(cmp.Compare(a.text, b.text))
		}
		f.problem = newFault(mismatched, n.Operator, a.kind, b.kind)
		return broken
	}
	return c.comparison(n, general)
}

// comparison returns a faster condition for the comparison of an attribute or
// a variable with a number, which is what most conditions are; else general.
func (c *compiler) comparison(n *exprlang.Binary, general condition) condition {
	relation := relations[n.Operator]
	path, constant := n.X, literal(n.Y)
	if !constant.isNumber() {
		path, constant = n.Y, literal(n.X)
		relation = relation.mirrored()
	}
	reference, ok := path.(*exprlang.Path)
	if !ok || !constant.isNumber() {
		return general
	}
	limit, exact := constant.Float(), constant.Float() == math.Trunc(constant.Float())
	if math.Abs(limit) >= maxExact {
		return general
	}
	target := c.symbols.resolve(reference)
	if !target.ok {
		return general
	}
	// An Integer is compared as such if the constant is whole.
	whole := int64(limit)
	i := target.index
	if target.isVariable {
		return func(f *frame) truth {
			v := &f.vars[i]
			if v.kind == Integer && exact {
				return relation.holds(cmp.Compare(int64(v.bits), whole))
			}
			if v.kind == Decimal {
				return relation.holds(cmp.Compare(math.Float64frombits(v.bits), limit))
			}
			return general(f)
		}
	}
	return func(f *frame) truth {
		s := &f.state.slots[i]
		if s.kind == Integer && exact {
			return relation.holds(cmp.Compare(int64(s.bits), whole))
		}
		if s.kind == Decimal {
			return relation.holds(cmp.Compare(math.Float64frombits(s.bits), limit))
		}
		return general(f)
	}
}
