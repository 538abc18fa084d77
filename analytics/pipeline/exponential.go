package pipeline

import "math"

// The functions here and beside are those of package math with more bits and
// one rounding at the end: the nearest float64, unless the true value is so
// close to the middle of two that some 100 bits don't tell, which one argument
// in billions is. Special values are those of package math.

// Logarithms, as sums of float64.
const (
	ln2First  = 0x1.62e42fefa39efp-1
	ln2Second = 0x1.abc9e3b39803fp-56
	ln2Third  = math.Ln2 - ln2First - ln2Second

	log10First  = 0x1.bcb7b1526e50ep-2
	log10Second = math.Log10E - log10First
)

// halvings is how often the argument of the series is halved, and its result
// then doubled, as QD does it.
const halvings = 6

// expSeries is (exp(x) - 1) / x.
var expSeries = taylor(1, 1, 5, 6, 1)

// negligible: below it x and its sine, tangent and so on are the same float64.
const negligible = 0x1p-60

// exponential returns power and e^x / 2^power - 1, which is between -0.3 and
// 0.42, and of which all bits are good also if it is small. |x| is at most 1500.
func exponential(x doubled) (less doubled, power int) {
	n := math.Round(x.hi / math.Ln2)
	if n != 0 {
		x = x.subtract(twoProduct(n, ln2First)).subtract(twoProduct(n, ln2Second)).plus(-n * ln2Third)
	}
	x = x.scaled(1.0 / (1 << halvings))
	less = expSeries.at(x).multiply(x)
	for range halvings {
		less = less.scaled(2).add(less.multiply(less)) // (1+y)² - 1
	}
	return less, int(n)
}

// logarithm returns ln x of a positive number.
func logarithm(x float64) doubled {
	m, power := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, power = 2*m, power-1
	}
	near := math.Log(m)
	// ln m = near + ln(m·e^-near), the last of which is ln(1 + rest).
	less, _ := exponential(doubled{hi: -near})
	rest := less.times(m).plus(m - 1)
	rest = rest.subtract(rest.multiply(rest).scaled(0.5))
	ln := rest.plus(near)
	if n := float64(power); n != 0 {
		ln = ln.add(twoProduct(n, ln2First).add(twoProduct(n, ln2Second)))
	}
	return ln
}

// Beyond these the result is infinite or zero.
const (
	maxExp = 710.5
	minExp = -746.0
)

func exp(x float64) float64 {
	if !(minExp < x && x < maxExp) || math.Abs(x) < negligible {
		return math.Exp(x)
	}
	less, power := exponential(doubled{hi: x})
	return round(1, less.hi, less.lo, power)
}

func ln(x float64) float64 {
	if !isFinite(x) || x <= 0 {
		return math.Log(x)
	}
	return logarithm(x).float()
}

func log10(x float64) float64 {
	if !isFinite(x) || x <= 0 {
		return math.Log10(x)
	}
	return logarithm(x).multiply(doubled{log10First, log10Second}).float()
}

func isFinite(x float64) bool { return x-x == 0 }

// power returns x^y.
func power(x, y float64) float64 {
	size := math.Abs(x)
	estimate := y * math.Log(size)
	if !isFinite(estimate) || !(minExp < estimate && estimate < maxExp) || math.Abs(estimate) < negligible {
		return math.Pow(x, y)
	}
	if x < 0 && y != math.Trunc(y) {
		return math.NaN()
	}
	sign := 1.0
	if x < 0 && math.Mod(y, 2) != 0 {
		sign = -1
	}
	if p, exponent, ok := exactPower(size, y); ok {
		return sign * round(p.hi, p.lo, 0, exponent)
	}
	less, exponent := exponential(logarithm(size).times(y))
	return sign * round(1, less.hi, less.lo, exponent)
}

// exactPower returns x^y if it has at most 54 bits, since then it may be in the middle
// of two float64. Such a y is a whole number, or x a square, and a square of one,
// and so on.
func exactPower(x, y float64) (p doubled, exponent int, ok bool) {
	const limit = 1 << 54
	if x < 0x1p-900 { // where the test of a square underflows
		return p, 0, false
	}
	for y != math.Trunc(y) {
		r := math.Sqrt(x)
		if math.FMA(r, r, -x) != 0 {
			return p, 0, false
		}
		x, y = r, 2*y
	}
	m, e := math.Frexp(x)
	odd, e := uint64(math.Ldexp(m, 53)), e-53
	for odd&1 == 0 {
		odd, e = odd>>1, e+1
	}
	if odd == 1 {
		return doubled{hi: 1}, e * int(y), true
	}
	if y < 0 || y > 54 {
		return p, 0, false
	}
	product := uint64(1)
	for range int(y) {
		if product > limit/odd {
			return p, 0, false
		}
		product *= odd
	}
	hi := float64(product)
	return doubled{hi, float64(int64(product) - int64(hi))}, e * int(y), true
}

// faint: the part of e^-x in the hyperbolic functions beyond it is too small to
// be seen.
const faint = 40

func sinh(x float64) float64 {
	size := math.Abs(x)
	if !(negligible <= size && size < 1+maxExp) {
		return math.Sinh(x)
	}
	less, power := exponential(doubled{hi: size})
	one := doubled{hi: 1}
	sign := math.Copysign(1, x)
	switch {
	case size > faint:
		return sign * round(1, less.hi, less.lo, power-1)
	case power == 0:
		return sign * less.add(less.divide(less.add(one))).scaled(0.5).float()
	}
	e := less.add(one).scaled(math.Ldexp(1, power))
	return sign * e.subtract(one.divide(e)).scaled(0.5).float()
}

func cosh(x float64) float64 {
	size := math.Abs(x)
	if !(negligible <= size && size < 1+maxExp) {
		return math.Cosh(x)
	}
	less, power := exponential(doubled{hi: size})
	one := doubled{hi: 1}
	switch {
	case size > faint:
		return round(1, less.hi, less.lo, power-1)
	case power == 0:
		more := less.multiply(less).divide(less.add(one)).scaled(0.5) // than 1
		return round(1, more.hi, more.lo, 0)
	}
	e := less.add(one).scaled(math.Ldexp(1, power))
	return e.add(one.divide(e)).scaled(0.5).float()
}

func tanh(x float64) float64 {
	const one = 20 // from here on the result is 1
	size := math.Abs(x)
	if !(negligible <= size && size < one) {
		return math.Tanh(x)
	}
	less, power := exponential(doubled{hi: 2 * size})
	if power != 0 {
		less = less.plus(1).scaled(math.Ldexp(1, power)).plus(-1)
	}
	return math.Copysign(less.divide(less.plus(2)).float(), x)
}
