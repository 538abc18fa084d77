package pipeline

import (
	"math"
	"slices"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

// shape is what messages of one kind have in common: their names at the root, in
// order. A message whose names are known at a glance needs neither a scan of
// them, nor comparisons to find an attribute.
type shape struct {
	names []shapeName
	// places tell for each path of the pipeline where its root member was the
	// last time, or unknownPlace.
	places []uint32
	// generation changes when the shape makes room for another.
	generation uint64
}

type shapeName struct {
	name []byte
	// token is the name as it stands in most payloads: in quotes, with a colon.
	// It is noToken if it needs escapes.
	token []byte
	// marks are those of the names up to this one.
	marks uint64
}

const (
	// manyShapes is how many kinds of messages are known at a time.
	manyShapes   = 8
	unknownPlace = math.MaxUint32
	noToken      = 0 // stands in no JSON
)

// shapes are the kinds of messages that a run met. The one met last is tried
// first.
type shapes struct {
	known [manyShapes]shape
	last  *shape
	used  int // how many were ever begun
	paths int
}

func (s *shapes) reset(paths int) {
	*s = shapes{paths: paths}
	s.last = s.begin(nil, 0)
}

// begin returns a shape of its own that begins with the first names of another.
func (s *shapes) begin(other *shape, names int) *shape {
	fresh := &s.known[s.used%manyShapes]
	if s.used++; fresh == other {
		fresh.names = fresh.names[:names]
	} else {
		fresh.names = fresh.names[:0]
		for i := range names {
			fresh.extend(other.names[i].name)
		}
	}
	fresh.generation = uint64(s.used)
	fresh.places = slices.Grow(fresh.places[:0], s.paths)[:s.paths]
	for i := range fresh.places {
		fresh.places[i] = unknownPlace
	}
	return fresh
}

// extend appends a name.
func (s *shape) extend(name []byte) {
	place := len(s.names)
	s.names = slices.Grow(s.names, 1)[:place+1]
	n := &s.names[place]
	n.name = append(n.name[:0], name...)
	n.token = append(append(append(n.token[:0], '"'), name...), '"', ':')
	if end, escaped := jsonscan.String(n.token, 1); end != 1+len(name) || escaped {
		n.token = append(n.token[:0], noToken)
	}
	if n.marks = mark(name); place > 0 {
		n.marks |= s.names[place-1].marks
	}
}

// is reports whether a name stands at a place.
func (s *shape) is(place int, name []byte) bool {
	return place < len(s.names) && string(s.names[place].name) == string(name)
}

// begins reports whether both begin with the same names.
func (s *shape) begins(other *shape, names int) bool {
	if s == other {
		return true
	}
	for i := range names {
		if !s.is(i, other.names[i].name) {
			return false
		}
	}
	return true
}

// next returns the shape of a message that goes on with a name at a place,
// after names as at has them; nil if the name is among them, or there are too
// many.
func (s *shapes) next(at *shape, place int, name []byte) *shape {
	if at.is(place, name) {
		return at
	}
	for i := range min(s.used, manyShapes) {
		if t := &s.known[i]; t.is(place, name) && t.begins(at, place) {
			return t
		}
	}
	if place >= manyMembers {
		return nil
	}
	for i := range place {
		if string(at.names[i].name) == string(name) {
			return nil
		}
	}
	if place < len(at.names) {
		at = s.begin(at, place)
	}
	at.extend(name)
	return at
}
