package detector

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// formula is one expression of a model, from text to closure.
type formula struct {
	source string
	path   string // in the definition
	node   exprlang.Node
	want   types
	types  types
	// variable is the name of the variable that gets the value; json: the
	// value is JSON text.
	variable string
	json     bool
	// as is the type of a field of an asset property.
	as Kind
	// against is the other side of an alarm's rule.
	against *formula

	run  expression
	test condition // instead of run, if a Boolean is wanted
}

// symbols are the names that a model's expressions and actions use.
type symbols struct {
	inputs     map[string]*node
	variables  map[string]*usage
	timers     map[string]*usage
	attributes map[string][][]string // declared paths by input; nil: unknown

	alarm bool // of an alarm model
	// hideUndeclared: attributes that are not declared are undefined.
	hideUndeclared bool

	variableNames []string
	timerNames    []string
	inputNames    []string
}

// usage tells whether a name is set and where it is first read.
type usage struct {
	set  bool
	read string
}

func newSymbols(o *Options) *symbols {
	s := &symbols{
		inputs:    map[string]*node{},
		variables: map[string]*usage{},
		timers:    map[string]*usage{},

		hideUndeclared: o.Strict || o.Semantics.UndeclaredIsUndefined,
	}
	if o.Attributes != nil {
		s.attributes = map[string][][]string{}
		for input, paths := range o.Attributes {
			s.attributes[input] = make([][]string, len(paths))
			for i, path := range paths {
				s.attributes[input][i], _ = splitAttribute(path)
			}
		}
	}
	return s
}

// problem is what is wrong with a node.
type problem struct {
	node    exprlang.Node
	kind    FindingType
	message string
}

// check returns what is wrong with the names and functions of an expression.
func (s *symbols) check(root exprlang.Node) []problem {
	var problems []problem
	add := func(node exprlang.Node, format string, args ...any) {
		problems = append(problems, problem{node: node, kind: ExpressionSyntax, message: fmt.Sprintf(format, args...)})
	}
	words := map[exprlang.Node]bool{} // bare words that are no references
	exprlang.Walk(root, func(node exprlang.Node) {
		switch n := node.(type) {
		case *exprlang.Call:
			want, ok := arity[n.Name]
			if !ok {
				add(n, "unknown function %q", n.Name)
			} else if len(n.Arguments) != want {
				add(n, "%s() takes %d arguments, got %d", n.Name, want, len(n.Arguments))
			}
			if n.Name == "convert" && len(n.Arguments) > 0 {
				words[n.Arguments[0]] = true
			}
			if s.alarm && n.Name == "timeout" {
				add(n, "alarm models have no timers")
			}
		case *exprlang.Path:
			if words[n] && n.Word() != "" {
				return
			}
			if text := s.checkPath(n); text != "" {
				add(n, "%s", text)
			} else if p := s.undeclared(n); p != nil {
				problems = append(problems, *p)
			}
		}
	})
	return problems
}

func (s *symbols) checkPath(path *exprlang.Path) string {
	segments := path.Segments
	switch root := segments[0].Name; root {
	case "true", "false":
		if len(segments) == 1 {
			return ""
		}
	case "$input":
		if len(segments) < 2 || segments[1].IsIndex {
			return "want $input.<input>.<attribute>"
		}
		return ""
	case "$variable":
		if s.alarm {
			return "alarm models have no variables"
		}
		if len(segments) != 2 || segments[1].IsIndex {
			return "want $variable.<name>"
		}
		return ""
	case "$sitewise":
		if _, _, ok := inputReference(path); s.alarm && !ok {
			return "want $sitewise.assetModel.`<asset model id>`.`<property id>`.<attribute>"
		}
		if s.alarm {
			return ""
		}
		return "$sitewise belongs in alarm models, a detector model reads $input and $variable"
	default:
		if strings.HasPrefix(root, "$") {
			return fmt.Sprintf("unknown reference %s, want $input or $variable", root)
		}
	}
	return fmt.Sprintf("bare word %s: a String needs quotes", path)
}

// siteWisePrefix is how many segments of a reference to an asset property name
// the property.
const siteWisePrefix = 4

// inputReference splits a reference to an attribute of a message: into the
// name of the input and the path in its payload. An asset property is an input
// of its own, see [Message].
func inputReference(path *exprlang.Path) (input string, attribute []exprlang.Segment, ok bool) {
	segments := path.Segments
	switch segments[0].Name {
	case "$input":
		if len(segments) >= 2 && !segments[1].IsIndex {
			return segments[1].Name, segments[2:], true
		}
	case siteWiseProperties:
		if len(segments) > siteWisePrefix && segments[1].Name == "assetModel" && !segments[2].IsIndex && !segments[3].IsIndex {
			return fmt.Sprintf("%s.assetModel.`%s`.`%s`", siteWiseProperties, segments[2].Name, segments[3].Name), segments[siteWisePrefix:], true
		}
	}
	return "", nil, false
}

// inputsOf returns the names of the inputs that an expression reads, each once.
func inputsOf(node exprlang.Node) []string {
	var names []string
	exprlang.Walk(node, func(node exprlang.Node) {
		if path, ok := node.(*exprlang.Path); ok {
			if name, _, ok := inputReference(path); ok && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	})
	return names
}

// undeclared returns the problem of a reference to an input or attribute that
// is not declared, or nil.
func (s *symbols) undeclared(path *exprlang.Path) *problem {
	if path.Segments[0].Name != "$input" {
		return nil
	}
	input := path.Segments[1].Name
	if !isVariableName(input) { // inputs are named like variables
		return &problem{path, ReferencedResource, fmt.Sprintf("Detector Model Definition contains invalid InputName: %s.", input)}
	}
	if s.attributes == nil {
		return nil
	}
	declared, ok := s.attributes[input]
	if !ok {
		return &problem{path, ReferencedResource,
			fmt.Sprintf("Detector Model Definition contains reference to Input '%s' that does not exist.", input)}
	}
	if !declares(declared, path.Segments[2:]) {
		return &problem{path, ReferencedData,
			fmt.Sprintf("%s is no declared attribute of input '%s'.", path, input)}
	}
	return nil
}

// hidden reports whether a reference is undefined because it is not declared.
func (s *symbols) hidden(path *exprlang.Path) bool {
	if !s.hideUndeclared || s.undeclared(path) == nil {
		return false
	}
	_, known := s.attributes[path.Segments[1].Name]
	return known
}

func declares(declared [][]string, path []exprlang.Segment) bool {
	return slices.ContainsFunc(declared, func(prefix []string) bool { return startsWith(path, prefix) })
}

// startsWith reports whether a path lies at or below a declared attribute.
func startsWith(path []exprlang.Segment, prefix []string) bool {
	names := 0
	for _, segment := range path {
		if names == len(prefix) {
			return true
		}
		if segment.IsIndex {
			continue
		}
		if segment.Name != prefix[names] {
			return false
		}
		names++
	}
	return names == len(prefix)
}

// register notes the names of an expression without problems.
func (s *symbols) register(f *formula) {
	words := map[exprlang.Node]bool{}
	exprlang.Walk(f.node, func(node exprlang.Node) {
		switch n := node.(type) {
		case *exprlang.Call:
			s.registerCall(n, f)
			if n.Name == "convert" {
				words[n.Arguments[0]] = true
			}
		case *exprlang.Path:
			if words[n] && n.Word() != "" {
				return
			}
			if input, attribute, ok := inputReference(n); ok {
				if root := s.input(input); !s.hidden(n) {
					root.insert(attribute).slot = wanted
				}
			} else if n.Segments[0].Name == "$variable" {
				noteRead(s.variables, n.Segments[1].Name, f)
			}
		}
	})
}

func (s *symbols) registerCall(n *exprlang.Call, f *formula) {
	name, ok := n.Arguments[0].(*exprlang.String)
	if !ok {
		return
	}
	switch n.Name {
	case "timeout":
		noteRead(s.timers, name.Text, f)
	case "currentInput":
		s.input(name.Text)
	}
}

func (s *symbols) input(name string) *node {
	root := s.inputs[name]
	if root == nil {
		root = newNode()
		s.inputs[name] = root
	}
	return root
}

func noteRead(names map[string]*usage, name string, f *formula) {
	u := use(names, name)
	if u.read == "" {
		u.read = f.path
	}
}

func use(names map[string]*usage, name string) *usage {
	u := names[name]
	if u == nil {
		u = &usage{}
		names[name] = u
	}
	return u
}

// number gives each name its place, once all are known, and returns how many
// attributes there are.
func (s *symbols) number(key []string) int {
	s.variableNames = slices.Sorted(maps.Keys(s.variables))
	s.timerNames = slices.Sorted(maps.Keys(s.timers))
	s.inputNames = slices.Sorted(maps.Keys(s.inputs))
	next := int32(0)
	for _, name := range s.inputNames {
		root := s.inputs[name]
		if len(key) > 0 {
			node := root
			for _, step := range key {
				node = node.child(exprlang.Segment{Name: step})
			}
			node.isKey = true
		}
		next = root.number(next)
	}
	return int(next)
}

// paths returns the paths of the attributes, by slot.
func (s *symbols) paths(slots int) []string {
	paths := make([]string, slots)
	for _, root := range s.inputs {
		root.paths(nil, paths)
	}
	return paths
}

// reference is where an expression finds a value.
type reference struct {
	isVariable bool
	index      int // of the variable or the slot
	input      int
	ok         bool
}

// resolve returns the place of a reference that check has passed. It is not ok
// for true, false, the bare words of convert, and what is hidden.
func (s *symbols) resolve(path *exprlang.Path) reference {
	segments := path.Segments
	if segments[0].Name == "$variable" {
		i, _ := slices.BinarySearch(s.variableNames, segments[1].Name)
		return reference{isVariable: true, index: i, ok: true}
	}
	name, attribute, ok := inputReference(path)
	if !ok || s.hidden(path) {
		return reference{}
	}
	input, _ := slices.BinarySearch(s.inputNames, name)
	node := s.inputs[name].insert(attribute)
	return reference{index: int(node.slot), input: input, ok: true}
}

// timer returns the place of a timer.
func (s *symbols) timer(name string) int {
	i, _ := slices.BinarySearch(s.timerNames, name)
	return i
}

// variable returns the place of a variable.
func (s *symbols) variable(name string) int {
	i, _ := slices.BinarySearch(s.variableNames, name)
	return i
}

// splitAttribute splits a dotted attribute path, names with blanks in
// backticks.
func splitAttribute(path string) ([]string, bool) {
	var names []string
	for rest := path; ; {
		var name string
		var more bool
		if strings.HasPrefix(rest, "`") {
			end := strings.IndexByte(rest[1:], '`')
			if end < 0 {
				return nil, false
			}
			name, rest = rest[1:end+1], rest[end+2:]
			if rest != "" && rest[0] != '.' {
				return nil, false
			}
			rest, more = strings.CutPrefix(rest, ".")
		} else {
			name, rest, more = strings.Cut(rest, ".")
		}
		if name == "" {
			return nil, false
		}
		names = append(names, name)
		if !more {
			return names, true
		}
	}
}
