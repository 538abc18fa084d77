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
	gaps       filler
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
	return len(a.active) > 0 && (a.query.Interval.whole() || t.Before(a.end))
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
		if err := a.gaps.between(g.before, &b, a.yield); err != nil {
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
		if err := a.gaps.after(g.before, a.yield); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) bucket(start, end time.Time) Bucket {
	return Bucket{Group: g.key.name, Channel: g.key.channel, Metric: g.key.metric, Start: start, End: end}
}
