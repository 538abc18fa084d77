package exprlang

import "strings"

// Node is a node of a syntax tree: *[Number], *[String], *[Template], *[Path],
// *[Call], *[Unary], *[Binary], *[Array], *[Object] or *[Case].
type Node interface {
	// Offset is where the node stands in its source, in bytes. For a [Binary]
	// it is the operator.
	Offset() int
}

type place int

func (p place) Offset() int { return int(p) }

// Number is a literal such as 12, 12.5 or 1e3, with a minus sign if one stands
// directly before it, or .5 and 5. where the dialect has them.
type Number struct {
	place
	Text string
}

// String is a quoted literal, unescaped.
type String struct {
	place
	Text string
}

// Template is a quoted literal with expressions in it. Its parts are in order;
// literal parts are *[String].
type Template struct {
	place
	Parts []Node
}

// Path is a name, perhaps followed by members and indexes: $input.a.b[0]. A
// bare word is a path of one segment.
type Path struct {
	place
	Segments []Segment
}

// Segment is one step of a path: a member name, or an index.
type Segment struct {
	Name    string
	Index   int
	IsIndex bool
}

// Word returns the name of a path that is a bare word, else "".
func (p *Path) Word() string {
	if len(p.Segments) != 1 {
		return ""
	}
	return p.Segments[0].Name
}

// String returns the path as an expression.
func (p *Path) String() string { return FormatPath(p.Segments) }

// Call is a function call.
type Call struct {
	place
	Name      string
	Arguments []Node
}

// Unary is an operator before an operand.
type Unary struct {
	place
	Operator string
	X        Node
}

// Binary is an operator between two operands.
type Binary struct {
	place
	Operator string
	X, Y     Node
}

// Array is an array literal.
type Array struct {
	place
	Elements []Node
}

// Object is an object literal; Names and Values go together.
type Object struct {
	place
	Names  []string
	Values []Node
}

// Case chooses among the results whose values are When, by X. Else is nil if
// it is absent.
type Case struct {
	place
	X    Node
	When []Node
	Then []Node
	Else Node
}

// FormatPath returns segments as they are written in an expression, names that
// are no words in backticks.
func FormatPath(segments []Segment) string {
	var text strings.Builder
	for i, segment := range segments {
		switch {
		case segment.IsIndex:
			text.WriteByte('[')
			text.WriteString(itoa(segment.Index))
			text.WriteByte(']')
			continue
		case i > 0:
			text.WriteByte('.')
		}
		if i == 0 && isRoot(segment.Name) || i > 0 && isWord(segment.Name) {
			text.WriteString(segment.Name)
		} else {
			text.WriteString("`" + segment.Name + "`")
		}
	}
	return text.String()
}

// isRoot reports whether a path can begin with the name as it is.
func isRoot(name string) bool {
	word := strings.TrimPrefix(name, "$")
	return isWord(word) && (word != name || !isDigit(name[0]))
}

// Walk calls visit for node and all nodes below it, parents first.
func Walk(node Node, visit func(Node)) {
	visit(node)
	switch n := node.(type) {
	case *Template:
		walkAll(n.Parts, visit)
	case *Call:
		walkAll(n.Arguments, visit)
	case *Unary:
		Walk(n.X, visit)
	case *Binary:
		Walk(n.X, visit)
		Walk(n.Y, visit)
	case *Array:
		walkAll(n.Elements, visit)
	case *Object:
		walkAll(n.Values, visit)
	case *Case:
		Walk(n.X, visit)
		walkAll(n.When, visit)
		walkAll(n.Then, visit)
		if n.Else != nil {
			Walk(n.Else, visit)
		}
	}
}

func walkAll(nodes []Node, visit func(Node)) {
	for _, node := range nodes {
		Walk(node, visit)
	}
}
