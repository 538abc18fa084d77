package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/alerts/cfnalerts"
	"github.com/iotenant/iotenant/alerts/detector"
)

// problem is a finding of the engine or of a template.
type problem struct {
	File    string         `json:"file"`
	Level   detector.Level `json:"level"`
	Type    string         `json:"type,omitempty"`
	Path    string         `json:"path,omitempty"`
	Line    int            `json:"line,omitempty"` // in the file
	Column  int            `json:"column,omitempty"`
	Message string         `json:"message"`
	// ExpressionLine and ExpressionColumn are the place in the expression.
	ExpressionLine   int    `json:"expressionLine,omitempty"`
	ExpressionColumn int    `json:"expressionColumn,omitempty"`
	Expression       string `json:"expression,omitempty"`
	Caret            string `json:"caret,omitempty"`
}

// text shows the problem as compilers do.
func (p *problem) text() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	fmt.Fprintf(&b, ": %s", p.Level)
	if p.Type != "" {
		b.WriteString(" " + p.Type)
	}
	if p.Path != "" {
		b.WriteString(" " + p.Path)
	}
	if p.ExpressionLine > 0 {
		fmt.Fprintf(&b, ", line %d, column %d", p.ExpressionLine, p.ExpressionColumn)
	}
	b.WriteString(": " + p.Message)
	if p.Caret != "" {
		b.WriteString("\n    " + strings.ReplaceAll(p.Caret, "\n", "\n    "))
	}
	return b.String()
}

// loaded is a model with what is known of its inputs.
type loaded struct {
	body     []byte // JSON of the service; nil if there is none
	place    func(path string) cfnalerts.Place
	model    *detector.Model // nil if it can't run
	declared map[string][]string
	problems []problem
}

// read reads the files of a model. The error is about files and arguments;
// what is wrong in them is a problem.
func (m *modelFlags) read() (*loaded, error) {
	l := &loaded{declared: map[string][]string{}, place: nowhere}
	for _, name := range m.inputs {
		if err := l.readInputs(name, m); err != nil {
			return nil, err
		}
	}
	data, err := os.ReadFile(m.model)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var model *cfnalerts.Model
	switch {
	case cfnalerts.IsTemplate(data):
		if model, err = l.fromTemplate(data, m); err != nil {
			return nil, err
		}
	case !isJSON(data):
		model = l.fromYAML(m.model, data)
	default:
		l.body = data
		if body, err := cfnalerts.ReadBody(data); err == nil {
			l.place = body.Place // else the engine says what is wrong with it
		}
	}
	if model != nil {
		l.body, l.place = model.JSON, model.Place
	}
	return l, nil
}

// isJSON reports whether a text is meant to be a JSON object or array.
func isJSON(data []byte) bool {
	data = bytes.TrimLeft(data, " \t\r\n")
	return len(data) > 0 && (data[0] == '{' || data[0] == '[')
}

// fromYAML returns the JSON of a model or an input in YAML; nil if it can't be
// read.
func (l *loaded) fromYAML(name string, data []byte) *cfnalerts.Model {
	model, err := cfnalerts.ReadBody(data)
	if broken, ok := errors.AsType[*cfnalerts.TemplateError](err); ok {
		l.addTemplate(name, broken.Findings)
	}
	return model
}

// load reads the files of a model, and the model in them.
func (m *modelFlags) load() (*loaded, error) {
	l, err := m.read()
	if err == nil && l.body != nil && !l.failed() {
		l.compile(m)
	}
	return l, err
}

func (l *loaded) failed() bool {
	return slices.ContainsFunc(l.problems, func(p problem) bool { return p.Level == detector.LevelError })
}

// fromTemplate returns the model that a template declares; nil if it can't be
// read.
func (l *loaded) fromTemplate(data []byte, m *modelFlags) (*cfnalerts.Model, error) {
	var only []string
	if m.resource != "" {
		only = []string{m.resource}
	}
	before := len(l.problems)
	stack := l.readTemplate(m.model, data, m, only)
	if stack != nil && only != nil && len(stack.DetectorModels)+len(stack.AlarmModels) == 0 {
		l.problems = l.problems[:before]
		stack = l.readTemplate(m.model, data, m, nil)
	}
	if stack == nil {
		return nil, nil //nolint:nilnil // the problems say why
	}
	models := slices.DeleteFunc(slices.Concat(stack.DetectorModels, stack.AlarmModels), func(model cfnalerts.Model) bool {
		return m.resource != "" && model.LogicalID != m.resource && model.Name != m.resource
	})
	switch {
	case len(models) == 0:
		return nil, fmt.Errorf("%s: no such model in the template", m.model)
	case len(models) == 1, m.resource == "" && len(stack.DetectorModels) == 1:
		return &models[0], nil
	}
	var names []string
	for _, model := range models {
		names = append(names, model.LogicalID)
	}
	return nil, fmt.Errorf("%s: several models in the template, name one by -resource: %s", m.model, strings.Join(names, ", "))
}

func (l *loaded) readTemplate(name string, data []byte, m *modelFlags, only []string) *cfnalerts.Stack {
	stack, err := cfnalerts.Read(data, func(o *cfnalerts.Options) {
		o.Models, o.StandIns = only, m.standIns
		o.Parameters, o.Values, o.Imports = m.template.parameters, m.template.values, m.template.imports
		o.Region, o.AccountID = m.template.region, m.template.account
	})
	var findings []cfnalerts.Finding
	if broken, ok := errors.AsType[*cfnalerts.TemplateError](err); ok {
		findings = broken.Findings
	} else {
		findings = stack.Findings
		for _, input := range stack.Inputs {
			l.declared[input.Name] = input.Attributes
		}
	}
	l.addTemplate(name, findings)
	return stack
}

func (l *loaded) addTemplate(name string, findings []cfnalerts.Finding) {
	for _, f := range findings {
		l.problems = append(l.problems, problem{
			File: name, Level: f.Level, Path: f.Place.Path, Line: f.Place.Line, Column: f.Place.Column, Message: f.Message,
		})
	}
}

func (l *loaded) readInputs(name string, m *modelFlags) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if cfnalerts.IsTemplate(data) {
		l.readTemplate(name, data, m, []string{})
		return nil
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !isJSON(data) {
		input := l.fromYAML(name, data)
		if input == nil {
			return nil
		}
		data = input.JSON
	}
	declarations := []json.RawMessage{data}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		if err := json.Unmarshal(data, &declarations); err != nil {
			l.problems = append(l.problems, problem{File: name, Level: detector.LevelError, Message: "no list of inputs: " + err.Error()})
		}
	}
	for _, declaration := range declarations {
		input, err := detector.LoadInput(declaration)
		if broken, ok := errors.AsType[*detector.ModelError](err); ok {
			l.add(name, broken.Findings, nowhere)
			continue
		}
		l.declared[input.Name] = input.Attributes
	}
	return nil
}

// compile loads the model and takes over what the engine finds.
func (l *loaded) compile(m *modelFlags) {
	model, err := detector.Load(l.body, l.options(m))
	if broken, ok := errors.AsType[*detector.ModelError](err); ok {
		l.add(m.model, broken.Findings, l.place)
		return
	}
	l.model = model
	l.add(m.model, model.Findings(), l.place)
}

func (l *loaded) options(m *modelFlags) func(*detector.Options) {
	return func(o *detector.Options) {
		o.Strict, o.Semantics = m.strict, m.semantics
		if len(l.declared) > 0 {
			o.Attributes = l.declared
		}
	}
}

// nowhere is the place of what is in no template.
func nowhere(string) cfnalerts.Place { return cfnalerts.Place{} }

func (l *loaded) add(file string, findings []detector.Finding, place func(string) cfnalerts.Place) {
	for _, f := range findings {
		at := place(f.Path)
		p := problem{
			File: file, Level: f.Level, Type: string(f.Type), Path: f.Path, Line: at.Line, Column: at.Column, Message: f.Message,
			Expression: f.Expression, Caret: f.Caret,
		}
		if f.Expression == "" && f.Line > 0 {
			p.Line, p.Column = f.Line, f.Column // the file is no JSON
		} else {
			p.ExpressionLine, p.ExpressionColumn = f.Line, f.Column
		}
		l.problems = append(l.problems, p)
	}
}
