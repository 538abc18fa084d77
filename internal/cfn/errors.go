package cfn

import (
	"fmt"

	"github.com/iotenant/iotenant"
)

// ErrTemplate: the text is no template. The error is a [*SyntaxError].
var ErrTemplate = fmt.Errorf("cfn: %w template", iotenant.ErrInvalid)

// SyntaxError tells where a text stops being a template. It wraps
// [ErrTemplate].
type SyntaxError struct {
	// Line and Column count from 1; they are 0 if the place is not known.
	Line, Column int
	Message      string
}

// Error returns place and message.
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return ErrTemplate.Error() + ": " + e.Message
	}
	return fmt.Sprintf("%s: line %d, column %d: %s", ErrTemplate, e.Line, e.Column, e.Message)
}

// Unwrap returns [ErrTemplate].
func (e *SyntaxError) Unwrap() error { return ErrTemplate }

// Level is the weight of a finding.
type Level string

// The levels of findings. A resource with an error can't be converted.
const (
	Warning Level = "WARNING"
	Error   Level = "ERROR"
)

// Finding is something that was noticed in a resource of a template.
type Finding struct {
	Level    Level
	Resource string // logical id
	// Path is the place in the template, such as
	// "Resources.Pump.Properties.Key".
	Path         string
	Line, Column int
	Message      string
}
