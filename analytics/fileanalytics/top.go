package fileanalytics

import (
	"slices"

	"github.com/iotenant/iotenant/analytics"
)

// pageSize is how many bytes of payloads a page may hold, beside the first.
const pageSize = 4 << 20

// top keeps the first items of a query's result, of those that it is given in
// any order: one more than the page has, so that it is known whether there is
// a next page. It holds about twice a page at most.
type top[T any] struct {
	plan  *analytics.Plan
	items []placed[T]
	spare []placed[T] // room for the next items
	order []ranked
	size  int
	limit *analytics.Position // what comes after it is not wanted
}

// ranked is what there is to sort: items are large.
type ranked struct {
	position analytics.Position
	index    int
}

// placed is an item with its place in the order and its size in bytes.
type placed[T any] struct {
	item     T
	position analytics.Position
	size     int
}

// wants reports whether an item at this position can be in the page.
func (t *top[T]) wants(position analytics.Position) bool {
	return t.plan.Selects(position) && (t.limit == nil || t.plan.Compare(position, *t.limit) < 0)
}

// fewItems is the number of items from which on room for all is made.
const fewItems = 64

func (t *top[T]) add(item T, position analytics.Position, size int) {
	if len(t.items) == fewItems {
		t.items = slices.Grow(t.items, max(0, 2*t.plan.Limit+3-fewItems)) // once, not bit by bit
	}
	t.items = append(t.items, placed[T]{item, position, size})
	t.size += size
	if len(t.items) > 2*(t.plan.Limit+1) || t.size > 2*pageSize && len(t.items) > 1 {
		t.shrink()
	}
}

// pass waits for the whole page.
func (t *top[T]) pass(analytics.Position) bool { return true }

func (t *top[T]) reached() *analytics.Position { return t.limit }

// shrink sorts the items and drops those that can't be in the page.
func (t *top[T]) shrink() {
	t.sort()
	n, size := t.fitting()
	if n == len(t.items) {
		return
	}
	// The first that does not fit stays, to tell that there is one.
	t.size = size + t.items[n].size
	clear(t.items[n+1:])
	t.items = t.items[:n+1]
	position := t.items[n].position
	t.limit = &position
}

func (t *top[T]) sort() {
	order := t.order[:0]
	for i := range t.items {
		order = append(order, ranked{t.items[i].position, i})
	}
	slices.SortFunc(order, func(a, b ranked) int { return t.plan.Compare(a.position, b.position) })
	sorted := slices.Grow(t.spare[:0], len(order))
	for _, next := range order {
		sorted = append(sorted, t.items[next.index])
	}
	clear(t.items)
	t.items, t.spare, t.order = sorted, t.items[:0], order
}

// fitting returns how many of the sorted items are in the page.
func (t *top[T]) fitting() (n, size int) {
	for n < len(t.items) && n < t.plan.Limit && (n == 0 || size+t.items[n].size <= pageSize) {
		size += t.items[n].size
		n++
	}
	return n, size
}

// page returns the page.
func (t *top[T]) page() analytics.Page[T] {
	t.shrink()
	n, _ := t.fitting()
	var page analytics.Page[T]
	if n == 0 {
		return page
	}
	page.Items = make([]T, n)
	for i := range n {
		page.Items[i] = t.items[i].item
	}
	if n < len(t.items) {
		page.Next = t.plan.Next(t.items[n-1].position)
	}
	return page
}
