package pipeline

import (
	"slices"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

// member is an attribute at the root of a message.
type member struct {
	name []byte // its characters
	raw  []byte // the JSON of its value
	// quoted: the name needs escapes in JSON.
	quoted bool
	// nested: the value is an Array or Object and may hold spaces.
	nested bool
}

// document is a message on its way: the members of an object, in order.
type document struct {
	source  int
	payload []byte
	// valid: the payload is an object in JSON. If it is not, only a lambda
	// activity can take it.
	valid   bool
	dropped bool
	members []member
	// marks has the mark of each name, so that most names that are not there
	// need no search.
	marks uint64
}

// mark returns a bit that depends on the name.
func mark(name []byte) uint64 {
	if len(name) == 0 {
		return 1
	}
	return 1 << ((uint(name[0]) + 5*uint(name[len(name)-1]) + 11*uint(len(name))) & 63)
}

// scan reads the payload; of members that occur twice the last value stands, at
// the place of the first.
func (d *document) scan(r *run, payload []byte) {
	d.payload, d.members, d.marks, d.valid = payload, d.members[:0], 0, false
	i := jsonscan.Space(payload, 0)
	if i >= len(payload) || payload[i] != '{' {
		return
	}
	i = d.scanObject(r, payload, i+1)
	d.valid = i > 0 && jsonscan.Space(payload, i) == len(payload)
}

func (d *document) scanObject(r *run, data []byte, i int) int {
	if i = jsonscan.Space(data, i); i < len(data) && data[i] == '}' {
		return i + 1
	}
	regular := true
	for {
		if i >= len(data) || data[i] != '"' {
			return -1
		}
		start := i + 1
		end, escaped := jsonscan.String(data, start)
		if end < 0 {
			return -1
		}
		if i = end + 1; i >= len(data) || data[i] != ':' {
			if i = jsonscan.Space(data, i); i >= len(data) || data[i] != ':' {
				return -1
			}
		}
		from := jsonscan.Space(data, i+1)
		if i = jsonscan.Value(data, from, r.maxDepth-1); i < 0 {
			return -1
		}
		name := data[start:end]
		if escaped {
			name = jsonscan.AppendText(nil, name)
		}
		if regular = regular && r.isUsual(len(d.members), name); regular {
			if len(d.members) == cap(d.members) {
				d.members = slices.Grow(d.members, 1)
			}
			d.members = d.members[:len(d.members)+1]
			m := &d.members[len(d.members)-1] // set in place: this is the hottest line
			m.name, m.raw, m.quoted, m.nested = name, data[from:i], escaped, isNested(data[from:i])
		} else {
			d.mark()
			d.putScanned(r, member{name: name, raw: data[from:i], quoted: escaped, nested: isNested(data[from:i])})
		}
		if i = jsonscan.Space(data, i); i >= len(data) {
			return -1
		}
		if data[i] == '}' {
			if regular {
				d.marks = r.usualMarks[len(d.members)-1]
			}
			return i + 1
		}
		if data[i] != ',' {
			return -1
		}
		i = jsonscan.Space(data, i+1)
	}
}

// put appends a member, or replaces the value of the one of that name.
func (d *document) put(m member) {
	if i := d.find(m.name); i >= 0 {
		d.members[i].raw, d.members[i].nested = m.raw, m.nested
		return
	}
	d.append(m)
}

func (d *document) append(m member) {
	d.members = append(d.members, m)
	d.marks |= mark(m.name)
}

// mark sets the marks of the members that were scanned without.
func (d *document) mark() {
	if d.marks != 0 {
		return
	}
	for i := range d.members {
		d.marks |= mark(d.members[i].name)
	}
}

// manyMembers is from where on names are looked up in a map.
const manyMembers = 48

// putScanned puts a member of the payload that is not known to be new.
func (d *document) putScanned(r *run, m member) {
	place := len(d.members)
	if place < manyMembers {
		d.put(m)
		return
	}
	if place == manyMembers {
		r.index = d.indexed()
	}
	if i, known := r.index[string(m.name)]; known {
		d.members[i].raw, d.members[i].nested = m.raw, m.nested
		return
	}
	r.index[string(m.name)] = place
	d.append(m)
}

func (d *document) indexed() map[string]int {
	index := make(map[string]int, 2*manyMembers)
	for i := range d.members {
		index[string(d.members[i].name)] = i
	}
	return index
}

// isUsual reports whether the name at this place is new, which is known without
// a comparison if it is that of the message before.
func (r *run) isUsual(place int, name []byte) bool {
	if place < len(r.usual) && string(r.usual[place]) == string(name) {
		return true
	}
	return r.becomesUsual(place, name)
}

func (r *run) becomesUsual(place int, name []byte) bool {
	if place >= manyMembers {
		return false
	}
	r.usual = r.usual[:min(place, len(r.usual))]
	for _, other := range r.usual {
		if string(other) == string(name) {
			return false
		}
	}
	r.usual = slices.Grow(r.usual, 1)[:place+1]
	r.usual[place] = append(r.usual[place][:0], name...)
	r.usualMarks[place] = mark(name)
	if place > 0 {
		r.usualMarks[place] |= r.usualMarks[place-1]
	}
	return true
}

// find returns the index of a member, -1 if there is none.
func (d *document) find(name []byte) int {
	if d.marks&mark(name) == 0 {
		return -1
	}
	for i := range d.members {
		if string(d.members[i].name) == string(name) {
			return i
		}
	}
	return -1
}

// remove drops a member.
func (d *document) remove(i int) { d.members = append(d.members[:i], d.members[i+1:]...) }

// appendJSON writes the message, compact.
func (d *document) appendJSON(b []byte) []byte {
	b = append(b, '{')
	for i := range d.members {
		m := &d.members[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = m.appendName(b)
		if b = append(b, ':'); m.nested {
			b = jsonscan.AppendCompact(b, m.raw)
		} else {
			b = append(b, m.raw...)
		}
	}
	return append(b, '}')
}

func (m *member) appendName(b []byte) []byte {
	if m.quoted {
		return appendQuoted(b, m.name)
	}
	return append(append(append(b, '"'), m.name...), '"')
}
