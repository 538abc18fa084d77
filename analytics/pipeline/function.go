package pipeline

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// function is a function of the language. It gets its arguments evaluated, and
// writes to out, which is undefined.
type function struct {
	least, most int // arguments
	// numbers: all arguments must be numbers, or Strings that are; else the
	// result is undefined.
	numbers bool
	call    func(r *run, arguments []value, out *value)
}

// functions are those that the guide of IoT Analytics lists, by their names in
// lower case.
var functions = map[string]function{
	"abs":   {1, 1, true, absolute},
	"ceil":  {1, 1, true, rounded(toCeiling)},
	"round": {1, 1, true, rounded(halfAway)},
	"sign":  {1, 1, true, func(_ *run, a []value, out *value) { out.setInt(wholeNumber(int64(a[0].number.sign()))) }},
	"trunc": {2, 2, true, truncate},
	"mod":   {2, 2, true, func(r *run, a []value, out *value) { r.arithmetic('%', &a[0], &a[1], out) }},
	"power": {2, 2, true, double2(power)},
	"atan2": {2, 2, true, double2(atan2)},
	"sqrt":  {1, 1, true, double(math.Sqrt)},
	"exp":   {1, 1, true, double(exp)},
	"ln":    {1, 1, true, double(ln)},
	"log":   {1, 1, true, double(log10)},
	"sin":   {1, 1, true, double(sin)},
	"cos":   {1, 1, true, double(cos)},
	"tan":   {1, 1, true, double(tan)},
	"asin":  {1, 1, true, double(asin)},
	"acos":  {1, 1, true, double(acos)},
	"atan":  {1, 1, true, double(atan)},
	"sinh":  {1, 1, true, double(sinh)},
	"cosh":  {1, 1, true, double(cosh)},
	"tanh":  {1, 1, true, double(tanh)},
}

// extensions are functions of the SQL of AWS IoT that the guide of IoT Analytics
// leaves out and that have no effects, see [Semantics].Extensions.
var extensions = map[string]function{
	"floor":       {1, 1, true, floor},
	"remainder":   {2, 2, true, func(r *run, a []value, out *value) { r.arithmetic('%', &a[0], &a[1], out) }},
	"isnull":      {1, 1, false, func(_ *run, a []value, out *value) { out.setTruth(a[0].kind == Null) }},
	"isundefined": {1, 1, false, func(_ *run, a []value, out *value) { out.setTruth(a[0].kind == Undefined) }},
	"lower":       {1, 1, false, mapped(bytes.ToLower)},
	"upper":       {1, 1, false, mapped(bytes.ToUpper)},
	"trim":        {1, 1, false, mapped(bytes.TrimSpace)},
	"length":      {1, 1, false, length},
	"concat":      {1, 16, false, concatenate},
	"startswith":  {2, 2, false, tested(bytes.HasPrefix)},
	"endswith":    {2, 2, false, tested(bytes.HasSuffix)},
}

func (c *compiler) call(n *exprlang.Call) eval {
	switch n.Name {
	case exprlang.IsNull, exprlang.In, exprlang.Between, exprlang.Like:
		return c.predicate(n)
	}
	f, ok := functions[strings.ToLower(n.Name)]
	if !ok && c.semantics.Extensions {
		f, ok = extensions[strings.ToLower(n.Name)]
	}
	if !ok {
		return c.fail(n, "unknown function %q", n.Name)
	}
	arguments := c.all(n.Arguments)
	if len(arguments) < f.least || len(arguments) > f.most {
		c.doubts = append(c.doubts, &exprlang.Error{
			Source: c.source, Offset: n.Offset(),
			Message: fmt.Sprintf("%s has %d arguments, want %s: it is undefined", n.Name, len(arguments), between(f.least, f.most)),
		})
		return constant(value{})
	}
	return func(r *run, out *value) {
		first := len(r.arguments)
		defer func() { r.arguments = r.arguments[:first] }()
		for _, argument := range arguments {
			argument(r, out)
			if f.numbers && !r.numeric(out) {
				out.kind = Undefined
				return
			}
			r.arguments = append(r.arguments, *out)
		}
		out.kind = Undefined
		f.call(r, r.arguments[first:], out)
	}
}

func between(least, most int) string {
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

func absolute(_ *run, a []value, out *value) {
	*out = a[0]
	out.number.neg, out.long = false, false
}

func rounded(how rounding) func(*run, []value, *value) {
	return func(_ *run, a []value, out *value) { out.setInt(a[0].number.cut(0, how)) }
}

func floor(_ *run, a []value, out *value) {
	n := a[0].number
	n.neg = !n.neg && !n.isZero()
	n = n.cut(0, toCeiling)
	n.neg = !n.neg && !n.isZero()
	out.setInt(n)
}

// truncate cuts to 0 to 34 decimals.
func truncate(_ *run, a []value, out *value) {
	places := a[1].number.cut(0, toZero)
	switch {
	case places.sign() <= 0:
		places = number{}
	case places.hi != 0 || places.exp > 1 || places.float() > maxDigits:
		places = wholeNumber(maxDigits)
	}
	*out = a[0]
	out.number = a[0].number.cut(int32(places.float()), toZero)
}

// double is a function in double precision. What is no number is undefined.
func double(f func(float64) float64) func(*run, []value, *value) {
	return func(r *run, a []value, out *value) { r.double(f(a[0].number.float()), out) }
}

func double2(f func(x, y float64) float64) func(*run, []value, *value) {
	return func(r *run, a []value, out *value) { r.double(f(a[0].number.float(), a[1].number.float()), out) }
}

func (r *run) double(f float64, out *value) {
	n, ok := r.decimals.fromFloat(f)
	if !ok {
		r.failed = r.failed || r.semantics.DomainErrorDrops
		return
	}
	out.setDecimal(n)
}

func mapped(f func([]byte) []byte) func(*run, []value, *value) {
	return func(_ *run, a []value, out *value) {
		if a[0].kind == String {
			*out = value{kind: String, text: f(a[0].text)}
		}
	}
}

func tested(f func(a, b []byte) bool) func(*run, []value, *value) {
	return func(_ *run, a []value, out *value) {
		if a[0].kind == String && a[1].kind == String {
			out.setTruth(f(a[0].text, a[1].text))
		}
	}
}

func length(_ *run, a []value, out *value) {
	if a[0].kind == String {
		out.setInt(wholeNumber(int64(len(bytes.Runes(a[0].text)))))
	}
}

func concatenate(_ *run, a []value, out *value) {
	var text []byte
	for i := range a {
		if a[i].kind == Undefined {
			return
		}
		text = a[i].appendText(text)
	}
	*out = value{kind: String, text: text}
}

// predicate compiles IS NULL, IN, BETWEEN and LIKE.
func (c *compiler) predicate(n *exprlang.Call) eval {
	switch n.Name {
	case exprlang.IsNull:
		x := c.compile(n.Arguments[0])
		return func(r *run, out *value) {
			x(r, out)
			out.setTruth(out.kind == Null || out.kind == Undefined)
		}
	case exprlang.Between:
		x := c.numeric(n.Arguments[0])
		least, most := comparison(x, c.numeric(n.Arguments[1]), ">="), comparison(x, c.numeric(n.Arguments[2]), "<=")
		return connective(least, most, false, c.semantics.StrictLogic)
	case exprlang.Like:
		return c.like(n)
	}
	return in(c.operand(n.Arguments[0]), c.all(n.Arguments[1:]))
}

func in(x operand, list []eval) eval {
	return func(r *run, out *value) {
		top := r.top
		defer func() { r.top = top }()
		subject := r.operand(&x)
		if subject.kind == Undefined {
			out.kind = Undefined
			return
		}
		found := slices.ContainsFunc(list, func(element eval) bool {
			element(r, out)
			return out.kind != Undefined && r.equal(subject, out)
		})
		out.setTruth(found)
	}
}

// like compiles x LIKE 'pattern' with % and _.
func (c *compiler) like(n *exprlang.Call) eval {
	x := c.compile(n.Arguments[0])
	pattern, ok := n.Arguments[1].(*exprlang.String)
	if !ok {
		return c.fail(n, "LIKE wants a pattern in quotes")
	}
	text := regexp.QuoteMeta(pattern.Text)
	text = strings.ReplaceAll(strings.ReplaceAll(text, "%", ".*"), "_", ".")
	expression, err := regexp.Compile("(?s)^" + text + "$")
	if err != nil {
		return c.fail(n, "LIKE pattern: %s", err)
	}
	return func(r *run, out *value) {
		if x(r, out); out.kind != String {
			out.kind = Undefined
			return
		}
		out.setTruth(expression.Match(out.text))
	}
}
