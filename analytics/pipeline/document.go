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
	// shape is the one that was scanned, if it still has the generation. The
	// first members, as many as are regular, stand where it has them.
	shape      *shape
	generation uint64
	regular    int
	// tidy: a data store can take all names at the root.
	tidy bool
}

// scan reads the payload; of members that occur twice the last value stands, at
// the place of the first.
func (d *document) scan(r *run, payload []byte) {
	d.payload, d.members, d.valid, d.tidy, d.shape, d.regular = payload, d.members[:0], false, false, nil, 0
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
	for s := r.shapes.last; ; {
		place := len(d.members)
		var name []byte
		escaped := false
		if end := s.nameAt(place, data, i); end > 0 {
			name, i = data[i+1:end-2], end
		} else {
			if name, escaped, i = scanName(data, i); i < 0 {
				return -1
			}
			if s != nil {
				s = r.shapes.next(s, place, name)
			}
		}
		from := jsonscan.Space(data, i)
		if i = jsonscan.Value(data, from, r.maxDepth-1); i < 0 {
			return -1
		}
		nested := data[from] == '{' || data[from] == '['
		if s != nil {
			if place == cap(d.members) {
				d.members = slices.Grow(d.members, 1)
			}
			d.members = d.members[:place+1]
			m := &d.members[place] // set in place: this is the hottest line
			m.name, m.raw, m.quoted, m.nested = name, data[from:i], escaped, nested
		} else {
			d.putScanned(r, member{name: name, raw: data[from:i], quoted: escaped, nested: nested})
		}
		if i = jsonscan.Space(data, i); i >= len(data) {
			return -1
		}
		if data[i] == '}' {
			if s != nil {
				d.shape, d.generation, d.regular = s, s.generation, len(d.members)
				r.shapes.last = s
			}
			return i + 1
		}
		if data[i] != ',' {
			return -1
		}
		i = jsonscan.Space(data, i+1)
	}
}

// scanName reads a name and its colon. next is negative if there is none.
func scanName(data []byte, i int) (name []byte, escaped bool, next int) {
	if i >= len(data) || data[i] != '"' {
		return nil, false, -1
	}
	end, escaped := jsonscan.String(data, i+1)
	if end < 0 {
		return nil, false, -1
	}
	name = data[i+1 : end]
	if i = jsonscan.Space(data, end+1); i >= len(data) || data[i] != ':' {
		return nil, false, -1
	}
	if escaped {
		name = jsonscan.AppendText(nil, name)
	}
	return name, escaped, i + 1
}

// places tell where attributes are, nil if that is not known; see shape.places.
func (d *document) places() []int32 {
	if d.shape == nil || d.shape.generation != d.generation {
		return nil
	}
	return d.shape.places
}

// put appends a member, or replaces the value of the one at i.
func (d *document) put(i int, m member) {
	if i >= 0 {
		d.members[i].raw, d.members[i].nested = m.raw, m.nested
		return
	}
	d.members = append(d.members, m)
	d.tidy = false
}

// manyMembers is from where on names are looked up in a map.
const manyMembers = 48

// putScanned puts a member of the payload that is not known to be new.
func (d *document) putScanned(r *run, m member) {
	place := len(d.members)
	if place < manyMembers {
		d.put(d.find(m.name), m)
		return
	}
	if place == manyMembers {
		r.index = d.indexed()
	}
	i, known := r.index[string(m.name)]
	if !known {
		r.index[string(m.name)] = place
		i = -1
	}
	d.put(i, m)
}

func (d *document) indexed() map[string]int {
	index := make(map[string]int, 2*manyMembers)
	for i := range d.members {
		index[string(d.members[i].name)] = i
	}
	return index
}

// find returns the index of a member, -1 if there is none.
func (d *document) find(name []byte) int { return d.findFrom(0, name) }

func (d *document) findFrom(first int, name []byte) int {
	for i := first; i < len(d.members); i++ {
		if string(d.members[i].name) == string(name) {
			return i
		}
	}
	return -1
}

// remove drops a member.
func (d *document) remove(i int) {
	d.members, d.regular = append(d.members[:i], d.members[i+1:]...), min(d.regular, i)
}

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
