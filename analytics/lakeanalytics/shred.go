package lakeanalytics

import (
	"math"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

// part is a node of the columns of a file: it takes JSON apart into the values
// of leaves, with their repetition and definition levels, as Dremel has it
// (Melnik and others: "Dremel: interactive analysis of web-scale datasets",
// VLDB 2010).
type part struct {
	column
	// def is the definition level of a value that is there, and rep the
	// repetition level of what follows another in the same array or map.
	def, rep int
	// first and last are the leaves below, the latter excluded.
	first, last int
	parts       []*part
	fields      map[string]int // those of a struct with many
}

// newPart numbers the leaves of a column and of what nests in it from leaf on.
func newPart(c *column, rep, def, leaf int, required bool) *part {
	p := &part{column: *c, rep: rep, def: def + 1, first: leaf, last: leaf + 1}
	if required {
		p.def = def
	}
	switch c.kind {
	case kindArray:
		p.rep++
		p.nest(newPart(&c.parts[0], p.rep, p.def+1, leaf, false))
	case kindMap:
		p.rep++
		p.nest(newPart(&c.parts[0], p.rep, p.def+1, leaf, true))
		p.nest(newPart(&c.parts[1], p.rep, p.def+1, p.last, false))
	case kindStruct:
		for i := range c.parts {
			p.nest(newPart(&c.parts[i], p.rep, p.def, p.last-1+min(i, 1), false))
		}
		if len(p.parts) > fewFields {
			p.fields = make(map[string]int, len(p.parts))
			for i := range p.parts {
				p.fields[p.parts[i].name] = i
			}
		}
	}
	return p
}

func (p *part) nest(child *part) { p.parts, p.last = append(p.parts, child), child.last }

// fewFields are looked for one after the other.
const fewFields = 8

// shredder gives values to the chunks of their leaves.
type shredder struct {
	leaves []*chunk
	text   []byte   // of the value that is converted
	raws   [][]byte // of the open structs, one after the other
	name   []byte
	misfit bool // a value of the column did not fit
}

// null adds a NULL for every leaf of a part that is not there: def is how much
// of its path is.
func (s *shredder) null(p *part, rep, def int) {
	for _, leaf := range s.leaves[p.first:p.last] {
		leaf.null(rep, def)
	}
}

// value adds a value in checked JSON: what nil, null or does not fit is NULL.
func (s *shredder) value(p *part, raw []byte, rep, def int) {
	if raw == nil || raw[0] == 'n' {
		s.null(p, rep, def)
		return
	}
	if p.kind == kindDouble && raw[0] != '"' { // what most values are
		if f, near, ok := plainDouble(raw); ok {
			s.leaves[p.first].number(math.Float64bits(f), near, rep)
			return
		}
	}
	fits := true
	switch {
	case p.kind < kindArray:
		fits = s.leaf(s.leaves[p.first], raw, rep)
	case p.kind == kindArray && raw[0] == '[':
		s.array(p, raw, rep)
	case p.kind == kindMap && raw[0] == '{':
		s.mapping(p, raw, rep)
	case p.kind == kindStruct && raw[0] == '{':
		s.structure(p, raw, rep)
	default:
		fits = false
	}
	if !fits {
		s.misfit = true
		s.null(p, rep, def)
	}
}

func (s *shredder) array(p *part, raw []byte, rep int) {
	i := jsonscan.Space(raw, 1)
	if raw[i] == ']' {
		s.null(p, rep, p.def)
		return
	}
	for raw[i] != ']' {
		end := jsonscan.Skip(raw, i)
		s.value(p.parts[0], raw[i:end], rep, p.def+1)
		rep = p.rep
		if i = jsonscan.Space(raw, end); raw[i] == ',' {
			i = jsonscan.Space(raw, i+1)
		}
	}
}

// mapping adds an object as a map. Of members with one name the last stands;
// a name that does not fit the type of the key drops its member.
func (s *shredder) mapping(p *part, raw []byte, rep int) {
	key, empty := p.parts[0], true
	last := s.lastMembers(raw)
	n := 0
	for name, value := range checkedMembers(raw) {
		n++
		if last != nil && last[string(name)] != n {
			continue
		}
		s.name = appendQuoted(s.name[:0], name)
		if !s.leaf(s.leaves[key.first], s.name, rep) {
			s.misfit = true
			continue
		}
		s.value(p.parts[1], value, rep, p.def+1)
		rep, empty = p.rep, false
	}
	if empty {
		s.null(p, rep, p.def)
	}
}

// lastMembers returns the number, from 1, of the last member of each name, nil
// if no name occurs twice.
func (s *shredder) lastMembers(raw []byte) map[string]int {
	last, total := map[string]int{}, 0
	for name := range checkedMembers(raw) {
		total++
		last[string(name)] = total
	}
	if len(last) == total {
		return nil
	}
	return last
}

// structure adds an object as a struct; what is no field of it is not kept.
func (s *shredder) structure(p *part, raw []byte, rep int) {
	base := len(s.raws)
	for range p.parts {
		s.raws = append(s.raws, nil)
	}
	for name, value := range checkedMembers(raw) {
		s.name = appendLower(s.name[:0], name)
		if i := p.field(s.name); i >= 0 {
			s.raws[base+i] = value
		}
	}
	for i, child := range p.parts {
		s.value(child, s.raws[base+i], rep, p.def)
	}
	s.raws = s.raws[:base]
}

// field returns the place of a field by its name in lower case, -1 if there is
// none.
func (p *part) field(name []byte) int {
	if p.fields != nil {
		if i, ok := p.fields[string(name)]; ok {
			return i
		}
		return -1
	}
	for i := range p.parts {
		if p.parts[i].name == string(name) {
			return i
		}
	}
	return -1
}

func appendLower(b, name []byte) []byte {
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}
