package pipeline

import (
	"fmt"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// Precedences of operators. NOT binds like the unary minus.
const (
	precedenceOr = iota + 1
	precedenceAnd
	precedenceLooseNot
	precedenceComparison
	precedenceSum
	precedenceProduct
	precedenceNot
)

// newDialect returns the language of filters and math, which is the SQL of AWS
// IoT, version 2016-03-23.
func newDialect(s *Semantics) exprlang.Dialect {
	not := precedenceNot
	if s.LooseNot {
		not = precedenceLooseNot
	}
	d := exprlang.Dialect{
		Binary: []exprlang.Operator{
			{Text: "AND", Precedence: precedenceAnd}, {Text: "OR", Precedence: precedenceOr},
			{Text: "<>", Precedence: precedenceComparison}, {Text: "<=", Precedence: precedenceComparison}, {Text: ">=", Precedence: precedenceComparison},
			{Text: "<", Precedence: precedenceComparison}, {Text: ">", Precedence: precedenceComparison}, {Text: "=", Precedence: precedenceComparison},
			{Text: "+", Precedence: precedenceSum}, {Text: "-", Precedence: precedenceSum},
			{Text: "*", Precedence: precedenceProduct}, {Text: "/", Precedence: precedenceProduct}, {Text: "%", Precedence: precedenceProduct},
		},
		Unary:         []string{"-"},
		Prefix:        []exprlang.Operator{{Text: "NOT", Precedence: not}},
		DoubledQuotes: true,
		Literals:      true,
		Case:          true,
		BarePoints:    true,
	}
	if s.Extensions {
		d.Predicates = precedenceComparison
		d.Binary = append([]exprlang.Operator{{Text: "!=", Precedence: precedenceComparison}}, d.Binary...)
	}
	return d
}

// eval computes a value from the message of a run.
type eval func(r *run, out *value)

// compiler makes functions of a syntax tree.
type compiler struct {
	source     string
	semantics  *Semantics
	attributes *numbering
	err        *exprlang.Error
	doubts     []*exprlang.Error // what is undefined whatever the message
}

// compileExpression reads an expression. Doubts are about one that can be
// computed.
func compileExpression(source string, s *Semantics, attributes *numbering) (compiled eval, doubts []*exprlang.Error, err *exprlang.Error) {
	dialect := newDialect(s)
	node, parseErr := dialect.Parse(source)
	if parseErr != nil {
		syntax, ok := parseErr.(*exprlang.Error) //nolint:errorlint // Parse says so
		if !ok {
			syntax = &exprlang.Error{Source: source, Message: parseErr.Error()}
		}
		return nil, nil, syntax
	}
	c := &compiler{source: source, semantics: s, attributes: attributes}
	compiled = c.compile(node)
	return compiled, c.doubts, c.err
}

func (c *compiler) fail(node exprlang.Node, format string, args ...any) eval {
	if c.err == nil {
		c.err = &exprlang.Error{Source: c.source, Offset: node.Offset(), Message: fmt.Sprintf(format, args...)}
	}
	return constant(value{})
}

func constant(v value) eval { return func(_ *run, out *value) { *out = v } }

// operand is a part of an expression as what it belongs to reads it: a constant,
// an attribute, or else something to compute.
type operand struct {
	constant *value
	path     *path
	eval     eval
}

func (c *compiler) operand(node exprlang.Node) operand {
	switch n := node.(type) {
	case *exprlang.Number:
		return c.number(n)
	case *exprlang.String:
		return operand{constant: &value{kind: String, text: []byte(n.Text)}}
	case *exprlang.Path:
		return c.path(n)
	}
	return operand{eval: c.compile(node)}
}

// numeric is for operands of which numbers are made.
func (c *compiler) numeric(node exprlang.Node) operand {
	o := c.operand(node)
	if o.constant != nil {
		r := run{decimals: newDecimals(false)}
		r.numeric(o.constant)
	}
	return o
}

// operand gives the value of an operand, which is not to be changed. It is kept
// while others are computed, until top is as it was before.
func (r *run) operand(o *operand) *value {
	if o.constant != nil {
		return o.constant
	}
	if r.top == len(r.stack) {
		r.stack = append(r.stack, new(value))
	}
	v := r.stack[r.top]
	r.top++
	if o.eval != nil {
		o.eval(r, v)
	} else {
		r.attribute(o.path, v)
	}
	return v
}

// attribute reads what is at a path.
func (r *run) attribute(p *path, out *value) {
	if raw := r.lookup(r.doc, p); raw != nil {
		r.read(raw, out)
	} else {
		out.kind = Undefined
	}
}

// read returns what reads the operand.
func (o operand) read() eval {
	switch {
	case o.constant != nil:
		return constant(*o.constant)
	case o.path != nil:
		return func(r *run, out *value) { r.attribute(o.path, out) }
	}
	return o.eval
}

func (c *compiler) compile(node exprlang.Node) eval {
	switch n := node.(type) {
	case *exprlang.Number, *exprlang.String, *exprlang.Path:
		return c.operand(node).read()
	case *exprlang.Call:
		return c.call(n)
	case *exprlang.Unary:
		return c.unary(n)
	case *exprlang.Binary:
		return c.binary(n)
	case *exprlang.Array:
		return c.array(n)
	case *exprlang.Object:
		return c.object(n)
	case *exprlang.Case:
		return c.choice(n)
	}
	return c.fail(node, "not supported")
}

func (c *compiler) all(nodes []exprlang.Node) []eval {
	functions := make([]eval, len(nodes))
	for i := range nodes {
		functions[i] = c.compile(nodes[i])
	}
	return functions
}

// number: a literal with a point or an exponent is a Decimal.
func (c *compiler) number(n *exprlang.Number) operand {
	d := newDecimals(false)
	parsed, ok := d.parseNumber([]byte(n.Text))
	if !ok {
		return operand{eval: c.fail(n, "number is out of range")}
	}
	v := value{kind: Decimal, number: parsed}
	v.keepText([]byte(n.Text))
	if parsed.isWhole() && (c.semantics.WholeLiteralsAreInts || !strings.ContainsAny(n.Text, ".eE")) {
		v.kind = Int
	}
	return operand{constant: &v}
}

func (c *compiler) path(n *exprlang.Path) operand {
	switch word := n.Word(); {
	case strings.EqualFold(word, "NULL"):
		return operand{constant: &value{kind: Null}}
	case strings.EqualFold(word, "TRUE"), strings.EqualFold(word, "FALSE"):
		v := truth(strings.EqualFold(word, "TRUE"))
		return operand{constant: &v}
	case isReserved(word):
		return operand{eval: c.fail(n, "%s is a keyword here; write it in backticks if it is an attribute", word)}
	}
	if strings.HasPrefix(n.Segments[0].Name, "$") {
		return operand{eval: c.fail(n, "%s: there are no variables", n.Segments[0].Name)}
	}
	segments := make([]segment, len(n.Segments))
	for i, s := range n.Segments {
		if s.IsIndex {
			segments[i].index = s.Index
		} else {
			segments[i].name = []byte(s.Name)
		}
	}
	return operand{path: c.attributes.path([]byte(n.String()), segments)}
}

func isReserved(word string) bool {
	for _, reserved := range []string{"AND", "OR", "NOT", "CASE", "WHEN", "THEN", "ELSE", "END"} {
		if strings.EqualFold(word, reserved) {
			return true
		}
	}
	return false
}

func (c *compiler) unary(n *exprlang.Unary) eval {
	if n.Operator == "NOT" {
		x := c.compile(n.X)
		return func(r *run, out *value) {
			x(r, out)
			b, ok := logical(out)
			if out.kind = Undefined; ok {
				out.setTruth(!b)
			}
		}
	}
	return arithmetic('-', operand{constant: &value{kind: Int}}, c.numeric(n.X))
}

func (c *compiler) binary(n *exprlang.Binary) eval {
	switch n.Operator {
	case "AND", "OR":
		return connective(c.compile(n.X), c.compile(n.Y), n.Operator == "OR", c.semantics.StrictLogic)
	case "=", "<>", "!=":
		return equality(c.operand(n.X), c.operand(n.Y), n.Operator != "=")
	case "<", "<=", ">", ">=":
		return comparison(c.numeric(n.X), c.numeric(n.Y), n.Operator)
	case "+":
		return sum(c.operand(n.X), c.operand(n.Y))
	}
	return arithmetic(n.Operator[0], c.numeric(n.X), c.numeric(n.Y))
}

func equality(x, y operand, unequal bool) eval {
	return func(r *run, out *value) {
		top := r.top
		a, b := r.operand(&x), r.operand(&y)
		if r.top = top; a.kind == Undefined || b.kind == Undefined {
			out.kind = Undefined
			return
		}
		out.setTruth(r.equal(a, b) != unequal)
	}
}

func sum(x, y operand) eval {
	return func(r *run, out *value) {
		top := r.top
		r.sum(r.operand(&x), r.operand(&y), out)
		r.top = top
	}
}

func arithmetic(operator byte, x, y operand) eval {
	return func(r *run, out *value) {
		top := r.top
		r.arithmetic(operator, r.operand(&x), r.operand(&y), out)
		r.top = top
	}
}

// logical returns what a value is to AND, OR and NOT.
func logical(v *value) (b, ok bool) {
	switch v.kind {
	case Boolean:
		return v.truth, true
	case String:
		switch {
		case strings.EqualFold(string(v.text), "true"):
			return true, true
		case strings.EqualFold(string(v.text), "false"):
			return false, true
		}
	}
	return false, false
}

// connective is OR if decisive is true, AND if it is false: the value that
// decides whatever the other side is.
func connective(x, y eval, decisive, strict bool) eval {
	return func(r *run, out *value) {
		x(r, out)
		a, okA := logical(out)
		if okA && a == decisive && !strict {
			out.setTruth(decisive)
			return
		}
		y(r, out)
		b, okB := logical(out)
		switch {
		case okA && okB:
			out.setTruth((a == decisive || b == decisive) == decisive)
		case okB && b == decisive && !strict:
			out.setTruth(decisive)
		default:
			out.kind = Undefined
		}
	}
}

func comparison(x, y operand, operator string) eval {
	var holds [3]bool // for what is less, equal, greater
	switch holds[1] = len(operator) == 2; operator[0] {
	case '<':
		holds[0] = true
	default:
		holds[2] = true
	}
	return func(r *run, out *value) {
		top := r.top
		a, b := r.operand(&x), r.operand(&y)
		r.top = top
		if out.kind = Undefined; r.numeric(a) && r.numeric(b) {
			out.setTruth(holds[1+r.decimals.compare(&a.number, &b.number)])
		}
	}
}

// numeric makes a Decimal of a String that is one, and reports whether the value
// is a number.
func (r *run) numeric(v *value) bool {
	if v.isNumber() {
		return true
	}
	if v.kind != String || !isDecimal(v.text) {
		return false
	}
	n, ok := r.decimals.parseNumber(v.text)
	if !ok {
		return false
	}
	v.setDecimal(n)
	v.keepText(v.text)
	return true
}

// isDecimal reports whether a text is a number: -?\d+(\.\d+)?([Ee]-?\d+)?
func isDecimal(text []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(text) && text[n]-'0' <= 9 {
			n++
		}
		text = text[n:]
		return n > 0
	}
	accept := func(c byte) bool {
		if len(text) == 0 || text[0]|0x20 != c|0x20 {
			return false
		}
		text = text[1:]
		return true
	}
	accept('-')
	if !digits() || accept('.') && !digits() {
		return false
	}
	if accept('e') {
		accept('-')
		return digits() && len(text) == 0
	}
	return len(text) == 0
}

// sum adds numbers; with a String on either side it concatenates.
func (r *run) sum(a, b, out *value) {
	if a.kind != String && b.kind != String {
		r.arithmetic('+', a, b, out)
		return
	}
	if out.kind = Undefined; a.kind == Undefined || b.kind == Undefined {
		return
	}
	start := len(r.scratch)
	r.scratch = a.appendText(r.scratch)
	r.scratch = b.appendText(r.scratch)
	*out = value{kind: String, text: r.scratch[start:len(r.scratch):len(r.scratch)]}
}

// arithmetic computes + - * / %. The result is an Int only for Ints, and
// undefined for what is no number.
func (r *run) arithmetic(operator byte, a, b, out *value) {
	ints := a.kind == Int && b.kind == Int
	if out.kind = Undefined; !r.numeric(a) || !r.numeric(b) {
		return
	}
	var n number
	var ok bool
	if a.long || b.long {
		n, ok = r.computeLong(operator, ints, a, b)
	} else {
		n, ok = r.compute(operator, ints, a.number, b.number)
	}
	switch {
	case !ok:
		r.failed = r.failed || r.semantics.ZeroDivisionDrops && b.number.isZero()
	case ints && n.isWhole():
		out.setInt(n)
	default:
		out.setDecimal(n)
	}
}

func (r *run) compute(operator byte, ints bool, a, b number) (number, bool) {
	switch operator {
	case '+':
		return r.decimals.add(a, b)
	case '-':
		return r.decimals.subtract(a, b)
	case '*':
		return r.decimals.multiply(a, b)
	case '%':
		return r.decimals.remainder(a, b)
	}
	if ints && !r.semantics.DecimalDivision {
		return r.decimals.divideWhole(a, b)
	}
	return r.decimals.divide(a, b)
}

// computeLong is compute for operands of more than 34 digits: only the result is
// rounded.
func (r *run) computeLong(operator byte, ints bool, a, b *value) (number, bool) {
	d := &r.decimals
	if b.number.isZero() && (operator == '/' || operator == '%') || !d.loadExactly(&d.x, a) || !d.loadExactly(&d.y, b) {
		return number{}, false
	}
	operate := d.context.Quo
	switch {
	case operator == '+':
		operate = d.context.Add
	case operator == '-':
		operate = d.context.Sub
	case operator == '*':
		operate = d.context.Mul
	case operator == '%':
		operate = d.context.Rem
	case ints && !r.semantics.DecimalDivision:
		operate = d.context.QuoInteger
	}
	return d.result(operate(&d.z, &d.x, &d.y))
}

func (c *compiler) array(n *exprlang.Array) eval {
	elements := c.all(n.Elements)
	return func(r *run, out *value) {
		text := []byte{'['}
		for i, element := range elements {
			if element(r, out); i > 0 {
				text = append(text, ',')
			}
			text = out.appendJSON(text)
		}
		*out = value{kind: Array, text: append(text, ']')}
	}
}

func (c *compiler) object(n *exprlang.Object) eval {
	values := c.all(n.Values)
	return func(r *run, out *value) {
		text := []byte{'{'}
		for i, member := range values {
			if member(r, out); i > 0 {
				text = append(text, ',')
			}
			text = append(appendQuoted(text, []byte(n.Names[i])), ':')
			text = out.appendJSON(text)
		}
		*out = value{kind: Object, text: append(text, '}')}
	}
}

func (c *compiler) choice(n *exprlang.Case) eval {
	x, when, then := c.operand(n.X), c.all(n.When), c.all(n.Then)
	otherwise := constant(value{})
	if n.Else != nil {
		otherwise = c.compile(n.Else)
	}
	return func(r *run, out *value) {
		top := r.top
		defer func() { r.top = top }()
		subject := r.operand(&x)
		if subject.kind == Undefined {
			out.kind = Undefined
			return
		}
		for i := range when {
			if when[i](r, out); out.kind != Undefined && r.equal(subject, out) {
				then[i](r, out)
				return
			}
		}
		otherwise(r, out)
	}
}
