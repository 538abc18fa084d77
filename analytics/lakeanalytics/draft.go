package lakeanalytics

import "sync"

// drafts are files of this process that are written and not committed yet.
//
// To whoever sweeps, a draft that is old looks like one that a crash has left
// behind. A sweep removes files in a commit before it deletes them. So whoever
// commits a draft has read that commit, or was before it: a draft that was
// removed is lost, and is written again under another name.
type drafts struct {
	mu    sync.Mutex
	names map[string]bool // whether it is lost
}

func (d *drafts) begin(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.names == nil {
		d.names = map[string]bool{}
	}
	d.names[name] = false
}

func (d *drafts) end(files []file) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range files {
		delete(d.names, files[i].name)
	}
}

// has reports whether a file is one of these.
func (d *drafts) has(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.names[name]
	return ok
}

// removed notes what a commit removed.
func (d *drafts) removed(removed []removal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range removed {
		if _, ok := d.names[r.name]; ok {
			d.names[r.name] = true
		}
	}
}

// doubt makes all drafts lost.
func (d *drafts) doubt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name := range d.names {
		d.names[name] = true
	}
}

// lost reports whether any of these can't be committed.
func (d *drafts) lost(files []file) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range files {
		if lost, ok := d.names[files[i].name]; lost || !ok {
			return true
		}
	}
	return false
}
