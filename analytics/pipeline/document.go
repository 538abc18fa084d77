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
}

// scan reads the payload; of members that occur twice the last value stands, at
// the place of the first.
func (d *document) scan(r *run, payload []byte) {
	d.payload, d.members, d.valid = payload, d.members[:0], false
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
		i = jsonscan.Space(data, i+1)
		m := member{name: data[start:end]}
		if escaped {
			m.name, m.quoted = jsonscan.AppendText(nil, m.name), true
		}
		from := i
		if i = jsonscan.Value(data, i, r.maxDepth-1); i < 0 {
			return -1
		}
		m.raw = data[from:i]
		m.nested = data[from] == '{' || data[from] == '['
		regular = d.putScanned(r, m, regular)
		if i = jsonscan.Space(data, i); i >= len(data) {
			return -1
		}
		if data[i] == '}' {
			return i + 1
		}
		if data[i] != ',' {
			return -1
		}
		i = jsonscan.Space(data, i+1)
	}
}

// put appends a member, or replaces the value of the one of that name. fresh:
// it is known that there is none.
func (d *document) put(m member, fresh bool) {
	if !fresh {
		if i := d.find(m.name); i >= 0 {
			d.members[i].raw, d.members[i].nested = m.raw, m.nested
			return
		}
	}
	d.members = append(d.members, m)
}

// manyMembers is from where on names are looked up in a map.
const manyMembers = 48

// putScanned appends a member that was scanned. regular: the members before are
// those of the message before, in the same order.
func (d *document) putScanned(r *run, m member, regular bool) (stillRegular bool) {
	place := len(d.members)
	if place < manyMembers {
		regular = regular && r.isUsual(place, m.name)
		d.put(m, regular)
		return regular
	}
	if place == manyMembers {
		r.index = d.indexed()
	}
	if i, known := r.index[string(m.name)]; known {
		d.members[i].raw, d.members[i].nested = m.raw, m.nested
		return false
	}
	r.index[string(m.name)] = place
	d.members = append(d.members, m)
	return false
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
	r.usual = r.usual[:min(place, len(r.usual))]
	for _, other := range r.usual {
		if string(other) == string(name) {
			return false
		}
	}
	r.usual = slices.Grow(r.usual, 1)[:place+1]
	r.usual[place] = append(r.usual[place][:0], name...)
	return true
}

// find returns the index of a member, -1 if there is none.
func (d *document) find(name []byte) int {
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
			b = appendCompact(b, m.raw)
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
