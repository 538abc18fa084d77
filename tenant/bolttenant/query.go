package bolttenant

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/request"
)

// Bounds of a page beside Query.Limit. The item with which a page reaches
// maxPageBytes is its last, as in DynamoDB; a page ends early after
// maxPageScan entries, so that many expired items don't hold up one call.
const (
	maxPageBytes = 1 << 20
	maxPageScan  = 20_000
)

// Query implements tenant.Repository. Every query is consistent. A page ends
// with the item that brings it to 1 MiB, or with Query.Limit items.
func (r *Repository[T]) Query(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[T], error) {
	plan, after, err := request.PlanQuery(ctx, id, query, r.schema, r.store.cursors)
	if err != nil {
		return tenant.Page[T]{}, err
	}
	tx, err := r.store.read()
	if err != nil {
		return tenant.Page[T]{}, err
	}
	defer tx.Rollback()
	page, next, err := r.readPage(ctx, tx.Bucket(itemsBucket), id, plan, after)
	if err != nil {
		return tenant.Page[T]{}, err
	}
	if next != "" {
		page.Next = r.store.cursors.Seal(id, plan.Scope, next)
	}
	return page, nil
}

// readPage reads the page that begins after a position. next is the position
// at its end, empty if nothing follows.
func (r *Repository[T]) readPage(ctx context.Context, items *bbolt.Bucket, id tenant.ID, plan tenant.QueryPlan, after string) (page tenant.Page[T], next string, err error) {
	itemPrefix := appendItemPrefix(nil, id, r.schema.Entity)
	prefix := itemPrefix
	if plan.Index >= 0 {
		prefix = appendIndexPrefix(nil, id, r.schema.Entity, plan.Index)
	}
	now := r.store.options.Now()
	scan := newScan(items, prefix, plan, after)
	size, position := 0, after
	for scanned := 0; ; scanned++ {
		place, stored, ok := scan.next()
		if !ok {
			return page, "", nil
		}
		if scanned == maxPageScan {
			return page, position, nil
		}
		if err := ctx.Err(); err != nil {
			return page, "", err
		}
		if plan.Index >= 0 {
			stored = items.Get(append(itemPrefix[:len(itemPrefix):len(itemPrefix)], primaryKey(place)...))
		}
		header, value, err := parseItem(stored)
		if err != nil {
			return page, "", err
		}
		if header.expires.passed(now) {
			position = string(place)
			continue
		}
		if len(page.Items) == plan.Limit || size >= maxPageBytes {
			return page, position, nil
		}
		item, err := r.decode(header, value)
		if err != nil {
			return page, "", err
		}
		page.Items = append(page.Items, item)
		size += len(value)
		position = string(place)
	}
}

// scan walks over the keys with a prefix that a plan selects. A place is a key
// without the prefix.
type scan struct {
	cursor     *bbolt.Cursor
	prefix     []byte
	from, to   []byte // whole keys, from included, to excluded
	descending bool
	started    bool
}

// newScan returns the scan of what the plan selects after a position.
func newScan(items *bbolt.Bucket, prefix []byte, plan tenant.QueryPlan, after string) *scan {
	s := &scan{cursor: items.Cursor(), prefix: prefix, descending: plan.Descending}
	s.from = append(bytes.Clone(prefix), plan.From...)
	s.to = append(bytes.Clone(prefix), plan.To...)
	if plan.To == "" {
		s.to[len(s.to)-1]++ // what follows all keys with the prefix
	}
	switch {
	case after == "":
	case plan.Descending:
		s.to = append(bytes.Clone(prefix), after...)
	default:
		s.from = append(append(bytes.Clone(prefix), after...), 0)
	}
	return s
}

// next returns the next place and what is stored there.
func (s *scan) next() (place, stored []byte, ok bool) {
	key, stored := s.step()
	if key == nil || bytes.Compare(key, s.from) < 0 || bytes.Compare(key, s.to) >= 0 {
		return nil, nil, false
	}
	return key[len(s.prefix):], stored, true
}

func (s *scan) step() (key, stored []byte) {
	switch {
	case s.started && s.descending:
		return s.cursor.Prev()
	case s.started:
		return s.cursor.Next()
	}
	s.started = true
	if !s.descending {
		return s.cursor.Seek(s.from)
	}
	if key, _ := s.cursor.Seek(s.to); key == nil {
		return s.cursor.Last()
	}
	return s.cursor.Prev()
}
