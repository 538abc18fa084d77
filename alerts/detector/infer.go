package detector

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// inference finds out which types the expressions of a model give to the
// attributes and variables that they read.
type inference struct {
	types map[string]types // by reference
	hints map[string][]hint
	grew  bool
	// formula is the expression that is being looked at, known what is known
	// of the types of its operands.
	formula *formula
	known   map[exprlang.Node]types
}

// hint is one expression that gives a type to a reference.
type hint struct {
	formula *formula
	node    exprlang.Node
	types   types
	sets    bool // the expression is the value that a variable gets
}

// inferencePasses bounds how far types travel from variable to variable.
const inferencePasses = 8

// inferTypes reports inferred types, and where they disagree.
func (r *reader) inferTypes() {
	in := &inference{types: map[string]types{}}
	for pass := range inferencePasses {
		in.grew, in.hints = pass == 0, map[string][]hint{}
		for _, f := range r.formulas {
			in.formula, in.known = f, map[exprlang.Node]types{}
			in.root(f, pass == 0)
		}
		if !in.grew {
			break
		}
	}
	for _, reference := range slices.Sorted(maps.Keys(in.types)) {
		r.reportTypes(in, reference)
	}
	in.known = nil
	for _, f := range r.formulas {
		r.checkInferred(in, f)
	}
}

// classes returns how many kinds of types there are among ts that can't be
// compared with each other.
func classes(ts types) int {
	n := 0
	for _, class := range []types{numbers, texts, booleans, others} {
		if ts&class != 0 {
			n++
		}
	}
	return n
}

// tells reports whether a set of types says something.
func tells(ts types) bool { return ts != 0 && classes(ts) == 1 }

// root looks at a whole expression. For a bare reference counts what others
// say of it, which the first pass finds out.
func (in *inference) root(f *formula, first bool) {
	if f.variable != "" {
		in.note("$variable."+f.variable, hint{f, f.node, in.of(f.node), true})
	}
	want := f.expected()
	if f.against != nil {
		want = in.of(f.against.node)
	}
	path, bare := f.node.(*exprlang.Path)
	if bare && (first || in.types[path.String()] != 0) {
		want = anything
	}
	in.visit(f.node, want)
}

func (in *inference) note(reference string, h hint) {
	if !tells(h.types) {
		return
	}
	in.grew = in.grew || in.types[reference]|h.types != in.types[reference]
	in.types[reference] |= h.types
	in.hints[reference] = append(in.hints[reference], h)
}

// visit looks at a node from which an operator or a function wants a type.
func (in *inference) visit(node exprlang.Node, want types) {
	switch n := node.(type) {
	case *exprlang.Path:
		if isReference(n) {
			in.note(n.String(), hint{in.formula, n, want, false})
		}
	case *exprlang.Template:
		for _, part := range n.Parts {
			in.visit(part, anything)
		}
	case *exprlang.Unary:
		in.visit(n.X, operandTypes(n.Operator))
	case *exprlang.Binary:
		in.visitBinary(n)
	case *exprlang.Call:
		for _, argument := range n.Arguments {
			in.visit(argument, argumentTypes(n.Name))
		}
	}
}

func (in *inference) visitBinary(n *exprlang.Binary) {
	x, y := operandTypes(n.Operator), operandTypes(n.Operator)
	switch n.Operator {
	case "==", "!=", "<", "<=", ">", ">=", "+":
		x, y = in.of(n.Y), in.of(n.X)
	case "-", "*", "/":
		x, y = in.of(n.Y)&numbers, in.of(n.X)&numbers
	}
	in.visit(n.X, x)
	in.visit(n.Y, y)
}

// operandTypes returns what an operator wants whatever its other operand is.
func operandTypes(operator string) types {
	switch operator {
	case "&&", "||", "!":
		return booleans
	case "|", "&", "^", "~":
		return wholes
	case "-":
		return numbers
	}
	return anything
}

func argumentTypes(function string) types {
	switch function {
	case "timeout", "triggerType", "currentInput", "startsWith", "endsWith", "contains":
		return texts
	case "bitor", "bitand", "bitxor", "bitnot":
		return wholes
	}
	return anything
}

func isReference(path *exprlang.Path) bool { return strings.HasPrefix(path.Segments[0].Name, "$") }

// of returns the types that an expression can have.
func (in *inference) of(node exprlang.Node) types {
	switch n := node.(type) {
	case *exprlang.Number:
		if literal(n).kind == Decimal {
			return fractions
		}
		return wholes
	case *exprlang.String, *exprlang.Template:
		return texts
	case *exprlang.Path:
		return in.ofPath(n)
	case *exprlang.Unary:
		switch n.Operator {
		case "!":
			return booleans
		case "~":
			return wholes
		}
		return in.of(n.X) & numbers
	case *exprlang.Binary:
		return in.ofBinary(n)
	case *exprlang.Call:
		return ofCall(n)
	}
	return anything
}

func (in *inference) ofPath(path *exprlang.Path) types {
	if !isReference(path) {
		return booleans
	}
	if ts := in.types[path.String()]; ts != 0 {
		return ts
	}
	return anything
}

func (in *inference) ofBinary(n *exprlang.Binary) types {
	if ts, ok := in.known[n]; ok {
		return ts
	}
	ts := booleans
	switch n.Operator {
	case "+":
		x, y := in.of(n.X), in.of(n.Y)
		ts = sum(x, y) | x&y&texts
	case "-", "*", "/":
		ts = sum(in.of(n.X), in.of(n.Y))
	case "|", "&", "^":
		ts = wholes
	}
	if in.known != nil {
		in.known[n] = ts
	}
	return ts
}

func ofCall(n *exprlang.Call) types {
	switch n.Name {
	case "convert":
		switch name, _ := convertTarget(n); convertible[name] {
		case String:
			return texts
		case Boolean:
			return booleans
		case Decimal:
			return fractions
		}
		return anything
	case "bitor", "bitand", "bitxor", "bitnot":
		return wholes
	}
	return booleans
}

// reportTypes reports the inferred types of a reference.
func (r *reader) reportTypes(in *inference, reference string) {
	ts, hints := in.types[reference], in.hints[reference]
	if classes(ts) == 1 {
		r.findings.add(LevelInfo, DataType, "", "Inferred data types [%s] for %s", ts, reference)
		return
	}
	inExpression := func(h *hint) string {
		if h.sets {
			return h.formula.path + " sets"
		}
		return h.formula.path
	}
	if h, found := conflict(hints, inExpression); found {
		r.expressionFinding(LevelError, DataType, h.formula, h.node,
			fmt.Sprintf("Incompatible data types [%s] found for %s in the following expression: %s", ts, reference, h.formula.source))
		return
	}
	inMoment := func(h *hint) string { return moment(h.formula.path) }
	if h, found := conflict(hints, inMoment); found && strings.HasPrefix(reference, "$input") {
		r.expressionFinding(LevelWarning, DataType, h.formula, h.node,
			fmt.Sprintf("The data types [%s] found for %s aren't compatible and can lead to a runtime error.", ts, reference))
		return
	}
	everywhere := func(*hint) string { return "" }
	message := fmt.Sprintf("Incompatible data types [%s] used with %s. This may lead to a runtime error.", ts, reference)
	if h, found := conflict(hints, everywhere); found {
		r.expressionFinding(LevelWarning, DataType, h.formula, h.node, message)
		return
	}
	r.findings.add(LevelWarning, DataType, "", "%s", message)
}

// conflict returns the first use that disagrees with an earlier one of the
// same group.
func conflict(hints []hint, group func(*hint) string) (*hint, bool) {
	seen := map[string]types{}
	for i := range hints {
		u := &hints[i]
		in := group(u)
		if seen[in] |= u.types; classes(seen[in]) > 1 {
			return u, true
		}
	}
	return nil, false
}

// moment returns the part of a path that stands for one evaluation of a state:
// its onEnter, or its onInput with its onExit.
func moment(path string) string {
	state, rest, _ := strings.Cut(path, "].")
	if strings.HasPrefix(rest, "onEnter") {
		return state + " onEnter"
	}
	return state
}

// checkInferred reports an expression whose type is not what is wanted, now
// that more is known of what it reads.
func (r *reader) checkInferred(in *inference, f *formula) {
	got, unaided := in.of(f.node), (&inference{}).of(f.node)
	if want := f.expected(); tells(got) && got&want == 0 && (unaided&want != 0 || f.as != Undefined) {
		r.expressionFinding(LevelError, DataType, f, f.node, f.wrongType(got))
	}
	if f.json {
		r.checkInterpolation(in, f)
	}
}

// expected returns the types that the place of an expression wants.
func (f *formula) expected() types {
	switch f.as {
	case Integer:
		return wholes
	case Decimal:
		return numbers
	case Boolean:
		return booleans
	case String:
		return texts
	}
	return f.want
}

// wrongType returns the message about an expression of other types than its
// place wants.
func (f *formula) wrongType(got types) string {
	if f.as != Undefined {
		return fmt.Sprintf("The expression type in the `IotSitewiseAction` field %s is defined as type %s and inferred as type %s. The defined type and the inferred type must be the same.", f.source, f.as, got)
	}
	switch f.want {
	case booleans:
		return fmt.Sprintf("Expression %s is not a valid condition expression.", f.source)
	case numbers:
		return fmt.Sprintf("The data types [%s] used for `setTimer` action don't evaluate to `Integer` for the following expression: %s", got, f.source)
	}
	return fmt.Sprintf("The payload expression [%s] isn't valid. Specify an expression that would evaluate to a string at runtime because the payload type is JSON format.", f.source)
}

// checkInterpolation reports Strings that are put into JSON text without
// quotes around them.
func (r *reader) checkInterpolation(in *inference, f *formula) {
	template, ok := f.node.(*exprlang.Template)
	if !ok {
		return
	}
	quoted := false
	for _, part := range template.Parts {
		if text, ok := part.(*exprlang.String); ok {
			quoted = endsQuoted(text.Text, quoted)
			continue
		}
		if in.of(part) == texts && !quoted {
			r.expressionFinding(LevelError, DataType, f, part, fmt.Sprintf(
				"Your interpolated expression {%s} must evaluate to either an integer or a Boolean value at runtime. Otherwise, your payload expression {%s} won't be parseable at runtime as valid JSON.",
				interpolated(f.source, part), f.source))
		}
	}
}

// endsQuoted reports whether JSON text that begins inside a string, or does
// not, ends inside one.
func endsQuoted(text string, quoted bool) bool {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		}
	}
	return quoted
}

// interpolated returns the text of an expression within a template.
func interpolated(source string, part exprlang.Node) string {
	if path, ok := part.(*exprlang.Path); ok {
		return path.String()
	}
	text := source[part.Offset():]
	if end := strings.IndexByte(text, '}'); end >= 0 {
		text = text[:end]
	}
	return strings.TrimSpace(text)
}
