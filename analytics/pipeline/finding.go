package pipeline

import (
	"fmt"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// Level is the weight of a finding.
type Level string

// The levels of findings. A definition with an error does not load.
const (
	LevelWarning Level = "WARNING"
	LevelError   Level = "ERROR"
)

// Finding is something that the reader of a definition noticed.
type Finding struct {
	Level Level
	// Path is the place in the document, such as
	// "pipelineActivities[1].filter.filter".
	Path    string
	Message string
	// Expression, Line, Column and Caret show the place in an expression or
	// path, or, if the text is no JSON, in it; then Expression is empty. Line and Column count
	// from 1 and are 0 if the finding is about neither. Caret holds the line
	// and the caret under the place.
	Expression   string
	Line, Column int
	Caret        string
}

// String returns the finding as text, with the caret if there is one.
func (f *Finding) String() string {
	var text strings.Builder
	text.WriteString(string(f.Level))
	if f.Path != "" {
		text.WriteString(" " + f.Path)
	}
	if f.Line > 0 {
		fmt.Fprintf(&text, ", line %d, column %d", f.Line, f.Column)
	}
	text.WriteString(": " + f.Message)
	if f.Caret != "" {
		text.WriteString("\n    " + strings.ReplaceAll(f.Caret, "\n", "\n    "))
	}
	return text.String()
}

// DefinitionError is the error of [Load]. It wraps [ErrDefinition].
type DefinitionError struct {
	// Findings holds all findings, those that are no errors too.
	Findings []Finding
}

// Error lists the findings that are errors, one per line.
func (e *DefinitionError) Error() string {
	var text strings.Builder
	text.WriteString(ErrDefinition.Error())
	for i := range e.Findings {
		if e.Findings[i].Level == LevelError {
			text.WriteString("\n" + e.Findings[i].String())
		}
	}
	return text.String()
}

// Unwrap returns [ErrDefinition].
func (e *DefinitionError) Unwrap() error { return ErrDefinition }

// findings collects what is found in a definition.
type findings struct {
	all    []Finding
	errors int
	strict bool
}

func (f *findings) add(level Level, path, format string, args ...any) {
	f.put(Finding{Level: level, Path: path, Message: fmt.Sprintf(format, args...)})
}

func (f *findings) fail(path, format string, args ...any) { f.add(LevelError, path, format, args...) }

// quota adds what the service refused and the engine can do.
func (f *findings) quota(path, format string, args ...any) {
	level := LevelWarning
	if f.strict {
		level = LevelError
	}
	f.add(level, path, format, args...)
}

func (f *findings) put(finding Finding) {
	if finding.Level == LevelError {
		f.errors++
	}
	f.all = append(f.all, finding)
}

// expression adds an error in an expression or path.
func (f *findings) expression(level Level, path string, at *exprlang.Error) {
	line, column := at.Position()
	f.put(Finding{Level: level, Path: path, Message: at.Message, Expression: at.Source, Line: line, Column: column, Caret: at.Caret()})
}

// document adds an error at a place of the document's text.
func (f *findings) document(data []byte, offset int, message string) {
	at := &exprlang.Error{Source: strings.ToValidUTF8(string(data), "?"), Offset: offset}
	line, column := at.Position()
	f.put(Finding{Level: LevelError, Message: message, Line: line, Column: column, Caret: at.Caret()})
}
