package cfn

import (
	"fmt"
	"strings"
)

// MaxExpansion bounds what the resources of one resolver expand to: the bytes
// of all texts, and 16 for each value.
const MaxExpansion = 4 << 20

const valueCost = 16

// Options are the values that a deployment would supply.
type Options struct {
	// Parameters are the values of template parameters by name, as the
	// service takes them: a list is joined by commas. Default: those of the
	// template.
	Parameters map[string]string
	// Values are those of references by "LogicalID", or "LogicalID.Attribute".
	// They go before what this package would make up.
	Values map[string]string
	// Imports are the values of Fn::ImportValue by name of the export.
	Imports map[string]string
	// Region, AccountID and StackName are pseudo parameters. Defaults:
	// us-east-1, 123456789012, stack.
	Region, AccountID, StackName string
	// NotificationARNs is a pseudo parameter.
	NotificationARNs []string
	// StandIns: the name of a parameter without value, unless it is a number
	// or a list, and of what the template does not declare stands for it, with
	// a warning. Otherwise it is an error.
	StandIns bool
	// Complete: what the template does not declare is an error all the same, as
	// it is in a deployment.
	Complete bool
}

// Resolver resolves the functions in the resources of a template. It is for
// one goroutine.
type Resolver struct {
	template *Template
	options  Options
	pseudo   map[string]string

	conditions map[string]bool
	names      map[string]string
	open       map[string]bool // conditions and names that are being found out
	budget     int

	plain bool // there are no functions

	resource string // whose findings are collected
	// lenient: an error is a warning, because nobody needs the value.
	lenient  bool
	findings []Finding
}

// Resolver returns a resolver for the template.
func (t *Template) Resolver(o Options) *Resolver {
	for _, d := range []struct {
		value    *string
		fallback string
	}{{&o.Region, "us-east-1"}, {&o.AccountID, "123456789012"}, {&o.StackName, "stack"}} {
		if *d.value == "" {
			*d.value = d.fallback
		}
	}
	r := &Resolver{
		template: t, options: o, budget: MaxExpansion,
		conditions: map[string]bool{}, names: map[string]string{}, open: map[string]bool{},
	}
	r.pseudo = map[string]string{
		"AWS::AccountId": o.AccountID,
		"AWS::Region":    o.Region,
		"AWS::StackName": o.StackName,
		"AWS::Partition": partition(o.Region),
		"AWS::URLSuffix": urlSuffix(o.Region),
		"AWS::StackId":   fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/00000000-0000-0000-0000-000000000000", partition(o.Region), o.Region, o.AccountID, o.StackName),
	}
	return r
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

func urlSuffix(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// failure is why a value can't be resolved, with its place.
type failure struct {
	at      *node
	path    string
	message string
}

func (f *failure) Error() string { return f.message }

func fail(at *node, path, format string, args ...any) error {
	return &failure{at: at, path: path, message: fmt.Sprintf(format, args...)}
}

func (r *Resolver) note(level Level, at *node, path, format string, args ...any) {
	if level == Error && r.lenient {
		level = Warning
	}
	r.findings = append(r.findings, Finding{
		Level: level, Resource: r.resource, Path: path,
		Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...),
	})
}

// spend takes from what may still be expanded.
func (r *Resolver) spend(at *node, path string, n int) error {
	if r.budget -= n + valueCost; r.budget < 0 {
		return fail(at, path, "the template expands to too much, want at most %d bytes", MaxExpansion)
	}
	return nil
}

// reduce evaluates the functions that a node is, until it is a scalar, a list
// or an object; items and members may still hold functions. A nil node without
// an error is AWS::NoValue.
func (r *Resolver) reduce(n *node, path string, depth int) (*node, error) {
	for ; ; depth++ {
		if depth > MaxDepth {
			return nil, fail(n, path, tooDeep)
		}
		if err := r.spend(n, path, len(n.text)); err != nil {
			return nil, err
		}
		name, argument, ok := n.call()
		if r.plain {
			return n, nil
		}
		if !ok {
			return n, r.checkCall(n, path)
		}
		c := call{Resolver: r, at: n, path: path + "." + name, depth: depth + 1}
		next, err := c.evaluate(name, argument)
		if next == nil || err != nil {
			return nil, err
		}
		if next.kind == text || next.kind == number {
			return next, r.spend(next, path, len(next.text))
		}
		n = next
	}
}

// checkCall refuses a function with a member beside it.
func (r *Resolver) checkCall(n *node, path string) error {
	if n.kind != mapping || len(n.members) < 2 {
		return nil
	}
	for _, m := range n.members {
		if strings.HasPrefix(m.name, "Fn::") {
			return fail(n, path, "%s must be the only member of its object", m.name)
		}
	}
	return nil
}

// text returns the string that a node is or resolves to.
func (r *Resolver) text(n *node, path string, depth int) (string, error) {
	v, err := r.reduce(n, path, depth)
	switch {
	case err != nil:
		return "", err
	case v == nil:
		return "", fail(n, path, "want a string, got AWS::NoValue")
	case !v.isScalar() || v.kind == null:
		return "", fail(n, path, "want a string, got %s", v.kind)
	}
	return r.scalarText(v, path), nil
}

// scalarText returns the text of a scalar in the place of a string, and tells
// if CloudFormation would take another.
func (r *Resolver) scalarText(n *node, path string) string {
	if n.odd != "" {
		r.note(Warning, n, path, "CloudFormation takes this unquoted text for %s; it is read as %q. Quote it.", n.odd, n.text)
	}
	return n.text
}

// texts returns the strings of a list; AWS::NoValue is left out.
func (r *Resolver) texts(n *node, path string, depth int) ([]string, error) {
	v, err := r.reduce(n, path, depth)
	if err != nil {
		return nil, err
	}
	if v == nil || v.kind != list {
		return nil, fail(n, path, "want a list")
	}
	all := make([]string, 0, len(v.items))
	for i, item := range v.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		one, err := r.reduce(item, at, depth+1)
		if err != nil {
			return nil, err
		}
		if one == nil {
			continue
		}
		if !one.isScalar() || one.kind == null {
			return nil, fail(one, at, "want a string, got %s", one.kind)
		}
		all = append(all, r.scalarText(one, at))
	}
	return all, nil
}

func listOf(at *node, values []string) *node {
	n := &node{kind: list, line: at.line, column: at.column}
	for _, value := range values {
		n.items = append(n.items, textAt(at, value))
	}
	return n
}
