package crashtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Cut is a power cut.
type Cut struct {
	place int
	// random chooses what of the unsynced is kept; nil keeps nothing.
	random *rand.Rand
}

// String describes the cut.
func (c Cut) String() string {
	if c.random == nil {
		return fmt.Sprintf("power cut at call %d, nothing unsynced kept", c.place)
	}
	return fmt.Sprintf("power cut at call %d, some of the unsynced kept", c.place)
}

// RandomCut returns a cut at a random place. If keepSome, random parts of what
// was not fsynced are kept.
func (r *Recording) RandomCut(random *rand.Rand, keepSome bool) Cut {
	cut := Cut{place: random.IntN(r.length + 1)}
	if keepSome {
		cut.random = rand.New(rand.NewPCG(random.Uint64(), 0))
	}
	return cut
}

// Restore makes folder, with the files as they may be after the cut, and
// returns what had been acknowledged before it.
func (r *Recording) Restore(cut Cut, folder string) (acknowledged []string, err error) {
	for _, ack := range r.acks {
		if ack.start < cut.place {
			acknowledged = append(acknowledged, ack.text)
		}
	}
	return acknowledged, r.root.restore(cut, folder)
}

func (d *directory) restore(cut Cut, path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	durable := cut.durable(d.syncs)
	names := map[string]any{}
	for _, change := range d.changes {
		if change.end < durable {
			d.apply(names, change)
			continue
		}
		if change.start >= cut.place || cut.random == nil || cut.random.IntN(3) == 0 {
			break // names change in order
		}
		d.apply(names, change)
	}
	for name, node := range names {
		path := filepath.Join(path, name)
		var err error
		switch node := node.(type) {
		case *directory:
			err = node.restore(cut, path)
		case *file:
			err = os.WriteFile(path, node.restore(cut), 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *file) restore(cut Cut) (content []byte) {
	durable := cut.durable(f.syncs)
	for _, change := range f.changes {
		if change.end < durable {
			content = change.apply(content)
		}
	}
	for _, change := range f.changes {
		if change.end >= durable && change.start < cut.place && cut.random != nil {
			content = cut.applySome(content, change)
		}
	}
	return content
}

// durable returns the place before which changes must have ended to be
// durable at the cut: where the last fsync that returned before it began.
func (c Cut) durable(syncs []span) int {
	place := 0
	for _, sync := range syncs {
		if sync.end < c.place {
			place = max(place, sync.start)
		}
	}
	return place
}

func (c change) apply(content []byte) []byte {
	if c.data == nil {
		return resized(content, c.offset)
	}
	if end := c.offset + int64(len(c.data)); end > int64(len(content)) {
		content = resized(content, end)
	}
	copy(content[c.offset:], c.data)
	return content
}

func resized(content []byte, size int64) []byte {
	if size <= int64(len(content)) {
		return content[:size]
	}
	return append(content, make([]byte, size-int64(len(content)))...)
}

// sector is what a disk writes as a whole.
const sector = 512

// applySome applies all of a change, nothing, its begin, or random sectors.
func (c Cut) applySome(content []byte, change change) []byte {
	switch mode := c.random.IntN(4); {
	case mode == 0:
		return content
	case mode == 1 || change.data == nil:
		return change.apply(content)
	case mode == 2:
		change.data = change.data[:c.random.IntN(len(change.data))]
		if len(change.data) == 0 {
			return content
		}
		return change.apply(content)
	}
	for start := 0; start < len(change.data); start += sector {
		if c.random.IntN(2) == 0 {
			part := change
			part.offset += int64(start)
			part.data = change.data[start:min(start+sector, len(change.data))]
			content = part.apply(content)
		}
	}
	return content
}
