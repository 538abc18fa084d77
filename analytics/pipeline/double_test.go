package pipeline_test

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/analytics/pipeline"
)

// precise computes functions with some 90 digits more than a float64 has, by
// other means than the engine: series of rational numbers, and π by another
// formula.
type precise struct{ *big.Float }

const preciseBits = 400

func exactly(x float64) precise { return precise{new(big.Float).SetPrec(preciseBits).SetFloat64(x)} }

func (x precise) add(y precise) precise {
	return precise{new(big.Float).SetPrec(preciseBits).Add(x.Float, y.Float)}
}

func (x precise) sub(y precise) precise {
	return precise{new(big.Float).SetPrec(preciseBits).Sub(x.Float, y.Float)}
}

func (x precise) mul(y precise) precise {
	return precise{new(big.Float).SetPrec(preciseBits).Mul(x.Float, y.Float)}
}

func (x precise) div(y precise) precise {
	return precise{new(big.Float).SetPrec(preciseBits).Quo(x.Float, y.Float)}
}

func (x precise) root() precise {
	return precise{new(big.Float).SetPrec(preciseBits).Sqrt(x.Float)}
}

func (x precise) shift(power int) precise {
	return precise{new(big.Float).SetMantExp(x.Float, power)}
}

// series sums first + first·ratio(1) + first·ratio(1)·ratio(2) + …
func series(first precise, ratio func(n int) precise) precise {
	sum, term := first, first
	for n := 1; term.Sign() != 0 && term.MantExp(nil) > sum.MantExp(nil)-preciseBits; n++ {
		term = term.mul(ratio(n))
		sum = sum.add(term)
	}
	return sum
}

func whole(n int) precise { return exactly(float64(n)) }

// arctangent of what is at most 1, by Euler's series after two halvings.
func arctangent(x precise) precise {
	for range 2 {
		x = x.div(whole(1).add(whole(1).add(x.mul(x)).root()))
	}
	square := x.mul(x)
	common := square.div(whole(1).add(square))
	return series(x.div(whole(1).add(square)), func(n int) precise { return common.mul(whole(2 * n)).div(whole(2*n + 1)) }).shift(2)
}

var (
	precisePi  = arctangent(whole(1)).shift(2)
	preciseLn2 = nearLog(whole(2))
	wideQuart  = func() *big.Float { // for angles of any size
		const bits = 1600
		x := new(big.Float).SetPrec(bits)
		// Gauss and Legendre.
		f := func() *big.Float { return new(big.Float).SetPrec(bits) }
		a, b, t, p := f().SetInt64(1), f().Sqrt(f().SetFloat64(0.5)), f().SetFloat64(0.25), 1
		for range 11 {
			mean := f().Add(a, b)
			mean.Quo(mean, f().SetInt64(2))
			b = f().Sqrt(f().Mul(a, b))
			step := f().Sub(a, mean)
			t.Sub(t, x.SetMantExp(f().Mul(step, step), p-1))
			a, p = mean, p+1
		}
		pi := f().Add(a, b)
		pi.Mul(pi, pi).Quo(pi, f().Mul(t, f().SetInt64(4)))
		return pi.Quo(pi, f().SetInt64(2))
	}()
)

func exponential(x precise) precise {
	const halvings = 12
	x = x.shift(-halvings)
	sum := series(whole(1), func(n int) precise { return x.div(whole(n)) })
	for range halvings {
		sum = sum.mul(sum)
	}
	return sum
}

// naturalLog by Newton's method from a float64.
func naturalLog(x precise) precise {
	m := new(big.Float)
	if power := x.MantExp(m); power != 0 && power != 1 {
		return nearLog(precise{m}).add(preciseLn2.mul(whole(power)))
	}
	return nearLog(x)
}

func nearLog(x precise) precise {
	near, _ := x.Float64()
	y := exactly(math.Log(near))
	for range 4 {
		y = y.add(x.div(exponential(y))).sub(whole(1))
	}
	return y
}

// angle returns sine and cosine.
func angle(x float64) (sine, cosine precise) {
	wide := new(big.Float).SetPrec(1600)
	turns, _ := wide.Quo(wide.SetFloat64(x), wideQuart).Int(nil)
	wide.Mul(wide.SetInt(turns), wideQuart)
	rest := precise{new(big.Float).SetPrec(preciseBits).Sub(new(big.Float).SetPrec(1600).SetFloat64(x), wide)}
	square := rest.mul(rest)
	term := func(from int) func(n int) precise {
		return func(n int) precise { return square.div(whole(-(2*n - from) * (2*n - from + 1))) }
	}
	sine, cosine = series(rest, term(0)), series(whole(1), term(1))
	for range turns.And(turns, big.NewInt(3)).Int64() {
		sine, cosine = cosine, whole(0).sub(sine)
	}
	return sine, cosine
}

func preciseAtan2(y, x precise) precise {
	size := func(x precise) precise { return precise{new(big.Float).Abs(x.Float)} }
	var turn precise
	switch a, b := size(y), size(x); {
	case b.Cmp(a.Float) >= 0:
		turn = arctangent(a.div(b))
	default:
		turn = precisePi.shift(-1).sub(arctangent(b.div(a)))
	}
	if x.Sign() < 0 {
		turn = precisePi.sub(turn)
	}
	if y.Sign() < 0 {
		turn = whole(0).sub(turn)
	}
	return turn
}

// preciseFunctions are those of one argument.
var preciseFunctions = map[string]func(x float64) precise{
	"exp": func(x float64) precise { return exponential(exactly(x)) },
	"ln":  func(x float64) precise { return naturalLog(exactly(x)) },
	"log": func(x float64) precise { return naturalLog(exactly(x)).div(naturalLog(whole(10))) },
	"sin": func(x float64) precise { s, _ := angle(x); return s },
	"cos": func(x float64) precise { _, c := angle(x); return c },
	"tan": func(x float64) precise { s, c := angle(x); return s.div(c) },
	"asin": func(x float64) precise {
		return preciseAtan2(exactly(x), whole(1).sub(exactly(x).mul(exactly(x))).root())
	},
	"acos": func(x float64) precise {
		return preciseAtan2(whole(1).sub(exactly(x).mul(exactly(x))).root(), exactly(x))
	},
	"atan": func(x float64) precise { return preciseAtan2(exactly(x), whole(1)) },
	"sinh": func(x float64) precise {
		e := exponential(exactly(x))
		return e.sub(whole(1).div(e)).shift(-1)
	},
	"cosh": func(x float64) precise {
		e := exponential(exactly(x))
		return e.add(whole(1).div(e)).shift(-1)
	},
	"tanh": func(x float64) precise {
		e := exponential(exactly(x).shift(1))
		return e.sub(whole(1)).div(e.add(whole(1)))
	},
}

// precisePower is exact if that needs no more bits.
func precisePower(x, y float64) precise {
	base := exactly(x)
	for y != math.Trunc(y) {
		root := base.root()
		if root.mul(root).Cmp(base.Float) != 0 {
			return exponential(naturalLog(base).mul(exactly(y)))
		}
		base, y = root, 2*y
	}
	if math.Abs(y) > 1100 {
		return exponential(naturalLog(base).mul(exactly(y)))
	}
	product := whole(1)
	for range int(math.Abs(y)) {
		product = product.mul(base)
	}
	if y < 0 {
		return whole(1).div(product)
	}
	return product
}

// arguments draws those of a function: what sensors say, and all sizes.
func argument(name string, r *rand.Rand) float64 {
	short := math.Round(r.Float64()*1e6) / 1e4 // 0 to 100
	sized := math.Ldexp(1+r.Float64(), r.IntN(80)-60)
	x := []float64{short, sized, r.Float64(), 4 * r.Float64()}[r.IntN(4)]
	switch name {
	case "asin", "acos":
		for x > 1 {
			x /= 10
		}
	case "ln", "log":
		if r.IntN(4) == 0 {
			x = math.Float64frombits(r.Uint64N(0x7ff0000000000000))
		}
		return x + math.SmallestNonzeroFloat64
	case "exp", "sinh", "cosh", "tanh":
		x = math.Mod(x, 709)
	case "sin", "cos", "tan":
		if r.IntN(8) == 0 {
			x = math.Float64frombits(r.Uint64N(0x7ff0000000000000))
		}
	}
	if r.IntN(2) == 0 {
		return -x
	}
	return x
}

// samples is how many arguments of each function are compared.
func samples(t *testing.T) int {
	t.Helper()
	text := os.Getenv("IOTENANT_DOUBLES")
	if text == "" {
		return 500
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

func requireNearest(t require.TestingT, want precise, got float64, format string, args ...any) {
	nearest, _ := want.Float64()
	if nearest != got { // not by require, which would show all of it
		require.Fail(t, "not the nearest float64", "%s: %v, want %v", fmt.Sprintf(format, args...), got, nearest)
	}
}

// IOTENANT_DOUBLES=10000 compares as many arguments of each function.
func TestDoublesAreRoundedCorrectly(t *testing.T) {
	t.Parallel()
	for name, f := range pipeline.Doubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			for range samples(t) {
				x := argument(name, r)
				requireNearest(t, preciseFunctions[name](x), f(x), "%s(%v)", name, x)
			}
		})
	}
	t.Run("power", func(t *testing.T) {
		t.Parallel()
		r := rand.New(rand.NewPCG(3, 4))
		for range samples(t) {
			x, y := math.Abs(argument("ln", r)), math.Round(argument("sin", r)*100)/100
			switch r.IntN(4) {
			case 0:
				y = []float64{1.5, 0.5, 2, 3, -1, -0.5, 0.25, 10}[r.IntN(8)]
			case 1:
				x, y = 1.05, r.Float64()*100
			case 2:
				x, y = float64(r.IntN(1<<20)+1)/64, float64(r.IntN(16))/8
			}
			if math.Abs(y*math.Log(x)) < 700 {
				requireNearest(t, precisePower(x, y), pipeline.Power(x, y), "power(%v, %v)", x, y)
			}
		}
	})
	t.Run("atan2", func(t *testing.T) {
		t.Parallel()
		r := rand.New(rand.NewPCG(5, 6))
		for range samples(t) {
			y, x := argument("atan", r), argument("atan", r)
			requireNearest(t, preciseAtan2(exactly(y), exactly(x)), pipeline.Atan2(y, x), "atan2(%v, %v)", y, x)
		}
	})
}

// The reference agrees with another one, where that has the function.
func TestDoubleReference(t *testing.T) {
	t.Parallel()
	context := apd.BaseContext.WithPrecision(60)
	decimal := func(x float64) *apd.Decimal {
		d, _, err := apd.NewFromString(big.NewFloat(x).Text('f', 70)) // all of its digits
		require.NoError(t, err)
		return d
	}
	r := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		x, y := r.Float64()*50, r.Float64()*20
		for name, c := range map[string]struct {
			other func(z *apd.Decimal) (apd.Condition, error)
			own   precise
		}{
			"exp":   {func(z *apd.Decimal) (apd.Condition, error) { return context.Exp(z, decimal(x)) }, exponential(exactly(x))},
			"ln":    {func(z *apd.Decimal) (apd.Condition, error) { return context.Ln(z, decimal(x)) }, naturalLog(exactly(x))},
			"power": {func(z *apd.Decimal) (apd.Condition, error) { return context.Pow(z, decimal(x), decimal(y)) }, precisePower(x, y)},
		} {
			var z apd.Decimal
			_, err := c.other(&z)
			require.NoError(t, err)
			other, _, err := new(big.Float).SetPrec(preciseBits).Parse(z.String(), 10)
			require.NoError(t, err)
			difference := precise{other}.sub(c.own).div(c.own)
			require.Less(t, difference.MantExp(nil), -180, "%s(%v, %v)", name, x, y)
		}
	}
	require.Equal(t, math.Pi, func() float64 { f, _ := precisePi.Float64(); return f }()) //nolint:testifylint // it is that float64
}

// What is exact, in the middle of two float64, or near to it.
func TestDoublesThatAreHard(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ x, y, want float64 }{
		{2, 10, 1024},
		{2, -10, 0x1p-10},
		{10, 22, 1e22},
		{10, 23, 1e23},             // in the middle
		{3, 34, 16677181699666568}, // in the middle
		{9, 17, 16677181699666568},
		{81, 8.5, 16677181699666568},
		{0x1p27 + 1, 2, 0x1p54 + 0x1p28}, // in the middle
		{-3, 3, -27},
		{-2, -3, -0.125},
		{6.25, 1.5, 15.625},
		{16, 0.25, 2},
		{0x1p-1000, 0.5, 0x1p-500},
		{2, -1074, 0x1p-1074},
		{2, -1075, 0}, // in the middle
		{1.5, -1836, math.Pow(1.5, -1836)},
		{3, -678, 0x1.8p-1074},
		{1 + 0x1p-52, 0.5, 1},
		{1 + 3*0x1p-52, 0.5, 1 + 0x1p-52}, // just below the middle
		{10, -320, 1e-320},
		{5, -320, 5e-224},
	} {
		if c.want == 5e-224 || c.want == 0x1.8p-1074 || c.x == 1.5 {
			c.want, _ = precisePower(c.x, c.y).Float64()
		}
		require.Equal(t, c.want, pipeline.Power(c.x, c.y), "power(%v, %v)", c.x, c.y) //nolint:testifylint // to the last bit
	}
	for name, values := range map[string][]float64{
		"exp":  {0x1p-53, -0x1p-54, 0x1p-54, 1, -1, 709.78, 709.7827128933840, -708.4, -720.5, -744.4, -745.1, 0},
		"ln":   {1, 1 + 0x1p-52, 1 - 0x1p-53, 1 + 5*0x1p-52, 2, 5e-324, math.MaxFloat64, 0.1},
		"log":  {1, 10, 100, 1000, 1e15, 1e22, 0.001, 1 + 0x1p-52, 5e-324},
		"sin":  {math.Pi, 2 * math.Pi, 0x1p-26, 1e22, math.MaxFloat64, 6381956970095103 * 0x1p797, 0x1p27, 0x1p27 - 0.5, -0x1p300, 1.7e12},
		"cos":  {math.Pi / 2, 0x1p-26, 0x1p-27, 1e22, math.MaxFloat64, 6381956970095103 * 0x1p797, 3 * math.Pi / 2, -1e300},
		"tan":  {math.Pi / 2, math.Pi / 4, 1e22, math.MaxFloat64, 6381956970095103 * 0x1p797, 0x1p-26},
		"asin": {1, -1, 0.5, 1 - 0x1p-53, 0x1p-26, 0.7071067811865476},
		"acos": {1, -1, 0.5, 1 - 0x1p-53, -1 + 0x1p-53, 0x1p-26, 0, 1e-300},
		"atan": {1, -1, 1e300, -1e300, math.MaxFloat64, 0x1p-26, 0x1p-61, 5e-324},
		"sinh": {0x1p-26, 0x1p-59, 710.4, -710.4, 40, 39.99, 0.35, 1},
		"cosh": {0x1p-26, 0x1p-27, 710.4, -710.4, 40, 39.99, 0.35, 1, 0},
		"tanh": {0x1p-26, 0x1p-59, 18.9, 19.1, 20, -20, 0.17, 0.18, 1, 0},
	} {
		for _, x := range values {
			requireNearest(t, preciseFunctions[name](x), pipeline.Doubles[name](x), "%s(%v)", name, x)
		}
	}
	for _, c := range [][2]float64{{1, -1e-300}, {1e-300, 1e300}, {1e-300, -1e300}, {5e-324, 5e-324}, {5e-324, math.MaxFloat64}, {-3, -4}, {math.MaxFloat64, 5e-324}, {5e-324, -1e-310}, {3e-310, 2}} {
		requireNearest(t, preciseAtan2(exactly(c[0]), exactly(c[1])), pipeline.Atan2(c[0], c[1]), "atan2(%v, %v)", c[0], c[1])
	}
}

// mathFunctions are those of package math, which are less exact, and right
// where there is nothing to be rounded.
var mathFunctions = map[string]func(float64) float64{
	"exp": math.Exp, "ln": math.Log, "log": math.Log10, "sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "asin": math.Asin, "acos": math.Acos,
	"atan": math.Atan, "sinh": math.Sinh, "cosh": math.Cosh, "tanh": math.Tanh,
}

// isInexact reports whether the function of package math is further off than
// others.
func isInexact(name string, x float64) bool {
	switch name {
	case "ln", "log":
		return 0 < x && x < 0x1p-1022
	case "sin", "cos", "tan":
		return 1e5 < math.Abs(x) && math.Abs(x) <= math.MaxFloat64
	}
	return false
}

func TestDoublesOfSpecialValues(t *testing.T) {
	t.Parallel()
	special := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 1e300, -1e300, 711, -711, 747, -747, 2, -2, 1, -1, 0.5, 5e-324}
	same := func(want, got float64) bool {
		return want == got && math.Signbit(want) == math.Signbit(got) || math.IsNaN(want) && math.IsNaN(got) || math.Abs(want-got) <= 1e-15*math.Abs(want)
	}
	for _, x := range special {
		for name, f := range pipeline.Doubles {
			if !isInexact(name, x) {
				want := mathFunctions[name](x)
				require.True(t, same(want, f(x)), "%s(%v) is %v, want %v", name, x, f(x), want)
			}
		}
		for _, y := range special {
			require.True(t, same(math.Pow(x, y), pipeline.Power(x, y)), "power(%v, %v) is %v, want %v", x, y, pipeline.Power(x, y), math.Pow(x, y))
			require.True(t, same(math.Atan2(x, y), pipeline.Atan2(x, y)), "atan2(%v, %v) is %v, want %v", x, y, pipeline.Atan2(x, y), math.Atan2(x, y))
		}
	}
}

// Odd functions are odd, even ones even; what rises does not fall from one
// float64 to the next.
func TestDoublesHaveTheirSymmetry(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64().Draw(t, "x")
		for _, name := range []string{"sin", "tan", "asin", "atan", "sinh", "tanh"} {
			require.True(t, same(-pipeline.Doubles[name](x), pipeline.Doubles[name](-x)), name)
		}
		for _, name := range []string{"cos", "cosh"} {
			require.True(t, same(pipeline.Doubles[name](x), pipeline.Doubles[name](-x)), name)
		}
		next := math.Nextafter(x, math.Inf(1))
		for _, name := range []string{"exp", "ln", "log", "asin", "atan", "sinh", "tanh"} {
			if low, high := pipeline.Doubles[name](x), pipeline.Doubles[name](next); !math.IsNaN(low) && !math.IsNaN(high) {
				require.LessOrEqual(t, low, high, name)
			}
		}
	})
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// FuzzDoubles looks for panics, for results that are no numbers where those of
// package math are, and for such that are far from them.
func FuzzDoubles(f *testing.F) {
	for _, x := range []float64{0, 1, -1, 0.7418, 1e22, 5e-324, math.MaxFloat64, -745.1, 709.8, math.Pi} {
		f.Add(x, 1.5)
	}
	f.Fuzz(func(t *testing.T, x, y float64) {
		near := func(name string, want, got float64) {
			if math.IsNaN(want) != math.IsNaN(got) {
				t.Fatalf("%s(%v, %v) is %v, want %v", name, x, y, got, want)
			}
			if want != got && !math.IsNaN(want) && math.Abs(want-got) > 1e-11*math.Abs(want)+1e-320 && math.Abs(want) < 1e308 {
				t.Fatalf("%s(%v, %v) is %v, want %v", name, x, y, got, want)
			}
		}
		for name, f := range pipeline.Doubles {
			if !isInexact(name, x) {
				near(name, mathFunctions[name](x), f(x))
			} else if got := f(x); math.IsNaN(got) {
				t.Fatalf("%s(%v) is %v", name, x, got)
			}
		}
		if got := pipeline.Power(x, y); x > 0 && x != 1 && math.Abs(y*math.Log2(x)) < 1100 { // package math is far off if y is large
			requireNearest(t, precisePower(x, y), got, "power(%v, %v)", x, y)
		} else if math.IsNaN(got) != math.IsNaN(math.Pow(x, y)) {
			t.Fatalf("power(%v, %v) is %v, want %v", x, y, got, math.Pow(x, y))
		}
		near("atan2", math.Atan2(x, y), pipeline.Atan2(x, y))
	})
}

func BenchmarkDoubles(b *testing.B) {
	functions := map[string]func(float64) float64{
		"power": func(x float64) float64 { return pipeline.Power(x, 1.7) },
		"atan2": func(x float64) float64 { return pipeline.Atan2(x, 0.3) },
	}
	maps.Copy(functions, pipeline.Doubles)
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		f := functions[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			sum, x := 0.0, 0.0
			for b.Loop() {
				if x += 0.0618; x > 1 {
					x--
				}
				sum += f(x)
			}
			if math.IsInf(sum, 0) {
				b.Fatal(sum)
			}
		})
	}
}

func TestDoublesNeedNoMemory(t *testing.T) {
	for name, f := range pipeline.Doubles {
		x := 0.0
		require.Zero(t, testing.AllocsPerRun(100, func() {
			x += 0.0099
			f(x)
		}), name)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { pipeline.Power(1.05, 3.3) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { pipeline.Atan2(1.05, 3.3) }))
}
