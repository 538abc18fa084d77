package cfnalerts

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/internal/cfn"
)

// The types of resources that are read.
const (
	TypeDetectorModel = "AWS::IoTEvents::DetectorModel"
	TypeAlarmModel    = "AWS::IoTEvents::AlarmModel"
	TypeInput         = "AWS::IoTEvents::Input"
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
	// StandIns: the name of a parameter without value, unless it is a number
	// or a list, and of what the template does not declare stands for it, with
	// a warning. Default: it is an error.
	StandIns bool
	// Models are the logical ids of the models to read. Nil means all.
	Models []string
}

// Stack is what a template declares.
type Stack struct {
	DetectorModels []Model
	AlarmModels    []Model
	Inputs         []Input
	// Findings are warnings.
	Findings []Finding
}

// Model is a detector model or an alarm model.
type Model struct {
	LogicalID string
	// Name of the model: the logical id if the template gives none.
	Name string
	// JSON is the body of CreateDetectorModel or CreateAlarmModel.
	JSON []byte

	places map[string]cfn.Place
}

// Input is an input.
type Input struct {
	LogicalID string
	// Name of the input: the logical id if the template gives none.
	Name string
	// Attributes are the declared paths.
	Attributes []string
	// JSON is the body of CreateInput.
	JSON []byte
}

// IsTemplate reports whether the text looks like a template: JSON or YAML with
// Resources.
func IsTemplate(data []byte) bool { return cfn.IsTemplate(data) }

// Read reads a template. The error is a [*TemplateError] with everything that
// was found.
func Read(data []byte, optFns ...func(*Options)) (*Stack, error) {
	var o Options
	for _, fn := range optFns {
		fn(&o)
	}
	template, err := cfn.Parse(data)
	if err != nil {
		return nil, syntaxError(err)
	}
	r := reader{resolver: template.Resolver(cfn.Options{
		Parameters: o.Parameters, Values: o.Values, Imports: o.Imports,
		Region: o.Region, AccountID: o.AccountID, StackName: o.StackName, NotificationARNs: o.NotificationARNs, StandIns: o.StandIns,
	})}
	for _, resource := range template.Resources(TypeDetectorModel, TypeAlarmModel, TypeInput) {
		if resource.Type != TypeInput && o.Models != nil && !slices.Contains(o.Models, resource.LogicalID) {
			continue
		}
		r.read(resource)
	}
	if slices.ContainsFunc(r.stack.Findings, func(f Finding) bool { return f.Level == detector.LevelError }) {
		return nil, &TemplateError{Findings: r.stack.Findings}
	}
	return &r.stack, nil
}

// ReadBody reads a model or an input that is written as YAML with the names of
// the service's API: a request, an answer as the AWS CLI prints it with
// --output yaml, or a bare definition. Scalars are read by their places, as in
// a template, but yes and 012 are strings as they are. The result is what detector.Load or detector.LoadInput reads; its
// LogicalID and Name are empty. The error is a [*TemplateError].
func ReadBody(data []byte) (*Model, error) {
	document, findings, err := cfn.Body(data, body)
	if err != nil {
		return nil, syntaxError(err)
	}
	if document == nil {
		return nil, &TemplateError{Findings: converted(findings)}
	}
	return &Model{JSON: document.JSON, places: document.Places}, nil
}

func syntaxError(err error) error {
	f := Finding{Level: detector.LevelError, Message: err.Error()}
	if syntax, ok := errors.AsType[*cfn.SyntaxError](err); ok {
		f.Place, f.Message = Place{Line: syntax.Line, Column: syntax.Column}, syntax.Message
	}
	return &TemplateError{Findings: []Finding{f}}
}

// reader reads the resources of one template.
type reader struct {
	resolver *cfn.Resolver
	stack    Stack
}

func (r *reader) read(resource cfn.Resource) {
	kind := kinds[resource.Type]
	document, findings := r.resolver.Convert(resource, kind.shape)
	r.stack.Findings = append(r.stack.Findings, converted(findings)...)
	if document == nil {
		return
	}
	name, body := named(document.JSON, kind.name, resource.LogicalID)
	switch resource.Type {
	case TypeInput:
		r.stack.Inputs = append(r.stack.Inputs, Input{
			LogicalID: resource.LogicalID, Name: name, Attributes: attributes(body), JSON: body,
		})
	case TypeAlarmModel:
		r.stack.AlarmModels = append(r.stack.AlarmModels, Model{
			LogicalID: resource.LogicalID, Name: name, JSON: body, places: document.Places,
		})
	default:
		r.stack.DetectorModels = append(r.stack.DetectorModels, Model{
			LogicalID: resource.LogicalID, Name: name, JSON: body, places: document.Places,
		})
	}
}

func converted(findings []cfn.Finding) []Finding {
	var all []Finding
	for _, f := range findings {
		level := detector.LevelWarning
		if f.Level == cfn.Error {
			level = detector.LevelError
		}
		all = append(all, Finding{
			Level: level, Resource: f.Resource, Place: Place{Path: f.Path, Line: f.Line, Column: f.Column}, Message: f.Message,
		})
	}
	return all
}

// named returns the name in a body, which gets the fallback if it has none.
func named(body []byte, member, fallback string) (name string, withName []byte) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(body, &top); err != nil {
		return fallback, body
	}
	if err := json.Unmarshal(top[member], &name); err == nil && name != "" {
		return name, body
	}
	quoted, err := json.Marshal(fallback)
	if err != nil {
		return fallback, body
	}
	top[member] = quoted
	withName, err = json.Marshal(top)
	if err != nil {
		return fallback, body
	}
	return fallback, withName
}

func attributes(body []byte) []string {
	var input struct {
		InputDefinition struct {
			Attributes []struct{ JSONPath string }
		}
	}
	if err := json.Unmarshal(body, &input); err != nil {
		return nil
	}
	var paths []string
	for _, attribute := range input.InputDefinition.Attributes {
		paths = append(paths, attribute.JSONPath)
	}
	return paths
}

// Attributes returns the declared attributes of the inputs by the input's
// name, for detector.Options. It is nil if the template declares no input.
func (s *Stack) Attributes() map[string][]string {
	if len(s.Inputs) == 0 {
		return nil
	}
	declared := map[string][]string{}
	for _, input := range s.Inputs {
		declared[input.Name] = input.Attributes
	}
	return declared
}

// Place returns where in the template a path of the model stands, such as that
// of a detector.Finding: a path in the body, or within the definition of a
// detector model. For what is missing it is the place of what should hold it.
func (m *Model) Place(path string) Place {
	for _, prefix := range []string{"detectorModelDefinition", "detectorModel.detectorModelDefinition", ""} {
		full := strings.Trim(prefix+"."+path, ".")
		for {
			if place, ok := m.places[full]; ok && (full != prefix || prefix == "") {
				return Place(place)
			}
			cut := strings.LastIndexAny(full, ".[")
			if cut < 0 {
				break
			}
			full = full[:cut]
		}
	}
	return Place(m.places[""])
}
