package pipeline

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// MaxFieldName is the length of a field name in bytes.
const MaxFieldName = 255

// CheckFieldName reports what is wrong with the name of a field in a data
// store: it has 1 to [MaxFieldName] letters, digits and underscores, and begins with a
// letter or a single underscore. The error is [ErrFieldName].
func CheckFieldName(name string) error {
	switch {
	case name == "" || len(name) > MaxFieldName:
		return fmt.Errorf("%w: want 1 to %d bytes, got %d", ErrFieldName, MaxFieldName, len(name))
	case strings.HasPrefix(name, "__"):
		return fmt.Errorf("%w: begins with two underscores", ErrFieldName)
	case name[0]-'0' <= 9:
		return fmt.Errorf("%w: begins with a digit", ErrFieldName)
	}
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return fmt.Errorf("%w: byte %d is not one of a-z, A-Z, 0-9, '_'", ErrFieldName, i)
		}
	}
	return nil
}

func isNameByte(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '_'
}

// fieldName tells whether a name is valid, and whether the pattern agrees that
// the service printed: ^[A-Za-z_]([A-Za-z0-9]*|[A-Za-z0-9][A-Za-z0-9_]*)$. It
// refuses an underscore at the second place.
func fieldName(name []byte) (valid, usual bool) {
	if len(name) == 0 || len(name) > MaxFieldName || name[0]-'0' <= 9 {
		return false, false
	}
	for _, c := range name {
		if !isNameByte(c) {
			return false, false
		}
	}
	underscore := len(name) > 1 && name[1] == '_'
	return !underscore || name[0] != '_', !underscore
}

// cleanRoot drops fields that a data store can't have.
func (r *run) cleanRoot(d *document) {
	if !d.tidy && !r.isClean(d) && !r.isTidy(d) {
		r.cleanMembers(d)
	}
	if r.semantics.RootFieldsOnly {
		return
	}
	for i := range d.members {
		if m := &d.members[i]; m.nested {
			m.raw = r.cleanNested(d, m.raw)
		}
	}
}

// isClean reports whether the names are those of the last message that was
// tidy.
func (r *run) isClean(d *document) bool {
	if len(r.clean) != len(d.members) {
		return false
	}
	for i := range r.clean {
		if string(r.clean[i]) != string(d.members[i].name) {
			return false
		}
	}
	return true
}

// isTidy reports whether the names can be seen to be fine at a glance, and
// remembers them.
func (r *run) isTidy(d *document) bool {
	var t tidiness
	for i := range d.members {
		if !t.takes(d.members[i].name) {
			return false
		}
	}
	r.clean = slices.Grow(r.clean[:0], len(d.members))[:len(d.members)]
	for i := range d.members {
		r.clean[i] = append(r.clean[i][:0], d.members[i].name...)
	}
	return true
}

// tidiness compares the names of an object, if they are few.
type tidiness struct {
	seen [32][]byte
	n    int
}

func (t *tidiness) takes(name []byte) bool {
	if valid, usual := fieldName(name); !valid || !usual || t.n == len(t.seen) {
		return false
	}
	for _, other := range t.seen[:t.n] {
		if len(other) == len(name) && bytes.EqualFold(other, name) {
			return false
		}
	}
	t.seen[t.n] = name
	t.n++
	return true
}

// cleanMembers drops fields at the root: from the end, so that the last one of
// a name stays.
func (r *run) cleanMembers(d *document) {
	seen := make(map[string]bool, len(d.members))
	kept := len(d.members)
	for _, m := range slices.Backward(d.members) {
		if r.keeps(d, m.name, seen) {
			kept--
			d.members[kept] = m
		}
	}
	d.members, d.regular = append(d.members[:0], d.members[kept:]...), 0
}

// keeps decides about a field by its name. seen are the names after it in lower
// case.
func (r *run) keeps(d *document, name []byte, seen map[string]bool) bool {
	valid, usual := fieldName(name)
	if !valid || !usual && r.semantics.PatternFieldNames {
		r.note(d, InvalidField, nil)
		return false
	}
	if !usual {
		r.note(d, UnusualField, nil)
	}
	lower := string(bytes.ToLower(name))
	if seen[lower] {
		r.note(d, DuplicateField, nil)
		return false
	}
	seen[lower] = true
	return true
}

// cleanNested returns an array or object without the fields that a data store
// can't have; raw itself if there are none.
func (r *run) cleanNested(d *document, raw []byte) []byte {
	switch {
	case isTidy(raw):
		return raw
	case raw[0] == '[':
		return r.cleanArray(d, raw)
	}
	var all []nestedMember
	for m := range members(raw) {
		all = append(all, m)
	}
	seen := make(map[string]bool, len(all))
	values, changed := make([][]byte, len(all)), false
	for i := len(all) - 1; i >= 0; i-- {
		value := raw[all[i].start:all[i].end]
		if r.keeps(d, all[i].name, seen) {
			values[i] = r.cleanNested(d, value)
		}
		changed = changed || len(values[i]) != len(value)
	}
	if !changed {
		return raw
	}
	cleaned := []byte{'{'}
	for i, value := range values {
		if value == nil {
			continue
		}
		if len(cleaned) > 1 {
			cleaned = append(cleaned, ',')
		}
		cleaned = append(append(cleaned, raw[all[i].from:all[i].start]...), value...)
	}
	return append(cleaned, '}')
}

// isTidy reports whether all field names in a value can be seen to be fine at a
// glance.
func isTidy(raw []byte) bool {
	switch raw[0] {
	case '[':
		for element := range elements(raw) {
			if !isTidy(element) {
				return false
			}
		}
	case '{':
		var t tidiness
		for m := range members(raw) {
			if !t.takes(m.name) || !isTidy(raw[m.start:m.end]) {
				return false
			}
		}
	}
	return true
}

func (r *run) cleanArray(d *document, raw []byte) []byte {
	cleaned, changed := []byte{'['}, false
	for element := range elements(raw) {
		value := r.cleanNested(d, element)
		changed = changed || len(value) != len(element)
		if len(cleaned) > 1 {
			cleaned = append(cleaned, ',')
		}
		cleaned = append(cleaned, value...)
	}
	if !changed {
		return raw
	}
	return append(cleaned, ']')
}
