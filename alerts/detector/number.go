package detector

import (
	"cmp"
	"math"
)

// failure is why an expression failed.
type failure uint8

const (
	mismatched   failure = iota // operands of types that the operator does not take
	notBoolean                  // an operand or condition that is no Boolean
	overflow                    // beyond the range of Integer or Decimal
	zeroDivision                // division by zero
	unconverted                 // convert() of what does not convert
	tooLong                     // String longer than maxString
)

// maxString bounds a String that an expression makes, in bytes.
const maxString = 256 << 10

// newFault returns the failure of operator. It makes no text, so that a
// condition that fails on every message costs no memory.
func newFault(why failure, operator string, x, y Kind) Value {
	return Value{kind: fault, bits: uint64(why)<<16 | uint64(x)<<8 | uint64(y), text: operator}
}

// explain returns what is wrong with a value that was wanted.
func (v Value) explain() string {
	switch v.kind {
	case Undefined:
		if v.text == "" {
			return "the value is undefined"
		}
		return v.text + " is undefined"
	case fault:
		return v.explainFault()
	}
	return "the value is " + v.kind.String()
}

func (v Value) explainFault() string {
	x, y := Kind(v.bits>>8&0xff), Kind(v.bits&0xff)
	switch failure(v.bits >> 16) {
	case notBoolean:
		return "want a Boolean for " + v.text + ", got " + x.String()
	case overflow:
		return "result of " + v.text + " is out of range"
	case zeroDivision:
		return "division by zero"
	case unconverted:
		return "can't convert this " + x.String() + " to " + v.text
	case tooLong:
		return "String is too long"
	}
	if y == Undefined {
		return v.text + " does not take " + x.String()
	}
	return v.text + " does not take " + x.String() + " and " + y.String()
}

func (v Value) isNumber() bool { return v.kind == Integer || v.kind == Decimal }

// arithmetic returns x operator y for - * /, and + of numbers. Neither is a
// fault or undefined.
func (s *Semantics) arithmetic(operator byte, name string, x, y Value) Value {
	if !x.isNumber() || !y.isNumber() {
		return newFault(mismatched, name, x.kind, y.kind)
	}
	if x.kind == Integer && y.kind == Integer {
		return s.integers(operator, name, int64(x.bits), int64(y.bits))
	}
	return decimals(operator, name, x.Float(), y.Float())
}

func decimals(operator byte, name string, a, b float64) Value {
	var f float64
	switch operator {
	case '+':
		f = a + b
	case '-':
		f = a - b
	case '*':
		f = a * b
	case '/':
		if b == 0 {
			return newFault(zeroDivision, name, Decimal, Decimal)
		}
		f = a / b
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return newFault(overflow, name, Decimal, Decimal)
	}
	return Value{kind: Decimal, bits: math.Float64bits(f)}
}

func (s *Semantics) integers(operator byte, name string, a, b int64) Value {
	var i int64
	exact := true
	switch operator {
	case '+':
		i = a + b
		exact = (i > a) == (b > 0)
	case '-':
		i = a - b
		exact = (i < a) == (b > 0)
	case '*':
		i, exact = multiply(a, b)
	case '/':
		if b == 0 {
			return newFault(zeroDivision, name, Integer, Integer)
		}
		i = a / b
		exact = a != math.MinInt64 || b != -1
		if s.RoundDivision && exact {
			i += roundUp(a, b)
		}
	}
	if !exact && !s.WrapOverflow {
		return newFault(overflow, name, Integer, Integer)
	}
	return IntegerValue(i)
}

func multiply(a, b int64) (product int64, exact bool) {
	product = a * b
	if a == 0 || b == 0 {
		return 0, true
	}
	if a == -1 || b == -1 {
		return product, a != math.MinInt64 && b != math.MinInt64
	}
	return product, product/b == a
}

// roundUp returns what to add to the truncated quotient a/b to round it half
// away from zero.
func roundUp(a, b int64) int64 {
	rest := magnitude(a % b)
	if rest == 0 || rest < magnitude(b)-rest {
		return 0
	}
	if (a < 0) == (b < 0) {
		return 1
	}
	return -1
}

func magnitude(i int64) uint64 {
	if i < 0 {
		return -uint64(i)
	}
	return uint64(i)
}

// negate returns -x of a number.
func (s *Semantics) negate(x Value) Value {
	switch x.kind {
	case Integer:
		return s.integers('-', "-", 0, int64(x.bits))
	case Decimal:
		return Value{kind: Decimal, bits: math.Float64bits(-math.Float64frombits(x.bits))}
	}
	return newFault(mismatched, "-", x.kind, Undefined)
}

// compareNumbers compares two numbers by value, exactly.
func compareNumbers(x, y Value) int {
	switch {
	case x.kind == Integer && y.kind == Integer:
		return cmp.Compare(int64(x.bits), int64(y.bits))
	case x.kind == Integer:
		return compareMixed(int64(x.bits), math.Float64frombits(y.bits))
	case y.kind == Integer:
		return -compareMixed(int64(y.bits), math.Float64frombits(x.bits))
	}
	return cmp.Compare(math.Float64frombits(x.bits), math.Float64frombits(y.bits))
}

// maxExact is the magnitude up to which every Integer is a float64.
const maxExact = 1 << 53

func compareMixed(i int64, f float64) int {
	switch {
	case -maxExact <= i && i <= maxExact:
		return cmp.Compare(float64(i), f)
	case f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	// f is within the range of int64. If it is so large that it has no
	// fraction, the conversion is exact; else i differs from it anyway.
	return cmp.Compare(i, int64(f))
}
