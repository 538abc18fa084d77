package cfn

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// call is a function that is being evaluated, at its place.
type call struct {
	*Resolver

	at    *node
	path  string
	depth int
}

// evaluate calls an intrinsic function of values.
func (c *call) evaluate(function string, argument *node) (*node, error) {
	switch function {
	case "Ref":
		return c.ref(argument)
	case "Fn::GetAtt":
		return c.getAtt(argument)
	case "Fn::Sub":
		return c.sub(argument)
	case "Fn::Join":
		return c.join(argument)
	case "Fn::Split":
		return c.split(argument)
	case "Fn::Select":
		return c.selectItem(argument)
	case "Fn::FindInMap":
		return c.findInMap(argument)
	case "Fn::If":
		return c.choose(argument)
	case "Fn::Base64":
		return c.base64(argument)
	case "Fn::ImportValue":
		return c.importValue(argument)
	case "Fn::Length":
		return c.length(argument)
	case "Fn::ToJsonString":
		return c.toJSONString(argument)
	}
	return nil, fail(c.at, c.path, "%s can't be resolved before a deployment", function)
}

// arguments returns the items of a list of least to most arguments.
func (c *call) arguments(n *node, least, most int) ([]*node, error) {
	if n.kind != list || len(n.items) < least || len(n.items) > most {
		want := strconv.Itoa(least)
		if most > least {
			want += " to " + strconv.Itoa(most)
		}
		return nil, fail(n, c.path, "want a list of %s arguments", want)
	}
	return n.items, nil
}

func (c *call) argText(n *node, i int) (string, error) {
	return c.text(n, fmt.Sprintf("%s[%d]", c.path, i), c.depth)
}

func (c *call) argTexts(n *node, i int) ([]string, error) {
	return c.texts(n, fmt.Sprintf("%s[%d]", c.path, i), c.depth)
}

func (c *call) ref(n *node) (*node, error) {
	if n.kind != text {
		return nil, fail(n, c.path, "want a name, got %s", n.kind)
	}
	return c.reference(n.text, n)
}

func (c *call) getAtt(n *node) (*node, error) {
	if n.kind == text {
		id, attribute, ok := strings.Cut(n.text, ".")
		if !ok {
			return nil, fail(n, c.path, "want LogicalId.Attribute, got %q", n.text)
		}
		return c.attribute(id, attribute, n)
	}
	arguments, err := c.arguments(n, 2, MaxDepth)
	if err != nil {
		return nil, err
	}
	var parts []string
	for i, argument := range arguments {
		part, err := c.argText(argument, i)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return c.attribute(parts[0], strings.Join(parts[1:], "."), n)
}

func (c *call) join(n *node) (*node, error) {
	arguments, err := c.arguments(n, 2, 2)
	if err != nil {
		return nil, err
	}
	separator, err := c.argText(arguments[0], 0)
	if err != nil {
		return nil, err
	}
	values, err := c.argTexts(arguments[1], 1)
	if err != nil {
		return nil, err
	}
	if err := c.spend(n, c.path, len(separator)*len(values)); err != nil {
		return nil, err
	}
	return textAt(n, strings.Join(values, separator)), nil
}

func (c *call) split(n *node) (*node, error) {
	arguments, err := c.arguments(n, 2, 2)
	if err != nil {
		return nil, err
	}
	separator, err := c.argText(arguments[0], 0)
	if err != nil {
		return nil, err
	}
	if separator == "" {
		return nil, fail(n, c.path, "the separator is empty")
	}
	value, err := c.argText(arguments[1], 1)
	if err != nil {
		return nil, err
	}
	return listOf(n, strings.Split(value, separator)), nil
}

func (c *call) selectItem(n *node) (*node, error) {
	arguments, err := c.arguments(n, 2, 2)
	if err != nil {
		return nil, err
	}
	index, err := c.argText(arguments[0], 0)
	if err != nil {
		return nil, err
	}
	from, err := c.reduce(arguments[1], c.path+"[1]", c.depth)
	if err != nil {
		return nil, err
	}
	if from == nil || from.kind != list {
		return nil, fail(n, c.path+"[1]", "want a list")
	}
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i >= len(from.items) {
		return nil, fail(n, c.path+"[0]", "index %q is not in a list of %d", index, len(from.items))
	}
	return from.items[i], nil
}

func (c *call) findInMap(n *node) (*node, error) {
	arguments, err := c.arguments(n, 3, 4)
	if err != nil {
		return nil, err
	}
	found := c.template.root.get("Mappings")
	var keys []string
	for i, argument := range arguments[:3] {
		key, err := c.argText(argument, i)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
		found = found.get(key)
	}
	if found == nil && len(arguments) == 4 {
		found = arguments[3].get("DefaultValue")
	}
	if found == nil {
		return nil, fail(n, c.path, "no mapping %s", strings.Join(keys, "."))
	}
	return found, nil
}

func (c *call) choose(n *node) (*node, error) {
	arguments, err := c.arguments(n, 3, 3)
	if err != nil {
		return nil, err
	}
	name, err := c.argText(arguments[0], 0)
	if err != nil {
		return nil, err
	}
	holds, err := c.condition(name, arguments[0], c.path+"[0]", c.depth)
	if err != nil {
		return nil, err
	}
	if holds {
		return arguments[1], nil
	}
	return arguments[2], nil
}

func (c *call) base64(n *node) (*node, error) {
	value, err := c.text(n, c.path, c.depth)
	if err != nil {
		return nil, err
	}
	return textAt(n, base64.StdEncoding.EncodeToString([]byte(value))), nil
}

func (c *call) importValue(n *node) (*node, error) {
	name, err := c.text(n, c.path, c.depth)
	if err != nil {
		return nil, err
	}
	if value, ok := c.options.Imports[name]; ok {
		return textAt(n, value), nil
	}
	c.note(Warning, n, c.path, "the export %q of another stack is not known: its name stands for it", name)
	return textAt(n, name), nil
}

func (c *call) length(n *node) (*node, error) {
	v, err := c.reduce(n, c.path, c.depth)
	if err != nil {
		return nil, err
	}
	if v == nil || v.kind != list {
		return nil, fail(n, c.path, "want a list")
	}
	return &node{kind: number, text: strconv.Itoa(len(v.items)), line: n.line, column: n.column}, nil
}

func (c *call) toJSONString(n *node) (*node, error) {
	w := writer{Resolver: c.Resolver}
	if err := w.verbatim(n, c.path, c.depth); err != nil {
		return nil, err
	}
	return textAt(n, string(w.json)), nil
}

// sub replaces ${Name} and ${Name.Attribute} in a text.
func (c *call) sub(n *node) (*node, error) {
	template, variables := n, (*node)(nil)
	if n.kind == list {
		arguments, err := c.arguments(n, 2, 2)
		if err != nil {
			return nil, err
		}
		template, variables = arguments[0], arguments[1]
		if variables.kind != mapping {
			return nil, fail(variables, c.path+"[1]", "want an object, got %s", variables.kind)
		}
	}
	if template.kind != text {
		return nil, fail(template, c.path, "want a string, got %s", template.kind)
	}
	var out strings.Builder
	for rest := template.text; ; {
		before, after, found := strings.Cut(rest, "${")
		name, next, closed := strings.Cut(after, "}")
		if !found || !closed {
			out.WriteString(rest)
			return textAt(template, out.String()), nil
		}
		out.WriteString(before)
		value, err := c.substitute(name, variables, template)
		if err != nil {
			return nil, err
		}
		if err := c.spend(n, c.path, len(value)); err != nil {
			return nil, err
		}
		out.WriteString(value)
		rest = next
	}
}

func (c *call) substitute(name string, variables, at *node) (string, error) {
	if literal, ok := strings.CutPrefix(name, "!"); ok {
		return "${" + literal + "}", nil
	}
	if value := variables.get(name); value != nil {
		return c.text(value, c.path+"[1]."+name, c.depth)
	}
	if !isReferenceName(name) {
		return "", fail(at, c.path, "${%s} is no reference of Fn::Sub; write ${!%s} to keep it for the expression", name, name)
	}
	var value *node
	var err error
	if id, attribute, ok := strings.Cut(name, "."); ok {
		value, err = c.attribute(id, attribute, at)
	} else {
		value, err = c.reference(name, at)
	}
	if err != nil {
		return "", err
	}
	if value == nil {
		return "", fail(at, c.path, "want a string, got AWS::NoValue")
	}
	return c.text(value, c.path, c.depth)
}

func isReferenceName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '.' && c != ':' && c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
