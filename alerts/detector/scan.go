package detector

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
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
		end, escaped := s.skipString(start)
		if end < 0 {
			return end
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
			s.scratch = unescape(s.scratch[:0], name)
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
		end, _ := s.skipString(i + 1)
		if end < 0 {
			return end
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
	return s.skipNumber(i)
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
		if i, _ = s.skipString(i + 1); i < 0 {
			return i
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

// Eight bytes at a time: a byte's high bit is set in the result where the
// character is a quote, a backslash, a control or not ASCII. Bits above the
// first one set may be wrong.
const (
	ones        = 0x0101010101010101
	highs       = 0x8080808080808080
	quotes      = '"' * ones
	backslashes = '\\' * ones
	spaces      = ' ' * ones
)

func special(x uint64) uint64 {
	return (((x ^ quotes) - ones) | ((x ^ backslashes) - ones) | (x - spaces) | x) & highs
}

// skipString checks a string from the byte after its first quote and returns
// the index of its last quote, and whether it holds escapes.
func (s *scanner) skipString(i int) (end int, escaped bool) {
	data := s.data
	for {
		if i+8 <= len(data) {
			x := special(binary.LittleEndian.Uint64(data[i:]))
			if x == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(x) >> 3
		} else if i >= len(data) {
			return s.fail(i, "string does not end"), false
		}
		switch c := data[i]; {
		case c == '"':
			return i, escaped
		case c == '\\':
			if i = s.escape(i); i < 0 {
				return i, false
			}
			escaped = true
		case c < ' ':
			return s.fail(i, "control character in a string"), false
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && size <= 1 {
				return s.fail(i, "not UTF-8"), false
			}
			i += size
		}
	}
}

// escape checks an escape that begins at i.
func (s *scanner) escape(i int) int {
	if i+1 >= len(s.data) {
		return s.fail(i, "string does not end")
	}
	switch s.data[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if i+6 <= len(s.data) && hex4(s.data[i+2:]) >= 0 {
			return i + 6
		}
	}
	return s.fail(i, "wrong escape in a string")
}

// hex4 returns the value of four hexadecimal digits, or -1.
func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return r
}

// string stores the string whose first quote is before i.
func (s *scanner) string(i int) (int, slot) {
	end, escaped := s.skipString(i)
	if end < 0 {
		return end, slot{}
	}
	offset := len(s.text)
	if escaped {
		s.text = unescape(s.text, s.data[i:end])
	} else {
		s.text = append(s.text, s.data[i:end]...)
	}
	return end + 1, textSlot(offset, len(s.text))
}

// unescape appends the characters of a string that has been checked. Half a
// surrogate pair becomes U+FFFD.
func unescape(b, text []byte) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		if c != '\\' {
			b = append(b, c)
			i++
			continue
		}
		c = text[i+1]
		i += 2
		switch c {
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r := hex4(text[i:])
			i += 4
			if 0xd800 <= r && r < 0xdc00 && i+6 <= len(text) && text[i] == '\\' && text[i+1] == 'u' {
				if low := hex4(text[i+2:]); 0xdc00 <= low && low < 0xe000 {
					r = (r-0xd800)<<10 | (low - 0xdc00) + 0x10000
					i += 6
				}
			}
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, c)
		}
	}
	return b
}

// skipNumber checks a number.
func (s *scanner) skipNumber(i int) int {
	data := s.data
	if data[i] == '-' {
		i++
	}
	first := i
	for i < len(data) && data[i]-'0' <= 9 {
		i++
	}
	if i == first || data[first] == '0' && i > first+1 {
		return s.fail(first, "want a value")
	}
	if i < len(data) && data[i] == '.' {
		first = i + 1
		for i = first; i < len(data) && data[i]-'0' <= 9; {
			i++
		}
		if i == first {
			return s.fail(i, "want a digit after the point")
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		if i++; i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		for first = i; i < len(data) && data[i]-'0' <= 9; {
			i++
		}
		if i == first {
			return s.fail(i, "want the digits of an exponent")
		}
	}
	return i
}

// Powers of ten that a float64 holds exactly, and the largest mantissa.
var powers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

const maxMantissa = 1 << 53

// number reads a number: an Integer if it has neither fraction nor exponent
// and fits, else a Decimal, exactly as strconv reads it. A number too large
// for a Decimal is undefined.
func (s *scanner) number(start int) (int, slot) {
	data := s.data
	i := start
	negative := data[i] == '-'
	if negative {
		i++
	}
	first := i
	var mantissa uint64
	for i < len(data) && data[i]-'0' <= 9 {
		mantissa = mantissa*10 + uint64(data[i]-'0')
		i++
	}
	digits := i - first
	if digits == 0 || data[first] == '0' && digits > 1 {
		return s.fail(first, "want a value"), slot{}
	}
	if i >= len(data) || data[i] != '.' && data[i]|0x20 != 'e' {
		return i, integerSlot(mantissa, negative, data[start:i], digits)
	}
	exponent := 0
	if data[i] == '.' {
		point := i + 1
		for i = point; i < len(data) && data[i]-'0' <= 9; i++ {
			mantissa = mantissa*10 + uint64(data[i]-'0')
		}
		if i == point {
			return s.fail(i, "want a digit after the point"), slot{}
		}
		exponent = point - i
		digits += i - point
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		if i = s.skipNumber(start); i < 0 {
			return i, slot{}
		}
		return i, parsedSlot(data[start:i])
	}
	if digits > maxFastDigits || mantissa >= maxMantissa || -exponent >= len(powers) {
		return i, parsedSlot(data[start:i])
	}
	f := float64(mantissa) / powers[-exponent]
	if negative {
		f = -f
	}
	return i, slot{math.Float64bits(f), Decimal}
}

// maxFastDigits is how many digits surely fit a uint64.
const maxFastDigits = 19

func integerSlot(magnitude uint64, negative bool, text []byte, digits int) slot {
	switch {
	case digits > maxFastDigits || magnitude > 1<<63 || magnitude == 1<<63 && !negative:
		return parsedSlot(text)
	case negative:
		magnitude = -magnitude
	}
	return slot{magnitude, Integer}
}

func parsedSlot(text []byte) slot {
	f, err := strconv.ParseFloat(view(text), 64)
	if err != nil {
		return slot{}
	}
	return slot{math.Float64bits(f), Decimal}
}
