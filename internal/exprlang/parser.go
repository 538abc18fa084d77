package exprlang

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of an expression. They bound what a hostile expression can cost.
const (
	// MaxLength is the length of a source in bytes.
	MaxLength = 64 << 10
	// MaxDepth is the nesting of parentheses, calls, operators before an
	// operand, and templates.
	MaxDepth = 200
	// maxIndex keeps array indexes within an int of any size.
	maxIndex = 1 << 30
)

// Dialect describes a language.
type Dialect struct {
	// Binary holds the operators between operands by falling length, so that
	// the longest match comes first. All are left associative.
	Binary []Operator
	// Unary holds the operators before an operand. They bind tighter than
	// those between operands.
	Unary []string
	// Prefix holds operators before an operand that bind as loosely as their
	// precedence says.
	Prefix []Operator
	// Templates: ${expression} within single quotes is replaced.
	Templates bool
	// DoubledQuotes: a quote within a string may be written twice, as in SQL.
	DoubledQuotes bool
	// Literals: arrays [a, b] and objects {"name": a} are operands.
	Literals bool
	// BarePoints: a number may begin or end with its point, as .5 and 5. do.
	BarePoints bool
	// Case: CASE v WHEN t THEN r ELSE e END is an operand.
	Case bool
	// Predicates: x IS NULL, IN, BETWEEN and LIKE, also with NOT, are calls of
	// functions with these names, which no call that is written can have. They
	// bind as comparisons do, with the given precedence; 0 leaves them out.
	Predicates int
}

// Operator is an operator between two operands. The higher precedence binds
// tighter; the lowest is 1. One that begins with a letter is a word: it is read
// in any case, and ends where a word ends.
type Operator struct {
	Text       string
	Precedence int
}

// Parse reads an expression. The error is an *[Error].
func (d *Dialect) Parse(source string) (Node, error) {
	return d.run(source, func(p *parser) Node {
		node := p.expression(1)
		if p.space(); p.at < len(p.source) {
			p.unexpected("an operator or the end")
		}
		return node
	})
}

// ParseTemplate reads text with ${expression} in it, as it stands between the
// quotes of a template, but without escapes. The error is an *[Error].
func (d *Dialect) ParseTemplate(source string) (Node, error) {
	return d.run(source, func(p *parser) Node { return p.template(0, 0) })
}

func (d *Dialect) run(source string, parse func(*parser) Node) (node Node, err error) {
	if len(source) > MaxLength {
		return nil, &Error{source, MaxLength, fmt.Sprintf("expression is %d bytes long, want at most %d", len(source), MaxLength)}
	}
	if !utf8.ValidString(source) {
		return nil, &Error{source, 0, "expression is not UTF-8"}
	}
	p := &parser{dialect: d, source: source}
	defer func() {
		// A syntax error ends the parser from any depth.
		if r := recover(); r != nil {
			syntax, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			node, err = nil, syntax
		}
	}()
	return parse(p), nil
}

type parser struct {
	dialect *Dialect
	source  string
	at      int
	depth   int
}

func (p *parser) fail(offset int, format string, args ...any) {
	panic(&Error{p.source, offset, fmt.Sprintf(format, args...)})
}

func (p *parser) unexpected(want string) {
	if p.at >= len(p.source) {
		p.fail(p.at, "unexpected end, want %s", want)
	}
	c, _ := utf8.DecodeRuneInString(p.source[p.at:])
	p.fail(p.at, "unexpected %q, want %s", c, want)
}

func (p *parser) space() {
	for p.at < len(p.source) && strings.IndexByte(" \t\r\n", p.source[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) enter() {
	if p.depth++; p.depth > MaxDepth {
		p.fail(p.at, "expression nests deeper than %d levels", MaxDepth)
	}
}

// expression reads operands joined by operators of at least the precedence.
func (p *parser) expression(lowest int) Node {
	p.enter()
	defer func() { p.depth-- }()
	left := p.operand()
	for {
		p.space()
		if predicate := p.predicate(left, lowest); predicate != nil {
			left = predicate
			continue
		}
		operator, ok := p.operator(p.dialect.Binary)
		if !ok || operator.Precedence < lowest {
			return left
		}
		offset := p.at
		p.at += len(operator.Text)
		left = &Binary{place(offset), operator.Text, left, p.expression(operator.Precedence + 1)}
	}
}

func (p *parser) operator(operators []Operator) (Operator, bool) {
	for _, operator := range operators {
		if p.begins(operator.Text) {
			return operator, true
		}
	}
	return Operator{}, false
}

// begins reports whether the text stands here; a word in any case, and whole.
func (p *parser) begins(text string) bool {
	if !isLetter(text[0]) {
		return strings.HasPrefix(p.source[p.at:], text)
	}
	end := p.at + len(text)
	return end <= len(p.source) && strings.EqualFold(p.source[p.at:end], text) && (end == len(p.source) || !isWordByte(p.source[end]))
}

func (p *parser) operand() Node {
	p.space()
	for _, operator := range p.dialect.Unary {
		if strings.HasPrefix(p.source[p.at:], operator) {
			return p.unary(operator)
		}
	}
	if operator, ok := p.operator(p.dialect.Prefix); ok {
		return p.prefix(operator)
	}
	return p.primary()
}

func (p *parser) prefix(operator Operator) Node {
	offset := p.at
	p.at += len(operator.Text)
	return &Unary{place(offset), operator.Text, p.expression(operator.Precedence)}
}

func (p *parser) unary(operator string) Node {
	p.enter()
	defer func() { p.depth-- }()
	offset := p.at
	p.at += len(operator)
	if operator == "-" && p.at < len(p.source) && isDigit(p.source[p.at]) {
		return p.number(offset)
	}
	return &Unary{place(offset), operator, p.operand()}
}

func (p *parser) primary() Node {
	if p.at >= len(p.source) {
		p.unexpected("an operand")
	}
	switch c := p.source[p.at]; {
	case isDigit(c), p.dialect.BarePoints && c == '.' && p.at+1 < len(p.source) && isDigit(p.source[p.at+1]):
		return p.number(p.at)
	case c == '\'' || c == '"':
		return p.quoted(c)
	case c == '(':
		p.at++
		node := p.expression(1)
		p.expect(')')
		return node
	case p.dialect.Case && p.begins("CASE"):
		return p.choice()
	case p.dialect.Literals && c == '[':
		return p.array()
	case p.dialect.Literals && c == '{':
		return p.object()
	case isLetter(c) || c == '_' || c == '$' || c == '`':
		return p.name()
	}
	p.unexpected("an operand")
	return nil
}

func (p *parser) expect(c byte) {
	if p.space(); p.at >= len(p.source) || p.source[p.at] != c {
		p.unexpected(strconv.QuoteRune(rune(c)))
	}
	p.at++
}

func (p *parser) accept(c byte) bool {
	if p.at < len(p.source) && p.source[p.at] == c {
		p.at++
		return true
	}
	return false
}

// number reads a literal that begins at offset; a sign before it has been read.
func (p *parser) number(offset int) Node {
	p.digits()
	if p.at+1 < len(p.source) && p.source[p.at] == '.' && isDigit(p.source[p.at+1]) {
		p.at++
		p.digits()
	} else if p.dialect.BarePoints {
		p.accept('.')
	}
	if p.accept('e') || p.accept('E') {
		if !p.accept('+') {
			p.accept('-')
		}
		if p.at >= len(p.source) || !isDigit(p.source[p.at]) {
			p.unexpected("the digits of an exponent")
		}
		p.digits()
	}
	if p.at < len(p.source) && (isWordByte(p.source[p.at]) || p.source[p.at] == '.') {
		p.unexpected("the end of the number")
	}
	return &Number{place(offset), p.source[offset:p.at]}
}

func (p *parser) digits() {
	for p.at < len(p.source) && isDigit(p.source[p.at]) {
		p.at++
	}
}

func (p *parser) name() Node {
	offset := p.at
	first := p.segment(true)
	quoted := p.source[offset] == '`'
	end := p.at
	if p.space(); !quoted && p.accept('(') {
		return p.call(offset, first)
	}
	p.at = end
	path := &Path{place(offset), []Segment{{Name: first}}}
	for {
		switch {
		case p.accept('.'):
			path.Segments = append(path.Segments, Segment{Name: p.segment(false)})
		case p.accept('['):
			path.Segments = append(path.Segments, p.index())
		default:
			return path
		}
	}
}

// segment reads a word, or a name in backticks. The first one of a path may
// begin with a dollar sign.
func (p *parser) segment(first bool) string {
	offset := p.at
	if p.accept('`') {
		length := strings.IndexByte(p.source[p.at:], '`')
		if length < 0 {
			p.fail(offset, "name in backticks does not end")
		}
		if length == 0 {
			p.fail(offset, "name in backticks is empty")
		}
		p.at += length + 1
		return p.source[offset+1 : p.at-1]
	}
	if first {
		p.accept('$')
	}
	word := p.at
	for p.at < len(p.source) && isWordByte(p.source[p.at]) {
		p.at++
	}
	if p.at == word {
		p.unexpected("a name")
	}
	return p.source[offset:p.at]
}

func (p *parser) index() Segment {
	p.space()
	offset := p.at
	p.digits()
	if p.at == offset {
		p.unexpected("an array index")
	}
	n, err := strconv.Atoi(p.source[offset:p.at])
	if err != nil || n > maxIndex {
		p.fail(offset, "array index is too large")
	}
	p.expect(']')
	return Segment{Index: n, IsIndex: true}
}

// call reads the arguments of a function; its parenthesis has been read.
func (p *parser) call(offset int, name string) Node {
	return &Call{place(offset), name, p.list(')', "',' or ')'")}
}

// list reads expressions up to the last byte.
func (p *parser) list(last byte, want string) []Node {
	var nodes []Node
	if p.space(); p.accept(last) {
		return nil
	}
	for {
		nodes = append(nodes, p.expression(1))
		if p.space(); p.accept(last) {
			return nodes
		}
		if !p.accept(',') {
			p.unexpected(want)
		}
	}
}

func (p *parser) quoted(quote byte) Node {
	offset := p.at
	p.at++
	node := p.template(offset, quote)
	p.at++
	return node
}

// template reads text up to the quote, which it leaves, or to the end if quote
// is 0. It returns a *String if there is no expression in it.
func (p *parser) template(offset int, quote byte) Node {
	var text []byte
	var parts []Node
	start := p.at
	flush := func() {
		if len(text) > 0 {
			parts = append(parts, &String{place(start), string(text)})
			text = text[:0]
		}
	}
	for p.at < len(p.source) && (quote == 0 || p.source[p.at] != quote || p.doubled(quote)) {
		switch {
		case quote != 0 && p.source[p.at] == quote:
			text = append(text, quote)
			p.at += 2
		case quote != 0 && p.source[p.at] == '\\':
			text = p.escape(text)
		case p.dialect.Templates && quote != '"' && strings.HasPrefix(p.source[p.at:], "${"):
			flush()
			p.at += 2
			parts = append(parts, p.expression(1))
			p.expect('}')
			start = p.at
		default:
			text = append(text, p.source[p.at])
			p.at++
		}
	}
	if quote != 0 && p.at >= len(p.source) {
		p.fail(offset, "string does not end, want %c", quote)
	}
	if parts == nil {
		return &String{place(offset), string(text)}
	}
	flush()
	return &Template{place(offset), slices.Clip(parts)}
}

// doubled reports whether a quote stands for itself.
func (p *parser) doubled(quote byte) bool {
	return p.dialect.DoubledQuotes && p.at+1 < len(p.source) && p.source[p.at+1] == quote
}

var escapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t'}

// escape appends what a backslash and the characters after it stand for.
func (p *parser) escape(text []byte) []byte {
	offset := p.at
	if p.at++; p.at >= len(p.source) {
		p.fail(offset, "string does not end")
	}
	c := p.source[p.at]
	if c == 'u' {
		return p.unicode(text, offset)
	}
	if escaped, ok := escapes[c]; ok {
		c = escaped
	}
	p.at++
	return append(text, c)
}

// unicode appends the character of \uXXXX, or of two of them that are a
// surrogate pair.
func (p *parser) unicode(text []byte, offset int) []byte {
	p.at++
	r := p.hex(offset)
	if 0xd800 <= r && r < 0xdc00 && strings.HasPrefix(p.source[p.at:], `\u`) {
		p.at += 2
		low := p.hex(offset)
		if 0xdc00 <= low && low < 0xe000 {
			return utf8.AppendRune(text, (r-0xd800)<<10|(low-0xdc00)+0x10000)
		}
		text = utf8.AppendRune(text, r)
		r = low
	}
	return utf8.AppendRune(text, r)
}

func (p *parser) hex(offset int) rune {
	if p.at+4 > len(p.source) {
		p.fail(offset, `escape is cut short, want four hexadecimal digits after \u`)
	}
	n, err := strconv.ParseUint(p.source[p.at:p.at+4], 16, 16)
	if err != nil {
		p.fail(offset, `escape is wrong, want four hexadecimal digits after \u`)
	}
	p.at += 4
	return rune(n)
}

func isDigit(c byte) bool    { return '0' <= c && c <= '9' }
func isLetter(c byte) bool   { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isWordByte(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }
func itoa(n int) string      { return strconv.Itoa(n) }

func isWord(name string) bool {
	for i := range len(name) {
		if !isWordByte(name[i]) {
			return false
		}
	}
	return name != ""
}
