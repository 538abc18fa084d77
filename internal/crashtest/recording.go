package crashtest

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Recording is what a child did to the files of a folder, and when it
// acknowledged what.
type Recording struct {
	root   *directory
	length int // places in the trace
	acks   []ack
}

type ack struct {
	start int
	text  string
}

// file is a file by content, whatever its names are.
type file struct {
	changes []change
	syncs   []span
	size    int64 // after all changes
}

// change is a write at an offset, or a truncation if data is nil.
type change struct {
	span
	offset int64
	data   []byte
}

type span struct{ start, end int }

// directory is a folder: its names, and how they changed.
type directory struct {
	names   map[string]any // *file or *directory, after all changes
	changes []naming
	syncs   []span
}

// naming gives a name to a node, takes it away if node is nil, and takes away
// the old name of a renamed one.
type naming struct {
	span
	name, oldName string
	node          any
}

// handle is an open file.
type handle struct {
	node    any // *file, *directory, or acksNode
	appends bool
	offset  int64
	opened  int // place where it was there
}

type acksNode struct{}

// recorder replays a trace.
type recorder struct {
	*Recording
	folder, acksPath string
	handles          map[int64]*handle
}

func parseRecording(trace io.Reader, folder, acksPath string) (*Recording, error) {
	calls, err := parseTrace(trace)
	if err != nil {
		return nil, err
	}
	r := recorder{
		Recording: &Recording{root: newDirectory()},
		folder:    folder,
		acksPath:  acksPath,
		handles:   map[int64]*handle{},
	}
	for i := range calls {
		c := &calls[i]
		r.length = max(r.length, c.end+1)
		if err := r.replay(c); err != nil {
			return nil, fmt.Errorf("trace line %d: %s: %w", c.end+1, c.name, err)
		}
	}
	return r.Recording, nil
}

func newDirectory() *directory { return &directory{names: map[string]any{}} }

func (r *recorder) replay(c *call) error {
	switch c.name {
	case "open", "openat", "creat":
		return r.open(c)
	case "link", "linkat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "truncate":
		return r.rename(c)
	}
	fd, err := c.number(0)
	if err != nil {
		return err
	}
	h := r.handles[fd]
	if h == nil {
		return nil // no file of ours
	}
	if c.name == "close" {
		if h.opened < c.start { // else its number went to another file meanwhile
			delete(r.handles, fd)
		}
		return nil
	}
	switch node := h.node.(type) {
	case acksNode:
		return r.acknowledge(c)
	case *directory:
		if c.name == "fsync" {
			node.syncs = append(node.syncs, span{c.start, c.end})
		}
		return nil
	default:
		return node.(*file).replay(c, h)
	}
}

func (r *recorder) acknowledge(c *call) error {
	if c.name != "write" {
		return nil
	}
	text, err := c.text(1)
	r.acks = append(r.acks, ack{c.start, strings.TrimSuffix(text, "\n")})
	return err
}

// replay changes the file as the call did.
func (f *file) replay(c *call, h *handle) error {
	switch c.name {
	case "fsync", "fdatasync":
		f.syncs = append(f.syncs, span{c.start, c.end})
		return nil
	case "lseek":
		h.offset = c.result
		return nil
	case "ftruncate":
		size, err := c.number(1)
		f.truncate(c, size)
		return err
	case "write", "pwrite64":
		return f.write(c, h)
	}
	return fmt.Errorf("crashtest can't replay it")
}

func (f *file) truncate(c *call, size int64) {
	f.changes = append(f.changes, change{span: span{c.start, c.end}, offset: size})
	f.size = size
}

func (f *file) write(c *call, h *handle) error {
	text, err := c.text(1)
	if err != nil {
		return err
	}
	data := []byte(text)[:c.result]
	offset := h.offset
	switch {
	case c.name == "pwrite64":
		if offset, err = c.number(3); err != nil {
			return err
		}
	case h.appends:
		offset = f.size
	}
	if c.name == "write" {
		h.offset = offset + c.result
	}
	if len(data) > 0 {
		f.changes = append(f.changes, change{span{c.start, c.end}, offset, data})
		f.size = max(f.size, offset+c.result)
	}
	return nil
}

func (r *recorder) open(c *call) error {
	paths, err := r.paths(c)
	if err != nil {
		return err
	}
	path := paths[0]
	if path == r.acksPath {
		r.handles[c.result] = &handle{node: acksNode{}, opened: c.end}
		return nil
	}
	parent, name, inside := r.locate(path)
	if path == r.folder {
		r.handles[c.result] = &handle{node: r.root, opened: c.end}
		return nil
	}
	if !inside {
		delete(r.handles, c.result)
		return nil
	}
	node := parent.names[name]
	if node == nil {
		created := &file{}
		parent.name(c, name, "", created)
		node = created
	}
	flags := strings.Join(c.args, "|")
	if existing, ok := node.(*file); ok && existing.size > 0 && strings.Contains(flags, "O_TRUNC") {
		existing.truncate(c, 0)
	}
	r.handles[c.result] = &handle{node: node, appends: strings.Contains(flags, "O_APPEND"), opened: c.end}
	return nil
}

// rename replays the calls that change names.
func (r *recorder) rename(c *call) error {
	paths, err := r.paths(c)
	if err != nil {
		return err
	}
	parent, name, inside := r.locate(paths[0])
	if len(paths) == 1 {
		switch {
		case !inside:
		case c.name == "mkdir", c.name == "mkdirat":
			parent.name(c, name, "", newDirectory())
		case c.name == "truncate":
			return fmt.Errorf("crashtest can't replay it")
		default:
			parent.name(c, name, "", nil)
		}
		return nil
	}
	toParent, toName, toInside := r.locate(paths[1])
	switch {
	case !inside && !toInside:
	case !inside || !toInside:
		return fmt.Errorf("crashtest can't replay a move out of the folder")
	case strings.HasPrefix(c.name, "link"):
		toParent.name(c, toName, "", parent.names[name])
	case parent != toParent: // each of the two is durable by its own fsync
		toParent.name(c, toName, "", parent.names[name])
		parent.name(c, name, "", nil)
	default:
		parent.name(c, toName, name, parent.names[name])
	}
	return nil
}

func (d *directory) name(c *call, name, oldName string, node any) {
	d.changes = append(d.changes, naming{span{c.start, c.end}, name, oldName, node})
	d.apply(d.names, d.changes[len(d.changes)-1])
}

func (*directory) apply(names map[string]any, n naming) {
	delete(names, n.oldName)
	delete(names, n.name)
	if n.node != nil {
		names[n.name] = n.node
	}
}

// paths returns the arguments that are paths.
func (r *recorder) paths(c *call) (paths []string, err error) {
	for i, arg := range c.args {
		if !strings.HasPrefix(arg, `"`) {
			continue
		}
		path, err := c.text(i)
		if err != nil {
			return nil, err
		}
		paths = append(paths, filepath.Clean(path))
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no path")
	}
	return paths, nil
}

// locate finds the directory of a path in the folder.
func (r *recorder) locate(path string) (parent *directory, name string, inside bool) {
	relative, err := filepath.Rel(r.folder, path)
	if err != nil || relative == "." || !filepath.IsLocal(relative) {
		return nil, "", false
	}
	steps := strings.Split(relative, string(filepath.Separator))
	parent = r.root
	for _, step := range steps[:len(steps)-1] {
		next, ok := parent.names[step].(*directory)
		if !ok {
			return nil, "", false
		}
		parent = next
	}
	return parent, steps[len(steps)-1], true
}
