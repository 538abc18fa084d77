package cfn

import "fmt"

// condition returns whether a condition of the template holds.
func (r *Resolver) condition(name string, at *node, path string, depth int) (bool, error) {
	if holds, known := r.conditions[name]; known {
		return holds, nil
	}
	body := r.template.root.get("Conditions").get(name)
	if body == nil {
		return false, fail(at, path, "no condition %q", name)
	}
	opened := "condition " + name
	if r.open[opened] {
		return false, fail(at, path, "condition %q depends on itself", name)
	}
	r.open[opened] = true
	defer delete(r.open, opened)
	holds, err := r.test(body, "Conditions."+name, depth+1)
	if err == nil {
		r.conditions[name] = holds
	}
	return holds, err
}

// test evaluates what stands in the place of a condition.
func (r *Resolver) test(n *node, path string, depth int) (bool, error) {
	if depth > MaxDepth {
		return false, fail(n, path, tooDeep)
	}
	if err := r.spend(n, path, 0); err != nil {
		return false, err
	}
	if n.kind != mapping || len(n.members) != 1 {
		return false, fail(n, path, "want a condition function")
	}
	name, argument := n.members[0].name, n.members[0].value
	path += "." + name
	switch name {
	case "Condition":
		return r.condition(argument.text, argument, path, depth)
	case "Fn::Equals":
		return r.equals(argument, path, depth)
	case "Fn::And", "Fn::Or":
		return r.combine(argument, path, depth, name == "Fn::Or")
	case "Fn::Not":
		if argument.kind != list || len(argument.items) != 1 {
			return false, fail(argument, path, "want a list of 1 condition")
		}
		holds, err := r.test(argument.items[0], path+"[0]", depth+1)
		return !holds, err
	}
	return false, fail(n, path, "want a condition function")
}

// combine tests all conditions of a list; stop is the outcome that decides.
func (r *Resolver) combine(n *node, path string, depth int, stop bool) (bool, error) {
	if n.kind != list || len(n.items) == 0 {
		return false, fail(n, path, "want a list of conditions")
	}
	result := !stop
	for i, item := range n.items {
		holds, err := r.test(item, fmt.Sprintf("%s[%d]", path, i), depth+1)
		if err != nil {
			return false, err
		}
		if holds == stop {
			result = stop
		}
	}
	return result, nil
}

func (r *Resolver) equals(n *node, path string, depth int) (bool, error) {
	if n.kind != list || len(n.items) != 2 {
		return false, fail(n, path, "want a list of 2 values")
	}
	var sides [2]string
	for i, item := range n.items {
		w := writer{Resolver: r}
		if err := w.verbatim(item, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
			return false, err
		}
		sides[i] = string(w.json)
	}
	return sides[0] == sides[1], nil
}
