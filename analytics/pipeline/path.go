package pipeline

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
	"github.com/iotenant/iotenant/internal/jsonscan"
)

// path is where in a message an attribute is.
type path struct {
	// text is the path as it was written, which may be the name of a root
	// attribute itself.
	text     []byte
	segments []segment
	// number counts the paths of a pipeline, see shape.places.
	number int
}

type segment struct {
	name  []byte
	index int // if name is nil
}

// maxIndex is the highest index of an array element.
const maxIndex = 1 << 30

// parsePath reads name('.'name | '['digits']')*. A name may stand in backticks
// or double quotes, and then hold anything else.
func parsePath(text string) ([]segment, error) {
	fail := func(at int, message string) ([]segment, error) {
		return nil, &exprlang.Error{Source: text, Offset: at, Message: message}
	}
	var segments []segment
	i := 0
	for {
		name, next := pathName(text, i)
		if name == "" {
			return fail(i, "want a name")
		}
		if next < 0 {
			return fail(i, "the quoted name does not end")
		}
		segments, i = append(segments, segment{name: []byte(name)}), next
		for i < len(text) && text[i] == '[' {
			end := strings.IndexByte(text[i:], ']')
			if end < 0 {
				return fail(i, "want ']'")
			}
			index, err := strconv.Atoi(text[i+1 : i+end])
			if err != nil || index < 0 || index > maxIndex || text[i+1] == '+' || text[i+1] == '-' {
				return fail(i+1, "want an array index from 0")
			}
			segments, i = append(segments, segment{index: index}), i+end+1
		}
		if i == len(text) {
			return segments, nil
		}
		if text[i] != '.' {
			return fail(i, "want '.', '[' or the end")
		}
		i++
	}
}

// pathName reads a name at i. next is negative if its quotes don't end.
func pathName(text string, i int) (name string, next int) {
	if i < len(text) && (text[i] == '`' || text[i] == '"') {
		end := strings.IndexByte(text[i+1:], text[i])
		if end < 0 {
			return text[i:], -1
		}
		return text[i+1 : i+1+end], i + 1 + end + 1
	}
	end := strings.IndexAny(text[i:], ".[]`\"")
	if end < 0 {
		return text[i:], len(text)
	}
	return text[i : i+end], i + end
}

// plain reports whether the path is the name of a root attribute.
func (p *path) plain() bool { return len(p.segments) == 1 }

// last returns the name of the last segment, nil for an index.
func (p *path) last() []byte { return p.segments[len(p.segments)-1].name }

// lookup returns the JSON at the path, nil if there is nothing.
func (r *run) lookup(d *document, p *path) []byte {
	if !p.plain() && !r.semantics.NoLiteralKeys {
		if i := d.find(p.text); i >= 0 {
			return d.members[i].raw
		}
	}
	i := r.root(d, p)
	if i < 0 {
		return nil
	}
	raw := d.members[i].raw
	for j := range p.segments[1:] {
		start, end := r.step(raw, &p.segments[1+j])
		if start < 0 {
			return nil
		}
		raw = raw[start:end]
	}
	return raw
}

// root returns the index of the first segment's member, -1 if there is none.
func (r *run) root(d *document, p *path) int {
	if s := d.shape; s != nil && s.generation == d.generation {
		place := int(s.places[p.number])
		if place < d.regular || place < len(d.members) && string(d.members[place].name) == string(p.segments[0].name) {
			return place
		}
	}
	return r.search(d, p)
}

// search looks for the first segment's member, and remembers its place.
func (r *run) search(d *document, p *path) int {
	name := p.segments[0].name
	if i := d.find(name); i >= 0 {
		if s := d.shape; s != nil && s.generation == d.generation {
			s.places[p.number] = uint32(i)
		}
		return i
	}
	if r.semantics.ExactCase {
		return -1
	}
	found := -1
	for i := range d.members {
		if len(d.members[i].name) == len(name) && bytes.EqualFold(d.members[i].name, name) {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

// step returns where in the JSON the segment's value is, or a negative number.
func (r *run) step(raw []byte, s *segment) (start, end int) {
	switch {
	case s.name == nil && raw[0] == '[':
		return element(raw, s.index)
	case s.name != nil && raw[0] == '{':
		return r.memberOf(raw, s.name)
	}
	return -1, -1
}

func element(raw []byte, index int) (start, end int) {
	for i := jsonscan.Space(raw, 1); raw[i] != ']'; index-- {
		end = jsonscan.Value(raw, i, len(raw))
		if index == 0 {
			return i, end
		}
		if i = jsonscan.Space(raw, end); raw[i] == ',' {
			i = jsonscan.Space(raw, i+1)
		}
	}
	return -1, -1
}

// memberOf finds the last member of the name, else the only one that differs in
// case.
func (r *run) memberOf(raw, name []byte) (start, end int) {
	start, folded := -1, 0
	var foldedStart, foldedEnd int
	var foldedName []byte
	for m := range members(raw) {
		switch {
		case string(m.name) == string(name):
			start, end = m.start, m.end
		case len(m.name) == len(name) && bytes.EqualFold(m.name, name):
			if folded == 0 || string(foldedName) != string(m.name) {
				folded++
			}
			foldedStart, foldedEnd, foldedName = m.start, m.end, m.name
		}
	}
	if start < 0 && folded == 1 && !r.semantics.ExactCase {
		return foldedStart, foldedEnd
	}
	return start, end
}

// nestedMember is a member of an object below the root. from is where its name
// begins, start to end is its value.
type nestedMember struct {
	name             []byte
	from, start, end int
}

// members iterates over the members of an object in checked JSON.
func members(raw []byte) func(yield func(nestedMember) bool) {
	return func(yield func(nestedMember) bool) {
		for i := jsonscan.Space(raw, 1); raw[i] != '}'; {
			end, escaped := jsonscan.String(raw, i+1)
			m := nestedMember{name: raw[i+1 : end], from: i}
			if escaped {
				m.name = jsonscan.AppendText(nil, m.name)
			}
			m.start = jsonscan.Space(raw, jsonscan.Space(raw, end+1)+1)
			m.end = jsonscan.Value(raw, m.start, len(raw))
			if !yield(m) {
				return
			}
			if i = jsonscan.Space(raw, m.end); raw[i] == ',' {
				i = jsonscan.Space(raw, i+1)
			}
		}
	}
}

// without returns an object without the member at the segments, which name
// members only. The result is raw itself if there is none.
func (r *run) without(raw []byte, segments []segment) []byte {
	if raw[0] != '{' {
		return raw
	}
	start, end := r.memberOf(raw, segments[0].name)
	if start < 0 {
		return raw
	}
	var inner []byte
	if len(segments) > 1 {
		inner = r.without(raw[start:end], segments[1:])
		if len(inner) == end-start {
			return raw
		}
	}
	return r.edit(raw, func(b []byte, m nestedMember) ([]byte, bool) {
		switch {
		case len(segments) == 1 && string(m.name) == string(nameAt(raw, start)):
			return b, false
		case len(segments) > 1 && m.start == start:
			return append(append(b, raw[m.from:m.start]...), inner...), true
		}
		return append(b, raw[m.from:m.end]...), true
	})
}

// nameAt returns the name of the member whose value starts at start.
func nameAt(raw []byte, start int) []byte {
	for m := range members(raw) {
		if m.start == start {
			return m.name
		}
	}
	return nil
}

// edit writes an object anew. write appends a member, or leaves it out.
func (r *run) edit(raw []byte, write func(b []byte, m nestedMember) ([]byte, bool)) []byte {
	b := []byte{'{'}
	first := true
	for m := range members(raw) {
		mark := len(b)
		if !first {
			b = append(b, ',')
		}
		var kept bool
		if b, kept = write(b, m); !kept {
			b = b[:mark]
			continue
		}
		first = false
	}
	return append(b, '}')
}

// pathError tells what is wrong with a path.
func pathError(message string) string { return "want a path such as device.coord[0]: " + message }
