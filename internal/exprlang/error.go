package exprlang

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a problem at one place of an expression.
type Error struct {
	Source  string
	Offset  int // bytes from the beginning of Source
	Message string
}

// Error returns place and message, on one line.
func (e *Error) Error() string {
	line, column := e.Position()
	return fmt.Sprintf("line %d, column %d: %s", line, column, e.Message)
}

// Position returns the line and the column, both from 1. Columns count
// characters.
func (e *Error) Position() (line, column int) {
	before := e.Source[:e.offset()]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

// snippetWidth is how many characters of a line Caret shows on each side of
// the place.
const snippetWidth = 60

// Caret returns the line of the place and below it a line with a caret under
// the place, without a line feed at the end. Long lines are cut.
func (e *Error) Caret() string {
	offset := e.offset()
	start := strings.LastIndexByte(e.Source[:offset], '\n') + 1
	rest, _, _ := strings.Cut(e.Source[offset:], "\n")
	left, right := []rune(e.Source[start:offset]), []rune(strings.TrimRight(rest, "\r"))
	if len(left) > snippetWidth {
		left = append([]rune("..."), left[len(left)-snippetWidth:]...)
	}
	if len(right) > snippetWidth {
		right = append(right[:snippetWidth:snippetWidth], []rune("...")...)
	}
	var text strings.Builder
	text.WriteString(string(left) + string(right) + "\n")
	for _, c := range left {
		if c != '\t' {
			c = ' '
		}
		text.WriteRune(c)
	}
	text.WriteByte('^')
	return text.String()
}

func (e *Error) offset() int { return min(max(e.Offset, 0), len(e.Source)) }
