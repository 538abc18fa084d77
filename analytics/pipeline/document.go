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
	// shape is the one that was scanned, if it still has the generation. The
	// first members, as many as are regular, stand where it has them.
	shape      *shape
	generation uint64
	regular    int
	// tidy: a data store can take all names at the root.
	tidy bool
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
	d.payload, d.members, d.marks, d.valid, d.tidy, d.shape, d.regular = payload, d.members[:0], 0, false, false, nil, 0
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
		if s != nil && place < len(s.names) && hasAt(data, i, s.names[place].token) {
			end := i + len(s.names[place].token)
			name, i = data[i+1:end-2], end
		} else {
			if name, escaped, i = scanName(data, i); i < 0 {
				return -1
			}
			if s != nil {
				s = d.reshape(r, s, name)
			}
		}
		from := jsonscan.Space(data, i)
		if i = jsonscan.Value(data, from, r.maxDepth-1); i < 0 {
			return -1
		}
		if s != nil {
			if place == cap(d.members) {
				d.members = slices.Grow(d.members, 1)
			}
			d.members = d.members[:place+1]
			m := &d.members[place] // set in place: this is the hottest line
			m.name, m.raw, m.quoted, m.nested = name, data[from:i], escaped, isNested(data[from:i])
		} else {
			d.putScanned(r, member{name: name, raw: data[from:i], quoted: escaped, nested: isNested(data[from:i])})
		}
		if i = jsonscan.Space(data, i); i >= len(data) {
			return -1
		}
		if data[i] == '}' {
			if s != nil {
				d.regular, d.marks = len(d.members), s.names[place].marks
				d.shape, d.generation, r.shapes.last = s, s.generation, s
			}
			return i + 1
		}
		if data[i] != ',' {
			return -1
		}
		i = jsonscan.Space(data, i+1)
	}
}

// hasAt reports whether a token stands at i.
func hasAt(data []byte, i int, token []byte) bool {
	return i+len(token) <= len(data) && string(data[i:i+len(token)]) == string(token)
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

// reshape returns the shape with which a message goes on, nil if its names are
// to be compared from here on.
func (d *document) reshape(r *run, s *shape, name []byte) *shape {
	place := len(d.members)
	next := r.shapes.next(s, place, name)
	if next == nil && place > 0 {
		d.marks = s.names[place-1].marks
	}
	return next
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
	d.tidy = false
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
