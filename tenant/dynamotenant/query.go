package dynamotenant

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/request"
)

// Key conditions of queries.
const inPartition = "pk = :pk"

// Query implements tenant.Repository. A page is short where items have expired
// but are not yet deleted, and at 1 MB, DynamoDB's limit. With more than one
// shard a page has about as many items as the limit says, or fewer.
func (r *Repository[T]) Query(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[T], error) {
	plan, after, err := request.PlanQuery(ctx, id, query, r.schema, r.store.cursors)
	if err != nil {
		return tenant.Page[T]{}, err
	}
	sharding, err := r.store.options.Shards(id, r.schema.Entity).normal()
	if err != nil {
		return tenant.Page[T]{}, err
	}
	within := rangeOf(plan, after)
	if within.empty() {
		return tenant.Page[T]{}, nil
	}
	shards := make([]string, sharding.Count)
	for i := range shards {
		shards[i] = partitionOf(id, r.schema.Entity, i)
	}
	parts, err := r.store.readParts(ctx, partQuery{
		within: within, index: plan.Index, limit: max(1, (plan.Limit+len(shards)-1)/len(shards)),
		consistent: query.Consistent || sharding.Previous > 0 && plan.Index < 0, entity: r.schema.Entity,
	}, shards, sharding.Previous)
	if err != nil {
		return tenant.Page[T]{}, err
	}
	found, next := merge(parts, plan.Limit, within)
	page := tenant.Page[T]{}
	for i := range found {
		item, err := r.decode(&found[i])
		if err != nil {
			return tenant.Page[T]{}, err
		}
		page.Items = append(page.Items, item)
	}
	if next != "" {
		page.Next = r.store.cursors.Seal(id, plan.Scope, next)
	}
	return page, nil
}

// keyRange is a range of sort keys: from included, to excluded, empty for no
// bound.
type keyRange struct {
	from, to   string
	descending bool
}

// rangeOf returns what a plan selects after a position.
func rangeOf(plan tenant.QueryPlan, after string) keyRange {
	r := keyRange{plan.From, plan.To, plan.Descending}
	switch {
	case after == "":
	case plan.Descending:
		r.to = after
	default:
		r.from = after + "\x00"
	}
	return r
}

func (r keyRange) empty() bool { return r.to != "" && r.from >= r.to }

// condition returns the key condition for the range. One with two bounds lets
// through what equals to.
func (r keyRange) condition(partition, sortName string) (condition string, values attributes) {
	values = attributes{":pk": text(partition)}
	switch {
	case r.from == "" && r.to == "":
		return inPartition, values
	case r.to == "":
		values[":from"] = text(r.from)
		return inPartition + " AND " + sortName + " >= :from", values
	case r.from == "":
		values[":to"] = text(r.to)
		return inPartition + " AND " + sortName + " < :to", values
	}
	values[":from"], values[":to"] = text(r.from), text(r.to)
	return inPartition + " AND " + sortName + " BETWEEN :from AND :to", values
}

// surplus is how many items the condition may let through before those of the
// range. Without room for them a page of one item would hold nothing else.
func (r keyRange) surplus() int {
	if r.descending && r.from != "" && r.to != "" {
		return 1
	}
	return 0
}

// after returns the rest of the range after a position.
func (r keyRange) after(position string) keyRange {
	return rangeOf(tenant.QueryPlan{From: r.from, To: r.to, Descending: r.descending}, position)
}

// compare orders places as the query does.
func (r keyRange) compare(a, b string) int {
	if r.descending {
		a, b = b, a
	}
	return strings.Compare(a, b)
}

// partQuery is what all parts of a query have in common.
type partQuery struct {
	within     keyRange
	index      int
	limit      int
	consistent bool
	entity     string
}

// part is what a shard contributes to a page.
type part struct {
	items []stored
	// last is how far the shard was read, empty if to its end.
	last string
}

// readParts reads a part from each shard. An item only ever moves from a shard
// below previous to one above: these are read first, so that none is missed.
func (s *Store) readParts(ctx context.Context, query partQuery, shards []string, previous int) ([]part, error) {
	older, err := s.readTogether(ctx, query, shards[:previous])
	if err != nil {
		return nil, err
	}
	newer, err := s.readTogether(ctx, query, shards[previous:])
	return append(older, newer...), err
}

func (s *Store) readTogether(ctx context.Context, query partQuery, shards []string) ([]part, error) {
	parts, errs := make([]part, len(shards)), make([]error, len(shards))
	var group sync.WaitGroup
	for i, shard := range shards {
		if i == len(shards)-1 { // the last one here: a query of one shard starts nothing
			parts[i], errs[i] = s.readPart(ctx, query, shard)
			break
		}
		group.Go(func() { parts[i], errs[i] = s.readPart(ctx, query, shard) })
	}
	group.Wait()
	return parts, cmp.Or(errs...)
}

func (s *Store) readPart(ctx context.Context, query partQuery, partition string) (part, error) {
	now := s.options.Now()
	placeName := sortName
	input := &dynamodb.QueryInput{
		TableName: &s.table, FilterExpression: aws.String(isAlive),
		Limit: aws.Int32(int32(query.limit + query.within.surplus())),
	}
	if query.index >= 0 {
		placeName = entryNames[query.index]
		input.IndexName = &indexNames[query.index]
	}
	if query.within.descending {
		input.ScanIndexForward = aws.Bool(false)
	}
	if query.consistent {
		input.ConsistentRead = &query.consistent
	}
	condition, values := query.within.condition(partition, placeName)
	values[":now"] = seconds(now)
	input.KeyConditionExpression, input.ExpressionAttributeValues = &condition, values
	output, err := s.api.Query(ctx, input)
	if err != nil {
		return part{}, failed(ctx, "query "+query.entity, err)
	}
	read := part{items: make([]stored, 0, len(output.Items))}
	for _, item := range output.Items {
		found, err := parseItem(item, partition, placeName)
		if err != nil {
			return part{}, err
		}
		if found.place != query.within.to && !found.expired(now) {
			read.items = append(read.items, found)
		}
	}
	if last := textIn(output.LastEvaluatedKey, placeName); last != "" && !query.within.after(last).empty() {
		read.last = last
	}
	return read, nil
}

// merge returns the first items of the parts, at most limit, and the position
// after them, empty at the end. Beyond the place up to which all shards were
// read, the parts don't tell what comes next.
func merge(parts []part, limit int, within keyRange) (items []stored, next string) {
	for _, p := range parts {
		if p.last != "" && (next == "" || within.compare(p.last, next) < 0) {
			next = p.last
		}
	}
	for _, p := range parts {
		items = append(items, p.items...)
	}
	if next != "" {
		items = slices.DeleteFunc(items, func(item stored) bool { return within.compare(item.place, next) > 0 })
	}
	if len(parts) > 1 {
		items = inOrder(items, within)
	}
	if len(items) > limit {
		items = items[:limit]
		next = items[limit-1].place
	}
	return items, next
}

// inOrder sorts items of several shards. Of an item that was read before and
// after it moved, the later state stays.
func inOrder(items []stored, within keyRange) []stored {
	slices.Reverse(items) // those of later shards first
	slices.SortStableFunc(items, func(a, b stored) int { return within.compare(a.place, b.place) })
	return slices.CompactFunc(items, func(a, b stored) bool { return a.place == b.place })
}
