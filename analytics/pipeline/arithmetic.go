package pipeline

import (
	"cmp"
	"math/bits"
	"strconv"

	"github.com/cockroachdb/apd/v3"
)

// align gives two short numbers the same exponent. It is not ok if they don't
// stay short.
func align(a, b *number) (x, y uint64, exp int32, ok bool) {
	if !a.isShort() || !b.isShort() {
		return 0, 0, 0, false
	}
	switch {
	case a.exp > b.exp:
		x, ok = scale(a.lo, int64(a.exp)-int64(b.exp))
		return x, b.lo, b.exp, ok
	case a.exp < b.exp:
		y, ok = scale(b.lo, int64(b.exp)-int64(a.exp))
		return a.lo, y, a.exp, ok
	}
	return a.lo, b.lo, a.exp, true
}

// scale multiplies by a power of ten.
func scale(x uint64, power int64) (uint64, bool) {
	if power >= int64(len(tens)) {
		return 0, x == 0
	}
	hi, lo := bits.Mul64(x, tens[power])
	return lo, hi == 0 && lo < 1<<63
}

func (d *decimals) add(a, b number) (number, bool) {
	x, y, exp, ok := align(&a, &b)
	if !ok {
		return d.addWide(a, b)
	}
	switch {
	case a.neg == b.neg:
		return number{lo: x + y, exp: exp, neg: a.neg}, true // below 2⁶⁴
	case x >= y:
		return number{lo: x - y, exp: exp, neg: a.neg && x > y}, true
	}
	return number{lo: y - x, exp: exp, neg: b.neg}, true
}

func (d *decimals) subtract(a, b number) (number, bool) {
	b.neg = !b.neg
	return d.add(a, b)
}

// plainExponent bounds the exponents of the fast arithmetic, so that the range
// need not be checked.
const plainExponent = 400

func (n *number) isPlain() bool {
	return n.isShort() && -plainExponent < n.exp && n.exp < plainExponent
}

func (d *decimals) multiply(a, b number) (number, bool) {
	if a.isPlain() && b.isPlain() {
		if hi, lo := bits.Mul64(a.lo, b.lo); hi == 0 {
			return number{lo: lo, exp: a.exp + b.exp, neg: a.neg != b.neg && lo != 0}, true
		}
	}
	return d.multiplyWide(a, b)
}

// divide is not ok if b is zero.
func (d *decimals) divide(a, b number) (number, bool) {
	switch {
	case b.isZero():
		return number{}, false
	case a.isPlain() && b.isPlain():
		return d.divideShort(a, b), true
	}
	d.load(&a, &b)
	return d.result(d.context.Quo(&d.z, &d.x, &d.y))
}

// divideShort divides as on paper, 19 digits at a time, until nothing rests or
// more than 34 digits are known.
func (d *decimals) divideShort(a, b number) number {
	n := number{exp: a.exp - b.exp, neg: a.neg != b.neg && a.lo != 0}
	q, rest := a.lo/b.lo, a.lo%b.lo
	if rest == 0 {
		n.lo = q
		return n
	}
	var buffer [4 * len(tens)]byte
	digits := buffer[:0]
	if q > 0 {
		digits = strconv.AppendUint(digits, q, 10)
	}
	for rest != 0 && len(digits) <= maxDigits {
		hi, lo := bits.Mul64(rest, tens[19])
		q, rest = bits.Div64(hi, lo, b.lo)
		digits = appendPadded(digits, q)
		for len(digits) > 0 && digits[0] == '0' {
			digits = digits[1:]
		}
		n.exp -= 19
	}
	d.setRounded(&n, digits, rest != 0)
	return n
}

// setRounded sets the coefficient to the first 34 digits, rounded. more: the
// digits go on.
func (d *decimals) setRounded(n *number, digits []byte, more bool) {
	extra := len(digits) - maxDigits
	if extra <= 0 {
		n.setDigits(digits)
		return
	}
	n.exp += int32(extra)
	n.setDigits(digits[:maxDigits])
	if d.roundsUp(digits[maxDigits-1:], more) {
		n.increment() // 34 nines become 10³⁴, which still fits
	}
}

// roundsUp decides by the last digit that is kept, those after it, and whether
// anything follows.
func (d *decimals) roundsUp(digits []byte, more bool) bool {
	last, next, rest := digits[0], digits[1], digits[2:]
	if next != '5' {
		return next > '5'
	}
	for _, c := range rest {
		more = more || c != '0'
	}
	return more || d.context.Rounding == apd.RoundHalfUp || last%2 == 1
}

func (n *number) increment() {
	var carry uint64
	n.lo, carry = bits.Add64(n.lo, 1, 0)
	n.hi += carry
}

// setDigits sets the coefficient to at most 34 digits.
func (n *number) setDigits(digits []byte) {
	first := min(len(digits), 17)
	low := digits[first:]
	hi, lo := bits.Mul64(parseDigits(digits[:first]), tens[len(low)])
	var carry uint64
	n.lo, carry = bits.Add64(lo, parseDigits(low), 0)
	n.hi = hi + carry
}

func parseDigits(digits []byte) (x uint64) {
	for _, c := range digits {
		x = x*10 + uint64(c-'0')
	}
	return x
}

// divideWhole divides two whole numbers, and cuts toward zero.
func (d *decimals) divideWhole(a, b number) (number, bool) {
	if b.isZero() {
		return number{}, false
	}
	if x, y, _, ok := align(&a, &b); ok {
		return number{lo: x / y, neg: a.neg != b.neg && x >= y}, true
	}
	d.load(&a, &b)
	return d.result(d.context.QuoInteger(&d.z, &d.x, &d.y))
}

// remainder has the sign of a. It is not ok if b is zero.
func (d *decimals) remainder(a, b number) (number, bool) {
	if b.isZero() {
		return number{}, false
	}
	if x, y, exp, ok := align(&a, &b); ok {
		return number{lo: x % y, exp: exp, neg: a.neg && x%y != 0}, true
	}
	d.load(&a, &b)
	return d.result(d.context.Rem(&d.z, &d.x, &d.y))
}

// compare returns the order of two numbers.
func (d *decimals) compare(a, b *number) int {
	if order := cmp.Compare(a.sign(), b.sign()); order != 0 || a.isZero() {
		return order
	}
	x, y, _, ok := align(a, b)
	switch {
	case !ok:
		d.load(a, b)
		return d.x.Cmp(&d.y)
	case a.neg:
		return cmp.Compare(y, x)
	}
	return cmp.Compare(x, y)
}

func (n *number) sign() int {
	switch {
	case n.isZero():
		return 0
	case n.neg:
		return -1
	}
	return 1
}
