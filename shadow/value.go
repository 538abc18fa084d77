package shadow

// kind of a JSON value.
type kind uint8

const (
	kindAbsent kind = iota
	kindNull
	kindScalar // true, false, a number or a string
	kindArray
	kindObject
)

// value is a JSON value, immutable once made. Texts are canonical, so that
// equal strings have equal texts; numbers keep the text that they came with.
type value struct {
	kind kind
	// time is when a scalar or an array was set, in seconds; what is inside
	// an array has the time of the array. Zero in requests.
	time int64
	// text is the JSON text of a scalar.
	text string
	// members of an object are in the order of their names; those of an array
	// have none.
	members []member
}

type member struct {
	// name is the JSON text of the name, with its quotes.
	name string
	value
}

// get returns the member with this name, a JSON text with quotes.
func (v value) get(name string) value {
	for i := range v.members {
		if v.members[i].name == name {
			return v.members[i].value
		}
	}
	return value{}
}

// depth is the number of objects and arrays inside each other.
func (v value) depth() int {
	if v.kind != kindArray && v.kind != kindObject {
		return 0
	}
	deepest := 0
	for i := range v.members {
		deepest = max(deepest, v.members[i].depth())
	}
	return deepest + 1
}

// hasNull reports whether there is a null anywhere in v.
func (v value) hasNull() bool {
	if v.kind == kindNull {
		return true
	}
	for i := range v.members {
		if v.members[i].hasNull() {
			return true
		}
	}
	return false
}

// hasArrayNull reports whether an array in v holds a null.
func (v value) hasArrayNull() bool {
	if v.kind == kindArray {
		return v.hasNull()
	}
	for i := range v.members {
		if v.members[i].hasArrayNull() {
			return true
		}
	}
	return false
}

// equal compares two values as JSON: members of objects in any order, arrays
// in order.
func (r Rules) equal(a, b value) bool {
	if a.kind != b.kind || len(a.members) != len(b.members) {
		return false
	}
	if a.kind == kindScalar {
		return a.text == b.text || !r.ExactNumbers && equalNumbers(a.text, b.text)
	}
	for i := range a.members {
		if a.members[i].name != b.members[i].name || !r.equal(a.members[i].value, b.members[i].value) {
			return false
		}
	}
	return true
}

// walk calls visit with the members of two objects side by side, in the order
// of their names; the one that is missing is absent. What is no object has no
// members.
func walk(a, b value, visit func(name string, a, b value)) {
	var as, bs []member
	if a.kind == kindObject {
		as = a.members
	}
	if b.kind == kindObject {
		bs = b.members
	}
	for len(as) > 0 || len(bs) > 0 {
		switch {
		case len(bs) == 0 || len(as) > 0 && as[0].name < bs[0].name:
			visit(as[0].name, as[0].value, value{})
			as = as[1:]
		case len(as) == 0 || bs[0].name < as[0].name:
			visit(bs[0].name, value{}, bs[0].value)
			bs = bs[1:]
		default:
			visit(as[0].name, as[0].value, bs[0].value)
			as, bs = as[1:], bs[1:]
		}
	}
}

// merge returns old with patch applied at a time: objects member by member, a
// null removes, everything else replaces. The result is absent if nothing is
// left.
func (r Rules) merge(old, patch value, now int64) value {
	switch patch.kind {
	case kindNull:
		return value{}
	case kindScalar, kindArray:
		patch.time = now
		return patch
	case kindAbsent:
		return old
	}
	merged := value{kind: kindObject}
	if old.kind == kindObject {
		merged.members = make([]member, 0, len(old.members)+len(patch.members))
	} else {
		merged.members = make([]member, 0, len(patch.members))
	}
	walk(old, patch, func(name string, old, patch value) {
		if result := r.merge(old, patch, now); result.kind != kindAbsent {
			merged.members = append(merged.members, member{name, result})
		}
	})
	if len(merged.members) == 0 && len(patch.members) > 0 && !r.KeepEmptied {
		return value{}
	}
	return merged
}

// delta returns what of desired is missing in reported or different there;
// absent if nothing is.
func (r Rules) delta(desired, reported value) value {
	if desired.kind != kindObject || reported.kind != kindObject {
		if desired.kind == kindAbsent || r.equal(desired, reported) {
			return value{}
		}
		return desired
	}
	var differing []member
	walk(desired, reported, func(name string, desired, reported value) {
		if difference := r.delta(desired, reported); difference.kind != kindAbsent {
			differing = append(differing, member{name, difference})
		}
	})
	if len(differing) == 0 {
		return value{}
	}
	return value{kind: kindObject, members: differing}
}

// difference returns the patch that merges before into after: nulls for what
// is gone. It is absent if there is nothing to do. Nulls count as absent.
func (r Rules) difference(before, after value) value {
	switch {
	case after.kind == kindAbsent || after.kind == kindNull:
		if before.kind == kindAbsent || before.kind == kindNull {
			return value{}
		}
		return value{kind: kindNull}
	case before.kind != kindObject || after.kind != kindObject:
		if r.equal(before, after) {
			return value{}
		}
		return after
	}
	var changed []member
	walk(before, after, func(name string, before, after value) {
		if change := r.difference(before, after); change.kind != kindAbsent {
			changed = append(changed, member{name, change})
		}
	})
	if len(changed) == 0 {
		return value{}
	}
	return value{kind: kindObject, members: changed}
}
