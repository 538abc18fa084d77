package analytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// MaxCells is the number of buckets of all groups and columns that a
// [ColumnQuery] may have, without those that filling adds. Beyond it, it is
// [ErrLimit], and where groups are so many, and so few of them in each interval,
// that their table has more than 16 times as many places.
const MaxCells = 2_000_000

// maxPlaces takes 256 MB.
const maxPlaces = 16 * MaxCells

// ColumnQuery asks for statistics of columns of a data store, for each bucket of
// time and each group.
type ColumnQuery struct {
	ColumnScan
	// Interval cuts time into buckets. The zero Interval makes one bucket of
	// all, from From to To.
	Interval Interval
	// Percentiles are wanted beside the other statistics. Default none.
	Percentiles Percentiles
	// Group names the group of a value of By: it must answer the same for the
	// same value. Default: each value is a group. Rows without a value have the
	// value "".
	Group func(value string) string
	// Fill says what to yield for buckets in which a group has no number of a
	// column. It needs an Interval. At most [MaxFilled] buckets are added.
	Fill Fill
}

// check returns [ErrQuery].
func (q *ColumnQuery) check() error {
	switch {
	case len(q.Values) == 0 || len(q.Values) > MaxSelected:
		return fmt.Errorf("%w: %d columns of values, want 1 to %d", ErrQuery, len(q.Values), MaxSelected)
	case !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From):
		return fmt.Errorf("%w: to is before from", ErrQuery)
	}
	if err := q.Fill.check(q.whole()); err != nil {
		return err
	}
	if !q.whole() {
		if err := q.Interval.Check(); err != nil {
			return err
		}
	}
	return q.Percentiles.check()
}

// whole reports whether all is one bucket.
func (q *ColumnQuery) whole() bool { return q.Interval.Every == 0 && q.Interval.Unit == 0 }

// AggregateColumns returns the statistics that a query asks for, reading the
// columns once and nothing else of the data store. Its buckets are those that
// [Aggregates] would make of the numbers as points, with the names of the
// columns as metrics and no channel: in order of time, then of group, then of
// column; what fills a gap comes before the bucket that ends it. Rows without a
// time are not counted, nor what is not a number.
//
// All buckets are in memory before the first is yielded, at most [MaxCells].
//
// It ends after the first error, which it yields with a zero Bucket. Errors:
// those of [ColumnScanner], [ErrQuery], [ErrLimit].
func AggregateColumns(ctx context.Context, scanner ColumnScanner, id tenant.ID, query ColumnQuery) iter.Seq2[Bucket, error] {
	return func(yield func(Bucket, error) bool) {
		if err := checkTenant(id); err != nil {
			yield(Bucket{}, err)
			return
		}
		if err := query.check(); err != nil {
			yield(Bucket{}, err)
			return
		}
		a := newColumnAggregation(query)
		for block, err := range scanner.ScanColumns(ctx, id, query.ColumnScan) {
			if err == nil {
				err = a.add(block)
			}
			if err != nil {
				yield(Bucket{}, err)
				return
			}
		}
		if err := a.finish(yield); err != nil && !errors.Is(err, errEnded) {
			yield(Bucket{}, err)
		}
	}
}

// columnAggregation is a running query. Rows come in any order.
type columnAggregation struct {
	query    ColumnQuery
	from, to int64
	groups   map[string]int32
	names    []string
	buckets  map[int64]*columnBucket // by start
	latest   *columnBucket
	cells    int
	places   int // of all buckets
	spare    []summary
	local    []int32 // the group of each name of the block
	nameless int32   // that of rows without a name, -1 until there is one
}

// columnBucket is a bucket of time.
type columnBucket struct {
	start, end time.Time
	from, to   int64 // the same as Unix time; to is excluded
	// cells has for each group, and in it for each column, a place.
	cells []*summary
}

func newColumnAggregation(query ColumnQuery) *columnAggregation {
	a := &columnAggregation{query: query, from: math.MinInt64 + 1, to: math.MaxInt64, groups: map[string]int32{}, nameless: -1, buckets: map[int64]*columnBucket{}}
	if !query.From.IsZero() {
		a.from = nanoseconds(query.From)
	}
	if !query.To.IsZero() {
		a.to = nanoseconds(query.To)
	}
	return a
}

func (a *columnAggregation) add(block *ColumnBlock) error {
	if err := a.localize(block.Names); err != nil {
		return err
	}
	width := len(block.Values)
	for i, at := range block.Times {
		if at < a.from || at >= a.to {
			continue
		}
		b := a.latest
		if b == nil || at < b.from || at >= b.to {
			b = a.bucket(at)
		}
		group := a.nameless
		if by := block.By[i]; by >= 0 {
			group = a.local[by]
		} else if group < 0 {
			group = a.group("")
			a.nameless = group
		}
		place := int(group) * width
		if place >= len(b.cells) {
			more := len(a.names)*width - len(b.cells)
			if a.places += more; a.places > maxPlaces {
				return fmt.Errorf("%w: more than %d groups and columns in all buckets", ErrLimit, maxPlaces)
			}
			b.cells = append(b.cells, make([]*summary, more)...)
		}
		for column, values := range block.Values {
			value := values[i]
			if value-value != 0 { // not a number
				continue
			}
			cell := b.cells[place+column]
			if cell == nil {
				if a.cells++; a.cells > MaxCells {
					return fmt.Errorf("%w: more than %d buckets of all groups and columns", ErrLimit, MaxCells)
				}
				cell = a.summary()
				b.cells[place+column] = cell
			}
			if cell.add(value, at); cell.percentiles.exact && cell.wantsDistribution && cell.count > MaxExact {
				return fmt.Errorf("%w: exact percentiles of more than %d values in a bucket", ErrLimit, MaxExact)
			}
		}
	}
	return nil
}

// summary returns an empty summary. They are made many at a time.
func (a *columnAggregation) summary() *summary {
	if len(a.spare) == 0 {
		a.spare = make([]summary, 256)
	}
	s := &a.spare[0]
	a.spare = a.spare[1:]
	*s = newSummary(a.query.Percentiles)
	return s
}

// localize finds the groups of the names of a block.
func (a *columnAggregation) localize(names []string) error {
	a.local = a.local[:0]
	for _, name := range names {
		a.local = append(a.local, a.group(name))
	}
	if len(a.names) > MaxCells {
		return fmt.Errorf("%w: more than %d groups", ErrLimit, MaxCells)
	}
	return nil
}

func (a *columnAggregation) group(name string) int32 {
	if a.query.Group != nil {
		name = a.query.Group(name)
	}
	group, known := a.groups[name]
	if !known {
		group = int32(len(a.names))
		a.groups[name] = group
		a.names = append(a.names, name)
	}
	return group
}

// bucket returns the bucket in which a time lies.
func (a *columnAggregation) bucket(at int64) *columnBucket {
	b := &columnBucket{start: a.query.From, end: a.query.To, from: a.from, to: a.to}
	if !a.query.whole() {
		b.start, b.end = a.query.Interval.Bucket(time.Unix(0, at))
		b.from, b.to = b.start.UnixNano(), b.end.UnixNano()
	}
	if known := a.buckets[b.from]; known != nil {
		b = known
	} else {
		a.buckets[b.from] = b
	}
	a.latest = b
	return b
}

// finish yields the buckets.
func (a *columnAggregation) finish(yield func(Bucket, error) bool) error {
	gaps := filler{fill: a.query.Fill, interval: a.query.Interval, percentiles: a.query.Percentiles, from: a.query.From, to: a.query.To}
	before := map[int]*Bucket{} // by place, if there are gaps to fill
	order := a.order()
	for _, from := range slices.Sorted(maps.Keys(a.buckets)) {
		b := a.buckets[from]
		for _, group := range order.of(b) {
			for _, column := range order.columns {
				place := int(group)*len(order.columns) + column
				cell := b.cells[place]
				if cell == nil {
					continue
				}
				bucket := Bucket{Group: a.names[group], Metric: a.query.Values[column], Start: b.start, End: b.end, Statistics: cell.statistics(a.query.Percentiles)}
				if err := gaps.between(before[place], &bucket, yield); err != nil {
					return err
				}
				if !yield(bucket, nil) {
					return errEnded
				}
				if gaps.fill != FillNone {
					before[place] = &bucket
				}
			}
		}
	}
	if gaps.fill == FillNone {
		return nil
	}
	for _, group := range order.groups {
		for _, column := range order.columns {
			if last := before[int(group)*len(order.columns)+column]; last != nil {
				if err := gaps.after(last, yield); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// columnOrder is the order in which groups and columns come out.
type columnOrder struct {
	groups  []int32
	columns []int
	ranks   []int32 // of groups
	present []int32 // room
}

func (a *columnAggregation) order() *columnOrder {
	o := &columnOrder{groups: make([]int32, len(a.names)), columns: indices(len(a.query.Values)), ranks: make([]int32, len(a.names))}
	for i := range o.groups {
		o.groups[i] = int32(i)
	}
	slices.SortFunc(o.groups, func(x, y int32) int { return cmp.Compare(a.names[x], a.names[y]) })
	for rank, group := range o.groups {
		o.ranks[group] = int32(rank)
	}
	slices.SortStableFunc(o.columns, func(x, y int) int { return cmp.Compare(a.query.Values[x], a.query.Values[y]) })
	return o
}

// of returns the groups of a bucket that have a cell.
func (o *columnOrder) of(b *columnBucket) []int32 {
	o.present = o.present[:0]
	width := len(o.columns)
	there := func(group int32) bool {
		from := int(group) * width
		return from < len(b.cells) && slices.ContainsFunc(b.cells[from:from+width], func(cell *summary) bool { return cell != nil })
	}
	for group := range int32(len(b.cells) / width) {
		if there(group) {
			o.present = append(o.present, group)
		}
	}
	if len(o.present) < len(o.groups)/16 { // cheaper to sort than to look for
		slices.SortFunc(o.present, func(x, y int32) int { return cmp.Compare(o.ranks[x], o.ranks[y]) })
		return o.present
	}
	o.present = o.present[:0]
	for _, group := range o.groups {
		if there(group) {
			o.present = append(o.present, group)
		}
	}
	return o.present
}
