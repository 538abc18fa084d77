package disktest

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// node is a file or directory. Files may have several names.
type node struct {
	content
	*dir     // nil for a file
	modified time.Time
}

// dir holds names as they are, as they are on the disk, and the changes in
// between.
type dir struct {
	names, synced map[string]*node
	changes       []func(names map[string]*node)
	home          *dir // that it was last put into
}

// content is what a file holds.
type content struct {
	current, durable []byte
	pending          []change
}

// change is a write or, without data, a truncation.
type change struct {
	at   int64
	data []byte
}

func newDir() *node {
	return &node{dir: &dir{names: map[string]*node{}, synced: map[string]*node{}}}
}

func (n *node) isDir() bool { return n.dir != nil }

// set changes a name, not durably. No node removes the name.
func (in *dir) set(name string, n *node) {
	change := func(names map[string]*node) {
		if n == nil {
			delete(names, name)
		} else {
			names[name] = n
		}
	}
	if n != nil && n.isDir() {
		n.home = in
	}
	change(in.names)
	in.changes = append(in.changes, change)
}

// sync makes the names durable.
func (in *dir) sync() {
	for _, change := range in.changes {
		change(in.synced)
	}
	in.changes = nil
}

func (n *node) walk(path string, visit func(name string, n *node)) {
	for name, child := range n.names {
		visit(filepath.Join(path, name), child)
		if child.isDir() {
			child.walk(filepath.Join(path, name), visit)
		}
	}
}

// find looks a name up.
func (d *Disk) find(name string) (*node, error) {
	if d.off {
		return nil, ErrPower
	}
	n := d.root
	for part := range strings.SplitSeq(strings.Trim(filepath.Clean(name), string(filepath.Separator)), string(filepath.Separator)) {
		if part == "" {
			return n, nil
		}
		if !n.isDir() || n.names[part] == nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		n = n.names[part]
	}
	return n, nil
}

// findDir looks the directory of a name up.
func (d *Disk) findDir(name string) (*dir, error) {
	n, err := d.find(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	if !n.isDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return n.dir, nil
}

// restart makes what is there when the power is back.
type restart struct {
	random *rand.Rand
	files  map[*node]*node // a file that has several names stays one file
	names  map[*dir]map[string]*node
}

// namesOf decides which names are there in a directory.
func (r *restart) namesOf(in *dir) map[string]*node {
	if r.names[in] == nil {
		names := maps.Clone(in.synced)
		for _, change := range in.changes[:r.random.IntN(len(in.changes)+1)] {
			change(names)
		}
		r.names[in] = names
	}
	return r.names[in]
}

func (r *restart) file(n *node) *node {
	if r.files[n] == nil {
		kept := n.content.afterPowerLoss(r.random)
		r.files[n] = &node{content: content{current: kept, durable: slices.Clone(kept)}, modified: n.modified}
	}
	return r.files[n]
}

// dir keeps no directory that is also in the place to which it was moved.
func (r *restart) dir(n *node) *node {
	fresh := newDir()
	fresh.modified = n.modified
	names := r.namesOf(n.dir)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		switch child := names[name]; {
		case !child.isDir():
			fresh.set(name, r.file(child))
		case child.home == n.dir || !slices.Contains(slices.Collect(maps.Values(r.namesOf(child.home))), child):
			fresh.set(name, r.dir(child))
		}
	}
	fresh.sync()
	return fresh
}

const sector = 512

// afterPowerLoss applies some of the pending changes, the last of them in some
// of its sectors only.
func (c *content) afterPowerLoss(random *rand.Rand) []byte {
	kept := slices.Clone(c.durable)
	n := random.IntN(len(c.pending) + 1)
	for _, change := range c.pending[:n] {
		kept = change.apply(kept)
	}
	if n == len(c.pending) || c.pending[n].data == nil {
		return kept
	}
	torn := c.pending[n]
	for at := 0; at < len(torn.data); at += sector {
		if random.IntN(3) > 0 {
			piece := torn.data[at:min(at+sector, len(torn.data))]
			kept = change{torn.at + int64(at), piece[:1+random.IntN(len(piece))]}.apply(kept)
		}
	}
	return kept
}

func (c change) apply(data []byte) []byte {
	end := int(c.at) + len(c.data)
	if c.data == nil && end < len(data) {
		return data[:end]
	}
	if end > len(data) {
		data = append(data, make([]byte, end-len(data))...)
	}
	copy(data[c.at:], c.data)
	return data
}

func (c *content) do(change change) {
	c.current = change.apply(c.current)
	c.pending = append(c.pending, change)
}
