package cfn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Place is where in a template something stands.
type Place struct {
	Path         string
	Line, Column int
}

// Document is a resource in the JSON of the service's API.
type Document struct {
	JSON []byte
	// Places are those of all members and items by their path in JSON, such
	// as "detectorModelDefinition.states[0].stateName".
	Places map[string]Place
}

// Convert writes the properties of a resource, which have the shape of an
// object. The document is nil if a finding is an error, and if the condition of
// the resource does not hold.
func (r *Resolver) Convert(resource Resource, shape Shape) (*Document, []Finding) {
	r.resource, r.findings, r.lenient = resource.LogicalID, nil, false
	path := resource.path
	created, err := r.created(resource)
	if err != nil {
		r.report(err)
	}
	if !created {
		return nil, r.findings
	}
	r.repeated(&member{name: resource.LogicalID, line: resource.Line, column: resource.Column, again: resource.again}, resources)
	for i := range resource.body.members {
		r.repeated(&resource.body.members[i], path)
	}
	path = strings.TrimPrefix(path+".Properties", ".")
	properties := resource.body.get("Properties")
	if properties == nil {
		properties = &node{line: resource.Line, column: resource.Column}
	}
	w := writer{Resolver: r, places: map[string]Place{}}
	written, err := w.shaped(properties, shape, path, "", 0)
	switch {
	case err != nil:
		r.report(err)
	case !written && !r.failed() && shape.bare:
		w.json, w.places[""] = []byte("{}"), Place{Path: path, Line: properties.line, Column: properties.column}
	case !written && !r.failed():
		r.note(Error, properties, path, "resource %q has no Properties", resource.LogicalID)
	}
	if r.failed() {
		return nil, r.findings
	}
	return &Document{JSON: w.json, Places: w.places}, r.findings
}

// repeated notes a member that an earlier one of the same name gave way to.
func (r *Resolver) repeated(m *member, path string) {
	if m.again {
		r.note(Warning, &node{line: m.line, column: m.column}, strings.TrimPrefix(path+"."+m.name, "."), "duplicate key %q; only this one counts", m.name)
	}
}

func (r *Resolver) failed() bool {
	return slices.ContainsFunc(r.findings, func(f Finding) bool { return f.Level == Error })
}

// Body reads a text, JSON or YAML, that is no template but has a shape of its
// own, with the names of the API. There are no functions in it, and its YAML is
// that of version 1.2, in which yes is a string. The error is a [*SyntaxError];
// the document is nil if a finding is an error.
func Body(data []byte, shape Shape) (*Document, []Finding, error) {
	if len(data) > MaxSize {
		return nil, nil, &SyntaxError{Message: fmt.Sprintf("%d bytes, want at most %d", len(data), MaxSize)}
	}
	root, err := parse(data, false)
	if err != nil {
		return nil, nil, err
	}
	if root.kind != mapping {
		return nil, nil, &SyntaxError{Line: root.line, Column: root.column, Message: "want an object, got " + root.kind.String()}
	}
	r := (&Template{root: root}).Resolver(Options{})
	r.plain = true
	w := writer{Resolver: r, places: map[string]Place{}}
	if _, err := w.shaped(root, shape, "", "", 0); err != nil {
		r.report(err)
	}
	if r.failed() {
		return nil, r.findings, nil
	}
	return &Document{JSON: w.json, Places: w.places}, r.findings, nil
}

// report adds what went wrong as a finding.
func (r *Resolver) report(err error) {
	if f, ok := errors.AsType[*failure](err); ok {
		r.note(Error, f.at, f.path, "%s", f.message)
	}
}

// writer writes values as JSON.
type writer struct {
	*Resolver

	json   []byte
	places map[string]Place
}

// shaped writes a value by its shape, and reports whether there is one: null
// and AWS::NoValue are none. What can't be resolved is reported, so that all
// of a resource is seen; an error ends the conversion.
func (w *writer) shaped(n *node, shape Shape, path, name string, depth int) (bool, error) {
	if depth > MaxDepth {
		return false, fail(n, path, tooDeep)
	}
	if shape.unused && !w.lenient {
		w.lenient = true
		defer func() { w.lenient = false }()
	}
	v, err := w.reduce(n, path, depth)
	if err != nil {
		if w.budget < 0 {
			return false, err
		}
		w.report(err)
		return false, nil
	}
	if v == nil || v.kind == null {
		return false, nil
	}
	w.places[name] = Place{Path: path, Line: v.line, Column: v.column}
	switch shape.kind {
	case objectShape:
		return w.object(v, shape, path, name, depth)
	case listShape:
		return w.list(v, *shape.item, path, name, depth)
	case verbatim:
		if err := w.verbatim(v, path, depth); err != nil {
			w.report(err)
			return false, nil
		}
		return true, nil
	}
	return w.scalar(v, shape, path), nil
}

func (w *writer) mismatch(n *node, path, want string) bool {
	w.note(Error, n, path, "want %s, got %s", want, n.kind)
	return false
}

func (w *writer) object(n *node, shape Shape, path, name string, depth int) (bool, error) {
	if n.kind != mapping {
		return w.mismatch(n, path, "an object"), nil
	}
	w.json = append(w.json, '{')
	first := true
	for _, m := range n.members {
		w.repeated(&m, path)
		apiName, member := w.member(m, shape, path)
		before := len(w.json)
		if !first {
			w.json = append(w.json, ',')
		}
		w.json = appendString(w.json, apiName)
		w.json = append(w.json, ':')
		inner := apiName
		if name != "" {
			inner = name + "." + apiName
		}
		written, err := w.shaped(m.value, member, strings.TrimPrefix(path+"."+m.name, "."), inner, depth+1)
		if err != nil {
			return false, err
		}
		if !written {
			w.json = w.json[:before]
			continue
		}
		first = false
	}
	w.json = append(w.json, '}')
	return true, nil
}

// member returns the API's name of a property and its shape. An unknown
// property is written as it is, for its reader to judge.
func (w *writer) member(m member, shape Shape, path string) (string, Shape) {
	member, known := shape.members[m.name]
	if known {
		return lowerFirst(m.name), member
	}
	for _, name := range slices.Sorted(maps.Keys(shape.members)) {
		if strings.EqualFold(name, m.name) {
			w.note(Warning, &node{line: m.line, column: m.column}, path+"."+m.name, "CloudFormation calls this property %q", name)
			return lowerFirst(name), shape.members[name]
		}
	}
	return lowerFirst(m.name), Any
}

func lowerFirst(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return strings.ToLower(string(first)) + name[size:]
}

func (w *writer) list(n *node, item Shape, path, name string, depth int) (bool, error) {
	if n.kind != list {
		return w.mismatch(n, path, "a list"), nil
	}
	w.json = append(w.json, '[')
	index := 0
	for i, value := range n.items {
		before := len(w.json)
		if index > 0 {
			w.json = append(w.json, ',')
		}
		written, err := w.shaped(value, item, fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("%s[%d]", name, index), depth+1)
		if err != nil {
			return false, err
		}
		if !written {
			w.json = w.json[:before]
			continue
		}
		index++
	}
	w.json = append(w.json, ']')
	return true, nil
}

func (w *writer) scalar(n *node, shape Shape, path string) bool {
	if !n.isScalar() {
		return w.mismatch(n, path, scalarNames[shape.kind])
	}
	if shape.kind == textShape {
		value := w.scalarText(n, path)
		if strings.Contains(value, "{{resolve:") {
			w.note(Warning, n, path, "the dynamic reference in %q is not resolved", value)
		}
		w.json = appendString(w.json, value)
		return true
	}
	value, ok := coerce(n, shape.kind)
	if !ok {
		w.note(Error, n, path, "want %s, got %q", scalarNames[shape.kind], n.text)
		return false
	}
	w.json = append(w.json, value...)
	return true
}

var scalarNames = map[shapeKind]string{
	textShape: "a string", integerShape: "a whole number", numberShape: "a number", booleanShape: "a Boolean",
}

// coerce returns the JSON of a scalar in the place of a number or Boolean,
// which may be written as a string.
func coerce(n *node, kind shapeKind) (string, bool) {
	switch kind {
	case booleanShape:
		value := strings.ToLower(n.text)
		return value, value == "true" || value == "false"
	case integerShape:
		if n.odd != "" {
			return "", false
		}
		value, err := strconv.ParseInt(n.text, 10, 64)
		return strconv.FormatInt(value, 10), err == nil
	}
	return n.text, n.odd == "" && json.Valid([]byte(n.text)) && n.kind != boolean && n.text[0] != '"'
}

// verbatim writes a value with its names and types as they are written.
func (w *writer) verbatim(n *node, path string, depth int) error {
	v, err := w.reduce(n, path, depth)
	if err != nil {
		return err
	}
	switch {
	case v == nil || v.kind == null:
		w.json = append(w.json, "null"...)
	case v.kind == boolean:
		w.json = append(w.json, v.text...)
	case v.kind == number && json.Valid([]byte(v.text)):
		w.json = append(w.json, v.text...)
	case v.kind == list:
		return w.verbatimList(v, path, depth)
	case v.kind == mapping:
		return w.verbatimObject(v, path, depth)
	default:
		w.json = appendString(w.json, w.scalarText(v, path))
	}
	return nil
}

func (w *writer) verbatimList(n *node, path string, depth int) error {
	w.json = append(w.json, '[')
	for i, item := range n.items {
		if i > 0 {
			w.json = append(w.json, ',')
		}
		if err := w.verbatim(item, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
			return err
		}
	}
	w.json = append(w.json, ']')
	return nil
}

func (w *writer) verbatimObject(n *node, path string, depth int) error {
	w.json = append(w.json, '{')
	for i, m := range n.members {
		if i > 0 {
			w.json = append(w.json, ',')
		}
		w.repeated(&m, path)
		w.json = append(appendString(w.json, m.name), ':')
		if err := w.verbatim(m.value, path+"."+m.name, depth+1); err != nil {
			return err
		}
	}
	w.json = append(w.json, '}')
	return nil
}

// appendString appends text as a JSON string; what is no UTF-8 becomes U+FFFD.
func appendString(b []byte, value string) []byte {
	buffer := bytes.NewBuffer(b)
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return append(b, `""`...) // a string always encodes
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}
