// Package jsonscan reads JSON in one validating pass without allocating. It is
// for bytes that come from outside and of which few members are wanted: token
// claims, gateway events.
package jsonscan

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep objects and arrays may be nested.
const MaxDepth = 32

// Scanner walks over one JSON text (RFC 8259). The caller asks for what it
// expects; a text that holds something else, or is no JSON, fails, and a
// failed Scanner yields nothing more: loops over [Scanner.Member] and
// [Scanner.Element] end, and [Scanner.End] returns the error.
//
// Slices that a Scanner returns are views of the text.
type Scanner struct {
	text  []byte
	pos   int
	depth int
	first bool // no member or element of the open container was read yet
	err   error
}

// New returns a Scanner at the start of text.
func New(text []byte) Scanner { return Scanner{text: text} }

// Fail makes the scan fail with problem, at the place reached, unless it has
// failed already.
func (s *Scanner) Fail(problem string) {
	if s.err == nil {
		s.err = fmt.Errorf("byte %d: %s", s.pos, problem)
		s.text, s.pos = nil, 0
	}
}

// Offset returns how much of the text has been read.
func (s *Scanner) Offset() int { return s.pos }

// Failed reports whether the scan has failed.
func (s *Scanner) Failed() bool { return s.err != nil }

// End checks that nothing but space follows, and returns what was wrong.
func (s *Scanner) End() error {
	if s.skipSpace(); s.err == nil && s.pos != len(s.text) {
		s.Fail("text after the end of the value")
	}
	return s.err
}

// Kind tells what value comes next by its first byte: one of { [ " t f n, and
// 0 for a number. It is 1 where no value begins.
func (s *Scanner) Kind() byte {
	s.skipSpace()
	if s.pos == len(s.text) {
		return 1
	}
	switch c := s.text[s.pos]; {
	case c == '{' || c == '[' || c == '"' || c == 't' || c == 'f' || c == 'n':
		return c
	case c == '-' || isDigit(c):
		return 0
	}
	return 1
}

// Object enters an object. Read its members with [Scanner.Member] to the end.
func (s *Scanner) Object() { s.open('{', "want an object") }

// Array enters an array. Read its elements with [Scanner.Element] to the end.
func (s *Scanner) Array() { s.open('[', "want an array") }

func (s *Scanner) open(bracket byte, problem string) {
	s.skipSpace()
	if !s.accept(bracket) {
		s.Fail(problem)
		return
	}
	if s.depth++; s.depth > MaxDepth {
		s.Fail("nested too deep")
		return
	}
	s.first = true
}

// Member goes to the next member of the object and returns its name as
// [Scanner.String] does; the value is to be read or skipped next. At the end
// of the object it leaves it, and ok is false.
func (s *Scanner) Member() (name []byte, escaped, ok bool) {
	if !s.next('}') {
		return nil, false, false
	}
	name, escaped = s.String()
	s.skipSpace()
	if !s.accept(':') {
		s.Fail("want ':' after the name of a member")
		return nil, false, false
	}
	return name, escaped, true
}

// Element goes to the next element of the array, to be read or skipped next.
// At the end of the array it leaves it and returns false.
func (s *Scanner) Element() bool { return s.next(']') }

func (s *Scanner) next(closing byte) bool {
	s.skipSpace()
	if s.accept(closing) {
		s.depth--
		s.first = false
		return false
	}
	if !s.first {
		if !s.accept(',') {
			s.Fail("want ',' or the closing bracket")
			return false
		}
		s.skipSpace()
	}
	s.first = false
	return s.err == nil
}

// String reads a string and returns what stands between its quotes. If it is
// escaped, [AppendUnescaped] makes it readable.
func (s *Scanner) String() (raw []byte, escaped bool) {
	s.skipSpace()
	if !s.accept('"') {
		s.Fail("want a string")
		return nil, false
	}
	start, ascii := s.pos, true
	for s.skipPlain() {
		switch c := s.text[s.pos]; {
		case c == '"':
			raw = s.text[start:s.pos]
			s.pos++
			if !ascii && !utf8.Valid(raw) {
				s.Fail("string is not UTF-8")
				return nil, false
			}
			return raw, escaped
		case c == '\\':
			escaped = true
			if !s.skipEscape() {
				return nil, false
			}
		case c >= utf8.RuneSelf:
			ascii = false
			s.pos++
		default:
			s.Fail("control character in a string")
			return nil, false
		}
	}
	s.Fail("string without end")
	return nil, false
}

// skipPlain goes to the next byte that does not stand for itself. It is where
// the time goes.
func (s *Scanner) skipPlain() (found bool) {
	for i, c := range s.text[s.pos:] {
		if !plain[c] {
			s.pos += i
			return true
		}
	}
	s.pos = len(s.text)
	return false
}

func (s *Scanner) skipEscape() bool {
	rest := s.text[s.pos+1:]
	switch {
	case len(rest) > 0 && unescaped[rest[0]] != 0:
		s.pos += 2
		return true
	case len(rest) > 4 && rest[0] == 'u' && isHex(rest[1]) && isHex(rest[2]) && isHex(rest[3]) && isHex(rest[4]):
		s.pos += 6
		return true
	}
	s.Fail("bad escape in a string")
	return false
}

// Number reads a number and returns it as written.
func (s *Scanner) Number() []byte {
	s.skipSpace()
	start := s.pos
	s.accept('-')
	if !s.accept('0') && !s.digits() {
		s.Fail("want a number")
		return nil
	}
	if s.accept('.') && !s.digits() {
		s.Fail("want a digit after the decimal point")
		return nil
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('+') {
			s.accept('-')
		}
		if !s.digits() {
			s.Fail("want a digit in the exponent")
			return nil
		}
	}
	return s.text[start:s.pos]
}

func (s *Scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.text) && isDigit(s.text[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

// Bool reads true or false.
func (s *Scanner) Bool() bool {
	if s.Kind() == 't' {
		s.literal("true")
		return s.err == nil
	}
	s.literal("false")
	return false
}

// Null reads null.
func (s *Scanner) Null() { s.literal("null") }

func (s *Scanner) literal(word string) {
	s.skipSpace()
	if len(s.text)-s.pos < len(word) || string(s.text[s.pos:s.pos+len(word)]) != word {
		s.Fail("want " + word)
		return
	}
	s.pos += len(word)
}

// Skip reads any value and returns it as written.
func (s *Scanner) Skip() []byte {
	kind := s.Kind()
	start := s.pos
	switch kind {
	case '{':
		s.Object()
		for _, _, ok := s.Member(); ok; _, _, ok = s.Member() {
			s.Skip()
		}
	case '[':
		s.Array()
		for s.Element() {
			s.Skip()
		}
	case '"':
		s.String()
	case 't', 'f':
		s.Bool()
	case 'n':
		s.Null()
	case 0:
		s.Number()
	default:
		s.Fail("want a value")
	}
	if s.err != nil {
		return nil
	}
	return s.text[start:s.pos]
}

func (s *Scanner) accept(c byte) bool {
	if s.pos < len(s.text) && s.text[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *Scanner) skipSpace() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// AppendUnescaped appends the text that a string stands for to dst. ok is
// false if an escape is half of a surrogate pair, which stands for nothing.
// raw must come from [Scanner.String].
func AppendUnescaped(dst, raw []byte) (_ []byte, ok bool) {
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c != '\\':
			dst = append(dst, c)
			i++
		case raw[i+1] != 'u':
			dst = append(dst, unescaped[raw[i+1]])
			i += 2
		default:
			r := hexRune(raw[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				if len(raw)-i < 6 || raw[i] != '\\' || raw[i+1] != 'u' {
					return dst, false
				}
				if r = utf16.DecodeRune(r, hexRune(raw[i+2:])); r == utf8.RuneError {
					return dst, false
				}
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst, true
}

func hexRune(digits []byte) (r rune) {
	for _, c := range digits[:4] {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case c >= 'a':
			r = r<<4 | rune(c-'a'+10)
		default:
			r = r<<4 | rune(c-'A'+10)
		}
	}
	return r
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

// unescaped gives what a one-letter escape stands for.
var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// plain marks the bytes that stand for themselves in a string: ASCII but for
// control characters, quote and backslash.
var plain = func() (table [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()
