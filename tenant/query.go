package tenant

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
)

// Page sizes: Query.Limit zero means DefaultLimit.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Query selects items of one tenant by primary key or by an index. The zero
// Query selects all, in primary-key order.
type Query struct {
	// Index names the index to use; empty means the primary key.
	Index string
	// Prefix selects the keys that begin with these whole parts: the prefix
	// "a" selects the keys "a" and "a/b", not "ab". Zero selects all.
	Prefix Key
	// From and To select the keys from From, included, to To, excluded. Zero
	// means no bound.
	From, To Key
	// Descending reverses the order.
	Descending bool
	// Limit is the largest number of items in a page: 1 to [MaxLimit], or 0
	// for [DefaultLimit].
	Limit int
	// Cursor continues a query: pass the same query with the Next of the page
	// before it. Only Limit and Consistent may differ.
	Cursor Cursor
	// Consistent asks for the state after every acknowledged write. It is
	// refused together with Index: an index may lag.
	Consistent bool
}

// QueryPlan is a checked query in the form in which backends run it.
type QueryPlan struct {
	// Index is the position of the index in Schema.Indexes, -1 for the
	// primary key.
	Index int
	// From and To bound the encoded keys, or the index entries of
	// [Record.Index]: From included, To excluded; empty To means no bound.
	From, To   string
	Descending bool
	Limit      int
	// Scope identifies the query for [CursorKeys].
	Scope string
}

// PlanQuery checks a query against the schema. Errors: [ErrQuery], [ErrKey].
func (s *Schema[T]) PlanQuery(q Query) (QueryPlan, error) {
	plan := QueryPlan{Index: -1, Descending: q.Descending, Limit: q.Limit}
	if q.Index != "" {
		for i := range s.Indexes {
			if s.Indexes[i].Name == q.Index {
				plan.Index = i
			}
		}
		if plan.Index < 0 {
			return QueryPlan{}, fmt.Errorf("%w: entity %s has no index %q", ErrQuery, s.Entity, q.Index)
		}
		if q.Consistent {
			return QueryPlan{}, fmt.Errorf("%w: index %s can't be read consistently", ErrQuery, q.Index)
		}
	}
	if q.Limit == 0 {
		plan.Limit = DefaultLimit
	}
	if plan.Limit < 1 || plan.Limit > MaxLimit {
		return QueryPlan{}, fmt.Errorf("%w: limit %d, want 1 to %d", ErrQuery, q.Limit, MaxLimit)
	}
	for _, key := range []Key{q.Prefix, q.From, q.To} {
		if key.problem != "" {
			return QueryPlan{}, key.Check()
		}
	}
	plan.From, plan.To = q.From.encoded, q.To.encoded
	if !q.Prefix.IsZero() {
		plan.From = max(plan.From, q.Prefix.encoded)
		if end := q.Prefix.encoded + string(afterSeparator); plan.To == "" || end < plan.To {
			plan.To = end
		}
	}
	plan.Scope = scope(s.Entity, q)
	return plan, nil
}

// scope is a digest of everything that two pages of one query have in common.
func scope(entity string, q Query) string {
	var text []byte
	for _, part := range []string{entity, q.Index, q.Prefix.encoded, q.From.encoded, q.To.encoded} {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	if q.Descending {
		text = append(text, 'd')
	}
	digest := sha256.Sum256(text)
	return string(digest[:])
}

// All returns every item that the query selects, reading page by page. It
// ends after the first error, which it yields with a zero item.
func All[T any](ctx context.Context, repository Repository[T], id ID, query Query) iter.Seq2[Item[T], error] {
	return func(yield func(Item[T], error) bool) {
		for {
			page, err := repository.Query(ctx, id, query)
			if err != nil {
				yield(Item[T]{}, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Cursor = page.Next
		}
	}
}
