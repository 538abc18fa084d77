package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/analytics/cfnanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// definitionFlags say which definition of AWS IoT Analytics to read, and how.
type definitionFlags struct {
	definition string
	resource   string
	template   templateValues
	// complete: a template declares all that it refers to.
	complete bool
}

// definition is one of a file, with its place there.
type definition struct {
	json  []byte
	kind  pipeline.Resource
	id    string // logical id in a template
	name  string
	place func(path string) cfnanalytics.Place
}

// stackName is the stack of all templates. A function without a name gets one
// that begins with it.
const stackName = "stack"

// read returns the definitions of the file. The error is about the file; what
// is wrong in a template is a problem.
func (f *definitionFlags) read() (definitions []definition, problems []problem, err error) {
	data, err := os.ReadFile(f.definition)
	if err != nil {
		return nil, nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !cfnanalytics.IsTemplate(data) {
		return []definition{{json: data, place: func(string) cfnanalytics.Place { return cfnanalytics.Place{} }}}, nil, nil
	}
	stack, err := cfnanalytics.Read(data, func(o *cfnanalytics.Options) {
		o.StandIns, o.Complete = true, f.complete
		o.Parameters, o.Values, o.Imports = f.template.parameters, f.template.values, f.template.imports
		o.Region, o.AccountID, o.StackName = f.template.region, f.template.account, stackName
	})
	var findings []cfnanalytics.Finding
	if broken, ok := errors.AsType[*cfnanalytics.TemplateError](err); ok {
		findings, stack = broken.Findings, &cfnanalytics.Stack{}
	} else {
		findings = stack.Findings
	}
	for _, found := range findings {
		problems = append(problems, problem{
			File: f.definition, Level: detector.Level(found.Level), Path: found.Place.Path, Line: found.Place.Line, Column: found.Place.Column, Message: found.Message,
		})
	}
	for i := range stack.Definitions {
		d := &stack.Definitions[i]
		if f.resource == "" || f.resource == d.LogicalID || f.resource == d.Name {
			definitions = append(definitions, definition{json: d.JSON, kind: d.Kind, id: d.LogicalID, name: d.Name, place: d.Place})
		}
	}
	if len(definitions) == 0 && !failed(problems) {
		return nil, nil, fmt.Errorf("%s: no such channel, pipeline, data store or data set in the template", f.definition)
	}
	return definitions, problems, nil
}

// problemsOf shows findings of the engine at their places in the file.
func (f *definitionFlags) problemsOf(d *definition, findings []pipeline.Finding) (problems []problem) {
	for _, found := range findings {
		at := d.place(found.Path)
		p := problem{
			File: f.definition, Level: detector.Level(found.Level), Path: found.Path, Line: at.Line, Column: at.Column, Message: found.Message,
			Expression: found.Expression, Caret: found.Caret,
		}
		if found.Expression == "" && found.Line > 0 {
			p.Line, p.Column = found.Line, found.Column // the file is no JSON
		} else {
			p.ExpressionLine, p.ExpressionColumn = found.Line, found.Column
		}
		problems = append(problems, p)
	}
	return problems
}

func failed(problems []problem) bool {
	return slices.ContainsFunc(problems, func(p problem) bool { return p.Level == detector.LevelError })
}

// check prints everything for which the service would have refused what the file
// defines.
func (f *definitionFlags) check(out io.Writer, format string) error {
	definitions, problems, err := f.read()
	if err != nil {
		return err
	}
	for i := range definitions {
		_, findings := pipeline.Check(definitions[i].json)
		problems = append(problems, f.problemsOf(&definitions[i], findings)...)
	}
	if err := writeProblems(out, format, problems); err != nil {
		return err
	}
	verdict := "the service would have accepted it"
	if failed(problems) {
		verdict, err = "the service would have refused it", errDefinition
	}
	if format == "text" {
		if _, err := fmt.Fprintln(out, verdict); err != nil {
			return err
		}
	}
	return err
}

// pipeline returns the only pipeline of the file.
func (f *definitionFlags) pipeline(errOut io.Writer, optFn func(*pipeline.Options)) (*pipeline.Pipeline, error) {
	definitions, problems, err := f.read()
	if err != nil {
		return nil, err
	}
	definitions = slices.DeleteFunc(definitions, func(d definition) bool { return d.kind != "" && d.kind != pipeline.ResourcePipeline })
	if len(definitions) != 1 && !failed(problems) {
		var ids []string
		for _, d := range definitions {
			ids = append(ids, d.id)
		}
		return nil, fmt.Errorf("%s: want one pipeline, name it by -resource: %s", f.definition, strings.Join(ids, ", "))
	}
	var loaded *pipeline.Pipeline
	if !failed(problems) {
		var broken *pipeline.DefinitionError
		if loaded, err = pipeline.Load(definitions[0].json, optFn); errors.As(err, &broken) {
			problems = append(problems, f.problemsOf(&definitions[0], broken.Findings)...)
		} else {
			problems = append(problems, f.problemsOf(&definitions[0], loaded.Findings())...)
		}
	}
	for i := range problems {
		fmt.Fprintln(errOut, problems[i].text())
	}
	if loaded == nil {
		return nil, errDefinition
	}
	return loaded, nil
}
