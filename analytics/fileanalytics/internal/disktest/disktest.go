// Package disktest is a disk in memory that can lose its power: everything
// not synced may then be gone, in part or as a whole, as on a real one.
package disktest

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
)

// ErrPower is what every operation returns after the power went off.
var ErrPower = errors.New("disktest: power is off")

// Operation is what a disk is asked to do.
type Operation string

// The operations that can fail, see [Disk.Fail].
const (
	Create   Operation = "create"
	Write    Operation = "write"
	Truncate Operation = "truncate"
	Sync     Operation = "sync"
	Rename   Operation = "rename"
	Link     Operation = "link"
	Remove   Operation = "remove"
	Mkdir    Operation = "make directory"
	SyncDir  Operation = "sync directory"
)

// Disk is a file system in memory.
type Disk struct {
	mu     sync.Mutex
	root   *node
	locked map[string]bool
	now    time.Time
	off    bool
	left   int // operations until the power goes off; negative: never
	syncs  int
	fail   func(Operation, string) error
}

var _ disk.FS = (*Disk)(nil)

// New returns an empty disk. Its clock begins at 2026-03-01 12:00 UTC and stands
// still, see [Disk.Sleep].
func New() *Disk {
	return &Disk{root: newDir(), locked: map[string]bool{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), left: -1}
}

// PowerOffAfter turns the power off after so many more operations that change
// something.
func (d *Disk) PowerOffAfter(operations int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = operations
}

// Fail makes the disk ask before each operation; an error is returned instead,
// and the operation not done. A write that fails is done in part.
func (d *Disk) Fail(fail func(op Operation, name string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = fail
}

// Syncs returns how many files were synced.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// Now returns the time of the disk's clock.
func (d *Disk) Now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// Sleep moves the disk's clock.
func (d *Disk) Sleep(duration time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(duration)
}

// Names returns the names of all files, sorted.
func (d *Disk) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	d.root.walk(string(filepath.Separator), func(name string, n *node) {
		if !n.isDir() {
			names = append(names, name)
		}
	})
	slices.Sort(names)
	return names
}

// Dirs returns the names of all directories below the root, sorted.
func (d *Disk) Dirs() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	d.root.walk(string(filepath.Separator), func(name string, n *node) {
		if n.isDir() {
			names = append(names, name)
		}
	})
	slices.Sort(names)
	return names
}

// Change replaces what a file holds, durably.
func (d *Disk) Change(name string, change func([]byte) []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	if err != nil {
		panic(err)
	}
	n.current = change(slices.Clone(n.current))
	n.durable, n.pending = slices.Clone(n.current), nil
}

// Restart turns the power off and returns the disk as it is when the power is
// back. random decides how much of what was not synced is there.
func (d *Disk) Restart(random *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
	after := New()
	after.now = d.now
	again := restart{random, map[*node]*node{}, map[*dir]map[string]*node{}}
	after.root = again.dir(d.root)
	return after
}

// begin starts an operation that changes something.
func (d *Disk) begin(op Operation, name string) error {
	if d.left == 0 {
		d.off = true
	}
	if d.off {
		return ErrPower
	}
	if d.left > 0 {
		d.left--
	}
	if d.fail != nil {
		return d.fail(op, name)
	}
	return nil
}

// Lock implements disk.FS.
func (d *Disk) Lock(name string) (func() error, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked[name] {
		return nil, disk.ErrLocked
	}
	d.locked[name] = true
	return func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.locked, name)
		return nil
	}, nil
}
