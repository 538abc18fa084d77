package shadow

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxNesting bounds the recursion of the parser. A text that is nested deeper
// breaks the limit of every shadow.
const maxNesting = 500

var (
	errSyntax  = errors.New("not JSON")
	errNesting = errors.New("nested too deeply")
)

// parse reads a JSON text (RFC 8259) in UTF-8. Of several members of an object
// with one name the last counts. A surrogate without its partner is read as
// U+FFFD. Errors: errSyntax, errNesting.
func parse(text string) (value, error) {
	p := parser{text: text}
	v, err := p.value(0)
	if err != nil {
		return value{}, err
	}
	if p.skipSpace(); p.at != len(p.text) {
		return value{}, errSyntax
	}
	return v, nil
}

// parser reads along a text. Texts of values are parts of it where they can.
type parser struct {
	text string
	at   int
	// open holds the members of the objects and arrays that are being read.
	open []member
	// room is where closed ones put theirs, many in one allocation.
	room []member
}

func (p *parser) skipSpace() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

// next skips white space and returns the byte there, 0 at the end.
func (p *parser) next() byte {
	p.skipSpace()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) value(nesting int) (value, error) {
	if nesting > maxNesting {
		return value{}, errNesting
	}
	switch c := p.next(); c {
	case '{':
		return p.object(nesting)
	case '[':
		return p.array(nesting)
	case '"':
		text, err := p.string()
		return value{kind: kindScalar, text: text}, err
	case 't':
		return p.literal("true", kindScalar)
	case 'f':
		return p.literal("false", kindScalar)
	case 'n':
		return p.literal("null", kindNull)
	default:
		return p.number()
	}
}

func (p *parser) literal(word string, k kind) (value, error) {
	if !strings.HasPrefix(p.text[p.at:], word) {
		return value{}, errSyntax
	}
	p.at += len(word)
	if k == kindNull {
		return value{kind: k}, nil
	}
	return value{kind: k, text: word}, nil
}

func (p *parser) object(nesting int) (value, error) {
	p.at++
	first := len(p.open)
	if p.next() == '}' {
		p.at++
		return value{kind: kindObject}, nil
	}
	for {
		if p.next() != '"' {
			return value{}, errSyntax
		}
		name, err := p.string()
		if err != nil {
			return value{}, err
		}
		if p.next() != ':' {
			return value{}, errSyntax
		}
		p.at++
		v, err := p.value(nesting + 1)
		if err != nil {
			return value{}, err
		}
		p.open = append(p.open, member{name, v})
		switch p.next() {
		case ',':
			p.at++
		case '}':
			p.at++
			p.open = p.open[:first+len(sortMembers(p.open[first:]))]
			return value{kind: kindObject, members: p.close(first)}, nil
		default:
			return value{}, errSyntax
		}
	}
}

func (p *parser) array(nesting int) (value, error) {
	p.at++
	first := len(p.open)
	if p.next() == ']' {
		p.at++
		return value{kind: kindArray}, nil
	}
	for {
		v, err := p.value(nesting + 1)
		if err != nil {
			return value{}, err
		}
		p.open = append(p.open, member{value: v})
		switch p.next() {
		case ',':
			p.at++
		case ']':
			p.at++
			return value{kind: kindArray, members: p.close(first)}, nil
		default:
			return value{}, errSyntax
		}
	}
}

// close moves the open members from first on to where they stay.
func (p *parser) close(first int) []member {
	closed := p.open[first:]
	if len(closed) > cap(p.room)-len(p.room) {
		p.room = make([]member, 0, max(len(closed), 16, min(2*cap(p.room), 256)))
	}
	start := len(p.room)
	p.room = append(p.room, closed...)
	p.open = p.open[:first]
	return p.room[start:len(p.room):len(p.room)]
}

// sortMembers sorts by name and keeps the last of those with one name.
func sortMembers(members []member) []member {
	sorted := true
	for i := 1; i < len(members) && sorted; i++ {
		sorted = members[i-1].name < members[i].name
	}
	if sorted {
		return members
	}
	slices.SortStableFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	kept := members[:0]
	for i := range members {
		if i+1 == len(members) || members[i].name != members[i+1].name {
			kept = append(kept, members[i])
		}
	}
	return kept
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (p *parser) number() (value, error) {
	start := p.at
	if p.peek() == '-' {
		p.at++
	}
	if p.peek() == '0' {
		p.at++
	} else if !p.digits() {
		return value{}, errSyntax
	}
	if p.peek() == '.' {
		if p.at++; !p.digits() {
			return value{}, errSyntax
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		if !p.digits() {
			return value{}, errSyntax
		}
	}
	return value{kind: kindScalar, text: p.text[start:p.at]}, nil
}

// peek returns the byte here, 0 at the end.
func (p *parser) peek() byte {
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) digits() bool {
	start := p.at
	for c := p.peek(); '0' <= c && c <= '9'; c = p.peek() {
		p.at++
	}
	return p.at > start
}

// string reads a string and returns its canonical text, with quotes.
func (p *parser) string() (string, error) {
	start := p.at
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			return p.text[start:p.at], nil
		case c == '\\':
			return p.escapedString(i)
		case c < ' ':
			return "", errSyntax
		}
	}
	return "", errSyntax
}

// escapedString reads a string whose first escape is at i.
func (p *parser) escapedString(i int) (string, error) {
	text := append([]byte(nil), p.text[p.at+1:i]...)
	for p.at = i; p.at < len(p.text); {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return string(appendString(nil, string(text))), nil
		case c == '\\':
			r, ok := p.escape()
			if !ok {
				return "", errSyntax
			}
			text = utf8.AppendRune(text, r)
		case c < ' ':
			return "", errSyntax
		default:
			text = append(text, c)
			p.at++
		}
	}
	return "", errSyntax
}

// escape reads one escape, or two that make a surrogate pair.
func (p *parser) escape() (rune, bool) {
	if len(p.text)-p.at < 2 {
		return 0, false
	}
	c := p.text[p.at+1]
	if c == 'u' {
		return p.unicodeEscape()
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 {
		return 0, false
	}
	p.at += 2
	return rune("\"\\/\b\f\n\r\t"[i]), true
}

func (p *parser) unicodeEscape() (rune, bool) {
	r, ok := hex4(p.text[p.at:])
	if !ok {
		return 0, false
	}
	p.at += 6
	if !utf16.IsSurrogate(r) {
		return r, true
	}
	if low, ok := hex4(p.text[p.at:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			p.at += 6
			return pair, true
		}
	}
	return utf8.RuneError, true
}

// hex4 reads \uXXXX at the beginning of text.
func hex4(text string) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range []byte(text[2:6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
