package detector

import (
	"fmt"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// Level is the weight of a finding, as the service's analysis names it.
type Level string

// The levels of findings. A model with an error does not load.
const (
	LevelInfo    Level = "INFO"
	LevelWarning Level = "WARNING"
	LevelError   Level = "ERROR"
)

// FindingType is what a finding is about, as the service's analysis names it.
type FindingType string

// The types of findings.
const (
	SupportedActions   FindingType = "supported-actions"
	ServiceLimits      FindingType = "service-limits"
	Structure          FindingType = "structure"
	ExpressionSyntax   FindingType = "expression-syntax"
	DataType           FindingType = "data-type"
	ReferencedData     FindingType = "referenced-data"
	ReferencedResource FindingType = "referenced-resource"
)

// Finding is something that a model's reader noticed.
type Finding struct {
	Level Level
	Type  FindingType
	// Path is the place in the definition: "states[0].onInput.events[1].condition".
	// What stands outside of the definition has its path in the document.
	Path    string
	Message string
	// Expression, Line, Column and Caret show the place in an expression, or,
	// if the model is no JSON, in its text; then Expression is empty. Line and
	// Column count from 1; they are 0 if the finding is about neither. Caret
	// holds the line and the caret under the place.
	Expression   string
	Line, Column int
	Caret        string
}

// String returns the finding as text, with the caret if there is one.
func (f *Finding) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s", f.Level, f.Type)
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

// ModelError is the error of [Load]. It wraps [ErrModel].
type ModelError struct {
	// Findings holds all findings, those that are no errors too.
	Findings []Finding
}

// Error lists the findings that are errors, one per line.
func (e *ModelError) Error() string {
	var text strings.Builder
	text.WriteString(ErrModel.Error())
	for i := range e.Findings {
		if e.Findings[i].Level == LevelError {
			text.WriteString("\n" + e.Findings[i].String())
		}
	}
	return text.String()
}

// Unwrap returns [ErrModel].
func (e *ModelError) Unwrap() error { return ErrModel }

// findings collects what is found while a model is loaded.
type findings struct {
	all    []Finding
	errors int
	strict bool
}

func (f *findings) add(level Level, kind FindingType, path, format string, args ...any) {
	f.put(Finding{Level: level, Type: kind, Path: path, Message: fmt.Sprintf(format, args...)})
}

func (f *findings) put(finding Finding) {
	if finding.Level == LevelError {
		f.errors++
	}
	f.all = append(f.all, finding)
}

// quota is the level of what the service refused and the engine can do.
func (f *findings) quota() Level {
	if f.strict {
		return LevelError
	}
	return LevelWarning
}

// expression adds a finding about a place in an expression.
func (f *findings) expression(level Level, kind FindingType, path string, at *exprlang.Error, message string) {
	line, column := at.Position()
	f.put(Finding{
		Level: level, Type: kind, Path: path, Message: message,
		Expression: at.Source, Line: line, Column: column, Caret: at.Caret(),
	})
}
