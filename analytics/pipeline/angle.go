package pipeline

import (
	"math"
	"math/big"
	"sync"
)

// A quarter turn, π/2, as a sum of float64.
const (
	quarterFirst  = 0x1.921fb54442d18p+0
	quarterSecond = 0x1.1a62633145c07p-54
	quarterThird  = math.Pi/2 - quarterFirst - quarterSecond
)

// maxPlainAngle is below which three float64 of π/2 reduce an angle.
const maxPlainAngle = 1 << 27

// reduced returns the number of quarter turns in a finite angle, of which the
// last two bits are good, and what is left, at most π/4.
func reduced(x float64) (rest doubled, quarters int) {
	if math.Abs(x) >= maxPlainAngle {
		return reducedLong(x)
	}
	n := math.Round(x * (2 / math.Pi))
	if n == 0 {
		return doubled{hi: x}, 0
	}
	first := twoProduct(n, quarterFirst)
	rest = twoSum(x, -first.hi).plus(-first.lo)
	return rest.subtract(twoProduct(n, quarterSecond)).plus(-n * quarterThird), int(n)
}

// reducedLong multiplies by so many bits of 2/π that enough are left behind the
// point (Payne and Hanek, 1983).
func reducedLong(x float64) (rest doubled, quarters int) {
	m, exponent := math.Frexp(x)
	turns := big.NewInt(int64(math.Ldexp(m, 53)))
	turns.Mul(turns, circle().inverse)
	fraction := uint(circleBits + 53 - exponent) // bits
	// Half a quarter is added, so that a whole number is the nearest.
	half := new(big.Int).Lsh(big.NewInt(1), fraction-1)
	whole := new(big.Int).Rsh(turns.Add(turns, half), fraction)
	turns.Sub(turns, new(big.Int).Lsh(whole, fraction)).Sub(turns, half)

	const precision = 256
	left := new(big.Float).SetPrec(precision).SetInt(turns)
	left.Mul(left.SetMantExp(left, -int(fraction)), circle().quarter)
	hi, _ := left.Float64()
	lo, _ := left.Sub(left, big.NewFloat(hi)).Float64()
	return doubled{hi, lo}, int(whole.And(whole, big.NewInt(3)).Int64())
}

// circleBits is the precision of 2/π: the exponent of the largest float64, what
// may cancel, and what is to be left.
const circleBits = 1024 + 64 + 192

type circleConstants struct {
	quarter *big.Float // π/2
	inverse *big.Int   // 2/π · 2^circleBits
}

// circle computes π by Machin's formula: π/4 = 4 arctan 1/5 - arctan 1/239.
var circle = sync.OnceValue(func() circleConstants {
	const bits = 2*circleBits + 64
	one := new(big.Int).Lsh(big.NewInt(1), bits)
	arctan := func(inverse int64) *big.Int {
		sum, square := new(big.Int), big.NewInt(inverse*inverse)
		power, term := new(big.Int).Div(one, big.NewInt(inverse)), new(big.Int)
		for n := int64(1); power.Sign() > 0; n += 2 {
			if term.Div(power, big.NewInt(n)); n%4 == 1 {
				sum.Add(sum, term)
			} else {
				sum.Sub(sum, term)
			}
			power.Div(power, square)
		}
		return sum
	}
	quarter := arctan(5)
	quarter.Lsh(quarter.Sub(quarter.Lsh(quarter, 2), arctan(239)), 1)
	inverse := new(big.Int).Lsh(one, circleBits)
	f := new(big.Float).SetInt(quarter)
	return circleConstants{quarter: f.SetMantExp(f, -bits), inverse: inverse.Div(inverse, quarter)}
})

// Series of sin(x)/x, and (cos(x) - 1)/x², by x².
var (
	sinSeries = taylor(1, 2, 7, 7, -1)
	cosSeries = taylor(2, 2, 7, 7, -1)
)

// sinCos returns sine and cosine of a finite angle.
func sinCos(x float64) (sine, cosine doubled) {
	rest, quarters := reduced(x)
	square := rest.multiply(rest)
	sine = sinSeries.at(square).multiply(rest)
	cosine = cosSeries.at(square).multiply(square).negated().plus(1)
	switch quarters & 3 {
	case 1:
		return cosine, sine.negated()
	case 2:
		return sine.negated(), cosine.negated()
	case 3:
		return cosine.negated(), sine
	}
	return sine, cosine
}

func sin(x float64) float64 {
	if !isFinite(x) || math.Abs(x) < negligible {
		return math.Sin(x)
	}
	rest, quarters := reduced(x)
	return quarterWave(rest, quarters)
}

func cos(x float64) float64 {
	if !isFinite(x) || math.Abs(x) < negligible {
		return math.Cos(x)
	}
	rest, quarters := reduced(x)
	return quarterWave(rest, quarters+1)
}

// quarterWave returns the sine of so many quarter turns and the rest.
func quarterWave(rest doubled, quarters int) (wave float64) {
	square := rest.multiply(rest)
	if quarters&1 == 0 {
		wave = sinSeries.at(square).multiply(rest).float()
	} else {
		less := cosSeries.at(square).multiply(square)
		wave = round(1, -less.hi, -less.lo, 0)
	}
	if quarters&2 != 0 {
		return -wave
	}
	return wave
}

func tan(x float64) float64 {
	if !isFinite(x) || math.Abs(x) < negligible {
		return math.Tan(x)
	}
	sine, cosine := sinCos(x)
	return sine.divide(cosine).float()
}

// The inverse functions add to the angle of package math the angle between it
// and the true one, which is so small that it is its own sine and tangent.

func asin(x float64) float64 {
	near := math.Asin(x)
	if !isFinite(near) || math.Abs(x) < negligible {
		return near
	}
	sine, cosine := sinCos(near)
	return cosine.times(x).subtract(legOf(x).multiply(sine)).plus(near).float()
}

func acos(x float64) float64 {
	near := math.Acos(x)
	if !isFinite(near) {
		return near
	}
	sine, cosine := sinCos(near)
	return legOf(x).multiply(cosine).subtract(sine.times(x)).plus(near).float()
}

// legOf returns the square root of 1 - x².
func legOf(x float64) doubled { return twoSum(1, -x).multiply(twoSum(1, x)).root() }

func atan(x float64) float64 { return atan2(x, 1) }

func atan2(y, x float64) float64 {
	near := math.Atan2(y, x)
	switch ratio := y / x; {
	case !isFinite(x) || !isFinite(y) || near == 0 || y == 0:
		return near
	case x > 0 && math.Abs(ratio) < negligible:
		return ratio
	}
	_, exponent := math.Frexp(math.Max(math.Abs(x), math.Abs(y)))
	x, y = math.Ldexp(x, -exponent), math.Ldexp(y, -exponent)
	sine, cosine := sinCos(near)
	height, length := cosine.times(y).subtract(sine.times(x)), cosine.times(x).add(sine.times(y))
	return height.divide(length).plus(near).float()
}
