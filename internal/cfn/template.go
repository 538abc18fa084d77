package cfn

import (
	"bytes"
	"fmt"
	"slices"
)

// Template is a parsed template. It does not change and is safe for concurrent
// use.
type Template struct {
	root      *node
	resources *node
}

// Resource is a resource that a template declares.
type Resource struct {
	LogicalID string
	Type      string
	// Line and Column of the logical id.
	Line, Column int

	body  *node
	again bool // an earlier resource had the same logical id
}

// Parse reads a template. The error is a [*SyntaxError].
func Parse(data []byte) (*Template, error) {
	if len(data) > MaxSize {
		return nil, &SyntaxError{Message: fmt.Sprintf("%d bytes, want at most %d", len(data), MaxSize)}
	}
	root, err := parse(data, true)
	if err != nil {
		return nil, err
	}
	t := &Template{root: root, resources: root.get("Resources")}
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
	return err == nil && root.get("Resources") != nil
}

// Resources returns the resources of these types, in order.
func (t *Template) Resources(types ...string) []Resource {
	var found []Resource
	for _, m := range t.resources.members {
		if r := resource(m); slices.Contains(types, r.Type) {
			found = append(found, r)
		}
	}
	return found
}

func resource(m member) Resource {
	r := Resource{LogicalID: m.name, Line: m.line, Column: m.column, body: m.value, again: m.again}
	if kind := m.value.get("Type"); kind != nil {
		r.Type = kind.text
	}
	return r
}

// resource returns the resource of that logical id.
func (t *Template) resource(logicalID string) (Resource, bool) {
	for _, m := range t.resources.members {
		if m.name == logicalID {
			return resource(m), true
		}
	}
	return Resource{}, false
}
