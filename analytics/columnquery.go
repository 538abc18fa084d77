package analytics

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// ColumnQuery asks for numbers of columns of a data store, apart for each group:
// for their statistics in each bucket of time, or for some of them.
type ColumnQuery struct {
	// ColumnScan says which. Without By, the thing is the group.
	ColumnScan
	// Interval cuts time into buckets. The zero Interval makes one bucket of
	// all, from From to To.
	Interval Interval
	// Percentiles are wanted beside the other statistics. Default none.
	Percentiles Percentiles
	// Group names the group of the values of By: it must answer the same for the
	// same values, and not keep them. Default: each combination of values is a
	// group. Rows without a value have the value "".
	Group func(values []string) string
	// Fill says what to yield for buckets in which a group has no number of a
	// column. It needs an Interval. At most [MaxFilled] buckets are added.
	Fill Fill
}

// check returns [ErrQuery].
func (q *ColumnQuery) check() error {
	switch {
	case len(q.Values) == 0 || len(q.Values) > MaxSelected:
		return fmt.Errorf("%w: %d columns of values, want 1 to %d", ErrQuery, len(q.Values), MaxSelected)
	case len(q.By) > MaxBy:
		return fmt.Errorf("%w: groups by %d columns, want at most %d", ErrQuery, len(q.By), MaxBy)
	case !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From):
		return fmt.Errorf("%w: to is before from", ErrQuery)
	}
	return checkBuckets(q.Interval, q.Fill, q.Percentiles)
}

// columnRun is a query that is running.
type columnRun struct {
	query    *ColumnQuery
	from, to int64 // Unix time; to is excluded
	groups   columnGroups
}

func newColumnRun(query *ColumnQuery) *columnRun {
	if len(query.By) == 0 {
		query.By = []string{ByThing}
	}
	r := &columnRun{query: query, from: NoTime + 1, to: math.MaxInt64, groups: newColumnGroups(query)}
	if !query.From.IsZero() {
		r.from = nanoseconds(query.From)
	}
	if !query.To.IsZero() {
		r.to = nanoseconds(query.To)
	}
	return r
}

// scan calls take with each block and the group of each of its rows. Rows out
// of bounds may be among them.
func (r *columnRun) scan(ctx context.Context, scanner ColumnScanner, id tenant.ID, take func(block *ColumnBlock, groups []int32) error) error {
	if err := checkTenant(id); err != nil {
		return err
	}
	if err := r.query.check(); err != nil {
		return err
	}
	for block, err := range scanner.ScanColumns(ctx, id, r.query.ColumnScan) {
		if err != nil {
			return err
		}
		groups, err := r.groups.of(block)
		if err != nil {
			return err
		}
		if err := take(block, groups); err != nil {
			return err
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

func (r *columnRun) order() *columnOrder {
	all := r.groups.all
	o := &columnOrder{groups: make([]int32, len(all)), columns: indices(len(r.query.Values)), ranks: make([]int32, len(all))}
	for i := range o.groups {
		o.groups[i] = int32(i)
	}
	slices.SortFunc(o.groups, func(x, y int32) int {
		return cmp.Or(slices.Compare(all[x].by, all[y].by), cmp.Compare(all[x].name, all[y].name))
	})
	for rank, group := range o.groups {
		o.ranks[group] = int32(rank)
	}
	slices.SortStableFunc(o.columns, func(x, y int) int { return cmp.Compare(r.query.Values[x], r.query.Values[y]) })
	return o
}

// ColumnPoint is a number of a column at one time.
type ColumnPoint struct {
	// Group and By are those of a [Bucket].
	Group string
	By    []string
	// Metric is the name of the column.
	Metric string
	Time   time.Time
	Value  float64
}
