package pipeline

import "math/bits"

// wide is a whole number of 256 bits, the lowest first: enough for the product
// of two coefficients, and for one that is scaled by 10³⁸.
type wide [4]uint64

// maxScale is the power of ten by which a coefficient of 34 digits can surely
// be scaled.
const maxScale = 38

// isWidePlain reports whether sums and products of the number need no check of
// the range.
func (n *number) isWidePlain() bool { return -plainExponent < n.exp && n.exp < plainExponent }

// multiply returns w times x; the product must fit.
func (w wide) multiply(x uint64) wide {
	var product wide
	var carry uint64
	for i, word := range w {
		hi, lo := bits.Mul64(word, x)
		var more uint64
		product[i], more = bits.Add64(lo, carry, 0)
		carry = hi + more
	}
	return product
}

func (w wide) add(x wide) (sum wide) {
	var carry uint64
	for i := range w {
		sum[i], carry = bits.Add64(w[i], x[i], carry)
	}
	return sum
}

// subtract returns the difference, and its sign.
func (w wide) subtract(x wide) (difference wide, negative bool) {
	for i := len(w) - 1; i >= 0 && w[i] <= x[i]; i-- {
		if w[i] < x[i] {
			w, x, negative = x, w, true
			break
		}
	}
	var borrow uint64
	for i := range w {
		difference[i], borrow = bits.Sub64(w[i], x[i], borrow)
	}
	return difference, negative
}

// scale multiplies by a power of ten.
func (w wide) scale(power int32) wide {
	for ; power > 19; power -= 19 {
		w = w.multiply(tens[19])
	}
	return w.multiply(tens[power])
}

// digits writes the number without zeros at the front.
func (w wide) digits(buffer *[5 * 19]byte) []byte {
	at := len(buffer)
	for w != (wide{}) {
		var rest uint64
		for i := len(w) - 1; i >= 0; i-- {
			w[i], rest = bits.Div64(rest, w[i], tens[19])
		}
		at -= 19
		appendPadded(buffer[:at], rest)
	}
	digits := buffer[at:]
	for len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
	}
	return digits
}

// round returns ±w · 10^exp with 34 digits.
func (d *decimals) round(w wide, exp int32, negative bool) number {
	n := number{exp: exp, neg: negative}
	var buffer [5 * 19]byte
	d.setRounded(&n, w.digits(&buffer), false)
	return n
}

func (d *decimals) addWide(a, b number) (number, bool) {
	if a.exp < b.exp {
		a, b = b, a
	}
	if !a.isWidePlain() || !b.isWidePlain() || a.exp-b.exp > maxScale {
		d.load(&a, &b)
		return d.result(d.context.Add(&d.z, &d.x, &d.y))
	}
	x, y := wide{a.lo, a.hi}.scale(a.exp-b.exp), wide{b.lo, b.hi}
	if a.neg == b.neg {
		return d.round(x.add(y), b.exp, a.neg), true
	}
	difference, negative := x.subtract(y)
	return d.round(difference, b.exp, a.neg != negative), true
}

func (d *decimals) multiplyWide(a, b number) (number, bool) {
	if !a.isWidePlain() || !b.isWidePlain() {
		d.load(&a, &b)
		return d.result(d.context.Mul(&d.z, &d.x, &d.y))
	}
	low, high := wide{a.lo, a.hi}.multiply(b.lo), wide{a.lo, a.hi}.multiply(b.hi)
	product := low.add(wide{0, high[0], high[1], high[2]})
	return d.round(product, a.exp+b.exp, a.neg != b.neg), true
}
