package detector

import "slices"

// Input is the declaration of an input: which attributes its messages have.
type Input struct {
	Name        string
	Description string
	// Attributes are dotted paths, names with blanks in backticks.
	Attributes []string
}

// maxAttributes is the service's quota of attributes per input.
const maxAttributes = 200

// LoadInput reads a declaration: the body of CreateInput, or the answer of
// DescribeInput. The error is a [*ModelError].
func LoadInput(data []byte) (*Input, error) {
	r := newReader(&Options{})
	members, ok := parseDocument(data, &r.findings)
	if !ok {
		return nil, r.error()
	}
	in := &Input{}
	r.input(r.object("", members), in)
	if r.findings.errors > 0 {
		return nil, r.error()
	}
	return in, nil
}

func (r *reader) input(top *object, in *Input) {
	o, configuration := top, top
	if top.has("input") {
		if o = top.child("input"); o == nil {
			return
		}
		if configuration = o.child("inputConfiguration"); configuration == nil {
			o.missing("inputConfiguration")
			return
		}
	}
	in.Name, in.Description = configuration.name("inputName"), configuration.text("inputDescription")
	if !isVariableName(in.Name) && in.Name != "" {
		r.findings.add(LevelError, Structure, configuration.at("inputName"), "%q is no input name, want letters, digits and '_' after a letter", in.Name)
	}
	definition := o.child("inputDefinition")
	if definition == nil {
		o.missing("inputDefinition")
		return
	}
	for _, attribute := range definition.children("attributes") {
		path := attribute.required("jsonPath")
		if _, ok := splitAttribute(path); !ok && path != "" {
			r.findings.add(LevelError, Structure, attribute.at("jsonPath"), "%q is no attribute path such as device.id", path)
		}
		in.Attributes = append(in.Attributes, path)
	}
	if len(in.Attributes) == 0 || len(in.Attributes) > maxAttributes {
		r.findings.add(LevelWarning, ServiceLimits, definition.at("attributes"), "input declares %d attributes, want 1 to %d", len(in.Attributes), maxAttributes)
	}
	slices.Sort(in.Attributes)
}
