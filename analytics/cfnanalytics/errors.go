package cfnanalytics

import (
	"fmt"
	"strings"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// ErrTemplate: the text is no template, or a resource in it can't be read. The
// error that [Read] returns is a [*TemplateError] with all findings.
var ErrTemplate = fmt.Errorf("cfnanalytics: %w template", iotenant.ErrInvalid)

// TemplateError is the error of [Read]. It wraps [ErrTemplate].
type TemplateError struct {
	// Findings holds all findings, those that are no errors too.
	Findings []Finding
}

// Error lists the findings that are errors, one per line.
func (e *TemplateError) Error() string {
	var text strings.Builder
	text.WriteString(ErrTemplate.Error())
	for i := range e.Findings {
		if e.Findings[i].Level == pipeline.LevelError {
			text.WriteString("\n" + e.Findings[i].String())
		}
	}
	return text.String()
}

// Unwrap returns [ErrTemplate].
func (e *TemplateError) Unwrap() error { return ErrTemplate }

// Finding is something that was noticed in a template.
type Finding struct {
	Level pipeline.Level
	// Resource is a logical id; empty if the text is no template.
	Resource string
	Place    Place
	Message  string
}

// Place is where in a template something stands.
type Place struct {
	// Path is the place by names, such as
	// "Resources.Climate.Properties.PipelineActivities[0].Channel.Name".
	Path string
	// Line and Column count from 1; they are 0 if they are not known.
	Line, Column int
}

// String returns the place as text.
func (p Place) String() string {
	if p.Line == 0 {
		return p.Path
	}
	return strings.TrimSpace(fmt.Sprintf("line %d, column %d %s", p.Line, p.Column, p.Path))
}

// String returns the finding as text.
func (f *Finding) String() string {
	text := string(f.Level)
	if place := f.Place.String(); place != "" {
		text += " " + place
	}
	return text + ": " + f.Message
}
