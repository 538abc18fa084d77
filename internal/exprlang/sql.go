package exprlang

// The calls that [Dialect].Predicates makes. Their first argument is what stands
// before the word.
const (
	IsNull  = "IS NULL"
	In      = "IN"
	Between = "BETWEEN"
	Like    = "LIKE"
)

// word reads a word in any case, if it stands here.
func (p *parser) word(word string) bool {
	if p.space(); !p.begins(word) {
		return false
	}
	p.at += len(word)
	return true
}

func (p *parser) want(word string) {
	if !p.word(word) {
		p.unexpected(word)
	}
}

// predicate reads what follows the operand left, nil if it is none of the
// predicates, or one that binds less tight than lowest.
func (p *parser) predicate(left Node, lowest int) Node {
	if p.dialect.Predicates == 0 || p.dialect.Predicates < lowest {
		return nil
	}
	offset := p.at
	if p.word("IS") {
		negated := p.word("NOT")
		p.want("NULL")
		return p.negate(offset, negated, IsNull, left)
	}
	negated := p.word("NOT")
	operand := p.dialect.Predicates + 1
	switch {
	case p.word("IN"):
		p.expect('(')
		return p.negate(offset, negated, In, append([]Node{left}, p.list(')', "',' or ')'")...)...)
	case p.word("LIKE"):
		return p.negate(offset, negated, Like, left, p.expression(operand))
	case p.word("BETWEEN"):
		low := p.expression(operand)
		p.want("AND")
		return p.negate(offset, negated, Between, left, low, p.expression(operand))
	case negated:
		p.unexpected("IN, LIKE or BETWEEN")
	}
	return nil
}

func (p *parser) negate(offset int, negated bool, name string, arguments ...Node) Node {
	var node Node = &Call{place(offset), name, arguments}
	if negated {
		node = &Unary{place(offset), "NOT", node}
	}
	return node
}

// choice reads CASE v WHEN t THEN r ELSE e END.
func (p *parser) choice() Node {
	p.enter()
	defer func() { p.depth-- }()
	choice := &Case{place: place(p.at)}
	p.want("CASE")
	if p.space(); p.begins("WHEN") {
		p.unexpected("a value to compare with")
	}
	choice.X = p.expression(1)
	p.want("WHEN")
	for again := true; again; again = p.word("WHEN") {
		choice.When = append(choice.When, p.expression(1))
		p.want("THEN")
		choice.Then = append(choice.Then, p.expression(1))
	}
	if p.word("ELSE") {
		choice.Else = p.expression(1)
	}
	p.want("END")
	return choice
}

func (p *parser) array() Node {
	offset := p.at
	p.at++
	return &Array{place(offset), p.list(']', "',' or ']'")}
}

func (p *parser) object() Node {
	object := &Object{place: place(p.at)}
	p.at++
	if p.space(); p.accept('}') {
		return object
	}
	for {
		p.space()
		if p.at >= len(p.source) || p.source[p.at] != '"' && p.source[p.at] != '\'' {
			p.unexpected("a member name in quotes")
		}
		name, ok := p.quoted(p.source[p.at]).(*String)
		if !ok {
			p.unexpected("a plain member name")
		}
		p.expect(':')
		object.Names = append(object.Names, name.Text)
		object.Values = append(object.Values, p.expression(1))
		if p.space(); p.accept('}') {
			return object
		}
		if !p.accept(',') {
			p.unexpected("',' or '}'")
		}
	}
}
