package lakeanalytics

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxTimePattern is the length of a pattern: the limit of the service.
const maxTimePattern = 50

// timePattern is a pattern of Java's DateTimeFormatter, for text in English. A
// time without zone is UTC (D-42); what the pattern does not have of a date is
// that of 1970-01-01, and of a time of day 0.
//
// Letters: G era, y u year, M L month, d day, D day of the year, E day of the
// week, a AM or PM, H hour from 0, k from 1, K of the half day from 0, h from 1,
// m minute, s second, S fraction of a second, A millisecond of the day, n
// nanosecond of the second, N of the day, X x Z O offset, V zone, z its name.
// Literals stand in quotes, or are no letters; [] enclose what may be missing.
type timePattern struct{ items []patternItem }

// patternItem is a letter and how often it stands there, a literal, or, if
// letter is '[', what may be missing.
type patternItem struct {
	letter  byte
	count   int
	literal string
	inner   []patternItem
	// adjacent is how many digits follow at once that are of fixed width: they
	// are left for those.
	adjacent int
}

const patternLetters = "GyuMLdDEaHkKhmsSAnNXxZOVz"

// mostLetters is how often a letter may stand, where that is not 19.
var mostLetters = map[byte]int{
	'G': 5, 'M': 5, 'L': 5, 'd': 2, 'D': 3, 'E': 5, 'a': 1, 'H': 2, 'k': 2, 'K': 2, 'h': 2, 'm': 2, 's': 2, 'S': 9, 'X': 5, 'x': 5, 'Z': 5, 'O': 4, 'V': 2, 'z': 4,
}

func parseTimePattern(text string) (*timePattern, error) {
	if len(text) > maxTimePattern {
		return nil, fmt.Errorf("timestamp format of %d bytes, want at most %d", len(text), maxTimePattern)
	}
	items, rest, err := patternItems(text, 0)
	switch {
	case err != nil:
		return nil, err
	case rest != "":
		return nil, fmt.Errorf("timestamp format %q: ']' without '['", text)
	case len(items) == 0:
		return nil, errors.New("empty timestamp format")
	}
	return &timePattern{items: items}, nil
}

// patternItems reads items up to the end, or to the ] of a section.
func patternItems(text string, depth int) (items []patternItem, rest string, err error) {
	for text != "" {
		c := text[0]
		switch {
		case c == ']' && depth > 0:
			return withAdjacent(items), text[1:], nil
		case c == ']':
			return nil, text, nil
		case c == '[':
			var inner []patternItem
			if inner, text, err = optionalItems(text[1:], depth); err != nil {
				return nil, "", err
			}
			items = append(items, patternItem{letter: '[', inner: inner})
		case c == '\'':
			var literal string
			if literal, text, err = quotedLiteral(text[1:]); err != nil {
				return nil, "", err
			}
			items = append(items, patternItem{literal: literal})
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			n := len(text) - len(strings.TrimLeft(text, string(c)))
			if err := checkLetter(c, n); err != nil {
				return nil, "", err
			}
			items = append(items, patternItem{letter: c, count: n})
			text = text[n:]
		case c == '{' || c == '}' || c == '#':
			return nil, "", fmt.Errorf("timestamp format: %q is reserved", c)
		default:
			items = append(items, patternItem{literal: text[:1]})
			text = text[1:]
		}
	}
	if depth > 0 {
		return nil, "", errors.New("timestamp format: '[' without ']'")
	}
	return withAdjacent(items), "", nil
}

func optionalItems(text string, depth int) (items []patternItem, rest string, err error) {
	if items, rest, err = patternItems(text, depth+1); err != nil {
		return nil, "", err
	}
	return items, rest, nil
}

func quotedLiteral(text string) (literal, rest string, err error) {
	if strings.HasPrefix(text, "'") {
		return "'", text[1:], nil
	}
	var b strings.Builder
	for {
		end := strings.IndexByte(text, '\'')
		if end < 0 {
			return "", "", errors.New("timestamp format: a quoted literal does not end")
		}
		b.WriteString(text[:end])
		if text = text[end+1:]; !strings.HasPrefix(text, "'") {
			return b.String(), text, nil
		}
		b.WriteByte('\'')
		text = text[1:]
	}
}

func checkLetter(c byte, n int) error {
	if strings.IndexByte(patternLetters, c) < 0 {
		return fmt.Errorf("timestamp format: letter %q is not supported", c)
	}
	most, limited := mostLetters[c]
	if !limited {
		most = 19
	}
	if n > most || c == 'V' && n != 2 || c == 'O' && n != 1 && n != 4 {
		return fmt.Errorf("timestamp format: %d times %q", n, c)
	}
	return nil
}

// withAdjacent tells each number how many digits of fixed width follow it.
func withAdjacent(items []patternItem) []patternItem {
	for i := len(items) - 2; i >= 0; i-- {
		if next := &items[i+1]; items[i].isNumber() && next.isNumber() && next.width() > 0 {
			items[i].adjacent = next.width() + next.adjacent
		}
	}
	return items
}

// isNumber reports whether the item is written in digits.
func (p *patternItem) isNumber() bool {
	switch p.letter {
	case 'y', 'u', 'd', 'D', 'H', 'k', 'K', 'h', 'm', 's', 'S', 'A', 'n', 'N':
		return true
	case 'M', 'L':
		return p.count <= 2
	}
	return false
}

// width is how many digits a number has, 0 if that varies. Where one letter
// stands for a number, it varies.
func (p *patternItem) width() int {
	switch {
	case p.letter == 'S':
		return p.count
	case p.count == 1 || p.letter == 'n' || p.letter == 'N' || p.letter == 'A':
		return 0
	}
	return p.count
}

// parse reads a time. All of the text must be as the pattern says.
func (p *timePattern) parse(text string) (time.Time, bool) {
	if len(text) > maxTimeText {
		return time.Time{}, false
	}
	f := timeFields{zone: time.UTC, budget: maxPatternSteps}
	rest, ok := f.read(p.items, text)
	if !ok || rest != "" {
		return time.Time{}, false
	}
	return f.time()
}

const (
	// maxTimeText is the length of a text that may be a time.
	maxTimeText = 256
	// maxPatternSteps ends the reading of a text.
	maxPatternSteps = 10_000
)
