package analytics

import (
	"fmt"
	"time"
)

// Fill says what stands in for a bucket in which a group has no point, from
// the query's From, or its first point, to its To, or its last. Its Count and Sum
// are 0. A group without any point is unknown, and has no buckets.
type Fill uint8

// The ways to fill.
const (
	// FillNone yields no bucket.
	FillNone Fill = iota
	// FillNull yields NaN.
	FillNull
	// FillPrevious yields each statistic of the bucket before. There is NaN
	// before the first point.
	FillPrevious
	// FillLinear yields what lies on the line between each statistic of the
	// buckets before and after, by their starts. There is NaN before the first
	// point and after the last.
	FillLinear
)

// statistics returns those of a bucket that starts at a time between two
// others, either of which may be nil.
func (f Fill) statistics(at time.Time, before, after *Bucket, p Percentiles) Statistics {
	none := noStatistics(p)
	switch {
	case f == FillPrevious && before != nil:
		return combine(none, &before.Statistics, &before.Statistics, func(value, _ float64) float64 { return value })
	case f == FillLinear && before != nil && after != nil:
		part := float64(at.Sub(before.Start)) / float64(after.Start.Sub(before.Start))
		return combine(none, &before.Statistics, &after.Statistics, func(from, to float64) float64 {
			return from*(1-part) + to*part
		})
	}
	return none
}

// combine makes each statistic but Count and Sum of those of two buckets.
func combine(made Statistics, a, b *Statistics, of func(a, b float64) float64) Statistics {
	made.Min, made.Max, made.Mean = of(a.Min, b.Min), of(a.Max, b.Max), of(a.Mean, b.Mean)
	made.First, made.Last = of(a.First, b.First), of(a.Last, b.Last)
	for i := range made.Percentiles {
		made.Percentiles[i] = of(a.Percentiles[i], b.Percentiles[i])
	}
	return made
}

// filler yields what stands in for the buckets without points, from From, or
// the first of a group, to To, or the last. All groups together have at most
// [MaxFilled].
type filler struct {
	fill        Fill
	interval    Interval
	percentiles Percentiles
	from, to    time.Time
	filled      int
}

// between fills the gap between the last bucket of a group, nil if there was
// none, and the next.
func (f *filler) between(before, next *Bucket, yield func(Bucket, error) bool) error {
	switch {
	case f.fill == FillNone:
		return nil
	case before != nil:
		return f.gap(before.End, next.Start, before, next, yield)
	case f.from.IsZero():
		return nil
	}
	return f.gap(f.from, next.Start, nil, next, yield)
}

// after fills what follows the last bucket of a group.
func (f *filler) after(before *Bucket, yield func(Bucket, error) bool) error {
	if f.fill == FillNone || f.to.IsZero() {
		return nil
	}
	return f.gap(before.End, f.to, before, nil, yield)
}

// gap yields the buckets from the one of a time to the one that ends at or
// after another. They lie between two others of the group, one of which may be
// nil.
func (f *filler) gap(from, to time.Time, before, next *Bucket, yield func(Bucket, error) bool) error {
	b := before
	if b == nil {
		b = next
	}
	filled := *b
	filled.Filled = true
	for from.Before(to) {
		if f.filled++; f.filled > MaxFilled {
			return fmt.Errorf("%w: more than %d buckets without points", ErrLimit, MaxFilled)
		}
		filled.Start, filled.End = f.interval.Bucket(from)
		filled.Statistics = f.fill.statistics(filled.Start, before, next, f.percentiles)
		if !yield(filled, nil) {
			return errEnded
		}
		from = filled.End
	}
	return nil
}
