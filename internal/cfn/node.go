package cfn

import "strings"

// Limits of a template.
const (
	// MaxSize is the limit in bytes, that of CloudFormation.
	MaxSize = 1 << 20
	// MaxDepth is the limit of nesting.
	MaxDepth = 100
)

// kind is the type of a node, as it is written.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	mapping
)

var kindNames = [...]string{"null", "a Boolean", "a number", "a string", "a list", "an object"}

func (k kind) String() string { return kindNames[k] }

// node is a value of a template with its place. Nodes do not change once they
// are read: an alias is the node that it names.
type node struct {
	kind kind
	// text of a scalar: as it is written, "true" or "false" for a Boolean.
	text string
	// odd is what CloudFormation takes an unquoted text for, if that is
	// another than its text.
	odd          string
	members      []member // of a mapping, in order
	items        []*node  // of a list
	line, column int
}

type member struct {
	name         string
	value        *node
	line, column int
	// again: an earlier member of that name gave way to this one.
	again bool
}

// object collects the members of a mapping. Of those with one name the last
// counts, as it does for CloudFormation.
type object struct {
	members []member
	at      map[string]int
}

func (o *object) has(name string) bool {
	_, ok := o.at[name]
	return ok
}

func (o *object) add(m member) {
	if i, ok := o.at[m.name]; ok {
		m.again = true
		o.members[i] = m
		return
	}
	if o.at == nil {
		o.at = map[string]int{}
	}
	o.at[m.name] = len(o.members)
	o.members = append(o.members, m)
}

// get returns the member of that name, or nil.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	for i := range n.members {
		if n.members[i].name == name {
			return n.members[i].value
		}
	}
	return nil
}

func (n *node) isScalar() bool { return n.kind != list && n.kind != mapping }

// call returns the intrinsic function that a mapping with one member is.
func (n *node) call() (function string, argument *node, ok bool) {
	if n.kind != mapping || len(n.members) != 1 {
		return "", nil, false
	}
	name := n.members[0].name
	if name != "Ref" && !strings.HasPrefix(name, "Fn::") {
		return "", nil, false
	}
	return name, n.members[0].value, true
}

// textAt returns a string at the place of another node.
func textAt(at *node, value string) *node {
	return &node{kind: text, text: value, line: at.line, column: at.column}
}
