package analytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// MaxCells is the number of buckets of all groups and columns that a
// [ColumnQuery] may have, without those that filling adds. Beyond it, it is
// [ErrLimit], and where groups are so many, and so few of them in each interval,
// that their table has more than 16 times as many places.
const MaxCells = 2_000_000

// What is in memory takes 256 MB of places and 32 MB of values.
const (
	maxPlaces     = 16 * MaxCells
	maxExactInAll = 4 * MaxExact
)

// AggregateColumns returns the statistics that a query asks for, reading the
// columns once and nothing else of the data store. Its buckets are those that
// [Aggregates] would make of the numbers as points, with the names of the
// columns as metrics and no channel: in order of time, then of group, then of
// column; what fills a gap comes before the bucket that ends it. Rows without a
// time are not counted, nor what is not a number.
//
// All buckets are in memory before the first is yielded, at most [MaxCells], and
// of exact percentiles the values, at most 4 times [MaxExact].
//
// It ends after the first error, which it yields with a zero Bucket. Errors:
// those of [ColumnScanner], [ErrQuery], [ErrLimit].
func AggregateColumns(ctx context.Context, scanner ColumnScanner, id tenant.ID, query ColumnQuery) iter.Seq2[Bucket, error] {
	return func(yield func(Bucket, error) bool) {
		query := query
		a := &columnAggregation{columnRun: newColumnRun(&query), buckets: map[int64]*columnBucket{}, keeps: query.Percentiles.Exact && len(query.Percentiles.Of) > 0}
		err := a.scan(ctx, scanner, id, a.add)
		if err == nil {
			err = a.finish(yield)
		}
		if err != nil && !errors.Is(err, errEnded) {
			yield(Bucket{}, err)
		}
	}
}

// columnAggregation is a running query. Rows come in any order.
type columnAggregation struct {
	*columnRun
	buckets map[int64]*columnBucket // by start
	latest  *columnBucket
	cells   int
	places  int  // of all buckets
	keeps   bool // every value, for exact percentiles
	exact   int  // how many
	spare   []summary
}

// columnBucket is a bucket of time.
type columnBucket struct {
	start, end time.Time
	from, to   int64 // the same as Unix time; to is excluded
	// cells has for each group, and in it for each column, a place.
	cells []*summary
}

func (a *columnAggregation) add(block *ColumnBlock, groups []int32) error {
	width := len(block.Values)
	for i, at := range block.Times {
		if at < a.from || at >= a.to {
			continue
		}
		b := a.latest
		if b == nil || at < b.from || at >= b.to {
			b = a.bucket(at)
		}
		place := int(groups[i]) * width
		if place >= len(b.cells) {
			more := len(a.groups.all)*width - len(b.cells)
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
			if cell.add(value, at); a.keeps {
				if a.exact++; a.exact > maxExactInAll {
					return fmt.Errorf("%w: exact percentiles of more than %d values in all buckets", ErrLimit, maxExactInAll)
				}
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

// bucket returns the bucket in which a time lies.
func (a *columnAggregation) bucket(at int64) *columnBucket {
	b := &columnBucket{start: a.query.From, end: a.query.To, from: a.from, to: a.to}
	if !a.query.Interval.whole() {
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
				if place >= len(b.cells) || b.cells[place] == nil {
					continue
				}
				cell := b.cells[place]
				of := &a.groups.all[group]
				bucket := Bucket{Group: of.name, By: of.by, Metric: a.query.Values[column], Start: b.start, End: b.end, Statistics: cell.statistics(a.query.Percentiles)}
				if gaps.fill != FillNone {
					next := bucket
					if err := gaps.between(before[place], &next, yield); err != nil {
						return err
					}
					before[place] = &next
				}
				if !yield(bucket, nil) {
					return errEnded
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

// of returns the groups of a bucket that have a cell, in order, and perhaps
// others.
func (o *columnOrder) of(b *columnBucket) []int32 {
	cells := 0
	for _, cell := range b.cells {
		if cell != nil {
			cells++
		}
	}
	if cells >= len(o.groups)/16 { // cheaper to pass over the others than to sort
		return o.groups
	}
	o.present = o.present[:0]
	for place, cell := range b.cells {
		if group := int32(place / len(o.columns)); cell != nil && (len(o.present) == 0 || o.present[len(o.present)-1] != group) {
			o.present = append(o.present, group)
		}
	}
	slices.SortFunc(o.present, func(x, y int32) int { return cmp.Compare(o.ranks[x], o.ranks[y]) })
	return o.present
}
