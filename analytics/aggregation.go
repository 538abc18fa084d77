package analytics

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/iotenant/iotenant/device"
)

// aggregation is a running query. It gets points in order of time, so all
// groups are in the same bucket.
type aggregation struct {
	query  AggregateQuery
	groups map[groupKey]*group
	names  map[device.ID]string
	yield  func(Bucket, error) bool

	start, end time.Time // of the bucket
	active     []*group  // those with points in it
	exact      int       // values that they keep
	filled     int
	latest     struct { // saves looking up a group again
		thing           device.ID
		channel, metric string
		group           *group
	}
}

type groupKey struct{ name, channel, metric string }

func (k groupKey) compare(other groupKey) int {
	return cmp.Or(cmp.Compare(k.name, other.name), cmp.Compare(k.channel, other.channel), cmp.Compare(k.metric, other.metric))
}

type group struct {
	key     groupKey
	summary summary
	before  *Bucket // the last with points
}

// errEnded: the caller wants no more.
var errEnded = fmt.Errorf("%w: ended by the caller", ErrQuery)

func (a *aggregation) add(p *Point) error {
	if !a.within(p.Time) {
		if err := a.complete(); err != nil {
			return err
		}
		a.start, a.end = a.query.bucket(p.Time)
	}
	g, err := a.group(p)
	if err != nil {
		return err
	}
	if g.summary.count == 0 {
		a.active = append(a.active, g)
	}
	if g.summary.add(p.Value, p.Time.UnixNano()); g.summary.percentiles.exact && g.summary.wantsDistribution {
		a.exact++
	}
	if a.exact > MaxExact {
		return fmt.Errorf("%w: exact percentiles of more than %d values in a bucket", ErrLimit, MaxExact)
	}
	return nil
}

// within reports whether a time, not before the bucket, is in it.
func (a *aggregation) within(t time.Time) bool {
	return len(a.active) > 0 && (a.query.whole() || t.Before(a.end))
}

func (a *aggregation) group(p *Point) (*group, error) {
	latest := &a.latest
	if latest.group != nil && latest.metric == p.Metric && latest.thing == p.Thing && latest.channel == p.Channel {
		return latest.group, nil
	}
	key := groupKey{a.name(p.Thing), p.Channel, p.Metric}
	if a.query.MergeChannels {
		key.channel = ""
	}
	g := a.groups[key]
	if g == nil {
		if len(a.groups) == MaxGroups {
			return nil, fmt.Errorf("%w: more than %d groups at a time", ErrLimit, MaxGroups)
		}
		g = &group{key: key, summary: newSummary(a.query.Percentiles)}
		a.groups[key] = g
	}
	latest.thing, latest.channel, latest.metric, latest.group = p.Thing, p.Channel, p.Metric, g
	return g, nil
}

func (a *aggregation) name(thing device.ID) string {
	if a.query.Group == nil {
		return thing.String()
	}
	name, known := a.names[thing]
	if !known {
		if len(a.names) == MaxGroups {
			clear(a.names)
		}
		name = a.query.Group(thing)
		a.names[thing] = name
	}
	return name
}

// complete yields the bucket of all active groups.
func (a *aggregation) complete() error {
	slices.SortFunc(a.active, func(x, y *group) int { return x.key.compare(y.key) })
	for _, g := range a.active {
		b := g.bucket(a.start, a.end)
		b.Statistics = g.summary.statistics(a.query.Percentiles)
		if err := a.fillBefore(g, &b); err != nil {
			return err
		}
		if !a.yield(b, nil) {
			return errEnded
		}
		g.before, g.summary = &b, newSummary(a.query.Percentiles)
	}
	if a.query.Fill == FillNone {
		clear(a.groups)
		a.latest.group = nil
	}
	a.active, a.exact = a.active[:0], 0
	return nil
}

// finish yields what is left when there are no more points.
func (a *aggregation) finish() error {
	if err := a.complete(); err != nil {
		return err
	}
	if a.query.Fill == FillNone || a.query.To.IsZero() {
		return nil
	}
	groups := make([]*group, 0, len(a.groups))
	for _, g := range a.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(x, y *group) int { return x.key.compare(y.key) })
	for _, g := range groups {
		if err := a.fill(g, g.before.End, a.query.To, nil); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) bucket(start, end time.Time) Bucket {
	return Bucket{Group: g.key.name, Channel: g.key.channel, Metric: g.key.metric, Start: start, End: end}
}

// fillBefore fills the gap between the last bucket of a group and the next.
func (a *aggregation) fillBefore(g *group, next *Bucket) error {
	switch {
	case a.query.Fill == FillNone:
		return nil
	case g.before != nil:
		return a.fill(g, g.before.End, next.Start, next)
	case a.query.From.IsZero():
		return nil
	}
	return a.fill(g, a.query.From, next.Start, next)
}

// fill yields the buckets from the one of a time to the one that ends at or
// after another; next is nil at the end of the query.
func (a *aggregation) fill(g *group, from, to time.Time, next *Bucket) error {
	for from.Before(to) {
		if a.filled++; a.filled > MaxFilled {
			return fmt.Errorf("%w: more than %d buckets without points", ErrLimit, MaxFilled)
		}
		b := g.bucket(a.query.bucket(from))
		b.Filled = true
		b.Statistics = a.query.Fill.statistics(b.Start, g.before, next, a.query.Percentiles)
		if !a.yield(b, nil) {
			return errEnded
		}
		from = b.End
	}
	return nil
}

// Fill says what stands in for a bucket in which a group has no point, from
// Query.From, or its first point, to Query.To, or its last. Its Count and Sum
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
