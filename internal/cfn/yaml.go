package cfn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const tooDeep = "nests too deep"

// parseYAML reads one YAML document; by YAML 1.1, as CloudFormation does, or by
// the core schema of YAML 1.2.
func parseYAML(data []byte, old bool) (*node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil {
		return nil, yamlError(err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, yamlError(err)
		}
		return nil, &SyntaxError{Line: second.Line, Column: second.Column, Message: "more than one YAML document"}
	}
	r := &yamlReader{anchored: map[*yaml.Node]*node{}, old: old}
	return r.value(&document, 0)
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// yamlError gives an error of the YAML library a place.
func yamlError(err error) error {
	if errors.Is(err, io.EOF) {
		return &SyntaxError{Message: "no document"}
	}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	found := yamlLine.FindStringSubmatch(message)
	if found == nil {
		return &SyntaxError{Message: message}
	}
	line, _ := strconv.Atoi(found[1])
	return &SyntaxError{Line: line, Column: 1, Message: strings.Replace(message, found[0], "", 1)}
}

// yamlReader turns the nodes of the YAML library into those of this package.
type yamlReader struct {
	// anchored holds nodes with an anchor; nil while one is being read.
	anchored map[*yaml.Node]*node
	old      bool // YAML 1.1
}

func (r *yamlReader) value(y *yaml.Node, depth int) (*node, error) {
	if depth > MaxDepth {
		return nil, refuse(y, tooDeep)
	}
	switch y.Kind {
	case yaml.DocumentNode:
		return r.value(y.Content[0], depth)
	case yaml.AliasNode:
		n := r.anchored[y.Alias]
		if n == nil {
			return nil, refuse(y, fmt.Sprintf("alias %q contains itself", y.Value))
		}
		return n, nil
	}
	if y.Anchor != "" {
		r.anchored[y] = nil
	}
	n, err := r.tagged(y, depth)
	if err == nil && y.Anchor != "" {
		r.anchored[y] = n
	}
	return n, err
}

func refuse(y *yaml.Node, message string) error {
	return &SyntaxError{Line: y.Line, Column: y.Column, Message: message}
}

// tagged reads a node whose tag may be an intrinsic function.
func (r *yamlReader) tagged(y *yaml.Node, depth int) (*node, error) {
	tag := y.Tag
	if strings.HasPrefix(tag, "!!") || tag == "" || tag == "!" {
		return r.plain(y, depth)
	}
	name, isTag := strings.CutPrefix(tag, "!")
	function, known := tags[name]
	if !isTag || !known {
		return nil, refuse(y, fmt.Sprintf("unknown tag %s", tag))
	}
	untagged := *y
	untagged.Tag = ""
	if y.Kind == yaml.ScalarNode {
		untagged.Tag = "!!str"
	}
	argument, err := r.plain(&untagged, depth+1)
	if err != nil {
		return nil, err
	}
	call := &node{kind: mapping, line: y.Line, column: y.Column}
	call.members = []member{{name: function, value: argument, line: y.Line, column: y.Column}}
	return call, nil
}

// tags are the short forms of the intrinsic functions.
var tags = map[string]string{
	"Ref": "Ref", "Condition": "Condition",
	"And": "Fn::And", "Base64": "Fn::Base64", "Cidr": "Fn::Cidr", "Equals": "Fn::Equals",
	"FindInMap": "Fn::FindInMap", "ForEach": "Fn::ForEach", "GetAZs": "Fn::GetAZs", "GetAtt": "Fn::GetAtt", "If": "Fn::If",
	"ImportValue": "Fn::ImportValue", "Join": "Fn::Join", "Length": "Fn::Length", "Not": "Fn::Not",
	"Or": "Fn::Or", "Select": "Fn::Select", "Split": "Fn::Split", "Sub": "Fn::Sub",
	"ToJsonString": "Fn::ToJsonString", "Transform": "Fn::Transform",
}

func (r *yamlReader) plain(y *yaml.Node, depth int) (*node, error) {
	n := &node{line: y.Line, column: y.Column}
	switch y.Kind {
	case yaml.SequenceNode:
		n.kind = list
		for _, child := range y.Content {
			item, err := r.value(child, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		return n, nil
	case yaml.MappingNode:
		n.kind = mapping
		return n, r.object(y, n, depth)
	}
	return n, r.scalar(y, n)
}

func (r *yamlReader) object(y *yaml.Node, n *node, depth int) error {
	var o object
	var merged []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return refuse(key, "a key must be a string")
		}
		value, err := r.value(y.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		if key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		o.add(member{name: key.Value, value: value, line: key.Line, column: key.Column})
	}
	err := o.merge(n, merged)
	n.members = o.members
	return err
}

// maxMembers bounds what merge keys may add up to in one mapping.
const maxMembers = 10_000

// merge adds the members of the mappings under <<, which those of the mapping
// itself and of earlier ones hide.
func (o *object) merge(n *node, sources []*node) error {
	for _, source := range sources {
		parts := []*node{source}
		if source.kind == list {
			parts = source.items
		}
		for _, part := range parts {
			if part.kind != mapping {
				return &SyntaxError{Line: part.line, Column: part.column, Message: "want an object to merge, got " + part.kind.String()}
			}
			for _, m := range part.members {
				if !o.has(m.name) {
					o.add(m)
				}
			}
			if len(o.members) > maxMembers {
				return &SyntaxError{Line: n.line, Column: n.column, Message: "merges too much"}
			}
		}
	}
	return nil
}

// scalar reads a scalar by its tag, which the library resolves by YAML 1.2 in
// the main, and by what YAML 1.1 says of unquoted text.
func (r *yamlReader) scalar(y *yaml.Node, n *node) error {
	n.text = y.Value
	switch y.Tag {
	case "!!null":
		n.kind, n.text = null, ""
	case "!!bool":
		n.kind, n.text = boolean, strings.ToLower(y.Value)
	case "!!int", "!!float":
		n.kind = number
		if other, ok := otherNumber(y.Value); ok && r.old {
			n.odd = "the number " + other
		}
	case "!!str", "!!timestamp", "!!merge", "!", "":
		n.kind = text
		if r.old && y.Tag != "!" && y.Style == 0 {
			plainText(n)
		}
	default:
		return refuse(y, fmt.Sprintf("unsupported tag %s", y.Tag))
	}
	return nil
}

// plainText finds the Booleans and numbers of YAML 1.1 that YAML 1.2 has no
// longer.
func plainText(n *node) {
	switch n.text {
	case "yes", "Yes", "YES", "on", "On", "ON":
		n.kind, n.odd, n.text = boolean, "the Boolean true", "true"
	case "no", "No", "NO", "off", "Off", "OFF":
		n.kind, n.odd, n.text = boolean, "the Boolean false", "false"
	default:
		if sexagesimal.MatchString(n.text) {
			n.odd = "a number with the base 60"
		}
	}
}

var sexagesimal = regexp.MustCompile(`^[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)

// otherNumber returns how a number is written plainly if YAML 1.1 reads it by
// another base or with underscores.
func otherNumber(written string) (string, bool) {
	digits := strings.ReplaceAll(written, "_", "")
	unsigned := strings.TrimLeft(digits, "+-")
	if digits == written && (len(unsigned) < 2 || unsigned[0] != '0' || unsigned[1] == '.') {
		return "", false
	}
	if value, err := strconv.ParseInt(digits, 0, 64); err == nil {
		return strconv.FormatInt(value, 10), true
	}
	return digits, digits != written
}
