package pipeline

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
	"github.com/iotenant/iotenant/internal/jsonscan"
)

// path is where in a message an attribute is.
type path struct {
	// whole is the path as it was written, which may be the name of a root
	// attribute itself.
	whole    attribute
	root     attribute
	segments []segment // from the root on
}

// attribute is the name of an attribute at the root.
type attribute struct {
	name []byte
	// number counts the attributes of a pipeline, see shape.places.
	number int
	quoted bool // in JSON it needs escapes
}

// numbering counts the attributes of a pipeline.
type numbering int

func (n *numbering) attribute(name []byte) attribute {
	*n++
	return attribute{name: name, number: int(*n) - 1, quoted: needsEscapes(name)}
}

func (n *numbering) path(text []byte, segments []segment) *path {
	return &path{n.attribute(text), n.attribute(segments[0].name), segments}
}

func needsEscapes(name []byte) bool {
	return bytes.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == '"' || c == '\\' })
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
	if len(p.segments) > 1 {
		return r.lookupNested(d, p)
	}
	if places := d.places(); places != nil { // as find has it, without a call
		if place := int(places[p.root.number]); place < d.regular {
			return d.members[place].raw
		}
	}
	if i := r.root(d, p); i >= 0 {
		return d.members[i].raw
	}
	return nil
}

func (r *run) lookupNested(d *document, p *path) []byte {
	if !r.semantics.NoLiteralKeys {
		if i := r.find(d, &p.whole); i >= 0 {
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

// find returns the index of an attribute, -1 if it is not there.
func (r *run) find(d *document, a *attribute) int {
	places := d.places()
	if places == nil {
		return d.find(a.name)
	}
	place := int(places[a.number])
	if place < d.regular || place < len(d.members) && string(d.members[place].name) == string(a.name) {
		return place
	}
	if place == absent {
		return d.findFrom(d.regular, a.name)
	}
	place = d.find(a.name)
	d.shape.learn(a, place)
	return place
}

// root returns the index of the first segment's member, -1 if there is none.
func (r *run) root(d *document, p *path) int {
	if i := r.find(d, &p.root); i >= 0 || r.semantics.ExactCase {
		return i
	}
	name, found := p.root.name, -1
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
		end = jsonscan.Skip(raw, i)
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
	start = -1
	for i := jsonscan.Space(raw, 1); raw[i] != '}'; {
		nameEnd, escaped := jsonscan.String(raw, i+1)
		from := jsonscan.Space(raw, jsonscan.Space(raw, nameEnd+1)+1)
		to := jsonscan.Skip(raw, from)
		switch {
		case string(raw[i+1:nameEnd]) == string(name), escaped && string(jsonscan.AppendText(nil, raw[i+1:nameEnd])) == string(name):
			start, end = from, to
		}
		if i = jsonscan.Space(raw, to); raw[i] == ',' {
			i = jsonscan.Space(raw, i+1)
		}
	}
	if start < 0 && !r.semantics.ExactCase {
		return foldedMemberOf(raw, name)
	}
	return start, end
}

// foldedMemberOf finds the only member that differs from the name in case, of
// several the last.
func foldedMemberOf(raw, name []byte) (start, end int) {
	start = -1
	var found []byte
	for m := range members(raw) {
		if len(m.name) != len(name) || !bytes.EqualFold(m.name, name) {
			continue
		}
		if start >= 0 && string(found) != string(m.name) {
			return -1, -1
		}
		start, end, found = m.start, m.end, m.name
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
			m.end = jsonscan.Skip(raw, m.start)
			if !yield(m) {
				return
			}
			if i = jsonscan.Space(raw, m.end); raw[i] == ',' {
				i = jsonscan.Space(raw, i+1)
			}
		}
	}
}

// without returns JSON without the member at the segments, of which the last
// names one. The result is raw itself if there is none.
func (r *run) without(raw []byte, segments []segment) []byte {
	start, end := r.step(raw, &segments[0])
	if start < 0 {
		return raw
	}
	if len(segments) == 1 {
		name := nameAt(raw, start)
		return r.edit(raw, func(b []byte, m nestedMember) ([]byte, bool) {
			return append(b, raw[m.from:m.end]...), string(m.name) != string(name)
		})
	}
	inner := r.without(raw[start:end], segments[1:])
	if len(inner) == end-start {
		return raw
	}
	return slices.Concat(raw[:start], inner, raw[end:])
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
