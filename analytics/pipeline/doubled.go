package pipeline

import (
	"math"
	"math/big"
	"slices"
)

// doubled is a number of about 106 bits, hi + lo, where lo is at most half a
// unit in the last place of hi. Sums, products and quotients are those of
// Dekker (1971) and Knuth (TAOCP, volume 2, 4.2.2), as the QD library of Hida,
// Li and Bailey (2001) has them. Products are converted where they are made, so
// that no compiler fuses them with a sum.
type doubled struct{ hi, lo float64 }

// twoSum returns a + b without error.
func twoSum(a, b float64) doubled {
	s := a + b
	t := s - a
	return doubled{s, (a - (s - t)) + (b - t)}
}

// fastTwoSum is twoSum where |a| >= |b|, or a is zero.
func fastTwoSum(a, b float64) doubled {
	s := a + b
	return doubled{s, b - (s - a)}
}

// twoProduct returns a·b without error.
func twoProduct(a, b float64) doubled {
	p := float64(a * b)
	return doubled{p, math.FMA(a, b, -p)}
}

func (x doubled) add(y doubled) doubled {
	s, t := twoSum(x.hi, y.hi), twoSum(x.lo, y.lo)
	s = fastTwoSum(s.hi, s.lo+t.hi)
	return fastTwoSum(s.hi, s.lo+t.lo)
}

func (x doubled) plus(y float64) doubled {
	s := twoSum(x.hi, y)
	return fastTwoSum(s.hi, s.lo+x.lo)
}

func (x doubled) negated() doubled { return doubled{-x.hi, -x.lo} }

func (x doubled) subtract(y doubled) doubled { return x.add(y.negated()) }

func (x doubled) multiply(y doubled) doubled {
	p := twoProduct(x.hi, y.hi)
	return fastTwoSum(p.hi, p.lo+float64(x.hi*y.lo+x.lo*y.hi))
}

func (x doubled) times(y float64) doubled {
	p := twoProduct(x.hi, y)
	return fastTwoSum(p.hi, p.lo+float64(x.lo*y))
}

// scaled multiplies by a power of two, without error as long as nothing
// underflows.
func (x doubled) scaled(power float64) doubled { return doubled{x.hi * power, x.lo * power} }

func (x doubled) divide(y doubled) doubled {
	q := x.hi / y.hi
	rest := x.subtract(y.times(q))
	next := rest.hi / y.hi
	rest = rest.subtract(y.times(next))
	return fastTwoSum(q, next).plus(rest.hi / y.hi)
}

// root returns the square root of what is not negative.
func (x doubled) root() doubled {
	if x.hi == 0 {
		return doubled{}
	}
	r := math.Sqrt(x.hi)
	rest := x.subtract(twoProduct(r, r))
	return fastTwoSum(r, rest.hi/(2*r))
}

// polynomial is one by the powers of a small number: the lower coefficients,
// and the higher ones, of which 53 bits suffice.
type polynomial struct {
	low  []doubled
	high []float64
}

func (p *polynomial) at(x doubled) doubled {
	tail := 0.0
	for _, factor := range slices.Backward(p.high) {
		tail = tail*x.hi + factor
	}
	sum := doubled{hi: tail}
	for _, factor := range slices.Backward(p.low) {
		sum = sum.multiply(x).add(factor)
	}
	return sum
}

// taylor returns the coefficients ±1/first!, 1/(first+step)!, … whose signs
// alternate if sign is -1.
func taylor(first, step, low, high int, sign float64) (p polynomial) {
	factor := doubled{hi: 1}
	for i := 2; i <= first; i++ {
		factor = factor.divide(doubled{hi: float64(i)})
	}
	for n := first; len(p.low)+len(p.high) < low+high; {
		if len(p.low) < low {
			p.low = append(p.low, factor)
		} else {
			p.high = append(p.high, factor.hi)
		}
		for range step {
			n++
			factor = factor.divide(doubled{hi: float64(n)})
		}
		factor = factor.scaled(sign)
	}
	return p
}

// plainPower is up to which powers of two round scales without looking: what it
// gets is between 2^-64 and 2^64.
const plainPower = 900

// round returns (a + b + c)·2^power with one rounding, where a is the largest,
// and b and c are a doubled.
func round(a, b, c float64, power int) float64 {
	if power < -plainPower {
		return roundSmall(a, b, c, power)
	}
	s := twoSum(a, b)
	t := twoSum(s.lo, c)
	if t.lo != 0 && math.Float64bits(t.hi)&1 == 0 {
		// Rounded to odd, what is left can't be taken for the middle of two
		// float64 (Boldo and Melquiond, 2008).
		t.hi = math.Nextafter(t.hi, math.Inf(int(math.Copysign(1, t.lo))))
	}
	if power == 0 {
		return s.hi + t.hi
	}
	return math.Ldexp(s.hi+t.hi, power)
}

// roundSmall is round for what may be so small that it has fewer bits.
func roundSmall(a, b, c float64, power int) float64 {
	const enough = 1200 // bits
	sum := new(big.Float).SetPrec(enough)
	for _, x := range [...]float64{a, b, c} {
		sum.Add(sum, big.NewFloat(x))
	}
	f, _ := sum.SetMantExp(sum, power).Float64()
	return f
}

func (x doubled) float() float64 { return round(x.hi, x.lo, 0, 0) }
