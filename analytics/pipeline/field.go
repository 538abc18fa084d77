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
	if !r.isClean(d) {
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

// isClean reports whether the names are those of a message that was clean.
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

// cleanMembers drops fields at the root: from the end, so that the last one of
// a name stays.
func (r *run) cleanMembers(d *document) {
	seen := make(map[string]bool, len(d.members))
	spotless := true
	kept := len(d.members)
	for _, m := range slices.Backward(d.members) {
		keep, fine := r.keeps(d, m.name, seen)
		if spotless = spotless && fine; keep {
			kept--
			d.members[kept] = m
		}
	}
	d.members = append(d.members[:0], d.members[kept:]...)
	if !spotless {
		return
	}
	r.clean = r.clean[:0]
	for i := range d.members {
		r.clean = append(r.clean, bytes.Clone(d.members[i].name))
	}
}

// keeps decides about a field by its name. seen are the names after it in lower
// case.
func (r *run) keeps(d *document, name []byte, seen map[string]bool) (keep, spotless bool) {
	valid, usual := fieldName(name)
	if !valid || !usual && r.semantics.PatternFieldNames {
		r.note(d, InvalidField, nil)
		return false, false
	}
	if !usual {
		r.note(d, UnusualField, nil)
	}
	lower := string(bytes.ToLower(name))
	if seen[lower] {
		r.note(d, DuplicateField, nil)
		return false, false
	}
	seen[lower] = true
	return true, usual
}

// cleanNested returns an array or object without the fields that a data store
// can't have; raw itself if there are none.
func (r *run) cleanNested(d *document, raw []byte) []byte {
	if raw[0] == '[' {
		return r.cleanArray(d, raw)
	}
	if !isNested(raw) {
		return raw
	}
	if isTidy(raw) {
		return raw
	}
	var all []nestedMember
	for m := range members(raw) {
		all = append(all, m)
	}
	seen := make(map[string]bool, len(all))
	values, changed := make([][]byte, len(all)), false
	for i := len(all) - 1; i >= 0; i-- {
		keep, _ := r.keeps(d, all[i].name, seen)
		value := raw[all[i].start:all[i].end]
		if keep {
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

// isTidy reports whether all field names of an object and below it can be seen
// to be fine at a glance.
func isTidy(raw []byte) bool {
	var seen [16][]byte
	n := 0
	for m := range members(raw) {
		if valid, usual := fieldName(m.name); !valid || !usual || n == len(seen) {
			return false
		}
		for _, other := range seen[:n] {
			if len(other) == len(m.name) && bytes.EqualFold(other, m.name) {
				return false
			}
		}
		seen[n] = m.name
		n++
		if value := raw[m.start:m.end]; value[0] == '[' || value[0] == '{' && !isTidy(value) {
			return false
		}
	}
	return true
}

func (r *run) cleanArray(d *document, raw []byte) []byte {
	cleaned, changed := []byte{'['}, false
	for element := range elements(raw) {
		value := element
		if isNested(element) {
			value = r.cleanNested(d, element)
		}
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
