package avcodec

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// pathError is an error with the way from the value to the place of it.
type pathError struct {
	path []string // innermost first
	err  error
}

func (e *pathError) Error() string {
	var text strings.Builder
	for _, step := range slices.Backward(e.path) {
		if text.Len() > 0 && step[0] != '[' {
			text.WriteByte('.')
		}
		text.WriteString(step)
	}
	return text.String() + ": " + e.err.Error()
}

func (e *pathError) Unwrap() error { return e.err }

// within adds one step to the path of err.
func within(step string, err error) error {
	if inner, ok := err.(*pathError); ok { //nolint:errorlint // not one that is deeper in the chain
		inner.path = append(inner.path, step)
		return inner
	}
	return &pathError{path: []string{step}, err: err}
}

func withinField(name string, err error) error { return within(quoteStep(name), err) }

func withinElem(i int, err error) error { return within("["+strconv.Itoa(i)+"]", err) }

// quoteStep returns name, or the quoted name if it could be misread.
func quoteStep(name string) string {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || strings.ContainsRune(`."[]: `, r) }) {
		return "[" + strconv.Quote(name) + "]"
	}
	return name
}

var errTooDeep = errors.New("nested too deeply")
