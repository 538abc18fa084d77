package pipeline

import (
	"math"
	"math/bits"
	"strconv"

	"github.com/cockroachdb/apd/v3"
)

// Limits of numbers, those of the SQL of AWS IoT.
const (
	// maxDigits is the precision of arithmetic in decimal digits.
	maxDigits = 34
	// maxExponent is that of the largest number, 9.99E999; the smallest is
	// 1E-999.
	maxExponent = 999
	// maxNumberText is the length of the longest text of a number: it bounds
	// what a hostile message can cost. More digits than the range has mean
	// nothing.
	maxNumberText = 1200
)

// number is a decimal of up to 34 digits: ±(hi·2⁶⁴ + lo) · 10^exp. Trailing
// zeros mean nothing.
type number struct {
	hi, lo uint64
	exp    int32
	neg    bool
}

func wholeNumber(i int64) number {
	if i < 0 {
		return number{lo: -uint64(i), neg: true}
	}
	return number{lo: uint64(i)}
}

func (n *number) isZero() bool { return n.hi|n.lo == 0 }

// isShort reports whether the fast arithmetic takes the number.
func (n *number) isShort() bool { return n.hi == 0 && n.lo < 1<<63 }

// Powers of ten that fit 64 bits.
var tens = [...]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// reduce drops trailing zeros, so that a whole number has no negative
// exponent, and minus zero is zero.
func (n *number) reduce() {
	if n.isZero() {
		*n = number{}
		return
	}
	for n.hi != 0 {
		q := *n
		if q.divide10() != 0 {
			return
		}
		*n = q
	}
	for n.lo%10 == 0 {
		n.lo /= 10
		n.exp++
	}
}

// divide10 drops the last digit and returns it.
func (n *number) divide10() uint64 {
	hi, rest := n.hi/10, n.hi%10
	lo, digit := bits.Div64(rest, n.lo, 10)
	n.hi, n.lo = hi, lo
	n.exp++
	return digit
}

// isWhole reports whether the number has no fraction.
func (n *number) isWhole() bool {
	if n.exp >= 0 {
		return true
	}
	if n.lo%10 != 0 && n.hi == 0 {
		return false
	}
	m := *n
	m.reduce()
	return m.exp >= 0
}

// parseNumber reads a JSON number that has been checked. It is rounded to 34
// digits, and not ok beyond the range.
func (d *decimals) parseNumber(text []byte) (n number, ok bool) {
	i := 0
	if i < len(text) && text[i] == '-' {
		n.neg = true
		i++
	}
	digits := 0
	for ; i < len(text); i++ {
		c := text[i] - '0'
		if c > 9 {
			if text[i] != '.' {
				break
			}
			n.exp = int32(i + 1 - len(text)) // if nothing follows the digits
			continue
		}
		if n.lo|uint64(c) != 0 {
			if digits++; digits == len(tens) {
				return d.parseLong(text)
			}
		}
		n.lo = n.lo*10 + uint64(c)
	}
	if i < len(text) {
		return d.parseLong(text) // an exponent
	}
	return n, true
}

func (d *decimals) parseLong(text []byte) (number, bool) {
	if len(text) > maxNumberText {
		return number{}, false
	}
	if _, _, err := d.x.SetString(string(text)); err != nil {
		return number{}, false
	}
	condition, err := d.context.Round(&d.z, &d.x)
	return d.result(condition, err)
}

// maxPlain is the largest whole number that is written without exponent, in
// digits; minPlain the power of ten of the smallest fraction.
const (
	maxPlain = maxDigits
	minPlain = -7
)

// append writes the number as JSON: no trailing zeros, an exponent only if it
// is far from one.
func (n number) append(b []byte) []byte {
	n.reduce()
	if n.neg {
		b = append(b, '-')
	}
	var buffer [2 * len(tens)]byte
	digits := n.digits(buffer[:0])
	power := int(n.exp) + len(digits) - 1 // of the first digit
	switch {
	case n.exp >= 0 && power < maxPlain:
		b = append(b, digits...)
		for range n.exp {
			b = append(b, '0')
		}
		return b
	case n.exp < 0 && power >= 0:
		b = append(b, digits[:power+1]...)
		return append(append(b, '.'), digits[power+1:]...)
	case n.exp < 0 && power >= minPlain:
		b = append(b, "0."...)
		for range -power - 1 {
			b = append(b, '0')
		}
		return append(b, digits...)
	}
	if b = append(b, digits[0]); len(digits) > 1 {
		b = append(append(b, '.'), digits[1:]...)
	}
	if b = append(b, 'E'); power > 0 {
		b = append(b, '+')
	}
	return strconv.AppendInt(b, int64(power), 10)
}

// digits writes the coefficient.
func (n *number) digits(b []byte) []byte {
	if n.hi == 0 {
		return strconv.AppendUint(b, n.lo, 10)
	}
	q, r := bits.Div64(n.hi, n.lo, tens[19])
	b = strconv.AppendUint(b, q, 10)
	return appendPadded(b, r)
}

// appendPadded writes 19 digits.
func appendPadded(b []byte, x uint64) []byte {
	for i := 18; i >= 0; i-- {
		b = append(b, '0'+byte(x/tens[i]%10))
	}
	return b
}

// float returns the nearest float64.
func (n *number) float() float64 {
	const exact = 1 << 53 // below it a whole number is exact, and a power of ten up to 22
	if n.hi == 0 && n.lo < exact && -22 <= n.exp && n.exp <= 0 {
		f := float64(n.lo) / math.Pow10(int(-n.exp))
		if n.neg {
			return -f
		}
		return f
	}
	var buffer [64]byte
	f, err := strconv.ParseFloat(string(n.append(buffer[:0])), 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

// fromFloat returns the shortest decimal that reads back as f. It is not ok for
// what is no number.
func (d *decimals) fromFloat(f float64) (number, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return number{}, false
	}
	var buffer [32]byte
	text := strconv.AppendFloat(buffer[:0], f, 'f', -1, 64)
	return d.parseNumber(text)
}

// A rounding cuts a number to a place.
type rounding uint8

const (
	toZero   rounding = iota
	halfAway          // half away from zero
	toCeiling
)

// cut rounds the number to so many decimals.
func (n number) cut(decimals int32, how rounding) number {
	last, rest := uint64(0), uint64(0)
	for -n.exp > decimals {
		if n.isZero() {
			rest |= last
			last, n.exp = 0, -decimals
			break
		}
		rest |= last
		last = n.divide10()
	}
	up := false
	switch how {
	case halfAway:
		up = last >= 5
	case toCeiling:
		up = !n.neg && last|rest != 0
	}
	if up {
		n.increment()
	}
	n.reduce()
	return n
}

// decimals is the arithmetic, with its scratch. It belongs to one goroutine.
type decimals struct {
	context apd.Context
	x, y, z apd.Decimal
}

func newDecimals(halfUp bool) decimals {
	rounder := apd.RoundHalfEven
	if halfUp {
		rounder = apd.RoundHalfUp
	}
	return decimals{context: apd.Context{Precision: maxDigits, MaxExponent: maxExponent, MinExponent: -maxExponent, Rounding: rounder}}
}

// load sets x and y.
func (d *decimals) load(a, b *number) {
	set(&d.x, a)
	set(&d.y, b)
}

// loadExactly sets x to a number with all the digits that its text has.
func (d *decimals) loadExactly(x *apd.Decimal, v *value) bool {
	if !v.long {
		set(x, &v.number)
		return true
	}
	_, _, err := x.SetString(string(v.text))
	return err == nil
}

func set(x *apd.Decimal, n *number) {
	x.Form, x.Negative, x.Exponent = apd.Finite, n.neg, n.exp
	if x.Coeff.SetUint64(n.hi); n.hi != 0 {
		var low apd.BigInt
		x.Coeff.Lsh(&x.Coeff, 64)
		x.Coeff.Add(&x.Coeff, low.SetUint64(n.lo))
		return
	}
	x.Coeff.SetUint64(n.lo)
}

// result returns z. It is not ok if that is no number of the range; what is
// too small is zero.
func (d *decimals) result(condition apd.Condition, err error) (number, bool) {
	if err != nil || d.z.Form != apd.Finite || condition&(apd.Overflow|apd.InvalidOperation|apd.DivisionByZero|apd.DivisionImpossible|apd.DivisionUndefined) != 0 {
		return number{}, false
	}
	if condition.Subnormal() {
		return number{}, true
	}
	n := number{exp: d.z.Exponent, neg: d.z.Negative}
	n.lo = low64(&d.z.Coeff)
	if !d.z.Coeff.IsUint64() {
		var high apd.BigInt
		n.hi = high.Rsh(&d.z.Coeff, 64).Uint64()
	}
	return n, true
}

func low64(x *apd.BigInt) uint64 {
	if x.IsUint64() {
		return x.Uint64()
	}
	var high apd.BigInt
	high.Rsh(x, 64)
	high.Lsh(&high, 64)
	return high.Sub(x, &high).Uint64()
}
