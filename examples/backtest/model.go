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
	model    *detector.Model // nil if a problem is an error
	declared map[string][]string
	problems []problem
}

// load reads the files of a model. The error is about files and arguments;
// what is wrong in them is a problem.
func (m *modelFlags) load() (*loaded, error) {
	l := &loaded{declared: map[string][]string{}}
	for _, name := range m.inputs {
		if err := l.readInputs(name, m); err != nil {
			return nil, err
		}
	}
	data, err := os.ReadFile(m.model)
	if err != nil {
		return nil, err
	}
	body, place := data, func(string) cfnalerts.Place { return cfnalerts.Place{} }
	if m.isTemplate(data) {
		model, err := l.fromTemplate(data, m)
		if err != nil || model == nil {
			return l, err
		}
		body, place = model.JSON, model.Place
	}
	if l.failed() {
		return l, nil
	}
	l.compile(body, place, m)
	return l, nil
}

// isTemplate reports whether the file is a template: what is no JSON can be
// nothing else.
func (m *modelFlags) isTemplate(data []byte) bool {
	return cfnalerts.IsTemplate(data) || !bytes.HasPrefix(bytes.TrimLeft(data, "\ufeff \t\r\n"), []byte("{"))
}

func (l *loaded) failed() bool {
	return slices.ContainsFunc(l.problems, func(p problem) bool { return p.Level == detector.LevelError })
}

// fromTemplate returns the model that a template declares; nil if it can't be
// read.
func (l *loaded) fromTemplate(data []byte, m *modelFlags) (*cfnalerts.Model, error) {
	stack := l.readTemplate(m.model, data, m)
	if stack == nil {
		return nil, nil //nolint:nilnil // the problems say why
	}
	models := slices.Concat(stack.DetectorModels, stack.AlarmModels)
	if m.resource != "" {
		models = slices.DeleteFunc(models, func(model cfnalerts.Model) bool {
			return model.LogicalID != m.resource && model.Name != m.resource
		})
	}
	switch len(models) {
	case 1:
		return &models[0], nil
	case 0:
		return nil, fmt.Errorf("%s: no such model in the template", m.model)
	}
	var names []string
	for _, model := range models {
		names = append(names, model.LogicalID)
	}
	return nil, fmt.Errorf("%s: several models in the template, name one by -resource: %s", m.model, strings.Join(names, ", "))
}

func (l *loaded) readTemplate(name string, data []byte, m *modelFlags) *cfnalerts.Stack {
	stack, err := cfnalerts.Read(data, func(o *cfnalerts.Options) {
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
	for _, f := range findings {
		l.problems = append(l.problems, problem{
			File: name, Level: f.Level, Path: f.Place.Path, Line: f.Place.Line, Column: f.Place.Column, Message: f.Message,
		})
	}
	return stack
}

// inputFile is the body of CreateInput, or the answer of DescribeInput.
type inputFile struct {
	Input      *inputFile `json:"input"`
	Name       string     `json:"inputName"`
	Definition struct {
		Attributes []struct {
			JSONPath string `json:"jsonPath"`
		} `json:"attributes"`
	} `json:"inputDefinition"`
	Configuration struct {
		Name string `json:"inputName"`
	} `json:"inputConfiguration"`
}

func (l *loaded) readInputs(name string, m *modelFlags) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if cfnalerts.IsTemplate(data) {
		l.readTemplate(name, data, m)
		return nil
	}
	inputs := []inputFile{{}}
	var into any = &inputs[0]
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		into = &inputs
	}
	if err := json.Unmarshal(data, into); err != nil {
		l.problems = append(l.problems, problem{File: name, Level: detector.LevelError, Message: "no input: " + err.Error()})
		return nil
	}
	for _, input := range inputs {
		if input.Input != nil {
			input = *input.Input
		}
		if input.Name == "" {
			input.Name = input.Configuration.Name
		}
		if input.Name == "" {
			l.problems = append(l.problems, problem{File: name, Level: detector.LevelError, Message: "no input: inputName is missing"})
			continue
		}
		paths := []string{}
		for _, attribute := range input.Definition.Attributes {
			paths = append(paths, attribute.JSONPath)
		}
		l.declared[input.Name] = paths
	}
	return nil
}

// compile loads the model and takes over what the engine finds.
func (l *loaded) compile(body []byte, place func(string) cfnalerts.Place, m *modelFlags) {
	model, err := detector.Load(body, func(o *detector.Options) {
		o.Strict, o.Semantics = m.strict, m.semantics
		if len(l.declared) > 0 {
			o.Attributes = l.declared
		}
	})
	var findings []detector.Finding
	if broken, ok := errors.AsType[*detector.ModelError](err); ok {
		findings = broken.Findings
	} else {
		l.model, findings = model, model.Findings()
	}
	for _, f := range findings {
		at := place(f.Path)
		l.problems = append(l.problems, problem{
			File: m.model, Level: f.Level, Type: string(f.Type), Path: f.Path, Line: at.Line, Column: at.Column, Message: f.Message,
			ExpressionLine: f.Line, ExpressionColumn: f.Column, Expression: f.Expression, Caret: f.Caret,
		})
	}
}
