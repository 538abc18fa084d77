package cfn

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Template is a parsed template. It does not change and is safe for concurrent
// use.
type Template struct {
	root      *node
	resources *node
	alone     bool // it is a resource without a template
}

// Resource is a resource that a template declares.
type Resource struct {
	LogicalID string
	Type      string
	// Line and Column of the logical id.
	Line, Column int

	path  string // in the template, empty if the resource stands alone
	body  *node
	again bool // an earlier resource had the same logical id
}

const resources = "Resources"

// Parse reads a template. The error is a [*SyntaxError].
func Parse(data []byte) (*Template, error) {
	if len(data) > MaxSize {
		return nil, &SyntaxError{Message: fmt.Sprintf("%d bytes, want at most %d", len(data), MaxSize)}
	}
	root, err := parse(data, true)
	if err != nil {
		return nil, err
	}
	t := &Template{root: root, resources: root.get(resources)}
	if t.resources == nil || t.resources.kind != mapping {
		return nil, &SyntaxError{Line: root.line, Column: root.column, Message: "no template: want an object with Resources"}
	}
	for _, m := range t.resources.members {
		if !isLogicalID(m.name) {
			return nil, &SyntaxError{Line: m.line, Column: m.column, Message: fmt.Sprintf("%q is no logical id, want letters and digits; macros are not run", m.name)}
		}
		if m.value.kind != mapping {
			return nil, &SyntaxError{Line: m.line, Column: m.column, Message: fmt.Sprintf("resource %q: want an object, got %s", m.name, m.value.kind)}
		}
	}
	return t, nil
}

// ParseAlone reads a resource that stands alone, as the user guide of
// CloudFormation shows them, if it is of one of the types. Its logical id is what
// follows the last colon of the type. It is no such resource if the template is
// nil.
func ParseAlone(data []byte, types ...string) *Template {
	if len(data) > MaxSize {
		return nil
	}
	root, err := parse(data, true)
	if err != nil || root.kind != mapping || root.get(resources) != nil || !slices.Contains(types, typeOf(root)) {
		return nil
	}
	id := typeOf(root)
	id = id[strings.LastIndexByte(id, ':')+1:]
	only := member{name: id, value: root, line: root.line, column: root.column}
	return &Template{root: &node{kind: mapping}, resources: &node{kind: mapping, members: []member{only}}, alone: true}
}

// isLogicalID reports whether a name is one by CloudFormation's rules: 1 to 255
// letters and digits.
func isLogicalID(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name != "" && len(name) <= 255
}

// parse reads JSON, or YAML 1.1 or 1.2.
func parse(data []byte, old bool) (*node, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		return parseJSON(data)
	}
	return parseYAML(data, old)
}

// IsTemplate reports whether the text has the Resources of a template. It
// tells nothing of whether the template is right.
func IsTemplate(data []byte) bool {
	if len(data) > MaxSize {
		return false
	}
	root, err := parse(data, true)
	return err == nil && root.get(resources) != nil
}

// Resources returns the resources of these types, in order.
func (t *Template) Resources(types ...string) []Resource {
	var found []Resource
	for _, m := range t.resources.members {
		if r := t.describe(m); slices.Contains(types, r.Type) {
			found = append(found, r)
		}
	}
	return found
}

func (t *Template) describe(m member) Resource {
	r := Resource{LogicalID: m.name, Type: typeOf(m.value), Line: m.line, Column: m.column, path: resources + "." + m.name, body: m.value, again: m.again}
	if t.alone {
		r.path = ""
	}
	return r
}

func typeOf(resource *node) string {
	if kind := resource.get("Type"); kind != nil {
		return kind.text
	}
	return ""
}

// resource returns the resource of that logical id.
func (t *Template) resource(logicalID string) (Resource, bool) {
	for _, m := range t.resources.members {
		if m.name == logicalID {
			return t.describe(m), true
		}
	}
	return Resource{}, false
}
