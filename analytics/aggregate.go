package analytics

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Limits of an aggregate query. Beyond them it is [ErrLimit].
const (
	// MaxGroups is the number of groups that have points in one bucket, or,
	// if gaps are filled, in all.
	MaxGroups = 10_000
	// MaxExact is the number of values in one bucket, of all groups, of which
	// exact percentiles are taken.
	MaxExact = 1_000_000
	// MaxFilled is the number of buckets that filling adds.
	MaxFilled = 100_000
)

// AggregateQuery asks for statistics of points, for each bucket of time and
// each group.
type AggregateQuery struct {
	// Query selects the points. Descending, Limit and Cursor must be zero.
	Query
	// Interval cuts time into buckets. The zero Interval makes one bucket of
	// all, from Query.From to Query.To.
	Interval Interval
	// Percentiles are wanted beside the other statistics. Default none.
	Percentiles Percentiles
	// Group names the group of a thing: an attribute of it, or "" to make one
	// group of all things. It must answer the same for the same thing.
	// Default: each thing is a group, by its id. Points of different metrics
	// are never in one group.
	Group func(thing device.ID) string
	// MergeChannels makes one group of all channels of a metric.
	MergeChannels bool
	// Fill says what to yield for buckets in which a group has no point. It
	// needs an Interval.
	Fill Fill
}

// Bucket is the statistics of a group in a bucket of time.
type Bucket struct {
	// Group is what the query's Group said, or a thing's id, or the values of
	// By, joined by " / ".
	Group string
	// By are the values of the columns of ColumnQuery.By, unless its Group
	// names groups. They tell groups apart, whatever is in them. Buckets of one
	// group share it.
	By []string
	// Channel is empty where channels are merged.
	Channel string
	Metric  string
	// Start is included and End excluded. They are zero where the query had
	// neither Interval nor bound.
	Start, End time.Time
	// Filled: no point was in the bucket, see [Fill].
	Filled bool
	Statistics
}

// check returns [ErrQuery] for what [Query.PlanPoints] does not look at.
func (q *AggregateQuery) check() error {
	if q.Descending || q.Limit != 0 || q.Cursor != "" {
		return fmt.Errorf("%w: order, limit or cursor in a query for aggregates", ErrQuery)
	}
	return checkBuckets(q.Interval, q.Fill, q.Percentiles)
}

// checkBuckets returns [ErrQuery] for what a query wants of its buckets.
func checkBuckets(interval Interval, fill Fill, percentiles Percentiles) error {
	switch {
	case fill > FillLinear:
		return fmt.Errorf("%w: unknown fill", ErrQuery)
	case fill != FillNone && interval.whole():
		return fmt.Errorf("%w: fill without interval", ErrQuery)
	}
	if !interval.whole() {
		if err := interval.Check(); err != nil {
			return err
		}
	}
	return percentiles.check()
}

// bucket returns the bounds of the bucket in which t lies.
func (q *AggregateQuery) bucket(t time.Time) (start, end time.Time) {
	if q.Interval.whole() {
		return q.From, q.To
	}
	return q.Interval.Bucket(t)
}

// Aggregates returns the statistics that a query asks for, reading its points
// once, in order of time. The buckets of a group come in order of time; those
// of different groups as soon as they are complete, those that are complete at
// once in the order of group, channel and metric.
//
// A bucket counts the points within the bounds of the query, also where these
// cut it. In memory are the open buckets, one for each group.
//
// It ends after the first error, which it yields with a zero Bucket. Errors:
// those of [Store].Points, [ErrQuery], [ErrLimit].
func Aggregates(ctx context.Context, store Store, id tenant.ID, query AggregateQuery) iter.Seq2[Bucket, error] {
	return func(yield func(Bucket, error) bool) {
		if err := checkTenant(id); err != nil {
			yield(Bucket{}, err)
			return
		}
		if err := query.check(); err != nil {
			yield(Bucket{}, err)
			return
		}
		a := &aggregation{query: query, groups: map[groupKey]*group{}, names: map[device.ID]string{}, yield: yield}
		a.gaps = filler{fill: query.Fill, interval: query.Interval, percentiles: query.Percentiles, from: query.From, to: query.To}
		if err := a.run(streamPoints(ctx, store, id, query.Query)); err != nil && !errors.Is(err, errEnded) {
			yield(Bucket{}, err)
		}
	}
}

func (a *aggregation) run(points iter.Seq2[Point, error]) error {
	for point, err := range points {
		if err != nil {
			return err
		}
		if err := a.add(&point); err != nil {
			return err
		}
	}
	return a.finish()
}

// pointStreamer is a [Store] that reads many points at less cost than page by
// page. The result is that of [AllPoints].
type pointStreamer interface {
	StreamPoints(ctx context.Context, id tenant.ID, query Query) iter.Seq2[Point, error]
}

// streamPoints reads all points in order of time.
func streamPoints(ctx context.Context, store Store, id tenant.ID, query Query) iter.Seq2[Point, error] {
	if streamer, ok := store.(pointStreamer); ok {
		return streamer.StreamPoints(ctx, id, query)
	}
	query.Limit = tenant.MaxLimit
	return AllPoints(ctx, store, id, query)
}
