package pipeline

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

// shape is what messages of one kind have in common: their names at the root, in
// order. A message whose names are known at a glance needs neither a scan of
// them, nor comparisons to find an attribute.
type shape struct {
	names []shapeName
	// places tell for each attribute of the pipeline where it is among the names,
	// or where it was after them the last time, or that it is absent, or that its
	// place is unknown.
	places []int32
	// generation changes when the shape makes room for another.
	generation uint64
}

type shapeName struct {
	name []byte
	// token is the name as it stands in most payloads: in quotes, with a colon.
	// It is empty if it needs escapes.
	token []byte
	// first are its first eight bytes, as mask has them, and last its last eight
	// if it has more. mask is 0 if it has more than both, or none.
	first, mask, last uint64
}

const (
	// manyShapes is how many kinds of messages are known at a time.
	manyShapes   = 8
	unknownPlace = math.MaxInt32
	absent       = math.MaxInt32 - 1
)

// shapes are the kinds of messages that a run met. The one met last is tried
// first.
type shapes struct {
	known      [manyShapes]shape
	last       *shape
	used       int // how many were ever begun
	attributes int
}

func (s *shapes) reset(attributes int) {
	*s = shapes{attributes: attributes}
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
	fresh.places = slices.Grow(fresh.places[:0], s.attributes)[:s.attributes]
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
		n.token = n.token[:0]
	}
	n.setWords()
	for i := range s.places {
		if int(s.places[i]) >= place {
			s.places[i] = unknownPlace
		}
	}
}

// setWords sets the token as words, which are compared without a call.
func (n *shapeName) setWords() {
	var start [8]byte
	copy(start[:], n.token)
	n.first, n.mask, n.last = binary.LittleEndian.Uint64(start[:]), math.MaxUint64, 0
	switch size := len(n.token); {
	case size == 0:
		n.mask = 0
	case size < 8:
		n.mask >>= 8 * (8 - size)
	case size <= 16:
		n.last = binary.LittleEndian.Uint64(n.token[size-8:])
	default:
		n.mask = 0
	}
}

// nameAt returns where the token of a place ends that stands at i, 0 if it does
// not.
func (s *shape) nameAt(place int, data []byte, i int) (end int) {
	if s == nil || place >= len(s.names) {
		return 0
	}
	n := &s.names[place]
	if end = i + len(n.token); end > len(data) {
		return 0
	}
	if n.mask != 0 && i+8 <= len(data) {
		if (binary.LittleEndian.Uint64(data[i:])^n.first)&n.mask != 0 || len(n.token) > 8 && binary.LittleEndian.Uint64(data[end-8:]) != n.last {
			return 0
		}
		return end
	}
	if len(n.token) > 0 && string(data[i:end]) == string(n.token) {
		return end
	}
	return 0
}

// learn takes the place of an attribute in a message, negative if it is not
// there.
func (s *shape) learn(a *attribute, place int) {
	switch {
	case place >= len(s.names), place >= 0 && s.is(place, a.name):
		s.places[a.number] = int32(place)
	case place < 0 && !slices.ContainsFunc(s.names, func(n shapeName) bool { return string(n.name) == string(a.name) }):
		s.places[a.number] = absent
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
