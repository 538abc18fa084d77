package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

// node is a value of a definition, with its members in order.
type node struct {
	kind     Kind // Null, Boolean, Decimal for all numbers, String, Array, Object
	truth    bool
	text     string // of a number or String
	names    []string
	children []*node
}

// maxDefinitionDepth is how deep a definition may nest.
const maxDefinitionDepth = 64

// parseDefinition reads JSON text; nil, with a finding, if it is none.
func parseDefinition(data []byte, f *findings) *node {
	if len(data) > MaxDefinition {
		f.fail("", "definition is %d bytes long, want at most %d", len(data), MaxDefinition)
		return nil
	}
	start := jsonscan.Space(data, 0)
	end := jsonscan.Value(data, start, maxDefinitionDepth)
	if end < 0 {
		f.document(data, -1-end, "not JSON, or nests too deep")
		return nil
	}
	if rest := jsonscan.Space(data, end); rest < len(data) {
		f.document(data, rest, "data after the JSON value")
		return nil
	}
	return parseNode(data[start:end])
}

// parseNode reads JSON that has been checked.
func parseNode(raw []byte) *node {
	switch raw[0] {
	case '{':
		n := &node{kind: Object}
		for m := range members(raw) {
			n.names = append(n.names, string(m.name))
			n.children = append(n.children, parseNode(raw[m.start:m.end]))
		}
		return n
	case '[':
		n := &node{kind: Array}
		for element := range elements(raw) {
			n.children = append(n.children, parseNode(element))
		}
		return n
	case '"':
		return &node{kind: String, text: string(jsonscan.AppendText(nil, raw[1:len(raw)-1]))}
	case 't', 'f':
		return &node{kind: Boolean, truth: raw[0] == 't'}
	case 'n':
		return &node{kind: Null}
	}
	return &node{kind: Decimal, text: string(raw)}
}

var kindNames = map[Kind]string{Null: "null", Boolean: "a Boolean", Decimal: "a number", String: "a string", Array: "an array", Object: "an object"}

// object is an object of a definition, with its place.
type object struct {
	*findings

	path  string
	node  *node
	exact bool // names are camelCase only
	known map[string]bool
}

func (o *object) within(path string, n *node) *object {
	return &object{findings: o.findings, path: path, node: n, exact: o.exact, known: map[string]bool{}}
}

// at returns the path of a member.
func (o *object) at(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// capital returns a name as CloudFormation writes it.
func capital(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// member returns a member by the first of the names that is there and not null;
// names are also read with a capital letter.
func (o *object) member(names ...string) *node {
	for _, name := range names {
		if o.known[name] = true; !o.exact {
			o.known[capital(name)] = true
		}
	}
	for _, name := range names {
		for i, n := range o.node.names {
			if child := o.node.children[i]; child.kind != Null && (n == name || !o.exact && n == capital(name)) {
				return child
			}
		}
	}
	return nil
}

func (o *object) has(names ...string) bool { return o.member(names...) != nil }

// value returns a member of the kind, nil if it is absent or another one.
func (o *object) value(kind Kind, names ...string) *node {
	n := o.member(names...)
	if n != nil && n.kind != kind {
		o.fail(o.at(names[0]), "want %s, got %s", kindNames[kind], kindNames[n.kind])
		return nil
	}
	return n
}

// text returns a string member, "" if it is absent.
func (o *object) text(names ...string) string {
	if n := o.value(String, names...); n != nil {
		return n.text
	}
	return ""
}

// required returns a string member that must be there and not empty.
func (o *object) required(names ...string) string {
	text := o.text(names...)
	if n := o.member(names...); n == nil || n.kind == String && text == "" {
		o.fail(o.at(names[0]), "%s is required", names[0])
	}
	return text
}

// limited returns a required string of 1 to most characters.
func (o *object) limited(most int, names ...string) string {
	text := o.required(names...)
	o.limit(o.at(names[0]), text, 1, most)
	return text
}

func (f *findings) limit(path, text string, least, most int) {
	if n := utf8.RuneCountInString(text); text != "" && (n < least || n > most) {
		f.quota(path, "%d characters, want %d to %d", n, least, most)
	}
}

// resource returns the required name of a channel, pipeline, data store or data
// set.
func (o *object) resource(names ...string) string {
	name := o.limited(maxName, names...)
	o.checkName(o.at(names[0]), name)
	return name
}

func (f *findings) checkName(path, name string) {
	switch {
	case strings.HasPrefix(name, "__"):
		f.quota(path, "%q begins with two underscores", name)
	case strings.IndexFunc(name, func(c rune) bool { return c >= utf8.RuneSelf || !isNameByte(byte(c)) }) >= 0:
		f.quota(path, "%q: want letters, digits and underscores", name)
	}
}

// whole returns a number member from least to most; 0 if it is absent.
func (o *object) whole(least, most int, name string) int {
	n := o.value(Decimal, name)
	if n == nil {
		return 0
	}
	i, err := strconv.Atoi(n.text)
	if err != nil {
		o.fail(o.at(name), "want a whole number, got %s", n.text)
		return 0
	}
	if i < least || i > most {
		o.quota(o.at(name), "is %d, want %d to %d", i, least, most)
	}
	return i
}

func (o *object) flag(name string) bool {
	n := o.value(Boolean, name)
	return n != nil && n.truth
}

// object returns an object member, nil if it is absent.
func (o *object) object(names ...string) *object {
	n := o.value(Object, names...)
	if n == nil {
		return nil
	}
	return o.within(o.at(names[0]), n)
}

// list returns an array member of least to most elements, nil if it is absent.
func (o *object) list(least, most int, name string) []*node {
	n := o.value(Array, name)
	if n == nil {
		return nil
	}
	o.count(o.at(name), len(n.children), least, most)
	return n.children
}

func (f *findings) count(path string, n, least, most int) {
	if n < least || n > most {
		f.quota(path, "%d entries, want %s", n, between(least, most))
	}
}

// objects returns the objects of an array member.
func (o *object) objects(least, most int, name string) []*object {
	var all []*object
	for i, n := range o.list(least, most, name) {
		path := fmt.Sprintf("%s[%d]", o.at(name), i)
		if n.kind != Object {
			o.fail(path, "want an object, got %s", kindNames[n.kind])
			continue
		}
		all = append(all, o.within(path, n))
	}
	return all
}

// texts returns the strings of an array member that must be there.
func (o *object) texts(least, most, length int, name string) []string {
	if !o.has(name) {
		o.fail(o.at(name), "%s is required", name)
	}
	var all []string
	for i, n := range o.list(least, most, name) {
		path := fmt.Sprintf("%s[%d]", o.at(name), i)
		if n.kind != String || n.text == "" {
			o.fail(path, "want a string that is not empty")
			continue
		}
		o.limit(path, n.text, 1, length)
		all = append(all, n.text)
	}
	return all
}

// ignore marks members that nothing is made of.
func (o *object) ignore(names ...string) {
	for _, name := range names {
		o.member(name)
	}
}

// one returns the only one of the members, and its name; with a finding if there is none, or more
// than one.
func (o *object) one(what string, names ...string) (name string, child *object) {
	var found []string
	for _, n := range names {
		if o.has(n) {
			found = append(found, n)
		}
	}
	if len(found) != 1 {
		o.fail(o.path, "%s: want exactly one of %s, got %d", what, strings.Join(names, ", "), len(found))
	}
	if len(found) == 0 {
		return "", nil
	}
	return found[0], o.object(found[0])
}

// end reports members that nothing has asked for.
func (o *object) end() {
	for _, name := range slices.Sorted(maps.Keys(o.memberNames())) {
		if o.known[name] {
			continue
		}
		hint := ""
		for known := range o.known {
			if strings.EqualFold(known, name) {
				hint = fmt.Sprintf(", did you mean %q?", known)
			}
		}
		o.quota(o.at(name), "unknown member %q%s", name, hint)
	}
}

func (o *object) memberNames() map[string]bool {
	names := map[string]bool{}
	for i, name := range o.node.names {
		if names[name] {
			o.quota(o.at(name), "is there twice")
		}
		names[name] = o.node.children[i] != nil
	}
	return names
}
