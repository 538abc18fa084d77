package pipeline

import "github.com/cockroachdb/apd/v3"

// Compute computes a op b for tests: + - * / % and d, which divides whole
// numbers. The text is empty if there is no result.
func Compute(operator byte, a, b string) string {
	d := newDecimals(false)
	x, okX := d.parseNumber([]byte(a))
	y, okY := d.parseNumber([]byte(b))
	if !okX || !okY {
		return ""
	}
	r := &run{decimals: d, semantics: &Semantics{}}
	ints := operator == 'd'
	if ints {
		operator = '/'
	}
	n, ok := r.compute(operator, ints, x, y)
	if !ok {
		return ""
	}
	return string(n.append(nil))
}

// Compare compares two numbers.
func Compare(a, b string) int {
	d := newDecimals(false)
	x, _ := d.parseNumber([]byte(a))
	y, _ := d.parseNumber([]byte(b))
	return d.compare(&x, &y)
}

// ComputeSlowly does the same by the library alone.
func ComputeSlowly(operator byte, a, b string) string {
	d := newDecimals(false)
	x, _, errX := d.context.NewFromString(a)
	y, _, errY := d.context.NewFromString(b)
	if errX != nil || errY != nil {
		return ""
	}
	var z apd.Decimal
	operate := map[byte]func(z, x, y *apd.Decimal) (apd.Condition, error){
		'+': d.context.Add, '-': d.context.Sub, '*': d.context.Mul, '/': d.context.Quo, '%': d.context.Rem, 'd': d.context.QuoInteger,
	}
	condition, err := operate[operator](&z, x, y)
	d.z.Set(&z)
	n, ok := d.result(condition, err)
	if !ok {
		return ""
	}
	return string(n.append(nil))
}
