package analytics

import (
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// findings is what a scan takes from a payload.
type findings struct {
	numbers []number
	names   []byte // of the numbers, one after the other
	time    int64  // Unix, in nanoseconds
	hasTime bool
}

type number struct {
	from, to int // its name in names
	value    float64
}

func (f *findings) name(n number) []byte { return f.names[n.from:n.to] }

// scan validates a payload and takes the numbers from it. The findings of a
// payload that is not a JSON object are empty.
func scan(payload []byte) findings {
	var s scanner
	return *s.scan(payload)
}

// scan does so in the room that scans before it left. Its findings are good
// until the next.
func (s *scanner) scan(payload []byte) *findings {
	*s = scanner{text: payload, path: s.path[:0], found: findings{numbers: s.found.numbers[:0], names: s.found.names[:0]}}
	s.blank()
	if s.pos == len(payload) || payload[s.pos] != '{' || !s.object(true) {
		return &findings{}
	}
	s.blank()
	if s.pos != len(payload) {
		return &findings{}
	}
	return &s.found
}

// scanner is a recursive descent over RFC 8259. Its methods move pos behind
// what they read and report whether that was valid.
type scanner struct {
	text  []byte
	pos   int
	depth int
	path  []byte // the names of the open objects, each with a dot after it
	found findings
}

func (s *scanner) blank() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// next reads the byte c, with blanks around it.
func (s *scanner) next(c byte) bool {
	s.blank()
	if s.pos == len(s.text) || s.text[s.pos] != c {
		return false
	}
	s.pos++
	s.blank()
	return true
}

// object reads an object; collect says whether its numbers count.
func (s *scanner) object(collect bool) bool {
	if s.depth++; s.depth > MaxDepth || !s.next('{') {
		return false
	}
	defer func() { s.depth-- }()
	if s.next('}') {
		return true
	}
	for {
		name, ok := s.string()
		if !ok || !s.next(':') || !s.member(name, collect) {
			return false
		}
		if !s.next(',') {
			return s.next('}')
		}
	}
}

// array reads an array, of which nothing counts.
func (s *scanner) array() bool {
	if s.depth++; s.depth > MaxDepth || !s.next('[') {
		return false
	}
	defer func() { s.depth-- }()
	if s.next(']') {
		return true
	}
	for {
		if !s.member(nil, false) {
			return false
		}
		if !s.next(',') {
			return s.next(']')
		}
	}
}

// member reads the value of a member with this name, as written.
func (s *scanner) member(name []byte, collect bool) bool {
	if s.pos == len(s.text) {
		return false
	}
	start := s.pos
	switch s.text[s.pos] {
	case '{':
		outer := len(s.path)
		if collect {
			s.path, collect = s.enter(name)
		}
		ok := s.object(collect)
		s.path = s.path[:outer]
		return ok
	case '[':
		return s.array()
	case '"':
		text, ok := s.string()
		if ok && collect && s.isTimestamp(name) {
			s.found.time, s.found.hasTime = parseDateTime(unescape(text))
		}
		return ok
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	if !s.number() {
		return false
	}
	if collect {
		s.take(name, s.text[start:s.pos])
	}
	return true
}

func (s *scanner) isTimestamp(name []byte) bool {
	return s.depth == 1 && string(unescape(name)) == TimestampMember
}

// enter returns the path within the object of this name, and whether numbers
// there can still have a name that is short enough.
func (s *scanner) enter(name []byte) ([]byte, bool) {
	path := append(s.path, unescape(name)...)
	return append(path, '.'), len(path) <= MaxMetricLength
}

// take keeps a number under its name.
func (s *scanner) take(name, text []byte) {
	if s.isTimestamp(name) {
		s.found.time, s.found.hasTime = parseUnix(string(text))
		return
	}
	outer := len(s.path)
	s.path = append(s.path, unescape(name)...)
	metric := s.path
	s.path = s.path[:outer]
	if len(metric) == 0 || len(metric) > MaxMetricLength || !utf8.Valid(metric) {
		return
	}
	value, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return
	}
	s.found.put(metric, value)
}

// put keeps a number, or replaces the one of that name.
func (f *findings) put(metric []byte, value float64) {
	if i := slices.IndexFunc(f.numbers, func(n number) bool { return string(f.name(n)) == string(metric) }); i >= 0 {
		f.numbers[i].value = value
		return
	}
	if len(f.numbers) == MaxMetrics {
		return
	}
	if f.numbers == nil {
		f.numbers, f.names = make([]number, 0, 8), make([]byte, 0, 128)
	}
	from := len(f.names)
	f.names = append(f.names, metric...)
	f.numbers = append(f.numbers, number{from, len(f.names), value})
}

func (s *scanner) literal(word string) bool {
	if len(s.text)-s.pos < len(word) || string(s.text[s.pos:s.pos+len(word)]) != word {
		return false
	}
	s.pos += len(word)
	return true
}

func (s *scanner) number() bool {
	if s.pos < len(s.text) && s.text[s.pos] == '-' {
		s.pos++
	}
	if s.pos < len(s.text) && s.text[s.pos] == '0' {
		s.pos++
	} else if !s.digits() {
		return false
	}
	if s.pos < len(s.text) && s.text[s.pos] == '.' {
		s.pos++
		if !s.digits() {
			return false
		}
	}
	if s.pos < len(s.text) && (s.text[s.pos] == 'e' || s.text[s.pos] == 'E') {
		s.pos++
		if s.pos < len(s.text) && (s.text[s.pos] == '+' || s.text[s.pos] == '-') {
			s.pos++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.text) && '0' <= s.text[s.pos] && s.text[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// string reads a string and returns what is between the quotes, as written.
func (s *scanner) string() ([]byte, bool) {
	if s.pos == len(s.text) || s.text[s.pos] != '"' {
		return nil, false
	}
	s.pos++
	start := s.pos
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			return s.text[start : s.pos-1], true
		case c == '\\':
			if !s.escape() {
				return nil, false
			}
		case c < ' ':
			return nil, false
		default:
			s.pos++
		}
	}
	return nil, false
}

func (s *scanner) escape() bool {
	s.pos++
	if s.pos == len(s.text) {
		return false
	}
	c := s.text[s.pos]
	s.pos++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if s.pos == len(s.text) || !isHex(s.text[s.pos]) {
				return false
			}
			s.pos++
		}
		return true
	}
	return false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// unescape returns the meaning of a valid string. Escapes in names are rare.
func unescape(text []byte) []byte {
	if !slices.Contains(text, '\\') {
		return text
	}
	quoted := append(append([]byte{'"'}, text...), '"')
	var meaning string
	if err := json.Unmarshal(quoted, &meaning); err != nil {
		return text
	}
	return []byte(meaning)
}
