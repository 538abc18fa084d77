package cfnanalytics

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/internal/cfn"
)

// The types of resources that are read.
const (
	TypeChannel   = "AWS::IoTAnalytics::Channel"
	TypePipeline  = "AWS::IoTAnalytics::Pipeline"
	TypeDatastore = "AWS::IoTAnalytics::Datastore"
	TypeDataset   = "AWS::IoTAnalytics::Dataset"
)

// Options are the values that a deployment would supply.
type Options struct {
	// Parameters are the values of template parameters by name; a list is
	// joined by commas. Default: those of the template.
	Parameters map[string]string
	// Values are those of references by "LogicalID", for Ref, or
	// "LogicalID.Attribute", for Fn::GetAtt.
	Values map[string]string
	// Imports are the values of Fn::ImportValue by name of the export.
	Imports map[string]string
	// Region, AccountID, StackName and NotificationARNs are pseudo parameters.
	// Defaults: us-east-1, 123456789012, stack, none.
	Region, AccountID, StackName string
	NotificationARNs             []string
	// StandIns: the name of a parameter without value stands for it, with a
	// warning, unless it is a number or a list; that of a role in the ARN of
	// one. Default: it is an error.
	StandIns bool
	// Complete: a reference to what the template does not declare is an error,
	// as in a deployment. Default: with StandIns its name stands for it.
	Complete bool
	// Resources are the logical ids of the resources to read. Nil means all.
	Resources []string
}

// Stack is what a template declares.
type Stack struct {
	// Definitions are in the order of the template.
	Definitions []Definition
	// Findings are warnings.
	Findings []Finding
}

// Definition is a channel, pipeline, data store or data set.
type Definition struct {
	Kind      pipeline.Resource
	LogicalID string
	// Name is the logical id if the template gives none.
	Name string
	// JSON is the body of the Create operation, as pipeline.Load and
	// pipeline.Check read it.
	JSON []byte

	places map[string]cfn.Place
}

// types are those that are read.
var types = []string{TypeChannel, TypePipeline, TypeDatastore, TypeDataset}

// IsTemplate reports whether the text looks like a template: JSON or YAML with
// Resources, or one resource of the types that are read.
func IsTemplate(data []byte) bool {
	return cfn.IsTemplate(data) || cfn.ParseAlone(data, types...) != nil
}

// Read reads a template, or one resource that stands alone, an object with Type
// and Properties as the user guide of CloudFormation shows them; its logical id
// is Channel, Pipeline, Datastore or Dataset. The error is a [*TemplateError] with everything that
// was found.
func Read(data []byte, optFns ...func(*Options)) (*Stack, error) {
	var o Options
	for _, fn := range optFns {
		fn(&o)
	}
	template := cfn.ParseAlone(data, types...)
	if template == nil {
		var err error
		if template, err = cfn.Parse(data); err != nil {
			return nil, syntaxError(err)
		}
	}
	resolver := template.Resolver(cfn.Options{
		Parameters: o.Parameters, Values: o.Values, Imports: o.Imports,
		Region: o.Region, AccountID: o.AccountID, StackName: o.StackName, NotificationARNs: o.NotificationARNs, StandIns: o.StandIns, Complete: o.Complete,
	})
	var stack Stack
	for _, resource := range template.Resources(types...) {
		if o.Resources == nil || slices.Contains(o.Resources, resource.LogicalID) {
			stack.read(resolver, resource, &o)
		}
	}
	if slices.ContainsFunc(stack.Findings, func(f Finding) bool { return f.Level == pipeline.LevelError }) {
		return nil, &TemplateError{Findings: stack.Findings}
	}
	return &stack, nil
}

func syntaxError(err error) error {
	f := Finding{Level: pipeline.LevelError, Message: err.Error()}
	if syntax, ok := errors.AsType[*cfn.SyntaxError](err); ok {
		f.Place, f.Message = Place{Line: syntax.Line, Column: syntax.Column}, syntax.Message
	}
	return &TemplateError{Findings: []Finding{f}}
}

func (s *Stack) read(resolver *cfn.Resolver, resource cfn.Resource, o *Options) {
	kind := kinds[resource.Type]
	document, findings := resolver.Convert(resource, kind.shape)
	for _, f := range findings {
		level := pipeline.LevelWarning
		if f.Level == cfn.Error {
			level = pipeline.LevelError
		}
		s.Findings = append(s.Findings, Finding{
			Level: level, Resource: f.Resource, Place: Place{Path: f.Path, Line: f.Line, Column: f.Column}, Message: f.Message,
		})
	}
	if document == nil {
		return
	}
	name, body := named(document.JSON, kind.name, resource.LogicalID)
	if o.StandIns {
		body = standInRole.ReplaceAll(body, []byte(`$1:"arn:aws:iam::123456789012:role/$2"`))
	}
	s.Definitions = append(s.Definitions, Definition{
		Kind: kind.kind, LogicalID: resource.LogicalID, Name: name, JSON: body, places: document.Places,
	})
}

// standInRole is a role of which only the name of a parameter is known.
var standInRole = regexp.MustCompile(`("roleArn"|"executionRoleArn"):"([A-Za-z0-9]+)"`)

// named returns the name in a body, which gets the fallback if it has none. The
// rest of the body stays as it is.
func named(body []byte, member, fallback string) (name string, withName []byte) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(body, &top); err != nil {
		return fallback, body
	}
	if err := json.Unmarshal(top[member], &name); err == nil && name != "" {
		return name, body
	}
	withName = append([]byte(`{"`+member+`":"`+fallback+`"`), ',')
	rest := strings.TrimSpace(string(body[1:]))
	if rest == "}" {
		withName = withName[:len(withName)-1]
	}
	return fallback, append(withName, rest...)
}

// Place returns where in the template a path of the definition stands, such as
// that of a pipeline.Finding. For what is missing it is the place of what should
// hold it.
func (d *Definition) Place(path string) Place {
	for {
		if place, ok := d.places[path]; ok {
			return Place(place)
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return Place(d.places[""])
		}
		path = path[:cut]
	}
}
