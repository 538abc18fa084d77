package detector

import (
	"slices"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// slot holds the value of one attribute. A String lies in a text beside the
// slots: bits is its offset and length there.
type slot struct {
	bits uint64
	kind Kind
}

func textSlot(offset, end int) slot {
	return slot{bits: uint64(offset)<<32 | uint64(end-offset), kind: String}
}

// in returns the bytes of a String slot in its text.
func (s *slot) in(text []byte) []byte {
	offset := s.bits >> 32
	return text[offset : offset+s.bits&0xffffffff]
}

// node is a step of the attribute paths that a model reads of one input. The
// slots of the paths through a node are consecutive, from low to high.
type node struct {
	members []member
	byName  map[string]*node // only for more than maxLinear members
	items   []item
	slot    int32 // -1: no path ends here
	low     int32
	high    int32
	isKey   bool // the path of the routing key ends here
	hasKey  bool // the path of the routing key goes through here
}

type member struct {
	name string
	node *node
}

type item struct {
	index int
	node  *node
}

// maxLinear is how many members are found faster by comparing than by hashing.
const maxLinear = 12

func newNode() *node { return &node{slot: -1} }

// insert returns the node at the end of the path, made if need be.
func (n *node) insert(path []exprlang.Segment) *node {
	for _, segment := range path {
		n = n.child(segment)
	}
	return n
}

func (n *node) child(segment exprlang.Segment) *node {
	if segment.IsIndex {
		for _, i := range n.items {
			if i.index == segment.Index {
				return i.node
			}
		}
		n.items = append(n.items, item{segment.Index, newNode()})
		return n.items[len(n.items)-1].node
	}
	for _, m := range n.members {
		if m.name == segment.Name {
			return m.node
		}
	}
	n.members = append(n.members, member{segment.Name, newNode()})
	return n.members[len(n.members)-1].node
}

// wanted marks a node as the end of a path that expressions read, until
// number gives it its slot.
const wanted = -2

// number gives the nodes their slots, from next on, and returns the next one.
func (n *node) number(next int32) int32 {
	n.low = next
	if n.slot == wanted {
		n.slot = next
		next++
	}
	n.hasKey = n.isKey
	for _, m := range n.members {
		next = m.node.number(next)
		n.hasKey = n.hasKey || m.node.hasKey
	}
	slices.SortFunc(n.items, func(a, b item) int { return a.index - b.index })
	for _, i := range n.items {
		next = i.node.number(next)
		n.hasKey = n.hasKey || i.node.hasKey
	}
	if len(n.members) > maxLinear {
		n.byName = make(map[string]*node, len(n.members))
		for _, m := range n.members {
			n.byName[m.name] = m.node
		}
	}
	n.high = next
	return next
}

// find returns the member of that name, or nil.
func (n *node) find(name []byte) *node {
	if n.byName != nil {
		return n.byName[string(name)]
	}
	for i := range n.members {
		if m := &n.members[i]; m.name == string(name) {
			return m.node
		}
	}
	return nil
}

// item returns the element at the index, or nil.
func (n *node) item(index int) *node {
	for i := range n.items {
		if n.items[i].index == index {
			return n.items[i].node
		}
	}
	return nil
}

// paths stores the paths of the slots at and below n, which lies at the path.
func (n *node) paths(path []exprlang.Segment, paths []string) {
	if n.slot >= 0 {
		paths[n.slot] = exprlang.FormatPath(path)
	}
	for _, m := range n.members {
		m.node.paths(append(path, exprlang.Segment{Name: m.name}), paths)
	}
	for _, i := range n.items {
		i.node.paths(append(path, exprlang.Segment{Index: i.index, IsIndex: true}), paths)
	}
}
