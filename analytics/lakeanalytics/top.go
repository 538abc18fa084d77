package lakeanalytics

import (
	"encoding/binary"
	"slices"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// pageSize is how many bytes of payloads a page may hold, beside the first.
const pageSize = 4 << 20

// top keeps the first rows after a position, of those that it is given in any
// order: one more than the page has, so that it is known whether there is a
// next page. It holds about twice a page at most.
type top struct {
	span
	items []placed
	size  int
	// full: what is at or after last is not wanted.
	full bool
	last position
}

type placed struct {
	row analytics.Row
	at  position
}

// wants reports whether a file can have rows of the page.
func (t *top) wants(f *file) bool { return !t.full || f.first <= t.last.at }

func (t *top) add(r analytics.Row, at position) {
	t.items = append(t.items, placed{r, at})
	t.size += len(r.Payload)
	if len(t.items) > 2*(t.limit+1) || t.size > 2*pageSize && len(t.items) > 1 {
		t.shrink()
	}
}

// shrink sorts the rows and drops those that can't be in the page.
func (t *top) shrink() {
	slices.SortFunc(t.items, func(a, b placed) int {
		switch {
		case a.at.less(b.at):
			return -1
		case b.at.less(a.at):
			return 1
		}
		return 0
	})
	n, size := t.fitting()
	if n == len(t.items) {
		return
	}
	// The first that does not fit stays, to tell that there is one.
	t.size = size + len(t.items[n].row.Payload)
	clear(t.items[n+1:])
	t.items = t.items[:n+1]
	t.full, t.last = true, t.items[n].at
}

// fitting returns how many of the sorted rows are in the page.
func (t *top) fitting() (n, size int) {
	for n < len(t.items) && n < t.limit && (n == 0 || size+len(t.items[n].row.Payload) <= pageSize) {
		size += len(t.items[n].row.Payload)
		n++
	}
	return n, size
}

// page returns the page; Next is the position after which the next one begins.
func (t *top) page() (page analytics.Page[analytics.Row]) {
	t.shrink()
	n, _ := t.fitting()
	if n == 0 {
		return page
	}
	page.Items = make([]analytics.Row, n)
	for i := range n {
		page.Items[i] = t.items[i].row
	}
	if n < len(t.items) {
		last := t.items[n-1].at
		next := binary.BigEndian.AppendUint64(nil, uint64(last.at))
		page.Next = tenant.Cursor(binary.BigEndian.AppendUint64(next, last.sequence))
	}
	return page
}
