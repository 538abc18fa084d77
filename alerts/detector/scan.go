package detector

import (
	"fmt"
	"slices"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

// scanner reads one JSON document in one pass: it checks the whole of it
// (RFC 8259, UTF-8) and stores the attributes that a trie of paths wants. Of
// members that occur twice the last one counts.
//
// Its methods take the index at which to go on and return the one after what
// they read, or a negative one for an error.
type scanner struct {
	data     []byte
	slots    []slot // of the input; slot numbers start at base
	base     int32
	text     []byte // of String slots
	keyText  []byte // of the routing key
	keyKind  Kind   // String, also for numbers and Booleans, if it is usable
	scratch  []byte // an unescaped member name
	maxDepth int
	problem  string
	at       int
}

func (s *scanner) fail(i int, problem string) int {
	s.problem, s.at = problem, i
	return -1
}

// scan reads a document, which must be an object.
func (s *scanner) scan(data []byte, root *node, maxDepth int) error {
	s.data, s.base, s.maxDepth = data, root.low, maxDepth
	s.text, s.keyText, s.keyKind = s.text[:0], s.keyText[:0], Undefined
	s.slots = slices.Grow(s.slots[:0], int(root.high-root.low))[:root.high-root.low]
	clear(s.slots)
	i := s.space(0)
	if i >= len(s.data) {
		return fmt.Errorf("%w: empty", ErrPayload)
	}
	if s.data[i] != '{' {
		s.problem, s.at = "want an object", i
	} else if i = s.object(i+1, root, 1); i >= 0 {
		if root.slot >= 0 {
			s.slots[root.slot-s.base] = slot{kind: Composite}
		}
		if i = s.space(i); i == len(s.data) {
			return nil
		}
		s.problem, s.at = "data after the object", i
	}
	return fmt.Errorf("%w: byte %d: %s", ErrPayload, s.at, s.problem)
}

func (s *scanner) space(i int) int {
	for i < len(s.data) && isSpace(s.data[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c <= ' ' && (c == ' ' || c == '\n' || c == '\t' || c == '\r') }

// object reads the members after '{' and stores those that n wants.
func (s *scanner) object(i int, n *node, depth int) int {
	if depth > s.maxDepth {
		return s.fail(i-1, "nests too deep")
	}
	data := s.data
	if i = s.space(i); i < len(data) && data[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(data) || data[i] != '"' {
			return s.fail(i, "want a member name")
		}
		start := i + 1
		end, escaped := jsonscan.String(data, start)
		if end < 0 {
			return s.failString(end)
		}
		if i = end + 1; i >= len(data) || data[i] != ':' {
			if i = s.space(i); i >= len(data) || data[i] != ':' {
				return s.fail(i, "want ':'")
			}
		}
		if i++; i < len(data) && data[i] <= ' ' {
			i = s.space(i)
		}
		name := data[start:end]
		if escaped {
			s.scratch = jsonscan.AppendText(s.scratch[:0], name)
			name = s.scratch
		}
		if child := n.find(name); child != nil {
			i = s.wanted(i, child, depth)
		} else {
			i = s.skipValue(i, depth)
		}
		if i < 0 {
			return i
		}
		if i < len(data) && data[i] <= ' ' {
			i = s.space(i)
		}
		if i >= len(data) {
			return s.fail(i, "object does not end")
		}
		if data[i] == '}' {
			return i + 1
		}
		if data[i] != ',' {
			return s.fail(i, "want ',' or '}'")
		}
		if i++; i < len(data) && data[i] <= ' ' {
			i = s.space(i)
		}
	}
}

// array reads the elements after '[' and stores those that n wants.
func (s *scanner) array(i int, n *node, depth int) int {
	if depth > s.maxDepth {
		return s.fail(i-1, "nests too deep")
	}
	if i = s.space(i); i < len(s.data) && s.data[i] == ']' {
		return i + 1
	}
	for index := 0; ; index++ {
		if child := n.item(index); child != nil {
			i = s.wanted(i, child, depth)
		} else {
			i = s.skipValue(i, depth)
		}
		if i < 0 {
			return i
		}
		if i = s.space(i); i >= len(s.data) {
			return s.fail(i, "array does not end")
		}
		if s.data[i] == ']' {
			return i + 1
		}
		if s.data[i] != ',' {
			return s.fail(i, "want ',' or ']'")
		}
		i = s.space(i + 1)
	}
}

// wanted reads a value at which, or below which, a path ends.
func (s *scanner) wanted(i int, n *node, depth int) int {
	if i >= len(s.data) {
		return s.fail(i, "want a value")
	}
	s.forget(n)
	start, mark := i, len(s.text)
	var value slot
	switch c := s.data[i]; c {
	case '{':
		value.kind = Composite
		if i = s.object(i+1, n, depth+1); i < 0 {
			return i
		}
	case '[':
		value.kind = Composite
		if i = s.array(i+1, n, depth+1); i < 0 {
			return i
		}
	case '"':
		i, value = s.string(i + 1)
	case 't':
		i, value = s.word(i, "true"), slot{1, Boolean}
	case 'f':
		i, value = s.word(i, "false"), slot{0, Boolean}
	case 'n':
		i, value = s.word(i, "null"), slot{0, Null}
	default:
		i, value = s.number(i)
	}
	if i < 0 {
		return i
	}
	if n.isKey {
		s.setKey(value, s.data[start:i])
		if n.slot < 0 {
			s.text = s.text[:mark]
		}
	}
	if n.slot >= 0 {
		s.slots[n.slot-s.base] = value
	}
	return i
}

// setKey keeps the routing key: a String, or the text of a number or Boolean.
func (s *scanner) setKey(value slot, source []byte) {
	s.keyKind = value.kind
	switch value.kind {
	case String:
		s.keyText = append(s.keyText[:0], value.in(s.text)...)
	case Integer, Decimal, Boolean:
		s.keyKind = String
		s.keyText = append(s.keyText[:0], source...)
	}
}

// forget drops what an earlier member of the same name stored at or below n.
func (s *scanner) forget(n *node) {
	for i := n.low; i < n.high; i++ {
		s.slots[i-s.base] = slot{}
	}
	if n.hasKey {
		s.keyKind = Undefined
	}
}

// skipValue checks a value that nobody wants.
func (s *scanner) skipValue(i, depth int) int {
	data := s.data
	if i >= len(data) {
		return s.fail(i, "want a value")
	}
	switch c := data[i]; c {
	case '"':
		end, _ := jsonscan.String(data, i+1)
		if end < 0 {
			return s.failString(end)
		}
		return end + 1
	case '{':
		return s.skipObject(i+1, depth+1)
	case '[':
		return s.skipArray(i+1, depth+1)
	case 't':
		return s.word(i, "true")
	case 'f':
		return s.word(i, "false")
	case 'n':
		return s.word(i, "null")
	}
	if i = jsonscan.Number(data, i); i < 0 {
		return s.failNumber(i)
	}
	return i
}

func (s *scanner) skipObject(i, depth int) int {
	if depth > s.maxDepth {
		return s.fail(i-1, "nests too deep")
	}
	data := s.data
	if i = s.space(i); i < len(data) && data[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(data) || data[i] != '"' {
			return s.fail(i, "want a member name")
		}
		if i, _ = jsonscan.String(data, i+1); i < 0 {
			return s.failString(i)
		}
		if i = s.space(i + 1); i >= len(data) || data[i] != ':' {
			return s.fail(i, "want ':'")
		}
		if i = s.skipValue(s.space(i+1), depth); i < 0 {
			return i
		}
		if i = s.space(i); i >= len(data) {
			return s.fail(i, "object does not end")
		}
		if data[i] == '}' {
			return i + 1
		}
		if data[i] != ',' {
			return s.fail(i, "want ',' or '}'")
		}
		i = s.space(i + 1)
	}
}

func (s *scanner) skipArray(i, depth int) int {
	if depth > s.maxDepth {
		return s.fail(i-1, "nests too deep")
	}
	if i = s.space(i); i < len(s.data) && s.data[i] == ']' {
		return i + 1
	}
	for {
		if i = s.skipValue(i, depth); i < 0 {
			return i
		}
		if i = s.space(i); i >= len(s.data) {
			return s.fail(i, "array does not end")
		}
		if s.data[i] == ']' {
			return i + 1
		}
		if s.data[i] != ',' {
			return s.fail(i, "want ',' or ']'")
		}
		i = s.space(i + 1)
	}
}

func (s *scanner) word(i int, word string) int {
	if end := i + len(word); end <= len(s.data) && string(s.data[i:end]) == word {
		return end
	}
	return s.fail(i, "want a value")
}
